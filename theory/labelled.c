/* theory/labelled.c: evoke_labelled_run, over all layers. */
#include "theory/labelled.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels/matmul.h"
#include "core/threads.h"
#include "layers/store.h"
#include "theory/separation.h"

static const char *const what = "labelled texts";
static const char *const directions[EVK_MOST_DIRECTIONS] = { "ev", "w", "rest_ev", "rest_w" };

/* ---- what is there ---- */

static evoke_status check_texts(evoke_labelled *t, evoke_error *err)
{
    const evoke_store_info *q = t->samples.info, *x = evoke_store_describe(t->texts);
    const char *path = evk_store_path(t->texts);
    const evoke_labelled_options *o = &t->options;
    if (x->n_setting != 1)
        return evk_fail(err, EVOKE_EDATA, "%s: the store has %zu settings; texts as they are have one (%s)", what, x->n_setting,
                        path);
    if (x->d_model != q->d_model)
        return evk_fail(err, EVOKE_EDATA, "%s: their activations are %zu wide, the queries' %zu (%s)", what, x->d_model,
                        q->d_model, path);
    if (x->model_sha256[0] && q->model_sha256[0] && strcmp(x->model_sha256, q->model_sha256) != 0)
        return evk_fail(err, EVOKE_EDATA, "%s: they were run through another model than the queries, %s and %s (%s)", what,
                        x->model_name, q->model_name, path);
    t->info.site = o->fisher.site;
    t->info.span = t->samples.span;
    t->info.text_span = o->any_text_span ? t->samples.span : o->text_span;
    if (o->any_text_span && !evoke_store_has(t->texts, t->info.site, t->info.text_span))
        EVK_TRY(evk_store_default_span(t->texts, t->info.site, &t->info.text_span, err));
    if (!evoke_store_has(t->texts, t->info.site, t->info.text_span))
        return evk_fail(err, EVOKE_EDATA, "%s: the store has no means at site %s over the span %s (%s)", what,
                        evoke_site_name(t->info.site), evoke_span_name(t->info.text_span), path);
    return EVOKE_OK;
}

/* The place of a layer among the texts' layers. */
static evoke_status find_layer(const evoke_labelled *t, int32_t number, size_t *place, evoke_error *err)
{
    *place = evk_store_find_layer(t->texts, number);
    if (*place < evoke_store_describe(t->texts)->n_layer)
        return EVOKE_OK;
    return evk_fail(err, EVOKE_EDATA, "%s: the store has no layer %d (%s)", what, (int)number, evk_store_path(t->texts));
}

static evoke_status find_texts(evoke_labelled *t, evoke_error *err)
{
    const evoke_store_info *x = evoke_store_describe(t->texts);
    EVK_TRY(evk_alloc(&t->text, x->n_query, sizeof *t->text, what, err));
    for (size_t i = 0; i < x->n_query; i++)
        if (evk_store_done(t->texts, i, 0))
            t->text[t->n++] = i;
    t->info.n_text = t->n;
    t->info.n_left_out = x->n_query - t->n;
    return t->n > 0 ? EVOKE_OK : evk_fail(err, EVOKE_EDATA, "%s: none is done (%s)", what, evk_store_path(t->texts));
}

static size_t count_label(const evoke_labelled *t, size_t label)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        n += t->said->has[label * t->said->n_text + t->text[i]];
    return n;
}

/* The queries' emotions that are labels of some texts and not of others. */
static evoke_status find_emotions(evoke_labelled *t, evoke_error *err)
{
    const size_t n = t->samples.info->n_emotion;
    EVK_TRY(evk_alloc(&t->emotions, n, sizeof *t->emotions, what, err));
    EVK_TRY(evk_alloc(&t->emotion_of, n, sizeof *t->emotion_of, what, err));
    EVK_TRY(evk_alloc(&t->said_of, n, sizeof *t->said_of, what, err));
    for (size_t e = 0; e < n; e++) {
        const char *name = evoke_store_emotion(t->samples.store, e);
        size_t label = 0, count;
        if (!evk_text_labels_find(t->said, name, &label) || (count = count_label(t, label)) == 0)
            continue;
        if (count == t->n)
            return evk_fail(err, EVOKE_EDATA, "%s: all have the label '%s': there is nothing to tell it from (%s)", what, name,
                            evk_store_path(t->texts));
        t->emotion_of[t->n_emotion] = e;
        t->said_of[t->n_emotion] = label;
        if (!(t->emotions[t->n_emotion++] = strdup(name)))
            return evk_fail(err, EVOKE_ENOMEM, "%s: no memory", what);
    }
    return t->n_emotion > 0 ? EVOKE_OK : evk_fail(err, EVOKE_EDATA, "%s: none of their labels (%s ...) is an emotion of the"
                                                  " queries (%s ...) (%s)", what, t->said->n_name ? t->said->names[0] : "none",
                                                  evoke_store_emotion(t->samples.store, 0), evk_store_path(t->texts));
}

