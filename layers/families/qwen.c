/* layers/families/qwen.c: the first Qwen: Llama's block with a fused projection, biases on q, k and v, and an MLP that
 * names its gate w2.
 *
 * Source: Bai and others 2023 (arXiv 2309.16609); the published config.json and weights of Qwen-7B. intermediate_size counts
 * gate and up together. Beyond seq_length the published code stretches the rotary base and scales queries by the logarithm
 * of the position: not done here, so that seq_length is the context where either is on. */
#include "layers/config.h"
#include "layers/families/list.h"
#include "layers/families/names.h"

#define QKV "blk.%zu.attn_qkv."
#define HF "h.%zu.attn.c_attn."

static const evk_weight_name names[] = {
    { EVK_W_EMBED, "token_embd.weight", "wte.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_FINAL_NORM, "output_norm.weight", "ln_f.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_HEAD, "output.weight", "lm_head.weight", EVK_OPTIONAL, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_NORM, "blk.%zu.attn_norm.weight", "h.%zu.ln_1.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_Q, QKV "weight", HF "weight", EVK_NEEDED, NULL, EVK_Q_OF_QKV, false },
    { EVK_W_ATTN_K, QKV "weight", HF "weight", EVK_NEEDED, NULL, EVK_K_OF_QKV, false },
    { EVK_W_ATTN_V, QKV "weight", HF "weight", EVK_NEEDED, NULL, EVK_V_OF_QKV, false },
    { EVK_W_ATTN_Q_BIAS, QKV "bias", HF "bias", EVK_NEEDED, NULL, EVK_Q_OF_QKV, false },
    { EVK_W_ATTN_K_BIAS, QKV "bias", HF "bias", EVK_NEEDED, NULL, EVK_K_OF_QKV, false },
    { EVK_W_ATTN_V_BIAS, QKV "bias", HF "bias", EVK_NEEDED, NULL, EVK_V_OF_QKV, false },
    { EVK_W_ATTN_OUT, "blk.%zu.attn_output.weight", "h.%zu.attn.c_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_MLP_NORM, "blk.%zu.ffn_norm.weight", "h.%zu.ln_2.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_MLP_GATE, "blk.%zu.ffn_gate.weight", "h.%zu.mlp.w2.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_MLP_UP, "blk.%zu.ffn_up.weight", "h.%zu.mlp.w1.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_MLP_DOWN, "blk.%zu.ffn_down.weight", "h.%zu.mlp.c_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { .slot = EVK_N_SLOT },
};

static const char *const renamed[] = { "head_dim", "kv_channels", "rms_norm_eps", "layer_norm_epsilon", "rope_theta",
                                       "rotary_emb_base", "partial_rotary_factor", "rotary_pct", NULL };
static const char *const keys[] = { "no_bias", "scale_attn_weights", "seq_length", "use_dynamic_ntk", "use_logn_attn",
                                    "-bf16", "-fp16", "-fp32", "-use_cache_quantization", "-use_cache_kernel",
                                    "-softmax_in_fp32", "-onnx_safe", NULL };

static evoke_status adjust(const evk_reader *r, evk_config *c)
{
    bool stretched = false, scaled = false;
    size_t trained = 0;
    if (c->d_ff % 2 != 0)
        return evk_bad_setting(r, r->json ? "intermediate_size" : "qwen.feed_forward_length", "is odd");
    c->d_ff /= 2;
    EVK_TRY(evk_only(r, "no_bias", true));
    EVK_TRY(evk_only(r, "scale_attn_weights", true));
    EVK_TRY(evk_read_flag(r, NULL, "use_dynamic_ntk", true, &stretched));
    EVK_TRY(evk_read_flag(r, NULL, "use_logn_attn", true, &scaled));
    EVK_TRY(evk_read_size(r, NULL, "seq_length", EVK_MAX_CONTEXT, c->n_ctx, &trained));
    if ((stretched || scaled) && trained < c->n_ctx)
        c->n_ctx = trained;
    return EVOKE_OK;
}

const evk_family evk_family_qwen = {
    .label = "Qwen (the first)",
    .gguf_arch = "qwen", .hf_type = "qwen",
    .rope_gguf = EVK_ROPE_HALVES, .rope_hf = EVK_ROPE_HALVES,
    .usual = { .norm_eps = 1e-6 },
    .hf_prefix = "transformer.",
    .names = { names },
    .hf_keys = keys,
    .hf_renamed = renamed,
    .adjust = adjust,
};
