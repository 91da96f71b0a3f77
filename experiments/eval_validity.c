/* experiments/eval_validity.c: what are the judges worth? Their agreement with people on labelled texts (--human), beside what
 * chance gives, and whether the scores of steered responses rise with alpha. */
#include "experiments/eval_validity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/files.h"
#include "experiments/json_out.h"

enum { N_REPLICATE = 1000 };

/* Labelled texts; class E is neutral. */
typedef struct labelled { json_t *root; const char **texts; int32_t *truth; size_t n, n_left_out; } labelled;

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
            l->texts[l->n] = text;
            l->truth[l->n++] = (int32_t)k;
        }
    }
    if (st == EVOKE_OK && l->n == 0)
        st = fail(err, EVOKE_EDATA, "read labels: no text has one of the emotions or neutral as its only label (%s)", path);
    free(count);
    return st;
}

/* ---- agreement ---- */

/* Probabilities of the emotions and neutral [n, E + 1]. by NULL: the lexicon, where no word is neutral. */
static evoke_status class_scores(const evaluation *e, const estimator *by, const labelled *l, double *scores, evoke_error *err)
{
    const size_t n_class = e->n_emotion + 1;
    double *tec = NULL, *eps = NULL;
    evoke_status st = allocate(&tec, l->n, e->n_emotion * sizeof *tec, err);
    if (st == EVOKE_OK)
        st = allocate(&eps, l->n, sizeof *eps, err);
    if (st == EVOKE_OK && by)
        st = estimate(e, by, l->texts, l->n, tec, eps, err);
    for (size_t i = 0; st == EVOKE_OK && i < l->n; i++) {
        for (size_t k = 0; st == EVOKE_OK && k < e->n_emotion; k++) {
            size_t words = 0;
            if (!by)
                st = evoke_lexicon_count(e->words, e->emotions[k], l->texts[i], &words, err);
            scores[i * n_class + k] = by ? eps[i] * tec[i * e->n_emotion + k] : (double)words;
        }
        scores[i * n_class + e->n_emotion] = by ? 1 - eps[i] : 0.5;
    }
    free(tec);
    free(eps);
    return st;
}

static void largest(const double *scores, size_t n, size_t n_class, int32_t *guess)
{
    for (size_t i = 0; i < n; i++) {
        guess[i] = 0;
        for (size_t k = 1; k < n_class; k++)
            if (scores[i * n_class + k] > scores[i * n_class + (size_t)guess[i]])
                guess[i] = (int32_t)k;
    }
}

