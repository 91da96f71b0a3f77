/* experiments/shards_responses.c: shards of a sweep, or of an evaluation, to one file. Each begins with a line that says which of
 * the whole follow; a sweep's are copied as they are, in the order of the shards. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "experiments/json_out.h"
#include "experiments/output.h"
#include "experiments/progress.h"
#include "experiments/shards.h"

static const shard_kind sweep_kind = { "evoke-responses-shard", "a sweep", { NULL } };

json_t *shard_head(const char *format, size_t shard, size_t n_shards, size_t total, const char *sha256)
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

json_t *responses_shard_head(size_t shard, size_t n_shards, size_t total, const char *sha256)
{
    return shard_head(sweep_kind.format, shard, n_shards, total, sha256);
}

static size_t count_of(const json_t *o, const char *key)
{
    const json_int_t n = json_integer_value(json_object_get(o, key));
    return n > 0 ? (size_t)n : 0;
}

static evoke_status first_line(const char *path, json_t **head, evoke_error *err)
{
    char *line = NULL;
    size_t room = 0;
    FILE *f = fopen(path, "rb");
    if (!f)
        return fail(err, EVOKE_EIO, "merge: %s (%s)", strerror(errno), path);
    const ssize_t n = getline(&line, &room, f);
    fclose(f);
    *head = n > 0 ? json_loadb(line, (size_t)n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(line);
    return EVOKE_OK;
}

bool shard_is(const char *path, const shard_kind *kind)
{
    json_t *head = NULL;
    evoke_error unused;
    const char *said = first_line(path, &head, &unused) == EVOKE_OK ? json_string_value(json_object_get(head, "format")) : NULL;
    const bool is = said && strcmp(said, kind->format) == 0;
    json_decref(head);
    return is;
}

static evoke_status read_head(shard_file *p, const shard_kind *kind, evoke_error *err)
{
    const evoke_status st = first_line(p->path, &p->head, err);
    const char *said = json_string_value(json_object_get(p->head, "format"));
    struct stat info;
    if (st != EVOKE_OK)
        return st;
    if (!said || strcmp(said, kind->format) != 0)
        return fail(err, EVOKE_EDATA, "merge: it is no shard of a store or %s (%s; extract, sweep and eval --shard write them)",
                    kind->a, p->path);
    p->shard = count_of(p->head, "shard");
    p->n_shards = count_of(p->head, "n_shards");
    p->total = count_of(p->head, "n_responses");
    if (p->shard < 1 || p->shard > p->n_shards)
        return fail(err, EVOKE_EFORMAT, "merge: what it says of its shard contradicts itself (%s)", p->path);
    evoke_shard_range(p->shard, p->n_shards, p->total, &p->first, &p->n);
    if (stat(p->path, &info) != 0 || (size_t)info.st_size < p->n)           /* a line is a byte at least */
        return fail(err, EVOKE_EDATA, "merge: shard %zu of %zu is unfinished: it is too short for %zu responses (%s; its command "
                    "continues it)", p->shard, p->n_shards, p->n, p->path);
    return EVOKE_OK;
}

static int by_shard(const void *a, const void *b)
{
    const shard_file *x = a, *y = b;
    return (x->shard > y->shard) - (x->shard < y->shard);
}

static evoke_status same_run(const shard_file *a, const shard_file *b, const shard_kind *kind, evoke_error *err)
{
    static const char *const common[] = { "version", "n_shards", "n_responses", "responses_sha256" };
    enum { N_COMMON = sizeof common / sizeof *common };
    for (size_t i = 0; i < N_COMMON + MOST_COMMON && (i < N_COMMON || kind->common[i - N_COMMON]); i++) {
        const char *key = i < N_COMMON ? common[i] : kind->common[i - N_COMMON];
        if (!json_equal(json_object_get(a->head, key), json_object_get(b->head, key)))
            return fail(err, EVOKE_EDATA, "merge: not shards of one %s: %s differs (%s and %s)%s",
                        kind->a + strcspn(kind->a, " ") + 1, key, a->path, b->path, i != 3 ? "" : kind == &sweep_kind ? ": another model, grid, vectors or queries" : ": other responses");
    }
    return EVOKE_OK;
}

/* Each once; those without responses may be left out. */
static evoke_status check_cover(const shard_file *parts, size_t n, evoke_error *err)
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

evoke_status shard_lines(const shard_file *p, shard_line *take, void *user, evoke_error *err)
{
    char *line = NULL;
    size_t room = 0, count = 0;
    ssize_t n = 0;
    evoke_status st = EVOKE_OK;
    FILE *f = fopen(p->path, "rb");
    if (!f)
        return fail(err, EVOKE_EIO, "merge: %s (%s)", strerror(errno), p->path);
    for (; (n = getline(&line, &room, f)) > 0 && line[n - 1] == '\n' && st == EVOKE_OK; count++)
        if (count > 0 && count <= p->n)
            st = take(user, p->first + count - 1, line, (size_t)n, err);
    if (st == EVOKE_OK && (ferror(f) || n > 0 || count != p->n + 1))
        st = fail(err, EVOKE_EDATA, "merge: shard %zu of %zu is unfinished: it holds %zu of %zu responses (%s; its command "
                  "continues it)", p->shard, p->n_shards, count ? count - 1 : 0, p->n, p->path);
    if (st == EVOKE_OK && interrupted())
        st = fail(err, EVOKE_EINTERRUPTED, "merge: interrupted, nothing is written");
    free(line);
    fclose(f);
    return st;
}

evoke_status shards_open(const char *const *paths, size_t n, const shard_kind *kind, shard_file **out, evoke_error *err)
{
    evoke_status st = allocate(out, n, sizeof **out, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        (*out)[i].path = paths[i];
        st = read_head(&(*out)[i], kind, err);
    }
    for (size_t i = 1; st == EVOKE_OK && i < n; i++)
        st = same_run(&(*out)[0], &(*out)[i], kind, err);
    if (st != EVOKE_OK)
        return st;
    qsort(*out, n, sizeof **out, by_shard);
    return check_cover(*out, n, err);
}

void shards_free(shard_file *files, size_t n)
{
    for (size_t i = 0; files && i < n; i++)
        json_decref(files[i].head);
    free(files);
}

/* ---- of a sweep ---- */
static evoke_status copy_line(void *user, size_t i, const char *line, size_t n, evoke_error *err)
{
    json_t *response = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    const bool whole = json_is_object(response);
    json_decref(response);
    if (!whole)                                             /* damaged on its way: NULs of a stopped machine, half a copy */
        return fail(err, EVOKE_EDATA, "merge: response %zu is no JSON object: its shard is damaged", i + 1);
    return fwrite(line, 1, n, user) == n ? EVOKE_OK : fail(err, EVOKE_EIO, "write the result: %s", strerror(errno));
}

evoke_status merge_responses(const options *o, const char *const *paths, size_t n, const char *path, evoke_error *err)
{
    shard_file *parts = NULL;
    output out = { .file = NULL };
    (void)o;
    evoke_status st = shards_open(paths, n, &sweep_kind, &parts, err);
    if (st == EVOKE_OK)
        st = output_open(&out, path, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        st = shard_lines(&parts[i], copy_line, out.file, err);
    if (st == EVOKE_OK)
        st = output_commit(&out, err);
    output_discard(&out);
    shards_free(parts, n);
    return st;
}
