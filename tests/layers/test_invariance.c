/* A token's values do not depend on the batch, the company, the order, the threads, the cache or a shared prefix: not to
 * within a bound, but bit for bit. Each test holds the logits and the residual stream of prompts run one way against the
 * same prompts run alone, on one thread, in one pass. */
#include "core/random.h"
#include "layers/forward.h"
#include "tests/check.h"
#include "tests/golden.h"

enum { N_PROMPT = 5, LONGEST = 290 };        /* several blocks of attention's keys */

typedef struct world {
    evoke_model *m;
    int32_t ids[N_PROMPT][LONGEST];
    size_t n[N_PROMPT];
    float *alone[N_PROMPT];         /* [n, V] logits of each prompt run alone */
} world;

static evk_kv_cache cache_for(const evoke_model *m, size_t capacity, size_t n_sequence)
{
    evk_kv_cache c;
    check(evk_kv_init(&c, m, capacity, n_sequence, NULL) == EVOKE_OK,
          "cache");
    return c;
}

static void forward(const evoke_model *m, evk_kv_cache *c, const evk_run *runs, size_t n, float *logits)
{
    evk_arena a = {0};
    evoke_error err = {0};
    size_t n_token = 0;
    for (size_t i = 0; i < n; i++)
        n_token += runs[i].n;
    check(evk_arena_init(&a, evk_forward_scratch(m, n_token), "test", &err) == EVOKE_OK, "%s", err.text);
    check(evk_forward(m, c, runs, n, NULL, logits, &a, &err) == EVOKE_OK, "%s", err.text);
    evk_arena_free(&a);
}

static evk_run whole(const world *w, size_t p, size_t sequence)
{
    return (evk_run){ sequence, w->ids[p], w->n[p], EVK_PROMPT_END, EVK_WANT_ALL, NULL, w->n[p], 0 };
}

static bool same(const float *a, const float *b, size_t n)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

static void run_alone(world *w)
{
    const size_t v = w->m->config.n_vocab;
    for (size_t p = 0; p < N_PROMPT; p++) {
        evk_kv_cache c = cache_for(w->m, LONGEST, 1);
        size_t s = 0;
        w->alone[p] = malloc(w->n[p] * v * sizeof(float));
        evk_kv_open(&c, EVK_NO_PARENT, LONGEST, &s, NULL);
        const evk_run run = whole(w, p, s);
        forward(w->m, &c, &run, 1, w->alone[p]);
        evk_kv_free(&c);
    }
}

/* All prompts in one pass, in the order given. */
static void test_company(world *w, const size_t *order, const char *what)
{
    const size_t v = w->m->config.n_vocab;
    evk_kv_cache c = cache_for(w->m, N_PROMPT * LONGEST, N_PROMPT);
    evk_run runs[N_PROMPT];
    size_t total = 0, row = 0;
    for (size_t i = 0; i < N_PROMPT; i++) {
        size_t s = 0;
        evk_kv_open(&c, EVK_NO_PARENT, LONGEST, &s, NULL);
        runs[i] = whole(w, order[i], s);
        total += w->n[order[i]];
    }
    float *logits = malloc(total * v * sizeof *logits);
    forward(w->m, &c, runs, N_PROMPT, logits);
    for (size_t i = 0; i < N_PROMPT; row += w->n[order[i]], i++)
        check(same(logits + row * v, w->alone[order[i]], w->n[order[i]] * v), "%s: prompt %zu differs", what, order[i]);
    free(logits);
    evk_kv_free(&c);
}

/* Through the cache in stretches of n_step tokens. */
static void test_cache(world *w, size_t n_step)
{
    const size_t v = w->m->config.n_vocab, p = N_PROMPT - 1;
    evk_kv_cache c = cache_for(w->m, LONGEST, 1);
    size_t s = 0;
    float *logits = malloc(w->n[p] * v * sizeof *logits);
    evk_kv_open(&c, EVK_NO_PARENT, LONGEST, &s, NULL);
    for (size_t at = 0; at < w->n[p]; at += n_step) {
        const size_t n = w->n[p] - at < n_step ? w->n[p] - at : n_step;
        const evk_run run = { s, w->ids[p] + at, n, EVK_PROMPT, EVK_WANT_ALL, NULL, w->n[p], 0 };
        forward(w->m, &c, &run, 1, logits + at * v);
    }
    check(same(logits, w->alone[p], w->n[p] * v), "in stretches of %zu tokens", n_step);
    free(logits);
    evk_kv_free(&c);
}

/* The first tokens as a prefix of a prefix, shared with a second prompt. */
static void test_prefix(world *w, size_t first, size_t second)
{
    const size_t v = w->m->config.n_vocab, p = N_PROMPT - 1, own = w->n[p] - first - second;
    evk_kv_cache c = cache_for(w->m, 3 * LONGEST, 4);
    size_t a = 0, b = 0, x = 0, y = 0;
    float *logits = malloc(2 * own * v * sizeof *logits);
    evk_kv_open(&c, EVK_NO_PARENT, first, &a, NULL);
    const evk_run root = { a, w->ids[p], first, EVK_PROMPT, EVK_WANT_NONE, NULL, w->n[p], 0 };
    forward(w->m, &c, &root, 1, NULL);
    evk_kv_open(&c, (ptrdiff_t)a, second, &b, NULL);
    const evk_run branch = { b, w->ids[p] + first, second, EVK_PROMPT, EVK_WANT_NONE, NULL, w->n[p], 0 };
    forward(w->m, &c, &branch, 1, NULL);
    evk_kv_open(&c, (ptrdiff_t)b, own, &x, NULL);
    evk_kv_open(&c, (ptrdiff_t)b, own, &y, NULL);
    const evk_run leaves[] = {
        { x, w->ids[p] + first + second, own, EVK_PROMPT_END, EVK_WANT_ALL, NULL, w->n[p], 0 },
        { y, w->ids[p] + first + second, own, EVK_PROMPT_END, EVK_WANT_ALL, NULL, w->n[p], 0 },
    };
    forward(w->m, &c, leaves, 2, logits);
    for (size_t i = 0; i < 2; i++)
        check(same(logits + i * own * v, w->alone[p] + (first + second) * v, own * v), "prefixes of %zu and %zu tokens", first,
              second);
    free(logits);
    evk_kv_free(&c);
}

