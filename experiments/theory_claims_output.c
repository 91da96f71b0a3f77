/* experiments/theory_claims_output.c: the four claims as JSON, tables and figures. */
#include <math.h>
#include <string.h>

#include "experiments/json_out.h"
#include "experiments/output.h"
#include "experiments/plots.h"
#include "experiments/theory_claims.h"
#include "experiments/theory_output.h"

/* ---- JSON ---- */

/* How many values lie under one place of an axis. */
static size_t values_under(const evoke_figure *f, size_t axis)
{
    size_t each = 1;
    for (size_t i = axis + 1; i < f->n_dim && i < sizeof f->dims / sizeof *f->dims; i++)
        each *= f->dims[i];
    return each;
}

/* The values of a figure from place `at` on, as arrays in arrays over its axes from `axis` on. */
static json_t *values_json(const evoke_figure *f, size_t axis, size_t at)
{
    if (axis >= f->n_dim || axis >= sizeof f->dims / sizeof *f->dims)
        return json_number(f->values[at]);
    json_t *list = json_array();
    for (size_t i = 0; i < f->dims[axis]; i++)
        json_add(list, values_json(f, axis + 1, at + i * values_under(f, axis)));
    return list;
}

/* An emotion's values, with the names of directions and of other emotions as keys. */
static json_t *named_json(const evoke_store *s, const evoke_figure *f, size_t e)
{
    const size_t first = e * values_under(f, 0), each = values_under(f, 1);
    const bool directions = f->axes[1] == 'B';
    if (!directions && f->axes[1] != 'F')
        return values_json(f, 1, first);
    json_t *object = json_object();
    for (size_t i = 0; i < f->dims[1]; i++)
        json_put(object, directions ? evoke_claims_direction(i) : evoke_store_emotion(s, i), values_json(f, 2, first + i * each));
    return object;
}

/* A claim's figures by emotion. */
static json_t *claim_json(const evoke_claims *c, const evoke_store *s, const char *claim)
{
    const evoke_figure *f;
    const size_t length = strlen(claim);
    json_t *emotions = json_object();
    for (size_t e = 0; e < evoke_store_describe(s)->n_emotion; e++) {
        json_t *own = json_object();
        for (size_t i = 0; (f = evoke_claims_figure(c, i)); i++)
            if (strncmp(f->name, claim, length) == 0 && f->name[length] == '/')
                json_put(own, f->name + length + 1, named_json(s, f, e));
        json_put(emotions, evoke_store_emotion(s, e), own);
    }
    return emotions;
}

evoke_status claims_print_json(const claims_run *r, evoke_error *err)
{
    static const char *const claims[] = { "gain", "preservation", "linearity", "near_optimality" };
    static const char *const lists[] = { "alphas", "ranges", "held_out" };
    json_t *root = json_object(), *all = json_object();
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        json_put(all, claims[i], claim_json(r->claims, r->store, claims[i]));
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        json_put(root, lists[i], values_json(evoke_claims_find(r->claims, lists[i]), 0, 0));
    json_put(root, "setting", json_text(evoke_claims_text(r->claims), strlen(evoke_claims_text(r->claims))));
    json_put(root, "claims", all);
    return json_print(stdout, root, 17, err);
}

/* ---- tables ---- */

/* The value of a figure at places j, k of the axes after the emotion; NaN where j is past the end. */
static double value_at(const evoke_claims *c, const char *name, size_t e, size_t j, size_t k)
{
    const evoke_figure *f = evoke_claims_find(c, name);
    size_t at = e;
    const size_t places[] = { j, k, 0 };
    for (size_t i = 1; i < f->n_dim; i++) {
        if (places[i - 1] >= f->dims[i])
            return NAN;
        at = at * f->dims[i] + places[i - 1];
    }
    return f->values[at];
}

static size_t place_of(const evoke_claims *c, double alpha)
{
    const evoke_figure *f = evoke_claims_find(c, "alphas");
    size_t a = 0;
    while (a < f->dims[0] && f->values[a] != alpha)
        a++;
    return a;
}

static double mean_of_layers(const evoke_claims *c, const char *name, size_t e)
{
    const evoke_figure *f = evoke_claims_find(c, name);
    double sum = 0;
    for (size_t l = 0; l < f->dims[1]; l++)
        sum += f->values[e * f->dims[1] + l] / (double)f->dims[1];
    return sum;
}

static void print_claims(const claims_run *r)
{
    const evoke_claims *c = r->claims;
    const size_t one = place_of(c, 1), n_range = evoke_claims_find(c, "ranges")->dims[0];
    printf("%-9s %6s %14s %5s %5s %5s %5s %6s %6s %6s %6s %6s %6s %6s\n", "emotion", "slope", "95 %", "rank", "rise", "peak", "satur",
           "1st", "R2", "R2 all", "kl", "loss", "sim", "topic");
    for (size_t e = 0; e < evoke_store_describe(r->store)->n_emotion; e++) {
        const struct { double value; int width, digits; } cells[] = {
            { value_at(c, "gain/spearman", e, 0, 0), 5, 2 }, { value_at(c, "gain/monotone_share", e, 0, 0), 5, 2 },
            { value_at(c, "gain/peak_alpha", e, 0, 0), 5, 1 }, { value_at(c, "gain/saturation_alpha", e, 0, 0), 5, 1 },
            { value_at(c, "gain/first_order_ratio", e, one, 0), 6, 2 }, { value_at(c, "linearity/r2", e, 0, 0), 6, 3 },
            { value_at(c, "linearity/r2", e, n_range - 1, 0), 6, 3 }, { value_at(c, "preservation/kl", e, one, 0), 6, 3 },
            { value_at(c, "preservation/loss", e, one, 0), 6, 3 }, { value_at(c, "preservation/similarity", e, one, 0), 6, 3 },
            { mean_of_layers(c, "preservation/topic_share", e) / mean_of_layers(c, "preservation/topic_chance", e), 6, 2 },
        };
        output_name(evoke_store_emotion(r->store, e), 9);
        printf(" %6.2f %6.2f..%-6.2f", value_at(c, "gain/slope", e, 0, 0),
               value_at(c, "gain/slope_interval", e, 0, 0), value_at(c, "gain/slope_interval", e, 1, 0));
        for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
            table_number(cells[i].value, cells[i].width, cells[i].digits);
        putchar('\n');
    }
}

