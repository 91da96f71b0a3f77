/* theory/component.h: the first principal component of rows, without regard to classes (Pearson 1901; "PCA" beside "mean
 * difference" is how representation engineering finds directions): the unit v that maximises v^T T v, T the scatter of the
 * rows around their mean. By power iteration on their centred products, from the row farthest from the mean. */
#ifndef EVK_COMPONENT_H
#define EVK_COMPONENT_H

#include "theory/row_space.h"

/* Rows kept[i] != 0 of the space; settled: the change of the eigenvalue, relative, at which it stops (the direction is then
 * off by about the root of it). scores [n] of all its rows along v (less its centre); v [D] unless NULL; share of the
 * scatter along v. Errors: EVOKE_EDATA the rows do not vary. */
evoke_status evk_component(const evk_row_space *space, const double *kept, double settled, double *scores, double *v,
                           double *share, evoke_error *err);

#endif
