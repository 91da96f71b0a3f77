/* layers/tokenizers/spm_bpe.c: SentencePiece's BPE as GGUF files have it (tokenizer.ggml.model = "llama"): Llama 2, Vicuna,
 * Yi, Mistral, Gemma, Phi-3, MiniCPM, Baichuan2.
 *
 * There is no list of merges: of all neighbours that are a token when joined, the pair whose token has the highest score
 * is joined first, the leftmost of equal ones (Kudo and Richardson 2018). Ranks by falling score make that the merging
 * of bpe.c; equal scores share a rank. Only normal, unused and user-defined tokens are made this way: the text "<s>" is
 * never the control token. A character that ends as no token becomes the tokens of its bytes, <0x00> to <0xFF>, or,
 * where the vocabulary lacks one of these, the unknown token, once for a run of such characters.
 *
 *     "Hello world" -> a space before it (add_space_prefix) -> spaces become U+2581 -> characters -> merged
 *
 * No step cuts the text into words; joints.c says where it can be cut all the same. */
#include <stdio.h>
#include <stdlib.h>

#include "layers/tokenizers/byte_tokens.h"
#include "layers/tokenizers/joints.h"
#include "layers/tokenizers/spm_normalizer.h"

typedef struct spm {
    uint32_t *rank;             /* [n_vocab] by falling score; EVK_NO_RANK: no merge makes it */
    evk_byte_tokens bytes;
    int32_t unknown;            /* -1: none */
    evk_joints joints;
} spm;

static void close_model(evoke_tokenizer *t)
{
    spm *m = t->model;
    if (m) {
        free(m->rank);
        evk_joints_free(&m->joints);
    }
    free(m);
    t->model = NULL;
}

/* ---- open ---- */
typedef struct scored { double score; uint32_t id; } scored;

static int by_falling_score(const void *x, const void *y)
{
    const scored *a = x, *b = y;
    return a->score != b->score ? (a->score < b->score ? 1 : -1) : (a->id > b->id) - (a->id < b->id);
}

/* Equal scores are equal ranks. */
static evoke_status rank_tokens(const evoke_tokenizer *t, const evk_gguf_scores *scores, scored *list, spm *m, evoke_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < t->vocabulary.n; i++) {
        evk_gguf_token_type type = EVK_GGUF_NORMAL;
        double score = 0;
        EVK_TRY(evk_gguf_score(scores, i, &score, err));
        EVK_TRY(evk_gguf_type(scores, i, &type, err));
        m->rank[i] = EVK_NO_RANK;
        if (type == EVK_GGUF_NORMAL || type == EVK_GGUF_USER || type == EVK_GGUF_UNUSED)
            list[n++] = (scored){ score, (uint32_t)i };
    }
    if (n > 0)
        qsort(list, n, sizeof *list, by_falling_score);
    for (size_t i = 0; i < n; i++) {
        size_t length = 0;
        const char *text = evk_vocabulary_text(&t->vocabulary, (int32_t)list[i].id, &length);
        m->rank[list[i].id] = i > 0 && list[i].score == list[i - 1].score ? m->rank[list[i - 1].id] : (uint32_t)i;
        evk_joints_add(&m->joints, text, length);
    }
    return EVOKE_OK;
}

static evoke_status open_gguf(evoke_tokenizer *t, const evoke_weights *w, bool *add_bos, bool *add_eos, evoke_error *err)
{
    const size_t n = t->vocabulary.n;
    EVK_TRY(evk_alloc(&t->model, 1, sizeof(spm), "open tokenizer", err));
    spm *m = t->model;
    scored *list = NULL;
    evk_gguf_scores scores;
    m->unknown = n > 0 ? 0 : -1;
    EVK_TRY(evk_gguf_id(t, w, "tokenizer.ggml.unknown_token_id", &m->unknown, err));
    EVK_TRY(evk_gguf_find_scores(w, n, &scores, err));
    EVK_TRY(evk_alloc(&m->rank, n, sizeof *m->rank, "open tokenizer", err));
    EVK_TRY(evk_joints_init(&m->joints, err));
    EVK_TRY(evk_alloc(&list, n, sizeof *list, "open tokenizer", err));
    const evoke_status st = rank_tokens(t, &scores, list, m, err);
    free(list);
    if (st != EVOKE_OK)
        return st;
    evk_byte_tokens_find(&m->bytes, &t->vocabulary);
    t->bos = n > 1 ? 1 : -1;                    /* where the file does not say, as llama.cpp has it */
    t->eos = n > 2 ? 2 : -1;
    *add_bos = true;
    *add_eos = false;
    snprintf(t->name, sizeof t->name, "%s", evk_spm_bpe.name);
    return evk_spm_normalizer(t, w, true, err);
}

