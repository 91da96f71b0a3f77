/* layers/beginnings.c, and evoke_generate that runs by it: what is shared is really common, steered alike, as much as pays and no
 * more than there is room for; a response has the same bits as alone. */
#include "layers/beginnings.h"

#include "core/evoke.h"
#include "core/random.h"
#include "layers/model.h"
#include "layers/vectors.h"
#include "tests/check.h"
#include "tests/golden.h"

enum { N = 60, LONGEST = 80, WORTH = 16, MOST_STANDING = 3 };

typedef struct list { int32_t ids[N][LONGEST]; evoke_request requests[N]; } list;

/* ---- the tree ---- */

static size_t length_of(const evk_beginnings *b, ptrdiff_t i)
{
    return i < 0 ? 0 : b->all[i].first + b->all[i].n;
}

static void check_one(const list *l, const evk_beginnings *b, size_t i)
{
    const evoke_request *r = &l->requests[i];
    size_t end = length_of(b, b->of_request[i]), n_standing = 0;
    check(end < r->n_ids, "request %zu: %zu tokens are shared of %zu", i, end, r->n_ids);
    for (ptrdiff_t at = b->of_request[i]; at >= 0; at = b->all[at].parent) {
        const evk_beginning *own = &b->all[at];
        check(own->n > 0 && own->first + own->n == end && own->parent < at, "request %zu: no gap before token %zu", i, end);
        check(own->steering == r->steering && l->requests[own->request].steering == r->steering, "request %zu: one steering", i);
        check(memcmp(l->requests[own->request].ids + own->first, r->ids + own->first, own->n * sizeof *r->ids) == 0,
              "request %zu: tokens %zu to %zu are its own", i, own->first, end);
        end = own->first;
        n_standing++;
    }
    check(end == 0 && n_standing <= MOST_STANDING, "request %zu: from the first token on, %zu stand on one another", i, n_standing);
}

static bool stands_on(const evk_beginnings *b, ptrdiff_t at, ptrdiff_t on)
{
    while (at > on)
        at = b->all[at].parent;
    return at == on;
}

/* Two that are steered alike run apart fewer tokens of those in common than are worth a pass, unless three stand on one another. */
static void check_pair(const list *l, const evk_beginnings *b, size_t i, size_t j)
{
    const evoke_request *r = &l->requests[i], *q = &l->requests[j];
    size_t n = 0;
    while (n + 1 < r->n_ids && n + 1 < q->n_ids && r->ids[n] == q->ids[n])
        n++;
    ptrdiff_t at = b->of_request[i];
    while (at >= 0 && !stands_on(b, b->of_request[j], at))
        at = b->all[at].parent;
    if (r->steering == q->steering && (at < 0 || b->all[at].depth + 1 < MOST_STANDING))
        check(n - length_of(b, at) < WORTH, "requests %zu and %zu: %zu of %zu tokens are shared", i, j, length_of(b, at), n);
}

static void check_tree(const list *l, size_t n_most, bool whole)
{
    const evk_config no_limit = { 0 };
    evk_beginnings b;
    size_t n_token = 0;
    check(evk_beginnings_find(&no_limit, l->requests, N, n_most, &b, NULL) == EVOKE_OK, "find");
    for (size_t i = 0; i < N; i++)
        check_one(l, &b, i);
    for (size_t i = 0; i < b.n; i++) {
        size_t n_user = 0;
        for (size_t k = 0; k < N; k++)
            n_user += stands_on(&b, b.of_request[k], (ptrdiff_t)i);
        check(b.all[i].n * (n_user - 1) >= WORTH, "beginning %zu: %zu tokens for %zu requests", i, b.all[i].n, n_user);
        check(b.all[i].depth < b.n_depth, "beginning %zu: depth", i);
        n_token += b.all[i].n;
    }
    check(n_token == b.n_token && n_token <= n_most, "%zu tokens, %zu told, at most %zu wanted", n_token, b.n_token, n_most);
    for (size_t i = 0; whole && i < N; i++)
        for (size_t j = 0; j < i; j++)
            check_pair(l, &b, i, j);
    evk_beginnings_free(&b);
}

/* Prompts that part here and there: each goes on from a random place of an earlier one. */
static void draw(list *l, evk_random *r, size_t n_steering)
{
    static const char steerings[3];
    for (size_t i = 0; i < N; i++) {
        const size_t n = 1 + evk_random_below(r, LONGEST), from = evk_random_below(r, i + 1);
        size_t kept = from < i ? evk_random_below(r, l->requests[from].n_ids + 1) : 0;
        kept = kept < n ? kept : n;
        memcpy(l->ids[i], l->ids[from], kept * sizeof **l->ids);
        for (size_t t = kept; t < n; t++)
            l->ids[i][t] = (int32_t)evk_random_below(r, 3);
        const size_t which = evk_random_below(r, n_steering);
        l->requests[i] = (evoke_request){ .ids = l->ids[i], .n_ids = n, .n_predict = 1,
                                          .steering = which ? (const evoke_steering *)(const void *)&steerings[which] : NULL };
    }
}

