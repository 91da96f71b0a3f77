/* Steering beyond the golden runs (tests/layers/test_forward.c): every mode, position rule, ramp and decay against its
 * definition computed here; `relative`, EVbase and `less base` in whole runs; steering that changes between tokens; what
 * changes nothing; and every way of asking for what cannot be. */
#include "core/evoke.h"
#include "core/random.h"
#include "layers/hooks.h"
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
        for (size_t i = 0; i < w->n_layer * w->d; i++) {
            evk_vectors_ev(w->vectors, 0, e)[i] = (float)(0.1 * evk_random_normal(&r));
            evk_vectors_neutral(w->vectors, 0, e)[i / w->d] = (float)(i / w->d) - 0.5f;
        }
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
        check(evoke_steering_new(w->m, &s, &err) == EVOKE_OK && evoke_steering_add(s, o, &err) == EVOKE_OK, "%s",
          err.text);
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
    const evoke_strength a = { "a", 0.5 }, b = { "b", 0.5 }, base = { "base", 1 }, none = { "a", 0 };
    const evoke_strength both[] = { { "a", 0.5 }, { "b", 0.5 } };
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

/* ---- definitions ---- */
/* Where strength i stands at a layer and step. */
static double alpha_at(const world *w, const evoke_steer_options *o, size_t i, size_t layer, size_t step)
{
    const double to = o->strengths[i].alpha, from = o->starts ? o->starts[i] : to;
    const double share = o->ramp_tokens ? fmin((double)step / (double)o->ramp_tokens, 1)
                                        : w->n_layer > 1 ? (double)layer / (double)(w->n_layer - 1) : 1;
    return (from + (to - from) * share) * (o->half_life > 0 ? pow(0.5, (double)step / o->half_life) : 1);
}

static void move_by_hand(const world *w, const evoke_steer_options *o, size_t i, size_t layer, size_t step, double *x)
{
    const size_t e = (size_t)(o->strengths[i].emotion[0] - 'a');
    const float *ev = evoke_vectors_get(w->vectors, EVOKE_RESID_POST, e) + layer * w->d;
    const double alpha = alpha_at(w, o, i, layer, step), neutral = (double)layer - 0.5;
    double norm = 0, along = 0;
    for (size_t j = 0; j < w->d; j++)
        norm += (double)ev[j] * (double)ev[j];
    norm = sqrt(norm);
    for (size_t j = 0; j < w->d; j++)
        along += x[j] * (double)ev[j] / norm;
    const double by = o->mode == EVOKE_STEER_RELATIVE ? alpha * (2 + (double)layer) / norm
                    : o->mode == EVOKE_STEER_ABLATE ? -along / norm
                    : o->mode == EVOKE_STEER_CLAMP ? (neutral + alpha * norm - along) / norm : alpha;
    for (size_t j = 0; j < w->d; j++)
        x[j] += by * (double)ev[j];
}

static double length(const double *x, size_t d)
{
    double square = 0;
    for (size_t j = 0; j < d; j++)
        square += x[j] * x[j];
    return sqrt(square);
}

static bool covered(evoke_positions rule, evk_phase phase, bool last)
{
    return rule == EVOKE_AT_ALL || (rule == EVOKE_AT_PROMPT && phase != EVK_RESPONSE) ||
           (rule >= EVOKE_AT_RESPONSE && (phase == EVK_RESPONSE || (phase == EVK_PROMPT_END && last)));
}

/* One hook call of a steering against its definition, in every layer; the largest difference. */
static double definition_gap(const world *w, const evoke_steer_options *o, evk_phase phase, size_t step)
{
    enum { N = 3 };
    float x[N * 64];
    double most = 0, want[N * 64];
    evoke_steering *s = NULL;
    evoke_error err = {0};
    evk_random r;
    evk_random_stream(&r, 6, step);
    check(w->d <= 64 && evoke_steering_new(w->m, &s, &err) == EVOKE_OK && evoke_steering_add(s, o, &err) == EVOKE_OK, "%s",
          err.text);
    for (size_t layer = 0; layer < w->n_layer; layer++) {
        const evk_run run = { .n = N, .phase = phase, .step = step };
        for (size_t j = 0; j < N * w->d; j++)
            want[j] = (double)(x[j] = (float)evk_random_normal(&r));
        for (size_t t = 0; t < N; t++) {
            double *h = want + t * w->d;
            const double before = length(h, w->d);
            for (size_t i = 0; i < o->n_strengths && covered(o->positions, phase, t == N - 1); i++)
                move_by_hand(w, o, i, layer, phase == EVK_RESPONSE ? step + t : 0, h);
            const double scale = o->mode == EVOKE_STEER_RENORM ? before / length(h, w->d) : 1;
            for (size_t j = 0; j < w->d; j++)
                h[j] *= scale;
        }
        s->edit.apply(&s->edit, EVOKE_RESID_POST, layer, &run, x, w->d);
        for (size_t j = 0; j < N * w->d; j++)
            most = fabs((double)x[j] - want[j]) > most ? fabs((double)x[j] - want[j]) : most;
    }
    evoke_steering_free(s);
    return most;
}

