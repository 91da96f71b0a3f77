/* experiments/shards.h: work divided over jobs: which part is this process's. */
#ifndef SHARDS_H
#define SHARDS_H

#include <jansson.h>

#include "experiments/options.h"
#include "experiments/ranks.h"

#define SHARD_HELP "the I-th, from 1, of N parts (default: as the Slurm array job says it runs in; none: all of it)"

/* What this process does of a run. */
typedef struct work_part {
    size_t shard, n_shards;     /* 0, 0: all of it */
    const char *whole, *path;   /* the undivided run's file, and the one that this process writes: mostly the same */
    char *own_path;             /* a rank's, to be merged; NULL: none */
    bool idle;                  /* a rank that has nothing to do */
} work_part;

/* --shard, else SLURM_ARRAY_TASK_ID, _MIN, _STEP and _COUNT, else MPI's rank. Says what it took from the environment. Ranks write
 * shards beside the file; where a file that is continued is there already, rank 0 alone does so. Errors: EVOKE_EARG; EVOKE_EDATA there are
 * shards of another number of ranks. */
evoke_status part_choose(const options *o, const char *path, bool continues, work_part *p, evoke_error *err);
/* After the work, st its status: joins the ranks' counts [RANKS_COUNTS]; rank 0 merges their shards and takes them away. */
typedef evoke_status merge_function(const options *o, const char *const *paths, size_t n, const char *path, evoke_error *err);
evoke_status part_finish(const options *o, const work_part *p, merge_function *merge, uint64_t *counts, evoke_status st,
                         evoke_error *err);
/* Is the file of this process a shard that the user must merge? */
bool part_to_merge(const work_part *p);
void part_free(work_part *p);


/* The line that a shard of responses begins with; sha256 is that of what all `total` lines are of, the same in every shard. After
 * it come the shard's lines as an undivided run writes them. */
json_t *responses_shard_head(size_t shard, size_t n_shards, size_t total, const char *sha256);
/* ---- files of lines: a head, then lines of responses ---- */
enum { MOST_COMMON = 6 };
typedef struct shard_kind {
    const char *format, *a;                     /* what the head says, and "a sweep": of what it is a shard */
    const char *common[MOST_COMMON];            /* members of the head that are alike in all, beside the usual; NULL ends them */
} shard_kind;
typedef struct shard_file {
    const char *path;
    json_t *head;
    size_t shard, n_shards, total, first, n;    /* it holds responses [first, first + n) of total */
} shard_file;
json_t *shard_head(const char *format, size_t shard, size_t n_shards, size_t total, const char *sha256);
bool shard_is(const char *path, const shard_kind *kind);
/* The files in the order of their shards, *out [n], to be freed whatever it returns. Errors as of merge_responses. */
evoke_status shards_open(const char *const *paths, size_t n, const shard_kind *kind, shard_file **out, evoke_error *err);
void shards_free(shard_file *files, size_t n);
/* Gives each line, with its place in the whole. Errors: EVOKE_EDATA it is unfinished. */
typedef evoke_status shard_line(void *user, size_t i, const char *line, size_t n, evoke_error *err);
evoke_status shard_lines(const shard_file *p, shard_line *take, void *user, evoke_error *err);

/* Joins such files, stores, or replicates of theory, in any order. Errors: EVOKE_EDATA a shard is unfinished, missing, there twice
 * or of another run. */
merge_function merge_responses, merge_stores, merge_replicates;
/* Shards of an evaluation: every response's scores to path, and the figures to stdout, as the undivided evaluation gives them. */
merge_function merge_scores;
extern const shard_kind scores_kind;

#endif
