/* layers/head.c: from the residual stream to logits:  logits = Whead rmsnorm(h). */
#include "layers/layers.h"

#include <string.h>

#include "core/kernels/matmul.h"

/* Copies the rows whose logits are wanted; returns their number. */
static size_t gather(const evk_pass *p, const float *x, float *out)
{
    const size_t d = p->model->config.d_model;
    size_t n = 0, first = 0;
    for (size_t r = 0; r < p->n_run; first += p->runs[r].n, r++) {
        const size_t skip = p->runs[r].want == EVK_WANT_ALL    ? 0
                            : p->runs[r].want == EVK_WANT_LAST ? p->runs[r].n - 1
                                                               : p->runs[r].n;
        memcpy(out + n * d, x + (first + skip) * d, (p->runs[r].n - skip) * d * sizeof *x);
        n += p->runs[r].n - skip;
    }
    return n;
}

/* Whether anybody looks at the final norm of every token. */
static bool captured(const evk_pass *p)
{
    return p->capture && p->capture->sites & 1u << EVOKE_FINAL_NORM;
}

evoke_status evk_head(evk_pass *p, float *logits, evoke_error *err)
{
    const evoke_model *m = p->model;
    const size_t d = m->config.d_model, mark = evk_arena_used(&p->scratch);
    float *rows = evk_pass_floats(p, p->n_token, d, err);
    float *panels = evk_pass_floats(p, 1, evk_matmul_scratch(m->n_thread, d), err);
    if (!rows || !panels)
        return EVOKE_ENOMEM;
    if (captured(p)) {
        evk_rms_norm(m, p->residual, m->slots[EVK_W_FINAL_NORM].vector, rows, p->n_token);
        EVK_TRY(evk_at_hook(p, EVOKE_FINAL_NORM, 0, rows, d, err));
    }
    const size_t n = gather(p, p->residual, rows);
    if (n > 0) {
        evk_rms_norm(m, rows, m->slots[EVK_W_FINAL_NORM].vector, rows, n);
        evk_linear(p, 0, EVK_W_HEAD, EVK_N_SLOT, rows, n, logits, panels);
    }
    evk_arena_rewind(&p->scratch, mark);
    return EVOKE_OK;
}
