/* experiments/eval_endpoint.c: ratings by a chat model behind an endpoint, as the paper has them of GPT-4o-mini.
 *
 *   eas     0 to 100 for each emotion, all in one question
 *   topic   1 where the model says that the response stays on the query's topic, else 0
 *
 * Answers are kept on disk as they come. A question that fails for good leaves its response out. Three that get no answer one after
 * the other mean that the endpoint is down: the rest is left out, and the same command goes on from there; so it is where the
 * endpoint refuses all questions, or the disk takes no more answers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "experiments/answer_cache.h"
#include "experiments/chat_endpoint.h"
#include "experiments/eval.h"
#include "experiments/json_out.h"

enum { MOST_FAILURES = 3 };

typedef struct judge {
    evaluation *e;
    endpoint *endpoint;
    endpoint_options how;
    double prices[2];           /* of a million tokens, in and out */
    bool priced;
    answer_cache cache;
    size_t failures;            /* one after the other */
    size_t n_missing;           /* answers that could not be had */
} judge;

/* ---- what is asked ---- */

/* The JSON object in an answer, or NULL; models like to put words or a code fence around it. */
static json_t *object_in(const char *answer)
{
    const char *begin = strchr(answer, '{'), *end = strrchr(answer, '}');
    json_error_t where;
    return begin && end && end > begin ? json_loadb(begin, (size_t)(end - begin) + 1, 0, &where) : NULL;
}

/* Of an emotion, 0 to 100, however its name is capitalised; NaN: there is none. */
static double rating_of(json_t *ratings, const char *emotion)
{
    const char *key;
    json_t *value;
    json_object_foreach(ratings, key, value)
        if (strcasecmp(key, emotion) == 0 && json_is_number(value) && json_number_value(value) >= 0 && json_number_value(value) <= 100)
            return json_number_value(value);
    return NAN;
}

static bool accepts_ratings(const void *user, const char *answer)
{
    const evaluation *e = user;
    json_t *ratings = object_in(answer);
    bool all = e->n_emotion > 0;
    for (size_t k = 0; k < e->n_emotion; k++)
        all = all && isfinite(rating_of(ratings, e->emotions[k]));
    json_decref(ratings);
    return all;
}

static char *rating_question(const evaluation *e, const response_line *r)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return NULL;
    fprintf(f, "Rate how strongly the text below expresses each of these emotions, from 0 (not at all) to 100 (as strongly as "
               "can be):");
    for (size_t k = 0; k < e->n_emotion; k++)
        fprintf(f, " %s%s", e->emotions[k], k + 1 < e->n_emotion ? "," : ".");
    fprintf(f, "\nReply with a JSON object of these keys and whole numbers, and nothing else.\n\nText:\n%s", r->text);
    return fclose(f) == 0 ? text : (free(text), NULL);
}

static bool accepts_yes_no(const void *user, const char *answer)
{
    (void)user;
    answer += strspn(answer, " \t\r\n\"'*");
    return strncasecmp(answer, "yes", 3) == 0 || strncasecmp(answer, "no", 2) == 0;
}

static char *topic_question(const response_line *r)
{
    static const char frame[] = "Does the answer stay on the topic of the question? Reply with yes or no.\n\nQuestion:\n%s\n\n"
                                "Answer:\n%s";
    const size_t room = sizeof frame + strlen(r->query) + strlen(r->text);
    char *text = malloc(room);
    if (text)
        snprintf(text, room, frame, r->query, r->text);
    return text;
}

/* ---- asking ---- */

/* One answer more, or all that are left, cannot be had. */
static evoke_status leave_out(judge *j, size_t failures, const evoke_error *why)
{
    j->failures = failures;
    j->e->later = *why;
    return EVOKE_OK;
}

