/* layers/encoder/families/deberta_v2.c: DeBERTa-v2 and v3: attention that keeps content and position apart.
 *
 * A score is the sum of up to three terms, over their number's root: content to content, content to position (c2p) and
 * position to content (p2c), with a vector for each relative position or, with position_buckets, for each of a few ranges
 * of them. The largest models add a convolution to the first block. The head reads a pooler of its own activation.
 * Sources: He and others 2020, 2021 (arXiv 2006.03654, 2111.09543); transformers' modeling_deberta_v2. */
#include <string.h>
#include <strings.h>

#include "layers/encoder/families/list.h"

#define LAYER(slot, name)                                              \
    { slot, NULL, "encoder.layer.%zu." name ".weight", false },        \
    { slot##_BIAS, NULL, "encoder.layer.%zu." name ".bias", false }

static const evk_encoder_name names[] = {
    { EVK_E_EMBED, NULL, "embeddings.word_embeddings.weight", false },
    { EVK_E_POSITION, NULL, "embeddings.position_embeddings.weight", false },
    { EVK_E_TYPE, NULL, "embeddings.token_type_embeddings.weight", false },
    { EVK_E_EMBED_PROJ, NULL, "embeddings.embed_proj.weight", false },
    { EVK_E_EMBED_NORM, NULL, "embeddings.LayerNorm.weight", false },
    { EVK_E_EMBED_NORM_BIAS, NULL, "embeddings.LayerNorm.bias", false },
    { EVK_E_RELATIVE, NULL, "encoder.rel_embeddings.weight", false },
    { EVK_E_RELATIVE_NORM, NULL, "encoder.LayerNorm.weight", false },
    { EVK_E_RELATIVE_NORM_BIAS, NULL, "encoder.LayerNorm.bias", false },
    { EVK_E_CONV, NULL, "encoder.conv.conv.weight", false },
    { EVK_E_CONV_BIAS, NULL, "encoder.conv.conv.bias", false },
    { EVK_E_CONV_NORM, NULL, "encoder.conv.LayerNorm.weight", false },
    { EVK_E_CONV_NORM_BIAS, NULL, "encoder.conv.LayerNorm.bias", false },
    { EVK_E_POOLER, NULL, "pooler.dense.weight", true },
    { EVK_E_POOLER_BIAS, NULL, "pooler.dense.bias", true },
    { EVK_E_OUT, NULL, "classifier.weight", false },
    { EVK_E_OUT_BIAS, NULL, "classifier.bias", false },
    LAYER(EVK_E_Q, "attention.self.query_proj"),
    LAYER(EVK_E_K, "attention.self.key_proj"),
    LAYER(EVK_E_V, "attention.self.value_proj"),
    LAYER(EVK_E_RELATIVE_K, "attention.self.pos_key_proj"),
    LAYER(EVK_E_RELATIVE_Q, "attention.self.pos_query_proj"),
    LAYER(EVK_E_ATTN_OUT, "attention.output.dense"),
    LAYER(EVK_E_ATTN_NORM, "attention.output.LayerNorm"),
    LAYER(EVK_E_UP, "intermediate.dense"),
    LAYER(EVK_E_DOWN, "output.dense"),
    LAYER(EVK_E_MLP_NORM, "output.LayerNorm"),
};

static const char *const keys[] = {
    "relative_attention", "max_relative_positions", "position_buckets", "position_biased_input", "pos_att_type",
    "norm_rel_ebd", "share_att_key", "conv_kernel_size", "conv_groups", "conv_act", "attention_head_size",
    "embedding_size", "pooler_hidden_size", "pooler_hidden_act", "pooler_dropout", "cls_dropout", "legacy",
    "padding_idx", NULL,
};

/* One of the words of "c2p|p2c", blanks around them aside. */
static evoke_status add_term(const evk_reader *s, const json_t *value, const char *word, size_t n, evk_encoder_config *c)
{
    while (n > 0 && *word == ' ')
        word++, n--;
    while (n > 0 && word[n - 1] == ' ')
        n--;
    if (n == 3 && strncasecmp(word, "c2p", 3) == 0)
        c->relative_c2p = true;
    else if (n == 3 && strncasecmp(word, "p2c", 3) == 0)
        c->relative_p2c = true;
    else if (n > 0 && !(n == 4 && strncasecmp(word, "none", 4) == 0))
        return evk_refuse(s, "pos_att_type", value);
    return EVOKE_OK;
}

static evoke_status read_terms(const evk_reader *s, evk_encoder_config *c)
{
    const json_t *v = json_object_get(s->json, "pos_att_type");
    if (v && !json_is_null(v) && !json_is_string(v) && !json_is_array(v))
        return evk_refuse(s, "pos_att_type", v);
    for (const char *text = json_string_value(v); text;) {
        const size_t n = strcspn(text, "|");
        EVK_TRY(add_term(s, v, text, n, c));
        text = text[n] ? text + n + 1 : NULL;
    }
    for (size_t i = 0; json_is_array(v) && i < json_array_size(v); i++) {
        const char *word = json_string_value(json_array_get(v, i));
        if (!word)
            return evk_refuse(s, "pos_att_type", v);
        EVK_TRY(add_term(s, v, word, strlen(word), c));
    }
    c->score_terms = 1u + c->relative_c2p + c->relative_p2c;
    return EVOKE_OK;
}

/* -1 and 0 mean "none". */
static evoke_status read_limit(const evk_reader *s, const char *key, size_t *out)
{
    const json_t *v = json_object_get(s->json, key);
    *out = 0;
    if (!v || (json_is_integer(v) && json_integer_value(v) < 1))
        return EVOKE_OK;
    return evk_setting_count(s, key, 1 << 20, 0, out);
}

static evoke_status read_relative(const evk_reader *s, evk_encoder_config *c)
{
    bool relative = false;
    EVK_TRY(evk_read_flag(s, NULL, "relative_attention", false, &relative));
    EVK_TRY(read_terms(s, c));
    EVK_TRY(read_limit(s, "position_buckets", &c->n_bucket));
    EVK_TRY(read_limit(s, "max_relative_positions", &c->max_relative));
    EVK_TRY(evk_read_flag(s, NULL, "share_att_key", false, &c->relative_shares_keys));
    if (c->max_relative == 0)
        c->max_relative = c->n_ctx;
    if (!relative) {                            /* the divisor still counts the terms that are named */
        c->relative_c2p = c->relative_p2c = false;
        return EVOKE_OK;
    }
    if (c->n_bucket && (c->n_bucket < 2 || c->max_relative - 1 <= c->n_bucket / 2))
        return evk_refuse(s, "position_buckets", json_object_get(s->json, "position_buckets"));
    c->relative_span = c->n_bucket ? c->n_bucket : c->max_relative;
    return EVOKE_OK;
}

static evoke_status read_relative_norm(const evk_reader *s, evk_encoder_config *c)
{
    const json_t *v = json_object_get(s->json, "norm_rel_ebd");
    const char *text = json_string_value(v);
    if (!v || (text && strcasecmp(text, "none") == 0))
        return EVOKE_OK;
    if (!text || strcasecmp(text, "layer_norm") != 0)
        return evk_refuse(s, "norm_rel_ebd", v);
    c->relative_norm = true;
    return EVOKE_OK;
}

static evoke_status read_conv(const evk_reader *s, evk_encoder_config *c)
{
    EVK_TRY(evk_setting_count(s, "conv_kernel_size", 255, 0, &c->conv_kernel));
    EVK_TRY(evk_setting_size(s, (evk_setting){ NULL, "conv_groups", NULL }, c->d_model, 1, &c->conv_groups));
    EVK_TRY(evk_setting_activation(s, (evk_setting){ NULL, "conv_act", NULL }, EVK_TANH, &c->conv_activation));
    if (c->conv_kernel > 0 && c->conv_kernel % 2 == 0)      /* it would make a text one token shorter */
        return evk_refuse(s, "conv_kernel_size", json_object_get(s->json, "conv_kernel_size"));
    if (c->d_model % c->conv_groups != 0)
        return evk_refuse(s, "conv_groups", json_object_get(s->json, "conv_groups"));
    return EVOKE_OK;
}

static evoke_status adjust(const evk_reader *s, evk_encoder_config *c)
{
    bool positions = true;
    size_t pooler = 0;
    EVK_TRY(evk_read_flag(s, NULL, "position_biased_input", true, &positions));
    if (!positions)
        c->n_position = 0;
    EVK_TRY(evk_setting_size(s, (evk_setting){ NULL, "embedding_size", NULL }, 1 << 20, c->d_model, &c->d_embed));
    EVK_TRY(evk_setting_size(s, (evk_setting){ NULL, "attention_head_size", NULL }, 1 << 16, c->stack[0].d_head,
                             &c->stack[0].d_head));
    EVK_TRY(evk_setting_size(s, (evk_setting){ NULL, "pooler_hidden_size", NULL }, 1 << 20, c->d_model, &pooler));
    if (pooler != c->d_model)
        return evk_refuse(s, "pooler_hidden_size", json_object_get(s->json, "pooler_hidden_size"));
    EVK_TRY(evk_setting_activation(s, (evk_setting){ NULL, "pooler_hidden_act", NULL }, EVK_GELU, &c->pooler_activation));
    EVK_TRY(read_relative(s, c));
    EVK_TRY(read_relative_norm(s, c));
    return read_conv(s, c);
}

const evk_encoder_family evk_encoder_deberta_v2 = {
    .label = "DeBERTa-v2, DeBERTa-v3",
    .hf_type = "deberta-v2", .prefix = "deberta.",
    .n_stack = 1, .names = { names }, .n_names = { sizeof names / sizeof *names },
    .width = { NULL, "hidden_size", NULL }, .vocabulary = { NULL, "vocab_size", NULL },
    .layers = { NULL, "num_hidden_layers", NULL }, .heads = { NULL, "num_attention_heads", NULL },
    .wide = { NULL, "intermediate_size", NULL }, .activation = { NULL, "hidden_act", NULL },
    .norm_eps = 1e-7, .n_type = 0, .n_position = 512, .pad = 0, .end = -1,
    .pooler_activation = EVK_GELU, .head_on_pooler = true,
    .hf_keys = keys, .adjust = adjust,
};
