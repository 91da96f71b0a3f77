/* tests/tiny_families.h: a model of one layer of each family: D 4, two heads of 2, 6 neurons, 8 tokens, a context of 16. What
 * its tensors are called stands in the family's own tables; how large they are, here. */
#ifndef TINY_FAMILIES_H
#define TINY_FAMILIES_H

#include <stdio.h>
#include <string.h>

#include "layers/families/list.h"

/* A key of GGUF metadata: type 4 u32, 6 f32, 7 bool, 8 text, 9 a list of one bool. */
typedef struct tiny_key { const char *name; uint32_t type; double value; const char *text; } tiny_key;

/* Tensors of a file that has a choice: fused ones, optional ones (biases), divisors of rotary frequencies. TINY_MHA: as many
 * heads of keys as of queries, not one. */
enum { TINY_FUSED = 1, TINY_ALL = 2, TINY_DIVISORS = 4, TINY_MHA = 8 };

typedef struct tiny_model {
    const char *name;
    const evk_family *family;
    unsigned how;
    const char *config;         /* what config.json has beside the common keys, or instead of them */
    tiny_key keys[5];           /* and GGUF metadata */
} tiny_model;

static const tiny_model tiny_models[] = {
    { "llama", &evk_family_llama, 0,
      "{\"architectures\": [\"LlamaForCausalLM\"], \"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 10000.0}}",
      { { 0 } } },
    { "llama, llama3", &evk_family_llama, TINY_ALL | TINY_FUSED,
      "{\"attention_bias\": true, \"mlp_bias\": true, \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8.0, "
      "\"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 8}}",
      { { "rope.scaling.type", 8, 0, "linear" }, { "rope.scaling.factor", 6, 2, NULL } } },
    { "mistral", &evk_family_mistral, 0, "{\"sliding_window\": 2}", { { 0 } } },
    { "qwen", &evk_family_qwen, TINY_MHA, "{\"intermediate_size\": 12, \"seq_length\": 16, \"use_dynamic_ntk\": false, "
      "\"use_logn_attn\": false, \"no_bias\": true, \"kv_channels\": 2}", { { "feed_forward_length", 4, 12, NULL } } },
    { "qwen2", &evk_family_qwen2, 0, "{\"use_sliding_window\": true, \"sliding_window\": 2, \"max_window_layers\": 0, "
      "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 2.0, \"original_max_position_embeddings\": 8}}",
      { { "rope.scaling.type", 8, 0, "yarn" }, { "rope.scaling.factor", 6, 2, NULL },
        { "rope.scaling.original_context_length", 4, 8, NULL }, { "rope.scaling.yarn_beta_fast", 6, 32, NULL } } },
    { "qwen3", &evk_family_qwen3, TINY_ALL, "{\"attention_bias\": true, \"layer_types\": [\"full_attention\"], "
      "\"max_window_layers\": 1, \"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2.0}}", { { 0 } } },
    { "baichuan", &evk_family_baichuan, TINY_MHA | TINY_FUSED, "{\"z_loss_weight\": 0}", { { 0 } } },
    { "baichuan, ALiBi", &evk_family_baichuan, TINY_MHA, "{\"max_position_embeddings\": null, \"model_max_length\": 16}",
      { { "attention.max_alibi_bias", 6, 8, NULL } } },
    { "gemma", &evk_family_gemma, 0, "{\"hidden_act\": \"gelu\"}", { { 0 } } },
    { "gemma2", &evk_family_gemma2, 0, "{\"query_pre_attn_scalar\": 2, \"attn_logit_softcapping\": 50.0, "
      "\"final_logit_softcapping\": 30.0, \"sliding_window\": 2, \"layer_types\": [\"sliding_attention\"]}",
      { { "attn_logit_softcapping", 6, 50, NULL }, { "final_logit_softcapping", 6, 30, NULL },
        { "attention.sliding_window", 4, 2, NULL } } },
    { "gemma3", &evk_family_gemma3, TINY_ALL, "{\"attention_bias\": true, \"query_pre_attn_scalar\": 2, \"sliding_window\": 2, "
      "\"sliding_window_pattern\": 2, \"rope_local_base_freq\": 10000.0, "
      "\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 8.0}}",
      { { "attention.sliding_window", 4, 2, NULL }, { "attention.sliding_window_pattern", 9, 1, NULL },
        { "rope.freq_base_swa", 6, 1e4, NULL } } },
    { "minicpm", &evk_family_minicpm, 0, "{\"scale_emb\": 12, \"scale_depth\": 1.4, \"dim_model_base\": 2}",
      { { "embedding_scale", 6, 12, NULL }, { "residual_scale", 6, 1.4, NULL }, { "logit_scale", 6, 2, NULL } } },
    { "minicpm3", &evk_family_minicpm3, TINY_MHA | TINY_ALL, "{\"attention_bias\": true, \"mlp_bias\": true, \"q_lora_rank\": 3, "
      "\"kv_lora_rank\": 5, \"qk_nope_head_dim\": 4, \"qk_rope_head_dim\": 2, \"v_head_dim\": 2, \"scale_emb\": 12, "
      "\"scale_depth\": 1.4, \"dim_model_base\": 2}",
      { { "attention.q_lora_rank", 4, 3, NULL }, { "attention.kv_lora_rank", 4, 5, NULL },
        { "attention.key_length", 4, 6, NULL } } },
    { "phi3", &evk_family_phi3, TINY_DIVISORS, "{\"sliding_window\": 2, \"original_max_position_embeddings\": 8, "
      "\"rope_scaling\": {\"type\": \"longrope\", \"short_factor\": [1.0], \"long_factor\": [2.0]}}",
      { { "attention.sliding_window", 4, 2, NULL }, { "rope.scaling.original_context_length", 4, 8, NULL },
        { "rope.scaling.attn_factor", 6, 1.1, NULL } } },
    { "smollm3", &evk_family_smollm3, 0,
      "{\"no_rope_layers\": [1], \"no_rope_layer_interval\": 4, \"use_sliding_window\": false, "
      "\"layer_types\": [\"full_attention\"]}", { { 0 } } },
    { "olmo2", &evk_family_olmo2, TINY_ALL, "{\"attention_bias\": true}", { { 0 } } },
    { "gpt2", &evk_family_gpt2, TINY_MHA,
      "{\"scale_attn_weights\": true, \"scale_attn_by_inverse_layer_idx\": false}", { { 0 } } },
    { "gpt_neox", &evk_family_gpt_neox, TINY_MHA, "{\"rotary_pct\": 1.0, \"use_parallel_residual\": true}",
      { { "use_parallel_residual", 7, 1, NULL } } },
};
enum { TINY_N_MODELS = sizeof tiny_models / sizeof *tiny_models };

