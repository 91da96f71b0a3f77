/* layers/reference.h: the forward pass again, in float64 and plain loops: what the real one is held against.
 *
 * It reads the same config and the same stored weights (turned into numbers by the portable kernels), and shares nothing else
 * with the real pass: no kernels, no packed weights, no cache, no batches, no threads in a sum.
 *
 * How far off may float32 be? The same pass runs again with a random error put in wherever float32 computation rounds, of
 * the size that it rounds by (Monte Carlo arithmetic: Parker 1997). How far that run strays, token by token, is what this model
 * makes of float32's errors on this prompt; with u = 2^-24 and g uniform in (-1, 1):
 *
 *     a product of n terms     u |x| |w| g: by Cauchy and Schwarz at least u sum |x_i w_i|. A running float32 sum of n terms of
 *                              like size and random sign is off by about 0.4 u |x| |w|; of one sign, in lanes and blocks, by
 *                              up to 3
 *     weights in 8-bit products    sqrt(sum over blocks a_b^2 |w_b|^2) g, a_b = max |x_b| / 254, the largest rounding of x
 *     anything else            u or 2 u of the value */
#ifndef EVK_REFERENCE_H
#define EVK_REFERENCE_H

#include "layers/model.h"

/* What every hook point holds: [T, L, D]; embed and final_norm [T, D]; logits [T, V]. */
typedef struct evk_reference { size_t n_token; double *site[EVOKE_N_SITE]; } evk_reference;

/* ids as one prompt. draw 0: exact; otherwise with the errors above, each draw with its own. Free with evk_reference_free, also on
 * failure. Errors: EVOKE_EDATA an id outside the vocabulary; EVOKE_ENOMEM. */
evoke_status evk_reference_run(const evoke_model *m, const int32_t *ids, size_t n, uint64_t draw, evk_reference *out,
                               evoke_error *err);
void evk_reference_free(evk_reference *r);
/* Rows of a hook point for each token, and the width of a row. */
size_t evk_site_rows(const evoke_model *m, evoke_site site);
size_t evk_site_width(const evoke_model *m, evoke_site site);

/* ---- between reference.c and reference_layers.c ---- */
typedef struct evk_reference_pass {
    const evoke_model *m;
    evk_kernels portable;
    const int32_t *ids;
    size_t n, layer;
    uint64_t draw;              /* 0: exact */
    uint64_t step;              /* of the pass, so that every random error is its own */
    double *x, *normed, *y;     /* [T, D] the stream, what a half reads, what it gives */
    double *q, *k, *v, *mixed, *low, *latent, *up, *gate;       /* [T, width] */
    double *cosine[EVK_MAX_ROPE], *sine[EVK_MAX_ROPE];          /* [T, d_rope / 2] */
} evk_reference_pass;

/* size * g, g by `at` in this step; 0 in an exact pass. */
double evk_reference_error(const evk_reference_pass *p, size_t at, double size);
#define EVK_UNIT_ROUNDING 0x1p-24
/* out [T, rows] = x [T, cols] w + bias; bias EVK_N_SLOT: none. */
evoke_status evk_reference_linear(evk_reference_pass *p, evk_slot matrix, evk_slot bias, const double *x, double *out,
                                  evoke_error *err);
/* Row r of a matrix, as stored. value [cols]. */
void evk_reference_row(const evk_reference_pass *p, const evk_tensor *w, size_t r, float *value);
/* n rows of x, ldx apart, normed to y, ldy apart; weight NULL: none. */
void evk_reference_norm(evk_reference_pass *p, const float *weight, const float *bias, size_t d, double eps, const double *x,
                        size_t ldx, double *y, size_t ldy, size_t n);
evoke_status evk_reference_attention(evk_reference_pass *p, const double *normed, double *out, evoke_error *err);
evoke_status evk_reference_mlp(evk_reference_pass *p, const double *normed, double *out, evoke_error *err);

#endif
