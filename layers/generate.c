/* layers/generate.c: many prompts decoded together.
 *
 * What they begin with alike runs first (prefixes.h). Requests take slots of one KV cache; every step is one forward pass over whatever the slots need next: a stretch of a
 * prompt, or the token just drawn. A finished request leaves, the next enters. As a pass gives every token the same
 * values whoever is beside it, a request's result does not depend on the others. */
#include <stdlib.h>
#include <string.h>

#include "core/threads.h"
#include "layers/forward.h"
#include "layers/prefixes.h"
#include "layers/response.h"
#include "layers/sampler.h"

enum { CHUNK = 512, DEFAULT_BATCH = 32 };

typedef struct slot {
    size_t sequence, request;
    size_t n_fed;               /* tokens of prompt and response that the cache holds */
    bool busy;
    double started;
    evk_sampler sampler;
} slot;

typedef struct generator {
    const evoke_model *model;
    const evoke_request *requests;
    evoke_response *responses;
    size_t n_request, n_slot, next, n_done;
    evk_shareable *prompts;     /* [n_request] kind: the steering */
    evk_prefixes prefixes;
    size_t *prefix_sequences;   /* [prefixes.n] */
    slot *slots;
    evk_run *runs;              /* [n_slot] of the current step */
    size_t *owners;             /* [n_slot] the slot of each run */
    evk_draw *draws;            /* [n_slot] of the current step */
    evk_kv_cache cache;
    evk_arena scratch;
    float *logits;              /* [n_slot, V] */
    evk_ends ends;
    void *room;
    evoke_on_token on_token;
    void *user;
} generator;

/* ---- setting up ---- */

static evoke_status check(const generator *g, size_t *longest, evoke_error *err)
{
    *longest = 1;
    for (size_t i = 0; i < g->n_request; i++) {
        const evoke_request *r = &g->requests[i];
        size_t n = 0;
        if (r->n_ids == 0)
            return evk_fail(err, EVOKE_EARG, "generate: prompt %zu is empty", i);
        if (!evk_sum(r->n_ids, r->n_predict, &n) || n > g->model->config.n_ctx)
            return evk_fail(err, EVOKE_EARG, "generate: prompt %zu of %zu tokens and %zu new ones exceed the model's context "
                            "of %zu", i, r->n_ids, r->n_predict, g->model->config.n_ctx);
        *longest = n > *longest ? n : *longest;
    }
    return EVOKE_OK;
}

static evoke_status find_prefixes(generator *g, size_t n_most, evoke_error *err)
{
    EVK_TRY(evk_alloc(&g->prompts, g->n_request, sizeof *g->prompts, "generate", err));
    for (size_t i = 0; i < g->n_request; i++) {
        const evoke_request *r = &g->requests[i];
        const bool shares = r->n_predict > 0 && !evk_config_is_beyond_rope(&g->model->config, r->n_ids);
        g->prompts[i] = (evk_shareable){ r->ids, shares ? r->n_ids - 1 : 0, r->steering };
    }
    EVK_TRY(evk_prefixes_find(g->prompts, g->n_request, n_most, &g->prefixes, err));
    return evk_alloc(&g->prefix_sequences, g->prefixes.n, sizeof *g->prefix_sequences, "generate", err);
}

static evoke_status make(generator *g, size_t longest, evoke_error *err)
{
    const evk_config *c = &g->model->config;
    const size_t most_tokens = CHUNK + g->n_slot;
    EVK_TRY(evk_alloc(&g->slots, g->n_slot, sizeof *g->slots, "generate", err));
    EVK_TRY(evk_alloc(&g->runs, g->n_slot, sizeof *g->runs, "generate", err));
    EVK_TRY(evk_alloc(&g->owners, g->n_slot, sizeof *g->owners, "generate", err));
    EVK_TRY(evk_alloc(&g->logits, g->n_slot * c->n_vocab, sizeof *g->logits, "generate", err));
    EVK_TRY(evk_alloc(&g->draws, g->n_slot, sizeof *g->draws, "generate", err));
    EVK_TRY(evk_alloc(&g->room, g->model->n_thread, evk_sampler_room(c->n_vocab), "generate", err));
    EVK_TRY(evk_ends_find(g->model, &g->ends, err));
    EVK_TRY(find_prefixes(g, g->n_slot * longest, err));
    EVK_TRY(evk_kv_init(&g->cache, g->model, g->n_slot * longest + g->prefixes.n_token, g->n_slot + g->prefixes.n, err));
    for (size_t i = 0; i < g->n_slot; i++)
        EVK_TRY(evk_kv_open(&g->cache, EVK_NO_PARENT, longest, &g->slots[i].sequence, err));
    return evk_arena_init(&g->scratch, evk_forward_scratch(g->model, most_tokens), "generate", err);
}

