/* layers/config_rope.c: what a file says of its rotary embeddings.
 *
 * config.json has rope_theta and rope_scaling (old), or rope_parameters (new), which may hold one object for each kind of
 * layer. GGUF has rope.freq_base, rope.scaling.* and tensors of divisors. Settings of a scaling that are not known here are
 * errors, as they would change every angle. */
#include "layers/config.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- config.json ---- */

/* The same reader on an object inside config.json. */
static evk_reader reader_inside(const evk_reader *r, const char *name, const json_t *object)
{
    evk_reader inner = *r;
    inner.json = object;
    inner.inside = name;
    return inner;
}

static const char *scaling_type(const json_t *o)
{
    const json_t *type = json_object_get(o, "rope_type");
    if (!type || json_is_null(type))
        type = json_object_get(o, "type");
    return type && !json_is_null(type) ? json_string_value(type) : "default";
}

/* Every key of a scaling object is one of `known`, which ends in NULL, or common to all. */
static evoke_status check_scaling_keys(const evk_reader *r, const char *const *known)
{
    static const char *const common[] = { "rope_type", "type", "rope_theta", "partial_rotary_factor", "finetuned", NULL };
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)r->json, name, value) {
        if (!json_is_null(value) && !evk_in_list(common, name) && !evk_in_list(known, name))
            return evk_refuse(r, name, value);
    }
    return EVOKE_OK;
}

/* A list of d_rope / 2 positive numbers. */
static evoke_status read_divisors(const evk_reader *r, const char *name, size_t n, double **out)
{
    const json_t *list = json_object_get(r->json, name);
    if (!json_is_array(list) || json_array_size(list) != n)
        return evk_fail(r->err, EVOKE_EFORMAT, "read config: '%s' is not a list of %zu numbers, one for each pair of rotated "
                        "dimensions (%s)", name, n, evk_weights_path(r->w));
    EVK_TRY(evk_alloc(out, n, sizeof **out, "read config", r->err));
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        (*out)[i] = json_number_value(v);
        if (!json_is_number(v) || (*out)[i] < FLT_MIN || (*out)[i] > FLT_MAX)
            return evk_bad_setting(r, name, "holds something that is not a positive number in range");
    }
    return EVOKE_OK;
}

static evoke_status read_context(const evk_reader *r, const char *gguf, const char *hf, double missing, double *out)
{
    EVK_TRY(evk_read_number(r, gguf, hf, missing, out));
    return *out > (double)EVK_MAX_CONTEXT ? evk_bad_setting(r, r->json ? hf : gguf, "is too large") : EVOKE_OK;
}

/* The original context: a field of some families' own, which has a usual value and then counts alone; or of the scaling
 * object, or the context itself. */
static evoke_status read_original(const evk_reader *top, const evk_reader *r, const evk_config *c, double *out)
{
    const char *name = "original_max_position_embeddings";
    const json_t *own = json_object_get(top->json, name);
    const double usual = top->family->usual.rope[0].original;
    const bool outside = usual > 0 || (own && !json_is_null(own));
    return read_context(outside ? top : r, NULL, name, usual > 0 ? usual : (double)c->n_ctx, out);
}

static evoke_status read_linear(const evk_reader *top, const evk_reader *r, evk_config *c, evk_rope *rope)
{
    static const char *const keys[] = { "factor", NULL };
    (void)top, (void)c;
    rope->scaling = EVK_ROPE_LINEAR;
    EVK_TRY(check_scaling_keys(r, keys));
    return evk_read_number(r, NULL, "factor", NAN, &rope->factor);
}

/* max_position_embeddings is what the model was trained on; `factor` times as many positions can be used. */
static evoke_status read_dynamic(const evk_reader *top, const evk_reader *r, evk_config *c, evk_rope *rope)
{
    static const char *const keys[] = { "factor", NULL };
    (void)top;
    rope->scaling = EVK_ROPE_DYNAMIC;
    rope->original = (double)c->n_ctx;
    EVK_TRY(check_scaling_keys(r, keys));
    EVK_TRY(evk_read_number(r, NULL, "factor", NAN, &rope->factor));
    const double most = (double)c->n_ctx * rope->factor;
    c->n_ctx = rope->factor > 1 && most < (double)EVK_MAX_CONTEXT ? (size_t)most : c->n_ctx;
    return EVOKE_OK;
}

