/* layers/tokenizers/unigram.c: Unigram (Kudo 2018), the tokenizer of T5, ALBERT, XLM-RoBERTa, DeBERTa-v3.
 *
 * Each token has a score, the logarithm of its probability. Of all ways to cut a word into tokens the one with the
 * highest sum is taken (Viterbi): best[i] is the best way to reach byte i, tried from each i in turn along the trie of
 * tokens; the first of equal sums stays. Where no token is just the next character, that character may be unknown, at
 *
 *     score of an unknown character = lowest score of all tokens - 10
 *
 * Neighbouring unknown characters are one piece; with byte_fallback (GGUF: where there are byte tokens) that is the tokens
 * of its bytes, <0x00> to <0xFF>, if all are there. Sums are in double, as in Hugging Face's tokenizers and llama.cpp;
 * SentencePiece's own are in float, and may differ where two ways are as good as equal. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers/tokenizers/byte_tokens.h"
#include "layers/tokenizers/spm_normalizer.h"
#include "layers/tokenizers/trie.h"

static const double UNKNOWN_PENALTY = 10;
#define UNREACHED UINT32_MAX

typedef struct unigram {
    evk_trie trie;
    double *score;              /* [n_vocab] */
    double unknown_score;
    int32_t unknown;            /* -1: none */
    bool byte_fallback;
    bool known_together;        /* unknown characters together may be a token, whatever the trie holds */
    evk_byte_tokens bytes;
} unigram;

static void close_model(evoke_tokenizer *t)
{
    unigram *m = t->model;
    if (m) {
        evk_trie_free(&m->trie);
        free(m->score);
    }
    free(m);
    t->model = NULL;
}

/* ---- open ---- */
static evoke_status new_model(evoke_tokenizer *t, unigram **out, evoke_error *err)
{
    EVK_TRY(evk_alloc(&t->model, 1, sizeof(unigram), "open tokenizer", err));
    *out = t->model;
    (*out)->unknown = -1;
    evk_byte_tokens_find(&(*out)->bytes, &t->vocabulary);
    return evk_alloc(&(*out)->score, t->vocabulary.n, sizeof *(*out)->score, "open tokenizer", err);
}

/* taken [n_vocab], zeroed: the tokens of a text; control, unknown and byte tokens are none. */
static evoke_status read_gguf_scores(const evoke_tokenizer *t, const evk_gguf_scores *scores, bool *taken, unigram *m,
                                     evoke_error *err)
{
    double lowest = INFINITY;
    for (size_t i = 0; i < t->vocabulary.n; i++) {
        evk_gguf_token_type type = EVK_GGUF_NORMAL;
        EVK_TRY(evk_gguf_score(scores, i, m->score + i, err));
        EVK_TRY(evk_gguf_type(scores, i, &type, err));
        taken[i] = type == EVK_GGUF_NORMAL || type == EVK_GGUF_USER || type == EVK_GGUF_UNUSED;
        lowest = type == EVK_GGUF_NORMAL && m->score[i] < lowest ? m->score[i] : lowest;
        m->byte_fallback |= type == EVK_GGUF_BYTE;
    }
    m->unknown_score = lowest - UNKNOWN_PENALTY;
    return EVOKE_OK;
}

static evoke_status open_gguf(evoke_tokenizer *t, const evoke_weights *w, bool *add_bos, bool *add_eos, evoke_error *err)
{
    const size_t n = t->vocabulary.n;
    bool *taken = NULL;
    unigram *m = NULL;
    evk_gguf_scores scores;
    EVK_TRY(evk_gguf_find_scores(w, n, &scores, err));
    EVK_TRY(new_model(t, &m, err));
    m->unknown = n > 2 ? 2 : -1;                /* where the file does not say, as llama.cpp has it */
    EVK_TRY(evk_gguf_id(t, w, "tokenizer.ggml.unknown_token_id", &m->unknown, err));
    EVK_TRY(evk_alloc(&taken, n, sizeof *taken, "open tokenizer", err));
    evoke_status st = read_gguf_scores(t, &scores, taken, m, err);
    if (st == EVOKE_OK)
        st = evk_trie_build(&m->trie, &t->vocabulary, taken, err);
    free(taken);
    if (st != EVOKE_OK)
        return st;
    t->eos = n > 1 ? 1 : -1;
    *add_bos = false;
    *add_eos = true;
    snprintf(t->name, sizeof t->name, "%s", evk_unigram.name);
    return evk_spm_normalizer(t, w, false, err);
}

