/* theory/claims.c: evoke_claims_run: what is steered and read, which queries are held out, and the run over them. */
#include "theory/claims.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels/matmul.h"
#include "layers/model.h"
#include "layers/vectors.h"

static const char *const what = "claims";
static const double usual_alphas[] = { -2, -1, -0.5, 0, 0.5, 1, 2, 3, 4 };
static const double ranges[] = { 1, 2, 4 };

const char *evoke_claims_direction(size_t i)
{
    static const char *const names[EVK_N_ARM] = { "ev", "fisher", "offset", "component", "random", "permuted" };
    return i < EVK_N_ARM ? names[i] : NULL;
}

evoke_claims_options evoke_claims_defaults(void)
{
    return (evoke_claims_options){
        .any_site = true, .positions = EVOKE_AT_ALL, .any_score_site = true, .score_layer = -1, .any_span = true,
        .shrinkage = EVOKE_SHRINK_LEDOIT_WOLF, .n_fold = 5, .n_held = 10, .n_predict = 24, .n_bootstrap = 1000,
    };
}

/* ---- what is steered and read ---- */

static bool both_hold(const evoke_claims *c, int32_t layer)
{
    const evoke_vectors *v = c->options.vectors;
    return evk_vectors_find_layer(v, layer) < evoke_vectors_describe(v)->n_layer
           && evk_store_find_layer(c->store, layer) < c->info->n_layer;
}

static evoke_status choose_span(evoke_claims *c, evoke_error *err)
{
    static const evoke_span usual[] = { EVOKE_SPAN_QUERY, EVOKE_SPAN_LAST, EVOKE_SPAN_PROMPT, EVOKE_SPAN_PROMPT_ALL };
    evoke_claims_options *o = &c->options;
    const size_t n = o->any_span ? sizeof usual / sizeof *usual : 1;
    for (size_t i = 0; i < n; i++) {
        const evoke_span span = o->any_span ? usual[i] : o->span;
        if (span == EVOKE_SPAN_RESPONSE || !evoke_store_has(c->store, o->score_site, span))
            continue;
        o->span = span;
        return EVOKE_OK;
    }
    return evk_fail(err, EVOKE_EDATA, "claims: the store has no means at site %s over a span of the prompt%s%s",
                    evoke_site_name(o->score_site), o->any_span ? "" : ", ", o->any_span ? "" : evoke_span_name(o->span));
}

static evoke_status choose_sites(evoke_claims *c, evoke_error *err)
{
    evoke_claims_options *o = &c->options;
    if (o->any_score_site) {
        o->score_site = evoke_store_site(c->store, 0);
        for (size_t i = 0; i < c->info->n_site; i++)
            if (evoke_store_site(c->store, i) == EVOKE_RESID_POST)
                o->score_site = EVOKE_RESID_POST;
    }
    EVK_TRY(choose_span(c, err));
    const size_t n = evoke_vectors_describe(o->vectors)->n_site;
    bool found = !o->any_site;
    for (size_t i = 0; o->any_site && i < n; i++) {
        const evoke_site site = evoke_vectors_site(o->vectors, i);
        if (evoke_store_has(c->store, site, o->span) && (!found || site == EVOKE_ATTN_OUT)) {
            o->site = site;
            found = true;
        }
    }
    if (!found)
        return evk_fail(err, EVOKE_EDATA, "claims: the vectors and the store, over the span %s, have no site in common",
                        evoke_span_name(o->span));
    if (!evoke_store_has(c->store, o->site, o->span) || !evoke_vectors_get(o->vectors, o->site, 0))
        return evk_fail(err, EVOKE_EDATA, "claims: the vectors and the store, over the span %s, do not both hold site %s",
                        evoke_span_name(o->span), evoke_site_name(o->site));
    return EVOKE_OK;
}

