#include "theory/controls.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "theory/interval.h"
#include "theory/linear.h"
#include "theory/separation.h"

enum { FIGURES = 4 };       /* cosine, efficiency, ratio, AUC */

void evk_random_directions(uint64_t seed, size_t n, size_t d, double *out)
{
    for (size_t i = 0; i < n; i++) {
        evk_random r;
        evk_random_seed(&r, (const uint64_t[]){ seed, 5, 0, i }, 4);
        for (size_t j = 0; j < d; j++)
            out[i * d + j] = evk_random_normal(&r);
        const double length = evk_length(out + i * d, d);
        for (size_t j = 0; j < d; j++)
            out[i * d + j] /= length;
    }
}

/* scores [2n] is used up. */
static void measure(const evk_pairs_fit *fit, double *scores, double vv, double vw, double out[FIGURES])
{
    const size_t n = fit->pairs->n;
    evk_along a;
    double auc = NAN;
    evk_pooled_along(&fit->two, &fit->fisher, scores, vv, vw, &a);
    if (evk_auc(scores, n, scores + n, n, &auc, NULL) != EVOKE_OK)
        auc = NAN;
    out[0] = fabs(a.cosine);
    out[1] = a.efficiency;
    out[2] = a.fisher_ratio;
    out[3] = fmax(auc, 1 - auc);
}

static void random_one(const evk_pairs_fit *fit, const double *v, double *scores, double out[FIGURES])
{
    const double vw = fit->two.by_rows ? NAN : evk_dot(v, fit->fisher.w_part, fit->pairs->d);
    evk_row_space_project(&fit->pairs->rows, v, scores);
    measure(fit, scores, 1, vw, out);
}

/* scores [2n] of the rows along v = 1/n sum_q s_q d_q and |v|^2; sign [2n] has s_q / n in its first half, the second is set. */
static double project_signed(const evk_pairs_fit *fit, double *sign, double *scores)
{
    const size_t n = fit->pairs->n;
    double vv = 0;
    for (size_t q = 0; q < n; q++)
        sign[n + q] = -sign[q];
    for (size_t row = 0; row < 2 * n; row++) {
        scores[row] = evk_dot(fit->pairs->rows.gram + row * 2 * n, sign, 2 * n);
        vv += sign[row] * scores[row];
    }
    return vv;
}

static void permuted_one(const evk_pairs_fit *fit, uint64_t seed, uint64_t of, uint64_t i, double *scores, double *sign,
                         double out[FIGURES])
{
    const size_t n = fit->pairs->n, d = fit->pairs->d;
    evk_random r;
    double vw = 0;
    evk_random_seed(&r, (const uint64_t[]){ seed, 6, of, i }, 4);
    size_t left = n / 2;                        /* that are still to be swapped, of n - q */
    for (size_t q = 0; q < n; q++) {
        const bool swap = evk_random_below(&r, n - q) < left;
        left -= swap;
        sign[q] = (swap ? -1 : 1) / (double)n;
    }
    const double vv = project_signed(fit, sign, scores);
    for (size_t row = 0; row < 2 * n && !fit->two.by_rows; row++)
        vw += sign[row] * evk_dot(fit->pairs->rows.x + row * d, fit->fisher.w_part, d);
    measure(fit, scores, vv, vw, out);
}

/* J(v) of v = 1/n sum_q s_q d_q with the settings swapped where s_q is -1, so that v is the EV: the scatter of all rows does not
 * depend on labels, and is that within classes plus v v^T / 4. */
static double own_ratio(const evk_pairs_fit *fit, double *sign, double *scores)
{
    const size_t rows = 2 * fit->pairs->n;
    const double vv = project_signed(fit, sign, scores);
    return vv * vv / (evk_dot(scores, scores, rows) / (double)rows - vv * vv / 4);
}

