/* experiments/theory_labelled_output.c: the figures of `evoke theory --labelled` as tables and as JSON. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "experiments/json_out.h"
#include "experiments/output.h"
#include "experiments/theory_labelled.h"
#include "experiments/theory_output.h"

double labelled_at(const evoke_labelled *t, const char *name, size_t a, size_t b, size_t c, size_t d)
{
    const evoke_figure *f = evoke_labelled_find(t, name);
    const size_t index[4] = { a, b, c, d };
    size_t at = 0;
    for (size_t i = 0; f && i < f->n_dim; i++)
        at = at * f->dims[i] + index[i];
    return f ? f->values[at] : (double)NAN;
}

static size_t n_of(const evoke_labelled *t, const char *figure, size_t dim)
{
    return evoke_labelled_find(t, figure)->dims[dim];
}

size_t labelled_best(const evoke_labelled *t)
{
    size_t best = 0;
    for (size_t l = 1; l < n_of(t, "mean_auc", 0); l++)
        if (labelled_at(t, "mean_auc", l, 0, 0, 0) > labelled_at(t, "mean_auc", best, 0, 0, 0))
            best = l;
    return best;
}

/* ---- JSON ---- */

/* A figure from dimension `dim` on, `at` its place along those before: objects by name where the axis has names, else arrays. */
static json_t *nest(const evoke_labelled *t, const evoke_figure *f, size_t dim, size_t at)
{
    if (dim >= f->n_dim || dim >= sizeof f->dims / sizeof *f->dims)
        return json_number(f->values[at]);
    const bool named = evoke_labelled_name(t, f->axes[dim], 0) != NULL;
    json_t *out = named ? json_object() : json_array();
    for (size_t i = 0; i < f->dims[dim]; i++) {
        json_t *value = nest(t, f, dim + 1, at * f->dims[dim] + i);
        if (named)
            json_put(out, evoke_labelled_name(t, f->axes[dim], i), value);
        else
            json_add(out, value);
    }
    return out;
}

evoke_status labelled_print_json(const evoke_labelled *t, evoke_error *err)
{
    const evoke_labelled_info *info = evoke_labelled_describe(t);
    json_t *result = json_object(), *layers = json_array();
    const evoke_figure *f;
    json_put(result, "site", json_string(evoke_site_name(info->site)));
    json_put(result, "span", json_string(evoke_span_name(info->span)));
    json_put(result, "text_span", json_string(evoke_span_name(info->text_span)));
    json_put(result, "n_text", json_count(info->n_text));
    json_put(result, "against", json_string(info->has_neutral ? "neutral" : "all"));
    for (size_t i = 0; (f = evoke_labelled_figure(t, i)); i++)
        if (f->axes[0] != 'L')
            json_put(result, f->name, nest(t, f, 0, 0));
    for (size_t l = 0; l < n_of(t, "mean_auc", 0); l++) {
        json_t *layer = json_object();
        json_put(layer, "layer", json_integer(evoke_labelled_layer(t, l)));
        for (size_t i = 0; (f = evoke_labelled_figure(t, i)); i++)
            if (f->axes[0] == 'L')
                json_put(layer, f->name, nest(t, f, 1, l));
        json_add(layers, layer);
    }
    json_put(result, "layers", layers);
    return json_print(stdout, result, 17, err);
}

/* ---- tables ---- */

/* "+0.031 +0.012..+0.050" of a gain that is figure NAME at these places. */
static void print_gain(const evoke_labelled *t, const char *name, const char *interval, size_t l, size_t x, size_t e)
{
    const bool by_emotion = evoke_labelled_find(t, name)->n_dim == 3;
    const double low = by_emotion ? labelled_at(t, interval, l, x, e, 0) : labelled_at(t, interval, l, x, 0, 0);
    const double high = by_emotion ? labelled_at(t, interval, l, x, e, 1) : labelled_at(t, interval, l, x, 1, 0);
    const double gain = labelled_at(t, name, l, x, e, 0);
    if (!isfinite(gain))
        printf(" %21s", "-");
    else if (isfinite(low))
        printf(" %+.3f %+.3f..%+.3f", gain, low, high);
    else
        printf(" %+.3f %14s", gain, "-");
}

static void print_names(const evoke_labelled *t, int width)
{
    for (size_t a = 0; a < n_of(t, "mean_auc", 1); a++)
        printf(" %*s", width, evoke_labelled_name(t, 'A', a));
}

