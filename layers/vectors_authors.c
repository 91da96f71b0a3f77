/* layers/vectors_authors.c: emotion vectors as the paper's authors publish them (arXiv 2502.04075): a JSON file an emotion,
 *
 *     { "0": [[D numbers]], "1": [[D numbers]], ... }     layer -> the vector, in a list of one
 *
 * named qwen2.5_joy.json, to be added to the attention output (site attn_out). A folder holds several emotions, which must
 * agree in layers and width. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/json.h"
#include "layers/labels.h"
#include "layers/vectors.h"

static const double MOST = 0x1.ffffffp127;      /* FLT_MAX and half a step: what is less rounds to a float32 */

/* joy of some/folder/qwen2.5_joy.json: what follows the last underscore, or else the whole stem. The caller's. */
static char *emotion_of(const char *path)
{
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t n = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    for (size_t i = n; i-- > 0;)
        if (name[i] == '_' && i + 1 < n)
            return strndup(name + i + 1, n - i - 1);
    return strndup(name, n);
}

static bool ends_in_json(const char *name)
{
    const size_t n = strlen(name);
    return n > 5 && name[0] != '.' && strcmp(name + n - 5, ".json") == 0;
}

/* The vector of one layer: [[D numbers]], or [D numbers]. */
static const json_t *row_of(const json_t *value)
{
    const json_t *first = json_array_get(value, 0);
    return json_is_array(first) && json_array_size(value) == 1 ? first : json_is_number(first) ? value : NULL;
}

static int by_number(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Layers, sorted, and width of a file. *layers is the caller's. */
static evoke_status read_shape(const json_t *file, const char *path, int32_t **layers, evk_vectors_spec *s,
                               evoke_error *err)
{
    void *at = json_object_iter((json_t *)file);
    const json_t *row = at ? row_of(json_object_iter_value(at)) : NULL;
    s->n_layer = json_object_size(file);
    s->d_model = json_array_size(row);
    if (!row || s->d_model == 0 || s->n_layer > EVK_MAX_LAYERS)
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: not an object layer -> [[numbers]] (%s)", path);
    EVK_TRY(evk_alloc(layers, s->n_layer, sizeof **layers, "open vectors", err));
    for (size_t l = 0; at; at = json_object_iter_next((json_t *)file, at)) {
        const char *key = json_object_iter_key(at);
        const size_t digits = strspn(key, "0123456789");
        if (digits == 0 || key[digits] || digits > 6 || (digits > 1 && key[0] == '0'))
            return evk_fail(err, EVOKE_EFORMAT, "open vectors: '%.40s' is not a layer (%s)", key, path);
        (*layers)[l++] = (int32_t)strtol(key, NULL, 10);
    }
    qsort(*layers, s->n_layer, sizeof **layers, by_number);
    return EVOKE_OK;
}

static evoke_status read_values(const json_t *file, const char *path, const evk_vectors_spec *s, float *out,
                                evoke_error *err)
{
    if (json_object_size(file) != s->n_layer)
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: %zu layers, another emotion has %zu (%s)",
                        json_object_size(file), s->n_layer, path);
    for (size_t l = 0; l < s->n_layer; l++) {
        char key[16];
        snprintf(key, sizeof key, "%d", (int)s->layers[l]);
        const json_t *row = row_of(json_object_get(file, key));
        if (!row || json_array_size(row) != s->d_model)
            return evk_fail(err, EVOKE_EFORMAT, "open vectors: layer %s is not a list of %zu numbers (%s)", key, s->d_model,
                            path);
        for (size_t j = 0; j < s->d_model; j++) {
            const json_t *number = json_array_get(row, j);
            if (!json_is_number(number))
                return evk_fail(err, EVOKE_EFORMAT, "open vectors: layer %s, value %zu is not a number (%s)", key, j, path);
            const double value = json_number_value(number);
            if (!(fabs(value) < MOST))
                return evk_fail(err, EVOKE_EFORMAT, "open vectors: layer %s, value %zu is beyond float32 (%s)", key, j, path);
            out[l * s->d_model + j] = (float)value;
        }
    }
    return EVOKE_OK;
}

