/* experiments/cmd_eval.c: responses to metrics, by cell of (emotion, alpha, baseline).
 *
 *   ppl        exp of the mean over responses of the NLL per token, under an unsteered model, given the prompt as that
 *              model's template renders it: the geometric mean of the responses' perplexities
 *   distinct2  different word pairs / word pairs of a text, mean over texts: low where a text repeats itself
 *   hit, lex   share of texts with a word of the target emotion's list; such words a text
 *   other      words of the other emotions' lists a text, mean over those emotions */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/files.h"
#include "experiments/json_out.h"
#include "experiments/output.h"
#include "experiments/progress.h"
#include "experiments/prompts.h"
#include "experiments/responses.h"

#ifndef EVOKE_DATA
#define EVOKE_DATA "data"           /* where the build says that data/ is installed */
#endif

static const struct poptOption own[] = {
    { "metrics", 0, POPT_ARG_STRING, NULL, OPT_METRICS,
      "ppl, degeneration, lexicon; with commas (default: the latter two, and ppl with --ppl-model)", "LIST" },
    { "ppl-model", 0, POPT_ARG_STRING, NULL, OPT_PPL_MODEL, "model whose perplexity is taken", "FILE" },
    { "lexicon", 0, POPT_ARG_STRING, NULL, OPT_LEXICON, "words of each emotion, JSON (default: data/lexicon.json)",
      "FILE" },
    { "threads", 't', POPT_ARG_STRING, NULL, OPT_THREADS, "threads (default: the cores this process may use)", "N" },
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT, "every response's own scores, JSON Lines", "FILE" },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "RESPONSES.jsonl [--metrics LIST] [--ppl-model MODEL] [--lexicon FILE] [-o SCORES.jsonl]",
    .about = "Scores what 'generate --json' wrote, by emotion, alpha and baseline, with 95 % intervals over responses:\n"
             "  ppl        perplexity of the response given its prompt, under the unsteered --ppl-model\n"
             "  distinct2  different word pairs / word pairs (low: the text repeats itself)\n"
             "  hit        share of texts with a word of the target emotion      lex    such words a text\n"
             "  other      words of the other emotions a text\n"
             "Empty texts are left out of all. Unsteered texts are a row for each emotion of the lexicon.",
    .examples = "  evoke generate -m model.gguf --ev ev.h5 --compare -f queries.jsonl --json -o r.jsonl\n"
                "  evoke eval r.jsonl --ppl-model model.gguf\n"
                "  evoke eval r.jsonl --metrics lexicon --json\n",
    .own = own, .least = 1, .most = 1,
};

typedef struct evaluation {
    const options *o;
    const char *path;
    bool ppl, degeneration, lexicon;
    response_set set;
    evoke_lexicon *words;           /* NULL: not asked for */
    size_t n_emotion;               /* of the lexicon */
} evaluation;

/* ---- measuring ---- */
static evoke_status read_metrics(evaluation *e, evoke_error *err)
{
    char **names = NULL;
    size_t n = 0;
    evoke_status st = option_names(e->o, OPT_METRICS, &names, &n, err);
    const bool model = option_given(e->o, OPT_PPL_MODEL);
    e->ppl = n == 0 && model;
    e->degeneration = e->lexicon = n == 0;
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        if (strcmp(names[i], "ppl") == 0)
            e->ppl = true;
        else if (strcmp(names[i], "degeneration") == 0)
            e->degeneration = true;
        else if (strcmp(names[i], "lexicon") == 0)
            e->lexicon = true;
        else
            st = fail(err, EVOKE_EARG, "read --metrics: '%s' is none of ppl, degeneration, lexicon", names[i]);
    }
    names_free(names, n);
    if (st == EVOKE_OK && e->ppl && !model)
        st = fail(err, EVOKE_EARG, "evaluate: the metric ppl needs --ppl-model FILE");
    return st;
}

/* The lexicon that was named, or the one beside us, or the installed one. */
static const char *lexicon_path(const options *o)
{
    const char *path = option_text(o, OPT_LEXICON);
    if (path)
        return path;
    return access("data/lexicon.json", R_OK) == 0 ? "data/lexicon.json" : EVOKE_DATA "/lexicon.json";
}

