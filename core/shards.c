#include "core/evoke.h"

void evoke_shard_range(size_t shard, size_t n_shards, size_t total, size_t *first, size_t *n)
{
    const size_t i = shard - 1, least = total / n_shards, more = total % n_shards;
    *first = i * least + (i < more ? i : more);
    *n = least + (i < more);
}
