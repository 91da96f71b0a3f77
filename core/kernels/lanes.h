/* core/kernels/lanes.h: kernels written once over vectors of LANES floats.
 *
 * avx2.c, avx512.c and neon.c define the few operations named below under "needs" and include this file, so that all
 * three do the same arithmetic and differ in LANES alone.
 *
 * A dot product runs along k: lane l sums the terms i with i % LANES = l by fused multiply-add, a tail is padded with
 * zeros, and v_sum4 adds the lanes in a fixed order. Long rows are cut into blocks (block_length, a function of k alone)
 * whose sums are added in turn, so that a tile's operands stay in the first cache. matmul does a tile of NT x NR such dot
 * products at a time in registers, sharing loads; no tile changes the order of one element's terms.
 *
 * Needs: vec, LANES, and the best tile TILE_T x TILE_R for the registers; v_zero v_set v_load v_store; v_load_part and
 * v_store_part (the first n < LANES, the rest read as 0); v_fma(a, b, c) = a b + c, v_add v_sub v_mul v_div v_min v_max
 * (a NaN in the second operand comes out), v_round to the nearest whole number, v_scale(p, n) = p 2^n, v_sum4 (the sums
 * of four vectors' lanes); pair (LANES doubles) with pair_zero, pair_add, pair_add_square, pair_sum. */
#include "core/kernels/quants.h"

#define INLINE static inline __attribute__((always_inline))

enum {
    K_BLOCK = 768,
    TOKEN_BLOCK = 2 * TILE_T,           /* tokens that pass over a panel together */
    TILE_MOST = TILE_T * TILE_R         /* sums in registers */
};

/* Terms in each block of a row of k: equal parts, whole vectors. */
static inline size_t block_length(size_t k)
{
    if (k <= K_BLOCK)
        return k;
    const size_t n_block = (k + K_BLOCK - 1) / K_BLOCK;
    return ((k + n_block - 1) / n_block + LANES - 1) / LANES * LANES;
}

/* What tile and its loops work on: x [T, n], w [R, n], y [T, R], and whether y holds the sums of earlier blocks. */
typedef struct operands {
    const float *x, *w;
    float *y;
    size_t ldx, ldw, ldy, n;
    bool add;
} operands;

/* sums[t nr + r] += x[t, i..] w[r, i..] of n <= LANES terms. */
INLINE void tile_step(const operands *o, size_t nt, size_t nr, size_t i, size_t n, vec sums[TILE_MOST])
{
    vec w[TILE_MOST];
#pragma GCC unroll 32
    for (size_t r = 0; r < nr; r++)
        w[r] = n == LANES ? v_load(o->w + r * o->ldw + i) : v_load_part(o->w + r * o->ldw + i, n);
#pragma GCC unroll 32
    for (size_t t = 0; t < nt; t++) {
        const vec x = n == LANES ? v_load(o->x + t * o->ldx + i) : v_load_part(o->x + t * o->ldx + i, n);
#pragma GCC unroll 32
        for (size_t r = 0; r < nr; r++)
            sums[t * nr + r] = v_fma(x, w[r], sums[t * nr + r]);
    }
}

/* y[t, r] of one tile; nt and nr are constants where it is called, and every loop over them is unrolled. */
INLINE void tile(const operands *o, size_t nt, size_t nr)
{
    vec sums[TILE_MOST + 3];
#pragma GCC unroll 32
    for (size_t e = 0; e < (nt * nr + 3) / 4 * 4; e++)
        sums[e] = v_zero();
    size_t i = 0;
    for (; i + LANES <= o->n; i += LANES)
        tile_step(o, nt, nr, i, LANES, sums);
    if (i < o->n)
        tile_step(o, nt, nr, i, o->n - i, sums);
#pragma GCC unroll 32
    for (size_t e = 0; e < nt * nr; e += 4) {
        float four[4];
        v_sum4(sums[e], sums[e + 1], sums[e + 2], sums[e + 3], four);
        for (size_t j = 0; j < 4 && e + j < nt * nr; j++) {
            float *y = o->y + (e + j) / nr * o->ldy + (e + j) % nr;
            *y = o->add ? *y + four[j] : four[j];
        }
    }
}

/* Few tokens leave registers for more rows: as many rows as keep every sum in a register. */
#define TILE_ROWS(nt) (TILE_MOST / (nt))
#define TILE_OF(nt)                                                                                                  \
    static __attribute__((noinline)) void tile_##nt##_wide(const operands *o) { tile(o, nt, TILE_ROWS(nt)); }        \
    static __attribute__((noinline)) void tile_##nt##_one(const operands *o) { tile(o, nt, 1); }
TILE_OF(1) TILE_OF(2) TILE_OF(3) TILE_OF(4)
#if TILE_T > 4
TILE_OF(5)
#endif
#if TILE_T > 5
TILE_OF(6)
#endif

static const struct { void (*wide)(const operands *), (*one)(const operands *); size_t n_row; } tiles[TILE_T] = {
#define TILE_ENTRY(nt) { tile_##nt##_wide, tile_##nt##_one, TILE_ROWS(nt) }
    TILE_ENTRY(1), TILE_ENTRY(2), TILE_ENTRY(3), TILE_ENTRY(4),
#if TILE_T > 4
    TILE_ENTRY(5),
#endif
#if TILE_T > 5
    TILE_ENTRY(6),
#endif
};