static int by_number(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* The layers steered, rising: those asked for, or the middle third of those that vectors and store hold. Either may list them in
 * any order. */
static evoke_status choose_layers(evoke_claims *c, evoke_error *err)
{
    const evoke_claims_options *o = &c->options;
    const size_t n_held = c->info->n_layer, n = o->layers ? o->n_layers : n_held;
    EVK_TRY(evk_alloc(&c->layers, n, sizeof *c->layers, what, err));
    for (size_t i = 0; i < n; i++) {
        const int32_t layer = o->layers ? o->layers[i] : evoke_store_layer(c->store, i);
        const bool held = both_hold(c, layer);
        if (!held && o->layers)
            return evk_fail(err, EVOKE_EDATA, "claims: the vectors and the store do not both hold layer %d", (int)layer);
        if (held)
            c->layers[c->n_layer++] = layer;
    }
    if (c->n_layer == 0)
        return evk_fail(err, EVOKE_EDATA, "claims: the vectors and the store have no layer in common");
    qsort(c->layers, c->n_layer, sizeof *c->layers, by_number);
    for (size_t i = 1; i < c->n_layer; i++)
        if (c->layers[i] == c->layers[i - 1])
            return evk_fail(err, EVOKE_EARG, "claims: layer %d is asked for twice", (int)c->layers[i]);
    if (!o->layers) {
        const size_t first = c->n_layer / 3, last = 2 * c->n_layer / 3 > first ? 2 * c->n_layer / 3 : first + 1;
        memmove(c->layers, c->layers + first, (last - first) * sizeof *c->layers);
        c->n_layer = last - first;
    }
    return EVOKE_OK;
}

/* How many layers the store holds between two, neither of which counts. */
static size_t count_between(const evoke_claims *c, int64_t above, int64_t below)
{
    size_t n = 0;
    for (size_t l = 0; l < c->info->n_layer; l++)
        n += evoke_store_layer(c->store, l) > above && evoke_store_layer(c->store, l) < below;
    return n;
}

static evoke_status choose_score_layer(evoke_claims *c, evoke_error *err)
{
    evoke_claims_options *o = &c->options;
    const int32_t last = c->layers[c->n_layer - 1];
    const size_t n = count_between(c, last, INT64_MAX);
    if (n == 0)
        return evk_fail(err, EVOKE_EDATA, "claims: the store holds no layer after %d, the last one steered (steer fewer: --layers)",
                        (int)last);
    for (size_t l = 0; o->score_layer < 0 && l < c->info->n_layer; l++) {
        const int32_t layer = evoke_store_layer(c->store, l);
        if (layer > last && count_between(c, last, layer) == n / 2)
            o->score_layer = layer;
    }
    if (o->score_layer <= last || evk_store_find_layer(c->store, o->score_layer) == c->info->n_layer)
        return evk_fail(err, EVOKE_EDATA, "claims: emotion can't be read at layer %d: the store must hold it, and it must lie after %d, "
                        "the last one steered", (int)o->score_layer, (int)last);
    return EVOKE_OK;
}

static evoke_status check_model(const evoke_claims *c, evoke_error *err)
{
    char sha[65];
    if (c->info->d_model != c->model->config.d_model || evoke_vectors_describe(c->options.vectors)->d_model != c->info->d_model)
        return evk_fail(err, EVOKE_EDATA, "claims: the store is %zu wide, the vectors %zu, the model %zu", c->info->d_model,
                        evoke_vectors_describe(c->options.vectors)->d_model, c->model->config.d_model);
    if (!c->info->model_sha256 || !*c->info->model_sha256)
        return EVOKE_OK;
    EVK_TRY(evoke_model_sha256(c->model, sha, err));
    if (strcmp(sha, c->info->model_sha256) != 0)
        return evk_fail(err, EVOKE_EDATA, "claims: the store is of another model (%s, SHA-256 %.12s...; the model's is %.12s...)",
                        c->info->model_name, c->info->model_sha256, sha);
    return EVOKE_OK;
}

static evoke_status check_emotions(const evoke_claims *c, evoke_error *err)
{
    const evoke_vectors *v = c->options.vectors;
    for (size_t e = 0; e < c->n_emotion; e++)
        if (evk_vectors_find(v, evoke_store_emotion(c->store, e)) == evoke_vectors_describe(v)->n_emotion)
            return evk_fail(err, EVOKE_EDATA, "claims: the vectors hold no '%s', which the store does", evoke_store_emotion(c->store, e));
    return EVOKE_OK;
}

/* ---- the grid and the queries ---- */
static evoke_status make_grid(evoke_claims *c, evoke_error *err)
{
    const evoke_claims_options *o = &c->options;
    const double *asked = o->alphas ? o->alphas : usual_alphas;
    const size_t n = o->alphas ? o->n_alpha : sizeof usual_alphas / sizeof *usual_alphas;
    bool zero = false;
    if (n + 1 > EVK_MOST_POINTS)
        return evk_fail(err, EVOKE_EARG, "claims: %zu strengths; %d are the most", n, EVK_MOST_POINTS - 1);
    EVK_TRY(evk_alloc(&c->alphas, n + 1, sizeof *c->alphas, what, err));
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(asked[i]) || (i > 0 && asked[i] <= asked[i - 1]))
            return evk_fail(err, EVOKE_EARG, "claims: the strengths must be finite and rise");
        if (!zero && asked[i] > 0)
            c->alphas[c->n_alpha++] = 0;
        zero = zero || asked[i] >= 0;
        c->alphas[c->n_alpha++] = asked[i];
    }
    if (!zero)
        c->alphas[c->n_alpha++] = 0;
    if (c->n_alpha < 3)
        return evk_fail(err, EVOKE_EARG, "claims: two strengths other than 0 are the least");
    while (c->alphas[c->zero] != 0)
        c->zero++;
    return EVOKE_OK;
}

