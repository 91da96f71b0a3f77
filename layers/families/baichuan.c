/* layers/families/baichuan.c: Baichuan 1 and 2: Llama's block with a fused projection; ALiBi (Press and others 2021,
 * arXiv 2108.12409) in the larger one; the rows of Baichuan2's head count with length 1 (NormHead).
 *
 * Source: Yang and others 2023 (arXiv 2309.10305); the published config.json and weights. Nothing in the files names either
 * difference: the 13B's config.json has no max_position_embeddings (GGUF: 40 layers, as llama.cpp tells them), and
 * Baichuan 1 has the vocabulary of 64,000. */
#include "layers/config.h"
#include "layers/families/list.h"
#include "layers/families/names.h"

#define PACK "layers.%zu.self_attn.W_pack.weight"

static const evk_weight_name packed[] = {
    { EVK_W_ATTN_Q, NULL, PACK, EVK_NEEDED, NULL, EVK_Q_OF_QKV, false },
    { EVK_W_ATTN_K, NULL, PACK, EVK_NEEDED, NULL, EVK_K_OF_QKV, false },
    { EVK_W_ATTN_V, NULL, PACK, EVK_NEEDED, NULL, EVK_V_OF_QKV, false },
    { .slot = EVK_N_SLOT },
};

static const char *const keys[] = { "-z_loss_weight", "attention.max_alibi_bias", NULL };
enum { LAYERS_OF_13B = 40, VOCABULARY_OF_1 = 64000 };

static evoke_status adjust(const evk_reader *r, evk_config *c)
{
    double bias = 0;
    EVK_TRY(evk_read_or_off(r, "attention.max_alibi_bias", NULL, c->n_layer == LAYERS_OF_13B ? 8 : 0, &bias));
    if (bias != 0 && bias != 8)
        return evk_bad_setting(r, "baichuan.attention.max_alibi_bias", "is not 8");
    const json_t *positions = evk_read_json(r, "max_position_embeddings");
    c->alibi = r->json ? !positions || json_is_null(positions) : bias == 8;
    c->unit_head = c->n_vocab != VOCABULARY_OF_1;
    if (!c->alibi)
        return EVOKE_OK;
    c->d_rope = 0;
    for (size_t i = 0; i < c->n_layer; i++)
        c->layer[i].rope = -1;
    return r->json ? evk_read_size(r, NULL, "model_max_length", EVK_MAX_CONTEXT, 4096, &c->n_ctx) : EVOKE_OK;
}

const evk_family evk_family_baichuan = {
    .label = "Baichuan 1, 2 (7B, 13B)",
    .gguf_arch = "baichuan", .hf_type = "baichuan",
    .rope_gguf = EVK_ROPE_PAIRS, .rope_hf = EVK_ROPE_HALVES,
    .usual = { .norm_eps = 1e-6 },
    .hf_prefix = "model.",
    .names = { evk_names_ends, evk_names_pre_norms, packed, evk_names_attention, evk_names_mlp },
    .hf_keys = keys,
    .adjust = adjust,
};
