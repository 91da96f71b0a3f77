#include "core/files/tensor_list.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"

enum { LONGEST_NAME = 512 };

evoke_status evk_tensor_list_reserve(evk_tensor_list *list, size_t more, evoke_error *err)
{
    size_t n = 0, bytes = 0;
    evk_listed *items = NULL;
    if (evk_sum(list->n, more, &n) && n <= list->capacity)
        return EVOKE_OK;
    if (n && evk_mul(n, sizeof *items, &bytes))
        items = realloc(list->items, bytes);
    if (!items)
        return evk_fail(err, EVOKE_ENOMEM, "list tensors: no memory for %zu more", more);
    list->items = items;
    list->capacity = n;
    return EVOKE_OK;
}

static evoke_status copy_name(const char *name, size_t n, const char *where, char **out, evoke_error *err)
{
    if (n == 0)
        return evk_fail(err, EVOKE_EFORMAT, "list tensors: a tensor without a name (%s)", where);
    if (n > LONGEST_NAME)
        return evk_fail(err, EVOKE_EFORMAT, "list tensors: a name of %zu bytes, at most %d are possible (%s)", n,
                        LONGEST_NAME, where);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return evk_fail(err, EVOKE_EFORMAT, "list tensors: a name holds a control character (%s)", where);
    if (evk_utf8_check(name, n, "tensor name", NULL) != EVOKE_OK)
        return evk_fail(err, EVOKE_EFORMAT, "list tensors: a name is not UTF-8 (%s)", where);
    EVK_TRY(evk_alloc(out, n + 1, 1, "list tensors", err));
    memcpy(*out, name, n);
    return EVOKE_OK;
}

evoke_status evk_tensor_list_add(evk_tensor_list *list, const evk_listed *item, const char *name, size_t n_name,
                                 const char *where, evoke_error *err)
{
    char *copy = NULL;
    EVK_TRY(copy_name(name, n_name, where, &copy, err));
    const evoke_status st = evk_tensor_list_reserve(list, 1, err);
    if (st != EVOKE_OK) {
        free(copy);
        return st;
    }
    list->items[list->n] = *item;
    list->items[list->n++].tensor.name = copy;
    return EVOKE_OK;
}

static int by_name(const void *a, const void *b)
{
    const evk_listed *const *x = a, *const *y = b;
    return strcmp((*x)->tensor.name, (*y)->tensor.name);
}

evoke_status evk_tensor_list_index(evk_tensor_list *list, const char *where, evoke_error *err)
{
    EVK_TRY(evk_alloc(&list->by_name, list->n, sizeof *list->by_name, "list tensors", err));
    for (size_t i = 0; i < list->n; i++)
        list->by_name[i] = &list->items[i];
    qsort(list->by_name, list->n, sizeof *list->by_name, by_name);
    for (size_t i = 1; i < list->n; i++)
        if (by_name(&list->by_name[i - 1], &list->by_name[i]) == 0)
            return evk_fail(err, EVOKE_EFORMAT, "list tensors: there are two named '%s' (%s)",
                            list->by_name[i]->tensor.name, where);
    return EVOKE_OK;
}

const evk_tensor *evk_tensor_list_find(const evk_tensor_list *list, const char *name)
{
    const evk_listed wanted = { .tensor.name = name }, *key = &wanted;
    if (list->n == 0)
        return NULL;
    const evk_listed **found = bsearch(&key, list->by_name, list->n, sizeof *list->by_name, by_name);
    return found ? &(*found)->tensor : NULL;
}

void evk_tensor_list_free(evk_tensor_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free((char *)list->items[i].tensor.name);
    free(list->items);
    free(list->by_name);
    *list = (evk_tensor_list){ 0 };
}

evoke_status evk_listed_shape(evk_listed *item, const char *where, evoke_error *err)
{
    if (item->tensor.type != EVK_OTHER_TYPE)
        return evk_tensor_shape(&item->tensor, where, err);
    evk_tensor counted = item->tensor;
    counted.type = EVK_I8;              /* a byte a value: what is counted are values */
    EVK_TRY(evk_tensor_shape(&counted, where, err));
    item->tensor.rows = counted.rows;
    item->tensor.cols = counted.cols;
    return EVOKE_OK;
}
