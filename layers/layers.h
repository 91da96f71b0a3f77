/* layers/layers.h: the layers of a block, one file each. All take a pass, whose scratch they give back. */
#ifndef EVK_LAYERS_H
#define EVK_LAYERS_H

#include "layers/forward.h"
#include "layers/rope.h"

enum {
    EVK_ATTENTION_BLOCK = 24,       /* tokens of an item of attention */
    EVK_MLP_SLICE = 1024            /* tokens that go through the feed-forward layer together */
};

typedef struct evk_norm { const float *weight, *bias; size_t n; double eps; } evk_norm;     /* bias NULL: none */

/* RMSNorm (Zhang and Sennrich 2019):  y = x / sqrt(mean(x^2) + eps) * w;  or, as the model has it, LayerNorm (Ba and others
 * 2016):  y = (x - mean(x)) / sqrt(var(x) + eps) * w + b.  n rows of x, ldx apart; the means in double; y may be x. */
void evk_norm_rows(const evoke_model *m, const evk_norm *w, const float *x, size_t ldx, float *y, size_t ldy, size_t n);
/* Of the residual stream, by the slots of weight and bias (EVK_N_SLOT: none). */
void evk_norm_stream(const evoke_model *m, size_t layer, evk_slot norm, evk_slot bias, const float *x, float *y, size_t n);
/* attn_proj [T, D] of the normed stream [T, D]: projections, rotary embedding, KV cache, attention, output projection. */
evoke_status evk_attention(evk_pass *p, size_t layer, const float *normed, float *out, evoke_error *err);
/* Floats of scratch of one thread of it, whatever the context. */
size_t evk_attention_scratch(const evk_config *c);
/* mlp_proj [T, D] of the normed stream [T, D]. */
evoke_status evk_mlp(evk_pass *p, size_t layer, const float *normed, float *out, evoke_error *err);
/* One block on p->residual, with its hook points. */
evoke_status evk_block(evk_pass *p, size_t layer, evoke_error *err);
/* q [T, n_head d_head], k [T, n_head d_head] and v [T, n_head d_value] of latent attention, not yet rotated. */
evoke_status evk_latent_qkv(evk_pass *p, size_t layer, const float *normed, float *q, float *k, float *v, evoke_error *err);
/* What enters the first block for a run's ids, the first of them at `position`: out [n, D]. room [D]. */
void evk_embed(const evk_pass *p, const evk_run *run, size_t position, float *room, float *out);
/* Final norm and head of the rows wanted; logits [rows wanted, V]. */
evoke_status evk_head(evk_pass *p, float *logits, evoke_error *err);

#endif
