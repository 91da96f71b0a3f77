#include "experiments/responses.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "experiments/files.h"
#include "experiments/json_out.h"

enum { MOST_DEPTH = 8 };

/* ---- one response ---- */

/* A text field: absent or null gives `otherwise`. False: it is something else, or has a NUL inside. */
static bool text_field(const json_t *item, const char *key, const char *otherwise, const char **text)
{
    const json_t *value = json_object_get(item, key);
    *text = json_is_string(value) ? json_string_value(value) : otherwise;
    return !value || json_is_null(value) || (json_is_string(value) && strlen(*text) == json_string_length(value));
}

static bool blank(const char *text)
{
    return !text[strspn(text, " \t\r\n")];
}

/* A model may well write a NUL, of which no C text knows: it is put down as U+FFFD, so that the response still counts. */
static evoke_status replace_nuls(json_t *item, size_t *n_nul, evoke_error *err)
{
    const json_t *value = json_object_get(item, "text");
    const size_t n = json_string_length(value);
    if (!json_is_string(value) || !memchr(json_string_value(value), '\0', n))
        return EVOKE_OK;
    char *text = utf8_text(json_string_value(value), n);
    json_put(item, "text", text ? json_string_nocheck(text) : NULL);
    *n_nul += text != NULL;
    free(text);
    return text ? EVOKE_OK : fail(err, EVOKE_ENOMEM, "read responses: no memory for a text");
}

static evoke_status read_line(const json_t *item, const char *path, size_t number, response_line *r, evoke_error *err)
{
    const json_t *alpha = json_object_get(item, "alpha"), *raw = json_object_get(item, "raw");
    *r = (response_line){ .text = NULL };
    if (!json_is_object(item))
        return fail(err, EVOKE_EFORMAT, "read responses: response %zu is no object (%s)", number, path);
    bool good = text_field(item, "emotion", "", &r->emotion) && text_field(item, "variant", "", &r->variant) &&
                text_field(item, "baseline", NULL, &r->baseline) &&
                text_field(item, "prompt", NULL, &r->prompt) && text_field(item, "query", NULL, &r->query) &&
                text_field(item, "text", NULL, &r->text) && text_field(item, "system", NULL, &r->system) &&
                text_field(item, "model", NULL, &r->model) && text_field(item, "stop", "", &r->stop);
    if (!good || !r->text)
        return fail(err, EVOKE_EFORMAT, "read responses: response %zu %s (%s)", number,
                    good ? "has no \"text\"" : "has a field that should be a text", path);
    if (alpha && !json_is_null(alpha) && !json_is_number(alpha))
        return fail(err, EVOKE_EFORMAT, "read responses: \"alpha\" of response %zu is no number (%s)", number, path);
    r->prompt = r->prompt ? r->prompt : r->query;
    r->query = r->query ? r->query : r->prompt;
    r->alpha = json_number_value(alpha);
    r->baseline = r->baseline ? r->baseline : *r->emotion ? "" : "none";
    r->unsteered = strcmp(r->baseline, "none") == 0 || (r->alpha == 0 && !*r->baseline);
    r->raw = json_is_true(raw);
    r->ids = json_object_get(item, "ids");
    r->left_out = blank(r->text);
    return EVOKE_OK;
}

/* ---- the authors' lists ---- */

/* Alpha and emotion as the file's name and folder say them: .../2/joy.json, .../2.json. */
static evoke_status name_cell(const char *path, char emotion[64], double *alpha, evoke_error *err)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char folder[64] = "", stem[64];
    evoke_error why;
    snprintf(stem, sizeof stem, "%.*s", (int)(strrchr(name, '.') ? strrchr(name, '.') - name : (ptrdiff_t)strlen(name)), name);
    if (slash && slash > path) {
        const char *begin = slash;
        while (begin > path && begin[-1] != '/')
            begin--;
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - begin), begin);
    }
    const bool of_base = parse_real(stem, "", -1e6, 1e6, alpha, &why) == EVOKE_OK;
    snprintf(emotion, 64, "%s", of_base ? "base" : stem);
    if (!of_base && parse_real(folder, "", -1e6, 1e6, alpha, &why) != EVOKE_OK)
        return fail(err, EVOKE_EFORMAT, "read responses: a list of texts whose name does not tell alpha and emotion, as "
                    "2/joy.json or 2.json (%s)", path);
    return EVOKE_OK;
}

