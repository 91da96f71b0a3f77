/* layers/tokenizers/byte_bpe.c: byte-level BPE, the tokenizer of GPT-2, Llama 3, Qwen, SmolLM.
 *
 * The symbols that a word begins as are its bytes, each a token of the vocabulary written in GPT-2's alphabet; merges make
 * larger ones. A vocabulary that was trained without seeing some byte (SmolLM2: U+0004 and twenty others) has no token
 * for it: such a byte becomes the unknown token where the file names one, otherwise nothing, as in Hugging Face's. */
#include <stdio.h>
#include <string.h>

#include "layers/tokenizers/bpe_model.h"
#include "layers/tokenizers/byte_level.h"
#include "layers/tokenizers/presets.h"
#include "layers/tokenizers/tokenizer_gguf.h"

/* ---- open ---- */
static void find_bytes(evoke_tokenizer *t)
{
    evk_bpe_model *m = t->model;
    for (int byte = 0; byte < 256; byte++) {
        char text[4];
        m->byte_id[byte] = evk_vocabulary_find(&t->vocabulary, text,
                                               evk_utf8_put(evk_byte_level_char((unsigned char)byte), text));
    }
}

static evoke_status open_gguf(evoke_tokenizer *t, const evoke_weights *w, bool *add_bos, bool *add_eos, evoke_error *err)
{
    static const char *const KEY = "tokenizer.ggml.merges", *const PRE = "tokenizer.ggml.pre";
    const char *where = evk_weights_path(w), *pre = evk_meta_string(w, PRE);
    if (!pre && evk_meta_has(w, PRE))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %s is no string (%s)", PRE, where);
    const evk_preset *preset = evk_preset_find(pre ? pre : "default");
    if (!preset)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: pre-tokenizer '%.60s' is not known (%s)", pre, where);
    const evk_meta *merges = NULL;
    EVK_TRY(evk_gguf_array(w, KEY, &merges, err));
    evk_bpe_model *m = NULL;
    EVK_TRY(evk_bpe_model_new(t, merges->n, &m, err));
    find_bytes(t);
    for (size_t i = 0; i < merges->n; i++) {
        const char *text = "";
        size_t length = 0;
        if (!evk_meta_element_string(merges, i, &text, &length))
            return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %s holds no strings (%s)", KEY, where);
        EVK_TRY(evk_bpe_model_add(t, text, length, i, where, err));
    }
    m->whole_words = preset->whole_words;
    *add_bos = preset->add_bos;
    *add_eos = false;
    snprintf(t->name, sizeof t->name, "%s (%.40s)", evk_byte_bpe.name, pre ? pre : "default");
    return evk_preset_apply(preset, &t->pretokenizer, err);
}

/* Over bytes where the file's pre-tokenizer is ByteLevel; over characters otherwise. */
static evoke_status open_json(evoke_tokenizer *t, const json_t *json, const char *where, evoke_error *err)
{
    EVK_TRY(evk_bpe_model_json(t, json, where, err));
    if (t->kind == &evk_byte_bpe)
        find_bytes(t);
    return EVOKE_OK;
}

/* ---- encode and decode ---- */

/* The whole word as one token; -1: it is none. */
static evoke_status find_word(const evoke_tokenizer *t, const char *word, size_t n, evk_buffer *text, int32_t *id,
                              evoke_error *err)
{
    *id = -1;
    if (n > t->vocabulary.longest)
        return EVOKE_OK;
    text->n = 0;
    EVK_TRY(evk_byte_level_write(word, n, text, err));
    *id = evk_vocabulary_find(&t->vocabulary, text->data, text->n);
    return EVOKE_OK;
}

static evoke_status begin_word(const evk_bpe_model *m, const char *word, size_t n, evk_bpe_scratch *s, evoke_error *err)
{
    bool after_unknown = false;
    EVK_TRY(evk_bpe_begin(s, n, err));
    for (size_t i = 0; i < n; i++) {
        const int32_t id = m->byte_id[(unsigned char)word[i]];
        if (id >= 0)
            EVK_TRY(evk_bpe_symbol(s, id, i, err));
        else if (m->unknown >= 0 && !(after_unknown && m->fuse_unknown))
            EVK_TRY(evk_bpe_symbol(s, m->unknown, i, err));
        after_unknown = id < 0;
    }
    return EVOKE_OK;
}

static evoke_status encode(const evoke_tokenizer *t, const evk_passage *p, evk_span word, evk_encode_scratch *scratch,
                           evk_sink *out, evoke_error *err)
{
    const evk_bpe_model *m = t->model;
    const char *text = p->text + word.begin;
    const size_t n = word.end - word.begin;
    evk_bpe_scratch *s = &scratch->bpe;
    if (m->whole_words) {
        int32_t id = -1;
        EVK_TRY(find_word(t, text, n, &scratch->text, &id, err));
        if (id >= 0)
            return evk_sink_add(out, id, evk_passage_from(p, word.begin), err);
    }
    EVK_TRY(begin_word(m, text, n, s, err));
    return evk_bpe_model_finish(m, p, word, s, out, err);
}

static evoke_status decode(const evoke_tokenizer *t, int32_t id, evk_buffer *out, evoke_error *err)
{
    size_t n = 0;
    const char *text = evk_vocabulary_text(&t->vocabulary, id, &n);
    return evk_byte_level_read(text, n, out, err);
}

const evk_tokenizer_kind evk_byte_bpe = {
    .name = "byte-level BPE", .gguf_model = "gpt2", .json_model = "BPE",
    .open_gguf = open_gguf, .open_json = open_json, .encode = encode, .decode = decode, .close = evk_bpe_model_close,
};
