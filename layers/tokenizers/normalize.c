/* layers/tokenizers/normalize.c: what a tokenizer does to a text before it looks for words: a list of steps, each of
 * which reads a passage and writes another, byte for byte with the place in the caller's text that it comes from. */
#include "layers/tokenizers/normalize.h"

#include <stdlib.h>
#include <string.h>

#include "layers/tokenizers/byte_level.h"
#include "layers/tokenizers/characters.h"

/* ---- the list ---- */
static void free_step(evk_normal_step *step)
{
    pcre2_code_free(step->pattern);
    evk_charsmap_free(step->map);
    free(step->text);
}

static evoke_status add_step(evk_normalizer *z, evk_normal_step step, const char *text, evoke_error *err)
{
    evoke_status st = evk_alloc(&step.text, step.n + 1, 1, "open tokenizer", err);
    if (st == EVOKE_OK)
        st = evk_grow(&z->step, &z->capacity, z->n + 1, sizeof *z->step, err);
    if (st != EVOKE_OK) {
        free_step(&step);
        return st;
    }
    if (step.n > 0)
        memcpy(step.text, text, step.n);
    z->step[z->n++] = step;
    return EVOKE_OK;
}

evoke_status evk_normalizer_add(evk_normalizer *z, evk_normal_form form, evk_regex *pattern, const char *text, size_t n,
                                evoke_error *err)
{
    return add_step(z, (evk_normal_step){ .form = form, .n = n, .pattern = pattern }, text, err);
}

evoke_status evk_normalizer_charsmap(evk_normalizer *z, evk_charsmap *map, evoke_error *err)
{
    return add_step(z, (evk_normal_step){ .form = EVK_CHARSMAP, .map = map }, "", err);
}

