/* theory/bootstrap.h: what other queries would have given (Efron 1979).
 *
 * In replicate b the n queries are drawn with replacement, each with both of its rows; EV, Sw, w, Sd and wd are fitted anew
 * at the shrinkage of the whole sample, in the space of the rows: O(n^3) on the two thirds of the queries that were drawn,
 * nothing in D. Replicate b's draws are those of PCG64 seeded with [seed, 1, emotion, b]: the same at every layer and
 * whatever thread runs it. The jackknife's n fits without a query go with it (interval.h). */
#ifndef EVK_BOOTSTRAP_H
#define EVK_BOOTSTRAP_H

#include "theory/pairs.h"

typedef enum evk_replicated {           /* figures of one fit */
    EVK_R_COSINE, EVK_R_WHITENED, EVK_R_EFFICIENCY, EVK_R_RATIO_EV,     /* the EV, or a vector given, against w */
    EVK_R_RATIO_W,
    EVK_R_EFFICIENCY_PC, EVK_R_RATIO_PC,                                /* the principal component of the whole sample */
    EVK_R_EFFICIENCY_OFFSET, EVK_R_RATIO_OFFSET,                        /* wd, under Sw */
    EVK_R_COSINE_OFFSET,                                                /* of the EV and wd */
    EVK_R_PURITY,                                                       /* tr(Sw^2) / tr(Sw)^2 */
    EVK_R_T2, EVK_R_COUNT
} evk_replicated;

typedef struct evk_line {               /* a direction that is not refitted */
    const double *scores;               /* [2n] of all rows, less their mean */
    const double *v;                    /* [D] */
    double vv;
} evk_line;

typedef struct evk_replication {
    const evk_pairs *pairs;
    double s_two, s_offset;
    const evk_line *vector;             /* instead of the EV; NULL: the EV of each fit */
    const evk_line *component;
    size_t first, end;                  /* replicates [first, end) of n_replicate + n; end 0: all */
} evk_replication;

/* Figures of the fit to queries that count so often; all NaN where there is none. scratch [2n]. */
void evk_replicate(const evk_replication *r, evk_pairs_fit *fit, const double *count, double *scratch,
                   double out[EVK_R_COUNT]);
/* out [n_replicate + n, EVK_R_COUNT], or [end - first, EVK_R_COUNT] of them: the replicates, then the jackknife's. Errors:
 * EVOKE_ENOMEM. */
evoke_status evk_bootstrap(const evk_replication *r, uint64_t seed, uint64_t emotion, size_t n_replicate, size_t n_thread,
                           double *out, evoke_error *err);

/* count [n] of a draw with replacement. */
void evk_draw(uint64_t seed, uint64_t purpose, uint64_t of, uint64_t index, size_t n, double *count);

#endif
