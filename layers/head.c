/* layers/head.c: from the residual stream to logits:  logits = cap(scale Whead norm(h)),  cap(x) = c tanh(x / c) or x. */
#include "layers/layers.h"

#include <string.h>

/* Moves the rows whose logits are wanted to the front of out, which may be x; returns their number. */
static size_t gather(const evk_pass *p, const float *x, float *out)
{
    const size_t d = p->model->config.d_model;
    size_t n = 0, first = 0;
    for (size_t r = 0; r < p->n_run; first += p->runs[r].n, r++) {
        const size_t skip = p->runs[r].want == EVK_WANT_ALL    ? 0
                            : p->runs[r].want == EVK_WANT_LAST ? p->runs[r].n - 1
                                                               : p->runs[r].n;
        memmove(out + n * d, x + (first + skip) * d, (p->runs[r].n - skip) * d * sizeof *x);
        n += p->runs[r].n - skip;
    }
    return n;
}

/* The normed rows whose logits are wanted, at the front of rows; *n their number. Every token is normed only where somebody
 * looks at the final norm. */
static evoke_status norm_rows(const evk_pass *p, float *rows, size_t *n, evoke_error *err)
{
    const evoke_model *m = p->model;
    if (!p->capture || !(p->capture->sites & 1u << EVOKE_FINAL_NORM)) {
        *n = gather(p, p->residual, rows);
        evk_norm_stream(m, 0, EVK_W_FINAL_NORM, EVK_W_FINAL_NORM_BIAS, rows, rows, *n);
        return EVOKE_OK;
    }
    evk_norm_stream(m, 0, EVK_W_FINAL_NORM, EVK_W_FINAL_NORM_BIAS, p->residual, rows, p->n_token);
    EVK_TRY(evk_at_hook(p, EVOKE_FINAL_NORM, 0, rows, m->config.d_model, err));
    *n = gather(p, rows, rows);
    return EVOKE_OK;
}

/* logits [V] of one token, in place. */
static void finish(const evoke_model *m, float *logits)
{
    const evk_config *c = &m->config;
    for (size_t i = 0; m->head_scale && i < c->n_vocab; i++)
        logits[i] *= m->head_scale[i];
    if (c->logit_cap > 0)
        m->kernels.softcap(logits, c->logit_cap, c->n_vocab);
}

evoke_status evk_head(evk_pass *p, float *logits, evoke_error *err)
{
    const size_t mark = evk_arena_used(&p->scratch);
    float *rows = evk_pass_floats(p, p->n_token, p->model->config.d_model, err);
    size_t n = 0;
    if (!rows)
        return EVOKE_ENOMEM;
    EVK_TRY(norm_rows(p, rows, &n, err));
    const evk_config *c = &p->model->config;
    for (size_t i = 0; c->logit_scale != 1 && i < n * c->d_model; i++)
        rows[i] *= c->logit_scale;
    if (n > 0)
        evk_linear(p, 0, EVK_W_HEAD, EVK_N_SLOT, rows, n, logits);
#pragma omp parallel for schedule(static) num_threads((int)p->model->n_thread) if (n > 1)
    for (size_t t = 0; t < n; t++)
        finish(p->model, logits + t * c->n_vocab);
    evk_arena_rewind(&p->scratch, mark);
    return EVOKE_OK;
}
