/* theory/analysis_held_out.c: one emotion's two settings, told apart by directions that were fitted to other queries. */
#include <stdlib.h>
#include <string.h>

#include "theory/analysis_emotion.h"
#include "theory/held_out.h"

evoke_status evk_put_held(evoke_theory *t, evk_figure_id first, size_t i, size_t e, const evk_held *h, evk_held_others *others,
                          evoke_error *err)
{
    double values[EVK_HELD_COUNT], intervals[EVK_HELD_COUNT][2];
    EVK_TRY(evk_held_others_new(h, t->options.seed, e, t->options.n_bootstrap, others, err));
    EVK_TRY(evk_held_figures(h, others, values, intervals, err));
    for (size_t k = 0; k < EVK_HELD_COUNT; k++) {
        *evk_figure_at(&t->figures, (evk_figure_id)(first + 2 * k), i, e) = values[k];
        memcpy(evk_figure_at(&t->figures, (evk_figure_id)(first + 2 * k + 1), i, e), intervals[k], sizeof intervals[k]);
    }
    return EVOKE_OK;
}

typedef struct held_work {
    double *scores;                     /* [EVK_N_ALONG] of [layers, 2n] */
    size_t *label, *query;              /* [2n] */
    evk_held_others others[EVK_N_ALONG];
    double *scratch;                    /* [n_bootstrap + EVK_MOST_GROUPS] */
} held_work;

/* w's d' less the EV's, and what their ratio says of the EV: of the same draws, so that what both share cancels. */
static void put_comparison(evk_emotion_work *w, held_work *h)
{
    const double of_ev = *evk_at(w, EVK_F_HELD_DPRIME_EV), of_w = *evk_at(w, EVK_F_HELD_DPRIME_W);
    *evk_at(w, EVK_F_HELD_DPRIME_GAIN) = of_w - of_ev;
    *evk_at(w, EVK_F_HELD_EFFICIENCY) = evk_held_efficiency(of_ev, of_w);
    evk_held_compare(&h->others[EVK_ALONG_EV], &h->others[EVK_ALONG_W], of_ev, of_w, evk_at(w, EVK_F_HELD_DPRIME_GAIN_INTERVAL),
                     evk_at(w, EVK_F_HELD_EFFICIENCY_INTERVAL), h->scratch);
}

static evoke_status put_held_out(evk_emotion_work *w, held_work *h, size_t k, size_t n_layer, evoke_error *err)
{
    static const evk_figure_id first[EVK_N_ALONG] = { EVK_F_HELD_DPRIME_EV, EVK_F_HELD_DPRIME_W, EVK_F_HELD_DPRIME_OFFSET,
                                                      EVK_F_HELD_DPRIME_PC };
    const evoke_theory_options *o = &w->t->options;
    double *along[EVK_N_ALONG];
    for (size_t i = 0; i < EVK_N_ALONG; i++)
        along[i] = h->scores + i * n_layer * 2 * w->n;
    for (size_t q = 0; q < w->n; q++) {
        h->label[q] = 1;
        h->query[q] = h->query[w->n + q] = q;
    }
    EVK_TRY(evk_held_out(&w->pairs, o->fisher.shrinkage, k, n_layer > 1, w->vector.v ? w->vector_scores : NULL, w->t->n_thread,
                         along, err));
    for (size_t i = 0; i < EVK_N_ALONG; i++) {
        const evk_held held = { along[i], h->label, h->query, 2 * w->n, w->n, w->n, h->query, k };
        EVK_TRY(evk_put_held(w->t, first[i], w->i, w->e, &held, &h->others[i], err));
    }
    put_comparison(w, h);
    return EVOKE_OK;
}

evoke_status evk_analyse_held_out(evk_emotion_work *w, evoke_error *err)
{
    const char *what = "held-out scores";
    const size_t n = w->n, b = w->t->options.n_bootstrap, k = w->t->options.n_fold < n ? w->t->options.n_fold : n;
    const size_t n_layer = b > 0 ? 1 + evk_groups(k) : 1;
    held_work h = {0};
    evoke_status st = evk_alloc(&h.scores, EVK_N_ALONG * n_layer * 2 * n, sizeof(double), what, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&h.scratch, b + EVK_MOST_GROUPS, sizeof(double), what, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&h.label, 2 * n, sizeof(size_t), what, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&h.query, 2 * n, sizeof(size_t), what, err);
    if (st == EVOKE_OK)
        st = put_held_out(w, &h, k, n_layer, err);
    for (size_t i = 0; i < EVK_N_ALONG; i++)
        evk_held_others_free(&h.others[i]);
    free(h.query);
    free(h.label);
    free(h.scratch);
    free(h.scores);
    return evk_grave(st) ? st : EVOKE_OK;
}
