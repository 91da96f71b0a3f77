/* layers/store_merge.h: shards of one extraction on their way to one store, between store_merge.c and store_merge_copy.c. */
#ifndef EVK_STORE_MERGE_H
#define EVK_STORE_MERGE_H

#include "layers/store_spec.h"

typedef struct evk_shard {
    const char *path;
    evk_store_part part;
    size_t n_query;                             /* its own, from part.first_query on */
    size_t first_row, n_row;                    /* rows of tokens, first_row in the whole */
    char **texts, **query_ids, **languages;     /* [n_query] */
    char **prompts;                             /* [n_query * S] */
    int32_t *ids;                               /* [n_row] */
} evk_shard;

/* Copies what the extraction filled into the store that evk_store_create made of the spec; starts [N * S + 1]. */
evoke_status evk_shards_copy(const evk_shard *shards, size_t n, const evk_store_spec *spec, evk_h5 *to,
                             const evoke_progress *progress, evoke_error *err);

#endif
