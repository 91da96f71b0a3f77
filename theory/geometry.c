#include "theory/geometry.h"

#include <math.h>
#include <stdlib.h>

#include "core/random.h"
#include "theory/linear.h"
#include "theory/scatter.h"

/* Coordinates on the axis of eigenvalue `value`, unit eigenvector u [E] of the centred EVs' products. */
static void axis(const double *u, double value, size_t n, size_t which, double *plane)
{
    size_t largest = 0;
    for (size_t e = 1; e < n; e++)
        largest = fabs(u[e]) > fabs(u[largest]) ? e : largest;
    const double scale = sqrt(fmax(value, 0)) * (u[largest] < 0 ? -1 : 1);
    for (size_t e = 0; e < n; e++)
        plane[2 * e + which] = u[e] * scale;
}

/* products [E, E] of the EVs less EVbase, whose cells hold base . EV_e in mean [E]. */
static evoke_status find_plane(double *products, const double *mean, double base, size_t n, double *values, double *plane,
                               double *plane_share, evoke_error *err)
{
    double trace = 0;
    for (size_t e = 0; e < n; e++) {
        for (size_t f = 0; f < n; f++)
            products[e * n + f] += base - mean[e] - mean[f];
        trace += products[e * n + e];
    }
    EVK_TRY(evk_eigen(products, n, true, values, err));
    for (size_t i = 0; i < 2; i++) {
        plane_share[i] = i < n && trace > 0 ? fmax(values[n - 1 - i], 0) / trace : 0;
        if (i < n)
            axis(products + (n - 1 - i) * n, values[n - 1 - i], n, i, plane);
    }
    return EVOKE_OK;
}

evoke_status evk_geometry_of(double *products, size_t n, double *cosines, double *base_share, double *plane,
                             double *plane_share, evoke_error *err)
{
    double *mean = NULL, base = 0;
    EVK_TRY(evk_alloc(&mean, 2 * n, sizeof *mean, "geometry of emotions", err));
    for (size_t e = 0; e < n; e++)
        for (size_t f = 0; f < n; f++) {
            const double cosine = products[e * n + f] / sqrt(products[e * n + e] * products[f * n + f]);
            cosines[e * n + f] = isnan(cosine) ? cosine : fmin(fmax(cosine, -1), 1);
            mean[e] += products[e * n + f] / (double)n;
        }
    for (size_t e = 0; e < n; e++)
        base += mean[e] / (double)n;
    for (size_t e = 0; e < n; e++)
        base_share[e] = mean[e] * mean[e] / (products[e * n + e] * base);
    const evoke_status st = find_plane(products, mean, base, n, mean + n, plane, plane_share, err);
    free(mean);
    return st;
}

evoke_status evk_geometry(const double *ev, size_t n_emotion, size_t d, double *cosines, double *base_share, double *plane,
                          double *plane_share, evoke_error *err)
{
    double *products = NULL;
    EVK_TRY(evk_alloc(&products, n_emotion * n_emotion, sizeof *products, "geometry of emotions", err));
    evk_gram(ev, n_emotion, d, 1, products);
    const evoke_status st = evk_geometry_of(products, n_emotion, cosines, base_share, plane, plane_share, err);
    free(products);
    return st;
}

/* sum_e plane_e reference_e^T = m. Of rotations the best has trace hypot(m00 + m11, m01 - m10); of reflections hypot(m00 - m11,
 * m01 + m10). */
void evk_plane_turn(const double *reference, size_t n_emotion, double *plane)
{
    double m[2][2] = {{0}};
    for (size_t e = 0; e < n_emotion; e++)
        for (size_t i = 0; i < 2; i++)
            for (size_t j = 0; j < 2; j++)
                m[i][j] += plane[2 * e + i] * reference[2 * e + j];
    const bool mirror = hypot(m[0][0] - m[1][1], m[0][1] + m[1][0]) > hypot(m[0][0] + m[1][1], m[0][1] - m[1][0]);
    const double sign = mirror ? -1 : 1, c = m[0][0] + sign * m[1][1], s = m[0][1] - sign * m[1][0], length = hypot(c, s);
    for (size_t e = 0; e < n_emotion && length > 0; e++) {
        const double x = plane[2 * e], y = plane[2 * e + 1];
        plane[2 * e] = (c * x - sign * s * y) / length;
        plane[2 * e + 1] = (s * x + sign * c * y) / length;
    }
}

/* ---- how many queries ---- */

static void shuffle(evk_random *r, size_t n, size_t *order)
{
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i > 1; i--) {
        const size_t j = (size_t)evk_random_below(r, i), last = order[i - 1];
        order[i - 1] = order[j];
        order[j] = last;
    }
}

/* Cosine between the sums of offsets a [m] and b [m]. */
static double cosine_of(const evk_row_space *o, const size_t *a, const size_t *b, size_t m)
{
    double aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++) {
            aa += o->gram[a[i] * o->n + a[j]];
            bb += o->gram[b[i] * o->n + b[j]];
            ab += o->gram[a[i] * o->n + b[j]];
        }
    return ab / sqrt(aa * bb);
}

evoke_status evk_learning_curve(const evk_row_space *offsets, uint64_t seed, uint64_t of, size_t n_draw, double *curve,
                                double *split_half, evoke_error *err)
{
    const size_t n = offsets->n, half = n / 2;
    size_t *order = NULL;
    EVK_TRY(evk_alloc(&order, n, sizeof *order, "learning curve", err));
    *split_half = half > 0 ? 0 : NAN;
    for (size_t i = 0; i < EVK_LEARNING_SIZES; i++)
        curve[i] = (size_t)1 << i <= half ? 0 : NAN;
    for (size_t draw = 0; draw < n_draw && half > 0; draw++) {
        evk_random r;
        evk_random_seed(&r, (const uint64_t[]){ seed, 7, of, draw }, 4);
        shuffle(&r, n, order);
        for (size_t i = 0; i < EVK_LEARNING_SIZES && (size_t)1 << i <= half; i++)
            curve[i] += cosine_of(offsets, order, order + half, (size_t)1 << i) / (double)n_draw;
        *split_half += cosine_of(offsets, order, order + half, half) / (double)n_draw;
    }
    free(order);
    return EVOKE_OK;
}
