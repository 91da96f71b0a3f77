#include "theory/layer_similarity.h"

#include <math.h>
#include <stdlib.h>

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

void evk_layer_similarity_add(evk_layer_similarity *s, size_t i, const double *gram)
{
    const size_t n = s->n;
    double all = 0;
    if (!s->triangle)
        return;
    for (size_t a = 0; a < n; a++) {
        s->mean[a] = 0;
        for (size_t b = 0; b < n; b++)
            s->mean[a] += gram[a * n + b] / (double)n;
        all += s->mean[a] / (double)n;
    }
    double *cell = s->triangle + i * s->cells;
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b <= a; b++)
            *cell++ = gram[a * n + b] - s->mean[a] - s->mean[b] + all;
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

static void compare(const evk_layer_similarity *s, double *out)
{
    const size_t n_layer = s->n_layer;
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

void evk_layer_similarity_finish(evk_layer_similarity *s, double *cka, double *debiased)
{
    if (!s->triangle)
        return;
    compare(s, cka);
    if (s->n < 4)
        return;
    for (size_t l = 0; l < s->n_layer; l++)
        centre_off_diagonal(s->triangle + l * s->cells, s->n, s->mean);
    compare(s, debiased);
}
