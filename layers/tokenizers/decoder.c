/* layers/tokenizers/decoder.c: the texts of tokens to the text that they stand for.
 *
 * Each step reads a list of pieces and writes another; what the last one leaves, joined, is the text. */
#include "layers/tokenizers/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "layers/tokenizers/byte_level.h"

/* ---- the list ---- */
static void free_step(evk_decode_step *step)
{
    pcre2_code_free(step->pattern);
    free(step->text);
    free(step->more);
}

static evoke_status copy_text(const char *text, size_t n, char **out, evoke_error *err)
{
    EVK_TRY(evk_alloc(out, n + 1, 1, "open tokenizer", err));
    if (n > 0)
        memcpy(*out, text, n);
    return EVOKE_OK;
}

evoke_status evk_decoder_add(evk_decoder *d, evk_decode_step step, evoke_error *err)
{
    const char *text = step.text, *more = step.more;
    step.text = step.more = NULL;
    evoke_status st = copy_text(text, step.n_text, &step.text, err);
    if (st == EVOKE_OK)
        st = copy_text(more, step.n_more, &step.more, err);
    if (st == EVOKE_OK)
        st = evk_grow(&d->step, &d->capacity, d->n + 1, sizeof *d->step, err);
    if (st == EVOKE_OK)
        d->step[d->n++] = step;
    else
        free_step(&step);
    return st;
}

void evk_decoder_free(evk_decoder *d)
{
    for (size_t i = 0; i < d->n; i++)
        free_step(d->step + i);
    free(d->step);
    *d = (evk_decoder){0};
}

/* ---- pieces ---- */
static size_t begin_of(const evk_pieces *p, size_t i) { return i > 0 ? p->end[i - 1] : 0; }

/* The bytes appended to p->text since the last piece are a piece. */
static evoke_status end_piece(evk_pieces *p, evoke_error *err)
{
    EVK_TRY(evk_grow(&p->end, &p->capacity, p->n + 1, sizeof *p->end, err));
    p->end[p->n++] = p->text.n;
    return EVOKE_OK;
}

evoke_status evk_pieces_add(evk_pieces *p, const char *text, size_t n, evoke_error *err)
{
    EVK_TRY(evk_buffer_add(&p->text, text, n, err));
    return end_piece(p, err);
}

void evk_pieces_free(evk_pieces *p)
{
    evk_buffer_free(&p->text);
    free(p->end);
    *p = (evk_pieces){0};
}

/* ---- parts of steps ---- */

/* Appends text [n] with each `what` replaced by `by`; nothing stands before and behind each character. */
static evoke_status put_replaced(const char *text, size_t n, const char *what, size_t n_what, const char *by, size_t n_by,
                                 evk_buffer *out, evoke_error *err)
{
    size_t same = 0;
    for (size_t i = 0; i + n_what <= n;) {
        const bool here = n_what > 0 ? memcmp(text + i, what, n_what) == 0
                                     : i == n || ((unsigned char)text[i] & 0xC0) != 0x80;
        if (here) {
            EVK_TRY(evk_buffer_add(out, text + same, i - same, err));
            EVK_TRY(evk_buffer_add(out, by, n_by, err));
            same = i + n_what;
        }
        i += here && n_what > 0 ? n_what : 1;
    }
    return evk_buffer_add(out, text + same, n - same, err);
}

/* What was written from byte `from` on, without the spaces that English does not have. */
static evoke_status tidy_up(evk_buffer *out, size_t from, evoke_error *err)
{
    static const char *const rules[][2] = {
        { " .", "." }, { " ?", "?" }, { " !", "!" }, { " ,", "," }, { " ' ", "'" }, { " n't", "n't" }, { " 'm", "'m" },
        { " do not", " don't" }, { " 's", "'s" }, { " 've", "'ve" }, { " 're", "'re" },
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        evk_buffer copy = {0};
        evoke_status st = evk_buffer_add(&copy, out->data + from, out->n - from, err);
        out->n = from;
        if (st == EVOKE_OK)
            st = put_replaced(copy.data, copy.n, rules[i][0], strlen(rules[i][0]), rules[i][1], strlen(rules[i][1]), out,
                              err);
        evk_buffer_free(&copy);
        EVK_TRY(st);
    }
    return EVOKE_OK;
}