/* Labels of two texts at least, but for `neutral`, which others are held against. */
static evoke_status find_labels(evoke_labelled *t, evoke_error *err)
{
    EVK_TRY(evk_alloc(&t->labels, t->said->n_name, sizeof *t->labels, what, err));
    EVK_TRY(evk_alloc(&t->label_of, t->said->n_name, sizeof *t->label_of, what, err));
    for (size_t c = 0; c < t->said->n_name; c++) {
        if (strcmp(t->said->names[c], "neutral") == 0) {
            t->info.has_neutral = count_label(t, c) > 0;
            continue;
        }
        if (count_label(t, c) < 2)
            continue;
        t->label_of[t->n_label] = c;
        if (!(t->labels[t->n_label++] = strdup(t->said->names[c])))
            return evk_fail(err, EVOKE_ENOMEM, "%s: no memory", what);
    }
    return EVOKE_OK;
}

static evoke_status keep_names(evoke_labelled *t, evoke_error *err)
{
    const evoke_store_info *info = t->samples.info;
    t->model_name = strdup(info->model_name);
    t->model_sha256 = strdup(info->model_sha256);
    t->architecture = strdup(evk_store_architecture(t->samples.store));
    if (!t->model_name || !t->model_sha256 || !t->architecture)
        return evk_fail(err, EVOKE_ENOMEM, "%s: no memory", what);
    EVK_TRY(evk_alloc(&t->layers, t->samples.n_layer, sizeof *t->layers, what, err));
    for (size_t i = 0; i < t->samples.n_layer; i++)
        t->layers[i] = evk_samples_layer(&t->samples, i);
    return EVOKE_OK;
}

static evoke_status new_results(evoke_labelled *t, evoke_error *err)
{
#define ONE(id, name, axes) { name, axes },
#define TWO(id, name, axes) { name, axes }, { name "_interval", axes "I" },
    static const evk_figure_name list[EVK_N_LABELLED] = { EVK_LABELLED_FIGURES(ONE, TWO) };
    evk_figures *f = &t->figures;
    t->n_direction = t->samples.info->n_emotion > 1 ? 4 : 2;
    f->size['L'] = t->samples.n_layer;
    f->size['A'] = t->n_direction;
    f->size['X'] = t->n_direction / 2;
    f->size['E'] = f->size['F'] = t->n_emotion;
    f->size['C'] = f->size['B'] = t->n_label ? t->n_label : 1;
    f->size['P'] = f->size['I'] = 2;
    return evk_figures_allocate(f, list, EVK_N_LABELLED, err);
}

static evoke_status allocate(evoke_labelled *t, evoke_error *err)
{
    const size_t cells = t->n_direction * t->n_emotion, n_value = evk_judged_places(t->n_direction, t->n_emotion).n;
    size_t values = 0, scores = 0;
    if (!evk_mul(evoke_store_describe(t->texts)->n_query, t->d, &values) || !evk_mul(cells, t->n, &scores))
        return evk_fail(err, EVOKE_ENOMEM, "%s: too many for this machine", what);
    EVK_TRY(evk_alloc(&t->read, values, sizeof *t->read, what, err));
    EVK_TRY(evk_alloc(&t->rows, t->n, sizeof *t->rows, what, err));
    EVK_TRY(evk_alloc(&t->has, t->n_emotion * t->n, 1, what, err));
    EVK_TRY(evk_alloc(&t->directions, cells * t->d, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&t->scores, scores, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&t->values, n_value, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&t->intervals, 2 * n_value, sizeof(double), what, err));
    EVK_TRY(evk_alloc(&t->label_vectors, t->n_label * t->d, sizeof(double), what, err));
    for (size_t e = 0; e < t->n_emotion; e++)
        for (size_t i = 0; i < t->n; i++)
            t->has[e * t->n + i] = t->said->has[t->said_of[e] * t->said->n_text + t->text[i]];
    return evk_compared_new(t->d, &t->compared, err);
}

