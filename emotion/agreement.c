/* emotion/agreement.c: does who judges texts agree with people, and by more than chance?
 *
 *     F1_k = 2 TP_k / (true_k + guessed_k),  macro F1 = mean over the classes that the labels have
 *     AUC_k: a text of class k scores higher for k than a text of another class does (Mann and Whitney 1947), ties one half
 *     chance: the macro F1 of the same guesses were they given to the texts at random: TP_k = true_k guessed_k / n
 *     Spearman: the correlation of ranks, ties at their mean rank
 *
 * Intervals are percentiles of a bootstrap over texts; replicate b draws from PCG64's stream (seed, b). */
#include <math.h>
#include <stdlib.h>

#include "core/random.h"
#include "core/status.h"

typedef struct ranked { double x; size_t i; } ranked;

static int rising(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return x->x != y->x ? (x->x > y->x) - (x->x < y->x) : (x->i > y->i) - (x->i < y->i);
}

/* rank [n] of x: 1 for the smallest, ties at their mean. order: room [n]. */
static void rank_all(const double *x, size_t n, ranked *order, double *rank)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (ranked){ x[i], i };
    qsort(order, n, sizeof *order, rising);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && order[end].x == order[i].x;)
            end++;
        for (size_t k = i; k < end; k++)
            rank[order[k].i] = 0.5 * (double)(i + 1 + end);
    }
}

evoke_status evoke_spearman(const double *x, const double *y, size_t n, double *rho, evoke_error *err)
{
    double *rank_x = NULL, *rank_y = NULL, xx = 0, yy = 0, xy = 0;
    ranked *order = NULL;
    evoke_status st = evk_alloc(&rank_x, n, sizeof *rank_x, "rank", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&rank_y, n, sizeof *rank_y, "rank", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&order, n, sizeof *order, "rank", err);
    if (st == EVOKE_OK) {
        rank_all(x, n, order, rank_x);
        rank_all(y, n, order, rank_y);
    }
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        const double a = rank_x[i] - 0.5 * (double)(n + 1), b = rank_y[i] - 0.5 * (double)(n + 1);
        xx += a * a;
        yy += b * b;
        xy += a * b;
    }
    *rho = xy / sqrt(xx * yy);          /* NaN where either never changes */
    free(rank_x);
    free(rank_y);
    free(order);
    return st;
}

typedef struct sample { const int32_t *truth, *guess; size_t n, n_class; } sample;

typedef struct result { double f1, accuracy, chance; } result;

/* Of texts counted `weight` times each. room [3 n_class]. */
static result agree(const sample *s, const size_t *weight, double *room)
{
    double *hit = room, *truth = room + s->n_class, *guess = room + 2 * s->n_class, n = 0, right = 0;
    size_t n_there = 0;
    result out = { 0, 0, 0 };
    for (size_t k = 0; k < 3 * s->n_class; k++)
        room[k] = 0;
    for (size_t i = 0; i < s->n; i++) {
        const double w = (double)weight[i];
        n += w;
        truth[s->truth[i]] += w;
        guess[s->guess[i]] += w;
        if (s->truth[i] == s->guess[i])
            hit[s->truth[i]] += w;
    }
    for (size_t k = 0; k < s->n_class; k++) {
        right += hit[k];
        if (truth[k] == 0)
            continue;
        n_there++;
        out.f1 += 2 * hit[k] / (truth[k] + guess[k]);
        out.chance += 2 * truth[k] * guess[k] / n / (truth[k] + guess[k]);
    }
    out.f1 /= (double)n_there;
    out.chance /= (double)n_there;
    out.accuracy = right / n;
    return out;
}

/* The AUC of x for the texts that `is` marks, each text counted `weight` times; NaN where one kind is missing, or an x is NaN. order:
 * of x. */
static double weighted_auc(const ranked *order, const size_t *weight, const bool *is, size_t n)
{
    double below = 0, own_all = 0, area = 0;
    for (size_t i = 0, end = 0; i < n; i = end) {
        double own = 0, other = 0;
        if (isnan(order[i].x))
            return NAN;
        for (; end < n && order[end].x == order[i].x; end++)
            *(is[order[end].i] ? &own : &other) += (double)weight[order[end].i];
        area += own * (below + other / 2);
        below += other;
        own_all += own;
    }
    return area / (own_all * below);
}

static void sort_scores(const double *x, size_t stride, size_t n, ranked *order)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (ranked){ x[i * stride], i };
    qsort(order, n, sizeof *order, rising);
}

