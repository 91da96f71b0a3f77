/* emotion/extract_run.c: batches of an extraction's prompts through the model, and what they give to the store.
 *
 * The beginnings that prompts share run once (prefixes.h). Of a batch, the rest of all prompts runs together, layer by layer;
 * responses are drawn token by token, all of the batch in step. */
#include <math.h>
#include <stdlib.h>

#include "core/threads.h"
#include "emotion/extraction.h"
#include "layers/sampler.h"

/* One prompt of a batch. */
typedef struct item {
    size_t prompt, sequence;
    size_t n_fed;                               /* tokens of the prompt in the cache, prefix included */
    evk_span_means means;
    int32_t *response;                          /* [n_predict] */
    size_t n_response;
    bool running;
    evk_sampler sampler;
} item;

typedef struct batch {
    evk_extraction *x;
    item *items;
    size_t n;
    evk_run *runs;                              /* of the current pass */
    evk_span_means **takers;                    /* whose each run is */
    size_t *firsts;                             /* the token that each begins with, counted in the pass */
    size_t n_run;
} batch;

/* ---- running ---- */

/* Asked after every batch, and in every layer, for a scheduler gives seconds between its warning and the end: a batch has
 * GRACE of them to end, then it is dropped. */
static evoke_status go_on(evk_extraction *x, bool in_batch, evoke_error *err)
{
    enum { GRACE = 5 };
    const evoke_progress *p = x->progress;
    const size_t n = x->end - x->begin;
    if (!p || !p->report || p->report(p->user, "extract", x->n_done, n) || x->n_done == n)
        return EVOKE_OK;
    if (x->stop_at <= 0)
        x->stop_at = evk_seconds() + GRACE;
    if (in_batch && evk_seconds() < x->stop_at)
        return EVOKE_OK;
    return evk_fail(err, EVOKE_EINTERRUPTED, "extract: stopped after %zu of %zu prompts; the same command continues", x->n_done,
                    n);
}

static evoke_status take(void *user, evoke_site site, size_t layer, const float *x, size_t width, evoke_error *err)
{
    batch *b = user;
    EVK_TRY(go_on(b->x, true, err));
    const evk_span_layout *y = &b->x->layout;
    size_t index = 0;
    while (y->sites[index] != site)
        index++;
#pragma omp parallel for schedule(dynamic) num_threads((int)b->x->model->n_thread)
    for (size_t r = 0; r < b->n_run; r++)
        evk_span_means_take(b->takers[r], y, index, layer, x + b->firsts[r] * width, b->runs[r].n);
    return EVOKE_OK;
}

/* Runs what b->runs holds. */
static evoke_status pass(batch *b, evoke_error *err)
{
    evk_extraction *x = b->x;
    evk_capture capture = { 0, take, b };
    for (size_t i = 0; i < x->layout.n_site; i++)
        capture.sites |= 1u << x->sites[i];
    EVK_TRY(evk_forward(x->model, &x->cache, b->runs, b->n_run, &capture, x->logits, &x->scratch, err));
    for (size_t r = 0; r < b->n_run; r++) {
        b->takers[r]->n_token += b->runs[r].n;
        x->report->n_tokens_run += b->runs[r].n;
    }
    return EVOKE_OK;
}

static void add_run(batch *b, evk_run run, evk_span_means *taker)
{
    b->firsts[b->n_run] = b->n_run == 0 ? 0 : b->firsts[b->n_run - 1] + b->runs[b->n_run - 1].n;
    b->runs[b->n_run] = run;
    b->takers[b->n_run++] = taker;
}

/* Does a prompt of this shard begin with it? */
static bool is_used(const evk_extraction *x, size_t node)
{
    for (size_t i = x->begin; i < x->end; i++)
        if (evk_prefix_has(&x->prefixes, x->prefixes.of_prompt[i], node))
            return true;
    return false;
}