/* How many bytes at text[0] are a character, or else the beginning of one that breaks off there. */
static size_t broken_length(const char *text, size_t n, bool *whole)
{
    static const struct { unsigned char first, last, low, high; size_t n; } forms[] = {
        { 0xC2, 0xDF, 0x80, 0xBF, 2 }, { 0xE0, 0xE0, 0xA0, 0xBF, 3 }, { 0xE1, 0xEC, 0x80, 0xBF, 3 },
        { 0xED, 0xED, 0x80, 0x9F, 3 }, { 0xEE, 0xEF, 0x80, 0xBF, 3 }, { 0xF0, 0xF0, 0x90, 0xBF, 4 },
        { 0xF1, 0xF3, 0x80, 0xBF, 4 }, { 0xF4, 0xF4, 0x80, 0x8F, 4 },
    };
    const unsigned char *b = (const unsigned char *)text;
    *whole = b[0] < 0x80;
    for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
        if (b[0] < forms[k].first || b[0] > forms[k].last)
            continue;
        size_t i = 1;
        while (i < n && i < forms[k].n && b[i] >= (i == 1 ? forms[k].low : 0x80) && b[i] <= (i == 1 ? forms[k].high : 0xBF))
            i++;
        *whole = i == forms[k].n;
        return i;
    }
    return 1;
}

/* The bytes, what is no UTF-8 as U+FFFD (Unicode 3.9, maximal subparts). */
static evoke_status put_lossy(const char *text, size_t n, evk_buffer *out, evoke_error *err)
{
    for (size_t i = 0, length = 0; i < n; i += length) {
        bool whole = false;
        length = broken_length(text + i, n - i, &whole);
        EVK_TRY(evk_buffer_add(out, whole ? text + i : "\xef\xbf\xbd", whole ? length : 3, err));
    }
    return EVOKE_OK;
}

/* ---- steps; each piece i of `in` ---- */
static evoke_status put_metaspace(const evk_decode_step *step, size_t i, const char *text, size_t n, evk_buffer *out,
                                  evoke_error *err)
{
    char mark[4];
    const size_t n_mark = evk_utf8_put(step->mark, mark);
    return put_replaced(text, n, mark, n_mark, " ", i == 0 && step->flag ? 0 : 1, out, err);
}

static evoke_status put_wordpiece(const evk_decode_step *step, size_t i, const char *text, size_t n, evk_buffer *out,
                                  evoke_error *err)
{
    const size_t before = out->n;
    const bool goes_on = i > 0 && n >= step->n_text && memcmp(text, step->text, step->n_text) == 0;
    if (i > 0 && !goes_on)
        EVK_TRY(evk_buffer_add(out, " ", 1, err));
    EVK_TRY(evk_buffer_add(out, text + (goes_on ? step->n_text : 0), n - (goes_on ? step->n_text : 0), err));
    return step->flag ? tidy_up(out, before, err) : EVOKE_OK;
}

static evoke_status put_ctc(const evk_decode_step *step, const char *text, size_t n, evk_buffer *out, evoke_error *err)
{
    const size_t before = out->n;
    EVK_TRY(put_replaced(text, n, step->text, step->n_text, "", 0, out, err));
    if (!step->flag)
        return EVOKE_OK;
    EVK_TRY(tidy_up(out, before, err));
    evk_buffer copy = {0};
    evoke_status st = evk_buffer_add(&copy, out->data + before, out->n - before, err);
    out->n = before;
    if (st == EVOKE_OK)
        st = put_replaced(copy.data, copy.n, step->more, step->n_more, " ", 1, out, err);
    evk_buffer_free(&copy);
    return st;
}

