/* experiments/cmd_eval.c: responses to metrics, by cell of (emotion, alpha, baseline). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "experiments/eval.h"
#include "experiments/files.h"
#include "experiments/json_out.h"

static const struct poptOption own[] = {
    { "metrics", 0, POPT_ARG_STRING, NULL, OPT_METRICS, "which of those below, with commas (default: what the models given "
      "allow, but course, and eas and topic by a local judge)", "LIST" },
    { "ppl-model", 0, POPT_ARG_STRING, NULL, OPT_PPL_MODEL, "model whose perplexity is taken", "FILE" },
    { "ppl-window", 0, POPT_ARG_STRING, NULL, OPT_PPL_WINDOW, "longer texts in windows of N tokens (default: its context)", "N" },
    { "nli-model", 0, POPT_ARG_STRING, NULL, OPT_NLI_MODEL, "BART, RoBERTa or DeBERTa for inference: eps, tec", "DIR" },
    { "judge-model", 0, POPT_ARG_STRING, NULL, OPT_JUDGE_MODEL, "chat model as a judge: eps, tec, eas, topic", "FILE" },
    { "embed-model", 0, POPT_ARG_STRING, NULL, OPT_EMBED_MODEL, "sentence embeddings: eps and tec by a probe, topic", "DIR" },
    { "probe", 0, POPT_ARG_STRING, NULL, OPT_PROBE, "the probe's weights (default: data/probe_minilm.json)", "FILE" },
    { "lexicon", 0, POPT_ARG_STRING, NULL, OPT_LEXICON, "words of each emotion, JSON (default: data/lexicon.json)", "FILE" },
    { "queries", 0, POPT_ARG_STRING, NULL, OPT_QUERIES, "what the authors' lists of texts answer, in order", "FILE" },
    { "human", 0, POPT_ARG_STRING, NULL, OPT_HUMAN, "texts that people labelled: what the judges are worth; repeatable", "FILE" },
    { "limit", 0, POPT_ARG_STRING, NULL, OPT_LIMIT, "of those, the first N of each label", "N" },
    { "shard", 0, POPT_ARG_STRING, NULL, OPT_SHARD, SHARD_HELP, "I/N" },
    { "threads", 't', POPT_ARG_STRING, NULL, OPT_THREADS, "threads (default: the cores this process may use)", "N" },
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT, "every response's own scores, JSON Lines", "FILE" },
    { "csv", 0, POPT_ARG_NONE, NULL, OPT_CSV, "the result as CSV, a line a cell and metric", NULL },
    { "tables", 0, POPT_ARG_NONE, NULL, OPT_TABLES, "as the paper's tables: one a metric, alphas side by side, intervals", NULL },
    POPT_TABLEEND
};
static const struct poptOption remote[] = {
    { "judge-url", 0, POPT_ARG_STRING, NULL, OPT_JUDGE_URL, "OpenAI-compatible endpoint, .../v1: eas, topic", "URL" },
    { "judge-name", 0, POPT_ARG_STRING, NULL, OPT_JUDGE_NAME, "the model's name there", "NAME" },
    { "judge-timeout", 0, POPT_ARG_STRING, NULL, OPT_JUDGE_TIMEOUT, "seconds for a request (default 60)", "S" },
    { "judge-retries", 0, POPT_ARG_STRING, NULL, OPT_JUDGE_RETRIES, "further tries of a request (default 5)", "N" },
    { "judge-pause", 0, POPT_ARG_STRING, NULL, OPT_JUDGE_PAUSE, "seconds before the first, then doubled (default 1)", "S" },
    { "judge-rate", 0, POPT_ARG_STRING, NULL, OPT_JUDGE_RATE, "most requests a minute (default: no limit)", "N" },
    { "judge-cache", 0, POPT_ARG_STRING, NULL, OPT_JUDGE_CACHE, "where answers are kept (default: ~/.cache/evoke/judge.jsonl)",
      "FILE" },
    { "judge-price", 0, POPT_ARG_STRING, NULL, OPT_JUDGE_PRICE, "prices of a million tokens, to tell the cost", "IN,OUT" },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "RESPONSES... [--metrics LIST] [--ppl-model M] [--nli-model DIR] [--judge-model M | --judge-url URL --judge-name N] "
             "[--embed-model DIR] [--human FILE] [--json | --csv | --tables] [-o SCORES.jsonl]",
    .about = "Scores responses by emotion, alpha and baseline, with 95 % bootstrap intervals over responses. RESPONSES are\n"
             "what 'generate --json' wrote, the authors' lists of texts (.../ALPHA/EMOTION.json), or folders of these.\n"
             "  ppl           perplexity given the prompt; ppl_alone without it\n"
             "  eps, tec      probability of any emotion (emotional: share over one half), of the target among the emotions;\n"
             "                by inference (NLI) as in the paper, by a calibrated judge, or by a probe on embeddings\n"
             "  eas           0 to 100 for the target, by a judge\n"
             "  course        tec of the first and last quarter of the words\n"
             "  topic         topic_query, topic_unsteered: similarity of embeddings to the query, to the unsteered answer;\n"
             "                topic: a judge's yes; other_query, other_topic: the same of unsteered texts and another query\n"
             "  degeneration  distinct1, distinct2, repetition (of 4 words), words, drift (letters of other scripts than the\n"
             "                query's), empty, cut (share that ran into their limit)\n"
             "  lexicon       hit: share with a word of the target; lex, other: such words, and of the other emotions, a text\n"
             "With --human, every judge's classes and every metric by itself (lex, tec, eps; eas where --metrics names it)\n"
             "against the labels: AUC, Spearman's correlation, that with \"intensity\" among the label's own texts. Responses of\n"
             "several alphas tell whether a metric rises from 0 to 2. What is no better than chance, or does not rise, says so.\n"
             "With --shard I/N the I-th of N blocks of responses is measured, to -o; 'evoke merge' gives the undivided result.\n"
             "Empty texts are left out of all but 'empty' and 'cut'; lines that are no JSON, of all: the figures of the others\n"
             "are given, and the status is 1. Unsteered texts are a row for each emotion. The key of an endpoint is read from\n"
             "EVOKE_JUDGE_KEY or OPENAI_API_KEY; its answers are kept, and the same command asks for those that are missing.",
    .examples = "  evoke eval r.jsonl --ppl-model model.gguf --embed-model all-MiniLM-L6-v2\n"
                "  evoke eval results/Qwen2_5 --queries EmotionQuery+.json --nli-model bart-large-mnli --tables\n"
                "  evoke eval r.jsonl --judge-url http://localhost:8080/v1 --judge-name qwen --metrics eas,topic\n"
                "  evoke eval --human goemotions-test.jsonl --judge-model model.gguf --embed-model all-MiniLM-L6-v2\n",
    .own = own, .groups = { { "Judge behind an endpoint:", remote } }, .least = 0, .most = SIZE_MAX,
};

/* A metric and the models, any of them, that give it; OPT_COUNT: it needs none. */
static const struct { const char *name; option_id by[3]; } metrics[] = {
    { "ppl", { OPT_PPL_MODEL } }, { "ppl_alone", { OPT_PPL_MODEL } },
    { "eps", { OPT_NLI_MODEL, OPT_JUDGE_MODEL, OPT_EMBED_MODEL } },
    { "tec", { OPT_NLI_MODEL, OPT_JUDGE_MODEL, OPT_EMBED_MODEL } },
    { "course", { OPT_NLI_MODEL, OPT_JUDGE_MODEL, OPT_EMBED_MODEL } }, { "eas", { OPT_JUDGE_MODEL, OPT_JUDGE_URL } },
    { "topic", { OPT_EMBED_MODEL, OPT_JUDGE_MODEL, OPT_JUDGE_URL } }, { "degeneration", { OPT_COUNT } },
    { "lexicon", { OPT_COUNT } },
};
enum { N_METRIC = sizeof metrics / sizeof *metrics };

