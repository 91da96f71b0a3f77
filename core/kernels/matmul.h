/* core/kernels/matmul.h: activations times a stored weight matrix, whatever its storage type.
 *
 *     y[t, r] = sum_k x[t, k] W[r, k]  (+ bias[r])        x [T, K], W [R, K], y [T, R] float32
 *
 * Rows of W are dequantised by panels that are still in cache when they are multiplied; panels are divided over
 * threads. By kernels.h's rule y[t, :] depends on x[t, :] and W alone, bit for bit. */
#ifndef EVK_MATMUL_H
#define EVK_MATMUL_H

#include "core/kernels/kernels.h"

/* Floats of scratch that a multiply by n_thread threads needs, whatever the matrix. */
size_t evk_matmul_scratch(size_t n_thread);

/* ldx, ldy: distance between rows of x and y in floats. bias [R] or NULL. Not to be called in a parallel region. */
void evk_matmul(const evk_kernels *kernels, size_t n_thread, const evk_tensor *w, const float *bias, const float *x,
                size_t ldx, size_t n_token, float *y, size_t ldy, float *scratch);

/* What products of every kind of weights share: the threads worth waking, of n_thread (0: one), and y[t, r] += bias[r]. */
size_t evk_threads_worth(size_t n_thread, size_t n_token, size_t rows, size_t cols);
void evk_add_bias(const float *bias, size_t n_row, size_t n_token, float *y, size_t ldy);
/* Asks for n bytes, `skipped` bytes from their beginning, of those of n_row rows from `first` on that there are: a part of a row is too
 * short for the processor to see what comes next. */
void evk_prefetch_rows(const evk_tensor *w, size_t first, size_t n_row, size_t skipped, size_t n);

/* Multiplies small matrices (all the shapes that a kernel of another CPU would get wrong: whole tiles, edges, threads)
 * with OpenBLAS and with plain loops. Errors: EVOKE_ECOMPUTE they differ; the text names OpenBLAS's kernel (its
 * openblas_get_corename) and says which OPENBLAS_CORETYPE to set. */
evoke_status evk_blas_check(evoke_error *err);

#endif
