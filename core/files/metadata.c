/* core/files/metadata.c: GGUF's typed key-values.
 *
 * Numbers are little-endian and unaligned in the map, so each is copied out. A string is its length (8 bytes) and its
 * bytes, without a NUL. */
#include "core/files/metadata.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

enum { SHOWN = 60 };        /* bytes of a string that are rendered */

static const struct { const char *name; size_t bytes; } types[EVK_N_META] = {
    [EVK_META_U8] = { "u8", 1 },   [EVK_META_I8] = { "i8", 1 },         [EVK_META_U16] = { "u16", 2 },
    [EVK_META_I16] = { "i16", 2 }, [EVK_META_U32] = { "u32", 4 },       [EVK_META_I32] = { "i32", 4 },
    [EVK_META_F32] = { "f32", 4 }, [EVK_META_BOOL] = { "bool", 1 },     [EVK_META_STRING] = { "string", 0 },
    [EVK_META_ARRAY] = { "array", 0 }, [EVK_META_U64] = { "u64", 8 },   [EVK_META_I64] = { "i64", 8 },
    [EVK_META_F64] = { "f64", 8 },
};

size_t evk_meta_type_bytes(evk_meta_type type)
{
    return types[type].bytes;
}

/* ---- the table ---- */

static int by_key(const void *a, const void *b)
{
    const evk_meta *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

evoke_status evk_meta_index(evk_meta_table *table, const char *where, evoke_error *err)
{
    EVK_TRY(evk_alloc(&table->by_key, table->n, sizeof *table->by_key, "read GGUF metadata", err));
    for (size_t i = 0; i < table->n; i++)
        table->by_key[i] = &table->items[i];
    qsort(table->by_key, table->n, sizeof *table->by_key, by_key);
    for (size_t i = 1; i < table->n; i++)
        if (by_key(&table->by_key[i - 1], &table->by_key[i]) == 0)
            return evk_fail(err, EVOKE_EFORMAT, "read GGUF metadata: the key '%.200s' is there twice (%s)",
                            table->by_key[i]->key, where);
    return EVOKE_OK;
}

const evk_meta *evk_meta_lookup(const evk_meta_table *table, const char *key)
{
    char *name;
    memcpy(&name, &key, sizeof name);
    const evk_meta wanted = { .key = name }, *p = &wanted;
    if (table->n == 0)
        return NULL;
    const evk_meta **found = bsearch(&p, table->by_key, table->n, sizeof *table->by_key, by_key);
    return found ? *found : NULL;
}

void evk_meta_table_free(evk_meta_table *table)
{
    for (size_t i = 0; i < table->n; i++) {
        free(table->items[i].key);
        free(table->items[i].text);
        free(table->items[i].starts);
    }
    free(table->items);
    free(table->by_key);
    *table = (evk_meta_table){ 0 };
}

/* ---- values ---- */

/* The bits of an unsigned integer or a bool, or the two's complement of a signed one. false: no integer. */
static bool read_integer(evk_meta_type type, const unsigned char *p, uint64_t *bits, bool *negative)
{
    uint8_t b1; uint16_t b2; uint32_t b4; uint64_t b8;
    switch (types[type].bytes) {
    case 1: memcpy(&b1, p, 1); *bits = type == EVK_META_I8 ? (uint64_t)(int8_t)b1 : b1; break;
    case 2: memcpy(&b2, p, 2); *bits = type == EVK_META_I16 ? (uint64_t)(int16_t)b2 : b2; break;
    case 4: memcpy(&b4, p, 4); *bits = type == EVK_META_I32 ? (uint64_t)(int32_t)b4 : b4; break;
    case 8: memcpy(&b8, p, 8); *bits = b8; break;
    default: return false;
    }
    const bool is_signed = type == EVK_META_I8 || type == EVK_META_I16 || type == EVK_META_I32 || type == EVK_META_I64;
    *negative = is_signed && *bits >> 63;
    return type != EVK_META_F32 && type != EVK_META_F64;
}

bool evk_meta_element_u64(const evk_meta *m, size_t i, uint64_t *out)
{
    uint64_t bits = 0;
    bool negative = false;
    if (i >= m->n || !read_integer(m->element, m->data + i * types[m->element].bytes, &bits, &negative) || negative)
        return false;
    *out = bits;
    return true;
}

bool evk_meta_element_f64(const evk_meta *m, size_t i, double *out)
{
    if (i >= m->n || m->element == EVK_META_BOOL)
        return false;
    const unsigned char *p = m->data + i * types[m->element].bytes;
    uint64_t bits = 0;
    bool negative = false;
    if (m->element == EVK_META_F32) {
        float f;
        memcpy(&f, p, sizeof f);
        *out = (double)f;
    } else if (m->element == EVK_META_F64) {
        memcpy(out, p, sizeof *out);
    } else if (read_integer(m->element, p, &bits, &negative)) {
        *out = negative ? (double)(int64_t)bits : (double)bits;
    } else {
        return false;
    }
    return true;
}

bool evk_meta_element_string(const evk_meta *m, size_t i, const char **text, size_t *n_bytes)
{
    if (m->element != EVK_META_STRING || i >= m->n)
        return false;
    const unsigned char *p = m->data + (m->starts ? m->starts[i] : 0);
    uint64_t n;
    memcpy(&n, p, sizeof n);
    *text = (const char *)p + sizeof n;
    *n_bytes = (size_t)n;
    return true;
}

bool evk_meta_scalar_u64(const evk_meta *m, uint64_t *out)
{
    return m && m->type != EVK_META_ARRAY && evk_meta_element_u64(m, 0, out);
}

/* ---- rendering ---- */

static evoke_status add_escaped(evk_buffer *b, const char *text, size_t n, evoke_error *err)
{
    for (size_t i = 0; i < n;) {
        int32_t code = 0;
        const size_t length = evk_utf8_next(text + i, n - i, &code);
        const bool shown = length > 0 && code >= 0x20 && code != 0x7f && !(code >= 0x80 && code < 0xa0) && code != '"'
                           && code != '\\' && code != 0x2028 && code != 0x2029;
        if (shown)
            EVK_TRY(evk_buffer_add(b, text + i, length, err));
        else if (text[i] == '\n')
            EVK_TRY(evk_buffer_add(b, "\\n", 2, err));
        else if (text[i] == '"' || text[i] == '\\')
            EVK_TRY(evk_buffer_format(b, err, "\\%c", text[i]));
        else
            EVK_TRY(evk_buffer_format(b, err, "\\x%02x", (unsigned)(unsigned char)text[i]));
        i += shown ? length : 1;
    }
    return EVOKE_OK;
}

evoke_status evk_render_string(const char *text, size_t n, evoke_text *out, evoke_error *err)
{
    evk_buffer b = { 0 };
    size_t shown = n < SHOWN ? n : SHOWN;
    while (shown < n && shown > SHOWN - 3 && ((unsigned char)text[shown] & 0xc0) == 0x80)
        shown--;                                    /* not inside of a character */
    evoke_status st = evk_buffer_add(&b, "\"", 1, err);
    if (st == EVOKE_OK)
        st = add_escaped(&b, text, shown, err);
    if (st == EVOKE_OK)
        st = shown < n ? evk_buffer_format(&b, err, "\"... %zu bytes", n) : evk_buffer_add(&b, "\"", 1, err);
    if (st == EVOKE_OK)
        st = evk_buffer_take(&b, out, err);
    evk_buffer_free(&b);
    return st;
}

static evoke_status render_scalar(const evk_meta *m, evk_buffer *b, evoke_error *err)
{
    uint64_t bits = 0;
    bool negative = false;
    double real = 0;
    if (m->type == EVK_META_BOOL)
        return evk_buffer_format(b, err, "bool %s", m->data[0] ? "true" : "false");
    if (m->type == EVK_META_F32 || m->type == EVK_META_F64) {
        evk_meta_element_f64(m, 0, &real);
        return evk_buffer_format(b, err, "%s %.*g", types[m->type].name, m->type == EVK_META_F32 ? 7 : 15, real);
    }
    read_integer(m->type, m->data, &bits, &negative);
    return negative ? evk_buffer_format(b, err, "%s %lld", types[m->type].name, (long long)bits)
                    : evk_buffer_format(b, err, "%s %llu", types[m->type].name, (unsigned long long)bits);
}

evoke_status evk_meta_render(const evk_meta *m, evoke_text *out, evoke_error *err)
{
    evk_buffer b = { 0 };
    evoke_text quoted = { 0 };
    evoke_status st;
    if (m->type == EVK_META_ARRAY) {
        st = evk_buffer_format(&b, err, "%s[%zu]", types[m->element].name, m->n);
    } else if (m->type == EVK_META_STRING) {
        st = evk_render_string(m->text, strlen(m->text), &quoted, err);
        if (st == EVOKE_OK)
            st = evk_buffer_format(&b, err, "string %s", quoted.data);
    } else {
        st = render_scalar(m, &b, err);
    }
    if (st == EVOKE_OK)
        st = evk_buffer_take(&b, out, err);
    evoke_text_free(&quoted);
    evk_buffer_free(&b);
    return st;
}