static evoke_status check_metric(const options *o, const char *name, evoke_error *err)
{
    size_t i = 0;
    bool given = false;
    while (i < N_METRIC && strcmp(metrics[i].name, name) != 0)
        i++;
    if (i == N_METRIC)
        return fail(err, EVOKE_EARG, "read --metrics: '%s' is none of ppl, ppl_alone, eps, tec, eas, course, topic, "
                    "degeneration, lexicon", name);
    for (size_t k = 0; k < 3 && metrics[i].by[k] && metrics[i].by[k] != OPT_COUNT; k++)
        given |= option_given(o, metrics[i].by[k]);
    return given || metrics[i].by[0] == OPT_COUNT
               ? EVOKE_OK
               : fail(err, EVOKE_EARG, "evaluate: the metric %s needs --%s FILE%s", name, option_name(o, metrics[i].by[0]),
                      metrics[i].by[1] ? " or another of the models (--help)" : "");
}

static evoke_status check_usage(const options *o, evoke_error *err)
{
    char **names = NULL;
    size_t n = 0;
    evoke_status st = option_names(o, OPT_METRICS, &names, &n, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        st = check_metric(o, names[i], err);
    names_free(names, n);
    if (st == EVOKE_OK && o->n_arguments == 0 && !option_given(o, OPT_HUMAN))
        st = fail(err, EVOKE_EARG, "read the options of 'eval': an argument is missing (usage: evoke eval %s)", takes.usage);
    if (st == EVOKE_OK && (option_given(o, OPT_CSV) + option_given(o, OPT_TABLES) + o->json > 1))
        st = fail(err, EVOKE_EARG, "evaluate: give one of --json, --csv and --tables");
    return st;
}

static evoke_status add_emotion(evaluation *e, const char *name, evoke_error *err)
{
    char **grown = realloc(e->emotions, (e->n_emotion + 1) * sizeof *grown);
    char *copy = grown ? strdup(name) : NULL;
    e->emotions = grown ? grown : e->emotions;
    if (!copy)
        return fail(err, EVOKE_ENOMEM, "evaluate: no memory");
    e->emotions[e->n_emotion++] = copy;
    return EVOKE_OK;
}

/* The targets: the lexicon's emotions; without one, where no words are to be counted, those that the responses aim at. */
static evoke_status open_words(evaluation *e, evoke_error *err)
{
    char path[4096];
    const char *own_path = option_text(e->o, OPT_LEXICON);
    data_file("lexicon.json", path, sizeof path);
    evoke_status st = EVOKE_OK;
    if (own_path || eval_wants(e, "lexicon", true) || access(path, R_OK) == 0)
        st = evoke_lexicon_open(own_path ? own_path : path, &e->words, err);
    for (size_t k = 0; st == EVOKE_OK && e->words && evoke_lexicon_emotion(e->words, k); k++)
        st = add_emotion(e, evoke_lexicon_emotion(e->words, k), err);
    for (size_t i = 0; st == EVOKE_OK && !e->words && i < e->set.n; i++) {
        const char *name = e->set.lines[i].emotion;
        if (*name && strcmp(name, "base") != 0 && eval_target(e, name) == e->n_emotion)
            st = add_emotion(e, name, err);
    }
    return st;
}

static evoke_status measure(evaluation *e, evoke_error *err)
{
    evoke_status st = eval_perplexity(e, err);
    if (st == EVOKE_OK)
        st = eval_emotions(e, err);
    if (st == EVOKE_OK)
        st = eval_endpoint(e, err);
    if (st == EVOKE_OK)
        st = eval_topic(e, err);
    return st == EVOKE_OK ? eval_texts(e, err) : st;
}

static evoke_status summary(const evaluation *e, const work_part *p, evoke_error *err)
{
    const options *o = e->o;
    const char *path = p->path;
    const size_t shard = p->shard, n_shards = p->n_shards;
    if (!o->json) {
        printf("responses   %zu of %zu, shard %zu of %zu\nfile        %s\nnext        evoke merge, of all %zu shards\n",
               e->end - e->first, e->set.n, shard, n_shards, path, n_shards);
        return EVOKE_OK;
    }
    json_t *result = json_object();
    json_put(result, "file", json_text(path, strlen(path)));
    json_put(result, "n_responses", json_count(e->end - e->first));
    json_put(result, "shard", json_count(shard));
    json_put(result, "n_shards", json_count(n_shards));
    return json_print(stdout, result, 9, err);
}

/* Before anything is measured for hours: whether the texts that people labelled can be read. */
static evoke_status check_human(const options *o, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; st == EVOKE_OK && i < option_times(o, OPT_HUMAN); i++) {
        json_t *texts = NULL;
        st = json_read_lines(option_nth(o, OPT_HUMAN, i), &texts, err);
        json_decref(texts);
    }
    return st;
}

