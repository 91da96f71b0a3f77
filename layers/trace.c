/* layers/trace.c: one forward pass, every hook point, to HDF5 (format "evoke-trace").
 *
 *   /ids [T]; /<site> [T, L, D] for sites in every layer; /embed, /final_norm [T, D]; /logits [T, V];
 *   /generated [n] and /step_logits [n, V]: a greedy continuation and the logits that each token was drawn from
 *
 * The prompt goes through in chunks; each chunk's arrays are written as soon as they are whole, so that memory does not
 * grow with the prompt but for the keys and values (2 T L n_kv_head d_head floats). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/files/hdf5.h"
#include "layers/forward.h"
#include "layers/sampler.h"

enum { CHUNK_MOST = 256, CHUNK_LEAST = 16, CHUNK_BYTES = 256 << 20 };    /* tokens; bytes of arrays, if that many tokens fit */

typedef struct trace {
    const evoke_model *model;
    const evoke_trace_options *options;
    const evoke_progress *progress;
    size_t chunk;                   /* C: tokens of a chunk at most */
    float *site[EVOKE_N_SITE];      /* [C, L, D] or [C, D]; NULL: not asked for */
    float *logits;                  /* [C, V], or [1, V] of the last token where they are not asked for */
    float *step_logits;             /* [n, V] */
    int32_t *generated;             /* [n] */
    size_t first, n_chunk;          /* the current chunk: its first token, their number */
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
        memcpy(t->site[site] + (i * n_layer + layer) * width, x + i * width, width * sizeof *x);
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

/* Floats of a token's arrays. */
static double token_floats(const trace *t)
{
    const evk_config *c = &t->model->config;
    double n = wanted(t->options, EVOKE_LOGITS) ? (double)c->n_vocab : 0;
    for (evoke_site s = 0; s < EVOKE_LOGITS; s++)
        if (wanted(t->options, s))
            n += (double)(once(s) ? 1 : c->n_layer) * (double)c->d_model;
    return n;
}

static size_t chunk_tokens(const trace *t)
{
    const double fit = CHUNK_BYTES / (token_floats(t) * sizeof(float) + 1);
    const size_t n = fit > CHUNK_MOST ? CHUNK_MOST : fit < CHUNK_LEAST ? CHUNK_LEAST : (size_t)fit;
    return n < t->options->n_ids ? n : t->options->n_ids;
}

static evoke_status make(trace *t, evoke_error *err)
{
    const evk_config *c = &t->model->config;
    const evoke_trace_options *o = t->options;
    const size_t n_context = o->n_ids + o->n_predict, chunk = t->chunk = chunk_tokens(t);
    for (evoke_site s = 0; s < EVOKE_LOGITS; s++)
        if (wanted(o, s))
            EVK_TRY(evk_alloc(&t->site[s], chunk * (once(s) ? 1 : c->n_layer), c->d_model * sizeof(float), "trace", err));
    EVK_TRY(evk_alloc(&t->logits, wanted(o, EVOKE_LOGITS) ? chunk : 1, c->n_vocab * sizeof(float), "trace", err));
    EVK_TRY(evk_alloc(&t->step_logits, o->n_predict, c->n_vocab * sizeof(float), "trace", err));
    EVK_TRY(evk_alloc(&t->generated, o->n_predict, sizeof *t->generated, "trace", err));
    EVK_TRY(evk_kv_init(&t->cache, t->model, n_context, 1, err));
    EVK_TRY(evk_kv_open(&t->cache, EVK_NO_PARENT, n_context, &t->sequence, err));
    return evk_arena_init(&t->scratch, evk_forward_scratch(t->model, chunk), "trace", err);
}

/* "/resid_post" */
static const char *dataset_name(evoke_site s, char name[64])
{
    snprintf(name, 64, "/%s", evoke_site_name(s));
    return name;
}

/* Room in the file for what the chunks will fill. */
static evoke_status allocate(const trace *t, evk_h5 *f, evoke_error *err)
{
    const evk_config *c = &t->model->config;
    const evoke_trace_options *o = t->options;
    uint64_t offset;
    char name[64];
    for (evoke_site s = 0; s < EVOKE_LOGITS; s++) {
        const size_t dims[3] = { o->n_ids, once(s) ? c->d_model : c->n_layer, c->d_model };
        if (t->site[s])
            EVK_TRY(evk_h5_allocate(f, dataset_name(s, name), EVK_H5_F32, once(s) ? 2 : 3, dims, &offset, err));
    }
    if (!wanted(o, EVOKE_LOGITS))
        return EVOKE_OK;
    return evk_h5_allocate(f, "/logits", EVK_H5_F32, 2, (size_t[]){ o->n_ids, c->n_vocab }, &offset, err);
}

static evoke_status write_chunk(const trace *t, evk_h5 *f, evoke_error *err)
{
    char name[64];
    for (evoke_site s = 0; s < EVOKE_LOGITS; s++)
        if (t->site[s])
            EVK_TRY(evk_h5_write_rows(f, dataset_name(s, name), EVK_H5_F32, t->first, t->n_chunk, t->site[s], err));
    if (!wanted(t->options, EVOKE_LOGITS))
        return EVOKE_OK;
    return evk_h5_write_rows(f, "/logits", EVK_H5_F32, t->first, t->n_chunk, t->logits, err);
}

/* Leaves the last chunk in `first`, `n_chunk` and the arrays. */
static evoke_status run_prompt(trace *t, evk_h5 *f, evoke_error *err)
{
    const evoke_trace_options *o = t->options;
    evk_capture capture = { 0, take, t };
    for (evoke_site s = 0; s < EVOKE_LOGITS; s++)
        if (t->site[s])
            capture.sites |= 1u << s;
    for (size_t n = 0; n < o->n_ids; n += t->n_chunk) {
        t->first = n;
        t->n_chunk = o->n_ids - n < t->chunk ? o->n_ids - n : t->chunk;
        const evk_run run = { t->sequence, o->ids + n, t->n_chunk,
                              n + t->n_chunk == o->n_ids ? EVK_PROMPT_END : EVK_PROMPT,
                              wanted(o, EVOKE_LOGITS) ? EVK_WANT_ALL : EVK_WANT_LAST,
                              o->steering ? &o->steering->edit : NULL, o->n_ids, 0 };
        EVK_TRY(evk_forward(t->model, &t->cache, &run, 1, &capture, t->logits, &t->scratch, err));
        EVK_TRY(write_chunk(t, f, err));
        EVK_TRY(evk_report(t->progress, "trace", n + t->n_chunk, o->n_ids + o->n_predict, err));
    }
    return EVOKE_OK;
}

static evoke_status run_response(trace *t, evoke_error *err)
{
    const evoke_trace_options *o = t->options;
    const size_t v = t->model->config.n_vocab;
    const float *logits = t->logits + (wanted(o, EVOKE_LOGITS) ? t->n_chunk - 1 : 0) * v;
    for (size_t i = 0; i < o->n_predict; i++) {
        memcpy(t->step_logits + i * v, logits, v * sizeof *logits);
        t->generated[i] = evk_argmax(logits, v);
        if (i + 1 == o->n_predict)
            break;
        const evk_run run = { t->sequence, &t->generated[i], 1, EVK_RESPONSE, EVK_WANT_LAST,
                              o->steering ? &o->steering->edit : NULL, 0, i + 1 };
        EVK_TRY(evk_forward(t->model, &t->cache, &run, 1, NULL, t->step_logits + (i + 1) * v, &t->scratch, err));
        logits = t->step_logits + (i + 1) * v;
        EVK_TRY(evk_report(t->progress, "trace", o->n_ids + i + 1, o->n_ids + o->n_predict, err));
    }
    return EVOKE_OK;
}

/* What is no array of the prompt's. */
static evoke_status write_rest(const trace *t, evk_h5 *f, const evoke_provenance *made, evoke_error *err)
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
                         const evoke_provenance *made, const evoke_progress *progress, evoke_error *err)
{
    trace t = { .model = m, .options = options, .progress = progress };
    evk_h5 *f = NULL;
    EVK_TRY(check(m, options, err));
    evoke_status st = evk_h5_create(path, &f, err);     /* first, so that a folder without leave to write is told at once */
    if (st == EVOKE_OK)
        st = make(&t, err);
    if (st == EVOKE_OK)
        st = allocate(&t, f, err);
    if (st == EVOKE_OK)
        st = run_prompt(&t, f, err);
    if (st == EVOKE_OK)
        st = run_response(&t, err);
    if (st == EVOKE_OK)
        st = write_rest(&t, f, made, err);
    if (st == EVOKE_OK)
        st = evk_h5_commit(f, err);
    else
        evk_h5_free(f);
    destroy(&t);
    return st;
}
