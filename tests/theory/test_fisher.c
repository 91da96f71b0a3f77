#include <float.h>
#include <string.h>

#include "tests/check.h"
#include "tests/theory/rows.h"
#include "theory/alignment.h"
#include "theory/fisher.h"

/* Class c: mu_c + l_j and mu_c - l_j for each column l_j of L [D, D], so that Sw = L L^T / D exactly. */
static rows around(const double *mean, const double *l, size_t d)
{
    rows r = rows_new(2 * d, d);
    for (size_t j = 0; j < d; j++)
        for (size_t i = 0; i < d; i++) {
            r.data[2 * j * d + i] = (float)(mean[i] + l[i * d + j]);
            r.data[(2 * j + 1) * d + i] = (float)(mean[i] - l[i * d + j]);
        }
    return r;
}

/* L = diagonal of 2, below it `below`: L L^T w = D ev by two substitutions. */
static void known_scatter(double below, evk_gram_side side)
{
    enum { D = 6 };
    const double zero_mean[D] = { 3, -2, 1, 0, 5, 4 }, one_mean[D] = { 4, -1, -1, 2, 5, 8 };
    double l[D * D] = {0}, expected[D], w[D];
    for (size_t i = 0; i < D; i++) {
        l[i * D + i] = 2;
        if (i > 0)
            l[i * D + i - 1] = below;
    }
    for (size_t i = 0; i < D; i++)
        expected[i] = (D * (one_mean[i] - zero_mean[i]) - (i ? below * expected[i - 1] : 0)) / 2;
    for (size_t i = D; i-- > 0;)
        expected[i] = (expected[i] - (i + 1 < D ? below * expected[i + 1] : 0)) / 2;
    rows one = around(one_mean, l, D), zero = around(zero_mean, l, D);
    evk_scatter sc;
    evk_alignment a = {0};
    evoke_error err = {0};
    check(evk_scatter_fit(class_of(&one), class_of(&zero), D, side, &sc, &err) == EVOKE_OK, "%s", err.text);
    if (evk_fisher_direction(&sc, 0, w, &err) == EVOKE_OK) {
        check(distance(w, expected, D) < 1e-13, "Sw known: off by %g", distance(w, expected, D));
        check(evk_align(&sc, 0, sc.ev, w, &a, &err) == EVOKE_OK, "%s", err.text);
        check(below != 0 ? a.efficiency < 0.999 : near(a.efficiency, 1, 1e-13) && near(a.cosine, 1, 1e-13),
              "isotropic, and only then, the mean difference is the best direction: %g", a.efficiency);
    } else {
        check(side == EVK_GRAM_ROWS, "%s", err.text);      /* s = 0 needs the columns */
    }
    evk_scatter_free(&sc);
    rows_free(&one), rows_free(&zero);
}

/* The same classes by n x n and by D x D, and the equation itself, as well as the condition (about 1 / s) allows. */
static void sides_agree(size_t n1, size_t n0, size_t d, double s, double spread, double tolerance)
{
    evk_random r = random_of(n1 * 1000 + d);
    double *scale = calloc(d, sizeof *scale), *mean = calloc(d, sizeof *mean), *w = calloc(2 * d, sizeof *w),
           *back = calloc(d, sizeof *back), *scratch = calloc(n1 + n0, sizeof *scratch);
    for (size_t j = 0; j < d; j++) {
        scale[j] = pow(10, spread * (2 * evk_random_uniform(&r) - 1));
        mean[j] = scale[j] * evk_random_normal(&r);
    }
    rows one = rows_normal(&r, n1, d, mean, scale), zero = rows_normal(&r, n0, d, NULL, scale);
    for (int i = 0; i < 2; i++) {
        evk_scatter sc;
        evoke_error err = {0};
        check(evk_scatter_fit(class_of(&one), class_of(&zero), d, i ? EVK_GRAM_ROWS : EVK_GRAM_COLUMNS, &sc, &err) == EVOKE_OK
              && evk_fisher_direction(&sc, s, w + (size_t)i * d, &err) == EVOKE_OK, "s %g: %s", s, err.text);
        evk_scatter_apply(&sc, s, w + (size_t)i * d, back, scratch);
        check(distance(back, sc.ev, d) < 1e-11 + (double)d * DBL_EPSILON / s, "Sw(s) w = ev: off by %g (s %g, %zu + %zu in %zu)",
              distance(back, sc.ev, d), s, n1, n0, d);
        evk_scatter_free(&sc);
    }
    check(distance(w, w + d, d) < tolerance, "n x n and D x D differ by %g (s %g, %zu + %zu in %zu)", distance(w, w + d, d),
          s, n1, n0, d);
    free(scale), free(mean), free(w), free(back), free(scratch);
    rows_free(&one), rows_free(&zero);
}

