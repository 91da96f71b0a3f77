#include "theory/bootstrap.h"

#include <math.h>
#include <stdlib.h>

#include "core/random.h"
#include "theory/linear.h"

void evk_draw(uint64_t seed, uint64_t purpose, uint64_t of, uint64_t index, size_t n, double *count)
{
    evk_random r;
    evk_random_seed(&r, (const uint64_t[]){ seed, purpose, of, index }, 4);
    for (size_t i = 0; i < n; i++)
        count[i] = 0;
    for (size_t i = 0; i < n; i++)
        count[evk_random_below(&r, n)]++;
}

static void along_line(const evk_pairs_fit *fit, const evk_line *line, evk_along *out)
{
    const evk_pooled *p = &fit->two;
    const double vw = p->by_rows ? NAN : evk_dot(line->v, fit->fisher.w_part, p->space->d);
    evk_pooled_along(p, &fit->fisher, line->scores, line->vv, vw, out);
}

static void along_offset(const evk_pairs_fit *fit, double *scratch, double out[EVK_R_COUNT])
{
    evk_along a;
    double vv = 0;
    evk_pairs_scores(fit, EVK_FITTED_OFFSET, scratch, &vv);
    evk_pooled_along(&fit->two, &fit->fisher, scratch, vv, NAN, &a);
    out[EVK_R_EFFICIENCY_OFFSET] = a.efficiency;
    out[EVK_R_RATIO_OFFSET] = a.fisher_ratio;
    out[EVK_R_COSINE_OFFSET] = fit->offset.uw / sqrt(fit->offset.uu * fit->offset.ww);
    out[EVK_R_T2] = (fit->single.total - 1) * fit->offset.uw;
}

void evk_replicate(const evk_replication *r, evk_pairs_fit *fit, const double *count, double *scratch,
                   double out[EVK_R_COUNT])
{
    evk_along a;
    for (size_t i = 0; i < EVK_R_COUNT; i++)
        out[i] = NAN;
    if (evk_pairs_refit(fit, count, r->s_two, r->s_offset) != EVOKE_OK)
        return;
    if (r->vector)
        along_line(fit, r->vector, &a);
    else
        evk_pooled_along_u(&fit->two, &fit->fisher, &a);
    out[EVK_R_COSINE] = a.cosine;
    out[EVK_R_WHITENED] = a.whitened_cosine;
    out[EVK_R_EFFICIENCY] = a.efficiency;
    out[EVK_R_RATIO_EV] = a.fisher_ratio;
    out[EVK_R_PURITY] = fit->two.purity;
    const double *y = fit->fisher.w_scores;
    out[EVK_R_RATIO_W] = fit->fisher.uw * fit->fisher.uw / (evk_dot(y, y, fit->rows.n) / fit->two.total);
    along_line(fit, r->component, &a);
    out[EVK_R_EFFICIENCY_PC] = a.efficiency;
    out[EVK_R_RATIO_PC] = a.fisher_ratio;
    if (fit->offset_fits)
        along_offset(fit, scratch, out);
}

typedef struct worker {
    evk_pairs_fit fit;
    double *count, *scratch;
} worker;

static evoke_status worker_new(const evk_pairs *p, worker *w, evoke_error *err)
{
    w->count = w->scratch = NULL;
    EVK_TRY(evk_pairs_fit_new(p, &w->fit, err));
    EVK_TRY(evk_alloc(&w->count, p->n, sizeof(double), "bootstrap", err));
    return evk_alloc(&w->scratch, 2 * p->n, sizeof(double), "bootstrap", err);
}

static void worker_free(worker *w)
{
    evk_pairs_fit_free(&w->fit);
    free(w->count);
    free(w->scratch);
}

evoke_status evk_bootstrap(const evk_replication *r, uint64_t seed, uint64_t emotion, size_t n_replicate, size_t n_thread,
                           double *out, evoke_error *err)
{
    const size_t n = r->pairs->n, first = r->first, end = r->end > 0 ? r->end : n_replicate + n;
    bool failed = false;
#pragma omp parallel num_threads((int)(n_thread ? n_thread : 1)) if (n_thread > 1)
    {
        worker w;
        const bool ready = worker_new(r->pairs, &w, NULL) == EVOKE_OK;
        if (!ready) {
#pragma omp atomic write
            failed = true;
        }
#pragma omp for schedule(dynamic, 8)
        for (size_t b = first; b < end; b++) {
            if (!ready)
                continue;
            if (b < n_replicate)
                evk_draw(seed, 1, emotion, b, n, w.count);
            for (size_t i = 0; i < n && b >= n_replicate; i++)
                w.count[i] = i != b - n_replicate;
            evk_replicate(r, &w.fit, w.count, w.scratch, out + (b - first) * EVK_R_COUNT);
        }
        worker_free(&w);
    }
    return failed ? evk_fail(err, EVOKE_ENOMEM, "bootstrap: no memory for a thread's fit") : EVOKE_OK;
}
