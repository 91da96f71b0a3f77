/* theory/linear.c against plain loops; the same bits whatever the threads. */
#include <string.h>

#include "tests/check.h"
#include "tests/theory/rows.h"
#include "theory/linear.h"

static double *random_matrix(evk_random *r, size_t n, size_t d)
{
    double *a = calloc(n * d, sizeof *a);
    for (size_t i = 0; i < n * d; i++)
        a[i] = evk_random_normal(r);
    return a;
}

static void gram_of(evk_random *r, size_t n, size_t d)
{
    double *a = random_matrix(r, n, d), *one = calloc(n * n, sizeof *one), *three = calloc(n * n, sizeof *three);
    evk_gram(a, n, d, 1, one);
    evk_gram(a, n, d, 3, three);
    check(memcmp(one, three, n * n * sizeof *one) == 0, "threads change nothing (%zu, %zu)", n, d);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double dot = 0;
            for (size_t k = 0; k < d; k++)
                dot += a[i * d + k] * a[j * d + k];
            check(fabs(one[i * n + j] - dot) < 1e-12 * (double)d, "cell %zu %zu of %zu, %zu", i, j, n, d);
        }
    free(a), free(one), free(three);
}

static void factor_of(evk_random *r, size_t k)
{
    double *a = random_matrix(r, k, k + 2), *gram = calloc(k * k, sizeof *gram), *l = calloc(k * k, sizeof *l);
    double *x = random_matrix(r, k, 1), *b = calloc(k, sizeof *b), *values = calloc(k, sizeof *values), log_det = 0;
    evk_gram(a, k, k + 2, 1, gram);
    memcpy(l, gram, k * k * sizeof *l);
    check(evk_cholesky(l, k), "factor of side %zu", k);
    for (size_t i = 0; i < k; i++)
        b[i] = evk_dot(gram + i * k, x, k);
    evk_cholesky_solve(l, k, b);
    check(distance(b, x, k) < 1e-7, "solution of side %zu: off by %g", k, distance(b, x, k));
    memcpy(a, gram, k * k * sizeof *a);
    check(evk_eigen(a, k, true, values, NULL) == EVOKE_OK, "eigenvalues");
    for (size_t i = 0; i < k; i++) {
        log_det += log(values[i]);
        for (size_t j = 0; j < k; j++)
            b[j] = evk_dot(gram + j * k, a + i * k, k) - values[i] * a[i * k + j];
        check(evk_length(b, k) < 1e-10 * values[k - 1], "eigenvector %zu of %zu", i, k);
    }
    check(fabs(log_det - evk_cholesky_log_det(l, k)) < 1e-8 * (double)k, "log det of side %zu", k);
    memset(gram, 0, k * k * sizeof *gram);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j <= i; j++)
            gram[i * k + j] = (double)((i + 1) * (j + 1));              /* rank one */
    check(evk_cholesky(gram, k) == (k == 1), "rank one of side %zu", k);
    free(a), free(gram), free(l), free(x), free(b), free(values);
}

int main(void)
{
    const size_t sizes[] = { 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 34, 67, 130 };
    evk_random r = random_of(51);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        factor_of(&r, sizes[i]);
        gram_of(&r, sizes[i], sizes[(i + 5) % (sizeof sizes / sizeof *sizes)]);
    }
    gram_of(&r, 90, 401);
    return check_done();
}
