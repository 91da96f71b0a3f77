#include "theory/resampling.h"

#include <math.h>
#include <stdlib.h>

#include "theory/bootstrap.h"

evoke_status evk_resampling_new(size_t n, size_t n_bootstrap, uint64_t seed, uint64_t of, evk_resampling *out, evoke_error *err)
{
    *out = (evk_resampling){ .n = n, .n_bootstrap = n_bootstrap };
    EVK_TRY(evk_alloc(&out->values, n_bootstrap + n, sizeof(double), "resample", err));
    EVK_TRY(evk_alloc(&out->count, n_bootstrap + n + 1, n * sizeof(double), "resample", err));
    for (size_t b = 0; b < n_bootstrap; b++)
        evk_draw(seed, 9, of, b, n, out->count + b * n);
    for (size_t i = 0; i <= n; i++)
        for (size_t q = 0; q < n; q++)
            out->count[(n_bootstrap + i) * n + q] = q != i;
    return EVOKE_OK;
}

void evk_resampling_free(evk_resampling *r)
{
    free(r->count);
    free(r->values);
    *r = (evk_resampling){0};
}

double evk_resample(evk_resampling *r, evk_statistic statistic, const void *context, evk_scale scale, double interval[2])
{
    const size_t b = r->n_bootstrap, n = r->n;
    const double estimate = statistic(context, r->count + (b + n) * n, n);
    interval[0] = interval[1] = NAN;
    if (b == 0 || !isfinite(estimate))
        return estimate;
    for (size_t i = 0; i < b + n; i++)
        r->values[i] = statistic(context, r->count + i * n, n);
    evk_interval(estimate, r->values, b, r->values + b, n, 1, scale, interval);
    return estimate;
}

/* ---- statistics ---- */
double evk_statistic_mean(const void *context, const double *count, size_t n)
{
    const double *x = context;
    double sum = 0, of = 0;
    for (size_t q = 0; q < n; q++)
        if (count[q] > 0 && isfinite(x[q])) {
            sum += count[q] * x[q];
            of += count[q];
        }
    return of > 0 ? sum / of : (double)NAN;
}

double evk_statistic_ratio(const void *context, const double *count, size_t n)
{
    const evk_ratio *r = context;
    return evk_statistic_mean(r->above, count, n) / evk_statistic_mean(r->below, count, n);
}

/* Sums over the points of one curve, x less its mean. */
static void add_curve(const evk_curves *c, double x_mean, const double *y, size_t stride, double weight, double sums[3])
{
    double mean = 0;
    for (size_t i = 0; i < c->n_x; i++)
        mean += y[i * stride] / (double)c->n_x;
    for (size_t i = 0; i < c->n_x; i++) {
        const double dx = c->x[i] - x_mean, dy = y[i * stride] - mean;
        sums[0] += weight * dx * dx;
        sums[1] += weight * dx * dy;
        sums[2] += weight * dy * dy;
    }
}

double evk_statistic_r2(const void *context, const double *count, size_t n)
{
    const evk_curves *c = context;
    double sums[3] = {0}, x_mean = 0, mean[EVK_MOST_POINTS];
    if (c->n_x < 3 || c->n_x > EVK_MOST_POINTS)
        return NAN;
    for (size_t i = 0; i < c->n_x; i++)
        x_mean += c->x[i] / (double)c->n_x;
    for (size_t q = 0; q < n && !c->together; q++)
        if (count[q] > 0)
            add_curve(c, x_mean, c->y + q, n, count[q], sums);
    if (c->together) {
        for (size_t i = 0; i < c->n_x; i++)
            mean[i] = evk_statistic_mean(c->y + i * n, count, n);
        add_curve(c, x_mean, mean, 1, 1, sums);
    }
    return sums[1] * sums[1] / (sums[0] * sums[2]);
}

double evk_statistic_exchange(const void *context, const double *count, size_t n)
{
    const evk_exchange *e = context;
    double paid = 0, got = 0;
    for (size_t i = 0; i < e->n_x; i++) {
        const double next_paid = evk_statistic_mean(e->paid + i * n, count, n);
        const double next_got = evk_statistic_mean(e->got + i * n, count, n);
        if (next_paid >= e->price && next_paid > paid)
            return got + (next_got - got) * (e->price - paid) / (next_paid - paid);
        paid = next_paid;
        got = next_got;
    }
    return NAN;
}

size_t evk_curves_peak(const double *y, size_t n_x, size_t n)
{
    double most = -INFINITY;
    size_t peak = 0;
    for (size_t i = 0; i < n_x; i++) {
        double mean = 0;
        for (size_t q = 0; q < n; q++)
            mean += y[i * n + q] / (double)n;
        if (mean > most) {
            most = mean;
            peak = i;
        }
    }
    return peak;
}

void evk_curves_rising(const double *y, size_t n, size_t peak, double *out)
{
    for (size_t q = 0; q < n; q++) {
        out[q] = 1;
        for (size_t i = 0; i < peak; i++)
            if (!(y[(i + 1) * n + q] > y[i * n + q]))
                out[q] = 0;
    }
}

static double rank_of(const double *values, size_t stride, size_t n, double value)
{
    double below = 0, equal = 0;
    for (size_t i = 0; i < n; i++) {
        below += values[i * stride] < value;
        equal += values[i * stride] == value;
    }
    return below + (equal + 1) / 2;
}

double evk_spearman(const double *x, const double *y, size_t stride, size_t n_x)
{
    double xx = 0, xy = 0, yy = 0;
    const double middle = ((double)n_x + 1) / 2;
    for (size_t i = 0; i < n_x; i++) {
        const double dx = rank_of(x, 1, n_x, x[i]) - middle, dy = rank_of(y, stride, n_x, y[i * stride]) - middle;
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : (double)NAN;
}
