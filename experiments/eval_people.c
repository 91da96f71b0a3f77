/* experiments/eval_people.c: what the judges are worth on texts that people labelled (--human): the emotion that each finds
 * likeliest against the label, and every metric by itself, emotion by emotion:
 *
 *     tec   the emotion's texts against those of the other emotions     eps   texts with an emotion against neutral ones
 *     eas   the emotion's texts against all others                      lex   the same
 *
 * AUC, where one half is chance; Spearman's correlation with the label, and within the emotion's own texts with the intensity
 * that the writers gave. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/eval_validity.h"
#include "experiments/files.h"
#include "experiments/json_out.h"

/* Labelled texts; class E is neutral. */
typedef struct labelled {
    json_t *root;
    const char **texts;
    int32_t *truth;
    double *intensity;          /* as the writers gave it; NaN: not given */
    size_t n, n_left_out;
} labelled;

/* What one judge reads in them; NULL: that was not asked for. */
typedef struct judged {
    const char *name;
    double *tec, *eps;          /* [n, E], [n] */
    double *rating;             /* [n, E] eas; of the lexicon the words, lex */
} judged;

/* ---- texts ---- */

/* The one label of a line: "ekman" or "labels" [one name], or "emotion". NULL: none, or several. */
static const char *label_of(const json_t *item)
{
    static const char *const lists[] = { "ekman", "labels" };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const json_t *list = json_object_get(item, lists[i]);
        if (json_is_array(list))
            return json_array_size(list) == 1 ? json_string_value(json_array_get(list, 0)) : NULL;
    }
    return json_string_value(json_object_get(item, "emotion"));
}

static evoke_status read_labelled(const evaluation *e, const char *path, labelled *l, evoke_error *err)
{
    size_t most = SIZE_MAX, *count = NULL;
    evoke_status st = json_read_lines(path, &l->root, err);
    const size_t n = json_array_size(l->root);
    if (st == EVOKE_OK)
        st = option_size(e->o, OPT_LIMIT, 1, SIZE_MAX, &most, err);
    if (st == EVOKE_OK)
        st = allocate(&l->texts, n, sizeof *l->texts, err);
    if (st == EVOKE_OK)
        st = allocate(&l->truth, n, sizeof *l->truth, err);
    if (st == EVOKE_OK)
        st = allocate(&l->intensity, n, sizeof *l->intensity, err);
    if (st == EVOKE_OK)
        st = allocate(&count, e->n_emotion + 1, sizeof *count, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        const json_t *item = json_array_get(l->root, i);
        const char *text = json_string_value(json_object_get(item, "text")), *label = label_of(item);
        const size_t k = !label ? SIZE_MAX : strcmp(label, "neutral") == 0 ? e->n_emotion : eval_target(e, label);
        if (!text)
            st = fail(err, EVOKE_EFORMAT, "read labels: line %zu has no \"text\" (%s)", i + 1, path);
        else if (k > e->n_emotion || (k == e->n_emotion && strcmp(label, "neutral") != 0))
            l->n_left_out++;
        else if (count[k]++ < most) {
            const json_t *felt = json_object_get(item, "intensity");
            l->texts[l->n] = text;
            l->intensity[l->n] = json_is_number(felt) ? json_number_value(felt) : NAN;
            l->truth[l->n++] = (int32_t)k;
        }
    }
    if (st == EVOKE_OK && l->n == 0)
        st = fail(err, EVOKE_EDATA, "read labels: no text has one of the emotions or neutral as its only label (%s)", path);
    free(count);
    return st;
}

/* ---- agreement ---- */

static evoke_status count_words(const evaluation *e, const labelled *l, double *words, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; st == EVOKE_OK && i < l->n * e->n_emotion; i++) {
        size_t n = 0;
        st = evoke_lexicon_count(e->words, e->emotions[i % e->n_emotion], l->texts[i / e->n_emotion], &n, err);
        words[i] = (double)n;
    }
    return st;
}

