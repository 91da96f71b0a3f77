/* theory/resampling.h: a statistic of n queries and its 95 % interval (interval.h: bootstrap and jackknife over queries). */
#ifndef EVK_RESAMPLING_H
#define EVK_RESAMPLING_H

#include "core/status.h"
#include "theory/interval.h"

/* The statistic when query q counts count[q] times, of [n]; NaN where there is none. */
typedef double (*evk_statistic)(const void *context, const double *count, size_t n);

typedef struct evk_resampling {
    size_t n, n_bootstrap;              /* queries; replicates, 0: no intervals */
    double *count;                      /* [n_bootstrap + n + 1, n] draws, each without one query, all */
    double *values;                     /* [n_bootstrap + n] */
} evk_resampling;

/* Draw b from [seed, 9, of, b]. The caller frees *out, also after a failure. */
evoke_status evk_resampling_new(size_t n, size_t n_bootstrap, uint64_t seed, uint64_t of, evk_resampling *out, evoke_error *err);
void evk_resampling_free(evk_resampling *r);
/* Returns the statistic of all queries; interval NaN without replicates. */
double evk_resample(evk_resampling *r, evk_statistic statistic, const void *context, evk_scale scale, double interval[2]);

/* ---- statistics ---- */
/* context: const double [n]: the mean. Queries whose value is not finite do not count. */
double evk_statistic_mean(const void *context, const double *count, size_t n);

/* The mean of one over the mean of the other. */
typedef struct evk_ratio { const double *above, *below; } evk_ratio;
double evk_statistic_ratio(const void *context, const double *count, size_t n);

/* Curves y [n_x, n] of n queries over x [n_x]: the R^2 of lines of one slope, each query with an intercept of its own,
 *     y_iq = c_q + b x_i + residual,   R^2 = 1 - sum residual^2 / sum (y_iq - mean_i y_iq)^2
 * or, where `together`, of the curves' mean, a single line. */
typedef struct evk_curves { const double *x, *y; size_t n_x; bool together; } evk_curves;
double evk_statistic_r2(const void *context, const double *count, size_t n);

/* Where the mean of `paid` [n_x, n], from 0 on, first reaches `price`, what the mean of `got` is there: between two points of x a
 * straight line. NaN where it never does. */
typedef struct evk_exchange { const double *got, *paid; size_t n_x; double price; } evk_exchange;
double evk_statistic_exchange(const void *context, const double *count, size_t n);

/* Curves y [n_x, n]: the place of the highest mean over the n; out [n]: 1 where a curve rises at every step up to `peak`, else 0. */
size_t evk_curves_peak(const double *y, size_t n_x, size_t n);
void evk_curves_rising(const double *y, size_t n, size_t peak, double *out);

/* Spearman's rank correlation (1904) of y [n_x], stride apart, and x; ties share their mean rank. NaN where either is constant.
 * n_x is at most EVK_MOST_POINTS. */
enum { EVK_MOST_POINTS = 64 };
double evk_spearman(const double *x, const double *y, size_t stride, size_t n_x);

#endif