static evoke_status hold_out(evoke_claims *c, evoke_error *err)
{
    const evoke_claims_options *o = &c->options;
    if (o->n_fold < 2 || o->n_held < 2)
        return evk_fail(err, EVOKE_EARG, "claims: %zu folds, %zu queries held out; two of each are the least", o->n_fold, o->n_held);
    EVK_TRY(evk_alloc(&c->held, c->n_emotion, sizeof *c->held, what, err));
    EVK_TRY(evk_alloc(&c->n_held, c->n_emotion, sizeof *c->n_held, what, err));
    for (size_t e = 0; e < c->n_emotion; e++) {
        const size_t first = c->score.starts[e], n = c->score.starts[e + 1] - first;
        const size_t held = (n + o->n_fold - 1) / o->n_fold;
        if (held < 2 || n - held < 3)
            return evk_fail(err, EVOKE_EDATA, "claims: '%s' has %zu complete queries: every %zu-th held out leaves too few of either",
                            evoke_store_emotion(c->store, e), n, o->n_fold);
        EVK_TRY(evk_alloc(&c->held[e], held, sizeof **c->held, what, err));
        for (size_t j = 0; j < n && c->n_held[e] < o->n_held; j++)
            if (evk_is_held(c, j))
                c->held[e][c->n_held[e]++] = first + j;
        c->figures.values[EVK_C_HELD][e] = (double)c->n_held[e];
    }
    return EVOKE_OK;
}

static void describe(evoke_claims *c)
{
    const evoke_claims_options *o = &c->options;
    snprintf(c->text, sizeof c->text, "steered: %s, layers %d to %d, positions %s; read: %s, layer %d, span %s; every %zu-th query held out",
             evoke_site_name(o->site), (int)c->layers[0], (int)c->layers[c->n_layer - 1], evoke_positions_name(o->positions),
             evoke_site_name(o->score_site), (int)o->score_layer, evoke_span_name(o->span), o->n_fold);
}

static evoke_status prepare(evoke_claims *c, evoke_error *err)
{
    EVK_TRY(check_model(c, err));
    EVK_TRY(check_emotions(c, err));
    EVK_TRY(choose_sites(c, err));
    EVK_TRY(choose_layers(c, err));
    EVK_TRY(choose_score_layer(c, err));
    EVK_TRY(make_grid(c, err));
    const size_t n_range = sizeof ranges / sizeof *ranges;
    EVK_TRY(evk_claim_figures_new(c->n_emotion, c->n_alpha, EVK_N_ARM, n_range, c->n_layer, &c->figures, err));
    memcpy(c->figures.values[EVK_C_ALPHAS], c->alphas, c->n_alpha * sizeof *c->alphas);
    memcpy(c->figures.values[EVK_C_RANGES], ranges, sizeof ranges);
    describe(c);
    return EVOKE_OK;
}

/* ---- prompts, steerings, responses ---- */
evoke_status evk_claims_prompt(evoke_claims *c, size_t place, evk_store_prompt *p, evoke_error *err)
{
    return evk_store_read_prompt(c->store, c->score.queries[place], c->score.zero, c->options.score_site, c->score.span, p, err);
}

