/* tests/core/test_packed.c: products by integer digits: close to the sum in double, as close as float32 with three digits, the
 * same bits on every instruction set, by any number of threads and in any batch; and as floats, the bits of dequantised values. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels/packed.h"
#include "tests/check.h"
#include "tests/core/random_matrix.h"

#ifdef EMULATED                     /* where the rest would take an hour */
enum { MOST_TOKENS = 33, N_SHAPE = 2 };
#else
enum { MOST_TOKENS = 135, N_SHAPE = 4 };        /* more than a chunk of them by either way of division */
#endif

static float *product(const evk_kernels *k, const evk_packed *p, size_t n_digit, size_t n_thread, const float *bias, const float *x,
                      size_t ldx, size_t n_token)
{
    const size_t ldy = p->rows + 3;
    float *y = malloc(n_token * ldy * sizeof *y);
    void *scratch = aligned_alloc(64, (evk_packed_scratch(n_thread, n_token, p->cols, n_digit) + 63) / 64 * 64);
    memset(y, 0x7f, n_token * ldy * sizeof *y);
    evk_matmul_packed(k, n_thread, &(evk_product){ p, bias, y, ldy }, 1, n_digit, x, ldx, n_token, scratch);
    free(scratch);
    return y;
}

/* Its room is the packed form's beginning. */
static evk_packed pack(const evk_tensor *w, size_t n_thread)
{
    const evk_packed form = evk_packed_form(w);
    const size_t bytes = evk_packed_bytes(&form);
    check(bytes % 64 == 0, "%s: room for packed weights is %zu bytes", evk_type_describe(w->type)->name, bytes);
    void *room = aligned_alloc(64, bytes);
    memset(room, 0x7f, bytes);
    return evk_pack(w, n_thread, room);
}

/* The largest error over the size of the terms: sum |x| |w|, or for one digit sum (block's largest |x|) |w|. */
static double worst(const evk_packed *p, size_t n_digit, const float *values, const float *bias, const float *x, size_t ldx,
                    size_t n_token, const float *y)
{
    double most = 0;
    double *size_of = malloc(p->cols * sizeof *size_of);        /* of a weight of 1 */
    for (size_t t = 0; t < n_token; t++) {
        for (size_t i = 0; i < p->cols; i++) {
            float block = 0;
            for (size_t j = i / 32 * 32; j < i / 32 * 32 + 32; j++)
                block = fmaxf(block, fabsf(x[t * ldx + j]));
            size_of[i] = n_digit == 1 ? (double)block : fabs((double)x[t * ldx + i]) + 0.1 * (double)block;
        }
        for (size_t r = 0; r < p->rows; r++) {
            double sum = bias ? (double)bias[r] : 0, size = fabs(sum) + 1e-30;
            for (size_t i = 0; i < p->cols; i++) {
                const double w = (double)values[r * p->cols + i];
                sum += (double)x[t * ldx + i] * w;
                size += size_of[i] * fabs(w);
            }
            most = fmax(most, fabs((double)y[t * (p->rows + 3) + r] - sum) / size);
        }
    }
    free(size_of);
    return most;
}

enum { N_BATCH = 17 };
static const size_t batches[N_BATCH] = { 1, 2, 3, 4, 5, 6, 7, 9, 14, 19, 31, 32, 33, 64, 70, 97, MOST_TOKENS };

