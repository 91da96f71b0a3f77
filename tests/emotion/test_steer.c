/* Steering beyond the golden runs (tests/layers/test_forward.c): `relative`, EVbase and `less base` against vectors scaled by
 * hand, positions, alpha 0, and every way of asking for what cannot be. */
#include "core/evoke.h"
#include "core/random.h"
#include "layers/vectors.h"
#include "tests/check.h"
#include "tests/golden.h"

enum { MOST_LAYERS = 8, N_IDS = 7, N_STEPS = 4 };

typedef struct world {
    evoke_model *m;
    size_t n_layer, d, v;
    int32_t layers[MOST_LAYERS];
    evoke_vectors *vectors;         /* emotions a and b at resid_post, norms 2, 3, 4... */
    evoke_vectors *scaled;          /* emotion a scaled to those norms; b: a less base */
} world;

static evoke_vectors *make_vectors(const world *w, size_t d)
{
    static const char *const names[] = { "a", "b" };
    const evoke_site site = EVOKE_RESID_POST;
    const evk_vectors_spec spec = { 2, w->n_layer, d, 1, names, w->layers, &site, "test", "", "", "", "", w->n_layer };
    evoke_vectors *v = NULL;
    evoke_error err = {0};
    check(evk_vectors_new(&spec, &v, &err) == EVOKE_OK, "%s", err.text);
    return v;
}

static void fill(world *w)
{
    evk_random r;
    evk_random_stream(&r, 5, 0);
    w->vectors = make_vectors(w, w->d);
    w->scaled = make_vectors(w, w->d);
    for (size_t e = 0; e < 2; e++)
        for (size_t i = 0; i < w->n_layer * w->d; i++)
            evk_vectors_ev(w->vectors, 0, e)[i] = (float)(0.1 * evk_random_normal(&r));
    evk_vectors_set_base(w->vectors);
    for (size_t l = 0; l < w->n_layer; l++) {
        const float *a = evk_vectors_ev(w->vectors, 0, 0) + l * w->d;
        const float *base = evoke_vectors_get(w->vectors, EVOKE_RESID_POST, 2) + l * w->d;
        double square = 0;
        evk_vectors_norm(w->vectors, 0)[l] = (float)(2 + l);
        for (size_t i = 0; i < w->d; i++)
            square += (double)a[i] * (double)a[i];
        for (size_t i = 0; i < w->d; i++) {
            evk_vectors_ev(w->scaled, 0, 0)[l * w->d + i] = (float)((double)a[i] * (double)(2 + l) / sqrt(square));
            evk_vectors_ev(w->scaled, 0, 1)[l * w->d + i] = a[i] - base[i];
        }
    }
}

/* Logits [N_STEPS, V] of a steered greedy run. */
static float *run(const world *w, const evoke_steer_options *o)
{
    const int32_t ids[N_IDS] = { 3, 14, 15, 9, 26, 53, 58 };
    evoke_steering *s = NULL;
    evoke_session *session = NULL;
    evoke_error err = {0};
    float *out = calloc(N_STEPS * w->v, sizeof *out);
    if (o)
        check(evoke_steering_new(w->m, &s, &err) == EVOKE_OK && evoke_steering_add(s, o, &err) == EVOKE_OK, "%s", err.text);
    check(evoke_session_new(w->m, 32, &session, &err) == EVOKE_OK, "%s", err.text);
    evoke_session_steer(session, s);
    for (size_t i = 0; session && i < N_STEPS; i++) {
        const int32_t next = (int32_t)(20 + i);
        check(evoke_session_eval(session, i ? &next : ids, i ? 1 : N_IDS, &err) == EVOKE_OK, "%s", err.text);
        memcpy(out + i * w->v, evoke_session_logits(session), w->v * sizeof *out);
    }
    evoke_session_free(session);
    evoke_steering_free(s);
    return out;
}

/* Largest difference of step `from` to the end between two runs, which are freed. */
static double gap(const world *w, float *a, float *b, size_t first, size_t last)
{
    double most = 0;
    for (size_t i = first * w->v; i < last * w->v; i++)
        most = fabs((double)a[i] - (double)b[i]) > most ? fabs((double)a[i] - (double)b[i]) : most;
    free(a);
    free(b);
    return most;
}

static evoke_steer_options options(const evoke_vectors *v, const evoke_strength *s, size_t n)
{
    return (evoke_steer_options){ .vectors = v, .strengths = s, .n_strengths = n, .site = EVOKE_RESID_POST };
}