static evoke_status read_scores(unigram *m, const json_t *vocab, const char *where, evoke_error *err)
{
    double lowest = INFINITY;
    for (size_t i = 0; i < json_array_size(vocab); i++) {
        const json_t *score = json_array_get(json_array_get(vocab, i), 1);
        if (!json_is_number(score))
            return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: the score of token %zu is no number (%s)", i, where);
        m->score[i] = json_number_value(score);
        lowest = m->score[i] < lowest ? m->score[i] : lowest;
    }
    m->unknown_score = lowest - UNKNOWN_PENALTY;
    return EVOKE_OK;
}

static evoke_status read_unknown(unigram *m, const json_t *model, size_t n, const char *where, evoke_error *err)
{
    const json_t *id = json_object_get(model, "unk_id");
    if (!id || json_is_null(id))
        return EVOKE_OK;
    if (!json_is_integer(id) || json_integer_value(id) < 0 || (size_t)json_integer_value(id) >= n)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: unk_id is no id below %zu (%s)", n, where);
    m->unknown = (int32_t)json_integer_value(id);
    return EVOKE_OK;
}

static evoke_status open_json(evoke_tokenizer *t, const json_t *json, const char *where, evoke_error *err)
{
    const json_t *model = json_object_get(json, "model"), *vocab = json_object_get(model, "vocab");
    if (!json_is_array(vocab))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: the vocabulary of a Unigram model is a list (%s)", where);
    unigram *m = NULL;
    EVK_TRY(new_model(t, &m, err));
    m->known_together = true;
    EVK_TRY(read_scores(m, vocab, where, err));
    EVK_TRY(read_unknown(m, model, json_array_size(vocab), where, err));
    EVK_TRY(evk_json_flag(model, "byte_fallback", &m->byte_fallback, where, err));
    EVK_TRY(evk_trie_build(&m->trie, &t->vocabulary, NULL, err));
    snprintf(t->name, sizeof t->name, "%s (tokenizer.json)", evk_unigram.name);
    return evk_json_pretokenizer(json_object_get(json, "pre_tokenizer"), &t->pretokenizer, NULL, where, err);
}

/* ---- encode and decode ---- */

/* A way to reach byte `at` by the token `id` from byte `from`. */
static void offer(evk_best *best, size_t at, size_t from, int32_t id, double sum)
{
    if (best[at].from == UNREACHED || sum > best[at].sum)
        best[at] = (evk_best){ sum, (uint32_t)from, id };
}

/* All tokens that begin at byte `at`; length: of the character there. */
static evoke_status step_on(const unigram *m, const char *text, size_t n, size_t at, size_t length, evk_best *best,
                            evoke_error *err)
{
    bool single = false;
    const double sum = best[at].sum;
    uint32_t node = 0;
    for (size_t end = at; end < n && (node = evk_trie_step(&m->trie, node, (unsigned char)text[end])) != 0;) {
        const int32_t id = m->trie.node[node].id;
        end++;
        if (id < 0)
            continue;
        single |= end - at == length;
        offer(best, end, at, id, sum + m->score[id]);
    }
    if (!single && m->unknown < 0)
        return evk_fail(err, EVOKE_EDATA, "tokenize: '%.*s' is no token, and the tokenizer has no unknown token",
                        (int)length, text + at);
    if (!single)
        offer(best, at + length, at, m->unknown, sum + m->unknown_score);
    return EVOKE_OK;
}

