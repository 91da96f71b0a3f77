/* layers/tokenizers/byte_bpe.c: byte-level BPE, the tokenizer of GPT-2, Llama 3, Qwen, SmolLM.
 *
 * The symbols that a word begins as are its bytes, each a token of the vocabulary written in GPT-2's alphabet; merges make
 * larger ones. A vocabulary that was trained without seeing some byte (SmolLM2: U+0004 and twenty others) has no token
 * for it: such a byte becomes the unknown token where the file names one, otherwise nothing, as in Hugging Face's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers/tokenizers/byte_level.h"
#include "layers/tokenizers/presets.h"
#include "layers/tokenizers/tokenizer.h"

typedef struct byte_bpe {
    evk_bpe merges;
    int32_t byte_id[256];       /* -1: none */
    int32_t unknown;            /* -1: none */
    bool fuse_unknown;          /* neighbouring unknown bytes are one token */
    bool whole_words;           /* a word that is a token is that token, whatever the merges say */
} byte_bpe;

static void close_model(evoke_tokenizer *t)
{
    byte_bpe *m = t->model;
    if (m)
        evk_bpe_free(&m->merges);
    free(m);
    t->model = NULL;
}

/* ---- open ---- */
static evoke_status new_model(evoke_tokenizer *t, size_t n_merges, byte_bpe **out, evoke_error *err)
{
    EVK_TRY(evk_alloc(&t->model, 1, sizeof(byte_bpe), "open tokenizer", err));
    byte_bpe *m = *out = t->model;
    m->unknown = -1;
    for (int byte = 0; byte < 256; byte++) {
        char text[4];
        m->byte_id[byte] = evk_vocabulary_find(&t->vocabulary, text,
                                               evk_utf8_put(evk_byte_level_char((unsigned char)byte), text));
    }
    return evk_bpe_init(&m->merges, n_merges, err);
}

typedef struct merge_text { const char *left, *right; size_t n_left, n_right; } merge_text;

/* "ab cd": the space after the first character parts them. */
static bool part_merge(const char *text, size_t n, merge_text *out)
{
    const char *space = n > 2 ? memchr(text + 1, ' ', n - 1) : NULL;
    if (!space || space + 1 == text + n)
        return false;
    *out = (merge_text){ text, space + 1, (size_t)(space - text), n - (size_t)(space - text) - 1 };
    return true;
}

/* As much of a text as a message shows. */
static int shown(size_t n) { return n < 60 ? (int)n : 60; }

static evoke_status add_merge(evoke_tokenizer *t, const merge_text *m, size_t rank, const char *where, evoke_error *err)
{
    const evk_vocabulary *v = &t->vocabulary;
    const int32_t left = evk_vocabulary_find(v, m->left, m->n_left);
    const int32_t right = evk_vocabulary_find(v, m->right, m->n_right);
    const int32_t merged = evk_vocabulary_find_pair(v, m->left, m->n_left, m->right, m->n_right);
    if (left < 0 || right < 0 || merged < 0) {
        const bool both = left >= 0 && right >= 0;
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: merge %zu needs '%.*s%.*s', which is no token (%s)", rank,
                        both || left < 0 ? shown(m->n_left) : 0, m->left,
                        both || left >= 0 ? shown(m->n_right) : 0, m->right, where);
    }
    evk_bpe_add(&((byte_bpe *)t->model)->merges, left, right, (uint32_t)rank, merged);
    return EVOKE_OK;
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
    size_t n = 0;
    if (!evk_meta_array(w, KEY, &n))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %s %s (%s)", KEY,
                        evk_meta_has(w, KEY) ? "is no array" : "is missing", where);
    byte_bpe *m = NULL;
    EVK_TRY(new_model(t, n, &m, err));
    for (size_t i = 0; i < n; i++) {
        const char *text = NULL;
        size_t length = 0;
        merge_text merge;
        if (!evk_meta_array_string(w, KEY, i, &text, &length) || !part_merge(text, length, &merge))
            return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: merge %zu is not two texts and a space (%s)", i, where);
        EVK_TRY(add_merge(t, &merge, i, where, err));
    }
    m->whole_words = preset->whole_words;
    *add_bos = preset->add_bos;
    *add_eos = false;
    snprintf(t->name, sizeof t->name, "%s (%.40s)", evk_byte_bpe.name, pre ? pre : "default");
    return evk_preset_apply(preset, &t->pretokenizer, err);
}

/* A merge of tokenizer.json: "ab cd" or ["ab", "cd"]. */
static bool merge_from_json(const json_t *value, merge_text *out)
{
    if (json_is_string(value))
        return part_merge(json_string_value(value), json_string_length(value), out);
    const json_t *left = json_array_get(value, 0), *right = json_array_get(value, 1);
    if (json_array_size(value) != 2 || !json_is_string(left) || !json_is_string(right))
        return false;
    *out = (merge_text){ json_string_value(left), json_string_value(right), json_string_length(left),
                         json_string_length(right) };
    return true;
}

