/* layers/tokenizers/json_decoder.c: the decoder that a tokenizer.json declares: a step with a type, or a Sequence of
 * steps. Without one, tokens are joined with a space between, as the library does. */
#include <string.h>

#include "layers/tokenizers/json_fields.h"
#include "layers/tokenizers/tokenizer.h"

/* Texts are borrowed: evk_decoder_add copies them. */
static evoke_status read_text(const json_t *step, const char *key, char **text, size_t *n, const char *where,
                              evoke_error *err)
{
    const char *value = NULL;
    EVK_TRY(evk_json_text(step, key, &value, n, where, err));
    *text = (char *)value;
    return EVOKE_OK;
}

static evoke_status read_replace(const json_t *step, evk_decode_step *s, const char *where, evoke_error *err)
{
    const char *pattern = NULL;
    size_t n = 0;
    bool literal = false;
    EVK_TRY(read_text(step, "content", &s->text, &s->n_text, where, err));
    EVK_TRY(evk_json_pattern(step, &pattern, &n, &literal, where, err));
    return evk_regex_compile(pattern, n, literal, where, &s->pattern, err);
}

static evoke_status read_metaspace(const json_t *step, evk_decode_step *s, const char *where, evoke_error *err)
{
    const json_t *scheme = json_object_get(step, "prepend_scheme");
    bool space = true;
    s->mark = -1;
    EVK_TRY(evk_json_character(step, "replacement", &s->mark, where, err));
    EVK_TRY(evk_json_flag(step, "add_prefix_space", &space, where, err));
    const char *name = scheme ? json_string_value(scheme) : space ? "always" : "never";
    if (!name || (strcmp(name, "always") != 0 && strcmp(name, "first") != 0 && strcmp(name, "never") != 0))
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: Metaspace with prepend_scheme '%.60s' is not supported "
                        "(%s)", name ? name : "(no text)", where);
    s->flag = strcmp(name, "never") != 0;
    return EVOKE_OK;
}

static evoke_status read_strip(const json_t *step, evk_decode_step *s, const char *where, evoke_error *err)
{
    s->mark = -1;
    EVK_TRY(evk_json_character(step, "content", &s->mark, where, err));
    EVK_TRY(evk_json_count(step, "start", &s->n_first, where, err));
    return evk_json_count(step, "stop", &s->n_last, where, err);
}

static evoke_status read_wordpiece(const json_t *step, evk_decode_step *s, const char *where, evoke_error *err)
{
    s->flag = true;
    EVK_TRY(read_text(step, "prefix", &s->text, &s->n_text, where, err));
    return evk_json_flag(step, "cleanup", &s->flag, where, err);
}

static evoke_status read_suffix(const json_t *step, evk_decode_step *s, const char *where, evoke_error *err)
{
    return read_text(step, "suffix", &s->text, &s->n_text, where, err);
}

static evoke_status read_ctc(const json_t *step, evk_decode_step *s, const char *where, evoke_error *err)
{
    s->flag = true;
    EVK_TRY(read_text(step, "pad_token", &s->text, &s->n_text, where, err));
    EVK_TRY(read_text(step, "word_delimiter_token", &s->more, &s->n_more, where, err));
    return evk_json_flag(step, "cleanup", &s->flag, where, err);
}

static evoke_status read_nothing(const json_t *step, evk_decode_step *s, const char *where, evoke_error *err)
{
    (void)step;
    (void)s;
    (void)where;
    (void)err;
    return EVOKE_OK;
}

static const struct {
    const char *type;
    evk_decoding decoding;
    evoke_status (*read)(const json_t *step, evk_decode_step *s, const char *where, evoke_error *err);
} steps[] = {
    { "ByteLevel", EVK_DECODE_BYTES, read_nothing }, { "Metaspace", EVK_DECODE_METASPACE, read_metaspace },
    { "WordPiece", EVK_DECODE_WORDPIECE, read_wordpiece }, { "BPEDecoder", EVK_DECODE_SUFFIX, read_suffix },
    { "ByteFallback", EVK_DECODE_BYTE_FALLBACK, read_nothing }, { "Fuse", EVK_DECODE_FUSE, read_nothing },
    { "Strip", EVK_DECODE_STRIP, read_strip }, { "Replace", EVK_DECODE_REPLACE, read_replace },
    { "CTC", EVK_DECODE_CTC, read_ctc },
};

static evoke_status add_step(const json_t *json, int depth, evk_decoder *d, const char *where, evoke_error *err)
{
    const char *type = evk_json_type(json);
    const json_t *parts = json_object_get(json, "decoders");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (strcmp(steps[i].type, type) == 0) {
            evk_decode_step step = { .decoding = steps[i].decoding };
            EVK_TRY(steps[i].read(json, &step, where, err));
            return evk_decoder_add(d, step, err);
        }
    if (strcmp(type, "Sequence") != 0 || !json_is_array(parts) || depth == EVK_JSON_MOST_NESTED)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: decoder '%.60s' is not supported (%s)", type, where);
    for (size_t i = 0; i < json_array_size(parts); i++)
        EVK_TRY(add_step(json_array_get(parts, i), depth + 1, d, where, err));
    return EVOKE_OK;
}

evoke_status evk_json_decoder(const json_t *json, evk_decoder *d, const char *where, evoke_error *err)
{
    const bool none = !json || json_is_null(json);
    if (!none)
        EVK_TRY(add_step(json, 0, d, where, err));
    const evk_decode_step join = { .decoding = EVK_DECODE_JOIN, .text = (char[]){ " " }, .n_text = none ? 1 : 0 };
    return none || d->n == 0 ? evk_decoder_add(d, join, err) : EVOKE_OK;
}
