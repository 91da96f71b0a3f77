/* theory/shrinkage.h: how much to shrink Sw towards its mean diagonal, from the data.
 *
 * With S = Sw [D, D] of n class-centred rows x_k, m = tr(S) / D:
 *
 *   Ledoit-Wolf (2004, "A well-conditioned estimator for large-dimensional covariance matrices"): the s that minimises the
 *   expected ||S(s) - Sigma||_F^2, estimated without assuming a distribution:
 *     d2 = ||S - m I||_F^2 / D,   b2 = min(d2, 1/(D n^2) sum_k ||x_k x_k^T - S||_F^2),   s = b2 / d2
 *   OAS (Chen, Wiesel, Eldar and Hero 2010, "Shrinkage algorithms for MMSE covariance estimation", eq. 23), for Gaussian
 *   rows; as in scikit-learn without the paper's terms in 2/D:
 *     s = min(1, (tr(S^2) + tr(S)^2) / ((n + 1) (tr(S^2) - tr(S)^2 / D)))
 *
 * ||S||_F^2 = tr(S^2) = ||gram||_F^2 / n^2 whichever side the Gram matrix has, and
 * sum_k ||x_k x_k^T - S||_F^2 = sum_k (x_k.x_k)^2 - n ||S||_F^2, so neither needs a D x D matrix. */
#ifndef EVK_SHRINKAGE_H
#define EVK_SHRINKAGE_H

#include "theory/scatter.h"

/* All that the two are computed from. */
typedef struct evk_spread {
    double n, d;                /* rows, dimensions */
    double trace, norm2;        /* tr(S), tr(S^2) */
    double fourth;              /* sum_k (x_k.x_k)^2 */
} evk_spread;
/* choice: a number 0..1, taken as it is, or EVOKE_SHRINK_LEDOIT_WOLF, EVOKE_SHRINK_OAS. */
double evk_shrinkage_of(const evk_spread *spread, double choice);

double evk_ledoit_wolf(const evk_scatter *sc);      /* 0..1 */
double evk_oas(const evk_scatter *sc);              /* 0..1 */

/* A choice that evk_shrinkage_of takes, or EVOKE_SHRINK_CV (shrinkage_cv.h). */
bool evk_shrinkage_valid(double choice);
double evk_shrinkage(const evk_scatter *sc, double choice);

#endif
