/* layers/encoder/families/bart.c: BART as a classifier, such as bart-large-mnli.
 *
 * The encoder reads the text; the decoder reads it once more, shifted right by one, each token seeing those before it and
 * all of the encoder. The head reads the decoder's state at the last end-of-text token: logits = Wout tanh(Wdense h).
 * Positions begin at row 2 of the table, whatever the padding token. Source: Lewis and others 2019 (arXiv 1910.13461);
 * transformers' modeling_bart. */
#include <math.h>

#include "layers/encoder/families/list.h"

#define LAYER(slot, stack, name)                                         \
    { slot, NULL, stack ".layers.%zu." name ".weight", false },          \
    { slot##_BIAS, NULL, stack ".layers.%zu." name ".bias", false }

#define STACK(stack)                                                                         \
    { EVK_E_EMBED, NULL, "shared.weight", true },                                            \
    { EVK_E_EMBED, NULL, stack ".embed_tokens.weight", true },                               \
    { EVK_E_EMBED, NULL, "encoder.embed_tokens.weight", true },                              \
    { EVK_E_EMBED, NULL, "decoder.embed_tokens.weight", false },                             \
    { EVK_E_POSITION, NULL, stack ".embed_positions.weight", false },                        \
    { EVK_E_EMBED_NORM, NULL, stack ".layernorm_embedding.weight", false },                  \
    { EVK_E_EMBED_NORM_BIAS, NULL, stack ".layernorm_embedding.bias", false },               \
    LAYER(EVK_E_Q, stack, "self_attn.q_proj"), LAYER(EVK_E_K, stack, "self_attn.k_proj"),    \
    LAYER(EVK_E_V, stack, "self_attn.v_proj"), LAYER(EVK_E_ATTN_OUT, stack, "self_attn.out_proj"), \
    LAYER(EVK_E_ATTN_NORM, stack, "self_attn_layer_norm"),                                   \
    LAYER(EVK_E_UP, stack, "fc1"), LAYER(EVK_E_DOWN, stack, "fc2"), LAYER(EVK_E_MLP_NORM, stack, "final_layer_norm")

static const evk_encoder_name encoder[] = {
    STACK("encoder"),
    { EVK_E_DENSE, NULL, "classification_head.dense.weight", false },
    { EVK_E_DENSE_BIAS, NULL, "classification_head.dense.bias", false },
    { EVK_E_OUT, NULL, "classification_head.out_proj.weight", false },
    { EVK_E_OUT_BIAS, NULL, "classification_head.out_proj.bias", false },
};

static const evk_encoder_name decoder[] = {
    STACK("decoder"),
    LAYER(EVK_E_CROSS_Q, "decoder", "encoder_attn.q_proj"), LAYER(EVK_E_CROSS_K, "decoder", "encoder_attn.k_proj"),
    LAYER(EVK_E_CROSS_V, "decoder", "encoder_attn.v_proj"), LAYER(EVK_E_CROSS_OUT, "decoder", "encoder_attn.out_proj"),
    LAYER(EVK_E_CROSS_NORM, "decoder", "encoder_attn_layer_norm"),
};

/* The rest are settings of training and of generation, which a classifier does not do. */
static const char *const keys[] = {
    "decoder_start_token_id", "scale_embedding", "normalize_before", "normalize_embedding", "static_position_embeddings",
    "extra_pos_embeddings", "add_final_layer_norm", "add_bias_logits", "activation_dropout", "classif_dropout",
    "classifier_dropout", "dropout", "encoder_layerdrop", "decoder_layerdrop", "init_std", "output_past",
    "force_bos_token_to_be_generated", NULL,
};

/* Settings of old files, whose other values transformers no longer has. */
static evoke_status check_old(const evk_reader *s)
{
    static const struct { const char *key; bool value; } fixed[] = {
        { "normalize_before", false }, { "normalize_embedding", true }, { "static_position_embeddings", false },
        { "add_final_layer_norm", false },
    };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        bool value = fixed[i].value;
        EVK_TRY(evk_read_flag(s, NULL, fixed[i].key, fixed[i].value, &value));
        if (value != fixed[i].value)
            return evk_refuse(s, fixed[i].key, json_object_get(s->json, fixed[i].key));
    }
    const json_t *extra = json_object_get(s->json, "extra_pos_embeddings");
    return extra && json_integer_value(extra) != 2 ? evk_refuse(s, "extra_pos_embeddings", extra) : EVOKE_OK;
}

static evoke_status adjust(const evk_reader *s, evk_encoder_config *c)
{
    bool scaled = false;
    EVK_TRY(check_old(s));
    EVK_TRY(evk_read_flag(s, NULL, "scale_embedding", false, &scaled));
    EVK_TRY(evk_setting_id(s, "decoder_start_token_id", 2, &c->decoder_start));
    if (scaled)
        c->embed_scale = (float)sqrt((double)c->d_model);
    return EVOKE_OK;
}

const evk_encoder_family evk_encoder_bart = {
    .label = "BART",
    .hf_type = "bart", .prefix = "model.",
    .n_stack = 2, .names = { encoder, decoder },
    .n_names = { sizeof encoder / sizeof *encoder, sizeof decoder / sizeof *decoder },
    .width = { NULL, "d_model", "hidden_size" }, .vocabulary = { NULL, "vocab_size", NULL },
    .layers = { NULL, "encoder_layers", "num_hidden_layers" },
    .heads = { NULL, "encoder_attention_heads", "num_attention_heads" }, .wide = { NULL, "encoder_ffn_dim", NULL },
    .activation = { NULL, "activation_function", NULL },
    .decoder_layers = { NULL, "decoder_layers", NULL }, .decoder_heads = { NULL, "decoder_attention_heads", NULL },
    .decoder_wide = { NULL, "decoder_ffn_dim", NULL },
    .norm_eps = 1e-5, .norm_eps_fixed = true, .n_type = SIZE_MAX, .n_position = 1024, .pad = 1, .end = 2,
    .position_offset = 2, .dense_activation = EVK_TANH, .head_at_end = true,
    .hf_keys = keys, .adjust = adjust,
};
