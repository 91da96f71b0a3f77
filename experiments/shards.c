#include "experiments/shards.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_SHARDS = 1000000 };

static evoke_status parse_shard(const char *text, size_t *shard, size_t *n_shards, evoke_error *err)
{
    const char *slash = strchr(text, '/');
    const size_t length = slash ? (size_t)(slash - text) : 0;
    char first[24] = "";
    uint64_t i = 0, n = 0;
    if (!slash || length >= sizeof first)
        return fail(err, EVOKE_EARG, "read --shard: '%s' is not I/N, as 2/4, the second of four", text);
    memcpy(first, text, length);
    evoke_status st = parse_uint(slash + 1, "--shard, parts", 1, MOST_SHARDS, &n, err);
    if (st == EVOKE_OK)
        st = parse_uint(first, "--shard, which of them (from 1)", 1, n, &i, err);
    *shard = (size_t)i;
    *n_shards = (size_t)n;
    return st;
}

static evoke_status number_of(const char *name, uint64_t *value, evoke_error *err)
{
    const char *text = getenv(name);
    return text && *text ? parse_uint(text, name, 0, UINT32_MAX, value, err) : EVOKE_OK;
}

static evoke_status shard_of_array(size_t *shard, size_t *n_shards, evoke_error *err)
{
    uint64_t id = 0, least = 1, step = 1, n = 0;
    evoke_status st = number_of("SLURM_ARRAY_TASK_ID", &id, err);
    if (st == EVOKE_OK)
        st = number_of("SLURM_ARRAY_TASK_MIN", &least, err);
    if (st == EVOKE_OK)
        st = number_of("SLURM_ARRAY_TASK_STEP", &step, err);
    if (st == EVOKE_OK)
        st = number_of("SLURM_ARRAY_TASK_COUNT", &n, err);
    if (st != EVOKE_OK)
        return st;
    if (step == 0 || id < least || (id - least) % step != 0 || (id - least) / step >= n || n > MOST_SHARDS)
        return fail(err, EVOKE_EARG, "divide the work: task %llu is none of an array of %llu from %llu in steps of %llu "
                    "(SLURM_ARRAY_TASK_ID; say --shard I/N)", (unsigned long long)id, (unsigned long long)n,
                    (unsigned long long)least, (unsigned long long)step);
    *shard = (size_t)((id - least) / step + 1);
    *n_shards = (size_t)n;
    return EVOKE_OK;
}

evoke_status options_shard(const options *o, size_t *shard, size_t *n_shards, evoke_error *err)
{
    const char *text = option_text(o, OPT_SHARD);
    *shard = *n_shards = 0;
    if (text)
        return strcmp(text, "none") == 0 ? EVOKE_OK : parse_shard(text, shard, n_shards, err);
    if (!getenv("SLURM_ARRAY_TASK_ID") || !getenv("SLURM_ARRAY_TASK_COUNT"))
        return EVOKE_OK;
    const evoke_status st = shard_of_array(shard, n_shards, err);
    if (st == EVOKE_OK && !o->quiet)
        say("%s: shard %zu/%zu, as this job array says (SLURM_ARRAY_TASK_ID, _COUNT)", o->command, *shard, *n_shards);
    return st;
}
