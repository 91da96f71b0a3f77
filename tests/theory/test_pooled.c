/* theory/pooled.c, pairs.c against scatter.h, fisher.h and alignment.h: other code, all of it in D dimensions. */
#include "tests/check.h"
#include "tests/theory/rows.h"
#include "theory/alignment.h"
#include "theory/fisher.h"
#include "theory/linear.h"
#include "theory/pairs.h"
#include "theory/shrinkage.h"

static rows repeated(const rows *r, const double *count)
{
    size_t n = 0, at = 0;
    for (size_t i = 0; i < r->n; i++)
        n += (size_t)count[i];
    rows out = rows_new(n, r->d);
    for (size_t i = 0; i < r->n; i++)
        for (double c = 0; c < count[i]; c++, at++)
            for (size_t j = 0; j < r->d; j++)
                out.data[at * r->d + j] = r->data[i * r->d + j];
    return out;
}

static void check_along(const evk_scatter *sc, const evk_pairs_fit *f, double s, const double *v, const double *w)
{
    double ratio = 0, *scores = calloc(2 * f->pairs->n, sizeof *scores);
    evk_alignment a;
    evk_along got;
    check(evk_align(sc, s, v, w, &a, NULL) == EVOKE_OK && evk_fisher_ratio(sc, v, &ratio, NULL) == EVOKE_OK, "align");
    evk_row_space_project(&f->pairs->rows, v, scores);
    evk_pooled_along(&f->two, &f->fisher, scores, evk_dot(v, v, sc->d), evk_dot(v, w, sc->d), &got);
    check(fabs(got.cosine - a.cosine) < 1e-8 && fabs(got.whitened_cosine - a.whitened_cosine) < 1e-8
          && near(got.fisher_ratio, ratio, 1e-7), "along v: %g %g, %g %g, %g %g", got.cosine, a.cosine, got.whitened_cosine,
          a.whitened_cosine, got.fisher_ratio, ratio);
    free(scores);
}

/* Counted rows are repeated rows, whatever the side that is factored. */
static void agrees(size_t n, size_t d, double choice, uint64_t seed)
{
    evk_random r = random_of(seed);
    double *mean = calloc(d, sizeof *mean), *scale = calloc(d, sizeof *scale), *count = calloc(n, sizeof *count);
    double *w = calloc(d, sizeof *w), *got = calloc(d, sizeof *got), *v = calloc(d, sizeof *v);
    for (size_t j = 0; j < d; j++) {
        mean[j] = 3 + evk_random_normal(&r);
        scale[j] = exp(evk_random_normal(&r));
        v[j] = evk_random_normal(&r);
    }
    for (size_t i = 0; i < n; i++)
        count[i] = (double)evk_random_below(&r, 4);
    count[0] = count[1] = 1;
    rows one = rows_normal(&r, n, d, mean, scale), zero = rows_normal(&r, n, d, NULL, scale);
    rows many1 = repeated(&one, count), many0 = repeated(&zero, count);
    evk_scatter sc;
    evk_pairs pairs;
    evk_pairs_fit f;
    evk_along along;
    evk_alignment a;
    double s = 0, s_offset = 0;
    check(evk_scatter_fit(class_of(&many1), class_of(&many0), d, EVK_GRAM_SMALLER, &sc, NULL) == EVOKE_OK, "scatter");
    check(evk_pairs_new(one.row, zero.row, n, d, 2, &pairs, NULL) == EVOKE_OK && evk_pairs_fit_new(&pairs, &f, NULL) == EVOKE_OK,
          "pairs");
    check(evk_pairs_shrinkage(&pairs, count, choice, 5, &s, &s_offset, NULL) == EVOKE_OK, "shrinkage");
    check(near(s, evk_shrinkage(&sc, choice), 1e-9), "shrinkage %g, not %g", s, evk_shrinkage(&sc, choice));
    if (check(evk_pairs_refit(&f, count, s, 0.3) == EVOKE_OK && evk_fisher_direction(&sc, s, w, NULL) == EVOKE_OK
              && f.offset_fits, "fit %zu, %zu, %g", n, d, s)) {
        evk_pooled_vector(&f.two, &f.fisher, got);
        check(distance(got, w, d) < 1e-8, "w of %zu, %zu: off by %g", n, d, distance(got, w, d));
        check(near(f.fisher.uu, evk_dot(sc.ev, sc.ev, d), 1e-10) && near(f.fisher.uw, evk_dot(sc.ev, w, d), 1e-8)
              && near(f.fisher.ww, evk_dot(w, w, d), 1e-7) && near(f.offset.uu, f.fisher.uu, 1e-10), "products");
        check_along(&sc, &f, s, v, w);
        check(evk_align(&sc, s, sc.ev, w, &a, NULL) == EVOKE_OK, "align");
        evk_pooled_along_u(&f.two, &f.fisher, &along);
        check(near(along.cosine, a.cosine, 1e-8) && near(along.efficiency, a.efficiency, 1e-8), "along the EV");
        for (size_t row = 0; row < 2; row++) {
            evk_row_space_project(&pairs.rows, w, v = realloc(v, (2 * n + d) * sizeof *v));
            check(near(evk_pooled_w_score(&f.two, &f.fisher, row), v[row], 1e-7), "score of row %zu", row);
        }
    }
    evk_pairs_fit_free(&f), evk_pairs_free(&pairs), evk_scatter_free(&sc);
    rows_free(&one), rows_free(&zero), rows_free(&many1), rows_free(&many0);
    free(mean), free(scale), free(count), free(w), free(got), free(v);
}

