/* emotion/dataset.c: queries with the labels that they come with. Four forms are taken, as people write them:
 *
 *     {"joy": ["query", ...], "fear": [...]}               an object emotion -> queries (the authors' EmotionQuery)
 *     ["query", ...]                                       a list without labels (their EmotionQuery+)
 *     [{"text":, "id":, "emotion":, "language":}, ...]     a list of objects; all but text may be missing
 *     one string or object a line                          JSON Lines of either; a .txt file is a query a line
 *
 * The emotions are the labels found, in the order of their first appearance; there is no fixed list of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/text.h"

enum { MAX_EMOTIONS = 1000 };
static const size_t MAX_BYTES = (size_t)1 << 30;

typedef struct entry { char *text, *id, *language; } entry;

struct evoke_dataset {
    entry *entries;                 /* [n] own what the queries point to */
    evoke_query *queries;           /* [n] */
    size_t n, capacity;
    char **emotions;                /* [n_emotion] */
    size_t n_emotion;
};

/* While a file is read: where its reader stands, for errors; label -> index; ids seen. */
typedef struct reading {
    evoke_dataset *d;
    const char *path, *unit;        /* "entry", or "line" for files of lines */
    size_t index;                   /* of the value within the file, from 0 */
    json_t *labels, *ids;
} reading;

static evoke_status fail_here(const reading *r, evoke_status status, const char *why, const char *what, evoke_error *err)
{
    const bool lines = strcmp(r->unit, "line") == 0;
    return evk_fail(err, status, "read dataset: %s%.80s (%s, %s %zu)", why, what, r->path, r->unit,
                    lines ? evk_json_line(r->path, r->index) : r->index + 1);
}

/* ---- one query ---- */
static evoke_status grow(evoke_dataset *d, evoke_error *err)
{
    if (d->n < d->capacity)
        return EVOKE_OK;
    const size_t capacity = d->capacity ? 2 * d->capacity : 256;
    entry *entries = realloc(d->entries, capacity * sizeof *entries);
    if (entries)
        d->entries = entries;
    evoke_query *queries = realloc(d->queries, capacity * sizeof *queries);
    if (queries)
        d->queries = queries;
    if (!entries || !queries)
        return evk_fail(err, EVOKE_ENOMEM, "read dataset: no memory for %zu queries", capacity);
    d->capacity = capacity;
    return EVOKE_OK;
}

static evoke_status find_label(reading *r, const char *label, int32_t *index, evoke_error *err)
{
    const json_t *known = json_object_get(r->labels, label);
    if (!known) {
        if (!label[0])
            return fail_here(r, EVOKE_EDATA, "an emotion without a name", "", err);
        if (json_object_size(r->labels) >= MAX_EMOTIONS)
            return fail_here(r, EVOKE_EDATA, "more than 1000 emotions, the last ", label, err);
        if (json_object_set_new(r->labels, label, json_integer((json_int_t)json_object_size(r->labels))) != 0)
            return fail_here(r, EVOKE_ENOMEM, "no memory for emotion ", label, err);
        known = json_object_get(r->labels, label);
    }
    *index = (int32_t)json_integer_value(known);
    return EVOKE_OK;
}

static evoke_status add_query(reading *r, const char *text, const char *id, const char *language, const char *label,
                              evoke_error *err)
{
    char number[32];
    int32_t emotion = -1;
    evoke_dataset *d = r->d;
    if (text[strspn(text, " \t\r\n")] == '\0')
        return fail_here(r, EVOKE_EDATA, "a query without text", "", err);
    if (label)
        EVK_TRY(find_label(r, label, &emotion, err));
    EVK_TRY(grow(d, err));
    snprintf(number, sizeof number, "%zu", d->n + 1);
    id = id ? id : number;
    if (json_object_get(r->ids, id))
        return fail_here(r, EVOKE_EDATA, "an id that is there twice: ", id, err);
    entry e = { strdup(text), strdup(id), language ? strdup(language) : NULL };
    d->entries[d->n] = e;
    d->queries[d->n++] = (evoke_query){ e.text, e.id, e.language, emotion };
    if (!e.text || !e.id || (language && !e.language) || json_object_set_new(r->ids, id, json_true()) != 0)
        return fail_here(r, EVOKE_ENOMEM, "no memory for query ", id, err);
    return EVOKE_OK;
}

