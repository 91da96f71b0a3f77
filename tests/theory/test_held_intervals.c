/* theory/held_out.c, held_scores.c, interval.c: 95 % intervals of figures out of sample hold what the folds' directions reach in
 * all queries there are. A second argument is the number of simulated sets; the figures are
 * then printed. */
#include <string.h>

#include "tests/check.h"
#include "tests/theory/rows.h"
#include "theory/held_out.h"
#include "theory/held_scores.h"

enum { MOST = 60, MOST_D = 200, K = 10, B = 200 };
enum { DPRIME_EV, DPRIME_W, AUC_EV, AUC_W, ACCURACY_EV, ACCURACY_W, GAIN, EFFICIENCY, FIGURES };
static const char *const names[FIGURES] = { "d' ev", "d' w", "AUC ev", "AUC w", "accuracy ev", "accuracy w", "gain", "efficiency" };
static const double shrink = 0.1;

typedef struct design {
    size_t n, d;
    double effect;                      /* length of the mean difference */
    size_t sets;
    bool show;
} design;

typedef struct population { double variance[MOST_D], gap[MOST_D]; } population;
typedef struct set { rows one, zero; evk_pairs pairs; size_t label[2 * MOST], query[2 * MOST]; } set;

static population population_of(const design *o)
{
    population p;
    double sum = 0, length = 0;
    evk_random r = random_of(77);
    for (size_t j = 0; j < o->d; j++) {
        sum += p.variance[j] = pow((double)(1 + j), -0.7);
        p.gap[j] = evk_random_normal(&r);
        length += p.gap[j] * p.gap[j];
    }
    for (size_t j = 0; j < o->d; j++) {
        p.variance[j] *= (double)o->d / sum;
        p.gap[j] *= o->effect / sqrt(length);
    }
    return p;
}

/* Each query's topic is half of the variance, and is the same in both settings. */
static void simulate(const design *o, const population *p, evk_random *r, set *s)
{
    for (size_t i = 0; i < o->n * o->d; i++) {
        const size_t j = i % o->d;
        const double sd = sqrt(p->variance[j] / 2), topic = sd * evk_random_normal(r);
        s->zero.data[i] = (float)(topic + sd * evk_random_normal(r));
        s->one.data[i] = (float)(topic + p->gap[j] + sd * evk_random_normal(r));
    }
    check(evk_pairs_new(s->one.row, s->zero.row, o->n, o->d, 1, &s->pairs, NULL) == EVOKE_OK, "pairs");
}

static double below(double x) { return 0.5 * erfc(-x / sqrt(2)); }

/* d', AUC, accuracy of v in the population; the threshold is half way between the means of the rows that count. */
static void reach(const design *o, const population *p, const set *s, const double *count, const double *v, double out[3])
{
    double gap = 0, variance = 0, threshold = 0, of = 0;
    for (size_t j = 0; j < o->d; j++) {
        gap += v[j] * p->gap[j];
        variance += v[j] * v[j] * p->variance[j];
    }
    for (size_t q = 0; q < o->n; q++)
        for (size_t j = 0; j < o->d && count[q] > 0; j++) {
            threshold += v[j] * ((double)s->one.row[q][j] + (double)s->zero.row[q][j]) / 2;
            of += j == 0;
        }
    threshold /= of;
    const double sd = sqrt(variance);
    out[0] = gap / sd;
    out[1] = below(gap / sd / sqrt(2));
    out[2] = (below((gap - threshold) / sd) + below(threshold / sd)) / 2;
}

/* What the folds' directions reach, their mean. */
static void find_truth(const design *o, const population *p, const set *s, double truth[FIGURES])
{
    double count[MOST], ev[MOST_D], w[MOST_D], of_ev[3], of_w[3];
    evk_pairs_fit fit;
    check(evk_pairs_fit_new(&s->pairs, &fit, NULL) == EVOKE_OK, "fit");
    memset(truth, 0, FIGURES * sizeof *truth);
    for (size_t f = 0; f < K; f++) {
        for (size_t q = 0; q < o->n; q++)
            count[q] = evk_fold(q, K) != f;
        check(evk_pairs_refit(&fit, count, shrink, shrink) == EVOKE_OK, "fit");
        evk_pooled_u_vector(&fit.two, &fit.fisher, ev);
        evk_pooled_vector(&fit.two, &fit.fisher, w);
        reach(o, p, s, count, ev, of_ev);
        reach(o, p, s, count, w, of_w);
        for (size_t i = 0; i < 3; i++) {
            truth[2 * i] += of_ev[i] / K;
            truth[2 * i + 1] += of_w[i] / K;
        }
        truth[GAIN] += (of_w[0] - of_ev[0]) / K;
        truth[EFFICIENCY] += evk_held_efficiency(of_ev[0], of_w[0]) / K;
    }
    evk_pairs_fit_free(&fit);
}

