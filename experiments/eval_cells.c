/* experiments/eval_cells.c: the columns averaged by cell of (emotion, alpha, baseline, variant), and how they are shown. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/eval_validity.h"
#include "experiments/json_out.h"
#include "experiments/output.h"

typedef enum eval_format { EVAL_TEXT, EVAL_JSON, EVAL_CSV, EVAL_TABLES } eval_format;
enum { BLOCK = 6 };     /* columns of text side by side */

typedef struct figure { size_t n; evoke_interval interval; } figure;

typedef struct cell {
    const char *emotion, *baseline, *variant;
    double alpha;
    size_t like, target, n, left_out;       /* like: the first of its responses */
    figure figures[MOST_COLUMNS];
} cell;

typedef struct cell_list { cell *cells; size_t n; } cell_list;

/* ---- making ---- */

static bool in_cell(const response_line *r, const response_line *like)
{
    return r->alpha == like->alpha && strcmp(r->emotion, like->emotion) == 0 && strcmp(r->baseline, like->baseline) == 0 &&
           strcmp(r->variant, like->variant) == 0;
}

/* Share of ones and Wilson's 95 % interval, which is not empty where all are alike. */
static evoke_interval interval_of_share(double share, size_t n)
{
    const double z = 1.96, k = (double)n, p = share;
    const double middle = (p + z * z / (2 * k)) / (1 + z * z / k);
    const double half = z / (1 + z * z / k) * sqrt(p * (1 - p) / k + z * z / (4 * k * k));
    return (evoke_interval){ p, fmax(0, middle - half), fmin(1, middle + half) };
}

/* x: room for a value a response. */
static evoke_status fill_figure(const evaluation *e, const cell *c, const column *of, double *x, figure *out, evoke_error *err)
{
    const size_t width = of->by_target ? e->n_emotion : 1, at = of->by_target ? c->target : 0;
    *out = (figure){ 0, { NAN, NAN, NAN } };
    for (size_t i = 0; at < width && i < e->set.n; i++) {
        const response_line *r = &e->set.lines[i];
        if (in_cell(r, &e->set.lines[c->like]) && (of->of_all || !r->left_out) && isfinite(of->x[i * width + at]))
            x[out->n++] = of->x[i * width + at];
    }
    const evoke_status st = evoke_mean_interval(x, out->n, N_REPLICATE, 0, &out->interval, err);
    if (of->kind == COLUMN_SHARE && out->n)
        out->interval = interval_of_share(out->interval.mean, out->n);
    if (of->kind == COLUMN_EXP)
        out->interval = (evoke_interval){ exp(out->interval.mean), exp(out->interval.low), exp(out->interval.high) };
    return st;
}

static evoke_status fill_cell(const evaluation *e, cell *c, double *x, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; i < e->set.n; i++)
        if (in_cell(&e->set.lines[i], &e->set.lines[c->like])) {
            c->n += !e->set.lines[i].left_out;
            c->left_out += e->set.lines[i].left_out;
        }
    for (size_t k = 0; st == EVOKE_OK && k < e->n_column; k++)
        st = fill_figure(e, c, &e->columns[k], x, &c->figures[k], err);
    return st;
}

static bool has_targets(const evaluation *e)
{
    for (size_t k = 0; k < e->n_column; k++)
        if (e->columns[k].by_target)
            return true;
    return false;
}

/* The cells of the response at `like`, the first of its kind: one, or, of unsteered responses, one for each emotion where any
 * figure differs between them. */
static evoke_status add_cells(const evaluation *e, size_t like, double *x, cell_list *list, evoke_error *err)
{
    const response_line *r = &e->set.lines[like];
    const bool split = !*r->emotion && e->n_emotion > 0 && has_targets(e);
    const size_t from = split ? 0 : eval_target(e, r->emotion), to = split ? e->n_emotion : from + 1;
    cell *grown = realloc(list->cells, (list->n + to - from) * sizeof *grown);
    evoke_status st = grown ? EVOKE_OK : fail(err, EVOKE_ENOMEM, "evaluate: no memory");
    list->cells = grown ? grown : list->cells;
    for (size_t k = from; st == EVOKE_OK && k < to; k++) {
        list->cells[list->n] = (cell){ .emotion = split ? e->emotions[k] : r->emotion, .baseline = r->baseline,
                                       .variant = r->variant, .alpha = r->alpha, .like = like, .target = k };
        st = fill_cell(e, &list->cells[list->n++], x, err);
    }
    return st;
}

/* Cells in the order in which the responses name them. */
static evoke_status make_cells(const evaluation *e, cell_list *list, evoke_error *err)
{
    double *x = NULL;
    evoke_status st = allocate(&x, e->set.n, sizeof *x, err);
    *list = (cell_list){ .cells = NULL };
    for (size_t i = 0; st == EVOKE_OK && i < e->set.n; i++) {
        size_t known = 0;
        while (known < list->n && !in_cell(&e->set.lines[i], &e->set.lines[list->cells[known].like]))
            known++;
        if (known == list->n)
            st = add_cells(e, i, x, list, err);
    }
    free(x);
    return st;
}

