/* layers/tokenizers/normal_forms.c: Unicode's normal forms (UAX 15), cluster by cluster.
 *
 * No canonical composite and no reordering of marks crosses the boundary of a grapheme cluster (UAX 29), so that the
 * parts give the same as the whole, and each part knows where it is from. Within a cluster: decompose each character
 * (utf8proc), put runs of marks into the order of their combining classes (stable, by counting, so that a million marks
 * are no trouble), compose. */
#include "layers/tokenizers/normalize.h"

#include <string.h>

#include <utf8proc.h>

static bool is_ascii(const char *text, size_t n)
{
    unsigned char any = 0;
    for (size_t i = 0; i < n; i++)
        any |= (unsigned char)text[i];
    return any < 0x80;
}

/* Stable sort of a run of marks by combining class. */
static void sort_run(int32_t *code, const uint8_t *class, int32_t *sorted, size_t n)
{
    size_t at[257] = {0};
    for (size_t i = 0; i < n; i++)
        at[class[i] + 1]++;
    for (size_t k = 0; k < 256; k++)
        at[k + 1] += at[k];
    for (size_t i = 0; i < n; i++)
        sorted[at[class[i]]++] = code[i];
    memcpy(code, sorted, n * sizeof *code);
}

static void order_marks(evk_normalize_scratch *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s->class[i] = (uint8_t)utf8proc_get_property(s->code[i])->combining_class;
    for (size_t i = 0, end = 0; i < n; i = end) {
        bool sorted = true;
        for (end = i + 1; s->class[i] != 0 && end < n && s->class[end] != 0; end++)
            sorted &= s->class[end - 1] <= s->class[end];
        if (!sorted)
            sort_run(s->code + i, s->class + i, s->sorted, end - i);
    }
}

/* The characters of a cluster, each decomposed: s->code [*n]. */
static evoke_status decompose(const char *text, size_t n_bytes, bool compatible, evk_normalize_scratch *s, size_t *n,
                              evoke_error *err)
{
    enum { MOST = 32 };                                 /* the longest decomposition has 18 characters */
    const utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | (compatible ? UTF8PROC_COMPAT : 0);
    *n = 0;
    for (size_t i = 0, length = 0; i < n_bytes; i += length) {
        int32_t code = 0;
        length = evk_utf8_next(text + i, n_bytes - i, &code);
        EVK_TRY(evk_grow(&s->code, &s->code_capacity, *n + MOST, sizeof *s->code, err));
        const utf8proc_ssize_t got = length ? utf8proc_decompose_char(code, s->code + *n, MOST, options, NULL) : -1;
        if (got < 0 || got > MOST)
            return evk_fail(err, EVOKE_EDATA, "normalize: a character that cannot be decomposed");
        *n += (size_t)got;
    }
    return EVOKE_OK;
}

static evoke_status put_cluster(const evk_passage *in, size_t begin, size_t end, evk_normal_form form,
                                evk_normalize_scratch *s, evk_passage *out, evoke_error *err)
{
    const bool compatible = form == EVK_NFKC || form == EVK_NFKD, compose = form == EVK_NFC || form == EVK_NFKC;
    size_t n = 0;
    EVK_TRY(decompose(in->text + begin, end - begin, compatible, s, &n, err));
    EVK_TRY(evk_grow(&s->class, &s->class_capacity, n, 1, err));
    EVK_TRY(evk_grow(&s->sorted, &s->sorted_capacity, n, sizeof *s->sorted, err));
    order_marks(s, n);
    if (compose) {
        const utf8proc_ssize_t left = utf8proc_normalize_utf32(s->code, (utf8proc_ssize_t)n,
                                                               UTF8PROC_STABLE | UTF8PROC_COMPOSE);
        if (left < 0)
            return evk_fail(err, EVOKE_EDATA, "normalize: %s", utf8proc_errmsg(left));
        n = (size_t)left;
    }
    const size_t before = out->n;
    for (size_t i = 0; i < n; i++) {
        char text[4];
        EVK_TRY(evk_passage_put(out, text, evk_utf8_put(s->code[i], text), evk_passage_from(in, begin), err));
    }
    if (out->n - before == end - begin && memcmp(out->text + before, in->text + begin, end - begin) == 0)
        for (size_t i = begin; i < end; i++)            /* nothing has changed: each byte where it was */
            out->own_from[before + i - begin] = evk_passage_from(in, i);
    return EVOKE_OK;
}

/* The end of the grapheme cluster that begins at byte `begin`. */
size_t evk_cluster_end(const char *text, size_t n, size_t begin)
{
    int32_t last = 0, code = 0, state = 0;
    size_t i = begin + evk_utf8_next(text + begin, n - begin, &last);
    while (i < n) {
        const size_t length = evk_utf8_next(text + i, n - i, &code);
        if (length == 0 || utf8proc_grapheme_break_stateful(last, code, &state))
            break;
        last = code;
        i += length;
    }
    return i > begin ? i : begin + 1;
}

evoke_status evk_put_normal_form(const evk_passage *in, evk_normal_form form, evk_normalize_scratch *s, evk_passage *out,
                                 evoke_error *err)
{
    for (size_t begin = 0, end = 0; begin < in->n; begin = end) {
        end = evk_cluster_end(in->text, in->n, begin);
        if (is_ascii(in->text + begin, end - begin))
            EVK_TRY(evk_passage_copy(out, in, begin, end, err));
        else
            EVK_TRY(put_cluster(in, begin, end, form, s, out, err));
    }
    return EVOKE_OK;
}
