/* experiments/report_vectors.c: how long the emotions' vectors are, layer by layer, and how they lie to each other. */
#include <math.h>
#include <stdlib.h>

#include "experiments/chart.h"
#include "experiments/norms.h"
#include "experiments/report.h"

/* The emotions' names, and EVbase and the residual stream after them. */
static evoke_status names_of(const evoke_vectors *v, const char ***names, evoke_error *err)
{
    const size_t n = evoke_vectors_describe(v)->n_emotion;
    const evoke_status st = allocate(names, n + 1, sizeof **names, err);
    for (size_t e = 0; st == EVOKE_OK && e < n; e++)
        (*names)[e] = evoke_vectors_emotion(v, e);
    if (st == EVOKE_OK)
        (*names)[n] = "EVbase";
    return st;
}

static evoke_status draw_norms(page *p, const evoke_vectors *v, evoke_site site, const char **names, evoke_error *err)
{
    char title[96];
    const evoke_vectors_info *i = evoke_vectors_describe(v);
    const size_t n = i->n_emotion, n_layer = i->n_layer;
    double *y = NULL, *x = NULL;
    chart_series *series = NULL;
    evoke_status st = allocate(&y, (n + 1) * n_layer, sizeof *y, err);
    if (st == EVOKE_OK)
        st = allocate(&x, n_layer, sizeof *x, err);
    if (st == EVOKE_OK)
        st = allocate(&series, n + 1, sizeof *series, err);
    if (st == EVOKE_OK) {
        for (size_t e = 0; e <= n; e++) {
            const float *ev = evoke_vectors_get(v, site, e);
            series[e] = (chart_series){ .name = names[e], .y = y + e * n_layer };
            for (size_t l = 0; l < n_layer; l++)
                y[e * n_layer + l] = ev ? vector_norm(ev + l * i->d_model, i->d_model) : NAN;
        }
        for (size_t l = 0; l < n_layer; l++)
            x[l] = evoke_vectors_layer(v, l);
        snprintf(title, sizeof title, "Norm of the vectors by layer, %s", evoke_site_name(site));
        const chart c = { title, "The length of each emotion's vector and of EVbase, their mean, in every layer held.", "layer",
                          "norm" };
        chart_lines(p, &c, x, n_layer, series, n + 1);
    }
    free(series);
    free(x);
    free(y);
    return st;
}

static evoke_status draw_cosines(page *p, const evoke_vectors *v, evoke_site site, const char **names, evoke_error *err)
{
    char title[96];
    const evoke_vectors_info *i = evoke_vectors_describe(v);
    const size_t n = i->n_emotion, all = evoke_vectors_get(v, site, n) ? n + 1 : n;
    double *values = NULL;
    const evoke_status st = allocate(&values, all * all, sizeof *values, err);
    const size_t shown = all < CHART_MOST_CELLS ? all : CHART_MOST_CELLS;       /* of a thousand emotions, only those drawn */
    for (size_t a = 0; st == EVOKE_OK && a < shown; a++)
        for (size_t b = 0; b < shown; b++)
            values[a * all + b] = mean_cosine(evoke_vectors_get(v, site, a), evoke_vectors_get(v, site, b), i->n_layer,
                                              i->d_model);
    if (st == EVOKE_OK) {
        snprintf(title, sizeof title, "Cosines between the vectors, %s", evoke_site_name(site));
        chart_heat(p, &(chart){ title, "Mean over the layers of the cosine between two vectors: 1 the same arrow, 0 unrelated, "
                                "-1 opposite. Deep blue: near 1; orange: below 0.", "", "" }, names, values, all);
    }
    free(values);
    return st;
}

static evoke_status draw_plane(page *p, const evoke_vectors *v, evoke_site site, size_t l, const char **names, evoke_error *err)
{
    char title[128], about[256];
    double *plane = NULL, share[2] = { 0, 0 };
    const size_t n = evoke_vectors_describe(v)->n_emotion;
    evoke_status st = allocate(&plane, 2 * n, sizeof *plane, err);
    if (st == EVOKE_OK)
        st = evoke_vectors_plane(v, site, l, plane, share, err);
    if (st == EVOKE_OK) {
        snprintf(title, sizeof title, "Principal plane, %s, layer %d", evoke_site_name(site), (int)evoke_vectors_layer(v, l));
        snprintf(about, sizeof about, "The vectors less EVbase on their first two principal axes, which carry %.0f %% and "
                 "%.0f %% of what tells the emotions apart.", 100 * share[0], 100 * share[1]);
        chart_scatter(p, &(chart){ title, about, "first axis", "second axis" }, names, plane, n);
    }
    free(plane);
    return st;
}

evoke_status report_vectors(page *p, const evoke_vectors *v, evoke_error *err)
{
    const char **names = NULL;
    const evoke_vectors_info *i = evoke_vectors_describe(v);
    evoke_status st = names_of(v, &names, err);
    fputs("<div class=\"figures\">\n", p->f);
    for (size_t k = 0; st == EVOKE_OK && k < i->n_site; k++) {
        const evoke_site site = evoke_vectors_site(v, k);
        if (i->n_emotion == 0 || !evoke_vectors_get(v, site, 0))
            continue;
        st = draw_norms(p, v, site, names, err);
        if (st == EVOKE_OK)
            st = draw_cosines(p, v, site, names, err);
        if (st == EVOKE_OK && i->n_emotion > 2)
            st = draw_plane(p, v, site, i->n_layer / 2, names, err);
    }
    fputs("</div>\n", p->f);
    free(names);
    return st;
}
