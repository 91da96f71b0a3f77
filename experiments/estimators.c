/* experiments/estimators.c: which emotion a text expresses, by whatever is at hand.
 *
 *   nli     zero-shot inference, as the paper: tec over the emotions; eps against its absence
 *   judge   a local chat model's choice among the emotions and neutral, calibrated
 *   probe   logistic regression on sentence embeddings, its classes the emotions and neutral */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/eval.h"
#include "experiments/files.h"

static const char hypothesis[] = "This text expresses {}.";
static const char *const presence[] = { "emotion", "no emotion" };

static evoke_status open_judge(const evaluation *e, const char *path, estimator *by, evoke_error *err)
{
    const char **choices = NULL;
    by->name = "judge";
    evoke_status st = allocate(&choices, e->n_emotion + 1, sizeof *choices, err);
    for (size_t k = 0; st == EVOKE_OK && k <= e->n_emotion; k++)
        choices[k] = k < e->n_emotion ? e->emotions[k] : "neutral";
    if (st == EVOKE_OK)
        st = eval_open_model(e, path, &by->model, err);
    if (st == EVOKE_OK)
        st = evoke_judge_new(by->model, &(evoke_judge_options){ .options = choices, .n_option = e->n_emotion + 1 }, &by->judge,
                             err);
    free(choices);
    return st;
}

static evoke_status open_probe(const evaluation *e, const char *path, estimator *by, evoke_error *err)
{
    char file[4096];
    by->name = "probe";
    const char *probe = option_given(e->o, OPT_PROBE) ? option_text(e->o, OPT_PROBE)
                                                      : data_file("probe_minilm.json", file, sizeof file);
    evoke_status st = evoke_probe_open(probe, &by->probe, err);
    if (st == EVOKE_OK)
        st = eval_open_encoder(e, path, &by->encoder, err);
    if (st == EVOKE_OK && evoke_encoder_describe(by->encoder)->d_embedding != evoke_probe_width(by->probe))
        st = fail(err, EVOKE_EDATA, "evaluate: the probe reads embeddings of %zu numbers, the model's have %zu (%s)",
                  evoke_probe_width(by->probe), evoke_encoder_describe(by->encoder)->d_embedding, probe);
    return st;
}

/* Before any text is read, and if there is none. */
static evoke_status open_nli(const evaluation *e, const char *path, evoke_encoder **out, evoke_error *err)
{
    const evoke_status st = eval_open_encoder(e, path, out, err);
    if (st != EVOKE_OK)
        return st;
    const evoke_encoder_info *info = evoke_encoder_describe(*out);
    if (info->n_label < 2)
        return fail(err, EVOKE_EUNSUPPORTED, "read the emotions: the model is no classifier of texts, let alone of inference: its "
                    "file holds no such head (%s)", path);
    if (info->entailment < 0 && !e->o->quiet)
        say("read the emotions: no class of the model is called entailment: the last is taken for it (%s)", path);
    return EVOKE_OK;
}

evoke_status estimators_open(const evaluation *e, estimator *list, size_t *n, evoke_error *err)
{
    const char *nli = option_text(e->o, OPT_NLI_MODEL), *judge = option_text(e->o, OPT_JUDGE_MODEL),
               *embed = option_text(e->o, OPT_EMBED_MODEL);
    evoke_status st = EVOKE_OK;
    memset(list, 0, MOST_ESTIMATORS * sizeof *list);
    *n = 0;
    if (nli) {
        list[*n].name = "nli";
        st = open_nli(e, nli, &list[(*n)++].encoder, err);
    }
    if (st == EVOKE_OK && judge)
        st = open_judge(e, judge, &list[(*n)++], err);
    if (st == EVOKE_OK && embed)
        st = open_probe(e, embed, &list[(*n)++], err);
    return st;
}

void estimators_free(estimator *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        evoke_judge_free(list[i].judge);
        evoke_model_free(list[i].model);
        evoke_encoder_free(list[i].encoder);
        evoke_probe_free(list[i].probe);
    }
}

/* ---- estimating ---- */

