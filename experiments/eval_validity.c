/* experiments/eval_validity.c: what are the judges worth? Their agreement with people on labelled texts (--human), beside what
 * chance gives; whether the scores of steered responses rise with alpha: from 0 over 1 to 2, as in the paper's tables; and whether
 * a measure of topic finds more of it in a response and its own query than in the response and another query. */
#include "experiments/eval_validity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/files.h"
#include "experiments/json_out.h"

/* The interval of Bonett and Wright (2000), for n - 3 texts of their own. */
json_t *spearman_json(double rho, size_t n)
{
    const double half = n > 3 ? 1.96 * sqrt((1 + rho * rho / 2) / ((double)n - 3)) : INFINITY;
    json_t *o = json_object();
    json_put(o, "spearman", json_number(rho));
    json_put(o, "low", json_number(tanh(atanh(rho) - half)));
    json_put(o, "high", json_number(tanh(atanh(rho) + half)));
    json_put(o, "n", json_count(n));
    return o;
}

json_t *interval_json(const evoke_interval *v)
{
    return json_pack("{s:o, s:o, s:o}", "mean", json_number(v->mean), "low", json_number(v->low), "high", json_number(v->high));
}

/* ---- alpha ---- */

enum { ANY = SIZE_MAX };
static const double least_rise = 0, most_rise = 2;      /* beyond, texts fall apart, and so do the paper's figures */

/* Alpha and a column's value of steered and unsteered responses without another baseline, alpha in [low, high]; k: one emotion,
 * or ANY. An unsteered response counts for every emotion. alpha, x: room for n E. */
static size_t collect(const evaluation *e, const column *c, size_t k, double low, double high, double *alpha, double *x)
{
    const size_t width = c->by_target ? e->n_emotion : 1;
    size_t n = 0;
    for (size_t i = 0; i < e->set.n; i++) {
        const response_line *r = &e->set.lines[i];
        const size_t target = eval_target(e, r->emotion);
        if ((*r->baseline && strcmp(r->baseline, "none") != 0) || r->alpha < low || r->alpha > high)
            continue;
        for (size_t t = 0; t < width; t++) {
            const bool aimed = !*r->emotion || target == (c->by_target ? t : k), wanted = k == ANY || !c->by_target || t == k;
            if (wanted && (aimed || (k == ANY && !c->by_target)) && isfinite(c->x[i * width + t])) {
                alpha[n] = r->alpha;
                x[n++] = c->x[i * width + t];
            }
        }
    }
    return n;
}

/* Is a column one that should rise with the emotion? */
static bool tells_emotion(const char *name)
{
    static const char *const those[] = { "tec", "eps", "emotional", "eas", "hit", "lex" };
    for (size_t i = 0; i < sizeof those / sizeof *those; i++)
        if (strncmp(name, those[i], strlen(those[i])) == 0)
            return true;
    return false;
}

/* NULL: there is but one alpha, or one value. */
static evoke_status rise(const evaluation *e, const column *c, size_t k, double *alpha, double *x, json_t **out, evoke_error *err)
{
    double rho = NAN;
    const size_t n = collect(e, c, k, least_rise, most_rise, alpha, x);
    const evoke_status st = evoke_spearman(alpha, x, n, &rho, err);
    *out = st == EVOKE_OK && isfinite(rho) ? spearman_json(rho, n) : NULL;
    const json_t *low = json_object_get(*out, "low");
    if (*out)
        json_put(*out, "rises", json_boolean(json_is_number(low) && json_number_value(low) > 0));
    return st;
}

/* Over all alphas, and, of what tells emotions, from 0 to 2 and by emotion. */
static evoke_status rise_of(const evaluation *e, const column *c, double *alpha, double *x, json_t *out, evoke_error *err)
{
    double rho = NAN;
    const size_t n = collect(e, c, ANY, -INFINITY, INFINITY, alpha, x);
    json_t *one = NULL, *whole = NULL, *emotions = json_object();
    evoke_status st = evoke_spearman(alpha, x, n, &rho, err);
    if (st == EVOKE_OK && isfinite(rho) && tells_emotion(c->name))
        st = rise(e, c, ANY, alpha, x, &whole, err);
    for (size_t k = 0; st == EVOKE_OK && whole && k < e->n_emotion; k++) {
        st = rise(e, c, k, alpha, x, &one, err);
        if (one)
            json_put(emotions, e->emotions[k], one);
    }
    if (st == EVOKE_OK && isfinite(rho)) {
        json_t *figures = spearman_json(rho, n);
        if (whole) {
            json_put(whole, "emotions", json_incref(emotions));
            json_put(figures, "rise", json_incref(whole));
        }
        json_put(out, c->name, figures);
    }
    json_decref(whole);
    json_decref(emotions);
    return st;
}

