/* experiments/eval_topic.c: does a response stay with what was asked?
 *
 *   topic_query      cosine of the embeddings of the response and of its query
 *   topic_unsteered  of the response and the unsteered answer to the same query
 *   topic            a local judge's probability of "yes"
 *
 * And what are these worth? other_query and other_topic are of the same response and another query, the next that differs:
 * a measure that tells no topic finds as much there (eval_validity.c). They are taken of unsteered responses, which do answer
 * their query, and where there are none, of all. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/eval.h"
#include "experiments/json_out.h"

/* ---- embeddings ---- */

/* Texts without repeats: text -> its place. */
typedef struct text_set { json_t *places; const char **texts; size_t n; } text_set;

static size_t place_of(text_set *s, const char *text)
{
    const json_t *known = json_object_get(s->places, text);
    if (known)
        return (size_t)json_integer_value(known);
    json_put(s->places, text, json_count(s->n));
    s->texts[s->n] = text;
    return s->n++;
}

/* query -> the first unsteered response to it that says something. */
static json_t *unsteered_answers(const evaluation *e)
{
    json_t *answers = json_object();
    for (size_t i = 0; i < e->set.n; i++) {
        const response_line *r = &e->set.lines[i];
        if (r->unsteered && !r->left_out && r->query && !json_object_get(answers, r->query))
            json_put(answers, r->query, json_count(i));
    }
    return answers;
}

/* other[i]: the next query in the file, from its start again, that is not response i's own; NULL: there is none, or this one is
 * not held against it. The caller's array, the file's texts. */
static evoke_status other_queries(const evaluation *e, const char ***other, evoke_error *err)
{
    const char *next = NULL, *beyond = NULL;        /* the next query, and the next that is not the same */
    bool any_unsteered = false;
    const evoke_status st = allocate(other, e->set.n, sizeof **other, err);
    for (size_t i = 0; i < e->set.n; i++)
        any_unsteered |= e->set.lines[i].unsteered && !e->set.lines[i].left_out && e->set.lines[i].query;
    for (size_t k = 2 * e->set.n; st == EVOKE_OK && k-- > 0;) {
        const response_line *r = &e->set.lines[k % e->set.n];
        if (!r->query)
            continue;
        if (!next || strcmp(next, r->query) != 0) {
            beyond = next;
            next = r->query;
        }
        (*other)[k % e->set.n] = r->left_out || (any_unsteered && !r->unsteered) ? NULL : beyond;
    }
    return st;
}

static double dot(const float *a, const float *b, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += (double)a[j] * (double)b[j];
    return sum;
}

static double cosine(const float *vectors, size_t a, size_t b, size_t d)
{
    const float *x = vectors + a * d, *y = vectors + b * d;
    return dot(x, y, d) / sqrt(dot(x, x, d) * dot(y, y, d));
}

static evoke_status embed(const evaluation *e, const evoke_encoder *encoder, const text_set *s, float **vectors,
                          evoke_error *err)
{
    progress bar;
    evoke_status st = allocate(vectors, s->n, evoke_encoder_describe(encoder)->d_embedding * sizeof **vectors, err);
    progress_begin(&bar, e->o->quiet);
    const evoke_progress hook = progress_hook(&bar);
    if (st == EVOKE_OK && s->n > 0)
        st = evoke_embed(encoder, s->texts, s->n, &hook, *vectors, NULL, err);
    progress_end(&bar);
    return st;
}

enum { TO_QUERY, TO_UNSTEERED, TO_OTHER, N_LIKENESS };
static const char *const likenesses[N_LIKENESS] = { "topic_query", "topic_unsteered", "other_query" };

/* What a response's text is held against; NULL: nothing. */
static void partners(const evaluation *e, size_t i, const json_t *answers, const char *const *other, const char *to[N_LIKENESS])
{
    const response_line *r = &e->set.lines[i];
    const json_t *answer = r->query ? json_object_get(answers, r->query) : NULL;    /* of another shard, it may be */
    const bool asked = !r->left_out && r->query;
    to[TO_QUERY] = asked ? r->query : NULL;
    to[TO_UNSTEERED] = asked && answer && (size_t)json_integer_value(answer) != i ? e->set.lines[json_integer_value(answer)].text
                                                                                  : NULL;
    to[TO_OTHER] = other[i];
}

/* x[k][i], k < N_LIKENESS. */
static evoke_status measure_likeness(const evaluation *e, const evoke_encoder *encoder, double *const *x, evoke_error *err)
{
    text_set s = { .places = json_object() };
    json_t *answers = unsteered_answers(e);
    const char **other = NULL, *to[N_LIKENESS];
    const size_t d = evoke_encoder_describe(encoder)->d_embedding;
    float *vectors = NULL;
    evoke_status st = other_queries(e, &other, err);
    if (st == EVOKE_OK)
        st = allocate(&s.texts, e->set.n, (1 + N_LIKENESS) * sizeof *s.texts, err);
    for (size_t i = e->first; st == EVOKE_OK && i < e->end; i++) {
        partners(e, i, answers, other, to);
        for (size_t k = 0; k < N_LIKENESS; k++)
            if (to[k]) {
                place_of(&s, e->set.lines[i].text);
                place_of(&s, to[k]);
            }
    }
    if (st == EVOKE_OK)
        st = embed(e, encoder, &s, &vectors, err);
    for (size_t i = e->first; st == EVOKE_OK && i < e->end; i++) {
        partners(e, i, answers, other, to);
        for (size_t k = 0; k < N_LIKENESS; k++)
            if (to[k])
                x[k][i] = cosine(vectors, place_of(&s, e->set.lines[i].text), place_of(&s, to[k]), d);
    }
    json_decref(s.places);
    json_decref(answers);
    free(s.texts);
    free(other);
    free(vectors);
    return st;
}