/* The offset fit is the fit of one class of offsets: Sd(s) wd = ev. */
static void offset_solves(void)
{
    enum { N = 9, D = 14 };
    evk_random r = random_of(63);
    double mean[D], count[N], w[D], sw[D] = {0}, m = 0;
    for (size_t j = 0; j < D; j++)
        mean[j] = evk_random_normal(&r);
    for (size_t i = 0; i < N; i++)
        count[i] = 1;
    rows one = rows_normal(&r, N, D, mean, NULL), zero = rows_normal(&r, N, D, NULL, NULL);
    evk_pairs pairs;
    evk_pairs_fit f;
    check(evk_pairs_new(one.row, zero.row, N, D, 1, &pairs, NULL) == EVOKE_OK && evk_pairs_fit_new(&pairs, &f, NULL) == EVOKE_OK
          && evk_pairs_refit(&f, count, 0.2, 0.2) == EVOKE_OK && f.offset_fits, "fit");
    evk_pooled_vector(&f.single, &f.offset, w);
    double ev[D] = {0};
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < D; j++)
            ev[j] += pairs.offsets.x[i * D + j] / N;
    for (size_t i = 0; i < N; i++) {
        double along = 0;
        for (size_t j = 0; j < D; j++) {
            const double off = pairs.offsets.x[i * D + j] - ev[j];
            along += off * w[j];
            m += off * off / N / D;
        }
        for (size_t j = 0; j < D; j++)
            sw[j] += 0.8 * along * (pairs.offsets.x[i * D + j] - ev[j]) / N;
    }
    for (size_t j = 0; j < D; j++)
        sw[j] += 0.2 * m * w[j];
    check(distance(sw, ev, D) < 1e-10, "Sd(s) wd = ev: off by %g", distance(sw, ev, D));
    evk_pairs_fit_free(&f), evk_pairs_free(&pairs);
    rows_free(&one), rows_free(&zero);
}

int main(void)
{
    const double choices[] = { 0.01, 0.5, 1, EVOKE_SHRINK_LEDOIT_WOLF, EVOKE_SHRINK_OAS };
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        agrees(12, 40, choices[i], 61 + i);
        agrees(30, 8, choices[i], 71 + i);
        agrees(6, 10, choices[i], 81 + i);
    }
    agrees(30, 8, 0, 91);
    offset_solves();
    return check_done();
}
