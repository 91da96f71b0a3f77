/* layers/config.c: a model's sizes and constants, from GGUF metadata or from config.json, into one evk_config.
 *
 * Every size is bounded before anything is computed from it, and a setting that would change the numbers and is not
 * done here is an error that names it: silently ignoring one gives a model that speaks and is wrong. */
#include "layers/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LAYER = 4096, MAX_VOCAB = 1 << 24 };

void evk_config_free(evk_config *c)
{
    for (size_t i = 0; i < EVK_MAX_ROPE; i++)
        evk_rope_free(&c->rope[i]);
    free(c->layer);
    c->layer = NULL;
}

bool evk_config_is_beyond_rope(const evk_config *c, size_t length)
{
    for (size_t i = 0; i < c->n_rope; i++)
        if (evk_rope_is_beyond(&c->rope[i], length))
            return true;
    return false;
}

/* ---- which layers slide ---- */

static evoke_status windows_by_type(const evk_reader *r, evk_config *c, size_t window, const json_t *types)
{
    if (!json_is_array(types) || json_array_size(types) != c->n_layer)
        return evk_bad_setting(r, "layer_types", "is not a list with an entry for each layer");
    for (size_t i = 0; i < c->n_layer; i++) {
        const json_t *t = json_array_get(types, i);
        const char *type = json_string_value(t);
        const bool slides = type && strcmp(type, "sliding_attention") == 0;
        if (!slides && !(type && strcmp(type, "full_attention") == 0))
            return evk_refuse(r, "layer_types", t);
        if (slides && window == 0)
            return evk_bad_setting(r, "layer_types", "has sliding layers, and there is no sliding_window in use");
        c->layer[i].window = slides ? window : 0;
    }
    return EVOKE_OK;
}

/* attention.sliding_window_pattern: one number, or a flag for each layer. */
static evoke_status gguf_pattern(const evk_reader *r, const evk_config *c, size_t *pattern, const evk_meta **list)
{
    char name[128];
    snprintf(name, 128, "%.60s.attention.sliding_window_pattern", r->arch);
    const evk_meta *flags = *list = evk_meta_array(r->w, name);
    bool bare = false;
    if (evk_meta_bool(r->w, name, &bare))
        return evk_bad_setting(r, name, "is one flag, not one for each layer");
    if (!flags)
        return evk_read_size(r, "attention.sliding_window_pattern", NULL, MAX_LAYER, *pattern ? *pattern : 1, pattern);
    if (flags->n != c->n_layer)
        return evk_bad_setting(r, name, "has not one entry for each layer");
    for (size_t i = 0; i < c->n_layer; i++) {
        uint64_t flag = 0;
        if (!evk_meta_element_u64(flags, i, &flag) || flag > 1)
            return evk_bad_setting(r, name, "has an entry that is neither 0 nor 1");
    }
    return EVOKE_OK;
}

evoke_status evk_plan_windows(const evk_reader *r, evk_config *c, size_t window, size_t pattern, size_t first)
{
    const json_t *types = r->json ? json_object_get(r->json, "layer_types") : NULL;
    const evk_meta *list = NULL;
    if (types && !json_is_null(types))
        return windows_by_type(r, c, window, types);
    if (!r->json && pattern > 0)
        EVK_TRY(gguf_pattern(r, c, &pattern, &list));
    for (size_t i = 0; i < c->n_layer; i++) {
        uint64_t flag = 0;
        bool slides = i >= first && (pattern == 0 || (i + 1) % pattern != 0);
        if (list)
            slides = evk_meta_element_u64(list, i, &flag) && flag != 0;
        c->layer[i].window = slides ? window : 0;
    }
    return EVOKE_OK;
}

/* ---- all of it ---- */

static evoke_status vocabulary_size(const evk_reader *r, size_t *out)
{
    if (r->json)
        return evk_read_size(r, NULL, "vocab_size", MAX_VOCAB, 0, out);
    const evk_tensor *t = evk_weights_find(r->w, "token_embd.weight");
    if (!t || t->rows > MAX_VOCAB || t->rows == 0)
        return evk_bad_setting(r, "token_embd.weight", "is missing or too large");
    *out = t->rows;
    return EVOKE_OK;
}

static evoke_status read_sizes(const evk_reader *r, evk_config *c)
{
    const evk_config *usual = &r->family->usual;
    EVK_TRY(evk_read_size(r, "block_count", "num_hidden_layers", MAX_LAYER, 0, &c->n_layer));
    EVK_TRY(evk_read_size(r, "embedding_length", "hidden_size", EVK_MAX_WIDTH, 0, &c->d_model));
    EVK_TRY(evk_read_size(r, "attention.head_count", "num_attention_heads", EVK_MAX_WIDTH, 0, &c->n_head));
    const bool null_kv = json_is_null(evk_read_json(r, "num_key_value_heads"));
    const size_t usual_kv = r->json && usual->n_kv_head && !null_kv ? usual->n_kv_head : c->n_head;
    EVK_TRY(evk_read_size(r, "attention.head_count_kv", "num_key_value_heads", EVK_MAX_WIDTH, usual_kv, &c->n_kv_head));
    const size_t context = r->json && usual->n_ctx ? usual->n_ctx : 2048;
    EVK_TRY(evk_read_size(r, "context_length", "max_position_embeddings", EVK_MAX_CONTEXT, context, &c->n_ctx));
    EVK_TRY(vocabulary_size(r, &c->n_vocab));
    if (c->d_model < c->n_head)
        return evk_bad_setting(r, r->json ? evk_own_name(r, "num_attention_heads") : "attention.head_count",
                               "is larger than the width");
    const size_t even_head = r->json && usual->d_head ? usual->d_head : c->d_model / c->n_head;
    EVK_TRY(evk_read_size(r, "attention.key_length", "head_dim", EVK_MAX_WIDTH, even_head, &c->d_head));
    EVK_TRY(evk_read_size(r, "attention.value_length", NULL, EVK_MAX_WIDTH, c->d_head, &c->d_value));
    const size_t wide = usual->d_ff ? usual->d_ff : 4 * c->d_model;
    return evk_read_size(r, "feed_forward_length", "intermediate_size", EVK_MAX_WIDTH, wide, &c->d_ff);
}

