/* core/files/safetensors.c: reading safetensors.
 *
 *     length of the header u64, little-endian
 *     header: JSON, { NAME: { "dtype": "F32", "shape": [2, 3], "data_offsets": [BEGIN, END] }, ...,
 *                     "__metadata__": { KEY: STRING, ... } }
 *     data: the tensors, BEGIN and END counted from here, without gaps or overlaps, to the end of the file
 *
 * As the format's own library does (huggingface/safetensors), a file is refused whole where any of it is inconsistent. */
#include "core/files/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"

static const uint64_t LONGEST_HEADER = 100 * 1000 * 1000;
static const size_t MOST_VALUES = 1000 * 1000;          /* some eight of them a tensor */

/* bytes 0: a size that is not known here, or that is no whole number of bytes */
static const struct { const char *name; evk_type type; size_t bytes; } dtypes[] = {
    { "F32", EVK_F32, 4 }, { "F16", EVK_F16, 2 }, { "BF16", EVK_BF16, 2 }, { "F64", EVK_F64, 8 },
    { "I64", EVK_I64, 8 }, { "I32", EVK_I32, 4 }, { "I16", EVK_I16, 2 },   { "I8", EVK_I8, 1 },
    { "U8", EVK_OTHER_TYPE, 1 },  { "BOOL", EVK_OTHER_TYPE, 1 }, { "U16", EVK_OTHER_TYPE, 2 },
    { "U32", EVK_OTHER_TYPE, 4 }, { "U64", EVK_OTHER_TYPE, 8 },  { "C64", EVK_OTHER_TYPE, 8 },
    { "F8_E4M3", EVK_OTHER_TYPE, 1 }, { "F8_E5M2", EVK_OTHER_TYPE, 1 }, { "F8_E8M0", EVK_OTHER_TYPE, 1 },
};

/* The data of one file, as the header's entries see it. */
typedef struct region { const unsigned char *data; size_t n; const char *path; } region;

static evoke_status bad(const region *r, const char *name, const char *why, evoke_error *err)
{
    return evk_fail(err, EVOKE_EFORMAT, "read safetensors: '%.200s' %s (%s)", name, why, r->path);
}

static evoke_status parse_header(const evk_mapped *file, json_t **header, region *r, evoke_error *err)
{
    uint64_t n = 0;
    json_error_t why;
    if (file->n < sizeof n)
        return evk_fail(err, EVOKE_EFORMAT, "read safetensors: a file of %zu bytes has no header (%s)", file->n,
                        file->path);
    memcpy(&n, file->data, sizeof n);
    if (n > file->n - sizeof n)
        return evk_fail(err, EVOKE_EFORMAT, "read safetensors: its header is %llu bytes, but only %zu follow; is the file "
                        "truncated? (%s)", (unsigned long long)n, file->n - sizeof n, file->path);
    if (n > LONGEST_HEADER)
        return evk_fail(err, EVOKE_EFORMAT, "read safetensors: its header is %llu bytes, at most %llu are possible (%s)",
                        (unsigned long long)n, (unsigned long long)LONGEST_HEADER, file->path);
    const char *text = (const char *)file->data + sizeof n;
    if (evk_json_holds_more(text, (size_t)n, MOST_VALUES))
        return evk_fail(err, EVOKE_EFORMAT, "read safetensors: its header of %llu bytes holds more than %zu values (%s)",
                        (unsigned long long)n, MOST_VALUES, file->path);
    *header = n && text[0] == '{' ? json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, &why) : NULL;
    if (!*header && n && text[0] == '{')
        return evk_fail(err, EVOKE_EFORMAT, "read safetensors: its header is not valid JSON: %s at byte %d (%s)",
                        why.text, why.position, file->path);
    if (!*header)
        return evk_fail(err, EVOKE_EFORMAT, "read safetensors: its header is not a JSON object (%s)", file->path);
    *r = (region){ .data = file->data + sizeof n + n, .n = file->n - sizeof n - (size_t)n, .path = file->path };
    return EVOKE_OK;
}

static evoke_status check_metadata(const region *r, json_t *metadata, evoke_error *err)
{
    const char *key;
    json_t *value;
    if (!json_is_object(metadata))
        return bad(r, "__metadata__", "is not an object", err);
    json_object_foreach(metadata, key, value)
        if (!json_is_string(value))
            return bad(r, "__metadata__", "holds something other than strings", err);
    return EVOKE_OK;
}

/* An integer in 0..INT64_MAX. */
static bool natural(const json_t *value, size_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (size_t)json_integer_value(value);
    return true;
}

static evoke_status read_shape(const region *r, const char *name, const json_t *shape, evk_tensor *t, evoke_error *err)
{
    if (!json_is_array(shape))
        return bad(r, name, "has no shape", err);
    if (json_array_size(shape) > EVK_MAX_DIM)
        return bad(r, name, "has more dimensions than this version reads", err);
    t->n_dim = json_array_size(shape);
    for (size_t i = 0; i < t->n_dim; i++)
        if (!natural(json_array_get(shape, i), &t->dims[i]))
            return bad(r, name, "has a shape that is not of whole numbers", err);
    return EVOKE_OK;
}

