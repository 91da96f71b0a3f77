/* experiments/eval_emotions.c: the emotions that a response expresses.
 *
 *   eps     probability that it expresses any; emotional: share of responses where that is over one half
 *   tec     probability of the target among the emotions
 *   course  tec of the first and the last quarter of its words: does the emotion last?
 *   eas     0 to 100 for each emotion, by a local judge: the expected value over the numbers that it could say
 *
 * Where several estimators are named, the first gives eps and tec, the others eps_judge, tec_probe and so on. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/eval.h"
#include "experiments/json_out.h"

enum { QUARTER_WORDS = 40 };    /* texts of fewer words have no quarters */

/* Names of an estimator's columns: as the first, and as a further one. */
typedef struct names { const char *by, *eps[2], *emotional[2], *tec[2], *first[2], *last[2]; } names;
static const names all_names[] = {
    { "nli", { "eps", "eps_nli" }, { "emotional", "emotional_nli" }, { "tec", "tec_nli" }, { "tec_first", "tec_first_nli" },
      { "tec_last", "tec_last_nli" } },
    { "judge", { "eps", "eps_judge" }, { "emotional", "emotional_judge" }, { "tec", "tec_judge" },
      { "tec_first", "tec_first_judge" }, { "tec_last", "tec_last_judge" } },
    { "probe", { "eps", "eps_probe" }, { "emotional", "emotional_probe" }, { "tec", "tec_probe" },
      { "tec_first", "tec_first_probe" }, { "tec_last", "tec_last_probe" } },
};

static const names *names_of(const estimator *by)
{
    size_t i = 0;
    while (strcmp(all_names[i].by, by->name) != 0)
        i++;
    return &all_names[i];
}

static evoke_status new_column(evaluation *e, const char *name, column_kind kind, bool by_target, const char *by, double **x,
                               evoke_error *err)
{
    const evoke_status st = eval_column(e, name, kind, by_target, x, err);
    if (st == EVOKE_OK)
        json_put(e->methods, name, json_string(by));
    return st;
}

/* Scores texts, of the responses `which`, into columns; each may be NULL. */
static evoke_status score(const evaluation *e, const estimator *by, const size_t *which, const char *const *texts, size_t n,
                          double *tec, double *eps, evoke_error *err)
{
    double *p = NULL, *emotional = NULL;
    evoke_status st = allocate(&p, n, e->n_emotion * sizeof *p, err);
    if (st == EVOKE_OK)
        st = allocate(&emotional, n, sizeof *emotional, err);
    if (st == EVOKE_OK && n > 0)
        st = estimate(e, by, texts, n, p, emotional, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        if (tec)
            memcpy(tec + which[i] * e->n_emotion, p + i * e->n_emotion, e->n_emotion * sizeof *p);
        if (eps)
            eps[which[i]] = emotional[i];
    }
    free(p);
    free(emotional);
    return st;
}

static evoke_status whole_texts(evaluation *e, const estimator *by, size_t nth, const size_t *which, size_t n,
                                evoke_error *err)
{
    const names *name = names_of(by);
    const char **texts = NULL;
    double *eps = NULL, *tec = NULL, *share = NULL;
    const bool wants_eps = eval_wants(e, "eps", true), wants_tec = eval_wants(e, "tec", true);
    evoke_status st = EVOKE_OK;
    if (!wants_eps && !wants_tec)
        return EVOKE_OK;
    if (wants_eps)
        st = new_column(e, name->eps[nth > 0], COLUMN_MEAN, false, by->name, &eps, err);
    if (st == EVOKE_OK && wants_eps)
        st = new_column(e, name->emotional[nth > 0], COLUMN_SHARE, false, by->name, &share, err);
    if (st == EVOKE_OK && wants_tec)
        st = new_column(e, name->tec[nth > 0], COLUMN_MEAN, true, by->name, &tec, err);
    if (st == EVOKE_OK)
        st = eval_texts_of(e, which, n, &texts, err);
    if (st == EVOKE_OK)
        st = score(e, by, which, texts, n, tec, eps, err);
    for (size_t i = 0; st == EVOKE_OK && share && i < n; i++)
        share[which[i]] = eps[which[i]] > 0.5;
    free(texts);
    return st;
}

/* ---- over the length of a response ---- */

