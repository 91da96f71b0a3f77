/* experiments/eval.c: what the metrics share. */
#include "experiments/eval.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void eval_free(evaluation *e)
{
    for (size_t k = 0; k < e->n_column; k++)
        free(e->columns[k].x);
    names_free(e->emotions, e->n_emotion);
    evoke_lexicon_free(e->words);
    responses_free(&e->set);
    json_decref(e->methods);
    json_decref(e->validity);
}

evoke_status eval_column(evaluation *e, const char *name, column_kind kind, bool by_target, double **x, evoke_error *err)
{
    column *c = &e->columns[e->n_column];
    const size_t n = e->set.n * (by_target ? e->n_emotion : 1);
    if (e->n_column == MOST_COLUMNS)
        return fail(err, EVOKE_EARG, "evaluate: more than %d figures a response", MOST_COLUMNS);
    *c = (column){ .name = name, .kind = kind, .by_target = by_target };
    const evoke_status st = allocate(&c->x, n, sizeof *c->x, err);
    if (st != EVOKE_OK)
        return st;
    for (size_t i = 0; i < n; i++)
        c->x[i] = NAN;
    e->n_column++;
    *x = c->x;
    return EVOKE_OK;
}

bool eval_wants(const evaluation *e, const char *metric, bool by_default)
{
    bool wanted = false;
    const size_t n = strlen(metric);
    if (!option_given(e->o, OPT_METRICS))
        return by_default;
    for (size_t i = 0; i < option_times(e->o, OPT_METRICS); i++)
        for (const char *at = option_nth(e->o, OPT_METRICS, i); at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
            wanted |= strncmp(at, metric, n) == 0 && (at[n] == ',' || !at[n]);
    return wanted;
}

static evoke_status threads(const evaluation *e, evoke_model_options *how, evoke_error *err)
{
    *how = (evoke_model_options){ .repack = true, .n_threads = ranks_threads() };
    return option_size(e->o, OPT_THREADS, 1, 4096, &how->n_threads, err);
}

evoke_status eval_open_encoder(const evaluation *e, const char *path, evoke_encoder **out, evoke_error *err)
{
    evoke_model_options how;
    const evoke_status st = threads(e, &how, err);
    return st == EVOKE_OK ? evoke_encoder_open(path, &how, out, err) : st;
}

evoke_status eval_open_model(const evaluation *e, const char *path, evoke_model **out, evoke_error *err)
{
    evoke_model_options how;
    const evoke_status st = threads(e, &how, err);
    return st == EVOKE_OK ? evoke_model_open(path, &how, out, err) : st;
}

evoke_status eval_spoken(const evaluation *e, size_t **which, size_t *n, evoke_error *err)
{
    const evoke_status st = allocate(which, e->set.n, sizeof **which, err);
    *n = 0;
    for (size_t i = e->first; st == EVOKE_OK && i < e->end; i++)
        if (!e->set.lines[i].left_out)
            (*which)[(*n)++] = i;
    return st;
}

size_t eval_target(const evaluation *e, const char *emotion)
{
    size_t k = 0;
    while (k < e->n_emotion && strcmp(e->emotions[k], emotion) != 0)
        k++;
    return k;
}

evoke_status eval_texts_of(const evaluation *e, const size_t *which, size_t n, const char ***texts, evoke_error *err)
{
    const evoke_status st = allocate(texts, n, sizeof **texts, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        (*texts)[i] = e->set.lines[which[i]].text;
    return st;
}
