/* core/kernels/kernels.h: a slot per operation, its comment the definition.
 *
 * ref.c fills every slot with portable C and is the meaning; avx2.c, avx512.c and neon.c replace the slots they do
 * better. One table is chosen when a model is opened and lives in the model, so two can stand side by side.
 *
 * The rule that makes results independent of batch, company, cache and threads: the order in which the terms of one
 * output element are added depends on n (or k) and on the instruction set alone, never on where the element lies in a
 * tile, on alignment, or on how many rows are computed together. So the product of one
 * row with one row is, bit for bit, matmul's y[t, r]; where weights go by panels, theirs in the same way. */
#ifndef EVK_KERNELS_H
#define EVK_KERNELS_H

#include "core/tensor.h"

/* Terms of the next block of a row of which k terms are left. A sum over k is the sum of its blocks' sums, in order; the
 * blocks begin at multiples of 512, as no quantised block crosses, and are short enough for the first cache. */
enum { EVK_K_BLOCK_MOST = 640 };
static inline size_t evk_k_block(size_t k)
{
    return k <= EVK_K_BLOCK_MOST ? k : 512;
}

/* The activations of feed-forward layers, named as in Hugging Face's configurations. */
typedef enum evk_activation {
    EVK_SILU,           /* x / (1 + exp(-x)); also "swish" */
    EVK_GELU,           /* x / 2 (1 + erf(x / sqrt 2)) */
    EVK_GELU_TANH,      /* x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))): "gelu_new", "gelu_pytorch_tanh", "gelu_fast" */
    EVK_QUICK_GELU,     /* x / (1 + exp(-1.702 x)) */
    EVK_RELU,           /* max(x, 0) */
    EVK_TANH,
    EVK_N_ACTIVATION
} evk_activation;

enum { EVK_MIX_TILE = 6 };      /* tokens whose weighted sums of rows are made together */

/* Quantised weights and activations as small integers: core/kernels/packed.h. */
typedef struct evk_packed evk_packed;
typedef struct evk_digits evk_digits;
enum { EVK_PACKED_TILE = 4, EVK_PACKED_TILE_MOST = 16 };    /* tokens of a tile of digits; some kernels take more */
enum { EVK_FEW_TOKENS = 4 };    /* for which packed weights become floats as they are multiplied */

