/* theory/held_out.h: AUC on queries that the direction was not fitted on.
 *
 * With D > n there is a w that separates any n rows without error, so the AUC in sample is 1 by construction and tells
 * nothing. Here each query, in both settings, is projected on the unit vector fitted without it (the shrinkage too, where
 * it is chosen from the data), and one AUC is taken over the scores of all queries (leave-one-out, pooled; Stone 1974). */
#ifndef EVK_HELD_OUT_H
#define EVK_HELD_OUT_H

#include "theory/scatter.h"

typedef struct evk_held_out { double auc_ev, auc_w; } evk_held_out;

/* Row i of both classes is query i: three queries at least. choice as in evk_shrinkage. One fit a query, O(n^2 D) each.
 * Errors: those of evk_scatter_fit and evk_fisher_direction. */
evoke_status evk_leave_one_out(evk_class one, evk_class zero, size_t d, double choice, evk_held_out *out,
                               evoke_error *err);

#endif
