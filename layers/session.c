/* layers/session.c: one timeline: a KV cache, the tokens in it, the logits of the last one; and responses drawn on it. */
#include <stdlib.h>
#include <string.h>

#include "core/threads.h"
#include "layers/forward.h"
#include "layers/response.h"
#include "layers/sampler.h"

enum { CHUNK = 512, DEFAULT_CONTEXT = 4096 };

struct evoke_session {
    const evoke_model *model;
    evk_kv_cache cache;
    evk_arena scratch;
    int32_t *ids;                       /* [n_ctx] those that the cache holds */
    float *logits;                      /* [V] */
    const evoke_steering *steering;
    size_t sequence;
    size_t n_reusable;                  /* of those tokens, the first ones whose keys serve other prompts: no angles of a long one */
    size_t n_response;                  /* tokens after the prompt */
    bool in_response;
};

static evoke_status make(evoke_session *s, size_t n_ctx, evoke_error *err)
{
    const evk_config *c = &s->model->config;
    const size_t chunk = n_ctx < CHUNK ? n_ctx : CHUNK;
    EVK_TRY(evk_kv_init(&s->cache, s->model, n_ctx, 1, err));
    EVK_TRY(evk_kv_open(&s->cache, EVK_NO_PARENT, n_ctx, &s->sequence, err));
    EVK_TRY(evk_alloc(&s->ids, n_ctx, sizeof *s->ids, "open session", err));
    EVK_TRY(evk_arena_init(&s->scratch, evk_forward_scratch(s->model, chunk), "open session", err));
    return evk_alloc(&s->logits, c->n_vocab, sizeof *s->logits, "open session", err);
}

evoke_status evoke_session_new(const evoke_model *m, size_t n_ctx, evoke_session **out, evoke_error *err)
{
    evoke_session *s = NULL;
    *out = NULL;
    if (n_ctx == 0)
        n_ctx = m->config.n_ctx < DEFAULT_CONTEXT ? m->config.n_ctx : DEFAULT_CONTEXT;
    EVK_TRY(evk_alloc(&s, 1, sizeof *s, "open session", err));
    s->model = m;
    const evoke_status st = make(s, n_ctx, err);
    if (st != EVOKE_OK) {
        evoke_session_free(s);
        return st;
    }
    *out = s;
    return EVOKE_OK;
}

void evoke_session_free(evoke_session *s)
{
    if (!s)
        return;
    evk_kv_free(&s->cache);
    evk_arena_free(&s->scratch);
    free(s->ids);
    free(s->logits);
    free(s);
}

/* Forgets the tokens from the n-th on; what comes next is a prompt again. */
static void keep(evoke_session *s, size_t n)
{
    evk_kv_keep(&s->cache, s->sequence, n);
    s->n_reusable = n < s->n_reusable ? n : s->n_reusable;
    s->in_response = false;
    s->n_response = 0;
}

void evoke_session_reset(evoke_session *s)
{
    keep(s, 0);
}

void evoke_session_steer(evoke_session *s, const evoke_steering *steering)
{
    s->steering = steering;
}

static evoke_status run(evoke_session *s, const int32_t *ids, size_t n, const evoke_progress *progress, evoke_error *err)
{
    const size_t end_position = evoke_session_position(s) + n;
    for (size_t begin = 0; begin < n; begin += CHUNK) {
        const size_t count = n - begin < CHUNK ? n - begin : CHUNK, position = evoke_session_position(s);
        const bool end = begin + count == n;
        const evk_run run = {
            .sequence = s->sequence, .ids = ids + begin, .n = count,
            .phase = s->in_response ? EVK_RESPONSE : end ? EVK_PROMPT_END : EVK_PROMPT,
            .want = end ? EVK_WANT_LAST : EVK_WANT_NONE, .edit = s->steering ? &s->steering->edit : NULL, .length = end_position,
            .step = s->in_response ? s->n_response + begin + 1 : 0,
        };
        EVK_TRY(evk_forward(s->model, &s->cache, &run, 1, NULL, s->logits, &s->scratch, err));
        memcpy(s->ids + position, run.ids, count * sizeof *run.ids);
        if (s->n_reusable == position && !evk_config_is_beyond_rope(&s->model->config, end_position))
            s->n_reusable += count;
        if (progress && progress->report && !progress->report(progress->user, "run the prompt", begin + count, n))
            return evk_fail(err, EVOKE_EINTERRUPTED, "run the prompt: stopped after %zu of %zu tokens", begin + count, n);
    }
    return EVOKE_OK;
}

