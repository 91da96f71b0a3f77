/* core/kernels/lanes.h: kernels written once over vectors of LANES floats.
 *
 * avx2.c, avx512.c and neon.c define the few operations named below under "needs" and include this file, so that all
 * three do the same arithmetic and differ in LANES alone.
 *
 * A dot product runs along k: lane l sums the terms i with i % LANES = l by fused multiply-add, a tail is padded with
 * zeros, and v_sum4 adds the lanes in a fixed order. Long rows are cut into blocks (evk_k_block) whose sums are added in
 * turn, so that a tile's operands stay in the first cache. matmul does a tile of tokens x rows of such dot products at a
 * time in registers, sharing loads; no tile changes the order of one element's terms.
 *
 * Needs: vec, LANES, and the best tile TILE_T x TILE_R for the registers; v_zero v_set v_load v_store; v_load_part and v_store_part
 * (the first n < LANES, the rest read as 0), v_part(a, n, rest) (the first n lanes of a, the others rest); v_fma(a, b, c) = a b + c,
 * v_add v_sub v_mul v_div v_min v_max (a NaN in the second operand comes out), v_most (the largest lane), v_round to the nearest
 * whole number, v_scale(p, n) = p 2^n, v_sum4 (the sums of four vectors' lanes); ENDS_BY_FOURS where 32 registers also hold four
 * rows of HEAD floats, with v_begin_sum4(sums), of one token's four, and v_end_sum4(begun, n, add, out, ldo), of n <= 4 tokens':
 * v_sum4's sums; pair (LANES doubles) with pair_zero, pair_add, pair_add_square, pair_add_square_from(s, a, mean) = s + (a -
 * mean)^2, pair_sum. */
#include <math.h>

#include "core/kernels/quants.h"

#define INLINE static inline __attribute__((always_inline))

enum {
    TOKEN_BLOCK = 2 * TILE_T,           /* tokens that pass over a panel together */
    /* The same of tokens whose distance is a multiple of a page, so that they compete for the same few cache lines: a tile, or more that
     * are copied side by side. */
    FAR_BLOCK = LANES == 16 ? TILE_T : TOKEN_BLOCK,
    TILE_MOST = TILE_T * TILE_R,        /* sums in registers */
    HEAD = 64,                          /* floats of the commonest head */
    COLUMNS = HEAD / LANES,             /* and vectors: of one token's weighted sum of rows, or, in AVX-512's registers, of four keys */
    MIX_COLUMNS = LANES == 8 ? 2 : 4,   /* and of several, of which 16 or 32 registers hold EVK_MIX_TILE */
    MIX_MOST = EVK_MIX_TILE * MIX_COLUMNS > COLUMNS ? EVK_MIX_TILE * MIX_COLUMNS : COLUMNS,
    SPREAD = EVK_K_BLOCK_MOST + 16,     /* distance of rows of x that had to be copied */
    PAGE_FLOATS = 1024, LINE_FLOATS = 16,
    AHEAD = 32,                         /* rows by which memory is asked in advance, for few tokens */
    SHORT_ROW = 256,                    /* floats at most of a head's key; longer rows are followed without being asked for */
    WORTH_SPREADING = 8                 /* rows of w that make up for the copy */
};

/* What all tiles of one block share: distances between rows of x, w and y, the number of terms, and whether y holds the
 * sums of earlier blocks. */
typedef struct block {
    size_t ldx, ldw, ldy, n;
    bool add;
} block;

/* sums[t nr + r] += x[t, i..] w[r, i..] of n <= LANES terms. */
INLINE void tile_step(const block *b, const float *x, const float *w, size_t nt, size_t nr, size_t n,
                      vec sums[TILE_MOST])
{
    vec vw[TILE_MOST];
#pragma GCC unroll 32
    for (size_t r = 0; r < nr; r++)
        vw[r] = n == LANES ? v_load(w + r * b->ldw) : v_load_part(w + r * b->ldw, n);
#pragma GCC unroll 32
    for (size_t t = 0; t < nt; t++) {
        const vec vx = n == LANES ? v_load(x + t * b->ldx) : v_load_part(x + t * b->ldx, n);
#pragma GCC unroll 32
        for (size_t r = 0; r < nr; r++)
            sums[t * nr + r] = v_fma(vx, vw[r], sums[t * nr + r]);
    }
}

