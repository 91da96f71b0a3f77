/* layers/tokenizers/json_fields.c: the fields of a step of tokenizer.json, checked. */
#include "layers/tokenizers/json_fields.h"

#include "core/text.h"

evoke_status evk_json_flag(const json_t *object, const char *key, bool *out, const char *where, evoke_error *err)
{
    const json_t *value = json_object_get(object, key);
    if (!value || json_is_null(value))
        return EVOKE_OK;
    if (!json_is_boolean(value))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: '%s' is neither true nor false (%s)", key, where);
    *out = json_is_true(value);
    return EVOKE_OK;
}

const char *evk_json_type(const json_t *step)
{
    const char *type = json_string_value(json_object_get(step, "type"));
    return type ? type : "(no type)";
}

evoke_status evk_json_text(const json_t *step, const char *key, const char **text, size_t *n, const char *where,
                           evoke_error *err)
{
    const json_t *value = json_object_get(step, key);
    if (!json_is_string(value))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %.60s has no text '%s' (%s)", evk_json_type(step), key, where);
    *text = json_string_value(value);
    *n = json_string_length(value);
    return EVOKE_OK;
}

evoke_status evk_json_character(const json_t *step, const char *key, int32_t *out, const char *where, evoke_error *err)
{
    const char *text = NULL;
    size_t n = 0;
    if (!json_object_get(step, key) && *out >= 0)
        return EVOKE_OK;
    EVK_TRY(evk_json_text(step, key, &text, &n, where, err));
    if (n == 0 || evk_utf8_next(text, n, out) != n)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: '%s' of %.60s is not one character (%s)", key,
                        evk_json_type(step), where);
    return EVOKE_OK;
}

evoke_status evk_json_count(const json_t *step, const char *key, size_t *out, const char *where, evoke_error *err)
{
    const json_t *value = json_object_get(step, key);
    if (!value)
        return EVOKE_OK;
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > 1 << 30)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: '%s' of %.60s is no number of 0..2^30 (%s)", key,
                        evk_json_type(step), where);
    *out = (size_t)json_integer_value(value);
    return EVOKE_OK;
}

evoke_status evk_json_pattern(const json_t *step, const char **text, size_t *n, bool *literal, const char *where,
                              evoke_error *err)
{
    const json_t *pattern = json_object_get(step, "pattern"), *regex = json_object_get(pattern, "Regex");
    const json_t *value = regex ? regex : json_is_string(pattern) ? pattern : json_object_get(pattern, "String");
    if (!json_is_string(value))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %.60s has no pattern (%s)", evk_json_type(step), where);
    *text = json_string_value(value);
    *n = json_string_length(value);
    *literal = !regex;
    return EVOKE_OK;
}
