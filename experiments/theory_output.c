/* experiments/theory_output.c: the figures of `evoke theory` as a table and as JSON. */
#include "experiments/theory_output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "experiments/json_out.h"
#include "experiments/output.h"

double figure_at(const evoke_theory *t, const char *name, size_t layer, size_t emotion, size_t end)
{
    const evoke_figure *f = evoke_theory_find(t, name);
    if (!f || f->n_dim < 2)
        return NAN;
    const size_t each = f->n_dim > 2 ? f->dims[2] : 1;
    return f->values[(layer * f->dims[1] + emotion) * each + end];
}

double figure_of(const evoke_theory *t, const char *name, size_t emotion)
{
    const evoke_figure *f = evoke_theory_find(t, name);
    return f ? f->values[emotion] : NAN;
}

/* ---- JSON ---- */

/* n values from v: a number, or an array of numbers. */
static json_t *values_json(const double *v, size_t n, bool array)
{
    if (!array)
        return json_number(*v);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_add(list, json_number(v[i]));
    return list;
}

/* All figures that begin with these axes, less what is long (spectra, an emotion's similarities of layers), which the HDF5 file has. */
static void put_figures(json_t *object, const evoke_theory *t, const char *axes, size_t first, size_t second)
{
    const size_t given = strlen(axes);
    const evoke_figure *f;
    for (size_t i = 0; (f = evoke_theory_figure(t, i)); i++) {
        const char *rest = f->axes + given;
        size_t each = 1;
        if (strncmp(f->axes, axes, given) != 0 || strpbrk(rest, "EKM") || strncmp(rest, "LG", 2) == 0 || strcmp(f->name, "n") == 0)
            continue;
        for (size_t k = given; k < f->n_dim; k++)
            each *= f->dims[k];
        const size_t at = given == 2 ? first * f->dims[1] + second : first;
        json_put(object, f->name, values_json(f->values + at * each, each, *rest != '\0'));
    }
}

static json_t *emotion_json(const evoke_theory *t, const evoke_fisher_row *row, size_t layer)
{
    json_t *o = json_object();
    put_figures(o, t, "LE", layer, row->emotion);
    json_put(o, "n", json_count(row->n));
    return o;
}

evoke_status theory_print_json(const evoke_theory *t, const evoke_store *s, evoke_site site, evoke_error *err)
{
    const evoke_fisher_result *f = evoke_theory_fisher(t);
    const size_t n_emotion = evoke_store_describe(s)->n_emotion;
    json_t *result = json_object(), *layers = json_array(), *depth = json_object();
    for (size_t l = 0; l < f->n_rows / n_emotion; l++) {
        json_t *layer = json_object(), *emotions = json_object();
        json_put(layer, "layer", json_integer(f->rows[l * n_emotion].layer));
        put_figures(layer, t, "L", l, 0);
        for (size_t e = 0; e < n_emotion; e++)
            json_put(emotions, evoke_store_emotion(s, e), emotion_json(t, &f->rows[l * n_emotion + e], l));
        json_put(layer, "emotions", emotions);
        json_add(layers, layer);
    }
    for (size_t e = 0; e < n_emotion; e++) {
        json_t *own = json_object();
        put_figures(own, t, "E", e, 0);
        json_put(depth, evoke_store_emotion(s, e), own);
    }
    json_put(result, "site", json_string(evoke_site_name(site)));
    json_put(result, "layers", layers);
    json_put(result, "depth", depth);
    return json_print(stdout, result, 17, err);
}

/* ---- the table ---- */

/* " 0.31-0.44", or as wide without an interval. */
static void print_interval(const evoke_theory *t, const char *name, size_t layer, size_t emotion)
{
    const double low = figure_at(t, name, layer, emotion, 0), high = figure_at(t, name, layer, emotion, 1);
    if (isfinite(low))
        printf(" %5.2f..%-5.2f", low, high);
    else
        printf(" %12s", "-");
}

void table_number(double x, int width, int digits)
{
    if (isfinite(x))
        printf(" %*.*f", width, digits, x);
    else
        printf(" %*s", width, "-");
}