/* A member that is a text, or missing or null; *ok is cleared where it is something else. */
static const char *text_member(const json_t *object, const char *key, bool *ok)
{
    const json_t *value = json_object_get(object, key);
    *ok = *ok && (!value || json_is_null(value) || json_is_string(value));
    return json_string_value(value);
}

/* A string, or an object with a text; its own emotion, else `label`. */
static evoke_status add_value(reading *r, const json_t *value, const char *label, evoke_error *err)
{
    char number[32];
    bool ok = true;
    if (json_is_string(value))
        return add_query(r, json_string_value(value), NULL, NULL, label, err);
    if (!json_is_string(json_object_get(value, "text")))
        return fail_here(r, EVOKE_EFORMAT, "neither a text nor an object with \"text\"", "", err);
    const json_t *id = json_object_get(value, "id");
    const char *language = text_member(value, "language", &ok), *emotion = text_member(value, "emotion", &ok);
    const char *name = json_is_integer(id) ? number : text_member(value, "id", &ok);
    if (!ok)
        return fail_here(r, EVOKE_EFORMAT, "an \"id\", \"emotion\" or \"language\" that is not a text", "", err);
    if (json_is_integer(id))
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(id));
    return add_query(r, json_string_value(json_object_get(value, "text")), name, language, emotion ? emotion : label, err);
}

/* ---- whole files ---- */
static evoke_status add_list(reading *r, const json_t *list, const char *label, evoke_error *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        r->index = i;
        EVK_TRY(add_value(r, json_array_get(list, i), label, err));
    }
    return EVOKE_OK;
}

static evoke_status add_labelled(reading *r, json_t *object, evoke_error *err)
{
    const char *label;
    json_t *list;
    json_object_foreach(object, label, list) {
        int32_t index;
        if (!json_is_array(list))
            return evk_fail(err, EVOKE_EFORMAT, "read dataset: '%.80s' is not a list of queries (%s)", label, r->path);
        if (json_array_size(list) == 0)
            return evk_fail(err, EVOKE_EDATA, "read dataset: no queries of emotion '%.80s' (%s)", label, r->path);
        EVK_TRY(find_label(r, label, &index, err));
        const evoke_status st = add_list(r, list, label, err);
        if (st != EVOKE_OK && err) {
            const evoke_error inner = *err;
            return evk_fail(err, st, "%.900s in emotion '%.80s'", inner.text, label);
        }
        EVK_TRY(st);
    }
    return EVOKE_OK;
}

static evoke_status read_json(reading *r, evoke_error *err)
{
    json_t *file = NULL;
    bool lines = false;
    EVK_TRY(evk_json_load_any(r->path, &file, &lines, err));
    r->unit = lines ? "line" : "entry";
    evoke_status st;
    if (json_is_array(file))
        st = add_list(r, file, NULL, err);
    else if (json_is_string(file) || json_is_string(json_object_get(file, "text")))
        st = add_value(r, file, NULL, err);                         /* JSON Lines of one line */
    else if (json_is_object(file))
        st = add_labelled(r, file, err);
    else
        st = evk_fail(err, EVOKE_EFORMAT, "read dataset: neither an object nor a list (%s)", r->path);
    json_decref(file);
    return st;
}

static evoke_status add_line(reading *r, char *line, size_t n, size_t number, evoke_error *err)
{
    size_t begin = 0;
    while (n > 0 && strchr(" \t\r", line[n - 1]))
        n--;
    while (begin < n && strchr(" \t", line[begin]))
        begin++;
    if (begin == n)
        return EVOKE_OK;
    line[n] = '\0';
    if (evk_utf8_check(line, n, "", NULL) != EVOKE_OK || strlen(line) != n)
        return evk_fail(err, EVOKE_EDATA, "read dataset: not UTF-8 text (%s, line %zu)", r->path, number);
    const evoke_status st = add_query(r, line + begin, NULL, NULL, NULL, err);
    r->index++;
    return st;
}

