/* layers/tokenizers/json_steps.c: the normalizer and the pre-tokenizer that a tokenizer.json declares.
 *
 * Each is a step with a type, or a Sequence of steps. A type is a row in a table: its name and the function that reads
 * its fields. A type that is not there is an error with its name, never a step left out. */
#include <string.h>

#include "layers/tokenizers/presets.h"
#include "layers/tokenizers/tokenizer.h"

enum { MOST_NESTED = 8 };

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

/* {"Regex": text} or {"String": text}, or a plain text, which is a string. */
static evoke_status read_pattern(const json_t *step, const char **text, size_t *n, bool *literal, const char *where,
                                 evoke_error *err)
{
    const json_t *pattern = json_object_get(step, "pattern"), *regex = json_object_get(pattern, "Regex");
    const json_t *value = regex ? regex : json_is_string(pattern) ? pattern : json_object_get(pattern, "String");
    if (!json_is_string(value))
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %s has no pattern (%s)", evk_json_type(step), where);
    *text = json_string_value(value);
    *n = json_string_length(value);
    *literal = !regex;
    return EVOKE_OK;
}

/* ---- normalizer ---- */
static evoke_status read_text(const json_t *step, const char *key, const char **text, const char *where,
                              evoke_error *err)
{
    *text = json_string_value(json_object_get(step, key));
    return *text ? EVOKE_OK : evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %s has no '%s' (%s)", evk_json_type(step),
                                       key, where);
}

static evoke_status add_replace(const json_t *step, evk_normalizer *z, const char *where, evoke_error *err)
{
    const char *pattern = NULL, *text = NULL;
    size_t n = 0;
    bool literal = false;
    evk_regex *regex = NULL;
    EVK_TRY(read_text(step, "content", &text, where, err));
    EVK_TRY(read_pattern(step, &pattern, &n, &literal, where, err));
    if (literal && n == 0)
        return EVOKE_OK;
    EVK_TRY(evk_regex_compile(pattern, n, literal, where, &regex, err));
    return evk_normalizer_add(z, EVK_REPLACE, regex, text, strlen(text), err);
}

static evoke_status add_normal_step(const json_t *step, int depth, evk_normalizer *z, const char *where,
                                    evoke_error *err)
{
    static const struct { const char *type; evk_normal_form form; } plain[] = {
        { "NFC", EVK_NFC }, { "NFD", EVK_NFD }, { "NFKC", EVK_NFKC }, { "NFKD", EVK_NFKD }, { "Lowercase", EVK_LOWERCASE },
    };
    const char *type = evk_json_type(step), *text = NULL;
    const json_t *parts = json_object_get(step, "normalizers");
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(plain[i].type, type) == 0)
            return evk_normalizer_add(z, plain[i].form, NULL, "", 0, err);
    if (strcmp(type, "Replace") == 0)
        return add_replace(step, z, where, err);
    if (strcmp(type, "Prepend") == 0) {
        EVK_TRY(read_text(step, "prepend", &text, where, err));
        return evk_normalizer_add(z, EVK_PREPEND, NULL, text, strlen(text), err);
    }
    if (strcmp(type, "Sequence") != 0 || !json_is_array(parts) || depth == MOST_NESTED)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: normalizer '%.60s' is not supported (%s)", type, where);
    for (size_t i = 0; i < json_array_size(parts); i++)
        EVK_TRY(add_normal_step(json_array_get(parts, i), depth + 1, z, where, err));
    return EVOKE_OK;
}

evoke_status evk_json_normalizer(const json_t *step, evk_normalizer *z, const char *where, evoke_error *err)
{
    return !step || json_is_null(step) ? EVOKE_OK : add_normal_step(step, 0, z, where, err);
}

/* ---- pre-tokenizer ---- */
typedef evoke_status add_function(const json_t *step, evk_pretokenizer *p, const char *where, evoke_error *err);

static evoke_status split_by(const char *pattern, evk_behavior behavior, bool invert, evk_pretokenizer *p,
                             const char *where, evoke_error *err)
{
    return evk_pretokenizer_split(p, pattern, strlen(pattern), false, behavior, invert, where, err);
}