/* The answer, from disk or the endpoint, the caller's; NULL: it could not be had. */
static evoke_status answer_to(judge *j, const char *question, answer_check *accepts, char **answer, evoke_error *err)
{
    char key[65];
    cache_key(j->how.url, j->how.name, question, key);
    const char *known = cache_find(&j->cache, key);
    *answer = known && accepts(j->e, known) ? strdup(known) : NULL;
    if (*answer)
        return EVOKE_OK;
    if (j->failures >= MOST_FAILURES) {
        j->n_missing++;
        return EVOKE_OK;
    }
    const evoke_status st = endpoint_ask(j->endpoint, question, accepts, j->e, answer, err);
    if (st == EVOKE_EIO || st == EVOKE_EFORMAT || st == EVOKE_EDATA) {
        j->n_missing++;
        return leave_out(j, st == EVOKE_EIO ? j->failures + 1 : st == EVOKE_EDATA ? MOST_FAILURES : 0, err);
    }
    j->failures = 0;
    return st == EVOKE_OK && cache_add(&j->cache, key, *answer, err) != EVOKE_OK ? leave_out(j, MOST_FAILURES, err) : st;
}

static evoke_status rate(judge *j, size_t i, double *eas, evoke_error *err)
{
    char *answer = NULL, *question = rating_question(j->e, &j->e->set.lines[i]);
    const size_t n = j->e->n_emotion;
    evoke_status st = question ? answer_to(j, question, accepts_ratings, &answer, err)
                               : fail(err, EVOKE_ENOMEM, "ask the judge: no memory");
    json_t *ratings = st == EVOKE_OK && answer ? object_in(answer) : NULL;
    for (size_t k = 0; k < n; k++) {
        const double rating = rating_of(ratings, j->e->emotions[k]);
        if (isfinite(rating))
            eas[i * n + k] = rating;
    }
    json_decref(ratings);
    free(answer);
    free(question);
    return st;
}

static evoke_status rate_topic(judge *j, size_t i, double *topic, evoke_error *err)
{
    char *answer = NULL, *question = j->e->set.lines[i].query ? topic_question(&j->e->set.lines[i]) : NULL;
    const evoke_status st = question ? answer_to(j, question, accepts_yes_no, &answer, err) : EVOKE_OK;
    if (st == EVOKE_OK && answer)
        topic[i] = strncasecmp(answer + strspn(answer, " \t\r\n\"'*"), "yes", 3) == 0;
    free(answer);
    free(question);
    return st;
}

static evoke_status rate_all(judge *j, double *eas, double *topic, evoke_error *err)
{
    progress bar;
    evoke_status st = EVOKE_OK;
    progress_begin(&bar, j->e->o->quiet);
    const evoke_progress hook = progress_hook(&bar);
    for (size_t i = j->e->first; st == EVOKE_OK && i < j->e->end; i++) {
        if (!hook.report(hook.user, "judge", i - j->e->first, j->e->end - j->e->first))
            st = fail(err, EVOKE_EINTERRUPTED, "evaluate: interrupted; %s keeps the answers so far", j->cache.path);
        if (st == EVOKE_OK && eas && !j->e->set.lines[i].left_out)
            st = rate(j, i, eas, err);
        if (st == EVOKE_OK && topic && !j->e->set.lines[i].left_out)
            st = rate_topic(j, i, topic, err);
    }
    progress_end(&bar);
    return st;
}

/* ---- opening and telling ---- */

static evoke_status read_prices(const options *o, judge *j, evoke_error *err)
{
    char **names = NULL;
    size_t n = 0;
    evoke_status st = option_names(o, OPT_JUDGE_PRICE, &names, &n, err);
    if (st == EVOKE_OK && n != 0 && n != 2)
        st = fail(err, EVOKE_EARG, "read --judge-price: two prices of a million tokens are wanted, IN,OUT");
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        st = parse_real(names[i], "--judge-price", 0, 1e9, &j->prices[i], err);
    j->priced = n == 2;
    names_free(names, n);
    return st;
}

