/* evoke_emotion_mix: its definition from means that evoke_observe takes, over some layers and tokens; what can't be. */
#include "core/evoke.h"
#include "core/random.h"
#include "layers/vectors.h"
#include "tests/check.h"
#include "tests/golden.h"

enum { N_IDS = 600, N_LAYER = 2, N_EMOTION = 3 };
static const int32_t layers[N_LAYER] = { 0, 2 };

typedef struct world {
    evoke_model *m;
    size_t d, n;                    /* width, tokens */
    evoke_vectors *vectors;
    float *neutral;                 /* [N_LAYER, d] */
    int32_t ids[N_IDS];
    evoke_mix_options o;
} world;

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static void fill(world *w)
{
    static const char *const names[N_EMOTION] = { "a", "b", "c" };
    static const evoke_site site = EVOKE_ATTN_OUT;
    const size_t n_layer = evoke_model_describe(w->m)->n_layer;
    const evk_vectors_spec spec = { N_EMOTION, N_LAYER, w->d, 1, names, layers, &site, "test", "", "", "", "", n_layer };
    evoke_error err = {0};
    evk_random r;
    evk_random_stream(&r, 4, 0);
    check(evk_vectors_new(&spec, &w->vectors, &err) == EVOKE_OK, "%s", err.text);
    w->neutral = calloc(N_LAYER * w->d, sizeof *w->neutral);
    for (size_t i = 0; i < N_LAYER * w->d; i++)
        w->neutral[i] = (float)evk_random_normal(&r);
    for (size_t e = 0; e < N_EMOTION; e++)
        for (size_t i = 0; i < N_LAYER * w->d; i++)
            evk_vectors_ev(w->vectors, 0, e)[i] = 1 + (float)evk_random_normal(&r);     /* 1: what they share */
    evk_vectors_set_base(w->vectors);
    for (size_t e = 0; e <= N_EMOTION; e++)
        for (size_t l = 0; l < N_LAYER; l++) {
            const float *ev = evk_vectors_ev(w->vectors, 0, e) + l * w->d;
            evk_vectors_neutral(w->vectors, 0, e)[l] = (float)(dot(w->neutral + l * w->d, ev, w->d) / sqrt(dot(ev, ev, w->d)));
        }
    for (size_t i = 0; i < w->n; i++)
        w->ids[i] = (int32_t)evk_random_below(&r, evoke_model_describe(w->m)->n_vocab);
    w->o = (evoke_mix_options){ .vectors = w->vectors, .site = site, .ids = w->ids, .n_ids = w->n, .first = w->n * 4 / 5,
                                .last = w->n * 9 / 10 };
}

/* By the definition, over the first n of the layers. */
static void by_hand(const world *w, size_t n, double mix[N_EMOTION])
{
    static const evoke_steering *const none = NULL;
    float *mean = calloc(w->d, sizeof *mean);
    double along[N_EMOTION] = {0}, square[N_EMOTION] = {0};
    evoke_error err = {0};
    for (size_t l = 0; l < n; l++) {
        const evoke_observed text = { .ids = w->ids, .n_ids = w->n, .n_prompt = w->n, .site = w->o.site, .layer = layers[l],
                                      .first = w->o.first, .last = w->o.last };
        check(evoke_observe(w->m, &text, &none, 1, mean, NULL, NULL, &err) == EVOKE_OK, "%s", err.text);
        for (size_t e = 0; e < N_EMOTION; e++)
            for (size_t i = 0; i < w->d; i++) {
                const size_t at = l * w->d + i;
                const double ev = (double)evk_vectors_ev(w->vectors, 0, e)[at];
                const double own = ev - (double)evk_vectors_ev(w->vectors, 0, N_EMOTION)[at];
                along[e] += ((double)mean[i] - (double)w->neutral[at]) * own;
                square[e] += own * own;
            }
    }
    for (size_t e = 0; e < N_EMOTION; e++)
        mix[e] = along[e] / square[e];
    free(mean);
}

static void test_values(const world *w)
{
    evoke_mix_options o = w->o;
    double mix[N_EMOTION], wanted[N_EMOTION];
    evoke_error err = {0};
    for (size_t n = 1; n <= N_LAYER; n++) {
        o.layers = n < N_LAYER ? layers : NULL;
        o.n_layers = n;
        by_hand(w, n, wanted);
        check(evoke_emotion_mix(w->m, &o, mix, &err) == EVOKE_OK, "%s", err.text);
        for (size_t e = 0; e < N_EMOTION; e++)
            check(fabs(mix[e] - wanted[e]) < 1e-5 * (1 + fabs(wanted[e])), "%zu layers, emotion %zu: %g, not %g", n, e, mix[e],
                  wanted[e]);
    }
}

static void test_errors(const world *w)
{
    static const int32_t other = 1, far = 1000;
    double mix[N_EMOTION];
    evoke_error err = {0};
    evoke_mix_options o = w->o;
    o.last = o.first;
    check(evoke_emotion_mix(w->m, &o, mix, &err) == EVOKE_EARG, "no tokens");
    o = w->o;
    o.site = EVOKE_RESID_POST;
    check(evoke_emotion_mix(w->m, &o, mix, &err) == EVOKE_EDATA, "a site that is not held");
    o = w->o;
    o.n_layers = 1;
    o.layers = &other;
    check(evoke_emotion_mix(w->m, &o, mix, &err) == EVOKE_EDATA, "a layer that is not held");
    o.layers = &far;
    check(evoke_emotion_mix(w->m, &o, mix, &err) == EVOKE_EDATA, "a layer that is not there");
    evk_vectors_neutral(w->vectors, 0, N_EMOTION)[0] = NAN;
    check(evoke_emotion_mix(w->m, &w->o, mix, &err) == EVOKE_EDATA, "nothing known of neutral along the base");
    evk_vectors_neutral(w->vectors, 0, N_EMOTION)[0] = 0;
    evk_vectors_neutral(w->vectors, 0, 0)[0] = NAN;
    check(evoke_emotion_mix(w->m, &w->o, mix, &err) == EVOKE_EDATA, "nothing known of neutral");
}

int main(int argc, char **argv)
{
    world w = {0};
    char path[4096];
    evoke_error err = {0};
    check(golden_find(argc > 1 ? argv[1] : ".", "families/llama", path, sizeof path), "the golden model");
    if (check(evoke_model_open(path, &(evoke_model_options){ .n_threads = 2 }, &w.m, &err) == EVOKE_OK, "%s", err.text)) {
        const evoke_model_info *info = evoke_model_describe(w.m);
        w.d = info->d_model;
        w.n = info->n_ctx < N_IDS ? info->n_ctx : N_IDS;
        fill(&w);
        test_values(&w);
        test_errors(&w);
    }
    evoke_vectors_free(w.vectors);
    evoke_model_free(w.m);
    free(w.neutral);
    return check_done();
}
