/* experiments/cmd_theory.c: Fisher's directions of a store against emotion vectors, by layer and emotion. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/json_out.h"
#include "experiments/options.h"
#include "experiments/progress.h"

static const struct poptOption own[] = {
    { "ev", 0, POPT_ARG_STRING, NULL, OPT_EV, "compare with these (default: the store's own mean differences)", "FILE" },
    { "span", 0, POPT_ARG_STRING, NULL, OPT_SPAN,
      "which span's means (default: the only one held, else response, then query)", "SPAN" },
    { "site", 0, POPT_ARG_STRING, NULL, OPT_SITE, "hook point (default: resid_post if held, else the first)", "SITE" },
    { "layers", 0, POPT_ARG_STRING, NULL, OPT_LAYERS, "A-B, one layer, or all (default: all)", "RANGE" },
    { "shrinkage", 0, POPT_ARG_STRING, NULL, OPT_SHRINKAGE,
      "of Sw towards its mean diagonal: lw (Ledoit-Wolf), oas, or 0..1 (default: lw)", "HOW" },
    { "raw", 0, POPT_ARG_NONE, NULL, OPT_RAW, "-o: keep w as Sw^-1 ev (default: scaled to the norm of the EV)", NULL },
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT, "Fisher's directions, as vectors that --ev takes", "FILE" },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "STORE.h5 [--ev VECTORS.h5] [options]",
    .about = "Is the emotion vector a good direction? Class 1: an emotion's queries in the emotion setting; class 0: the\n"
             "same queries in the neutral one. Fisher's direction is w = Sw^-1 (mu_1 - mu_0). For each layer and emotion:\n"
             "  cos       cosine between EV and w              wcos      the same after whitening by Sw\n"
             "  J(ev) J(w)  Fisher's ratio along either        eff       wcos^2: the share of w's ratio that EV reaches\n"
             "  d' auc    separation along EV and along w      shrink    shrinkage of Sw that was used\n"
             "All of it in sample. Without -v the table has the five layers of highest efficiency of each emotion.",
    .examples = "  evoke theory acts.h5\n"
                "  evoke theory acts.h5 --ev ev.h5 --layers 8-20 --shrinkage oas -v\n"
                "  evoke theory acts.h5 --json -o fisher.h5\n",
    .own = own, .least = 1, .most = 1,
};

static evoke_status default_site(const options *o, const evoke_store *s, evoke_site *site, evoke_error *err)
{
    const char *name = option_text(o, OPT_SITE);
    const size_t n = evoke_store_describe(s)->n_site;
    if (name && !evoke_site_find(name, site))
        return fail(err, EVOKE_EARG, "read --site: no hook point is called '%s'", name);
    if (name)
        return EVOKE_OK;
    if (n == 0)
        return fail(err, EVOKE_EDATA, "theory: the store holds no site");
    *site = evoke_store_site(s, 0);
    for (size_t i = 0; i < n; i++)
        if (evoke_store_site(s, i) == EVOKE_RESID_POST)
            *site = EVOKE_RESID_POST;
    return EVOKE_OK;
}

static evoke_status read_range(const options *o, evoke_fisher_options *how, evoke_error *err)
{
    int32_t *layers = NULL;
    size_t n = 0;
    how->first_layer = 0;
    how->last_layer = -1;
    evoke_status st = parse_layers(option_text(o, OPT_LAYERS), &layers, &n, err);
    if (st == EVOKE_OK && layers) {
        how->first_layer = layers[0];
        how->last_layer = layers[n - 1];
        if ((size_t)(how->last_layer - how->first_layer) + 1 != n)
            st = fail(err, EVOKE_EARG, "read --layers: theory takes one range, A-B, not '%s'",
                      option_text(o, OPT_LAYERS));
    }
    free(layers);
    return st;
}

static evoke_status read_how(const options *o, const evoke_store *s, evoke_fisher_options *how, evoke_error *err)
{
    const char *shrinkage = option_text(o, OPT_SHRINKAGE);
    how->raw = option_given(o, OPT_RAW);
    how->shrinkage = EVOKE_SHRINK_LEDOIT_WOLF;
    evoke_status st = default_site(o, s, &how->site, err);
    if (st == EVOKE_OK)
        st = options_one_span(o, &how->span, &how->any_span, err);
    if (st == EVOKE_OK)
        st = read_range(o, how, err);
    if (st == EVOKE_OK && shrinkage && strcmp(shrinkage, "oas") == 0)
        how->shrinkage = EVOKE_SHRINK_OAS;
    else if (st == EVOKE_OK && shrinkage && strcmp(shrinkage, "lw") != 0)
        st = parse_real(shrinkage, "--shrinkage (lw, oas or a number)", 0, 1, &how->shrinkage, err);
    return st;
}

/* ---- printing ---- */
static json_t *row_json(const evoke_fisher_row *r)
{
    json_t *o = json_object();
    json_put(o, "cosine", json_number(r->cosine));
    json_put(o, "whitened_cosine", json_number(r->whitened_cosine));
    json_put(o, "fisher_ratio_ev", json_number(r->fisher_ratio_ev));
    json_put(o, "fisher_ratio_w", json_number(r->fisher_ratio_w));
    json_put(o, "efficiency", json_number(r->efficiency));
    json_put(o, "dprime_ev", json_number(r->dprime_ev));
    json_put(o, "dprime_w", json_number(r->dprime_w));
    json_put(o, "auc_ev", json_number(r->auc_ev));
    json_put(o, "auc_w", json_number(r->auc_w));
    json_put(o, "shrinkage", json_number(r->shrinkage));
    json_put(o, "n", json_count(r->n));
    return o;
}

