/* layers/store.c: reading a store of activations, whoever wrote it. /activations/<site>/<span> [N, S, L, D] and /settings [S]
 * must be there; /emotions and /queries/emotion where queries have labels; /layers (else 0, 1, 2...), /queries/id and
 * /progress/done (else all is done) are taken where they are. Every index in the file is checked here, once. */
#include "layers/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers/labels.h"
#include "layers/store_data.h"

void evk_store_name(char name[96], evoke_site site, const char *what)
{
    snprintf(name, 96, "/activations/%s/%s", evoke_site_name(site), what);
}

/* ---- opening ---- */
/* All spans of a site are of one shape; the first one found gives it. */
static evoke_status read_span(evoke_store *s, evoke_site site, evoke_span span, evoke_error *err)
{
    char name[96];
    size_t n_dim = 0, dims[EVK_H5_MAX_DIM];
    evoke_store_info *info = &s->info;
    evk_store_name(name, site, evoke_span_name(span));
    if (!evk_h5_has(s->file, name))
        return EVOKE_OK;
    EVK_TRY(evk_h5_shape(s->file, name, &n_dim, dims, err));
    if (n_dim != 4 || dims[1] > EVK_MAX_SETTINGS || dims[2] > EVK_MAX_LAYERS || dims[3] > EVK_MAX_WIDTH)
        return evk_fail(err, EVOKE_EFORMAT, "open store: %s is not [queries, settings, layers, width] (%s)", name,
                        evk_h5_path(s->file));
    if (info->n_query == 0) {
        info->n_query = dims[0];
        info->n_setting = dims[1];
        info->n_layer = dims[2];
        info->d_model = dims[3];
    } else if (dims[0] != info->n_query || dims[1] != info->n_setting || dims[2] != info->n_layer ||
               dims[3] != info->d_model) {
        return evk_fail(err, EVOKE_EFORMAT, "open store: %s has another shape than the rest (%s)", name,
                        evk_h5_path(s->file));
    }
    s->has[site][span] = true;
    return EVOKE_OK;
}

static evoke_status read_sites(evoke_store *s, evoke_error *err)
{
    for (evoke_site site = 0; site < EVOKE_N_SITE; site++) {
        bool any = false;
        for (evoke_span span = 0; span < EVOKE_N_SPAN; span++) {
            EVK_TRY(read_span(s, site, span, err));
            any = any || s->has[site][span];
        }
        if (any)
            s->sites[s->info.n_site++] = site;
    }
    if (s->info.n_site == 0)
        return evk_fail(err, EVOKE_EFORMAT, "open store: no /activations/SITE/SPAN that is known (%s)", evk_h5_path(s->file));
    return EVOKE_OK;
}

static evoke_status check_dims(evoke_store *s, const char *name, size_t n_dim, evoke_error *err)
{
    size_t found = 0, dims[EVK_H5_MAX_DIM];
    EVK_TRY(evk_h5_shape(s->file, name, &found, dims, err));
    if (found != n_dim || dims[0] != s->info.n_query || (n_dim > 1 && dims[1] != s->info.n_setting))
        return evk_fail(err, EVOKE_EFORMAT, "open store: %s has another shape than the activations (%s)", name,
                        evk_h5_path(s->file));
    return EVOKE_OK;
}

/* The label of each query, -1 where it has none. */
static evoke_status read_emotions(evoke_store *s, evoke_error *err)
{
    const size_t n = s->info.n_query;
    evoke_status st = EVOKE_OK;
    int64_t *index = NULL;
    EVK_TRY(evk_alloc(&s->emotion_of, n, sizeof *s->emotion_of, "open store", err));
    for (size_t i = 0; i < n; i++)
        s->emotion_of[i] = -1;
    if (!evk_h5_has(s->file, "/emotions"))
        return EVOKE_OK;
    EVK_TRY(evk_labels_names(s->file, "/emotions", EVK_MAX_EMOTIONS, &s->emotions, &s->info.n_emotion, err));
    EVK_TRY(evk_alloc(&s->counts, s->info.n_emotion, sizeof *s->counts, "open store", err));
    EVK_TRY(check_dims(s, "/queries/emotion", 1, err));
    EVK_TRY(evk_alloc(&index, n, sizeof *index, "open store", err));
    st = evk_h5_read(s->file, "/queries/emotion", EVK_H5_I64, NULL, NULL, index, err);
    for (size_t i = 0; i < n && st == EVOKE_OK; i++) {
        if (index[i] < -1 || index[i] >= (int64_t)s->info.n_emotion) {
            st = evk_fail(err, EVOKE_EFORMAT, "open store: query %zu has emotion %lld, there are %zu (%s)", i,
                          (long long)index[i], s->info.n_emotion, evk_h5_path(s->file));
        } else {
            s->emotion_of[i] = (int32_t)index[i];
            if (index[i] >= 0)
                s->counts[index[i]]++;
        }
    }
    free(index);
    return st;
}

