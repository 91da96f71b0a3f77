/* evoke_observe: against evoke_scorer_nll and a session's logits, whatever the company; what follows may be nothing; what can't be. */
#include "core/evoke.h"
#include "core/random.h"
#include "layers/vectors.h"
#include "tests/check.h"
#include "tests/golden.h"

enum { N_IDS = 9, N_PROMPT = 5, N = 70 };       /* more steerings than a pass holds */

typedef struct world {
    evoke_model *m;
    size_t d, v;
    evoke_vectors *vectors;
    evoke_steering *steerings[N];               /* [0] none, alpha 0.1 i */
    int32_t ids[N_IDS];
    evoke_observed text;
} world;

static void fill(world *w)
{
    static const char *const name = "a";
    const evoke_site site = EVOKE_RESID_POST;
    const int32_t layer = 0;
    const evk_vectors_spec spec = { 1, 1, w->d, 1, &name, &layer, &site, "test", "", "", "", "", evoke_model_describe(w->m)->n_layer };
    evoke_error err = {0};
    evk_random r;
    evk_random_stream(&r, 3, 0);
    check(evk_vectors_new(&spec, &w->vectors, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; i < w->d; i++)
        evk_vectors_ev(w->vectors, 0, 0)[i] = (float)evk_random_normal(&r);
    for (size_t i = 0; i < N_IDS; i++)
        w->ids[i] = (int32_t)evk_random_below(&r, w->v);
    for (size_t i = 1; i < N; i++) {
        const evoke_strength one = { NULL, 0.1 * (double)i };
        const evoke_steer_options how = { .vectors = w->vectors, .strengths = &one, .n_strengths = 1, .site = site,
                                          .positions = i % 2 ? EVOKE_AT_ALL : EVOKE_AT_RESPONSE };
        check(evoke_steering_new(w->m, &w->steerings[i], &err) == EVOKE_OK &&
              evoke_steering_add(w->steerings[i], &how, &err) == EVOKE_OK, "%s", err.text);
    }
    w->text = (evoke_observed){ .ids = w->ids, .n_ids = N_IDS, .n_prompt = N_PROMPT, .site = EVOKE_RESID_POST, .layer = 0,
                                .first = 1, .last = 4 };
}

static const evoke_steering *const *list(const world *w) { return (const evoke_steering *const *)w->steerings; }

/* log softmax of logits [V] at id. */
static double log_p(const float *logits, size_t v, size_t id)
{
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < v; i++)
        most = fmax(most, (double)logits[i]);
    for (size_t i = 0; i < v; i++)
        sum += exp((double)logits[i] - most);
    return (double)logits[id] - most - log(sum);
}

/* The same by two sessions, token by token. */
static void by_sessions(const world *w, const evoke_steering *steering, double *nll, double *kl)
{
    evoke_session *s[2] = {0};
    evoke_error err = {0};
    *nll = *kl = 0;
    for (int k = 0; k < 2; k++) {
        check(evoke_session_new(w->m, 0, &s[k], &err) == EVOKE_OK, "%s", err.text);
        evoke_session_steer(s[k], k ? steering : NULL);
        check(evoke_session_eval(s[k], w->ids, N_PROMPT, &err) == EVOKE_OK, "%s", err.text);
    }
    for (size_t t = N_PROMPT; t < N_IDS; t++) {
        const float *plain = evoke_session_logits(s[0]), *steered = evoke_session_logits(s[1]);
        *nll -= log_p(steered, w->v, (size_t)w->ids[t]) / (N_IDS - N_PROMPT);
        for (size_t i = 0; i < w->v; i++) {
            const double own = log_p(plain, w->v, i);
            *kl += exp(own) * (own - log_p(steered, w->v, i)) / (N_IDS - N_PROMPT);
        }
        for (int k = 0; k < 2; k++)
            check(evoke_session_eval(s[k], &w->ids[t], 1, &err) == EVOKE_OK, "%s", err.text);
    }
    evoke_session_free(s[0]);
    evoke_session_free(s[1]);
}

