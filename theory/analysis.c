/* theory/analysis.c: evoke_theory_run, over all layers; what is said of depth; the file of figures. */
#include "theory/analysis.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/files/hdf5.h"
#include "core/kernels/matmul.h"
#include "core/threads.h"
#include "layers/vectors.h"
#include "theory/controls.h"
#include "theory/interval.h"
#include "theory/linear.h"

static const char *const names[EVOKE_N_DIRECTION] = { "fisher", "offset", "rest", "discriminants", "component" };

const char *evoke_direction_name(evoke_direction direction)
{
    return (size_t)direction < EVOKE_N_DIRECTION ? names[direction] : NULL;
}

bool evoke_direction_find(const char *name, evoke_direction *direction)
{
    for (size_t i = 0; i < EVOKE_N_DIRECTION; i++)
        if (strcmp(name, names[i]) == 0) {
            *direction = (evoke_direction)i;
            return true;
        }
    return false;
}

evoke_theory_options evoke_theory_defaults(void)
{
    return (evoke_theory_options){
        .fisher = { .site = EVOKE_RESID_POST, .any_span = true, .last_layer = -1, .shrinkage = EVOKE_SHRINK_LEDOIT_WOLF },
        .n_bootstrap = 1000, .n_permutation = 1000, .n_control = 200, .n_fold = 10,
    };
}

/* ---- the run ---- */

/* Of all layers' products of rows: 512 MiB for an emotion's offsets together, as much for all rows. */
static const size_t most_similarity = (size_t)512 << 20;

static evoke_status new_similarity(evoke_theory *t, evoke_error *err)
{
    const evk_samples *s = &t->samples;
    EVK_TRY(evk_alloc(&t->similarity, t->n_emotion + 1, sizeof *t->similarity, "theory", err));
    for (size_t e = 0; e < t->n_emotion; e++)
        EVK_TRY(evk_layer_similarity_new(s->n_layer, s->starts[e + 1] - s->starts[e], most_similarity / t->n_emotion,
                                         &t->similarity[e], err));
    return evk_layer_similarity_new(s->n_layer, s->starts[t->n_emotion], most_similarity, &t->similarity[t->n_emotion], err);
}

static evoke_status new_discriminants(evoke_theory *t, evoke_error *err)
{
    const size_t n = t->n_emotion - 1;
    char (*text)[40] = NULL;
    const char **list = NULL;
    if (n == 0)
        return EVOKE_OK;
    evoke_status st = evk_alloc(&text, n, sizeof *text, "theory", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&list, n, sizeof *list, "theory", err);
    for (size_t j = 0; j < n && st == EVOKE_OK; j++) {
        snprintf(text[j], sizeof text[j], "discriminant%zu", j + 1);
        list[j] = text[j];
    }
    if (st == EVOKE_OK)
        st = evk_samples_directions(&t->samples, names[EVOKE_DIRECTION_DISCRIMINANTS], list, n,
                                    &t->directions[EVOKE_DIRECTION_DISCRIMINANTS], err);
    free(list);
    free(text);
    return st;
}

static evoke_status new_results(evoke_theory *t, evoke_error *err)
{
    const evk_samples *s = &t->samples;
    size_t most = 0, cells = 0;
    for (size_t e = 0; e < t->n_emotion; e++)
        most = s->starts[e + 1] - s->starts[e] > most ? s->starts[e + 1] - s->starts[e] : most;
    EVK_TRY(evk_figures_new(s->n_layer, t->n_emotion, 2 * most < t->d ? 2 * most : t->d, &t->figures, err));
    EVK_TRY(evk_fisher_result_new(s, &t->fisher, err));
    t->directions[EVOKE_DIRECTION_FISHER] = t->fisher.directions;
    for (size_t i = EVOKE_DIRECTION_OFFSET; i < EVOKE_N_DIRECTION; i++)
        if (i != EVOKE_DIRECTION_DISCRIMINANTS)
            EVK_TRY(evk_samples_directions(s, names[i], NULL, t->n_emotion, &t->directions[i], err));
    EVK_TRY(new_discriminants(t, err));
    EVK_TRY(evk_compared_new(t->d, &t->compared, err));
    if (!evk_mul(s->n_layer * t->n_emotion, t->d, &cells))
        return evk_fail(err, EVOKE_ENOMEM, "theory: too many layers and emotions");
    EVK_TRY(new_similarity(t, err));
    EVK_TRY(evk_alloc(&t->ev, cells, sizeof *t->ev, "theory", err));
    if (t->options.n_bootstrap > 0 && !t->only_replicates && cells <= most_similarity / sizeof(double) / EVK_MOST_WITHOUT)
        EVK_TRY(evk_alloc(&t->ev_without, EVK_MOST_WITHOUT * cells, sizeof *t->ev_without, "theory", err));
    EVK_TRY(evk_alloc(&t->random, t->options.n_control * t->d, sizeof *t->random, "theory", err));
    evk_random_directions(t->options.seed, t->options.n_control, t->d, t->random);
    return EVOKE_OK;
}

