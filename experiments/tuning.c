#include "experiments/tuning.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/files.h"
#include "experiments/json_out.h"
#include "experiments/output.h"

char *tuning_path(const char *vectors_path)
{
    static const char end[] = ".tune.json";
    size_t n = strlen(vectors_path);
    while (n > 1 && vectors_path[n - 1] == '/')
        n--;
    char *path = malloc(n + sizeof end);
    if (path) {
        memcpy(path, vectors_path, n);
        memcpy(path + n, end, sizeof end);
    }
    return path;
}

/* Norm of all vectors at a site: tells one set from another. */
static double vectors_norm(const evoke_vectors *v, evoke_site site)
{
    const evoke_vectors_info *info = evoke_vectors_describe(v);
    const float *x = evoke_vectors_get(v, site, 0);
    double square = 0;
    for (size_t i = 0; x && i < info->n_emotion * info->n_layer * info->d_model; i++)
        square += (double)x[i] * (double)x[i];
    return sqrt(square);
}

void tuning_free(tuning *t)
{
    if (!t)
        return;
    for (size_t i = 0; t->emotions && i < t->n; i++)
        free(t->emotions[i]);
    free(t->emotions);
    free(t->alphas);
    free(t->layers);
    free(t);
}

double tuning_alpha(const tuning *t, const char *emotion)
{
    double logs = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (emotion && strcmp(t->emotions[i], emotion) == 0)
            return t->alphas[i];
        logs += log(t->alphas[i]);
    }
    return exp(logs / (double)t->n);
}

/* ---- reading ---- */
static const char *word(const json_t *entry, const char *key)
{
    const char *text = json_string_value(json_object_get(entry, key));
    return text ? text : "";
}

static bool read_numbers(const json_t *entry, tuning *t)
{
    const json_t *safe = json_object_get(entry, "safe");
    t->base_share = json_number_value(json_object_get(entry, "base_share"));
    t->low = json_number_value(json_array_get(safe, 0));
    t->high = json_number_value(json_array_get(safe, 1));
    t->max_loss = json_number_value(json_object_get(entry, "max_loss"));
    return json_array_size(safe) == 2 && isfinite(t->base_share) && fabs(t->base_share) <= 10 && isfinite(t->low) &&
           isfinite(t->high);
}

static bool read_alphas(json_t *alphas, tuning *t)
{
    const char *name;
    json_t *value;
    const size_t n = json_object_size(alphas);
    t->emotions = calloc(n ? n : 1, sizeof *t->emotions);
    t->alphas = calloc(n ? n : 1, sizeof *t->alphas);
    if (!t->emotions || !t->alphas)
        return false;
    json_object_foreach(alphas, name, value) {
        const double alpha = json_number_value(value);
        if (!(alpha > 0) || alpha > 1e6 || !(t->emotions[t->n] = strdup(name)))
            return false;
        t->alphas[t->n++] = alpha;
    }
    return t->n > 0;
}

static bool read_layers(const json_t *layers, tuning *t)
{
    const size_t n = json_array_size(layers);
    t->layers = calloc(n ? n : 1, sizeof *t->layers);
    for (size_t i = 0; t->layers && i < n; i++) {
        const json_int_t l = json_integer_value(json_array_get(layers, i));
        if (!json_is_integer(json_array_get(layers, i)) || l < 0 || l > INT32_MAX)
            return false;
        t->layers[t->n_layers++] = (int32_t)l;
    }
    return t->layers && n > 0;
}

static bool read_entry(const json_t *entry, tuning *t)
{
    return evoke_site_find(word(entry, "site"), &t->site) && evoke_positions_find(word(entry, "positions"), &t->positions) &&
           evoke_steer_mode_find(word(entry, "mode"), &t->mode) && read_numbers(entry, t) &&
           read_alphas(json_object_get(entry, "alpha"), t) && read_layers(json_object_get(entry, "layers"), t);
}

/* The file's object; *root NULL: there is none. */
static evoke_status read_root(const char *path, json_t **root, json_t **models, evoke_error *err)
{
    *root = *models = NULL;
    if (access(path, F_OK) != 0)
        return EVOKE_OK;
    const evoke_status st = json_read(path, root, err);
    if (st != EVOKE_OK)
        return st;
    *models = json_object_get(*root, "models");
    if (strcmp(word(*root, "format"), "evoke-tuning") == 0 && json_is_array(*models))
        return EVOKE_OK;
    json_decref(*root);
    *root = NULL;
    return fail(err, EVOKE_EFORMAT, "read the tuning: this is no file of evoke tune (%s)", path);
}

