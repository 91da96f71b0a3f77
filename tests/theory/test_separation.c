#include "tests/check.h"
#include "tests/theory/rows.h"
#include "theory/separation.h"

static double plain_auc(const double *one, size_t n1, const double *zero, size_t n0)
{
    double wins = 0;
    for (size_t i = 0; i < n1; i++)
        for (size_t j = 0; j < n0; j++)
            wins += one[i] > zero[j] ? 1 : one[i] == zero[j] ? 0.5 : 0;
    return wins / (double)(n1 * n0);
}

/* Scores of few values, so that there are many ties. */
static void auc_counts_pairs(evk_random *r, size_t n1, size_t n0, uint64_t n_value)
{
    double one[64], zero[64], auc = 0;
    for (size_t i = 0; i < n1; i++)
        one[i] = (double)evk_random_below(r, n_value);
    for (size_t i = 0; i < n0; i++)
        zero[i] = (double)evk_random_below(r, n_value) - 1;
    const double expected = plain_auc(one, n1, zero, n0);
    check(evk_auc(one, n1, zero, n0, &auc, NULL) == EVOKE_OK, "AUC");
    check(auc == expected, "AUC %g, by pairs %g", auc, expected);
}

static void by_hand(void)
{
    double one[] = { 3, 5, 7 }, zero[] = { 1, 2, 3, 2 }, out = 0;
    check(evk_dprime(one, 3, zero, 4, &out, NULL) == EVOKE_OK, "d'");
    check(near(out, 3 / sqrt((4 + 2.0 / 3) / 2), 1e-15), "d' %g", out);
    check(evk_auc(one, 3, zero, 4, &out, NULL) == EVOKE_OK && near(out, 11.5 / 12, 1e-15), "AUC %g", out);
    check(evk_auc(zero, 4, one, 3, &out, NULL) == EVOKE_OK && near(out, 0.5 / 12, 1e-15), "AUC turned round %g", out);
    check(evk_dprime(one, 1, zero, 4, &out, NULL) == EVOKE_EDATA, "one score");
    check(evk_dprime((double[]){ 1, 1 }, 2, (double[]){ 0, 0 }, 2, &out, NULL) == EVOKE_EDATA, "no variance");
    check(evk_auc(one, 0, zero, 4, &out, NULL) == EVOKE_EDATA, "no scores");
    check(evk_auc((double[]){ 1, NAN }, 2, zero, 4, &out, NULL) == EVOKE_EDATA, "NaN");
}

/* A row that both classes hold is a tie whatever its projection rounds to. */
static void equal_rows_tie(evk_random *r)
{
    enum { D = 77 };
    double v[D], centre[D], s[3];
    rows a = rows_normal(r, 3, D, NULL, NULL);
    for (size_t j = 0; j < D; j++) {
        v[j] = evk_random_normal(r);
        centre[j] = 1e5 * evk_random_normal(r);
        a.data[2 * D + j] = a.data[j];
    }
    evk_project(class_of(&a), centre, v, D, s);
    check(s[0] == s[2] && s[0] != s[1], "scores of equal rows");
    rows_free(&a);
}

int main(void)
{
    evk_random r = random_of(31);
    for (size_t n = 1; n <= 64; n++) {
        auc_counts_pairs(&r, n, 65 - n, 2);
        auc_counts_pairs(&r, n, 65 - n, 9);
        auc_counts_pairs(&r, 64, n, 1u << 30);
    }
    by_hand();
    equal_rows_tie(&r);
    return check_done();
}
