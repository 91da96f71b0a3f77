/* emotion/perplexity.c: how likely a model finds a text.
 *
 *     nll = -1 / (n - c) sum_{t = c}^{n - 1} log p(ids[t] | ids[0..t)),   perplexity = exp(nll),   c the context's tokens
 *
 * Log-sum-exp and the sum in double. A text beyond the window is read in windows half of it apart, so that every token but the
 * first ones has at least half a window before it. */
#include <math.h>
#include <stdlib.h>

#include "layers/forward.h"
#include "layers/sampler.h"

enum { CHUNK = 64 };

typedef struct scorer {
    const evoke_model *model;
    evk_kv_cache cache;
    evk_arena scratch;
    float *logits;      /* [CHUNK, V] */
    size_t sequence;
} scorer;

static evoke_status make(scorer *s, size_t n, evoke_error *err)
{
    const evk_config *c = &s->model->config;
    EVK_TRY(evk_kv_init(&s->cache, c, n, 1, err));
    EVK_TRY(evk_kv_open(&s->cache, EVK_NO_PARENT, n, &s->sequence, err));
    EVK_TRY(evk_alloc(&s->logits, CHUNK, c->n_vocab * sizeof *s->logits, "measure perplexity", err));
    return evk_arena_init(&s->scratch, evk_forward_scratch(s->model, CHUNK, n), "measure perplexity", err);
}

/* -log p(id) under logits [V], which are spent. */
static double surprise(const scorer *s, float *logits, int32_t id)
{
    const size_t v = s->model->config.n_vocab;
    const double own = (double)logits[id];
    return evk_log_sum_exp(&s->model->kernels, logits, v) - own;
}

static evoke_status score(scorer *s, const int32_t *ids, size_t n, size_t n_context, double *sum, evoke_error *err)
{
    const size_t v = s->model->config.n_vocab;
    for (size_t first = 0; first + 1 < n;) {
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
static evoke_status score_windows(scorer *s, const int32_t *ids, size_t n, size_t n_context, size_t window, double *sum,
                                  evoke_error *err)
{
    const size_t step = window / 2;
    for (size_t first = 0, scored = n_context; scored < n; first += step) {
        const size_t end = first + window < n ? first + window : n;
        if (end <= scored)
            continue;
        evk_kv_clear(&s->cache, s->sequence);
        EVK_TRY(score(s, ids + first, end - first, scored - first, sum, err));
        scored = end;
    }
    return EVOKE_OK;
}

evoke_status evoke_nll_windowed(const evoke_model *m, const int32_t *ids, size_t n, size_t n_context, size_t window,
                                double *nll, evoke_error *err)
{
    scorer s = { .model = m };
    double sum = 0;
    window = window ? window : m->config.n_ctx;
    if (n_context == 0 || n_context >= n || window > m->config.n_ctx || window < 2)
        return evk_fail(err, EVOKE_EARG, "measure perplexity: %zu tokens of context and %zu in all, in windows of %zu; the "
                        "model's context is %zu", n_context, n, window, m->config.n_ctx);
    if (ids[n - 1] < 0 || (size_t)ids[n - 1] >= m->config.n_vocab)
        return evk_fail(err, EVOKE_EDATA, "measure perplexity: id %d is outside the vocabulary", (int)ids[n - 1]);
    evoke_status st = make(&s, n < window ? n : window, err);
    if (st == EVOKE_OK)
        st = score_windows(&s, ids, n, n_context, window, &sum, err);
    *nll = sum / (double)(n - n_context);
    evk_kv_free(&s.cache);
    evk_arena_free(&s.scratch);
    free(s.logits);
    return st;
}

evoke_status evoke_nll(const evoke_model *m, const int32_t *ids, size_t n, size_t n_context, double *nll, evoke_error *err)
{
    return evoke_nll_windowed(m, ids, n, n_context, 0, nll, err);
}
