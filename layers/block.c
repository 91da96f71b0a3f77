/* layers/block.c: one transformer block on the residual stream, and its hook points.
 *
 *     resid_mid  = resid_pre + attn_out,    attn_out = s post(attn_proj),   attn_proj = attention(pre(resid_pre))
 *     resid_post = resid_mid + mlp_out,     mlp_out  = s post(mlp_proj),    mlp_proj  = mlp(pre(resid_mid))
 *
 * pre and post are norms, or nothing, as the model has them; s is residual_scale. With a parallel residual the MLP reads
 * pre(resid_pre). */
#include "layers/layers.h"

typedef struct half {
    evk_slot norm, bias, post;
    evoke_status (*run)(evk_pass *p, size_t layer, const float *normed, float *out, evoke_error *err);
    evoke_site proj, out, after;
} half;

static const half attention_half = { EVK_W_ATTN_NORM, EVK_W_ATTN_NORM_BIAS, EVK_W_ATTN_POST_NORM, evk_attention,
                                     EVOKE_ATTN_PROJ, EVOKE_ATTN_OUT, EVOKE_RESID_MID };
static const half mlp_half = { EVK_W_MLP_NORM, EVK_W_MLP_NORM_BIAS, EVK_W_MLP_POST_NORM, evk_mlp, EVOKE_MLP_PROJ,
                               EVOKE_MLP_OUT, EVOKE_RESID_POST };

static void add(const evk_pass *p, const float *x)
{
    const evoke_model *m = p->model;
    const size_t d = m->config.d_model;
#pragma omp parallel for schedule(static) num_threads((int)m->n_thread) if (p->n_token > 8)
    for (size_t t = 0; t < p->n_token; t++)
        m->kernels.axpy(1.0f, x + t * d, p->residual + t * d, d);
}

/* What a half reads: the stream through its norm, or as it is. NULL: no scratch, with err filled. */
static const float *read_stream(evk_pass *p, size_t layer, const half *h, evoke_error *err)
{
    const evoke_model *m = p->model;
    if (!evk_model_vector(m, layer, h->norm))
        return p->residual;
    float *normed = evk_pass_floats(p, p->n_token, m->config.d_model, err);
    if (normed)
        evk_norm_stream(m, layer, h->norm, h->bias, p->residual, normed, p->n_token);
    return normed;
}

/* From a layer's projection y to what is added, in place. */
static void finish(const evk_pass *p, size_t layer, const half *h, float *y)
{
    const evoke_model *m = p->model;
    const float scale = m->config.residual_scale;
    if (evk_model_vector(m, layer, h->post))
        evk_norm_stream(m, layer, h->post, EVK_N_SLOT, y, y, p->n_token);
    for (size_t i = 0; scale != 1 && i < p->n_token * m->config.d_model; i++)
        y[i] *= scale;
}

static evoke_status run_half(evk_pass *p, size_t layer, const half *h, const float *input, evoke_error *err)
{
    const size_t d = p->model->config.d_model, mark = evk_arena_used(&p->scratch);
    float *y = evk_pass_floats(p, p->n_token, d, err);
    if (!input)
        input = read_stream(p, layer, h, err);
    if (!input || !y)
        return EVOKE_ENOMEM;
    EVK_TRY(h->run(p, layer, input, y, err));
    EVK_TRY(evk_at_hook(p, h->proj, layer, y, d, err));
    finish(p, layer, h, y);
    EVK_TRY(evk_at_hook(p, h->out, layer, y, d, err));
    add(p, y);
    evk_arena_rewind(&p->scratch, mark);
    return evk_at_hook(p, h->after, layer, p->residual, d, err);
}

evoke_status evk_block(evk_pass *p, size_t layer, evoke_error *err)
{
    const size_t mark = evk_arena_used(&p->scratch);
    EVK_TRY(evk_at_hook(p, EVOKE_RESID_PRE, layer, p->residual, p->model->config.d_model, err));
    const float *beside = p->model->config.parallel ? read_stream(p, layer, &mlp_half, err) : NULL;
    if (p->model->config.parallel && !beside)
        return EVOKE_ENOMEM;
    EVK_TRY(run_half(p, layer, &attention_half, NULL, err));
    EVK_TRY(run_half(p, layer, &mlp_half, beside, err));
    evk_arena_rewind(&p->scratch, mark);
    return EVOKE_OK;
}
