/* core/files/gguf.c: reading GGUF, every count, length and offset checked before it is used.
 *
 *     "GGUF"  version u32  number of tensors u64  number of key-values u64
 *     key-values:   key string, type u32, value         a string is its length u64 and its bytes
 *                                                       an array is its element type u32, its length u64, its elements
 *     tensor infos: name string, number of dimensions u32, dimensions u64, fastest first, type u32, offset u64
 *     padding to a multiple of general.alignment (32 where not given)
 *     data: each tensor at its offset from here, offsets multiples of the alignment
 *
 * All little-endian (specification: ggml's docs/gguf.md). Memory is asked for only after a count was held against the
 * bytes that are left, so no file makes us allocate more than a small multiple of its own size. */
#include "core/files/gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

enum {
    MOST_DIMS = 4, LONGEST_KEY = 65535, DEFAULT_ALIGNMENT = 32,
    LEAST_KEY_VALUE = 8 + 1 + 4 + 1,                /* bytes of the shortest key-value, of the shortest tensor info */
    LEAST_TENSOR_INFO = 8 + 1 + 4 + 8 + 4 + 8
};

/* ---- a cursor that cannot leave the file ---- */

typedef struct cursor { const unsigned char *data; size_t n, at; const char *path; } cursor;

static size_t left(const cursor *c)
{
    return c->n - c->at;
}

static evoke_status take(cursor *c, uint64_t n, const unsigned char **out, const char *what, evoke_error *err)
{
    if (n > left(c))
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: %s of %llu bytes at byte %zu, but the file ends after %zu more "
                        "(%s)", what, (unsigned long long)n, c->at, left(c), c->path);
    *out = c->data + c->at;
    c->at += (size_t)n;
    return EVOKE_OK;
}

static evoke_status take_u32(cursor *c, uint32_t *out, const char *what, evoke_error *err)
{
    const unsigned char *p = NULL;
    EVK_TRY(take(c, sizeof *out, &p, what, err));
    memcpy(out, p, sizeof *out);
    return EVOKE_OK;
}

static evoke_status take_u64(cursor *c, uint64_t *out, const char *what, evoke_error *err)
{
    const unsigned char *p = NULL;
    EVK_TRY(take(c, sizeof *out, &p, what, err));
    memcpy(out, p, sizeof *out);
    return EVOKE_OK;
}

static evoke_status take_string(cursor *c, const char **text, size_t *n, const char *what, evoke_error *err)
{
    uint64_t length = 0;
    const unsigned char *p = NULL;
    EVK_TRY(take_u64(c, &length, what, err));
    EVK_TRY(take(c, length, &p, what, err));
    *text = (const char *)p;
    *n = (size_t)length;
    return EVOKE_OK;
}

/* A NUL-terminated copy of text that must not hold a NUL. */
static evoke_status copy_text(const cursor *c, const char *text, size_t n, const char *what, char **out,
                              evoke_error *err)
{
    if (memchr(text, '\0', n))
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: %s holds a NUL, before byte %zu (%s)", what, c->at, c->path);
    EVK_TRY(evk_alloc(out, n + 1, 1, "read GGUF", err));
    memcpy(*out, text, n);
    return EVOKE_OK;
}

/* ---- header ---- */

bool evk_is_gguf(const evk_mapped *file)
{
    return file->n >= 4 && memcmp(file->data, "GGUF", 4) == 0;
}

