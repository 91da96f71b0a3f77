/* layers/tokenizers/normalize.c: what a tokenizer does to a text before it looks for words.
 *
 * Unicode's normal forms (UAX 15) are taken cluster by cluster: no canonical composite and no reordering of marks
 * crosses the boundary of a grapheme cluster (UAX 29), so that the parts give the same as the whole, and each part knows
 * where it is from. Within a cluster: decompose each character (utf8proc), put runs of marks into the order of their
 * combining classes (stable, by counting, so that a million marks are no trouble), compose. */
#include "layers/tokenizers/normalize.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

evoke_status evk_normalizer_add(evk_normalizer *z, evk_normal_form form, evk_regex *pattern, const char *text, size_t n,
                                evoke_error *err)
{
    evk_normal_step step = { .form = form, .n = n, .pattern = pattern };
    evoke_status st = evk_alloc(&step.text, n + 1, 1, "open tokenizer", err);
    if (st == EVOKE_OK)
        st = evk_grow(&z->step, &z->capacity, z->n + 1, sizeof *z->step, err);
    if (st != EVOKE_OK) {
        pcre2_code_free(pattern);
        free(step.text);
        return st;
    }
    if (n > 0)
        memcpy(step.text, text, n);
    z->step[z->n++] = step;
    return EVOKE_OK;
}

void evk_normalizer_free(evk_normalizer *z)
{
    for (size_t i = 0; i < z->n; i++) {
        pcre2_code_free(z->step[i].pattern);
        free(z->step[i].text);
    }
    free(z->step);
    *z = (evk_normalizer){0};
}

void evk_normalize_scratch_free(evk_normalize_scratch *s)
{
    evk_passage_free(s->passage);
    evk_passage_free(s->passage + 1);
    free(s->code);
    free(s->class);
    free(s->sorted);
    *s = (evk_normalize_scratch){0};
}

static bool is_ascii(const char *text, size_t n)
{
    unsigned char any = 0;
    for (size_t i = 0; i < n; i++)
        any |= (unsigned char)text[i];
    return any < 0x80;
}

/* ---- normal forms ---- */

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
static size_t cluster_end(const char *text, size_t n, size_t begin)
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

static evoke_status put_normal_form(const evk_passage *in, evk_normal_form form, evk_normalize_scratch *s,
                                    evk_passage *out, evoke_error *err)
{
    for (size_t begin = 0, end = 0; begin < in->n; begin = end) {
        end = cluster_end(in->text, in->n, begin);
        if (is_ascii(in->text + begin, end - begin))
            EVK_TRY(evk_passage_copy(out, in, begin, end, err));
        else
            EVK_TRY(put_cluster(in, begin, end, form, s, out, err));
    }
    return EVOKE_OK;
}

/* ---- the others ---- */
static evoke_status put_lowercase(const evk_passage *in, evk_passage *out, evoke_error *err)
{
    for (size_t i = 0, length = 0; i < in->n; i += length) {
        int32_t code = 0;
        length = evk_utf8_next(in->text + i, in->n - i, &code);
        if (length == 0)
            return evk_fail(err, EVOKE_EDATA, "normalize: invalid UTF-8");
        char text[8];
        size_t n = evk_utf8_put(code == 0x130 ? 'i' : utf8proc_tolower(code), text);
        if (code == 0x130)                              /* the only lower case of two characters */
            n += evk_utf8_put(0x307, text + n);
        EVK_TRY(evk_passage_put(out, text, n, evk_passage_from(in, i), err));
    }
    return EVOKE_OK;
}

static evoke_status put_replaced(const evk_passage *in, const evk_normal_step *step, evk_matcher *m, evk_passage *out,
                                 evoke_error *err)
{
    size_t done = 0;
    bool any = false;
    for (size_t at = 0; at <= in->n;) {
        size_t begin = 0, end = 0;
        bool found = false;
        EVK_TRY(evk_regex_find(step->pattern, m, in->text, in->n, at, &begin, &end, &found, err));
        if (!found)
            break;
        int32_t code = 0;
        at = end > begin ? end : end < in->n ? end + evk_utf8_next(in->text + end, in->n - end, &code) : end + 1;
        if (begin == end && any && end == done)         /* nothing, right behind a match, is no match */
            continue;
        any = true;
        EVK_TRY(evk_passage_copy(out, in, done, begin, err));
        const size_t from = begin < in->n ? evk_passage_from(in, begin) : evk_passage_from(in, in->n - 1);
        EVK_TRY(evk_passage_put(out, step->text, step->n, from, err));
        done = end;
    }
    return evk_passage_copy(out, in, done, in->n, err);
}

static evoke_status apply(const evk_normal_step *step, const evk_passage *in, evk_normalize_scratch *s, evk_matcher *m,
                          evk_passage *out, evoke_error *err)
{
    if (step->form == EVK_LOWERCASE)
        return put_lowercase(in, out, err);
    if (step->form == EVK_REPLACE)
        return put_replaced(in, step, m, out, err);
    if (step->form != EVK_PREPEND)
        return put_normal_form(in, step->form, s, out, err);
    EVK_TRY(evk_passage_put(out, step->text, step->n, evk_passage_from(in, 0), err));
    return evk_passage_copy(out, in, 0, in->n, err);
}

evoke_status evk_normalize(const evk_normalizer *z, const evk_passage **passage, evk_normalize_scratch *s,
                           evk_matcher *m, evoke_error *err)
{
    for (size_t i = 0; i < z->n && (*passage)->n > 0; i++) {
        const evk_passage *in = *passage;
        if (z->step[i].form <= EVK_NFKD && is_ascii(in->text, in->n))
            continue;
        evk_passage *out = s->passage + (in == s->passage);
        evk_passage_begin(out);
        EVK_TRY(apply(z->step + i, in, s, m, out, err));
        *passage = out;
    }
    return EVOKE_OK;
}