/* y[t, r] (+)= the lanes of sums[t nr + r]; there is room for three more sums. */
INLINE void put_sums(const vec *sums, size_t nt, size_t nr, float *y, size_t ldy, bool add)
{
#ifdef ENDS_BY_FOURS
    if (nr == 4 && nt > 1) {
#pragma GCC unroll 2
        for (size_t t = 0; t < nt; t += 4) {
            const size_t n = nt - t < 4 ? nt - t : 4;
            vec begun[4] = { v_zero(), v_zero(), v_zero(), v_zero() };
#pragma GCC unroll 4
            for (size_t i = 0; i < n; i++)
                begun[i] = v_begin_sum4(sums + (t + i) * 4);
            v_end_sum4(begun, n, add, y + t * ldy, ldy);
        }
        return;
    }
#endif
#pragma GCC unroll 32
    for (size_t e = 0; e < nt * nr; e += 4) {
        float four[4];
        v_sum4(sums[e], sums[e + 1], sums[e + 2], sums[e + 3], four);
        if (nr % 4 == 0) {                              /* side by side: one store */
            float *out = y + e / nr * ldy + e % nr;
            if (add)
                for (size_t j = 0; j < 4; j++)
                    four[j] += out[j];
            memcpy(out, four, sizeof four);
            continue;
        }
        for (size_t j = 0; j < 4 && e + j < nt * nr; j++) {
            float *out = y + (e + j) / nr * ldy + (e + j) % nr;
            *out = add ? *out + four[j] : four[j];
        }
    }
}

/* y[t, r] of one tile; nt and nr are constants where it is called, and every loop over them is unrolled. */
INLINE void tile(const block *b, const float *x, const float *w, float *y, size_t nt, size_t nr)
{
    vec sums[TILE_MOST + 3];
#pragma GCC unroll 32
    for (size_t e = 0; e < (nt * nr + 3) / 4 * 4; e++)
        sums[e] = v_zero();
    size_t i = 0;
    for (; i + LANES <= b->n; i += LANES)
        tile_step(b, x + i, w + i, nt, nr, LANES, sums);
    if (i < b->n)
        tile_step(b, x + i, w + i, nt, nr, b->n - i, sums);
    put_sums(sums, nt, nr, y, b->ldy, b->add);
}

/* Few tokens leave registers for more rows: as many as keep every sum in a register and divide a panel of 12. */
#define TILE_ROWS(nt) ((nt) * 12 <= TILE_MOST ? 12 : (nt) * 6 <= TILE_MOST ? 6 : (nt) * 4 <= TILE_MOST ? 4 : 3)
#define TILE_OF(nt)                                                                                                  \
    static __attribute__((noinline)) void tile_##nt##_wide(const block *b, const float *x, const float *w, float *y) \
    {                                                                                                                \
        tile(b, x, w, y, nt, TILE_ROWS(nt));                                                                         \
    }                                                                                                                \
    static __attribute__((noinline)) void tile_##nt##_one(const block *b, const float *x, const float *w, float *y)  \
    {                                                                                                                \
        tile(b, x, w, y, nt, 1);                                                                                     \
    }
#define TILE_ENTRY(nt) { tile_##nt##_wide, tile_##nt##_one, TILE_ROWS(nt) }
TILE_OF(1) TILE_OF(2) TILE_OF(3) TILE_OF(4)
#if TILE_T == 6
TILE_OF(5) TILE_OF(6)
#define MORE_TILES , TILE_ENTRY(5), TILE_ENTRY(6)
#else
#define MORE_TILES
#endif

typedef void (*tile_function)(const block *b, const float *x, const float *w, float *y);
static const struct { tile_function wide, one; size_t n_row; } tiles[TILE_T] = {
    TILE_ENTRY(1), TILE_ENTRY(2), TILE_ENTRY(3), TILE_ENTRY(4) MORE_TILES
};

