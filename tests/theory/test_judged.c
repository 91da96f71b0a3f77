/* theory/judged.c, correlation.c: agreement with labels, by hand. */
#include <string.h>

#include "tests/check.h"
#include "tests/theory/rows.h"
#include "theory/correlation.h"
#include "theory/judged.h"
#include "theory/separation.h"

enum { N = 8, E = 2, A = 2 };

/* Eight texts; the last has both labels, the one before none. */
static const uint8_t has[E * N] = { 1, 1, 1, 0, 0, 0, 0, 1,
                                    0, 0, 0, 1, 1, 1, 0, 1 };
static const double scores[A * E * N] = {
    3, 2, 0, 1, 0, -1, 0, 5,            /* direction 0, emotion 0: a tie at 0 */
    -3, -2, 0, 1, 2, 3, -1, 0,          /* direction 0, emotion 1 */
    0, 0, 0, 0, 0, 0, 0, 0,             /* direction 1: emotion 0 says nothing */
    8, 7, 6, 5, 4, 3, 2, 1,             /* direction 1, emotion 1: falls */
};

static void by_hand(void)
{
    const evk_judged_layout l = evk_judged_places(A, E);
    double once[N], values[64], confusion[A * E * E], chance[A];
    evk_judged j = {0};
    for (size_t i = 0; i < N; i++)
        once[i] = 1;
    check(l.n <= 64 && evk_judged_new(scores, has, N, A, E, &j, NULL) == EVOKE_OK, "made");
    evk_judged_measure(&j, once, confusion, values);
    /* With: 3, 2, 0, 5; without: 1, 0, -1, 0. Wins of 3, 2, 5: 12; of 0: 1 and two halves: 14 of 16. */
    check(near(values[l.auc], 14.0 / 16, 1e-15), "AUC %g", values[l.auc]);
    check(values[l.auc + 2] == 0.5, "AUC of no scores at all: %g", values[l.auc + 2]);
    check(near(values[l.auc_gain], 0.5 - 14.0 / 16, 1e-14), "gain %g", values[l.auc_gain]);
    check(near(values[l.mean_auc], (values[l.auc] + values[l.auc + 1]) / 2, 1e-15), "mean");
    /* Direction 0: texts 0, 1 are put into emotion 0; 2: z of 0 along each, (0 - 1.25)/sd < (0 - 0)/sd, into 1; 3, 4, 5 into 1.
     * Texts 6 and 7 have no single emotion. */
    const double expected[4] = { 2, 1, 0, 3 };
    check(memcmp(confusion, expected, sizeof expected) == 0, "confusion %g %g %g %g", confusion[0], confusion[1], confusion[2],
          confusion[3]);
    check(near(values[l.f1], 2 * 2.0 / (3 + 2), 1e-15) && near(values[l.f1 + 1], 2 * 3.0 / (3 + 4), 1e-15)
          && near(values[l.macro_f1], (0.8 + 6.0 / 7) / 2, 1e-15), "F1 %g %g", values[l.f1], values[l.f1 + 1]);
    evk_judged_chance(&j, confusion, chance);
    check(near(chance[0], (2 * 3.0 * 2 / 6 / 5 + 2 * 3.0 * 4 / 6 / 7) / 2, 1e-15), "chance %g", chance[0]);
    once[1] = 3, once[5] = 0;               /* counts are copies */
    evk_judged_measure(&j, once, confusion, values);
    check(confusion[0] == 4 && confusion[3] == 2, "counted %g %g", confusion[0], confusion[3]);
    check(near(values[l.auc], (5 * 3 + 2 * 0.5) / (6 * 3), 1e-15), "AUC of copies %g", values[l.auc]);
    for (size_t i = 0; i < N; i++)
        once[i] = has[i];
    evk_judged_measure(&j, once, confusion, values);
    check(isnan(values[l.auc]) && isnan(values[l.mean_auc]), "no text without the label");
    evk_judged_free(&j);
}

