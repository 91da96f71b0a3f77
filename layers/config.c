/* layers/config.c: a model's sizes and constants, from GGUF metadata or from config.json, into one evk_config.
 *
 * Every size is bounded before anything is computed from it, and a setting that would change the numbers and is not
 * done here is an error that names it: silently ignoring one gives a model that speaks and is wrong. */
#include "layers/family.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_LAYER = 4096, MAX_WIDTH = 1 << 20, MAX_VOCAB = 1 << 24 };

/* ---- one size or constant, whichever file it is from ---- */

typedef struct source {
    const evoke_weights *w;
    const json_t *json;         /* NULL: GGUF */
    const char *arch;           /* prefix of GGUF keys */
    evoke_error *err;
} source;

typedef struct key { const char *gguf, *hf; } key;

static evoke_status bad_value(const source *s, const char *name, const char *why)
{
    return evk_fail(s->err, EVOKE_EFORMAT, "read config: '%s' %s (%s)", name, why, evk_weights_path(s->w));
}

static void gguf_key(const source *s, const char *name, char out[128])
{
    snprintf(out, 128, "%.60s.%s", s->arch, name);
}

/* A whole number in [1, most]; `missing` where the key is not there (0: it must be). */
static evoke_status get_size(const source *s, key k, size_t most, size_t missing, size_t *out)
{
    char name[128];
    uint64_t value = 0;
    bool there, ok;
    if (s->json) {
        const json_t *v = json_object_get(s->json, k.hf);
        snprintf(name, sizeof name, "%s", k.hf);
        there = v && !json_is_null(v);
        ok = json_is_integer(v) && json_integer_value(v) > 0;
        value = ok ? (uint64_t)json_integer_value(v) : 0;
    } else {
        gguf_key(s, k.gguf, name);
        there = evk_meta_has(s->w, name);
        ok = evk_meta_u64(s->w, name, &value);
    }
    if (!there && missing) {
        *out = missing;
        return EVOKE_OK;
    }
    if (!there)
        return bad_value(s, name, "is missing");
    if (!ok || value == 0 || value > most)
        return bad_value(s, name, "is not a whole number in range");
    *out = (size_t)value;
    return EVOKE_OK;
}

static evoke_status get_number(const source *s, key k, double missing, double *out)
{
    char name[128];
    double value = 0;
    bool there, ok;
    if (s->json) {
        const json_t *v = json_object_get(s->json, k.hf);
        snprintf(name, sizeof name, "%s", k.hf);
        there = v && !json_is_null(v);
        ok = json_is_number(v);
        value = json_number_value(v);
    } else {
        gguf_key(s, k.gguf, name);
        there = evk_meta_has(s->w, name);
        ok = evk_meta_f64(s->w, name, &value);
    }
    if (!there && !isnan(missing)) {
        *out = missing;
        return EVOKE_OK;
    }
    if (!there)
        return bad_value(s, name, "is missing");
    if (!ok || !isfinite(value) || value <= 0)
        return bad_value(s, name, "is not a positive number");
    *out = value;
    return EVOKE_OK;
}

/* ---- rotary embedding: base and scaling ---- */

static evoke_status unsupported_rope(const source *s, const char *type)
{
    return evk_fail(s->err, EVOKE_EUNSUPPORTED, "read config: rope scaling type '%.64s' is not done in this version (%s)",
                    type, evk_weights_path(s->w));
}

/* A rope_scaling object of config.json, in the old form ("type") or the new ("rope_type"). */
static evoke_status read_rope_scaling(const source *s, const json_t *scaling, evk_config *c)
{
    const json_t *type_value = json_object_get(scaling, "rope_type");
    if (!type_value)
        type_value = json_object_get(scaling, "type");
    const char *type = json_string_value(type_value);
    const source in = { s->w, scaling, s->arch, s->err };
    if (!type || strcmp(type, "default") == 0)
        return EVOKE_OK;
    if (strcmp(type, "linear") == 0)
        return get_number(&in, (key){ NULL, "factor" }, NAN, &c->rope_linear);
    if (strcmp(type, "llama3") != 0)
        return unsupported_rope(s, type);
    EVK_TRY(get_number(&in, (key){ NULL, "factor" }, NAN, &c->rope_llama3.factor));
    EVK_TRY(get_number(&in, (key){ NULL, "low_freq_factor" }, NAN, &c->rope_llama3.low));
    EVK_TRY(get_number(&in, (key){ NULL, "high_freq_factor" }, NAN, &c->rope_llama3.high));
    return get_number(&in, (key){ NULL, "original_max_position_embeddings" }, (double)c->n_ctx, &c->rope_llama3.original);
}

