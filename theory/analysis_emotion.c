/* theory/analysis_emotion.c: one emotion at one layer, its queries in the emotion setting against the neutral one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "layers/vectors.h"
#include "theory/analysis_emotion.h"
#include "theory/component.h"
#include "theory/controls.h"
#include "theory/geometry.h"
#include "theory/geometry_intervals.h"
#include "theory/interval.h"
#include "theory/linear.h"
#include "theory/offset_test.h"
#include "theory/spectrum.h"

enum { N_DRAW = 50 };                   /* of queries, for a learning curve */

static evoke_status allocate(evk_emotion_work *w, evoke_error *err)
{
    const char *what = "theory";
    EVK_TRY(evk_alloc(&w->count, 2 * w->n, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&w->component, w->t->d, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&w->component_scores, 2 * w->n, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&w->vector_scores, 2 * w->n, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&w->scratch, 2 * w->n + w->t->d, sizeof(double), what, err));
    for (size_t i = 0; i < 2 * w->n; i++)
        w->count[i] = 1;
    return EVOKE_OK;
}

static void release(evk_emotion_work *w)
{
    evk_pairs_fit_free(&w->fit);
    evk_pairs_free(&w->pairs);
    free(w->count);
    free(w->component);
    free(w->component_scores);
    free(w->vector_scores);
    free(w->scratch);
}

/* ---- directions ---- */

/* The exact figures of compare.h, and Fisher's direction. */
static evoke_status compare(evk_emotion_work *w, evoke_error *err)
{
    evoke_theory *t = w->t;
    const evk_samples *s = &t->samples;
    const double asked = t->options.fisher.shrinkage;
    EVK_TRY(evk_pairs_new(s->rows1 + s->starts[w->e], s->rows0 + s->starts[w->e], w->n, t->d, t->n_thread, &w->pairs, err));
    EVK_TRY(evk_pairs_shrinkage(&w->pairs, w->count, asked, EVK_FOLDS, &w->s_two, &w->s_offset, err));
    EVK_TRY(evk_compare_vector(s, w->i, w->e, asked == EVOKE_SHRINK_CV ? w->s_two : asked, &t->compared, w->row, err));
    w->s_two = w->row->shrinkage;
    memcpy(t->ev + (w->i * t->n_emotion + w->e) * t->d, t->compared.sc.ev, t->d * sizeof *t->ev);
    return EVOKE_OK;
}

/* v in the form of vectors, at the EV's length. */
static evoke_status put(evk_emotion_work *w, evoke_direction direction, const double *v, evoke_error *err)
{
    float *layers = evk_vectors_ev(w->t->directions[direction], 0, w->e);
    return evk_compared_put(&w->t->samples, &w->t->compared, v, layers + w->i * w->t->d, err);
}

static evoke_status find_component(evk_emotion_work *w, evoke_error *err)
{
    const evk_scatter *sc = &w->t->compared.sc;
    const evoke_status st = evk_component(&w->pairs.rows, w->count, 1e-15, w->component_scores, w->component,
                                          evk_at(w, EVK_F_SHARE_PC), err);
    if (st != EVOKE_OK)
        return st;
    if (evk_dot(w->component, sc->ev, sc->d) < 0) {
        for (size_t j = 0; j < sc->d; j++)
            w->component[j] = -w->component[j];
        for (size_t i = 0; i < 2 * w->n; i++)
            w->component_scores[i] = -w->component_scores[i];
    }
    w->along_pc = (evk_line){ w->component_scores, w->component, 1 };
    return EVOKE_OK;
}