static evoke_status by_nli(const evaluation *e, const estimator *by, const char *const *texts, size_t n,
                           const evoke_progress *p, double *tec, double *eps, evoke_error *err)
{
    const size_t width = e->n_emotion > 2 ? e->n_emotion : 2;
    float *scores = NULL;
    evoke_status st = allocate(&scores, n, width * sizeof *scores, err);
    if (st == EVOKE_OK)
        st = evoke_zero_shot(by->encoder, texts, n, (const char *const *)e->emotions, e->n_emotion, hypothesis, false, p,
                             scores, NULL, err);
    for (size_t i = 0; st == EVOKE_OK && i < n * e->n_emotion; i++)
        tec[i] = (double)scores[i];
    if (st == EVOKE_OK)
        st = evoke_zero_shot(by->encoder, texts, n, presence, 2, hypothesis, false, p, scores, NULL, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        eps[i] = (double)scores[2 * i];
    free(scores);
    return st;
}

/* From probabilities of the emotions, NaN where unknown, and of none of them. */
static void split(const evaluation *e, const double *p, double neutral, double *tec, double *eps)
{
    double sum = 0;
    for (size_t k = 0; k < e->n_emotion; k++)
        sum += isnan(p[k]) ? 0 : p[k];
    for (size_t k = 0; k < e->n_emotion; k++)
        tec[k] = p[k] / sum;
    *eps = 1 - neutral;
}

static evoke_status by_judge(const evaluation *e, const estimator *by, const char *const *texts, size_t n,
                             const evoke_progress *p, double *tec, double *eps, evoke_error *err)
{
    const size_t width = e->n_emotion + 1;
    double *scores = NULL;
    evoke_status st = allocate(&scores, n, width * sizeof *scores, err);
    if (st == EVOKE_OK)
        st = evoke_judge_read(by->judge, texts, n, p, scores, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        for (size_t k = 0; k < width; k++)
            scores[i * width + k] = exp(scores[i * width + k]);
        split(e, scores + i * width, scores[i * width + e->n_emotion], tec + i * e->n_emotion, &eps[i]);
    }
    free(scores);
    return st;
}

static evoke_status by_probe(const evaluation *e, const estimator *by, const char *const *texts, size_t n,
                             const evoke_progress *p, double *tec, double *eps, evoke_error *err)
{
    size_t n_label = 0;
    float *vectors = NULL;
    double *scores = NULL, *row = NULL;
    while (evoke_probe_label(by->probe, n_label))
        n_label++;
    evoke_status st = allocate(&vectors, n, evoke_probe_width(by->probe) * sizeof *vectors, err);
    if (st == EVOKE_OK)
        st = allocate(&scores, n, n_label * sizeof *scores, err);
    if (st == EVOKE_OK)
        st = allocate(&row, e->n_emotion, sizeof *row, err);
    if (st == EVOKE_OK)
        st = evoke_embed(by->encoder, texts, n, p, vectors, NULL, err);
    if (st == EVOKE_OK)
        evoke_probe_read(by->probe, vectors, n, scores);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        double neutral = 0;
        for (size_t k = 0; k < e->n_emotion; k++)
            row[k] = NAN;
        for (size_t l = 0; l < n_label; l++) {
            const size_t k = eval_target(e, evoke_probe_label(by->probe, l));
            if (k < e->n_emotion)
                row[k] = scores[i * n_label + l];
            else
                neutral += scores[i * n_label + l];
        }
        split(e, row, neutral, tec + i * e->n_emotion, &eps[i]);
    }
    free(vectors);
    free(scores);
    free(row);
    return st;
}

evoke_status estimate(const evaluation *e, const estimator *by, const char *const *texts, size_t n, double *p,
                      double *emotional, evoke_error *err)
{
    progress bar;
    progress_begin(&bar, e->o->quiet);
    const evoke_progress hook = progress_hook(&bar);
    const evoke_status st = by->judge   ? by_judge(e, by, texts, n, &hook, p, emotional, err)
                            : by->probe ? by_probe(e, by, texts, n, &hook, p, emotional, err)
                                        : by_nli(e, by, texts, n, &hook, p, emotional, err);
    progress_end(&bar);
    return st;
}

/* ---- rating ---- */
enum { N_RATING = 11 };
static const char *const ratings[N_RATING] = { "0", "10", "20", "30", "40", "50", "60", "70", "80", "90", "100" };

evoke_status estimate_rating(const evaluation *e, const estimator *by, size_t k, const char *const *texts, size_t n,
                             double *rating, evoke_error *err)
{
    char question[256];
    double *scores = NULL;
    evoke_judge *j = NULL;
    progress bar;
    snprintf(question, sizeof question, "Text: \"{}\"\n\nHow much %.60s does this text express, from 0 to 100?", e->emotions[k]);
    const evoke_judge_options how = { .question = question, .options = ratings, .n_option = N_RATING };
    evoke_status st = allocate(&scores, n, N_RATING * sizeof *scores, err);
    if (st == EVOKE_OK)
        st = evoke_judge_new(by->model, &how, &j, err);
    progress_begin(&bar, e->o->quiet);
    const evoke_progress hook = progress_hook(&bar);
    if (st == EVOKE_OK)
        st = evoke_judge_read(j, texts, n, &hook, scores, err);
    progress_end(&bar);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        rating[i] = 0;
        for (size_t r = 0; r < N_RATING; r++)
            rating[i] += exp(scores[i * N_RATING + r]) * 10 * (double)r;
    }
    evoke_judge_free(j);
    free(scores);
    return st;
}
