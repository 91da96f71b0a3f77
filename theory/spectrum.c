#include "theory/spectrum.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/linear.h"

static void measure(const evk_scatter *sc, double s, const double *e, evk_spectrum *out)
{
    const double d = (double)sc->d, least = (double)sc->k * DBL_EPSILON * e[0], t = s / d;      /* e sums to 1: m = 1 / D */
    double entropy = 0, squares = 0, inverses = 0, rank = 0;
    for (size_t j = 0; j < sc->k; j++) {
        const double value = e[j] > least ? e[j] : 0;
        rank += value > 0;
        entropy -= value > 0 ? value * log(value) : 0;
        squares += value * value;
        inverses += 1 / ((1 - s) * value + t);
    }
    const double last = rank < d ? 0 : e[sc->d - 1];
    if (sc->k < sc->d)
        inverses += (d - (double)sc->k) / t;
    const double k = ((1 - s) * e[0] + t) / ((1 - s) * last + t);
    *out = (evk_spectrum){
        .rank = rank, .effective_rank = exp(entropy), .participation = 1 / squares,
        .condition = last > 0 ? e[0] / last : NAN, .condition_shrunk = k,
        .sphericity = d * squares - 1, .sphericity_z = (((double)sc->n - 2) * (d * squares - 1) - d - 1) / 2,
        .kantorovich = 4 * k / ((1 + k) * (1 + k)), .isotropic = d * d / inverses,
    };
}

evoke_status evk_spectrum_of(const evk_scatter *sc, double s, double *values, evk_spectrum *out, evoke_error *err)
{
    const size_t k = sc->k;
    const double trace = sc->m * (double)sc->d * (double)sc->n;
    double *copy = NULL;
    EVK_TRY(evk_alloc(&copy, k * k, sizeof *copy, "spectrum of the scatter", err));
    memcpy(copy, sc->gram, k * k * sizeof *copy);
    const evoke_status st = evk_eigen(copy, k, false, values, err);
    free(copy);
    for (size_t i = 0; i < k; i++)
        values[i] = fmax(values[i] / trace, 0);
    for (size_t i = 0; i < k / 2; i++) {
        const double low = values[i];
        values[i] = values[k - 1 - i];
        values[k - 1 - i] = low;
    }
    if (st == EVOKE_OK)
        measure(sc, s, values, out);
    return st;
}
