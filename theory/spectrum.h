/* theory/spectrum.h: how far Sw is from sigma^2 I, which the argument for the mean difference assumes, and what follows.
 *
 * Eigenvalues e_1 >= ... >= e_D >= 0 of Sw, f_j = (1 - s) e_j + s m those of Sw(s):
 *   rank                 of Sw: e_j above rounding; n - 2 at most
 *   effective rank       exp(-sum_j r_j log r_j), r_j = e_j / tr(Sw)  (Roy and Vetterli 2007); D if Sw is white
 *   participation ratio  tr(Sw)^2 / tr(Sw^2)
 *   condition number     e_1 / e_D before shrinkage (infinite where rank < D), k = f_1 / f_D after
 *   sphericity           U = tr((Sw / m - I)^2) / D = D tr(Sw^2) / tr(Sw)^2 - 1  (John 1971): 0 if white;
 *                        z = (v U - D - 1) / 2, v = n - 2: standard normal for white normal rows, also with D > n (Ledoit and
 *                        Wolf 2002)
 *   Kantorovich          4 k / (1 + k)^2 <= (x.x)^2 / (x^T S x x^T S^-1 x) for every x (Kantorovich 1948), S = Sw(s): with x
 *                        = ev the right side is the efficiency, which so cannot be less
 *   isotropic            D^2 / (tr S tr S^-1): about the efficiency of an ev that points evenly in all of S's axes */
#ifndef EVK_SPECTRUM_H
#define EVK_SPECTRUM_H

#include "theory/pairs.h"
#include "theory/scatter.h"

typedef struct evk_spectrum {
    double rank, effective_rank, participation, condition, condition_shrunk, sphericity, sphericity_z;
    double kantorovich, isotropic;
} evk_spectrum;

/* values [k] = e_j / tr(Sw), falling, of the scatter's Gram matrix (sc->k of them; all others are zero). condition is NaN where
 * infinite. Not in a parallel region. */
evoke_status evk_spectrum_of(const evk_scatter *sc, double s, double *values, evk_spectrum *out, evoke_error *err);

/* The same of a pair's queries without one of n_group groups (i mod n_group) each, out [n_group], s held. NaN where a group leaves fewer
 * than two queries or rows that do not vary. Not in a parallel region. */
evoke_status evk_spectrum_without(const evk_pairs *p, double s, size_t n_group, evk_spectrum *out, evoke_error *err);

#endif