static evoke_status find_directions(evk_emotion_work *w, evoke_error *err)
{
    evoke_theory *t = w->t;
    EVK_TRY(find_component(w, err));
    EVK_TRY(evk_pairs_fit_new(&w->pairs, &w->fit, err));
    if (t->options.fisher.vectors) {
        evk_row_space_project(&w->pairs.rows, t->compared.v, w->vector_scores);
        w->vector = (evk_line){ w->vector_scores, t->compared.v, evk_dot(t->compared.v, t->compared.v, t->d) };
    }
    w->replication = (evk_replication){ &w->pairs, w->s_two, w->s_offset, w->vector.v ? &w->vector : NULL, &w->along_pc, 0,
                                        0 };
    evk_replicate(&w->replication, &w->fit, w->count, w->scratch, w->estimate);
    EVK_TRY(put(w, EVOKE_DIRECTION_FISHER, t->compared.w, err));
    EVK_TRY(put(w, EVOKE_DIRECTION_COMPONENT, w->component, err));
    if (!w->fit.offset_fits)
        return EVOKE_OK;
    evk_pooled_vector(&w->fit.single, &w->fit.offset, w->scratch);
    return put(w, EVOKE_DIRECTION_OFFSET, w->scratch, err);
}

/* ---- figures ---- */

