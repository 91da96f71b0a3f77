/* experiments/eval_shards.c: an evaluation divided over jobs. Every job knows all responses, for some measures look at others'
 * (the unsteered answer to the same query), and measures a block of them. Its file: a head with all that the whole needs, then a
 * line a response with the figures in full. Joined, they are the columns that an undivided run would have, and what follows is
 * the same code. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "experiments/digest.h"
#include "experiments/eval.h"
#include "experiments/json_out.h"
#include "experiments/output.h"

const shard_kind scores_kind = { "evoke-scores-shard", "an evaluation",
                                 { "models", "settings", "emotions", "columns", "methods" } };

/* ---- what a shard is of ---- */
static evoke_status hash_responses(const evaluation *e, char text[65], evoke_error *err)
{
    struct sha256_ctx sha;
    sha256_init(&sha);
    for (size_t i = 0; i < e->set.n; i++) {
        char *line = json_dumps(json_array_get(e->set.root, i), JSON_COMPACT | JSON_SORT_KEYS);
        if (!line)
            return fail(err, EVOKE_ENOMEM, "evaluate a shard: no memory");
        sha256_update(&sha, strlen(line) + 1, (const uint8_t *)line);
        free(line);
    }
    digest_text(&sha, text);
    return EVOKE_OK;
}

static evoke_status hash_file(struct sha256_ctx *sha, const char *path, evoke_error *err)
{
    enum { ROOM = 1 << 16 };
    uint8_t *bytes = NULL;
    size_t n = 0;
    FILE *f = fopen(path, "rb");
    evoke_status st = f ? allocate(&bytes, ROOM, 1, err) : fail(err, EVOKE_EIO, "evaluate a shard: it cannot be read (%s)", path);
    while (st == EVOKE_OK && (n = fread(bytes, 1, ROOM, f)) > 0)
        sha256_update(sha, n, bytes);
    if (st == EVOKE_OK && ferror(f))
        st = fail(err, EVOKE_EIO, "evaluate a shard: it cannot be read to its end (%s)", path);
    free(bytes);
    if (f)
        fclose(f);
    return st;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* A file, or the files of a model's folder, by name. */
static evoke_status hash_model(const char *path, char text[65], evoke_error *err)
{
    struct sha256_ctx sha;
    struct stat info;
    struct dirent **entries = NULL;
    evoke_status st = EVOKE_OK;
    sha256_init(&sha);
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        st = hash_file(&sha, path, err);
        digest_text(&sha, text);
        return st;
    }
    const int n = scandir(path, &entries, visible, alphasort);
    for (int i = 0; i < n; i++) {
        char inner[4096];
        const bool fits = snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name) < (int)sizeof inner;
        if (st == EVOKE_OK && fits && stat(inner, &info) == 0 && S_ISREG(info.st_mode)) {
            sha256_update(&sha, strlen(entries[i]->d_name) + 1, (const uint8_t *)entries[i]->d_name);
            st = hash_file(&sha, inner, err);
        }
        free(entries[i]);
    }
    free(entries);
    digest_text(&sha, text);
    return n >= 0 ? st : fail(err, EVOKE_EIO, "evaluate a shard: the folder cannot be read (%s)", path);
}

/* Files that were named, by what is in them, so that two places of one model are one; other options by their texts. */
static evoke_status describe(const evaluation *e, json_t *head, evoke_error *err)
{
    static const option_id files[] = { OPT_PPL_MODEL, OPT_NLI_MODEL, OPT_JUDGE_MODEL, OPT_EMBED_MODEL, OPT_PROBE, OPT_LEXICON };
    static const option_id texts[] = { OPT_METRICS, OPT_PPL_WINDOW, OPT_JUDGE_URL, OPT_JUDGE_NAME };
    json_t *models = json_object(), *settings = json_object(), *emotions = json_array(), *columns = json_array();
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; st == EVOKE_OK && i < sizeof files / sizeof *files; i++) {
        const char *path = option_text(e->o, files[i]);
        char sha256[65] = "";
        if (path)
            st = hash_model(path, sha256, err);
        if (path)
            json_put(models, option_name(e->o, files[i]), json_string(sha256));
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t k = 0; k < option_times(e->o, texts[i]); k++) {
            const char *text = option_nth(e->o, texts[i], k);
            json_put(settings, option_name(e->o, texts[i]), json_text(text, strlen(text)));
        }
    for (size_t k = 0; k < e->n_emotion; k++)
        json_add(emotions, json_text(e->emotions[k], strlen(e->emotions[k])));
    for (size_t k = 0; k < e->n_column; k++) {
        const column *c = &e->columns[k];
        json_t *o = json_object();
        json_put(o, "name", json_string(c->name));
        json_put(o, "kind", json_integer(c->kind));
        json_put(o, "by_target", json_boolean(c->by_target));
        json_put(o, "of_all", json_boolean(c->of_all));
        json_add(columns, o);
    }
    json_put(head, "models", models);
    json_put(head, "settings", settings);
    json_put(head, "emotions", emotions);
    json_put(head, "columns", columns);
    json_put(head, "methods", json_incref(e->methods));
    return st;
}