/* What of BPE this version does not do, and a file may ask for. */
static evoke_status refuse_others(const json_t *model, const char *where, evoke_error *err)
{
    static const char *const affixes[] = { "continuing_subword_prefix", "end_of_word_suffix" };
    bool byte_fallback = false;
    EVK_TRY(evk_json_flag(model, "byte_fallback", &byte_fallback, where, err));
    if (byte_fallback)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: BPE with byte_fallback is not supported (%s)", where);
    for (size_t i = 0; i < sizeof affixes / sizeof *affixes; i++) {
        const json_t *value = json_object_get(model, affixes[i]);
        if (value && !json_is_null(value) && !(json_is_string(value) && json_string_length(value) == 0))
            return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: BPE with %s is not supported (%s)", affixes[i],
                            where);
    }
    const json_t *dropout = json_object_get(model, "dropout");
    if (dropout && !json_is_null(dropout) && !(json_number_value(dropout) == 0 && json_is_number(dropout)))
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: BPE with dropout is not supported (%s)", where);
    return EVOKE_OK;
}

static evoke_status set_unknown(evoke_tokenizer *t, const json_t *model, const char *where, evoke_error *err)
{
    byte_bpe *m = t->model;
    const json_t *unknown = json_object_get(model, "unk_token");
    EVK_TRY(evk_json_flag(model, "fuse_unk", &m->fuse_unknown, where, err));
    if (!unknown || json_is_null(unknown))
        return EVOKE_OK;
    if (json_is_string(unknown))
        m->unknown = evk_vocabulary_find(&t->vocabulary, json_string_value(unknown), json_string_length(unknown));
    return m->unknown >= 0 ? EVOKE_OK
                           : evk_fail(err, EVOKE_EFORMAT, "open tokenizer: unk_token is no token (%s)", where);
}

/* ByteLevel, alone or in a Sequence (with Fuse, which joins what is joined already); none at all is taken as that. */
static evoke_status check_decoder(const json_t *decoder, const char *where, evoke_error *err)
{
    const char *type = evk_json_type(decoder);
    const json_t *parts = json_object_get(decoder, "decoders");
    if (!decoder || json_is_null(decoder) || strcmp(type, "ByteLevel") == 0)
        return EVOKE_OK;
    for (size_t i = 0; strcmp(type, "Sequence") == 0 && i < json_array_size(parts); i++) {
        type = evk_json_type(json_array_get(parts, i));
        if (strcmp(type, "ByteLevel") == 0 || strcmp(type, "Fuse") == 0)
            type = "Sequence";
    }
    return strcmp(type, "Sequence") == 0 ? EVOKE_OK : evk_fail(err, EVOKE_EUNSUPPORTED,
        "open tokenizer: decoder '%.60s' is not supported with BPE (%s)", type, where);
}

static evoke_status open_json(evoke_tokenizer *t, const json_t *json, const char *where, evoke_error *err)
{
    const json_t *model = json_object_get(json, "model"), *merges = json_object_get(model, "merges");
    EVK_TRY(refuse_others(model, where, err));
    if (!json_is_array(merges))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: model.merges is missing or no array (%s)", where);
    byte_bpe *m = NULL;
    EVK_TRY(new_model(t, json_array_size(merges), &m, err));
    for (size_t i = 0; i < json_array_size(merges); i++) {
        merge_text merge;
        if (!merge_from_json(json_array_get(merges, i), &merge))
            return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: merge %zu is no pair of texts (%s)", i, where);
        EVK_TRY(add_merge(t, &merge, i, where, err));
    }
    EVK_TRY(set_unknown(t, model, where, err));
    EVK_TRY(evk_json_flag(model, "ignore_merges", &m->whole_words, where, err));
    bool byte_level = false;
    EVK_TRY(evk_json_pretokenizer(json_object_get(json, "pre_tokenizer"), &t->pretokenizer, &byte_level, where, err));
    if (!byte_level)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: BPE without ByteLevel is not supported (%s)", where);
    snprintf(t->name, sizeof t->name, "%s (tokenizer.json)", evk_byte_bpe.name);
    return check_decoder(json_object_get(json, "decoder"), where, err);
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

static evoke_status begin_word(const byte_bpe *m, const char *word, size_t n, evk_bpe_scratch *s, evoke_error *err)
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
    const byte_bpe *m = t->model;
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
    EVK_TRY(evk_bpe_merge(evk_bpe_listed, &m->merges, s, err));
    for (uint32_t i = s->first; i != EVK_NO_SYMBOL; i = s->symbol[i].next)
        EVK_TRY(evk_sink_add(out, s->symbol[i].id, evk_passage_from(p, word.begin + i), err));
    return EVOKE_OK;
}

static evoke_status decode(const evoke_tokenizer *t, int32_t id, evk_buffer *out, evoke_error *err)
{
    size_t n = 0;
    const char *text = evk_vocabulary_text(&t->vocabulary, id, &n);
    return evk_byte_level_read(text, n, out, err);
}

const evk_tokenizer_kind evk_byte_bpe = {
    .name = "byte-level BPE", .gguf_model = "gpt2", .json_model = "BPE",
    .open_gguf = open_gguf, .open_json = open_json, .encode = encode, .decode = decode, .close = close_model,
};
