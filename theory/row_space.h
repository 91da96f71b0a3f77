/* theory/row_space.h: rows of one layer and their products.
 *
 * Every direction that is fitted to N rows of D floats lies in their span, v = sum_i c_i x_i, and all that is asked of it (its
 * length, its scores x_i . v, scatter and gap along it) follows from the Gram matrix x_i . x_j. With N in the hundreds and D
 * in the thousands that matrix is the smaller thing by far: it is computed once, and a fit on some of the rows, each counted
 * so often (a bootstrap replicate, a fold, a permutation), costs nothing in D. */
#ifndef EVK_ROW_SPACE_H
#define EVK_ROW_SPACE_H

#include "core/status.h"

typedef struct evk_row_space {
    size_t n, d;
    double *centre;             /* [D] subtracted from all rows: their mean, so that products keep digits, or zeros */
    double *x;                  /* [n, D] rows less the centre */
    double *gram;               /* [n, n] x x^T */
} evk_row_space;

/* rows [n] of [D]; centred: less their mean. The caller frees *out, also after a failure. Errors: EVOKE_ENOMEM. */
evoke_status evk_row_space_fit(const float *const *rows, size_t n, size_t d, bool centred, size_t n_thread,
                               evk_row_space *out, evoke_error *err);
/* Row i is plus[i] - minus[i], not centred. */
evoke_status evk_row_space_fit_offsets(const float *const *plus, const float *const *minus, size_t n, size_t d,
                                       size_t n_thread, evk_row_space *out, evoke_error *err);
void evk_row_space_free(evk_row_space *s);

/* scores [n] = x v, v [D] */
void evk_row_space_project(const evk_row_space *s, const double *v, double *scores);
/* out [D] = sum_i c_i x_i over all rows. */
void evk_row_space_combine(const evk_row_space *s, const double *c, double *out);

#endif
