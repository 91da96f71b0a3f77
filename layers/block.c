/* layers/block.c: one pre-norm transformer block on the residual stream, and its hook points.
 *
 *     resid_mid  = resid_pre + attn_out,    attn_out = attention(norm(resid_pre))
 *     resid_post = resid_mid + mlp_out,     mlp_out  = mlp(norm(resid_mid)) */
#include "layers/layers.h"

static void add(const evk_pass *p, const float *x)
{
    const evoke_model *m = p->model;
    const size_t d = m->config.d_model;
#pragma omp parallel for schedule(static) num_threads((int)m->n_thread) if (p->n_token > 8)
    for (size_t t = 0; t < p->n_token; t++)
        m->kernels.axpy(1.0f, x + t * d, p->residual + t * d, d);
}

typedef evoke_status (*layer_function)(evk_pass *p, size_t layer, const float *normed, float *out, evoke_error *err);

/* norm, layer, its two hook points, residual add, the hook point after it. */
static evoke_status half(evk_pass *p, size_t layer, evk_slot norm, layer_function run, evoke_site proj, evoke_site out,
                         evoke_site after, evoke_error *err)
{
    const evoke_model *m = p->model;
    const size_t d = m->config.d_model, mark = evk_arena_used(&p->scratch);
    float *normed = evk_pass_floats(p, p->n_token, d, err), *y = evk_pass_floats(p, p->n_token, d, err);
    if (!normed || !y)
        return EVOKE_ENOMEM;
    evk_rms_norm(m, p->residual, evk_model_vector(m, layer, norm), normed, p->n_token);
    EVK_TRY(run(p, layer, normed, y, err));
    EVK_TRY(evk_at_hook(p, proj, layer, y, d, err));
    EVK_TRY(evk_at_hook(p, out, layer, y, d, err));
    add(p, y);
    evk_arena_rewind(&p->scratch, mark);
    return evk_at_hook(p, after, layer, p->residual, d, err);
}

evoke_status evk_block(evk_pass *p, size_t layer, evoke_error *err)
{
    EVK_TRY(evk_at_hook(p, EVOKE_RESID_PRE, layer, p->residual, p->model->config.d_model, err));
    EVK_TRY(half(p, layer, EVK_W_ATTN_NORM, evk_attention, EVOKE_ATTN_PROJ, EVOKE_ATTN_OUT, EVOKE_RESID_MID, err));
    return half(p, layer, EVK_W_MLP_NORM, evk_mlp, EVOKE_MLP_PROJ, EVOKE_MLP_OUT, EVOKE_RESID_POST, err);
}