/* Few tokens wait for rows of w, whose parts a processor's own prefetching does not follow from row to row: those of n floats
 * AHEAD rows further are asked for. It may lie beyond the last row: nothing is read. */
INLINE void ask_for(const float *w, size_t ldw, size_t n_row, size_t n)
{
#pragma GCC unroll 4
    for (size_t r = 0; r < n_row; r++)
#pragma GCC unroll 4
        for (size_t i = 0; i < n; i += LINE_FLOATS)
            __builtin_prefetch((const void *)((uintptr_t)w + ((AHEAD + r) * ldw + i) * sizeof *w), 0, 2);
}

#ifdef ENDS_BY_FOURS
/* One token's products with 4 rows of HEAD floats that stay in registers. */
INLINE void held_step(const float *x, const vec *held, vec sums[4])
{
#pragma GCC unroll 4
    for (size_t r = 0; r < 4; r++)
        sums[r] = v_zero();
#pragma GCC unroll 32
    for (size_t i = 0; i < COLUMNS; i++) {
        const vec vx = v_load(x + i * LANES);
#pragma GCC unroll 4
        for (size_t r = 0; r < 4; r++)
            sums[r] = v_fma(vx, held[r * COLUMNS + i], sums[r]);
    }
}

/* All tokens against 4 rows of HEAD floats that stay in registers, so that tokens' lanes are added while the next ones' products
 * run: where a row ends so soon, a tile's sums would hold up the next tile. */
static __attribute__((noinline)) void multiply_held(const block *b, const float *x, const float *w, float *y, size_t n_token)
{
    vec held[4 * COLUMNS], sums[4];
    size_t t = 0;
#pragma GCC unroll 32
    for (size_t e = 0; e < 4 * COLUMNS; e++)
        held[e] = v_load(w + e / COLUMNS * b->ldw + e % COLUMNS * LANES);
    if (n_token < TOKEN_BLOCK)
        ask_for(w, b->ldw, 4, HEAD);
    for (; !b->add && t + 4 <= n_token; t += 4) {
        vec begun[4];
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++) {
            held_step(x + (t + i) * b->ldx, held, sums);
            begun[i] = v_begin_sum4(sums);
        }
        v_end_sum4(begun, 4, false, y + t * b->ldy, b->ldy);
    }
    for (; t < n_token; t++) {
        held_step(x + t * b->ldx, held, sums);
        put_sums(sums, 1, 4, y + t * b->ldy, b->ldy, b->add);
    }
}
#endif

/* n_token tokens, tiles of nt and no rest, against all n_row rows of w. */
static void multiply_tiles(const block *b, const float *x, const float *w, float *y, size_t n_token, size_t nt, size_t n_row)
{
    const size_t width = tiles[nt - 1].n_row;
    for (size_t r = 0; r < n_row; r += width) {
        if (nt < TILE_T && b->n <= SHORT_ROW)
            ask_for(w + r * b->ldw, b->ldw, width, b->n);
        for (size_t t = 0; t < n_token; t += nt) {
            const float *xt = x + t * b->ldx, *wr = w + r * b->ldw;
            float *out = y + t * b->ldy + r;
            if (n_row - r >= width)
                tiles[nt - 1].wide(b, xt, wr, out);
            else
                for (size_t i = 0; i < n_row - r; i++)
                    tiles[nt - 1].one(b, xt, wr + i * b->ldw, out + i);
        }
    }
}

/* All n_row rows of w for up to TOKEN_BLOCK tokens, one block of k. */
static void multiply_block(block b, const float *x, const float *w, float *y, size_t n_token, size_t n_row)
{
    float copy[TOKEN_BLOCK * SPREAD] __attribute__((aligned(64)));
    if (FAR_BLOCK > TILE_T && b.ldx % PAGE_FLOATS == 0 && n_token > TILE_T / 2 && n_row >= WORTH_SPREADING) {
        for (size_t t = 0; t < n_token; t++)
            memcpy(copy + t * SPREAD, x + t * b.ldx, b.n * sizeof *x);
        x = copy;
        b.ldx = SPREAD;
    }
#ifdef ENDS_BY_FOURS
    if (b.n == HEAD)
        for (; n_row >= 4; n_row -= 4, w += 4 * b.ldw, y += 4)
            multiply_held(&b, x, w, y, n_token);
#endif
    const size_t rest = n_token % TILE_T, whole = n_token - rest;
    if (whole)
        multiply_tiles(&b, x, w, y, whole, TILE_T, n_row);
    if (rest)
        multiply_tiles(&b, x + whole * b.ldx, w, y + whole * b.ldy, rest, rest, n_row);
}

