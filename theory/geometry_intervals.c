#include "theory/geometry_intervals.h"

#include <math.h>
#include <stdlib.h>

#include "theory/bootstrap.h"
#include "theory/geometry.h"
#include "theory/interval.h"
#include "theory/linear.h"

/* products [E, E] of the EVs of queries that count so often. */
static void multiply(const evk_row_space *o, const size_t *starts, size_t n_emotion, const double *count, double *products)
{
    for (size_t e = 0; e < n_emotion; e++)
        for (size_t f = 0; f <= e; f++) {
            double sum = 0, n_e = 0, n_f = 0;
            for (size_t i = starts[e]; i < starts[e + 1]; i++) {
                const double *row = o->gram + i * o->n + starts[f];
                n_e += count[i];
                sum += count[i] > 0 ? count[i] * evk_dot(row, count + starts[f], starts[f + 1] - starts[f]) : 0;
            }
            for (size_t j = starts[f]; j < starts[f + 1]; j++)
                n_f += count[j];
            products[e * n_emotion + f] = products[f * n_emotion + e] = sum / (n_e * n_f);
        }
}

/* Draw b, or all queries but b - n_replicate, or (last) all. */
static void choose(const size_t *starts, size_t n_emotion, uint64_t seed, size_t b, size_t n_replicate, double *count)
{
    const size_t n = starts[n_emotion];
    for (size_t e = 0; e < n_emotion && b < n_replicate; e++)
        evk_draw(seed, 1, e, b, starts[e + 1] - starts[e], count + starts[e]);
    for (size_t i = 0; i < n && b >= n_replicate; i++)
        count[i] = i != b - n_replicate;
}

/* products [total, E, E]; counts [threads' number, N]: one memory for all, so that no thread can lack it. */
static void replicate(const evk_row_space *o, const size_t *starts, size_t n_emotion, uint64_t seed, size_t n_replicate,
                      size_t n_thread, double *counts, double *products)
{
    const size_t total = n_replicate + o->n + 1;
#pragma omp parallel for num_threads((int)n_thread) if (n_thread > 1) schedule(static)
    for (size_t t = 0; t < n_thread; t++)
        for (size_t b = t; b < total; b += n_thread) {
            choose(starts, n_emotion, seed, b, n_replicate, counts + t * o->n);
            multiply(o, starts, n_emotion, counts + t * o->n, products + b * n_emotion * n_emotion);
        }
}

/* Where each figure of a replicate lies. */
typedef struct layout { size_t base_share, norm, plane_share, plane, each; } layout;

static layout layout_of(size_t n)
{
    const size_t squares = n * n;
    return (layout){ squares, squares + n, squares + 2 * n, squares + 2 * n + 2, squares + 4 * n + 2 };
}

static evoke_status measure(double *products, size_t n, double *values, evoke_error *err)
{
    const layout at = layout_of(n);
    for (size_t e = 0; e < n; e++)
        values[at.norm + e] = products[e * n + e];          /* squared */
    return evk_geometry_of(products, n, values, values + at.base_share, values + at.plane, values + at.plane_share, err);
}

/* The emotions whose queries figure k rests on: one or two, to `of`; 0: all. */
static size_t find_emotions(const layout *at, size_t k, size_t n_emotion, size_t of[2])
{
    if (k < at->base_share) {
        of[0] = k / n_emotion;
        of[1] = k % n_emotion;
        return of[0] == of[1] ? 1 : 2;
    }
    if (k < at->norm || k >= at->plane_share)
        return 0;
    of[0] = k - at->norm;
    return 1;
}

