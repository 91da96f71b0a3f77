/* experiments/cmd_compare.c: two stores or vectors files of the same queries: what else changed the emotion vectors? */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/json_out.h"
#include "experiments/options.h"
#include "experiments/progress.h"
#include "experiments/theory_output.h"

static const struct poptOption own[] = {
    { "span", 0, POPT_ARG_STRING, NULL, OPT_SPAN, "of stores: these means (default: the only ones held, else response, query)",
      "SPAN" },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "A B [--span SPAN] [--json]",
    .about = "Holds the emotion vectors of B against those of A, by site, layer and emotion, where both are of the same\n"
             "queries: one model in two types of weights, say. A and B are two stores, or two files of vectors.\n"
             "  cosine         of the two vectors; 1: the same arrow\n"
             "  norm ratio     length of B's vector over that of A's\n"
             "  Fisher change  J of B over J of A, where J(v) = (v.EV)^2 / (v^T Sw v) along each one's own EV, Sw the scatter\n"
             "                 within the two settings, not shrunk: the squared gap between the settings in units of the\n"
             "                 scatter along it. Under 1: B tells them less well apart. Of stores only: vectors have no scatter\n"
             "A table shows eight layers, -v all. Two models' responses are different texts, so span 'response' compares\n"
             "those too; 'query' and 'last' compare what the models make of the same tokens.\n"
             "Refused are other queries (ids, texts or emotions; of vectors their numbers, all that they know), emotions,\n"
             "layers, sites, settings, spans, methods or widths; 'query' cuts a store to what both hold.\n"
             "  --json: {\"a\", \"b\": {\"file\", \"model\", \"sha256\"}, \"kind\", \"same_prompts\", \"sites\": {SITE:\n"
             "          {\"layers\": [{\"layer\", \"emotions\": {NAME: {\"n\", \"cosine\", \"norm_a\", \"norm_b\", \"norm_ratio\",\n"
             "          \"fisher_a\", \"fisher_b\", \"fisher_change\"}}}], \"summary\": {FIGURE: {\"least\", \"median\", \"most\"}}}}}",
    .examples = "  evoke compare f16.h5 q4_k.h5\n"
                "  evoke compare ev-f16.h5 ev-q4_k.h5 --json\n",
    .own = own, .least = 2, .most = 2,
};

/* What is compared: both stores, or both vectors. */
typedef struct compared {
    const char *path;
    evoke_store *store;
    evoke_vectors *vectors;
    const char *model, *sha256;
} compared;

typedef struct figure { const char *name, *title; size_t at; int digits; bool of_stores; } figure;
static const figure figures[] = {
    { "cosine", "cosine", offsetof(evoke_comparison_row, cosine), 4, false },
    { "norm_ratio", "norm ratio, B/A", offsetof(evoke_comparison_row, norm_ratio), 3, false },
    { "fisher_change", "Fisher change, B/A", offsetof(evoke_comparison_row, fisher_change), 3, true },
};
enum { N_FIGURE = sizeof figures / sizeof *figures, MOST_COLUMNS = 7, MOST_LAYERS = 8 };

static double value_of(const evoke_comparison_row *row, const figure *f)
{
    return *(const double *)((const char *)row + f->at);
}

static const char *emotion_of(const compared *c, size_t e)
{
    return c->store ? evoke_store_emotion(c->store, e) : evoke_vectors_emotion(c->vectors, e);
}

static size_t count_emotions(const compared *c)
{
    return c->store ? evoke_store_describe(c->store)->n_emotion : evoke_vectors_describe(c->vectors)->n_emotion;
}

/* How many rows from the first on are of its site. */
static size_t rows_of_site(const evoke_comparison *c, size_t first)
{
    size_t n = 1;
    while (first + n < c->n_rows && c->rows[first + n].site == c->rows[first].site)
        n++;
    return n;
}

/* ---- spread of a figure over layers and emotions ---- */
typedef struct spread { double least, median, most; } spread;

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of those that are finite. */
static evoke_status spread_of(const evoke_comparison_row *rows, size_t n, const figure *f, spread *out, evoke_error *err)
{
    double *x = NULL;
    size_t n_finite = 0;
    *out = (spread){ NAN, NAN, NAN };
    const evoke_status st = allocate(&x, n, sizeof *x, err);
    if (st != EVOKE_OK)
        return st;
    for (size_t i = 0; i < n; i++)
        if (isfinite(value_of(&rows[i], f)))
            x[n_finite++] = value_of(&rows[i], f);
    qsort(x, n_finite, sizeof *x, ascending);
    if (n_finite)
        *out = (spread){ x[0], (x[(n_finite - 1) / 2] + x[n_finite / 2]) / 2, x[n_finite - 1] };
    free(x);
    return EVOKE_OK;
}

