/* layers/trace.c: one forward pass, every hook point, to HDF5 (format "evoke-trace").
 *
 *   /ids [T]; /<site> [T, L, D] for sites in every layer; /embed, /final_norm [T, D]; /logits [T, V];
 *   /generated [n] and /step_logits [n, V]: a greedy continuation and the logits that each token was drawn from */
#include <stdlib.h>
#include <string.h>

#include "core/files/hdf5.h"
#include "layers/forward.h"
#include "layers/sampler.h"

enum { CHUNK = 256 };

typedef struct trace {
    const evoke_model *model;
    const evoke_trace_options *options;
    float *site[EVOKE_N_SITE];      /* [T, L, D] or [T, D]; NULL: not asked for */
    float *logits;                  /* [T, V] */
    float *step_logits;             /* [n, V] */
    int32_t *generated;             /* [n] */
    size_t first;                   /* token that the current chunk begins with */
    size_t n_chunk;
    evk_kv_cache cache;
    evk_arena scratch;
    size_t sequence;
} trace;

static bool once(evoke_site site)
{
    return site == EVOKE_EMBED || site == EVOKE_FINAL_NORM;
}

static evoke_status take(void *user, evoke_site site, size_t layer, const float *x, size_t width, evoke_error *err)
{
    (void)err;
    trace *t = user;
    const size_t n_layer = once(site) ? 1 : t->model->config.n_layer;
    for (size_t i = 0; i < t->n_chunk; i++)
        memcpy(t->site[site] + ((t->first + i) * n_layer + layer) * width, x + i * width, width * sizeof *x);
    return EVOKE_OK;
}

static bool wanted(const evoke_trace_options *o, evoke_site site)
{
    if (o->n_sites == 0)            /* the raw projections only by name: mostly they are what is added */
        return site != EVOKE_ATTN_PROJ && site != EVOKE_MLP_PROJ;
    for (size_t i = 0; i < o->n_sites; i++)
        if (o->sites[i] == site)
            return true;
    return false;
}

static evoke_status make(trace *t, evoke_error *err)
{
    const evk_config *c = &t->model->config;
    const evoke_trace_options *o = t->options;
    const size_t n_context = o->n_ids + o->n_predict, chunk = o->n_ids < CHUNK ? o->n_ids : CHUNK;
    for (evoke_site s = 0; s < EVOKE_LOGITS; s++)
        if (wanted(o, s))
            EVK_TRY(evk_alloc(&t->site[s], o->n_ids * (once(s) ? 1 : c->n_layer), c->d_model * sizeof(float), "trace", err));
    EVK_TRY(evk_alloc(&t->logits, o->n_ids, c->n_vocab * sizeof(float), "trace", err));
    EVK_TRY(evk_alloc(&t->step_logits, o->n_predict, c->n_vocab * sizeof(float), "trace", err));
    EVK_TRY(evk_alloc(&t->generated, o->n_predict, sizeof *t->generated, "trace", err));
    EVK_TRY(evk_kv_init(&t->cache, c->n_layer, c->n_kv_head * c->d_head, n_context, 1, err));
    EVK_TRY(evk_kv_open(&t->cache, EVK_NO_PARENT, n_context, &t->sequence, err));
    return evk_arena_init(&t->scratch, evk_forward_scratch(t->model, chunk, n_context), "trace", err);
}

static evoke_status run_prompt(trace *t, evoke_error *err)
{
    const evoke_trace_options *o = t->options;
    evk_capture capture = { 0, take, t };
    for (evoke_site s = 0; s < EVOKE_LOGITS; s++)
        if (t->site[s])
            capture.sites |= 1u << s;
    for (t->first = 0; t->first < o->n_ids; t->first += t->n_chunk) {
        t->n_chunk = o->n_ids - t->first < CHUNK ? o->n_ids - t->first : CHUNK;
        const evk_run run = { t->sequence, o->ids + t->first, t->n_chunk,
                              t->first + t->n_chunk == o->n_ids ? EVK_PROMPT_END : EVK_PROMPT, EVK_WANT_ALL,
                              o->steering ? &o->steering->edit : NULL };
        EVK_TRY(evk_forward(t->model, &t->cache, &run, 1, &capture, t->logits + t->first * t->model->config.n_vocab,
                            &t->scratch, err));
    }
    return EVOKE_OK;
}