static evoke_status similarities(evaluation *e, evoke_error *err)
{
    evoke_encoder *encoder = NULL;
    double *x[N_LIKENESS];
    evoke_status st = eval_open_encoder(e, option_text(e->o, OPT_EMBED_MODEL), &encoder, err);
    for (size_t k = 0; st == EVOKE_OK && k < N_LIKENESS; k++)
        st = eval_column(e, likenesses[k], COLUMN_MEAN, false, &x[k], err);
    if (st == EVOKE_OK)
        st = measure_likeness(e, encoder, x, err);
    evoke_encoder_free(encoder);
    return st;
}

/* ---- a judge's yes or no ---- */

static const char *const yes_no[] = { "Yes", "No" };
static const char question[] = "{}\n\nIs the answer about the topic of the question? Reply with Yes or No.";

/* yes[i] of responses to query[i]; NULL: not asked. */
static evoke_status judge_all(const evaluation *e, const evoke_judge *j, const char *const *query, double *yes, evoke_error *err)
{
    char **pairs = NULL;
    size_t *which = NULL, n = 0;
    double *scores = NULL;
    progress bar;
    evoke_status st = allocate(&pairs, e->set.n, sizeof *pairs, err);
    if (st == EVOKE_OK)
        st = allocate(&which, e->set.n, sizeof *which, err);
    for (size_t i = e->first; st == EVOKE_OK && i < e->end; i++) {
        const response_line *r = &e->set.lines[i];
        const size_t room = query[i] ? strlen(query[i]) + strlen(r->text) + 32 : 0;
        if (r->left_out || !query[i])
            continue;
        st = allocate(&pairs[n], room, 1, err);
        if (st == EVOKE_OK) {
            snprintf(pairs[n], room, "Question: %s\n\nAnswer: %s", query[i], r->text);
            which[n++] = i;
        }
    }
    if (st == EVOKE_OK)
        st = allocate(&scores, n, 2 * sizeof *scores, err);
    progress_begin(&bar, e->o->quiet);
    const evoke_progress hook = progress_hook(&bar);
    if (st == EVOKE_OK && n > 0)
        st = evoke_judge_read(j, (const char *const *)pairs, n, &hook, scores, err);
    progress_end(&bar);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        yes[which[i]] = exp(scores[2 * i]);
    names_free(pairs, n);
    free(which);
    free(scores);
    return st;
}

static evoke_status judge_topics(evaluation *e, const evoke_judge *j, evoke_error *err)
{
    const char **own = NULL, **other = NULL;
    double *topic = NULL, *elsewhere = NULL;
    evoke_status st = eval_column(e, "topic", COLUMN_MEAN, false, &topic, err);
    if (st == EVOKE_OK)
        st = eval_column(e, "other_topic", COLUMN_MEAN, false, &elsewhere, err);
    if (st == EVOKE_OK)
        st = allocate(&own, e->set.n, sizeof *own, err);
    for (size_t i = 0; st == EVOKE_OK && i < e->set.n; i++)
        own[i] = e->set.lines[i].query;
    if (st == EVOKE_OK)
        st = other_queries(e, &other, err);
    if (st == EVOKE_OK)
        st = judge_all(e, j, own, topic, err);
    if (st == EVOKE_OK)
        st = judge_all(e, j, other, elsewhere, err);
    free(own);
    free(other);
    return st;
}

static evoke_status judged(evaluation *e, evoke_error *err)
{
    evoke_model *m = NULL;
    evoke_judge *j = NULL;
    const evoke_judge_options how = { .question = question, .options = yes_no, .n_option = 2 };
    evoke_status st = eval_open_model(e, option_text(e->o, OPT_JUDGE_MODEL), &m, err);
    if (st == EVOKE_OK)
        st = evoke_judge_new(m, &how, &j, err);
    if (st == EVOKE_OK)
        st = judge_topics(e, j, err);
    json_put(e->methods, "topic", json_string("judge"));
    evoke_judge_free(j);
    evoke_model_free(m);
    return st;
}

evoke_status eval_topic(evaluation *e, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    if (option_given(e->o, OPT_EMBED_MODEL) && eval_wants(e, "topic", true))
        st = similarities(e, err);
    if (st == EVOKE_OK && option_given(e->o, OPT_JUDGE_MODEL) && !option_given(e->o, OPT_JUDGE_URL) &&
        eval_wants(e, "topic", false))
        st = judged(e, err);
    return st;
}
