/* theory/bootstrap.c, interval.c, held_scores.c: 95 % intervals hold the truth in 92 to 98 % of simulated data sets; the same
 * numbers whatever the threads. */
#include <string.h>

#include "tests/check.h"
#include "tests/theory/rows.h"
#include "theory/bootstrap.h"
#include "theory/component.h"
#include "theory/held_scores.h"
#include "theory/interval.h"

enum { D = 4, N = 60, SETS = 300, B = 300, FIGURES = 4 };
static const double variance[D] = { 3, 1.5, 1, 0.4 }, gap[D] = { 1, -0.8, 0.3, 0.6 }, shrink = 0.1;

/* Each query's topic is half of the variance, and is the same in both settings. */
static void simulate(evk_random *r, rows *one, rows *zero)
{
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < D; j++) {
            const double sd = sqrt(variance[j] / 2), topic = sd * evk_random_normal(r);
            zero->data[i * D + j] = (float)(topic + sd * evk_random_normal(r));
            one->data[i * D + j] = (float)(topic + gap[j] + sd * evk_random_normal(r));
        }
}

static void find_truth(double truth[FIGURES])
{
    double m = 0, gg = 0, gw = 0, ww = 0, gsg = 0, gSg = 0, wSw = 0;
    for (size_t j = 0; j < D; j++)
        m += variance[j] / D;
    for (size_t j = 0; j < D; j++) {
        const double s = (1 - shrink) * variance[j] + shrink * m, w = gap[j] / s;
        gg += gap[j] * gap[j];
        gw += gap[j] * w;
        ww += w * w;
        gsg += gap[j] * gap[j] * s;
        gSg += gap[j] * gap[j] * variance[j];
        wSw += w * w * variance[j];
    }
    truth[0] = gw / sqrt(gg * ww);
    truth[1] = gg * gg / (gsg * gw);
    truth[2] = gg * gg / gSg;
    truth[3] = gw * gw / wSw;
}

static void count_covered(const double *values, const double *estimate, const double *truth, size_t *covered)
{
    static const evk_replicated of[FIGURES] = { EVK_R_COSINE, EVK_R_EFFICIENCY, EVK_R_RATIO_EV, EVK_R_RATIO_W };
    static const evk_scale scale[FIGURES] = { EVK_SCALE_ANGLE, EVK_SCALE_SHARE, EVK_SCALE_LOG, EVK_SCALE_LOG };
    for (size_t k = 0; k < FIGURES; k++) {
        double interval[2];
        evk_interval(estimate[of[k]], values + of[k], B, values + B * EVK_R_COUNT + of[k], N, EVK_R_COUNT, scale[k],
                     interval);
        covered[k] += interval[0] <= truth[k] && truth[k] <= interval[1];
    }
}

static void fitted_intervals(void)
{
    const size_t n_value = (B + N) * EVK_R_COUNT;
    double truth[FIGURES], *values = calloc(n_value, sizeof *values), *again = calloc(n_value, sizeof *again);
    double count[2 * N], scores[2 * N], scratch[2 * N], v[D], share = 0, estimate[EVK_R_COUNT];
    size_t covered[FIGURES] = {0};
    evk_random r = random_of(111);
    rows one = rows_new(N, D), zero = rows_new(N, D);
    find_truth(truth);
    for (size_t i = 0; i < 2 * N; i++)
        count[i] = 1;
    for (size_t set = 0; set < SETS; set++) {
        evk_pairs pairs;
        evk_pairs_fit fit;
        simulate(&r, &one, &zero);
        check(evk_pairs_new(one.row, zero.row, N, D, 1, &pairs, NULL) == EVOKE_OK
              && evk_pairs_fit_new(&pairs, &fit, NULL) == EVOKE_OK
              && evk_component(&pairs.rows, count, 1e-12, scores, v, &share, NULL) == EVOKE_OK, "pairs");
        const evk_line pc = { scores, v, 1 };
        const evk_replication how = { &pairs, shrink, shrink, NULL, &pc };
        evk_replicate(&how, &fit, count, scratch, estimate);
        check(evk_bootstrap(&how, set, 0, B, 1, values, NULL) == EVOKE_OK, "bootstrap");
        if (set < 3) {
            check(evk_bootstrap(&how, set, 0, B, 3, again, NULL) == EVOKE_OK, "bootstrap");
            check(memcmp(values, again, n_value * sizeof *values) == 0, "threads change nothing");
        }
        count_covered(values, estimate, truth, covered);
        evk_pairs_fit_free(&fit), evk_pairs_free(&pairs);
    }
    for (size_t k = 0; k < FIGURES; k++)
        check(covered[k] >= SETS * 92 / 100 && covered[k] <= SETS * 98 / 100,
              "figure %zu: %.1f %% of 95 %% intervals hold the truth", k, 100.0 * (double)covered[k] / SETS);
    rows_free(&one), rows_free(&zero);
    free(values), free(again);
}

/* Scores N(1.2, 1) and N(0, 1), correlated within a query. */
static void score_intervals(void)
{
    enum { MANY = 600 };
    const double truth[EVK_HELD_COUNT] = { 1.2, 0.5 * erfc(-0.6), 0.5 * erfc(-0.6 / sqrt(2)) };
    double scores[2 * N], *values = calloc(B * EVK_HELD_COUNT, sizeof *values), column[B];
    size_t label[2 * N] = {0}, query[2 * N], covered[EVK_HELD_COUNT] = {0};
    evk_random r = random_of(112);
    for (size_t set = 0; set < MANY; set++) {
        for (size_t q = 0; q < N; q++) {
            const double topic = evk_random_normal(&r) * sqrt(0.5);
            label[q] = 1;
            query[q] = query[N + q] = q;
            scores[q] = 0.6 + topic + evk_random_normal(&r) * sqrt(0.5);
            scores[N + q] = -0.6 + topic + evk_random_normal(&r) * sqrt(0.5);
        }
        const evk_held h = { scores, label, query, 2 * N, N, N };
        check(evk_held_bootstrap(&h, set, 0, B, values, NULL) == EVOKE_OK, "bootstrap");
        for (size_t k = 0; k < EVK_HELD_COUNT; k++) {
            double interval[2];
            for (size_t b = 0; b < B; b++)
                column[b] = values[b * EVK_HELD_COUNT + k];
            evk_percentiles(column, B, interval);
            covered[k] += interval[0] <= truth[k] && truth[k] <= interval[1];
        }
    }
    for (size_t k = 0; k < EVK_HELD_COUNT; k++)
        check(covered[k] >= MANY * 92 / 100 && covered[k] <= MANY * 98 / 100,
              "score %zu: %.1f %% of 95 %% intervals hold the truth", k, 100.0 * (double)covered[k] / MANY);
    free(values);
}

int main(void)
{
    fitted_intervals();
    score_intervals();
    return check_done();
}
