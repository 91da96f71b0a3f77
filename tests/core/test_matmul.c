/* tests/core/test_matmul.c: evk_matmul against sums in double for every storage type, and the promise that y[t, :] is a
 * function of x[t, :] and W alone: the same bits by 1, 2, 3 threads, in any batch, and as one row's product in the table's order has them. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels/matmul.h"
#include "tests/check.h"
#include "tests/core/random_matrix.h"

/* Every element against the sum in double, and against the table's order of terms. */
static void product_is_right(const evk_kernels *k, const evk_tensor *w, const float *values, const float *bias,
                             const float *x, size_t ldx, size_t n_token, const float *y, size_t ldy)
{
    bool close = true, dots = true;
    for (size_t t = 0; t < n_token; t++)
        for (size_t r = 0; r < w->rows; r++) {
            const float *row = values + r * w->cols, *in = x + t * ldx;
            double sum = bias ? (double)bias[r] : 0, size = fabs(sum);
            for (size_t i = 0; i < w->cols; i++) {
                sum += (double)in[i] * (double)row[i];
                size += fabs((double)in[i] * (double)row[i]);
            }
            const float d = ordered_dot(k, k->by_panels && w->type != EVK_F32, in, row, w->cols) + (bias ? bias[r] : 0.0f);
            close = close && fabs((double)y[t * ldy + r] - sum) <= (double)w->cols * (double)FLT_EPSILON * size;
            dots = dots && memcmp(&d, &y[t * ldy + r], sizeof d) == 0;
        }
    const char *type = evk_type_describe(w->type)->name;
    check(close, "%s: %s [%zu, %zu] x [%zu]", k->isa, type, w->rows, w->cols, n_token);
    check(dots, "%s: %s [%zu, %zu] x [%zu] is added in another order", k->isa, type, w->rows, w->cols, n_token);
}

/* The same tokens by 1, 2, 3 threads, and one, two, five at a time. */
static void company_does_not_matter(const evk_kernels *k, const evk_tensor *w, const float *bias, const float *x,
                                    size_t ldx, size_t n_token, const float *y, size_t ldy)
{
    static const size_t parts[] = { 1, 2, 5, 1000 };
    float *again = malloc(n_token * ldy * sizeof *again), *scratch = malloc(evk_matmul_scratch(3) * sizeof *scratch);
    for (size_t threads = 1; threads <= 3; threads++)
        for (size_t p = 0; p < 4; p++) {
            memcpy(again, y, n_token * ldy * sizeof *again);
            for (size_t t = 0; t < n_token; t++)
                memset(again + t * ldy, 0xff, w->rows * sizeof *again);
            for (size_t t = 0; t < n_token; t += parts[p]) {
                const size_t nt = n_token - t < parts[p] ? n_token - t : parts[p];
                evk_matmul(k, threads, w, bias, x + t * ldx, ldx, nt, again + t * ldy, ldy, scratch);
            }
            check(memcmp(again, y, n_token * ldy * sizeof *again) == 0, "%s: %s [%zu, %zu], %zu tokens by %zu, %zu threads",
                  k->isa, evk_type_describe(w->type)->name, w->rows, w->cols, n_token, parts[p], threads);
        }
    free(again);
    free(scratch);
}

static void one_case(const evk_kernels *k, evk_type type, size_t rows, size_t cols, size_t n_token, bool with_bias)
{
    float *values;
    const evk_tensor w = random_matrix(k, type, rows, cols, &values);
    const size_t ldx = cols + (cols % 1024 ? 5 : 0), ldy = rows + 3;
    float *x = random_floats(n_token * ldx), *bias = random_floats(rows), *y = random_floats(n_token * ldy);
    float *scratch = malloc(evk_matmul_scratch(2) * sizeof *scratch);
    float guard[3];
    memcpy(guard, y + rows, sizeof guard);
    evk_matmul(k, 2, &w, with_bias ? bias : NULL, x, ldx, n_token, y, ldy, scratch);
    evk_matmul(k, 2, &w, with_bias ? bias : NULL, x, ldx, 0, y + rows, ldy, scratch);
    check(memcmp(guard, y + rows, sizeof guard) == 0, "%s: writes between rows, or for no tokens", k->isa);
    product_is_right(k, &w, values, with_bias ? bias : NULL, x, ldx, n_token, y, ldy);
    company_does_not_matter(k, &w, with_bias ? bias : NULL, x, ldx, n_token, y, ldy);
    free((void *)(uintptr_t)w.data);
    free(values);
    free(x);
    free(bias);
    free(y);
    free(scratch);
}

int main(void)
{
    for (size_t i = 0; evoke_isa_name(i); i++) {
        evk_kernels k;
        evk_kernels_select(evoke_isa_name(i), &k, NULL);
        for (evk_type type = EVK_F32; type <= EVK_IQ1_M; type++) {
            one_case(&k, type, 37, 768, 11, true);
            one_case(&k, type, 1, 256, 1, false);
        }
        one_case(&k, EVK_F32, 50, 77, 3, true);         /* columns that are no whole vectors */
        one_case(&k, EVK_F16, 29, 33, 6, false);
        one_case(&k, EVK_F16, 61, 1100, 1, true);       /* one token */
        one_case(&k, EVK_BF16, 200, 333, 1, false);
        one_case(&k, EVK_F32, 83, 1283, 1, true);
        one_case(&k, EVK_BF16, 100, 650, 4, true);
        one_case(&k, EVK_F32, 26, 1024, 17, true);      /* rows a page apart */
        one_case(&k, EVK_Q4_1, 200, 1536, 9, false);    /* several panels and blocks */
        one_case(&k, EVK_Q8_0, 13, 32, 2600, true);     /* several threads for few rows */
        one_case(&k, EVK_Q4_0, 13, 12288, 31, false);   /* chunks of tokens */
        printf("%s: tested\n", k.isa);
    }
    return check_done();
}