static void multiply(block b, const float *x, const float *w, float *y, size_t n_token, size_t n_row, size_t k)
{
    const size_t together = b.ldx % PAGE_FLOATS == 0 ? FAR_BLOCK : TOKEN_BLOCK;
    for (size_t t = 0; t < n_token; t += together) {
        const size_t nt = n_token - t < together ? n_token - t : together;
        block part = b;
        size_t i = 0;
        do {
            part.n = evk_k_block(k - i);
            multiply_block(part, x + t * b.ldx + i, w + i, y + t * b.ldy, nt, n_row);
            part.add = true;
            i += part.n;
        } while (i < k);
    }
}

static void matmul(const float *x, size_t ldx, const float *w, size_t ldw, float *y, size_t ldy, size_t n_token,
                   size_t n_row, size_t k)
{
    multiply((block){ .ldx = ldx, .ldw = ldw, .ldy = ldy }, x, w, y, n_token, n_row, k);
}

static void matmul_add(const float *x, size_t ldx, const float *w, size_t ldw, float *y, size_t ldy, size_t n_token,
                       size_t n_row, size_t k)
{
    multiply((block){ .ldx = ldx, .ldw = ldw, .ldy = ldy, .add = true }, x, w, y, n_token, n_row, k);
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

/* What axpy_rows's tiles share: distances between rows, and how many rows of v pass. */
typedef struct mixing {
    size_t lda, ldv, ldy, n;
} mixing;

/* nc vectors of nt rows of y, held in registers while the rows of v pass; nt and nc are constants where it is called. */
INLINE void axpy_tile(const mixing *m, const float *a, const float *v, float *y, size_t nt, size_t nc)
{
    vec sums[MIX_MOST], row[COLUMNS];
#pragma GCC unroll 32
    for (size_t e = 0; e < nt * nc; e++)
        sums[e] = v_load(y + e / nc * m->ldy + e % nc * LANES);
    for (size_t j = 0; j < m->n; j++) {
        if (nt < EVK_MIX_TILE)
            ask_for(v + j * m->ldv, m->ldv, 1, nc * LANES);
#pragma GCC unroll 32
        for (size_t c = 0; c < nc; c++)
            row[c] = v_load(v + j * m->ldv + c * LANES);
#pragma GCC unroll 32
        for (size_t e = 0; e < nt * nc; e++)
            sums[e] = v_fma(v_set(a[e / nc * m->lda + j]), row[e % nc], sums[e]);
    }
#pragma GCC unroll 32
    for (size_t e = 0; e < nt * nc; e++)
        v_store(y + e / nc * m->ldy + e % nc * LANES, sums[e]);
}

/* All columns of nt rows of y, nc vectors at a time, then one, then what is less than one. */
INLINE void axpy_columns(const mixing *m, const float *a, const float *v, float *y, size_t d, size_t nt, size_t nc)
{
    size_t i = 0;
    for (; i + nc * LANES <= d; i += nc * LANES)
        axpy_tile(m, a, v + i, y + i, nt, nc);
    for (; i + LANES <= d; i += LANES)
        axpy_tile(m, a, v + i, y + i, nt, 1);
    for (size_t t = 0; t < nt && i < d; t++)
        for (size_t j = 0; j < m->n; j++)
            axpy(a[t * m->lda + j], v + j * m->ldv + i, y + t * m->ldy + i, d - i);
}

#define MIX_OF(nt, nc)                                                                                                           \
    static __attribute__((noinline)) void axpy_##nt(const mixing *m, const float *a, const float *v, float *y, size_t d)         \
    {                                                                                                                            \
        axpy_columns(m, a, v, y, d, nt, nc);                                                                                     \
    }
MIX_OF(1, COLUMNS) MIX_OF(2, MIX_COLUMNS) MIX_OF(3, MIX_COLUMNS) MIX_OF(4, MIX_COLUMNS) MIX_OF(5, MIX_COLUMNS) MIX_OF(6, MIX_COLUMNS)

static void axpy_rows(const float *a, size_t lda, const float *v, size_t ldv, size_t n, float *y, size_t ldy, size_t n_token,
                      size_t d)
{
    static void (*const mix[EVK_MIX_TILE])(const mixing *m, const float *a, const float *v, float *y, size_t d) = {
        axpy_1, axpy_2, axpy_3, axpy_4, axpy_5, axpy_6
    };
    const mixing m = { lda, ldv, ldy, n };
    for (size_t t = 0; t < n_token; t += EVK_MIX_TILE) {
        const size_t nt = n_token - t < EVK_MIX_TILE ? n_token - t : EVK_MIX_TILE;
        mix[nt - 1](&m, a + t * lda, v, y + t * ldy, d);
    }
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

static double sum(const float *x, size_t n)
{
    pair total = pair_zero();
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        total = pair_add(total, v_load(x + i));
    if (i < n)
        total = pair_add(total, v_load_part(x + i, n - i));
    return pair_sum(total);
}

static double sum_squared_from(const float *x, double mean, size_t n)
{
    pair total = pair_zero();
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        total = pair_add_square_from(total, v_load(x + i), mean);
    double s = pair_sum(total);
    for (; i < n; i++)
        s += ((double)x[i] - mean) * ((double)x[i] - mean);
    return s;
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

static void normalise(const float *x, float mean, float scale, const float *w, const float *b, float *y, size_t n)
{
    const vec m = v_set(mean), s = v_set(scale);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const vec scaled = v_mul(v_mul(v_sub(v_load(x + i), m), s), v_load(w + i));
        v_store(y + i, v_add(scaled, b ? v_load(b + i) : v_zero()));
    }
    for (; i < n; i++)
        y[i] = (x[i] - mean) * scale * w[i] + (b ? b[i] : 0.0f);
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

static float scaled_max(const float *x, float scale, size_t n)
{
    const vec s = v_set(scale);
    vec most = v_set(-INFINITY);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        most = v_max(v_mul(v_load(x + i), s), most);
    if (i < n)
        most = v_max(v_part(v_mul(v_load_part(x + i, n - i), s), n - i, -INFINITY), most);
    return v_most(most);
}

/* What was stored is not loaded again: of a part that would wait. */
static double exp_sum(float *x, float scale, float max, size_t n)
{
    const vec s = v_set(scale), m = v_set(max);
    pair sum = pair_zero();
    size_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        vec e[4];
#pragma GCC unroll 4
        for (size_t v = 0; v < 4; v++) {
            e[v] = exponential(v_sub(v_mul(v_load(x + i + v * LANES), s), m));
            v_store(x + i + v * LANES, e[v]);
        }
        sum = pair_add(sum, v_add(v_add(e[0], e[1]), v_add(e[2], e[3])));
    }
    for (; i + LANES <= n; i += LANES) {
        const vec e = exponential(v_sub(v_mul(v_load(x + i), s), m));
        v_store(x + i, e);
        sum = pair_add(sum, e);
    }
    if (i < n) {
        const vec e = exponential(v_sub(v_mul(v_load_part(x + i, n - i), s), m));
        v_store_part(x + i, e, n - i);
        sum = pair_add(sum, v_part(e, n - i, 0));
    }
    return pair_sum(sum);
}

static inline void add_arithmetic(evk_kernels *k, const char *isa)
{
    k->isa = isa;
    k->axpy = axpy;
    k->axpy_rows = axpy_rows;
    k->matmul = matmul;
    k->matmul_add = matmul_add;
    k->by_panels = false;
    k->sum_squares = sum_squares;
    k->sum = sum;
    k->sum_squared_from = sum_squared_from;
    k->scale_mul = scale_mul;
    k->normalise = normalise;
    k->scaled_max = scaled_max;
    k->exp_sum = exp_sum;
}