static void test_bad_input(world *w)
{
    evk_kv_cache c = cache_for(w->m, 8, 1);
    evk_arena a = {0};
    evoke_error err = {0};
    size_t s = 0;
    const int32_t wrong[] = { 3, (int32_t)w->m->config.n_vocab };
    evk_kv_open(&c, EVK_NO_PARENT, 8, &s, NULL);
    check(evk_arena_init(&a, evk_forward_scratch(w->m, 16), "test", NULL) == EVOKE_OK, "scratch");
    const evk_run outside = { s, wrong, 2, EVK_PROMPT_END, EVK_WANT_NONE, NULL, 0, 0 };
    check(evk_forward(w->m, &c, &outside, 1, NULL, NULL, &a, &err) == EVOKE_EDATA, "an id outside the vocabulary");
    const evk_run too_long = { s, w->ids[N_PROMPT - 1], 9, EVK_PROMPT_END, EVK_WANT_NONE, NULL, 0, 0 };
    check(evk_forward(w->m, &c, &too_long, 1, NULL, NULL, &a, &err) == EVOKE_ENOMEM, "more tokens than the sequence holds");
    check(c.sequences[s].n == 0, "a failed pass leaves the sequence as it was");
    evk_arena_free(&a);
    evk_kv_free(&c);
}

static void test_model(const char *path, const char *isa, evoke_compute compute)
{
    static const size_t forwards[] = { 0, 1, 2, 3, 4 }, backwards[] = { 4, 3, 2, 1, 0 }, mixed[] = { 2, 4, 0, 3, 1 };
    world w = {0};
    evoke_error err = {0};
    evk_random r;
    evk_random_stream(&r, 7, 0);
    const evoke_model_options how = { .isa = isa, .n_threads = 1, .compute = compute, .repack = compute == EVOKE_FAST };
    if (!check(evoke_model_open(path, &how, &w.m, &err) == EVOKE_OK, "%s", err.text))
        return;
    const bool learned = evk_model_weight(w.m, 0, EVK_W_POSITION)->there;
    const size_t longest = learned && w.m->config.n_ctx < LONGEST ? w.m->config.n_ctx : LONGEST;
    w.m->config.n_ctx = longest;
    for (size_t p = 0; p < N_PROMPT; p++) {
        w.n[p] = (size_t[]){ 1, 2, 17, longest / 2, longest }[p];
        for (size_t t = 0; t < w.n[p]; t++)
            w.ids[p][t] = (int32_t)evk_random_below(&r, w.m->config.n_vocab);
    }
    run_alone(&w);
    test_company(&w, forwards, "one batch");
    test_company(&w, backwards, "backwards");
    for (size_t n = 1; n <= 3; n++) {
        w.m->n_thread = n;
        test_company(&w, mixed, n == 1 ? "1 thread" : n == 2 ? "2 threads" : "3 threads");
    }
    for (size_t n = 1; n <= 20; n += 6)
        test_cache(&w, n);
    test_cache(&w, longest / 2 + 1);
    test_prefix(&w, 5, 11);
    test_prefix(&w, 16, 32);
    test_prefix(&w, longest / 3, longest / 2);
    test_bad_input(&w);
    for (size_t p = 0; p < N_PROMPT; p++)
        free(w.alone[p]);
    evoke_model_free(w.m);
}

int main(int argc, char **argv)
{
    static const char *const models[] = {
        "families/llama", "gguf/llama_q4_1/model.gguf", "families/llama_k/model.gguf",
        "families/mistral", "families/qwen2_window", "families/gemma3_text", "families/phi3/model.gguf",   /* windows */
        "families/baichuan2_13b", "families/baichuan2_13b_gguf/model.gguf",                                /* ALiBi */
        "families/minicpm3", "families/phi3_longrope", "families/llama_dynamic",    /* latent attention; limits of 24 tokens */
        "families/gemma2", "families/smollm3", "families/olmo2", "families/gpt2", "families/gpt_neox", "families/gpt_neox_seq",
    };
    const char *root = argc > 1 ? argv[1] : ".";
    char path[512];
    for (size_t i = 0; evoke_isa_name(i); i++)
        for (size_t j = 0; j < sizeof models / sizeof *models; j++)
            if (check(golden_find(root, models[j], path, sizeof path), "%s is missing", models[j])) {
                test_model(path, evoke_isa_name(i), EVOKE_EXACT);
                if (strstr(path, ".gguf") && !evoke_isa_name(i + 1))    /* weights as integers, on the best that there is */
                    test_model(path, evoke_isa_name(i), EVOKE_FAST);
            }
    return check_done();
}
