/* layers/families/gpt_neox.c: GPT-NeoX and Pythia: LayerNorm, rotary embedding on a part of each head, an MLP without a gate,
 * attention and MLP side by side:
 *
 *     h <- h + attention(norm1(h)) + mlp(norm2(h))        (use_parallel_residual; one after the other without)
 *
 * Sources: Black and others 2022 (arXiv 2204.06745); transformers' modeling_gpt_neox. Hugging Face files hold q, k, v of a
 * head together, GGUF files all q, then all k, then all v. */
#include "layers/config.h"
#include "layers/families/list.h"

#define QKV "blk.%zu.attn_qkv."
#define HF "layers.%zu.attention.query_key_value."

static const evk_weight_name names[] = {
    { EVK_W_EMBED, "token_embd.weight", "embed_in.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_FINAL_NORM, "output_norm.weight", "final_layer_norm.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_FINAL_NORM_BIAS, "output_norm.bias", "final_layer_norm.bias", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_HEAD, "output.weight", "embed_out.weight", EVK_OPTIONAL, NULL, EVK_WHOLE, false },
    { EVK_W_HEAD, NULL, "lm_head.weight", EVK_OPTIONAL, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_NORM, "blk.%zu.attn_norm.weight", "layers.%zu.input_layernorm.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_NORM_BIAS, "blk.%zu.attn_norm.bias", "layers.%zu.input_layernorm.bias", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_Q, QKV "weight", NULL, EVK_NEEDED, NULL, EVK_Q_OF_QKV, false },
    { EVK_W_ATTN_K, QKV "weight", NULL, EVK_NEEDED, NULL, EVK_K_OF_QKV, false },
    { EVK_W_ATTN_V, QKV "weight", NULL, EVK_NEEDED, NULL, EVK_V_OF_QKV, false },
    { EVK_W_ATTN_Q_BIAS, QKV "bias", NULL, EVK_OPTIONAL, NULL, EVK_Q_OF_QKV, false },
    { EVK_W_ATTN_K_BIAS, QKV "bias", NULL, EVK_OPTIONAL, NULL, EVK_K_OF_QKV, false },
    { EVK_W_ATTN_V_BIAS, QKV "bias", NULL, EVK_OPTIONAL, NULL, EVK_V_OF_QKV, false },
    { EVK_W_ATTN_Q, NULL, HF "weight", EVK_NEEDED, NULL, EVK_Q_BY_HEAD, false },
    { EVK_W_ATTN_K, NULL, HF "weight", EVK_NEEDED, NULL, EVK_K_BY_HEAD, false },
    { EVK_W_ATTN_V, NULL, HF "weight", EVK_NEEDED, NULL, EVK_V_BY_HEAD, false },
    { EVK_W_ATTN_Q_BIAS, NULL, HF "bias", EVK_UNLESS_KEY_IS_FALSE, "attention_bias", EVK_Q_BY_HEAD, false },
    { EVK_W_ATTN_K_BIAS, NULL, HF "bias", EVK_UNLESS_KEY_IS_FALSE, "attention_bias", EVK_K_BY_HEAD, false },
    { EVK_W_ATTN_V_BIAS, NULL, HF "bias", EVK_UNLESS_KEY_IS_FALSE, "attention_bias", EVK_V_BY_HEAD, false },
    { EVK_W_ATTN_OUT, "blk.%zu.attn_output.weight", "layers.%zu.attention.dense.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_OUT_BIAS, "blk.%zu.attn_output.bias", "layers.%zu.attention.dense.bias", EVK_UNLESS_KEY_IS_FALSE,
      "attention_bias", EVK_WHOLE, false },
    { EVK_W_MLP_NORM, "blk.%zu.ffn_norm.weight", "layers.%zu.post_attention_layernorm.weight", EVK_NEEDED, NULL, EVK_WHOLE,
      false },
    { EVK_W_MLP_NORM_BIAS, "blk.%zu.ffn_norm.bias", "layers.%zu.post_attention_layernorm.bias", EVK_NEEDED, NULL, EVK_WHOLE,
      false },
    { EVK_W_MLP_UP, "blk.%zu.ffn_up.weight", "layers.%zu.mlp.dense_h_to_4h.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_MLP_UP_BIAS, "blk.%zu.ffn_up.bias", "layers.%zu.mlp.dense_h_to_4h.bias", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_MLP_DOWN, "blk.%zu.ffn_down.weight", "layers.%zu.mlp.dense_4h_to_h.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_MLP_DOWN_BIAS, "blk.%zu.ffn_down.bias", "layers.%zu.mlp.dense_4h_to_h.bias", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { .slot = EVK_N_SLOT },
};

static const char *const renamed[] = { "rope_theta", "rotary_emb_base", "partial_rotary_factor", "rotary_pct", NULL };
static const char *const keys[] = { "use_parallel_residual", NULL };

/* The reference knows these two by its own names only: the common one alone would mean another model here than there. */
static evoke_status refuse_common_name(const evk_reader *r, const char *common, const char *own, double usual)
{
    const json_t *v = json_object_get(r->json, common);
    const bool alone = v && !json_is_null(v) && !json_object_get(r->json, own);
    return alone && json_number_value(v) != usual ? evk_refuse(r, common, v) : EVOKE_OK;
}

static evoke_status adjust(const evk_reader *r, evk_config *c)
{
    EVK_TRY(refuse_common_name(r, "rope_theta", "rotary_emb_base", 10000));
    EVK_TRY(refuse_common_name(r, "partial_rotary_factor", "rotary_pct", 0.25));
    if (r->json && c->n_kv_head != c->n_head)       /* rows are [q; k; v] for each head */
        return evk_bad_setting(r, "num_key_value_heads", "is not the number of heads");
    return evk_read_flag(r, "use_parallel_residual", "use_parallel_residual", true, &c->parallel);
}

const evk_family evk_family_gpt_neox = {
    .label = "GPT-NeoX, Pythia",
    .gguf_arch = "gptneox", .hf_type = "gpt_neox",
    .rope_gguf = EVK_ROPE_HALVES, .rope_hf = EVK_ROPE_HALVES,
    .usual = { .norm_eps = 1e-5, .layer_norm = true, .activation = EVK_GELU, .d_rope = 25 },
    .hf_prefix = "gpt_neox.",
    .names = { names },
    .hf_keys = keys,
    .hf_renamed = renamed,
    .adjust = adjust,
};