/* All n_row rows for at most TOKEN_BLOCK tokens, one block of k. */
static void multiply_block(operands o, size_t n_token, size_t n_row)
{
    const size_t width = tiles[n_token < TILE_T ? n_token - 1 : TILE_T - 1].n_row;
    const operands start = o;
    for (size_t r = 0; r < n_row; ) {
        const size_t nr = n_row - r < width ? 1 : width;
        o = start;
        o.w += r * o.ldw;
        o.y += r;
        for (size_t t = 0; t < n_token; ) {
            const size_t nt = n_token - t < TILE_T ? n_token - t : TILE_T;
            if (nr == tiles[nt - 1].n_row) {
                tiles[nt - 1].wide(&o);
            } else {
                operands column = o;
                for (size_t c = 0; c < nr; c++, column.w += o.ldw, column.y++)
                    tiles[nt - 1].one(&column);
            }
            t += nt;
            o.x += nt * o.ldx;
            o.y += nt * o.ldy;
        }
        r += nr;
    }
}

static void matmul(const float *x, size_t ldx, const float *w, size_t ldw, float *y, size_t ldy, size_t n_token,
                   size_t n_row, size_t k)
{
    const size_t block = block_length(k);
    for (size_t t = 0; t < n_token; t += TOKEN_BLOCK) {
        const size_t nt = n_token - t < TOKEN_BLOCK ? n_token - t : TOKEN_BLOCK;
        size_t i = 0;
        do {
            const operands o = { .x = x + t * ldx + i, .w = w + i, .y = y + t * ldy, .ldx = ldx, .ldw = ldw,
                                 .ldy = ldy, .n = k - i < block ? k - i : block, .add = i > 0 };
            multiply_block(o, nt, n_row);
            i += block;
        } while (i < k);
    }
}

static float dot(const float *x, const float *y, size_t n)
{
    float sum;
    matmul(x, 0, y, 0, &sum, 0, 1, 1, n);
    return sum;
}

static void axpy(float a, const float *x, float *y, size_t n)
{
    const vec va = v_set(a);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        v_store(y + i, v_fma(va, v_load(x + i), v_load(y + i)));
    if (i < n)
        v_store_part(y + i, v_fma(va, v_load_part(x + i, n - i), v_load_part(y + i, n - i)), n - i);
}

static double sum_squares(const float *x, size_t n)
{
    pair sum = pair_zero();
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        sum = pair_add_square(sum, v_load(x + i));
    if (i < n)
        sum = pair_add_square(sum, v_load_part(x + i, n - i));
    return pair_sum(sum);
}

static void scale_mul(const float *x, float scale, const float *w, float *y, size_t n)
{
    const vec s = v_set(scale);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        v_store(y + i, v_mul(v_mul(v_load(x + i), s), v_load(w + i)));
    for (; i < n; i++)
        y[i] = x[i] * scale * w[i];
}

/* exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln(2) / 2; exp(r) = 1 + r + r^2 P(r), P of degree 4, minimax with an
 * error of 0.03 units in the last place. ln 2 is split in two so that n ln 2 is subtracted exactly. Beyond the limits
 * the result is 0 or infinity; subnormal results are kept. */
INLINE vec exponential(vec x)
{
    x = v_max(v_set(-104.0f), v_min(v_set(89.0f), x));
    const vec n = v_round(v_mul(x, v_set(0x1.715476p+0f)));
    const vec r = v_fma(n, v_set(-0x1.7f7d1cp-20f), v_fma(n, v_set(-0x1.62e4p-1f), x));
    vec p = v_set(0x1.6a2448p-10f);
    p = v_fma(p, r, v_set(0x1.1239d6p-7f));
    p = v_fma(p, r, v_set(0x1.5558f2p-5f));
    p = v_fma(p, r, v_set(0x1.555492p-3f));
    p = v_fma(p, r, v_set(0x1.fffffcp-2f));
    p = v_fma(v_mul(r, r), p, r);
    return v_scale(v_add(p, v_set(1.0f)), n);
}

INLINE vec silu(vec x)
{
    return v_div(x, v_add(v_set(1.0f), exponential(v_sub(v_zero(), x))));
}

static void silu_mul(const float *gate, const float *up, float *y, size_t n)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        v_store(y + i, v_mul(silu(v_load(gate + i)), v_load(up + i)));
    if (i < n)
        v_store_part(y + i, v_mul(silu(v_load_part(gate + i, n - i)), v_load_part(up + i, n - i)), n - i);
}

static double exp_sum(float *x, float max, size_t n)
{
    const vec m = v_set(max);
    pair sum = pair_zero();
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const vec e = exponential(v_sub(v_load(x + i), m));
        v_store(x + i, e);
        sum = pair_add(sum, e);
    }
    if (i < n) {
        v_store_part(x + i, exponential(v_sub(v_load_part(x + i, n - i), m)), n - i);
        sum = pair_add(sum, v_load_part(x + i, n - i));
    }
    return pair_sum(sum);
}

static inline void add_arithmetic(evk_kernels *k, const char *isa)
{
    k->isa = isa;
    k->dot = dot;
    k->axpy = axpy;
    k->matmul = matmul;
    k->sum_squares = sum_squares;
    k->scale_mul = scale_mul;
    k->silu_mul = silu_mul;
    k->exp_sum = exp_sum;
}
