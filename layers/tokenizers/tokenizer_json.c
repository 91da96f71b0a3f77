/* layers/tokenizers/tokenizer_json.c: a tokenizer from a tokenizer.json of Hugging Face's `tokenizers`.
 *
 *     model            the vocabulary, and what the kind of model needs (byte_bpe.c)
 *     added_tokens     found in the text before anything else; `special` ones are control tokens
 *     normalizer, pre_tokenizer, decoder    json_normalizer.c, json_pretokenizer.c, json_decoder.c
 *     post_processor   which tokens ADD_SPECIAL puts around a text (json_post_processor.c)
 *
 * truncation and padding are not followed: a text is tokenised whole. */
#include <stdlib.h>
#include <string.h>

#include "layers/tokenizers/tokenizer.h"

enum { MOST_HOLES = 1 << 20 };      /* ids that no token has */

/* ---- vocabulary ---- */

/* Largest id + 1 of the vocabulary and the added tokens, checked. */
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
        const json_t *id = json_object_get(value, "id");
        if (!json_is_string(json_object_get(value, "content")))
            return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: added token %zu has no content (%s)", i, where);
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= limit)
            return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: added token %zu has no id below %lld (%s)", i,
                            (long long)limit, where);
        last = json_integer_value(id) > last ? json_integer_value(id) : last;
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

/* The id of an added token: the vocabulary's, where it has that text, else the one that it comes with. */
static size_t added_id(const json_t *vocab, const json_t *token)
{
    const json_t *id = json_object_get(vocab, json_string_value(json_object_get(token, "content")));
    return (size_t)json_integer_value(id ? id : json_object_get(token, "id"));
}

/* An added token's text takes the place of what the vocabulary has under its id. */
static evoke_status place_added(const json_t *vocab, const json_t *added, evk_token *tokens, const char *where,
                                evoke_error *err)
{
    size_t i = 0;
    json_t *value = NULL;
    json_array_foreach(added, i, value) {
        const json_t *content = json_object_get(value, "content");
        evk_token *t = tokens + added_id(vocab, value);
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
        st = place_added(vocab, added, tokens, where, err);
    if (st == EVOKE_OK)
        st = evk_vocabulary_build(&t->vocabulary, tokens, n, where, err);
    free(tokens);
    return st;
}

/* ---- added tokens ---- */

/* A text as the normalizer leaves it. */
static evoke_status normalized(const evoke_tokenizer *t, const char *text, size_t n, evoke_text *out, evoke_error *err)
{
    evk_matcher matcher = {0};
    evk_normalize_scratch scratch = {0};
    const evk_passage whole = { .text = text, .n = n }, *p = &whole;
    evk_buffer copy = {0};
    evoke_status st = evk_matcher_init(&matcher, n, err);
    if (st == EVOKE_OK)
        st = evk_normalize(&t->normalizer, &p, &scratch, &matcher, err);
    if (st == EVOKE_OK)
        st = evk_buffer_add(&copy, p->text, p->n, err);
    if (st == EVOKE_OK)
        st = evk_buffer_take(&copy, out, err);
    evk_buffer_free(&copy);
    evk_normalize_scratch_free(&scratch);
    evk_matcher_free(&matcher);
    return st;
}

static evoke_status add_token(evoke_tokenizer *t, const json_t *vocab, const json_t *value, const char *where,
                              evoke_error *err)
{
    const json_t *content = json_object_get(value, "content");
    evk_added_token token = { .id = (int32_t)added_id(vocab, value), .n = json_string_length(content) };
    EVK_TRY(evk_json_flag(value, "special", &token.control, where, err));
    EVK_TRY(evk_json_flag(value, "lstrip", &token.strip_left, where, err));
    EVK_TRY(evk_json_flag(value, "rstrip", &token.strip_right, where, err));
    EVK_TRY(evk_json_flag(value, "single_word", &token.single_word, where, err));
    bool after = !token.control;
    EVK_TRY(evk_json_flag(value, "normalized", &after, where, err));
    if (!after)
        return evk_added_tokens_add(&t->added, json_string_value(content), &token, err);
    evoke_text text = {0};
    EVK_TRY(normalized(t, json_string_value(content), token.n, &text, err));
    token.n = text.n;
    const evoke_status st = evk_added_tokens_add(&t->added_normalized, text.data, &token, err);
    evoke_text_free(&text);
    return st;
}

static evoke_status read_added(evoke_tokenizer *t, const json_t *vocab, const json_t *added, const char *where,
                               evoke_error *err)
{
    size_t i = 0;
    json_t *value = NULL;
    json_array_foreach(added, i, value)
        EVK_TRY(add_token(t, vocab, value, where, err));
    evk_added_tokens_sort(&t->added);
    evk_added_tokens_sort(&t->added_normalized);
    return EVOKE_OK;
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

/* vocab: text -> id. */
static evoke_status fill_from(evoke_tokenizer *t, const json_t *json, const json_t *vocab, const char *where,
                              evoke_error *err)
{
    const json_t *added = json_object_get(json, "added_tokens");
    if (added && !json_is_null(added) && !json_is_array(added))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: added_tokens is no array (%s)", where);
    EVK_TRY(read_vocabulary(t, vocab, added, where, err));
    EVK_TRY(evk_json_normalizer(json_object_get(json, "normalizer"), &t->normalizer, where, err));
    EVK_TRY(read_added(t, vocab, added, where, err));
    EVK_TRY(t->kind->open_json(t, json, where, err));
    EVK_TRY(evk_json_decoder(json_object_get(json, "decoder"), &t->decoder, where, err));
    EVK_TRY(evk_json_post_processor(t, json_object_get(json, "post_processor"), where, err));
    return evk_tokenizer_mark_ends(t, err);
}

static evoke_status fill(evoke_tokenizer *t, const json_t *json, const char *where, evoke_error *err)
{
    const json_t *model = json_object_get(json, "model");
    json_t *vocab = NULL;
    if (!json_is_object(model))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: no 'model' in it (%s)", where);
    EVK_TRY(find_kind(t, model, where, err));
    evoke_status st = vocabulary_object(t, json_object_get(model, "vocab"), &vocab, where, err);
    if (st == EVOKE_OK)
        st = fill_from(t, json, vocab, where, err);
    json_decref(vocab);
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
