/* theory/offset_test.c: Hotelling's T^2 by its definition; on data without effect, p is uniform; with one, small. */
#include "tests/check.h"
#include "tests/theory/rows.h"
#include "theory/linear.h"
#include "theory/offset_test.h"

/* Offsets of n queries in d dimensions, shifted by `shift` along the first; features of very different size. */
static evk_offset_test test_of(evk_random *r, size_t n, size_t d, double shift, double choice, uint64_t of, size_t permutations)
{
    double *scale = calloc(d, sizeof *scale);
    for (size_t j = 0; j < d; j++)
        scale[j] = exp(1.5 * evk_random_normal(r));
    rows one = rows_normal(r, n, d, NULL, scale), zero = rows_normal(r, n, d, NULL, scale);
    for (size_t i = 0; i < n; i++)
        one.data[i * d] += (float)(shift * scale[0]);
    evk_row_space offsets;
    evk_offset_test out = {0};
    check(evk_row_space_fit_offsets(one.row, zero.row, n, d, 1, &offsets, NULL) == EVOKE_OK
          && evk_test_offsets(&offsets, choice, 7, of, permutations, &out, NULL) == EVOKE_OK, "test");
    evk_row_space_free(&offsets);
    rows_free(&one), rows_free(&zero);
    free(scale);
    return out;
}

/* (n - 1) ev^T S^-1 ev with S built in full. */
static void by_definition(size_t n, size_t d, double s)
{
    evk_random r = random_of(101);
    rows one = rows_normal(&r, n, d, NULL, NULL), zero = rows_normal(&r, n, d, NULL, NULL);
    double *ev = calloc(d, sizeof *ev), *x = calloc(d, sizeof *x), *sd = calloc(d * d, sizeof *sd), m = 0;
    evk_row_space o;
    evk_offset_test out = {0};
    check(evk_row_space_fit_offsets(one.row, zero.row, n, d, 1, &o, NULL) == EVOKE_OK
          && evk_test_offsets(&o, s, 7, 0, 99, &out, NULL) == EVOKE_OK, "test");
    for (size_t i = 0; i < n * d; i++) {
        ev[i % d] += o.x[i] / (double)n;
        m += o.x[i] * o.x[i] / (double)(n * d);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d * d; j++)
            sd[j] += (1 - s) * (o.x[i * d + j / d] - ev[j / d]) * (o.x[i * d + j % d] - ev[j % d]) / (double)n;
    for (size_t j = 0; j < d; j++) {
        sd[j * d + j] += s * m;
        x[j] = ev[j];
    }
    check(evk_cholesky(sd, d), "S");
    evk_cholesky_solve(sd, d, x);
    const double expected = ((double)n - 1) * evk_dot(ev, x, d);
    check(near(out.t2, expected, 1e-9), "T^2 %g, by definition %g (%zu, %zu, %g)", out.t2, expected, n, d, s);
    evk_row_space_free(&o);
    rows_free(&one), rows_free(&zero);
    free(ev), free(x), free(sd);
}

static int ascending(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* Kolmogorov's distance of 200 p-values from the uniform law: 1.36 / sqrt(200) is its 5 % point. */
static void uniform(size_t n, size_t d, double choice)
{
    enum { REPEATS = 200 };
    double p[REPEATS], most = 0;
    evk_random r = random_of(102);
    for (size_t i = 0; i < REPEATS; i++)
        p[i] = test_of(&r, n, d, 0, choice, i, 199).p;
    qsort(p, REPEATS, sizeof *p, ascending);
    for (size_t i = 0; i < REPEATS; i++)
        most = fmax(most, fmax(fabs(p[i] - (double)i / REPEATS), fabs(p[i] - (double)(i + 1) / REPEATS)));
    check(most < 1.36 / sqrt(REPEATS), "p of data without effect: %g from uniform (%zu queries, %zu dimensions)", most, n, d);
}

int main(void)
{
    by_definition(30, 5, 0), by_definition(30, 5, 0.2), by_definition(8, 20, 0.3), by_definition(8, 20, 1);
    uniform(20, 60, EVOKE_SHRINK_LEDOIT_WOLF), uniform(24, 6, 0), uniform(12, 40, EVOKE_SHRINK_OAS);
    evk_random r = random_of(103);
    check(test_of(&r, 20, 40, 30, EVOKE_SHRINK_LEDOIT_WOLF, 0, 999).p == 0.001, "a large effect has the least p");
    const evk_offset_test none = test_of(&r, 6, 20, 1, 0, 0, 9), least = test_of(&r, 2, 20, 1, 0.5, 0, 99);
    check(isnan(none.t2) && isnan(none.p), "unshrunk with more dimensions than queries: none");
    check(isfinite(least.t2) && least.p > 0.2, "two queries prove nothing: %g", least.p);
    return check_done();
}