static void put_row(evk_emotion_work *w)
{
    const evoke_fisher_row *r = w->row;
    const struct { evk_figure_id id; double value; } values[] = {
        { EVK_F_N, (double)r->n }, { EVK_F_COSINE, r->cosine }, { EVK_F_ANGLE, acos(r->cosine) * (180 / 3.14159265358979323846) },
        { EVK_F_WHITENED, r->whitened_cosine }, { EVK_F_EFFICIENCY, r->efficiency }, { EVK_F_RATIO_EV, r->fisher_ratio_ev },
        { EVK_F_RATIO_W, r->fisher_ratio_w }, { EVK_F_DPRIME_EV, r->dprime_ev }, { EVK_F_DPRIME_W, r->dprime_w },
        { EVK_F_AUC_EV, r->auc_ev }, { EVK_F_AUC_W, r->auc_w }, { EVK_F_SHRINKAGE, r->shrinkage },
        { EVK_F_SHRINKAGE_OFFSET, w->fit.offset_fits ? w->fit.single.s : NAN },
        { EVK_F_RATIO_PC, w->estimate[EVK_R_RATIO_PC] }, { EVK_F_EFFICIENCY_PC, w->estimate[EVK_R_EFFICIENCY_PC] },
        { EVK_F_RATIO_OFFSET, w->estimate[EVK_R_RATIO_OFFSET] },
        { EVK_F_EFFICIENCY_OFFSET, w->estimate[EVK_R_EFFICIENCY_OFFSET] },
        { EVK_F_COSINE_OFFSET, w->estimate[EVK_R_COSINE_OFFSET] },
        { EVK_F_EV_NORM, evk_length(w->t->compared.sc.ev, w->t->d) },
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        *evk_at(w, values[i].id) = values[i].value;
}

static evoke_status put_spectrum(evk_emotion_work *w, evoke_error *err)
{
    evk_spectrum s;
    EVK_TRY(evk_spectrum_of(&w->t->compared.sc, w->s_two, evk_at(w, EVK_F_SPECTRUM), &s, err));
    *evk_at(w, EVK_F_RANK) = s.rank;
    *evk_at(w, EVK_F_EFFECTIVE_RANK) = s.effective_rank;
    *evk_at(w, EVK_F_PARTICIPATION) = s.participation;
    *evk_at(w, EVK_F_CONDITION) = s.condition;
    *evk_at(w, EVK_F_CONDITION_SHRUNK) = s.condition_shrunk;
    *evk_at(w, EVK_F_KANTOROVICH) = s.kantorovich;
    *evk_at(w, EVK_F_ISOTROPIC) = s.isotropic;
    *evk_at(w, EVK_F_SPHERICITY) = s.sphericity;
    *evk_at(w, EVK_F_SPHERICITY_Z) = s.sphericity_z;
    return EVOKE_OK;
}

/* Sphericity and participation ratio are both of tr(Sw^2) / tr(Sw)^2, which is 1/D at least. */
static void put_whiteness_intervals(evk_emotion_work *w, const double *replicates)
{
    const size_t b = w->t->options.n_bootstrap;
    const double d = (double)w->t->d;
    double ends[2];
    evk_interval(w->estimate[EVK_R_PURITY], replicates + EVK_R_PURITY, b, replicates + b * EVK_R_COUNT + EVK_R_PURITY, w->n,
                 EVK_R_COUNT, EVK_SCALE_PLAIN, ends);
    for (int end = 0; end < 2; end++) {
        const double purity = isnan(ends[end]) ? ends[end] : fmin(fmax(ends[end], 1 / d), 1);
        evk_at(w, EVK_F_SPHERICITY_INTERVAL)[end] = d * purity - 1;
        evk_at(w, EVK_F_PARTICIPATION_INTERVAL)[1 - end] = 1 / purity;
    }
}

/* Of what hangs on the smallest eigenvalues queries tell no truth where they are few: these are sampling intervals. */
static evoke_status put_spectrum_intervals(evk_emotion_work *w, evoke_error *err)
{
    enum { STRIDE = sizeof(evk_spectrum) / sizeof(double) };
    const size_t n_group = w->n < EVK_MOST_WITHOUT ? w->n : EVK_MOST_WITHOUT;
    const double d = (double)w->t->d;
    evk_spectrum without[EVK_MOST_WITHOUT];
    EVK_TRY(evk_spectrum_without(&w->pairs, w->s_two, n_group, without, err));
    const struct { evk_figure_id id; const double *from; double least, most; } figures[] = {
        { EVK_F_EFFECTIVE_RANK, &without->effective_rank, 1, d }, { EVK_F_CONDITION, &without->condition, 1, INFINITY },
        { EVK_F_CONDITION_SHRUNK, &without->condition_shrunk, 1, INFINITY }, { EVK_F_ISOTROPIC, &without->isotropic, 0, 1 },
    };
    for (size_t k = 0; k < sizeof figures / sizeof *figures; k++) {
        double *ends = evk_at(w, (evk_figure_id)(figures[k].id + 1));
        evk_sampling_interval(*evk_at(w, figures[k].id), figures[k].from, n_group, STRIDE, EVK_SCALE_LOG, ends);
        for (int end = 0; end < 2; end++)
            ends[end] = isnan(ends[end]) ? ends[end] : fmin(fmax(ends[end], figures[k].least), figures[k].most);
    }
    for (int end = 0; end < 2; end++) {
        const double k = evk_at(w, EVK_F_CONDITION_SHRUNK_INTERVAL)[1 - end];
        evk_at(w, EVK_F_KANTOROVICH_INTERVAL)[end] = 4 * k / ((1 + k) * (1 + k));
    }
    return EVOKE_OK;
}

/* What hangs on w has no interval where dimensions are more than four fifths of the queries: none that was tried holds the
 * truth there (theory/README.md). */
static void put_fitted_intervals(evk_emotion_work *w, const double *replicates)
{
    const bool own = !w->vector.v;      /* of a vector that is given a cosine may be any; the EV's with w is positive */
    const evk_scale square = own ? EVK_SCALE_INVERSE_SQUARE : EVK_SCALE_ROOT;
    const struct { evk_figure_id id; evk_replicated of; evk_scale scale; bool of_w; } intervals[] = {
        { EVK_F_COSINE_INTERVAL, EVK_R_COSINE, own ? EVK_SCALE_INVERSE_SQUARE : EVK_SCALE_ANGLE, true },
        { EVK_F_WHITENED_INTERVAL, EVK_R_WHITENED, square, true },
        { EVK_F_EFFICIENCY_INTERVAL, EVK_R_EFFICIENCY, own ? EVK_SCALE_INVERSE : EVK_SCALE_SHARE, true },
        { EVK_F_RATIO_EV_INTERVAL, EVK_R_RATIO_EV, EVK_SCALE_LOG, false },
        { EVK_F_RATIO_W_INTERVAL, EVK_R_RATIO_W, EVK_SCALE_LOG, true },
        { EVK_F_RATIO_PC_INTERVAL, EVK_R_RATIO_PC, EVK_SCALE_LOG, false },
        { EVK_F_EFFICIENCY_PC_INTERVAL, EVK_R_EFFICIENCY_PC, EVK_SCALE_SHARE, true },
        { EVK_F_RATIO_OFFSET_INTERVAL, EVK_R_RATIO_OFFSET, EVK_SCALE_LOG, true },
        { EVK_F_EFFICIENCY_OFFSET_INTERVAL, EVK_R_EFFICIENCY_OFFSET, EVK_SCALE_SHARE, true },
        { EVK_F_COSINE_OFFSET_INTERVAL, EVK_R_COSINE_OFFSET, EVK_SCALE_INVERSE_SQUARE, true },
    };
    const size_t b = w->t->options.n_bootstrap;
    for (size_t k = 0; k < sizeof intervals / sizeof *intervals; k++)
        if (5 * w->t->d <= 4 * w->n || !intervals[k].of_w)
            evk_interval(w->estimate[intervals[k].of], replicates + intervals[k].of, b,
                         replicates + b * EVK_R_COUNT + intervals[k].of, w->n, EVK_R_COUNT, intervals[k].scale,
                         evk_at(w, intervals[k].id));
    const double *cosine = evk_at(w, EVK_F_COSINE_INTERVAL);
    double *angle = evk_at(w, EVK_F_ANGLE_INTERVAL);
    for (int end = 0; end < 2; end++)
        angle[end] = acos(cosine[1 - end]) * (180 / 3.14159265358979323846);
}

static evoke_status put_intervals(evk_emotion_work *w, evoke_error *err)
{
    const size_t b = w->t->options.n_bootstrap;
    double *replicates = NULL;
    if (w->t->only_replicates)
        return evk_replicates_make(&w->t->replicates, &w->replication, w->estimate, w->e, w->t->n_thread, err);
    EVK_TRY(evk_alloc(&replicates, (b + w->n) * EVK_R_COUNT, sizeof(double), "bootstrap", err));
    const evoke_status st = w->t->options.replicates
        ? evk_replicates_take(&w->t->replicates, w->estimate, b + w->n, replicates, err)
        : evk_bootstrap(&w->replication, w->t->options.seed, w->e, b, w->t->n_thread, replicates, err);
    if (st == EVOKE_OK) {
        put_fitted_intervals(w, replicates);
        put_whiteness_intervals(w, replicates);
    }
    free(replicates);
    return st == EVOKE_OK ? put_spectrum_intervals(w, err) : st;
}

/* ---- tests, controls, stability ---- */

static void put_summary(evk_emotion_work *w, evk_figure_id first, const evk_control_summary *s)
{
    memcpy(evk_at(w, first), s->cosine, sizeof s->cosine);
    memcpy(evk_at(w, (evk_figure_id)(first + 1)), s->efficiency, sizeof s->efficiency);
    memcpy(evk_at(w, (evk_figure_id)(first + 2)), s->fisher_ratio, sizeof s->fisher_ratio);
    memcpy(evk_at(w, (evk_figure_id)(first + 3)), s->auc, sizeof s->auc);
}

static evoke_status put_controls(evk_emotion_work *w, evoke_error *err)
{
    const evoke_theory_options *o = &w->t->options;
    evk_controls c;
    EVK_TRY(evk_control(&w->fit, w->t->random, o->n_control, o->seed, w->e, w->t->n_thread, &c, err));
    put_summary(w, EVK_F_RANDOM_COSINE, &c.random);
    put_summary(w, EVK_F_PERMUTED_COSINE, &c.permuted);
    *evk_at(w, EVK_F_PERMUTED_P) = c.p;
    return EVOKE_OK;
}

static evoke_status put_test(evk_emotion_work *w, evoke_error *err)
{
    const evoke_theory_options *o = &w->t->options;
    evk_offset_test test;
    EVK_TRY(evk_test_offsets(&w->pairs.offsets, o->fisher.shrinkage, o->seed, w->e, o->n_permutation, &test, err));
    *evk_at(w, EVK_F_T2) = test.t2;
    *evk_at(w, EVK_F_T2_P) = o->n_permutation > 0 ? test.p : NAN;
    *evk_at(w, EVK_F_T2_SHRINKAGE) = test.shrinkage;
    return EVOKE_OK;
}

/* The component's share without each group of queries, both rows of each; no interval where those left do not vary. */
static evoke_status put_component_interval(evk_emotion_work *w, evoke_error *err)
{
    double share[EVK_MOST_WITHOUT], *kept = w->scratch;
    if (!evk_has_groups(w->t, w->e))
        return EVOKE_OK;
    for (size_t g = 0; g < EVK_MOST_WITHOUT; g++) {
        for (size_t q = 0; q < w->n; q++)
            kept[q] = kept[w->n + q] = q % EVK_MOST_WITHOUT != g;
        const evoke_status st = evk_component(&w->pairs.rows, kept, 1e-8, w->vector_scores, NULL, &share[g], err);
        if (st == EVOKE_EDATA)
            return EVOKE_OK;
        EVK_TRY(st);
    }
    evk_sampling_interval(*evk_at(w, EVK_F_SHARE_PC), share, EVK_MOST_WITHOUT, 1, EVK_SCALE_SHARE,
                          evk_at(w, EVK_F_SHARE_PC_INTERVAL));
    return EVOKE_OK;
}

static evoke_status put_stability(evk_emotion_work *w, evoke_error *err)
{
    const evoke_theory_options *o = &w->t->options;
    double *curve = evk_at(w, EVK_F_LEARNING_CURVE), *half = evk_at(w, EVK_F_SPLIT_HALF);
    EVK_TRY(evk_learning_curve(&w->pairs.offsets, o->seed, w->e, N_DRAW, curve, half, err));
    if (o->n_bootstrap == 0)
        return EVOKE_OK;
    return evk_learning_intervals(&w->pairs.offsets, curve, *half, evk_at(w, EVK_F_LEARNING_CURVE_INTERVAL),
                                  evk_at(w, EVK_F_SPLIT_HALF_INTERVAL), err);
}

static evoke_status run(evk_emotion_work *w, evoke_error *err)
{
    const evoke_theory_options *o = &w->t->options;
    EVK_TRY(allocate(w, err));
    EVK_TRY(compare(w, err));
    EVK_TRY(find_directions(w, err));
    put_row(w);
    EVK_TRY(put_spectrum(w, err));
    if (o->n_bootstrap > 0)
        EVK_TRY(put_intervals(w, err));
    if (w->t->only_replicates)
        return EVOKE_OK;
    EVK_TRY(put_test(w, err));
    if (o->n_fold > 1 && w->n > 2)
        EVK_TRY(evk_analyse_held_out(w, err));
    if (o->n_control > 0)
        EVK_TRY(put_controls(w, err));
    if (o->n_bootstrap > 0)
        EVK_TRY(put_component_interval(w, err));
    evk_put_ev_without(w->t, w->i, w->e, &w->pairs.offsets);
    evk_layer_similarity_add(&w->t->similarity[w->e], w->i, w->pairs.offsets.gram);
    return put_stability(w, err);
}

evoke_status evk_analyse_emotion(evoke_theory *t, size_t i, size_t e, evoke_error *err)
{
    const evk_samples *s = &t->samples;
    evk_emotion_work w = { .t = t, .i = i, .e = e, .n = s->starts[e + 1] - s->starts[e],
                       .row = &t->fisher.rows[t->fisher.n_rows] };
    evoke_error why = {0};
    const evoke_status st = run(&w, &why);
    release(&w);
    if (st == EVOKE_OK)
        t->fisher.n_rows++;
    return evk_name_place(s, i, e, st, &why, err);
}
