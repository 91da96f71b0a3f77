/* theory/held_out.h: scores of queries along directions that were fitted without them (folds.h).
 *
 * With D > n some w separates any n rows without error, so figures along w in sample tell nothing. Here the queries of one
 * fold, in both settings, are scored along the EV, w, wd and the first principal component of the other folds' queries, all
 * four fitted anew (the shrinkage too, where it is chosen from the data), less the threshold half way between the fitted
 * classes' means and per unit of the direction's length: sign and threshold are the fit's alone. k = n leaves one out. */
#ifndef EVK_HELD_OUT_H
#define EVK_HELD_OUT_H

#include "theory/pairs.h"

typedef enum evk_direction { EVK_ALONG_EV, EVK_ALONG_W, EVK_ALONG_OFFSET, EVK_ALONG_PC, EVK_N_ALONG } evk_direction;

/* vector: scores [2n] of all rows along a direction that takes the EV's place and is not refitted (its threshold is), or NULL.
 * out [EVK_N_ALONG] of [layers, 2n], row n + q the neutral one of query q; layers: 1, or with `jackknife` 1 + evk_groups(k),
 * as in folds.h (what is not of a layer is left as it was). NaN of a fold that no direction fits. Of shrinkage by likelihood the
 * jackknife's fits take what their fold's own fit chose. n >= 3 queries; k in 2..n; fits run on n_thread threads, the scores
 * are the same. Errors: EVOKE_EDATA; EVOKE_ENOMEM. */
evoke_status evk_held_out(const evk_pairs *p, double choice, size_t k, bool jackknife, const double *vector, size_t n_thread,
                          double *const *out, evoke_error *err);

#endif