static evoke_status read_header(cursor *c, uint64_t *n_tensors, uint64_t *n_meta, evoke_error *err)
{
    const unsigned char *magic = NULL;
    uint32_t version = 0;
    EVK_TRY(take(c, 4, &magic, "its magic number", err));
    if (memcmp(magic, "GGUF", 4) != 0)
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: it does not begin with 'GGUF' (%s)", c->path);
    EVK_TRY(take_u32(c, &version, "its version", err));
    if (version && (version & 0xffff) == 0)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "read GGUF: it is big-endian; convert it with gguf-convert-endian (%s)",
                        c->path);
    if (version != 2 && version != 3)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "read GGUF: version %u, but only 2 and 3 are read (%s)", version,
                        c->path);
    EVK_TRY(take_u64(c, n_tensors, "its number of tensors", err));
    EVK_TRY(take_u64(c, n_meta, "its number of key-values", err));
    if (*n_meta > left(c) / LEAST_KEY_VALUE)
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: it claims %llu key-values, more than it has room for (%s)",
                        (unsigned long long)*n_meta, c->path);
    if (*n_tensors > left(c) / LEAST_TENSOR_INFO)
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: it claims %llu tensors, more than it has room for (%s)",
                        (unsigned long long)*n_tensors, c->path);
    return EVOKE_OK;
}

/* ---- key-values ---- */

static evoke_status take_type(cursor *c, const char *key, evk_meta_type *out, evoke_error *err)
{
    uint32_t type = 0;
    EVK_TRY(take_u32(c, &type, "the type of a value", err));
    if (type >= EVK_N_META)
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: '%.200s' has unknown type %u (%s)", key, type, c->path);
    *out = (evk_meta_type)type;
    return EVOKE_OK;
}

static evoke_status check_bools(const cursor *c, const evk_meta *m, evoke_error *err)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->data[i] > 1)
            return evk_fail(err, EVOKE_EFORMAT, "read GGUF: '%.200s' has a bool that is %d (%s)", m->key, m->data[i],
                            c->path);
    return EVOKE_OK;
}

static evoke_status take_strings(cursor *c, evk_meta *m, evoke_error *err)
{
    const char *text = NULL;
    size_t n = 0;
    EVK_TRY(evk_alloc(&m->starts, m->n, sizeof *m->starts, "read GGUF", err));
    for (size_t i = 0; i < m->n; i++) {
        m->starts[i] = (size_t)(c->data + c->at - m->data);
        EVK_TRY(take_string(c, &text, &n, "a string of an array", err));
    }
    return EVOKE_OK;
}

static evoke_status take_array(cursor *c, evk_meta *m, evoke_error *err)
{
    uint64_t n = 0;
    EVK_TRY(take_type(c, m->key, &m->element, err));
    if (m->element == EVK_META_ARRAY)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "read GGUF: '%.200s' is an array of arrays (%s)", m->key, c->path);
    EVK_TRY(take_u64(c, &n, "the length of an array", err));
    const size_t bytes = m->element == EVK_META_STRING ? 8 : evk_meta_type_bytes(m->element);
    if (n > left(c) / bytes)
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: '%.200s' claims %llu elements, more than there is room for (%s)",
                        m->key, (unsigned long long)n, c->path);
    m->n = (size_t)n;
    m->data = c->data + c->at;
    if (m->element == EVK_META_STRING)
        return take_strings(c, m, err);
    c->at += m->n * bytes;
    return m->element == EVK_META_BOOL ? check_bools(c, m, err) : EVOKE_OK;
}

static evoke_status take_value(cursor *c, evk_meta *m, evoke_error *err)
{
    EVK_TRY(take_type(c, m->key, &m->type, err));
    if (m->type == EVK_META_ARRAY)
        return take_array(c, m, err);
    m->element = m->type;
    m->n = 1;
    m->data = c->data + c->at;
    if (m->type == EVK_META_STRING) {
        const char *text = NULL;
        size_t n = 0;
        EVK_TRY(take_string(c, &text, &n, "a string", err));
        return copy_text(c, text, n, "a string value", &m->text, err);
    }
    EVK_TRY(take(c, evk_meta_type_bytes(m->type), &m->data, "a value", err));
    return m->type == EVK_META_BOOL ? check_bools(c, m, err) : EVOKE_OK;
}