/* The first or last quarter of a text's words, the caller's; NULL where it has too few. */
static char *quarter(const char *text, bool last)
{
    size_t n = 0, at = 0;
    const char *begin = text, *end = text + strlen(text);
    for (const char *c = text + strspn(text, " \t\r\n"); *c; c += strspn(c, " \t\r\n")) {
        c += strcspn(c, " \t\r\n");
        n++;
    }
    for (const char *c = text + strspn(text, " \t\r\n"); *c; c += strspn(c, " \t\r\n"), at++) {
        if (last && at == n - n / 4)
            begin = c;
        if (!last && at == n / 4)
            end = c;
        c += strcspn(c, " \t\r\n");
    }
    return n < QUARTER_WORDS ? NULL : strndup(begin, (size_t)(end - begin));
}

static evoke_status quarters(evaluation *e, const estimator *by, size_t nth, bool last, const size_t *which, size_t n,
                             evoke_error *err)
{
    const names *name = names_of(by);
    char **texts = NULL;
    size_t *kept = NULL, n_kept = 0;
    double *tec = NULL;
    evoke_status st = new_column(e, last ? name->last[nth > 0] : name->first[nth > 0], COLUMN_MEAN, true, by->name, &tec, err);
    if (st == EVOKE_OK)
        st = allocate(&texts, n, sizeof *texts, err);
    if (st == EVOKE_OK)
        st = allocate(&kept, n, sizeof *kept, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        if ((texts[n_kept] = quarter(e->set.lines[which[i]].text, last)))
            kept[n_kept++] = which[i];
    if (st == EVOKE_OK)
        st = score(e, by, kept, (const char *const *)texts, n_kept, tec, NULL, err);
    names_free(texts, n_kept);
    free(kept);
    return st;
}

/* ---- eas ---- */

/* One emotion of the responses that aim at it, and of those that aim at none. */
static evoke_status rate_emotion(evaluation *e, const estimator *by, size_t k, const size_t *which, size_t n, double *eas,
                                 evoke_error *err)
{
    size_t *kept = NULL, n_kept = 0;
    const char **texts = NULL;
    double *ratings = NULL;
    evoke_status st = allocate(&kept, n, sizeof *kept, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++) {
        const size_t target = eval_target(e, e->set.lines[which[i]].emotion);
        if (target == k || target == e->n_emotion)
            kept[n_kept++] = which[i];
    }
    if (st == EVOKE_OK)
        st = eval_texts_of(e, kept, n_kept, &texts, err);
    if (st == EVOKE_OK)
        st = allocate(&ratings, n_kept, sizeof *ratings, err);
    if (st == EVOKE_OK && n_kept)
        st = estimate_rating(e, by, k, texts, n_kept, ratings, err);
    for (size_t i = 0; st == EVOKE_OK && i < n_kept; i++)
        eas[kept[i] * e->n_emotion + k] = ratings[i];
    free(kept);
    free(texts);
    free(ratings);
    return st;
}

static evoke_status rate(evaluation *e, const estimator *by, const size_t *which, size_t n, evoke_error *err)
{
    double *eas = NULL;
    evoke_status st = new_column(e, "eas", COLUMN_MEAN, true, "judge", &eas, err);
    for (size_t k = 0; st == EVOKE_OK && k < e->n_emotion; k++)
        st = rate_emotion(e, by, k, which, n, eas, err);
    return st;
}

evoke_status eval_emotions(evaluation *e, evoke_error *err)
{
    estimator list[MOST_ESTIMATORS];
    size_t n_list = 0, *which = NULL, n = 0;
    const bool eas = !option_given(e->o, OPT_JUDGE_URL) && eval_wants(e, "eas", false);
    const bool course = eval_wants(e, "course", false);
    if (!eval_wants(e, "eps", true) && !eval_wants(e, "tec", true) && !eas && !course)
        return EVOKE_OK;
    evoke_status st = estimators_open(e, list, &n_list, err);
    if (st == EVOKE_OK)
        st = eval_spoken(e, &which, &n, err);
    for (size_t i = 0; st == EVOKE_OK && i < n_list; i++) {
        st = whole_texts(e, &list[i], i, which, n, err);
        for (int last = 0; st == EVOKE_OK && course && last < 2; last++)
            st = quarters(e, &list[i], i, last, which, n, err);
        if (st == EVOKE_OK && eas && list[i].judge)
            st = rate(e, &list[i], which, n, err);
    }
    estimators_free(list, n_list);
    free(which);
    return st;
}
