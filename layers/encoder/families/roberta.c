/* layers/encoder/families/roberta.c: RoBERTa (and DistilRoBERTa, which is a RoBERTa of six layers) and XLM-RoBERTa.
 *
 * BERT's blocks; the first position is row pad + 1 of the table, and a padding token within a text is not counted. The head
 * has two layers of its own on the first token: logits = Wout tanh(Wdense h[0]). Sources: Liu and others 2019 (arXiv
 * 1907.11692); Conneau and others 2019 (arXiv 1911.02116); transformers' modeling_roberta. */
#include "layers/encoder/families/list.h"

#define LAYER(slot, name)                                              \
    { slot, NULL, "encoder.layer.%zu." name ".weight", false },        \
    { slot##_BIAS, NULL, "encoder.layer.%zu." name ".bias", false }

static const evk_encoder_name names[] = {
    { EVK_E_EMBED, NULL, "embeddings.word_embeddings.weight", false },
    { EVK_E_POSITION, NULL, "embeddings.position_embeddings.weight", false },
    { EVK_E_TYPE, NULL, "embeddings.token_type_embeddings.weight", false },
    { EVK_E_EMBED_NORM, NULL, "embeddings.LayerNorm.weight", false },
    { EVK_E_EMBED_NORM_BIAS, NULL, "embeddings.LayerNorm.bias", false },
    { EVK_E_POOLER, NULL, "pooler.dense.weight", true },
    { EVK_E_POOLER_BIAS, NULL, "pooler.dense.bias", true },
    { EVK_E_DENSE, NULL, "classifier.dense.weight", false },
    { EVK_E_DENSE_BIAS, NULL, "classifier.dense.bias", false },
    { EVK_E_OUT, NULL, "classifier.out_proj.weight", false },
    { EVK_E_OUT_BIAS, NULL, "classifier.out_proj.bias", false },
    LAYER(EVK_E_Q, "attention.self.query"),
    LAYER(EVK_E_K, "attention.self.key"),
    LAYER(EVK_E_V, "attention.self.value"),
    LAYER(EVK_E_ATTN_OUT, "attention.output.dense"),
    LAYER(EVK_E_ATTN_NORM, "attention.output.LayerNorm"),
    LAYER(EVK_E_UP, "intermediate.dense"),
    LAYER(EVK_E_DOWN, "output.dense"),
    LAYER(EVK_E_MLP_NORM, "output.LayerNorm"),
};

static const char *const keys[] = { "classifier_dropout", NULL };

#define ROBERTA                                                                                                        \
    .prefix = "roberta.", .n_stack = 1, .names = { names }, .n_names = { sizeof names / sizeof *names },               \
    .width = { NULL, "hidden_size", NULL }, .vocabulary = { NULL, "vocab_size", NULL },                                \
    .layers = { NULL, "num_hidden_layers", NULL }, .heads = { NULL, "num_attention_heads", NULL },                     \
    .wide = { NULL, "intermediate_size", NULL }, .activation = { NULL, "hidden_act", NULL },                           \
    .norm_eps = 1e-12, .n_type = 2, .n_position = 512, .pad = 1, .end = 2, .position_after_pad = true,                 \
    .pooler_activation = EVK_TANH, .dense_activation = EVK_TANH, .hf_keys = keys

const evk_encoder_family evk_encoder_roberta = { .label = "RoBERTa, DistilRoBERTa", .hf_type = "roberta", ROBERTA };
const evk_encoder_family evk_encoder_xlm_roberta = { .label = "XLM-RoBERTa", .hf_type = "xlm-roberta", ROBERTA };