static evoke_status take_key(cursor *c, evk_meta *m, evoke_error *err)
{
    const char *key = NULL;
    size_t n = 0;
    EVK_TRY(take_string(c, &key, &n, "a key", err));
    if (n == 0)
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: an empty key, before byte %zu (%s)", c->at, c->path);
    if (n > LONGEST_KEY)
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: a key of %zu bytes, at most %d are possible (%s)", n,
                        LONGEST_KEY, c->path);
    if (evk_utf8_check(key, n, "key", NULL) != EVOKE_OK)
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: a key that is not UTF-8, before byte %zu (%s)", c->at, c->path);
    return copy_text(c, key, n, "a key", &m->key, err);
}

static evoke_status read_metadata(cursor *c, uint64_t n, evk_meta_table *meta, evoke_error *err)
{
    EVK_TRY(evk_alloc(&meta->items, (size_t)n, sizeof *meta->items, "read GGUF", err));
    for (uint64_t i = 0; i < n; i++) {
        evk_meta *m = &meta->items[meta->n++];
        EVK_TRY(take_key(c, m, err));
        EVK_TRY(take_value(c, m, err));
    }
    return evk_meta_index(meta, c->path, err);
}

/* ---- tensors ---- */

/* ggml's names of types that can be listed but not read: of no file (Q8_1, Q8_K), given up, or too new. */
static const char *const other_types[] = {
    [4] = "Q4_2", [5] = "Q4_3", [9] = "Q8_1", [15] = "Q8_K", [31] = "Q4_0_4_4", [32] = "Q4_0_4_8", [33] = "Q4_0_8_8",
    [36] = "IQ4_NL_4_4", [37] = "IQ4_NL_4_8", [38] = "IQ4_NL_8_8", [40] = "NVFP4", [41] = "Q1_0",
};

static void name_type(evk_listed *item, uint32_t number)
{
    const size_t n = sizeof other_types / sizeof *other_types;
    item->tensor.type = evk_type_from_ggml(number);
    if (number < n && other_types[number])
        snprintf(item->type, sizeof item->type, "%s (%u)", other_types[number], number);
    else
        snprintf(item->type, sizeof item->type, "type %u", number);
}

static evoke_status take_dims(cursor *c, evk_tensor *t, evoke_error *err)
{
    uint32_t n = 0;
    EVK_TRY(take_u32(c, &n, "a number of dimensions", err));
    if (n == 0 || n > MOST_DIMS)
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: '%s' has %u dimensions, 1 to %d are possible (%s)", t->name, n,
                        MOST_DIMS, c->path);
    t->n_dim = n;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t dim = 0;
        EVK_TRY(take_u64(c, &dim, "a dimension", err));
        if (dim > SIZE_MAX)
            return evk_fail(err, EVOKE_EFORMAT, "read GGUF: a dimension of '%s' overflows (%s)", t->name, c->path);
        t->dims[n - 1 - i] = (size_t)dim;           /* the file has the fastest first */
    }
    return EVOKE_OK;
}

/* Reads one info; the offset is returned, as the data's beginning is not known yet. */
static evoke_status take_tensor(cursor *c, evk_tensor_list *tensors, uint64_t *offset, evoke_error *err)
{
    const char *name = NULL;
    size_t n_name = 0;
    uint32_t type = 0;
    EVK_TRY(take_string(c, &name, &n_name, "a tensor's name", err));
    EVK_TRY(evk_tensor_list_add(tensors, &(evk_listed){ .tensor.type = EVK_OTHER_TYPE }, name, n_name, c->path, err));
    evk_listed *item = &tensors->items[tensors->n - 1];
    EVK_TRY(take_dims(c, &item->tensor, err));
    EVK_TRY(take_u32(c, &type, "a tensor's type", err));
    name_type(item, type);
    EVK_TRY(take_u64(c, offset, "a tensor's offset", err));
    return evk_listed_shape(item, c->path, err);
}

