#include "experiments/shards.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/progress.h"

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

static evoke_status options_shard(const options *o, size_t *shard, size_t *n_shards, evoke_error *err)
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

/* ---- ranks ---- */
static char *path_of_rank(const char *whole, size_t rank, size_t n)
{
    const size_t size = strlen(whole) + 64;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s.shard-%zu-of-%zu", whole, rank + 1, n);
    return path;
}

static bool is_shard_of(const char *whole, const char *file, size_t *shard, size_t *n)
{
    const size_t length = strlen(whole);
    return strncmp(file, whole, length) == 0 && sscanf(file + length, ".shard-%zu-of-%zu", shard, n) == 2;
}

/* What a run of another number of ranks left unfinished would be lost without a word. */
static evoke_status check_neighbours(const options *o, const char *whole, evoke_error *err)
{
    const char *slash = strrchr(whole, '/'), *name = slash ? slash + 1 : whole;
    char *folder = slash ? strndup(whole, (size_t)(slash - whole) + 1) : strdup("."), text[64] = "";
    size_t shard = 0, n = 0;
    DIR *d = folder ? opendir(folder) : NULL;
    for (const struct dirent *e; d && (e = readdir(d)) && !*text;)
        if (is_shard_of(name, e->d_name, &shard, &n) && n != ranks_number())
            snprintf(text, sizeof text, ".shard-%zu-of-%zu", shard, n);
    if (d)
        closedir(d);
    free(folder);
    return !*text ? EVOKE_OK
         : fail(err, EVOKE_EDATA, "%s: an unfinished run of %zu ranks is there, here are %zu: continue it with as many, or take "
                "its shards away (%s%s)", o->command, n, ranks_number(), whole, text);
}

static evoke_status choose_by_rank(const options *o, bool continues, work_part *p, evoke_error *err)
{
    uint64_t there[RANKS_COUNTS] = { 0 };
    evoke_status st = EVOKE_OK;
    if (ranks_place() == 0) {
        there[0] = continues && access(p->whole, F_OK) == 0;
        st = check_neighbours(o, p->whole, err);
    }
    st = ranks_join(st, there, err);
    p->idle = there[0] && ranks_place() > 0;
    if (st != EVOKE_OK || there[0]) {
        if (st == EVOKE_OK && !o->quiet)
            say("%s: it is there: rank 0 continues it alone (%s)", o->command, p->whole);
        return st;
    }
    p->path = p->own_path = path_of_rank(p->whole, ranks_place(), ranks_number());
    p->shard = ranks_place() + 1;
    p->n_shards = ranks_number();
    return p->path ? EVOKE_OK : fail(err, EVOKE_ENOMEM, "%s: no memory", o->command);
}

evoke_status part_choose(const options *o, const char *path, bool continues, work_part *p, evoke_error *err)
{
    *p = (work_part){ .whole = path, .path = path };
    const evoke_status st = options_shard(o, &p->shard, &p->n_shards, err);
    if (st != EVOKE_OK || ranks_number() == 1)
        return st;
    return p->n_shards == 0 ? choose_by_rank(o, continues, p, err)
         : fail(err, EVOKE_EARG, "divide the work: mpirun has started %zu ranks, and %s: --shard none is for one of the two",
                ranks_number(), option_given(o, OPT_SHARD) ? "--shard is given" : "it is a task of a job array");
}

evoke_status merge_stores(const options *o, const char *const *paths, size_t n, const char *path, evoke_error *err)
{
    progress p;
    const evoke_provenance made = { o->command_line, 0 };
    progress_begin(&p, o->quiet);
    const evoke_progress hook = progress_hook(&p);
    const evoke_status st = evoke_store_merge(paths, n, path, &made, &hook, err);
    progress_end(&p);
    return st;
}

evoke_status merge_replicates(const options *o, const char *const *paths, size_t n, const char *path, evoke_error *err)
{
    const evoke_provenance made = { o->command_line, 0 };
    return evoke_replicates_merge(paths, n, path, &made, err);
}

static evoke_status merge_ranks(const options *o, const work_part *p, merge_function *merge, evoke_error *err)
{
    const size_t n = ranks_number();
    char **paths = NULL;
    evoke_status st = allocate(&paths, n, sizeof *paths, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        paths[i] = path_of_rank(p->whole, i, n);
        st = paths[i] ? EVOKE_OK : fail(err, EVOKE_ENOMEM, "%s: no memory", o->command);
    }
    if (st == EVOKE_OK && p->own_path)
        st = merge(o, (const char *const *)paths, n, p->whole, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        unlink(paths[i]);
    names_free(paths, paths ? n : 0);
    return st;
}

evoke_status part_finish(const options *o, const work_part *p, merge_function *merge, uint64_t *counts, evoke_status st,
                         evoke_error *err)
{
    st = ranks_join(st, counts, err);
    return st == EVOKE_OK && ranks_number() > 1 && ranks_place() == 0 ? merge_ranks(o, p, merge, err) : st;
}

bool part_to_merge(const work_part *p)
{
    return p->n_shards > 0 && !p->own_path;
}

void part_free(work_part *p)
{
    free(p->own_path);
    p->own_path = NULL;
}
