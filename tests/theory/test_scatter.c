#include <string.h>

#include "tests/check.h"
#include "tests/theory/rows.h"

static void agrees_with_definition(size_t n1, size_t n0, size_t d, evk_gram_side side)
{
    evk_random r = random_of(7);
    rows one = rows_normal(&r, n1, d, NULL, NULL), zero = rows_normal(&r, n0, d, NULL, NULL);
    double *sw = plain_scatter(class_of(&one), class_of(&zero), d), *v = calloc(d, sizeof *v), *out = calloc(d, sizeof *out),
           *scratch = calloc(n1 + n0, sizeof *scratch), trace = 0, form = 0, worst = 0;
    evk_scatter sc;
    evoke_error err = {0};
    check(evk_scatter_fit(class_of(&one), class_of(&zero), d, side, &sc, &err) == EVOKE_OK, "%s", err.text);
    for (size_t j = 0; j < d; j++) {
        v[j] = evk_random_normal(&r);
        trace += sw[j * d + j];
    }
    check(near(sc.m, trace / (double)d, 1e-12), "m of %zu, %zu in %zu", n1, n0, d);
    evk_scatter_apply(&sc, 0.25, v, out, scratch);
    for (size_t j = 0; j < d; j++) {
        double sum = 0.25 * trace / (double)d * v[j];
        for (size_t i = 0; i < d; i++)
            sum += 0.75 * sw[j * d + i] * v[i];
        worst = fmax(worst, fabs(sum - out[j]));
        form += v[j] * sum;
    }
    check(worst < 1e-12, "Sw(s) v: off by %g", worst);
    check(near(evk_scatter_form(&sc, 0.25, v), form, 1e-12), "v^T Sw(s) v");
    check(sc.by_rows == (side == EVK_GRAM_ROWS || (side == EVK_GRAM_SMALLER && n1 + n0 < d)), "side");
    if (!sc.by_rows)
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j <= i; j++)
                worst = fmax(worst, fabs(sc.gram[i * d + j] / (double)(n1 + n0) - sw[i * d + j]));
    check(worst < 1e-12, "Gram matrix: off by %g", worst);
    evk_scatter_free(&sc);
    free(sw), free(v), free(out), free(scratch);
    rows_free(&one), rows_free(&zero);
}

static void refuses(const char *what, size_t n1, size_t n0, void (*spoil)(rows *one, rows *zero), const char *because)
{
    evk_random r = random_of(8);
    rows one = rows_normal(&r, n1, 10, NULL, NULL), zero = rows_normal(&r, n0, 10, NULL, NULL);
    evk_scatter sc;
    evoke_error err = {0};
    if (spoil)
        spoil(&one, &zero);
    check(evk_scatter_fit(class_of(&one), class_of(&zero), 10, EVK_GRAM_SMALLER, &sc, &err) == EVOKE_EDATA, "%s", what);
    check(strstr(err.text, because), "%s: %s", what, err.text);
    evk_scatter_free(&sc);
    rows_free(&one), rows_free(&zero);
}

static void same_rows(rows *one, rows *zero)
{
    memcpy(one->data, zero->data, zero->n * zero->d * sizeof *one->data);
}

/* Sums of rows of many magnitudes round otherwise in another order. */
static void same_rows_reversed(rows *one, rows *zero)
{
    for (size_t i = 0; i < zero->n * zero->d; i++)
        zero->data[i] *= powf(2000, (float)(i / zero->d));
    for (size_t i = 0; i < zero->n; i++)
        memcpy(one->data + i * one->d, zero->row[zero->n - 1 - i], zero->d * sizeof *one->data);
}

static void constant_rows(rows *one, rows *zero)
{
    for (size_t i = 0; i < one->n * one->d; i++)
        one->data[i] = 0.1f, zero->data[i] = 0.3f;
}

static void not_a_number(rows *one, rows *zero)
{
    one->data[13] = NAN;
    (void)zero;
}

static void infinite(rows *one, rows *zero)
{
    zero->data[13] = INFINITY;
    (void)one;
}

int main(void)
{
    const size_t sizes[][3] = { { 2, 2, 1 }, { 3, 5, 7 }, { 4, 4, 8 }, { 4, 4, 9 }, { 12, 60, 33 }, { 12, 12, 100 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int side = EVK_GRAM_SMALLER; side <= EVK_GRAM_COLUMNS; side++)
            agrees_with_definition(sizes[i][0], sizes[i][1], sizes[i][2], (evk_gram_side)side);
    refuses("one row", 1, 5, NULL, "1 and 5 rows");
    refuses("no rows", 5, 0, NULL, "5 and 0 rows");
    refuses("the same rows", 5, 5, same_rows, "same mean");
    refuses("the same rows in another order", 5, 5, same_rows_reversed, "same mean");
    refuses("constant rows", 5, 5, constant_rows, "zero");
    refuses("NaN", 5, 5, not_a_number, "not finite");
    refuses("infinity", 5, 5, infinite, "not finite");
    return check_done();
}
