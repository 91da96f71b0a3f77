/* theory/layer_similarity.h: how alike a representation is in two layers, by linear CKA.
 *
 * The cosine of an EV at two layers compares coordinates, which layers need not share. CKA compares what the layers say of
 * the same rows (Kornblith, Norouzi, Lee and Hinton 2019): with K = H X X^T H, L = H Y Y^T H of the layers' n rows, H = I - 1/n,
 *
 *     CKA = <K, L> / (|K| |L|) = |Y^T H X|^2 / (|X^T H X| |Y^T H Y|)          1: alike up to rotation and scale
 *
 * With n rows in D > n dimensions it is near 1 for rows that have nothing in common (K is all but the identity then), so it
 * is also given debiased: by the unbiased estimator of <K, L> (Song et al. 2012), which is the product of the U-centred
 * matrices, off the diagonal (Szekely and Rizzo 2014),
 *
 *     A_ij = K_ij - (r_i + r_j) / (n - 2) + r / ((n - 1)(n - 2)),   r_i = sum_{j != i} K_ij,  r = sum_i r_i;     about 0 for those
 *
 * Everything is in N x N space: a layer's rows are not kept, only the lower triangle of K, n (n + 1) / 2 doubles a layer. */
#ifndef EVK_LAYER_SIMILARITY_H
#define EVK_LAYER_SIMILARITY_H

#include "core/status.h"

typedef struct evk_layer_similarity {
    size_t n_layer, n, cells;
    double *triangle;               /* [L, cells] row by row; NULL: too large, nothing is computed */
    double *mean;                   /* [n] scratch */
} evk_layer_similarity;

/* For n rows. Above most_bytes for all layers, triangle is NULL and what follows does nothing. The caller frees *out, also
 * after a failure. Errors: EVOKE_ENOMEM. */
evoke_status evk_layer_similarity_new(size_t n_layer, size_t n, size_t most_bytes, evk_layer_similarity *out, evoke_error *err);
void evk_layer_similarity_free(evk_layer_similarity *s);
/* gram [n, n] of layer i's rows; centred here. */
void evk_layer_similarity_add(evk_layer_similarity *s, size_t i, const double *gram);
/* cka, debiased [L, L], once, after all layers (the triangles are used up). NaN where a layer's rows do not vary; debiased
 * also with n < 4. Their ends [L, L, 2], unless NULL: sampling intervals (interval.h) by groups of rows (i mod EVK_MOST_WITHOUT); left as
 * they are with fewer rows than groups. A bootstrap would repeat rows, which are alike in every layer. Errors: EVOKE_ENOMEM. */
evoke_status evk_layer_similarity_finish(evk_layer_similarity *s, size_t n_thread, double *cka, double *debiased, double *cka_ends,
                                         double *debiased_ends, evoke_error *err);

#endif
