/* experiments/theory_labelled_draw.c: the figures of `evoke theory --labelled` as SVG. */
#include <math.h>

#include "experiments/plots.h"
#include "experiments/theory_labelled.h"

typedef struct drawing { const evoke_labelled *t; size_t layer; } drawing;

/* Figure NAME [L, n] by layer with its bands, a line for each name of an axis. */
static void by_layer(FILE *f, const drawing *d, char axis, const char *name, const char *interval)
{
    const evoke_figure *figure = evoke_labelled_find(d->t, name);
    const size_t n = figure->dims[1];
    for (size_t a = 0; a < n; a++) {
        fprintf(f, "$a%zu << END\n", a);
        for (size_t l = 0; l < figure->dims[0]; l++) {
            fprintf(f, "%d", (int)evoke_labelled_layer(d->t, l));
            plot_cell(f, labelled_at(d->t, name, l, a, 0, 0));
            plot_cell(f, labelled_at(d->t, interval, l, a, 0, 0));
            plot_cell(f, labelled_at(d->t, interval, l, a, 1, 0));
            fputc('\n', f);
        }
        fputs("END\n", f);
    }
    fputs("set xlabel 'layer'\nplot ", f);
    for (size_t a = 0; a < n; a++)
        fprintf(f, "$a%zu using 1:3:4 with filledcurves lc %zu fs transparent solid 0.15 noborder notitle, ", a, a + 1);
    for (size_t a = 0; a < n; a++)
        fprintf(f, "%s$a%zu using 1:2 with linespoints lc %zu pt 7 ps 0.4 title \"%s\"", a ? ", " : "", a, a + 1,
                evoke_labelled_name(d->t, axis, a));
    fputc('\n', f);
}

static void draw_auc(FILE *f, const void *data)
{
    const drawing *d = data;
    fputs("set title 'mean AUC of emotions as people labelled them, 95 % bands'\n", f);
    by_layer(f, d, 'A', "mean_auc", "mean_auc_interval");
}

static void draw_gain(FILE *f, const void *data)
{
    const drawing *d = data;
    fputs("set title 'AUC along w less AUC along its mean difference, 95 % bands'\n", f);
    by_layer(f, d, 'X', "mean_auc_gain", "mean_auc_gain_interval");
}

static void draw_cosines(FILE *f, const void *data)
{
    const drawing *d = data;
    char title[96];
    const size_t n = evoke_labelled_find(d->t, "label_cosine")->dims[1];
    snprintf(title, sizeof title, "cosines between EVs of labels, layer %d", (int)evoke_labelled_layer(d->t, d->layer));
    fprintf(f, "set title '%s'\n", title);
    fputs("$m << END\n", f);
    for (size_t c = 0; c < n; c++) {
        for (size_t b = 0; b < n; b++)
            plot_cell(f, labelled_at(d->t, "label_cosine", d->layer, c, b, 0));
        fputc('\n', f);
    }
    fputs("END\nunset grid\nset xtics rotate\nset cbrange [-1:1]\n"
          "set palette defined (-1 '#2166ac', 0 '#f7f7f7', 1 '#b2182b')\n", f);
    for (int axis = 0; axis < 2; axis++) {
        fprintf(f, "set %stics (", axis ? "y" : "x");
        for (size_t c = 0; c < n; c++) {
            fputs(c ? ", \"" : "\"", f);
            plot_name(f, evoke_labelled_name(d->t, 'C', c));
            fprintf(f, "\" %zu", c);
        }
        fputs(")\n", f);
    }
    fputs("plot $m matrix with image pixels notitle\n", f);
}

static void draw_plane(FILE *f, const void *data)
{
    const drawing *d = data;
    char title[160];
    snprintf(title, sizeof title, "EVs of labels on their principal plane, layer %d (%.0f %% and %.0f %%); colour: rated valence",
             (int)evoke_labelled_layer(d->t, d->layer), 100 * labelled_at(d->t, "label_plane_share", d->layer, 0, 0, 0),
             100 * labelled_at(d->t, "label_plane_share", d->layer, 1, 0, 0));
    fprintf(f, "set title '%s'\n", title);
    fputs("$p << END\n", f);
    for (size_t c = 0; c < evoke_labelled_find(d->t, "label_plane")->dims[1]; c++) {
        plot_cell(f, labelled_at(d->t, "label_plane", d->layer, c, 0, 0));
        plot_cell(f, labelled_at(d->t, "label_plane", d->layer, c, 1, 0));
        fputs(" \"", f);
        plot_name(f, evoke_labelled_name(d->t, 'C', c));
        fputs("\"", f);
        plot_cell(f, labelled_at(d->t, "valence", c, 0, 0, 0));
        fputc('\n', f);
    }
    fputs("END\nset offsets graph 0.1, graph 0.1, graph 0.1, graph 0.1\nset cbrange [1:9]\n"
          "set palette defined (1 '#2166ac', 5 '#aaaaaa', 9 '#b2182b')\n"
          "plot $p using 1:2:4 with points pt 7 palette notitle, $p using 1:2:3 with labels offset 0,1 notitle\n", f);
}

evoke_status labelled_draw(const evoke_labelled *t, const char *folder, evoke_error *err)
{
    static const plot figures[] = {
        { "labelled_auc", draw_auc }, { "labelled_gain", draw_gain }, { "label_cosines", draw_cosines },
        { "label_plane", draw_plane },
    };
    const drawing d = { t, labelled_best(t) };
    const size_t n = evoke_labelled_name(t, 'C', 1) ? 4 : 2;       /* one label has no geometry */
    return plots_draw(folder, figures, n, &d, err);
}
