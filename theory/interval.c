#include "theory/interval.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static double forward(evk_scale scale, double x)
{
    switch (scale) {
    case EVK_SCALE_ANGLE: return acos(x);
    case EVK_SCALE_LOG: return log(x);
    case EVK_SCALE_ROOT: return x * fabs(x);
    case EVK_SCALE_INVERSE: return x > 0 ? 1 / x : NAN;
    case EVK_SCALE_INVERSE_SQUARE: return x > 0 ? 1 / (x * x) : NAN;
    default: return x;
    }
}

static double back(evk_scale scale, double g)
{
    switch (scale) {
    case EVK_SCALE_ANGLE: return cos(fmin(fmax(g, 0), 3.14159265358979323846));
    case EVK_SCALE_LOG: return exp(g);
    case EVK_SCALE_ROOT: return copysign(fmin(sqrt(fabs(g)), 1), g);
    case EVK_SCALE_SHARE: return fmin(fmax(g, 0), 1);
    case EVK_SCALE_INVERSE: return 1 / fmax(g, 1);
    case EVK_SCALE_INVERSE_SQUARE: return 1 / sqrt(fmax(g, 1));
    default: return g;
    }
}

/* Student's t, the 97.5 % point (Hill 1970's expansion around the normal's). */
static double t_point(double df)
{
    const double z = 1.959963984540054, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
    return z + (z3 + z) / (4 * df) + (5 * z5 + 16 * z3 + 3 * z) / (96 * df * df)
           + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * df * df * df);
}

/* Mean and sum of squares around it of the finite ones; their number. */
static size_t moments(const double *values, size_t n, size_t stride, evk_scale scale, double *mean, double *squares)
{
    size_t finite = 0;
    *mean = *squares = 0;
    for (size_t i = 0; i < n; i++) {
        const double g = forward(scale, values[i * stride]);
        if (!isfinite(g))
            continue;
        const double off = g - *mean;
        *mean += off / (double)++finite;
        *squares += off * (g - *mean);
    }
    return finite;
}

void evk_held_interval(double estimate, const double *replicates, size_t n_replicate, const double *without, size_t n,
                       size_t stride, double out[2])
{
    double mean = 0, squares = 0, left = 0, left_squares = 0;
    const double df = (double)n - 1;
    const size_t finite = moments(replicates, n_replicate, stride, EVK_SCALE_PLAIN, &mean, &squares);
    out[0] = out[1] = NAN;
    if (n < 3 || 2 * finite < n_replicate || finite < 2
        || moments(without, n, stride, EVK_SCALE_PLAIN, &left, &left_squares) < n)
        return;
    const double half = t_point(df) * sqrt(sqrt(squares / (double)(finite - 1)) * sqrt(df / (double)n * left_squares));
    out[0] = estimate - half;
    out[1] = estimate + half;
}

void evk_sampling_interval(double estimate, const double *without, size_t n, size_t stride, evk_scale scale, double out[2])
{
    double mean = 0, squares = 0;
    const double g = forward(scale, estimate), df = (double)n - 1;
    out[0] = out[1] = NAN;
    if (n < 3 || !isfinite(g) || moments(without, n, stride, scale, &mean, &squares) < n)
        return;
    const double half = t_point(df) * sqrt(df / (double)n * squares), a = back(scale, g - half), b = back(scale, g + half);
    out[0] = fmin(a, b);
    out[1] = fmax(a, b);
}

/* What a jackknife says of one sample: adds to its bias and variance, and lowers the degrees of freedom to its own. */
typedef struct jackknife { double bias, variance, df; } jackknife;

static bool add_sample(double g, const double *without, size_t n, size_t stride, evk_scale scale, jackknife *j)
{
    double left = 0, squares = 0;
    const double df = (double)n - 1;
    if (n < 3 || moments(without, n, stride, scale, &left, &squares) < n)
        return false;
    j->bias += df * (left - g);
    j->variance += df / (double)n * squares;
    j->df = fmin(j->df, df);
    return true;
}

void evk_strata_interval(double estimate, const double *replicates, size_t n_replicate, const double *without,
                         const size_t *starts, const size_t *of, size_t n_of, size_t stride, evk_scale scale, double out[2])
{
    double mean = 0, squares = 0;
    jackknife j = { .df = INFINITY };
    const double g = forward(scale, estimate);
    const size_t finite = moments(replicates, n_replicate, stride, scale, &mean, &squares);
    out[0] = out[1] = NAN;
    if (n_of == 0 || 2 * finite < n_replicate || finite < 2)
        return;
    for (size_t i = 0; i < n_of; i++) {
        const size_t e = of ? of[i] : i;
        if (!add_sample(g, without + starts[e] * stride, starts[e + 1] - starts[e], stride, scale, &j))
            return;
    }
    const double spread = fmax(sqrt(squares / (double)(finite - 1)), sqrt(j.variance)), half = t_point(j.df) * spread;
    const double a = back(scale, g - j.bias - half), b = back(scale, g - j.bias + half);
    out[0] = fmin(a, b);
    out[1] = fmax(a, b);
}

void evk_interval(double estimate, const double *replicates, size_t n_replicate, const double *without, size_t n,
                  size_t stride, evk_scale scale, double out[2])
{
    evk_strata_interval(estimate, replicates, n_replicate, without, (const size_t[]){ 0, n }, NULL, 1, stride, scale, out);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double evk_quantile(const double *sorted, size_t n, double p)
{
    const double at = p * (double)(n - 1);
    const size_t i = (size_t)at;
    return i + 1 < n ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

void evk_percentiles(double *values, size_t n, double out[2])
{
    size_t finite = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i]))
            values[finite++] = values[i];
    out[0] = out[1] = NAN;
    if (finite == 0 || 2 * finite < n)
        return;
    qsort(values, finite, sizeof *values, ascending);
    out[0] = evk_quantile(values, finite, 0.025);
    out[1] = evk_quantile(values, finite, 0.975);
}