static json_t *interval_json(const evoke_interval *v)
{
    return json_pack("{s:o, s:o, s:o}", "mean", json_number(v->mean), "low", json_number(v->low), "high", json_number(v->high));
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

static evoke_status measure(evaluation *e, const estimator *by, const labelled *l, json_t *out, evoke_error *err)
{
    const size_t n_class = e->n_emotion + 1;
    double *scores = NULL;
    int32_t *guess = NULL;
    evoke_agreement a;
    evoke_status st = allocate(&scores, l->n, n_class * sizeof *scores, err);
    if (st == EVOKE_OK)
        st = allocate(&guess, l->n, sizeof *guess, err);
    if (st == EVOKE_OK)
        st = class_scores(e, by, l, scores, err);
    if (st == EVOKE_OK) {
        largest(scores, l->n, n_class, guess);
        st = evoke_agree(l->truth, guess, scores, l->n, n_class, N_REPLICATE, 0, &a, err);
    }
    if (st == EVOKE_OK)
        json_put(out, by ? by->name : "lexicon", agreement_json(&a));
    free(scores);
    free(guess);
    return st;
}

static evoke_status agree_with(evaluation *e, const char *path, evoke_error *err)
{
    labelled l = { .root = NULL };
    estimator list[MOST_ESTIMATORS];
    size_t n = 0;
    json_t *out = json_object();
    evoke_status st = read_labelled(e, path, &l, err);
    if (st == EVOKE_OK)
        st = estimators_open(e, list, &n, err);
    if (st == EVOKE_OK && e->words)
        st = measure(e, NULL, &l, out, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        st = measure(e, &list[i], &l, out, err);
    json_put(out, "left_out", json_count(l.n_left_out));
    json_put(e->validity, path, out);
    estimators_free(list, n);
    free(l.texts);
    free(l.truth);
    json_decref(l.root);
    return st;
}

/* ---- alpha ---- */

/* Spearman of alpha and a column over the steered and unsteered responses without another baseline. */
static evoke_status rise(const evaluation *e, const column *c, double *rho, size_t *n, evoke_error *err)
{
    double *alpha = NULL, *x = NULL;
    evoke_status st = allocate(&alpha, e->set.n, sizeof *alpha, err);
    if (st == EVOKE_OK)
        st = allocate(&x, e->set.n, sizeof *x, err);
    *n = 0;
    for (size_t i = 0; st == EVOKE_OK && i < e->set.n; i++) {
        const response_line *r = &e->set.lines[i];
        const size_t k = eval_target(e, r->emotion), width = c->by_target ? e->n_emotion : 1;
        const double value = !c->by_target ? c->x[i] : k < width ? c->x[i * width + k] : NAN;
        if (*r->baseline || !isfinite(value))
            continue;
        alpha[*n] = r->alpha;
        x[(*n)++] = value;
    }
    if (st == EVOKE_OK)
        st = evoke_spearman(alpha, x, *n, rho, err);
    free(alpha);
    free(x);
    return st;
}

static evoke_status rises(evaluation *e, evoke_error *err)
{
    json_t *out = json_object();
    evoke_status st = EVOKE_OK;
    for (size_t k = 0; st == EVOKE_OK && k < e->n_column; k++) {
        double rho = NAN;
        size_t n = 0;
        st = rise(e, &e->columns[k], &rho, &n, err);
        if (st == EVOKE_OK && isfinite(rho))
            json_put(out, e->columns[k].name, json_pack("{s:f, s:I}", "spearman", rho, "n", (json_int_t)n));
    }
    if (json_object_size(out))
        json_put(e->validity, "alpha", out);
    else
        json_decref(out);
    return st;
}

evoke_status eval_validity(evaluation *e, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    e->validity = json_object();
    for (size_t i = 0; st == EVOKE_OK && option_nth(e->o, OPT_HUMAN, i); i++)
        st = agree_with(e, option_nth(e->o, OPT_HUMAN, i), err);
    return st == EVOKE_OK ? rises(e, err) : st;
}

static double number(const json_t *o, const char *key)
{
    const json_t *value = json_object_get(o, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

void eval_print_validity(const evaluation *e)
{
    const char *file, *name;
    json_t *of, *one;
    json_object_foreach(e->validity, file, of) {
        if (strcmp(file, "alpha") == 0) {
            printf("\nSpearman's correlation with alpha over responses:");
            json_object_foreach(of, name, one)
                printf(" %s %.2f", name, number(one, "spearman"));
            putchar('\n');
            continue;
        }
        printf("\nagreement with people (%s)\n%-10s %6s %9s %18s %7s %9s %6s\n", file, "judge", "n", "macro F1", "95 %", "chance",
               "accuracy", "AUC");
        json_object_foreach(of, name, one) {
            const json_t *f1 = json_object_get(one, "macro_f1");
            if (f1)
                printf("%-10s %6.0f %9.3f [%7.3f, %7.3f] %7.3f %9.3f %6.3f%s\n", name, number(one, "n"), number(f1, "mean"),
                       number(f1, "low"), number(f1, "high"), number(one, "chance_f1"),
                       number(json_object_get(one, "accuracy"), "mean"), number(one, "auc"),
                       json_is_true(json_object_get(one, "better_than_chance")) ? "" : "  no better than chance");
        }
    }
}
