/* experiments/cmd_tune.c: the strongest steering within a given loss of perplexity, found and kept beside the vectors. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/files.h"
#include "experiments/json_out.h"
#include "experiments/tune.h"
#include "experiments/tuning.h"

static const struct poptOption own[] = {
    { "ev", 0, POPT_ARG_STRING, NULL, OPT_EV, "emotion vectors", "FILE" },
    { "emotions", 0, POPT_ARG_STRING, NULL, OPT_EMOTIONS, "of the vectors (default: all)", "LIST" },
    { "file", 'f', POPT_ARG_STRING, NULL, OPT_FILE,
      "prompts without emotion; a third is kept for the last word (default: 24 of our own)", "FILE" },
    { "max-loss", 0, POPT_ARG_STRING, NULL, OPT_MAX_LOSS,
      "perplexity may rise by this share (default 1: to twice the unsteered)", "X" },
    { "site", 0, POPT_ARG_STRING, NULL, OPT_SITE, "only this hook point (default: those that the file holds)", "SITE" },
    { "layers", 0, POPT_ARG_STRING, NULL, OPT_LAYERS, "only this range, A-B (default: all, three quarters, halves)", "LIST" },
    { "positions", 0, POPT_ARG_STRING, NULL, OPT_POSITIONS, "only this rule (default: last and all)", "WHICH" },
    { "lexicon", 0, POPT_ARG_STRING, NULL, OPT_LEXICON, "words of each emotion, JSON (default: data/lexicon.json)", "FILE" },
    { "n-predict", 'n', POPT_ARG_STRING, NULL, OPT_N_PREDICT, "tokens of a response at most (default 48)", "N" },
    { "batch-size", 'b', POPT_ARG_STRING, NULL, OPT_BATCH_SIZE, "tokens run together, one a response (default 32)", "N" },
    { "raw", 0, POPT_ARG_NONE, NULL, OPT_RAW, "the prompts as they are: no chat template", NULL },
    { "template", 0, POPT_ARG_STRING, NULL, OPT_TEMPLATE, "chat template instead of the model's own", "FILE" },
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT,
      "where the result is kept (default: VECTORS.tune.json, where generate looks)", "FILE" },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "-m MODEL --ev VECTORS [--emotions LIST] [--max-loss X] [-o FILE]",
    .about = "Finds how a model is best steered with these vectors: site, layers, positions, the share of EVbase taken off\n"
             "each vector, and alpha. Every way is tried on two prompts and its alpha moved to where all is lost of perplexity\n"
             "that --max-loss allows; the better third goes on to four other prompts, four to eight, two to all, at several\n"
             "alphas (successive halving). The best has the most texts with a word of the emotion, less those with a word of\n"
             "another one, among what keeps perplexity (under the unsteered model) and four fifths of the unsteered texts'\n"
             "distinct word pairs. It is then measured on the third of the prompts that nothing was chosen by, from strength\n"
             "-2 to 1.5: the safe range is where the loss stays within --max-loss.\n"
             "Kept beside the vectors, it is what 'generate --ev VECTORS --alpha joy=1' does for this model from then on,\n"
             "unless --site, --layers, --positions, --steer-mode, --less-base, base=X or --no-tuned is given: alpha 1 is as\n"
             "strong in every model.",
    .examples = "  evoke tune -m model.gguf --ev ev.h5\n"
                "  evoke tune -m model.gguf --ev ev.h5 --emotions joy,fear --max-loss 0.5 --site resid_post --json\n",
    .own = own,
    .groups = { { "Model:", options_model }, { "Computing:", options_compute },
                { "Sampling (default: --temp 0.7 --top-p 0.9):", options_sampling } },
};

/* ---- the judge: words of a list ---- */
typedef struct word_judge { evoke_lexicon *lexicon; const char *names[TUNE_MOST_EMOTIONS]; size_t n; } word_judge;

static evoke_status judge_words(void *user, const char *text, size_t emotion, double *target, double *other, evoke_error *err)
{
    const word_judge *j = user;
    evoke_status st = EVOKE_OK;
    *target = *other = 0;
    for (size_t e = 0; st == EVOKE_OK && e < j->n; e++) {
        size_t n = 0;
        st = evoke_lexicon_count(j->lexicon, j->names[e], text, &n, err);
        if (e == emotion)
            *target = n > 0;
        else
            *other += n > 0 ? 1 / (double)(j->n - 1) : 0;
    }
    return st;
}

