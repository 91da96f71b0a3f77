/* experiments/inspect_data.c: datasets, stores and vectors. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/inspect.h"
#include "experiments/norms.h"
#include "experiments/output.h"

/* ---- datasets ---- */
typedef struct tally { const char *name; size_t n; } tally;

static void count_name(tally *list, size_t *n, const char *name)
{
    size_t i = 0;
    while (i < *n && strcmp(list[i].name, name) != 0)
        i++;
    list[i].name = name;
    list[i].n++;
    *n += i == *n;
}

static int by_size(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

typedef struct dataset_figures {
    tally *emotions, *languages;    /* [n_emotion], [n_language] */
    size_t n_emotion, n_language, n, shortest, median, longest;     /* lengths in characters */
} dataset_figures;

static evoke_status dataset_count(const evoke_dataset *d, dataset_figures *f, evoke_error *err)
{
    size_t *lengths = NULL;
    f->n = evoke_dataset_count(d);
    evoke_status st = allocate(&lengths, f->n, sizeof *lengths, err);
    if (st == EVOKE_OK)
        st = allocate(&f->emotions, f->n + 1, sizeof *f->emotions, err);
    if (st == EVOKE_OK)
        st = allocate(&f->languages, f->n + 1, sizeof *f->languages, err);
    for (size_t i = 0; st == EVOKE_OK && i < f->n; i++) {
        const evoke_query *q = evoke_dataset_query(d, i);
        lengths[i] = utf8_length(q->text, strlen(q->text));
        count_name(f->emotions, &f->n_emotion, q->emotion >= 0 ? evoke_dataset_emotion(d, (size_t)q->emotion) : "");
        count_name(f->languages, &f->n_language, q->language ? q->language : "");
    }
    if (st == EVOKE_OK && f->n > 0) {
        qsort(lengths, f->n, sizeof *lengths, by_size);
        f->shortest = lengths[0];
        f->median = lengths[f->n / 2];
        f->longest = lengths[f->n - 1];
    }
    free(lengths);
    return st;
}

static json_t *tally_json(const tally *list, size_t n)
{
    json_t *o = json_object();
    for (size_t i = 0; i < n; i++)
        json_put(o, list[i].name, json_count(list[i].n));
    return o;
}

static evoke_status dataset_json(const char *path, const dataset_figures *f, evoke_error *err)
{
    json_t *o = json_object(), *length = json_object();
    json_put(o, "kind", json_string("dataset"));
    json_put(o, "path", json_text(path, strlen(path)));
    json_put(o, "queries", json_count(f->n));
    json_put(o, "emotions", tally_json(f->emotions, f->n_emotion));
    json_put(o, "languages", tally_json(f->languages, f->n_language));
    json_put(length, "shortest", json_count(f->shortest));
    json_put(length, "median", json_count(f->median));
    json_put(length, "longest", json_count(f->longest));
    json_put(o, "characters", length);
    return json_print(stdout, o, 9, err);
}

static void dataset_table(const char *path, const dataset_figures *f)
{
    printf("dataset     %s\nqueries     %zu, of %zu to %zu characters (median %zu)\n", path, f->n, f->shortest,
           f->longest, f->median);
    printf("emotions    ");
    for (size_t i = 0; i < f->n_emotion; i++)
        printf("%s%s %zu", i ? ", " : "", *f->emotions[i].name ? f->emotions[i].name : "(none)", f->emotions[i].n);
    printf("\nlanguages   ");
    for (size_t i = 0; i < f->n_language; i++)
        printf("%s%s %zu", i ? ", " : "", *f->languages[i].name ? f->languages[i].name : "(not said)",
               f->languages[i].n);
    putchar('\n');
}

evoke_status inspect_dataset(const options *o, const char *path, evoke_error *err)
{
    evoke_dataset *d = NULL;
    dataset_figures f = { 0 };
    evoke_status st = evoke_dataset_open(path, &d, err);
    if (st == EVOKE_OK)
        st = dataset_count(d, &f, err);
    if (st == EVOKE_OK && o->json)
        st = dataset_json(path, &f, err);
    else if (st == EVOKE_OK)
        dataset_table(path, &f);
    free(f.emotions);
    free(f.languages);
    evoke_dataset_free(d);
    return st;
}

/* ---- settings ---- */
evoke_status inspect_settings(const options *o, const char *path, evoke_error *err)
{
    evoke_settings *s = NULL;
    const evoke_status st = evoke_settings_open(path, &s, err);
    if (st != EVOKE_OK)
        return st;
    const char *system = evoke_settings_system(s);
    json_t *result = json_object(), *names = json_array();
    json_put(result, "kind", json_string("settings"));
    json_put(result, "path", json_text(path, strlen(path)));
    json_put(result, "system", system ? json_text(system, strlen(system)) : json_null());
    json_put(result, "raw", json_boolean(evoke_settings_raw(s)));
    json_put(result, "settings", names);
    for (size_t i = 0; i < evoke_settings_count(s); i++)
        json_add(names, json_text(evoke_settings_name(s, i), strlen(evoke_settings_name(s, i))));
    if (o->json) {
        evoke_settings_free(s);
        return json_print(stdout, result, 9, err);
    }
    printf("settings    %s\nnames       ", path);
    for (size_t i = 0; i < evoke_settings_count(s); i++)
        printf("%s%s", i ? ", " : "", evoke_settings_name(s, i));
    printf("\nsystem      %s\n", system ? system : "(none)");
    if (evoke_settings_raw(s))
        printf("template    none: texts as they are\n");
    json_decref(result);
    evoke_settings_free(s);
    return EVOKE_OK;
}

/* ---- stores ---- */
static json_t *store_layers(const evoke_store *s)
{
    json_t *list = json_array();
    for (size_t l = 0; l < evoke_store_describe(s)->n_layer; l++)
        json_add(list, json_integer(evoke_store_layer(s, l)));
    return list;
}

static evoke_status store_json(const char *path, evoke_store *s, evoke_error *err)
{
    const evoke_store_info *i = evoke_store_describe(s);
    json_t *o = json_object(), *sites = json_object(), *emotions = json_object(), *settings = json_array();
    evoke_status st = EVOKE_OK;
    for (size_t e = 0; e < i->n_emotion; e++)
        json_put(emotions, evoke_store_emotion(s, e), json_count(evoke_store_emotion_count(s, e)));
    for (size_t k = 0; k < i->n_setting; k++)
        json_add(settings, json_text(evoke_store_setting(s, k), strlen(evoke_store_setting(s, k))));
    for (size_t k = 0; k < i->n_site; k++) {
        json_t *spans = json_object();
        for (evoke_span span = 0; st == EVOKE_OK && span < EVOKE_N_SPAN; span++) {
            double ratio = 0;
            int32_t layer = 0;
            if (!evoke_store_has(s, evoke_store_site(s, k), span))
                continue;
            st = evoke_store_sink(s, evoke_store_site(s, k), span, &ratio, &layer, err);
            json_t *sink = json_object();
            json_put(sink, "sink_ratio", json_number(ratio));
            json_put(sink, "sink_layer", json_integer(layer));
            json_put(spans, evoke_span_name(span), sink);
        }
        json_put(sites, evoke_site_name(evoke_store_site(s, k)), spans);
    }
    json_put(o, "kind", json_string("store"));
    json_put(o, "path", json_text(path, strlen(path)));
    json_put(o, "model", json_text(i->model_name, strlen(i->model_name)));
    json_put(o, "model_sha256", json_text(i->model_sha256, strlen(i->model_sha256)));
    json_put(o, "n_query", json_count(i->n_query));
    json_put(o, "n_setting", json_count(i->n_setting));
    json_put(o, "n_layer", json_count(i->n_layer));
    json_put(o, "d_model", json_count(i->d_model));
    json_put(o, "n_done", json_count(i->n_done));
    json_put(o, "complete", json_boolean(i->n_done == i->n_query * i->n_setting));
    json_put(o, "emotions", emotions);
    json_put(o, "settings", settings);
    json_put(o, "layers", store_layers(s));
    json_put(o, "sites", sites);
    if (st == EVOKE_OK)
        return json_print(stdout, o, 9, err);
    json_decref(o);
    return st;
}

static evoke_status store_table(const options *o, const char *path, evoke_store *s, evoke_error *err)
{
    const evoke_store_info *i = evoke_store_describe(s);
    evoke_status st = EVOKE_OK;
    printf("store       %s\nmodel       %s\nshape       %zu queries x %zu settings x %zu layers x %zu\n", path,
           *i->model_name ? i->model_name : "(not said)", i->n_query, i->n_setting, i->n_layer, i->d_model);
    printf("done        %zu of %zu prompts%s\nemotions    ", i->n_done, i->n_query * i->n_setting,
           i->n_done < i->n_query * i->n_setting ? "; the extract command that made it continues" : "");
    for (size_t e = 0; e < i->n_emotion; e++)
        printf("%s%s %zu", e ? ", " : "", evoke_store_emotion(s, e), evoke_store_emotion_count(s, e));
    printf("\nsettings    ");
    for (size_t k = 0; k < i->n_setting; k++)
        printf("%s%s", k ? ", " : "", evoke_store_setting(s, k));
    printf("\nlayers      ");
    for (size_t l = 0; l < i->n_layer; l++)
        printf("%s%d", l ? " " : "", (int)evoke_store_layer(s, l));
    for (size_t k = 0; k < i->n_site; k++) {
        printf("\nsite        %s, spans", evoke_site_name(evoke_store_site(s, k)));
        for (evoke_span span = 0; span < EVOKE_N_SPAN; span++)
            if (evoke_store_has(s, evoke_store_site(s, k), span))
                printf(" %s", evoke_span_name(span));
    }
    putchar('\n');
    fflush(stdout);
    for (size_t k = 0; k < i->n_site && !o->quiet; k++)
        for (evoke_span span = 0; st == EVOKE_OK && span < EVOKE_N_SPAN; span++)
            if (evoke_store_has(s, evoke_store_site(s, k), span))
                st = warn_of_sink(s, evoke_store_site(s, k), span, err);
    return st;
}

evoke_status inspect_store(const options *o, const char *path, evoke_error *err)
{
    evoke_store *s = NULL;
    evoke_status st = evoke_store_open(path, &s, err);
    if (st == EVOKE_OK)
        st = o->json ? store_json(path, s, err) : store_table(o, path, s, err);
    evoke_store_free(s);
    return st;
}

/* ---- vectors ---- */
static json_t *norms_of(const evoke_vectors *v, const float *x)
{
    const evoke_vectors_info *i = evoke_vectors_describe(v);
    json_t *list = json_array();
    for (size_t l = 0; x && l < i->n_layer; l++)
        json_add(list, json_number(vector_norm(x + l * i->d_model, i->d_model)));
    return list;
}

static json_t *site_json(const evoke_vectors *v, evoke_site site)
{
    const evoke_vectors_info *i = evoke_vectors_describe(v);
    const float *base = evoke_vectors_get(v, site, i->n_emotion), *residual = evoke_vectors_residual_norm(v, site);
    json_t *o = json_object(), *norms = json_object(), *shares = json_object(), *cosines = json_object();
    for (size_t e = 0; e < i->n_emotion; e++) {
        const float *ev = evoke_vectors_get(v, site, e);
        const char *name = evoke_vectors_emotion(v, e);
        json_t *row = json_object();
        for (size_t k = 0; k < i->n_emotion; k++)
            json_put(row, evoke_vectors_emotion(v, k),
                     json_number(mean_cosine(ev, evoke_vectors_get(v, site, k), i->n_layer, i->d_model)));
        json_put(norms, name, norms_of(v, ev));
        json_put(shares, name, base ? json_number(base_share(ev, base, i->n_layer, i->d_model)) : json_null());
        json_put(cosines, name, row);
    }
    json_t *typical = json_array();
    for (size_t l = 0; residual && l < i->n_layer; l++)
        json_add(typical, json_number((double)residual[l]));
    json_put(o, "norms", norms);
    json_put(o, "base_norm", norms_of(v, base));
    json_put(o, "residual_norm", typical);
    json_put(o, "cosines", cosines);
    json_put(o, "base_share", shares);
    return o;
}

static evoke_status vectors_json(const char *path, const evoke_vectors *v, evoke_error *err)
{
    const evoke_vectors_info *i = evoke_vectors_describe(v);
    json_t *o = json_object(), *emotions = json_object(), *sites = json_object(), *layers = json_array();
    for (size_t e = 0; e < i->n_emotion; e++)
        json_put(emotions, evoke_vectors_emotion(v, e), json_count(evoke_vectors_count(v, e)));
    for (size_t l = 0; l < i->n_layer; l++)
        json_add(layers, json_integer(evoke_vectors_layer(v, l)));
    for (size_t k = 0; k < i->n_site; k++)
        json_put(sites, evoke_site_name(evoke_vectors_site(v, k)), site_json(v, evoke_vectors_site(v, k)));
    json_put(o, "kind", json_string("vectors"));
    json_put(o, "path", json_text(path, strlen(path)));
    json_put(o, "method", json_text(i->method, strlen(i->method)));
    json_put(o, "span", json_text(i->span, strlen(i->span)));
    json_put(o, "model", json_text(i->model_name, strlen(i->model_name)));
    json_put(o, "model_sha256", json_text(i->model_sha256, strlen(i->model_sha256)));
    json_put(o, "n_layer", json_count(i->n_layer));
    json_put(o, "d_model", json_count(i->d_model));
    json_put(o, "emotions", emotions);
    json_put(o, "layers", layers);
    json_put(o, "sites", sites);
    return json_print(stdout, o, 9, err);
}

static void cosine_table(const evoke_vectors *v, evoke_site site)
{
    const evoke_vectors_info *i = evoke_vectors_describe(v);
    const float *base = evoke_vectors_get(v, site, i->n_emotion);
    const size_t most = i->n_emotion < 8 ? i->n_emotion : 8;
    printf("\n%s, cosines (mean over layers) and share of EVbase (mean of cos^2)\n%-12s", evoke_site_name(site), "");
    for (size_t k = 0; k < most; k++)
        printf(" %8.8s", evoke_vectors_emotion(v, k));
    printf(" %8s\n", "base");
    for (size_t e = 0; e < i->n_emotion; e++) {
        const float *ev = evoke_vectors_get(v, site, e);
        output_name(evoke_vectors_emotion(v, e), 12);
        for (size_t k = 0; k < most; k++)
            printf(" %8.3f", mean_cosine(ev, evoke_vectors_get(v, site, k), i->n_layer, i->d_model));
        printf(" %8.3f\n", base ? base_share(ev, base, i->n_layer, i->d_model) : NAN);
    }
}

static void vectors_table(const options *o, const char *path, const evoke_vectors *v)
{
    const evoke_vectors_info *i = evoke_vectors_describe(v);
    printf("vectors     %s\nmethod      %s, span %s\nmodel       %s\nshape       %zu emotions x %zu layers x %zu\n"
           "emotions    ", path, i->method, *i->span ? i->span : "(not said)",
           *i->model_name ? i->model_name : "(not said)", i->n_emotion, i->n_layer, i->d_model);
    for (size_t e = 0; e < i->n_emotion; e++)
        printf("%s%s (%zu)", e ? ", " : "", evoke_vectors_emotion(v, e), evoke_vectors_count(v, e));
    printf("\nsites       ");
    for (size_t k = 0; k < i->n_site; k++)
        printf("%s%s", k ? ", " : "", evoke_site_name(evoke_vectors_site(v, k)));
    putchar('\n');
    for (size_t k = 0; k < i->n_site; k++) {
        putchar('\n');
        print_norms(v, evoke_vectors_site(v, k), o->verbose ? i->n_layer : 10);
        cosine_table(v, evoke_vectors_site(v, k));
    }
}

evoke_status inspect_vectors(const options *o, const char *path, evoke_error *err)
{
    evoke_vectors *v = NULL;
    evoke_status st = options_open_vectors(o, path, &v, err);
    if (st == EVOKE_OK && o->json)
        st = vectors_json(path, v, err);
    else if (st == EVOKE_OK)
        vectors_table(o, path, v);
    evoke_vectors_free(v);
    return st;
}