/* ---- one layer ---- */

double *evk_labelled_at(evoke_labelled *t, evk_labelled_id id, size_t i)
{
    const evoke_figure *f = &t->figures.described[id];
    size_t each = 1;
    for (size_t k = 1; k < f->n_dim; k++)
        each *= f->dims[k];
    return t->figures.values[id] + i * each;
}

static evoke_status read_texts(evoke_labelled *t, size_t i, evoke_error *err)
{
    size_t place = 0;
    EVK_TRY(find_layer(t, t->layers[i], &place, err));
    EVK_TRY(evk_store_read_layer(t->texts, t->info.site, t->info.text_span, place, t->read, err));
    for (size_t k = 0; k < t->n; k++) {
        t->rows[k] = t->read + t->text[k] * t->d;
        for (size_t j = 0; j < t->d; j++)
            if (!isfinite(t->rows[k][j]))
                return evk_fail(err, EVOKE_EDATA, "%s: an activation is not finite (text %zu, layer %d, dimension %zu; %s)", what,
                                t->text[k], (int)t->layers[i], j, evk_store_path(t->texts));
    }
    return EVOKE_OK;
}

/* The values and intervals of evk_judged_layout to the figures, which come in that order. */
static void put_judged(evoke_labelled *t, size_t i)
{
    size_t from = 0;
    for (size_t id = EVK_T_AUC; id <= EVK_T_MACRO_F1_GAIN; id += 2) {
        const evoke_figure *f = &t->figures.described[id];
        const size_t n = f->dims[1] * (f->n_dim > 2 ? f->dims[2] : 1);
        memcpy(evk_labelled_at(t, (evk_labelled_id)id, i), t->values + from, n * sizeof(double));
        memcpy(evk_labelled_at(t, (evk_labelled_id)(id + 1), i), t->intervals + 2 * from, 2 * n * sizeof(double));
        from += n;
    }
}

static evoke_status judge(evoke_labelled *t, size_t i, evoke_error *err)
{
    evk_judged j = {0};
    double *once = NULL, *confusion = evk_labelled_at(t, EVK_T_CONFUSION, i);
    evoke_status st = evk_alloc(&once, t->n, sizeof *once, what, err);
    if (st == EVOKE_OK)
        st = evk_judged_new(t->scores, t->has, t->n, t->n_direction, t->n_emotion, &j, err);
    for (size_t k = 0; k < t->n && st == EVOKE_OK; k++)
        once[k] = 1;
    if (st == EVOKE_OK) {
        evk_judged_measure(&j, once, confusion, t->values);
        evk_judged_chance(&j, confusion, evk_labelled_at(t, EVK_T_CHANCE, i));
        st = evk_judged_intervals(&j, t->options.seed, t->options.n_bootstrap, t->n_thread, t->intervals, err);
    }
    if (st == EVOKE_OK)
        put_judged(t, i);
    evk_judged_free(&j);
    free(once);
    return st;
}

static evoke_status run_layer(evoke_labelled *t, size_t i, evoke_error *err)
{
    double *centre = NULL;
    EVK_TRY(evk_samples_read(&t->samples, i, err));
    EVK_TRY(read_texts(t, i, err));
    EVK_TRY(evk_labelled_directions(t, i, err));
    EVK_TRY(evk_alloc(&centre, t->d, sizeof *centre, what, err));
    for (size_t k = 0; k < t->n; k++)
        for (size_t j = 0; j < t->d; j++)
            centre[j] += (double)t->rows[k][j] / (double)t->n;
    for (size_t a = 0; a < t->n_direction * t->n_emotion; a++)
        evk_project((evk_class){ t->rows, t->n }, centre, t->directions + a * t->d, t->d, t->scores + a * t->n);
    free(centre);
    EVK_TRY(judge(t, i, err));
    return evk_labelled_geometry(t, i, err);
}