/* Opens the lexicon and lists its emotions. */
static evoke_status open_words(evaluation *e, evoke_error *err)
{
    const evoke_status st = evoke_lexicon_open(lexicon_path(e->o), &e->words, err);
    if (st != EVOKE_OK)
        return st;
    while (evoke_lexicon_emotion(e->words, e->n_emotion))
        e->n_emotion++;
    return EVOKE_OK;
}

static evoke_status count_words(evaluation *e, evoke_error *err)
{
    evoke_status st = open_words(e, err);
    for (size_t i = 0; st == EVOKE_OK && i < e->set.n; i++) {
        response_line *r = &e->set.lines[i];
        st = allocate(&r->words, e->n_emotion, sizeof *r->words, err);
        for (size_t k = 0; st == EVOKE_OK && k < e->n_emotion; k++)
            st = evoke_lexicon_count(e->words, evoke_lexicon_emotion(e->words, k), r->text, &r->words[k], err);
    }
    return st;
}

/* The response's tokens: its own ids where this model made them and the text is all of them; else its text's. */
static evoke_status response_ids(const response_line *r, const evoke_model *m, int32_t **ids, size_t *n,
                                 evoke_error *err)
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

static evoke_status measure_nll(response_line *r, const evoke_model *m, evoke_error *err)
{
    evoke_ids prompt = { 0 };
    int32_t *ids = NULL, *all = NULL;
    size_t n = 0;
    if (!r->prompt)
        return fail(err, EVOKE_EDATA, "evaluate: ppl needs the prompt, and there is no \"prompt\"");
    evoke_status st = prompt_tokens(m, r->prompt, r->raw, r->system, &prompt, err);
    if (st == EVOKE_OK)
        st = response_ids(r, m, &ids, &n, err);
    if (st == EVOKE_OK && prompt.n == 0)
        st = fail(err, EVOKE_EDATA, "evaluate: the prompt has no token, so nothing comes before the response");
    if (st == EVOKE_OK)
        st = allocate(&all, prompt.n + n, sizeof *all, err);
    if (st == EVOKE_OK && n > 0) {
        memcpy(all, prompt.ids, prompt.n * sizeof *all);
        memcpy(all + prompt.n, ids, n * sizeof *all);
        st = evoke_nll(m, all, prompt.n + n, prompt.n, &r->nll, err);
    }
    r->left_out |= st == EVOKE_OK && n == 0;
    free(all);
    free(ids);
    evoke_ids_free(&prompt);
    return st;
}

static evoke_status measure_perplexity(evaluation *e, evoke_error *err)
{
    evoke_model *m = NULL;
    evoke_model_options how = { 0 };
    progress p;
    evoke_status st = option_size(e->o, OPT_THREADS, 1, 4096, &how.n_threads, err);
    if (st == EVOKE_OK)
        st = evoke_model_open(option_text(e->o, OPT_PPL_MODEL), &how, &m, err);
    progress_begin(&p, e->o->quiet);
    const evoke_progress hook = progress_hook(&p);
    for (size_t i = 0; st == EVOKE_OK && i < e->set.n; i++) {
        evoke_error why = { EVOKE_OK, "" };
        if (!hook.report(hook.user, "perplexity", i, e->set.n))
            st = fail(err, EVOKE_EINTERRUPTED, "evaluate: interrupted");
        else if (!e->set.lines[i].left_out && (st = measure_nll(&e->set.lines[i], m, &why)) != EVOKE_OK)
            fail(err, st, "%.900s (%s, response %zu)", why.text, e->path, i + 1);
    }
    progress_end(&p);
    evoke_model_free(m);
    return st;
}

static evoke_status measure(evaluation *e, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; e->degeneration && i < e->set.n; i++)
        e->set.lines[i].distinct2 = evoke_distinct_n(e->set.lines[i].text, 2);
    if (e->lexicon)
        st = count_words(e, err);
    if (st == EVOKE_OK && e->ppl)
        st = measure_perplexity(e, err);
    return st;
}

/* ---- cells ---- */
typedef struct cell {
    const char *emotion, *baseline;
    double alpha;
    size_t target, n, left_out;     /* target: in the lexicon, n_emotion where it has none */
    mean_interval ppl, distinct2, hit, lex, other;
} cell;

