#include "theory/offset_test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "theory/linear.h"
#include "theory/shrinkage.h"

static double choose(const evk_row_space *o, double choice, double trace)
{
    evk_spread spread = { .n = (double)o->n, .d = (double)o->d, .trace = trace / (double)o->n };
    spread.norm2 = evk_dot(o->gram, o->gram, o->n * o->n) / (spread.n * spread.n);
    for (size_t i = 0; i < o->n; i++)
        spread.fourth += o->gram[i * o->n + i] * o->gram[i * o->n + i];
    return evk_shrinkage_of(&spread, choice == EVOKE_SHRINK_CV ? EVOKE_SHRINK_LEDOIT_WOLF : choice);
}

/* q of given signs. */
static double quotient(const double *vectors, const double *weight, const double *sign, size_t n)
{
    double q = 0;
    for (size_t j = 0; j < n; j++) {
        const double along = weight[j] > 0 ? evk_dot(vectors + j * n, sign, n) : 0;
        q += weight[j] * along * along;
    }
    return q / ((double)n * (double)n);
}

/* weight[j] = g_j, from eigenvalues; false: there is no inverse. */
static bool weigh(const evk_row_space *o, double s, double m, double *values)
{
    const double n = (double)o->n, least = n * DBL_EPSILON * values[o->n - 1];
    size_t rank = 0;
    for (size_t j = 0; j < o->n; j++) {
        rank += values[j] > least;
        values[j] = values[j] > least ? values[j] / ((1 - s) * values[j] / n + s * m) : 0;
    }
    return s > 0 || rank < o->n;            /* at full rank of the offsets, unshrunk, every sign gives q = 1 */
}

static void permute(const evk_row_space *o, const double *vectors, const double *weight, uint64_t seed, uint64_t of,
                    size_t n_permutation, double *sign, evk_offset_test *out)
{
    const size_t n = o->n;
    size_t at_least = 0;
    for (size_t i = 0; i < n; i++)
        sign[i] = 1;
    const double q = quotient(vectors, weight, sign, n);
    for (size_t i = 0; i < n_permutation; i++) {
        evk_random r;
        evk_random_seed(&r, (const uint64_t[]){ seed, 4, of, i }, 4);
        for (size_t k = 0; k < n; k++)
            sign[k] = evk_random_below(&r, 2) ? 1 : -1;
        at_least += quotient(vectors, weight, sign, n) >= q * (1 - 1e-12);
    }
    out->t2 = ((double)n - 1) * q / (1 - (1 - out->shrinkage) * q);
    out->p = (1 + (double)at_least) / (1 + (double)n_permutation);
}

evoke_status evk_test_offsets(const evk_row_space *offsets, double choice, uint64_t seed, uint64_t of, size_t n_permutation,
                              evk_offset_test *out, evoke_error *err)
{
    const size_t n = offsets->n;
    double trace = 0, *vectors = NULL, *weight = NULL, *sign = NULL;
    for (size_t i = 0; i < n; i++)
        trace += offsets->gram[i * n + i];
    *out = (evk_offset_test){ .t2 = NAN, .p = NAN, .shrinkage = choose(offsets, choice, trace) };
    evoke_status st = evk_alloc(&vectors, n * n, sizeof *vectors, "offset test", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&weight, n, sizeof *weight, "offset test", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&sign, n, sizeof *sign, "offset test", err);
    if (st == EVOKE_OK) {
        memcpy(vectors, offsets->gram, n * n * sizeof *vectors);
        st = evk_eigen(vectors, n, true, weight, err);
    }
    if (st == EVOKE_OK && n > 1 && weigh(offsets, out->shrinkage, trace / (double)n / (double)offsets->d, weight))
        permute(offsets, vectors, weight, seed, of, n_permutation, sign, out);
    free(sign);
    free(weight);
    free(vectors);
    return st;
}