static void test_values(const world *w)
{
    const evoke_strength a = { "a", 0.5 }, b = { "b", 0.5 }, base = { "base", 1 }, both[] = { { "a", 0.5 }, { "b", 0.5 } }, none = { "a", 0 };
    evoke_steer_options relative = options(w->vectors, &a, 1), by_hand = options(w->scaled, &a, 1);
    relative.mode = EVOKE_STEER_RELATIVE;
    check(gap(w, run(w, &relative), run(w, &by_hand), 0, N_STEPS) < 1e-5, "relative is the vector scaled to the typical norm");
    evoke_steer_options less = options(w->vectors, &a, 1), less_by_hand = options(w->scaled, &b, 1);
    less.less_base = true;
    check(gap(w, run(w, &less), run(w, &less_by_hand), 0, N_STEPS) < 1e-5, "less base is the vector less EVbase");
    const evoke_steer_options mean = options(w->vectors, &base, 1), halves = options(w->vectors, both, 2);
    check(gap(w, run(w, &mean), run(w, &halves), 0, N_STEPS) < 1e-5, "EVbase is the mean of the emotions");
    const evoke_steer_options nothing = options(w->vectors, &none, 1);
    check(gap(w, run(w, &nothing), run(w, NULL), 0, N_STEPS) == 0, "alpha 0 is the unsteered model, bit for bit");
    check(gap(w, run(w, &halves), run(w, NULL), 0, N_STEPS) > 1e-2, "steering moves the logits");
}

static void test_positions(const world *w)
{
    const evoke_strength a = { "a", 1 };
    evoke_steer_options all = options(w->vectors, &a, 1), prompt = all, response = all, last = all;
    prompt.positions = EVOKE_AT_PROMPT;
    response.positions = EVOKE_AT_RESPONSE;
    last.positions = EVOKE_AT_LAST;
    check(gap(w, run(w, &all), run(w, &prompt), 0, 1) == 0, "over the prompt, `all` and `prompt` are the same");
    check(gap(w, run(w, &all), run(w, &prompt), 1, 2) > 1e-3, "`prompt` leaves generated tokens alone");
    check(gap(w, run(w, &response), run(w, &last), 0, N_STEPS) == 0, "with a cache, `response` and `last` are the same");
    check(gap(w, run(w, &all), run(w, &last), 0, 1) > 1e-3, "`last` leaves the prompt's other tokens alone");
}

static void refused(const world *w, evoke_steer_options o, evoke_status status, const char *word, const char *what)
{
    evoke_steering *s = NULL;
    evoke_error err = {0};
    check(evoke_steering_new(w->m, &s, &err) == EVOKE_OK, "%s", err.text);
    check(evoke_steering_add(s, &o, &err) == status && strstr(err.text, word), "%s: status %d, '%s'", what, (int)err.status, err.text);
    evoke_steering_free(s);
}

static void test_refusals(const world *w)
{
    const evoke_strength a = { "a", 1 }, stranger = { "envy", 1 }, infinite = { "a", HUGE_VAL }, unnamed = { NULL, 1 };
    const int32_t beyond[] = { 99 }, negative[] = { -1 };
    evoke_vectors *narrow = make_vectors(w, w->d - 1);
    evoke_steer_options o = options(w->vectors, &a, 1);
    refused(w, options(narrow, &a, 1), EVOKE_EDATA, "wide", "vectors of another width");
    refused(w, options(w->vectors, &stranger, 1), EVOKE_EDATA, "envy", "an unknown emotion");
    refused(w, options(w->vectors, &unnamed, 1), EVOKE_EARG, "name one", "no name, two emotions");
    refused(w, options(w->vectors, &infinite, 1), EVOKE_EARG, "finite", "an infinite alpha");
    o.layers = beyond, o.n_layers = 1;
    refused(w, o, EVOKE_EDATA, "99", "a layer that the model lacks");
    o.layers = negative;
    refused(w, o, EVOKE_EDATA, "-1", "a negative layer");
    o = options(w->vectors, &a, 1);
    o.site = EVOKE_ATTN_OUT;
    refused(w, o, EVOKE_EDATA, "attn_out", "a site that the vectors lack");
    o.site = EVOKE_LOGITS;
    refused(w, o, EVOKE_EARG, "logits", "a site that cannot be steered");
    o = options(w->scaled, &a, 1);
    o.mode = EVOKE_STEER_RELATIVE;
    refused(w, o, EVOKE_EDATA, "norms", "relative without norms");
    evoke_vectors_free(narrow);
}

int main(int argc, char **argv)
{
    char path[512];
    world w = {0};
    evoke_error err = {0};
    check(golden_find(argc > 1 ? argv[1] : ".", "families/llama", path, sizeof path), "the golden model");
    if (check(evoke_model_open(path, NULL, &w.m, &err) == EVOKE_OK, "%s", err.text)) {
        const evoke_model_info *info = evoke_model_describe(w.m);
        w.n_layer = info->n_layer, w.d = info->d_model, w.v = info->n_vocab;
        for (size_t l = 0; l < w.n_layer && l < MOST_LAYERS; l++)
            w.layers[l] = (int32_t)l;
        fill(&w);
        test_values(&w);
        test_positions(&w);
        test_refusals(&w);
    }
    evoke_vectors_free(w.vectors);
    evoke_vectors_free(w.scaled);
    evoke_model_free(w.m);
    return check_done();
}
