/* theory/folds.h: which queries a fit leaves out, for scores out of sample (k-fold cross-validation; Stone 1974) and for how
 * far they would go from one set of queries to the next (a jackknife that deletes groups of queries; Quenouille 1956).
 *
 * Query i is of fold i mod k: neighbours in a file go to different folds. Every fold's queries are scored by a fit without them.
 * The jackknife's figure without group j is what the other queries would have given alone: each of their folds is scored by a
 * fit without the fold and without the group. Groups are the folds; of more than EVK_MOST_GROUPS folds, fold f is of group
 * f mod EVK_MOST_GROUPS. Where groups are folds, the fit without two of them serves both.
 *
 * Scores lie in layers [1 + groups, rows]: layer 0 of all queries; layer 1 + j of those that are not of group j. */
#ifndef EVK_FOLDS_H
#define EVK_FOLDS_H

#include "core/status.h"

enum { EVK_MOST_GROUPS = 20 };

static inline size_t evk_fold(size_t query, size_t k) { return query % k; }
static inline size_t evk_groups(size_t k) { return k < EVK_MOST_GROUPS ? k : EVK_MOST_GROUPS; }
static inline size_t evk_group(size_t query, size_t k) { return evk_fold(query, k) % evk_groups(k); }

typedef struct evk_leaving {
    size_t k, fold, group;      /* of the queries that this fit leaves out; group == evk_groups(k): of the fold alone */
} evk_leaving;

static inline bool evk_leaves(const evk_leaving *l, size_t query)
{
    return evk_fold(query, l->k) == l->fold || evk_group(query, l->k) == l->group;
}

/* The layer that this fit's score of a query belongs to; SIZE_MAX: none. */
size_t evk_layer_of_score(const evk_leaving *l, size_t query);

/* All fits: k without a fold, then, where `jackknife`, those without a fold and a group. The caller frees *out.
 * k >= 2. Errors: EVOKE_ENOMEM. */
evoke_status evk_leavings(size_t k, bool jackknife, evk_leaving **out, size_t *n, evoke_error *err);

#endif