static void test_definitions(const world *w)
{
    static const evk_phase phases[] = { EVK_PROMPT, EVK_PROMPT_END, EVK_RESPONSE };
    const evoke_strength both[] = { { "a", 1.5 }, { "b", -0.5 } };
    const double starts[] = { 0, 2 };
    for (int mode = 0; mode < EVOKE_N_STEER_MODE; mode++)
        for (int rule = 0; rule < EVOKE_N_POSITIONS; rule++)
            for (size_t way = 0; way < (mode == EVOKE_STEER_ABLATE ? 1 : 5); way++) {
                evoke_steer_options o = options(w->vectors, both, 2);
                o.mode = (evoke_steer_mode)mode;
                o.positions = (evoke_positions)rule;
                o.starts = way == 1 || way >= 3 ? starts : NULL;            /* plain, over layers, decay, over tokens, both */
                o.half_life = way == 2 || way == 4 ? 3 : 0;
                o.ramp_tokens = way >= 3 ? 4 : 0;
                for (size_t p = 0; p < 3; p++)
                    for (size_t step = p == 2; step <= (p == 2 ? 6 : 0); step += 5) {
                        const double off = definition_gap(w, &o, phases[p], step);
                        check(off < 1e-5, "%s at %s, way %zu, phase %zu, step %zu: off by %g", evoke_steer_mode_name(o.mode),
                              evoke_positions_name(o.positions), way, p, step, off);
                    }
            }
}

/* ---- changing while it runs ---- */
/* Two steerings in turn, by the prompt and by the response, against the position rules that say the same. */
static void test_change(const world *w)
{
    const evoke_strength a = { "a", 1 }, b = { "b", -1 };
    evoke_steer_options first = options(w->vectors, &a, 1), second = options(w->vectors, &b, 1);
    const int32_t ids[N_IDS] = { 3, 14, 15, 9, 26, 53, 58 };
    evoke_steering *both = NULL, *one = NULL, *other = NULL;
    evoke_session *changed = NULL, *fixed = NULL;
    evoke_error err = {0};
    check(evoke_steering_new(w->m, &one, &err) == EVOKE_OK && evoke_steering_add(one, &first, &err) == EVOKE_OK &&
          evoke_steering_new(w->m, &other, &err) == EVOKE_OK && evoke_steering_add(other, &second, &err) == EVOKE_OK, "%s",
          err.text);
    first.positions = EVOKE_AT_PROMPT;
    check(evoke_steering_new(w->m, &both, &err) == EVOKE_OK && evoke_steering_add(both, &first, &err) == EVOKE_OK, "%s",
          err.text);
    check(evoke_session_new(w->m, 32, &changed, &err) == EVOKE_OK && evoke_session_new(w->m, 32, &fixed, &err) == EVOKE_OK,
          "%s", err.text);
    evoke_session_steer(changed, one);
    evoke_session_steer(fixed, both);
    for (size_t i = 0; i < N_STEPS; i++) {
        const int32_t next = (int32_t)(20 + i);
        check(evoke_session_eval(changed, i ? &next : ids, i ? 1 : N_IDS, &err) == EVOKE_OK &&
              evoke_session_eval(fixed, i ? &next : ids, i ? 1 : N_IDS, &err) == EVOKE_OK, "%s", err.text);
        const bool same = memcmp(evoke_session_logits(changed), evoke_session_logits(fixed), w->v * sizeof(float)) == 0;
        check(same == (i < 3), "step %zu of a steering that changes after the prompt and after step 2", i);
        evoke_session_steer(changed, i < 2 ? NULL : other);
    }
    evoke_session_free(changed);
    evoke_session_free(fixed);
    evoke_steering_free(one);
    evoke_steering_free(other);
    evoke_steering_free(both);
}

typedef struct turning { evoke_request *requests; size_t n_seen[2]; } turning;

/* After its second token, request 0 goes on unsteered. */
static bool turn_off(void *user, size_t request, int32_t id, float logprob)
{
    turning *t = user;
    (void)id;
    (void)logprob;
    if (++t->n_seen[request] == 2 && request == 0)
        t->requests[0].steering = NULL;
    return true;
}

