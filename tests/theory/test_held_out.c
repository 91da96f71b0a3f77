/* theory/held_out.c, rest.c, held_scores.c: nothing of a query is in the direction that scores it. */
#include <string.h>

#include "tests/check.h"
#include "tests/theory/rows.h"
#include "theory/held_out.h"
#include "theory/held_scores.h"
#include "theory/rest.h"
#include "theory/separation.h"

enum { N = 24, D = 60 };

static void scores_of(const rows *one, const rows *zero, double choice, size_t k, double out[EVK_N_ALONG][2 * N])
{
    evk_pairs pairs;
    check(evk_pairs_new(one->row, zero->row, N, D, 1, &pairs, NULL) == EVOKE_OK
          && evk_held_out(&pairs, choice, k, false, NULL, 1, (double *const[]){ out[0], out[1], out[2], out[3] }, NULL) == EVOKE_OK,
          "scores");
    evk_pairs_free(&pairs);
}

static void measure(const double *scores, double out[EVK_HELD_COUNT])
{
    size_t label[2 * N] = {0}, query[2 * N];
    for (size_t q = 0; q < N; q++) {
        label[q] = 1;
        query[q] = query[N + q] = q;
    }
    const evk_held h = { scores, label, query, 2 * N, N, N, NULL, 0 };
    check(evk_held_measure(&h, out, NULL) == EVOKE_OK, "measure");
}

/* Without an effect, half; with a large one, all. */
static void chance_and_certainty(double choice)
{
    double scores[EVK_N_ALONG][2 * N], sum[EVK_N_ALONG] = {0}, figures[EVK_HELD_COUNT];
    evk_random r = random_of(121);
    for (int i = 0; i < 40; i++) {
        rows one = rows_normal(&r, N, D, NULL, NULL), zero = rows_normal(&r, N, D, NULL, NULL);
        scores_of(&one, &zero, choice, 6, scores);
        for (size_t a = 0; a < EVK_N_ALONG; a++) {
            measure(scores[a], figures);
            sum[a] += figures[EVK_HELD_AUC] / 40;
        }
        for (size_t j = 0; i == 0 && j < N * D; j++)
            one.data[j] += 3;
        scores_of(&one, &zero, choice, N, scores);
        for (size_t a = 0; i == 0 && a < EVK_N_ALONG; a++) {
            measure(scores[a], figures);
            check(figures[EVK_HELD_AUC] == 1 && figures[EVK_HELD_ACCURACY] == 1, "direction %zu: AUC %g", a,
                  figures[EVK_HELD_AUC]);
        }
        rows_free(&one), rows_free(&zero);
    }
    for (size_t a = 0; a < EVK_N_ALONG; a++)
        check(fabs(sum[a] - 0.5) < 0.05, "direction %zu of data without effect: mean AUC %g", a, sum[a]);
}

/* What a query's own rows are moves its scores along a direction that does not change. */
static void own_rows_do_not_count(void)
{
    double before[EVK_N_ALONG][2 * N], after[EVK_N_ALONG][2 * N];
    evk_random r = random_of(122);
    rows one = rows_normal(&r, N, D, NULL, NULL), zero = rows_normal(&r, N, D, NULL, NULL);
    scores_of(&one, &zero, 0.3, N, before);
    for (size_t j = 0; j < D; j++)
        one.data[j] = zero.data[j];
    scores_of(&one, &zero, 0.3, N, after);
    for (size_t a = 0; a < EVK_ALONG_PC; a++)
        check(fabs(after[a][0] - before[a][N]) < 1e-9 && fabs(after[a][N] - before[a][N]) < 1e-9, "direction %zu", a);
    rows_free(&one), rows_free(&zero);
}

static void figures_by_definition(void)
{
    double scores[2 * N], figures[EVK_HELD_COUNT], one[N], zero[N], dprime = 0, auc = 0, right = 0;
    evk_random r = random_of(123);
    for (size_t i = 0; i < 2 * N; i++)
        scores[i] = floor(4 * evk_random_normal(&r)) / 4;                   /* ties, and zeros */
    for (size_t q = 0; q < N; q++) {
        one[q] = scores[q];
        zero[q] = scores[N + q];
        right += (scores[q] > 0) + (scores[N + q] < 0) + 0.5 * ((scores[q] == 0) + (scores[N + q] == 0));
    }
    measure(scores, figures);
    check(evk_dprime(one, N, zero, N, &dprime, NULL) == EVOKE_OK && evk_auc(one, N, zero, N, &auc, NULL) == EVOKE_OK, "plain");
    check(near(figures[EVK_HELD_DPRIME], dprime, 1e-12) && near(figures[EVK_HELD_AUC], auc, 1e-12)
          && near(figures[EVK_HELD_ACCURACY], right / (2 * N), 1e-12), "%g %g, %g %g, %g", figures[0], dprime, figures[1], auc,
          figures[2]);
    scores[3] = NAN;
    measure(scores, figures);
    check(isnan(figures[0]) && isnan(figures[1]) && isnan(figures[2]), "a score that is none");
}

static void rest(void)
{
    double u[N], w[N], again[N], same[N], figures[EVK_HELD_COUNT];
    size_t label[N], query[N];
    evk_random r = random_of(124);
    rows x = rows_normal(&r, N, D, NULL, NULL);
    evk_row_space space;
    for (size_t i = 0; i < N; i++) {
        label[i] = i % 3 == 0;
        query[i] = i;
        x.data[i * D] += label[i] ? 20 : 0;
    }
    check(evk_row_space_fit(x.row, N, D, true, 1, &space, NULL) == EVOKE_OK
          && evk_rest_held_out(&space, label, EVOKE_SHRINK_LEDOIT_WOLF, 5, false, 1, u, w, NULL, NULL) == EVOKE_OK
          && evk_rest_held_out(&space, label, EVOKE_SHRINK_LEDOIT_WOLF, 5, false, 3, again, same, NULL, NULL) == EVOKE_OK, "scores");
    check(memcmp(u, again, sizeof u) == 0 && memcmp(w, same, sizeof w) == 0, "threads change nothing");
    const evk_held h = { w, label, query, N, N, N, NULL, 0 };
    check(evk_held_measure(&h, figures, NULL) == EVOKE_OK && figures[EVK_HELD_AUC] == 1, "AUC %g", figures[EVK_HELD_AUC]);
    evk_row_space_free(&space);
    rows_free(&x);
}

int main(void)
{
    chance_and_certainty(EVOKE_SHRINK_LEDOIT_WOLF);
    own_rows_do_not_count();
    figures_by_definition();
    rest();
    return check_done();
}
