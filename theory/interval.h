/* theory/interval.h: 95 % intervals from replicates.
 *
 * Of a figure that is refitted (a cosine with w, an efficiency, a Fisher ratio) the plain percentiles of a bootstrap are no
 * interval: it repeats rows, and w leans on the rows it was fitted to the more the fewer they are, so that replicates lie to
 * one side of the estimate. Here g(estimate) is taken on a scale g where its spread hardly depends on its value, its bias
 * removed by the jackknife (Quenouille 1956), and the spread is the larger of the bootstrap's and the jackknife's (Efron and
 * Tibshirani 1993, ch. 10 to 13):
 *
 *     centre = n g - (n - 1) mean_q g_(q),   half = t_{n-1}(0.975) max(sd_b g*_b, sqrt((n-1)/n sum_q (g_(q) - mean)^2))
 *
 * g_(q) without query q, g*_b of replicate b, n queries. The bias is that of the estimate at this shrinkage: the interval is
 * for what many more queries would give. Noise in EV and w adds to 1/cos^2 and 1/efficiency about as 1/n, which the jackknife
 * takes off; of cos and efficiency themselves it is no straight line (theory/README.md has the coverage of both). No scale helps
 * where dimensions are more than queries.
 *
 * A figure of several emotions rests on as many samples of queries, n_e of emotion e, which are drawn apart. What each adds to
 * bias and variance counts with its own size; t has as many degrees of freedom as the smallest of them gives:
 *
 *     centre = g - sum_e (n_e-1)/n_e sum_{q in e} (g_(q) - g),   jackknife's variance = sum_e (n_e-1)/n_e sum_{q in e} (g_(q) - mean_e)^2
 *
 * Figures of scores out of sample have no such bias, but two spreads, of which neither is right: queries drawn anew along the
 * same directions leave out that other queries would fit other directions (too narrow; Bates, Hastie and Tibshirani 2021), and
 * the jackknife, which refits them, counts what two queries do to each other once for each (too wide: its variance is never
 * below the true one on average; Efron and Stein 1981). Their geometric mean holds: theory/README.md has the coverage. */
#ifndef EVK_INTERVAL_H
#define EVK_INTERVAL_H

#include <stddef.h>

typedef enum evk_scale {
    EVK_SCALE_PLAIN, EVK_SCALE_ANGLE, EVK_SCALE_LOG,    /* g = x, acos x, log x */
    EVK_SCALE_SHARE,                                    /* g = x, ends cut to 0..1 */
    EVK_SCALE_ROOT,                                     /* g = x |x|, ends cut to -1..1: of a cosine whose square is a share */
    EVK_SCALE_INVERSE, EVK_SCALE_INVERSE_SQUARE         /* g = 1/x, 1/x^2, ends cut to 0..1: of positive shares and cosines */
} evk_scale;

/* Groups, at most, of a jackknife that leaves out one of them at a time: query q is of group q mod n. */
enum { EVK_MOST_WITHOUT = 10 };

/* low and high; NaN where half of the replicates or any of the jackknife's are not finite, or n < 3. Every `stride`-th value
 * of either array counts. */
void evk_interval(double estimate, const double *replicates, size_t n_replicate, const double *without, size_t n,
                  size_t stride, evk_scale scale, double out[2]);
/* The same of a figure that rests on samples of[0], of[1], ... (n_of of them; NULL: the first n_of), of which sample e has the queries
 * starts[e] to starts[e + 1], and `without` the figure without each. NaN also where one of these has fewer than three. */
void evk_strata_interval(double estimate, const double *replicates, size_t n_replicate, const double *without,
                         const size_t *starts, const size_t *of, size_t n_of, size_t stride, evk_scale scale, double out[2]);
/* Of figures out of sample: estimate +- t_{n-1}(0.975) sqrt(sd_b g*_b x jackknife's), n groups. NaN as above. */
void evk_held_interval(double estimate, const double *replicates, size_t n_replicate, const double *without, size_t n,
                       size_t stride, double out[2]);
/* How far a figure goes from one set of as many queries to the next, for its mean over such sets: g(estimate) +- t_{n-1}(0.975)
 * times the jackknife's spread over n groups, bias and all. NaN where a value is not finite or n < 3. */
void evk_sampling_interval(double estimate, const double *without, size_t n, size_t stride, evk_scale scale, double out[2]);
/* The 2.5 and 97.5 % points of the finite values, by linear interpolation; NaN where fewer than half are. values is sorted. */
void evk_percentiles(double *values, size_t n, double out[2]);
/* The p-th point, 0..1, of n sorted values. */
double evk_quantile(const double *sorted, size_t n, double p);

#endif