/* Mean over classes of the AUC of their scores [n, n_class]. weight [n]: ones. */
static evoke_status mean_auc(const sample *s, const double *scores, const size_t *weight, double *auc, evoke_error *err)
{
    bool *is = NULL;
    ranked *order = NULL;
    size_t n_there = 0;
    evoke_status st = evk_alloc(&is, s->n, sizeof *is, "measure agreement", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&order, s->n, sizeof *order, "measure agreement", err);
    *auc = 0;
    for (size_t k = 0; st == EVOKE_OK && k < s->n_class; k++) {
        sort_scores(scores + k, s->n_class, s->n, order);
        for (size_t i = 0; i < s->n; i++)
            is[i] = s->truth[i] == (int32_t)k;
        const double one = weighted_auc(order, weight, is, s->n);
        if (isnan(one))
            continue;
        *auc += one;
        n_there++;
    }
    *auc = n_there ? *auc / (double)n_there : NAN;
    free(is);
    free(order);
    return st;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static evoke_interval percentiles(double mean, double *values, size_t n)
{
    qsort(values, n, sizeof *values, by_value);
    const double last = (double)(n - 1);
    return (evoke_interval){ mean, values[(size_t)(0.025 * last + 0.5)], values[(size_t)(0.975 * last + 0.5)] };
}

static void bootstrap(const sample *s, size_t n_replicate, uint64_t seed, size_t *weight, double *room, double *f1,
                      double *accuracy)
{
    for (size_t b = 0; b < n_replicate; b++) {
        evk_random random;
        evk_random_stream(&random, seed, b);
        for (size_t i = 0; i < s->n; i++)
            weight[i] = 0;
        for (size_t i = 0; i < s->n; i++)
            weight[evk_random_below(&random, s->n)]++;
        const result r = agree(s, weight, room);
        f1[b] = r.f1;
        accuracy[b] = r.accuracy;
    }
}

static evoke_status check(const sample *s, size_t n_replicate, evoke_error *err)
{
    if (s->n == 0 || s->n_class < 2 || n_replicate < 2)
        return evk_fail(err, EVOKE_EARG, "measure agreement: %zu texts of %zu classes, %zu replicates", s->n, s->n_class,
                        n_replicate);
    for (size_t i = 0; i < s->n; i++)
        if (s->truth[i] < 0 || (size_t)s->truth[i] >= s->n_class || s->guess[i] < 0 || (size_t)s->guess[i] >= s->n_class)
            return evk_fail(err, EVOKE_EARG, "measure agreement: text %zu is of no class", i);
    return EVOKE_OK;
}

evoke_status evoke_agree(const int32_t *truth, const int32_t *guess, const double *scores, size_t n, size_t n_class,
                         size_t n_replicate, uint64_t seed, evoke_agreement *out, evoke_error *err)
{
    const sample s = { .truth = truth, .guess = guess, .n = n, .n_class = n_class };
    size_t *weight = NULL;
    double *room = NULL, *f1 = NULL, *accuracy = NULL;
    EVK_TRY(check(&s, n_replicate, err));
    evoke_status st = evk_alloc(&weight, n, sizeof *weight, "measure agreement", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&room, 3 * n_class + 2 * n_replicate, sizeof *room, "measure agreement", err);
    if (st == EVOKE_OK) {
        f1 = room + 3 * n_class;
        accuracy = f1 + n_replicate;
        bootstrap(&s, n_replicate, seed, weight, room, f1, accuracy);
        for (size_t i = 0; i < n; i++)
            weight[i] = 1;
        const result r = agree(&s, weight, room);
        out->n = n;
        out->chance_f1 = r.chance;
        out->macro_f1 = percentiles(r.f1, f1, n_replicate);
        out->accuracy = percentiles(r.accuracy, accuracy, n_replicate);
        st = mean_auc(&s, scores, weight, &out->auc, err);
    }
    free(weight);
    free(room);
    return st;
}

/* A replicate draws as many marked and as many other texts as there are. index [n]: the marked ones first. */
static double auc_replicate(const ranked *order, const bool *is, const size_t *index, size_t n_is, size_t n, evk_random *random,
                            size_t *weight)
{
    for (size_t i = 0; i < n; i++)
        weight[i] = 0;
    for (size_t i = 0; i < n; i++)
        weight[index[i < n_is ? evk_random_below(random, n_is) : n_is + evk_random_below(random, n - n_is)]]++;
    return weighted_auc(order, weight, is, n);
}

evoke_status evoke_auc(const double *x, const bool *is, size_t n, size_t n_replicate, uint64_t seed, evoke_interval *auc,
                       evoke_error *err)
{
    size_t *weight = NULL, *index = NULL, n_is = 0, n_other = 0;
    double *values = NULL;
    ranked *order = NULL;
    if (n_replicate < 2)
        return evk_fail(err, EVOKE_EARG, "measure an AUC: %zu replicates", n_replicate);
    evoke_status st = evk_alloc(&weight, n, 2 * sizeof *weight, "measure an AUC", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&values, n_replicate, sizeof *values, "measure an AUC", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&order, n, sizeof *order, "measure an AUC", err);
    *auc = (evoke_interval){ NAN, NAN, NAN };
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        n_is += is[i];
    if (st == EVOKE_OK && n_is > 0 && n_is < n) {
        sort_scores(x, 1, n, order);
        index = weight + n;
        for (size_t i = 0, k = 0; i < n; i++) {
            index[is[i] ? k++ : n_is + n_other++] = i;
            weight[i] = 1;
        }
        const double whole = weighted_auc(order, weight, is, n);
        for (size_t b = 0; b < n_replicate; b++) {
            evk_random random;
            evk_random_stream(&random, seed, b);
            values[b] = auc_replicate(order, is, index, n_is, n, &random, weight);
        }
        *auc = percentiles(whole, values, n_replicate);
    }
    free(weight);
    free(values);
    free(order);
    return st;
}