static evoke_status run_layers(evoke_theory *t, const evoke_progress *progress, evoke_error *err)
{
    const size_t n_layer = t->samples.n_layer;
    for (size_t i = 0; i < n_layer; i++) {
        EVK_TRY(evk_samples_read(&t->samples, i, err));
        for (size_t e = 0; e < t->n_emotion; e++) {
            EVK_TRY(evk_analyse_emotion(t, i, e, err));
            EVK_TRY(evk_report(progress, "theory", t->fisher.n_rows, n_layer * t->n_emotion, err));
        }
        if (!t->only_replicates)
            EVK_TRY(evk_analyse_layer(t, i, err));
    }
    return EVOKE_OK;
}

/* ---- depth ---- */

static void compare_layers(evoke_theory *t)
{
    const size_t n = t->samples.n_layer, d = t->d;
    for (size_t e = 0; e < t->n_emotion; e++)
        for (size_t l = 0; l < n; l++)
            for (size_t m = 0; m < n; m++) {
                const double *a = t->ev + (l * t->n_emotion + e) * d, *b = t->ev + (m * t->n_emotion + e) * d;
                t->figures.values[EVK_F_LAYER_COSINE][(e * n + l) * n + m] = evk_dot(a, b, d)
                                                                            / (evk_length(a, d) * evk_length(b, d));
            }
}

/* One of the similarities, from cell `at` of its two figures on. */
static evoke_status put_similarity(evoke_theory *t, size_t of, evk_figure_id cka, evk_figure_id debiased, size_t at, evoke_error *err)
{
    double **values = t->figures.values;
    const bool ends = t->options.n_bootstrap > 0;
    return evk_layer_similarity_finish(&t->similarity[of], t->n_thread, values[cka] + at, values[debiased] + at,
                                       ends ? values[cka + 1] + 2 * at : NULL, ends ? values[debiased + 1] + 2 * at : NULL, err);
}

static evoke_status finish_similarity(evoke_theory *t, evoke_error *err)
{
    const size_t cells = t->samples.n_layer * t->samples.n_layer;
    for (size_t e = 0; e < t->n_emotion; e++)
        EVK_TRY(put_similarity(t, e, EVK_F_LAYER_CKA, EVK_F_LAYER_CKA_DEBIASED, e * cells, err));
    return t->n_emotion > 1 ? put_similarity(t, t->n_emotion, EVK_F_ROWS_CKA, EVK_F_ROWS_CKA_DEBIASED, 0, err) : EVOKE_OK;
}

/* The lowest layer whose AUC is above chance, its interval with it, and the lowest of highest AUC; NaN: none. */
static void find_depth(evoke_theory *t, evk_figure_id auc, evk_figure_id first, evk_figure_id best)
{
    for (size_t e = 0; e < t->n_emotion; e++) {
        double most = -1;
        int32_t lowest = INT32_MAX, highest = INT32_MAX;
        for (size_t i = 0; i < t->samples.n_layer; i++) {
            const int32_t layer = evk_samples_layer(&t->samples, i);
            const double value = *evk_figure_at(&t->figures, auc, i, e);
            const double *interval = evk_figure_at(&t->figures, (evk_figure_id)(auc + 1), i, e);
            if (interval[0] > 0.5 && layer < lowest)
                lowest = layer;
            if (value > most || (value == most && layer < highest)) {
                most = value;
                highest = layer;
            }
        }
        t->figures.values[first][e] = lowest < INT32_MAX ? (double)lowest : (double)NAN;
        t->figures.values[best][e] = highest < INT32_MAX ? (double)highest : (double)NAN;
    }
}

static evoke_status finish(evoke_theory *t, evoke_error *err)
{
    compare_layers(t);
    evk_put_layer_cosine_intervals(t);
    EVK_TRY(finish_similarity(t, err));
    find_depth(t, EVK_F_HELD_AUC_EV, EVK_F_FIRST_LAYER, EVK_F_BEST_LAYER);
    find_depth(t, EVK_F_REST_AUC_EV, EVK_F_REST_FIRST_LAYER, EVK_F_REST_BEST_LAYER);
    for (size_t i = 0; i < t->figures.size['M']; i++)
        t->figures.values[EVK_F_LEARNING_SIZE][i] = (double)((size_t)1 << i);
    for (size_t i = 0; i < EVOKE_N_DIRECTION; i++)
        if (t->directions[i])
            evk_vectors_set_base(t->directions[i]);
    return EVOKE_OK;
}