static evoke_status rises(evaluation *e, evoke_error *err)
{
    json_t *out = json_object();
    double *alpha = NULL, *x = NULL;
    const size_t width = e->n_emotion ? e->n_emotion : 1;
    evoke_status st = allocate(&alpha, e->set.n, width * sizeof *alpha, err);
    if (st == EVOKE_OK)
        st = allocate(&x, e->set.n, width * sizeof *x, err);
    for (size_t k = 0; st == EVOKE_OK && k < e->n_column; k++)
        st = rise_of(e, &e->columns[k], alpha, x, out, err);
    if (json_object_size(out))
        json_put(e->validity, "alpha", json_incref(out));
    json_decref(out);
    free(alpha);
    free(x);
    return st;
}

/* ---- topic ---- */

static const column *column_named(const evaluation *e, const char *name)
{
    for (size_t k = 0; k < e->n_column; k++)
        if (strcmp(e->columns[k].name, name) == 0)
            return &e->columns[k];
    return NULL;
}

/* The AUC of own[i] against other[i], of the responses that have both. */
static evoke_status own_against_other(const evaluation *e, const double *own, const double *other, json_t **out, evoke_error *err)
{
    double *x = NULL;
    bool *is = NULL;
    size_t n = 0;
    evoke_interval auc = { NAN, NAN, NAN };
    evoke_status st = allocate(&x, e->set.n, 2 * sizeof *x, err);
    if (st == EVOKE_OK)
        st = allocate(&is, e->set.n, 2 * sizeof *is, err);
    for (size_t i = 0; st == EVOKE_OK && i < e->set.n; i++)
        if (isfinite(own[i]) && isfinite(other[i])) {
            x[n] = own[i];
            is[n++] = true;
            x[n++] = other[i];
        }
    if (st == EVOKE_OK && n > 0)
        st = evoke_auc(x, is, n, N_REPLICATE, 0, &auc, err);
    if (st == EVOKE_OK && isfinite(auc.mean))
        *out = json_pack("{s:o, s:o, s:b}", "n", json_count(n / 2), "auc", interval_json(&auc), "better_than_chance", auc.low > 0.5);
    free(x);
    free(is);
    return st;
}

static evoke_status topics(evaluation *e, evoke_error *err)
{
    static const char *const pairs[][2] = { { "topic_query", "other_query" }, { "topic", "other_topic" } };
    json_t *out = json_object();
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; st == EVOKE_OK && i < sizeof pairs / sizeof *pairs; i++) {
        const column *own = column_named(e, pairs[i][0]), *other = column_named(e, pairs[i][1]);
        json_t *one = NULL;
        if (own && other)
            st = own_against_other(e, own->x, other->x, &one, err);
        if (one)
            json_put(out, pairs[i][0], one);
    }
    if (json_object_size(out))
        json_put(e->validity, "topic", json_incref(out));
    json_decref(out);
    return st;
}

evoke_status eval_validity(evaluation *e, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    e->validity = json_object();
    for (size_t i = 0; st == EVOKE_OK && option_nth(e->o, OPT_HUMAN, i); i++)
        st = eval_people(e, option_nth(e->o, OPT_HUMAN, i), err);
    if (st == EVOKE_OK)
        st = rises(e, err);
    return st == EVOKE_OK ? topics(e, err) : st;
}

static double number(const json_t *o, const char *key)
{
    const json_t *value = json_object_get(o, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static bool is_true(const json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key));
}

/* The end of a judge's line. */
static void print_worth(const json_t *of)
{
    puts(is_true(of, "better_than_chance") ? "" : "  no better than chance");
}

static void print_classes(const char *file, json_t *of)
{
    const char *name;
    json_t *one;
    printf("\nagreement with people (%s)\n%-10s %6s %9s %18s %7s %9s %6s\n", file, "judge", "n", "macro F1", "95 %", "chance",
           "accuracy", "AUC");
    json_object_foreach(of, name, one) {
        const json_t *f1 = json_object_get(one, "macro_f1");
        if (!f1)
            continue;
        printf("%-10s %6.0f %9.3f [%7.3f, %7.3f] %7.3f %9.3f %6.3f", name, number(one, "n"), number(f1, "mean"), number(f1, "low"),
               number(f1, "high"), number(one, "chance_f1"), number(json_object_get(one, "accuracy"), "mean"), number(one, "auc"));
        print_worth(one);
    }
}

