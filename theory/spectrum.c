#include "theory/spectrum.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/linear.h"

/* e [k] of n rows in D = `across` dimensions, falling. */
static void measure(const double *e, size_t k_values, size_t n, size_t across, double s, evk_spectrum *out)
{
    const double d = (double)across, least = (double)k_values * DBL_EPSILON * e[0], t = s / d;  /* e sums to 1: m = 1 / D */
    double entropy = 0, squares = 0, inverses = 0, rank = 0;
    for (size_t j = 0; j < k_values; j++) {
        const double value = e[j] > least ? e[j] : 0;
        rank += value > 0;
        entropy -= value > 0 ? value * log(value) : 0;
        squares += value * value;
        inverses += 1 / ((1 - s) * value + t);
    }
    const double last = rank < d ? 0 : e[across - 1];
    if (k_values < across)
        inverses += (d - (double)k_values) / t;
    const double k = ((1 - s) * e[0] + t) / ((1 - s) * last + t);
    *out = (evk_spectrum){
        .rank = rank, .effective_rank = exp(entropy), .participation = 1 / squares,
        .condition = last > 0 ? e[0] / last : NAN, .condition_shrunk = k,
        .sphericity = d * squares - 1, .sphericity_z = (((double)n - 2) * (d * squares - 1) - d - 1) / 2,
        .kantorovich = 4 * k / ((1 + k) * (1 + k)), .isotropic = d * d / inverses,
    };
}

/* values [k] = e_j / tr, falling, of a matrix whose lower triangle counts and which is used up. */
static evoke_status find_values(double *matrix, size_t k, double *values, evoke_error *err)
{
    double trace = 0;
    for (size_t i = 0; i < k; i++)
        trace += matrix[i * k + i];
    EVK_TRY(evk_eigen(matrix, k, false, values, err));
    for (size_t i = 0; i < k; i++)
        values[i] = fmax(values[i] / trace, 0);
    for (size_t i = 0; i < k / 2; i++) {
        const double low = values[i];
        values[i] = values[k - 1 - i];
        values[k - 1 - i] = low;
    }
    return EVOKE_OK;
}

evoke_status evk_spectrum_of(const evk_scatter *sc, double s, double *values, evk_spectrum *out, evoke_error *err)
{
    double *copy = NULL;
    EVK_TRY(evk_alloc(&copy, sc->k * sc->k, sizeof *copy, "spectrum of the scatter", err));
    memcpy(copy, sc->gram, sc->k * sc->k * sizeof *copy);
    const evoke_status st = find_values(copy, sc->k, values, err);
    free(copy);
    if (st == EVOKE_OK)
        measure(values, sc->k, sc->n, sc->d, s, out);
    return st;
}

static evoke_status without(evk_pairs_fit *fit, double s, const double *count, double *values, evk_spectrum *out,
                            evoke_error *err)
{
    evk_pooled *p = &fit->two;
    const evk_sample *kept = evk_pairs_keep(fit, count);
    *out = (evk_spectrum){ NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN };
    if (kept->n < 4)
        return EVOKE_OK;
    const size_t k = evk_pooled_scatter(p, kept), n = kept->n;
    EVK_TRY(find_values(p->factor, k, values, err));
    if (values[0] > 0)
        measure(values, k, n, p->space->d, s, out);
    return EVOKE_OK;
}

evoke_status evk_spectrum_without(const evk_pairs *p, double s, size_t n_group, evk_spectrum *out, evoke_error *err)
{
    const size_t n = p->n, longest = p->d > 2 * n ? p->d : 2 * n;
    evk_pairs_fit fit;
    double *values = NULL;
    evoke_status st = evk_pairs_fit_new(p, &fit, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&values, longest + n, sizeof *values, "spectrum of the scatter", err);
    for (size_t g = 0; g < n_group && st == EVOKE_OK; g++) {
        for (size_t q = 0; q < n; q++)
            values[longest + q] = q % n_group != g;
        st = without(&fit, s, values + longest, values, &out[g], err);
    }
    free(values);
    evk_pairs_fit_free(&fit);
    return st;
}
