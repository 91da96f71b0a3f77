/* layers/families/olmo2.c: OLMo 2: norms after the layers, none before; q and k are normed over all heads together.
 *
 *     h <- h + norm(layer(h))
 *
 * Source: OLMo Team 2024 (arXiv 2501.00656); transformers' modeling_olmo2. */
#include "layers/families/list.h"
#include "layers/families/names.h"

const evk_family evk_family_olmo2 = {
    .label = "OLMo 2",
    .gguf_arch = "olmo2", .hf_type = "olmo2",
    .rope_gguf = EVK_ROPE_HALVES, .rope_hf = EVK_ROPE_HALVES,
    .usual = { .norm_eps = 1e-5, .qk_norm_whole = true },
    .hf_prefix = "model.",
    .names = { evk_names_ends, evk_names_post_norms, evk_names_attention, evk_names_attention_biases, evk_names_qk_norms,
               evk_names_mlp },
};