static bool in_cell(const response_line *r, const char *emotion, const char *baseline, double alpha)
{
    return r->alpha == alpha && strcmp(r->emotion, emotion) == 0 && strcmp(r->baseline, baseline) == 0;
}

static double words_of_others(const evaluation *e, const response_line *r, size_t target)
{
    size_t sum = 0;
    for (size_t k = 0; k < e->n_emotion; k++)
        sum += k == target ? 0 : r->words[k];
    return e->n_emotion > 1 ? (double)sum / (double)(e->n_emotion - 1) : NAN;
}

/* Figures of the responses like `like`, for a target. x: room for one value a response. */
static cell fill_cell(const evaluation *e, const response_line *like, size_t target, double *x)
{
    cell c = { like->emotion, like->baseline, like->alpha, target, 0, 0, { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 },
               { 0, 0, 0 }, { 0, 0, 0 } };
    double *nll = x, *distinct = x + e->set.n, *lex = x + 2 * e->set.n, *other = x + 3 * e->set.n;
    size_t hits = 0;
    for (size_t i = 0; i < e->set.n; i++) {
        const response_line *r = &e->set.lines[i];
        if (!in_cell(r, like->emotion, like->baseline, like->alpha))
            continue;
        if (r->left_out) {
            c.left_out++;
            continue;
        }
        const size_t n = c.n++;
        nll[n] = r->nll;
        distinct[n] = r->distinct2;
        lex[n] = target < e->n_emotion ? (double)r->words[target] : NAN;
        other[n] = target < e->n_emotion ? words_of_others(e, r, target) : NAN;
        hits += lex[n] > 0;
    }
    const mean_interval log_ppl = interval_of_mean(nll, c.n);
    c.ppl = (mean_interval){ exp(log_ppl.mean), exp(log_ppl.low), exp(log_ppl.high) };
    c.distinct2 = interval_of_mean(distinct, c.n);
    c.lex = interval_of_mean(lex, c.n);
    c.other = interval_of_mean(other, c.n);
    c.hit = target < e->n_emotion ? interval_of_share(hits, c.n) : (mean_interval){ NAN, NAN, NAN };
    return c;
}

static size_t find_emotion(const evaluation *e, const char *name)
{
    size_t k = 0;
    while (k < e->n_emotion && strcmp(evoke_lexicon_emotion(e->words, k), name) != 0)
        k++;
    return k;
}

static json_t *interval_json(const mean_interval *i)
{
    json_t *o = json_object();
    json_put(o, "mean", json_number(i->mean));
    json_put(o, "low", json_number(i->low));
    json_put(o, "high", json_number(i->high));
    return o;
}

static void cell_json(const evaluation *e, const cell *c, const char *emotion, json_t *cells)
{
    json_t *o = json_object();
    json_put(o, "emotion", json_text(emotion, strlen(emotion)));
    json_put(o, "alpha", json_number(c->alpha));
    json_put(o, "baseline", json_text(c->baseline, strlen(c->baseline)));
    json_put(o, "n", json_count(c->n));
    json_put(o, "left_out", json_count(c->left_out));
    if (e->ppl)
        json_put(o, "ppl", interval_json(&c->ppl));
    if (e->degeneration)
        json_put(o, "distinct2", interval_json(&c->distinct2));
    if (e->lexicon) {
        json_put(o, "hit", interval_json(&c->hit));
        json_put(o, "lex", interval_json(&c->lex));
        json_put(o, "other", interval_json(&c->other));
    }
    json_add(cells, o);
}

static void print_mean(bool wanted, double x, int width, const char *format)
{
    char text[32] = "-";
    if (wanted && isfinite(x))
        snprintf(text, sizeof text, *format == 'g' ? "%.4g" : "%.3f", x);
    if (wanted)
        printf(" %*s", width, text);
}

static void cell_row(const evaluation *e, const cell *c, const char *emotion)
{
    printf("%-20.20s %6.4g %-10.10s %5zu %4zu", *emotion ? emotion : "(unsteered)", c->alpha, c->baseline, c->n,
           c->left_out);
    print_mean(e->ppl, c->ppl.mean, 9, "g");
    print_mean(e->degeneration, c->distinct2.mean, 9, "f");
    print_mean(e->lexicon, c->hit.mean, 7, "f");
    print_mean(e->lexicon, c->lex.mean, 7, "f");
    print_mean(e->lexicon, c->other.mean, 7, "f");
    putchar('\n');
}