static evoke_status read_dtype(const region *r, const char *name, const json_t *dtype, evk_listed *item,
                               size_t *bytes, evoke_error *err)
{
    const char *text = json_string_value(dtype);
    if (!text)
        return bad(r, name, "has no dtype", err);
    snprintf(item->type, sizeof item->type, "%s", text);
    item->tensor.type = EVK_OTHER_TYPE;
    *bytes = 0;
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
        if (strcmp(dtypes[i].name, text) == 0) {
            item->tensor.type = dtypes[i].type;
            *bytes = dtypes[i].bytes;
        }
    return EVOKE_OK;
}

static evoke_status add_tensor(const region *r, const char *name, const json_t *entry, evk_tensor_list *tensors,
                               evoke_error *err)
{
    evk_listed item = { 0 };
    evk_tensor *t = &item.tensor;
    size_t begin = 0, end = 0, bytes = 0, want = 0;
    if (!json_is_object(entry))
        return bad(r, name, "is not described by an object", err);
    t->name = name;
    EVK_TRY(read_dtype(r, name, json_object_get(entry, "dtype"), &item, &bytes, err));
    EVK_TRY(read_shape(r, name, json_object_get(entry, "shape"), t, err));
    EVK_TRY(evk_listed_shape(&item, r->path, err));
    const json_t *offsets = json_object_get(entry, "data_offsets");
    if (json_array_size(offsets) != 2 || !natural(json_array_get(offsets, 0), &begin)
        || !natural(json_array_get(offsets, 1), &end))
        return bad(r, name, "has no two data_offsets", err);
    if (begin > end || end > r->n)
        return bad(r, name, "has data_offsets beyond the end of the file; is it truncated?", err);
    if (bytes && (!evk_mul(t->rows, t->cols, &want) || !evk_mul(want, bytes, &want) || want != end - begin))
        return bad(r, name, "has data_offsets that do not fit its shape and dtype", err);
    t->n_bytes = end - begin;
    t->data = r->data + begin;
    return evk_tensor_list_add(tensors, &item, name, strlen(name), r->path, err);
}

static int by_place(const void *a, const void *b)
{
    const evk_tensor *const *x = a, *const *y = b;
    const unsigned char *p = (*x)->data, *q = (*y)->data;
    return p != q ? (p > q) - (p < q) : ((*x)->n_bytes > (*y)->n_bytes) - ((*x)->n_bytes < (*y)->n_bytes);
}

/* The tensors, put in order, must cover the data exactly. */
static evoke_status check_cover(const region *r, const evk_listed *items, size_t n, evoke_error *err)
{
    const evk_tensor **sorted = NULL;
    const unsigned char *at = r->data;
    evoke_status st = EVOKE_OK;
    EVK_TRY(evk_alloc(&sorted, n, sizeof *sorted, "read safetensors", err));
    for (size_t i = 0; i < n; i++)
        sorted[i] = &items[i].tensor;
    qsort(sorted, n, sizeof *sorted, by_place);
    for (size_t i = 0; i < n && st == EVOKE_OK; i++) {
        const unsigned char *begin = sorted[i]->data;
        if (begin != at)
            st = bad(r, sorted[i]->name, begin < at ? "overlaps another tensor's data" : "leaves a gap before its data",
                     err);
        at = begin + sorted[i]->n_bytes;
    }
    free(sorted);
    if (st == EVOKE_OK && at != r->data + r->n)
        st = evk_fail(err, EVOKE_EFORMAT, "read safetensors: %zu bytes at its end belong to no tensor (%s)",
                      (size_t)(r->data + r->n - at), r->path);
    return st;
}

evoke_status evk_safetensors_read(const evk_mapped *file, evk_tensor_list *tensors, evoke_error *err)
{
    json_t *header = NULL, *entry;
    region r = { 0 };
    const char *name;
    const size_t first = tensors->n;
    EVK_TRY(parse_header(file, &header, &r, err));
    evoke_status st = evk_tensor_list_reserve(tensors, json_object_size(header), err);
    json_object_foreach(header, name, entry) {
        if (st != EVOKE_OK)
            break;
        st = strcmp(name, "__metadata__") == 0 ? check_metadata(&r, entry, err) : add_tensor(&r, name, entry, tensors, err);
    }
    if (st == EVOKE_OK)
        st = check_cover(&r, tensors->items + first, tensors->n - first, err);
    for (size_t i = first; i < tensors->n; i++)
        if (tensors->items[i].tensor.type == EVK_OTHER_TYPE)
            tensors->items[i].tensor.data = NULL;
    json_decref(header);
    return st;
}

evoke_status evk_safetensors_metadata(const evk_mapped *file, json_t **out, evoke_error *err)
{
    json_t *header = NULL;
    region r = { 0 };
    *out = NULL;
    EVK_TRY(parse_header(file, &header, &r, err));
    *out = json_incref(json_object_get(header, "__metadata__"));
    json_decref(header);
    return EVOKE_OK;
}