static evoke_status print_json(const evoke_store *s, const evoke_fisher_options *how, const evoke_fisher_result *f,
                               evoke_error *err)
{
    json_t *result = json_object(), *layers = json_array(), *emotions = NULL;
    for (size_t i = 0; i < f->n_rows; i++) {
        const evoke_fisher_row *r = &f->rows[i];
        if (i == 0 || r->layer != f->rows[i - 1].layer) {
            json_t *layer = json_object();
            emotions = json_object();
            json_put(layer, "layer", json_integer(r->layer));
            json_put(layer, "emotions", emotions);
            json_add(layers, layer);
        }
        json_put(emotions, evoke_store_emotion(s, r->emotion), row_json(r));
    }
    json_put(result, "site", json_string(evoke_site_name(how->site)));
    json_put(result, "layers", layers);
    return json_print(stdout, result, 17, err);
}

static void print_row(const evoke_store *s, const evoke_fisher_row *r)
{
    printf("%-12.12s %5d %7.3f %7.3f %9.3g %9.3g %7.3f %6.2f %6.2f %6.3f %6.3f %6.3f\n",
           evoke_store_emotion(s, r->emotion), (int)r->layer, r->cosine, r->whitened_cosine, r->fisher_ratio_ev,
           r->fisher_ratio_w, r->efficiency, r->dprime_ev, r->dprime_w, r->auc_ev, r->auc_w, r->shrinkage);
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

static void print_table(const evoke_store *s, const evoke_fisher_options *how, const evoke_fisher_result *f, bool all)
{
    const size_t n_emotion = evoke_store_describe(s)->n_emotion;
    printf("%s, in sample%s\n%-12s %5s %7s %7s %9s %9s %7s %6s %6s %6s %6s %6s\n", evoke_site_name(how->site),
           all ? "" : "; the five layers of highest efficiency (-v: all)", "emotion", "layer", "cos", "wcos", "J(ev)",
           "J(w)", "eff", "d'ev", "d'w", "aucev", "aucw", "shrink");
    for (size_t e = 0; e < n_emotion; e++)
        for (size_t i = 0; i < f->n_rows; i++)
            if (f->rows[i].emotion == e && (all || among_best(f, i, 5)))
                print_row(s, &f->rows[i]);
}

static void tell_unfinished(const options *o, const evoke_store *s)
{
    const evoke_store_info *i = evoke_store_describe(s);
    const size_t n = i->n_query * i->n_setting;
    if (!o->quiet && i->n_done < n)
        say("%s: %zu of %zu prompts are not done; their queries are left out", o->arguments[0], n - i->n_done, n);
}

static evoke_status theory(const options *o, evoke_error *err)
{
    evoke_store *s = NULL;
    evoke_vectors *v = NULL;
    evoke_fisher_options how = { 0 };
    evoke_fisher_result f = { 0 };
    progress p;
    const char *ev = option_text(o, OPT_EV), *path = option_text(o, OPT_OUTPUT);
    evoke_status st = evoke_store_open(o->arguments[0], &s, err);
    if (st == EVOKE_OK)
        st = read_how(o, s, &how, err);
    if (st == EVOKE_OK && ev)
        st = evoke_vectors_open(ev, &v, err);
    if (st == EVOKE_OK) {
        how.vectors = v;
        progress_begin(&p, o->quiet);
        const evoke_progress hook = progress_hook(&p);
        st = evoke_fisher(s, &how, &hook, &f, err);
        progress_end(&p);
    }
    if (st == EVOKE_OK)
        tell_unfinished(o, s);
    if (st == EVOKE_OK && path) {
        const evoke_provenance made = { o->command_line, 0 };
        st = evoke_vectors_save(f.directions, path, &made, err);
    }
    if (st == EVOKE_OK && o->json)
        st = print_json(s, &how, &f, err);
    else if (st == EVOKE_OK)
        print_table(s, &how, &f, o->verbose);
    evoke_fisher_result_free(&f);
    evoke_vectors_free(v);
    evoke_store_free(s);
    return st;
}

evoke_status cmd_theory(int argc, const char **argv, evoke_error *err)
{
    options o;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done && option_given(&o, OPT_RAW) && !option_given(&o, OPT_OUTPUT))
        st = fail(err, EVOKE_EARG, "theory: --raw is about the directions, which only -o writes");
    if (st == EVOKE_OK && !o.done)
        st = theory(&o, err);
    options_free(&o);
    return st;
}