static evoke_status open_replicates(evoke_theory *t, evoke_error *err)
{
    const evoke_theory_options *o = &t->options;
    evk_replicates *r = &t->replicates;
    EVK_TRY(evk_replicates_open(o->replicates, r, err));
    if (r->n_shard != 1)
        return evk_fail(err, EVOKE_EDATA, "use replicates: they are shard %zu of %zu; 'evoke merge' joins them (%s)", r->shard,
                        r->n_shard, r->path);
    if (strcmp(r->version, evoke_version()) != 0 || r->seed != o->seed || r->n_replicate != (int64_t)o->n_bootstrap)
        return evk_fail(err, EVOKE_EDATA, "use replicates: they are %lld, of seed %llu and version %s; here %zu, %llu and %s "
                        "(%s)", (long long)r->n_replicate, (unsigned long long)r->seed, r->version, o->n_bootstrap,
                        (unsigned long long)o->seed, evoke_version(), r->path);
    return EVOKE_OK;
}

static evoke_status run(evoke_theory *t, evoke_store *s, const evoke_progress *progress, evoke_error *err)
{
    EVK_TRY(evk_blas_check(err));
    EVK_TRY(evk_samples_open(s, &t->options.fisher, &t->samples, err));
    t->d = t->samples.info->d_model;
    t->n_emotion = t->samples.info->n_emotion;
    t->n_thread = t->options.n_threads ? t->options.n_threads : evk_cores_available();
    if (t->options.replicates)
        EVK_TRY(open_replicates(t, err));
    EVK_TRY(new_results(t, err));
    EVK_TRY(run_layers(t, progress, err));
    if (t->replicates.n_unit > 0 && t->options.replicates)
        return evk_fail(err, EVOKE_EDATA, "use replicates: they are of more layers (%s)", t->replicates.path);
    return t->only_replicates ? EVOKE_OK : finish(t, err);
}

/* Runs, and frees what is needed for that only. */
static evoke_status run_and_tidy(evoke_theory *t, evoke_store *s, const evoke_progress *progress, evoke_error *err)
{
    const evoke_status st = run(t, s, progress, err);
    evk_compared_free(&t->compared);
    evk_samples_close(&t->samples);
    for (size_t e = 0; t->similarity && e <= t->n_emotion; e++)
        evk_layer_similarity_free(&t->similarity[e]);
    free(t->similarity);
    t->similarity = NULL;
    free(t->random);
    free(t->ev);
    free(t->ev_without);
    t->random = t->ev = t->ev_without = NULL;
    return st;
}

evoke_status evoke_theory_run(evoke_store *s, const evoke_theory_options *options, const evoke_progress *progress,
                              evoke_theory **out, evoke_error *err)
{
    evoke_theory *t = NULL;
    *out = NULL;
    EVK_TRY(evk_alloc(&t, 1, sizeof *t, "theory", err));
    t->options = *options;
    const evoke_status st = run_and_tidy(t, s, progress, err);
    if (st == EVOKE_OK)
        *out = t;
    else
        evoke_theory_free(t);
    return st;
}

evoke_status evoke_theory_replicates(evoke_store *s, const evoke_theory_options *options, size_t shard, size_t n_shards,
                                     const char *path, const evoke_provenance *made, const evoke_progress *progress,
                                     evoke_error *err)
{
    evoke_theory *t = NULL;
    if (options->n_bootstrap == 0 || options->replicates)
        return evk_fail(err, EVOKE_EARG, "make replicates: none is asked for, or they are there already");
    if (shard < 1 || shard > n_shards)
        return evk_fail(err, EVOKE_EARG, "make replicates: there is no shard %zu of %zu; they count from 1", shard, n_shards);
    EVK_TRY(evk_alloc(&t, 1, sizeof *t, "theory", err));
    t->options = *options;
    t->only_replicates = true;
    t->replicates = (evk_replicates){ .shard = shard, .n_shard = n_shards, .seed = options->seed,
                                      .n_replicate = (int64_t)options->n_bootstrap };
    evoke_status st = run_and_tidy(t, s, progress, err);
    if (st == EVOKE_OK)
        st = evk_replicates_save(&t->replicates, path, made, err);
    evoke_theory_free(t);
    return st;
}

void evoke_theory_free(evoke_theory *t)
{
    if (!t)
        return;
    evk_replicates_free(&t->replicates);
    evk_figures_free(&t->figures);
    evoke_fisher_result_free(&t->fisher);
    for (size_t i = EVOKE_DIRECTION_OFFSET; i < EVOKE_N_DIRECTION; i++)
        evoke_vectors_free(t->directions[i]);
    free(t);
}

/* ---- results ---- */

const evoke_fisher_result *evoke_theory_fisher(const evoke_theory *t)
{
    return &t->fisher;
}

const evoke_figure *evoke_theory_figure(const evoke_theory *t, size_t i)
{
    return i < EVK_N_FIGURE ? &t->figures.described[i] : NULL;
}

const evoke_figure *evoke_theory_find(const evoke_theory *t, const char *name)
{
    return evk_figures_find(&t->figures, name);
}

const evoke_vectors *evoke_theory_directions(const evoke_theory *t, evoke_direction direction)
{
    return (size_t)direction < EVOKE_N_DIRECTION ? t->directions[direction] : NULL;
}