static void find_intervals(const design *o, const set *s, uint64_t seed, double intervals[FIGURES][2])
{
    const size_t n_score = (1 + K) * 2 * o->n;
    double *scores = calloc(EVK_N_ALONG * n_score, sizeof *scores), scratch[B + K];
    double *along[EVK_N_ALONG], values[2][EVK_HELD_COUNT], ends[2][EVK_HELD_COUNT][2];
    evk_held_others others[2];
    for (size_t i = 0; i < EVK_N_ALONG; i++)
        along[i] = scores + i * n_score;
    check(evk_held_out(&s->pairs, shrink, K, true, NULL, 2, along, NULL) == EVOKE_OK, "scores");
    for (size_t i = 0; i < 2; i++) {
        const evk_held h = { along[i], s->label, s->query, 2 * o->n, o->n, o->n, s->query, K };
        check(evk_held_others_new(&h, seed, 0, B, &others[i], NULL) == EVOKE_OK
              && evk_held_figures(&h, &others[i], values[i], ends[i], NULL) == EVOKE_OK, "figures");
        for (size_t k = 0; k < EVK_HELD_COUNT; k++)
            memcpy(intervals[2 * k + i], ends[i][k], sizeof ends[i][k]);
    }
    evk_held_compare(&others[0], &others[1], values[0][0], values[1][0], intervals[GAIN], intervals[EFFICIENCY], scratch);
    for (size_t i = 0; i < 2; i++)
        evk_held_others_free(&others[i]);
    free(scores);
}

static void coverage(const design *o)
{
    const population p = population_of(o);
    set s = { .one = rows_new(o->n, o->d), .zero = rows_new(o->n, o->d) };
    double truth[FIGURES], intervals[FIGURES][2];
    size_t held[FIGURES] = {0};
    evk_random r = random_of(78);
    for (size_t q = 0; q < o->n; q++) {
        s.label[q] = 1;
        s.query[q] = s.query[o->n + q] = q;
    }
    for (size_t i = 0; i < o->sets; i++) {
        simulate(o, &p, &r, &s);
        find_truth(o, &p, &s, truth);
        find_intervals(o, &s, i, intervals);
        for (size_t k = 0; k < FIGURES; k++)
            held[k] += intervals[k][0] <= truth[k] && truth[k] <= intervals[k][1];
        evk_pairs_free(&s.pairs);
    }
    for (size_t k = 0; k < FIGURES; k++)
        check(100 * held[k] >= 90 * o->sets && (held[k] < o->sets || k == ACCURACY_EV || k == ACCURACY_W), "%zu queries, %zu dimensions, effect %g, %s: %.1f %% of 95 %% intervals hold the truth",
              o->n, o->d, o->effect, names[k], 100.0 * (double)held[k] / (double)o->sets);
    for (size_t k = 0; k < FIGURES && o->show; k++)
        printf("%zu %zu %g %s %.1f\n", o->n, o->d, o->effect, names[k], 100.0 * (double)held[k] / (double)o->sets);
    rows_free(&s.one), rows_free(&s.zero);
}

int main(int argc, char **argv)
{
    const size_t sets = argc > 2 ? strtoul(argv[2], NULL, 10) : 200;
    const bool show = argc > 2;
    const design designs[] = { { 40, 4, 1.5, sets, show }, { 40, 60, 1.5, sets, show }, { 40, 200, 1.5, sets, show },
                               { 40, 200, 2.5, sets, show }, { 60, 60, 1.5, sets, show } };
    for (size_t i = 0; i < sizeof designs / sizeof *designs; i++)
        coverage(&designs[i]);
    return check_done();
}