/* A shard whose answers are not all there is not written: the same command asks for the rest, and has the others from disk. */
static evoke_status finish_shard(const evaluation *e, const work_part *p, evoke_error *err)
{
    if (e->later.status != EVOKE_OK)
        return fail(err, e->later.status, "%s", e->later.text);
    const evoke_status st = eval_write_shard(e, p, err);
    return st == EVOKE_OK && part_to_merge(p) ? summary(e, p, err) : st;
}

/* Ranks print what the undivided evaluation does; of shards the user merges them. */
static evoke_status check_shard(const options *o, const work_part *p, evoke_error *err)
{
    const char *path = NULL;
    if (p->n_shards == 0)
        return EVOKE_OK;
    if (option_given(o, OPT_HUMAN) && p->own_path)
        return fail(err, EVOKE_EARG, "eval: mpirun has started %zu ranks, and --human is not divided", ranks_number());
    if (option_given(o, OPT_HUMAN) || (part_to_merge(p) && (option_given(o, OPT_CSV) || option_given(o, OPT_TABLES))))
        return fail(err, EVOKE_EARG, "evaluate a shard: --human is not divided, and the figures of --csv and --tables come with "
                    "'evoke merge'");
    return option_need(o, OPT_OUTPUT, "evaluate a shard", &path, err);
}

