/* layers/tokenizers/json_normalizer.c: the normalizer that a tokenizer.json declares.
 *
 * A step with a type, or a Sequence of steps. A type is a row in a table: its name and the function that reads its
 * fields, or the form that needs none. A type that is not there is an error with its name, never a step left out. */
#include <string.h>

#include "layers/tokenizers/json_fields.h"
#include "layers/tokenizers/tokenizer.h"

typedef evoke_status add_function(const json_t *step, evk_normalizer *z, const char *where, evoke_error *err);

static evoke_status add_replace(const json_t *step, evk_normalizer *z, const char *where, evoke_error *err)
{
    const char *pattern = NULL, *text = NULL;
    size_t n = 0, n_text = 0;
    bool literal = false;
    evk_regex *regex = NULL;
    EVK_TRY(evk_json_text(step, "content", &text, &n_text, where, err));
    EVK_TRY(evk_json_pattern(step, &pattern, &n, &literal, where, err));
    EVK_TRY(evk_regex_compile(pattern, n, literal, where, &regex, err));
    return evk_normalizer_add(z, EVK_REPLACE, regex, text, n_text, err);
}

static evoke_status add_prepend(const json_t *step, evk_normalizer *z, const char *where, evoke_error *err)
{
    const char *text = NULL;
    size_t n = 0;
    EVK_TRY(evk_json_text(step, "prepend", &text, &n, where, err));
    return evk_normalizer_add(z, EVK_PREPEND, NULL, text, n, err);
}

static evoke_status add_strip(const json_t *step, evk_normalizer *z, const char *where, evoke_error *err)
{
    bool left = true, right = true;
    EVK_TRY(evk_json_flag(step, "strip_left", &left, where, err));
    EVK_TRY(evk_json_flag(step, "strip_right", &right, where, err));
    if (left)
        EVK_TRY(evk_normalizer_add(z, EVK_STRIP_LEFT, NULL, "", 0, err));
    return right ? evk_normalizer_add(z, EVK_STRIP_RIGHT, NULL, "", 0, err) : EVOKE_OK;
}

static evoke_status add_bert(const json_t *step, evk_normalizer *z, const char *where, evoke_error *err)
{
    bool clean = true, part_cjk = true, lowercase = true;
    EVK_TRY(evk_json_flag(step, "clean_text", &clean, where, err));
    EVK_TRY(evk_json_flag(step, "handle_chinese_chars", &part_cjk, where, err));
    EVK_TRY(evk_json_flag(step, "lowercase", &lowercase, where, err));
    bool strip_accents = lowercase;                     /* null: as lowercase is */
    EVK_TRY(evk_json_flag(step, "strip_accents", &strip_accents, where, err));
    return evk_normalizer_bert(z, clean, part_cjk, strip_accents, lowercase, err);
}

static evoke_status add_precompiled(const json_t *step, evk_normalizer *z, const char *where, evoke_error *err)
{
    const char *text = NULL;
    size_t n = 0;
    evk_charsmap *map = NULL;
    EVK_TRY(evk_json_text(step, "precompiled_charsmap", &text, &n, where, err));
    EVK_TRY(evk_charsmap_from_base64(text, n, where, &map, err));
    return evk_normalizer_charsmap(z, map, err);
}

static const struct { const char *type; add_function *add; evk_normal_form form; } steps[] = {
    { "NFC", NULL, EVK_NFC }, { "NFD", NULL, EVK_NFD }, { "NFKC", NULL, EVK_NFKC }, { "NFKD", NULL, EVK_NFKD },
    { "Lowercase", NULL, EVK_LOWERCASE }, { "StripAccents", NULL, EVK_STRIP_ACCENTS }, { "Nmt", NULL, EVK_NMT },
    { "ByteLevel", NULL, EVK_BYTES }, { "Replace", add_replace, EVK_REPLACE }, { "Prepend", add_prepend, EVK_PREPEND },
    { "Strip", add_strip, EVK_STRIP_LEFT }, { "BertNormalizer", add_bert, EVK_CLEAN },
    { "Precompiled", add_precompiled, EVK_CHARSMAP },
};

static evoke_status add_step(const json_t *step, int depth, evk_normalizer *z, const char *where, evoke_error *err)
{
    const char *type = evk_json_type(step);
    const json_t *parts = json_object_get(step, "normalizers");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (strcmp(steps[i].type, type) == 0)
            return steps[i].add ? steps[i].add(step, z, where, err)
                                : evk_normalizer_add(z, steps[i].form, NULL, "", 0, err);
    if (strcmp(type, "Sequence") != 0 || !json_is_array(parts) || depth == EVK_JSON_MOST_NESTED)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: normalizer '%.60s' is not supported (%s)", type, where);
    for (size_t i = 0; i < json_array_size(parts); i++)
        EVK_TRY(add_step(json_array_get(parts, i), depth + 1, z, where, err));
    return EVOKE_OK;
}

evoke_status evk_json_normalizer(const json_t *step, evk_normalizer *z, const char *where, evoke_error *err)
{
    return !step || json_is_null(step) ? EVOKE_OK : add_step(step, 0, z, where, err);
}
