/* layers/encoder/families/distilbert.c: DistilBERT: BERT's blocks without token types and without a pooler.
 *
 * The head: logits = Wout relu(Wpre h[0]); every LayerNorm has eps 1e-12, which no file says. Source: Sanh and others 2019
 * (arXiv 1910.01108); transformers' modeling_distilbert. */
#include "layers/encoder/families/list.h"

#define LAYER(slot, name)                                                  \
    { slot, NULL, "transformer.layer.%zu." name ".weight", false },        \
    { slot##_BIAS, NULL, "transformer.layer.%zu." name ".bias", false }

static const evk_encoder_name names[] = {
    { EVK_E_EMBED, NULL, "embeddings.word_embeddings.weight", false },
    { EVK_E_POSITION, NULL, "embeddings.position_embeddings.weight", false },
    { EVK_E_EMBED_NORM, NULL, "embeddings.LayerNorm.weight", false },
    { EVK_E_EMBED_NORM_BIAS, NULL, "embeddings.LayerNorm.bias", false },
    { EVK_E_DENSE, NULL, "pre_classifier.weight", false },
    { EVK_E_DENSE_BIAS, NULL, "pre_classifier.bias", false },
    { EVK_E_OUT, NULL, "classifier.weight", false },
    { EVK_E_OUT_BIAS, NULL, "classifier.bias", false },
    LAYER(EVK_E_Q, "attention.q_lin"),
    LAYER(EVK_E_K, "attention.k_lin"),
    LAYER(EVK_E_V, "attention.v_lin"),
    LAYER(EVK_E_ATTN_OUT, "attention.out_lin"),
    LAYER(EVK_E_ATTN_NORM, "sa_layer_norm"),
    LAYER(EVK_E_UP, "ffn.lin1"),
    LAYER(EVK_E_DOWN, "ffn.lin2"),
    LAYER(EVK_E_MLP_NORM, "output_layer_norm"),
};

/* sinusoidal_pos_embds: the sinusoids are the stored table's first values, so nothing is left to compute. */
static const char *const keys[] = {
    "dropout", "qa_dropout", "seq_classif_dropout", "sinusoidal_pos_embds", "tie_weights_", NULL,
};

const evk_encoder_family evk_encoder_distilbert = {
    .label = "DistilBERT",
    .hf_type = "distilbert", .prefix = "distilbert.",
    .n_stack = 1, .names = { names }, .n_names = { sizeof names / sizeof *names },
    .width = { NULL, "dim", "hidden_size" }, .vocabulary = { NULL, "vocab_size", NULL },
    .layers = { NULL, "n_layers", "num_hidden_layers" }, .heads = { NULL, "n_heads", "num_attention_heads" },
    .wide = { NULL, "hidden_dim", NULL }, .activation = { NULL, "activation", NULL },
    .norm_eps = 1e-12, .norm_eps_fixed = true, .n_type = SIZE_MAX, .n_position = 512, .pad = 0, .end = -1,
    .dense_activation = EVK_RELU,
    .hf_keys = keys,
};
