/* experiments/cmd_classify.c: texts to probabilities of classes: the model's own, or labels of the user's by an NLI model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/encoders.h"
#include "experiments/json_out.h"
#include "experiments/output.h"
#include "experiments/progress.h"

static const struct poptOption own[] = {
    { "prompt", 'p', POPT_ARG_STRING, NULL, OPT_PROMPT, "one text", "TEXT" },
    { "file", 'f', POPT_ARG_STRING, NULL, OPT_FILE, "JSON array of texts", "FILE" },
    { "labels", 0, POPT_ARG_STRING, NULL, OPT_LABELS, "labels to choose from, with commas, by a model of inference (NLI)", "LIST" },
    { "hypothesis", 0, POPT_ARG_STRING, NULL, OPT_HYPOTHESIS,
      "what a text is held against, {} being the label (default: \"This text expresses {}.\")", "TEXT" },
    { "multi-label", 0, POPT_ARG_NONE, NULL, OPT_MULTI_LABEL, "each label by itself: several may be true, or none", NULL },
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT, "the result (default: standard output)", "FILE" },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "-m FOLDER (-p TEXT | -f TEXTS.json) [--labels A,B,... [--hypothesis \"... {} ...\"]] [--json]",
    .about = "Probabilities of a classifier's own classes, as transformers' text-classification pipeline has them; with\n"
             "--labels of these labels, by whether the text entails the hypothesis, as its zero-shot-classification has it.\n"
             "The model is a BERT, RoBERTa, DistilBERT, DeBERTa-v2/v3 or BART with a head for classifying texts.\n"
             "  --json: [{\"label\": probability, ...}, ...] in the order of the texts",
    .examples = "  evoke classify -m distilroberta-emotion -p \"What a lovely day!\"\n"
                "  evoke classify -m bart-large-mnli -f texts.json --labels joy,anger,fear --json\n"
                "  evoke classify -m deberta-nli -p Hello --labels polite,curt --hypothesis \"The tone is {}.\" --multi-label\n",
    .own = own,
    .groups = { { "Model:", options_model } },
};

typedef struct question {
    char **labels;                  /* [n_labels]; NULL: the model's own classes */
    size_t n_labels;
    const char *hypothesis;
    bool independent;
} question;

/* Commas and blanks as transformers has them: empty labels are left out. */
static evoke_status read_labels(const options *o, question *q, evoke_error *err)
{
    const char *text = option_text(o, OPT_LABELS);
    q->hypothesis = option_text(o, OPT_HYPOTHESIS);
    q->independent = option_given(o, OPT_MULTI_LABEL);
    if (!text)
        return q->hypothesis || q->independent ? fail(err, EVOKE_EARG, "classify: --%s goes with --labels",
                                                      q->hypothesis ? "hypothesis" : "multi-label") : EVOKE_OK;
    if (!q->hypothesis)
        q->hypothesis = "This text expresses {}.";
    evoke_status st = allocate(&q->labels, strlen(text) + 1, sizeof *q->labels, err);
    for (const char *next = text; st == EVOKE_OK && next;) {
        next += strspn(next, " \t\r\n");
        const size_t all = strcspn(next, ",");
        size_t n = all;
        while (n > 0 && strchr(" \t\r\n", next[n - 1]))
            n--;
        if (n > 0 && !(q->labels[q->n_labels++] = strndup(next, n)))
            st = fail(err, EVOKE_ENOMEM, "read --labels: no memory");
        next = next[all] ? next + all + 1 : NULL;
    }
    for (size_t i = 0; st == EVOKE_OK && i < q->n_labels; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(q->labels[i], q->labels[k]) == 0)
                st = fail(err, EVOKE_EARG, "read --labels: '%s' is there twice", q->labels[i]);
    return st == EVOKE_OK && q->n_labels == 0 ? fail(err, EVOKE_EARG, "read --labels: there is no label") : st;
}

static void free_labels(question *q)
{
    for (size_t i = 0; i < q->n_labels; i++)
        free(q->labels[i]);
    free(q->labels);
}

static const char *label_at(const evoke_encoder *e, const question *q, size_t i)
{
    return q->labels ? q->labels[i] : evoke_encoder_label(e, i);
}

static evoke_status print_json(FILE *file, const evoke_encoder *e, const question *q, const float *scores, size_t n, size_t n_label,
                               evoke_error *err)
{
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *one = json_object();
        for (size_t l = 0; l < n_label; l++)
            json_put(one, label_at(e, q, l), json_number((double)scores[i * n_label + l]));
        json_add(all, one);
    }
    return json_print(file, all, 9, err);
}