/* By no digits: the dequantised values' products in the table's order of terms. */
static void check_floats(const evk_packed *p, const float *values, const float *bias, const float *x, size_t ldx, const char *name)
{
    const size_t rows = p->rows, ldy = rows + 3;
    float *want = malloc(MOST_TOKENS * rows * sizeof *want);
    for (size_t e = 0; e < MOST_TOKENS * rows; e++)
        want[e] = ordered_dot(NULL, true, x + e / rows * ldx, values + e % rows * p->cols, p->cols) + bias[e % rows];
    for (size_t i = 0; evoke_isa_name(i); i++) {
        evk_kernels k;
        evk_kernels_select(evoke_isa_name(i), &k, NULL);
        for (size_t j = 0; j < N_BATCH && batches[j] <= MOST_TOKENS; j += i == 0 ? 5 : 1) {
            const size_t n = batches[j];
            float *y = product(&k, p, 0, 1 + j % 3, bias, x, ldx, n);
            size_t n_other = 0;
            for (size_t t = 0; t < n; t++)
                n_other += memcmp(want + t * rows, y + t * ldy, rows * sizeof *y) != 0;
            check(n_other == 0, "%s: %s [%zu, %zu] x [%zu] as floats: %zu tokens of other bits", k.isa, name, rows, p->cols, n, n_other);
            free(y);
        }
    }
    free(want);
}

static void check_type(evk_type type, size_t rows, size_t cols)
{
    const char *name = evk_type_describe(type)->name;
    const size_t ldx = cols + 5;
    evk_kernels ref;
    evk_packed p;
    float *values = NULL, *x = random_floats(MOST_TOKENS * ldx), *bias = random_floats(rows);
    evk_kernels_select("ref", &ref, NULL);
    evk_tensor w = random_matrix(&ref, type, rows, cols, &values);
    memset(x, 0, 32 * sizeof *x);           /* a block of zeros; another of tiny numbers, one large number in a third */
    for (size_t i = ldx; i < ldx + 32; i++)
        x[i] *= 1e-30f;
    x[2 * ldx + 7] = 300;
    p = pack(&w, 2);
    for (size_t n_digit = 1; n_digit <= 3; n_digit += 2) {
        float *want = product(&ref, &p, n_digit, 1, bias, x, ldx, MOST_TOKENS);
        const double off = worst(&p, n_digit, values, bias, x, ldx, MOST_TOKENS, want);
        check(off < (n_digit == 1 ? 0.5 / 127 : 4e-7), "%s [%zu, %zu] by %zu digits: off by %g of its terms", name, rows, cols, n_digit, off);
        for (size_t i = 0; evoke_isa_name(i); i++) {
            evk_kernels k;
            evk_kernels_select(evoke_isa_name(i), &k, NULL);
            for (size_t j = 0; j < N_BATCH && batches[j] <= MOST_TOKENS; j += i == 0 ? 5 : 1) {     /* the portable one is slow */
                const size_t n = batches[j];
                float *y = product(&k, &p, n_digit, 1 + j % 3, bias, x, ldx, n);
                check(memcmp(y, want, ((n - 1) * (rows + 3) + rows) * sizeof *y) == 0, "%s: %s [%zu, %zu] x [%zu] by %zu digits: other bits", k.isa,
                      name, rows, cols, n, n_digit);
                free(y);
            }
        }
        free(want);
    }
    check_floats(&p, values, bias, x, ldx, name);
    free(p.codes);
    free((void *)(uintptr_t)w.data);
    free(values);
    free(x);
    free(bias);
}

/* Weights of 16 bits: any number of columns, and whichever number of digits is asked for. */
static void check_halves(evk_type type, size_t rows, size_t cols)
{
    const size_t ldx = cols + 5;
    evk_kernels ref;
    evk_packed p;
    float *values = NULL, *x = random_floats(MOST_TOKENS * ldx), *bias = random_floats(rows);
    evk_kernels_select("ref", &ref, NULL);
    evk_tensor w = random_matrix(&ref, type, rows, cols, &values);
    p = pack(&w, 2);
    check(evk_packed_bytes(&p) >= w.n_bytes, "%s has room", evk_type_describe(type)->name);
    check_floats(&p, values, bias, x, ldx, evk_type_describe(type)->name);
    float *none = product(&ref, &p, 0, 1, bias, x, ldx, 3), *one = product(&ref, &p, 1, 2, bias, x, ldx, 3);
    check(memcmp(none, one, 3 * (rows + 3) * sizeof *one) == 0, "no digits of them");
    free(none);
    free(one);
    free(p.codes);
    free((void *)(uintptr_t)w.data);
    free(values);
    free(x);
    free(bias);
}