/* Index of the entry for a model; the number of entries where there is none. */
static size_t find_model(const json_t *models, const char *sha256)
{
    size_t i = 0;
    while (i < json_array_size(models) && strcmp(word(json_array_get(models, i), "model_sha256"), sha256) != 0)
        i++;
    return i;
}

evoke_status tuning_read(const char *path, const evoke_vectors *v, const evoke_model *m, tuning **out, evoke_error *err)
{
    json_t *root, *models;
    char sha256[65];
    *out = NULL;
    evoke_status st = read_root(path, &root, &models, err);
    if (st != EVOKE_OK || !root)
        return st;
    st = evoke_model_sha256(m, sha256, err);
    const json_t *entry = st == EVOKE_OK ? json_array_get(models, find_model(models, sha256)) : NULL;
    tuning *t = NULL;
    if (entry)
        st = allocate(&t, 1, sizeof *t, err);
    if (t && !read_entry(entry, t))
        st = fail(err, EVOKE_EFORMAT, "read the tuning: the entry for this model is damaged: tune again (%s)", path);
    const double own = t && st == EVOKE_OK ? vectors_norm(v, t->site) : 0;
    const double wanted = json_number_value(json_object_get(entry, "vectors_norm"));
    if (st == EVOKE_OK && t && fabs(own - wanted) <= 1e-5 * own) {
        *out = t;
        t = NULL;
    }
    tuning_free(t);
    json_decref(root);
    return st;
}

/* ---- writing ---- */
static json_t *entry_json(const evoke_vectors *v, const char *model, const char *sha256, const tuning *t, json_t *figures)
{
    json_t *o = json_object(), *alpha = json_object(), *safe = json_array();
    for (size_t i = 0; i < t->n; i++)
        json_put(alpha, t->emotions[i], json_number(t->alphas[i]));
    json_add(safe, json_number(t->low));
    json_add(safe, json_number(t->high));
    json_put(o, "model", json_text(model, strlen(model)));
    json_put(o, "model_sha256", json_string(sha256));
    json_put(o, "vectors_norm", json_number(vectors_norm(v, t->site)));
    json_put(o, "site", json_string(evoke_site_name(t->site)));
    json_put(o, "layers", json_ids(t->layers, t->n_layers));
    json_put(o, "positions", json_string(evoke_positions_name(t->positions)));
    json_put(o, "mode", json_string(evoke_steer_mode_name(t->mode)));
    json_put(o, "base_share", json_number(t->base_share));
    json_put(o, "alpha", alpha);
    json_put(o, "safe", safe);
    json_put(o, "max_loss", json_number(t->max_loss));
    json_put(o, "figures", figures);
    return o;
}

evoke_status tuning_write(const char *path, const evoke_vectors *v, const evoke_model *m, const tuning *t, json_t *figures,
                          evoke_error *err)
{
    json_t *root, *models;
    char sha256[65];
    output out;
    evoke_status st = read_root(path, &root, &models, err);
    if (st == EVOKE_OK)
        st = evoke_model_sha256(m, sha256, err);
    if (st != EVOKE_OK) {
        json_decref(root);
        json_decref(figures);
        return st;
    }
    if (!root) {
        root = json_object();
        models = json_array();
        json_put(root, "format", json_string("evoke-tuning"));
        json_put(root, "version", json_count(1));
        json_put(root, "models", models);
    }
    json_t *entry = entry_json(v, evoke_model_describe(m)->name, sha256, t, figures);
    const size_t i = find_model(models, sha256);
    const int kept = i < json_array_size(models) ? json_array_set_new(models, i, entry) : json_array_append_new(models, entry);
    if (kept != 0) {
        json_decref(root);
        return fail(err, EVOKE_ENOMEM, "write the tuning: no memory");
    }
    st = output_open(&out, path, err);
    if (st == EVOKE_OK)
        st = json_print(out.file, root, 9, err);
    else
        json_decref(root);
    if (st == EVOKE_OK)
        st = output_commit(&out, err);
    output_discard(&out);
    return st;
}
