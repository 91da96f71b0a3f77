/* theory/labelled_directions.c: what the queries alone say, for scores of other texts. */
#include <stdlib.h>
#include <string.h>

#include "theory/labelled.h"
#include "theory/rest.h"

static evoke_status against_neutral(evoke_labelled *t, size_t i, size_t e, evoke_error *err)
{
    const size_t emotion = t->emotion_of[e], step = t->n_emotion * t->d;
    evoke_fisher_row row;
    double choice = t->options.fisher.shrinkage;
    EVK_TRY(evk_compare_choose(&t->samples, emotion, &choice, err));
    EVK_TRY(evk_compare_vector(&t->samples, i, emotion, choice, &t->compared, &row, err));
    memcpy(t->directions + e * t->d, t->compared.v, t->d * sizeof(double));
    memcpy(t->directions + step + e * t->d, t->compared.w, t->d * sizeof(double));
    return EVOKE_OK;
}

static evoke_status against_others(evoke_labelled *t, const evk_row_space *space, size_t *label, size_t e, evoke_error *err)
{
    const size_t *starts = t->samples.starts, emotion = t->emotion_of[e], step = t->n_emotion * t->d;
    evk_rest unused;
    for (size_t q = 0; q < space->n; q++)
        label[q] = q >= starts[emotion] && q < starts[emotion + 1];
    return evk_rest_fit(space, label, t->options.fisher.shrinkage, EVK_FOLDS, &unused, t->directions + 2 * step + e * t->d,
                        t->directions + 3 * step + e * t->d, err);
}

evoke_status evk_labelled_directions(evoke_labelled *t, size_t i, evoke_error *err)
{
    const evk_samples *s = &t->samples;
    const size_t n = s->starts[s->info->n_emotion];
    evk_row_space space = {0};
    size_t *label = NULL;
    evoke_status st = evk_alloc(&label, n, sizeof *label, "labelled texts", err);
    if (st == EVOKE_OK && t->n_direction > 2)
        st = evk_row_space_fit(s->rows1, n, t->d, true, t->n_thread, &space, err);
    for (size_t e = 0; e < t->n_emotion && st == EVOKE_OK; e++) {
        evoke_error why = {0};
        st = against_neutral(t, i, e, &why);
        if (st == EVOKE_OK && t->n_direction > 2)
            st = against_others(t, &space, label, e, &why);
        st = evk_name_place(s, i, t->emotion_of[e], st, &why, err);
    }
    evk_row_space_free(&space);
    free(label);
    return st;
}