/* ---- JSON ---- */
static json_t *row_json(const evoke_comparison_row *r)
{
    json_t *o = json_object();
    json_put(o, "n", json_count(r->n));
    json_put(o, "cosine", json_number(r->cosine));
    json_put(o, "norm_a", json_number(r->norm_a));
    json_put(o, "norm_b", json_number(r->norm_b));
    json_put(o, "norm_ratio", json_number(r->norm_ratio));
    json_put(o, "fisher_a", json_number(r->fisher_a));
    json_put(o, "fisher_b", json_number(r->fisher_b));
    json_put(o, "fisher_change", json_number(r->fisher_change));
    return o;
}

static json_t *layers_json(const compared *a, const evoke_comparison_row *rows, size_t n)
{
    const size_t n_emotion = count_emotions(a);
    json_t *layers = json_array();
    for (size_t i = 0; i < n; i += n_emotion) {
        json_t *layer = json_object(), *emotions = json_object();
        for (size_t e = 0; e < n_emotion; e++)
            json_put(emotions, emotion_of(a, e), row_json(&rows[i + e]));
        json_put(layer, "layer", json_integer(rows[i].layer));
        json_put(layer, "emotions", emotions);
        json_add(layers, layer);
    }
    return layers;
}

static evoke_status site_json(const compared *a, const evoke_comparison_row *rows, size_t n, json_t *sites, evoke_error *err)
{
    json_t *site = json_object(), *summary = json_object();
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; i < N_FIGURE && st == EVOKE_OK; i++) {
        json_t *o = json_object();
        spread s;
        st = spread_of(rows, n, &figures[i], &s, err);
        json_put(o, "least", json_number(s.least));
        json_put(o, "median", json_number(s.median));
        json_put(o, "most", json_number(s.most));
        json_put(summary, figures[i].name, o);
    }
    json_put(site, "layers", layers_json(a, rows, n));
    json_put(site, "summary", summary);
    json_put(sites, evoke_site_name(rows->site), site);
    return st;
}

static json_t *side_json(const compared *c)
{
    json_t *o = json_object();
    json_put(o, "file", json_text(c->path, strlen(c->path)));
    json_put(o, "model", json_text(c->model, strlen(c->model)));
    json_put(o, "sha256", json_text(c->sha256, strlen(c->sha256)));
    return o;
}

static evoke_status print_json(const compared sides[2], const evoke_comparison *c, evoke_error *err)
{
    json_t *all = json_object(), *sites = json_object();
    evoke_status st = EVOKE_OK;
    for (size_t i = 0, n; i < c->n_rows && st == EVOKE_OK; i += n) {
        n = rows_of_site(c, i);
        st = site_json(&sides[0], &c->rows[i], n, sites, err);
    }
    json_put(all, "a", side_json(&sides[0]));
    json_put(all, "b", side_json(&sides[1]));
    json_put(all, "kind", json_string(sides[0].store ? "stores" : "vectors"));
    json_put(all, "same_prompts", json_boolean(c->same_prompts));
    json_put(all, "sites", sites);
    if (st == EVOKE_OK)
        return json_print(stdout, all, 17, err);
    json_decref(all);
    return st;
}

/* ---- text ---- */
/* At most `most` layers, evenly spread. */
static void print_figure(const compared *a, const evoke_comparison_row *rows, size_t n, const figure *f, size_t most)
{
    const size_t n_emotion = count_emotions(a), n_column = n_emotion < MOST_COLUMNS ? n_emotion : MOST_COLUMNS;
    const size_t n_layer = n / n_emotion, shown = n_layer < most ? n_layer : most;
    printf("%s, %s\n%5s", evoke_site_name(rows->site), f->title, "layer");
    for (size_t e = 0; e < n_column; e++)
        printf(" %9.9s", emotion_of(a, e));
    for (size_t k = 0; k < shown; k++) {
        const evoke_comparison_row *layer = rows + (shown < 2 ? 0 : k * (n_layer - 1) / (shown - 1)) * n_emotion;
        printf("\n%5d", (int)layer->layer);
        for (size_t e = 0; e < n_column; e++)
            table_number(value_of(&layer[e], f), 9, f->digits);
    }
    printf(n_column < n_emotion ? "\n(%zu of %zu emotions; --json has all)\n" : "\n", n_column, n_emotion);
}

