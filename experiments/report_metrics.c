/* experiments/report_metrics.c: an evaluation in the form of the paper's tables: a table a metric, a row an emotion and
 * baseline, a column a strength. */
#include <stdlib.h>
#include <string.h>

#include "experiments/report.h"

enum { MOST_ALPHAS = 64, MOST_METRICS = 64 };

typedef struct tables {
    const json_t *cells;
    double alphas[MOST_ALPHAS];             /* rising */
    const char *metrics[MOST_METRICS];
    size_t n_alpha, n_metric;
} tables;

static const char *text_of(const json_t *cell, const char *key)
{
    const char *text = json_string_value(json_object_get(cell, key));
    return text ? text : "";
}

static bool same_row(const json_t *a, const json_t *b)
{
    static const char *const keys[] = { "emotion", "baseline", "variant" };
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        if (strcmp(text_of(a, keys[k]), text_of(b, keys[k])) != 0)
            return false;
    return true;
}

static double alpha_of(const json_t *cell)
{
    return json_number_value(json_object_get(cell, "alpha"));
}

static void note_alpha(tables *t, double alpha)
{
    size_t at = 0;
    while (at < t->n_alpha && t->alphas[at] < alpha)
        at++;
    if (t->n_alpha == MOST_ALPHAS || (at < t->n_alpha && t->alphas[at] == alpha))
        return;
    memmove(t->alphas + at + 1, t->alphas + at, (t->n_alpha - at) * sizeof *t->alphas);
    t->alphas[at] = alpha;
    t->n_alpha++;
}

/* What has a mean is a metric. */
static void note_metrics(tables *t, json_t *cell)
{
    const char *name;
    json_t *value;
    json_object_foreach(cell, name, value) {
        size_t known = 0;
        while (known < t->n_metric && strcmp(t->metrics[known], name) != 0)
            known++;
        if (known == t->n_metric && known < MOST_METRICS && json_object_get(value, "mean"))
            t->metrics[t->n_metric++] = name;
    }
}

static void show_value(page *p, const json_t *value)
{
    const json_t *low = json_object_get(value, "low"), *high = json_object_get(value, "high");
    const json_t *mean = json_object_get(value, "mean");
    fputs("<td>", p->f);
    if (json_is_number(mean))
        fprintf(p->f, "%.4g", json_number_value(mean));
    else
        fputs("&ndash;", p->f);
    if (json_is_number(low) && json_is_number(high))
        fprintf(p->f, "<br><span class=\"dim\">[%.4g, %.4g]</span>", json_number_value(low), json_number_value(high));
    fputs("</td>", p->f);
}

static void show_row(page *p, const tables *t, size_t row, const char *metric)
{
    const json_t *first = json_array_get(t->cells, row);
    fputs("<tr><th scope=\"row\">", p->f);
    page_text(p, *text_of(first, "emotion") ? text_of(first, "emotion") : "unsteered");
    for (size_t k = 0; k < 2; k++) {
        const char *more = text_of(first, k ? "variant" : "baseline");
        fputs(*more ? ", " : "", p->f);
        page_text(p, more);
    }
    fputs("</th>", p->f);
    for (size_t a = 0; a < t->n_alpha; a++) {
        const json_t *found = NULL;
        for (size_t i = row; !found && i < json_array_size(t->cells); i++) {
            const json_t *cell = json_array_get(t->cells, i);
            found = same_row(cell, first) && alpha_of(cell) == t->alphas[a] ? cell : NULL;
        }
        show_value(p, json_object_get(found, metric));
    }
    fputs("</tr>\n", p->f);
}

static void show_metric(page *p, const tables *t, const char *metric)
{
    page_element(p, "h4", metric);
    fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"", p->f);
    page_text(p, metric);
    fputs("\"><table><thead><tr><th scope=\"col\">emotion</th>", p->f);
    for (size_t a = 0; a < t->n_alpha; a++)
        fprintf(p->f, "<th scope=\"col\">alpha %.6g</th>", t->alphas[a]);
    fputs("</tr></thead><tbody>\n", p->f);
    for (size_t i = 0; i < json_array_size(t->cells); i++) {
        size_t first = 0;
        while (!same_row(json_array_get(t->cells, first), json_array_get(t->cells, i)))
            first++;
        if (first == i)
            show_row(p, t, i, metric);
    }
    fputs("</tbody></table></div>\n", p->f);
}

/* What vouches for the metrics, as eval prints it. */
static evoke_status show_validity(page *p, const json_t *validity, evoke_error *err)
{
    if (json_object_size(validity) == 0)
        return EVOKE_OK;
    char *text = json_dumps(validity, JSON_INDENT(2) | JSON_REAL_PRECISION(5));
    if (!text)
        return fail(err, EVOKE_ENOMEM, "report: no memory");
    fputs("<details><summary>Validity of the metrics</summary>", p->f);
    page_element(p, "pre", text);
    fputs("</details>\n", p->f);
    free(text);
    return EVOKE_OK;
}

evoke_status report_metrics(page *p, const report_file *file, evoke_error *err)
{
    tables t = { .cells = json_object_get(file->json, "cells") };
    size_t i;
    json_t *cell;
    json_array_foreach((json_t *)t.cells, i, cell) {
        note_alpha(&t, alpha_of(cell));
        note_metrics(&t, cell);
    }
    page_element(p, "h3", file->path);
    fputs("<p>Means and their 95 % intervals.</p>\n", p->f);
    for (size_t k = 0; k < t.n_metric; k++)
        show_metric(p, &t, t.metrics[k]);
    if (t.n_metric == 0)
        fputs("<p class=\"dim\">The file holds no metric.</p>\n", p->f);
    return show_validity(p, json_object_get(file->json, "validity"), err);
}
