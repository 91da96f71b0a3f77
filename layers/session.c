/* layers/session.c: one timeline: a KV cache, the position in it, the logits of its last token. */
#include <stdlib.h>

#include "layers/forward.h"

enum { CHUNK = 512, DEFAULT_CONTEXT = 4096 };

struct evoke_session {
    const evoke_model *model;
    evk_kv_cache cache;
    evk_arena scratch;
    float *logits;                      /* [V] */
    const evoke_steering *steering;
    size_t sequence;
    size_t n_response;                  /* tokens after the prompt */
    bool in_response;
};

static evoke_status make(evoke_session *s, size_t n_ctx, evoke_error *err)
{
    const evk_config *c = &s->model->config;
    const size_t chunk = n_ctx < CHUNK ? n_ctx : CHUNK;
    EVK_TRY(evk_kv_init(&s->cache, c, n_ctx, 1, err));
    EVK_TRY(evk_kv_open(&s->cache, EVK_NO_PARENT, n_ctx, &s->sequence, err));
    EVK_TRY(evk_arena_init(&s->scratch, evk_forward_scratch(s->model, chunk, n_ctx), "open session", err));
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
    free(s->logits);
    free(s);
}

void evoke_session_reset(evoke_session *s)
{
    evk_kv_clear(&s->cache, s->sequence);
    s->in_response = false;
    s->n_response = 0;
}

void evoke_session_steer(evoke_session *s, const evoke_steering *steering)
{
    s->steering = steering;
}

evoke_status evoke_session_eval(evoke_session *s, const int32_t *ids, size_t n, evoke_error *err)
{
    if (n == 0)
        return evk_fail(err, EVOKE_EARG, "run model: no tokens");
    const size_t end_position = evk_kv_position(&s->cache, s->sequence) + n;
    for (size_t begin = 0; begin < n; begin += CHUNK) {
        const size_t count = n - begin < CHUNK ? n - begin : CHUNK;
        const bool end = begin + count == n;
        const evk_run run = {
            .sequence = s->sequence, .ids = ids + begin, .n = count,
            .phase = s->in_response ? EVK_RESPONSE : end ? EVK_PROMPT_END : EVK_PROMPT,
            .want = end ? EVK_WANT_LAST : EVK_WANT_NONE, .edit = s->steering ? &s->steering->edit : NULL, .length = end_position,
            .step = s->in_response ? s->n_response + begin + 1 : 0,
        };
        EVK_TRY(evk_forward(s->model, &s->cache, &run, 1, NULL, s->logits, &s->scratch, err));
    }
    s->n_response += s->in_response ? n : 0;
    s->in_response = true;
    return EVOKE_OK;
}

const float *evoke_session_logits(const evoke_session *s) { return s->logits; }
size_t evoke_session_position(const evoke_session *s) { return evk_kv_position(&s->cache, s->sequence); }