/* Turns the links around, so that .from of each place on the best way is the next one; returns the first. */
static uint32_t turn_around(evk_best *best, size_t n)
{
    uint32_t after = UNREACHED;
    for (uint32_t at = (uint32_t)n; at > 0;) {
        const uint32_t from = best[at].from;
        best[at].from = after;
        after = at;
        at = from;
    }
    return after;
}

/* Unknown characters, together one piece. */
static evoke_status put_unknown(const evoke_tokenizer *t, const char *text, size_t n, size_t from, evk_sink *out,
                                evoke_error *err)
{
    const unigram *m = t->model;
    const int32_t id = m->known_together ? evk_vocabulary_find(&t->vocabulary, text, n) : -1;
    if (id >= 0 || !m->byte_fallback || !evk_byte_tokens_have(&m->bytes, text, n))
        return evk_sink_add(out, id >= 0 ? id : m->unknown, from, err);
    for (size_t i = 0; i < n; i++)
        EVK_TRY(evk_sink_add(out, m->bytes.id[(unsigned char)text[i]], from, err));
    return EVOKE_OK;
}

static evoke_status put_best(const evoke_tokenizer *t, const evk_passage *p, evk_span word, const evk_best *best,
                             uint32_t at, evk_sink *out, evoke_error *err)
{
    const int32_t unknown = ((const unigram *)t->model)->unknown;
    const char *text = p->text + word.begin;
    for (uint32_t begin = 0, end = at; end != UNREACHED; begin = end, end = best[end].from) {
        const size_t from = evk_passage_from(p, word.begin + begin);
        if (unknown < 0 || best[end].id != unknown) {
            EVK_TRY(evk_sink_add(out, best[end].id, from, err));
            continue;
        }
        while (best[end].from != UNREACHED && best[best[end].from].id == unknown)
            end = best[end].from;
        EVK_TRY(put_unknown(t, text + begin, end - begin, from, out, err));
    }
    return EVOKE_OK;
}

static evoke_status encode(const evoke_tokenizer *t, const evk_passage *p, evk_span word, evk_encode_scratch *scratch,
                           evk_sink *out, evoke_error *err)
{
    const unigram *m = t->model;
    const char *text = p->text + word.begin;
    const size_t n = word.end - word.begin;
    if (n >= UNREACHED)
        return evk_fail(err, EVOKE_EDATA, "tokenize: a word of 4 GB or more");
    EVK_TRY(evk_grow(&scratch->best, &scratch->best_capacity, n + 1, sizeof *scratch->best, err));
    evk_best *best = scratch->best;
    for (size_t i = 0; i <= n; i++)
        best[i] = (evk_best){ 0, UNREACHED, -1 };
    for (size_t at = 0, length = 0; at < n; at += length) {
        int32_t code = 0;
        length = evk_utf8_next(text + at, n - at, &code);
        if (length == 0)
            return evk_fail(err, EVOKE_EDATA, "tokenize: invalid UTF-8 after normalizing");
        EVK_TRY(step_on(m, text, n, at, length, best, err));
    }
    return put_best(t, p, word, best, turn_around(best, n), out, err);
}

static evoke_status decode(const evoke_tokenizer *t, int32_t id, evk_buffer *out, evoke_error *err)
{
    size_t n = 0;
    const char *text = evk_vocabulary_text(&t->vocabulary, id, &n);
    const int byte = evk_byte_tokens_value(&((const unigram *)t->model)->bytes, id, text, n);
    if (byte >= 0)
        return evk_buffer_add(out, &(char){ (char)byte }, 1, err);
    return evk_put_spaces_back(text, n, out, err);
}

const evk_tokenizer_kind evk_unigram = {
    .name = "Unigram", .gguf_model = "t5", .json_model = "Unigram",
    .open_gguf = open_gguf, .open_json = open_json, .encode = encode, .decode = decode, .close = close_model,
};