static void print_row(const evoke_theory *t, const evoke_store *s, const evoke_fisher_row *r, size_t layer)
{
    static const struct { const char *name; size_t end; int width, digits; } columns[] = {
        { "permuted_efficiency", 1, 5, 2 },
        { "held_out_dprime_ev", 0, 5, 2 }, { "held_out_dprime_w", 0, 5, 2 }, { "held_out_dprime_offset", 0, 5, 2 },
        { "held_out_auc_ev", 0, 6, 3 }, { "held_out_auc_w", 0, 6, 3 }, { "hotelling_p", 0, 6, 3 }, { "shrinkage", 0, 5, 2 },
    };
    output_name(evoke_store_emotion(s, r->emotion), 11);
    printf(" %3d", (int)r->layer);
    table_number(r->cosine, 6, 3);
    table_number(r->efficiency, 6, 3);
    table_number(figure_at(t, "held_out_efficiency", layer, r->emotion, 0), 5, 2);
    print_interval(t, "held_out_efficiency_interval", layer, r->emotion);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        table_number(figure_at(t, columns[i].name, layer, r->emotion, columns[i].end), columns[i].width, columns[i].digits);
    putchar('\n');
}

/* Among the rows of an emotion, is this one of the `most` of highest efficiency? The lower layer wins a tie. */
static bool among_best(const evoke_fisher_result *f, size_t row, size_t most)
{
    size_t better = 0;
    const double here = f->rows[row].efficiency;
    for (size_t i = 0; i < f->n_rows; i++)
        if (f->rows[i].emotion == f->rows[row].emotion)
            better += f->rows[i].efficiency > here || (f->rows[i].efficiency == here && i < row);
    return better < most;
}

/* The place among the layers at hand of a layer's number; 0 where it is not finite. */
static size_t place_of(const evoke_fisher_result *f, size_t n_emotion, double number)
{
    for (size_t l = 0; l < f->n_rows / n_emotion; l++)
        if ((double)f->rows[l * n_emotion].layer == number)
            return l;
    return 0;
}

static void print_emotions(const evoke_theory *t, const evoke_store *s)
{
    static const char *const columns[] = { "split_half_cosine", "base_share", "efficiency_isotropic", "cosine_offset",
                                           "efficiency_offset", "rest_held_out_auc_ev", "rest_held_out_auc_w" };
    const evoke_fisher_result *f = evoke_theory_fisher(t);
    const size_t n_emotion = evoke_store_describe(s)->n_emotion;
    printf("\n%-11s %5s %5s %7s %7s %7s %7s %7s %7s %7s\n", "emotion", "first", "best", "split", "base", "eff iso", "cos wd",
           "eff wd", "restev", "restw");
    for (size_t e = 0; e < n_emotion; e++) {
        const double first = figure_of(t, "first_layer", e), best = figure_of(t, "best_layer", e);
        const size_t l = place_of(f, n_emotion, best);
        output_name(evoke_store_emotion(s, e), 11);
        table_number(first, 5, 0);
        table_number(best, 5, 0);
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
            table_number(figure_at(t, columns[i], l, e, 0), 7, 3);
        putchar('\n');
    }
}

void theory_print_table(const evoke_theory *t, const evoke_store *s, evoke_site site, bool all)
{
    const evoke_fisher_result *f = evoke_theory_fisher(t);
    const size_t n_emotion = evoke_store_describe(s)->n_emotion;
    printf("%s%s\n%-11s %3s %6s %6s %5s %12s %5s %5s %5s %5s %6s %6s %6s %5s\n", evoke_site_name(site),
           all ? "" : "; the five layers of highest efficiency (-v: all)", "emotion", "lay", "cos", "eff", "held", "95 %",
           "perm", "d'ev", "d'w", "d'wd", "aucev", "aucw", "p", "shr");
    for (size_t e = 0; e < n_emotion; e++)
        for (size_t i = 0; i < f->n_rows; i++)
            if (f->rows[i].emotion == e && (all || among_best(f, i, 5)))
                print_row(t, s, &f->rows[i], i / n_emotion);
    print_emotions(t, s);
}
