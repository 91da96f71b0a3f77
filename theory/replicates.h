/* theory/replicates.h: an analysis's replicates in a file, so that jobs can make them in parts.
 *
 * For each of L x E units, layer by layer, emotion by emotion, `estimates` [units, R] has the figures of all its queries, and
 * `replicates` those of its refits: rows [first, first + n) of its n_replicate + n_query, where first and n are the shard's part
 * of them (evoke_shard_range). Parts of one analysis, and the analysis that uses them, have the same estimates to the last bit:
 * that tells another store, site, span, vector or shrinkage. */
#ifndef EVK_REPLICATES_H
#define EVK_REPLICATES_H

#include "theory/bootstrap.h"

typedef struct evk_replicates {
    size_t shard, n_shard;              /* 1 of 1: the whole */
    size_t n_unit, n_row, row;          /* units and rows so far; of one that is read, the next row */
    double *estimates, *rows;           /* [n_unit, EVK_R_COUNT], [n_row, EVK_R_COUNT] */
    int64_t *totals;                    /* [n_unit] n_replicate + n_query */
    uint64_t seed;
    int64_t n_replicate;
    const char *path;
    char *version;                      /* NULL: this one */
} evk_replicates;

void evk_replicates_free(evk_replicates *r);
/* Makes and keeps the shard's part of the next unit's replicates. */
evoke_status evk_replicates_make(evk_replicates *r, evk_replication *of, const double *estimate, uint64_t emotion,
                                 size_t n_thread, evoke_error *err);
/* Moves the next unit's, out [total, EVK_R_COUNT], out of a whole that was read. Errors: EVOKE_EDATA they are another analysis's. */
evoke_status evk_replicates_take(evk_replicates *r, const double *estimate, size_t total, double *out, evoke_error *err);
evoke_status evk_replicates_save(const evk_replicates *r, const char *path, const evoke_provenance *made, evoke_error *err);
/* Errors: EVOKE_EFORMAT. Free whatever it returns. */
evoke_status evk_replicates_open(const char *path, evk_replicates *r, evoke_error *err);

#endif