/* The likeliest first; labels of equal score in their own order. */
static void print_text(FILE *file, const evoke_encoder *e, const question *q, const float *scores, size_t n_label)
{
    float before = 0;
    size_t at = 0;
    for (size_t rank = 0; rank < n_label; rank++) {
        size_t best = n_label;
        for (size_t l = 0; l < n_label; l++) {
            const bool after = rank == 0 || scores[l] < before || (scores[l] <= before && l > at);
            if (after && (best == n_label || scores[l] > scores[best]))
                best = l;
        }
        if (best == n_label)
            return;
        before = scores[best];
        at = best;
        fprintf(file, "%s%s %.6f", rank ? "\t" : "", label_at(e, q, best), (double)scores[best]);
    }
    fputc('\n', file);
}

/* Two classes of one name, or one without a name, cannot both be keys of an object. */
static evoke_status check_classes(const evoke_encoder *e, const question *q, evoke_error *err)
{
    const evoke_encoder_info *info = evoke_encoder_describe(e);
    if (info->n_label == 0)
        return fail(err, EVOKE_EUNSUPPORTED, "classify: the model is no classifier of texts: its file holds no such head (%s)",
                    info->path);
    for (size_t i = 0; !q->labels && i < info->n_label; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(evoke_encoder_label(e, i), evoke_encoder_label(e, k)) == 0)
                return fail(err, EVOKE_EFORMAT, "classify: two classes are called '%s' (%s)", evoke_encoder_label(e, i), info->path);
    return EVOKE_OK;
}

static evoke_status print(const options *o, const evoke_encoder *e, const question *q, const float *scores, size_t n,
                          size_t n_label, evoke_error *err)
{
    output out;
    evoke_status st = output_open(&out, option_text(o, OPT_OUTPUT), err);
    if (st == EVOKE_OK && o->json)
        st = print_json(out.file, e, q, scores, n, n_label, err);
    for (size_t i = 0; st == EVOKE_OK && !o->json && i < n; i++)
        print_text(out.file, e, q, scores + i * n_label, n_label);
    if (st == EVOKE_OK)
        st = output_commit(&out, err);
    output_discard(&out);
    return st;
}

static evoke_status score(const options *o, const evoke_encoder *e, const question *q, const text_list *texts, float *scores,
                          evoke_error *err)
{
    const evoke_encoder_info *info = evoke_encoder_describe(e);
    progress p;
    size_t n_cut = 0;
    if (q->labels && info->entailment < 0 && !o->quiet)
        say("classify: no class of the model is called entailment, so the last one is taken for it (%s)", info->path);
    progress_begin(&p, o->quiet);
    const evoke_progress hook = progress_hook(&p);
    const evoke_status st =
        q->labels ? evoke_zero_shot(e, texts->texts, texts->n, (const char *const *)q->labels, q->n_labels, q->hypothesis,
                                    q->independent, &hook, scores, &n_cut, err)
                  : evoke_classify(e, texts->texts, texts->n, &hook, scores, &n_cut, err);
    progress_end(&p);
    if (st == EVOKE_OK && n_cut > 0 && !o->quiet)
        say("classify: %zu of %zu texts are longer than the model's %zu tokens and were cut", n_cut, texts->n, info->max_tokens);
    return st;
}

static evoke_status classify(const options *o, question *q, evoke_error *err)
{
    evoke_encoder *e = NULL;
    text_list texts = { .texts = NULL };
    float *scores = NULL;
    size_t n_label = 0;
    evoke_status st = read_labels(o, q, err);
    if (st == EVOKE_OK)
        st = texts_read(o, "classify", &texts, err);
    if (st == EVOKE_OK)
        st = options_open_encoder(o, &e, err);
    if (st == EVOKE_OK)
        st = check_classes(e, q, err);
    if (st == EVOKE_OK) {
        n_label = q->labels ? q->n_labels : evoke_encoder_describe(e)->n_label;
        st = allocate(&scores, texts.n, n_label * sizeof *scores, err);
    }
    if (st == EVOKE_OK)
        st = score(o, e, q, &texts, scores, err);
    if (st == EVOKE_OK)
        st = print(o, e, q, scores, texts.n, n_label, err);
    free(scores);
    texts_free(&texts);
    evoke_encoder_free(e);
    return st;
}

evoke_status cmd_classify(int argc, const char **argv, evoke_error *err)
{
    options o;
    question q = { .labels = NULL };
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done)
        st = classify(&o, &q, err);
    free_labels(&q);
    options_free(&o);
    return st;
}