static evoke_status read_rope_hf(const source *s, evk_config *c)
{
    const json_t *parameters = json_object_get(s->json, "rope_parameters");
    const json_t *scaling = json_object_get(s->json, "rope_scaling");
    EVK_TRY(get_number(s, (key){ NULL, "rope_theta" }, 10000.0, &c->rope_base));
    if (json_is_object(parameters)) {
        const source in = { s->w, parameters, s->arch, s->err };
        EVK_TRY(get_number(&in, (key){ NULL, "rope_theta" }, c->rope_base, &c->rope_base));
        return read_rope_scaling(s, parameters, c);
    }
    return json_is_object(scaling) ? read_rope_scaling(s, scaling, c) : EVOKE_OK;
}

static evoke_status read_rope_gguf(const source *s, evk_config *c)
{
    char name[128];
    EVK_TRY(get_number(s, (key){ "rope.freq_base", NULL }, 10000.0, &c->rope_base));
    gguf_key(s, "rope.scaling.type", name);
    const char *type = evk_meta_string(s->w, name);
    if (!type || strcmp(type, "none") == 0)
        return get_number(s, (key){ "rope.scale_linear", NULL }, 1.0, &c->rope_linear);
    if (strcmp(type, "linear") != 0)
        return unsupported_rope(s, type);
    return get_number(s, (key){ "rope.scaling.factor", NULL }, 1.0, &c->rope_linear);
}

/* ---- config.json: keys that are known, and what an unknown one means ---- */

/* Read here or in the tokenizer, or without any effect on the forward pass. */
static const char *const common_keys[] = {
    "architectures", "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
    "head_dim", "intermediate_size", "vocab_size", "max_position_embeddings", "rms_norm_eps", "rope_theta",
    "rope_parameters", "rope_scaling", "tie_word_embeddings", "hidden_act", "dtype", "torch_dtype",
    "transformers_version", "use_cache", "initializer_range", "attention_dropout", "hidden_dropout", "bos_token_id",
    "eos_token_id", "pad_token_id", "unk_token_id", "_name_or_path", "rope_interleaved", "is_llama_config",
    "transformers.js_config", "output_attentions", "output_hidden_states", "return_dict", "auto_map", "name_or_path",
    "id2label", "label2id", "chunk_size_feed_forward", "is_encoder_decoder", "problem_type", "task_specific_params",
};

static bool is_known(const evk_family *f, const char *name)
{
    for (size_t i = 0; i < sizeof common_keys / sizeof *common_keys; i++)
        if (strcmp(common_keys[i], name) == 0)
            return true;
    for (size_t i = 0; f->hf_keys && f->hf_keys[i]; i++)
        if (strcmp(f->hf_keys[i], name) == 0)
            return true;
    return false;
}

/* null, false, 0, "", [] and {} switch nothing on. */
static bool is_off(const json_t *v)
{
    return json_is_null(v) || json_is_false(v) || (json_is_number(v) && json_number_value(v) == 0) ||
           (json_is_string(v) && json_string_length(v) == 0) || (json_is_array(v) && json_array_size(v) == 0) ||
           (json_is_object(v) && json_object_size(v) == 0);
}

static evoke_status unsupported_key(const source *s, const char *name, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    evk_fail(s->err, EVOKE_EUNSUPPORTED, "read config: '%.64s' = %.80s is not known to this version and may change the "
             "result (%s)", name, text ? text : "?", evk_weights_path(s->w));
    free(text);
    return EVOKE_EUNSUPPORTED;
}

