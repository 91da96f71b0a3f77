#include "theory/held_out.h"

#include <math.h>
#include <stdlib.h>

#include "theory/component.h"

static const char *const what = "held-out scores";

/* The rows of a fold, less the threshold of the other rows, per unit of length; signed_by_fit: turned so that their class 1 is
 * above. */
static void put(const double *scores, double vv, const double *kept, size_t n, bool signed_by_fit, double *out)
{
    double mean[2] = {0}, of = 0;
    for (size_t q = 0; q < n; q++)
        if (kept[q] > 0) {
            mean[1] += scores[q];
            mean[0] += scores[n + q];
            of++;
        }
    const double threshold = (mean[1] + mean[0]) / of / 2;
    const double scale = (signed_by_fit && mean[1] < mean[0] ? -1 : 1) / sqrt(vv);
    for (size_t q = 0; q < n; q++)
        if (!(kept[q] > 0)) {
            out[q] = (scores[q] - threshold) * scale;
            out[n + q] = (scores[n + q] - threshold) * scale;
        }
}

typedef struct work {
    evk_pairs_fit fit;
    double *kept, *both, *scores;       /* [n], [2n], [2n] */
} work;

static void fill_nan(const double *kept, size_t n, double *out)
{
    for (size_t q = 0; q < n; q++)
        if (!(kept[q] > 0))
            out[q] = out[n + q] = NAN;
}

static evoke_status leave_out(work *w, const evk_pairs *p, double choice, size_t k, const double *vector,
                              double *const *out, evoke_error *err)
{
    double s_two = 0, s_offset = 0, vv = 0, share = 0;
    for (size_t q = 0; q < p->n; q++)
        w->both[q] = w->both[p->n + q] = w->kept[q];
    evoke_status st = evk_pairs_shrinkage(p, w->kept, choice, k, &s_two, &s_offset, err);
    if (st == EVOKE_OK)
        st = evk_pairs_refit(&w->fit, w->kept, s_two, s_offset);
    if (st == EVOKE_ENOMEM || st == EVOKE_ECOMPUTE)
        return st;
    for (size_t i = EVK_ALONG_EV; i <= EVK_ALONG_OFFSET; i++) {
        if (st != EVOKE_OK) {
            fill_nan(w->kept, p->n, out[i]);
            continue;
        }
        evk_pairs_scores(&w->fit, (evk_fitted)i, w->scores, &vv);
        put(w->scores, vv, w->kept, p->n, false, out[i]);
    }
    if (vector)
        put(vector, 1, w->kept, p->n, false, out[EVK_ALONG_EV]);
    st = evk_component(&p->rows, w->both, 1e-10, w->scores, NULL, &share, err);
    if (st == EVOKE_OK)
        put(w->scores, 1, w->kept, p->n, true, out[EVK_ALONG_PC]);
    else
        fill_nan(w->kept, p->n, out[EVK_ALONG_PC]);
    return st == EVOKE_ENOMEM ? st : EVOKE_OK;
}

evoke_status evk_held_out(const evk_pairs *p, double choice, size_t k, const double *vector, double *const *out,
                          evoke_error *err)
{
    work w = {0};
    if (p->n < 3 || k < 2 || k > p->n)
        return evk_fail(err, EVOKE_EDATA, "held-out scores: %zu queries in %zu folds; three queries are the least", p->n, k);
    evoke_status st = evk_pairs_fit_new(p, &w.fit, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&w.kept, p->n, sizeof(double), what, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&w.both, 2 * p->n, sizeof(double), what, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&w.scores, 2 * p->n, sizeof(double), what, err);
    for (size_t f = 0; f < k && st == EVOKE_OK; f++) {
        for (size_t q = 0; q < p->n; q++)
            w.kept[q] = evk_fold(q, k) != f;
        st = leave_out(&w, p, choice, k, vector, out, err);
    }
    evk_pairs_fit_free(&w.fit);
    free(w.kept);
    free(w.both);
    free(w.scores);
    return st;
}
