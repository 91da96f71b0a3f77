/* layers/tokenizers/json_added.c: the added tokens of a tokenizer.json.
 *
 * Their ids are those that the library gives them, whatever the list says: a text that is in the vocabulary keeps its id,
 * any other gets the next after the vocabulary's size and the largest id of an added token. An empty text is passed over;
 * of two with the same text the later one counts. */
#include <string.h>

#include "layers/tokenizers/tokenizer.h"

/* The list with ids as they are to be; `places` knows the place in it of each text. */
typedef struct resolver { const json_t *vocab; json_t *list, *places; json_int_t n_vocab, largest; } resolver;

static json_int_t id_of(const resolver *r, const char *content)
{
    const json_t *id = json_object_get(r->vocab, content), *place = json_object_get(r->places, content);
    if (place)
        id = json_object_get(json_array_get(r->list, (size_t)json_integer_value(place)), "id");
    if (id)
        return json_integer_value(id);
    return r->largest >= r->n_vocab || (r->n_vocab == 0 && r->largest >= 0) ? r->largest + 1 : r->n_vocab;
}

static bool put(resolver *r, const json_t *token, const char *content)
{
    const json_int_t id = id_of(r, content);
    const json_t *place = json_object_get(r->places, content);
    json_t *copy = json_copy((json_t *)token);
    if (!copy || json_object_set_new(copy, "id", json_integer(id)) != 0) {
        json_decref(copy);
        return false;
    }
    r->largest = id > r->largest ? id : r->largest;
    if (place)
        return json_array_set_new(r->list, (size_t)json_integer_value(place), copy) == 0;
    return json_object_set_new(r->places, content, json_integer((json_int_t)json_array_size(r->list))) == 0 &&
           json_array_append_new(r->list, copy) == 0;
}

evoke_status evk_json_added_resolve(const json_t *vocab, size_t n_vocab, const json_t *added, json_t **out,
                                    const char *where, evoke_error *err)
{
    resolver r = { .vocab = vocab, .list = json_array(), .places = json_object(), .n_vocab = (json_int_t)n_vocab,
                   .largest = -1 };
    evoke_status st = r.list && r.places ? EVOKE_OK : evk_fail(err, EVOKE_ENOMEM, "open tokenizer: no memory (%s)", where);
    for (size_t i = 0; i < json_array_size(added) && st == EVOKE_OK; i++) {
        const json_t *token = json_array_get(added, i), *content = json_object_get(token, "content");
        if (!json_is_string(content))
            st = evk_fail(err, EVOKE_EFORMAT, "open tokenizer: added token %zu has no content (%s)", i, where);
        else if (!json_is_integer(json_object_get(token, "id")))
            st = evk_fail(err, EVOKE_EFORMAT, "open tokenizer: added token %zu has no id (%s)", i, where);
        else if (json_string_length(content) > 0 && !put(&r, token, json_string_value(content)))
            st = evk_fail(err, EVOKE_ENOMEM, "open tokenizer: no memory (%s)", where);
    }
    json_decref(r.places);
    if (st != EVOKE_OK) {
        json_decref(r.list);
        r.list = NULL;
    }
    *out = r.list;
    return st;
}

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

static evoke_status add_token(evoke_tokenizer *t, const json_t *value, const char *where, evoke_error *err)
{
    const json_t *content = json_object_get(value, "content");
    evk_added_token token = { .id = (int32_t)json_integer_value(json_object_get(value, "id")),
                              .n = json_string_length(content) };
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

/* Decoding gives such a token's text as the normalizer leaves it. */
static evoke_status find_respelled(evoke_tokenizer *t, evoke_error *err)
{
    for (size_t i = 0; i < t->added_normalized.n; i++) {
        const evk_added_token *token = t->added_normalized.token + i;
        size_t n = 0;
        const char *text = evk_vocabulary_text(&t->vocabulary, token->id, &n);
        if (n == token->n && memcmp(text, token->text, n) == 0)
            continue;
        if (!t->respelled)
            EVK_TRY(evk_alloc(&t->respelled, t->vocabulary.n, sizeof *t->respelled, "open tokenizer", err));
        t->respelled[token->id] = (uint32_t)i + 1;
    }
    return EVOKE_OK;
}

evoke_status evk_json_added(evoke_tokenizer *t, const json_t *added, const char *where, evoke_error *err)
{
    for (size_t i = 0; i < json_array_size(added); i++)
        EVK_TRY(add_token(t, json_array_get(added, i), where, err));
    evk_added_tokens_sort(&t->added);
    evk_added_tokens_sort(&t->added_normalized);
    return find_respelled(t, err);
}
