/* layers/verify_same.c: a prompt's logits do not depend on threads, company, order, cache, a shared prefix or shards, bit for bit. */
#include <stdlib.h>
#include <string.h>

#include "layers/forward.h"
#include "layers/verify.h"

enum { N_COMPANY = 4 };

typedef struct work {
    evoke_model m;              /* a view of the model, with threads of its own */
    size_t n_thread;            /* as the model has them */
    const int32_t *ids;         /* [n] the prompt */
    size_t n;
    int32_t *others;            /* [N_COMPANY, n] it begun elsewhere: the company's */
    float *alone, *got;         /* [n, V] logits: on one thread, in one pass; otherwise */
    evk_kv_cache cache;
    evoke_verify_same *out;
} work;

static evoke_status forward(work *w, const evk_run *runs, size_t n_run, float *logits, evoke_error *err)
{
    evk_arena scratch = { 0 };
    size_t n_token = 0;
    for (size_t i = 0; i < n_run; i++)
        n_token += runs[i].n;
    EVK_TRY(evk_arena_init(&scratch, evk_forward_scratch(&w->m, n_token), "verify", err));
    const evoke_status st = evk_forward(&w->m, &w->cache, runs, n_run, NULL, logits, &scratch, err);
    evk_arena_free(&scratch);
    return st;
}

/* Counts what differs in the logits of tokens [first, n) from those alone. */
static void compare(work *w, const float *logits, size_t first)
{
    const size_t v = w->m.config.n_vocab, n = (w->n - first) * v;
    for (size_t i = 0; i < n; i++)
        w->out->n_differing += memcmp(logits + i, w->alone + first * v + i, sizeof *logits) != 0;
    w->out->n_values += n;
}

static evoke_status whole(work *w, float *logits, evoke_error *err)
{
    size_t s = 0;
    evk_kv_rewind(&w->cache, 0);
    EVK_TRY(evk_kv_open(&w->cache, EVK_NO_PARENT, w->n, &s, err));
    const evk_run run = { s, w->ids, w->n, EVK_PROMPT_END, EVK_WANT_ALL, NULL, w->n, 0 };
    return forward(w, &run, 1, logits, err);
}

/* ---- the ways to run it ---- */

static evoke_status on_threads(work *w, evoke_error *err)
{
    w->m.n_thread = w->n_thread > 1 ? w->n_thread : 2;
    EVK_TRY(whole(w, w->got, err));
    compare(w, w->got, 0);
    return EVOKE_OK;
}

/* As number `place` of N_COMPANY prompts of the lengths given, of which [first, first + n) are run. */
static evoke_status among(work *w, const size_t lengths[N_COMPANY], size_t place, size_t first, size_t n_run, evoke_error *err)
{
    const size_t v = w->m.config.n_vocab;
    evk_run runs[N_COMPANY];
    evk_kv_rewind(&w->cache, 0);
    for (size_t i = first; i < first + n_run; i++) {
        const size_t n = i == place ? w->n : lengths[i];
        size_t s = 0;
        EVK_TRY(evk_kv_open(&w->cache, EVK_NO_PARENT, n, &s, err));
        runs[i - first] = (evk_run){ s, i == place ? w->ids : w->others + i * w->n, n, EVK_PROMPT_END,
                             i == place ? EVK_WANT_ALL : EVK_WANT_LAST, NULL, n, 0 };
    }
    EVK_TRY(forward(w, runs, n_run, w->got, err));
    compare(w, w->got + (place - first) * v, 0);
    return EVOKE_OK;
}

static evoke_status beside(work *w, const size_t lengths[N_COMPANY], size_t place, evoke_error *err)
{
    return among(w, lengths, place, 0, N_COMPANY, err);
}

static evoke_status in_batch(work *w, evoke_error *err)
{
    return beside(w, (size_t[]){ w->n, w->n, w->n, w->n }, 1, err);
}

static evoke_status in_uneven_batch(work *w, evoke_error *err)
{
    return beside(w, (size_t[]){ 1, w->n / 2, w->n - 1, 2 }, 2, err);
}

static evoke_status in_other_orders(work *w, evoke_error *err)
{
    const size_t lengths[] = { 2, w->n - 1, 1, w->n / 2 };
    EVK_TRY(beside(w, lengths, 0, err));
    return beside(w, lengths, N_COMPANY - 1, err);
}

/* Through the cache, `step` tokens at a time. */
static evoke_status in_steps(work *w, size_t step, evoke_error *err)
{
    size_t s = 0;
    evk_kv_rewind(&w->cache, 0);
    EVK_TRY(evk_kv_open(&w->cache, EVK_NO_PARENT, w->n, &s, err));
    for (size_t at = 0; at < w->n; at += step) {
        const size_t n = w->n - at < step ? w->n - at : step;
        const evk_run run = { s, w->ids + at, n, EVK_PROMPT, EVK_WANT_ALL, NULL, w->n, 0 };
        EVK_TRY(forward(w, &run, 1, w->got + at * w->m.config.n_vocab, err));
    }
    compare(w, w->got, 0);
    return EVOKE_OK;
}

