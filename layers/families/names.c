#include "layers/families/names.h"

#define END { .slot = EVK_N_SLOT }

const evk_weight_name evk_names_ends[] = {
    { EVK_W_EMBED, "token_embd.weight", "embed_tokens.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_FINAL_NORM, "output_norm.weight", "norm.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_HEAD, "output.weight", "lm_head.weight", EVK_OPTIONAL, NULL, EVK_WHOLE, false },
    { EVK_W_ROPE_DIVISORS, "rope_freqs.weight", NULL, EVK_OPTIONAL, NULL, EVK_WHOLE, false },
    { EVK_W_ROPE_SHORT, "rope_factors_short.weight", NULL, EVK_OPTIONAL, NULL, EVK_WHOLE, false },
    { EVK_W_ROPE_LONG, "rope_factors_long.weight", NULL, EVK_OPTIONAL, NULL, EVK_WHOLE, false },
    END,
};

#define QKV "blk.%zu.attn_qkv."
#define SELF "layers.%zu.self_attn."

const evk_weight_name evk_names_attention[] = {
    { EVK_W_ATTN_Q, "blk.%zu.attn_q.weight", SELF "q_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_K, "blk.%zu.attn_k.weight", SELF "k_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_V, "blk.%zu.attn_v.weight", SELF "v_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_Q, QKV "weight", NULL, EVK_OPTIONAL, NULL, EVK_Q_OF_QKV, false },
    { EVK_W_ATTN_K, QKV "weight", NULL, EVK_OPTIONAL, NULL, EVK_K_OF_QKV, false },
    { EVK_W_ATTN_V, QKV "weight", NULL, EVK_OPTIONAL, NULL, EVK_V_OF_QKV, false },
    { EVK_W_ATTN_OUT, "blk.%zu.attn_output.weight", SELF "o_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    END,
};

const evk_weight_name evk_names_attention_biases[] = {
    { EVK_W_ATTN_Q_BIAS, "blk.%zu.attn_q.bias", SELF "q_proj.bias", EVK_IF_KEY, "attention_bias", EVK_WHOLE, false },
    { EVK_W_ATTN_K_BIAS, "blk.%zu.attn_k.bias", SELF "k_proj.bias", EVK_IF_KEY, "attention_bias", EVK_WHOLE, false },
    { EVK_W_ATTN_V_BIAS, "blk.%zu.attn_v.bias", SELF "v_proj.bias", EVK_IF_KEY, "attention_bias", EVK_WHOLE, false },
    { EVK_W_ATTN_Q_BIAS, QKV "bias", NULL, EVK_OPTIONAL, NULL, EVK_Q_OF_QKV, false },
    { EVK_W_ATTN_K_BIAS, QKV "bias", NULL, EVK_OPTIONAL, NULL, EVK_K_OF_QKV, false },
    { EVK_W_ATTN_V_BIAS, QKV "bias", NULL, EVK_OPTIONAL, NULL, EVK_V_OF_QKV, false },
    { EVK_W_ATTN_OUT_BIAS, "blk.%zu.attn_output.bias", SELF "o_proj.bias", EVK_IF_KEY, "attention_bias", EVK_WHOLE, false },
    END,
};

const evk_weight_name evk_names_qkv_biases[] = {
    { EVK_W_ATTN_Q_BIAS, "blk.%zu.attn_q.bias", SELF "q_proj.bias", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_K_BIAS, "blk.%zu.attn_k.bias", SELF "k_proj.bias", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_V_BIAS, "blk.%zu.attn_v.bias", SELF "v_proj.bias", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_Q_BIAS, QKV "bias", NULL, EVK_OPTIONAL, NULL, EVK_Q_OF_QKV, false },
    { EVK_W_ATTN_K_BIAS, QKV "bias", NULL, EVK_OPTIONAL, NULL, EVK_K_OF_QKV, false },
    { EVK_W_ATTN_V_BIAS, QKV "bias", NULL, EVK_OPTIONAL, NULL, EVK_V_OF_QKV, false },
    END,
};

const evk_weight_name evk_names_pre_norms[] = {
    { EVK_W_ATTN_NORM, "blk.%zu.attn_norm.weight", "layers.%zu.input_layernorm.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_MLP_NORM, "blk.%zu.ffn_norm.weight", "layers.%zu.post_attention_layernorm.weight", EVK_NEEDED, NULL, EVK_WHOLE,
      false },
    END,
};

const evk_weight_name evk_names_post_norms[] = {
    { EVK_W_ATTN_POST_NORM, "blk.%zu.post_attention_norm.weight", "layers.%zu.post_attention_layernorm.weight", EVK_NEEDED,
      NULL, EVK_WHOLE, false },
    { EVK_W_MLP_POST_NORM, "blk.%zu.post_ffw_norm.weight", "layers.%zu.post_feedforward_layernorm.weight", EVK_NEEDED, NULL,
      EVK_WHOLE, false },
    END,
};

const evk_weight_name evk_names_sandwich_pre_norms[] = {
    { EVK_W_ATTN_NORM, "blk.%zu.attn_norm.weight", "layers.%zu.input_layernorm.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_MLP_NORM, "blk.%zu.ffn_norm.weight", "layers.%zu.pre_feedforward_layernorm.weight", EVK_NEEDED, NULL, EVK_WHOLE,
      false },
    END,
};

const evk_weight_name evk_names_qk_norms[] = {
    { EVK_W_ATTN_Q_NORM, "blk.%zu.attn_q_norm.weight", SELF "q_norm.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_ATTN_K_NORM, "blk.%zu.attn_k_norm.weight", SELF "k_norm.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    END,
};

const evk_weight_name evk_names_mlp[] = {
    { EVK_W_MLP_GATE, "blk.%zu.ffn_gate.weight", "layers.%zu.mlp.gate_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_MLP_UP, "blk.%zu.ffn_up.weight", "layers.%zu.mlp.up_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    { EVK_W_MLP_DOWN, "blk.%zu.ffn_down.weight", "layers.%zu.mlp.down_proj.weight", EVK_NEEDED, NULL, EVK_WHOLE, false },
    END,
};

const evk_weight_name evk_names_mlp_biases[] = {
    { EVK_W_MLP_GATE_BIAS, "blk.%zu.ffn_gate.bias", "layers.%zu.mlp.gate_proj.bias", EVK_IF_KEY, "mlp_bias", EVK_WHOLE, false },
    { EVK_W_MLP_UP_BIAS, "blk.%zu.ffn_up.bias", "layers.%zu.mlp.up_proj.bias", EVK_IF_KEY, "mlp_bias", EVK_WHOLE, false },
    { EVK_W_MLP_DOWN_BIAS, "blk.%zu.ffn_down.bias", "layers.%zu.mlp.down_proj.bias", EVK_IF_KEY, "mlp_bias", EVK_WHOLE, false },
    END,
};