static evoke_status find_data(const cursor *c, const evk_meta_table *meta, uint64_t *alignment, size_t *begin,
                              evoke_error *err)
{
    const evk_meta *m = evk_meta_lookup(meta, "general.alignment");
    *alignment = DEFAULT_ALIGNMENT;
    if (m && !evk_meta_scalar_u64(m, alignment))
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: general.alignment is no unsigned integer (%s)", c->path);
    if (*alignment == 0 || *alignment & (*alignment - 1))
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: general.alignment is %llu, no power of two (%s)",
                        (unsigned long long)*alignment, c->path);
    const uint64_t over = c->at & (*alignment - 1), padding = over ? *alignment - over : 0;
    *begin = padding > left(c) ? c->n : c->at + (size_t)padding;
    return EVOKE_OK;
}

/* Sets each tensor's pointer. [offset, offset + n_bytes) must lie in the data. */
static evoke_status place(evk_tensor *t, uint64_t offset, uint64_t alignment, const unsigned char *data, size_t n_data,
                          const char *path, evoke_error *err)
{
    if (offset & (alignment - 1))
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: the offset %llu of '%s' is no multiple of %llu (%s)",
                        (unsigned long long)offset, t->name, (unsigned long long)alignment, path);
    if (offset >= n_data || t->n_bytes > n_data - (size_t)offset)
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: '%s' is %zu bytes at offset %llu, but there are %zu bytes of "
                        "data; is the file truncated? (%s)", t->name, t->n_bytes, (unsigned long long)offset, n_data,
                        path);
    t->data = data + offset;
    return EVOKE_OK;
}

static int by_place(const void *a, const void *b)
{
    const evk_tensor *const *x = a, *const *y = b;
    const unsigned char *p = (*x)->data, *q = (*y)->data;
    return (p > q) - (p < q);
}

static evoke_status check_overlaps(const evk_listed *items, size_t n, const char *path, evoke_error *err)
{
    const evk_tensor **sorted = NULL;
    evoke_status st = EVOKE_OK;
    EVK_TRY(evk_alloc(&sorted, n, sizeof *sorted, "read GGUF", err));
    for (size_t i = 0; i < n; i++)
        sorted[i] = &items[i].tensor;
    qsort(sorted, n, sizeof *sorted, by_place);
    for (size_t i = 1; i < n && st == EVOKE_OK; i++) {
        const unsigned char *p = sorted[i - 1]->data, *q = sorted[i]->data;
        if (p == q || (size_t)(q - p) < sorted[i - 1]->n_bytes)
            st = evk_fail(err, EVOKE_EFORMAT, "read GGUF: the data of '%s' and '%s' overlap (%s)", sorted[i - 1]->name,
                          sorted[i]->name, path);
    }
    free(sorted);
    return st;
}

static evoke_status read_tensors(cursor *c, size_t n, const evk_meta_table *meta, evk_tensor_list *tensors,
                                 evoke_error *err)
{
    const size_t first = tensors->n;
    uint64_t *offsets = NULL, alignment = 0;
    size_t begin = 0;
    EVK_TRY(evk_tensor_list_reserve(tensors, n, err));
    evoke_status st = evk_alloc(&offsets, n, sizeof *offsets, "read GGUF", err);
    for (size_t i = 0; i < n && st == EVOKE_OK; i++)
        st = take_tensor(c, tensors, &offsets[i], err);
    if (st == EVOKE_OK)
        st = find_data(c, meta, &alignment, &begin, err);
    for (size_t i = 0; i < n && st == EVOKE_OK; i++)
        st = place(&tensors->items[first + i].tensor, offsets[i], alignment, c->data + begin, c->n - begin, c->path, err);
    free(offsets);
    if (st == EVOKE_OK && n)
        st = check_overlaps(tensors->items + first, n, c->path, err);
    for (size_t i = first; i < tensors->n; i++)
        if (tensors->items[i].tensor.type == EVK_OTHER_TYPE)
            tensors->items[i].tensor.data = NULL;
    return st;
}

/* ---- one part, and all parts ---- */