static evoke_status print_summary(const evoke_comparison *c, bool stores, evoke_error *err)
{
    printf("\nover layers and emotions       least    median      most\n");
    for (size_t i = 0, n; i < c->n_rows; i += n) {
        n = rows_of_site(c, i);
        for (size_t k = 0; k < N_FIGURE; k++) {
            spread s;
            const evoke_status st = spread_of(&c->rows[i], n, &figures[k], &s, err);
            if (st != EVOKE_OK)
                return st;
            if (figures[k].of_stores && !stores)
                continue;
            printf("%-10s %-14s", evoke_site_name(c->rows[i].site), figures[k].name);
            table_number(s.least, 9, figures[k].digits);
            table_number(s.median, 9, figures[k].digits);
            table_number(s.most, 9, figures[k].digits);
            putchar('\n');
        }
    }
    return EVOKE_OK;
}

static evoke_status print_text(const compared sides[2], const evoke_comparison *c, bool all, evoke_error *err)
{
    const bool stores = sides[0].store != NULL;
    printf("A           %s (%s)\nB           %s (%s)\n", sides[0].path, sides[0].model, sides[1].path, sides[1].model);
    if (!stores)
        puts("no Fisher ratios: vectors have no scatter; compare the stores that they were made of");
    for (size_t i = 0, n; i < c->n_rows; i += n) {
        n = rows_of_site(c, i);
        for (size_t k = 0; k < N_FIGURE; k++)
            if (stores || !figures[k].of_stores)
                print_figure(&sides[0], &c->rows[i], n, &figures[k], all ? SIZE_MAX : MOST_LAYERS);
    }
    return print_summary(c, stores, err);
}

/* ---- the command ---- */
/* A store where the file says so, or says nothing and is laid out as one; vectors of any tool otherwise. */
static evoke_status open_side(const options *o, const char *path, compared *c, evoke_error *err)
{
    char format[64] = "evoke-vectors";
    c->path = path;
    c->model = c->sha256 = "";
    (void)evoke_file_format(path, format, NULL);
    evoke_status st = EVOKE_OK;
    if (strcmp(format, "evoke-activations") == 0 || (!*format && evoke_store_open(path, &c->store, NULL) == EVOKE_OK)) {
        st = c->store ? EVOKE_OK : evoke_store_open(path, &c->store, err);
        if (st == EVOKE_OK) {
            c->model = evoke_store_describe(c->store)->model_name;
            c->sha256 = evoke_store_describe(c->store)->model_sha256;
        }
        return st;
    }
    st = options_open_vectors(o, path, &c->vectors, err);
    if (st == EVOKE_OK) {
        c->model = evoke_vectors_describe(c->vectors)->model_name;
        c->sha256 = evoke_vectors_describe(c->vectors)->model_sha256;
    }
    return st;
}

static evoke_status compare(const options *o, const compared sides[2], evoke_comparison *out, evoke_error *err)
{
    evoke_span span = EVOKE_SPAN_QUERY;
    bool any = true;
    progress p;
    if (!sides[0].store != !sides[1].store)
        return fail(err, EVOKE_EDATA, "compare: %s is a store, the other are vectors: 'evoke ev' makes vectors of a store (%s)",
                    sides[0].store ? "the first" : "the second", sides[1].path);
    evoke_status st = options_one_span(o, &span, &any, err);
    if (st != EVOKE_OK)
        return st;
    if (!sides[0].store && !any)
        return fail(err, EVOKE_EARG, "compare: vectors are of one span, there is none to choose (--span)");
    if (!sides[0].store)
        return evoke_compare_vectors(sides[0].vectors, sides[1].vectors, out, err);
    progress_begin(&p, o->quiet);
    const evoke_progress hook = progress_hook(&p);
    st = evoke_compare_stores(sides[0].store, sides[1].store, any ? NULL : &span, &hook, out, err);
    progress_end(&p);
    if (st == EVOKE_OK && !out->same_prompts && !o->quiet)
        say("warning: the queries were asked in other words, or in another chat template: that differs beside the models");
    return st;
}

evoke_status cmd_compare(int argc, const char **argv, evoke_error *err)
{
    options o;
    compared sides[2] = { 0 };
    evoke_comparison c = { 0 };
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done) {
        for (size_t i = 0; i < 2 && st == EVOKE_OK; i++)
            st = open_side(&o, o.arguments[i], &sides[i], err);
        if (st == EVOKE_OK)
            st = compare(&o, sides, &c, err);
        if (st == EVOKE_OK)
            st = o.json ? print_json(sides, &c, err) : print_text(sides, &c, o.verbose, err);
    }
    evoke_comparison_free(&c);
    for (size_t i = 0; i < 2; i++) {
        evoke_store_free(sides[i].store);
        evoke_vectors_free(sides[i].vectors);
    }
    options_free(&o);
    return st;
}