static evoke_status put_stripped(const evk_decode_step *step, const char *text, size_t n, evk_buffer *out,
                                 evoke_error *err)
{
    char mark[4];
    const size_t n_mark = evk_utf8_put(step->mark, mark);
    size_t begin = 0, end = n;
    for (size_t i = 0; i < step->n_first && end - begin >= n_mark && memcmp(text + begin, mark, n_mark) == 0; i++)
        begin += n_mark;
    for (size_t i = 0; i < step->n_last && end - begin >= n_mark && memcmp(text + end - n_mark, mark, n_mark) == 0; i++)
        end -= n_mark;
    return evk_buffer_add(out, text + begin, end - begin, err);
}

static evoke_status put_matches(const evk_decode_step *step, evk_matcher *m, const char *text, size_t n, evk_buffer *out,
                                evoke_error *err)
{
    size_t done = 0;
    bool any = false;
    for (size_t at = 0; n > 0 && at <= n;) {
        size_t begin = 0, end = 0;
        bool found = false;
        EVK_TRY(evk_regex_find(step->pattern, m, text, n, at, &begin, &end, &found, err));
        if (!found)
            break;
        int32_t code = 0;
        const size_t length = end < n ? evk_utf8_next(text + end, n - end, &code) : 1;
        at = end > begin ? end : end + (length ? length : 1);
        if (begin == end && any && end == done)         /* nothing, right behind a match, is no match */
            continue;
        any = true;
        EVK_TRY(evk_buffer_add(out, text + done, begin - done, err));
        EVK_TRY(evk_buffer_add(out, step->text, step->n_text, err));
        done = end;
    }
    return evk_buffer_add(out, text + done, n - done, err);
}