/* Sampled from two Gaussians of covariance diag(scale^2): w tends to (mu_1 - mu_0) / scale^2. */
static void gaussians(void)
{
    enum { D = 4, N = 20000 };
    const double mean[D] = { 1, -0.5, 0.25, 2 }, scale[D] = { 1, 0.5, 2, 4 };
    const double expected[D] = { 1, -2, 0.0625, 0.125 };
    double w[D];
    evk_random r = random_of(3);
    rows one = rows_normal(&r, N, D, mean, scale), zero = rows_normal(&r, N, D, NULL, scale);
    evk_scatter sc;
    check(evk_scatter_fit(class_of(&one), class_of(&zero), D, EVK_GRAM_SMALLER, &sc, NULL) == EVOKE_OK, "fit");
    check(evk_fisher_direction(&sc, 0, w, NULL) == EVOKE_OK, "direction");
    check(distance(w, expected, D) < 0.03, "Gaussians: off by %g", distance(w, expected, D));
    evk_scatter_free(&sc);
    rows_free(&one), rows_free(&zero);
}

static void singular(const char *what, size_t n, size_t d, bool constant, bool twins, double s, bool expected)
{
    evk_random r = random_of(5);
    double *w = calloc(d, sizeof *w);
    rows one = rows_normal(&r, n, d, NULL, NULL), zero = rows_normal(&r, n, d, NULL, NULL);
    for (size_t i = 0; i < n; i++) {
        if (constant)
            one.data[i * d + 1] = zero.data[i * d + 1] = 3;
        if (twins) {
            one.data[i * d + 2] = 1e4f * one.data[i * d];
            zero.data[i * d + 2] = 1e4f * zero.data[i * d];
        }
    }
    evk_scatter sc;
    evoke_error err = {0};
    check(evk_scatter_fit(class_of(&one), class_of(&zero), d, EVK_GRAM_SMALLER, &sc, &err) == EVOKE_OK, "%s", err.text);
    const evoke_status st = evk_fisher_direction(&sc, s, w, &err);
    check(st == (expected ? EVOKE_ESINGULAR : EVOKE_OK), "%s: status %d %s", what, (int)st, err.text);
    check(!expected || strstr(err.text, "larger number"), "%s: %s", what, err.text);
    evk_scatter_free(&sc);
    rows_free(&one), rows_free(&zero);
    free(w);
}

int main(void)
{
    for (int side = EVK_GRAM_SMALLER; side <= EVK_GRAM_COLUMNS; side++) {
        known_scatter(0, (evk_gram_side)side);
        known_scatter(1, (evk_gram_side)side);
        known_scatter(-3, (evk_gram_side)side);
    }
    const double shrinkages[] = { 1, 0.5, 0.1, 1e-3, 1e-6 };
    for (size_t i = 0; i < sizeof shrinkages / sizeof *shrinkages; i++) {
        sides_agree(12, 12, 100, shrinkages[i], 0, 1e-9);
        sides_agree(30, 45, 20, shrinkages[i], 0, 1e-9);
        sides_agree(8, 8, 16, shrinkages[i], 0, 1e-9);
        sides_agree(2, 2, 64, shrinkages[i], 0, 1e-9);
        sides_agree(12, 12, 100, shrinkages[i], 2, 1e-7);       /* scales of the dimensions over four decades */
        sides_agree(60, 60, 40, shrinkages[i], 2, 1e-7);
    }
    gaussians();
    singular("more dimensions than rows", 5, 20, false, false, 0, true);
    singular("n - 2 = D - 1", 5, 9, false, false, 0, true);
    singular("n - 2 = D", 5, 8, false, false, 0, false);
    singular("constant dimension", 30, 8, true, false, 0, true);
    singular("two dimensions alike", 30, 8, false, true, 0, true);
    singular("constant dimension, shrunk", 30, 8, true, false, 0.1, false);
    singular("two dimensions alike, shrunk", 30, 8, false, true, 0.1, false);
    singular("a shrinkage that rounds away", 5, 20, false, false, 1e-17, true);
    return check_done();
}
