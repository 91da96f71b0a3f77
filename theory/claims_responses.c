/* theory/claims_responses.c: what the model says to the held-out queries at every strength of the EV, greedily: how likely a judge
 * finds the emotion among all, as log odds, and how near the sentences stay to those of the unsteered model (cosine of embeddings). */
#include <math.h>
#include <stdlib.h>

#include "core/text.h"
#include "core/vector_norm.h"
#include "layers/model.h"
#include "theory/claims.h"

static const char *const what = "claims";

typedef struct speaking {
    evoke_claims *c;
    size_t e, n, n_text;                /* emotion, queries, [A, n] texts */
    evoke_steering **steerings;         /* [A], none at alpha 0 */
    evk_store_prompt *prompts;          /* [n] */
    evoke_response *responses;          /* [A, n] */
    evoke_text *texts;                  /* [A, n] */
    const char **words;                 /* [A, n] the texts' bytes */
    double *x;                          /* [n] */
    evk_resampling r;
} speaking;

static evoke_status allocate(speaking *s, evoke_error *err)
{
    EVK_TRY(evk_alloc(&s->steerings, s->c->n_alpha, sizeof *s->steerings, what, err));
    EVK_TRY(evk_alloc(&s->prompts, s->n, sizeof *s->prompts, what, err));
    EVK_TRY(evk_alloc(&s->responses, s->n_text, sizeof *s->responses, what, err));
    EVK_TRY(evk_alloc(&s->texts, s->n_text, sizeof *s->texts, what, err));
    EVK_TRY(evk_alloc(&s->words, s->n_text, sizeof *s->words, what, err));
    EVK_TRY(evk_alloc(&s->x, s->n, sizeof *s->x, what, err));
    return evk_resampling_new(s->n, s->c->options.n_bootstrap, s->c->options.seed, s->e, &s->r, err);
}

static void release(speaking *s)
{
    for (size_t a = 0; s->steerings && a < s->c->n_alpha; a++)
        evoke_steering_free(s->steerings[a]);
    for (size_t q = 0; s->prompts && q < s->n; q++)
        free(s->prompts[q].ids);
    for (size_t i = 0; s->texts && i < s->n_text; i++)
        evoke_text_free(&s->texts[i]);
    evoke_responses_free(s->responses, s->n_text);
    evk_resampling_free(&s->r);
    free(s->steerings);
    free(s->prompts);
    free(s->responses);
    free(s->texts);
    free(s->words);
    free(s->x);
}

static evoke_status respond(speaking *s, evoke_error *err)
{
    const evoke_claims *c = s->c;
    const evk_store_prompt **prompts = NULL;
    const evoke_steering **steerings = NULL;
    evoke_status st = evk_alloc(&prompts, s->n_text, sizeof *prompts, what, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&steerings, s->n_text, sizeof *steerings, what, err);
    for (size_t i = 0; st == EVOKE_OK && i < s->n_text; i++) {
        prompts[i] = &s->prompts[i % s->n];
        steerings[i] = s->steerings[i / s->n];
    }
    if (st == EVOKE_OK)
        st = evk_claims_respond(c, prompts, steerings, s->n_text, s->responses, err);
    for (size_t i = 0; st == EVOKE_OK && i < s->n_text; i++) {
        st = evoke_detokenize(c->model->tokenizer, s->responses[i].ids, s->responses[i].n, false, &s->texts[i], err);
        if (st == EVOKE_OK)                         /* a response may end inside a character */
            evk_utf8_blank(s->texts[i].data, s->texts[i].n);
        s->words[i] = s->texts[i].data;
    }
    free(steerings);
    free(prompts);
    return st;
}

static evoke_status speak(speaking *s, evoke_error *err)
{
    evoke_claims *c = s->c;
    EVK_TRY(allocate(s, err));
    for (size_t q = 0; q < s->n; q++)
        EVK_TRY(evk_claims_prompt(c, c->held[s->e][q], &s->prompts[q], err));
    for (size_t a = 0; a < c->n_alpha; a++) {
        const evoke_strength one = { evoke_store_emotion(c->store, s->e), c->alphas[a] };
        if (a != c->zero)
            EVK_TRY(evk_claims_steer(c, EVK_ARM_EV, &one, 1, &s->steerings[a], err));
    }
    return respond(s, err);
}