/* ---- encode and decode ---- */
typedef struct part { const evoke_tokenizer *t; const char *text; size_t n; } part;

/* The token that a text is and that merging may make, or -1. */
static int32_t find_piece(const evoke_tokenizer *t, const char *text, size_t n, uint32_t *rank)
{
    const int32_t id = evk_vocabulary_find(&t->vocabulary, text, n);
    *rank = id < 0 ? EVK_NO_RANK : ((const spm *)t->model)->rank[id];
    return *rank == EVK_NO_RANK ? -1 : id;
}

static bool joined_is_token(const void *rules, const evk_symbol *symbol, uint32_t at, uint32_t *rank, int32_t *merged)
{
    const part *p = rules;
    const uint32_t after = symbol[symbol[at].next].next;
    const size_t end = after == EVK_NO_SYMBOL ? p->n : after;
    *merged = find_piece(p->t, p->text + at, end - at, rank);
    return *merged >= 0;
}

/* A character that is no token. after_unknown: the one before it has become the unknown token. */
static evoke_status put_character(const evoke_tokenizer *t, const char *text, size_t n, size_t from, bool *after_unknown,
                                  evk_sink *out, evoke_error *err)
{
    const spm *m = t->model;
    const bool bytes = evk_byte_tokens_have(&m->bytes, text, n), again = *after_unknown && !bytes;
    *after_unknown = !bytes;
    if (!bytes)
        return again || m->unknown < 0 ? EVOKE_OK : evk_sink_add(out, m->unknown, from, err);
    for (size_t i = 0; i < n; i++)
        EVK_TRY(evk_sink_add(out, m->bytes.id[(unsigned char)text[i]], from, err));
    return EVOKE_OK;
}

/* The symbols of a part to ids. `begin`: where it begins in the passage. */
static evoke_status merge_part(const part *p, const evk_passage *passage, size_t begin, evk_bpe_scratch *s,
                               bool *after_unknown, evk_sink *out, evoke_error *err)
{
    EVK_TRY(evk_bpe_merge(joined_is_token, p, s, err));
    for (uint32_t i = s->first; i != EVK_NO_SYMBOL; i = s->symbol[i].next) {
        const size_t end = s->symbol[i].next == EVK_NO_SYMBOL ? p->n : s->symbol[i].next;
        const size_t from = evk_passage_from(passage, begin + i);
        if (s->symbol[i].id < 0) {
            EVK_TRY(put_character(p->t, p->text + i, end - i, from, after_unknown, out, err));
            continue;
        }
        *after_unknown = false;
        EVK_TRY(evk_sink_add(out, s->symbol[i].id, from, err));
    }
    return EVOKE_OK;
}

static evoke_status encode(const evoke_tokenizer *t, const evk_passage *p, evk_span word, evk_encode_scratch *scratch,
                           evk_sink *out, evoke_error *err)
{
    const spm *m = t->model;
    evk_bpe_scratch *s = &scratch->bpe;
    bool after_unknown = false;
    int32_t last = -1, code = 0;
    uint32_t rank = 0;
    size_t begin = word.begin;
    EVK_TRY(evk_bpe_begin(s, word.end - word.begin, err));
    for (size_t i = word.begin, length = 0; i < word.end; i += length, last = code) {
        length = evk_utf8_next(p->text + i, word.end - i, &code);
        if (length == 0)
            return evk_fail(err, EVOKE_EDATA, "tokenize: invalid UTF-8 after normalizing");
        if (i > begin && !evk_joints_has(&m->joints, last, code)) {
            EVK_TRY(merge_part(&(part){ t, p->text + begin, i - begin }, p, begin, s, &after_unknown, out, err));
            EVK_TRY(evk_bpe_begin(s, word.end - i, err));
            begin = i;
        }
        EVK_TRY(evk_bpe_symbol(s, find_piece(t, p->text + i, length, &rank), i - begin, err));
    }
    return merge_part(&(part){ t, p->text + begin, word.end - begin }, p, begin, s, &after_unknown, out, err);
}

static evoke_status decode(const evoke_tokenizer *t, int32_t id, evk_buffer *out, evoke_error *err)
{
    const spm *m = t->model;
    size_t n = 0;
    const char *text = evk_vocabulary_text(&t->vocabulary, id, &n);
    const int byte = evk_byte_tokens_value(&m->bytes, id, text, n);
    if (byte >= 0)
        return evk_buffer_add(out, &(char){ (char)byte }, 1, err);
    return evk_put_spaces_back(text, n, out, err);
}

const evk_tokenizer_kind evk_spm_bpe = {
    .name = "SentencePiece BPE", .gguf_model = "llama",
    .open_gguf = open_gguf, .encode = encode, .decode = decode, .close = close_model,
};
