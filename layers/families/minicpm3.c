/* layers/families/minicpm3.c: MiniCPM3: MiniCPM's scales and multi-head latent attention (DeepSeek-AI 2024, arXiv 2405.04434).
 *
 *     q = Wqb rmsnorm(Wqa n);   [c; k_r] = Wkva n;   [k_n; v] by head = Wkvb rmsnorm(c);   k = [k_n; rope(k_r)]
 *
 * k_r is the same in all heads. The norms in between have an eps of their own. Source: transformers' modeling_minicpm3. */
#include "layers/config.h"
#include "layers/families/list.h"
#include "layers/families/minicpm.h"
#include "layers/families/names.h"

#define SELF "layers.%zu.self_attn."

static const evk_weight_name latent[] = {
    { EVK_W_LATENT_Q, "blk.%zu.attn_q_a.weight", SELF "q_a_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_LATENT_Q_BIAS, "blk.%zu.attn_q_a.bias", SELF "q_a_proj.bias", EVK_IF_KEY, "attention_bias", EVK_WHOLE, false },
    { EVK_W_LATENT_Q_NORM, "blk.%zu.attn_q_a_norm.weight", SELF "q_a_layernorm.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_Q, "blk.%zu.attn_q_b.weight", SELF "q_b_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_LATENT_KV, "blk.%zu.attn_kv_a_mqa.weight", SELF "kv_a_proj_with_mqa.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_LATENT_KV_BIAS, "blk.%zu.attn_kv_a_mqa.bias", SELF "kv_a_proj_with_mqa.bias", EVK_IF_KEY, "attention_bias",
      EVK_WHOLE, false },
    { EVK_W_LATENT_KV_NORM, "blk.%zu.attn_kv_a_norm.weight", SELF "kv_a_layernorm.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_LATENT_KV_UP, "blk.%zu.attn_kv_b.weight", SELF "kv_b_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_OUT, "blk.%zu.attn_output.weight", SELF "o_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_OUT_BIAS, "blk.%zu.attn_output.bias", SELF "o_proj.bias", EVK_IF_KEY, "attention_bias", EVK_WHOLE, false },
    { .slot = EVK_N_SLOT },
};

static const char *const keys[] = {
    "q_lora_rank", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "-qk_head_dim", "scale_emb", "scale_depth",
    "dim_model_base", "attention.q_lora_rank", "attention.kv_lora_rank", NULL,
};

static evoke_status read_head(const evk_reader *r, evk_config *c)
{
    const size_t even = c->d_model / c->n_head;
    if (!r->json) {
        EVK_TRY(evk_read_size(r, "rope.dimension_count", NULL, EVK_MAX_WIDTH, 0, &c->d_rope));
        c->rope_first = c->d_head > c->d_rope ? c->d_head - c->d_rope : 0;
        const evk_tensor *out = evk_weights_find(r->w, "blk.0.attn_output.weight");     /* converters leave its width out */
        const size_t width = out && out->cols % c->n_head == 0 && out->cols > 0 ? out->cols / c->n_head : even;
        return evk_read_size(r, "attention.value_length", NULL, EVK_MAX_WIDTH, width, &c->d_value);
    }
    EVK_TRY(evk_read_size(r, NULL, "qk_nope_head_dim", EVK_MAX_WIDTH, 64, &c->rope_first));
    EVK_TRY(evk_read_size(r, NULL, "qk_rope_head_dim", EVK_MAX_WIDTH, 32, &c->d_rope));
    EVK_TRY(evk_read_size(r, NULL, "v_head_dim", EVK_MAX_WIDTH, even, &c->d_value));
    c->d_head = c->rope_first + c->d_rope;
    return EVOKE_OK;
}

static evoke_status adjust(const evk_reader *r, evk_config *c)
{
    const json_t *rank = evk_read_json(r, "q_lora_rank");
    EVK_TRY(read_head(r, c));
    if (json_is_null(rank))                 /* queries straight from the stream: no published model */
        return evk_refuse(r, "q_lora_rank", rank);
    EVK_TRY(evk_read_size(r, "attention.q_lora_rank", "q_lora_rank", EVK_MAX_WIDTH, r->json ? 768 : 0, &c->q_rank));
    EVK_TRY(evk_read_size(r, "attention.kv_lora_rank", "kv_lora_rank", EVK_MAX_WIDTH, r->json ? 256 : 0, &c->kv_rank));
    if (c->n_kv_head != c->n_head)
        return evk_bad_setting(r, r->json ? "num_key_value_heads" : "minicpm3.attention.head_count_kv",
                               "is not the number of heads, which latent attention has");
    c->latent_eps = 1e-6;
    const json_t *depth = evk_read_json(r, "scale_depth"), *base = evk_read_json(r, "dim_model_base");
    if (json_is_null(depth))
        return evk_refuse(r, "scale_depth", depth);
    return json_is_null(base) ? evk_refuse(r, "dim_model_base", base)
                              : evk_minicpm_scales(r, c, (evk_minicpm_usual){ 12, 1.4, 256 });
}

const evk_family evk_family_minicpm3 = {
    .label = "MiniCPM3",
    .gguf_arch = "minicpm3", .hf_type = "minicpm3",
    .rope_gguf = EVK_ROPE_HALVES, .rope_hf = EVK_ROPE_HALVES,
    .usual = { .norm_eps = 1e-5, .n_ctx = 32768 },
    .tied_if_missing = true,
    .hf_prefix = "model.",
    .names = { evk_names_ends, evk_names_pre_norms, latent, evk_names_mlp, evk_names_mlp_biases },
    .hf_keys = keys,
    .adjust = adjust,
};
