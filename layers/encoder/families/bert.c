/* layers/encoder/families/bert.c: BERT, and MiniLM and others that are BERT by another size.
 *
 *     h <- LN(h + Wo attention(Wq h, Wk h, Wv h)),   h <- LN(h + Wdown gelu(Wup h)),   pooler = tanh(Wp h[0])
 *
 * Source: Devlin and others 2018 (arXiv 1810.04805); transformers' modeling_bert. In GGUF (llama.cpp's architecture bert)
 * the pooler is left out, and a model that classifies has a head of two layers. */
#include "layers/encoder/families/list.h"

#define LAYER(slot, gguf_name, hf_name)                                                                          \
    { slot, "blk.%zu." gguf_name ".weight", "encoder.layer.%zu." hf_name ".weight", false },                     \
    { slot##_BIAS, "blk.%zu." gguf_name ".bias", "encoder.layer.%zu." hf_name ".bias", false }

static const evk_encoder_name names[] = {
    { EVK_E_EMBED, "token_embd.weight", "embeddings.word_embeddings.weight", false },
    { EVK_E_POSITION, "position_embd.weight", "embeddings.position_embeddings.weight", false },
    { EVK_E_TYPE, "token_types.weight", "embeddings.token_type_embeddings.weight", false },
    { EVK_E_EMBED_NORM, "token_embd_norm.weight", "embeddings.LayerNorm.weight", false },
    { EVK_E_EMBED_NORM_BIAS, "token_embd_norm.bias", "embeddings.LayerNorm.bias", false },
    { EVK_E_POOLER, NULL, "pooler.dense.weight", true },
    { EVK_E_POOLER_BIAS, NULL, "pooler.dense.bias", true },
    { EVK_E_DENSE, "cls.weight", NULL, false },
    { EVK_E_DENSE_BIAS, "cls.bias", NULL, false },
    { EVK_E_OUT, "cls.output.weight", "classifier.weight", false },
    { EVK_E_OUT_BIAS, "cls.output.bias", "classifier.bias", false },
    LAYER(EVK_E_Q, "attn_q", "attention.self.query"),
    LAYER(EVK_E_K, "attn_k", "attention.self.key"),
    LAYER(EVK_E_V, "attn_v", "attention.self.value"),
    LAYER(EVK_E_ATTN_OUT, "attn_output", "attention.output.dense"),
    LAYER(EVK_E_ATTN_NORM, "attn_output_norm", "attention.output.LayerNorm"),
    LAYER(EVK_E_UP, "ffn_up", "intermediate.dense"),
    LAYER(EVK_E_DOWN, "ffn_down", "output.dense"),
    LAYER(EVK_E_MLP_NORM, "layer_output_norm", "output.LayerNorm"),
};

/* The last six are of multilingual files; no version of transformers reads them. */
static const char *const keys[] = {
    "classifier_dropout", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head",
    "pooler_type", "directionality", NULL,
};

const evk_encoder_family evk_encoder_bert = {
    .label = "BERT, MiniLM",
    .hf_type = "bert", .gguf_arch = "bert", .prefix = "bert.",
    .n_stack = 1, .names = { names }, .n_names = { sizeof names / sizeof *names },
    .width = { "embedding_length", "hidden_size", NULL }, .vocabulary = { NULL, "vocab_size", NULL },
    .layers = { "block_count", "num_hidden_layers", NULL },
    .heads = { "attention.head_count", "num_attention_heads", NULL },
    .wide = { "feed_forward_length", "intermediate_size", NULL }, .activation = { NULL, "hidden_act", NULL },
    .norm_eps = 1e-12, .n_type = 2, .n_position = 512, .pad = 0, .end = -1,
    .pooler_activation = EVK_TANH, .dense_activation = EVK_TANH, .head_on_pooler = true,
    .hf_keys = keys,
};