static evoke_status read_behavior(const json_t *step, const char *fallback, evk_behavior *out, const char *where,
                                  evoke_error *err)
{
    static const char *const names[] = { "Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext" };
    const json_t *value = json_object_get(step, "behavior");
    const char *name = value ? json_string_value(value) : fallback;
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (evk_behavior)i;
            return EVOKE_OK;
        }
    return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: %s with behavior '%.60s' is not supported (%s)",
                    evk_json_type(step), name ? name : "(none)", where);
}

static evoke_status add_split(const json_t *step, evk_pretokenizer *p, const char *where, evoke_error *err)
{
    const char *text = NULL;
    size_t n = 0;
    bool literal = false, invert = false;
    evk_behavior behavior = EVK_SPLIT_ISOLATED;
    EVK_TRY(read_pattern(step, &text, &n, &literal, where, err));
    EVK_TRY(read_behavior(step, NULL, &behavior, where, err));
    EVK_TRY(evk_json_flag(step, "invert", &invert, where, err));
    return evk_pretokenizer_split(p, text, n, literal, behavior, invert, where, err);
}

static evoke_status add_byte_level(const json_t *step, evk_pretokenizer *p, const char *where, evoke_error *err)
{
    bool space = true, use_regex = true;
    EVK_TRY(evk_json_flag(step, "add_prefix_space", &space, where, err));
    EVK_TRY(evk_json_flag(step, "use_regex", &use_regex, where, err));
    if (space)
        EVK_TRY(evk_pretokenizer_space(p, err));
    return use_regex ? split_by(evk_gpt2_pattern, EVK_SPLIT_ISOLATED, false, p, where, err) : EVOKE_OK;
}

static evoke_status add_digits(const json_t *step, evk_pretokenizer *p, const char *where, evoke_error *err)
{
    bool individual = false;
    EVK_TRY(evk_json_flag(step, "individual_digits", &individual, where, err));
    return split_by("\\p{N}", individual ? EVK_SPLIT_ISOLATED : EVK_SPLIT_CONTIGUOUS, false, p, where, err);
}

static evoke_status add_punctuation(const json_t *step, evk_pretokenizer *p, const char *where, evoke_error *err)
{
    evk_behavior behavior = EVK_SPLIT_ISOLATED;
    EVK_TRY(read_behavior(step, "Isolated", &behavior, where, err));
    return split_by("[\\p{P}$+<=>\\^`|~]", behavior, false, p, where, err);
}

static evoke_status add_whitespace(const json_t *step, evk_pretokenizer *p, const char *where, evoke_error *err)
{
    (void)step;
    return split_by("\\w+|[^\\w\\s]+", EVK_SPLIT_REMOVED, true, p, where, err);
}

static evoke_status add_whitespace_split(const json_t *step, evk_pretokenizer *p, const char *where, evoke_error *err)
{
    (void)step;
    return split_by("\\s", EVK_SPLIT_REMOVED, false, p, where, err);
}

static const struct { const char *type; add_function *add; } steps[] = {
    { "Split", add_split }, { "ByteLevel", add_byte_level }, { "Digits", add_digits },
    { "Punctuation", add_punctuation }, { "Whitespace", add_whitespace }, { "WhitespaceSplit", add_whitespace_split },
};

static evoke_status add_step(const json_t *step, int depth, evk_pretokenizer *p, bool *byte_level, const char *where,
                             evoke_error *err)
{
    const char *type = evk_json_type(step);
    const json_t *parts = json_object_get(step, "pretokenizers");
    if (*byte_level)                                /* it would see the bytes' alphabet, not the text */
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: pre-tokenizer '%.60s' after ByteLevel is not "
                        "supported (%s)", type, where);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (strcmp(steps[i].type, type) == 0) {
            *byte_level = strcmp(type, "ByteLevel") == 0;
            return steps[i].add(step, p, where, err);
        }
    if (strcmp(type, "Sequence") != 0 || !json_is_array(parts) || depth == MOST_NESTED)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: pre-tokenizer '%.60s' is not supported (%s)", type,
                        where);
    for (size_t i = 0; i < json_array_size(parts); i++)
        EVK_TRY(add_step(json_array_get(parts, i), depth + 1, p, byte_level, where, err));
    return EVOKE_OK;
}

evoke_status evk_json_pretokenizer(const json_t *step, evk_pretokenizer *p, bool *byte_level, const char *where,
                                   evoke_error *err)
{
    *byte_level = false;
    return !step || json_is_null(step) ? EVOKE_OK : add_step(step, 0, p, byte_level, where, err);
}