/* by NULL: the lexicon. */
static evoke_status judge_texts(const evaluation *e, const estimator *by, const labelled *l, judged *j, evoke_error *err)
{
    const bool reads = by && (eval_wants(e, "eps", true) || eval_wants(e, "tec", true));
    const bool rates = !by || (by->judge && eval_wants(e, "eas", false));
    double *one = NULL;
    j->name = by ? by->name : "lexicon";
    evoke_status st = reads ? allocate(&j->tec, l->n, e->n_emotion * sizeof *j->tec, err) : EVOKE_OK;
    if (st == EVOKE_OK && reads)
        st = allocate(&j->eps, l->n, sizeof *j->eps, err);
    if (st == EVOKE_OK && reads)
        st = estimate(e, by, l->texts, l->n, j->tec, j->eps, err);
    if (st == EVOKE_OK && rates)
        st = allocate(&j->rating, l->n, e->n_emotion * sizeof *j->rating, err);
    if (st == EVOKE_OK)
        st = by ? allocate(&one, l->n, sizeof *one, err) : count_words(e, l, j->rating, err);
    for (size_t k = 0; st == EVOKE_OK && by && rates && k < e->n_emotion; k++) {
        st = estimate_rating(e, by, k, l->texts, l->n, one, err);
        for (size_t i = 0; st == EVOKE_OK && i < l->n; i++)
            j->rating[i * e->n_emotion + k] = one[i];
    }
    free(one);
    return st;
}

/* Probabilities of the emotions and neutral [n, E + 1]; by words: how many, and neutral is where there is none. */
static void class_scores(const evaluation *e, const labelled *l, const judged *j, double *scores)
{
    const size_t n_class = e->n_emotion + 1;
    for (size_t i = 0; i < l->n; i++) {
        for (size_t k = 0; k < e->n_emotion; k++)
            scores[i * n_class + k] = j->tec ? j->eps[i] * j->tec[i * e->n_emotion + k] : j->rating[i * e->n_emotion + k];
        scores[i * n_class + e->n_emotion] = j->tec ? 1 - j->eps[i] : 0.5;
    }
}

/* NaN: a class that the judge does not know, and never names. */
static void largest(const double *scores, size_t n, size_t n_class, int32_t *guess)
{
    for (size_t i = 0; i < n; i++) {
        double most = -INFINITY;
        guess[i] = 0;
        for (size_t k = 0; k < n_class; k++)
            if (scores[i * n_class + k] > most) {
                most = scores[i * n_class + k];
                guess[i] = (int32_t)k;
            }
    }
}

static json_t *agreement_json(const evoke_agreement *a)
{
    json_t *o = json_object();
    json_put(o, "n", json_count(a->n));
    json_put(o, "macro_f1", interval_json(&a->macro_f1));
    json_put(o, "accuracy", interval_json(&a->accuracy));
    json_put(o, "chance_f1", json_number(a->chance_f1));
    json_put(o, "auc", json_number(a->auc));
    json_put(o, "better_than_chance", json_boolean(a->macro_f1.low > a->chance_f1));
    return o;
}

/* The emotion, or none, that a judge finds likeliest, against the label. */
static evoke_status measure_classes(const evaluation *e, const labelled *l, const judged *j, json_t *out, evoke_error *err)
{
    const size_t n_class = e->n_emotion + 1;
    double *scores = NULL;
    int32_t *guess = NULL;
    evoke_agreement a;
    evoke_status st = allocate(&scores, l->n, n_class * sizeof *scores, err);
    if (st == EVOKE_OK)
        st = allocate(&guess, l->n, sizeof *guess, err);
    if (st == EVOKE_OK) {
        class_scores(e, l, j, scores);
        largest(scores, l->n, n_class, guess);
        st = evoke_agree(l->truth, guess, scores, l->n, n_class, N_REPLICATE, 0, &a, err);
    }
    if (st == EVOKE_OK)
        json_put(out, j->name, agreement_json(&a));
    free(scores);
    free(guess);
    return st;
}

/* ---- a metric by itself ---- */

/* A metric's values [n] at a stride, of emotion k, or, k = E, of any emotion against none. */
typedef struct measured { const double *x; size_t stride, k; bool of_emotional; } measured;

static bool is_labelled(const evaluation *e, const measured *m, int32_t truth)
{
    return m->k == e->n_emotion ? truth < (int32_t)e->n_emotion : truth == (int32_t)m->k;
}

/* Of the texts that people gave the label: how strongly the writers felt it, against the metric. */
static evoke_status with_intensity(const evaluation *e, const labelled *l, const measured *m, double *x, double *y, json_t *out,
                                   evoke_error *err)
{
    double rho = NAN;
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (is_labelled(e, m, l->truth[i]) && isfinite(l->intensity[i]) && isfinite(m->x[i * m->stride])) {
            x[n] = m->x[i * m->stride];
            y[n++] = l->intensity[i];
        }
    const evoke_status st = evoke_spearman(x, y, n, &rho, err);
    if (st == EVOKE_OK && isfinite(rho))
        json_put(out, "intensity", spearman_json(rho, n));
    return st;
}

