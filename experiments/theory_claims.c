/* experiments/theory_claims.c: the paper's four claims on the running model: its options, and the run. */
#include "experiments/theory_claims.h"

#include <stdlib.h>

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

/* ---- options ---- */
static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* --alphas, sorted. */
static evoke_status read_alphas(claims_run *r, evoke_error *err)
{
    const evoke_status st = options_alphas(r->o, &r->alphas, &r->how.n_alpha, err);
    if (st == EVOKE_OK && r->alphas)
        qsort(r->alphas, r->how.n_alpha, sizeof *r->alphas, ascending);
    r->how.alphas = r->alphas;
    return st;
}

static evoke_status read_words(claims_run *r, evoke_error *err)
{
    const char *site = option_text(r->o, OPT_SITE), *at = option_text(r->o, OPT_POSITIONS);
    size_t layer = 0;
    r->how.any_site = site == NULL;
    evoke_status st = site ? parse_site("site", site, &r->how.site, err) : EVOKE_OK;
    if (st != EVOKE_OK)
        return st;
    if (at && !evoke_positions_find(at, &r->how.positions))
        return fail(err, EVOKE_EARG, "read --positions: '%s' is none of all, prompt, response, last", at);
    st = option_size(r->o, OPT_SCORE_LAYER, 0, 100000, &layer, err);
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

static evoke_status write_files(const claims_run *r, evoke_error *err)
{
    const char *stats = option_text(r->o, OPT_STATS), *figures = option_text(r->o, OPT_FIGURES);
    const evoke_provenance made = { r->o->command_line, r->how.seed };
    evoke_status st = stats ? evoke_claims_save(r->claims, stats, &made, err) : EVOKE_OK;
    if (st == EVOKE_OK && figures)
        st = claims_draw(r, figures, err);
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
        st = claims_print_json(&r, err);
    else if (st == EVOKE_OK)
        claims_print_tables(&r);
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
