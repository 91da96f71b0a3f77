/* layers/families/qwen2.c: Qwen1.5, 2, 2.5 (biases on q, k, v) and Qwen3 (a norm on each head of q and k instead).
 *
 * Sources: Qwen Team 2024 (arXiv 2407.10671, 2412.15115), 2025 (2505.09388); transformers' modeling_qwen2, modeling_qwen3.
 * With use_sliding_window the layers from max_window_layers on see the last sliding_window tokens only. */
#include "layers/config.h"
#include "layers/families/list.h"
#include "layers/families/names.h"

static const char *const keys[] = { "use_sliding_window", "sliding_window", "max_window_layers", "layer_types", "-use_mrope",
                                    NULL };

static evoke_status adjust(const evk_reader *r, evk_config *c)
{
    size_t window = 0, first = 0;
    bool on = false;
    EVK_TRY(evk_read_flag(r, NULL, "use_sliding_window", false, &on));
    EVK_TRY(evk_read_count_or_off(r, NULL, "sliding_window", r->json ? 4096 : 0, &window));
    EVK_TRY(evk_read_count_or_off(r, NULL, "max_window_layers", 28, &first));
    return evk_plan_windows(r, c, on ? window : 0, 0, first);
}

const evk_family evk_family_qwen2 = {
    .label = "Qwen 1.5, 2, 2.5",
    .gguf_arch = "qwen2", .hf_type = "qwen2",
    .rope_gguf = EVK_ROPE_HALVES, .rope_hf = EVK_ROPE_HALVES,
    .usual = { .norm_eps = 1e-6, .n_ctx = 32768 },
    .hf_prefix = "model.",
    .names = { evk_names_ends, evk_names_pre_norms, evk_names_attention, evk_names_qkv_biases, evk_names_mlp },
    .hf_keys = keys,
    .adjust = adjust,
};

const evk_family evk_family_qwen3 = {
    .label = "Qwen3",
    .gguf_arch = "qwen3", .hf_type = "qwen3",
    .rope_gguf = EVK_ROPE_HALVES, .rope_hf = EVK_ROPE_HALVES,
    .usual = { .norm_eps = 1e-6, .d_head = 128, .n_ctx = 32768 },
    .hf_prefix = "model.",
    .names = { evk_names_ends, evk_names_pre_norms, evk_names_attention, evk_names_attention_biases, evk_names_qk_norms,
               evk_names_mlp },
    .hf_keys = keys,
    .adjust = adjust,
};