static void print_rho(double rho)
{
    if (isfinite(rho))
        printf(" %10.2f", rho);
    else
        printf(" %10s", "-");
}

static void print_metrics(json_t *metrics)
{
    const char *metric, *judge, *emotion;
    json_t *by, *of, *one;
    bool first = true;
    json_object_foreach(metrics, metric, by)
        json_object_foreach(by, judge, of)
            json_object_foreach(of, emotion, one) {
                const json_t *auc = json_object_get(one, "auc"), *felt = json_object_get(one, "intensity");
                if (first)
                    printf("\n%-6s %-8s %-10s %5s %6s %6s %16s %10s %10s\n", "metric", "judge", "emotion", "of it", "n", "AUC",
                           "95 %", "Spearman", "intensity");
                first = false;
                printf("%-6s %-8s %-10.10s %5.0f %6.0f %6.3f [%6.3f, %6.3f]", metric, judge, emotion, number(one, "n_label"),
                       number(one, "n"), number(auc, "mean"), number(auc, "low"), number(auc, "high"));
                print_rho(number(json_object_get(one, "spearman"), "spearman"));
                print_rho(number(felt, "spearman"));
                print_worth(one);
            }
}

static void print_rises(json_t *of)
{
    const char *name, *emotion;
    json_t *one, *each;
    bool first = true;
    printf("\nSpearman's correlation with alpha over responses:");
    json_object_foreach(of, name, one)
        printf(" %s %.2f", name, number(one, "spearman"));
    putchar('\n');
    json_object_foreach(of, name, one) {
        const json_t *rise = json_object_get(one, "rise");
        if (!rise)
            continue;
        if (first)
            printf("\nfrom alpha 0 to 2 %6s %8s %16s  by emotion\n", "n", "Spearman", "95 %");
        first = false;
        printf("%-17s %6.0f %8.2f [%6.2f, %6.2f] ", name, number(rise, "n"), number(rise, "spearman"), number(rise, "low"),
               number(rise, "high"));
        json_object_foreach(json_object_get(rise, "emotions"), emotion, each)
            printf(" %.10s %.2f", emotion, number(each, "spearman"));
        puts(is_true(rise, "rises") ? "" : "  does not rise");
    }
}

static void print_topics(json_t *of)
{
    const char *metric;
    json_t *one;
    puts("\na response's own query against another (AUC)");
    json_object_foreach(of, metric, one) {
        const json_t *auc = json_object_get(one, "auc");
        printf("%-17s %6.0f %8.2f [%6.2f, %6.2f]", metric, number(one, "n"), number(auc, "mean"), number(auc, "low"), number(auc, "high"));
        print_worth(one);
    }
}

void eval_print_validity(const evaluation *e)
{
    const char *file;
    json_t *of;
    json_object_foreach(e->validity, file, of) {
        if (strcmp(file, "alpha") == 0) {
            print_rises(of);
            continue;
        }
        if (strcmp(file, "topic") == 0) {
            print_topics(of);
            continue;
        }
        print_classes(file, of);
        print_metrics(json_object_get(of, "metrics"));
    }
}

/* Beside a table of figures alone: what they are not worth. */
void eval_warn_validity(const evaluation *e)
{
    const char *file, *metric, *judge, *emotion;
    json_t *of, *by, *each, *one;
    json_object_foreach(e->validity, file, of) {
        json_object_foreach(json_object_get(of, "metrics"), metric, by)
            json_object_foreach(by, judge, each)
                json_object_foreach(each, emotion, one)
                    if (!is_true(one, "better_than_chance"))
                        say("eval: %s by the %s is no better than chance for %s (%s)", metric, judge, emotion, file);
        if (strcmp(file, "topic") == 0)
            json_object_foreach(of, metric, one)
                if (!is_true(one, "better_than_chance"))
                    say("eval: %s tells a response's own query from another no better than chance", metric);
        if (strcmp(file, "alpha") == 0)
            json_object_foreach(of, metric, one)
                if (json_object_get(one, "rise") && !is_true(json_object_get(one, "rise"), "rises"))
                    say("eval: %s does not rise from alpha 0 to 2", metric);
    }
}