static evoke_status read_done(evoke_store *s, evoke_error *err)
{
    const size_t n = s->info.n_query * s->info.n_setting;       /* the activations' own product did not overflow */
    EVK_TRY(evk_alloc(&s->done, n, 1, "open store", err));
    memset(s->done, 1, n);
    if (evk_h5_has(s->file, "/progress/done")) {
        EVK_TRY(check_dims(s, "/progress/done", 2, err));
        EVK_TRY(evk_h5_read(s->file, "/progress/done", EVK_H5_U8, NULL, NULL, s->done, err));
    }
    for (size_t i = 0; i < n; i++)
        s->info.n_done += s->done[i] != 0;
    return EVOKE_OK;
}

static evoke_status read_settings(evoke_store *s, evoke_error *err)
{
    size_t n = 0;
    EVK_TRY(evk_labels_names(s->file, "/settings", EVK_MAX_SETTINGS, &s->settings, &n, err));
    return n == s->info.n_setting ? EVOKE_OK
         : evk_fail(err, EVOKE_EFORMAT, "open store: /settings names %zu settings, the activations have %zu (%s)", n,
                    s->info.n_setting, evk_h5_path(s->file));
}

static evoke_status read_ids(evoke_store *s, evoke_error *err)
{
    size_t n = 0;
    if (!evk_h5_has(s->file, "/queries/id"))
        return EVOKE_OK;
    EVK_TRY(check_dims(s, "/queries/id", 1, err));
    return evk_h5_read_strings(s->file, "/queries/id", &s->ids, &n, err);
}

static void find_model_layers(evoke_store *s)
{
    int64_t n = 0;
    if (evk_h5_get_i64(s->file, "/", "n_layers", &n) && n > 0)
        s->n_layer_model = (size_t)n;
    for (size_t l = 0; l < s->info.n_layer; l++)
        if ((size_t)s->layers[l] >= s->n_layer_model)
            s->n_layer_model = (size_t)s->layers[l] + 1;
}

static evoke_status read_file(evoke_store *s, const char *path, evoke_error *err)
{
    EVK_TRY(evk_h5_open(path, &s->file, err));
    EVK_TRY(evk_labels_format(s->file, "evoke-activations", err));
    EVK_TRY(read_sites(s, err));
    EVK_TRY(read_settings(s, err));
    EVK_TRY(evk_labels_layers(s->file, s->info.n_layer, &s->layers, err));
    EVK_TRY(read_emotions(s, err));
    EVK_TRY(read_done(s, err));
    EVK_TRY(read_ids(s, err));
    s->info.model_name = s->model_name = evk_labels_attribute(s->file, "model_name");
    s->info.model_sha256 = s->model_sha256 = evk_labels_attribute(s->file, "model_sha256");
    s->architecture = evk_labels_attribute(s->file, "architecture");
    find_model_layers(s);
    return s->model_name && s->model_sha256 && s->architecture
         ? EVOKE_OK : evk_fail(err, EVOKE_ENOMEM, "open store: no memory (%s)", path);
}

evoke_status evoke_store_open(const char *path, evoke_store **out, evoke_error *err)
{
    *out = NULL;
    evoke_store *s = NULL;
    EVK_TRY(evk_alloc(&s, 1, sizeof *s, "open store", err));
    const evoke_status st = read_file(s, path, err);
    if (st == EVOKE_OK)
        *out = s;
    else
        evoke_store_free(s);
    return st;
}

void evoke_store_free(evoke_store *s)
{
    if (!s)
        return;
    evk_h5_free(s->file);
    free(s->model_name);
    free(s->model_sha256);
    free(s->architecture);
    free(s->emotions);
    free(s->settings);
    free(s->ids);
    free(s->layers);
    free(s->emotion_of);
    free(s->counts);
    free(s->done);
    free(s);
}

/* ---- contents ---- */
const evoke_store_info *evoke_store_describe(const evoke_store *s)
{
    return &s->info;
}

const char *evoke_store_emotion(const evoke_store *s, size_t e)
{
    return e < s->info.n_emotion ? s->emotions[e] : NULL;
}