static evoke_status load_object(const char *path, json_t **file, evoke_error *err)
{
    EVK_TRY(evk_json_load(path, file, err));
    if (json_is_object(*file) && json_object_size(*file) > 0)
        return EVOKE_OK;
    json_decref(*file);
    *file = NULL;
    return evk_fail(err, EVOKE_EFORMAT, "open vectors: not an object layer -> [[numbers]] (%s)", path);
}

/* All files [n], one emotion each. */
static evoke_status read_files(char *const *paths, size_t n, evoke_vectors **out, evoke_error *err)
{
    json_t *file = NULL;
    int32_t *layers = NULL;
    const evoke_site site = EVOKE_ATTN_OUT;
    char *emotions[EVK_MAX_EMOTIONS] = {0};
    evk_vectors_spec s = { .n_emotion = n, .n_site = 1, .sites = &site, .method = "authors", .span = "",
                           .emotions = (const char *const *)emotions };
    evoke_status st = EVOKE_OK;
    for (size_t e = 0; e < n && st == EVOKE_OK; e++)
        if (!(emotions[e] = emotion_of(paths[e])))
            st = evk_fail(err, EVOKE_ENOMEM, "open vectors: no memory (%s)", paths[e]);
    for (size_t e = 0; e < n && st == EVOKE_OK; e++) {
        st = load_object(paths[e], &file, err);
        if (st == EVOKE_OK && e == 0) {
            st = read_shape(file, paths[e], &layers, &s, err);
            s.layers = layers;
            s.n_layer_model = layers ? (size_t)layers[s.n_layer - 1] + 1 : 0;
            if (st == EVOKE_OK)
                st = evk_vectors_new(&s, out, err);
        }
        if (st == EVOKE_OK)
            st = read_values(file, paths[e], &s, evk_vectors_ev(*out, 0, e), err);
        json_decref(file);
        file = NULL;
    }
    if (st == EVOKE_OK)
        evk_vectors_set_base(*out);
    for (size_t e = 0; e < n; e++)
        free(emotions[e]);
    free(layers);
    return st;
}

static evoke_status read_folder(const char *path, evoke_vectors **out, evoke_error *err)
{
    struct dirent **entries = NULL;
    char *paths[EVK_MAX_EMOTIONS] = {0};
    size_t n = 0;
    evoke_status st = EVOKE_OK;
    const int n_entry = scandir(path, &entries, NULL, alphasort);
    if (n_entry < 0)
        return evk_fail(err, EVOKE_EIO, "open vectors: %s (%s)", strerror(errno), path);
    for (int i = 0; i < n_entry; i++) {
        if (ends_in_json(entries[i]->d_name) && n < EVK_MAX_EMOTIONS &&
            (paths[n] = malloc(strlen(path) + strlen(entries[i]->d_name) + 2)))
            sprintf(paths[n++], "%s/%s", path, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    st = n > 0 ? read_files(paths, n, out, err)
               : evk_fail(err, EVOKE_EFORMAT, "open vectors: no .json file in the folder (%s)", path);
    for (size_t i = 0; i < n; i++)
        free(paths[i]);
    return st;
}

evoke_status evk_vectors_open_authors(const char *path, evoke_vectors **out, evoke_error *err)
{
    struct stat info;
    char *one = (char *)path;
    *out = NULL;
    const evoke_status st = stat(path, &info) == 0 && S_ISDIR(info.st_mode) ? read_folder(path, out, err)
                                                                            : read_files(&one, 1, out, err);
    if (st != EVOKE_OK) {
        evoke_vectors_free(*out);
        *out = NULL;
    }
    return st;
}
