/* theory/shrinkage_cv.h: shrinkage by cross-validated likelihood.
 *
 * Of s = 10^(-4), 10^(-3.9), ..., 1 the one under which rows that were left out are likeliest (Friedman 1989, "Regularized
 * discriminant analysis", chooses by left-out errors; Hoffbeck and Landgrebe 1996, "Covariance matrix estimation and
 * classification with limited training data", by left-out likelihood), each row x of class k as normal around its class:
 *
 *     log p(x) = -1/2 (D log 2 pi + log det S + r^T S^-1 r),    r = x - mu_k,   S = Sw(s), both fitted without x's fold
 *
 * With the eigenvalues e_j of X X^T of a fold's fit and unit u_j, q_j = (u_j . X r)^2 / e_j, a and t as in pooled.h:
 *     log det S = sum_j log(a e_j + t) + (D - J) log t,     r^T S^-1 r = sum_j q_j / (a e_j + t) + (r.r - sum_j q_j) / t */
#ifndef EVK_SHRINKAGE_CV_H
#define EVK_SHRINKAGE_CV_H

#include "theory/pooled.h"

/* fold [n] 0..n_fold-1 of each row of the sample; counts are not read: each row counts once. Errors: EVOKE_EDATA a fold's
 * fit has a class without rows, or does not vary; those of evk_eigen. Not in a parallel region. */
evoke_status evk_shrinkage_cv(const evk_row_space *space, const evk_sample *sample, const size_t *fold, size_t n_fold,
                              double *s, evoke_error *err);

#endif