/* A piece as the steps that see one at a time have it. */
static evoke_status put_piece(const evk_decode_step *step, evk_matcher *m, size_t i, size_t n_pieces, const char *text,
                              size_t n, evk_buffer *out, evoke_error *err)
{
    switch (step->decoding) {
    case EVK_DECODE_METASPACE:
        return put_metaspace(step, i, text, n, out, err);
    case EVK_DECODE_WORDPIECE:
        return put_wordpiece(step, i, text, n, out, err);
    case EVK_DECODE_SUFFIX:
        return put_replaced(text, n, step->text, step->n_text, " ", i + 1 < n_pieces, out, err);
    case EVK_DECODE_STRIP:
        return put_stripped(step, text, n, out, err);
    case EVK_DECODE_REPLACE:
        return put_matches(step, m, text, n, out, err);
    case EVK_DECODE_BYTES:
        return evk_byte_level_read(text, n, out, err);
    case EVK_DECODE_JOIN:
        EVK_TRY(evk_buffer_add(out, step->text, i > 0 ? step->n_text : 0, err));
        break;
    default:
        break;
    }
    return evk_buffer_add(out, text, n, err);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that "<0x0A>" stands for, or -1. A sign before one digit is allowed, as Rust's parser does. */
static int fallback_byte(const char *text, size_t n)
{
    if (n != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>')
        return -1;
    const int high = text[3] == '+' ? 0 : hex_digit(text[3]), low = hex_digit(text[4]);
    return high < 0 || low < 0 ? -1 : 16 * high + low;
}

/* The bytes [from) at the end of out are a run: one piece where they are UTF-8, otherwise U+FFFD for each. */
static evoke_status end_run(evk_pieces *out, size_t from, evoke_error *err)
{
    const size_t n = out->text.n - from;
    if (n == 0)
        return EVOKE_OK;
    if (evk_utf8_check(out->text.data + from, n, "", NULL) == EVOKE_OK)
        return end_piece(out, err);
    out->text.n = from;
    for (size_t i = 0; i < n; i++)
        EVK_TRY(evk_pieces_add(out, "\xef\xbf\xbd", 3, err));
    return EVOKE_OK;
}

static evoke_status fall_back(const evk_pieces *in, evk_pieces *out, evoke_error *err)
{
    size_t run = 0;
    for (size_t i = 0; i < in->n; i++) {
        const char *text = in->text.data + begin_of(in, i);
        const size_t n = in->end[i] - begin_of(in, i);
        const int value = fallback_byte(text, n);
        const char byte = (char)value;
        if (value >= 0) {
            EVK_TRY(evk_buffer_add(&out->text, &byte, 1, err));
            continue;
        }
        EVK_TRY(end_run(out, run, err));
        EVK_TRY(evk_pieces_add(out, text, n, err));
        run = out->text.n;
    }
    return end_run(out, run, err);
}

static bool same_piece(const evk_pieces *p, size_t i, size_t k)
{
    const size_t a = begin_of(p, i), b = begin_of(p, k), n = p->end[i] - a;
    return n == p->end[k] - b && memcmp(p->text.data + a, p->text.data + b, n) == 0;
}

static evoke_status apply(const evk_decode_step *step, evk_matcher *m, const evk_pieces *in, evk_pieces *out,
                          evoke_error *err)
{
    const evk_decoding kind = step->decoding;
    const bool fuses = kind == EVK_DECODE_FUSE || kind == EVK_DECODE_JOIN || kind == EVK_DECODE_BYTES;
    if (kind == EVK_DECODE_BYTE_FALLBACK)
        return fall_back(in, out, err);
    for (size_t i = 0; i < in->n; i++) {
        const char *text = in->text.data + begin_of(in, i);
        const size_t n = in->end[i] - begin_of(in, i), before = out->text.n;
        if (kind == EVK_DECODE_CTC && i > 0 && same_piece(in, i - 1, i))
            continue;
        EVK_TRY(kind == EVK_DECODE_CTC ? put_ctc(step, text, n, &out->text, err)
                                       : put_piece(step, m, i, in->n, text, n, &out->text, err));
        if (!fuses && (kind != EVK_DECODE_CTC || out->text.n > before))
            EVK_TRY(end_piece(out, err));
    }
    return fuses ? end_piece(out, err) : EVOKE_OK;
}

/* Whether a step behind i looks into the pieces. */
static bool is_read_on(const evk_decoder *d, size_t i)
{
    for (i++; i < d->n; i++)
        if (d->step[i].decoding != EVK_DECODE_FUSE)
            return true;
    return false;
}

static evoke_status run_steps(const evk_decoder *d, evk_matcher *m, evk_pieces *p, evk_pieces *next, evoke_error *err)
{
    for (size_t i = 0; i < d->n; i++) {
        evk_pieces *const lists[] = { p, next };
        for (int again = 0; again < 1 + (d->step[i].decoding == EVK_DECODE_BYTES && is_read_on(d, i)); again++) {
            lists[1]->n = lists[1]->text.n = 0;
            EVK_TRY(evk_buffer_add(&next->text, "", 0, err));
            if (again)
                EVK_TRY(put_lossy(p->text.data, p->text.n, &next->text, err));
            EVK_TRY(again ? end_piece(next, err) : apply(d->step + i, m, p, next, err));
            const evk_pieces other = *p;
            *p = *next;
            *next = other;
        }
    }
    return EVOKE_OK;
}

evoke_status evk_decode(const evk_decoder *d, evk_pieces *p, evoke_error *err)
{
    evk_pieces next = {0};
    evk_matcher m = {0};
    EVK_TRY(evk_buffer_add(&p->text, "", 0, err));
    evoke_status st = evk_matcher_init(&m, p->text.n, err);
    if (st == EVOKE_OK)
        st = run_steps(d, &m, p, &next, err);
    evk_matcher_free(&m);
    evk_pieces_free(&next);
    return st;
}
