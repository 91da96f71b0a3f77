/* evoke_session_generate: what evoke_generate gives, whatever the session held before; only what is new is run; what can't be. */
#include "core/evoke.h"
#include "tests/check.h"
#include "tests/golden.h"

enum { N_IDS = 30, N_NEW = 8 };

typedef struct world { evoke_model *m; evoke_session *s; int32_t ids[N_IDS + N_NEW + 2]; size_t n_drawn; } world;

/* The session's response to the first n ids against evoke_generate's; n_run: prompt tokens that it should run. */
static void same(world *w, size_t n, size_t n_run, double temperature, evoke_response *out)
{
    const evoke_request r = { .ids = w->ids, .n_ids = n, .n_predict = N_NEW, .ignore_end = true,
                              .sampling = { .temperature = temperature, .top_p = 0.9, .seed = 1, .stream = n } };
    evoke_response all = {0};
    evoke_error err = {0};
    size_t run = 0;
    check(evoke_generate(w->m, &r, 1, 0, NULL, NULL, NULL, &all, &err) == EVOKE_OK, "%s", err.text);
    check(evoke_session_generate(w->s, &r, NULL, NULL, NULL, out, &run, &err) == EVOKE_OK, "%s", err.text);
    check(run == n_run, "%zu tokens: %zu were run, not %zu", n, run, n_run);
    check(out->n == all.n && out->stop == all.stop, "%zu tokens: as many new ones", n);
    check(out->n == N_NEW && memcmp(out->ids, all.ids, N_NEW * sizeof *all.ids) == 0 &&
          memcmp(out->logprobs, all.logprobs, N_NEW * sizeof *all.logprobs) == 0, "%zu tokens: the same response", n);
    check(evoke_session_position(w->s) == n + N_NEW, "%zu tokens: all of them are held", n);
    check(0 < out->first_seconds && out->first_seconds < out->seconds, "%zu tokens: when the first came", n);
    evoke_responses_free(&all, 1);
}

static void test_values(world *w)
{
    evoke_response r = {0};
    same(w, 20, 20, 0, &r);
    memcpy(w->ids + 20, r.ids, N_NEW * sizeof *r.ids);      /* the conversation goes on from the answer */
    evoke_responses_free(&r, 1);
    same(w, 20 + N_NEW + 2, 2, 0.8, &r);
    evoke_responses_free(&r, 1);
    same(w, 12, 1, 0, &r);                                  /* a beginning: only its last token is run again */
    evoke_responses_free(&r, 1);
    w->ids[5]++;
    same(w, 20, 15, 0, &r);
    evoke_responses_free(&r, 1);
    evoke_session_reset(w->s);
    same(w, 20, 20, 0, &r);
    evoke_responses_free(&r, 1);
}

/* A rotary embedding's limit (24 tokens): beyond it keys serve no other prompt, within it none of a longer one's. */
static void test_limit(world *w)
{
    static const struct { size_t n, n_run; } turns[] = {
        { 12, 12 }, { 20, 8 }, { 30, 30 }, { 20, 20 }, { 25, 25 }, { 30, 30 }, { 12, 12 }, { 24, 12 },
    };
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        evoke_response r = {0};
        same(w, turns[i].n, turns[i].n_run, 0, &r);
        evoke_responses_free(&r, 1);
    }
}

static bool stop_at_three(void *user, size_t request, int32_t id, float logprob)
{
    world *w = user;
    (void)request;
    (void)id;
    (void)logprob;
    return ++w->n_drawn < 3;
}

static bool stop_at_once(void *user, const char *what, uint64_t done, uint64_t total)
{
    (void)user;
    (void)what;
    return done > total;
}

/* A prompt of several stretches that fails in the last leaves the session as it was. */
static void test_failure(world *w)
{
    enum { LONG = 600, ROOM = 640 };
    static int32_t ids[LONG];
    evoke_session *s = NULL;
    evoke_error err = {0};
    float before = 0;
    if (!check(evoke_session_new(w->m, ROOM, &s, &err) == EVOKE_OK && evoke_session_eval(s, w->ids, 3, &err) == EVOKE_OK, "%s", err.text))
        return;
    before = evoke_session_logits(s)[0];
    ids[LONG - 1] = -1;
    check(evoke_session_eval(s, ids, LONG, &err) == EVOKE_EDATA && evoke_session_position(s) == 3, "a bad id behind many good ones");
    evoke_session_reset(s);
    check(evoke_session_eval(s, ids, LONG, &err) == EVOKE_EDATA && evoke_session_position(s) == 0, "also in a prompt");
    check(evoke_session_eval(s, w->ids, 3, &err) == EVOKE_OK && evoke_session_position(s) == 3 &&
          memcmp(&before, evoke_session_logits(s), sizeof before) == 0, "what comes next is a prompt: %s", err.text);
    evoke_session_free(s);
}

static void test_ends(world *w)
{
    const evoke_progress hook = { stop_at_once, NULL };
    evoke_request r = { .ids = w->ids, .n_ids = 10, .n_predict = N_NEW, .ignore_end = true };
    evoke_response out = {0};
    evoke_error err = {0};
    check(evoke_session_generate(w->s, &r, stop_at_three, w, NULL, &out, NULL, &err) == EVOKE_OK && out.n == 3 &&
          out.stop == EVOKE_STOP_CALLER && evoke_session_position(w->s) == 13, "the caller ends it");
    evoke_responses_free(&out, 1);
    check(evoke_session_generate(w->s, &r, NULL, NULL, &hook, &out, NULL, &err) == EVOKE_EINTERRUPTED && out.n == 0, "stopped");
    evoke_responses_free(&out, 1);
    test_failure(w);
    r.n_predict = 1000;
    check(evoke_session_generate(w->s, &r, NULL, NULL, NULL, &out, NULL, &err) == EVOKE_EARG, "more than there is room for");
    r.n_ids = 0;
    check(evoke_session_generate(w->s, &r, NULL, NULL, NULL, &out, NULL, &err) == EVOKE_EARG, "no prompt");
}

static void with(const char *root, const char *model, void (*test)(world *w))
{
    world w = {0};
    char path[4096];
    evoke_error err = {0};
    check(golden_find(root, model, path, sizeof path), "%s", model);
    if (check(evoke_model_open(path, &(evoke_model_options){ .n_threads = 1 }, &w.m, &err) == EVOKE_OK, "%s", err.text) &&
        check(evoke_session_new(w.m, 100, &w.s, &err) == EVOKE_OK, "%s", err.text)) {
        for (size_t i = 0; i < sizeof w.ids / sizeof *w.ids; i++)
            w.ids[i] = (int32_t)(3 + 7 * i % 50);
        test(&w);
    }
    evoke_session_free(w.s);
    evoke_model_free(w.m);
}

int main(int argc, char **argv)
{
    const char *root = argc > 1 ? argv[1] : ".";
    with(root, "families/llama", test_values);
    with(root, "families/llama", test_ends);
    with(root, "families/phi3_longrope", test_limit);
    with(root, "families/llama_dynamic", test_limit);
    return check_done();
}