static void destroy(generator *g)
{
    free(g->slots);
    free(g->runs);
    free(g->owners);
    free(g->draws);
    free(g->logits);
    free(g->room);
    free(g->prompts);
    evk_prefixes_free(&g->prefixes);
    free(g->prefix_sequences);
    evk_ends_free(&g->ends);
    evk_kv_free(&g->cache);
    evk_arena_free(&g->scratch);
}

/* ---- prefixes ---- */

static evoke_status tell(const generator *g, const evoke_progress *progress, evoke_error *err)
{
    return evk_report(progress, "generate", g->n_done, g->n_request, err);
}

static ptrdiff_t sequence_of(const generator *g, ptrdiff_t prefix)
{
    return prefix < 0 ? EVK_NO_PARENT : (ptrdiff_t)g->prefix_sequences[prefix];
}

/* The next tokens of a prefix, as many as there is room for. */
static evk_run prefix_run(const generator *g, size_t prefix, size_t room)
{
    const evk_prefix *p = &g->prefixes.nodes[prefix];
    const evoke_request *r = &g->requests[p->prompt];
    const size_t sequence = g->prefix_sequences[prefix], n_fed = g->cache.sequences[sequence].n, left = p->n - n_fed;
    return (evk_run){ sequence, r->ids + p->first + n_fed, left < room ? left : room, EVK_PROMPT, EVK_WANT_NONE,
                      r->steering ? &r->steering->edit : NULL, 0, 0 };
}

/* Those that stand on `depth` others, as many at once as a pass takes. */
static evoke_status run_depth(generator *g, size_t depth, const evoke_progress *progress, evoke_error *err)
{
    const evk_prefixes *p = &g->prefixes;
    for (size_t i = 0; i < p->n; i++)
        if (p->nodes[i].depth == depth)
            EVK_TRY(evk_kv_open(&g->cache, sequence_of(g, p->nodes[i].parent), p->nodes[i].n, &g->prefix_sequences[i], err));
    for (size_t done = 0; done < p->n;) {
        size_t n_run = 0, room = CHUNK;
        for (size_t i = done; i < p->n && n_run < g->n_slot && room > 0; i++) {
            const evk_run run = p->nodes[i].depth == depth ? prefix_run(g, i, room) : (evk_run){ 0 };
            room -= run.n;
            if (run.n > 0)
                g->runs[n_run++] = run;
            else if (i == done)
                done++;
        }
        if (n_run == 0)
            break;
        EVK_TRY(evk_forward(g->model, &g->cache, g->runs, n_run, NULL, NULL, &g->scratch, err));
        EVK_TRY(tell(g, progress, err));
    }
    return EVOKE_OK;
}

/* ---- one step ---- */

/* Gives a free slot the next request. */
static evoke_status enter(generator *g, slot *s, evoke_error *err)
{
    const evoke_request *r = &g->requests[g->next];
    evoke_response *out = &g->responses[g->next];
    const bool as_before = r->steering == g->prompts[g->next].kind;     /* or on_token has changed it */
    const ptrdiff_t prefix = as_before ? g->prefixes.of_prompt[g->next] : EVK_NO_PREFIX;
    EVK_TRY(evk_response_begin(r, out, err));
    EVK_TRY(evk_kv_restart(&g->cache, s->sequence, sequence_of(g, prefix), err));
    s->busy = true;
    s->request = g->next++;
    s->n_fed = evk_kv_position(&g->cache, s->sequence);
    s->started = evk_seconds();
    evk_sampler_init(&s->sampler, &r->sampling);
    return EVOKE_OK;
}

static void leave(generator *g, slot *s)
{
    evoke_response *out = &g->responses[s->request];
    out->seconds = evk_seconds() - s->started;
    s->busy = false;
    g->n_done++;
}

