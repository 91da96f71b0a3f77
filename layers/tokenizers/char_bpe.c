/* layers/tokenizers/char_bpe.c: BPE over characters, from tokenizer.json: Llama 2, Mistral, Gemma, Phi-3 and others that
 * came from SentencePiece, and the classic kind with a prefix or a suffix.
 *
 * The symbols that a word begins as are its characters, with continuing_subword_prefix before all but the first and
 * end_of_word_suffix behind the last. One that is no token becomes the tokens of its bytes, where byte_fallback says so
 * and all are there, else the unknown token, else nothing. An unknown one waits for the next that is known (or, not
 * fused, unknown): bytes do not end the wait, and so come before it, as in Hugging Face's tokenizers. */
#include "layers/tokenizers/bpe_model.h"

/* A word on its way to symbols. begin: where those that are not yet merged begin; at: symbols are numbered by the bytes
 * of the word, and on from its end where byte_fallback makes more of them. */
typedef struct spelling {
    const evoke_tokenizer *t;
    const evk_passage *p;
    evk_span word;
    size_t begin;
    evk_bpe_scratch *symbols;
    evk_buffer *text;
    size_t unknown_at, extra;
    bool unknown_waits;
} spelling;

static evoke_status put(spelling *w, int32_t id, size_t at, evoke_error *err)
{
    return evk_bpe_symbol(w->symbols, id, at - w->begin, err);
}

static evoke_status put_waiting(spelling *w, evoke_error *err)
{
    const evk_bpe_model *m = w->t->model;
    if (!w->unknown_waits)
        return EVOKE_OK;
    w->unknown_waits = false;
    return put(w, m->unknown, w->unknown_at, err);
}

/* The bytes of a character with its prefix and suffix: the first ones where it lies, the others behind the word. */
static evoke_status put_bytes(spelling *w, const char *text, size_t n, size_t at, size_t room, evoke_error *err)
{
    const evk_bpe_model *m = w->t->model;
    for (size_t i = 0; i < n; i++)
        EVK_TRY(put(w, m->bytes.id[(unsigned char)text[i]], i < room ? at + i : w->word.end + w->extra++, err));
    return EVOKE_OK;
}

static evoke_status put_unknown(spelling *w, size_t at, evoke_error *err)
{
    const evk_bpe_model *m = w->t->model;
    if (m->unknown < 0 || (w->unknown_waits && m->fuse_unknown))
        return EVOKE_OK;
    EVK_TRY(put_waiting(w, err));
    w->unknown_waits = true;
    w->unknown_at = at;
    return EVOKE_OK;
}

/* The character with what stands around it, in w->text, where anything does. */
static evoke_status with_affixes(spelling *w, size_t at, size_t length, const char **text, size_t *n, evoke_error *err)
{
    const evk_bpe_model *m = w->t->model;
    const bool prefix = m->n_prefix && at > w->word.begin, suffix = m->n_suffix && at + length == w->word.end;
    *text = w->p->text + at;
    *n = length;
    if (!prefix && !suffix)
        return EVOKE_OK;
    w->text->n = 0;
    EVK_TRY(evk_buffer_add(w->text, m->prefix, prefix ? m->n_prefix : 0, err));
    EVK_TRY(evk_buffer_add(w->text, w->p->text + at, length, err));
    EVK_TRY(evk_buffer_add(w->text, m->suffix, suffix ? m->n_suffix : 0, err));
    *text = w->text->data;
    *n = w->text->n;
    return EVOKE_OK;
}

/* *known: it is a token. cut: no merge crosses the place before it, if it is one. */
static evoke_status put_character(spelling *w, size_t at, size_t length, bool cut, bool *known, evk_sink *out,
                                  evoke_error *err)
{
    const evk_bpe_model *m = w->t->model;
    const char *text = NULL;
    size_t n = 0;
    EVK_TRY(with_affixes(w, at, length, &text, &n, err));
    const int32_t id = evk_vocabulary_find(&w->t->vocabulary, text, n);
    *known = id >= 0;
    if (!*known && m->byte_fallback && evk_byte_tokens_have(&m->bytes, text, n))
        return put_bytes(w, text, n, at, length, err);
    if (!*known)
        return put_unknown(w, at, err);
    EVK_TRY(put_waiting(w, err));
    if (cut) {
        EVK_TRY(evk_bpe_model_finish(m, w->p, (evk_span){ w->begin, at }, w->symbols, out, err));
        EVK_TRY(evk_bpe_begin(w->symbols, w->word.end - at, err));
        w->begin = at;
    }
    return put(w, id, at, err);
}

static evoke_status encode(const evoke_tokenizer *t, const evk_passage *p, evk_span word, evk_encode_scratch *scratch,
                           evk_sink *out, evoke_error *err)
{
    const evk_bpe_model *m = t->model;
    spelling w = { .t = t, .p = p, .word = word, .begin = word.begin, .symbols = &scratch->bpe, .text = &scratch->text };
    const int32_t whole = m->whole_words ? evk_vocabulary_find(&t->vocabulary, p->text + word.begin, word.end - word.begin) : -1;
    if (whole >= 0)
        return evk_sink_add(out, whole, evk_passage_from(p, word.begin), err);
    EVK_TRY(evk_bpe_begin(w.symbols, word.end - word.begin, err));
    bool known = false;
    int32_t last = -1, code = 0;
    for (size_t i = word.begin, length = 0; i < word.end; i += length, last = code) {
        length = evk_utf8_next(p->text + i, word.end - i, &code);
        if (length == 0)
            return evk_fail(err, EVOKE_EDATA, "tokenize: invalid UTF-8 after normalizing");
        const bool cut = m->joints.bit && known && !evk_joints_has(&m->joints, last, code);
        EVK_TRY(put_character(&w, i, length, cut, &known, out, err));
    }
    EVK_TRY(put_waiting(&w, err));
    return evk_bpe_model_finish(m, p, (evk_span){ w.begin, word.end }, w.symbols, out, err);
}

static evoke_status decode(const evoke_tokenizer *t, int32_t id, evk_buffer *out, evoke_error *err)
{
    size_t n = 0;
    const char *text = evk_vocabulary_text(&t->vocabulary, id, &n);
    return evk_buffer_add(out, text, n, err);
}

const evk_tokenizer_kind evk_char_bpe = {
    .name = "BPE", .open_json = evk_bpe_model_json, .encode = encode, .decode = decode, .close = evk_bpe_model_close,
};