static void print_layers(const evoke_labelled *t)
{
    const size_t n_direction = n_of(t, "mean_auc", 1);
    printf("AUC: mean over emotions, and its gain from ev to w with the 95 %% interval; F1: macro, in brackets chance\n    AUC");
    print_names(t, 7);
    for (size_t x = 0; x < n_direction / 2; x++)
        printf("  %-20s", x ? "rest_w less rest_ev" : "w less ev");
    printf(" F1");
    print_names(t, 7);
    putchar('\n');
    for (size_t l = 0; l < n_of(t, "mean_auc", 0); l++) {
        printf("%3d    ", (int)evoke_labelled_layer(t, l));
        for (size_t a = 0; a < n_direction; a++)
            table_number(labelled_at(t, "mean_auc", l, a, 0, 0), 7, 3);
        for (size_t x = 0; x < n_direction / 2; x++)
            print_gain(t, "mean_auc_gain", "mean_auc_gain_interval", l, x, 0);
        printf("   ");
        for (size_t a = 0; a < n_direction; a++)
            table_number(labelled_at(t, "macro_f1", l, a, 0, 0), 7, 2);
        printf(" (%.2f)\n", labelled_at(t, "macro_f1_chance", l, 0, 0, 0));
    }
}

static void print_emotions(const evoke_labelled *t, size_t l)
{
    const size_t n_direction = n_of(t, "mean_auc", 1);
    printf("\nlayer %d%s: AUC of each emotion\n%-11s %5s", (int)evoke_labelled_layer(t, l),
           n_of(t, "mean_auc", 0) > 1 ? ", of highest mean AUC along ev (chosen on these texts, so flattered)" : "", "emotion",
           "texts");
    for (size_t a = 0; a < n_direction; a++)
        printf(" %-18s", evoke_labelled_name(t, 'A', a));
    printf(" w less ev\n");
    for (size_t e = 0; e < n_of(t, "n_emotion", 0); e++) {
        output_name(evoke_labelled_name(t, 'E', e), 11);
        printf(" %5.0f", labelled_at(t, "n_emotion", e, 0, 0, 0));
        for (size_t a = 0; a < n_direction; a++) {
            const double low = labelled_at(t, "auc_interval", l, a, e, 0);
            table_number(labelled_at(t, "auc", l, a, e, 0), 5, 3);
            if (isfinite(low))
                printf(" %.3f..%.3f", low, labelled_at(t, "auc_interval", l, a, e, 1));
            else
                printf(" %12s", "-");
        }
        print_gain(t, "auc_gain", "auc_gain_interval", l, 0, e);
        putchar('\n');
    }
}

/* Rows: what people said; columns: the class by the direction of highest macro F1. */
static void print_confusion(const evoke_labelled *t, size_t l)
{
    const size_t n = n_of(t, "n_emotion", 0);
    size_t best = 0;
    for (size_t a = 1; a < n_of(t, "macro_f1", 1); a++)
        if (labelled_at(t, "macro_f1", l, a, 0, 0) > labelled_at(t, "macro_f1", l, best, 0, 0))
            best = a;
    printf("\nclass by %-8s", evoke_labelled_name(t, 'A', best));
    for (size_t e = 0; e < n; e++)
        printf(" %9.9s", evoke_labelled_name(t, 'E', e));
    for (size_t e = 0; e < n; e++) {
        putchar('\n');
        output_name(evoke_labelled_name(t, 'E', e), 17);
        for (size_t f = 0; f < n; f++)
            printf(" %9.0f", labelled_at(t, "confusion", l, best, e, f));
    }
    putchar('\n');
}

static void print_geometry(const evoke_labelled *t, size_t l)
{
    static const char *const names[] = { "valence_pearson", "valence_spearman", "arousal_pearson", "arousal_spearman" };
    if (!evoke_labelled_name(t, 'C', 1))
        return;
    printf("\nEVs of %zu labels against %s: principal axis 1 has %.0f %% of their variance, axis 2 %.0f %%\n",
           n_of(t, "n_label", 0), evoke_labelled_describe(t)->has_neutral ? "neutral texts" : "all texts",
           100 * labelled_at(t, "label_plane_share", l, 0, 0, 0), 100 * labelled_at(t, "label_plane_share", l, 1, 0, 0));
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        char interval[64];
        snprintf(interval, sizeof interval, "%s_interval", names[k]);
        printf("%-17s", names[k]);
        for (size_t axis = 0; axis < 2; axis++) {
            printf(" axis %zu", axis + 1);
            table_number(labelled_at(t, names[k], l, axis, 0, 0), 6, 2);
            if (isfinite(labelled_at(t, interval, l, axis, 0, 0)))
                printf(" (%.2f..%.2f)", labelled_at(t, interval, l, axis, 0, 0), labelled_at(t, interval, l, axis, 1, 0));
        }
        putchar('\n');
    }
}

void labelled_print_table(const evoke_labelled *t)
{
    const evoke_labelled_info *info = evoke_labelled_describe(t);
    const size_t l = labelled_best(t);
    printf("%s, directions of span %s, %zu texts of span %s\n", evoke_site_name(info->site), evoke_span_name(info->span),
           info->n_text, evoke_span_name(info->text_span));
    print_layers(t);
    print_emotions(t, l);
    if (n_of(t, "n_emotion", 0) > 1)
        print_confusion(t, l);
    print_geometry(t, l);
}
