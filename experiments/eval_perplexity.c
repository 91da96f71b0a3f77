/* experiments/eval_perplexity.c: fluency: how likely a model finds the responses.
 *
 *   ppl        exp of the mean NLL per token given the prompt, as that model's template renders it; where no prompt is
 *              known, as ppl_alone
 *   ppl_alone  the same of the text by itself, its first token after the model's own beginning of a text, or unscored
 * A cell's figure is the geometric mean over its responses. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/eval.h"
#include "experiments/prompts.h"

typedef struct job { const evoke_model *m; size_t window; } job;

/* The response's tokens: its own ids where this model made them and the text is all of them; else its text's. */
static evoke_status response_ids(const response_line *r, const evoke_model *m, int32_t **ids, size_t *n, evoke_error *err)
{
    const bool as_made = r->model && strcmp(r->model, evoke_model_describe(m)->name) == 0 && json_is_array(r->ids) &&
                     json_array_size(r->ids) > 0 && strcmp(r->stop, "string") != 0;
    evoke_ids tokens = { 0 };
    if (as_made)
        return parse_json_ids(r->ids, "\"ids\"", ids, n, err);
    const evoke_status st = evoke_tokenize(evoke_model_tokenizer(m), r->text, strlen(r->text), 0, &tokens, err);
    if (st == EVOKE_OK) {
        *ids = tokens.ids;
        *n = tokens.n;
        tokens.ids = NULL;
    }
    evoke_ids_free(&tokens);
    return st;
}

/* NLL of ids [n] after a context, which may be empty: then the first of them is the context. */
static evoke_status nll_after(const job *j, const evoke_ids *context, const int32_t *ids, size_t n, double *nll,
                              evoke_error *err)
{
    int32_t *all = NULL;
    if (context->n + n < 2 || n == 0)
        return EVOKE_OK;                /* stays NaN: there is nothing to score */
    evoke_status st = allocate(&all, context->n + n, sizeof *all, err);
    if (st == EVOKE_OK) {
        if (context->n)
            memcpy(all, context->ids, context->n * sizeof *all);
        memcpy(all + context->n, ids, n * sizeof *all);
        st = evoke_nll_windowed(j->m, all, context->n + n, context->n ? context->n : 1, j->window, nll, err);
    }
    free(all);
    return st;
}

static evoke_status measure(const job *j, const response_line *r, double *given, double *alone, evoke_error *err)
{
    evoke_ids prompt = { 0 }, nothing = { 0 };
    int32_t *ids = NULL;
    size_t n = 0;
    evoke_status st = response_ids(r, j->m, &ids, &n, err);
    if (st == EVOKE_OK)
        st = evoke_tokenize(evoke_model_tokenizer(j->m), "", 0, EVOKE_TOKENIZE_ADD_SPECIAL, &nothing, err);
    if (st == EVOKE_OK && alone)
        st = nll_after(j, &nothing, ids, n, alone, err);
    if (st == EVOKE_OK && r->prompt)
        st = prompt_tokens(j->m, r->prompt, r->raw, r->system, &prompt, err);
    if (st == EVOKE_OK && r->prompt && prompt.n == 0)
        st = fail(err, EVOKE_EDATA, "evaluate: the prompt has no token, so nothing comes before the response");
    if (st == EVOKE_OK && r->prompt)
        st = nll_after(j, &prompt, ids, n, given, err);
    free(ids);
    evoke_ids_free(&prompt);
    evoke_ids_free(&nothing);
    return st;
}

static evoke_status measure_all(evaluation *e, const job *j, double *given, double *alone, evoke_error *err)
{
    progress p;
    evoke_status st = EVOKE_OK;
    progress_begin(&p, e->o->quiet);
    const evoke_progress hook = progress_hook(&p);
    for (size_t i = e->first; st == EVOKE_OK && i < e->end; i++) {
        evoke_error why = { EVOKE_OK, "" };
        if (!hook.report(hook.user, "perplexity", i - e->first, e->end - e->first))
            st = fail(err, EVOKE_EINTERRUPTED, "evaluate: interrupted");
        else if (!e->set.lines[i].left_out &&
                 (st = measure(j, &e->set.lines[i], given + i, alone ? alone + i : NULL, &why)) != EVOKE_OK)
            fail(err, st, "%.900s (%s, response %zu)", why.text, e->o->arguments[0], i + 1);
    }
    progress_end(&p);
    return st;
}

evoke_status eval_perplexity(evaluation *e, evoke_error *err)
{
    const char *path = option_text(e->o, OPT_PPL_MODEL);
    evoke_model *m = NULL;
    double *given = NULL, *alone = NULL;
    job j = { .window = 0 };
    size_t n_asked = 0;
    if (!eval_wants(e, "ppl", path != NULL) && !eval_wants(e, "ppl_alone", false))
        return EVOKE_OK;
    for (size_t i = 0; i < e->set.n; i++)
        n_asked += e->set.lines[i].prompt != NULL;
    evoke_status st = eval_open_model(e, path, &m, err);
    if (st == EVOKE_OK)
        st = option_size(e->o, OPT_PPL_WINDOW, 2, evoke_model_describe(m)->n_ctx, &j.window, err);
    if (st == EVOKE_OK)
        st = eval_column(e, "ppl", COLUMN_EXP, false, &given, err);
    if (st == EVOKE_OK && (eval_wants(e, "ppl_alone", false) || n_asked < e->set.n))
        st = eval_column(e, "ppl_alone", COLUMN_EXP, false, &alone, err);
    j.m = m;
    if (st == EVOKE_OK)
        st = measure_all(e, &j, given, alone, err);
    evoke_model_free(m);
    return st;
}