/* What is not finite comes out not finite, in its own row alone. */
static void check_not_finite(const evk_kernels *k)
{
    evk_packed p;
    float *values = NULL, *x = random_floats(3 * 64);
    evk_tensor w = random_matrix(k, EVK_Q8_0, 16, 64, &values);
    x[64 + 40] = NAN;
    x[2 * 64 + 3] = INFINITY;
    p = pack(&w, 1);
    float *y = product(k, &p, 1, 1, NULL, x, 64, 3);
    check(isfinite(y[0]) && !isfinite(y[19]) && !isfinite(y[2 * 19]), "%s: NaN and infinity", k->isa);
    free(y);
    free(p.codes);
    free((void *)(uintptr_t)w.data);
    free(values);
    free(x);
}

/* Every float16 as a block's scale stays what it is. */
static void check_scales(void)
{
    enum { ROWS = 64, BLOCKS = 1024, BLOCK_BYTES = 34 };
    uint8_t *blocks = calloc(ROWS * BLOCKS, BLOCK_BYTES);
    size_t n_other = 0;
    for (uint32_t i = 0; i < ROWS * BLOCKS; i++)
        memcpy(blocks + i * BLOCK_BYTES, &(uint16_t){ (uint16_t)i }, 2);
    evk_tensor w = { .name = "w", .type = EVK_Q8_0, .n_dim = 2, .dims = { ROWS, BLOCKS * 32 }, .data = blocks };
    evk_tensor_shape(&w, "test", NULL);
    evk_packed p = pack(&w, 2);
    for (size_t i = 0; i < ROWS * BLOCKS; i++) {
        const size_t row = i / BLOCKS, at = (row / 16 * BLOCKS + i % BLOCKS) * 16 + row % 16;
        const uint16_t scale = ((const uint16_t *)p.scales)[at];
        const bool number = (i & 0x7fff) <= 0x7c00;
        n_other += number ? scale != i : (scale & 0x7fff) <= 0x7c00;
    }
    check(n_other == 0, "%zu of all scales of 16 bits are packed as others", n_other);
    free(p.codes);
    free(blocks);
}

/* What is enough for one multiply is enough for a smaller one. */
static void check_scratch(void)
{
    bool enough = true;
    for (size_t cols = 32; cols <= 8192; cols += 32)
        for (size_t n_token = 1; n_token <= 300; n_token += 13) {
            const size_t bytes = evk_packed_scratch(2, n_token, cols, 3);
            enough = enough && evk_packed_scratch(2, n_token + 13, cols, 3) >= bytes &&
                     evk_packed_scratch(2, n_token, cols + 32, 3) >= bytes && evk_packed_scratch(3, n_token, cols, 3) >= bytes;
        }
    check(enough, "scratch grows with threads, tokens and columns");
}

int main(void)
{
    check_scratch();
    check_scales();
    static const size_t shapes[4][2] = { { 16, 256 }, { 37, 512 }, { 5, 256 }, { 96, 1536 } };
    size_t n_type = 0;
    for (evk_type type = 0; type < EVK_N_TYPE; type++)
        for (size_t s = 0; evk_packs(type) && s < N_SHAPE; s++) {
            check_type(type, shapes[s][0], shapes[s][1]);
            n_type += s == 0;
        }
    check(n_type >= 13, "%zu types pack", n_type);
    for (size_t bfloat = 0; bfloat < 2; bfloat++) {
        check_halves(bfloat ? EVK_BF16 : EVK_F16, 37, 77);
        check_halves(bfloat ? EVK_BF16 : EVK_F16, 64, 1300);
    }
    for (size_t i = 0; evoke_isa_name(i); i++) {
        evk_kernels k;
        evk_kernels_select(evoke_isa_name(i), &k, NULL);
        check_not_finite(&k);
    }
    return check_done();
}
