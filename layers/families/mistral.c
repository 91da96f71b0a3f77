/* layers/families/mistral.c: Mistral: Llama's block, and a token sees the last sliding_window ones only.
 *
 * Source: Jiang and others 2023 (arXiv 2310.06825); transformers' modeling_mistral. GGUF files say llama, and are
 * opened as that: converters leave the window out. */
#include "layers/config.h"
#include "layers/families/list.h"
#include "layers/families/names.h"

static const char *const keys[] = { "sliding_window", NULL };

static evoke_status adjust(const evk_reader *r, evk_config *c)
{
    size_t window = 0;
    EVK_TRY(evk_read_count_or_off(r, NULL, "sliding_window", 4096, &window));
    return evk_plan_windows(r, c, window, 0, 0);
}

const evk_family evk_family_mistral = {
    .label = "Mistral",
    .gguf_arch = "llama", .hf_type = "mistral",
    .rope_hf = EVK_ROPE_HALVES,
    .usual = { .norm_eps = 1e-6, .n_kv_head = 8, .n_ctx = 131072 },
    .hf_prefix = "model.",
    .names = { evk_names_ends, evk_names_pre_norms, evk_names_attention, evk_names_mlp },
    .hf_keys = keys,
    .adjust = adjust,
};