static evoke_status compare(const evaluation *e, const labelled *l, const measured *m, json_t *out, evoke_error *err)
{
    double *x = NULL, *y = NULL, rho = NAN;
    bool *is = NULL;
    size_t n = 0, n_is = 0;
    evoke_interval auc = { NAN, NAN, NAN };
    evoke_status st = allocate(&x, l->n, sizeof *x, err);
    if (st == EVOKE_OK)
        st = allocate(&y, l->n, sizeof *y, err);
    if (st == EVOKE_OK)
        st = allocate(&is, l->n, sizeof *is, err);
    for (size_t i = 0; st == EVOKE_OK && i < l->n; i++)
        if (isfinite(m->x[i * m->stride]) && !(m->of_emotional && l->truth[i] == (int32_t)e->n_emotion)) {
            is[n] = is_labelled(e, m, l->truth[i]);
            n_is += is[n];
            x[n] = m->x[i * m->stride];
            y[n] = (double)is[n];
            n++;
        }
    if (st == EVOKE_OK)
        st = evoke_auc(x, is, n, N_REPLICATE, 0, &auc, err);
    if (st == EVOKE_OK)
        st = evoke_spearman(x, y, n, &rho, err);
    if (st == EVOKE_OK && isfinite(auc.mean)) {
        json_t *one = json_pack("{s:o, s:o, s:o}", "n", json_count(n), "n_label", json_count(n_is), "auc", interval_json(&auc));
        json_put(one, "spearman", spearman_json(rho, n));
        st = with_intensity(e, l, m, x, y, one, err);
        json_put(one, "better_than_chance", json_boolean(auc.low > 0.5));
        json_put(out, m->k == e->n_emotion ? "any" : e->emotions[m->k], one);
    }
    free(x);
    free(y);
    free(is);
    return st;
}

/* out: metric -> judge -> emotion -> figures. */
static evoke_status add_metric(const evaluation *e, const labelled *l, const judged *j, const char *metric, const double *x,
                               json_t *out, evoke_error *err)
{
    const bool any = strcmp(metric, "eps") == 0;
    evoke_status st = EVOKE_OK;
    if (!x)
        return st;
    json_t *of = json_object();
    for (size_t k = any ? e->n_emotion : 0; st == EVOKE_OK && k < e->n_emotion + any; k++) {
        const measured m = { any ? x : x + k, any ? 1 : e->n_emotion, k, strcmp(metric, "tec") == 0 };
        st = compare(e, l, &m, of, err);
    }
    if (!json_object_get(out, metric))
        json_put(out, metric, json_object());
    if (json_object_size(of))
        json_put(json_object_get(out, metric), j->name, json_incref(of));
    json_decref(of);
    return st;
}

static evoke_status measure(const evaluation *e, const estimator *by, const labelled *l, json_t *out, json_t *metrics,
                            evoke_error *err)
{
    judged j = { .name = NULL };
    evoke_status st = judge_texts(e, by, l, &j, err);
    if (st == EVOKE_OK && (j.tec || !by))
        st = measure_classes(e, l, &j, out, err);
    if (st == EVOKE_OK)
        st = add_metric(e, l, &j, "tec", j.tec, metrics, err);
    if (st == EVOKE_OK)
        st = add_metric(e, l, &j, "eps", j.eps, metrics, err);
    if (st == EVOKE_OK)
        st = add_metric(e, l, &j, by ? "eas" : "lex", j.rating, metrics, err);
    free(j.tec);
    free(j.eps);
    free(j.rating);
    return st;
}

evoke_status eval_people(evaluation *e, const char *path, evoke_error *err)
{
    labelled l = { .root = NULL };
    estimator list[MOST_ESTIMATORS];
    size_t n = 0;
    json_t *out = json_object(), *metrics = json_object();
    evoke_status st = read_labelled(e, path, &l, err);
    if (st == EVOKE_OK)
        st = estimators_open(e, list, &n, err);
    if (st == EVOKE_OK && e->words && eval_wants(e, "lexicon", true))
        st = measure(e, NULL, &l, out, metrics, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        st = measure(e, &list[i], &l, out, metrics, err);
    json_put(out, "metrics", metrics);
    json_put(out, "left_out", json_count(l.n_left_out));
    json_put(e->validity, path, out);
    estimators_free(list, n);
    free(l.texts);
    free(l.truth);
    free(l.intensity);
    json_decref(l.root);
    return st;
}
