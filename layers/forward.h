/* layers/forward.h: a batch of tokens of several sequences through all blocks, layer by layer.
 *
 * One large multiply per weight serves the tokens of every sequence; attention looks at each sequence's own keys. What a
 * token gets does not depend on who else is in the batch, bit for bit (core/kernels/kernels.h). */
#ifndef EVK_FORWARD_H
#define EVK_FORWARD_H

#include "core/arena.h"
#include "layers/hooks.h"
#include "layers/kv_cache.h"
#include "layers/model.h"

/* A pass and its scratch; made by the functions of this file, read by the layers. */
typedef struct evk_pass {
    const evoke_model *model;
    evk_kv_cache *cache;
    const evk_run *runs;
    size_t n_run, n_token;
    const evk_capture *capture;     /* NULL: none */
    size_t *row;                    /* [T] row of the cache that each token's keys go to */
    float *cosine[EVK_MAX_ROPE], *sine[EVK_MAX_ROPE];       /* [T, d_rope / 2] of each rotary embedding */
    float *residual;                /* [T, D] */
    float *panels;                  /* scratch of evk_matmul */
    void *digits;                   /* scratch of evk_matmul_packed */
    evk_arena scratch;
} evk_pass;

/* Bytes of scratch that a pass of n_token tokens needs, whatever the context. */
size_t evk_forward_scratch(const evoke_model *m, size_t n_token);

/* Runs the batch and appends it to the sequences. logits: out, [rows wanted, V] in the order of the runs; may be NULL
 * where no run wants any. scratch is the caller's, of at least evk_forward_scratch bytes; given back at the end.
 * Errors: EVOKE_EDATA an id outside the vocabulary; EVOKE_ENOMEM scratch or a sequence is full. */
evoke_status evk_forward(const evoke_model *m, evk_kv_cache *cache, const evk_run *runs, size_t n_run,
                         const evk_capture *capture, float *logits, evk_arena *scratch, evoke_error *err);

/* A hook point: every run's edit, then the capture. x [T, width]. */
evoke_status evk_at_hook(const evk_pass *p, evoke_site site, size_t layer, float *x, size_t width, evoke_error *err);
/* n floats of the pass's scratch; NULL: full, with err filled. */
float *evk_pass_floats(evk_pass *p, size_t rows, size_t cols, evoke_error *err);
/* out [n, rows of w] = x [n, cols of w] times the slot's matrix, plus the bias where there is one. */
void evk_linear(const evk_pass *p, size_t layer, evk_slot matrix, evk_slot bias, const float *x, size_t n, float *out);

/* The same for several matrices with one x, which is then made digits once. */
enum { EVK_MOST_TOGETHER = 3 };
typedef struct evk_linear_of { evk_slot matrix, bias; float *out; } evk_linear_of;
void evk_linear_several(const evk_pass *p, size_t layer, const evk_linear_of *of, size_t n_of, const float *x, size_t n);

#endif