/* ---- what is searched ---- */
static evoke_status choose_emotions(const options *o, const evoke_vectors *v, size_t chosen[TUNE_MOST_EMOTIONS], size_t *n,
                                    evoke_error *err)
{
    const size_t held = evoke_vectors_describe(v)->n_emotion;
    char **names = NULL;
    size_t n_names = 0;
    evoke_status st = option_names(o, OPT_EMOTIONS, &names, &n_names, err);
    const bool all = n_names == 0 || (n_names == 1 && strcmp(names[0], "all") == 0);
    *n = 0;
    for (size_t i = 0; st == EVOKE_OK && i < (all ? held : n_names); i++) {
        size_t e = all ? i : 0;
        while (!all && e < held && strcmp(evoke_vectors_emotion(v, e), names[i]) != 0)
            e++;
        if (e == held)
            st = fail(err, EVOKE_EDATA, "tune: the vectors hold no emotion '%s' (%s)", names[i], option_text(o, OPT_EV));
        else if (*n == TUNE_MOST_EMOTIONS)
            st = fail(err, EVOKE_EARG, "tune: more than %d emotions: choose some (--emotions)", TUNE_MOST_EMOTIONS);
        else
            chosen[(*n)++] = e;
    }
    names_free(names, n_names);
    return st;
}

static evoke_status open_words(const options *o, const tuner *t, word_judge *j, evoke_error *err)
{
    char room[64];
    const char *path = option_text(o, OPT_LEXICON) ? option_text(o, OPT_LEXICON) : data_file("lexicon.json", room, sizeof room);
    evoke_status st = evoke_lexicon_open(path, &j->lexicon, err);
    for (j->n = 0; st == EVOKE_OK && j->n < t->n_emotions; j->n++) {
        evoke_error why;
        size_t n = 0;
        j->names[j->n] = evoke_vectors_emotion(t->vectors, t->emotions[j->n]);
        if (evoke_lexicon_count(j->lexicon, j->names[j->n], "", &n, &why) != EVOKE_OK)
            st = fail(err, EVOKE_EDATA, "tune: there are no words of '%s': give others (--lexicon) or leave it out (--emotions) "
                      "(%s)", j->names[j->n], path);
    }
    return st;
}

static void usual_ranges(const evoke_vectors *v, tune_space *p)
{
    const size_t n = evoke_vectors_describe(v)->n_layer;
    const size_t ends[][2] = { { 0, n - 1 }, { n / 4, n - 1 - n / 4 }, { 0, n / 2 - (n > 1) }, { n / 2, n - 1 } };
    p->n_ranges = n < 4 ? 1 : 4;
    for (size_t i = 0; i < p->n_ranges; i++)
        for (int end = 0; end < 2; end++)
            p->ranges[i][end] = (size_t)evoke_vectors_layer(v, ends[i][end]);
}

static bool holds_layer(const evoke_vectors *v, int32_t layer)
{
    bool held = false;
    for (size_t l = 0; l < evoke_vectors_describe(v)->n_layer; l++)
        held = held || evoke_vectors_layer(v, l) == layer;
    return held;
}

static evoke_status choose_space(const options *o, const evoke_vectors *v, tune_space *p, evoke_error *err)
{
    const char *site = option_text(o, OPT_SITE), *at = option_text(o, OPT_POSITIONS);
    int32_t *layers = NULL;
    size_t n = 0;
    *p = (tune_space){ .positions = { EVOKE_AT_LAST, EVOKE_AT_ALL }, .n_positions = 2, .shares = { 0, 0.8 }, .n_shares = 2 };
    p->n_sites = site ? 1 : evoke_vectors_describe(v)->n_site;
    for (size_t i = 0; !site && i < p->n_sites; i++)
        p->sites[i] = evoke_vectors_site(v, i);
    if (site && (!evoke_site_find(site, &p->sites[0]) || !evoke_vectors_get(v, p->sites[0], 0)))
        return fail(err, EVOKE_EDATA, "tune: the vectors hold nothing for site %s (%s)", site, option_text(o, OPT_EV));
    if (at && !evoke_positions_find(at, &p->positions[0]))
        return fail(err, EVOKE_EARG, "read --positions: '%s' is none of all, prompt, response, last", at);
    p->n_positions = at ? 1 : p->n_positions;
    if (evoke_vectors_describe(v)->n_emotion == 1)
        p->n_shares = 1;                                    /* EVbase is the vector itself */
    usual_ranges(v, p);
    evoke_status st = parse_layers(option_text(o, OPT_LAYERS), &layers, &n, err);
    if (st == EVOKE_OK && n > 0) {
        p->n_ranges = 1;
        p->ranges[0][0] = (size_t)layers[0];
        p->ranges[0][1] = (size_t)layers[n - 1];
    }
    const bool gap = n > 0 && (size_t)(layers[n - 1] - layers[0]) + 1 != n;
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        if (!holds_layer(v, layers[i]))
            st = fail(err, EVOKE_EDATA, "tune: the vectors hold nothing for layer %d (%s)", (int)layers[i], option_text(o, OPT_EV));
    free(layers);
    return gap ? fail(err, EVOKE_EARG, "read --layers: tune wants one range, A-B") : st;
}