static void put_intervals(const double *values, size_t n_replicate, const size_t *starts, size_t n_emotion,
                          const evk_geometry_ends *out)
{
    const layout at = layout_of(n_emotion);
    const double *without = values + n_replicate * at.each, *all = without + starts[n_emotion] * at.each;
    const struct { size_t from, to; evk_scale scale; double *ends; } kinds[] = {
        { 0, at.base_share, EVK_SCALE_ANGLE, out->cosines }, { at.base_share, at.norm, EVK_SCALE_SHARE, out->base_share },
        { at.norm, at.plane_share, EVK_SCALE_PLAIN, out->norm }, { at.plane_share, at.plane, EVK_SCALE_SHARE, out->plane_share },
        { at.plane, at.each, EVK_SCALE_PLAIN, out->plane },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (size_t k = kinds[i].from; k < kinds[i].to; k++) {
            size_t of[2];
            const size_t n_of = find_emotions(&at, k, n_emotion, of);
            evk_strata_interval(all[k], values + k, n_replicate, without + k, starts, n_of ? of : NULL, n_of ? n_of : n_emotion,
                                at.each, kinds[i].scale, kinds[i].ends + 2 * (k - kinds[i].from));
        }
    for (size_t i = 0; i < 2 * n_emotion; i++)
        out->norm[i] = isfinite(out->norm[i]) ? sqrt(fmax(out->norm[i], 0)) : out->norm[i];
}

evoke_status evk_geometry_intervals(const evk_row_space *offsets, const size_t *starts, size_t n_emotion, uint64_t seed,
                                    size_t n_replicate, size_t n_thread, const evk_geometry_ends *out, evoke_error *err)
{
    const size_t n = offsets->n, squares = n_emotion * n_emotion, total = n_replicate + n + 1;
    const size_t workers = n_thread ? n_thread : 1;
    const layout at = layout_of(n_emotion);
    double *memory = NULL;
    EVK_TRY(evk_alloc(&memory, total * (squares + at.each) + workers * n, sizeof *memory, "intervals of geometry", err));
    double *values = memory + total * squares, *counts = values + total * at.each;
    replicate(offsets, starts, n_emotion, seed, n_replicate, workers, counts, memory);
    evoke_status st = EVOKE_OK;
    for (size_t b = 0; b < total && st == EVOKE_OK; b++)
        st = measure(memory + b * squares, n_emotion, values + b * at.each, err);
    for (size_t b = 0; b + 1 < total && st == EVOKE_OK; b++)
        evk_plane_turn(values + (total - 1) * at.each + at.plane, n_emotion, values + b * at.each + at.plane);
    if (st == EVOKE_OK)
        put_intervals(values, n_replicate, starts, n_emotion, out);
    free(memory);
    return st;
}

/* log(P / V) of n rows whose products sum to `all`, and their squares to `own`. */
static double signal_to_noise(double all, double own, double n)
{
    const double p = (all - own) / (n * (n - 1));
    return log(p / (own / n - p));
}

/* A cosine in 0..1 moved by either of `moves` on the scale of log(r / (1 - r)). */
static void spread_cosine(double r, const double moves[2], double out[2])
{
    for (int end = 0; end < 2; end++)
        out[end] = r > 0 && r < 1 ? 1 / (1 + (1 - r) / r * exp(-moves[end])) : (double)NAN;
}

evoke_status evk_learning_intervals(const evk_row_space *offsets, const double *curve, double split_half, double *curve_ends,
                                    double split_ends[2], evoke_error *err)
{
    const size_t n = offsets->n;
    double *sum = NULL, all = 0, own = 0, ends[2];
    EVK_TRY(evk_alloc(&sum, n, sizeof *sum, "learning curve", err));
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            sum[i] += offsets->gram[i * n + j];
        all += sum[i];
        own += offsets->gram[i * n + i];
    }
    const double estimate = signal_to_noise(all, own, (double)n);
    for (size_t i = 0; i < n; i++) {
        const double square = offsets->gram[i * n + i];
        sum[i] = signal_to_noise(all - 2 * sum[i] + square, own - square, (double)n - 1);
    }
    evk_sampling_interval(estimate, sum, n, 1, EVK_SCALE_PLAIN, ends);
    for (int end = 0; end < 2; end++)
        ends[end] -= estimate;
    spread_cosine(split_half, ends, split_ends);
    for (size_t i = 0; i < EVK_LEARNING_SIZES; i++)
        spread_cosine(curve[i], ends, curve_ends + 2 * i);
    free(sum);
    return EVOKE_OK;
}
