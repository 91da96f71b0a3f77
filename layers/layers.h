/* layers/layers.h: the layers of a block, one file each. All take a pass, whose scratch they give back. */
#ifndef EVK_LAYERS_H
#define EVK_LAYERS_H

#include "layers/forward.h"

enum {
    EVK_ATTENTION_BLOCK = 16,       /* tokens of an item of attention, whose scores are held together */
    EVK_MLP_SLICE = 1024            /* tokens that go through the feed-forward layer together */
};

/* RMSNorm (Zhang and Sennrich 2019):  y = x / sqrt(mean(x^2) + eps) * w,  each row of x [n, D]; the mean in double. */
void evk_rms_norm(const evoke_model *m, const float *x, const float *w, float *y, size_t n);
/* attn_proj [T, D] of the normed stream [T, D]: projections, rotary embedding, KV cache, attention, output projection. */
evoke_status evk_attention(evk_pass *p, size_t layer, const float *normed, float *out, evoke_error *err);
/* mlp_proj [T, D] of the normed stream [T, D]. */
evoke_status evk_mlp(evk_pass *p, size_t layer, const float *normed, float *out, evoke_error *err);
/* One block on p->residual, with its hook points. */
evoke_status evk_block(evk_pass *p, size_t layer, evoke_error *err);
/* Rows of the embedding for ids [n] into out [n, D]. */
void evk_embed(const evoke_model *m, const int32_t *ids, size_t n, float *out);
/* Final norm and head of the rows wanted; logits [rows wanted, V]. */
evoke_status evk_head(evk_pass *p, float *logits, evoke_error *err);

#endif
