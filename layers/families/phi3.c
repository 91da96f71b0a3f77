/* layers/families/phi3.c: Phi-3, 3.5 and 4: Llama's block with fused projections, a sliding window, longrope.
 *
 * Source: Abdin and others 2024 (arXiv 2404.14219); transformers' modeling_phi3. llama.cpp reads the window and does not
 * use it; here it is used, as in the reference. */
#include "layers/config.h"
#include "layers/families/list.h"
#include "layers/families/names.h"

#define QKV "blk.%zu.attn_qkv.weight", "layers.%zu.self_attn.qkv_proj.weight"
#define GATE_UP "blk.%zu.ffn_up.weight", "layers.%zu.mlp.gate_up_proj.weight"

static const evk_weight_name fused[] = {
    { EVK_W_ATTN_Q, QKV, EVK_NEEDED, NULL, EVK_Q_OF_QKV, false },
    { EVK_W_ATTN_K, QKV, EVK_NEEDED, NULL, EVK_K_OF_QKV, false },
    { EVK_W_ATTN_V, QKV, EVK_NEEDED, NULL, EVK_V_OF_QKV, false },
    { EVK_W_ATTN_Q, "blk.%zu.attn_q.weight", NULL, EVK_OPTIONAL, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_K, "blk.%zu.attn_k.weight", NULL, EVK_OPTIONAL, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_V, "blk.%zu.attn_v.weight", NULL, EVK_OPTIONAL, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_OUT, "blk.%zu.attn_output.weight", "layers.%zu.self_attn.o_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_MLP_GATE, GATE_UP, EVK_NEEDED, NULL, EVK_FIRST_HALF, false },
    { EVK_W_MLP_UP, GATE_UP, EVK_NEEDED, NULL, EVK_SECOND_HALF, false },
    { EVK_W_MLP_DOWN, "blk.%zu.ffn_down.weight", "layers.%zu.mlp.down_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { .slot = EVK_N_SLOT },
};

static const char *const keys[] = { "sliding_window", "original_max_position_embeddings", "partial_rotary_factor",
                                    "attention.sliding_window", "-full_attn_mod", "-interpolate_factor", NULL };

static evoke_status adjust(const evk_reader *r, evk_config *c)
{
    size_t window = 0;
    EVK_TRY(evk_read_count_or_off(r, "attention.sliding_window", "sliding_window", 0, &window));
    return evk_plan_windows(r, c, window, 0, 0);
}

const evk_family evk_family_phi3 = {
    .label = "Phi-3, 3.5, 4",
    .gguf_arch = "phi3", .hf_type = "phi3",
    .rope_gguf = EVK_ROPE_HALVES, .rope_hf = EVK_ROPE_HALVES,
    .usual = { .norm_eps = 1e-5, .n_ctx = 4096, .rope = { { .original = 4096 } } },
    .hf_prefix = "model.",
    .names = { evk_names_ends, evk_names_pre_norms, fused },
    .hf_keys = keys,
    .adjust = adjust,
};
