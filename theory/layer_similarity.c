#include "theory/layer_similarity.h"

#include <math.h>
#include <stdlib.h>

#include "theory/interval.h"
#include "theory/linear.h"

evoke_status evk_layer_similarity_new(size_t n_layer, size_t n, size_t most_bytes, evk_layer_similarity *out, evoke_error *err)
{
    size_t squares = 0, values = 0;
    *out = (evk_layer_similarity){ .n_layer = n_layer, .n = n };
    if (!evk_mul(n, n + 1, &squares) || !evk_mul(squares / 2, n_layer, &values) || values > most_bytes / sizeof(double))
        return EVOKE_OK;
    out->cells = squares / 2;
    EVK_TRY(evk_alloc(&out->mean, n, sizeof *out->mean, "similarity of layers", err));
    return evk_alloc(&out->triangle, values, sizeof *out->triangle, "similarity of layers", err);
}

void evk_layer_similarity_free(evk_layer_similarity *s)
{
    free(s->triangle);
    free(s->mean);
    *s = (evk_layer_similarity){0};
}

/* G to K = H G H. */
static void centre(double *triangle, size_t n, double *mean)
{
    double all = 0, *cell = triangle;
    for (size_t a = 0; a < n; a++)
        mean[a] = 0;
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b <= a; b++, cell++) {
            mean[a] += *cell / (double)n;
            mean[b] += b < a ? *cell / (double)n : 0;
        }
    for (size_t a = 0; a < n; a++)
        all += mean[a] / (double)n;
    cell = triangle;
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b <= a; b++)
            *cell++ -= mean[a] + mean[b] - all;
}

void evk_layer_similarity_add(evk_layer_similarity *s, size_t i, const double *gram)
{
    if (!s->triangle)
        return;
    double *cell = s->triangle + i * s->cells;
    for (size_t a = 0; a < s->n; a++)
        for (size_t b = 0; b <= a; b++)
            *cell++ = gram[a * s->n + b];
    centre(s->triangle + i * s->cells, s->n, s->mean);
}

/* K to its U-centred form; the diagonal becomes 0. */
static void centre_off_diagonal(double *triangle, size_t n, double *sum)
{
    const double m = (double)n;
    double all = 0, *cell = triangle;
    for (size_t a = 0; a < n; a++)
        sum[a] = 0;
    for (size_t a = 0; a < n; a++, cell++)
        for (size_t b = 0; b < a; b++, cell++) {
            sum[a] += *cell;
            sum[b] += *cell;
            all += 2 * *cell;
        }
    cell = triangle;
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < a; b++)
            *cell++ -= (sum[a] + sum[b]) / (m - 2) - all / ((m - 1) * (m - 2));
        *cell++ = 0;
    }
}

/* <A, B> from lower triangles: twice what is below the diagonal, and the diagonal. */
static double product(const double *a, const double *b, size_t n, size_t cells)
{
    double sum = 2 * evk_dot(a, b, cells);
    for (size_t i = 0, at = 0; i < n; i++, at += i + 1)
        sum -= a[at] * b[at];
    return sum;
}

static void compare(const evk_layer_similarity *s, size_t n_thread, double *out)
{
    const size_t n_layer = s->n_layer;
#pragma omp parallel for schedule(dynamic) num_threads((int)n_thread) if (n_thread > 1)
    for (size_t l = 0; l < n_layer; l++)
        for (size_t m = 0; m <= l; m++)
            out[l * n_layer + m] = product(s->triangle + l * s->cells, s->triangle + m * s->cells, s->n, s->cells);
    for (size_t l = 0; l < n_layer; l++)
        for (size_t m = 0; m < l; m++)
            out[l * n_layer + m] = out[m * n_layer + l]
                                 = out[l * n_layer + m] / sqrt(out[l * n_layer + l] * out[m * n_layer + m]);
    for (size_t l = 0; l < n_layer; l++)
        out[l * n_layer + l] = out[l * n_layer + l] > 0 ? 1 : NAN;
}

/* Both figures; the triangles are used up. */
static void measure(evk_layer_similarity *s, size_t n_thread, double *cka, double *debiased)
{
    compare(s, n_thread, cka);
    if (s->n < 4)
        return;
    for (size_t l = 0; l < s->n_layer; l++)
        centre_off_diagonal(s->triangle + l * s->cells, s->n, s->mean);
    compare(s, n_thread, debiased);
}

/* The rows that are not of group g, into `part`, which has room for all. */
static void leave_out(const evk_layer_similarity *s, size_t g, evk_layer_similarity *part)
{
    part->n = s->n - (s->n - g + EVK_MOST_WITHOUT - 1) / EVK_MOST_WITHOUT;
    part->cells = part->n * (part->n + 1) / 2;
    for (size_t l = 0; l < s->n_layer; l++) {
        double *cell = part->triangle + l * part->cells;
        for (size_t a = 0; a < s->n; a++)
            for (size_t b = 0; b <= a && a % EVK_MOST_WITHOUT != g; b++)
                if (b % EVK_MOST_WITHOUT != g)
                    *cell++ = s->triangle[l * s->cells + a * (a + 1) / 2 + b];
        centre(part->triangle + l * part->cells, part->n, part->mean);
    }
}

/* without [2, groups, L, L]: both figures without each group. */
static evoke_status measure_without(const evk_layer_similarity *s, size_t n_thread, double *without, evoke_error *err)
{
    const size_t squares = s->n_layer * s->n_layer;
    evk_layer_similarity part = { .n_layer = s->n_layer };
    for (size_t k = 0; k < 2 * EVK_MOST_WITHOUT * squares; k++)
        without[k] = NAN;
    evoke_status st = evk_alloc(&part.triangle, s->n_layer * s->cells, sizeof *part.triangle, "similarity of layers", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&part.mean, s->n, sizeof *part.mean, "similarity of layers", err);
    for (size_t g = 0; g < EVK_MOST_WITHOUT && st == EVOKE_OK; g++) {
        leave_out(s, g, &part);
        measure(&part, n_thread, without + g * squares, without + (EVK_MOST_WITHOUT + g) * squares);
    }
    evk_layer_similarity_free(&part);
    return st;
}

evoke_status evk_layer_similarity_finish(evk_layer_similarity *s, size_t n_thread, double *cka, double *debiased, double *cka_ends,
                                         double *debiased_ends, evoke_error *err)
{
    const size_t squares = s->n_layer * s->n_layer;
    double *without = NULL;
    if (!s->triangle)
        return EVOKE_OK;
    if (cka_ends && s->n >= EVK_MOST_WITHOUT) {
        EVK_TRY(evk_alloc(&without, 2 * EVK_MOST_WITHOUT * squares, sizeof *without, "similarity of layers", err));
        const evoke_status st = measure_without(s, n_thread, without, err);
        if (st != EVOKE_OK) {
            free(without);
            return st;
        }
    }
    measure(s, n_thread, cka, debiased);
    for (size_t k = 0; k < squares && without; k++) {
        evk_sampling_interval(cka[k], without + k, EVK_MOST_WITHOUT, squares, EVK_SCALE_SHARE, cka_ends + 2 * k);
        evk_sampling_interval(debiased[k], without + EVK_MOST_WITHOUT * squares + k, EVK_MOST_WITHOUT, squares, EVK_SCALE_PLAIN,
                              debiased_ends + 2 * k);
        for (size_t end = 2 * k; end < 2 * k + 2; end++)        /* it is a cosine */
            debiased_ends[end] = isnan(debiased_ends[end]) ? NAN : fmin(fmax(debiased_ends[end], -1), 1);
    }
    free(without);
    return EVOKE_OK;
}
