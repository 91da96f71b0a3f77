/* theory/labelled_geometry.c: emotion vectors of labels.
 *
 *     EV_c = mean of the texts that have label c - mean of those labelled `neutral`, or of all texts where none is */
#include <math.h>
#include <stdlib.h>

#include "theory/correlation.h"
#include "theory/geometry.h"
#include "theory/labelled.h"
#include "theory/linear.h"
#include "theory/ratings.h"

/* Mean of the texts that have a label (SIZE_MAX: of all), out [D]; returns their number. */
static size_t mean_of(const evoke_labelled *t, size_t label, double *out)
{
    size_t n = 0;
    for (size_t j = 0; j < t->d; j++)
        out[j] = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (label != SIZE_MAX && !t->said->has[label * t->said->n_text + t->text[i]])
            continue;
        n++;
        for (size_t j = 0; j < t->d; j++)
            out[j] += (double)t->rows[i][j];
    }
    for (size_t j = 0; j < t->d; j++)
        out[j] /= (double)n;
    return n;
}

static evoke_status correlate_axis(evoke_labelled *t, size_t i, size_t axis, double *room, evoke_error *err)
{
    static const evk_labelled_id ids[2][2] = { { EVK_T_VALENCE_R, EVK_T_VALENCE_RHO }, { EVK_T_AROUSAL_R, EVK_T_AROUSAL_RHO } };
    const double *plane = evk_labelled_at(t, EVK_T_LABEL_PLANE, i);
    for (size_t c = 0; c < t->n_label; c++)
        room[c] = plane[2 * c + axis];
    for (size_t k = 0; k < 2; k++) {
        evk_correlation r;
        EVK_TRY(evk_correlate(room, t->figures.values[k ? EVK_T_AROUSAL : EVK_T_VALENCE], t->n_label, &r, err));
        evk_labelled_at(t, ids[k][0], i)[axis] = r.r;
        evk_labelled_at(t, ids[k][1], i)[axis] = r.rho;
        for (size_t end = 0; end < 2; end++) {
            evk_labelled_at(t, (evk_labelled_id)(ids[k][0] + 1), i)[2 * axis + end] = r.r_interval[end];
            evk_labelled_at(t, (evk_labelled_id)(ids[k][1] + 1), i)[2 * axis + end] = r.rho_interval[end];
        }
    }
    return EVOKE_OK;
}

evoke_status evk_labelled_geometry(evoke_labelled *t, size_t i, evoke_error *err)
{
    const size_t n = t->n_label, d = t->d;
    size_t neutral = SIZE_MAX;
    double *room = NULL;
    if (n < 2)
        return EVOKE_OK;
    EVK_TRY(evk_alloc(&room, n > d ? n : d, sizeof *room, "labelled texts", err));
    if (!evk_text_labels_find(t->said, "neutral", &neutral) || !t->info.has_neutral)
        neutral = SIZE_MAX;
    mean_of(t, neutral, room);
    for (size_t c = 0; c < n; c++) {
        double *ev = t->label_vectors + c * d;
        mean_of(t, t->label_of[c], ev);
        for (size_t j = 0; j < d; j++)
            ev[j] -= room[j];
        evk_labelled_at(t, EVK_T_NORM, i)[c] = evk_length(ev, d);
    }
    evoke_status st = evk_geometry(t->label_vectors, n, d, evk_labelled_at(t, EVK_T_LABEL_COSINE, i),
                                   evk_labelled_at(t, EVK_T_LABEL_BASE, i), evk_labelled_at(t, EVK_T_LABEL_PLANE, i),
                                   evk_labelled_at(t, EVK_T_LABEL_PLANE_SHARE, i), err);
    for (size_t axis = 0; axis < 2 && st == EVOKE_OK; axis++)
        st = correlate_axis(t, i, axis, room, err);
    free(room);
    return st;
}

void evk_labelled_describe(evoke_labelled *t)
{
    for (size_t c = 0; c < t->n_label; c++) {
        double rated[2];
        size_t n = 0;
        evk_ratings_of(t->options.ratings, t->labels[c], rated);
        t->figures.values[EVK_T_VALENCE][c] = rated[0];
        t->figures.values[EVK_T_AROUSAL][c] = rated[1];
        for (size_t i = 0; i < t->n; i++)
            n += t->said->has[t->label_of[c] * t->said->n_text + t->text[i]];
        t->figures.values[EVK_T_N_LABEL][c] = (double)n;
    }
    for (size_t e = 0; e < t->n_emotion; e++) {
        size_t n = 0;
        for (size_t i = 0; i < t->n; i++)
            n += t->has[e * t->n + i];
        t->figures.values[EVK_T_N_EMOTION][e] = (double)n;
    }
}
