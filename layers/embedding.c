/* layers/embedding.c:  h0 = scale * E[id] + P[position],  P where positions are learned. */
#include "layers/layers.h"

static void row(const evoke_model *m, const evk_tensor *w, size_t r, float *out)
{
    m->kernels.dequantise[w->type](evk_tensor_row(w, r), out, w->cols);
}

void evk_embed(const evk_pass *p, const evk_run *run, size_t position, float *room, float *out)
{
    const evoke_model *m = p->model;
    const evk_tensor *e = evk_model_matrix(m, 0, EVK_W_EMBED), *learned = evk_model_matrix(m, 0, EVK_W_POSITION);
    const size_t d = m->config.d_model;
    const float scale = m->config.embed_scale;
    for (size_t t = 0; t < run->n; t++) {
        float *x = out + t * d;
        row(m, e, (size_t)run->ids[t], x);
        for (size_t i = 0; scale != 1 && i < d; i++)
            x[i] *= scale;
        if (!learned)
            continue;
        row(m, learned, position + t, room);
        m->kernels.axpy(1.0f, room, x, d);
    }
}
