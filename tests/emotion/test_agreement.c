/* evoke_auc and evoke_agree: values by hand; scores that are not known. The intervals: tests/python/check_eval.py. */
#include "core/evoke.h"

#include <math.h>

#include "tests/check.h"

enum { N = 6, N_CLASS = 3, N_REPLICATE = 50 };

static void test_auc(void)
{
    double x[N] = { 0.1, 0.4, 0.35, 0.8, 0.4, 0.2 };
    const bool is[N] = { false, false, true, true, true, false };
    evoke_interval auc;
    evoke_error err = { 0 };
    check(evoke_auc(x, is, N, N_REPLICATE, 1, &auc, &err) == EVOKE_OK, "%s", err.text);
    check(fabs(auc.mean - 7.5 / 9) < 1e-15, "%g", auc.mean);
    for (size_t i = 0; i < N; i++) {
        const double kept = x[i];
        x[i] = NAN;
        check(evoke_auc(x, is, N, N_REPLICATE, 1, &auc, &err) == EVOKE_OK, "%s", err.text);
        check(isnan(auc.mean), "with score %zu unknown: %g", i, auc.mean);
        x[i] = kept;
    }
}

/* A class that the judge does not know has no AUC, and the others' mean is theirs. */
static void test_unknown_class(void)
{
    const int32_t truth[N] = { 0, 0, 1, 1, 2, 2 }, guess[N] = { 0, 0, 1, 0, 0, 1 };
    double scores[N][N_CLASS];
    evoke_agreement a = { .n = 0 };
    evoke_error err = { 0 };
    for (size_t i = 0; i < N; i++) {
        scores[i][0] = truth[i] == 0 ? 0.9 : 0.1;               /* AUC 1 */
        scores[i][1] = truth[i] == 1 ? 0.1 : 0.9;               /* AUC 0 */
        scores[i][2] = NAN;
    }
    check(evoke_agree(truth, guess, scores[0], N, N_CLASS, N_REPLICATE, 1, &a, &err) == EVOKE_OK, "%s", err.text);
    check(a.n == N && a.auc == 0.5, "the mean AUC of two classes is %g", a.auc);
    check(fabs(a.accuracy.mean - 0.5) < 1e-15, "accuracy %g", a.accuracy.mean);
}

int main(void)
{
    test_auc();
    test_unknown_class();
    return check_done();
}
