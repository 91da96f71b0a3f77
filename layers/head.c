/* layers/head.c: from the residual stream to logits:  logits = Whead rmsnorm(h). */
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
    const float *w = m->slots[EVK_W_FINAL_NORM].vector;
    if (!p->capture || !(p->capture->sites & 1u << EVOKE_FINAL_NORM)) {
        *n = gather(p, p->residual, rows);
        evk_rms_norm(m, rows, w, rows, *n);
        return EVOKE_OK;
    }
    evk_rms_norm(m, p->residual, w, rows, p->n_token);
    EVK_TRY(evk_at_hook(p, EVOKE_FINAL_NORM, 0, rows, m->config.d_model, err));
    *n = gather(p, rows, rows);
    return EVOKE_OK;
}

evoke_status evk_head(evk_pass *p, float *logits, evoke_error *err)
{
    const size_t mark = evk_arena_used(&p->scratch);
    float *rows = evk_pass_floats(p, p->n_token, p->model->config.d_model, err);
    size_t n = 0;
    if (!rows)
        return EVOKE_ENOMEM;
    EVK_TRY(norm_rows(p, rows, &n, err));
    if (n > 0)
        evk_linear(p, 0, EVK_W_HEAD, EVK_N_SLOT, rows, n, logits);
    evk_arena_rewind(&p->scratch, mark);
    return EVOKE_OK;
}
