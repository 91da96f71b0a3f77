/* theory/linear.h: the dense linear algebra of theory/ that runs inside parallel regions.
 *
 * Products of rows, Cholesky factors and their solutions, in double. Every sum has an order that depends on the matrix alone,
 * so a result is the same whatever the number of threads, and a bootstrap replicate is the same on whichever thread it runs;
 * a BLAS that divides its own work gives no such promise. Sums are kept in four lanes, without fused multiply-adds. */
#ifndef EVK_LINEAR_H
#define EVK_LINEAR_H

#include "core/status.h"

double evk_dot(const double *a, const double *b, size_t n);
double evk_length(const double *a, size_t n);

/* gram [n, n] whole, gram[i, j] = a_i . a_j for the rows a_i of a [n, d]; n_thread threads. */
void evk_gram(const double *a, size_t n, size_t d, size_t n_thread, double *gram);

/* The lower triangle of a [k, k] becomes L, a = L L^T; what is above the diagonal is not read. false: not positive definite,
 * or a pivot is rounding of its own diagonal (under k eps of it), that is a dimension which the others determine. */
bool evk_cholesky(double *a, size_t k);
/* b [k] becomes (L L^T)^-1 b. */
void evk_cholesky_solve(const double *l, size_t k, double *b);
/* log det(L L^T) */
double evk_cholesky_log_det(const double *l, size_t k);

/* All eigenvalues of the symmetric a [k, k] (lower triangle), rising, into values [k]; with vectors, row i of a becomes the
 * unit eigenvector of values[i], otherwise a is destroyed. LAPACK's dsyevd. Not in a parallel region.
 * Errors: EVOKE_ENOMEM; EVOKE_ECOMPUTE it did not converge (a value is not finite). */
evoke_status evk_eigen(double *a, size_t k, bool vectors, double *values, evoke_error *err);

#endif
