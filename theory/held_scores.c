#include "theory/held_scores.h"

#include <math.h>
#include <stdlib.h>

#include "theory/bootstrap.h"
#include "theory/folds.h"
#include "theory/interval.h"

typedef struct ranked { double score; size_t label, query; } ranked;

static int ascending(const void *a, const void *b)
{
    const double x = ((const ranked *)a)->score, y = ((const ranked *)b)->score;
    return (x > y) - (x < y);
}

/* rows [n] sorted by score; count [n_query]. */
static void measure(const ranked *rows, size_t n, const double *count, double out[EVK_HELD_COUNT])
{
    double of[2] = {0}, mean[2] = {0}, squares[2] = {0}, right[2] = {0}, below = 0, wins = 0;
    for (size_t i = 0; i < n;) {
        double tied[2] = {0};
        size_t end = i;
        for (; end < n && rows[end].score == rows[i].score; end++)
            tied[rows[end].label] += count[rows[end].query];
        for (size_t k = 0; k < 2; k++) {
            if (!(tied[k] > 0))
                continue;
            const double off = rows[i].score - mean[k];
            of[k] += tied[k];
            mean[k] += off * tied[k] / of[k];
            squares[k] += tied[k] * off * (rows[i].score - mean[k]);
            right[k] += tied[k] * (rows[i].score == 0 ? 0.5 : (rows[i].score > 0) == (k == 1));
        }
        wins += tied[1] * (below + tied[0] / 2);
        below += tied[0];
        i = end;
    }
    for (size_t i = 0; i < EVK_HELD_COUNT; i++)
        out[i] = NAN;
    if (of[0] < 2 || of[1] < 2)
        return;
    out[EVK_HELD_DPRIME] = (mean[1] - mean[0]) / sqrt((squares[1] / (of[1] - 1) + squares[0] / (of[0] - 1)) / 2);
    out[EVK_HELD_AUC] = wins / (of[0] * of[1]);
    out[EVK_HELD_ACCURACY] = (right[0] / of[0] + right[1] / of[1]) / 2;
}

typedef struct sorted {
    ranked *rows;                       /* [n] */
    double *count;                      /* [n_query] */
    size_t n;
} sorted;

static evoke_status sorted_new(const evk_held *h, sorted *s, evoke_error *err)
{
    *s = (sorted){0};
    EVK_TRY(evk_alloc(&s->rows, h->n, sizeof *s->rows, "held-out scores", err));
    return evk_alloc(&s->count, h->n_query, sizeof *s->count, "held-out scores", err);
}

static void sorted_free(sorted *s)
{
    free(s->rows);
    free(s->count);
}

/* The scores of a layer of folds.h, each query once; false where one is not finite. */
static bool sort_layer(const evk_held *h, size_t layer, sorted *s)
{
    s->n = 0;
    for (size_t i = 0; i < h->n; i++) {
        if (layer > 0 && evk_group(h->fold[i], h->n_fold) == layer - 1)
            continue;
        s->rows[s->n] = (ranked){ h->scores[layer * h->n + i], h->label[i], h->query[i] };
        if (!isfinite(s->rows[s->n++].score))
            return false;
    }
    for (size_t q = 0; q < h->n_query; q++)
        s->count[q] = 1;
    qsort(s->rows, s->n, sizeof *s->rows, ascending);
    return true;
}

static void measure_layer(const evk_held *h, size_t layer, sorted *s, double out[EVK_HELD_COUNT])
{
    for (size_t i = 0; i < EVK_HELD_COUNT; i++)
        out[i] = NAN;
    if (sort_layer(h, layer, s))
        measure(s->rows, s->n, s->count, out);
}

evoke_status evk_held_measure(const evk_held *h, double out[EVK_HELD_COUNT], evoke_error *err)
{
    sorted s;
    const evoke_status st = sorted_new(h, &s, err);
    if (st == EVOKE_OK)
        measure_layer(h, 0, &s, out);
    sorted_free(&s);
    return st;
}

