/* layers/tokenizers/tokenizer_json.c: a tokenizer from a tokenizer.json of Hugging Face's `tokenizers`.
 *
 *     model            the vocabulary, and what the kind of model needs (byte_bpe.c)
 *     added_tokens     found in the text before anything else; `special` ones are control tokens (json_added.c)
 *     normalizer, pre_tokenizer, decoder    json_normalizer.c, json_pretokenizer.c, json_decoder.c
 *     post_processor   which tokens ADD_SPECIAL puts around a text (json_post_processor.c)
 *
 * truncation and padding are not followed: a text is tokenised whole. */
#include <stdlib.h>
#include <string.h>

#include "layers/tokenizers/tokenizer.h"

enum { MOST_HOLES = 1 << 20 };      /* ids that no token has */

/* ---- vocabulary ---- */

/* Largest id + 1 of the vocabulary, whose ids are checked, and of the added tokens. */
static evoke_status count_ids(const json_t *vocab, const json_t *added, size_t *n, const char *where, evoke_error *err)
{
    const char *text = NULL;
    json_t *value = NULL;
    size_t i = 0;
    json_int_t last = -1;
    const json_int_t limit = (json_int_t)(json_object_size(vocab) + json_array_size(added)) + MOST_HOLES;
    json_object_foreach((json_t *)vocab, text, value) {
        if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) >= limit)
            return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: the id of '%.60s' is no number below %lld (%s)", text,
                            (long long)limit, where);
        last = json_integer_value(value) > last ? json_integer_value(value) : last;
    }
    json_array_foreach(added, i, value) {
        const json_int_t id = json_integer_value(json_object_get(value, "id"));
        last = id > last ? id : last;
    }
    *n = (size_t)(last + 1);
    return EVOKE_OK;
}

static evoke_status place_vocabulary(const json_t *vocab, evk_token *tokens, const char *where, evoke_error *err)
{
    const char *text = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)vocab, text, value) {
        evk_token *t = tokens + json_integer_value(value);
        if (t->text)
            return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: '%.60s' and '%.60s' have the same id %lld (%s)", t->text,
                            text, (long long)json_integer_value(value), where);
        *t = (evk_token){ .text = text, .n = strlen(text), .kind = EVK_TOKEN_NORMAL };
    }
    return EVOKE_OK;
}

/* An added token's text takes the place of what the vocabulary has under its id. */
static evoke_status place_added(const json_t *added, evk_token *tokens, const char *where, evoke_error *err)
{
    size_t i = 0;
    json_t *value = NULL;
    json_array_foreach(added, i, value) {
        const json_t *content = json_object_get(value, "content");
        evk_token *t = tokens + json_integer_value(json_object_get(value, "id"));
        const bool same = t->text && t->n == json_string_length(content) &&
                          memcmp(t->text, json_string_value(content), t->n) == 0;
        bool special = false;
        EVK_TRY(evk_json_flag(value, "special", &special, where, err));
        *t = (evk_token){ .text = json_string_value(content), .n = json_string_length(content), .hidden = !same,
                          .kind = special ? EVK_TOKEN_CONTROL : EVK_TOKEN_USER };
    }
    return EVOKE_OK;
}

/* Unigram's list of [text, score], the id of each its place, as text -> id, which is what the other models have. Of two
 * with the same text the last counts. *out: the caller's reference. */
static evoke_status vocabulary_object(const evoke_tokenizer *t, json_t *vocab, json_t **out, const char *where,
                                      evoke_error *err)
{
    const bool list = t->kind == &evk_unigram && json_is_array(vocab);
    *out = list ? json_object() : json_incref(vocab);
    for (size_t i = 0; list && i < json_array_size(vocab); i++) {
        const char *text = json_string_value(json_array_get(json_array_get(vocab, i), 0));
        if (!text)
            return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: token %zu has no text (%s)", i, where);
        if (json_object_set_new(*out, text, json_integer((json_int_t)i)) != 0)
            return evk_fail(err, EVOKE_ENOMEM, "open tokenizer: no memory for the vocabulary (%s)", where);
    }
    return json_is_object(*out) ? EVOKE_OK : evk_fail(err, EVOKE_EFORMAT, "open tokenizer: model.vocab is missing or "
                                                      "neither object nor list (%s)", where);
}