/* The first one of that name. */
static inline const tiny_model *tiny_find(const char *name)
{
    size_t i = 0;
    while (strcmp(tiny_models[i].name, name) != 0)
        i++;
    return &tiny_models[i];
}

/* ---- tensors ---- */

/* dims in GGUF's order: columns, rows. needed: no model without it. */
typedef struct tiny_tensor { char name[96]; bool needed; uint64_t n_dim, dims[2]; } tiny_tensor;
typedef struct tiny_list { tiny_tensor items[48]; size_t n; } tiny_list;

static inline void tiny_shape(const tiny_model *m, evk_slot slot, uint64_t dims[2])
{
    const bool latent = m->family == &evk_family_minicpm3, whole = m->family->usual.qk_norm_whole;
    const uint64_t q = latent ? 12 : 4, k = m->how & TINY_MHA ? 4 : 2;
    const uint64_t shapes[EVK_N_SLOT][2] = {            /* no columns: 4; no rows: a vector */
        [EVK_W_EMBED] = { 4, 8 }, [EVK_W_HEAD] = { 4, 8 }, [EVK_W_POSITION] = { 4, 16 },
        [EVK_W_ROPE_DIVISORS] = { 1, 0 }, [EVK_W_ROPE_SHORT] = { 1, 0 }, [EVK_W_ROPE_LONG] = { 1, 0 },
        [EVK_W_ATTN_Q] = { latent ? 3 : 4, q }, [EVK_W_ATTN_K] = { 4, k }, [EVK_W_ATTN_V] = { 4, k }, [EVK_W_ATTN_OUT] = { 4, 4 },
        [EVK_W_ATTN_K_BIAS] = { k, 0 }, [EVK_W_ATTN_V_BIAS] = { k, 0 },
        [EVK_W_ATTN_Q_NORM] = { whole ? q : 2, 0 }, [EVK_W_ATTN_K_NORM] = { whole ? k : 2, 0 },
        [EVK_W_LATENT_Q] = { 4, 3 }, [EVK_W_LATENT_Q_BIAS] = { 3, 0 }, [EVK_W_LATENT_Q_NORM] = { 3, 0 },
        [EVK_W_LATENT_KV] = { 4, 7 }, [EVK_W_LATENT_KV_BIAS] = { 7, 0 }, [EVK_W_LATENT_KV_NORM] = { 5, 0 },
        [EVK_W_LATENT_KV_UP] = { 5, 12 }, [EVK_W_MLP_GATE] = { 4, 6 }, [EVK_W_MLP_UP] = { 4, 6 }, [EVK_W_MLP_DOWN] = { 6, 4 },
        [EVK_W_MLP_GATE_BIAS] = { 6, 0 }, [EVK_W_MLP_UP_BIAS] = { 6, 0 },
    };
    dims[0] = shapes[slot][0] ? shapes[slot][0] : 4;
    dims[1] = shapes[slot][1];
}

