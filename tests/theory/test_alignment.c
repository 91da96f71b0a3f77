#include "tests/check.h"
#include "tests/theory/rows.h"
#include "theory/alignment.h"
#include "theory/fisher.h"
#include "theory/linear.h"

enum { N = 10, D = 40 };

static double shrunk_ratio(const evk_scatter *sc, double s, const double *v)
{
    const double gap = evk_dot(v, sc->ev, sc->d);
    return gap * gap / evk_scatter_form(sc, s, v);
}

/* No v beats w under S, and the efficiency says by how much it falls short. */
static void efficiency_is_the_share(const evk_scatter *sc, double s, evk_random *r)
{
    double w[D], v[D], larger[D], zero[D] = {0};
    evk_alignment a, b;
    check(evk_fisher_direction(sc, s, w, NULL) == EVOKE_OK, "direction");
    for (int i = 0; i < 50; i++) {
        for (size_t j = 0; j < D; j++) {
            v[j] = (i ? evk_random_normal(r) : sc->ev[j]) + 0.1 * i * w[j];
            larger[j] = -1e6 * v[j];
        }
        check(evk_align(sc, s, v, w, &a, NULL) == EVOKE_OK && evk_align(sc, s, larger, w, &b, NULL) == EVOKE_OK, "align");
        check(near(a.efficiency, shrunk_ratio(sc, s, v) / shrunk_ratio(sc, s, w), 1e-10), "efficiency %g", a.efficiency);
        check(a.efficiency <= 1 && fabs(a.cosine) <= 1, "bounds");
        check(near(a.cosine, -b.cosine, 1e-12) && near(a.whitened_cosine, -b.whitened_cosine, 1e-12), "length and sign");
    }
    check(evk_align(sc, s, w, w, &a, NULL) == EVOKE_OK && a.cosine <= 1 && near(a.cosine, 1, 1e-14)
          && near(a.whitened_cosine, 1, 1e-14), "w with itself");
    check(evk_align(sc, s, zero, w, &a, NULL) == EVOKE_EDATA, "zero vector");
}

static void no_scatter_along(void)
{
    rows one = rows_new(3, 2), zero = rows_new(3, 2);
    for (size_t i = 0; i < 3; i++) {
        one.data[2 * i] = 1;                                     /* dimension 0 tells all, dimension 1 varies */
        one.data[2 * i + 1] = zero.data[2 * i + 1] = (float)i;
    }
    evk_scatter sc;
    double ratio = 0;
    evoke_error err = {0};
    check(evk_scatter_fit(class_of(&one), class_of(&zero), 2, EVK_GRAM_SMALLER, &sc, &err) == EVOKE_OK, "%s", err.text);
    check(evk_fisher_ratio(&sc, sc.ev, &ratio, &err) == EVOKE_EDATA, "an infinite ratio is an error");
    check(evk_fisher_ratio(&sc, (double[]){ 1, 1 }, &ratio, &err) == EVOKE_OK && near(ratio, 1.5, 1e-14), "1 / (2/3): %g",
          ratio);
    evk_scatter_free(&sc);
    rows_free(&one), rows_free(&zero);
}

int main(void)
{
    evk_random r = random_of(21);
    double scale[D];
    for (size_t j = 0; j < D; j++)
        scale[j] = 0.1 + (double)j;
    rows one = rows_normal(&r, N, D, scale, scale), zero = rows_normal(&r, N, D, NULL, scale);
    evk_scatter sc;
    check(evk_scatter_fit(class_of(&one), class_of(&zero), D, EVK_GRAM_SMALLER, &sc, NULL) == EVOKE_OK, "fit");
    efficiency_is_the_share(&sc, 0.1, &r);
    efficiency_is_the_share(&sc, 0.9, &r);
    evk_scatter_free(&sc);
    rows_free(&one), rows_free(&zero);
    no_scatter_along();
    return check_done();
}
