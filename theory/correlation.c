#include "theory/correlation.h"

#include <math.h>
#include <stdlib.h>

static double pearson(const double *x, const double *y, size_t n)
{
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < n; i++) {
        mx += x[i] / (double)n;
        my += y[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
        xy += (x[i] - mx) * (y[i] - my);
    }
    const double r = xy / sqrt(xx * yy);        /* NaN where one does not vary */
    return r > 1 ? 1 : r < -1 ? -1 : r;         /* what rounding put outside */
}

/* Half of the places of equal values lie before, half after. */
static void rank(const double *x, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = 0.5;
        for (size_t j = 0; j < n; j++)
            out[i] += x[j] < x[i] ? 1 : x[j] == x[i] ? 0.5 : 0;
    }
}

static void interval(double r, double error, double out[2])
{
    out[0] = tanh(atanh(r) - 1.959963984540054 * error);
    out[1] = tanh(atanh(r) + 1.959963984540054 * error);
}

evoke_status evk_correlate(const double *x, const double *y, size_t n, evk_correlation *out, evoke_error *err)
{
    double *room = NULL;
    size_t m = 0;
    *out = (evk_correlation){ NAN, { NAN, NAN }, NAN, { NAN, NAN } };
    EVK_TRY(evk_alloc(&room, 4 * n, sizeof *room, "correlation", err));
    for (size_t i = 0; i < n; i++)
        if (isfinite(x[i]) && isfinite(y[i])) {
            room[m] = x[i];
            room[n + m++] = y[i];
        }
    if (m >= 2) {
        out->r = pearson(room, room + n, m);
        rank(room, m, room + 2 * n);
        rank(room + n, m, room + 3 * n);
        out->rho = pearson(room + 2 * n, room + 3 * n, m);
    }
    if (m >= 4) {
        interval(out->r, 1 / sqrt((double)m - 3), out->r_interval);
        interval(out->rho, sqrt((1 + out->rho * out->rho / 2) / ((double)m - 3)), out->rho_interval);
    }
    free(room);
    return EVOKE_OK;
}