const char *evoke_store_setting(const evoke_store *s, size_t i)
{
    return i < s->info.n_setting ? s->settings[i] : NULL;
}

evoke_site evoke_store_site(const evoke_store *s, size_t i)
{
    return i < s->info.n_site ? s->sites[i] : EVOKE_N_SITE;
}

bool evoke_store_has(const evoke_store *s, evoke_site site, evoke_span span)
{
    return (unsigned)site < EVOKE_N_SITE && (unsigned)span < EVOKE_N_SPAN && s->has[site][span];
}

int32_t evoke_store_layer(const evoke_store *s, size_t l)
{
    return l < s->info.n_layer ? s->layers[l] : -1;
}

size_t evk_store_find_layer(const evoke_store *s, int32_t layer)
{
    size_t l = 0;
    while (l < s->info.n_layer && s->layers[l] != layer)
        l++;
    return l;
}

size_t evoke_store_emotion_count(const evoke_store *s, size_t e)
{
    return e < s->info.n_emotion ? s->counts[e] : 0;
}

bool evk_store_done(const evoke_store *s, size_t query, size_t setting)
{
    return s->done[query * s->info.n_setting + setting] != 0;
}

size_t evk_store_emotion_of(const evoke_store *s, size_t query)
{
    return s->emotion_of[query] < 0 ? SIZE_MAX : (size_t)s->emotion_of[query];
}

const char *evk_store_query_id(const evoke_store *s, size_t query)
{
    return s->ids ? s->ids[query] : NULL;
}

const char *evk_store_path(const evoke_store *s)
{
    return evk_h5_path(s->file);
}

const char *evk_store_architecture(const evoke_store *s)
{
    return s->architecture;
}

size_t evk_store_model_layers(const evoke_store *s)
{
    return s->n_layer_model;
}

bool evk_store_find_setting(const evoke_store *s, const char *name, size_t *index)
{
    for (size_t i = 0; i < s->info.n_setting; i++)
        if (strcmp(s->settings[i], name) == 0) {
            *index = i;
            return true;
        }
    return false;
}

/* At a site, or anywhere for EVOKE_N_SITE. */
static bool holds(const evoke_store *s, evoke_site site, evoke_span span)
{
    bool any = false;
    for (size_t i = 0; i < s->info.n_site; i++)
        any = any || ((site == EVOKE_N_SITE || site == s->sites[i]) && s->has[s->sites[i]][span]);
    return any;
}

evoke_status evk_store_default_span(const evoke_store *s, evoke_site site, evoke_span *span, evoke_error *err)
{
    static const evoke_span order[EVOKE_N_SPAN] = { EVOKE_SPAN_RESPONSE, EVOKE_SPAN_QUERY, EVOKE_SPAN_LAST,
                                                    EVOKE_SPAN_PROMPT, EVOKE_SPAN_PROMPT_ALL };
    for (size_t i = 0; i < EVOKE_N_SPAN; i++)
        if (holds(s, site, order[i])) {
            *span = order[i];
            return EVOKE_OK;
        }
    return evk_fail(err, EVOKE_EDATA, "read store: no activations at %s (%s)", evoke_site_name(site), evk_h5_path(s->file));
}

static evoke_status check_held(const evoke_store *s, evoke_site site, evoke_span span, evoke_error *err)
{
    return evoke_store_has(s, site, span) ? EVOKE_OK
         : evk_fail(err, EVOKE_EDATA, "read store: no activations of span %s at %s (%s)", evoke_span_name(span),
                    evoke_site_name(site), evk_h5_path(s->file));
}

evoke_status evk_store_read_layer(evoke_store *s, evoke_site site, evoke_span span, size_t l, float *out,
                                  evoke_error *err)
{
    char name[96];
    EVK_TRY(check_held(s, site, span, err));
    evk_store_name(name, site, evoke_span_name(span));
    return evk_h5_read(s->file, name, EVK_H5_F32, (size_t[]){ 0, 0, l, 0 },
                       (size_t[]){ s->info.n_query, s->info.n_setting, 1, s->info.d_model }, out, err);
}

evoke_status evk_store_read_query(evoke_store *s, evoke_site site, evoke_span span, size_t query, float *out,
                                  evoke_error *err)
{
    char name[96];
    EVK_TRY(check_held(s, site, span, err));
    evk_store_name(name, site, evoke_span_name(span));
    return evk_h5_read(s->file, name, EVK_H5_F32, (size_t[]){ query, 0, 0, 0 },
                       (size_t[]){ 1, s->info.n_setting, s->info.n_layer, s->info.d_model }, out, err);
}
