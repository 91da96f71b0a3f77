/* core/files/tensor_list.h: the tensors of a model in the order of its files, and an index by name. */
#ifndef EVK_TENSOR_LIST_H
#define EVK_TENSOR_LIST_H

#include "core/tensor.h"

typedef struct evk_listed {
    evk_tensor tensor;          /* name owned by the list; data NULL where the type is EVK_OTHER_TYPE */
    char type[24];              /* what the file calls its type, where this version does not know it */
} evk_listed;

/* Zero-initialise. */
typedef struct evk_tensor_list {
    evk_listed *items;
    size_t n, capacity;
    const evk_listed **by_name; /* [n] after evk_tensor_list_index */
} evk_tensor_list;

/* Room for `more` tensors. The caller has checked that the file can hold so many. */
evoke_status evk_tensor_list_reserve(evk_tensor_list *list, size_t more, evoke_error *err);
/* Adds a tensor; its name, n_name bytes, is copied. Errors: EVOKE_EFORMAT the name is empty, too long, not UTF-8 or holds
 * control characters. */
evoke_status evk_tensor_list_add(evk_tensor_list *list, const evk_listed *item, const char *name, size_t n_name,
                                 const char *where, evoke_error *err);
/* Sorts the index. Errors: EVOKE_EFORMAT two tensors have one name. */
evoke_status evk_tensor_list_index(evk_tensor_list *list, const char *where, evoke_error *err);
const evk_tensor *evk_tensor_list_find(const evk_tensor_list *list, const char *name);
void evk_tensor_list_free(evk_tensor_list *list);

/* The shape of a tensor whose type may be unknown: then only rows and cols are filled in. */
evoke_status evk_listed_shape(evk_listed *item, const char *where, evoke_error *err);

#endif