static evoke_status read_activation(const evk_reader *r, evk_config *c)
{
    static const struct { const char *name; evk_activation activation; } known[] = {
        { "silu", EVK_SILU }, { "swish", EVK_SILU }, { "gelu", EVK_GELU }, { "gelu_new", EVK_GELU_TANH },
        { "gelu_pytorch_tanh", EVK_GELU_TANH }, { "gelu_fast", EVK_GELU_TANH }, { "quick_gelu", EVK_QUICK_GELU },
        { "relu", EVK_RELU }, { "tanh", EVK_TANH },
    };
    const char *key = r->family->activation_key ? r->family->activation_key : "hidden_act";
    const json_t *v = r->json ? json_object_get(r->json, key) : NULL;
    if (!v || json_is_null(v))
        return EVOKE_OK;
    for (size_t i = 0; json_is_string(v) && i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, json_string_value(v)) == 0) {
            c->activation = known[i].activation;
            return EVOKE_OK;
        }
    return evk_refuse(r, key, v);
}

static evoke_status read_constants(const evk_reader *r, evk_config *c)
{
    const double usual = r->json && c->norm_eps > 0 ? c->norm_eps : NAN;
    const char *gguf = c->layer_norm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon";
    const char *other = c->layer_norm ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon";
    if (!r->json && !evk_has_setting(r, gguf, NULL) && evk_has_setting(r, other, NULL))   /* some converters mean the one by the other */
        gguf = other;
    EVK_TRY(evk_read_number(r, gguf, c->layer_norm ? "layer_norm_eps" : "rms_norm_eps", usual, &c->norm_eps));
    c->latent_eps = c->norm_eps;
    EVK_TRY(evk_read_flag(r, NULL, "tie_word_embeddings", r->family->tied_if_missing, &c->tied_head));
    return read_activation(r, c);
}

/* Rotated dimensions: all of a head, or the part that the file names. */
static evoke_status read_rotated(const evk_reader *r, evk_config *c)
{
    double part = r->json && r->family->usual.d_rope ? 0.01 * (double)r->family->usual.d_rope : 1;
    if (r->json)
        EVK_TRY(evk_read_rotary_part(r, part, &part));
    if (part > 1)
        return evk_bad_setting(r, "partial_rotary_factor", "is above 1");
    c->d_rope = (size_t)((double)c->d_head * part);
    if (c->d_rope == 0)
        return evk_bad_setting(r, "partial_rotary_factor", "leaves no dimension to rotate");
    return evk_read_size(r, "rope.dimension_count", NULL, EVK_MAX_WIDTH, c->d_rope, &c->d_rope);
}

static evoke_status check_sizes(const evk_reader *r, const evk_config *c)
{
    if (c->n_head % c->n_kv_head != 0)
        return evk_bad_setting(r, "number of heads", "is not a multiple of the number of key-value heads");
    if (c->rope_first + c->d_rope > c->d_head || c->d_rope % 2 != 0)
        return evk_bad_setting(r, r->json ? evk_own_name(r, "partial_rotary_factor") : "rope.dimension_count",
                               "makes the number of rotary dimensions odd or larger than a head");
    if (c->n_head * c->d_head > EVK_MAX_WIDTH || c->n_head * c->d_value > EVK_MAX_WIDTH)
        return evk_bad_setting(r, "number of heads", "is too large");
    return EVOKE_OK;
}

static evoke_status make_plan(const evk_reader *r, evk_config *c)
{
    EVK_TRY(evk_alloc(&c->layer, c->n_layer, sizeof *c->layer, "read config", r->err));
    if (r->family->adjust)
        EVK_TRY(r->family->adjust(r, c));
    for (size_t i = 0; i < c->n_layer; i++)
        if (c->layer[i].attention_scale == 0)
            c->layer[i].attention_scale = (float)(1.0 / sqrt((double)c->d_head));
    return EVOKE_OK;
}

evoke_status evk_config_read(const evoke_weights *w, const evk_family *family, evk_config *c, evoke_error *err)
{
    const bool gguf = evk_weights_container(w) == EVK_GGUF;
    const evk_reader r = { w, gguf ? NULL : evk_weights_config(w), family->gguf_arch, family->hf_renamed, family, NULL, err };
    *c = family->usual;
    c->layer = NULL;
    c->rope_pairing = gguf ? family->rope_gguf : family->rope_hf;
    c->norm_plus_one = family->usual.norm_plus_one && !gguf;
    c->embed_scale = c->residual_scale = c->logit_scale = 1;
    EVK_TRY(evk_check_keys(&r));
    EVK_TRY(read_sizes(&r, c));
    EVK_TRY(read_constants(&r, c));
    EVK_TRY(read_rotated(&r, c));
    EVK_TRY(make_plan(&r, c));
    EVK_TRY(check_sizes(&r, c));
    return evk_read_rope(&r, c);
}
