#include "theory/held_out.h"

#include <math.h>
#include <stdlib.h>

#include "theory/component.h"

static const char *const what = "held-out scores";

typedef struct job {                    /* what all fits share */
    const evk_pairs *p;
    double choice;
    size_t k;
    const double *vector;
    double *const *out;
    double *shrinkage;                  /* [k, 2] of each fold's own fit */
} job;

typedef struct work {                   /* one fit */
    evk_pairs_fit fit;
    double *kept, *both, *scores;       /* [n], [2n], [2n] */
} work;

static evoke_status work_new(const evk_pairs *p, work *w, evoke_error *err)
{
    *w = (work){0};
    EVK_TRY(evk_pairs_fit_new(p, &w->fit, err));
    EVK_TRY(evk_alloc(&w->kept, p->n, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&w->both, 2 * p->n, sizeof(double), what, err));
    return evk_alloc(&w->scores, 2 * p->n, sizeof(double), what, err);
}

static void work_free(work *w)
{
    evk_pairs_fit_free(&w->fit);
    free(w->kept);
    free(w->both);
    free(w->scores);
}

static void place(const evk_leaving *l, size_t n, size_t q, double one, double zero, double *out)
{
    const size_t layer = evk_layer_of_score(l, q);
    if (layer == SIZE_MAX)
        return;
    out[layer * 2 * n + q] = one;
    out[layer * 2 * n + n + q] = zero;
}

/* What was left out, less the threshold of the other rows, per unit of length; signed_by_fit: turned so that their class 1 is
 * above. */
static void put(const evk_leaving *l, const work *w, const double *scores, double vv, bool signed_by_fit, double *out)
{
    const size_t n = w->fit.pairs->n;
    double mean[2] = {0}, of = 0;
    for (size_t q = 0; q < n; q++)
        if (w->kept[q] > 0) {
            mean[1] += scores[q];
            mean[0] += scores[n + q];
            of++;
        }
    const double threshold = (mean[1] + mean[0]) / of / 2;
    const double scale = (signed_by_fit && mean[1] < mean[0] ? -1 : 1) / sqrt(vv);
    for (size_t q = 0; q < n; q++)
        if (!(w->kept[q] > 0))
            place(l, n, q, (scores[q] - threshold) * scale, (scores[n + q] - threshold) * scale, out);
}

static void put_nothing(const evk_leaving *l, const work *w, double *out)
{
    for (size_t q = 0; q < w->fit.pairs->n; q++)
        if (!(w->kept[q] > 0))
            place(l, w->fit.pairs->n, q, NAN, NAN, out);
}

/* Shrinkage by likelihood is chosen by a fold's own fit, and kept for those that leave a group out too. */
static evoke_status refit(const job *j, const evk_leaving *l, work *w, evoke_error *err)
{
    double *s = j->shrinkage + 2 * l->fold;
    if (j->choice != EVOKE_SHRINK_CV)
        return evk_pairs_refit(&w->fit, w->kept, j->choice, j->choice);
    if (l->group == evk_groups(l->k)) {
        s[0] = s[1] = NAN;
        EVK_TRY(evk_pairs_shrinkage(j->p, w->kept, j->choice, j->k, &s[0], &s[1], err));
    }
    return isnan(s[0]) ? EVOKE_EDATA : evk_pairs_refit(&w->fit, w->kept, s[0], s[1]);
}

static evoke_status leave_out(const job *j, const evk_leaving *l, work *w, evoke_error *err)
{
    double vv = 0, share = 0;
    size_t n_kept = 0;
    for (size_t q = 0; q < j->p->n; q++) {
        w->kept[q] = w->both[q] = w->both[j->p->n + q] = !evk_leaves(l, q);
        n_kept += !evk_leaves(l, q);
    }
    evoke_status st = n_kept < 2 ? EVOKE_EDATA : refit(j, l, w, err);
    if (st == EVOKE_ENOMEM || st == EVOKE_ECOMPUTE)
        return st;
    for (size_t i = EVK_ALONG_EV; i <= EVK_ALONG_OFFSET; i++)
        if (st == EVOKE_OK) {
            evk_pairs_scores(&w->fit, (evk_fitted)i, w->scores, &vv);
            put(l, w, w->scores, vv, false, j->out[i]);
        } else {
            put_nothing(l, w, j->out[i]);
        }
    if (j->vector && n_kept > 0)
        put(l, w, j->vector, 1, false, j->out[EVK_ALONG_EV]);
    const double settled = l->group == evk_groups(l->k) ? 1e-15 : 1e-10;        /* of others only their spread is read */
    st = n_kept < 2 ? EVOKE_EDATA : evk_component(&j->p->rows, w->both, settled, w->scores, NULL, &share, err);
    if (st == EVOKE_OK)
        put(l, w, w->scores, 1, true, j->out[EVK_ALONG_PC]);
    else
        put_nothing(l, w, j->out[EVK_ALONG_PC]);
    return st == EVOKE_ENOMEM ? st : EVOKE_OK;
}

static evoke_status run(const job *j, const evk_leaving *leavings, size_t n, size_t n_thread, evoke_error *err)
{
    evoke_status worst = EVOKE_OK;
#pragma omp parallel for schedule(dynamic) num_threads((int)n_thread) if (n_thread > 1)
    for (size_t i = 0; i < n; i++) {
        work w;
        evoke_status st = work_new(j->p, &w, NULL);
        if (st == EVOKE_OK)
            st = leave_out(j, &leavings[i], &w, NULL);
        work_free(&w);
        if (st != EVOKE_OK) {
#pragma omp atomic write
            worst = st;
        }
    }
    return worst == EVOKE_OK ? EVOKE_OK : evk_fail(err, worst, "%s: a fold could not be fitted", what);
}

evoke_status evk_held_out(const evk_pairs *p, double choice, size_t k, bool jackknife, const double *vector, size_t n_thread,
                          double *const *out, evoke_error *err)
{
    job j = { p, choice, k, vector, out, NULL };
    evk_leaving *leavings = NULL;
    size_t n = 0;
    if (p->n < 3 || k < 2 || k > p->n)
        return evk_fail(err, EVOKE_EDATA, "held-out scores: %zu queries in %zu folds; three queries are the least", p->n, k);
    evoke_status st = evk_leavings(k, jackknife, &leavings, &n, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&j.shrinkage, 2 * k, sizeof(double), what, err);
    if (st == EVOKE_OK)                             /* chosen by likelihood it has threads of its own */
        st = run(&j, leavings, k, choice == EVOKE_SHRINK_CV ? 1 : n_thread, err);
    if (st == EVOKE_OK)
        st = run(&j, leavings + k, n - k, n_thread, err);
    free(leavings);
    free(j.shrinkage);
    return st;
}
