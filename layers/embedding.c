#include "layers/layers.h"

void evk_embed(const evoke_model *m, const int32_t *ids, size_t n, float *out)
{
    const evk_tensor *e = m->slots[EVK_W_EMBED].matrix;
    for (size_t t = 0; t < n; t++)
        m->kernels.dequantise[e->type]((const char *)e->data + (size_t)ids[t] * e->row_bytes, out + t * e->cols, e->cols);
}
