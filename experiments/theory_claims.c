/* experiments/theory_claims.c: the paper's four claims on the running model: options, JSON, tables, figures. */
#include "experiments/theory_claims.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/json_out.h"
#include "experiments/plots.h"
#include "experiments/progress.h"

const struct poptOption options_claims[] = {
    { "claims", 0, POPT_ARG_NONE, NULL, OPT_CLAIMS, "the paper's four claims, on the running model (-m, --store, --ev)", NULL },
    { "store", 0, POPT_ARG_STRING, NULL, OPT_STORE, "the store, as the argument without --claims", "FILE" },
    { "alphas", 0, POPT_ARG_STRING, NULL, OPT_ALPHAS, "strengths (default -2,-1,-0.5,0,0.5,1,2,3,4)", "LIST" },
    { "positions", 0, POPT_ARG_STRING, NULL, OPT_POSITIONS, "tokens steered: all, prompt, response, last (default all)", "WHICH" },
    { "score-layer", 0, POPT_ARG_STRING, NULL, OPT_SCORE_LAYER,
      "where emotion is read (default: half way from the last layer steered to the end)", "N" },
    { "limit", 0, POPT_ARG_STRING, NULL, OPT_LIMIT, "held-out queries an emotion at most (default 10)", "N" },
    { "n-predict", 'n', POPT_ARG_STRING, NULL, OPT_N_PREDICT, "tokens of a response (default 24)", "N" },
    { "embed-model", 0, POPT_ARG_STRING, NULL, OPT_EMBED_MODEL,
      "sentence encoder, for the similarity of responses (default: that figure is left out)", "FOLDER" },
    { "judge-model", 0, POPT_ARG_STRING, NULL, OPT_JUDGE_MODEL,
      "chat model that judges the responses (default: the model itself, unsteered, where it has a chat template)", "FILE" },
    POPT_TABLEEND
};

typedef struct claims_run {
    const options *o;
    evoke_model *model, *judge;
    evoke_store *store;
    evoke_vectors *vectors;
    evoke_encoder *encoder;
    evoke_claims_options how;
    double *alphas;
    int32_t *layers;
    evoke_claims *claims;
} claims_run;

/* ---- options ---- */
static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* --alphas, sorted; the same one twice is an error. */
static evoke_status read_alphas(claims_run *r, evoke_error *err)
{
    char **names = NULL;
    size_t n = 0;
    evoke_status st = option_names(r->o, OPT_ALPHAS, &names, &n, err);
    if (st == EVOKE_OK && n > 0)
        st = allocate(&r->alphas, n, sizeof *r->alphas, err);
    for (size_t i = 0; i < n && st == EVOKE_OK; i++)
        st = parse_real(names[i], "--alphas", -1e6, 1e6, &r->alphas[i], err);
    names_free(names, n);
    if (st != EVOKE_OK || n == 0)
        return st;
    qsort(r->alphas, n, sizeof *r->alphas, ascending);
    for (size_t i = 1; i < n; i++)
        if (r->alphas[i] == r->alphas[i - 1])
            return fail(err, EVOKE_EARG, "read --alphas: %g is given twice", r->alphas[i]);
    r->how.alphas = r->alphas;
    r->how.n_alpha = n;
    return EVOKE_OK;
}

static evoke_status read_words(claims_run *r, evoke_error *err)
{
    const char *site = option_text(r->o, OPT_SITE), *at = option_text(r->o, OPT_POSITIONS);
    size_t layer = 0;
    r->how.any_site = site == NULL;
    if (site && !evoke_site_find(site, &r->how.site))
        return fail(err, EVOKE_EARG, "read --site: no hook point is called '%s'", site);
    if (at && !evoke_positions_find(at, &r->how.positions))
        return fail(err, EVOKE_EARG, "read --positions: '%s' is none of all, prompt, response, last", at);
    evoke_status st = option_size(r->o, OPT_SCORE_LAYER, 0, 100000, &layer, err);
    if (option_given(r->o, OPT_SCORE_LAYER))
        r->how.score_layer = (int32_t)layer;
    if (st == EVOKE_OK)
        st = options_one_span(r->o, &r->how.span, &r->how.any_span, err);
    return st == EVOKE_OK ? parse_layers(option_text(r->o, OPT_LAYERS), &r->layers, &r->how.n_layers, err) : st;
}

