/* experiments/theory_draw.c: the figures of `evoke theory` as SVG. */
#include <math.h>
#include <stdio.h>

#include "experiments/plots.h"
#include "experiments/theory_output.h"

typedef struct drawing {
    const evoke_theory *t;
    const evoke_store *s;
    size_t n_emotion, n_layer;
} drawing;

static int layer_number(const drawing *d, size_t l)
{
    return (int)evoke_theory_fisher(d->t)->rows[l * d->n_emotion].layer;
}

/* A figure by layer, an emotion a line, with its band where there are intervals. */
static void by_layer(FILE *f, const drawing *d, const char *name, const char *dashed)
{
    char interval[96];
    snprintf(interval, sizeof interval, "%s_interval", name);
    for (size_t e = 0; e < d->n_emotion; e++) {
        fprintf(f, "$e%zu << END\n", e);
        for (size_t l = 0; l < d->n_layer; l++) {
            fprintf(f, "%d", layer_number(d, l));
            plot_cell(f, figure_at(d->t, name, l, e, 0));
            plot_cell(f, figure_at(d->t, interval, l, e, 0));
            plot_cell(f, figure_at(d->t, interval, l, e, 1));
            plot_cell(f, dashed ? figure_at(d->t, dashed, l, e, 0) : (double)NAN);
            fputc('\n', f);
        }
        fputs("END\n", f);
    }
    fputs("set xlabel 'layer'\nplot ", f);
    for (size_t e = 0; e < d->n_emotion; e++)
        fprintf(f, "$e%zu using 1:3:4 with filledcurves lc %zu fs transparent solid 0.15 noborder notitle, ", e, e + 1);
    for (size_t e = 0; e < d->n_emotion; e++) {
        fprintf(f, "%s$e%zu using 1:2 with linespoints lc %zu pt 7 ps 0.4 title \"", e ? ", " : "", e, e + 1);
        plot_name(f, evoke_store_emotion(d->s, e));
        fputs("\"", f);
        if (dashed)
            fprintf(f, ", $e%zu using 1:5 with lines lc %zu dt 2 notitle", e, e + 1);
    }
    fputc('\n', f);
}

static void draw_efficiency(FILE *f, const void *what)
{
    const drawing *d = what;
    fputs("set title 'efficiency J(EV)/J(w) on held-out queries with 95 % bands; dashed: in sample'\n", f);
    fputs("set yrange [0:*]\n", f);
    by_layer(f, d, "held_out_efficiency", "efficiency");
}

static void draw_auc(FILE *f, const void *what)
{
    const drawing *d = what;
    fputs("set title 'AUC of emotion against neutral on held-out queries along the EV; dashed: along w'\n", f);
    fputs("set yrange [*:1.005]\n", f);
    by_layer(f, d, "held_out_auc_ev", "held_out_auc_w");
}

static void draw_rest(FILE *f, const void *what)
{
    const drawing *d = what;
    fputs("set title 'AUC of an emotion against the others on held-out queries along the difference of means; dashed: w'\n", f);
    fputs("set yrange [*:1.005]\n", f);
    by_layer(f, d, "rest_held_out_auc_ev", "rest_held_out_auc_w");
}

/* Spectra of the first emotion at up to six layers. */
static void draw_spectra(FILE *f, const void *what)
{
    const drawing *d = what;
    const evoke_figure *spectrum = evoke_theory_find(d->t, "spectrum");
    const size_t step = (d->n_layer + 5) / 6;
    fputs("set title 'eigenvalues of Sw as shares of its trace'\n", f);
    for (size_t l = 0; l < d->n_layer; l += step) {
        const double *values = spectrum->values + l * d->n_emotion * spectrum->dims[2];
        fprintf(f, "$l%zu << END\n", l);
        for (size_t j = 0; j < spectrum->dims[2] && values[j] > 1e-12; j++)
            fprintf(f, "%zu %.9g\n", j + 1, values[j]);
        fputs("END\n", f);
    }
    fputs("set logscale xy\nset xlabel 'eigenvalue'\nplot ", f);
    for (size_t l = 0; l < d->n_layer; l += step) {
        fprintf(f, "%s$l%zu using 1:2 with lines title \"layer %d, ", l ? ", " : "", l, layer_number(d, l));
        plot_name(f, evoke_store_emotion(d->s, 0));
        fputs("\"", f);
    }
    fputc('\n', f);
}

