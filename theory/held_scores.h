/* theory/held_scores.h: how well scores on queries that a direction was not fitted to tell two classes apart.
 *
 *     d'                 separation.h
 *     AUC                P(s_1 > s_0) + P(s_1 = s_0) / 2
 *     balanced accuracy  (P(s_1 > 0) + P(s_0 < 0)) / 2, a score of 0 counting half: scores are less the threshold that the
 *                        fit chose, half way between its classes' means
 *
 * each with the percentiles of a bootstrap over queries (the directions, fitted without them, stay). */
#ifndef EVK_HELD_SCORES_H
#define EVK_HELD_SCORES_H

#include <math.h>

#include "core/status.h"

typedef enum evk_held_figure { EVK_HELD_DPRIME, EVK_HELD_AUC, EVK_HELD_ACCURACY, EVK_HELD_COUNT } evk_held_figure;

typedef struct evk_held {
    const double *scores;               /* [n] */
    const size_t *label, *query;        /* [n] 1 or 0; 0..n_query-1 */
    size_t n, n_query;
    size_t n_first;                     /* queries 0..n_first-1 and the others are drawn apart; n_query: all together */
} evk_held;

/* (d'_v / d'_w)^2: share of w's separation that v has on rows that neither was fitted to. Above 1: v is the better one. 0 where
 * v points the wrong way; NaN where w does. */
static inline double evk_held_efficiency(double dprime_v, double dprime_w)
{
    const double v = dprime_v < 0 ? 0 : dprime_v;
    return dprime_w > 0 ? v * v / (dprime_w * dprime_w) : NAN;
}

/* All NaN where a score is not finite or a class has fewer than two rows. Errors: EVOKE_ENOMEM. */
evoke_status evk_held_measure(const evk_held *h, double out[EVK_HELD_COUNT], evoke_error *err);
/* out [n_replicate, EVK_HELD_COUNT]: replicate b draws as [seed, 2, of, b]. Errors: EVOKE_ENOMEM. */
evoke_status evk_held_bootstrap(const evk_held *h, uint64_t seed, uint64_t of, size_t n_replicate, double *out,
                                evoke_error *err);

#endif