evoke_status evk_normalizer_bert(evk_normalizer *z, bool clean, bool part_cjk, bool strip_accents, bool lowercase,
                                 evoke_error *err)
{
    const struct { bool wanted; evk_normal_form form; } steps[] = {
        { clean, EVK_CLEAN }, { part_cjk, EVK_PART_CJK }, { strip_accents, EVK_NFD },
        { strip_accents, EVK_STRIP_NONSPACING }, { lowercase, EVK_LOWERCASE },
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (steps[i].wanted)
            EVK_TRY(evk_normalizer_add(z, steps[i].form, NULL, "", 0, err));
    return EVOKE_OK;
}

void evk_normalizer_free(evk_normalizer *z)
{
    for (size_t i = 0; i < z->n; i++)
        free_step(z->step + i);
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

/* ---- character by character ---- */
static bool is_nmt_dropped(int32_t c)
{
    return (c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
}

static bool is_nmt_space(int32_t c)
{
    return c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 || (c >= 0x200B && c <= 0x200F) || c == 0x2028 ||
           c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
}

/* What becomes of a character: out[0..returned). */
static size_t respell(evk_normal_form form, int32_t c, int32_t out[4])
{
    out[0] = c;
    switch (form) {
    case EVK_LOWERCASE:
        out[0] = c == 0x130 ? 'i' : evk_lowercase(c);
        out[1] = 0x307;                     /* U+0130 has the only lower case of two characters */
        return c == 0x130 ? 2 : 1;
    case EVK_STRIP_ACCENTS:
        return evk_is_combining(c) ? 0 : 1;
    case EVK_STRIP_NONSPACING:
        return evk_is_nonspacing(c) ? 0 : 1;
    case EVK_CLEAN:
        out[0] = evk_is_white_space(c) ? ' ' : c;
        return evk_is_other(c) ? 0 : 1;
    case EVK_NMT:
        out[0] = is_nmt_space(c) ? ' ' : c;
        return is_nmt_dropped(c) ? 0 : 1;
    case EVK_PART_CJK:
        if (!evk_is_cjk(c))
            return 1;
        out[0] = out[2] = ' ';
        out[1] = c;
        return 3;
    default:
        break;
    }
    char bytes[4];
    const size_t n = evk_utf8_put(c, bytes);
    for (size_t i = 0; i < n; i++)
        out[i] = evk_byte_level_char((unsigned char)bytes[i]);
    return n;
}

static evoke_status put_respelled(const evk_passage *in, evk_normal_form form, evk_passage *out, evoke_error *err)
{
    size_t same = 0;                        /* bytes from here on have not changed and are not copied yet */
    for (size_t i = 0, length = 0; i < in->n; i += length) {
        int32_t code = 0, become[4];
        char text[16];
        length = evk_utf8_next(in->text + i, in->n - i, &code);
        if (length == 0)
            return evk_fail(err, EVOKE_EDATA, "normalize: invalid UTF-8");
        const size_t n = respell(form, code, become);
        if (n == 1 && become[0] == code)
            continue;
        size_t n_bytes = 0;
        for (size_t k = 0; k < n; k++)
            n_bytes += evk_utf8_put(become[k], text + n_bytes);
        EVK_TRY(evk_passage_copy(out, in, same, i, err));
        EVK_TRY(evk_passage_put(out, text, n_bytes, evk_passage_from(in, i), err));
        same = i + length;
    }
    return evk_passage_copy(out, in, same, in->n, err);
}

/* ---- the text as a whole ---- */

/* The beginning of the character that ends before byte i > 0. */
static size_t character_before(const char *text, size_t i)
{
    do
        i--;
    while (i > 0 && ((unsigned char)text[i] & 0xC0) == 0x80);
    return i;
}

static evoke_status put_stripped(const evk_passage *in, bool left, evk_passage *out, evoke_error *err)
{
    size_t begin = 0, end = in->n;
    int32_t code = 0;
    for (size_t length = 0; left && begin < end; begin += length) {
        length = evk_utf8_next(in->text + begin, end - begin, &code);
        if (length == 0 || !evk_is_white_space(code))
            break;
    }
    while (!left && end > 0) {
        const size_t last = character_before(in->text, end);
        if (evk_utf8_next(in->text + last, end - last, &code) == 0 || !evk_is_white_space(code))
            break;
        end = last;
    }
    return evk_passage_copy(out, in, begin, end, err);
}

/* Where that comes from which takes the place of a match that ends at byte `end`: from the last character before. */
static size_t replaced_from(const evk_passage *in, size_t end)
{
    return end > 0 ? evk_passage_from(in, character_before(in->text, end)) : in->base;
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
        EVK_TRY(evk_passage_put(out, step->text, step->n, replaced_from(in, end), err));
        done = end;
    }
    return evk_passage_copy(out, in, done, in->n, err);
}

static evoke_status apply(const evk_normal_step *step, const evk_passage *in, evk_normalize_scratch *s, evk_matcher *m,
                          evk_passage *out, evoke_error *err)
{
    switch (step->form) {
    case EVK_NFC: case EVK_NFD: case EVK_NFKC: case EVK_NFKD:
        return evk_put_normal_form(in, step->form, s, out, err);
    case EVK_STRIP_LEFT: case EVK_STRIP_RIGHT:
        return put_stripped(in, step->form == EVK_STRIP_LEFT, out, err);
    case EVK_REPLACE:
        return put_replaced(in, step, m, out, err);
    case EVK_CHARSMAP:
        return evk_charsmap_put(step->map, in, out, err);
    case EVK_PREPEND:
        EVK_TRY(evk_passage_put(out, step->text, step->n, evk_passage_from(in, 0), err));
        return evk_passage_copy(out, in, 0, in->n, err);
    default:
        return put_respelled(in, step->form, out, err);
    }
}

evoke_status evk_normalize(const evk_normalizer *z, const evk_passage **passage, evk_normalize_scratch *s,
                           evk_matcher *m, evoke_error *err)
{
    for (size_t i = 0; i < z->n && (*passage)->n > 0; i++) {
        const evk_passage *in = *passage;
        evk_passage *out = s->passage + (in == s->passage);
        evk_passage_begin(out);
        out->base = in->base;
        EVK_TRY(apply(z->step + i, in, s, m, out, err));
        *passage = out;
    }
    return EVOKE_OK;
}