/* The layer of highest mean AUC held out (EVs' geometry is shown there). */
static size_t best_layer(const drawing *d)
{
    size_t best = 0;
    double most = -1;
    for (size_t l = 0; l < d->n_layer; l++) {
        double sum = 0;
        for (size_t e = 0; e < d->n_emotion; e++)
            sum += figure_at(d->t, "rest_held_out_auc_ev", l, e, 0);
        if (sum > most) {
            most = sum;
            best = l;
        }
    }
    return best;
}

static void draw_cosines(FILE *f, const void *what)
{
    const drawing *d = what;
    char title[64];
    const size_t l = best_layer(d);
    snprintf(title, sizeof title, "cosines between EVs, layer %d", layer_number(d, l));
    fprintf(f, "set title '%s'\n", title);
    fputs("$m << END\n", f);
    for (size_t e = 0; e < d->n_emotion; e++) {
        for (size_t k = 0; k < d->n_emotion; k++)
            plot_cell(f, figure_at(d->t, "ev_cosine", l, e, k));
        fputc('\n', f);
    }
    fputs("END\nunset grid\nset cbrange [-1:1]\nset palette defined (-1 '#2166ac', 0 '#f7f7f7', 1 '#b2182b')\n", f);
    for (int axis = 0; axis < 2; axis++) {
        fprintf(f, "set %stics (", axis ? "y" : "x");
        for (size_t e = 0; e < d->n_emotion; e++) {
            fputs(e ? ", \"" : "\"", f);
            plot_name(f, evoke_store_emotion(d->s, e));
            fprintf(f, "\" %zu", e);
        }
        fputs(")\n", f);
    }
    fputs("plot $m matrix with image pixels notitle, $m matrix using 1:2:(sprintf('%.2f', $3)) with labels notitle\n", f);
}

/* Similarity of layers, emotion setting's rows: debiased CKA. */
static void draw_layers(FILE *f, const void *what)
{
    const drawing *d = what;
    const evoke_figure *cka = evoke_theory_find(d->t, "rows_cka_debiased");
    fputs("set title 'similarity of layers: debiased linear CKA of the rows in the emotion setting'\n", f);
    fputs("$m << END\n", f);
    for (size_t l = 0; l < d->n_layer; l++) {
        for (size_t m = 0; m < d->n_layer; m++)
            plot_cell(f, cka->values[l * d->n_layer + m]);
        fputc('\n', f);
    }
    fprintf(f, "END\nunset grid\nset cbrange [0:1]\nset size square\nset xlabel 'layer'\nset ylabel 'layer'\n"
            "plot $m matrix using ($1+%d):($2+%d):3 with image pixels notitle\n", layer_number(d, 0), layer_number(d, 0));
}

static void draw_plane(FILE *f, const void *what)
{
    const drawing *d = what;
    char title[96];
    const size_t l = best_layer(d);
    const evoke_figure *share = evoke_theory_find(d->t, "plane_share");
    snprintf(title, sizeof title, "EVs less EVbase on their principal plane, layer %d (%.0f %% and %.0f %%)", layer_number(d, l),
             100 * share->values[2 * l], 100 * share->values[2 * l + 1]);
    fprintf(f, "set title '%s'\n", title);
    fputs("$p << END\n", f);
    for (size_t e = 0; e < d->n_emotion; e++) {
        plot_cell(f, figure_at(d->t, "plane", l, e, 0));
        plot_cell(f, figure_at(d->t, "plane", l, e, 1));
        fputs(" \"", f);
        plot_name(f, evoke_store_emotion(d->s, e));
        fputs("\"\n", f);
    }
    fputs("END\nset offsets graph 0.1, graph 0.1, graph 0.1, graph 0.1\n"
          "plot $p using 1:2 with points pt 7 notitle, $p using 1:2:3 with labels offset 0,1 notitle\n", f);
}

evoke_status theory_draw(const evoke_theory *t, const evoke_store *s, const char *folder, evoke_error *err)
{
    static const plot plots[] = {
        { "efficiency", draw_efficiency }, { "auc", draw_auc }, { "auc_rest", draw_rest }, { "spectra", draw_spectra },
        { "cosines", draw_cosines }, { "layers", draw_layers }, { "plane", draw_plane },
    };
    const size_t n_emotion = evoke_store_describe(s)->n_emotion;
    const drawing d = { t, s, n_emotion, evoke_theory_fisher(t)->n_rows / n_emotion };
    return plots_draw(folder, plots, sizeof plots / sizeof *plots, &d, err);
}