/* The shared beginnings, each once, in stretches of a batch's tokens. */
static evoke_status run_prefixes(evk_extraction *x, batch *b, evoke_error *err)
{
    EVK_TRY(evk_alloc(&x->prefix_means, x->prefixes.n, sizeof *x->prefix_means, "extract", err));
    EVK_TRY(evk_alloc(&x->prefix_sequences, x->prefixes.n, sizeof *x->prefix_sequences, "extract", err));
    for (size_t i = 0; i < x->prefixes.n; i++) {
        const evk_prefix *p = &x->prefixes.nodes[i];
        if (!is_used(x, i))
            continue;
        const ptrdiff_t parent = p->parent < 0 ? EVK_NO_PARENT : (ptrdiff_t)x->prefix_sequences[p->parent];
        const size_t end = evk_prefix_end(&x->prefixes, (ptrdiff_t)i);
        EVK_TRY(evk_span_means_init(&x->prefix_means[i], &x->layout, p->parent < 0 ? NULL : &x->prefix_means[p->parent],
                                    end, end + 1, 0, 0, err));
        EVK_TRY(evk_kv_open(&x->cache, parent, p->n, &x->prefix_sequences[i], err));
        for (size_t at = p->first; at < end; at += b->runs[0].n) {
            const size_t n = end - at < x->batch_tokens ? end - at : x->batch_tokens;
            b->n_run = 0;
            add_run(b, (evk_run){ x->prefix_sequences[i], x->prompts[p->prompt].ids + at, n, EVK_PROMPT, EVK_WANT_NONE, NULL, 0, 0 },
                    &x->prefix_means[i]);
            EVK_TRY(pass(b, err));
        }
    }
    return EVOKE_OK;
}

static evoke_status open_item(evk_extraction *x, item *it, size_t prompt, evoke_error *err)
{
    const evk_tokens *p = &x->prompts[prompt];
    const ptrdiff_t node = x->prefixes.of_prompt[prompt];
    const evk_span_means *prefix = node < 0 ? NULL : &x->prefix_means[node];
    evoke_sampling how = x->options->sampling;
    how.stream = prompt;
    *it = (item){ .prompt = prompt, .n_fed = prefix ? prefix->n_token : 0, .running = x->n_predict > 0 };
    evk_sampler_init(&it->sampler, &how);
    x->report->n_tokens_shared += it->n_fed;
    EVK_TRY(evk_alloc(&it->response, x->n_predict, sizeof *it->response, "extract", err));
    EVK_TRY(evk_span_means_init(&it->means, &x->layout, prefix, p->n + x->n_predict, p->n, p->query_first, p->query_last, err));
    return evk_kv_open(&x->cache, node < 0 ? EVK_NO_PARENT : (ptrdiff_t)x->prefix_sequences[node],
                       p->n_run - it->n_fed + x->n_predict, &it->sequence, err);
}

/* Draws for every run of the last pass that wanted logits; owners [n_run]. The first token is never an end, so that there
 * is a response to average. */
static evoke_status draw_all(batch *b, item *const *owners, evoke_error *err)
{
    evk_extraction *x = b->x;
    const size_t n_vocab = x->model->config.n_vocab;
    evk_draw draws[EVK_MAX_BATCH];
    item *of[EVK_MAX_BATCH];
    size_t n = 0;
    for (size_t r = 0; r < b->n_run; r++)
        if (b->runs[r].want == EVK_WANT_LAST) {
            of[n] = owners[r];
            draws[n] = (evk_draw){ .sampler = &owners[r]->sampler, .logits = x->logits + n * n_vocab,
                                   .ban_ends = owners[r]->n_response == 0 };
            n++;
        }
    evk_sample_all(draws, n, &x->model->kernels, x->model->n_thread, n_vocab, x->ends.ids, x->ends.n, x->room);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(draws[i].logprob))
            return evk_fail(err, EVOKE_EDATA, "extract: the logits of query '%s' are not finite: are the weights damaged?",
                            evoke_dataset_query(x->dataset, of[i]->prompt / x->n_setting)->id);
        of[i]->running = !evk_ends_has(&x->ends, draws[i].id);
        if (of[i]->running)
            of[i]->response[of[i]->n_response++] = draws[i].id;
    }
    return EVOKE_OK;
}

/* All prompts of the batch, in as many passes as its token budget asks for (one, but for a very long prompt). */
static evoke_status run_prompts(batch *b, item **owners, evoke_error *err)
{
    evk_extraction *x = b->x;
    size_t left = b->n;
    while (left > 0) {
        size_t budget = x->batch_tokens;
        b->n_run = 0;
        left = 0;
        for (size_t i = 0; i < b->n; i++) {
            item *it = &b->items[i];
            const evk_tokens *p = &x->prompts[it->prompt];
            const size_t todo = p->n_run - it->n_fed, n = todo < budget ? todo : budget;
            left += todo - n;
            if (n == 0)
                continue;
            const bool end = n == todo;
            owners[b->n_run] = it;
            add_run(b, (evk_run){ it->sequence, p->ids + it->n_fed, n, it->n_fed + n == p->n ? EVK_PROMPT_END : EVK_PROMPT,
                                  end && it->running ? EVK_WANT_LAST : EVK_WANT_NONE, NULL, p->n, 0 }, &it->means);
            it->n_fed += n;
            budget -= n;
        }
        EVK_TRY(pass(b, err));
        EVK_TRY(draw_all(b, owners, err));
    }
    return EVOKE_OK;
}