/* How much the model's file would have a slot by this name; 0: not at all. */
static inline int tiny_rank(const tiny_model *m, const evk_weight_name *n, bool gguf)
{
    const bool divisors = n->slot >= EVK_W_ROPE_DIVISORS && n->slot <= EVK_W_ROPE_LONG;
    if (!(gguf ? n->gguf : n->hf))
        return 0;
    if (n->part != EVK_WHOLE && m->how & TINY_FUSED)
        return 3;
    if (n->need == EVK_NEEDED || n->need == EVK_UNLESS_KEY_IS_FALSE)
        return 2;
    return n->part == EVK_WHOLE && (n->slot == EVK_W_HEAD || m->how & (divisors ? TINY_DIVISORS : TINY_ALL));
}

static inline const evk_weight_name *tiny_name_of(const tiny_model *m, evk_slot slot, bool gguf)
{
    const evk_weight_name *best = NULL;
    int most = 0;
    for (size_t t = 0; t < EVK_MAX_NAME_TABLES && m->family->names[t]; t++)
        for (const evk_weight_name *n = m->family->names[t]; n->slot != EVK_N_SLOT; n++)
            if (n->slot == slot && tiny_rank(m, n, gguf) > most) {
                most = tiny_rank(m, n, gguf);
                best = n;
            }
    return best;
}

/* From a slot's own shape to its tensor's. */
static inline void tiny_whole(const tiny_model *m, const evk_weight_name *n, bool gguf, uint64_t dims[2])
{
    const bool half = n->part >= EVK_FIRST_HALF, fused = n->part != EVK_WHOLE;
    if (fused)
        dims[dims[1] ? 1 : 0] = half || m->how & TINY_MHA ? 12 : 8;
    if (n->hf_transposed && !gguf) {
        const uint64_t rows = dims[1];
        dims[1] = dims[0];
        dims[0] = rows;
    }
}

static inline void tiny_tensors(const tiny_model *m, bool gguf, tiny_list *out)
{
    out->n = 0;
    for (evk_slot slot = 0; slot < EVK_N_SLOT; slot++) {
        const evk_weight_name *n = tiny_name_of(m, slot, gguf);
        tiny_tensor *t = &out->items[out->n];
        size_t same = 0;
        if (!n)
            continue;
        const char *pattern = gguf ? n->gguf : n->hf, *layer = strstr(pattern, "%zu");
        snprintf(t->name, sizeof t->name, "%s%.*s%s%s", gguf || slot == EVK_W_HEAD ? "" : m->family->hf_prefix,
                 layer ? (int)(layer - pattern) : 80, pattern, layer ? "0" : "", layer ? layer + 3 : "");
        tiny_shape(m, slot, t->dims);
        tiny_whole(m, n, gguf, t->dims);
        t->n_dim = t->dims[1] ? 2 : 1;
        t->needed = n->need == EVK_NEEDED || !gguf;
        while (strcmp(out->items[same].name, t->name) != 0)
            same++;
        out->n += same == out->n;           /* the parts of a fused tensor name it more than once */
    }
}

#endif