static evoke_status read_llama3(const evk_reader *top, const evk_reader *r, evk_config *c, evk_rope *rope)
{
    static const char *const keys[] = { "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings",
                                        NULL };
    rope->scaling = EVK_ROPE_LLAMA3;
    EVK_TRY(check_scaling_keys(r, keys));
    EVK_TRY(evk_read_number(r, NULL, "factor", NAN, &rope->factor));
    EVK_TRY(evk_read_number(r, NULL, "low_freq_factor", NAN, &rope->low));
    EVK_TRY(evk_read_number(r, NULL, "high_freq_factor", NAN, &rope->high));
    if (rope->low >= rope->high)
        return evk_bad_setting(r, "low_freq_factor", "is not below high_freq_factor");
    return read_original(top, r, c, &rope->original);
}

/* Amplitude of YaRN for a stretch by `factor`. */
static double yarn_amplitude(double factor, double weight)
{
    return factor <= 1 ? 1.0 : 0.1 * weight * log(factor) + 1.0;
}

static evoke_status read_yarn(const evk_reader *top, const evk_reader *r, evk_config *c, evk_rope *rope)
{
    static const char *const keys[] = { "factor", "original_max_position_embeddings", "attention_factor", "beta_fast",
                                        "beta_slow", "mscale", "mscale_all_dim", "truncate", NULL };
    double one = 0, all = 0;
    rope->scaling = EVK_ROPE_YARN;
    EVK_TRY(check_scaling_keys(r, keys));
    EVK_TRY(read_original(top, r, c, &rope->original));
    EVK_TRY(evk_read_number(r, NULL, "factor", (double)c->n_ctx / rope->original, &rope->factor));
    EVK_TRY(evk_read_number(r, NULL, "beta_fast", 32, &rope->fast));
    EVK_TRY(evk_read_number(r, NULL, "beta_slow", 1, &rope->slow));
    EVK_TRY(evk_read_flag(r, NULL, "truncate", true, &rope->whole_dimensions));
    EVK_TRY(evk_read_or_off(r, NULL, "mscale", 0, &one));
    EVK_TRY(evk_read_or_off(r, NULL, "mscale_all_dim", 0, &all));
    const double usual = one > 0 && all > 0 ? yarn_amplitude(rope->factor, one) / yarn_amplitude(rope->factor, all)
                                            : yarn_amplitude(rope->factor, 1);
    return evk_read_number(r, NULL, "attention_factor", usual, &rope->amplitude);
}

/* Amplitude of LongRoPE for a stretch of `original` positions by `factor`. */
static double long_amplitude(double factor, double original)
{
    return factor <= 1 || original <= 1 ? 1.0 : sqrt(1.0 + log(factor) / log(original));
}

static evoke_status read_long(const evk_reader *top, const evk_reader *r, evk_config *c, evk_rope *rope)
{
    static const char *const keys[] = { "factor", "original_max_position_embeddings", "attention_factor", "short_factor",
                                        "long_factor", NULL };
    double factor = 0;
    rope->scaling = EVK_ROPE_LONG;
    EVK_TRY(check_scaling_keys(r, keys));
    EVK_TRY(read_original(top, r, c, &rope->original));
    EVK_TRY(evk_read_number(r, NULL, "factor", (double)c->n_ctx / rope->original, &factor));
    EVK_TRY(evk_read_number(r, NULL, "attention_factor", long_amplitude(factor, rope->original), &rope->amplitude));
    EVK_TRY(read_divisors(r, "short_factor", c->d_rope / 2, &rope->short_divisors));
    return read_divisors(r, "long_factor", c->d_rope / 2, &rope->long_divisors);
}

static evoke_status read_plain(const evk_reader *top, const evk_reader *r, evk_config *c, evk_rope *rope)
{
    static const char *const keys[] = { "original_max_position_embeddings", "factor", "attention_factor", NULL };
    (void)top, (void)c, (void)rope;
    return check_scaling_keys(r, keys);
}

