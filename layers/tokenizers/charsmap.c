/* layers/tokenizers/charsmap.c: SentencePiece's precompiled rules of normalization (T5, XLM-R, ALBERT, DeBERTa).
 *
 *     uint32        bytes of the trie, little endian
 *     uint32 [n]    a double-array trie (Yata 2006, as Darts-clone lays it out): from bytes to an offset into the texts
 *     texts         what the bytes become, each ended by a NUL
 *
 * A unit of the trie: bits 0-7 the byte that leads to it (bit 31 set: a value in the low 31 bits instead), bit 8 a value
 * hangs below it, bit 9 and bits 10-30 the offset to its children. SentencePiece takes, from place to place, the longest
 * rule that the text goes on with. Hugging Face's tokenizers do other than that: a grapheme cluster below 6 bytes becomes
 * what the shortest rule that it begins with says; where none fits, and in longer clusters, so does each character. */
#include "layers/tokenizers/charsmap.h"

#include <stdlib.h>
#include <string.h>

#include "layers/tokenizers/normalize.h"

struct evk_charsmap {
    uint32_t *unit;     /* [n_unit] */
    size_t n_unit;
    char *text;         /* [n_text], and a NUL */
    size_t n_text;
    bool by_cluster;    /* as Hugging Face's tokenizers do */
};

static uint32_t read_u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

void evk_charsmap_free(evk_charsmap *c)
{
    if (!c)
        return;
    free(c->unit);
    free(c->text);
    free(c);
}

static evoke_status fill(evk_charsmap *c, const unsigned char *data, size_t n, const char *where, evoke_error *err)
{
    const size_t n_trie = n >= 4 ? read_u32(data) : 0;
    if (n_trie == 0 || n_trie % 4 != 0 || n_trie > n - 4)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: precompiled_charsmap: a trie of %zu bytes in %zu (%s)", n_trie,
                        n, where);
    c->n_unit = n_trie / 4;
    c->n_text = n - 4 - n_trie;
    EVK_TRY(evk_utf8_check((const char *)data + 4 + n_trie, c->n_text, "open tokenizer: precompiled_charsmap", err));
    EVK_TRY(evk_alloc(&c->unit, c->n_unit, sizeof *c->unit, "open tokenizer", err));
    EVK_TRY(evk_alloc(&c->text, c->n_text + 1, 1, "open tokenizer", err));
    for (size_t i = 0; i < c->n_unit; i++)
        c->unit[i] = read_u32(data + 4 + 4 * i);
    if (c->n_text > 0)
        memcpy(c->text, data + 4 + n_trie, c->n_text);
    return EVOKE_OK;
}

evoke_status evk_charsmap_open(const unsigned char *data, size_t n, const char *where, evk_charsmap **out,
                               evoke_error *err)
{
    evk_charsmap *c = NULL;
    *out = NULL;
    EVK_TRY(evk_alloc(&c, 1, sizeof *c, "open tokenizer", err));
    const evoke_status st = fill(c, data, n, where, err);
    if (st == EVOKE_OK)
        *out = c;
    else
        evk_charsmap_free(c);
    return st;
}

