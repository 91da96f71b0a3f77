/* Classes of known scatter, where w, J and the efficiency are known in closed form. */
#include "tests/check.h"
#include "tests/theory/rows.h"
#include "theory/alignment.h"
#include "theory/fisher.h"
#include "theory/pairs.h"
#include "theory/spectrum.h"

enum { D = 6 };

/* 2 D rows of scatter diag(variance) exactly, around mean: one pair on each axis. */
static rows on_axes(const double *mean, const double *variance)
{
    rows r = rows_new(2 * D, D);
    for (size_t i = 0; i < 2 * D; i++)
        for (size_t j = 0; j < D; j++)
            r.data[i * D + j] = (float)(mean[j] + (i / 2 == j ? (i % 2 ? 1 : -1) * sqrt(D * variance[j]) : 0));
    return r;
}

/* w = (mu_1 - mu_0) / variance; J(w) = sum gap^2 / variance; J(EV) = (gap.gap)^2 / sum gap^2 variance. */
static double known(const double *gap, const double *variance, double s)
{
    double zero[D] = {0}, w[D], expected[D], m = 0, ratio = 0, square = 0, with = 0, under = 0, shrunk = 0;
    for (size_t j = 0; j < D; j++)
        m += variance[j] / D;
    for (size_t j = 0; j < D; j++) {
        const double f = (1 - s) * variance[j] + s * m;
        expected[j] = gap[j] / f;
        square += gap[j] * gap[j];
        under += gap[j] * gap[j] / f;
        with += gap[j] * gap[j] * variance[j];
        shrunk += gap[j] * gap[j] * f;
    }
    rows one = on_axes(gap, variance), other = on_axes(zero, variance);
    evk_scatter sc;
    evk_alignment a = {0};
    evk_pairs pairs;
    evk_pairs_fit fit;
    double count[2 * D];
    for (size_t i = 0; i < 2 * D; i++)
        count[i] = 1;
    check(evk_scatter_fit(class_of(&one), class_of(&other), D, EVK_GRAM_SMALLER, &sc, NULL) == EVOKE_OK
          && evk_fisher_direction(&sc, s, w, NULL) == EVOKE_OK && evk_align(&sc, s, sc.ev, w, &a, NULL) == EVOKE_OK, "fit");
    check(distance(w, expected, D) < 1e-6, "w off by %g", distance(w, expected, D));
    check(evk_fisher_ratio(&sc, sc.ev, &ratio, NULL) == EVOKE_OK && near(ratio, square * square / with, 1e-6), "J(EV)");
    check(near(a.efficiency, square * square / (shrunk * under), 1e-6), "efficiency %g", a.efficiency);
    check(evk_fisher_ratio(&sc, w, &ratio, NULL) == EVOKE_OK && (s > 0 || near(ratio, under, 1e-6)), "J(w)");
    check(evk_pairs_new(one.row, other.row, 2 * D, D, 1, &pairs, NULL) == EVOKE_OK
          && evk_pairs_fit_new(&pairs, &fit, NULL) == EVOKE_OK && evk_pairs_refit(&fit, count, s, s) == EVOKE_OK, "pairs");
    evk_pooled_vector(&fit.two, &fit.fisher, w);
    check(distance(w, expected, D) < 1e-6, "w of the rows' space off by %g", distance(w, expected, D));
    evk_pairs_fit_free(&fit), evk_pairs_free(&pairs), evk_scatter_free(&sc);
    rows_free(&one), rows_free(&other);
    return a.efficiency;
}

static evk_spectrum spectrum_of(const double *gap, const double *variance, double s)
{
    double zero[D] = {0}, values[D];
    rows one = on_axes(gap, variance), other = on_axes(zero, variance);
    evk_scatter sc;
    evk_spectrum out = {0};
    check(evk_scatter_fit(class_of(&one), class_of(&other), D, EVK_GRAM_SMALLER, &sc, NULL) == EVOKE_OK
          && evk_spectrum_of(&sc, s, values, &out, NULL) == EVOKE_OK, "spectrum");
    double sum = 0;
    for (size_t j = 0; j < D; j++)
        sum += values[j];
    check(near(sum, 1, 1e-9) && values[0] >= values[D - 1], "spectrum's order and sum");
    evk_scatter_free(&sc);
    rows_free(&one), rows_free(&other);
    return out;
}

int main(void)
{
    const double gap[D] = { 1, -2, 0.5, 3, 0.25, 1 }, white[D] = { 2, 2, 2, 2, 2, 2 }, ill[D] = { 1e4, 1, 3, 20, 0.5, 0.01 };
    const double worst[D] = { 1, 0, 0, 0, 0, 1 };          /* half along the largest axis, half along the smallest */
    known(gap, ill, 0), known(gap, ill, 0.1), known(gap, white, 0.5);
    check(near(known(gap, white, 0), 1, 1e-6), "white Sw: the EV is the best direction");
    evk_spectrum s = spectrum_of(gap, white, 0);
    check(near(s.condition, 1, 1e-6) && near(s.kantorovich, 1, 1e-9) && near(s.isotropic, 1, 1e-9)
          && near(s.effective_rank, D, 1e-6) && near(s.participation, D, 1e-6) && fabs(s.sphericity) < 1e-6, "white");
    for (double shrink = 0; shrink < 0.2; shrink += 0.1) {
        s = spectrum_of(worst, ill, shrink);
        const double efficiency = known(worst, ill, shrink);
        check(near(s.condition, 1e6, 1e-4), "condition %g", s.condition);
        check(near(efficiency, s.kantorovich, 1e-4), "the worst EV meets Kantorovich's bound: %g, %g", efficiency, s.kantorovich);
        check(known(gap, ill, shrink) > s.kantorovich, "another EV is above it");
        check(s.effective_rank < 2 && s.participation < 2, "one axis has nearly all");
    }
    return check_done();
}