static evoke_status read_lines(reading *r, evoke_error *err)
{
    evoke_text file = {0};
    EVK_TRY(evk_read_file(r->path, MAX_BYTES, &file, err));
    r->unit = "line";
    evoke_status st = EVOKE_OK;
    size_t i = file.n >= 3 && memcmp(file.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    for (size_t number = 1; i < file.n && st == EVOKE_OK; number++) {
        const char *end = memchr(file.data + i, '\n', file.n - i);
        const size_t n = end ? (size_t)(end - file.data) - i : file.n - i;
        st = add_line(r, file.data + i, n, number, err);
        i += n + 1;
    }
    evoke_text_free(&file);
    return st;
}

static evoke_status name_emotions(reading *r, evoke_error *err)
{
    const char *label;
    json_t *index;
    EVK_TRY(evk_alloc(&r->d->emotions, json_object_size(r->labels), sizeof *r->d->emotions, "read dataset", err));
    json_object_foreach(r->labels, label, index) {
        if (!(r->d->emotions[r->d->n_emotion++] = strdup(label)))
            return evk_fail(err, EVOKE_ENOMEM, "read dataset: no memory for emotions (%s)", r->path);
    }
    return EVOKE_OK;
}

static bool is_text_file(const char *path)
{
    const size_t n = strlen(path);
    return n > 4 && strcmp(path + n - 4, ".txt") == 0;
}

static evoke_status read_file(reading *r, evoke_error *err)
{
    if (!r->labels || !r->ids)
        return evk_fail(err, EVOKE_ENOMEM, "read dataset: no memory (%s)", r->path);
    EVK_TRY(is_text_file(r->path) ? read_lines(r, err) : read_json(r, err));
    if (r->d->n == 0)
        return evk_fail(err, EVOKE_EDATA, "read dataset: no queries in it (%s)", r->path);
    return name_emotions(r, err);
}

evoke_status evoke_dataset_open(const char *path, evoke_dataset **out, evoke_error *err)
{
    reading r = { .path = path, .unit = "entry" };
    *out = NULL;
    EVK_TRY(evk_alloc(&r.d, 1, sizeof *r.d, "read dataset", err));
    r.labels = json_object();
    r.ids = json_object();
    const evoke_status st = read_file(&r, err);
    json_decref(r.labels);
    json_decref(r.ids);
    if (st == EVOKE_OK)
        *out = r.d;
    else
        evoke_dataset_free(r.d);
    return st;
}

static void free_entry(entry *e)
{
    free(e->text);
    free(e->id);
    free(e->language);
}

void evoke_dataset_free(evoke_dataset *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->n; i++)
        free_entry(&d->entries[i]);
    for (size_t e = 0; e < d->n_emotion; e++)
        free(d->emotions[e]);
    free(d->emotions);
    free(d->entries);
    free(d->queries);
    free(d);
}

/* ---- contents ---- */
size_t evoke_dataset_count(const evoke_dataset *d)
{
    return d->n;
}

const evoke_query *evoke_dataset_query(const evoke_dataset *d, size_t i)
{
    return i < d->n ? &d->queries[i] : NULL;
}

size_t evoke_dataset_emotion_count(const evoke_dataset *d)
{
    return d->n_emotion;
}

const char *evoke_dataset_emotion(const evoke_dataset *d, size_t e)
{
    return e < d->n_emotion ? d->emotions[e] : NULL;
}

evoke_status evoke_dataset_limit(evoke_dataset *d, size_t n, evoke_error *err)
{
    size_t *seen = NULL, kept = 0;              /* [n_emotion + 1], the first of those without one */
    if (n == 0)
        return evk_fail(err, EVOKE_EARG, "limit dataset: 0 queries an emotion leave nothing");
    EVK_TRY(evk_alloc(&seen, d->n_emotion + 1, sizeof *seen, "limit dataset", err));
    for (size_t i = 0; i < d->n; i++) {
        if (seen[d->queries[i].emotion + 1]++ < n) {
            d->queries[kept] = d->queries[i];
            d->entries[kept++] = d->entries[i];
        } else {
            free_entry(&d->entries[i]);
        }
    }
    d->n = kept;
    free(seen);
    return EVOKE_OK;
}
