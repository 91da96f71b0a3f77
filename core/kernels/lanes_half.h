/* core/kernels/lanes_half.h: one token times rows stored in 16 bits, which are widened as they are multiplied: weights that come
 * from memory are then read once, at its speed, and never written as floats. Included after lanes.h, whose order of terms it
 * keeps: the same bits as matmul over the same rows as floats.
 *
 * Needs, as lanes_quants.h: v_of_f16, v_of_bits, i_halves, i_left. */

enum { HALF_ROWS = 12, LINE_HALVES = 32 };

INLINE vec v_of_half(const uint16_t *p, bool bfloat)
{
    const uint8_t *bytes = (const uint8_t *)p;
    return bfloat ? v_of_bits(i_left(i_halves(bytes), 16)) : v_of_f16(bytes);
}

/* sums[r] += x w[r] of n <= LANES terms. The lines of the next rows are asked for: a row is too short for the processor to see
 * what comes next. */
INLINE void half_step(const float *x, const uint16_t *w, size_t ldw, size_t nr, size_t n, bool bfloat, bool ahead, vec *sums)
{
    const vec vx = n == LANES ? v_load(x) : v_load_part(x, n);
#pragma GCC unroll 16
    for (size_t r = 0; r < nr; r++) {
        uint16_t part[LANES] = { 0 };
        const uint16_t *at = w + r * ldw;
        if (ahead)
            __builtin_prefetch((const void *)((uintptr_t)at + HALF_ROWS * ldw * sizeof *at), 0, 2);
        if (n < LANES)
            at = memcpy(part, at, n * sizeof *at);
        sums[r] = v_fma(vx, v_of_half(at, bfloat), sums[r]);
    }
}

/* y[r] (+)= sum_i x[i] w[r, i], nr rows of n terms; nr and bfloat are constants where it is called. */
INLINE void half_tile(const float *x, const uint16_t *w, size_t ldw, float *y, size_t n, bool add, size_t nr, bool bfloat)
{
    vec sums[HALF_ROWS + 3];
    size_t i = 0;
#pragma GCC unroll 16
    for (size_t r = 0; r < (nr + 3) / 4 * 4; r++)
        sums[r] = v_zero();
    for (; i + LANES <= n; i += LANES)
        half_step(x + i, w + i, ldw, nr, LANES, bfloat, i % LINE_HALVES == 0, sums);
    if (i < n)
        half_step(x + i, w + i, ldw, nr, n - i, bfloat, false, sums);
    put_sums(sums, 1, nr, y, 0, add);
}

INLINE void matvec_half(const float *x, const uint16_t *w, size_t ldw, float *y, size_t n_row, size_t k, bool bfloat)
{
    const size_t whole = n_row / HALF_ROWS * HALF_ROWS;
    for (size_t i = 0, n; i < k; i += n) {
        n = evk_k_block(k - i);
        for (size_t r = 0; r < whole; r += HALF_ROWS)
            half_tile(x + i, w + r * ldw + i, ldw, y + r, n, i > 0, HALF_ROWS, bfloat);
        for (size_t r = whole; r < n_row; r++)
            half_tile(x + i, w + r * ldw + i, ldw, y + r, n, i > 0, 1, bfloat);
    }
}

static void matvec_f16(const float *x, const uint16_t *w, size_t ldw, float *y, size_t n_row, size_t k)
{
    matvec_half(x, w, ldw, y, n_row, k, false);
}

static void matvec_bf16(const float *x, const uint16_t *w, size_t ldw, float *y, size_t n_row, size_t k)
{
    matvec_half(x, w, ldw, y, n_row, k, true);
}

static inline void add_matvecs(evk_kernels *k)
{
    k->matvec_f16 = matvec_f16;
    k->matvec_bf16 = matvec_bf16;
}
