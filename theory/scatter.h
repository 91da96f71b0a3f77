/* theory/scatter.h: two classes of rows, their mean difference and the scatter within them.
 *
 * Rows x_ci of classes c = 1, 0; n = n1 + n0 of them, each of D floats; class means mu_c, in double:
 *
 *     ev    = mu_1 - mu_0                                                              [D]
 *     X     = rows less the mean of their class, class 1 first                         [n, D]
 *     Sw    = 1/n sum_c sum_i (x_ci - mu_c)(x_ci - mu_c)^T = X^T X / n                 within-class scatter (Fisher 1936)
 *     Sw(s) = (1 - s) Sw + s m I,   m = tr(Sw) / D,   0 <= s <= 1                      shrunk (Ledoit and Wolf 2004)
 *
 * D is in the thousands where n is in the hundreds, so Sw [D, D] is not formed: a product with it is two products with X,
 * and its non-zero eigenvalues are those of the smaller of X X^T [n, n] and X^T X [D, D], the Gram matrix kept here. */
#ifndef EVK_SCATTER_H
#define EVK_SCATTER_H

#include "core/status.h"

typedef struct evk_class { const float *const *rows; size_t n; } evk_class;     /* [n] borrowed rows of [D] */

typedef enum evk_gram_side {
    EVK_GRAM_SMALLER,       /* rows where n < D, else columns */
    EVK_GRAM_ROWS,          /* X X^T [n, n] */
    EVK_GRAM_COLUMNS        /* X^T X [D, D] */
} evk_gram_side;

typedef struct evk_scatter {
    size_t n1, n0, n, d;
    size_t k;               /* side of gram: n or D */
    bool by_rows;           /* gram is X X^T */
    double *x;              /* [n, D] */
    double *mean0, *ev;     /* [D] */
    double *gram;           /* [k, k] */
    double m;               /* tr(Sw) / D */
} evk_scatter;

/* Fits two classes. Errors: EVOKE_EDATA fewer than two rows in a class; a value not finite; the two means are the same to
 * rounding; the rows of both classes do not vary. EVOKE_ENOMEM. The caller frees *out with evk_scatter_free, always. */
evoke_status evk_scatter_fit(evk_class one, evk_class zero, size_t d, evk_gram_side side, evk_scatter *out,
                             evoke_error *err);
void evk_scatter_free(evk_scatter *sc);

/* Sw(s) v, out [D]; scratch [n]. */
void evk_scatter_apply(const evk_scatter *sc, double s, const double *v, double *out, double *scratch);
/* v^T Sw(s) v. */
double evk_scatter_form(const evk_scatter *sc, double s, const double *v);

#endif
