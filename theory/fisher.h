/* theory/fisher.h: Fisher's linear discriminant between two classes.
 *
 * The direction along which the classes' means lie furthest apart against the scatter within them,
 * J(w) = (w.ev)^2 / (w^T Sw w), is (Fisher 1936)
 *
 *     w = Sw(s)^-1 ev,     ev = mu_1 - mu_0          not scaled to unit length; it points from class 0 to class 1
 *
 * With a = (1 - s) / n and t = s tr(Sw) / D, Sw(s) = a X^T X + t I, and one Cholesky factorisation solves it:
 *   n >= D   of a X^T X + t I [D, D];
 *   n < D    of t I + a X X^T [n, n] (Woodbury 1950):  w = (ev - a X^T (t I + a X X^T)^-1 X ev) / t.
 * The second loses digits where t is small against the scatter; refinement on ev - Sw(s) w brings them back, and what
 * is then left over tells whether Sw(s) could be inverted at all. */
#ifndef EVK_FISHER_H
#define EVK_FISHER_H

#include "theory/scatter.h"

/* w, out [D]. Errors: EVOKE_ESINGULAR Sw(s) cannot be inverted in double precision; always so for s = 0 and n - 2 < D. */
evoke_status evk_fisher_direction(const evk_scatter *sc, double s, double *w, evoke_error *err);

#endif