static void print_heading(const evaluation *e)
{
    printf("%-20s %6s %-10s %5s %4s", "emotion", "alpha", "baseline", "n", "out");
    if (e->ppl)
        printf(" %9s", "ppl");
    if (e->degeneration)
        printf(" %9s", "distinct2");
    if (e->lexicon)
        printf(" %7s %7s %7s", "hit", "lex", "other");
    putchar('\n');
}

/* Cells in the order in which the responses name them. cells NULL: rows of a table. */
static evoke_status show_cells(const evaluation *e, json_t *cells, evoke_error *err)
{
    double *x = NULL;
    const evoke_status st = allocate(&x, 4 * e->set.n, sizeof *x, err);
    for (size_t i = 0; st == EVOKE_OK && i < e->set.n; i++) {
        const response_line *r = &e->set.lines[i];
        size_t first = 0;
        while (!in_cell(&e->set.lines[first], r->emotion, r->baseline, r->alpha))
            first++;
        if (first < i)
            continue;
        const bool split = !*r->emotion && e->lexicon;
        const size_t from = split ? 0 : find_emotion(e, r->emotion), to = split ? e->n_emotion : from + 1;
        for (size_t k = from; k < to; k++) {
            const cell c = fill_cell(e, r, k, x);
            const char *name = split ? evoke_lexicon_emotion(e->words, k) : r->emotion;
            if (cells)
                cell_json(e, &c, name, cells);
            else
                cell_row(e, &c, name);
        }
    }
    free(x);
    return st;
}

/* ---- output ---- */
static json_t *score_json(const evaluation *e, size_t i)
{
    const response_line *r = &e->set.lines[i];
    json_t *o = json_object();
    json_put(o, "response", json_count(i));
    json_put(o, "emotion", json_text(r->emotion, strlen(r->emotion)));
    json_put(o, "alpha", json_number(r->alpha));
    json_put(o, "baseline", json_text(r->baseline, strlen(r->baseline)));
    json_put(o, "left_out", json_boolean(r->left_out));
    if (e->ppl)
        json_put(o, "nll", json_number(r->nll));
    if (e->degeneration)
        json_put(o, "distinct2", json_number(r->distinct2));
    if (e->lexicon) {
        json_t *words = json_object();
        for (size_t k = 0; k < e->n_emotion; k++)
            json_put(words, evoke_lexicon_emotion(e->words, k), json_count(r->words[k]));
        json_put(o, "words", words);
    }
    return o;
}

static evoke_status write_scores(const evaluation *e, const char *path, evoke_error *err)
{
    output out;
    evoke_status st = output_open(&out, path, err);
    for (size_t i = 0; st == EVOKE_OK && i < e->set.n; i++)
        st = json_print(out.file, score_json(e, i), 17, err);
    if (st == EVOKE_OK)
        st = output_commit(&out, err);
    output_discard(&out);
    return st;
}

static evoke_status print_result(const evaluation *e, evoke_error *err)
{
    if (!e->o->json) {
        print_heading(e);
        return show_cells(e, NULL, err);
    }
    json_t *result = json_object(), *cells = json_array();
    const evoke_status st = show_cells(e, cells, err);
    json_put(result, "cells", cells);
    if (st == EVOKE_OK)
        return json_print(stdout, result, 17, err);
    json_decref(result);
    return st;
}

evoke_status cmd_eval(int argc, const char **argv, evoke_error *err)
{
    options o;
    evaluation e = { .o = &o };
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done) {
        e.path = o.arguments[0];
        st = read_metrics(&e, err);
        if (st == EVOKE_OK)
            st = responses_read(e.path, &e.set, err);
        if (st == EVOKE_OK)
            st = measure(&e, err);
        if (st == EVOKE_OK && option_given(&o, OPT_OUTPUT))
            st = write_scores(&e, option_text(&o, OPT_OUTPUT), err);
        if (st == EVOKE_OK)
            st = print_result(&e, err);
    }
    evoke_lexicon_free(e.words);
    responses_free(&e.set);
    options_free(&o);
    return st;
}
