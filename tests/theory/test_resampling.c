/* Statistics of queries against values known by hand, and the coverage of their intervals where the truth is known. */
#include <math.h>

#include "core/random.h"
#include "tests/check.h"
#include "theory/resampling.h"

static const double all[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };

static void test_by_hand(void)
{
    const double x[] = { -1, 0, 1, 2 }, falling[] = { 4, 3, 2, 1 }, tied[] = { 1, 2, 2, 3 }, flat[] = { 5, 5, 5, 5 };
    check(evk_spearman(x, falling, 1, 4) == -1, "falling");
    check(fabs(evk_spearman(x, tied, 1, 4) - 0.948683298050514) < 1e-12, "ties %.15g", evk_spearman(x, tied, 1, 4));
    check(isnan(evk_spearman(x, flat, 1, 4)), "a constant has no rank correlation");
    const double values[] = { 1, 2, NAN, 6 }, twice[] = { 2, 0, 5, 1 };
    check(evk_statistic_mean(values, all, 4) == 3, "mean without what is not finite");
    check(fabs(evk_statistic_mean(values, twice, 4) - 8.0 / 3) < 1e-15, "weighted mean");
    const double above[] = { 1, 3 }, below[] = { 2, 6 };
    check(evk_statistic_ratio(&(evk_ratio){ above, below }, all, 2) == 0.5, "ratio of means");
}

static void test_curves(void)
{
    /* two queries: y = 3 + 2 x and y = -1 + 2 x, and the second bent */
    const double x[] = { 0, 1, 2 }, straight[] = { 3, -1, 5, 1, 7, 3 }, bent[] = { 0, 0, 0, 0, 1, 1 };
    check(fabs(evk_statistic_r2(&(evk_curves){ x, straight, 3, false }, all, 2) - 1) < 1e-12, "lines of one slope");
    check(fabs(evk_statistic_r2(&(evk_curves){ x, straight, 3, true }, all, 2) - 1) < 1e-12, "their mean");
    check(fabs(evk_statistic_r2(&(evk_curves){ x, bent, 3, false }, all, 2) - 0.75) < 1e-12, "bent");
    check(isnan(evk_statistic_r2(&(evk_curves){ x, straight, 2, false }, all, 2)), "two points");
    const double got[] = { 1, 1, 3, 3 }, paid[] = { 0.1, 0.1, 0.3, 0.3 };
    check(fabs(evk_statistic_exchange(&(evk_exchange){ got, paid, 2, 0.2 }, all, 2) - 2) < 1e-12, "between two points");
    check(fabs(evk_statistic_exchange(&(evk_exchange){ got, paid, 2, 0.05 }, all, 2) - 0.5) < 1e-12, "from 0 on");
    check(isnan(evk_statistic_exchange(&(evk_exchange){ got, paid, 2, 0.4 }, all, 2)), "a price never paid");
}

/* 95 % intervals of a mean and of a ratio of means, ten queries: how often they hold the truth, of 1,000 sets. */
static void test_coverage(void)
{
    enum { SETS = 1000, N = 10 };
    size_t mean_held = 0, ratio_held = 0;
    evk_random random;
    evk_random_stream(&random, 4, 0);
    for (size_t s = 0; s < SETS; s++) {
        evk_resampling r;
        double x[N], y[N], interval[2];
        check(evk_resampling_new(N, 100, s, 0, &r, NULL) == EVOKE_OK, "memory");
        for (size_t q = 0; q < N; q++) {
            x[q] = 2 + evk_random_normal(&random);
            y[q] = 4 + 0.5 * evk_random_normal(&random);
        }
        evk_resample(&r, evk_statistic_mean, x, EVK_SCALE_PLAIN, interval);
        mean_held += interval[0] < 2 && 2 < interval[1];
        evk_resample(&r, evk_statistic_ratio, &(evk_ratio){ x, y }, EVK_SCALE_PLAIN, interval);
        ratio_held += interval[0] < 0.5 && 0.5 < interval[1];
        evk_resampling_free(&r);
    }
    check(mean_held > 920 && mean_held < 980, "mean: %zu of 1000", mean_held);
    check(ratio_held > 920 && ratio_held < 980, "ratio: %zu of 1000", ratio_held);
}

int main(void)
{
    test_by_hand();
    test_curves();
    test_coverage();
    return check_done();
}
