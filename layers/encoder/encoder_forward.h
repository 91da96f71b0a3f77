/* layers/encoder/encoder_forward.h: the tokens of several texts through all blocks of a stack, without padding.
 *
 * The texts of a batch lie one after the other; a run is one of them. One multiply per weight serves them all, attention
 * looks at a run's own tokens. What a text gets does not depend on its company, bit for bit (core/kernels/kernels.h). */
#ifndef EVK_ENCODER_FORWARD_H
#define EVK_ENCODER_FORWARD_H

#include "core/arena.h"
#include "layers/encoder/encoder.h"

enum { EVK_ENCODER_BLOCK = 16, EVK_ENCODER_SLICE = 1024 };     /* tokens of a block of scores; of the feed-forward layer */

typedef struct evk_text_run { size_t first, n; } evk_text_run;

/* Sees x [T, D] after the embedding (layer -1) and after each layer; may not keep it. */
typedef struct evk_encoder_capture {
    evoke_status (*take)(void *user, size_t stack, ptrdiff_t layer, const float *x, evoke_error *err);
    void *user;
} evk_encoder_capture;

typedef struct evk_encoder_pass {
    const evoke_encoder *encoder;
    const evk_text_run *runs;
    size_t n_run, n_token, longest;
    const evk_encoder_capture *capture;         /* NULL: none */
    float *panels;                              /* scratch of evk_matmul */
    evk_arena scratch;
} evk_encoder_pass;

/* Bytes of scratch that a pass over n_token tokens, at most `longest` a text, needs. */
evoke_status evk_encoder_scratch(const evoke_encoder *e, size_t n_token, size_t longest, size_t *bytes, evoke_error *err);
/* Begins a pass on the caller's scratch; runs [n_run] are checked: none is empty or too long. Errors: EVOKE_EDATA. */
evoke_status evk_encoder_begin(evk_encoder_pass *p, const evoke_encoder *e, const evk_text_run *runs, size_t n_run,
                               const evk_encoder_capture *capture, const evk_arena *scratch, evoke_error *err);
/* All blocks of a stack: h, out, [T, D]. types: NULL, all 0. memory [T, D]: the other stack's last states, which cross
 * attention reads; NULL in the first stack. */
evoke_status evk_encoder_stack_forward(evk_encoder_pass *p, size_t stack, const int32_t *ids, const int32_t *types,
                                       const float *memory, float *h, evoke_error *err);
/* pooler [N, D]: of each run's first row of h; logits [N, C]: of the rows state [N, D] that the head reads. */
void evk_encoder_pooler(evk_encoder_pass *p, const float *h, float *first, float *pooler);
evoke_status evk_encoder_head(evk_encoder_pass *p, const float *state, float *logits, evoke_error *err);

/* n floats of the pass's scratch; NULL: full, with err filled. */
float *evk_encoder_floats(evk_encoder_pass *p, size_t rows, size_t cols, evoke_error *err);
/* out [n, rows of w] = x [n, cols of w] times the slot's matrix, plus its bias where `bias` is not EVK_E_N_SLOT. */
void evk_encoder_linear(const evk_encoder_pass *p, size_t stack, size_t layer, evk_encoder_slot matrix,
                        evk_encoder_slot bias, const float *x, size_t n, float *out);
/* LayerNorm (Ba and others 2016), y = (x - mean) / sqrt(variance + eps) * w + b, each row of x [n, D], after adding `add`
 * [n, D] to it where that is not NULL; mean and variance in double. y may be x. */
void evk_layer_norm(const evoke_encoder *e, float *x, const float *add, const float *w, const float *b, float *y, size_t n);
/* f of each value of x [n, width], in place. */
void evk_encoder_activate(const evoke_encoder *e, evk_activation f, float *x, size_t n, size_t width);

/* What attention looks at. q, k, v [T, n_head * d_head]; positions NULL: content alone. */
typedef struct evk_relative {
    const float *k, *q;         /* [n, n_head * d_head] projected vectors of relative positions; NULL: that term is off */
    size_t first, n;            /* the table's rows first .. first + n - 1 are at hand */
} evk_relative;
typedef struct evk_attending {
    const float *q, *k, *v;
    size_t n_head, d_head;
    float scale;
    bool causal;
    const evk_relative *relative;
} evk_attending;
/* out [T, n_head * d_head], each run by itself. */
evoke_status evk_encoder_attend(evk_encoder_pass *p, const evk_attending *a, float *out, evoke_error *err);
/* Row of the table of relative positions for a query `distance` tokens after its key. */
size_t evk_relative_row(const evk_encoder_config *c, ptrdiff_t distance);
size_t evk_encoder_room(const evoke_encoder *e, size_t longest);        /* floats a thread of attention needs */

#endif