static void draw(const evk_held *h, uint64_t seed, uint64_t of, sorted *s, evk_held_others *out)
{
    const bool usable = sort_layer(h, 0, s);
    for (size_t b = 0; b < out->n_replicate; b++) {
        double *figures = out->replicates + b * EVK_HELD_COUNT;
        evk_draw(seed, 2, of, b, h->n_first, s->count);
        if (h->n_first < h->n_query)
            evk_draw(seed, 3, of, b, h->n_query - h->n_first, s->count + h->n_first);
        for (size_t i = 0; i < EVK_HELD_COUNT; i++)
            figures[i] = NAN;
        if (usable)
            measure(s->rows, s->n, s->count, figures);
    }
}

evoke_status evk_held_others_new(const evk_held *h, uint64_t seed, uint64_t of, size_t n_replicate, evk_held_others *out,
                                 evoke_error *err)
{
    sorted s = {0};
    *out = (evk_held_others){ .n_replicate = n_replicate, .n_group = n_replicate > 0 ? evk_groups(h->n_fold) : 0 };
    if (n_replicate == 0)
        return EVOKE_OK;
    EVK_TRY(evk_alloc(&out->replicates, n_replicate * EVK_HELD_COUNT, sizeof(double), "held-out scores", err));
    EVK_TRY(evk_alloc(&out->without, out->n_group * EVK_HELD_COUNT, sizeof(double), "held-out scores", err));
    const evoke_status st = sorted_new(h, &s, err);
    if (st == EVOKE_OK) {
        draw(h, seed, of, &s, out);
        for (size_t j = 0; j < out->n_group; j++)
            measure_layer(h, 1 + j, &s, out->without + j * EVK_HELD_COUNT);
    }
    sorted_free(&s);
    return st;
}

void evk_held_others_free(evk_held_others *o)
{
    free(o->replicates);
    free(o->without);
    *o = (evk_held_others){0};
}

/* What is a share lies in 0..1, and has an end also where all n of a class are right. */
static void bound(double value, size_t n, double ends[2])
{
    const double most_wrong = 1 - pow(0.025, 1 / (double)n);
    ends[0] = ends[0] < 0 ? 0 : ends[0];
    ends[1] = ends[1] > 1 ? 1 : ends[1];
    if (value >= 1 && ends[0] >= 1)
        ends[0] = 1 - most_wrong;
    if (value <= 0 && ends[1] <= 0)
        ends[1] = most_wrong;
}

evoke_status evk_held_figures(const evk_held *h, const evk_held_others *o, double values[EVK_HELD_COUNT],
                              double intervals[EVK_HELD_COUNT][2], evoke_error *err)
{
    size_t of[2] = {0};
    EVK_TRY(evk_held_measure(h, values, err));
    for (size_t i = 0; i < h->n; i++)
        of[h->label[i]]++;
    for (size_t k = 0; k < EVK_HELD_COUNT; k++) {
        evk_held_interval(values[k], o->replicates + k, o->n_replicate, o->without + k, o->n_group, EVK_HELD_COUNT, intervals[k]);
        if (k != EVK_HELD_DPRIME)
            bound(values[k], of[0] < of[1] ? of[0] : of[1], intervals[k]);
    }
    return EVOKE_OK;
}

static double ratio(double v, double w) { return w > 0 ? v / w : NAN; }

void evk_held_compare(const evk_held_others *v, const evk_held_others *w, double dprime_v, double dprime_w, double gain[2],
                      double efficiency[2], double *scratch)
{
    const size_t b = v->n_replicate, n = v->n_group;
    for (int which = 0; which < 2; which++) {
        double *ends = which ? efficiency : gain;
        for (size_t i = 0; i < b + n; i++) {
            const size_t at = (i < b ? i : i - b) * EVK_HELD_COUNT + EVK_HELD_DPRIME;
            const double of_v = (i < b ? v->replicates : v->without)[at], of_w = (i < b ? w->replicates : w->without)[at];
            scratch[i] = which ? ratio(of_v, of_w) : of_w - of_v;
        }
        evk_held_interval(which ? ratio(dprime_v, dprime_w) : dprime_w - dprime_v, scratch, b, scratch + b, n, 1, ends);
    }
    for (int end = 0; end < 2; end++)
        efficiency[end] = efficiency[end] < 0 ? 0 : efficiency[end] * efficiency[end];
}