static void put_mean(speaking *s, evk_claim_id id, size_t a, const double *x)
{
    const evk_figures *all = &s->c->figures;
    *evk_claim_at(all, id, s->e, a, 0) = evk_resample(&s->r, evk_statistic_mean, x, EVK_SCALE_PLAIN,
                                                      evk_claim_at(all, (evk_claim_id)(id + 1), s->e, a, 0));
}

/* ---- what a judge says ---- */

/* log p_e - log(1 - p_e) of normalised log-probabilities [n]. */
static double log_odds(const double *log_p, size_t n, size_t e)
{
    double others = 0;
    for (size_t i = 0; i < n; i++)
        others += i == e ? 0 : exp(log_p[i]);
    return log_p[e] - log(others);
}

/* odds [A, n] */
static void put_odds(speaking *s, const double *odds)
{
    const evoke_claims *c = s->c;
    const evk_figures *all = &c->figures;
    const size_t n = s->n, peak = evk_curves_peak(odds, c->n_alpha, n);
    for (size_t a = 0; a < c->n_alpha; a++)
        put_mean(s, EVK_C_JUDGE, a, odds + a * n);
    for (size_t q = 0; q < n; q++)
        s->x[q] = evk_spearman(c->alphas, odds + q, n, c->n_alpha);
    put_mean(s, EVK_C_JUDGE_SPEARMAN, 0, s->x);
    evk_curves_rising(odds, n, peak, s->x);
    put_mean(s, EVK_C_JUDGE_MONOTONE, 0, s->x);
    *evk_claim_at(all, EVK_C_JUDGE_PEAK, s->e, 0, 0) = c->alphas[peak];
}

static evoke_status judge(speaking *s, evoke_error *err)
{
    const evoke_claims *c = s->c;
    const size_t n_emotion = c->n_emotion;
    const char **emotions = NULL;
    double *scores = NULL, *odds = NULL;
    evoke_judge *j = NULL;
    evoke_status st = evk_alloc(&emotions, n_emotion, sizeof *emotions, what, err);
    for (size_t e = 0; st == EVOKE_OK && e < n_emotion; e++)
        emotions[e] = evoke_store_emotion(c->store, e);
    if (st == EVOKE_OK)
        st = evk_alloc(&scores, s->n_text, n_emotion * sizeof *scores, what, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&odds, s->n_text, sizeof *odds, what, err);
    if (st == EVOKE_OK) {
        const evoke_judge_options how = { .options = emotions, .n_option = n_emotion };
        st = evoke_judge_new(c->options.judge, &how, &j, err);
    }
    if (st == EVOKE_OK)
        st = evoke_judge_read(j, s->words, s->n_text, NULL, scores, err);
    if (st == EVOKE_OK) {
        for (size_t i = 0; i < s->n_text; i++)
            odds[i] = log_odds(scores + i * n_emotion, n_emotion, s->e);
        put_odds(s, odds);
    }
    evoke_judge_free(j);
    free(odds);
    free(scores);
    free(emotions);
    return st;
}

/* ---- how near they stay ---- */
static evoke_status compare_sentences(speaking *s, evoke_error *err)
{
    const evoke_claims *c = s->c;
    const size_t d = evoke_encoder_describe(c->options.encoder)->d_embedding;
    float *vectors = NULL;
    EVK_TRY(evk_alloc(&vectors, s->n_text, d * sizeof *vectors, what, err));
    const evoke_status st = evoke_embed(c->options.encoder, s->words, s->n_text, NULL, vectors, NULL, err);
    for (size_t a = 0; st == EVOKE_OK && a < c->n_alpha; a++) {
        for (size_t q = 0; q < s->n; q++)
            s->x[q] = evk_cosine(vectors + (a * s->n + q) * d, vectors + (c->zero * s->n + q) * d, d);
        put_mean(s, EVK_C_SIMILARITY, a, s->x);
    }
    free(vectors);
    return st;
}

evoke_status evk_claims_responses(evoke_claims *c, size_t e, evoke_error *err)
{
    speaking s = { .c = c, .e = e, .n = c->n_held[e], .n_text = c->n_alpha * c->n_held[e] };
    const bool judged = c->options.judge && c->n_emotion > 1;
    if (!c->options.encoder && !judged)
        return EVOKE_OK;
    evoke_status st = speak(&s, err);
    if (st == EVOKE_OK && judged)
        st = judge(&s, err);
    if (st == EVOKE_OK && c->options.encoder)
        st = compare_sentences(&s, err);
    release(&s);
    return st;
}