evoke_status evk_claims_steer(const evoke_claims *c, evk_arm arm, const evoke_strength *strengths, size_t n,
                              evoke_steering **out, evoke_error *err)
{
    const evoke_steer_options how = {
        .vectors = arm == EVK_ARM_EV ? c->options.vectors : c->arms[arm], .strengths = strengths, .n_strengths = n,
        .site = c->options.site, .positions = c->options.positions, .mode = EVOKE_STEER_ADD, .layers = c->layers,
        .n_layers = c->n_layer,
    };
    EVK_TRY(evoke_steering_new(c->model, out, err));
    return evoke_steering_add(*out, &how, err);
}

evoke_status evk_claims_respond(const evoke_claims *c, const evk_store_prompt *const *prompts, const evoke_steering *const *steerings,
                                size_t n, evoke_response *responses, evoke_error *err)
{
    evoke_request *requests = NULL;
    EVK_TRY(evk_alloc(&requests, n, sizeof *requests, what, err));
    for (size_t i = 0; i < n; i++)
        requests[i] = (evoke_request){ .ids = prompts[i]->ids, .n_ids = prompts[i]->n, .n_predict = c->options.n_predict,
                                       .steering = steerings[i], .at_least_one = true };
    const evoke_status st = evoke_generate(c->model, requests, n, 0, NULL, NULL, NULL, responses, err);
    free(requests);
    return st;
}

/* ---- the run ---- */
static evoke_status run(evoke_claims *c, const evoke_progress *progress, evoke_error *err)
{
    EVK_TRY(evk_blas_check(err));
    EVK_TRY(prepare(c, err));
    const evoke_claims_options *o = &c->options;
    const evoke_fisher_options read = { .site = o->score_site, .span = o->span, .first_layer = o->score_layer,
                                        .last_layer = o->score_layer, .shrinkage = o->shrinkage };
    EVK_TRY(evk_samples_open(c->store, &read, &c->score, err));
    EVK_TRY(evk_samples_read(&c->score, 0, err));
    EVK_TRY(hold_out(c, err));
    EVK_TRY(evk_alloc(&c->w, c->n_emotion * c->d, sizeof *c->w, what, err));
    EVK_TRY(evk_alloc(&c->w0, c->n_emotion, sizeof *c->w0, what, err));
    EVK_TRY(evk_claims_fit(c, err));
    EVK_TRY(evk_claims_pairs(c, err));
    for (size_t e = 0; e < c->n_emotion; e++) {
        EVK_TRY(evk_claims_doses(c, e, progress, err));
        EVK_TRY(evk_claims_responses(c, e, err));
    }
    return EVOKE_OK;
}

evoke_status evoke_claims_run(const evoke_model *m, evoke_store *s, const evoke_claims_options *options,
                              const evoke_progress *progress, evoke_claims **out, evoke_error *err)
{
    evoke_claims *c = NULL;
    *out = NULL;
    EVK_TRY(evk_alloc(&c, 1, sizeof *c, what, err));
    c->options = *options;
    c->model = m;
    c->store = s;
    c->info = evoke_store_describe(s);
    c->d = c->info->d_model;
    c->n_emotion = c->info->n_emotion;
    const evoke_status st = run(c, progress, err);
    evk_samples_close(&c->score);
    for (size_t e = 0; c->held && e < c->n_emotion; e++)
        free(c->held[e]);
    free(c->held);
    free(c->n_held);
    free(c->w);
    free(c->w0);
    c->held = NULL;
    c->n_held = NULL;
    c->w = c->w0 = NULL;
    for (evk_arm arm = 0; arm < EVK_N_ARM; arm++) {
        evoke_vectors_free(c->arms[arm]);
        c->arms[arm] = NULL;
    }
    if (st == EVOKE_OK)
        *out = c;
    else
        evoke_claims_free(c);
    return st;
}

void evoke_claims_free(evoke_claims *c)
{
    if (!c)
        return;
    evk_figures_free(&c->figures);
    free(c->alphas);
    free(c->layers);
    free(c);
}

const evoke_figure *evoke_claims_figure(const evoke_claims *c, size_t i)
{
    return i < c->figures.n ? &c->figures.described[i] : NULL;
}

const evoke_figure *evoke_claims_find(const evoke_claims *c, const char *name)
{
    return evk_figures_find(&c->figures, name);
}

const char *evoke_claims_text(const evoke_claims *c)
{
    return c->text;
}