/* ---- the run ---- */

static evoke_status run(evoke_labelled *t, evoke_store *queries, const evoke_progress *progress, evoke_error *err)
{
    EVK_TRY(evk_blas_check(err));
    EVK_TRY(evk_samples_open(queries, &t->options.fisher, &t->samples, err));
    t->d = t->samples.info->d_model;
    t->n_thread = t->options.n_threads ? t->options.n_threads : evk_cores_available();
    EVK_TRY(check_texts(t, err));
    EVK_TRY(find_texts(t, err));
    if (t->said->n_text != evoke_store_describe(t->texts)->n_query)
        return evk_fail(err, EVOKE_EARG, "%s: labels of %zu texts, the store has %zu", what, t->said->n_text,
                        evoke_store_describe(t->texts)->n_query);
    EVK_TRY(find_emotions(t, err));
    EVK_TRY(find_labels(t, err));
    EVK_TRY(keep_names(t, err));
    EVK_TRY(new_results(t, err));
    EVK_TRY(allocate(t, err));
    evk_labelled_describe(t);
    for (size_t i = 0; i < t->samples.n_layer; i++) {
        EVK_TRY(run_layer(t, i, err));
        EVK_TRY(evk_report(progress, what, i + 1, t->samples.n_layer, err));
    }
    return EVOKE_OK;
}

static void free_work(evoke_labelled *t)
{
    void *const held[] = { t->emotion_of, t->said_of, t->label_of, t->text, t->has, t->read, t->rows, t->directions, t->scores,
                           t->values, t->intervals, t->label_vectors };
    for (size_t i = 0; i < sizeof held / sizeof *held; i++)
        free(held[i]);
    evk_compared_free(&t->compared);
    evk_samples_close(&t->samples);
}

evoke_status evoke_labelled_run(evoke_store *queries, evoke_store *texts, const evoke_labels *labels,
                                const evoke_labelled_options *options, const evoke_progress *progress, evoke_labelled **out,
                                evoke_error *err)
{
    evoke_labelled *t = NULL;
    *out = NULL;
    EVK_TRY(evk_alloc(&t, 1, sizeof *t, what, err));
    t->options = *options;
    t->texts = texts;
    t->said = labels;
    const evoke_status st = run(t, queries, progress, err);
    free_work(t);
    if (st == EVOKE_OK)
        *out = t;
    else
        evoke_labelled_free(t);
    return st;
}

void evoke_labelled_free(evoke_labelled *t)
{
    if (!t)
        return;
    for (size_t e = 0; e < t->n_emotion; e++)
        free(t->emotions[e]);
    for (size_t c = 0; c < t->n_label; c++)
        free(t->labels[c]);
    free(t->emotions);
    free(t->labels);
    free(t->layers);
    free(t->model_name);
    free(t->model_sha256);
    free(t->architecture);
    evk_figures_free(&t->figures);
    free(t);
}

/* ---- results ---- */

const evoke_labelled_info *evoke_labelled_describe(const evoke_labelled *t)
{
    return &t->info;
}

const evoke_figure *evoke_labelled_figure(const evoke_labelled *t, size_t i)
{
    return i < t->figures.n ? &t->figures.described[i] : NULL;
}

const evoke_figure *evoke_labelled_find(const evoke_labelled *t, const char *name)
{
    return evk_figures_find(&t->figures, name);
}

const char *evoke_labelled_name(const evoke_labelled *t, char axis, size_t i)
{
    if (axis == 'A')
        return i < t->n_direction ? directions[i] : NULL;
    if (axis == 'X')
        return i < t->n_direction / 2 ? directions[2 * i + 1] : NULL;
    if (axis == 'E' || axis == 'F')
        return i < t->n_emotion ? t->emotions[i] : NULL;
    return (axis == 'C' || axis == 'B') && i < t->n_label ? t->labels[i] : NULL;
}

int32_t evoke_labelled_layer(const evoke_labelled *t, size_t i)
{
    return i < t->figures.size['L'] ? t->layers[i] : -1;
}