static evoke_status run_response(trace *t, evoke_error *err)
{
    const evoke_trace_options *o = t->options;
    const size_t v = t->model->config.n_vocab;
    const float *logits = t->logits + (o->n_ids - 1) * v;
    for (size_t i = 0; i < o->n_predict; i++) {
        memcpy(t->step_logits + i * v, logits, v * sizeof *logits);
        t->generated[i] = evk_argmax(logits, v);
        if (i + 1 == o->n_predict)
            break;
        const evk_run run = { t->sequence, &t->generated[i], 1, EVK_RESPONSE, EVK_WANT_LAST,
                              o->steering ? &o->steering->edit : NULL };
        EVK_TRY(evk_forward(t->model, &t->cache, &run, 1, NULL, t->step_logits + (i + 1) * v, &t->scratch, err));
        logits = t->step_logits + (i + 1) * v;
    }
    return EVOKE_OK;
}

static evoke_status write_all(const trace *t, evk_h5 *f, const evoke_provenance *made, evoke_error *err)
{
    const evk_config *c = &t->model->config;
    const evoke_trace_options *o = t->options;
    char sha[65];
    EVK_TRY(evoke_model_sha256(t->model, sha, err));
    const evk_h5_signature sign = { "evoke-trace", t->model->name, sha, t->model->info.family, c->n_layer, c->d_model, made };
    EVK_TRY(evk_h5_sign(f, &sign, err));
    if (o->steering)
        EVK_TRY(evk_h5_attr_string(f, "/", "steering", evoke_steering_text(o->steering), err));
    EVK_TRY(evk_h5_write(f, "/ids", EVK_H5_I32, 1, (size_t[]){ o->n_ids }, o->ids, err));
    for (evoke_site s = 0; s < EVOKE_LOGITS; s++) {
        char name[64] = "/";
        strncat(name, evoke_site_name(s), sizeof name - 2);
        const size_t dims[3] = { o->n_ids, once(s) ? c->d_model : c->n_layer, c->d_model };
        if (t->site[s])
            EVK_TRY(evk_h5_write(f, name, EVK_H5_F32, once(s) ? 2 : 3, dims, t->site[s], err));
    }
    if (wanted(o, EVOKE_LOGITS))
        EVK_TRY(evk_h5_write(f, "/logits", EVK_H5_F32, 2, (size_t[]){ o->n_ids, c->n_vocab }, t->logits, err));
    if (o->n_predict == 0)
        return EVOKE_OK;
    EVK_TRY(evk_h5_write(f, "/generated", EVK_H5_I32, 1, (size_t[]){ o->n_predict }, t->generated, err));
    return evk_h5_write(f, "/step_logits", EVK_H5_F32, 2, (size_t[]){ o->n_predict, c->n_vocab }, t->step_logits, err);
}

static void destroy(trace *t)
{
    for (size_t s = 0; s < EVOKE_N_SITE; s++)
        free(t->site[s]);
    free(t->logits);
    free(t->step_logits);
    free(t->generated);
    evk_kv_free(&t->cache);
    evk_arena_free(&t->scratch);
}

static evoke_status check(const evoke_model *m, const evoke_trace_options *o, evoke_error *err)
{
    if (o->n_ids == 0)
        return evk_fail(err, EVOKE_EARG, "trace: no ids given");
    size_t n = 0;
    if (!evk_sum(o->n_ids, o->n_predict, &n) || n > m->config.n_ctx)
        return evk_fail(err, EVOKE_EARG, "trace: %zu ids and %zu new ones exceed the model's context of %zu", o->n_ids,
                        o->n_predict, m->config.n_ctx);
    return EVOKE_OK;
}

evoke_status evoke_trace(const evoke_model *m, const evoke_trace_options *options, const char *path,
                         const evoke_provenance *made, evoke_error *err)
{
    trace t = { .model = m, .options = options };
    evk_h5 *f = NULL;
    EVK_TRY(check(m, options, err));
    evoke_status st = evk_h5_create(path, &f, err);     /* first, so that a folder without leave to write is told at once */
    if (st == EVOKE_OK)
        st = make(&t, err);
    if (st == EVOKE_OK)
        st = run_prompt(&t, err);
    if (st == EVOKE_OK)
        st = run_response(&t, err);
    if (st == EVOKE_OK)
        st = write_all(&t, f, made, err);
    if (st == EVOKE_OK)
        st = evk_h5_commit(f, err);
    else
        evk_h5_free(f);
    destroy(&t);
    return st;
}