static evoke_status check_hf_keys(const source *s, const evk_family *f)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)s->json, name, value)
        if (!is_known(f, name) && !is_off(value))
            return unsupported_key(s, name, value);
    const json_t *act = json_object_get(s->json, "hidden_act");
    if (act && (!json_is_string(act) || strcmp(json_string_value(act), "silu") != 0))
        return unsupported_key(s, "hidden_act", act);
    const json_t *interleaved = json_object_get(s->json, "rope_interleaved");
    return json_is_true(interleaved) ? unsupported_key(s, "rope_interleaved", interleaved) : EVOKE_OK;
}

/* ---- all of it ---- */

static evoke_status vocabulary_size(const source *s, const evk_family *f, size_t *out)
{
    if (s->json)
        return get_size(s, (key){ NULL, "vocab_size" }, MAX_VOCAB, 0, out);
    for (size_t i = 0; i < f->n_names; i++) {
        const evk_tensor *t = f->names[i].slot == EVK_W_EMBED ? evk_weights_find(s->w, f->names[i].gguf) : NULL;
        if (t && t->rows <= MAX_VOCAB) {
            *out = t->rows;
            return EVOKE_OK;
        }
    }
    return bad_value(s, "token embedding", "is missing or too large");
}

static evoke_status check_sizes(const source *s, const evk_config *c)
{
    if (c->n_head % c->n_kv_head != 0)
        return bad_value(s, "number of heads", "is not a multiple of the number of key-value heads");
    if (c->d_rope > c->d_head || c->d_rope % 2 != 0)
        return bad_value(s, "number of rotary dimensions", "is odd or larger than a head");
    if (c->n_head * c->d_head > MAX_WIDTH)
        return bad_value(s, "number of heads", "is too large");
    return EVOKE_OK;
}

evoke_status evk_config_read(const evoke_weights *w, const evk_family *family, evk_config *c, evoke_error *err)
{
    const bool gguf = evk_weights_container(w) == EVK_GGUF;
    const source s = { w, gguf ? NULL : evk_weights_config(w), family->gguf_arch, err };
    *c = (evk_config){ .rope_linear = 1.0, .rope_pairing = gguf ? family->rope_gguf : family->rope_hf };
    if (!gguf)
        EVK_TRY(check_hf_keys(&s, family));
    EVK_TRY(get_size(&s, (key){ "block_count", "num_hidden_layers" }, MAX_LAYER, 0, &c->n_layer));
    EVK_TRY(get_size(&s, (key){ "embedding_length", "hidden_size" }, MAX_WIDTH, 0, &c->d_model));
    EVK_TRY(get_size(&s, (key){ "attention.head_count", "num_attention_heads" }, MAX_WIDTH, 0, &c->n_head));
    EVK_TRY(get_size(&s, (key){ "attention.head_count_kv", "num_key_value_heads" }, MAX_WIDTH, c->n_head, &c->n_kv_head));
    EVK_TRY(get_size(&s, (key){ "feed_forward_length", "intermediate_size" }, MAX_WIDTH, 0, &c->d_ff));
    EVK_TRY(get_size(&s, (key){ "context_length", "max_position_embeddings" }, (size_t)1 << 31, 2048, &c->n_ctx));
    EVK_TRY(get_number(&s, (key){ "attention.layer_norm_rms_epsilon", "rms_norm_eps" }, NAN, &c->norm_eps));
    if (c->d_model < c->n_head && !gguf)
        return bad_value(&s, "num_attention_heads", "is larger than hidden_size");
    const size_t even_head = c->d_model / c->n_head ? c->d_model / c->n_head : 1;
    EVK_TRY(get_size(&s, (key){ "attention.key_length", "head_dim" }, MAX_WIDTH, even_head, &c->d_head));
    EVK_TRY(get_size(&s, (key){ "rope.dimension_count", "partial_rotary_dimensions" }, MAX_WIDTH, c->d_head, &c->d_rope));
    EVK_TRY(vocabulary_size(&s, family, &c->n_vocab));
    EVK_TRY(gguf ? read_rope_gguf(&s, c) : read_rope_hf(&s, c));
    c->tied_head = json_is_true(json_object_get(s.json, "tie_word_embeddings"));
    c->attention_scale = 1.0 / sqrt((double)c->d_head);
    EVK_TRY(check_sizes(&s, c));
    return family->adjust ? family->adjust(c, w, err) : EVOKE_OK;
}