static void scores_that_are_none(void)
{
    double bad[A * E * N];
    evk_judged j = {0};
    memcpy(bad, scores, sizeof bad);
    bad[3] = NAN;
    check(evk_judged_new(bad, has, N, A, E, &j, NULL) == EVOKE_EDATA, "NaN");
    evk_judged_free(&j);
}

/* Texts of known separation: the plain AUC, and intervals that hold it, the same on any number of threads. */
static void intervals(void)
{
    enum { TEXTS = 400 };
    const evk_judged_layout l = evk_judged_places(2, 1);
    double x[2 * TEXTS], one[TEXTS], zero[TEXTS], once[TEXTS], values[64], again[128], interval[128], confusion[4], auc = 0;
    uint8_t label[TEXTS];
    size_t n1 = 0, n0 = 0;
    evk_judged j = {0};
    evk_random r = random_of(9);
    for (size_t i = 0; i < TEXTS; i++) {
        once[i] = 1;
        label[i] = i % 3 == 0;
        x[i] = label[i] + evk_random_normal(&r);
        x[TEXTS + i] = x[i];
        *(label[i] ? &one[n1++] : &zero[n0++]) = x[i];
    }
    check(evk_judged_new(x, label, TEXTS, 2, 1, &j, NULL) == EVOKE_OK, "made");
    check(evk_auc(one, n1, zero, n0, &auc, NULL) == EVOKE_OK, "plain");
    evk_judged_measure(&j, once, confusion, values);
    check(near(values[l.auc], auc, 1e-13), "AUC %g, plainly %g", values[l.auc], auc);
    check(evk_judged_intervals(&j, 5, 200, 1, interval, NULL) == EVOKE_OK && evk_judged_intervals(&j, 5, 200, 3, again, NULL)
          == EVOKE_OK, "intervals");
    check(memcmp(interval, again, 2 * l.n * sizeof *again) == 0, "threads change nothing");
    /* 0.76 is P(N(1, 1) > N(0, 1)); the standard error is about 0.025. */
    check(interval[0] < 0.76 && interval[1] > 0.76 && interval[1] - interval[0] > 0.06 && interval[1] - interval[0] < 0.15,
          "%g..%g", interval[0], interval[1]);
    check(interval[2 * l.auc_gain] == 0 && interval[2 * l.auc_gain + 1] == 0, "of equal directions the gain is none in any draw");
    check(isnan(interval[2 * l.macro_f1]), "one emotion has no macro F1");
    evk_judged_free(&j);
}

static void correlation(void)
{
    evk_correlation c = {0};
    const double x[6] = { 1, 2, 3, 4, NAN, 9 }, y[6] = { 2, 1, 4, 3, 7, NAN };
    const double line[4] = { -2, -4, -6, -8 }, flat[4] = { 1, 1, 1, 1 };
    check(evk_correlate(x, y, 6, &c, NULL) == EVOKE_OK && near(c.r, 0.6, 1e-15) && near(c.rho, 0.6, 1e-15), "%g %g", c.r, c.rho);
    check(near(c.r_interval[0], tanh(atanh(0.6) - 1.959963984540054), 1e-12), "low %g", c.r_interval[0]);
    check(near(c.rho_interval[1], tanh(atanh(0.6) + 1.959963984540054 * sqrt(1.18)), 1e-12), "high %g", c.rho_interval[1]);
    check(evk_correlate(x, line, 4, &c, NULL) == EVOKE_OK && c.r == -1 && c.rho == -1, "a line: %g", c.r);
    check(evk_correlate(x, flat, 4, &c, NULL) == EVOKE_OK && isnan(c.r) && isnan(c.rho), "nothing varies");
    const double ties[4] = { 1, 1, 2, 3 };              /* ranks 1.5 1.5 3 4 against 1 2 3 4 */
    check(evk_correlate(ties, x, 4, &c, NULL) == EVOKE_OK && near(c.rho, 4.5 / sqrt(4.5 * 5), 1e-14), "ties: %g", c.rho);
}

int main(void)
{
    by_hand();
    scores_that_are_none();
    intervals();
    correlation();
    return check_done();
}
