/* layers/tokenizers/json_pretokenizer.c: the pre-tokenizer that a tokenizer.json declares.
 *
 * A step with a type, or a Sequence of steps. A type is a row in a table: its name and the function that reads its
 * fields. A type that is not there is an error with its name, never a step left out. */
#include <string.h>

#include "layers/tokenizers/characters.h"
#include "layers/tokenizers/json_fields.h"
#include "layers/tokenizers/presets.h"
#include "layers/tokenizers/tokenizer.h"

typedef evoke_status add_function(const json_t *step, evk_pretokenizer *p, const char *where, evoke_error *err);

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
    EVK_TRY(evk_json_pattern(step, &text, &n, &literal, where, err));
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
    if (use_regex)
        EVK_TRY(evk_pretokenizer_split(p, evk_gpt2_pattern, strlen(evk_gpt2_pattern), false, EVK_SPLIT_ISOLATED, false,
                                       where, err));
    return evk_pretokenizer_bytes(p, err);
}

/* Older files say add_prefix_space: true is "always", and false goes only with "never". */
static evoke_status add_metaspace(const json_t *step, evk_pretokenizer *p, const char *where, evoke_error *err)
{
    static const char *const names[] = { "always", "first", "never" };
    const json_t *scheme = json_object_get(step, "prepend_scheme");
    bool split = true, space = true;
    int32_t mark = -1;
    evk_when when = EVK_ALWAYS;
    EVK_TRY(evk_json_character(step, "replacement", &mark, where, err));
    EVK_TRY(evk_json_flag(step, "split", &split, where, err));
    EVK_TRY(evk_json_flag(step, "add_prefix_space", &space, where, err));
    const char *name = scheme ? json_string_value(scheme) : space ? "always" : "never";
    while (name && when <= EVK_NEVER && strcmp(names[when], name) != 0)
        when++;
    if (!name || when > EVK_NEVER || (!space && when != EVK_NEVER))
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: Metaspace with prepend_scheme '%.60s'%s is not supported "
                        "(%s)", name ? name : "(no text)", space ? "" : " but no add_prefix_space", where);
    return evk_pretokenizer_metaspace(p, mark, when, split, err);
}

static evoke_status add_digits(const json_t *step, evk_pretokenizer *p, const char *where, evoke_error *err)
{
    bool individual = false;
    EVK_TRY(evk_json_flag(step, "individual_digits", &individual, where, err));
    return evk_pretokenizer_class(p, evk_is_numeric, individual ? EVK_SPLIT_ISOLATED : EVK_SPLIT_CONTIGUOUS, err);
}

static evoke_status add_punctuation(const json_t *step, evk_pretokenizer *p, const char *where, evoke_error *err)
{
    evk_behavior behavior = EVK_SPLIT_ISOLATED;
    EVK_TRY(read_behavior(step, "Isolated", &behavior, where, err));
    return evk_pretokenizer_class(p, evk_is_punctuation, behavior, err);
}

static bool is_neither(int32_t c) { return !evk_is_word(c) && !evk_is_white_space(c); }

/* Runs of \w, and runs of what is neither that nor white space. */
static evoke_status add_whitespace(const json_t *step, evk_pretokenizer *p, const char *where, evoke_error *err)
{
    (void)step;
    (void)where;
    EVK_TRY(evk_pretokenizer_class(p, evk_is_white_space, EVK_SPLIT_REMOVED, err));
    return evk_pretokenizer_class(p, is_neither, EVK_SPLIT_CONTIGUOUS, err);
}

static evoke_status add_whitespace_split(const json_t *step, evk_pretokenizer *p, const char *where, evoke_error *err)
{
    (void)step;
    (void)where;
    return evk_pretokenizer_class(p, evk_is_white_space, EVK_SPLIT_REMOVED, err);
}

static evoke_status add_bert(const json_t *step, evk_pretokenizer *p, const char *where, evoke_error *err)
{
    (void)step;
    (void)where;
    return evk_pretokenizer_bert(p, err);
}

static evoke_status add_delimiter(const json_t *step, evk_pretokenizer *p, const char *where, evoke_error *err)
{
    int32_t character = -1;
    EVK_TRY(evk_json_character(step, "delimiter", &character, where, err));
    const evk_split split = { .character = character, .behavior = EVK_SPLIT_REMOVED };
    return evk_pretokenizer_add(p, (evk_word_step){ .split = split }, err);
}

static evoke_status add_fixed_length(const json_t *step, evk_pretokenizer *p, const char *where, evoke_error *err)
{
    size_t length = 5;
    EVK_TRY(evk_json_count(step, "length", &length, where, err));
    if (length == 0)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: FixedLength of 0 (%s)", where);
    const evk_split split = { .length = length, .behavior = EVK_SPLIT_ISOLATED };
    return evk_pretokenizer_add(p, (evk_word_step){ .split = split }, err);
}

static const struct { const char *type; add_function *add; } steps[] = {
    { "Split", add_split }, { "ByteLevel", add_byte_level }, { "Metaspace", add_metaspace }, { "Digits", add_digits },
    { "Punctuation", add_punctuation }, { "Whitespace", add_whitespace }, { "WhitespaceSplit", add_whitespace_split },
    { "BertPreTokenizer", add_bert }, { "CharDelimiterSplit", add_delimiter }, { "FixedLength", add_fixed_length },
};

static evoke_status add_step(const json_t *step, int depth, evk_pretokenizer *p, const char *where, evoke_error *err)
{
    const char *type = evk_json_type(step);
    const json_t *parts = json_object_get(step, "pretokenizers");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (strcmp(steps[i].type, type) == 0)
            return steps[i].add(step, p, where, err);
    if (strcmp(type, "Sequence") != 0 || !json_is_array(parts) || depth == EVK_JSON_MOST_NESTED)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: pre-tokenizer '%.60s' is not supported (%s)", type,
                        where);
    for (size_t i = 0; i < json_array_size(parts); i++)
        EVK_TRY(add_step(json_array_get(parts, i), depth + 1, p, where, err));
    return EVOKE_OK;
}

evoke_status evk_json_pretokenizer(const json_t *step, evk_pretokenizer *p, bool *byte_level, const char *where,
                                   evoke_error *err)
{
    if (byte_level)
        *byte_level = false;
    if (step && !json_is_null(step))
        EVK_TRY(add_step(step, 0, p, where, err));
    if (byte_level && p->n > 0 && p->step[p->n - 1].action == EVK_WORD_BYTES) {       /* left to the model */
        p->n--;
        *byte_level = true;
    }
    return EVOKE_OK;
}
