/* experiments/eval_endpoint.c: ratings by a chat model behind an endpoint, as the paper has them of GPT-4o-mini.
 *
 *   eas     0 to 100 for each emotion, all in one question
 *   topic   1 where the model says that the response stays on the query's topic, else 0
 *
 * Answers are kept on disk as they come. A question that fails for good leaves its response out; three that fail one after the
 * other mean that the endpoint is down: the rest is left out, and the same command goes on from there. */
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

static bool accepts_ratings(const char *answer)
{
    json_t *ratings = object_in(answer), *value;
    const char *key;
    bool ok = json_object_size(ratings) > 0;
    json_object_foreach(ratings, key, value)
        ok = ok && json_is_number(value) && json_number_value(value) >= 0 && json_number_value(value) <= 100;
    json_decref(ratings);
    return ok;
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

static bool accepts_yes_no(const char *answer)
{
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

/* The answer, from disk or the endpoint, the caller's; NULL: it could not be had. */
static evoke_status answer_to(judge *j, const char *question, bool (*accepts)(const char *), char **answer, evoke_error *err)
{
    char key[65];
    cache_key(j->how.url, j->how.name, question, key);
    const char *known = cache_find(&j->cache, key);
    *answer = known && accepts(known) ? strdup(known) : NULL;
    if (*answer)
        return EVOKE_OK;
    if (j->failures >= MOST_FAILURES) {
        j->n_missing++;
        return EVOKE_OK;
    }
    evoke_status st = endpoint_ask(j->endpoint, question, accepts, answer, err);
    if (st == EVOKE_EIO || st == EVOKE_EFORMAT) {
        j->failures = st == EVOKE_EIO ? j->failures + 1 : 0;
        j->n_missing++;
        j->e->later = *err;
        return EVOKE_OK;
    }
    j->failures = 0;
    return st == EVOKE_OK ? cache_add(&j->cache, key, *answer, err) : st;
}

static evoke_status rate(judge *j, size_t i, double *eas, evoke_error *err)
{
    char *answer = NULL, *question = rating_question(j->e, &j->e->set.lines[i]);
    const size_t n = j->e->n_emotion;
    evoke_status st = question ? answer_to(j, question, accepts_ratings, &answer, err)
                               : fail(err, EVOKE_ENOMEM, "ask the judge: no memory");
    json_t *ratings = st == EVOKE_OK && answer ? object_in(answer) : NULL;
    for (size_t k = 0; k < n; k++) {
        const json_t *value = json_object_get(ratings, j->e->emotions[k]);
        if (value)
            eas[i * n + k] = json_number_value(value);
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

static evoke_status read_options(const options *o, endpoint_options *how, evoke_error *err)
{
    *how = (endpoint_options){ .url = option_text(o, OPT_JUDGE_URL), .timeout_s = 60, .n_retry = 5, .first_pause_s = 1 };
    evoke_status st = option_need(o, OPT_JUDGE_NAME, "evaluate by --judge-url", &how->name, err);
    if (st == EVOKE_OK)
        st = option_size(o, OPT_JUDGE_TIMEOUT, 1, 86400, &how->timeout_s, err);
    if (st == EVOKE_OK)
        st = option_size(o, OPT_JUDGE_RETRIES, 0, 1000, &how->n_retry, err);
    if (st == EVOKE_OK)
        st = option_real(o, OPT_JUDGE_PAUSE, 0.001, 3600, &how->first_pause_s, err);
    return st == EVOKE_OK ? option_real(o, OPT_JUDGE_RATE, 0, 1e6, &how->per_minute, err) : st;
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
static evoke_status tell(judge *j, evoke_error *err)
{
    const endpoint_count *n = endpoint_counts(j->endpoint);
    double prices[2] = { 0, 0 };
    char **names = NULL, cost[64] = "";
    size_t n_price = 0;
    evoke_status st = option_names(j->e->o, OPT_JUDGE_PRICE, &names, &n_price, err);
    if (st == EVOKE_OK && n_price != 0 && n_price != 2)
        st = fail(err, EVOKE_EARG, "read --judge-price: two prices of a million tokens are wanted, IN,OUT");
    for (size_t i = 0; st == EVOKE_OK && i < n_price; i++)
        st = parse_real(names[i], "--judge-price", 0, 1e9, &prices[i], err);
    if (st == EVOKE_OK && n_price == 2)
        snprintf(cost, sizeof cost, ", cost %.4f", 1e-6 * (prices[0] * (double)n->tokens_in + prices[1] * (double)n->tokens_out));
    if (st == EVOKE_OK && !j->e->o->quiet)
        say("judge %s: %zu requests, %zu of them again, %zu questions failed, %zu answers from disk, %zu + %zu tokens%s",
            j->how.name, n->requests, n->retries, n->failed, j->cache.n_used, n->tokens_in, n->tokens_out, cost);
    if (st == EVOKE_OK && j->n_missing > 0) {
        evoke_error why = j->e->later;
        fail(&j->e->later, EVOKE_EIO, "%.600s; %zu answers are missing: the same command asks for them again", why.text,
             j->n_missing);
    }
    names_free(names, n_price);
    return st;
}

evoke_status eval_endpoint(evaluation *e, evoke_error *err)
{
    judge j = { .e = e };
    char path[4096];
    double *eas = NULL, *topic = NULL;
    if (!option_given(e->o, OPT_JUDGE_URL))
        return EVOKE_OK;
    evoke_status st = read_options(e->o, &j.how, err);
    cache_path(e->o, path, sizeof path);
    if (st == EVOKE_OK)
        st = cache_open(path, &j.cache, err);
    if (st == EVOKE_OK)
        st = endpoint_open(&j.how, &j.endpoint, err);
    if (st == EVOKE_OK && eval_wants(e, "eas", true))
        st = eval_column(e, "eas", COLUMN_MEAN, true, &eas, err);
    if (st == EVOKE_OK && eval_wants(e, "topic", true))
        st = eval_column(e, "topic", COLUMN_SHARE, false, &topic, err);
    json_put(e->methods, "eas", json_string(j.how.name ? j.how.name : ""));
    if (st == EVOKE_OK)
        st = rate_all(&j, eas, topic, err);
    if (st == EVOKE_OK)
        st = tell(&j, err);
    endpoint_close(j.endpoint);
    cache_close(&j.cache);
    return st;
}