static void test_trees(void)
{
    static list l;
    evk_random r;
    evk_random_stream(&r, 7, 0);
    for (size_t i = 0; i < 100; i++) {
        draw(&l, &r, 1 + i % 3);
        check_tree(&l, SIZE_MAX, true);
        check_tree(&l, 40 + 10 * (i % 5), false);
        check_tree(&l, 0, false);
    }
}

/* Known ones: the same prompt for all; nothing to generate. */
static void test_alike(void)
{
    static list l;
    const evk_config no_limit = { 0 };
    evk_beginnings b;
    for (size_t i = 0; i < N; i++)
        l.requests[i] = (evoke_request){ .ids = l.ids[0], .n_ids = LONGEST, .n_predict = 1 };
    check(evk_beginnings_find(&no_limit, l.requests, N, SIZE_MAX, &b, NULL) == EVOKE_OK && b.n == 1 && b.n_token == LONGEST - 1,
          "the same prompt for all: all but the last token, once");
    evk_beginnings_free(&b);
    for (size_t i = 0; i < N; i++)
        l.requests[i].n_predict = 0;
    check(evk_beginnings_find(&no_limit, l.requests, N, SIZE_MAX, &b, NULL) == EVOKE_OK && b.n == 0, "nothing to generate");
    evk_beginnings_free(&b);
}

/* ---- whole runs ---- */

enum { N_ASKED = 18, N_NEW = 5, CHANGED = 13 };

typedef struct world {
    evoke_model *m;
    int32_t ids[N_ASKED][40];
    evoke_request requests[N_ASKED];
    evoke_response alone[N_ASKED];
    evoke_steering *steering[2];
} world;

