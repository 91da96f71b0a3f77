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

typedef struct job {
    const evoke_model *m;
    evoke_scorer *scorer, *scorer_alone;    /* each keeps what texts of its kind begin with alike */
    double *given, *alone;                  /* [n] columns; alone NULL: not asked for */
} job;

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

static evoke_status measure(const job *j, const response_line *r, size_t i, evoke_error *err)
{
    evoke_ids prompt = { 0 }, nothing = { 0 };
    int32_t *ids = NULL;
    size_t n = 0;
    evoke_status st = response_ids(r, j->m, &ids, &n, err);
    if (st == EVOKE_OK)
        st = evoke_tokenize(evoke_model_tokenizer(j->m), "", 0, EVOKE_TOKENIZE_ADD_SPECIAL, &nothing, err);
    if (st == EVOKE_OK && j->alone)
        st = score_after(j->scorer_alone, &nothing, ids, n, &j->alone[i], err);
    if (st == EVOKE_OK && r->prompt)
        st = prompt_tokens(j->m, r->prompt, r->raw, r->system, &prompt, err);
    if (st == EVOKE_OK && r->prompt && prompt.n == 0)
        st = fail(err, EVOKE_EDATA, "evaluate: the prompt has no token, so nothing comes before the response");
    if (st == EVOKE_OK && r->prompt)
        st = score_after(j->scorer, &prompt, ids, n, &j->given[i], err);
    free(ids);
    evoke_ids_free(&prompt);
    evoke_ids_free(&nothing);
    return st;
}

static int by_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

/* Responses to the same prompt next to each other, in the order they came in. */
static int by_prompt(const void *a, const void *b)
{
    const response_line *x = *(const response_line *const *)a, *y = *(const response_line *const *)b;
    const int system = by_text(x->system, y->system), prompt = by_text(x->prompt, y->prompt);
    return system ? system : prompt ? prompt : (x > y) - (x < y);
}

static evoke_status measure_all(evaluation *e, const job *j, evoke_error *err)
{
    progress p;
    const response_line **order = NULL;
    const size_t n = e->end - e->first;
    evoke_status st = allocate(&order, n, sizeof *order, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        order[i] = &e->set.lines[e->first + i];
    if (st == EVOKE_OK)
        qsort(order, n, sizeof *order, by_prompt);
    progress_begin(&p, e->o->quiet);
    const evoke_progress hook = progress_hook(&p);
    for (size_t k = 0; st == EVOKE_OK && k < n; k++) {
        const size_t i = (size_t)(order[k] - e->set.lines);
        evoke_error why = { EVOKE_OK, "" };
        if (!hook.report(hook.user, "perplexity", k, n))
            st = fail(err, EVOKE_EINTERRUPTED, "evaluate: interrupted");
        else if (!order[k]->left_out && (st = measure(j, order[k], i, &why)) != EVOKE_OK)
            fail(err, st, "%.900s (%s, response %zu)", why.text, e->o->arguments[0], i + 1);
    }
    progress_end(&p);
    free(order);
    return st;
}

evoke_status eval_perplexity(evaluation *e, evoke_error *err)
{
    const char *path = option_text(e->o, OPT_PPL_MODEL);
    evoke_model *m = NULL;
    job j = { 0 };
    size_t window = 0, n_asked = 0;
    if (!eval_wants(e, "ppl", path != NULL) && !eval_wants(e, "ppl_alone", false))
        return EVOKE_OK;
    for (size_t i = 0; i < e->set.n; i++)
        n_asked += e->set.lines[i].prompt != NULL;
    evoke_status st = eval_open_model(e, path, &m, err);
    if (st == EVOKE_OK)
        st = option_size(e->o, OPT_PPL_WINDOW, 2, evoke_model_describe(m)->n_ctx, &window, err);
    if (st == EVOKE_OK)
        st = eval_column(e, "ppl", COLUMN_EXP, false, &j.given, err);
    if (st == EVOKE_OK && (eval_wants(e, "ppl_alone", false) || n_asked < e->set.n))
        st = eval_column(e, "ppl_alone", COLUMN_EXP, false, &j.alone, err);
    if (st == EVOKE_OK)
        st = evoke_scorer_new(m, window, &j.scorer, err);
    if (st == EVOKE_OK && j.alone)
        st = evoke_scorer_new(m, window, &j.scorer_alone, err);
    j.m = m;
    if (st == EVOKE_OK)
        st = measure_all(e, &j, err);
    evoke_scorer_free(j.scorer);
    evoke_scorer_free(j.scorer_alone);
    evoke_model_free(m);
    return st;
}