/* J of permutation i, a coin for each query; i == SIZE_MAX: of the labels as they are. */
static double permuted_ratio(const evk_pairs_fit *fit, uint64_t seed, uint64_t of, size_t i, double *scores, double *sign)
{
    const size_t n = fit->pairs->n;
    evk_random r;
    evk_random_seed(&r, (const uint64_t[]){ seed, 11, of, i }, 4);
    for (size_t q = 0; q < n; q++)
        sign[q] = (i != SIZE_MAX && evk_random_below(&r, 2) ? -1 : 1) / (double)n;
    return own_ratio(fit, sign, scores);
}

static evoke_status find_p(const evk_pairs_fit *fit, size_t n, uint64_t seed, uint64_t of, size_t n_thread, double *p,
                           evoke_error *err)
{
    const size_t rows = 2 * fit->pairs->n, workers = n_thread ? n_thread : 1;
    double *memory = NULL;
    size_t at_least = 0;
    EVK_TRY(evk_alloc(&memory, workers * 2 * rows, sizeof *memory, "controls", err));
    const double ratio = permuted_ratio(fit, seed, of, SIZE_MAX, memory, memory + rows);
#pragma omp parallel for num_threads((int)workers) if (workers > 1) schedule(dynamic, 4) reduction(+ : at_least)
    for (size_t i = 0; i < n; i++) {
        double *own = memory + (size_t)omp_get_thread_num() * 2 * rows;
        at_least += permuted_ratio(fit, seed, of, i, own, own + rows) >= ratio * (1 - 1e-12);
    }
    free(memory);
    *p = (1 + (double)at_least) / (1 + (double)n);
    return EVOKE_OK;
}

/* Mean and 95 % point of a column of values [n, FIGURES]. */
static void summarise(const double *values, size_t n, size_t column, double *sorted, double out[2])
{
    double interval[2];
    out[0] = out[1] = 0;
    for (size_t i = 0; i < n; i++) {
        sorted[i] = values[i * FIGURES + column];
        out[0] += sorted[i] / (double)n;
    }
    evk_percentiles(sorted, n, interval);           /* sorts */
    out[1] = isfinite(out[0]) ? evk_quantile(sorted, n, 0.95) : NAN;
}

static void summary(const double *values, size_t n, double *sorted, evk_control_summary *out)
{
    summarise(values, n, 0, sorted, out->cosine);
    summarise(values, n, 1, sorted, out->efficiency);
    summarise(values, n, 2, sorted, out->fisher_ratio);
    summarise(values, n, 3, sorted, out->auc);
}

evoke_status evk_control(const evk_pairs_fit *fit, const double *directions, size_t n, uint64_t seed, uint64_t of,
                         size_t n_thread, evk_controls *out, evoke_error *err)
{
    const size_t rows = 2 * fit->pairs->n, d = fit->pairs->d;
    double *values = NULL, *sorted = NULL;
    bool failed = false;
    evoke_status st = evk_alloc(&values, 2 * n * FIGURES, sizeof *values, "controls", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&sorted, n, sizeof *sorted, "controls", err);
    if (st == EVOKE_OK) {
#pragma omp parallel num_threads((int)(n_thread ? n_thread : 1)) if (n_thread > 1)
        {
            double *own = NULL;
            const bool ready = evk_alloc(&own, 2 * rows, sizeof *own, "controls", NULL) == EVOKE_OK;
            if (!ready) {
#pragma omp atomic write
                failed = true;
            }
#pragma omp for schedule(dynamic, 4)
            for (size_t i = 0; i < n; i++) {
                if (!ready)
                    continue;
                random_one(fit, directions + i * d, own, values + i * FIGURES);
                permuted_one(fit, seed, of, i, own, own + rows, values + (n + i) * FIGURES);
            }
            free(own);
        }
        summary(values, n, sorted, &out->random);
        summary(values + n * FIGURES, n, sorted, &out->permuted);
        st = failed ? evk_fail(err, EVOKE_ENOMEM, "controls: no memory for a thread")
                    : find_p(fit, n, seed, of, n_thread, &out->p, err);
    }
    free(values);
    free(sorted);
    return st;
}