static evoke_status read_options(claims_run *r, evoke_error *err)
{
    const struct { option_id id; size_t least, most, *value; } counts[] = {
        { OPT_LIMIT, 2, 1000000, &r->how.n_held }, { OPT_N_PREDICT, 1, 100000, &r->how.n_predict },
        { OPT_BOOTSTRAP, 0, 10000000, &r->how.n_bootstrap }, { OPT_FOLDS, 2, 1000000, &r->how.n_fold },
    };
    r->how = evoke_claims_defaults();
    evoke_status st = read_alphas(r, err);
    if (st == EVOKE_OK)
        st = read_words(r, err);
    if (st == EVOKE_OK)
        st = option_seed(r->o, OPT_SEED, &r->how.seed, err);
    if (st == EVOKE_OK)
        st = options_shrinkage(r->o, &r->how.shrinkage, err);
    for (size_t i = 0; i < sizeof counts / sizeof *counts && st == EVOKE_OK; i++)
        st = option_size(r->o, counts[i].id, counts[i].least, counts[i].most, counts[i].value, err);
    return st;
}

static evoke_status open_files(claims_run *r, evoke_error *err)
{
    const options *o = r->o;
    const char *store = o->n_arguments ? o->arguments[0] : NULL, *ev = NULL, *encoder = option_text(o, OPT_EMBED_MODEL);
    const char *judge = option_text(o, OPT_JUDGE_MODEL);
    evoke_model_options how = { 0 };
    evoke_status st = option_need(o, OPT_EV, "theory --claims", &ev, err);
    if (st == EVOKE_OK && !store)
        st = option_need(o, OPT_STORE, "theory --claims", &store, err);
    else if (st == EVOKE_OK && option_given(o, OPT_STORE))
        st = fail(err, EVOKE_EARG, "theory --claims: the store is given twice, '%s' and --store", store);
    if (st == EVOKE_OK)
        st = evoke_store_open(store, &r->store, err);
    if (st == EVOKE_OK)
        st = evoke_vectors_open(ev, &r->vectors, err);
    if (st == EVOKE_OK)
        st = option_size(o, OPT_THREADS, 1, 4096, &how.n_threads, err);
    if (st == EVOKE_OK && encoder)
        st = evoke_encoder_open(encoder, &how, &r->encoder, err);
    if (st == EVOKE_OK)
        st = options_open_model(o, EVOKE_EXACT, true, &r->model, err);
    if (st == EVOKE_OK && judge)
        st = evoke_model_open(judge, &how, &r->judge, err);
    r->how.judge = r->judge ? r->judge : r->model && evoke_model_template(r->model) ? r->model : NULL;
    r->how.vectors = r->vectors;
    r->how.encoder = r->encoder;
    r->how.layers = r->layers;
    return st;
}

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

static evoke_status print_json(const claims_run *r, evoke_error *err)
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

static void print_number(double x, int width, int digits)
{
    if (isfinite(x))
        printf(" %*.*f", width, digits, x);
    else
        printf(" %*s", width, "-");
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
        printf("%-9.9s %6.2f %6.2f..%-6.2f", evoke_store_emotion(r->store, e), value_at(c, "gain/slope", e, 0, 0),
               value_at(c, "gain/slope_interval", e, 0, 0), value_at(c, "gain/slope_interval", e, 1, 0));
        for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
            print_number(cells[i].value, cells[i].width, cells[i].digits);
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
            print_number(value_at(r->claims, figure, e, b, k), 9, digits);
    }
    putchar('\n');
}

static void print_tables(const claims_run *r)
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

static evoke_status write_files(const claims_run *r, evoke_error *err)
{
    static const plot plots[] = { { "dose_response", draw_dose }, { "divergence", draw_kl }, { "directions", draw_directions } };
    const char *stats = option_text(r->o, OPT_STATS), *figures = option_text(r->o, OPT_FIGURES);
    const evoke_provenance made = { r->o->command_line, r->how.seed };
    evoke_status st = stats ? evoke_claims_save(r->claims, stats, &made, err) : EVOKE_OK;
    if (st == EVOKE_OK && figures)
        st = plots_draw(figures, plots, sizeof plots / sizeof *plots, r, err);
    return st;
}

evoke_status theory_claims(const options *o, evoke_error *err)
{
    claims_run r = { .o = o };
    progress p;
    evoke_status st = read_options(&r, err);
    if (st == EVOKE_OK)
        st = open_files(&r, err);
    if (st == EVOKE_OK) {
        progress_begin(&p, o->quiet);
        const evoke_progress hook = progress_hook(&p);
        st = evoke_claims_run(r.model, r.store, &r.how, &hook, &r.claims, err);
        progress_end(&p);
    }
    if (st == EVOKE_OK && o->json)
        st = print_json(&r, err);
    else if (st == EVOKE_OK)
        print_tables(&r);
    if (st == EVOKE_OK)
        st = write_files(&r, err);
    evoke_claims_free(r.claims);
    evoke_encoder_free(r.encoder);
    evoke_vectors_free(r.vectors);
    evoke_store_free(r.store);
    evoke_model_free(r.judge);
    evoke_model_free(r.model);
    free(r.alphas);
    free(r.layers);
    return st;
}
