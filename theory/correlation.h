/* theory/correlation.h: Pearson's r and Spearman's rho with 95 % intervals on Fisher's scale:
 *
 *     r    sum (x - mx)(y - my) / sqrt(sum (x - mx)^2 sum (y - my)^2)      interval tanh(atanh r -+ 1.96 / sqrt(n - 3))
 *                                                                         (Fisher 1921)
 *     rho  r of the ranks, those of equal values averaged (Spearman 1904); interval with sqrt((1 + rho^2/2) / (n - 3)) for the
 *          standard error (Bonett and Wright 2000) */
#ifndef EVK_CORRELATION_H
#define EVK_CORRELATION_H

#include "core/status.h"

typedef struct evk_correlation { double r, r_interval[2], rho, rho_interval[2]; } evk_correlation;

/* Of the pairs in which both are finite. NaN where fewer than two are or one does not vary; intervals NaN under four.
 * Errors: EVOKE_ENOMEM. */
evoke_status evk_correlate(const double *x, const double *y, size_t n, evk_correlation *out, evoke_error *err);

#endif
