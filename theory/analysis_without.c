/* theory/analysis_without.c: EVs without each of some groups of queries, for the sampling intervals (interval.h) of cosines that
 * no bootstrap of one layer and emotion can give. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/analysis.h"
#include "theory/interval.h"
#include "theory/linear.h"

void evk_put_ev_without(evoke_theory *t, size_t i, size_t e, const evk_row_space *offsets)
{
    const size_t n = offsets->n, d = t->d;
    const double *ev = t->ev + (i * t->n_emotion + e) * d;
    for (size_t g = 0; t->ev_without && g < EVK_MOST_WITHOUT; g++) {
        double *out = evk_ev_without(t, g, i, e), kept = (double)n;
        for (size_t j = 0; j < d; j++)
            out[j] = (double)n * ev[j];
        for (size_t q = g; q < n; q += EVK_MOST_WITHOUT, kept--)
            for (size_t j = 0; j < d; j++)
                out[j] -= offsets->x[q * d + j];
        for (size_t j = 0; j < d; j++)
            out[j] /= kept;
    }
}

static double cosine(const double *a, const double *b, size_t d)
{
    return evk_dot(a, b, d) / (evk_length(a, d) * evk_length(b, d));
}

static bool has_without(const evoke_theory *t, size_t e) { return t->ev_without && evk_has_groups(t, e); }

void evk_put_layer_cosine_intervals(evoke_theory *t)
{
    const size_t n = t->samples.n_layer;
    for (size_t cell = 0; cell < t->n_emotion * n * n; cell++) {
        const size_t e = cell / (n * n), l = cell / n % n, m = cell % n;
        double without[EVK_MOST_WITHOUT];
        for (size_t g = 0; g < EVK_MOST_WITHOUT && has_without(t, e); g++)
            without[g] = l == m ? 1 : cosine(evk_ev_without(t, g, l, e), evk_ev_without(t, g, m, e), t->d);
        if (has_without(t, e))
            evk_sampling_interval(t->figures.values[EVK_F_LAYER_COSINE][cell], without, EVK_MOST_WITHOUT, 1, EVK_SCALE_ROOT,
                                  t->figures.values[EVK_F_LAYER_COSINE_INTERVAL] + 2 * cell);
    }
}

/* sums [D] of an emotion's rows, or of all others', but those of group g of each emotion; returns how many. */
static double sum_rows(const evoke_theory *t, size_t e, bool others, size_t g, double *sums)
{
    double n = 0;
    memset(sums, 0, t->d * sizeof *sums);
    for (size_t f = 0; f < t->n_emotion; f++)
        for (size_t q = t->samples.starts[f]; q < t->samples.starts[f + 1] && (f == e) != others; q++) {
            if ((q - t->samples.starts[f]) % EVK_MOST_WITHOUT == g)
                continue;
            n++;
            for (size_t j = 0; j < t->d; j++)
                sums[j] += (double)t->samples.rows1[q][j];
        }
    return n;
}

evoke_status evk_put_rest_cosine_interval(evoke_theory *t, size_t i, size_t e, evoke_error *err)
{
    double *gap = NULL, without[EVK_MOST_WITHOUT];
    if (!has_without(t, e))
        return EVOKE_OK;
    EVK_TRY(evk_alloc(&gap, 2 * t->d, sizeof *gap, "theory", err));
    double *rest = gap + t->d;
    for (size_t g = 0; g < EVK_MOST_WITHOUT; g++) {
        const double n = sum_rows(t, e, false, g, gap), n_rest = sum_rows(t, e, true, g, rest);
        for (size_t j = 0; j < t->d; j++)
            gap[j] = gap[j] / n - rest[j] / n_rest;
        without[g] = cosine(gap, evk_ev_without(t, g, i, e), t->d);
    }
    free(gap);
    evk_sampling_interval(*evk_figure_at(&t->figures, EVK_F_REST_COSINE_EV, i, e), without, EVK_MOST_WITHOUT, 1, EVK_SCALE_ROOT,
                          evk_figure_at(&t->figures, EVK_F_REST_COSINE_EV_INTERVAL, i, e));
    return EVOKE_OK;
}