/* ---- base64 ---- */
static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* False: not base64. */
static bool decode(const char *text, size_t n, unsigned char *out, size_t *n_out)
{
    uint32_t bits = 0;
    size_t n_digits = n;
    while (n_digits > 0 && n - n_digits < 2 && text[n_digits - 1] == '=')
        n_digits--;
    *n_out = 0;
    for (size_t i = 0; i < n_digits; i++) {
        const int digit = digit_of(text[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 != 0)
            out[(*n_out)++] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
    }
    return n % 4 == 0 && n_digits % 4 != 1;
}

evoke_status evk_charsmap_from_base64(const char *text, size_t n, const char *where, evk_charsmap **out,
                                      evoke_error *err)
{
    unsigned char *data = NULL;
    size_t n_data = 0;
    *out = NULL;
    EVK_TRY(evk_alloc(&data, n / 4 * 3 + 3, 1, "open tokenizer", err));
    const evoke_status st = decode(text, n, data, &n_data)
        ? evk_charsmap_open(data, n_data, where, out, err)
        : evk_fail(err, EVOKE_EFORMAT, "open tokenizer: precompiled_charsmap is no base64 (%s)", where);
    if (st == EVOKE_OK)
        (*out)->by_cluster = true;
    free(data);
    return st;
}

/* ---- use ---- */
static size_t offset_of(uint32_t unit) { return (size_t)(unit >> 10) << ((unit & (1u << 9)) >> 6); }

/* What the rules say that text [n] begins with: the shortest one, or the longest, of *taken bytes, that ends where a
 * character does. NULL: none. */
static const char *look_up(const evk_charsmap *c, const char *text, size_t n, bool longest, size_t *taken)
{
    const char *found = NULL;
    size_t node = offset_of(c->unit[0]);
    for (size_t i = 0; i < n && text[i] != '\0' && (longest || !found); i++) {
        node ^= (unsigned char)text[i];
        if (node >= c->n_unit || (c->unit[node] & (1u << 31 | 0xFFu)) != (unsigned char)text[i])
            break;
        const uint32_t unit = c->unit[node];
        node ^= offset_of(unit);
        if (!(unit >> 8 & 1))
            continue;
        const bool whole = !longest || i + 1 == n || ((unsigned char)text[i + 1] & 0xC0) != 0x80;
        const size_t at = node < c->n_unit ? c->unit[node] & 0x7FFFFFFFu : c->n_text;
        const bool inside = at < c->n_text && ((unsigned char)c->text[at] & 0xC0) != 0x80;
        if (!inside)
            break;
        found = whole ? c->text + at : found;
        *taken = whole ? i + 1 : *taken;
    }
    return found;
}

/* A character after another takes the places of the characters that it stands for; `at` is the next that is not taken. */
typedef struct writer { const evk_passage *in; evk_passage *out; size_t at; } writer;

static size_t length_at(const evk_passage *p, size_t i)
{
    int32_t code = 0;
    const size_t length = i < p->n ? evk_utf8_next(p->text + i, p->n - i, &code) : 0;
    return length ? length : i < p->n;
}

static size_t count_characters(const char *text, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

/* n_old characters become the text. */
static evoke_status put_text(writer *w, size_t n_old, const char *text, size_t n, evoke_error *err)
{
    const bool any = n > 0 || w->out->n > 0;
    size_t from = w->at > 0 && w->out->n > 0 ? w->out->from[w->out->n - 1] : evk_passage_from(w->in, w->at);
    for (size_t i = 0, length = 0; i < n; i += length) {
        int32_t code = 0;
        length = evk_utf8_next(text + i, n - i, &code);
        length = length ? length : 1;
        if (n_old > 0 && w->at < w->in->n) {
            from = evk_passage_from(w->in, w->at);
            w->at += length_at(w->in, w->at);
            n_old--;
        }
        EVK_TRY(evk_passage_put(w->out, text + i, length, from, err));
    }
    for (; any && n_old > 0; n_old--)           /* what goes at the very beginning, the library loses count of */
        w->at += length_at(w->in, w->at);
    return EVOKE_OK;
}

static evoke_status put_part(const evk_charsmap *c, writer *w, const char *text, size_t n, evoke_error *err)
{
    size_t taken = 0;
    const char *become = look_up(c, text, n, false, &taken);
    return put_text(w, count_characters(text, n), become ? become : text, become ? strlen(become) : n, err);
}

/* As SentencePiece: what the longest rule says, or the character. */
static evoke_status put_longest(const evk_charsmap *c, const evk_passage *in, evk_passage *out, evoke_error *err)
{
    for (size_t i = 0, taken = 0; i < in->n; i += taken) {
        const char *become = look_up(c, in->text + i, in->n - i, true, &taken);
        if (become) {
            EVK_TRY(evk_passage_put(out, become, strlen(become), evk_passage_from(in, i), err));
            continue;
        }
        taken = length_at(in, i);
        EVK_TRY(evk_passage_copy(out, in, i, i + taken, err));
    }
    return EVOKE_OK;
}

evoke_status evk_charsmap_put(const evk_charsmap *c, const evk_passage *in, evk_passage *out, evoke_error *err)
{
    enum { MOST = 6 };
    size_t taken = 0;
    if (!c->by_cluster)
        return put_longest(c, in, out, err);
    writer w = { .in = in, .out = out };
    for (size_t begin = 0, end = 0; begin < in->n; begin = end) {
        end = evk_cluster_end(in->text, in->n, begin);
        if (end - begin < MOST && look_up(c, in->text + begin, end - begin, false, &taken)) {
            EVK_TRY(put_part(c, &w, in->text + begin, end - begin, err));
            continue;
        }
        for (size_t i = begin, length = 0; i < end; i += length) {
            length = length_at(in, i);
            EVK_TRY(put_part(c, &w, in->text + i, length, err));
        }
    }
    return EVOKE_OK;
}
