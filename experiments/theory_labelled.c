/* experiments/theory_labelled.c: opens what people said, runs, hands on to the table, the JSON, the files. */
#include "experiments/theory_labelled.h"

#include <stdio.h>

#include "experiments/files.h"
#include "experiments/progress.h"

/* The labels that were named, or the store's own. */
static evoke_status open_labels(const options *o, const evoke_store *texts, evoke_labels **labels, evoke_error *err)
{
    const char *path = option_text(o, OPT_LABEL_FILE), *key = option_text(o, OPT_LABEL_KEY);
    if (key && !path)
        return fail(err, EVOKE_EARG, "theory: --label-key is about the file of --labels, which is missing");
    return path ? evoke_labels_open(path, key ? key : "labels", texts, labels, err) : evoke_labels_of_store(texts, labels, err);
}

static evoke_status read_how(const options *o, const evoke_theory_options *how, const evoke_ratings *ratings,
                             evoke_labelled_options *out, evoke_error *err)
{
    const char *span = option_text(o, OPT_TEXT_SPAN);
    *out = (evoke_labelled_options){ .fisher = how->fisher, .any_text_span = !span, .ratings = ratings,
                                     .n_bootstrap = how->n_bootstrap, .seed = how->seed, .n_threads = how->n_threads };
    if (span && !evoke_span_find(span, &out->text_span))
        return fail(err, EVOKE_EARG, "read --text-span: no span is called '%s'", span);
    return EVOKE_OK;
}

static evoke_status write_results(const options *o, const evoke_labelled *t, uint64_t seed, evoke_error *err)
{
    const evoke_provenance made = { o->command_line, seed };
    const char *stats = option_text(o, OPT_STATS), *figures = option_text(o, OPT_FIGURES);
    evoke_status st = EVOKE_OK;
    if (o->json)
        st = labelled_print_json(t, err);
    else
        labelled_print_table(t);
    if (st == EVOKE_OK && stats)
        st = evoke_labelled_save(t, stats, &made, err);
    if (st == EVOKE_OK && figures)
        st = labelled_draw(t, figures, err);
    return st;
}

evoke_status theory_labelled(const options *o, evoke_store *queries, const evoke_theory_options *how, evoke_error *err)
{
    evoke_store *texts = NULL;
    evoke_labels *labels = NULL;
    evoke_ratings *ratings = NULL;
    evoke_labelled *t = NULL;
    char room[4096];
    const char *named = option_text(o, OPT_RATINGS);
    evoke_labelled_options asked = { .n_bootstrap = 0 };
    progress p;
    evoke_status st = option_given(o, OPT_OUTPUT) || option_given(o, OPT_SAVE)
                    ? fail(err, EVOKE_EARG, "theory: -o and --save write the queries' directions; leave --labelled out for them")
                    : evoke_store_open(option_text(o, OPT_LABELLED), &texts, err);
    if (st == EVOKE_OK)
        st = open_labels(o, texts, &labels, err);
    if (st == EVOKE_OK)
        st = evoke_ratings_open(named ? named : data_file("valence_arousal.json", room, sizeof room), &ratings, err);
    if (st == EVOKE_OK)
        st = read_how(o, how, ratings, &asked, err);
    if (st == EVOKE_OK) {
        progress_begin(&p, o->quiet);
        const evoke_progress hook = progress_hook(&p);
        st = evoke_labelled_run(queries, texts, labels, &asked, &hook, &t, err);
        progress_end(&p);
    }
    if (st == EVOKE_OK && !o->quiet && evoke_labelled_describe(t)->n_left_out > 0)
        say("%s: %zu texts are not done and left out", option_text(o, OPT_LABELLED), evoke_labelled_describe(t)->n_left_out);
    if (st == EVOKE_OK)
        st = write_results(o, t, how->seed, err);
    evoke_labelled_free(t);
    evoke_ratings_free(ratings);
    evoke_labels_free(labels);
    evoke_store_free(texts);
    return st;
}
