#include "theory/separation.h"

#include <math.h>
#include <stdlib.h>

static double project_row(const float *row, const double *centre, const double *v, size_t d)
{
    double sums[8] = {0}, sum = 0;
    size_t j = 0;
    for (; j + 8 <= d; j += 8)
        for (size_t i = 0; i < 8; i++)
            sums[i] += ((double)row[j + i] - centre[j + i]) * v[j + i];
    for (; j < d; j++)
        sum += ((double)row[j] - centre[j]) * v[j];
    for (size_t i = 0; i < 8; i++)
        sum += sums[i];
    return sum;
}

void evk_project(evk_class c, const double *centre, const double *v, size_t d, double *scores)
{
    for (size_t i = 0; i < c.n; i++)
        scores[i] = project_row(c.rows[i], centre, v, d);
}

static double mean_of(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

static double variance_of(const double *x, size_t n, double mean)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (x[i] - mean) * (x[i] - mean);
    return sum / (double)(n - 1);
}

evoke_status evk_dprime(const double *one, size_t n1, const double *zero, size_t n0, double *out, evoke_error *err)
{
    if (n1 < 2 || n0 < 2)
        return evk_fail(err, EVOKE_EDATA, "d': %zu and %zu scores; two of a class are the least", n1, n0);
    const double m1 = mean_of(one, n1), m0 = mean_of(zero, n0);
    *out = (m1 - m0) / sqrt((variance_of(one, n1, m1) + variance_of(zero, n0, m0)) / 2);
    if (!isfinite(*out))
        return evk_fail(err, EVOKE_EDATA, "d': the scores do not vary within the classes");
    return EVOKE_OK;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool sort_finite(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    qsort(x, n, sizeof *x, ascending);
    return n > 0;
}

evoke_status evk_auc(double *one, size_t n1, double *zero, size_t n0, double *out, evoke_error *err)
{
    if (!sort_finite(one, n1) || !sort_finite(zero, n0))
        return evk_fail(err, EVOKE_EDATA, "AUC: a class has no scores, or one that is not finite");
    double wins = 0;
    size_t less = 0, not_more = 0;              /* of class 0, against the score at hand */
    for (size_t i = 0; i < n1; i++) {
        while (less < n0 && zero[less] < one[i])
            less++;
        while (not_more < n0 && zero[not_more] <= one[i])
            not_more++;
        wins += (double)less + (double)(not_more - less) / 2;
    }
    *out = wins / ((double)n1 * (double)n0);
    return EVOKE_OK;
}

evoke_status evk_separate(evk_class one, evk_class zero, const double *centre, const double *v, size_t d,
                          evk_separation *out, evoke_error *err)
{
    double *scores = NULL;
    EVK_TRY(evk_alloc(&scores, one.n + zero.n, sizeof *scores, "separation along a direction", err));
    evk_project(one, centre, v, d, scores);
    evk_project(zero, centre, v, d, scores + one.n);
    evoke_status st = evk_dprime(scores, one.n, scores + one.n, zero.n, &out->dprime, err);
    if (st == EVOKE_OK)
        st = evk_auc(scores, one.n, scores + one.n, zero.n, &out->auc, err);
    free(scores);
    return st;
}
