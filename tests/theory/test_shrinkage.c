#include "tests/check.h"
#include "tests/theory/rows.h"
#include "theory/shrinkage.h"

/* Both from their definitions, over D x D matrices. */
static void plain(evk_class one, evk_class zero, const evk_scatter *sc, double *ledoit_wolf, double *oas)
{
    const size_t d = sc->d;
    const double n = (double)sc->n;
    double *s = plain_scatter(one, zero, d), trace = 0, d2 = 0, b2 = 0, square = 0;
    for (size_t j = 0; j < d; j++)
        trace += s[j * d + j];
    for (size_t j = 0; j < d * d; j++) {
        const double less = s[j] - (j / d == j % d ? trace / (double)d : 0);
        d2 += less * less / (double)d;
        square += s[j] * s[j];
        for (size_t k = 0; k < sc->n; k++) {
            const double off = sc->x[k * d + j / d] * sc->x[k * d + j % d] - s[j];
            b2 += off * off / ((double)d * n * n);
        }
    }
    *ledoit_wolf = fmin(b2, d2) / d2;
    *oas = fmin(1, (square + trace * trace) / ((n + 1) * (square - trace * trace / (double)d)));
    free(s);
}

static void agrees(size_t n1, size_t n0, size_t d, double spread, evk_gram_side side)
{
    evk_random r = random_of(11);
    double *scale = calloc(d, sizeof *scale), ledoit_wolf, oas;
    for (size_t j = 0; j < d; j++)
        scale[j] = exp(spread * evk_random_normal(&r));
    rows one = rows_normal(&r, n1, d, NULL, scale), zero = rows_normal(&r, n0, d, NULL, scale);
    evk_scatter sc;
    check(evk_scatter_fit(class_of(&one), class_of(&zero), d, side, &sc, NULL) == EVOKE_OK, "fit");
    plain(class_of(&one), class_of(&zero), &sc, &ledoit_wolf, &oas);
    check(near(evk_ledoit_wolf(&sc), ledoit_wolf, 1e-10), "Ledoit-Wolf %g, by definition %g (%zu, %zu, %zu)",
          evk_ledoit_wolf(&sc), ledoit_wolf, n1, n0, d);
    check(near(evk_oas(&sc), oas, 1e-10), "OAS %g, by definition %g (%zu, %zu, %zu)", evk_oas(&sc), oas, n1, n0, d);
    check(evk_shrinkage(&sc, EVOKE_SHRINK_LEDOIT_WOLF) == evk_ledoit_wolf(&sc), "Ledoit-Wolf asked for");
    check(evk_shrinkage(&sc, EVOKE_SHRINK_OAS) == evk_oas(&sc), "OAS asked for");
    check(evk_shrinkage(&sc, 0.3) == 0.3, "number asked for");
    evk_scatter_free(&sc);
    rows_free(&one), rows_free(&zero);
    free(scale);
}

static void one_dimension(void)             /* Sw = m I: there is nothing to shrink towards */
{
    evk_random r = random_of(12);
    rows one = rows_normal(&r, 6, 1, NULL, NULL), zero = rows_normal(&r, 6, 1, NULL, NULL);
    evk_scatter sc;
    check(evk_scatter_fit(class_of(&one), class_of(&zero), 1, EVK_GRAM_SMALLER, &sc, NULL) == EVOKE_OK, "fit");
    check(evk_ledoit_wolf(&sc) >= 0 && evk_ledoit_wolf(&sc) <= 1, "Ledoit-Wolf %g", evk_ledoit_wolf(&sc));
    check(evk_oas(&sc) >= 0 && evk_oas(&sc) <= 1, "OAS %g", evk_oas(&sc));
    evk_scatter_free(&sc);
    rows_free(&one), rows_free(&zero);
}

int main(void)
{
    const size_t sizes[][3] = { { 3, 5, 7 }, { 8, 8, 16 }, { 30, 10, 20 }, { 12, 12, 100 }, { 60, 60, 12 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int side = EVK_GRAM_SMALLER; side <= EVK_GRAM_COLUMNS; side++) {
            agrees(sizes[i][0], sizes[i][1], sizes[i][2], 0.1, (evk_gram_side)side);
            agrees(sizes[i][0], sizes[i][1], sizes[i][2], 1.5, (evk_gram_side)side);
        }
    one_dimension();
    check(evk_shrinkage_valid(0) && evk_shrinkage_valid(1) && evk_shrinkage_valid(0.5), "0..1");
    check(evk_shrinkage_valid(EVOKE_SHRINK_LEDOIT_WOLF) && evk_shrinkage_valid(EVOKE_SHRINK_OAS), "names");
    check(!evk_shrinkage_valid(-0.1) && !evk_shrinkage_valid(1.01) && !evk_shrinkage_valid(NAN), "neither");
    return check_done();
}