/* A figure of directions by emotion, at place k of its last axis. */
static void print_directions(const claims_run *r, const char *title, const char *figure, size_t k, int digits)
{
    const size_t n_emotion = evoke_store_describe(r->store)->n_emotion;
    printf("\n%-24s", title);
    for (size_t e = 0; e < n_emotion; e++)
        printf(" %9.9s", evoke_store_emotion(r->store, e));
    for (size_t b = 0; evoke_claims_direction(b); b++) {
        printf("\n%-24s", evoke_claims_direction(b));
        for (size_t e = 0; e < n_emotion; e++)
            table_number(value_at(r->claims, figure, e, b, k), 9, digits);
    }
    putchar('\n');
}

void claims_print_tables(const claims_run *r)
{
    const size_t one = place_of(r->claims, 1);
    printf("%s\n\n", evoke_claims_text(r->claims));
    print_claims(r);
    print_directions(r, "gain at 0.1 nats lost", "near_optimality/gain_at_loss", 0, 3);
    if (evoke_claims_find(r->claims, "alphas")->dims[0] > one) {
        print_directions(r, "gain at alpha 1", "near_optimality/gain", one, 3);
        print_directions(r, "loss at alpha 1, nats", "near_optimality/loss", one, 4);
    }
}

/* ---- figures ---- */
static void print_band(FILE *f, const claims_run *r, const char *name, size_t e)
{
    char interval[64];
    const evoke_figure *alphas = evoke_claims_find(r->claims, "alphas");
    snprintf(interval, sizeof interval, "%s_interval", name);
    fprintf(f, "$e%zu << END\n", e);
    for (size_t a = 0; a < alphas->dims[0]; a++) {
        plot_cell(f, alphas->values[a]);
        plot_cell(f, value_at(r->claims, name, e, a, 0));
        plot_cell(f, value_at(r->claims, interval, e, a, 0));
        plot_cell(f, value_at(r->claims, interval, e, a, 1));
        fputc('\n', f);
    }
    fputs("END\n", f);
}

/* A figure over alpha, an emotion a line, with its band. */
static void draw_over_alpha(FILE *f, const claims_run *r, const char *name)
{
    const size_t n = evoke_store_describe(r->store)->n_emotion;
    for (size_t e = 0; e < n; e++)
        print_band(f, r, name, e);
    fputs("set xlabel 'alpha'\nplot ", f);
    for (size_t e = 0; e < n; e++)
        fprintf(f, "$e%zu using 1:3:4 with filledcurves lc %zu fs transparent solid 0.15 noborder notitle, ", e, e + 1);
    for (size_t e = 0; e < n; e++) {
        fprintf(f, "%s$e%zu using 1:2 with linespoints lc %zu pt 7 ps 0.4 title \"", e ? ", " : "", e, e + 1);
        plot_name(f, evoke_store_emotion(r->store, e));
        fputs("\"", f);
    }
    fputc('\n', f);
}

static void draw_dose(FILE *f, const void *what)
{
    fputs("set title 'score of held-out queries by strength of the EV, 95 % bands; 0: neutral, 1: as when asked for it'\n", f);
    draw_over_alpha(f, what, "gain/score");
}

static void draw_kl(FILE *f, const void *what)
{
    fputs("set title 'change of the next-token distribution, KL in nats a token, 95 % bands'\nset yrange [0:*]\n", f);
    draw_over_alpha(f, what, "preservation/kl");
}

/* Gain against loss for each direction, the mean over emotions, alphas from 0 up. */
static void draw_directions(FILE *f, const void *what)
{
    const claims_run *r = what;
    const evoke_figure *alphas = evoke_claims_find(r->claims, "alphas");
    const size_t n = evoke_store_describe(r->store)->n_emotion;
    fputs("set title 'emotion gained against likelihood lost, by direction, at alpha from 0 up (means over emotions)'\n", f);
    for (size_t b = 0; evoke_claims_direction(b); b++) {
        fprintf(f, "$b%zu << END\n", b);
        for (size_t a = place_of(r->claims, 0); a < alphas->dims[0]; a++) {
            double gain = 0, loss = 0;
            for (size_t e = 0; e < n; e++) {
                gain += value_at(r->claims, "near_optimality/gain", e, b, a) / (double)n;
                loss += value_at(r->claims, "near_optimality/loss", e, b, a) / (double)n;
            }
            fprintf(f, "%.9g %.9g %.9g\n", loss, gain, alphas->values[a]);
        }
        fputs("END\n", f);
    }
    fputs("set xlabel 'nats a token lost'\nset ylabel 'gain of score'\nplot ", f);
    for (size_t b = 0; evoke_claims_direction(b); b++)
        fprintf(f, "%s$b%zu using 1:2 with linespoints pt 7 ps 0.5 title '%s'", b ? ", " : "", b, evoke_claims_direction(b));
    fputc('\n', f);
}

evoke_status claims_draw(const claims_run *r, const char *folder, evoke_error *err)
{
    static const plot plots[] = { { "dose_response", draw_dose }, { "divergence", draw_kl }, { "directions", draw_directions } };
    return plots_draw(folder, plots, sizeof plots / sizeof *plots, r, err);
}