/* Feeds every running item the token drawn last, until all are done. */
static evoke_status run_responses(batch *b, item **owners, evoke_error *err)
{
    evk_extraction *x = b->x;
    for (;;) {
        b->n_run = 0;
        for (size_t i = 0; i < b->n; i++) {
            item *it = &b->items[i];
            if (!it->running)
                continue;
            const bool more = it->n_response < x->n_predict;
            owners[b->n_run] = it;
            add_run(b, (evk_run){ it->sequence, &it->response[it->n_response - 1], 1, EVK_RESPONSE,
                                  more ? EVK_WANT_LAST : EVK_WANT_NONE, NULL, 0, 0 }, &it->means);
            it->running = more;
        }
        if (b->n_run == 0)
            return EVOKE_OK;
        x->report->n_generated += b->n_run;
        EVK_TRY(pass(b, err));
        EVK_TRY(draw_all(b, owners, err));
    }
}

/* ---- writing ---- */

static evoke_status write_item(const batch *b, item *it, evk_store_item *out, float **means, const float **norms,
                               const float **tokens, evoke_error *err)
{
    const evk_extraction *x = b->x;
    const evk_span_layout *y = &x->layout;
    const size_t per_mean = y->n_layer * y->d_model;
    evk_span_means_end(&it->means, y);
    for (size_t i = 0; i < y->n_span; i++) {
        size_t *range = it->means.spans[i];
        if (y->spans[i] == EVOKE_SPAN_RESPONSE)
            range[1] = it->means.n_token;
        if (range[0] >= range[1])
            return evk_fail(err, EVOKE_EDATA, "extract: span %s of query '%s' is empty", evoke_span_name(y->spans[i]),
                            evoke_dataset_query(x->dataset, it->prompt / x->n_setting)->id);
    }
    for (size_t site = 0; site < y->n_site; site++) {
        norms[site] = it->means.norms + site * it->means.max_token * y->n_layer;
        tokens[site] = y->tokens ? it->means.tokens + site * it->means.max_token * per_mean : NULL;
        for (size_t span = 0; span < y->n_span; span++)
            evk_span_means_get(&it->means, y, site, span, means[site * y->n_span + span]);
    }
    *out = (evk_store_item){
        .query = (it->prompt - x->begin) / x->n_setting, .setting = it->prompt % x->n_setting, .n_token = it->means.n_token,
        .response_ids = it->response, .spans = (const size_t (*)[2])it->means.spans,
        .means = (const float *const *)means, .norms = norms, .tokens = tokens,
    };
    return EVOKE_OK;
}

/* Writes a batch, one store item at a time in memory: means are made just before. */
static evoke_status write_batch(const batch *b, evoke_error *err)
{
    const evk_span_layout *y = &b->x->layout;
    const size_t n_mean = y->n_site * y->n_span, per_mean = y->n_layer * y->d_model;
    evk_store_item *items = NULL;
    float *room = NULL, **means = NULL;
    const float **norms = NULL, **tokens = NULL;
    evoke_status st = evk_alloc(&items, b->n, sizeof *items, "extract", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&room, b->n * n_mean, per_mean * sizeof *room, "extract", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&means, b->n * n_mean, sizeof *means, "extract", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&norms, b->n * y->n_site, sizeof *norms, "extract", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&tokens, b->n * y->n_site, sizeof *tokens, "extract", err);
    for (size_t i = 0; st == EVOKE_OK && i < b->n * n_mean; i++)
        means[i] = room + i * per_mean;
    for (size_t i = 0; st == EVOKE_OK && i < b->n; i++)
        st = write_item(b, &b->items[i], &items[i], means + i * n_mean, norms + i * y->n_site, tokens + i * y->n_site, err);
    if (st == EVOKE_OK)
        st = evk_store_write(b->x->store, items, b->n, err);
    free(items);
    free(room);
    free(means);
    free(norms);
    free(tokens);
    return st;
}

/* ---- batches ---- */

/* Bytes that an item holds while it is in a batch. */
static size_t item_bytes(const evk_extraction *x, size_t prompt)
{
    const evk_tokens *p = &x->prompts[prompt];
    return (p->n_run + x->n_predict) * evk_kv_token_bytes(x->model) +
           evk_span_means_bytes(&x->layout, p->n + x->n_predict);
}