/* Each of a batch has its own steering, and on_token may change it. */
static void test_batch(const world *w)
{
    const evoke_strength a = { "a", 3 };
    const evoke_steer_options o = options(w->vectors, &a, 1);
    const int32_t ids[N_IDS] = { 3, 14, 15, 9, 26, 53, 58 };
    evoke_steering *s = NULL;
    evoke_error err = {0};
    evoke_response r[2] = {{0}}, plain[1] = {{0}}, steered[1] = {{0}};
    check(evoke_steering_new(w->m, &s, &err) == EVOKE_OK && evoke_steering_add(s, &o, &err) == EVOKE_OK, "%s", err.text);
    evoke_request q[2] = { { .ids = ids, .n_ids = N_IDS, .n_predict = 6, .steering = s, .ignore_end = true },
                           { .ids = ids, .n_ids = N_IDS, .n_predict = 6, .ignore_end = true } };
    const evoke_request alone = q[0];
    turning t = { .requests = q };
    check(evoke_generate(w->m, &q[1], 1, 0, NULL, NULL, NULL, plain, &err) == EVOKE_OK &&
          evoke_generate(w->m, &alone, 1, 0, NULL, NULL, NULL, steered, &err) == EVOKE_OK &&
          evoke_generate(w->m, q, 2, 0, turn_off, &t, NULL, r, &err) == EVOKE_OK, "%s", err.text);
    check(memcmp(r[1].logprobs, plain[0].logprobs, 6 * sizeof(float)) == 0, "the unsteered one of a batch is as alone");
    check(memcmp(r[0].logprobs, steered[0].logprobs, 2 * sizeof(float)) == 0 && r[0].logprobs[0] != plain[0].logprobs[0],
          "the steered one is as alone up to the change");
    check(r[0].logprobs[2] != steered[0].logprobs[2], "and not after it");
    evoke_responses_free(r, 2);
    evoke_responses_free(plain, 1);
    evoke_responses_free(steered, 1);
    evoke_steering_free(s);
}

/* ---- what does nothing ---- */
static void idle(const world *w, evoke_steer_options o, const char *want)
{
    evoke_steering *s = NULL;
    evoke_error err = {0};
    check(evoke_steering_new(w->m, &s, &err) == EVOKE_OK && evoke_steering_add(s, &o, &err) == EVOKE_OK, "%s", err.text);
    check(want ? strstr(evoke_steering_idle(s), want) != NULL : !*evoke_steering_idle(s), "'%s' should say '%s'",
          evoke_steering_idle(s), want ? want : "nothing");
    evoke_steering_free(s);
}

static void test_idle(const world *w)
{
    const evoke_strength zero[] = { { "a", 1 }, { "b", 0 } }, a = { "a", 1 };
    const double from_zero[] = { 0 };
    evoke_steer_options o = options(w->vectors, zero, 2);
    idle(w, o, "b: alpha is 0");
    o.mode = EVOKE_STEER_ABLATE;
    idle(w, o, "b: alpha is 0");
    o.mode = EVOKE_STEER_CLAMP;
    idle(w, o, NULL);
    o = options(w->vectors, &a, 1);
    idle(w, o, NULL);
    o.starts = from_zero, o.ramp_tokens = 8;
    idle(w, o, NULL);
    o.positions = EVOKE_AT_PROMPT;
    idle(w, o, "a: a ramp over tokens");
    o.starts = NULL, o.ramp_tokens = 0, o.half_life = 2;
    idle(w, o, "decay");
    evoke_vectors *none = make_vectors(w, w->d);
    idle(w, options(none, &a, 1), "a: its vector is 0");
    evoke_vectors_free(none);
}

static void refused(const world *w, evoke_steer_options o, evoke_status status, const char *word, const char *what)
{
    evoke_steering *s = NULL;
    evoke_error err = {0};
    check(evoke_steering_new(w->m, &s, &err) == EVOKE_OK, "%s", err.text);
    check(evoke_steering_add(s, &o, &err) == status && strstr(err.text, word), "%s: status %d, '%s'", what,
          (int)err.status, err.text);
    check(!*evoke_steering_text(s) && !*evoke_steering_idle(s), "%s leaves '%s'", what, evoke_steering_text(s));
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
    o.n_layers = 0;
    refused(w, o, EVOKE_EARG, "empty", "no layer");
    o = options(w->vectors, &a, 1);
    o.site = EVOKE_ATTN_OUT;
    refused(w, o, EVOKE_EDATA, "attn_out", "a site that the vectors lack");
    o.site = EVOKE_LOGITS;
    refused(w, o, EVOKE_EARG, "logits", "a site that cannot be steered");
    o = options(w->scaled, &a, 1);
    o.mode = EVOKE_STEER_RELATIVE;
    refused(w, o, EVOKE_EDATA, "norms", "relative without norms");
    o.mode = EVOKE_STEER_CLAMP;
    refused(w, o, EVOKE_EDATA, "evoke ev", "clamp without the neutral class");
    o = options(w->vectors, &a, 1);
    o.mode = EVOKE_STEER_CLAMP, o.less_base = true;
    refused(w, o, EVOKE_EARG, "less base", "clamp less base");
    o = options(w->vectors, &a, 1);
    o.half_life = -1;
    refused(w, o, EVOKE_EARG, "half-life", "a negative half-life");
    o.half_life = 4, o.mode = EVOKE_STEER_ABLATE;
    refused(w, o, EVOKE_EARG, "ablate", "ablation that decays");
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
        test_definitions(&w);
        test_change(&w);
        test_batch(&w);
        test_idle(&w);
        test_positions(&w);
        test_refusals(&w);
    }
    evoke_vectors_free(w.vectors);
    evoke_vectors_free(w.scaled);
    evoke_model_free(w.m);
    return check_done();
}
