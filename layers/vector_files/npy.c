/* layers/vector_files/npy.c: NumPy's format (numpy/lib/format.py):
 *
 *     "\x93NUMPY"  version u8 u8  length of the header u16, from version 2 on u32
 *     header: {'descr': '<f4', 'fortran_order': False, 'shape': (5, 30, 576), } and blanks, a text of Python's
 *     data: values one after the other, the last axis fastest */
#include "layers/vector_files/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

/* The header's text after 'KEY': and blanks; NULL: there is none. */
static const char *value_of(const char *header, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s':", key);
    const char *at = strstr(header, quoted);
    if (!at)
        return NULL;
    at += strlen(quoted);
    return at + strspn(at, " ");
}

/* "(5, 30, 576)", "(5,)", "()" */
static bool read_shape(const char *at, evk_npy *out)
{
    if (!at || *at++ != '(')
        return false;
    out->n = 1;
    for (out->n_dim = 0; *at != ')';) {
        char *end = NULL;
        if (*at < '0' || *at > '9' || out->n_dim == EVK_MAX_DIM || strspn(at, "0123456789") > 18)
            return false;
        out->dims[out->n_dim] = (size_t)strtoull(at, &end, 10);
        if (!evk_mul(out->n, out->dims[out->n_dim++], &out->n))
            return false;
        at = end + strspn(end, " ,");
    }
    return true;
}

/* "'<f4'": byte order, kind, bytes (characters of 4 for U). */
static bool read_descr(const char *at, evk_npy *out)
{
    const size_t n = at && *at == '\'' ? strcspn(at + 1, "'") : 0;
    if (n < 3 || n >= sizeof out->descr || strspn(at + 3, "0123456789") != n - 2 || n > 9)
        return false;
    snprintf(out->descr, sizeof out->descr, "%.*s", (int)n, at + 1);
    out->item = (size_t)strtoul(out->descr + 2, NULL, 10) * (out->descr[1] == 'U' ? 4 : 1);
    return (out->descr[0] == '<' || out->descr[0] == '|') && strchr("fiuUb", out->descr[1]) && out->item > 0;
}

/* The header as a text, the caller's; *begin: where the data begins. */
static evoke_status take_header(const evoke_text *bytes, const char *name, const char *path, char **out, size_t *begin,
                                evoke_error *err)
{
    const unsigned char *p = (const unsigned char *)bytes->data;
    if (bytes->n < 12 || memcmp(p, "\x93NUMPY", 6) != 0 || p[6] < 1 || p[6] > 3)
        return evk_fail(err, EVOKE_EFORMAT, "read NumPy array: '%.80s' is none (%s)", name, path);
    const size_t at = p[6] == 1 ? 10 : 12;
    const size_t n = p[8] | (size_t)p[9] << 8 | (p[6] == 1 ? 0 : (size_t)p[10] << 16 | (size_t)p[11] << 24);
    if (n > bytes->n - at)
        return evk_fail(err, EVOKE_EFORMAT, "read NumPy array: '%.80s' ends within its header (%s)", name, path);
    EVK_TRY(evk_alloc(out, n + 1, 1, "read NumPy array", err));
    memcpy(*out, p + at, n);
    *begin = at + n;
    return EVOKE_OK;
}

evoke_status evk_npy_read(const evoke_text *bytes, const char *name, const char *path, evk_npy *out, evoke_error *err)
{
    char *header = NULL;
    size_t begin = 0, want = 0;
    *out = (evk_npy){ 0 };
    EVK_TRY(take_header(bytes, name, path, &header, &begin, err));
    const char *order = value_of(header, "fortran_order");
    const bool shaped = read_shape(value_of(header, "shape"), out), typed = read_descr(value_of(header, "descr"), out);
    const bool straight = order && (strncmp(order, "False", 5) == 0 || out->n_dim < 2);
    free(header);
    if (!shaped || !typed || !straight)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "read NumPy array: '%.80s' is not of little-endian numbers or texts in C "
                        "order (%s)", name, path);
    if (!evk_mul(out->n, out->item, &want) || want > bytes->n - begin)
        return evk_fail(err, EVOKE_EFORMAT, "read NumPy array: '%.80s' ends before its %zu values (%s)", name, out->n, path);
    out->data = bytes->data + begin;
    return EVOKE_OK;
}

