#include <math.h>

#include "layers/layers.h"

static void norm_row(const evoke_model *m, const float *x, const float *w, const float *b, size_t d, double eps, float *y)
{
    const evk_kernels *k = &m->kernels;
    if (!m->config.layer_norm) {
        k->scale_mul(x, (float)(1.0 / sqrt(k->sum_squares(x, d) / (double)d + eps)), w, y, d);
        return;
    }
    const double mean = k->sum(x, d) / (double)d, variance = k->sum_squared_from(x, mean, d) / (double)d;
    k->normalise(x, (float)mean, (float)(1.0 / sqrt(variance + eps)), w, b, y, d);
}

void evk_norm_rows(const evoke_model *m, const evk_norm *w, const float *x, size_t ldx, float *y, size_t ldy, size_t n)
{
#pragma omp parallel for schedule(static) num_threads((int)m->n_thread) if (n > 8)
    for (size_t t = 0; t < n; t++)
        norm_row(m, x + t * ldx, w->weight, w->bias, w->n, w->eps, y + t * ldy);
}

void evk_norm_stream(const evoke_model *m, size_t layer, evk_slot norm, evk_slot bias, const float *x, float *y, size_t n)
{
    const evk_norm w = { evk_model_vector(m, layer, norm), bias == EVK_N_SLOT ? NULL : evk_model_vector(m, layer, bias),
                         m->config.d_model, m->config.norm_eps };
    evk_norm_rows(m, &w, x, w.n, y, w.n, n);
}