/* A list of texts becomes a list of objects. */
static evoke_status add_texts(json_t *list, const char *path, const evoke_dataset *queries, json_t *root, evoke_error *err)
{
    char emotion[64];
    double alpha = 0;
    evoke_status st = name_cell(path, emotion, &alpha, err);
    const size_t n = json_array_size(list), n_query = queries ? evoke_dataset_count(queries) : n;
    if (st == EVOKE_OK && n != n_query)
        st = fail(err, EVOKE_EDATA, "read responses: %zu texts answer %zu queries (%s)", n, n_query, path);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        json_t *item = json_object(), *text = json_array_get(list, i);
        json_put(item, "text", json_incref(text));
        json_put(item, "emotion", json_string(emotion));
        json_put(item, "alpha", json_real(alpha));
        if (queries)
            json_put(item, "query", json_string(evoke_dataset_query(queries, i)->text));
        json_add(root, item);
    }
    return st;
}

/* ---- files and folders ---- */

static evoke_status read_file(const char *path, const evoke_dataset *queries, response_set *set, evoke_error *err)
{
    json_t *list = NULL;
    size_t n_broken = 0;
    evoke_error broken;
    evoke_status st = json_read_whole_lines(path, &list, &n_broken, &broken, err);
    if (n_broken > 0 && set->n_broken == 0)
        set->broken = broken;
    set->n_broken += n_broken;
    const size_t before = json_array_size(set->root);
    if (st == EVOKE_OK && json_array_size(list) == 0)
        st = fail(err, EVOKE_EDATA, "read responses: there is none (%s)", path);
    if (st == EVOKE_OK && json_is_string(json_array_get(list, 0)))
        st = add_texts(list, path, queries, set->root, err);
    else if (st == EVOKE_OK && json_array_extend(set->root, list) != 0)
        st = fail(err, EVOKE_ENOMEM, "read responses: no memory (%s)", path);
    json_decref(list);
    const size_t n = json_array_size(set->root);
    response_line *lines = st == EVOKE_OK ? realloc(set->lines, n * sizeof *lines) : NULL;
    if (st == EVOKE_OK && !lines)
        return fail(err, EVOKE_ENOMEM, "read responses: no memory (%s)", path);
    set->lines = lines ? lines : set->lines;
    for (size_t i = before; st == EVOKE_OK && i < n; i++) {
        st = replace_nuls(json_array_get(set->root, i), &set->n_nul, err);
        if (st == EVOKE_OK)
            st = read_line(json_array_get(set->root, i), path, i - before + 1, &set->lines[i], err);
    }
    set->n = st == EVOKE_OK ? n : 0;
    return st;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static evoke_status read_path(const char *path, size_t depth, const evoke_dataset *queries, response_set *set,
                              evoke_error *err)
{
    struct stat info;
    struct dirent **entries = NULL;
    evoke_status st = EVOKE_OK;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return read_file(path, queries, set, err);
    const int n = depth < MOST_DEPTH ? scandir(path, &entries, visible, alphasort) : -1;
    if (n < 0)
        return fail(err, EVOKE_EIO, "read responses: the folder cannot be read (%s)", path);
    for (int i = 0; i < n; i++) {
        char inner[4096];
        const bool fits = snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name) < (int)sizeof inner;
        const bool json = strstr(entries[i]->d_name, ".json") != NULL;
        if (st == EVOKE_OK && fits && (json || (stat(inner, &info) == 0 && S_ISDIR(info.st_mode))))
            st = read_path(inner, depth + 1, queries, set, err);
        free(entries[i]);
    }
    free(entries);
    return st;
}

evoke_status responses_read(const options *o, response_set *set, evoke_error *err)
{
    evoke_dataset *queries = NULL;
    const char *path = option_text(o, OPT_QUERIES);
    *set = (response_set){ .root = json_array() };
    evoke_status st = path ? evoke_dataset_open(path, &queries, err) : EVOKE_OK;
    for (size_t i = 0; st == EVOKE_OK && i < o->n_arguments; i++)
        st = read_path(o->arguments[i], 0, queries, set, err);
    if (st == EVOKE_OK && set->n == 0)
        st = fail(err, EVOKE_EDATA, "read responses: there is none (%s)", o->arguments[0]);
    evoke_dataset_free(queries);
    return st;
}

void responses_free(response_set *set)
{
    free(set->lines);
    json_decref(set->root);
    *set = (response_set){ .root = NULL };
}