/* One object that says how a rotary embedding is scaled, and perhaps its base. */
static evoke_status read_scaling(const evk_reader *top, const char *name, const json_t *object, evk_config *c, evk_rope *rope)
{
    static const struct {
        const char *type;
        evoke_status (*read)(const evk_reader *top, const evk_reader *r, evk_config *c, evk_rope *rope);
    } types[] = {
        { "default", read_plain }, { "linear", read_linear }, { "dynamic", read_dynamic }, { "llama3", read_llama3 },
        { "yarn", read_yarn }, { "longrope", read_long }, { "su", read_long },
    };
    const evk_reader r = reader_inside(top, name, object);
    const char *type = scaling_type(object);
    if (type && strcmp(type, "yarn") == 0 && json_object_get(object, "short_factor"))
        type = "longrope";      /* as the first Phi-3 files call it */
    EVK_TRY(evk_read_number(&r, NULL, "rope_theta", rope->base, &rope->base));
    for (size_t i = 0; type && i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].type, type) == 0)
            return types[i].read(top, &r, c, rope);
    return evk_fail(r.err, EVOKE_EUNSUPPORTED, "read config: rope scaling type '%.64s' is not done in this version (%s)",
                    type ? type : "(no text)", evk_weights_path(r.w));
}

/* The object that counts: rope_scaling before rope_parameters, as in transformers. */
static const json_t *scaling_object(const evk_reader *r, const char **name)
{
    *name = "rope_scaling";
    const json_t *o = json_object_get(r->json, *name);
    if (!json_is_object(o) || json_object_size(o) == 0) {
        *name = "rope_parameters";
        o = json_object_get(r->json, *name);
    }
    return json_is_object(o) ? o : NULL;
}

static const char *const kinds[EVK_MAX_ROPE] = { "full_attention", "sliding_attention" };

static bool has_kinds(const json_t *o)
{
    return json_is_object(json_object_get(o, kinds[0])) || json_is_object(json_object_get(o, kinds[1]));
}

static evoke_status read_json(const evk_reader *r, evk_config *c)
{
    const char *name;
    const json_t *o = scaling_object(r, &name);
    EVK_TRY(evk_read_number(r, NULL, "rope_theta", c->rope[0].base, &c->rope[0].base));
    if (c->n_rope == 2)
        EVK_TRY(evk_read_number(r, NULL, "rope_local_base_freq", c->rope[1].base, &c->rope[1].base));
    if (!o)
        return EVOKE_OK;
    if (c->d_rope == 0 && json_object_size(o) > 0)      /* the family has none */
        return evk_refuse(r, name, o);
    /* Two embeddings: rope_scaling is of the one, rope_parameters of both, and together they would be mixed. */
    const bool old = strcmp(name, "rope_scaling") == 0;
    const bool both = old && json_object_size(json_object_get(r->json, "rope_parameters")) > 0;
    if (has_kinds(o) != (c->n_rope == 2 && !old) || (c->n_rope == 2 && both))
        return evk_refuse(r, name, o);
    if (!has_kinds(o))
        return read_scaling(r, name, o, c, &c->rope[0]);
    for (size_t i = 0; i < c->n_rope; i++) {
        const json_t *part = json_object_get(o, kinds[i]);
        if (json_is_object(part))
            EVK_TRY(read_scaling(r, name, part, c, &c->rope[i]));
    }
    return EVOKE_OK;
}

static bool rotates_a_part(const evk_family *f)
{
    for (size_t i = 0; f->hf_renamed && f->hf_renamed[i]; i += 2)
        if (strcmp(f->hf_renamed[i], "partial_rotary_factor") == 0)
            return true;
    return evk_in_list(f->hf_keys, "partial_rotary_factor");
}

/* Of the other families only 1 is known. */
static evoke_status check_part(const evk_reader *r, const char *name, const json_t *o)
{
    const evk_reader inner = reader_inside(r, name, o);
    const json_t *part = json_object_get(o, "partial_rotary_factor");
    const bool whole = !part || json_is_null(part) || json_number_value(part) == 1;
    const bool read = rotates_a_part(r->family) && o == scaling_object(r, &name);
    return whole || read ? EVOKE_OK : evk_refuse(&inner, "partial_rotary_factor", part);
}