evk_type evk_npy_float(const evk_npy *a)
{
    if (a->descr[1] != 'f')
        return EVK_OTHER_TYPE;
    return a->item == 4 ? EVK_F32 : a->item == 2 ? EVK_F16 : a->item == 8 ? EVK_F64 : EVK_OTHER_TYPE;
}

bool evk_npy_integer(const evk_npy *a, size_t i, int64_t *out)
{
    int32_t narrow = 0;
    if (a->descr[1] != 'i' || (a->item != 4 && a->item != 8) || i >= a->n)
        return false;
    if (a->item == 8) {
        memcpy(out, a->data + i * 8, 8);
    } else {
        memcpy(&narrow, a->data + i * 4, 4);
        *out = narrow;
    }
    return true;
}

evoke_status evk_npy_text(const evk_npy *a, size_t i, const char *path, char **out, evoke_error *err)
{
    size_t n = 0;
    if (a->descr[1] != 'U' || i >= a->n)
        return evk_fail(err, EVOKE_EFORMAT, "read NumPy array: texts are wanted, not %s (%s)", a->descr, path);
    EVK_TRY(evk_alloc(out, a->item + 1, 1, "read NumPy array", err));
    for (size_t k = 0; k < a->item / 4; k++) {
        uint32_t code = 0;
        memcpy(&code, a->data + i * a->item + 4 * k, 4);
        if (code == 0)
            break;
        if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return evk_fail(err, EVOKE_EFORMAT, "read NumPy array: a text holds no character (%s)", path);
        n += evk_utf8_put((int32_t)code, *out + n);
    }
    return EVOKE_OK;
}

/* ---- writing ---- */

evoke_status evk_npy_put(const char *descr, size_t n_dim, const size_t *dims, const void *data, size_t n_bytes, evk_buffer *out,
                         evoke_error *err)
{
    enum { PREAMBLE = 10, ALIGN = 64 };
    evk_buffer header = { 0 };
    evoke_status st = evk_buffer_format(&header, err, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (size_t i = 0; i < n_dim && st == EVOKE_OK; i++)
        st = evk_buffer_format(&header, err, "%s%zu%s", i ? ", " : "", dims[i], n_dim == 1 ? "," : "");
    if (st == EVOKE_OK)
        st = evk_buffer_format(&header, err, "), }");
    const size_t padding = ALIGN - (PREAMBLE + header.n + 1) % ALIGN, n = header.n + padding + 1;
    const unsigned char preamble[PREAMBLE] = { 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)(n & 255),
                                               (unsigned char)(n >> 8) };
    if (st == EVOKE_OK)
        st = evk_buffer_add(out, preamble, sizeof preamble, err);
    if (st == EVOKE_OK)
        st = evk_buffer_format(out, err, "%s%*s\n", header.data, (int)padding, "");
    if (st == EVOKE_OK)
        st = evk_buffer_add(out, data, n_bytes, err);
    evk_buffer_free(&header);
    return st;
}

/* The characters of a text to codes; returns how many. */
static size_t decode(const char *text, uint32_t *codes)
{
    size_t n = 0;
    for (size_t left = strlen(text), step; left > 0; left -= step, text += step) {
        int32_t code = 0xfffd;
        step = evk_utf8_next(text, left, &code);
        if (step == 0)
            step = 1;
        if (codes)
            codes[n] = (uint32_t)code;
        n++;
    }
    return n;
}

evoke_status evk_npy_put_texts(const char *const *texts, size_t n_dim, size_t n, evk_buffer *out, evoke_error *err)
{
    size_t longest = 1;
    char descr[16];
    uint32_t *codes = NULL;
    for (size_t i = 0; i < n; i++) {
        const size_t length = decode(texts[i], NULL);
        longest = length > longest ? length : longest;
    }
    if (longest > 9999)
        return evk_fail(err, EVOKE_EDATA, "write NumPy array: a text of %zu characters", longest);
    snprintf(descr, sizeof descr, "<U%zu", longest);
    EVK_TRY(evk_alloc(&codes, n * longest, sizeof *codes, "write NumPy array", err));
    for (size_t i = 0; i < n; i++)
        decode(texts[i], codes + i * longest);
    const evoke_status st = evk_npy_put(descr, n_dim, &n, codes, n * longest * sizeof *codes, out, err);
    free(codes);
    return st;
}