evoke_status eval_write_shard(const evaluation *e, const work_part *p, evoke_error *err)
{
    output out = { .file = NULL };
    char sha256[65] = "";
    evoke_status st = hash_responses(e, sha256, err);
    json_t *head = shard_head(scores_kind.format, p->shard, p->n_shards, e->set.n, sha256);
    if (st == EVOKE_OK)
        st = describe(e, head, err);
    if (st == EVOKE_OK)
        st = output_open(&out, p->path, err);
    if (st == EVOKE_OK)
        st = json_print(out.file, json_incref(head), 17, err);
    for (size_t i = e->first; st == EVOKE_OK && i < e->end; i++)
        st = json_print(out.file, eval_score(e, i, true), 17, err);
    if (st == EVOKE_OK)
        st = output_commit(&out, err);
    output_discard(&out);
    json_decref(head);
    return st;
}

/* ---- the whole ---- */
static evoke_status bad_head(const shard_file *p, evoke_error *err)
{
    return fail(err, EVOKE_EFORMAT, "merge: its first line tells no emotions and columns, as eval --shard does (%s)", p->path);
}

/* Emotions and empty columns for p->total responses. Names stay the head's. */
static evoke_status prepare(evaluation *e, const shard_file *p, evoke_error *err)
{
    const json_t *emotions = json_object_get(p->head, "emotions"), *columns = json_object_get(p->head, "columns");
    evoke_status st = json_is_array(emotions) && json_is_array(columns) ? EVOKE_OK : bad_head(p, err);
    e->set = (response_set){ .root = json_array(), .n = p->total };
    e->end = p->total;
    e->methods = json_incref(json_object_get(p->head, "methods"));
    if (st == EVOKE_OK)
        st = allocate(&e->set.lines, p->total, sizeof *e->set.lines, err);
    if (st == EVOKE_OK)
        st = allocate(&e->emotions, json_array_size(emotions), sizeof *e->emotions, err);
    for (size_t k = 0; st == EVOKE_OK && k < json_array_size(emotions); k++) {
        const char *name = json_string_value(json_array_get(emotions, k));
        e->emotions[k] = name ? strdup(name) : NULL;
        st = e->emotions[k] ? EVOKE_OK : bad_head(p, err);
        e->n_emotion += st == EVOKE_OK;
    }
    for (size_t k = 0; st == EVOKE_OK && k < json_array_size(columns); k++) {
        const json_t *c = json_array_get(columns, k);
        const char *name = json_string_value(json_object_get(c, "name"));
        const json_int_t kind = json_integer_value(json_object_get(c, "kind"));
        double *x = NULL;
        if (!name || kind < COLUMN_MEAN || kind > COLUMN_EXP)
            return bad_head(p, err);
        st = eval_column(e, name, (column_kind)kind, json_is_true(json_object_get(c, "by_target")), &x, err);
        if (st == EVOKE_OK)
            e->columns[k].of_all = json_is_true(json_object_get(c, "of_all"));
    }
    return st;
}

/* A figure, NaN where it was not measured. */
static double figure_of(const json_t *value)
{
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static evoke_status take_line(void *user, size_t i, const char *line, size_t n, evoke_error *err)
{
    evaluation *e = user;
    response_line *r = &e->set.lines[i];
    json_t *o = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    const json_t *place = json_object_get(o, "response");
    json_add(e->set.root, o);                               /* which keeps the texts */
    r->emotion = json_string_value(json_object_get(o, "emotion"));
    r->baseline = json_string_value(json_object_get(o, "baseline"));
    r->variant = json_string_value(json_object_get(o, "variant"));
    r->alpha = json_number_value(json_object_get(o, "alpha"));
    r->left_out = json_is_true(json_object_get(o, "left_out"));
    if (!r->emotion || !r->baseline || !r->variant || !json_is_integer(place) || (size_t)json_integer_value(place) != i)
        return fail(err, EVOKE_EFORMAT, "merge: a line is not the scores of response %zu, as it should be", i);
    for (size_t k = 0; k < e->n_column; k++) {
        const column *c = &e->columns[k];
        const json_t *value = json_object_get(o, c->name);
        for (size_t t = 0; c->by_target && t < e->n_emotion; t++)
            c->x[i * e->n_emotion + t] = figure_of(json_object_get(value, e->emotions[t]));
        if (!c->by_target)
            c->x[i] = figure_of(value);
    }
    return EVOKE_OK;
}

evoke_status merge_scores(const options *o, const char *const *paths, size_t n, const char *path, evoke_error *err)
{
    evaluation e = { .o = o };
    shard_file *parts = NULL;
    (void)path;                                             /* --output */
    evoke_status st = shards_open(paths, n, &scores_kind, &parts, err);
    if (st == EVOKE_OK)
        st = prepare(&e, &parts[0], err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        st = shard_lines(&parts[i], take_line, &e, err);
    if (st == EVOKE_OK)
        st = eval_result(&e, err);
    eval_free(&e);
    shards_free(parts, n);
    return st;
}