typedef struct evk_kernels {
    const char *isa;
    /* y[i] += a x[i] */
    void (*axpy)(float a, const float *x, float *y, size_t n);
    /* y[t * ldy + i] += sum_j a[t * lda + j] v[j * ldv + i], t < n_token, i < d, j = 0, 1, ... n - 1 in this order for each
     * element: axpy, row after row; fastest for EVK_MIX_TILE tokens */
    void (*axpy_rows)(const float *a, size_t lda, const float *v, size_t ldv, size_t n, float *y, size_t ldy, size_t n_token,
                      size_t d);
    /* y[t * ldy + r] = sum_i x[t * ldx + i] w[r * ldw + i], i < k, for t < n_token, r < n_row; one thread */
    void (*matmul)(const float *x, size_t ldx, const float *w, size_t ldw, float *y, size_t ldy, size_t n_token,
                   size_t n_row, size_t k);
    /* y[t * ldy + r] += the same: matmul over a row's first block, then matmul_add over the others in order, is matmul
     * over the whole row */
    void (*matmul_add)(const float *x, size_t ldx, const float *w, size_t ldw, float *y, size_t ldy, size_t n_token,
                       size_t n_row, size_t k);
    /* y[r] = evk_matmul's (matmul.h), of one token with n_row rows of float16, or bfloat16, ldw apart; 2-byte aligned, little-endian */
    void (*matvec_f16)(const float *x, const uint16_t *w, size_t ldw, float *y, size_t n_row, size_t k);
    void (*matvec_bf16)(const float *x, const uint16_t *w, size_t ldw, float *y, size_t n_row, size_t k);
    /* y[i] = the float16 that is nearest to x[i], ties to even, or to +-65,504 where that is nearer to 0; whether that was so for none */
    bool (*to_f16)(const float *x, uint16_t *y, size_t n);
    bool by_panels;             /* evk_matmul goes by panels, but for float32 weights: they are faster than rows */
    /* A panel is EVK_PACKED_ROWS rows of weights as floats, panel[i * EVK_PACKED_ROWS + r] = w[r, i], i < k, and 0 for rows beyond the last.
     * y[t * ldy + r] (+)= sum_i x[t * ldx + i] w[r, i], i < k, by fused multiply-adds in order of i; the rows' panels follow one another */
    void (*multiply_panels)(const float *x, size_t ldx, const float *panels, float *y, size_t ldy, size_t n_token, size_t n_row,
                            size_t k, bool add);
    /* the panel of n_row <= EVK_PACKED_ROWS rows of float32, float16 or bfloat16, row_bytes apart, little-endian */
    void (*make_panel)(evk_type type, const void *rows, size_t row_bytes, size_t n_row, size_t k, float *panel);
    /* that of terms [first, first + n), whole blocks, of a group of packed rows; each weight as dequantise has it */
    void (*unpack_panel)(const evk_packed *w, size_t group, size_t first, size_t n, float *panel);
    /* y[t * ldy + r] of the 32 rows of a pair of groups for n_token <= EVK_FEW_TOKENS: multiply_panels' over all blocks (evk_k_block) */
    void (*multiply_unpacked)(const evk_packed *w, size_t pair, const float *x, size_t ldx, float *y, size_t ldy, size_t n_token);
    /* sum_i x[i]^2, sum_i x[i], sum_i (x[i] - mean)^2; accumulated in double */
    double (*sum_squares)(const float *x, size_t n);
    double (*sum)(const float *x, size_t n);
    double (*sum_squared_from)(const float *x, double mean, size_t n);
    /* y[i] = x[i] * scale * w[i] */
    void (*scale_mul)(const float *x, float scale, const float *w, float *y, size_t n);
    /* y[i] = (x[i] - mean) * scale * w[i] + b[i]; b NULL: nothing is added */
    void (*normalise)(const float *x, float mean, float scale, const float *w, const float *b, float *y, size_t n);
    /* y[i] = f(x[i]) * up[i], up NULL: f(x[i]); y may be x. f(x) is off by a few units in the last place of itself, or
     * where it is small beside x (the far negative side) of |x|; NaN stays NaN. */
    void (*activate[EVK_N_ACTIVATION])(const float *x, const float *up, float *y, size_t n);
    /* x[i] = cap tanh(x[i] / cap) */
    void (*softcap)(float *x, float cap, size_t n);
    /* the largest scale x[i], -inf of none; with NaN among them anything */
    float (*scaled_max)(const float *x, float scale, size_t n);
    /* x[i] = exp(scale x[i] - max); returns the sum in double, of fours that may be added in float32. -inf gives 0. */
    double (*exp_sum)(float *x, float scale, float max, size_t n);
    /* one tile of activations x [nt, cols], ldx apart, as digits */
    void (*take_digits)(const evk_digits *d, size_t tile, const float *x, size_t ldx);
    /* y[t * ldy + r] of the 32 rows of a pair of groups, for the tokens of a tile */
    void (*multiply_packed)(const evk_packed *w, size_t pair, const evk_digits *x, size_t tile, float *y, size_t ldy);
    /* n bytes of two codes each, 64 at a time, to bytes of one: the low four bits of 64, then the high ones of the same, as
     * [n / 256][2][256] */
    void (*spread_codes)(const uint8_t *two, size_t n, uint8_t *one);
    size_t tile_tokens;         /* of a tile, for all of these */
    /* The same faster, where that pays: codes are prepared once for many tokens, digits to suit them. prepares NULL: nowhere. */
    bool (*prepares)(const evk_packed *w, size_t n_digit);
    size_t prepared_rows;       /* that are multiplied together, 16 or 32 */
    size_t prepared_bytes;      /* of digits and what belongs to them, of a block of a token */
    /* those of the rows from prepared_rows which on, into EVK_PREPARED_CODES bytes a column, 64-byte aligned */
    void (*prepare_codes)(const evk_packed *w, size_t which, void *codes);
    void (*take_prepared)(const evk_digits *d, size_t tile, const float *x, size_t ldx);
    void (*multiply_prepared)(const evk_packed *w, size_t which, const void *codes, const evk_digits *x, size_t tile, float *y,
                              size_t ldy);
    bool fast_digits;           /* three digits are worth their while */
    size_t second_cache;        /* bytes of a core's, as the system tells; 0: it does not */
    /* values of n / block blocks of one type, exactly as ggml's reference defines them (core/kernels/quants.h); NULL for
     * types that hold no readable values. Entries that a SIMD table does not replace point to the reference. */
    void (*dequantise[EVK_N_TYPE])(const void *blocks, float *out, size_t n);
} evk_kernels;

/* The best table that this CPU runs (upto NULL), or the one named. Errors: EVOKE_EARG no such name;
 * EVOKE_EUNSUPPORTED this CPU lacks it. */
evoke_status evk_kernels_select(const char *upto, evk_kernels *out, evoke_error *err);

void evk_kernels_add_ref(evk_kernels *k);
void evk_kernels_add_avx2(evk_kernels *k);
void evk_kernels_add_avxvnni(evk_kernels *k);
void evk_kernels_add_avx512(evk_kernels *k);
void evk_kernels_add_avx512vnni(evk_kernels *k);
void evk_kernels_add_amx(evk_kernels *k);
void evk_kernels_add_neon(evk_kernels *k);
void evk_kernels_add_neondot(evk_kernels *k);

#endif
