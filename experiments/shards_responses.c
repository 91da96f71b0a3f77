/* experiments/shards_responses.c: shards of a sweep to one file. Each begins with a line that says which of the whole follow;
 * these are copied as they are, in the order of the shards. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/json_out.h"
#include "experiments/output.h"
#include "experiments/progress.h"
#include "experiments/shards.h"

static const char format[] = "evoke-responses-shard";

typedef struct part {
    const char *path;
    json_t *head;
    size_t shard, n_shards, total, n;
} part;

json_t *responses_shard_head(size_t shard, size_t n_shards, size_t total, const char *sha256)
{
    json_t *o = json_object();
    json_put(o, "format", json_string(format));
    json_put(o, "version", json_string(evoke_version()));
    json_put(o, "shard", json_count(shard));
    json_put(o, "n_shards", json_count(n_shards));
    json_put(o, "n_responses", json_count(total));
    json_put(o, "responses_sha256", json_string(sha256));
    return o;
}

static size_t count_of(const json_t *o, const char *key)
{
    const json_int_t n = json_integer_value(json_object_get(o, key));
    return n > 0 ? (size_t)n : 0;
}

static evoke_status read_head(part *p, evoke_error *err)
{
    char *line = NULL;
    size_t room = 0, first = 0;
    FILE *f = fopen(p->path, "rb");
    if (!f)
        return fail(err, EVOKE_EIO, "merge: %s (%s)", strerror(errno), p->path);
    const ssize_t n = getline(&line, &room, f);
    fclose(f);
    p->head = n > 0 ? json_loadb(line, (size_t)n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(line);
    const char *said = json_string_value(json_object_get(p->head, "format"));
    if (!said || strcmp(said, format) != 0)
        return fail(err, EVOKE_EDATA, "merge: it is no shard of a store or a sweep (%s; extract and sweep --shard write them)",
                    p->path);
    p->shard = count_of(p->head, "shard");
    p->n_shards = count_of(p->head, "n_shards");
    p->total = count_of(p->head, "n_responses");
    if (p->shard < 1 || p->shard > p->n_shards)
        return fail(err, EVOKE_EFORMAT, "merge: what it says of its shard contradicts itself (%s)", p->path);
    evoke_shard_range(p->shard, p->n_shards, p->total, &first, &p->n);
    return EVOKE_OK;
}

static int by_shard(const void *a, const void *b)
{
    const part *x = a, *y = b;
    return (x->shard > y->shard) - (x->shard < y->shard);
}

static evoke_status same_run(const part *a, const part *b, evoke_error *err)
{
    static const char *const common[] = { "version", "n_shards", "n_responses", "responses_sha256" };
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        if (!json_equal(json_object_get(a->head, common[i]), json_object_get(b->head, common[i])))
            return fail(err, EVOKE_EDATA, "merge: not shards of one sweep: %s differs (%s and %s)%s", common[i], a->path, b->path,
                        i == 3 ? ": another model, grid, vectors or queries" : "");
    return EVOKE_OK;
}

/* Each once; those without responses may be left out. */
static evoke_status check_cover(const part *parts, size_t n, evoke_error *err)
{
    size_t next = 1;
    for (size_t i = 0; i < n; next = parts[i].shard + 1, i++) {
        if (parts[i].shard < next)
            return fail(err, EVOKE_EDATA, "merge: shard %zu of %zu is there twice (%s and %s)", parts[i].shard, parts[i].n_shards,
                        parts[i - 1].path, parts[i].path);
        if (parts[i].shard > next && next <= parts[0].total)
            break;
    }
    return next > parts[0].n_shards || next > parts[0].total ? EVOKE_OK
         : fail(err, EVOKE_EDATA, "merge: shard %zu of %zu is missing (%s is of them)", next, parts[0].n_shards, parts[0].path);
}

static evoke_status copy_lines(const part *p, FILE *to, evoke_error *err)
{
    char *line = NULL;
    size_t room = 0, count = 0;
    ssize_t n = 0;
    evoke_status st = EVOKE_OK;
    FILE *f = fopen(p->path, "rb");
    if (!f)
        return fail(err, EVOKE_EIO, "merge: %s (%s)", strerror(errno), p->path);
    for (; (n = getline(&line, &room, f)) > 0 && line[n - 1] == '\n' && st == EVOKE_OK; count++)
        if (count > 0 && fwrite(line, 1, (size_t)n, to) != (size_t)n)
            st = fail(err, EVOKE_EIO, "write the result: %s", strerror(errno));
    if (st == EVOKE_OK && (ferror(f) || n > 0 || count != p->n + 1))
        st = fail(err, EVOKE_EDATA, "merge: shard %zu of %zu is unfinished: it holds %zu of %zu responses (%s; its command "
                  "continues it)", p->shard, p->n_shards, count ? count - 1 : 0, p->n, p->path);
    if (st == EVOKE_OK && interrupted())
        st = fail(err, EVOKE_EINTERRUPTED, "merge: interrupted, nothing is written");
    free(line);
    fclose(f);
    return st;
}

static evoke_status write_whole(const part *parts, size_t n, const char *path, evoke_error *err)
{
    output out;
    evoke_status st = output_open(&out, path, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        st = copy_lines(&parts[i], out.file, err);
    if (st == EVOKE_OK)
        return output_commit(&out, err);
    output_discard(&out);
    return st;
}

evoke_status merge_responses(const options *o, const char *const *paths, size_t n, const char *path, evoke_error *err)
{
    part *parts = NULL;
    (void)o;
    evoke_status st = allocate(&parts, n, sizeof *parts, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        parts[i].path = paths[i];
        st = read_head(&parts[i], err);
    }
    for (size_t i = 1; st == EVOKE_OK && i < n; i++)
        st = same_run(&parts[0], &parts[i], err);
    if (st == EVOKE_OK) {
        qsort(parts, n, sizeof *parts, by_shard);
        st = check_cover(parts, n, err);
    }
    if (st == EVOKE_OK)
        st = write_whole(parts, n, path, err);
    for (size_t i = 0; parts && i < n; i++)
        json_decref(parts[i].head);
    free(parts);
    return st;
}