/* What fails leaves the session as it was; what is interrupted, in a prompt, keeps what was run. */
static evoke_status eval(evoke_session *s, const int32_t *ids, size_t n, const evoke_progress *progress, evoke_error *err)
{
    const size_t position = evoke_session_position(s), n_reusable = s->n_reusable;
    if (n == 0)
        return evk_fail(err, EVOKE_EARG, "run model: no tokens");
    const evoke_status st = run(s, ids, n, progress, err);
    if (st == EVOKE_OK) {
        s->n_response += s->in_response ? n : 0;
        s->in_response = true;
    } else if (st != EVOKE_EINTERRUPTED) {
        evk_kv_keep(&s->cache, s->sequence, position);
        s->n_reusable = n_reusable;
    }
    return st;
}

evoke_status evoke_session_eval(evoke_session *s, const int32_t *ids, size_t n, evoke_error *err)
{
    return eval(s, ids, n, NULL, err);
}

const float *evoke_session_logits(const evoke_session *s) { return s->logits; }
size_t evoke_session_position(const evoke_session *s) { return evk_kv_position(&s->cache, s->sequence); }

/* ---- a response ---- */

/* How many ids of a prompt the cache holds already; not the last one, whose logits are needed. */
static size_t n_held(const evoke_session *s, const evoke_request *r)
{
    const size_t most = s->n_reusable < r->n_ids - 1 ? s->n_reusable : r->n_ids - 1;
    size_t n = 0;
    if (evk_config_is_beyond_rope(&s->model->config, r->n_ids))
        return 0;
    while (n < most && s->ids[n] == r->ids[n])
        n++;
    return n;
}

static evoke_status check_request(const evoke_session *s, const evoke_request *r, evoke_error *err)
{
    size_t n = 0;
    if (r->n_ids == 0)
        return evk_fail(err, EVOKE_EARG, "generate: the prompt is empty");
    if (!evk_sum(r->n_ids, r->n_predict, &n) || n > s->cache.capacity)
        return evk_fail(err, EVOKE_EARG, "generate: a prompt of %zu tokens and %zu new ones exceed the session's %zu positions",
                        r->n_ids, r->n_predict, s->cache.capacity);
    return EVOKE_OK;
}

/* Draws and runs tokens until the response ends, its last token too. room: scratch of the sampler. */
static evoke_status respond(evoke_session *s, const evoke_request *r, const evk_ends *ends, double began, evoke_on_token on_token,
                            void *user, void *room, evoke_response *out, evoke_error *err)
{
    const size_t n_vocab = s->model->config.n_vocab;
    evk_sampler sampler;
    bool go = r->n_predict > 0;
    evk_sampler_init(&sampler, &r->sampling);
    while (go) {
        const size_t n = out->n;
        float logprob = 0;
        const int32_t id = evk_sample(&sampler, &s->model->kernels, s->logits, n_vocab, ends->ids,
                                      n == 0 && r->at_least_one ? ends->n : 0, room, &logprob);
        if (n == 0)
            out->first_seconds = evk_seconds() - began;
        EVK_TRY(evk_response_take(r, ends, 0, id, logprob, on_token, user, out, &go, err));
        s->steering = r->steering;
        if (out->n > n)
            EVK_TRY(eval(s, &id, 1, NULL, err));
    }
    return EVOKE_OK;
}

evoke_status evoke_session_generate(evoke_session *s, const evoke_request *r, evoke_on_token on_token, void *user,
                                    const evoke_progress *progress, evoke_response *out, size_t *n_run, evoke_error *err)
{
    const double began = evk_seconds();
    evk_ends ends = { 0 };
    void *room = NULL;
    EVK_TRY(check_request(s, r, err));
    const size_t held = n_held(s, r);
    keep(s, held);
    s->steering = r->steering;
    evoke_status st = evk_response_begin(r, out, err);
    if (st == EVOKE_OK)
        st = evk_ends_find(s->model, &ends, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&room, 1, evk_sampler_room(s->model->config.n_vocab), "generate", err);
    if (st == EVOKE_OK)
        st = eval(s, r->ids + held, r->n_ids - held, progress, err);
    if (st == EVOKE_OK)
        st = respond(s, r, &ends, began, on_token, user, room, out, err);
    if (n_run)
        *n_run = r->n_ids - held;
    out->seconds = evk_seconds() - began;
    free(room);
    evk_ends_free(&ends);
    return st;
}