/* ---- showing ---- */

static json_t *cell_json(const evaluation *e, const cell *c)
{
    json_t *o = json_object();
    json_put(o, "emotion", json_text(c->emotion, strlen(c->emotion)));
    json_put(o, "alpha", json_number(c->alpha));
    json_put(o, "baseline", json_text(c->baseline, strlen(c->baseline)));
    json_put(o, "variant", json_text(c->variant, strlen(c->variant)));
    json_put(o, "n", json_count(c->n));
    json_put(o, "left_out", json_count(c->left_out));
    for (size_t k = 0; k < e->n_column; k++) {
        json_t *f = json_object();
        json_put(f, "mean", json_number(c->figures[k].interval.mean));
        json_put(f, "low", json_number(c->figures[k].interval.low));
        json_put(f, "high", json_number(c->figures[k].interval.high));
        json_put(f, "n", json_count(c->figures[k].n));
        json_put(o, e->columns[k].name, f);
    }
    return o;
}

static evoke_status print_json(const evaluation *e, const cell_list *list, evoke_error *err)
{
    json_t *result = json_object(), *cells = json_array();
    for (size_t i = 0; i < list->n; i++)
        json_add(cells, cell_json(e, &list->cells[i]));
    json_put(result, "cells", cells);
    json_put(result, "methods", json_incref(e->methods));
    json_put(result, "validity", json_incref(e->validity));
    return json_print(stdout, result, 17, err);
}

static const char *shown_emotion(const cell *c)
{
    return *c->emotion ? c->emotion : "(unsteered)";
}

static void print_mean(double x)
{
    char text[32] = "-";
    if (isfinite(x))
        snprintf(text, sizeof text, fabs(x) >= 10 ? "%.4g" : "%.3f", x);
    printf(" %10s", text);
}

/* At the end of a line, where there are several. */
static void print_variant(const cell *c)
{
    printf("%s%s\n", *c->variant ? "  " : "", c->variant);
}

static void print_text(const evaluation *e, const cell_list *list)
{
    for (size_t first = 0; first < e->n_column || first == 0; first += BLOCK) {
        const size_t end = first + BLOCK < e->n_column ? first + BLOCK : e->n_column;
        printf("%s%-14s %6s %-10s %4s %3s", first ? "\n" : "", "emotion", "alpha", "baseline", "n", "out");
        for (size_t k = first; k < end; k++)
            printf(" %10.10s", e->columns[k].name);
        putchar('\n');
        for (size_t i = 0; i < list->n; i++) {
            const cell *c = &list->cells[i];
            printf("%-14.14s %6.4g %-10.10s %4zu %3zu", shown_emotion(c), c->alpha, c->baseline, c->n, c->left_out);
            for (size_t k = first; k < end; k++)
                print_mean(c->figures[k].interval.mean);
            print_variant(c);
        }
    }
}

static void print_csv_text(const char *text)
{
    putchar('"');
    for (; *text; text++)
        printf(*text == '"' ? "\"\"" : "%c", *text);
    putchar('"');
}

static void print_csv_number(double x)
{
    if (isfinite(x))
        printf(",%.9g", x);
    else
        putchar(',');
}

static void print_csv(const evaluation *e, const cell_list *list)
{
    puts("emotion,alpha,baseline,variant,metric,n,left_out,mean,low,high");
    for (size_t i = 0; i < list->n; i++)
        for (size_t k = 0; k < e->n_column; k++) {
            const cell *c = &list->cells[i];
            const evoke_interval *v = &c->figures[k].interval;
            print_csv_text(c->emotion);
            printf(",%.9g,", c->alpha);
            print_csv_text(c->baseline);
            putchar(',');
            print_csv_text(c->variant);
            printf(",%s,%zu,%zu", e->columns[k].name, c->figures[k].n, c->n + c->left_out - c->figures[k].n);
            print_csv_number(v->mean);
            print_csv_number(v->low);
            print_csv_number(v->high);
            putchar('\n');
        }
}

/* ---- the paper's tables: a table a metric, a row an emotion and baseline, a column an alpha ---- */

static bool same_row(const cell *a, const cell *b)
{
    return strcmp(a->emotion, b->emotion) == 0 && strcmp(a->baseline, b->baseline) == 0 && strcmp(a->variant, b->variant) == 0;
}

static size_t distinct_alphas(const cell_list *list, double *alphas)
{
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        size_t at = 0;
        while (at < n && alphas[at] < list->cells[i].alpha)
            at++;
        if (at < n && alphas[at] == list->cells[i].alpha)
            continue;
        memmove(alphas + at + 1, alphas + at, (n - at) * sizeof *alphas);
        alphas[at] = list->cells[i].alpha;
        n++;
    }
    return n;
}

