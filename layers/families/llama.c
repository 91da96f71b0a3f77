/* layers/families/llama.c: Llama 1 to 3.x and what shares its block (SmolLM2, TinyLlama, Vicuna, Yi).
 *
 *     h <- h + Wo attention(rope(Wq n), rope(Wk n), Wv n),   n = rmsnorm(h)
 *     h <- h + Wdown (silu(Wgate n) * Wup n),                n = rmsnorm(h)
 *
 * Source: Touvron and others 2023 (arXiv 2302.13971); transformers' modeling_llama. Converters to GGUF permute the rows
 * of q and k, so that the pairs that rotary embedding turns lie side by side. */
#include "layers/families/list.h"
#include "layers/families/names.h"

const evk_family evk_family_llama = {
    .label = "Llama 1, 2, 3.x; Vicuna, Yi, SmolLM2, TinyLlama",
    .gguf_arch = "llama", .hf_type = "llama", .hf_alias = "Yi",
    .rope_gguf = EVK_ROPE_PAIRS, .rope_hf = EVK_ROPE_HALVES,
    .usual = { .norm_eps = 1e-6 },
    .hf_prefix = "model.",
    .names = { evk_names_ends, evk_names_pre_norms, evk_names_attention, evk_names_attention_biases, evk_names_mlp,
               evk_names_mlp_biases },
};
