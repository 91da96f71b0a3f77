/* emotion/mean_interval.c: a mean with its percentile bootstrap interval (Efron 1979). Replicate b draws n values with
 * replacement from PCG64's stream (seed, b). */
#include <math.h>
#include <stdlib.h>

#include "core/random.h"
#include "core/status.h"

static int rising(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The p-quantile of sorted values, between neighbours (NumPy's default). */
static double quantile(const double *x, size_t n, double p)
{
    const double at = p * (double)(n - 1);
    const size_t i = (size_t)at;
    return i + 1 < n ? x[i] + (at - (double)i) * (x[i + 1] - x[i]) : x[n - 1];
}

evoke_status evoke_mean_interval(const double *x, size_t n, size_t n_replicate, uint64_t seed, evoke_interval *out,
                                 evoke_error *err)
{
    double *means = NULL, sum = 0;
    *out = (evoke_interval){ NAN, NAN, NAN };
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    if (n > 0)
        out->mean = sum / (double)n;
    if (n < 2 || n_replicate < 2)
        return EVOKE_OK;
    EVK_TRY(evk_alloc(&means, n_replicate, sizeof *means, "bootstrap", err));
    for (size_t b = 0; b < n_replicate; b++) {
        evk_random random;
        evk_random_stream(&random, seed, b);
        for (size_t i = 0; i < n; i++)
            means[b] += x[evk_random_below(&random, n)];
        means[b] /= (double)n;
    }
    qsort(means, n_replicate, sizeof *means, rising);
    out->low = fmin(quantile(means, n_replicate, 0.025), out->mean);
    out->high = fmax(quantile(means, n_replicate, 0.975), out->mean);
    free(means);
    return EVOKE_OK;
}
