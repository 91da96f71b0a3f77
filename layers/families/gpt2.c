/* layers/families/gpt2.c: GPT-2: LayerNorm, learned positions, an MLP without a gate, biases everywhere; Hugging Face files
 * keep the matrices [in, out].
 *
 * Source: Radford and others 2019; transformers' modeling_gpt2. */
#include "layers/config.h"
#include "layers/families/list.h"

#include <math.h>

#define QKV "blk.%zu.attn_qkv."
#define HF "h.%zu.attn.c_attn."

static const evk_weight_name names[] = {
    { EVK_W_EMBED, "token_embd.weight", "wte.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_POSITION, "position_embd.weight", "wpe.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_FINAL_NORM, "output_norm.weight", "ln_f.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_FINAL_NORM_BIAS, "output_norm.bias", "ln_f.bias", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_HEAD, "output.weight", "lm_head.weight", EVK_OPTIONAL, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_NORM, "blk.%zu.attn_norm.weight", "h.%zu.ln_1.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_NORM_BIAS, "blk.%zu.attn_norm.bias", "h.%zu.ln_1.bias", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_Q, QKV "weight", HF "weight", EVK_NEEDED, NULL, EVK_Q_OF_QKV, true },
    { EVK_W_ATTN_K, QKV "weight", HF "weight", EVK_NEEDED, NULL, EVK_K_OF_QKV, true },
    { EVK_W_ATTN_V, QKV "weight", HF "weight", EVK_NEEDED, NULL, EVK_V_OF_QKV, true },
    { EVK_W_ATTN_Q_BIAS, QKV "bias", HF "bias", EVK_NEEDED, NULL, EVK_Q_OF_QKV, false },
    { EVK_W_ATTN_K_BIAS, QKV "bias", HF "bias", EVK_NEEDED, NULL, EVK_K_OF_QKV, false },
    { EVK_W_ATTN_V_BIAS, QKV "bias", HF "bias", EVK_NEEDED, NULL, EVK_V_OF_QKV, false },
    { EVK_W_ATTN_OUT, "blk.%zu.attn_output.weight", "h.%zu.attn.c_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, true },
    { EVK_W_ATTN_OUT_BIAS, "blk.%zu.attn_output.bias", "h.%zu.attn.c_proj.bias", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_MLP_NORM, "blk.%zu.ffn_norm.weight", "h.%zu.ln_2.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_MLP_NORM_BIAS, "blk.%zu.ffn_norm.bias", "h.%zu.ln_2.bias", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_MLP_UP, "blk.%zu.ffn_up.weight", "h.%zu.mlp.c_fc.weight", EVK_NEEDED, NULL, EVK_WHOLE, true },
    { EVK_W_MLP_UP_BIAS, "blk.%zu.ffn_up.bias", "h.%zu.mlp.c_fc.bias", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_MLP_DOWN, "blk.%zu.ffn_down.weight", "h.%zu.mlp.c_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, true },
    { EVK_W_MLP_DOWN_BIAS, "blk.%zu.ffn_down.bias", "h.%zu.mlp.c_proj.bias", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { .slot = EVK_N_SLOT },
};

static const char *const renamed[] = {
    "hidden_size", "n_embd", "num_hidden_layers", "n_layer", "num_attention_heads", "n_head", "max_position_embeddings",
    "n_positions", "intermediate_size", "n_inner", "layer_norm_eps", "layer_norm_epsilon", NULL,
};
static const char *const keys[] = { "scale_attn_weights", "scale_attn_by_inverse_layer_idx", "-reorder_and_upcast_attn", "-n_ctx",
                                    "-n_special", "-predict_special_tokens", NULL };

static evoke_status adjust(const evk_reader *r, evk_config *c)
{
    bool scaled = true, by_layer = false;
    c->d_rope = 0;
    EVK_TRY(evk_read_flag(r, NULL, "scale_attn_weights", true, &scaled));
    EVK_TRY(evk_read_flag(r, NULL, "scale_attn_by_inverse_layer_idx", false, &by_layer));
    for (size_t i = 0; i < c->n_layer; i++) {
        c->layer[i].rope = -1;
        c->layer[i].attention_scale = (float)((scaled ? 1.0 / sqrt((double)c->d_head) : 1.0) / (by_layer ? (double)i + 1 : 1.0));
    }
    /* Converters write 4 D whatever the width is. */
    const evk_tensor *up = r->json ? NULL : evk_weights_find(r->w, "blk.0.ffn_up.weight");
    if (up && up->rows > 0 && up->rows <= EVK_MAX_WIDTH)
        c->d_ff = up->rows;
    return EVOKE_OK;
}

const evk_family evk_family_gpt2 = {
    .label = "GPT-2",
    .gguf_arch = "gpt2", .hf_type = "gpt2",
    .usual = { .norm_eps = 1e-5, .n_ctx = 1024, .layer_norm = true, .activation = EVK_GELU_TANH },
    .tied_if_missing = true,
    .activation_key = "activation_function",
    .hf_prefix = "transformer.",
    .names = { names },
    .hf_keys = keys,
    .hf_renamed = renamed,
    .adjust = adjust,
};
