#include "theory/scatter.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/threads.h"
#include "theory/linear.h"

static evoke_status allocate(evk_scatter *sc, evoke_error *err)
{
    size_t values = 0, cells = 0;
    if (sc->n > INT_MAX || sc->d > INT_MAX || !evk_mul(sc->n, sc->d, &values) || !evk_mul(sc->k, sc->k, &cells))
        return evk_fail(err, EVOKE_ENOMEM, "within-class scatter: %zu rows of %zu are too many", sc->n, sc->d);
    EVK_TRY(evk_alloc(&sc->x, values, sizeof *sc->x, "within-class scatter", err));
    EVK_TRY(evk_alloc(&sc->mean0, sc->d, sizeof *sc->mean0, "within-class scatter", err));
    EVK_TRY(evk_alloc(&sc->ev, sc->d, sizeof *sc->ev, "within-class scatter", err));
    return evk_alloc(&sc->gram, cells, sizeof *sc->gram, "within-class scatter", err);
}

/* mean [D] (zeroed) of a class, and its rows less that mean into x [n, D]. */
static void centre(evk_class c, size_t d, double *mean, double *x)
{
    for (size_t i = 0; i < c.n; i++)
        for (size_t j = 0; j < d; j++)
            mean[j] += (double)c.rows[i][j];
    for (size_t j = 0; j < d; j++)
        mean[j] /= (double)c.n;
    for (size_t i = 0; i < c.n; i++)
        for (size_t j = 0; j < d; j++)
            x[i * d + j] = (double)c.rows[i][j] - mean[j];
}

/* Both means are known: ev holds mu_1 and becomes mu_1 - mu_0. What remains of two equal means is rounding alone. */
static evoke_status subtract_means(evk_scatter *sc, evoke_error *err)
{
    const double size = evk_length(sc->ev, sc->d) + evk_length(sc->mean0, sc->d);
    if (!isfinite(size))
        return evk_fail(err, EVOKE_EDATA, "within-class scatter: a value is not finite");
    for (size_t j = 0; j < sc->d; j++)
        sc->ev[j] -= sc->mean0[j];
    if (evk_length(sc->ev, sc->d) <= 8 * DBL_EPSILON * size)
        return evk_fail(err, EVOKE_EDATA, "within-class scatter: the two classes have the same mean");
    return EVOKE_OK;
}

/* X X^T, or X^T X by its columns as rows. */
static evoke_status fill_gram(evk_scatter *sc, evoke_error *err)
{
    const size_t n = sc->n, d = sc->d;
    double *turned = NULL;
    if (sc->by_rows) {
        evk_gram(sc->x, n, d, evk_cores_available(), sc->gram);
        return EVOKE_OK;
    }
    EVK_TRY(evk_alloc(&turned, n * d, sizeof *turned, "within-class scatter", err));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            turned[j * n + i] = sc->x[i * d + j];
    evk_gram(turned, d, n, evk_cores_available(), sc->gram);
    free(turned);
    return EVOKE_OK;
}

evoke_status evk_scatter_fit(evk_class one, evk_class zero, size_t d, evk_gram_side side, evk_scatter *out,
                             evoke_error *err)
{
    *out = (evk_scatter){ .n1 = one.n, .n0 = zero.n, .n = one.n + zero.n, .d = d };
    if (one.n < 2 || zero.n < 2 || d == 0)
        return evk_fail(err, EVOKE_EDATA, "within-class scatter: classes of %zu and %zu rows of %zu; two rows of each are"
                        " the least", one.n, zero.n, d);
    out->by_rows = side == EVK_GRAM_SMALLER ? out->n < d : side == EVK_GRAM_ROWS;
    out->k = out->by_rows ? out->n : d;
    EVK_TRY(allocate(out, err));
    centre(one, d, out->ev, out->x);
    centre(zero, d, out->mean0, out->x + one.n * d);
    EVK_TRY(subtract_means(out, err));
    out->m = evk_dot(out->x, out->x, out->n * d) / (double)out->n / (double)d;
    if (!isfinite(out->m))
        return evk_fail(err, EVOKE_EDATA, "within-class scatter: a value is not finite");
    if (!(out->m > 0))
        return evk_fail(err, EVOKE_EDATA, "within-class scatter: zero, all rows of a class are the same");
    return fill_gram(out, err);
}

void evk_scatter_free(evk_scatter *sc)
{
    if (!sc)
        return;
    free(sc->x);
    free(sc->mean0);
    free(sc->ev);
    free(sc->gram);
    *sc = (evk_scatter){0};
}

void evk_scatter_apply(const evk_scatter *sc, double s, const double *v, double *out, double *scratch)
{
    const double a = (1 - s) / (double)sc->n;
    for (size_t i = 0; i < sc->n; i++)
        scratch[i] = a * evk_dot(sc->x + i * sc->d, v, sc->d);
    for (size_t j = 0; j < sc->d; j++)
        out[j] = s * sc->m * v[j];
    for (size_t i = 0; i < sc->n; i++)
        for (size_t j = 0; j < sc->d; j++)
            out[j] += scratch[i] * sc->x[i * sc->d + j];
}

double evk_scatter_form(const evk_scatter *sc, double s, const double *v)
{
    double sum = 0;
    for (size_t i = 0; i < sc->n; i++) {
        const double score = evk_dot(sc->x + i * sc->d, v, sc->d);
        sum += score * score;
    }
    return (1 - s) * sum / (double)sc->n + s * sc->m * evk_dot(v, v, sc->d);
}
