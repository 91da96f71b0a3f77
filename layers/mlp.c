/* layers/mlp.c: the feed-forward layer:  Wdown (f(Wgate n) * Wup n)  (Shazeer 2020, arXiv 2002.05202),  or  Wdown f(Wup n).
 *
 * Tokens go through in slices, so that the wide activations [slice, d_ff] stay small whatever the batch. */
#include "layers/layers.h"

static void activate(const evoke_model *m, float *wide, const float *up, size_t n)
{
    const size_t d_ff = m->config.d_ff;
#pragma omp parallel for schedule(static) num_threads((int)m->n_thread) if (n > 8)
    for (size_t t = 0; t < n; t++)
        m->kernels.activate[m->config.activation](wide + t * d_ff, up ? up + t * d_ff : NULL, wide + t * d_ff, d_ff);
}

evoke_status evk_mlp(evk_pass *p, size_t layer, const float *normed, float *out, evoke_error *err)
{
    const evoke_model *m = p->model;
    const size_t d = m->config.d_model, d_ff = m->config.d_ff, slice = p->n_token < EVK_MLP_SLICE ? p->n_token : EVK_MLP_SLICE;
    const size_t mark = evk_arena_used(&p->scratch);
    const bool gated = evk_model_matrix(m, layer, EVK_W_MLP_GATE);
    float *up = evk_pass_floats(p, slice, d_ff, err), *wide = gated ? evk_pass_floats(p, slice, d_ff, err) : up;
    if (!wide || !up)
        return EVOKE_ENOMEM;
    for (size_t begin = 0; begin < p->n_token; begin += slice) {
        const size_t n = p->n_token - begin < slice ? p->n_token - begin : slice;
        const evk_linear_of both[] = { { EVK_W_MLP_UP, EVK_W_MLP_UP_BIAS, up }, { EVK_W_MLP_GATE, EVK_W_MLP_GATE_BIAS, wide } };
        evk_linear_several(p, layer, both, gated ? 2 : 1, normed + begin * d, n);
        activate(m, wide, gated ? up : NULL, n);
        evk_linear(p, layer, EVK_W_MLP_DOWN, EVK_W_MLP_DOWN_BIAS, wide, n, out + begin * d);
    }
    evk_arena_rewind(&p->scratch, mark);
    return EVOKE_OK;
}
