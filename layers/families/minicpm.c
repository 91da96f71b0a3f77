/* layers/families/minicpm.c: MiniCPM 1 and 2: Llama's block with scales of muP (Yang and others 2022, arXiv 2203.03466).
 *
 *     h0 = scale_emb embedding;   h <- h + scale_depth / sqrt(L) layer(norm(h));   logits = Whead norm(h) dim_model_base / D
 *
 * Source: Hu and others 2024 (arXiv 2404.06395); the published config.json and weights. */
#include "layers/config.h"
#include "layers/families/list.h"
#include "layers/families/minicpm.h"
#include "layers/families/names.h"

#include <math.h>

evoke_status evk_minicpm_scales(const evk_reader *r, evk_config *c, evk_minicpm_usual usual)
{
    double embed = 0, depth = 0, base = 0;
    EVK_TRY(evk_read_number(r, NULL, "scale_emb", usual.scale_emb, &embed));
    EVK_TRY(evk_read_number(r, NULL, "scale_depth", usual.scale_depth, &depth));
    EVK_TRY(evk_read_number(r, NULL, "dim_model_base", usual.dim_model_base, &base));
    c->embed_scale = (float)embed;
    c->residual_scale = (float)(depth / sqrt((double)c->n_layer));
    c->logit_scale = (float)(base / (double)c->d_model);
    return EVOKE_OK;
}

/* Older GGUF files leave the scales out, which were the same in all models then. */
static evoke_status adjust(const evk_reader *r, evk_config *c)
{
    double embed = 0, residual = 0, divisor = 0;
    if (r->json)
        return evk_minicpm_scales(r, c, (evk_minicpm_usual){ 1, 1, 1 });
    EVK_TRY(evk_read_number(r, "embedding_scale", NULL, 12, &embed));
    EVK_TRY(evk_read_number(r, "residual_scale", NULL, 1.4 / sqrt((double)c->n_layer), &residual));
    EVK_TRY(evk_read_number(r, "logit_scale", NULL, (double)c->d_model / 256, &divisor));
    c->embed_scale = (float)embed;
    c->residual_scale = (float)residual;
    c->logit_scale = (float)(1.0 / divisor);
    return EVOKE_OK;
}

static const char *const keys[] = { "scale_emb", "scale_depth", "dim_model_base", "embedding_scale", "residual_scale",
                                    "logit_scale", NULL };

const evk_family evk_family_minicpm = {
    .label = "MiniCPM 1, 2",
    .gguf_arch = "minicpm", .hf_type = "minicpm", .hf_class = "MiniCPMForCausalLM",
    .rope_gguf = EVK_ROPE_PAIRS, .rope_hf = EVK_ROPE_HALVES,
    .usual = { .norm_eps = 1e-6 },
    .tied_if_missing = true,
    .hf_prefix = "model.",
    .names = { evk_names_ends, evk_names_pre_norms, evk_names_attention, evk_names_mlp },
    .hf_keys = keys,
    .adjust = adjust,
};
