/* theory/held_scores.h: how well scores on queries that a direction was not fitted to tell two classes apart.
 *
 *     d'                 separation.h
 *     AUC                P(s_1 > s_0) + P(s_1 = s_0) / 2
 *     balanced accuracy  (P(s_1 > 0) + P(s_0 < 0)) / 2, a score of 0 counting half: scores are less the threshold that the
 *                        fit chose, half way between its classes' means
 *
 * each with an interval that queries drawn anew and the jackknife of folds.h give together (interval.h). */
#ifndef EVK_HELD_SCORES_H
#define EVK_HELD_SCORES_H

#include <math.h>

#include "core/status.h"

typedef enum evk_held_figure { EVK_HELD_DPRIME, EVK_HELD_AUC, EVK_HELD_ACCURACY, EVK_HELD_COUNT } evk_held_figure;

typedef struct evk_held {
    const double *scores;               /* [n], of which the jackknife reads [1 + groups, n]: layers of folds.h */
    const size_t *label, *query;        /* [n] 1 or 0; 0..n_query-1 */
    size_t n, n_query;
    size_t n_first;                     /* queries 0..n_first-1 and the others are drawn apart; n_query: all together */
    const size_t *fold;                 /* [n] what folds.h takes for each row's query; n_fold of them in all */
    size_t n_fold;
} evk_held;

/* (d'_v / d'_w)^2: share of w's separation that v has on rows that neither was fitted to. Above 1: v is the better one. 0 where
 * v points the wrong way; NaN where w does. */
static inline double evk_held_efficiency(double dprime_v, double dprime_w)
{
    const double v = dprime_v < 0 ? 0 : dprime_v;
    return dprime_w > 0 ? v * v / (dprime_w * dprime_w) : NAN;
}

/* Of other queries: what an interval is made of. */
typedef struct evk_held_others {
    size_t n_replicate, n_group;
    double *replicates;                 /* [n_replicate, EVK_HELD_COUNT] queries drawn anew, along the same directions */
    double *without;                    /* [n_group, EVK_HELD_COUNT] without a group, everything refitted */
} evk_held_others;

/* All NaN where a score is not finite or a class has fewer than two rows. Errors: EVOKE_ENOMEM. */
evoke_status evk_held_measure(const evk_held *h, double out[EVK_HELD_COUNT], evoke_error *err);
/* Replicate b draws as [seed, 2, of, b]. The caller frees *out, also after a failure. Errors: EVOKE_ENOMEM. */
evoke_status evk_held_others_new(const evk_held *h, uint64_t seed, uint64_t of, size_t n_replicate, evk_held_others *out,
                                 evoke_error *err);
void evk_held_others_free(evk_held_others *o);

/* The figures, and the ends of their intervals: NaN without replicates. AUC and accuracy lie in 0..1; of n queries that are all
 * on the right side the lower end is Clopper and Pearson's (1934), 0.025^(1/n), since what never varies has no spread. */
evoke_status evk_held_figures(const evk_held *h, const evk_held_others *o, double values[EVK_HELD_COUNT],
                              double intervals[EVK_HELD_COUNT][2], evoke_error *err);
/* Of two sets of scores of the same draws: w's d' less v's, and evk_held_efficiency; the interval of the latter is that of
 * d'_v / d'_w, squared. */
void evk_held_compare(const evk_held_others *v, const evk_held_others *w, double dprime_v, double dprime_w, double gain[2],
                      double efficiency[2], double *scratch);

#endif