static evoke_status read_part(const evk_mapped *file, evk_meta_table *meta, evk_tensor_list *tensors, evoke_error *err)
{
    cursor c = { .data = file->data, .n = file->n, .path = file->path };
    uint64_t n_tensors = 0, n_meta = 0;
    EVK_TRY(read_header(&c, &n_tensors, &n_meta, err));
    EVK_TRY(read_metadata(&c, n_meta, meta, err));
    return read_tensors(&c, (size_t)n_tensors, meta, tensors, err);
}

/* split.count, 1 where there is none; split.no counts from 0. */
static evoke_status read_split(const evk_meta_table *meta, const char *path, uint64_t *no, uint64_t *count,
                               evoke_error *err)
{
    const evk_meta *m_no = evk_meta_lookup(meta, "split.no"), *m_count = evk_meta_lookup(meta, "split.count");
    *no = 0;
    *count = 1;
    if ((m_no && !evk_meta_scalar_u64(m_no, no)) || (m_count && !evk_meta_scalar_u64(m_count, count)))
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: split.no or split.count is no unsigned integer (%s)", path);
    if (*count == 0)
        *count = 1;
    if (*no >= *count || *count > 99999)
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: part %llu of %llu makes no sense (%s)", (unsigned long long)*no,
                        (unsigned long long)*count, path);
    return EVOKE_OK;
}

/* Reads part i of a split model, whose path differs from the first one's in the number before "-of-". */
static evoke_status read_further_part(evk_mapped_set *files, uint64_t i, uint64_t count, evk_tensor_list *tensors,
                                      evoke_error *err)
{
    const char *first = files->items[0].path;
    evk_meta_table meta = { 0 };
    char *path = NULL, ending[32];
    uint64_t no = 0, of = 0;
    const int n = snprintf(ending, sizeof ending, "-00001-of-%05llu.gguf", (unsigned long long)count);
    const size_t stem = strlen(first) - (strlen(first) > (size_t)n ? (size_t)n : 0);
    if (strcmp(first + stem, ending) != 0)
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: it is the first of %llu parts, but its name does not end in %s "
                        "(%s)", (unsigned long long)count, ending, first);
    EVK_TRY(evk_alloc(&path, strlen(first) + 1, 1, "read GGUF", err));
    snprintf(path, strlen(first) + 1, "%.*s-%05llu%s", (int)stem, first, (unsigned long long)i + 1, ending + 6);
    evoke_status st = evk_map_file(files, path, err);
    if (st == EVOKE_OK)
        st = read_part(&files->items[files->n - 1], &meta, tensors, err);
    if (st == EVOKE_OK)
        st = read_split(&meta, path, &no, &of, err);
    if (st == EVOKE_OK && (no != i || of != count))
        st = evk_fail(err, EVOKE_EFORMAT, "read GGUF: it says part %llu of %llu, but %llu of %llu is wanted (%s)",
                      (unsigned long long)no + 1, (unsigned long long)of, (unsigned long long)i + 1,
                      (unsigned long long)count, path);
    evk_meta_table_free(&meta);
    free(path);
    return st;
}

evoke_status evk_gguf_read(evk_mapped_set *files, evk_meta_table *meta, evk_tensor_list *tensors, evoke_error *err)
{
    uint64_t no = 0, count = 0, total = 0;
    EVK_TRY(read_part(&files->items[0], meta, tensors, err));
    EVK_TRY(read_split(meta, files->items[0].path, &no, &count, err));
    if (no != 0)
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: it is part %llu of %llu; open the first one (%s)",
                        (unsigned long long)no + 1, (unsigned long long)count, files->items[0].path);
    for (uint64_t i = 1; i < count; i++)
        EVK_TRY(read_further_part(files, i, count, tensors, err));
    const evk_meta *m = evk_meta_lookup(meta, "split.tensors.count");
    if (count > 1 && evk_meta_scalar_u64(m, &total) && total != tensors->n)
        return evk_fail(err, EVOKE_EFORMAT, "read GGUF: its parts hold %zu tensors, but it claims %llu (%s)", tensors->n,
                        (unsigned long long)total, files->items[0].path);
    return EVOKE_OK;
}
