/* layers/tokenizers/folder_tokens.c: tokens that the other files of a folder add to those of tokenizer.json, as
 * transformers 5 adds them.
 *
 *     tokenizer_config.json      added_tokens_decoder: {id: token}, in the order of the ids; a token that tokenizer.json
 *                                has already takes these flags
 *     added_tokens.json          {text: id}, where there is no added_tokens_decoder
 *     bos_token ... mask_token, other keys that end in _token, extra_special_tokens: special tokens, where no list has
 *                                them yet; special_tokens_map.json says the same, where there is no added_tokens_decoder,
 *                                and goes before tokenizer_config.json */
#include <stdlib.h>
#include <string.h>

#include "layers/tokenizers/tokenizer.h"

static const char *const named[] = { "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token",
                                     "mask_token" };

/* A text, or an object with its content; NULL: neither. */
static const char *content_of(const json_t *value)
{
    return json_string_value(json_is_object(value) ? json_object_get(value, "content") : value);
}

static bool is_listed(const json_t *list, const char *content)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_object_get(json_array_get(list, i), "content"));
        if (text && strcmp(text, content) == 0)
            return true;
    }
    return false;
}

/* Appends a token; what `value` says of its flags holds, `special` where it says nothing. */
static evoke_status append(json_t *list, const char *content, const json_t *value, bool special, bool force,
                           evoke_error *err)
{
    static const char *const flags[] = { "lstrip", "rstrip", "single_word", "normalized" };
    const json_t *says = json_object_get(value, "special");
    const bool is_special = force || (says ? json_is_true(says) : special);
    json_t *token = json_pack("{s:s, s:i, s:b, s:b}", "content", content, "id", 0, "special", is_special, "normalized",
                              !is_special);
    for (size_t i = 0; token && i < sizeof flags / sizeof *flags; i++) {
        json_t *flag = json_object_get(value, flags[i]);
        if (json_is_boolean(flag))
            json_object_set(token, flags[i], flag);
    }
    return json_array_append_new(list, token) == 0 ? EVOKE_OK : evk_fail(err, EVOKE_ENOMEM, "open tokenizer: no memory");
}

static evoke_status append_new(json_t *list, const json_t *value, evoke_error *err)
{
    const char *content = content_of(value);
    return content && *content && !is_listed(list, content) ? append(list, content, value, true, true, err) : EVOKE_OK;
}

/* ---- lists by id ---- */
typedef struct by_id { long long id; const char *content; const json_t *value; } by_id;

static int compare_ids(const void *x, const void *y)
{
    const by_id *a = x, *b = y;
    return (a->id > b->id) - (a->id < b->id);
}

/* {id: token} (texts: {text: id} instead), in the order of the ids. */
static evoke_status append_by_id(json_t *list, json_t *tokens, bool texts, const char *where, evoke_error *err)
{
    by_id *all = NULL;
    size_t n = 0;
    const char *key = NULL;
    json_t *value = NULL;
    EVK_TRY(evk_alloc(&all, json_object_size(tokens) + 1, sizeof *all, "open tokenizer", err));
    evoke_status st = EVOKE_OK;
    json_object_foreach(tokens, key, value) {
        char *end = NULL;
        all[n] = texts ? (by_id){ json_integer_value(value), key, NULL }
                       : (by_id){ strtoll(key, &end, 10), content_of(value), value };
        if (texts ? !json_is_integer(value) : !*key || *end || !json_is_object(value) || !all[n].content)
            st = evk_fail(err, EVOKE_EFORMAT, "open tokenizer: '%.60s' of %s is no token with its id (%s)", key,
                          texts ? "added_tokens.json" : "added_tokens_decoder", where);
        n++;
    }
    qsort(all, n, sizeof *all, compare_ids);
    for (size_t i = 0; i < n && st == EVOKE_OK; i++)
        if (!texts || !is_listed(list, all[i].content))
            st = append(list, all[i].content, all[i].value, false, false, err);
    free(all);
    return st;
}

/* ---- special tokens by name ---- */
static bool ends_in_token(const char *key)
{
    const size_t n = strlen(key), n_end = strlen("_token");
    return n > n_end && strcmp(key + n - n_end, "_token") == 0;
}

static evoke_status append_special(json_t *list, json_t *config, json_t *map, evoke_error *err)
{
    static const char *const others[] = { "additional_special_tokens", "extra_special_tokens" };
    json_t *const sources[] = { config, map };
    const char *key = NULL;
    json_t *value = NULL;
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        EVK_TRY(append_new(list, evk_special_token(config, map, named[i]), err));
    for (size_t s = 0; s < 2; s++)
        json_object_foreach(sources[s], key, value)
            if (ends_in_token(key))
                EVK_TRY(append_new(list, value, err));
    for (size_t s = 0; s < 4; s++) {
        json_t *more = json_object_get(sources[s / 2], others[s % 2]);
        for (size_t i = 0; i < json_array_size(more); i++)
            EVK_TRY(append_new(list, json_array_get(more, i), err));
        json_object_foreach(json_is_object(more) ? more : NULL, key, value)
            EVK_TRY(append_new(list, value, err));
    }
    return EVOKE_OK;
}

const json_t *evk_special_token(const json_t *config, const json_t *map, const char *key)
{
    const json_t *value = json_object_get(map, key);
    return value && !json_is_null(value) ? value : json_object_get(config, key);
}

evoke_status evk_folder_tokens(json_t *json, json_t *config, json_t *map, json_t *added, const char *where,
                               evoke_error *err)
{
    json_t *listed = json_object_get(json, "added_tokens"), *decoder = json_object_get(config, "added_tokens_decoder");
    if (listed && !json_is_null(listed) && !json_is_array(listed))
        return EVOKE_OK;                        /* an error for those who read it */
    json_t *list = json_is_array(listed) ? json_copy(listed) : json_array();
    evoke_status st = list ? EVOKE_OK : evk_fail(err, EVOKE_ENOMEM, "open tokenizer: no memory");
    if (st == EVOKE_OK && decoder && !json_is_null(decoder) && !json_is_object(decoder))
        st = evk_fail(err, EVOKE_EFORMAT, "open tokenizer: added_tokens_decoder is no object (%s)", where);
    if (st == EVOKE_OK)
        st = json_is_object(decoder) ? append_by_id(list, decoder, false, where, err)
                                     : append_by_id(list, added, true, where, err);
    if (st == EVOKE_OK)
        st = append_special(list, config, map, err);
    if (st == EVOKE_OK && json_object_set(json, "added_tokens", list) != 0)
        st = evk_fail(err, EVOKE_EFORMAT, "open tokenizer: no JSON object (%s)", where);
    json_decref(list);
    return st;
}
