#include "theory/held_scores.h"

#include <math.h>
#include <stdlib.h>

#include "theory/bootstrap.h"

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

static evoke_status sort(const evk_held *h, ranked **rows, double **count, evoke_error *err)
{
    EVK_TRY(evk_alloc(rows, h->n, sizeof **rows, "held-out scores", err));
    EVK_TRY(evk_alloc(count, h->n_query, sizeof **count, "held-out scores", err));
    for (size_t i = 0; i < h->n; i++)
        (*rows)[i] = (ranked){ h->scores[i], h->label[i], h->query[i] };
    for (size_t q = 0; q < h->n_query; q++)
        (*count)[q] = 1;
    qsort(*rows, h->n, sizeof **rows, ascending);
    return EVOKE_OK;
}

static bool all_finite(const evk_held *h)
{
    for (size_t i = 0; i < h->n; i++)
        if (!isfinite(h->scores[i]))
            return false;
    return true;
}

/* n_replicate 0: the scores themselves. */
static evoke_status run(const evk_held *h, uint64_t seed, uint64_t of, size_t n_replicate, double *out, evoke_error *err)
{
    ranked *rows = NULL;
    double *count = NULL;
    const bool usable = all_finite(h);
    evoke_status st = sort(h, &rows, &count, err);
    for (size_t b = 0; st == EVOKE_OK && b < (n_replicate ? n_replicate : 1); b++) {
        if (n_replicate > 0)
            evk_draw(seed, 2, of, b, h->n_first, count);
        if (n_replicate > 0 && h->n_first < h->n_query)
            evk_draw(seed, 3, of, b, h->n_query - h->n_first, count + h->n_first);
        for (size_t i = 0; i < EVK_HELD_COUNT && !usable; i++)
            out[b * EVK_HELD_COUNT + i] = NAN;
        if (usable)
            measure(rows, h->n, count, out + b * EVK_HELD_COUNT);
    }
    free(rows);
    free(count);
    return st;
}

evoke_status evk_held_measure(const evk_held *h, double out[EVK_HELD_COUNT], evoke_error *err)
{
    return run(h, 0, 0, 0, out, err);
}

evoke_status evk_held_bootstrap(const evk_held *h, uint64_t seed, uint64_t of, size_t n_replicate, double *out,
                                evoke_error *err)
{
    return n_replicate > 0 ? run(h, seed, of, n_replicate, out, err) : EVOKE_OK;
}
