#include <math.h>

#include "layers/layers.h"

void evk_rms_norm(const evoke_model *m, const float *x, const float *w, float *y, size_t n)
{
    const size_t d = m->config.d_model;
#pragma omp parallel for schedule(static) num_threads((int)m->n_thread) if (n > 8)
    for (size_t t = 0; t < n; t++) {
        const double mean = m->kernels.sum_squares(x + t * d, d) / (double)d;
        m->kernels.scale_mul(x + t * d, (float)(1.0 / sqrt(mean + m->config.norm_eps)), w, y + t * d, d);
    }
}
