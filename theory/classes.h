/* theory/classes.h: the discriminants between all emotions at once (Rao 1948), of the rows of the emotion setting.
 *
 *     Sb = sum_k p_k (mu_k - mu)(mu_k - mu)^T,   p_k = n_k / n,   mu = sum_k p_k mu_k
 *     Sb v_j = lambda_j Sw(s) v_j,   v_j^T Sw(s) v_j = 1,   lambda_1 >= ... >= lambda_{E-1}
 *
 * lambda_j is between-class over within-class variance along v_j; lambda_j / sum lambda its share of what separates the
 * classes. With w_k = Sw(s)^-1 (mu_k - mu) and B_kl = sqrt(p_k p_l) (mu_k - mu).w_l, an E x E matrix of the same non-zero
 * eigenvalues, v_j = sum_k sqrt(p_k) b_jk w_k / sqrt(lambda_j) for its unit eigenvectors b_j. */
#ifndef EVK_CLASSES_H
#define EVK_CLASSES_H

#include "theory/pooled.h"

/* sample: all rows, classes 0..E-1, two or more. values [E - 1]; vectors [E - 1, D], each turned so that its largest component
 * (by size) is positive; choice: a number, LW or OAS; *s the shrinkage used. A value that is rounding has a zero vector.
 * Errors: EVOKE_EDATA, EVOKE_ESINGULAR as evk_pooled_fit, EVOKE_ECOMPUTE. Not in a parallel region. */
evoke_status evk_classes_fit(const evk_row_space *space, const evk_sample *sample, double choice, double *s, double *values,
                             double *vectors, evoke_error *err);

#endif