static evoke_status through_cache(work *w, evoke_error *err)
{
    EVK_TRY(in_steps(w, 1, err));
    return in_steps(w, 7, err);
}

/* Two sequences that go on from a prefix of a prefix. */
static evoke_status on_prefix(work *w, evoke_error *err)
{
    const size_t v = w->m.config.n_vocab, first = w->n / 4, second = w->n / 4, shared = first + second, own = w->n - shared;
    size_t s[4] = { 0 };
    evk_kv_rewind(&w->cache, 0);
    EVK_TRY(evk_kv_open(&w->cache, EVK_NO_PARENT, first, &s[0], err));
    const evk_run root = { s[0], w->ids, first, EVK_PROMPT, EVK_WANT_NONE, NULL, w->n, 0 };
    EVK_TRY(forward(w, &root, 1, NULL, err));
    EVK_TRY(evk_kv_open(&w->cache, (ptrdiff_t)s[0], second, &s[1], err));
    const evk_run branch = { s[1], w->ids + first, second, EVK_PROMPT, EVK_WANT_NONE, NULL, w->n, 0 };
    EVK_TRY(forward(w, &branch, 1, NULL, err));
    EVK_TRY(evk_kv_open(&w->cache, (ptrdiff_t)s[1], own, &s[2], err));
    EVK_TRY(evk_kv_open(&w->cache, (ptrdiff_t)s[1], own, &s[3], err));
    const evk_run leaves[] = { { s[2], w->ids + shared, own, EVK_PROMPT_END, EVK_WANT_ALL, NULL, w->n, 0 },
                               { s[3], w->ids + shared, own, EVK_PROMPT_END, EVK_WANT_ALL, NULL, w->n, 0 } };
    EVK_TRY(forward(w, leaves, 2, w->got, err));
    compare(w, w->got, shared);
    compare(w, w->got + own * v, shared);
    return EVOKE_OK;
}

/* With what its shard has of four prompts, as an extraction that is divided does: in every place, of two shards, three and four. */
static evoke_status in_shards(work *w, evoke_error *err)
{
    const size_t lengths[] = { w->n / 2, 3, w->n, w->n - 1 };
    for (size_t n_shard = 2; n_shard <= N_COMPANY; n_shard++)
        for (size_t shard = 1; shard <= n_shard; shard++) {
            size_t first = 0, n = 0;
            evoke_shard_range(shard, n_shard, N_COMPANY, &first, &n);
            for (size_t place = first; place < first + n; place++)
                EVK_TRY(among(w, lengths, place, first, n, err));
        }
    return EVOKE_OK;
}

/* A new way to run a prompt is a line here. */
static const struct { const char *name, *about; evoke_status (*run)(work *w, evoke_error *err); } ways[EVOKE_N_VERIFY_SAME] = {
    { "threads", "all threads against one",                      on_threads },
    { "batch",   "beside three others of its length",            in_batch },
    { "padding", "beside longer and shorter ones",               in_uneven_batch },
    { "order",   "as the first and as the last of a batch",      in_other_orders },
    { "cache",   "one token at a time, and seven",               through_cache },
    { "prefix",  "going on from a prefix that two share",        on_prefix },
    { "shards",  "with its shard of four, of 2, 3, 4 shards",    in_shards },
};

static evoke_status make(work *w, evoke_error *err)
{
    const size_t v = w->m.config.n_vocab;
    EVK_TRY(evk_alloc(&w->others, N_COMPANY * w->n, sizeof *w->others, "verify", err));
    for (size_t i = 0; i < N_COMPANY * w->n; i++)
        w->others[i] = w->ids[(i + i / w->n + 1) % w->n];
    EVK_TRY(evk_alloc(&w->alone, w->n, v * sizeof(float), "verify", err));
    EVK_TRY(evk_alloc(&w->got, w->n + N_COMPANY, v * sizeof(float), "verify", err));
    EVK_TRY(evk_kv_init(&w->cache, &w->m, N_COMPANY * w->n, N_COMPANY, err));
    return whole(w, w->alone, err);
}

evoke_status evk_verify_same(const evoke_model *m, const int32_t *ids, size_t n, evoke_verify_same out[EVOKE_N_VERIFY_SAME],
                             evoke_error *err)
{
    work w = { .m = *m, .n_thread = m->n_thread, .ids = ids, .n = n };
    w.m.n_thread = 1;
    evoke_status st = make(&w, err);
    for (size_t i = 0; st == EVOKE_OK && i < EVOKE_N_VERIFY_SAME; i++) {
        w.m.n_thread = 1;
        w.out = &out[i];
        out[i] = (evoke_verify_same){ .name = ways[i].name, .about = ways[i].about };
        st = ways[i].run(&w, err);
        out[i].ok = out[i].n_values > 0 && out[i].n_differing == 0;
    }
    free(w.others);
    free(w.alone);
    free(w.got);
    evk_kv_free(&w.cache);
    return st;
}