static void make_steerings(world *w)
{
    static const char *const names[] = { "a" };
    const evoke_model_info *about = evoke_model_describe(w->m);
    const evoke_site site = EVOKE_RESID_POST;
    const evoke_strength strengths[] = { { "a", 1 }, { "a", -2 } };
    int32_t layers[16];
    evoke_vectors *v = NULL;
    evoke_error err = {0};
    for (size_t l = 0; l < about->n_layer && l < 16; l++)
        layers[l] = (int32_t)l;
    const evk_vectors_spec spec = { 1, about->n_layer, about->d_model, 1, names, layers, &site, "test", "", "", "", "",
                                    about->n_layer };
    check(evk_vectors_new(&spec, &v, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; i < about->n_layer * about->d_model; i++)
        evk_vectors_ev(v, 0, 0)[i] = 0.1f * (float)((int)(i * 7 % 11) - 5);
    for (size_t s = 0; s < 2; s++) {
        const evoke_steer_options o = { .vectors = v, .strengths = &strengths[s], .n_strengths = 1, .site = site };
        check(evoke_steering_new(w->m, &w->steering[s], &err) == EVOKE_OK && evoke_steering_add(w->steering[s], &o, &err) == EVOKE_OK,
              "%s", err.text);
    }
    evoke_vectors_free(v);
}

/* In threes: unsteered, and steered in two ways; 20 tokens for all, 8 more for half of them, some of one prompt, some longer than 24. */
static void make_requests(world *w)
{
    for (size_t i = 0; i < N_ASKED; i++) {
        const size_t n = i % 4 == 3 ? 23 : 32, kind = i / 3 % 2, own = i < 12 ? 0 : i;
        for (size_t t = 0; t < n; t++)
            w->ids[i][t] = (int32_t)(3 + (t < 20 ? 7 * t : t < 28 ? 5 * t + 11 * kind : 3 * t + own) % 50);
        w->requests[i] = (evoke_request){ .ids = w->ids[i], .n_ids = n, .n_predict = N_NEW, .ignore_end = true,
                                          .steering = i % 3 ? w->steering[i % 3 - 1] : NULL,
                                          .sampling = { .temperature = 0.8, .top_p = 0.9, .seed = 1, .stream = i } };
    }
}

static void check_same(const evoke_response *a, const evoke_response *b, size_t i, const char *how)
{
    check(a->n == N_NEW && b->n == N_NEW && memcmp(a->ids, b->ids, N_NEW * sizeof *a->ids) == 0 &&
          memcmp(a->logprobs, b->logprobs, N_NEW * sizeof *a->logprobs) == 0, "request %zu, %s: the bits it has alone", i, how);
}

/* With the first token of all, one that has not begun goes unsteered. */
static bool change(void *user, size_t request, int32_t id, float logprob)
{
    world *w = user;
    (void)request;
    (void)id;
    (void)logprob;
    w->requests[CHANGED].steering = NULL;
    return true;
}

static void test_runs(world *w, bool limited)
{
    evoke_response together[N_ASKED] = {{0}}, changed = {0};
    evoke_error err = {0};
    evk_beginnings b;
    size_t n_sharing = 0;
    check(evk_beginnings_find(&w->m->config, w->requests, N_ASKED, SIZE_MAX, &b, NULL) == EVOKE_OK && b.n_depth > 0, "they share");
    for (size_t i = 0; i < N_ASKED; i++) {
        n_sharing += b.of_request[i] >= 0;
        check(!limited || w->requests[i].n_ids <= 24 || b.of_request[i] < 0, "request %zu is beyond the limit", i);
    }
    check(limited || n_sharing == N_ASKED, "%zu share", n_sharing);
    evk_beginnings_free(&b);
    for (size_t i = 0; i < N_ASKED; i++)
        check(evoke_generate(w->m, &w->requests[i], 1, 1, NULL, NULL, NULL, &w->alone[i], &err) == EVOKE_OK, "%s", err.text);
    for (size_t n_batch = 1; n_batch <= 7; n_batch += 3) {
        check(evoke_generate(w->m, w->requests, N_ASKED, n_batch, NULL, NULL, NULL, together, &err) == EVOKE_OK, "%s", err.text);
        for (size_t i = 0; i < N_ASKED; i++)
            check_same(&together[i], &w->alone[i], i, "together");
        evoke_responses_free(together, N_ASKED);
        memset(together, 0, sizeof together);
    }
    check(evoke_generate(w->m, w->requests, N_ASKED, 4, change, w, NULL, together, &err) == EVOKE_OK &&
          evoke_generate(w->m, &w->requests[CHANGED], 1, 1, NULL, NULL, NULL, &changed, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; i < N_ASKED; i++)
        check_same(&together[i], i == CHANGED ? &changed : &w->alone[i], i, "one of them changed");
    check(memcmp(changed.logprobs, w->alone[CHANGED].logprobs, N_NEW * sizeof(float)) != 0, "which is another response");
    evoke_responses_free(together, N_ASKED);
    evoke_responses_free(&changed, 1);
    evoke_responses_free(w->alone, N_ASKED);
    memset(w->alone, 0, sizeof w->alone);
}

static bool stop(void *user, const char *what, uint64_t done, uint64_t total)
{
    (void)user;
    (void)what;
    (void)total;
    return done > 0;
}

static void test_interrupted(const world *w)
{
    const evoke_progress at_once = { stop, NULL };
    evoke_response none[N_ASKED] = {{0}};
    evoke_error err = {0};
    check(evoke_generate(w->m, w->requests, N_ASKED, 4, NULL, NULL, &at_once, none, &err) == EVOKE_EINTERRUPTED &&
          strcmp(err.text, "generate: stopped after 0 of 18 prompts") == 0, "within the beginnings: %s", err.text);
    for (size_t i = 0; i < N_ASKED; i++)
        check(none[i].n == 0 && none[i].seconds == 0, "request %zu has not begun", i);
    evoke_responses_free(none, N_ASKED);
}

static void test_model(const char *path, evoke_compute compute, bool limited)
{
    world w = {0};
    evoke_error err = {0};
    const evoke_model_options options = { .n_threads = 2, .compute = compute };
    if (!check(evoke_model_open(path, &options, &w.m, &err) == EVOKE_OK, "%s", err.text))
        return;
    make_steerings(&w);
    make_requests(&w);
    test_runs(&w, limited);
    test_interrupted(&w);
    for (size_t s = 0; s < 2; s++)
        evoke_steering_free(w.steering[s]);
    evoke_model_free(w.m);
}

int main(int argc, char **argv)
{
    static const struct { const char *model; bool limited; } models[] = {
        { "families/llama", false }, { "families/llama_k/model.gguf", false }, { "families/gemma3_text", false },
        { "families/minicpm3", true }, { "families/gpt2", false }, { "families/phi3_longrope", true },
    };
    char path[512];
    test_trees();
    test_alike();
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (check(golden_find(argc > 1 ? argv[1] : ".", models[i].model, path, sizeof path), "%s is missing", models[i].model))
            for (int fast = 0; fast < 2; fast++)
                test_model(path, fast ? EVOKE_FAST : EVOKE_EXACT, models[i].limited);
    return check_done();
}
