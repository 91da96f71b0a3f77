/* experiments/report_labelled.c: directions on texts that people labelled: how well the labels follow from them, layer by layer,
 * and how the labels' own vectors lie. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/chart.h"
#include "experiments/report.h"

/* A figure over layers and a line each for what has the other axis: "LA", or "LAE" at one direction. */
typedef struct drawing { const char *figure, *axes; size_t direction; chart chart; } drawing;

/* With these axes, and those of an interval where it is one. */
static const evoke_figure *find(const evoke_figures *fs, const char *name, const char *axes, bool interval)
{
    char full[64], wanted[8];
    snprintf(full, sizeof full, "%s%s", name, interval ? "_interval" : "");
    snprintf(wanted, sizeof wanted, "%s%s", axes, interval ? "I" : "");
    const evoke_figure *f = evoke_figures_find(fs, full);
    return f && strcmp(f->axes, wanted) == 0 ? f : NULL;
}

/* y [lines, L] of a figure that begins with L; of an interval, its end. */
static void by_line(const evoke_figure *f, const drawing *d, size_t n_layer, size_t n_line, bool interval, size_t end, double *y)
{
    const size_t n_direction = f->dims[1];
    for (size_t l = 0; l < n_layer; l++)
        for (size_t i = 0; i < n_line; i++) {
            const size_t cell = d->axes[2] ? (l * n_direction + d->direction) * n_line + i : l * n_line + i;
            y[i * n_layer + l] = f->values[interval ? 2 * cell + end : cell];
        }
}

static evoke_status draw(page *p, const evoke_figures *fs, const drawing *d, const double *x, evoke_error *err)
{
    const char axis = d->axes[strlen(d->axes) - 1];
    const size_t n_layer = evoke_figures_size(fs, 'L'), n_line = evoke_figures_size(fs, axis), all = n_layer * n_line;
    const evoke_figure *f = find(fs, d->figure, d->axes, false), *interval = find(fs, d->figure, d->axes, true);
    double *y = NULL;
    chart_series *series = NULL;
    if (!f || (d->axes[2] && d->direction >= f->dims[1]))
        return EVOKE_OK;
    evoke_status st = allocate(&y, 3 * all, sizeof *y, err);
    if (st == EVOKE_OK)
        st = allocate(&series, n_line, sizeof *series, err);
    if (st == EVOKE_OK) {
        by_line(f, d, n_layer, n_line, false, 0, y);
        for (size_t end = 0; interval && end < 2; end++)
            by_line(interval, d, n_layer, n_line, true, end, y + (1 + end) * all);
        for (size_t i = 0; i < n_line; i++)
            series[i] = (chart_series){ evoke_figures_name(fs, axis, i), y + i * n_layer, interval ? y + all + i * n_layer : NULL,
                                        interval ? y + 2 * all + i * n_layer : NULL };
        chart_lines(p, &d->chart, x, n_layer, series, n_line);
    }
    free(series);
    free(y);
    return st;
}

/* The layer of highest mean AUC along the first direction, the EV: chosen on these texts. */
static size_t best_layer(const evoke_figures *fs)
{
    const evoke_figure *f = find(fs, "mean_auc", "LA", false);
    size_t best = 0;
    for (size_t l = 1; f && l < f->dims[0]; l++)
        if (f->values[l * f->dims[1]] > f->values[best * f->dims[1]])
            best = l;
    return best;
}

static evoke_status draw_labels(page *p, const evoke_figures *fs, size_t l, evoke_error *err)
{
    char heat[96], scatter[96], about[256];
    const size_t n = evoke_figures_size(fs, 'C');
    const evoke_figure *cosine = find(fs, "label_cosine", "LCB", false), *plane = find(fs, "label_plane", "LCP", false);
    const evoke_figure *share = find(fs, "label_plane_share", "LP", false);
    const char **names = NULL;
    const evoke_status st = allocate(&names, n, sizeof *names, err);
    if (st != EVOKE_OK)
        return st;
    for (size_t c = 0; c < n; c++)
        names[c] = evoke_figures_name(fs, 'C', c);
    snprintf(heat, sizeof heat, "Cosines between the labels' vectors, layer %d", (int)evoke_figures_layer(fs, l));
    snprintf(scatter, sizeof scatter, "Principal plane of the labels' vectors, layer %d", (int)evoke_figures_layer(fs, l));
    if (cosine && n > 1)
        chart_heat(p, &(chart){ heat, "Between the vectors of two labels: the mean of their texts less that of neutral ones. "
                                "1 the same arrow, 0 unrelated, -1 opposite.", "", "" }, names, cosine->values + l * n * n, n);
    if (plane && share && n > 2) {
        snprintf(about, sizeof about, "The labels' vectors less their mean on their first two principal axes, which carry "
                 "%.0f %% and %.0f %% of their variance.", 100 * share->values[2 * l], 100 * share->values[2 * l + 1]);
        chart_scatter(p, &(chart){ scatter, about, "first axis", "second axis" }, names, plane->values + l * n * 2, n);
    }
    free(names);
    return EVOKE_OK;
}

evoke_status report_labelled(page *p, const report_file *file, evoke_error *err)
{
    static const drawing list[] = {
        { "mean_auc", "LA", 0, { "AUC on labelled texts by layer",
          "Chance that a text which people gave an emotion's label scores above another one: mean over "
          "emotions, along each direction. 0.5: none told apart. Bands: 95 %.", "layer", "AUC" } },
        { "macro_f1", "LA", 0, { "Macro F1 on labelled texts by layer",
          "Of texts with one emotion's label put into the emotion of highest score, along each direction. Bands: 95 %.", "layer",
          "macro F1" } },
        { "auc", "LAE", 0, { "AUC along the vector on labelled texts", "By emotion, along the emotion vector. Bands: 95 %.",
          "layer", "AUC" } },
        { "auc", "LAE", 1, { "AUC along the Fisher direction on labelled texts",
          "By emotion, along Fisher's direction. Bands: 95 %.", "layer", "AUC" } },
    };
    const evoke_figures *fs = file->figures;
    const size_t n = evoke_figures_size(fs, 'L');
    double *x = NULL;
    evoke_status st = allocate(&x, n, sizeof *x, err);
    page_element(p, "h3", file->path);
    for (size_t l = 0; st == EVOKE_OK && l < n; l++)
        x[l] = evoke_figures_layer(fs, l);
    fputs("<div class=\"figures\">\n", p->f);
    for (size_t i = 0; st == EVOKE_OK && i < sizeof list / sizeof *list; i++)
        st = draw(p, fs, &list[i], x, err);
    if (st == EVOKE_OK)
        st = draw_labels(p, fs, best_layer(fs), err);
    fputs("</div>\n", p->f);
    free(x);
    return st;
}