/* ---- the whole ---- */
static evoke_status run(const options *o, tuner *t, const tune_space *space, const char *path, evoke_error *err)
{
    tune_outcome found = { .tried = NULL };
    tune_setting settings[TUNE_N_STRENGTHS];
    evoke_status st = allocate(&t->plain, t->prompts->n, sizeof *t->plain, err);
    if (st == EVOKE_OK)
        st = tune_search(t, space, &found.best, &found.within, err);
    for (size_t i = 0; st == EVOKE_OK && i < TUNE_N_STRENGTHS; i++) {
        settings[i] = found.best.setting;
        settings[i].alpha *= tune_strengths[i];
    }
    if (st == EVOKE_OK)
        st = tune_measure(t, settings, TUNE_N_STRENGTHS, t->prompts->n - t->n_validation, t->n_validation, "tune, validation",
                          &found.tried, err);
    if (st == EVOKE_EINTERRUPTED)
        return fail(err, st, "tune: interrupted, nothing was kept");
    if (st != EVOKE_OK)
        return st;
    found.low = tune_safe_end(t, found.tried, -1);
    found.high = tune_safe_end(t, found.tried, 1);
    st = tune_keep(o, t, &found, path, err);
    if (st == EVOKE_OK && o->json)
        return tune_print_json(t, &found, path, err);
    if (st == EVOKE_OK) {
        tune_print(t, &found);
        printf("kept in     %s\n", path);
    }
    return st;
}

static evoke_status read_numbers(const options *o, tuner *t, evoke_error *err)
{
    t->max_loss = 1;
    t->least_distinct = 0.8;
    evoke_status st = responder_read(o, &t->responder, err);
    if (!option_given(o, OPT_N_PREDICT))
        t->responder.n_predict = 48;
    if (!option_given(o, OPT_TEMP))
        t->responder.sampling.temperature = 0.7;
    t->responder.quiet = o->quiet;
    return st == EVOKE_OK ? option_real(o, OPT_MAX_LOSS, 0.01, 100, &t->max_loss, err) : st;
}

static evoke_status read_prompts(const options *o, prompt_list *prompts, evoke_error *err)
{
    char room[64];
    const char *path = option_text(o, OPT_FILE) ? option_text(o, OPT_FILE) : data_file("prompts_tuning.jsonl", room, sizeof room);
    const evoke_status st = prompts_open(path, SIZE_MAX, prompts, err);
    if (st == EVOKE_OK && prompts->n < 3)
        return fail(err, EVOKE_EDATA, "tune: %zu prompts are too few: two to tune on and one to judge by at least (%s)",
                    prompts->n, path);
    return st;
}

static evoke_status tune(const options *o, evoke_error *err)
{
    const char *model = NULL, *ev = NULL;
    size_t emotions[TUNE_MOST_EMOTIONS];
    evoke_model *m = NULL;
    evoke_vectors *v = NULL;
    prompt_list prompts = { 0 };
    word_judge words = { 0 };
    tune_space space;
    tuner t = { .emotions = emotions, .prompts = &prompts, .judge = judge_words, .judge_user = &words };
    char *path = NULL;
    evoke_status st = option_need(o, OPT_MODEL, "tune", &model, err);
    if (st == EVOKE_OK)
        st = option_need(o, OPT_EV, "tune", &ev, err);
    if (st == EVOKE_OK)
        st = read_numbers(o, &t, err);
    if (st == EVOKE_OK)
        st = read_prompts(o, &prompts, err);
    if (st == EVOKE_OK)
        st = evoke_vectors_open(ev, &v, err);
    t.vectors = v;
    if (st == EVOKE_OK)
        st = choose_emotions(o, v, emotions, &t.n_emotions, err);
    if (st == EVOKE_OK)
        st = choose_space(o, v, &space, err);
    if (st == EVOKE_OK)
        st = open_words(o, &t, &words, err);
    if (st == EVOKE_OK)
        st = options_open_model(o, EVOKE_FAST, true, &m, err);
    if (st == EVOKE_OK)
        st = prompts_tokenize(&prompts, m, option_given(o, OPT_RAW), NULL, err);
    if (st == EVOKE_OK) {
        responder_use(&t.responder, m);
        t.model = m;
        t.n_validation = prompts.n / 3;
        path = option_text(o, OPT_OUTPUT) ? strdup(option_text(o, OPT_OUTPUT)) : tuning_path(ev);
        st = path ? run(o, &t, &space, path, err) : fail(err, EVOKE_ENOMEM, "tune: no memory");
    }
    free(path);
    free(t.plain);
    free(t.trials);
    responder_free(&t.responder);
    evoke_lexicon_free(words.lexicon);
    evoke_vectors_free(v);
    prompts_free(&prompts);
    evoke_model_free(m);
    return st;
}

evoke_status cmd_tune(int argc, const char **argv, evoke_error *err)
{
    options o;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done)
        st = tune(&o, err);
    options_free(&o);
    return st;
}
