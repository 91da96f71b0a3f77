/* theory/analysis_held_out.c: one emotion's two settings, told apart by directions that were fitted to other queries. */
#include <stdlib.h>

#include "theory/analysis_emotion.h"
#include "theory/held_out.h"
#include "theory/held_scores.h"
#include "theory/interval.h"

/* Figures of scores, at `first` (d', AUC, accuracy, each with its interval); replicates [n_bootstrap, EVK_HELD_COUNT] stay. */
static evoke_status put_held(evk_emotion_work *w, const evk_held *h, evk_figure_id first, double *replicates, double *column,
                             evoke_error *err)
{
    const size_t b = w->t->options.n_bootstrap;
    double values[EVK_HELD_COUNT];
    EVK_TRY(evk_held_measure(h, values, err));
    EVK_TRY(evk_held_bootstrap(h, w->t->options.seed, w->e, b, replicates, err));
    for (size_t k = 0; k < EVK_HELD_COUNT; k++) {
        const evk_figure_id id = (evk_figure_id)(first + 2 * k);
        *evk_at(w, id) = values[k];
        for (size_t i = 0; i < b; i++)
            column[i] = replicates[i * EVK_HELD_COUNT + k];
        evk_percentiles(column, b, evk_at(w, (evk_figure_id)(id + 1)));
    }
    return EVOKE_OK;
}

/* w's d' less the EV's, and what their ratio says of the EV: of the same draws, so that what both share cancels. */
static void put_comparison(evk_emotion_work *w, const double *replicates, double *column)
{
    const size_t b = w->t->options.n_bootstrap;
    const double *ev = replicates + EVK_HELD_DPRIME, *fitted = ev + b * EVK_HELD_COUNT;
    const double of_ev = *evk_at(w, EVK_F_HELD_DPRIME_EV), of_w = *evk_at(w, EVK_F_HELD_DPRIME_W);
    *evk_at(w, EVK_F_HELD_DPRIME_GAIN) = of_w - of_ev;
    for (size_t i = 0; i < b; i++)
        column[i] = fitted[i * EVK_HELD_COUNT] - ev[i * EVK_HELD_COUNT];
    evk_percentiles(column, b, evk_at(w, EVK_F_HELD_DPRIME_GAIN_INTERVAL));
    *evk_at(w, EVK_F_HELD_EFFICIENCY) = evk_held_efficiency(of_ev, of_w);
    for (size_t i = 0; i < b; i++)
        column[i] = evk_held_efficiency(ev[i * EVK_HELD_COUNT], fitted[i * EVK_HELD_COUNT]);
    evk_percentiles(column, b, evk_at(w, EVK_F_HELD_EFFICIENCY_INTERVAL));
}

static evoke_status put_held_out(evk_emotion_work *w, double *scores, size_t *label, size_t *query, double *replicates,
                                 double *column, evoke_error *err)
{
    static const evk_figure_id first[EVK_N_ALONG] = { EVK_F_HELD_DPRIME_EV, EVK_F_HELD_DPRIME_W, EVK_F_HELD_DPRIME_OFFSET,
                                                      EVK_F_HELD_DPRIME_PC };
    const size_t n = w->n, b = w->t->options.n_bootstrap, k = w->t->options.n_fold < n ? w->t->options.n_fold : n;
    double *along[EVK_N_ALONG];
    for (size_t i = 0; i < EVK_N_ALONG; i++)
        along[i] = scores + i * 2 * n;
    for (size_t q = 0; q < n; q++) {
        label[q] = 1;
        query[q] = query[n + q] = q;
    }
    EVK_TRY(evk_held_out(&w->pairs, w->t->options.fisher.shrinkage, k, w->vector.v ? w->vector_scores : NULL, along, err));
    for (size_t i = 0; i < EVK_N_ALONG; i++) {
        const evk_held h = { along[i], label, query, 2 * n, n, n };
        EVK_TRY(put_held(w, &h, first[i], replicates + i * b * EVK_HELD_COUNT, column, err));
    }
    put_comparison(w, replicates, column);
    return EVOKE_OK;
}

evoke_status evk_analyse_held_out(evk_emotion_work *w, evoke_error *err)
{
    const size_t n = w->n, b = w->t->options.n_bootstrap;
    double *numbers = NULL;
    size_t *indices = NULL;
    evoke_status st = evk_alloc(&numbers, EVK_N_ALONG * 2 * n + (EVK_N_ALONG * EVK_HELD_COUNT + 1) * b, sizeof *numbers,
                                "held-out scores", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&indices, 4 * n, sizeof *indices, "held-out scores", err);
    if (st == EVOKE_OK) {
        double *replicates = numbers + EVK_N_ALONG * 2 * n;
        st = put_held_out(w, numbers, indices, indices + 2 * n, replicates, replicates + EVK_N_ALONG * EVK_HELD_COUNT * b, err);
    }
    free(indices);
    free(numbers);
    return evk_grave(st) ? st : EVOKE_OK;
}