/* What of the responses is not as it was written; broken lines are the status of the whole. */
static void tell_read(evaluation *e)
{
    if (e->set.n_nul > 0 && !e->o->quiet)
        say("read responses: %zu text%s a NUL, which is read as U+FFFD", e->set.n_nul, e->set.n_nul > 1 ? "s have" : " has");
    if (e->set.n_broken > 0)
        fail(&e->later, EVOKE_EFORMAT, "%.900s: %zu broken line%s left out", e->set.broken.text, e->set.n_broken,
             e->set.n_broken > 1 ? "s are" : " is");
}

static evoke_status evaluate(evaluation *e, evoke_error *err)
{
    const options *o = e->o;
    work_part part = { 0 };
    const char *path = NULL;
    evoke_status st = ranks_number() > 1 ? option_need(o, OPT_OUTPUT, "eval by ranks", &path, err) : EVOKE_OK;
    if (st == EVOKE_OK)
        st = part_choose(o, option_text(o, OPT_OUTPUT), false, &part, err);
    if (st == EVOKE_OK)
        st = check_shard(o, &part, err);
    if (st == EVOKE_OK)
        st = eval_endpoint_check(o, err);
    if (st == EVOKE_OK)
        st = check_human(o, err);
    if (st == EVOKE_OK && o->n_arguments > 0)
        st = responses_read(o, &e->set, err);
    if (st == EVOKE_OK)
        tell_read(e);
    if (st == EVOKE_OK && part.n_shards && e->set.n_broken > 0)
        st = fail(err, EVOKE_EFORMAT, "evaluate a shard: %.900s: of broken lines only the whole can tell, so mend it or do not divide",
                  e->set.broken.text);
    e->end = e->set.n;
    if (st == EVOKE_OK && part.n_shards) {
        evoke_shard_range(part.shard, part.n_shards, e->set.n, &e->first, &e->end);
        e->end += e->first;
    }
    if (st == EVOKE_OK)
        st = open_words(e, err);
    if (st == EVOKE_OK && o->n_arguments > 0)
        st = measure(e, err);
    if (st == EVOKE_OK && part.n_shards)
        st = finish_shard(e, &part, err);
    if (part.own_path)
        st = part_finish(o, &part, merge_scores, NULL, st, err);
    const bool divided = part.n_shards > 0;
    part_free(&part);
    if (divided)
        return st;
    return st == EVOKE_OK ? eval_result(e, err) : st;
}

evoke_status cmd_eval(int argc, const char **argv, evoke_error *err)
{
    options o;
    evaluation e = { .o = &o, .methods = json_object() };
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done)
        st = check_usage(&o, err);
    if (st == EVOKE_OK && !o.done)
        st = evaluate(&e, err);
    eval_free(&e);
    options_free(&o);
    return st;
}