evoke_status evk_read_rotary_part(const evk_reader *r, double missing, double *out)
{
    const char *name;
    const json_t *o = scaling_object(r, &name);
    EVK_TRY(evk_read_number(r, NULL, "partial_rotary_factor", missing, out));
    if (!o)
        return EVOKE_OK;
    EVK_TRY(check_part(r, name, o));
    for (size_t i = 0; i < EVK_MAX_ROPE; i++)
        EVK_TRY(check_part(r, name, json_object_get(o, kinds[i])));
    const evk_reader inner = reader_inside(r, name, o);
    return evk_read_number(&inner, NULL, "partial_rotary_factor", *out, out);
}

/* ---- GGUF ---- */

/* Two tensors of d_rope / 2 divisors may lie in the file; evk_config has no say in them. */
static evoke_status find_divisors(const evk_reader *r, bool *both)
{
    static const char *const names[] = { "rope_factors_short.weight", "rope_factors_long.weight" };
    const bool have_short = evk_weights_find(r->w, names[0]), have_long = evk_weights_find(r->w, names[1]);
    *both = have_short && have_long;
    return have_short == have_long ? EVOKE_OK : evk_bad_setting(r, names[have_short], "is missing");
}

static evoke_status read_gguf_yarn(const evk_reader *r, evk_rope *rope)
{
    rope->scaling = EVK_ROPE_YARN;
    rope->whole_dimensions = true;
    EVK_TRY(evk_read_number(r, "rope.scaling.yarn_beta_fast", NULL, 32, &rope->fast));
    EVK_TRY(evk_read_number(r, "rope.scaling.yarn_beta_slow", NULL, 1, &rope->slow));
    return evk_read_number(r, "rope.scaling.yarn_attn_factor", NULL, yarn_amplitude(rope->factor, 1), &rope->amplitude);
}

static evoke_status read_gguf(const evk_reader *r, evk_config *c)
{
    evk_rope *rope = &c->rope[0];
    char name[128];
    bool divisors = false;
    double times = 1;
    EVK_TRY(find_divisors(r, &divisors));
    snprintf(name, sizeof name, "%s.rope.scaling.type", r->arch);
    const char *type = evk_meta_string(r->w, name);
    EVK_TRY(evk_read_number(r, "rope.freq_base", NULL, rope->base, &rope->base));
    if (c->n_rope == 2)
        EVK_TRY(evk_read_number(r, "rope.freq_base_swa", NULL, c->rope[1].base, &c->rope[1].base));
    EVK_TRY(evk_read_number(r, "rope.scale_linear", NULL, 1, &rope->factor));
    EVK_TRY(evk_read_number(r, "rope.scaling.factor", NULL, rope->factor, &rope->factor));
    EVK_TRY(read_context(r, "rope.scaling.original_context_length", NULL, (double)c->n_ctx, &rope->original));
    if (type && strcmp(type, "yarn") == 0)
        EVK_TRY(read_gguf_yarn(r, rope));
    else if (divisors && (!type || strcmp(type, "longrope") == 0))
        rope->scaling = EVK_ROPE_LONG;
    else if (!type || strcmp(type, "linear") == 0)
        rope->scaling = rope->factor == 1 ? EVK_ROPE_PLAIN : EVK_ROPE_LINEAR;
    else if (strcmp(type, "none") != 0)
        return evk_fail(r->err, EVOKE_EUNSUPPORTED, "read config: rope scaling type '%.64s' is not done in this version, or "
                        "its factors are missing (%s)", type, evk_weights_path(r->w));
    EVK_TRY(evk_read_number(r, "rope.scaling.attn_factor", NULL, 1, &times));
    rope->amplitude *= times;
    return rope->amplitude <= FLT_MAX ? EVOKE_OK : evk_bad_setting(r, "rope.scaling.attn_factor", "is too large");
}

evoke_status evk_read_rope(const evk_reader *r, evk_config *c)
{
    const double base = r->family->rope_base > 0 ? r->family->rope_base : 10000;
    const double bases[EVK_MAX_ROPE] = { base, r->family->usual.rope[1].base };
    c->n_rope = bases[1] > 0 ? 2 : 1;
    for (size_t i = 0; i < c->n_rope; i++)
        c->rope[i] = (evk_rope){ .base = bases[i], .factor = 1, .amplitude = 1 };
    return r->json ? read_json(r, c) : read_gguf(r, c);
}