static evoke_status read_vocabulary(evoke_tokenizer *t, const json_t *vocab, const json_t *added, const char *where,
                                    evoke_error *err)
{
    size_t n = 0;
    EVK_TRY(count_ids(vocab, added, &n, where, err));
    evk_token *tokens = NULL;
    EVK_TRY(evk_alloc(&tokens, n, sizeof *tokens, "open tokenizer", err));
    evoke_status st = place_vocabulary(vocab, tokens, where, err);
    if (st == EVOKE_OK)
        st = place_added(added, tokens, where, err);
    if (st == EVOKE_OK)
        st = evk_vocabulary_build(&t->vocabulary, tokens, n, where, err);
    free(tokens);
    return st;
}

/* ---- all of it ---- */
static evoke_status find_kind(evoke_tokenizer *t, const json_t *model, const char *where, evoke_error *err)
{
    const json_t *type = json_object_get(model, "type");
    /* files of older versions name no type */
    const char *name = json_is_string(type)                                  ? json_string_value(type)
                     : json_object_get(model, "merges")                      ? "BPE"
                     : json_object_get(model, "max_input_chars_per_word")    ? "WordPiece"
                     : json_is_array(json_object_get(model, "vocab"))        ? "Unigram"
                                                                             : "";
    t->kind = evk_tokenizer_kind_find(name, false);
    return t->kind ? EVOKE_OK : evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: model '%.60s' is not supported (%s)",
                                         name, where);
}

/* vocab: text -> id; added: with the ids that they are to have. */
static evoke_status fill_from(evoke_tokenizer *t, const json_t *json, const json_t *vocab, const json_t *added,
                              const char *where, evoke_error *err)
{
    EVK_TRY(read_vocabulary(t, vocab, added, where, err));
    EVK_TRY(evk_json_normalizer(json_object_get(json, "normalizer"), &t->normalizer, where, err));
    EVK_TRY(evk_json_added(t, added, where, err));
    EVK_TRY(t->kind->open_json(t, json, where, err));
    EVK_TRY(evk_json_decoder(json_object_get(json, "decoder"), &t->decoder, where, err));
    EVK_TRY(evk_json_post_processor(t, json_object_get(json, "post_processor"), where, err));
    return evk_tokenizer_mark_ends(t, err);
}

static evoke_status fill(evoke_tokenizer *t, const json_t *json, const char *where, evoke_error *err)
{
    json_t *model = json_object_get(json, "model"), *listed = json_object_get(json, "added_tokens");
    json_t *vocab = NULL, *added = NULL, *declared = json_object_get(model, "vocab");
    if (!json_is_object(model))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: no 'model' in it (%s)", where);
    if (listed && !json_is_null(listed) && !json_is_array(listed))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: added_tokens is no array (%s)", where);
    EVK_TRY(find_kind(t, model, where, err));
    evoke_status st = vocabulary_object(t, declared, &vocab, where, err);
    if (st == EVOKE_OK)
        st = evk_json_added_resolve(vocab, json_is_array(declared) ? json_array_size(declared) : json_object_size(vocab),
                                    listed, &added, where, err);
    if (st == EVOKE_OK)
        st = fill_from(t, json, vocab, added, where, err);
    json_decref(vocab);
    json_decref(added);
    return st;
}

evoke_status evk_tokenizer_from_json(const json_t *json, const char *where, evoke_tokenizer **out, evoke_error *err)
{
    evoke_tokenizer *t = NULL;
    *out = NULL;
    EVK_TRY(evk_alloc(&t, 1, sizeof *t, "open tokenizer", err));
    t->bos = t->eos = -1;
    const evoke_status st = fill(t, json, where, err);
    if (st == EVOKE_OK)
        *out = t;
    else
        evoke_tokenizer_free(t);
    return st;
}
