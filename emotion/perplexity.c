/* emotion/perplexity.c: how likely a model finds a text.
 *
 *     nll = -1 / (n - c) sum_{t = c}^{n - 1} log p(ids[t] | ids[0..t)),   perplexity = exp(nll),   c the context's tokens
 *
 * Log-sum-exp and the sum in double. A text beyond the window is read in windows half of it apart, so that every token but the
 * first ones has at least half a window before it.
 *
 * Keys and values of the text before stay in the cache. What a text begins with as that one did is not run again: a token's do
 * not depend on what follows it, nor on how many tokens run together. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "layers/forward.h"
#include "layers/sampler.h"

enum { CHUNK = 64 };
static const char *const what = "measure perplexity";

struct evoke_scorer {
    const evoke_model *model;
    size_t window;
    evk_kv_cache cache;
    size_t sequence;
    int32_t *ids;       /* [capacity of the cache] the tokens in it */
    size_t length;      /* of the text that they were run in */
    evk_arena scratch;
    float *logits;      /* [CHUNK, V] */
};

/* Room for a text of n tokens; what the cache held is lost where it grows. */
static evoke_status make_room(evoke_scorer *s, size_t n, evoke_error *err)
{
    if (n <= s->cache.capacity)
        return EVOKE_OK;
    const size_t twice = 2 * s->cache.capacity, capacity = twice < n ? n : twice < s->window ? twice : s->window;
    evk_kv_free(&s->cache);
    evk_arena_free(&s->scratch);
    free(s->ids);
    s->ids = NULL;
    EVK_TRY(evk_alloc(&s->ids, capacity, sizeof *s->ids, what, err));
    EVK_TRY(evk_arena_init(&s->scratch, evk_forward_scratch(s->model, CHUNK), what, err));
    EVK_TRY(evk_kv_init(&s->cache, s->model, capacity, 1, err));
    return evk_kv_open(&s->cache, EVK_NO_PARENT, capacity, &s->sequence, err);
}

/* -log p(id) under logits [V], which are spent. */
static double surprise(const evoke_scorer *s, float *logits, int32_t id)
{
    const size_t v = s->model->config.n_vocab;
    const double own = (double)logits[id];
    return evk_log_sum_exp(&s->model->kernels, logits, v) - own;
}

/* Whether tokens get the same positions in texts of the two lengths. */
static bool turned_alike(const evk_config *c, size_t length, size_t other)
{
    return length == other || !(evk_config_is_beyond_rope(c, length) || evk_config_is_beyond_rope(c, other));
}

/* Keeps in the cache what it holds of the text's first `most` tokens; returns their number. */
static size_t keep_common(evoke_scorer *s, const int32_t *ids, size_t n, size_t most)
{
    const size_t held = s->cache.sequences[s->sequence].n;
    size_t common = 0;
    while (common < held && common < most && ids[common] == s->ids[common])
        common++;
    if (!turned_alike(&s->model->config, n, s->length))
        common = 0;
    evk_kv_keep(&s->cache, s->sequence, common);
    memcpy(s->ids, ids, n * sizeof *ids);
    s->length = n;
    return common;
}

static evoke_status score(evoke_scorer *s, const int32_t *ids, size_t n, size_t n_context, double *sum, evoke_error *err)
{
    const size_t v = s->model->config.n_vocab;
    for (size_t first = keep_common(s, ids, n, n_context - 1); first + 1 < n;) {
        const bool scored = first + 1 >= n_context;     /* the context's own logits are not asked for */
        const size_t left = (scored ? n : n_context) - 1 - first, count = left < CHUNK ? left : CHUNK;
        const evk_run run = { s->sequence, ids + first, count, EVK_PROMPT, scored ? EVK_WANT_ALL : EVK_WANT_NONE, NULL, n, 0 };
        EVK_TRY(evk_forward(s->model, &s->cache, &run, 1, NULL, s->logits, &s->scratch, err));
        for (size_t t = 0; scored && t < count; t++)
            *sum += surprise(s, s->logits + t * v, ids[first + t + 1]);
        first += count;
    }
    return EVOKE_OK;
}

/* Window after window, each for the tokens from `scored` on that the one before did not reach. */
static evoke_status score_windows(evoke_scorer *s, const int32_t *ids, size_t n, size_t n_context, double *sum, evoke_error *err)
{
    const size_t step = s->window / 2;
    for (size_t first = 0, scored = n_context; scored < n; first += step) {
        const size_t end = first + s->window < n ? first + s->window : n;
        if (end <= scored)
            continue;
        EVK_TRY(score(s, ids + first, end - first, scored - first, sum, err));
        scored = end;
    }
    return EVOKE_OK;
}

evoke_status evoke_scorer_new(const evoke_model *m, size_t window, evoke_scorer **out, evoke_error *err)
{
    const size_t n_ctx = m->config.n_ctx;
    *out = NULL;
    window = window ? window : n_ctx;
    if (window > n_ctx || window < 2)
        return evk_fail(err, EVOKE_EARG, "%s: windows of %zu tokens; the model's context is %zu", what, window, n_ctx);
    evoke_scorer *s = NULL;
    EVK_TRY(evk_alloc(&s, 1, sizeof *s, what, err));
    *s = (evoke_scorer){ .model = m, .window = window };
    const evoke_status st = evk_alloc(&s->logits, CHUNK, m->config.n_vocab * sizeof *s->logits, what, err);
    if (st == EVOKE_OK)
        *out = s;
    else
        evoke_scorer_free(s);
    return st;
}

void evoke_scorer_free(evoke_scorer *s)
{
    if (!s)
        return;
    evk_kv_free(&s->cache);
    evk_arena_free(&s->scratch);
    free(s->logits);
    free(s->ids);
    free(s);
}

evoke_status evoke_scorer_nll(evoke_scorer *s, const int32_t *ids, size_t n, size_t n_context, double *nll, evoke_error *err)
{
    double sum = 0;
    if (n_context == 0 || n_context >= n)
        return evk_fail(err, EVOKE_EARG, "%s: %zu tokens of context and %zu in all", what, n_context, n);
    /* those are looked up before they are run, or never run; evk_forward checks the others */
    EVK_TRY(evk_model_check_ids(s->model, what, ids + n_context, n - n_context, err));
    EVK_TRY(make_room(s, n < s->window ? n : s->window, err));
    EVK_TRY(score_windows(s, ids, n, n_context, &sum, err));
    *nll = sum / (double)(n - n_context);
    return EVOKE_OK;
}