static void print_row(const cell_list *list, size_t row, size_t metric, const double *alphas, size_t n_alpha)
{
    char name[64];
    const cell *first = &list->cells[row];
    snprintf(name, sizeof name, "%.20s%s%.20s", shown_emotion(first), *first->baseline ? ", " : "", first->baseline);
    printf("%-24.24s", name);
    for (size_t a = 0; a < n_alpha; a++) {
        char text[64] = "-";
        for (size_t i = row; i < list->n; i++) {
            const evoke_interval *v = &list->cells[i].figures[metric].interval;
            if (same_row(&list->cells[i], first) && list->cells[i].alpha == alphas[a] && isfinite(v->mean))
                snprintf(text, sizeof text, isfinite(v->low) ? "%.4g [%.4g, %.4g]" : "%.4g", v->mean, v->low, v->high);
        }
        printf(" %24s", text);
    }
    print_variant(first);
}

static evoke_status print_tables(const evaluation *e, const cell_list *list, evoke_error *err)
{
    double *alphas = NULL;
    const evoke_status st = allocate(&alphas, list->n + 1, sizeof *alphas, err);
    const size_t n_alpha = st == EVOKE_OK ? distinct_alphas(list, alphas) : 0;
    for (size_t k = 0; st == EVOKE_OK && k < e->n_column; k++) {
        printf("%s%-24s", k ? "\n" : "", e->columns[k].name);
        for (size_t a = 0; a < n_alpha; a++)
            printf(" %18s %5.4g", "alpha", alphas[a]);
        putchar('\n');
        for (size_t i = 0; i < list->n; i++) {
            size_t first = 0;
            while (!same_row(&list->cells[first], &list->cells[i]))
                first++;
            if (first == i)
                print_row(list, i, k, alphas, n_alpha);
        }
    }
    free(alphas);
    return st;
}

/* ---- both ---- */

static evoke_status print(const evaluation *e, eval_format format, evoke_error *err)
{
    cell_list list;
    evoke_status st = make_cells(e, &list, err);
    if (st == EVOKE_OK && format == EVAL_JSON)
        st = print_json(e, &list, err);
    else if (st == EVOKE_OK && format == EVAL_TABLES)
        st = print_tables(e, &list, err);
    else if (st == EVOKE_OK && format == EVAL_CSV)
        print_csv(e, &list);
    else if (st == EVOKE_OK)
        print_text(e, &list);
    free(list.cells);
    return st;
}

json_t *eval_score(const evaluation *e, size_t i, bool raw)
{
    const response_line *r = &e->set.lines[i];
    json_t *o = json_object();
    json_put(o, "response", json_count(i));
    json_put(o, "emotion", json_text(r->emotion, strlen(r->emotion)));
    json_put(o, "alpha", json_number(r->alpha));
    json_put(o, "baseline", json_text(r->baseline, strlen(r->baseline)));
    if (raw)
        json_put(o, "variant", json_text(r->variant, strlen(r->variant)));
    json_put(o, "left_out", json_boolean(r->left_out));
    for (size_t k = 0; k < e->n_column; k++) {
        const column *c = &e->columns[k];
        json_t *values = c->by_target ? json_object() : NULL;
        for (size_t t = 0; c->by_target && t < e->n_emotion; t++)
            json_put(values, e->emotions[t], json_number(c->x[i * e->n_emotion + t]));
        json_put(o, c->name, c->by_target ? values
                                          : json_number(c->kind == COLUMN_EXP && !raw ? exp(c->x[i]) : c->x[i]));
    }
    return o;
}

static evoke_status write_scores(const evaluation *e, const char *path, evoke_error *err)
{
    output out;
    evoke_status st = output_open(&out, path, err);
    for (size_t i = 0; st == EVOKE_OK && i < e->set.n; i++)
        if (json_print(out.file, eval_score(e, i, false), 17, err) != EVOKE_OK)
            st = fail(err, EVOKE_EIO, "write the scores: the output takes no more (%s)", path);
    if (st == EVOKE_OK)
        st = output_commit(&out, err);
    output_discard(&out);
    return st;
}

evoke_status eval_result(evaluation *e, evoke_error *err)
{
    const options *o = e->o;
    const eval_format format = o->json ? EVAL_JSON : option_given(o, OPT_CSV) ? EVAL_CSV
                               : option_given(o, OPT_TABLES) ? EVAL_TABLES : EVAL_TEXT;
    evoke_error why = { EVOKE_OK, "" };
    evoke_status st = eval_validity(e, err);
    /* figures that took hours are printed, whatever becomes of the judges' validity, and whether there is room for the scores or not */
    if (st != EVOKE_OK && st != EVOKE_EINTERRUPTED && e->set.n > 0) {
        e->later = *err;
        st = EVOKE_OK;
    }
    if (st == EVOKE_OK && option_given(o, OPT_OUTPUT) && write_scores(e, option_text(o, OPT_OUTPUT), &why) != EVOKE_OK)
        e->later = why;
    if (st == EVOKE_OK && (e->set.n > 0 || o->json))
        st = print(e, format, err);
    if (st == EVOKE_OK && (format == EVAL_TEXT || format == EVAL_TABLES))
        eval_print_validity(e);
    else if (st == EVOKE_OK && format == EVAL_CSV && !o->quiet)
        eval_warn_validity(e);
    return st == EVOKE_OK && e->later.status != EVOKE_OK ? fail(err, e->later.status, "%s", e->later.text) : st;
}
