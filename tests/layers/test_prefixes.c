/* layers/prefixes.c, and evoke_generate that runs by it: what is shared is really common, steered alike, as much as pays and no
 * more than there is room for; a response has the same bits as alone. */
#include "layers/prefixes.h"

#include "core/evoke.h"
#include "core/random.h"
#include "layers/model.h"
#include "layers/vectors.h"
#include "tests/check.h"
#include "tests/golden.h"

enum { N = 60, LONGEST = 80, WORTH = 8, MOST_STANDING = 3 };

typedef struct list { int32_t ids[N][LONGEST]; evk_shareable prompts[N]; } list;

/* ---- the tree ---- */

static void check_one(const list *l, const evk_prefixes *p, size_t i)
{
    const evk_shareable *own = &l->prompts[i];
    size_t end = evk_prefix_end(p, p->of_prompt[i]), n_standing = 0;
    check(end <= own->n, "prompt %zu: %zu tokens are shared of %zu", i, end, own->n);
    for (ptrdiff_t at = p->of_prompt[i]; at >= 0; at = p->nodes[at].parent) {
        const evk_prefix *node = &p->nodes[at];
        const evk_shareable *other = &l->prompts[node->prompt];
        check(node->n > 0 && evk_prefix_end(p, at) == end && node->parent < at, "prompt %zu: no gap before token %zu", i, end);
        check(other->kind == own->kind, "prompt %zu: one kind", i);
        check(memcmp(other->ids + node->first, own->ids + node->first, node->n * sizeof *own->ids) == 0,
              "prompt %zu: tokens %zu to %zu are its own", i, node->first, end);
        end = node->first;
        n_standing++;
    }
    check(end == 0 && n_standing <= MOST_STANDING, "prompt %zu: from the first token on, %zu stand on one another", i, n_standing);
}

/* Two of a kind run apart fewer of the tokens that they have in common than are worth a pass, unless three stand on one another. */
static void check_pair(const list *l, const evk_prefixes *p, size_t i, size_t j)
{
    const evk_shareable *a = &l->prompts[i], *b = &l->prompts[j];
    size_t n = 0;
    while (n < a->n && n < b->n && a->ids[n] == b->ids[n])
        n++;
    ptrdiff_t at = p->of_prompt[i];
    while (at >= 0 && !evk_prefix_has(p, p->of_prompt[j], (size_t)at))
        at = p->nodes[at].parent;
    if (a->kind == b->kind && (at < 0 || p->nodes[at].depth + 1 < MOST_STANDING))
        check(n - evk_prefix_end(p, at) < WORTH, "prompts %zu and %zu: %zu of %zu tokens are shared", i, j, evk_prefix_end(p, at), n);
}

static void check_tree(const list *l, size_t n_most, bool whole)
{
    evk_prefixes p;
    size_t n_token = 0;
    check(evk_prefixes_find(l->prompts, N, n_most, &p, NULL) == EVOKE_OK, "find");
    for (size_t i = 0; i < N; i++)
        check_one(l, &p, i);
    for (size_t i = 0; i < p.n; i++) {
        size_t n_user = 0;
        for (size_t k = 0; k < N; k++)
            n_user += evk_prefix_has(&p, p.of_prompt[k], i);
        check(p.nodes[i].n * (n_user - 1) >= WORTH, "prefix %zu: %zu tokens for %zu prompts", i, p.nodes[i].n, n_user);
        check(p.nodes[i].depth < p.n_depth, "prefix %zu: depth", i);
        n_token += p.nodes[i].n;
    }
    check(n_token == p.n_token && n_token <= n_most, "%zu tokens, %zu told, at most %zu wanted", n_token, p.n_token, n_most);
    for (size_t i = 0; whole && i < N; i++)
        for (size_t j = 0; j < i; j++)
            check_pair(l, &p, i, j);
    evk_prefixes_free(&p);
}

/* Prompts that part here and there: each goes on from a random place of an earlier one. */
static void draw(list *l, evk_random *r, size_t n_kind)
{
    static const char kinds[3];
    for (size_t i = 0; i < N; i++) {
        const size_t n = evk_random_below(r, LONGEST), from = evk_random_below(r, i + 1);
        size_t kept = from < i ? evk_random_below(r, l->prompts[from].n + 1) : 0;
        kept = kept < n ? kept : n;
        memcpy(l->ids[i], l->ids[from], kept * sizeof **l->ids);
        for (size_t t = kept; t < n; t++)
            l->ids[i][t] = (int32_t)evk_random_below(r, 3);
        const size_t which = evk_random_below(r, n_kind);
        l->prompts[i] = (evk_shareable){ l->ids[i], n, which ? &kinds[which] : NULL };
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

/* Known ones: the same prompt for all; nothing to share; no prompts. */
static void test_known(void)
{
    static list l;
    evk_prefixes p;
    for (size_t i = 0; i < N; i++)
        l.prompts[i] = (evk_shareable){ l.ids[0], LONGEST - 1, NULL };
    check(evk_prefixes_find(l.prompts, N, SIZE_MAX, &p, NULL) == EVOKE_OK && p.n == 1 && p.n_token == LONGEST - 1,
          "the same prompt for all: all but the last token, once");
    evk_prefixes_free(&p);
    for (size_t i = 0; i < N; i++)
        l.prompts[i].n = 0;
    check(evk_prefixes_find(l.prompts, N, SIZE_MAX, &p, NULL) == EVOKE_OK && p.n == 0 && p.of_prompt[N - 1] < 0, "nothing to share");
    evk_prefixes_free(&p);
    check(evk_prefixes_find(NULL, 0, SIZE_MAX, &p, NULL) == EVOKE_OK && p.n == 0, "no prompts");
    evk_prefixes_free(&p);
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

static void test_runs(world *w)
{
    evoke_response together[N_ASKED] = {{0}}, changed = {0};
    evoke_error err = {0};
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
          strcmp(err.text, "generate: interrupted after 0 of 18") == 0, "within the beginnings: %s", err.text);
    for (size_t i = 0; i < N_ASKED; i++)
        check(none[i].n == 0 && none[i].seconds == 0, "request %zu has not begun", i);
    evoke_responses_free(none, N_ASKED);
}

static void test_model(const char *path, evoke_compute compute)
{
    world w = {0};
    evoke_error err = {0};
    const evoke_model_options options = { .n_threads = 2, .compute = compute };
    if (!check(evoke_model_open(path, &options, &w.m, &err) == EVOKE_OK, "%s", err.text))
        return;
    make_steerings(&w);
    make_requests(&w);
    test_runs(&w);
    test_interrupted(&w);
    for (size_t s = 0; s < 2; s++)
        evoke_steering_free(w.steering[s]);
    evoke_model_free(w.m);
}

int main(int argc, char **argv)
{
    static const char *const models[] = {
        "families/llama", "families/llama_k/model.gguf", "families/gemma3_text", "families/gpt2",
        "families/minicpm3", "families/phi3_longrope",      /* limits of 24 tokens */
    };
    char path[512];
    test_trees();
    test_known();
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (check(golden_find(argc > 1 ? argv[1] : ".", models[i], path, sizeof path), "%s is missing", models[i]))
            for (int fast = 0; fast < 2; fast++)
                test_model(path, fast ? EVOKE_FAST : EVOKE_EXACT);
    return check_done();
}
