/* experiments/shards.h: work divided over jobs: which part is this process's. */
#ifndef SHARDS_H
#define SHARDS_H

#include <jansson.h>

#include "experiments/options.h"

#define SHARD_HELP "the I-th, from 1, of N parts (default: as the Slurm array job says it runs in; none: all of it)"

/* --shard, else SLURM_ARRAY_TASK_ID, _MIN, _STEP and _COUNT: shard 1 to n_shards; 0, 0: undivided. Says what it took from the
 * environment. Errors: EVOKE_EARG. */
evoke_status options_shard(const options *o, size_t *shard, size_t *n_shards, evoke_error *err);

/* The line that a shard of responses begins with; sha256 is that of what all `total` lines are of, the same in every shard. After
 * it come the shard's lines as an undivided run writes them. */
json_t *responses_shard_head(size_t shard, size_t n_shards, size_t total, const char *sha256);
/* Joins such files, in any order. Errors: EVOKE_EDATA a shard is unfinished, missing, there twice or of another run. */
evoke_status merge_responses(const options *o, const char *path, evoke_error *err);

#endif