/* What a slot feeds next: a stretch of its prompt as long as there is room for it in this step, or its last token. */
static evk_run next_run(const generator *g, const slot *s, size_t room)
{
    const evoke_request *r = &g->requests[s->request];
    const evk_edit *edit = r->steering ? &r->steering->edit : NULL;
    if (s->n_fed >= r->n_ids)
        return (evk_run){ s->sequence, &g->responses[s->request].ids[s->n_fed - r->n_ids], 1, EVK_RESPONSE, EVK_WANT_LAST,
                          edit, 0, s->n_fed - r->n_ids + 1 };
    const size_t left = r->n_ids - s->n_fed, n = left < room ? left : room;
    const bool end = n == left;
    return (evk_run){ s->sequence, r->ids + s->n_fed, n, end ? EVK_PROMPT_END : EVK_PROMPT,
                      end ? EVK_WANT_LAST : EVK_WANT_NONE, edit, r->n_ids, 0 };
}

static evoke_status plan(generator *g, size_t *n_run, evoke_error *err)
{
    size_t room = CHUNK;
    *n_run = 0;
    for (size_t i = 0; i < g->n_slot; i++) {
        slot *s = &g->slots[i];
        while (!s->busy && g->next < g->n_request) {
            EVK_TRY(enter(g, s, err));
            if (g->requests[s->request].n_predict == 0)
                leave(g, s);
        }
        if (!s->busy || (room == 0 && s->n_fed < g->requests[s->request].n_ids))
            continue;
        g->runs[*n_run] = next_run(g, s, room);
        if (g->runs[*n_run].phase != EVK_RESPONSE)
            room -= g->runs[*n_run].n;
        g->owners[(*n_run)++] = i;
    }
    return EVOKE_OK;
}

/* Takes a slot's next token and decides whether it goes on. */
static evoke_status advance(generator *g, slot *s, const evk_draw *drawn, evoke_error *err)
{
    evoke_response *out = &g->responses[s->request];
    bool go = true;
    if (out->n == 0)
        out->first_seconds = evk_seconds() - s->started;
    EVK_TRY(evk_response_take(&g->requests[s->request], &g->ends, s->request, drawn->id, drawn->logprob, g->on_token, g->user, out,
                              &go, err));
    if (!go)
        leave(g, s);
    return EVOKE_OK;
}

static void draw_all(generator *g, size_t n_run)
{
    const size_t n_vocab = g->model->config.n_vocab;
    size_t n = 0;
    for (size_t r = 0; r < n_run; r++) {
        slot *s = &g->slots[g->owners[r]];
        const bool first = g->responses[s->request].n == 0;
        if (g->runs[r].want == EVK_WANT_LAST) {
            g->draws[n] = (evk_draw){ .sampler = &s->sampler, .logits = g->logits + n * n_vocab,
                                      .ban_ends = first && g->requests[s->request].at_least_one };
            n++;
        }
    }
    evk_sample_all(g->draws, n, &g->model->kernels, g->model->n_thread, n_vocab, g->ends.ids, g->ends.n, g->room);
}

static evoke_status step(generator *g, evoke_error *err)
{
    size_t n_run = 0, n = 0;
    EVK_TRY(plan(g, &n_run, err));
    if (n_run == 0)
        return EVOKE_OK;
    EVK_TRY(evk_forward(g->model, &g->cache, g->runs, n_run, NULL, g->logits, &g->scratch, err));
    draw_all(g, n_run);
    for (size_t r = 0; r < n_run; r++) {
        slot *s = &g->slots[g->owners[r]];
        s->n_fed += g->runs[r].n;
        if (g->runs[r].want == EVK_WANT_LAST)
            EVK_TRY(advance(g, s, &g->draws[n++], err));
    }
    return EVOKE_OK;
}

static evoke_status run(generator *g, const evoke_progress *progress, evoke_error *err)
{
    for (size_t depth = 0; depth < g->prefixes.n_depth; depth++)
        EVK_TRY(run_depth(g, depth, progress, err));
    while (g->n_done < g->n_request) {
        EVK_TRY(step(g, err));
        EVK_TRY(tell(g, progress, err));
    }
    return EVOKE_OK;
}

evoke_status evoke_generate(const evoke_model *m, const evoke_request *requests, size_t n, size_t n_batch,
                            evoke_on_token on_token, void *user, const evoke_progress *progress,
                            evoke_response *responses, evoke_error *err)
{
    const size_t most = n_batch ? n_batch : DEFAULT_BATCH;
    generator g = { .model = m, .requests = requests, .responses = responses, .n_request = n,
                    .n_slot = n < most ? n : most, .on_token = on_token, .user = user };
    size_t longest = 0;
    if (n == 0)
        return EVOKE_OK;
    EVK_TRY(check(&g, &longest, err));
    evoke_status st = make(&g, longest, err);
    if (st == EVOKE_OK)
        st = run(&g, progress, err);
    destroy(&g);
    return st;
}