static void test_values(const world *w)
{
    float *rows = calloc(N * w->d, sizeof *rows), *alone = calloc(w->d, sizeof *alone);
    double nll[N], kl[N], own = 0, one_nll = 0, one_kl = 0;
    evoke_scorer *scorer = NULL;
    evoke_error err = {0};
    check(evoke_observe(w->m, &w->text, list(w), N, rows, nll, kl, &err) == EVOKE_OK, "%s", err.text);
    check(evoke_scorer_new(w->m, 0, &scorer, &err) == EVOKE_OK &&
          evoke_scorer_nll(scorer, w->ids, N_IDS, N_PROMPT, &own, &err) == EVOKE_OK, "%s", err.text);
    evoke_scorer_free(scorer);
    check(fabs(nll[0] - own) < 1e-6 && fabs(kl[0]) < 1e-7, "unsteered: %g, %g, kl %g", nll[0], own, kl[0]);
    for (size_t i = 1; i < N; i += 17) {
        double by_nll, by_kl;
        by_sessions(w, w->steerings[i], &by_nll, &by_kl);
        check(fabs(nll[i] - by_nll) < 1e-5 && fabs(kl[i] - by_kl) < 1e-5, "steering %zu: %g %g, %g %g", i, nll[i], by_nll, kl[i], by_kl);
        check(evoke_observe(w->m, &w->text, list(w) + i, 1, alone, &one_nll, &one_kl, &err) == EVOKE_OK, "%s", err.text);
        check(memcmp(alone, rows + i * w->d, w->d * sizeof *alone) == 0 && one_nll == nll[i] && one_kl == kl[i], "company of %zu", i);
        const float *ev = evk_vectors_ev(w->vectors, 0, 0);
        double off = 0;
        for (size_t j = 0; j < w->d; j++)       /* all tokens of the prompt moved by alpha ev, or none of those averaged */
            off = fmax(off, fabs((double)rows[i * w->d + j] - (double)rows[j] - (i % 2 ? 0.1 * (double)i * (double)ev[j] : 0)));
        check(off < 1e-4, "row %zu is off by %g", i, off);
    }
    free(rows);
    free(alone);
}

static void test_edges(const world *w)
{
    float *row = calloc(w->d, sizeof *row);
    double nll = 7, kl = 7;
    evoke_error err = {0};
    evoke_observed text = w->text;
    text.n_ids = N_PROMPT;
    check(evoke_observe(w->m, &text, list(w), 1, row, &nll, &kl, &err) == EVOKE_OK && nll == 7 && kl == 7, "nothing follows %s", err.text);
    text.n_ids = N_PROMPT + 1;
    check(evoke_observe(w->m, &text, list(w), 1, NULL, &nll, &kl, &err) == EVOKE_OK && nll > 0 && nll != 7, "one token follows %s", err.text);
    text.last = N_PROMPT + 1;
    check(evoke_observe(w->m, &text, list(w), 1, row, &nll, &kl, &err) == EVOKE_EARG, "tokens beyond the prompt");
    text = w->text;
    text.layer = 1000;
    check(evoke_observe(w->m, &text, list(w), 1, row, &nll, &kl, &err) == EVOKE_EARG, "a layer that is not there");
    text = w->text;
    text.n_prompt = 0;
    check(evoke_observe(w->m, &text, list(w), 1, row, &nll, &kl, &err) == EVOKE_EARG, "no prompt");
    int32_t ids[N_IDS];
    memcpy(ids, w->ids, sizeof ids);
    ids[N_IDS - 1] = (int32_t)w->v;
    text = w->text;
    text.ids = ids;
    check(evoke_observe(w->m, &text, list(w), 1, row, &nll, &kl, &err) == EVOKE_EDATA, "an id outside the vocabulary");
    free(row);
}

int main(int argc, char **argv)
{
    world w = {0};
    char path[4096];
    evoke_error err = {0};
    check(golden_find(argc > 1 ? argv[1] : ".", "families/llama", path, sizeof path), "the golden model");
    if (check(evoke_model_open(path, &(evoke_model_options){ .n_threads = 2 }, &w.m, &err) == EVOKE_OK, "%s", err.text)) {
        w.d = evoke_model_describe(w.m)->d_model;
        w.v = evoke_model_describe(w.m)->n_vocab;
        fill(&w);
        test_values(&w);
        test_edges(&w);
    }
    for (size_t i = 0; i < N; i++)
        evoke_steering_free(w.steerings[i]);
    evoke_vectors_free(w.vectors);
    evoke_model_free(w.m);
    return check_done();
}