static evoke_status open_endpoint(const options *o, judge *j, evoke_error *err)
{
    endpoint_options *how = &j->how;
    *how = (endpoint_options){ .url = option_text(o, OPT_JUDGE_URL), .timeout_s = 60, .n_retry = 5, .first_pause_s = 1 };
    evoke_status st = option_need(o, OPT_JUDGE_NAME, "evaluate by --judge-url", &how->name, err);
    if (st == EVOKE_OK)
        st = option_size(o, OPT_JUDGE_TIMEOUT, 1, 86400, &how->timeout_s, err);
    if (st == EVOKE_OK)
        st = option_size(o, OPT_JUDGE_RETRIES, 0, 1000, &how->n_retry, err);
    if (st == EVOKE_OK)
        st = option_real(o, OPT_JUDGE_PAUSE, 0.001, 3600, &how->first_pause_s, err);
    if (st == EVOKE_OK)
        st = option_real(o, OPT_JUDGE_RATE, 0, 1e6, &how->per_minute, err);
    if (st == EVOKE_OK)
        st = read_prices(o, j, err);
    return st == EVOKE_OK ? endpoint_open(how, &j->endpoint, err) : st;
}

evoke_status eval_endpoint_check(const options *o, evoke_error *err)
{
    judge j = { .e = NULL };
    const evoke_status st = option_given(o, OPT_JUDGE_URL) ? open_endpoint(o, &j, err) : EVOKE_OK;
    endpoint_close(j.endpoint);
    return st;
}

static void cache_path(const options *o, char *path, size_t size)
{
    const char *own = option_text(o, OPT_JUDGE_CACHE), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (own)
        snprintf(path, size, "%s", own);
    else if (cache && *cache)
        snprintf(path, size, "%s/evoke/judge.jsonl", cache);
    else
        snprintf(path, size, "%s/.cache/evoke/judge.jsonl", home ? home : ".");
}

/* What it took, and what is missing; that is the status of the whole. */
static void tell(judge *j)
{
    const endpoint_count *n = endpoint_counts(j->endpoint);
    char cost[64] = "";
    if (j->priced)
        snprintf(cost, sizeof cost, ", cost %.4f", 1e-6 * (j->prices[0] * (double)n->tokens_in + j->prices[1] * (double)n->tokens_out));
    if (!j->e->o->quiet)
        say("judge %s: %zu requests, %zu of them again, %zu questions failed, %zu answers from disk, %zu + %zu tokens%s",
            j->how.name, n->requests, n->retries, n->failed, j->cache.n_used, n->tokens_in, n->tokens_out, cost);
    if (j->n_missing > 0) {
        const evoke_error why = j->e->later;
        fail(&j->e->later, EVOKE_EIO, "%.600s; %zu answers are missing: the same command asks for them again", why.text,
             j->n_missing);
    }
}

evoke_status eval_endpoint(evaluation *e, evoke_error *err)
{
    judge j = { .e = e };
    char path[4096];
    double *eas = NULL, *topic = NULL;
    if (!option_given(e->o, OPT_JUDGE_URL))
        return EVOKE_OK;
    evoke_status st = open_endpoint(e->o, &j, err);
    cache_path(e->o, path, sizeof path);
    if (st == EVOKE_OK)
        st = cache_open(path, &j.cache, err);
    if (st == EVOKE_OK && eval_wants(e, "eas", true))
        st = eval_column(e, "eas", COLUMN_MEAN, true, &eas, err);
    if (st == EVOKE_OK && eval_wants(e, "topic", true))
        st = eval_column(e, "topic", COLUMN_SHARE, false, &topic, err);
    json_put(e->methods, "eas", json_string(j.how.name ? j.how.name : ""));
    if (st == EVOKE_OK)
        st = rate_all(&j, eas, topic, err);
    if (st == EVOKE_OK)
        tell(&j);
    endpoint_close(j.endpoint);
    cache_close(&j.cache);
    return st;
}