/* Tokens that stay to be run of a prompt once its prefix is shared. */
static size_t own_tokens(const evk_extraction *x, size_t prompt)
{
    return x->prompts[prompt].n_run - evk_prefix_end(&x->prefixes, x->prefixes.of_prompt[prompt]);
}

static size_t memory_budget(const evk_extraction *x)
{
    return ((size_t)288 << 20) + (size_t)(x->model->info.n_bytes / 8);
}

/* The next prompts that are not done, from *next on, as many as the budgets of tokens and memory hold. */
static size_t choose_batch(const evk_extraction *x, size_t *next, size_t out[EVK_MAX_BATCH])
{
    size_t n = 0, tokens = 0, bytes = 0, cached = 0;
    for (; *next < x->end && n < EVK_MAX_BATCH; ++*next) {
        if (evk_extract_is_done(x, *next))
            continue;
        tokens += own_tokens(x, *next);
        bytes += item_bytes(x, *next);
        cached += own_tokens(x, *next) + x->n_predict;
        if (n > 0 && (tokens > x->batch_tokens || bytes > memory_budget(x) || cached > x->cache.capacity - x->cache.used))
            break;
        out[n++] = *next;
    }
    return n;
}

static evoke_status run_batch(batch *b, const size_t *prompts, size_t n, evoke_error *err)
{
    evk_extraction *x = b->x;
    item *owners[EVK_MAX_BATCH];
    const size_t mark = x->cache.n_sequence;
    evoke_status st = EVOKE_OK;
    b->n = 0;
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        st = open_item(x, &b->items[b->n++], prompts[i], err);
    if (st == EVOKE_OK)
        st = run_prompts(b, owners, err);
    if (st == EVOKE_OK && x->n_predict > 0)
        st = run_responses(b, owners, err);
    if (st == EVOKE_OK)
        st = write_batch(b, err);
    for (size_t i = 0; i < b->n; i++) {
        evk_span_means_free(&b->items[i].means);
        free(b->items[i].response);
    }
    evk_kv_rewind(&x->cache, mark);
    return st;
}

evoke_status evk_extract_run(evk_extraction *x, evoke_error *err)
{
    item items[EVK_MAX_BATCH];
    evk_run runs[EVK_MAX_BATCH];
    evk_span_means *takers[EVK_MAX_BATCH];
    size_t firsts[EVK_MAX_BATCH], prompts[EVK_MAX_BATCH], next = x->begin;
    batch b = { .x = x, .items = items, .runs = runs, .takers = takers, .firsts = firsts };
    x->n_done = x->report->n_done_before;
    if (x->n_done < x->end - x->begin)
        EVK_TRY(run_prefixes(x, &b, err));
    for (size_t n; (n = choose_batch(x, &next, prompts)) > 0;) {
        EVK_TRY(run_batch(&b, prompts, n, err));
        x->n_done += n;
        EVK_TRY(go_on(x, false, err));
    }
    return EVOKE_OK;
}

/* ---- before the first batch ---- */

/* Tokens of cache that a batch may use, beside the prefixes: the memory budget's worth, at least the longest prompt. */
static evoke_status make_cache(evk_extraction *x, evoke_error *err)
{
    size_t longest = 0, total = 0, own = memory_budget(x) / evk_kv_token_bytes(x->model);
    for (size_t i = 0; i < x->n_prompt; i++) {
        const size_t n = x->prompts[i].n_run + x->n_predict;
        longest = n > longest ? n : longest;
        total += n;
    }
    own = own > total ? total : own < longest ? longest : own;
    EVK_TRY(evk_kv_init(&x->cache, x->model, x->prefixes.n_token + own, x->prefixes.n + EVK_MAX_BATCH, err));
    return evk_arena_init(&x->scratch, evk_forward_scratch(x->model, x->batch_tokens), "extract", err);
}

static evoke_status make_sampler(evk_extraction *x, evoke_error *err)
{
    const size_t n_vocab = x->model->config.n_vocab;
    EVK_TRY(evk_alloc(&x->logits, x->n_predict ? EVK_MAX_BATCH : 1, n_vocab * sizeof *x->logits, "extract", err));
    EVK_TRY(evk_alloc(&x->room, x->model->n_thread, evk_sampler_room(n_vocab), "extract", err));
    return evk_ends_find(x->model, &x->ends, err);
}

evoke_status evk_extract_prepare(evk_extraction *x, evoke_error *err)
{
    EVK_TRY(make_cache(x, err));
    return make_sampler(x, err);
}
