/* layers/families/llama.c: Llama 1 to 3.x and what shares its block (SmolLM2, TinyLlama, Vicuna, Yi).
 *
 *     h <- h + Wo attention(rope(Wq n), rope(Wk n), Wv n),   n = rmsnorm(h)
 *     h <- h + Wdown (silu(Wgate n) * Wup n),                n = rmsnorm(h)
 *
 * Source: Touvron and others 2023 (arXiv 2302.13971); transformers' modeling_llama. Converters to GGUF permute the rows
 * of q and k, so that the pairs that rotary embedding turns lie side by side. */
#include "layers/family.h"

#include "layers/families/list.h"

static const evk_weight_name names[] = {
    { EVK_W_EMBED, "token_embd.weight", "model.embed_tokens.weight", false },
    { EVK_W_FINAL_NORM, "output_norm.weight", "model.norm.weight", false },
    { EVK_W_HEAD, "output.weight", "lm_head.weight", true },
    { EVK_W_ROPE_DIVISORS, "rope_freqs.weight", NULL, true },
    { EVK_W_ATTN_NORM, "blk.%zu.attn_norm.weight", "model.layers.%zu.input_layernorm.weight", false },
    { EVK_W_ATTN_Q, "blk.%zu.attn_q.weight", "model.layers.%zu.self_attn.q_proj.weight", false },
    { EVK_W_ATTN_K, "blk.%zu.attn_k.weight", "model.layers.%zu.self_attn.k_proj.weight", false },
    { EVK_W_ATTN_V, "blk.%zu.attn_v.weight", "model.layers.%zu.self_attn.v_proj.weight", false },
    { EVK_W_ATTN_OUT, "blk.%zu.attn_output.weight", "model.layers.%zu.self_attn.o_proj.weight", false },
    { EVK_W_ATTN_Q_BIAS, "blk.%zu.attn_q.bias", "model.layers.%zu.self_attn.q_proj.bias", true },
    { EVK_W_ATTN_K_BIAS, "blk.%zu.attn_k.bias", "model.layers.%zu.self_attn.k_proj.bias", true },
    { EVK_W_ATTN_V_BIAS, "blk.%zu.attn_v.bias", "model.layers.%zu.self_attn.v_proj.bias", true },
    { EVK_W_ATTN_OUT_BIAS, "blk.%zu.attn_output.bias", "model.layers.%zu.self_attn.o_proj.bias", true },
    { EVK_W_MLP_NORM, "blk.%zu.ffn_norm.weight", "model.layers.%zu.post_attention_layernorm.weight", false },
    { EVK_W_MLP_GATE, "blk.%zu.ffn_gate.weight", "model.layers.%zu.mlp.gate_proj.weight", false },
    { EVK_W_MLP_UP, "blk.%zu.ffn_up.weight", "model.layers.%zu.mlp.up_proj.weight", false },
    { EVK_W_MLP_DOWN, "blk.%zu.ffn_down.weight", "model.layers.%zu.mlp.down_proj.weight", false },
    { EVK_W_MLP_GATE_BIAS, "blk.%zu.ffn_gate.bias", "model.layers.%zu.mlp.gate_proj.bias", true },
    { EVK_W_MLP_UP_BIAS, "blk.%zu.ffn_up.bias", "model.layers.%zu.mlp.up_proj.bias", true },
    { EVK_W_MLP_DOWN_BIAS, "blk.%zu.ffn_down.bias", "model.layers.%zu.mlp.down_proj.bias", true },
};

/* config.json says that there are biases: then the file must hold them. */
static evoke_status need_biases(evk_config *config, const evoke_weights *w, evoke_error *err)
{
    static const struct { const char *key, *tensor; } biases[] = {
        { "attention_bias", "model.layers.0.self_attn.q_proj.bias" }, { "mlp_bias", "model.layers.0.mlp.gate_proj.bias" },
    };
    (void)config;
    for (size_t i = 0; i < sizeof biases / sizeof *biases; i++)
        if (json_is_true(json_object_get(evk_weights_config(w), biases[i].key)) && !evk_weights_find(w, biases[i].tensor))
            return evk_fail(err, EVOKE_EFORMAT, "bind weights: '%s' is true and there is no tensor '%s' (%s)", biases[i].key,
                            biases[i].tensor, evk_weights_path(w));
    return EVOKE_OK;
}

static const char *const keys[] = { "attention_bias", "mlp_bias", "pretraining_tp", NULL };

const evk_family evk_family_llama = {
    .gguf_arch = "llama", .hf_type = "llama",
    .rope_gguf = EVK_ROPE_PAIRS, .rope_hf = EVK_ROPE_HALVES,
    .names = names, .n_names = sizeof names / sizeof *names,
    .hf_keys = keys,
    .adjust = need_biases,
};
