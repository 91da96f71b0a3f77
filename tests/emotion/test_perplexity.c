/* A scorer that is kept from text to text: the figures of one made for each, bit for bit, whatever came before; errors. */
#include "core/evoke.h"
#include "core/random.h"
#include "tests/check.h"
#include "tests/golden.h"

enum { N_TEXTS = 100, N_PROMPTS = 4, LONGEST = 60 };

typedef struct world { evoke_model *m; size_t n_vocab, longest; int32_t prompts[N_PROMPTS][LONGEST]; evk_random random; } world;

/* A text that begins as one of few prompts do, for some of its tokens. Returns the number of tokens. */
static size_t draw_text(world *w, int32_t ids[LONGEST])
{
    const size_t n = 2 + evk_random_below(&w->random, w->longest - 1), of = evk_random_below(&w->random, N_PROMPTS);
    const size_t common = evk_random_below(&w->random, n + 1);
    for (size_t t = 0; t < n; t++)
        ids[t] = t < common ? w->prompts[of][t] : (int32_t)evk_random_below(&w->random, w->n_vocab);
    return n;
}

static void test_kept(world *w, const char *name, size_t window)
{
    evoke_error err = {0};
    evoke_scorer *kept = NULL;
    size_t n_differing = 0;
    check(evoke_scorer_new(w->m, window, &kept, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; i < N_TEXTS; i++) {
        int32_t ids[LONGEST];
        double by_kept = -1, by_fresh = -2;
        evoke_scorer *fresh = NULL;
        const size_t n = draw_text(w, ids), n_context = 1 + evk_random_below(&w->random, n - 1);
        check(evoke_scorer_nll(kept, ids, n, n_context, &by_kept, &err) == EVOKE_OK &&
              evoke_scorer_new(w->m, window, &fresh, &err) == EVOKE_OK &&
              evoke_scorer_nll(fresh, ids, n, n_context, &by_fresh, &err) == EVOKE_OK && by_fresh > 0, "%s", err.text);
        n_differing += memcmp(&by_kept, &by_fresh, sizeof by_kept) != 0;
        evoke_scorer_free(fresh);
    }
    check(n_differing == 0, "%s, window %zu: %zu of %d texts differ by what came before", name, window, n_differing, N_TEXTS);
    evoke_scorer_free(kept);
}

/* A failure leaves the scorer as good as before. */
static void test_errors(world *w)
{
    evoke_error err = {0};
    evoke_scorer *s = NULL;
    double before = 0, after = 1, untouched = 7;
    int32_t ids[LONGEST];
    const size_t n_ctx = evoke_model_describe(w->m)->n_ctx;
    check(evoke_scorer_new(w->m, n_ctx + 1, &s, &err) == EVOKE_EARG && !s && strstr(err.text, "context"), "a window too long");
    check(evoke_scorer_new(w->m, 1, &s, &err) == EVOKE_EARG && !s, "a window of 1");
    check(evoke_scorer_new(w->m, 0, &s, &err) == EVOKE_OK, "%s", err.text);
    memcpy(ids, w->prompts[0], sizeof ids);
    check(evoke_scorer_nll(s, ids, 12, 4, &before, &err) == EVOKE_OK, "%s", err.text);
    check(evoke_scorer_nll(s, ids, 12, 0, &untouched, &err) == EVOKE_EARG, "no context");
    check(evoke_scorer_nll(s, ids, 12, 12, &untouched, &err) == EVOKE_EARG, "nothing after it");
    static const size_t bad[] = { 2, 6, 11 };       /* in the context, after it, the last, which is not run */
    for (size_t i = 0; i < 3; i++) {
        ids[bad[i]] = (int32_t)w->n_vocab;
        check(evoke_scorer_nll(s, ids, 12, 4, &untouched, &err) == EVOKE_EDATA && strstr(err.text, "vocabulary"), "%s", err.text);
        ids[bad[i]] = w->prompts[0][bad[i]];
    }
    int32_t many[100] = { 0 };
    for (size_t t = 1; t < 100 && n_ctx >= 100; t++) {      /* those at the end of a stretch are looked up before they are run */
        many[t] = 2000000000;
        check(evoke_scorer_nll(s, many, 100, 1, &untouched, &err) == EVOKE_EDATA, "a bad id at %zu", t);
        many[t] = 0;
    }
    check(untouched == 7, "a failure wrote a figure");
    check(evoke_scorer_nll(s, ids, 12, 4, &after, &err) == EVOKE_OK && memcmp(&before, &after, sizeof before) == 0, "%s", err.text);
    evoke_scorer_free(s);
    evoke_scorer_free(NULL);
}

int main(int argc, char **argv)
{
    /* windows of attention; angles that follow the length beyond 24 tokens, twice; positions in the embedding */
    static const char *const names[] = { "families/gemma3_text", "families/llama_dynamic", "families/phi3_longrope", "families/gpt2" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        world w = { .longest = LONGEST };
        char path[1024];
        evoke_error err = {0};
        check(golden_find(argc > 1 ? argv[1] : ".", names[i], path, sizeof path), "the model %s", names[i]);
        if (!check(evoke_model_open(path, &(evoke_model_options){ .n_threads = 1 }, &w.m, &err) == EVOKE_OK, "%s", err.text))
            continue;
        w.n_vocab = evoke_model_describe(w.m)->n_vocab;
        evk_random_stream(&w.random, 11, i);
        for (size_t p = 0; p < N_PROMPTS; p++)
            for (size_t t = 0; t < LONGEST; t++)
                w.prompts[p][t] = (int32_t)evk_random_below(&w.random, w.n_vocab);
        test_kept(&w, names[i], 0);
        test_kept(&w, names[i], 16);
        test_kept(&w, names[i], 5);
        test_errors(&w);
        evoke_model_free(w.m);
    }
    return check_done();
}
