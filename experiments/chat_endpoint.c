#include "experiments/chat_endpoint.h"

#include <curl/curl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "experiments/json_out.h"
#include "experiments/progress.h"

enum { MOST_REPLY = 4 << 20, MOST_ANSWER_TOKENS = 200 };
static const double LONGEST_PAUSE = 60;

struct endpoint {
    endpoint_options how;
    CURL *curl;
    struct curl_slist *headers;
    char *url;
    endpoint_count count;
    double last;                /* when the last request began */
};

typedef struct reply { char *data; size_t n; } reply;

/* ---- opening ---- */

static evoke_status add_header(endpoint *p, const char *text, evoke_error *err)
{
    struct curl_slist *grown = curl_slist_append(p->headers, text);
    if (!grown)
        return fail(err, EVOKE_ENOMEM, "open endpoint: no memory");
    p->headers = grown;
    return EVOKE_OK;
}

static evoke_status add_headers(endpoint *p, evoke_error *err)
{
    const char *key = getenv("EVOKE_JUDGE_KEY") ? getenv("EVOKE_JUDGE_KEY") : getenv("OPENAI_API_KEY");
    char *line = NULL;
    evoke_status st = add_header(p, "Content-Type: application/json", err);
    if (st == EVOKE_OK && key && *key) {
        st = allocate(&line, strlen(key) + 32, 1, err);
        if (st == EVOKE_OK && strpbrk(key, "\r\n"))
            st = fail(err, EVOKE_EARG, "open endpoint: the key in the environment has a line break");
        if (st == EVOKE_OK) {
            sprintf(line, "Authorization: Bearer %s", key);
            st = add_header(p, line, err);
        }
    }
    free(line);
    return st;
}

static evoke_status make_url(endpoint *p, evoke_error *err)
{
    static const char end[] = "/chat/completions";
    const size_t n = strlen(p->how.url);
    const bool whole = n >= sizeof end - 1 && strcmp(p->how.url + n - (sizeof end - 1), end) == 0;
    if (strncmp(p->how.url, "http://", 7) != 0 && strncmp(p->how.url, "https://", 8) != 0)
        return fail(err, EVOKE_EARG, "open endpoint: the URL should begin with http:// or https:// (%s)", p->how.url);
    const evoke_status st = allocate(&p->url, n + sizeof end, 1, err);
    if (st == EVOKE_OK)
        sprintf(p->url, "%.*s%s", (int)(n > 0 && p->how.url[n - 1] == '/' ? n - 1 : n), p->how.url, whole ? "" : end);
    return st;
}

evoke_status endpoint_open(const endpoint_options *how, endpoint **out, evoke_error *err)
{
    endpoint *p = NULL;
    *out = NULL;
    evoke_status st = allocate(&p, 1, sizeof *p, err);
    if (st != EVOKE_OK)
        return st;
    p->how = *how;
    st = make_url(p, err);
    if (st == EVOKE_OK && (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || !(p->curl = curl_easy_init())))
        st = fail(err, EVOKE_ENOMEM, "open endpoint: libcurl does not start");
    if (st == EVOKE_OK)
        st = add_headers(p, err);
    if (st == EVOKE_OK)
        *out = p;
    else
        endpoint_close(p);
    return st;
}

void endpoint_close(endpoint *p)
{
    if (!p)
        return;
    curl_slist_free_all(p->headers);
    curl_easy_cleanup(p->curl);
    free(p->url);
    free(p);
}

const endpoint_count *endpoint_counts(const endpoint *p)
{
    return &p->count;
}

/* ---- one request ---- */

static size_t take(char *bytes, size_t size, size_t n, void *user)
{
    reply *r = user;
    char *grown = size * n <= MOST_REPLY - r->n ? realloc(r->data, r->n + size * n + 1) : NULL;
    if (!grown)
        return 0;                       /* curl then fails with a write error */
    memcpy(grown + r->n, bytes, size * n);
    r->data = grown;
    r->n += size * n;
    r->data[r->n] = '\0';
    return size * n;
}

static int keep_on(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)user, (void)a, (void)b, (void)c, (void)d;
    return interrupted();
}

static CURLcode post(endpoint *p, const char *body, reply *r, long *status, double *asked_pause)
{
    curl_off_t retry_after = 0;
    curl_easy_reset(p->curl);
    curl_easy_setopt(p->curl, CURLOPT_URL, p->url);
    curl_easy_setopt(p->curl, CURLOPT_HTTPHEADER, p->headers);
    curl_easy_setopt(p->curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(p->curl, CURLOPT_TIMEOUT, (long)p->how.timeout_s);
    curl_easy_setopt(p->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(p->curl, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(p->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(p->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(p->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(p->curl, CURLOPT_XFERINFOFUNCTION, keep_on);
    const CURLcode code = curl_easy_perform(p->curl);
    curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, status);
    if (curl_easy_getinfo(p->curl, CURLINFO_RETRY_AFTER, &retry_after) == CURLE_OK && retry_after > 0)
        *asked_pause = (double)retry_after;
    return code;
}

/* The answer in a reply, the caller's; NULL: it holds none. Counts its tokens. */
static char *read_reply(endpoint *p, const reply *r)
{
    json_error_t where;
    json_t *root = r->data ? json_loadb(r->data, r->n, 0, &where) : NULL;
    const json_t *usage = json_object_get(root, "usage");
    const char *text = json_string_value(json_object_get(json_object_get(json_array_get(json_object_get(root, "choices"), 0),
                                                                         "message"), "content"));
    const json_int_t in = json_integer_value(json_object_get(usage, "prompt_tokens")),
                     out = json_integer_value(json_object_get(usage, "completion_tokens"));
    p->count.tokens_in += in > 0 ? (size_t)in : 0;
    p->count.tokens_out += out > 0 ? (size_t)out : 0;
    char *answer = text ? strdup(text) : NULL;
    json_decref(root);
    return answer;
}

static bool may_pass(long status)
{
    return status == 408 || status == 409 || status == 425 || status == 429 || status >= 500;
}

/* The key, the address or the model's name is wrong: no question will be answered. */
static bool bars_all(long status)
{
    return status == 401 || status == 403 || status == 404;
}

/* One try: the answer, or why there is none; EVOKE_EIO: it may pass. */
static evoke_status try_once(endpoint *p, const char *body, char **answer, double *pause, evoke_error *err)
{
    reply r = { NULL, 0 };
    long status = 0;
    p->count.requests++;
    const CURLcode code = post(p, body, &r, &status, pause);
    evoke_status st = EVOKE_OK;
    if (interrupted())
        st = fail(err, EVOKE_EINTERRUPTED, "ask the judge: interrupted");
    else if (code != CURLE_OK)
        st = fail(err, EVOKE_EIO, "ask the judge: %s (%s)", curl_easy_strerror(code), p->url);
    else if (status != 200)
        st = fail(err, may_pass(status) ? EVOKE_EIO : bars_all(status) ? EVOKE_EDATA : EVOKE_EFORMAT,
                  "ask the judge: the endpoint answers with status %ld (%s)", status, p->url);
    else if (!(*answer = read_reply(p, &r)))
        st = fail(err, EVOKE_EIO, "ask the judge: the reply is no chat completion (%s)", p->url);
    free(r.data);
    return st;
}

/* ---- again and again ---- */

/* False: a signal came. */
static bool wait_seconds(double s)
{
    const double until = seconds_now() + s;
    while (seconds_now() < until && !interrupted()) {
        const double left = fmin(until - seconds_now(), 0.1);
        nanosleep(&(struct timespec){ 0, (long)(fmax(left, 0.001) * 1e9) }, NULL);
    }
    return !interrupted();
}

static bool wait_for_turn(endpoint *p)
{
    const double gap = p->how.per_minute > 0 ? 60 / p->how.per_minute : 0;
    const bool on = p->last == 0 || wait_seconds(p->last + gap - seconds_now());
    p->last = seconds_now();
    return on;
}

static char *request_body(const endpoint *p, const char *content)
{
    json_t *body = json_object(), *messages = json_array(), *turn = json_object();
    json_put(turn, "role", json_string("user"));
    json_put(turn, "content", json_text(content, strlen(content)));
    json_add(messages, turn);
    json_put(body, "model", json_string(p->how.name));
    json_put(body, "messages", messages);
    json_put(body, "temperature", json_integer(0));
    json_put(body, "max_tokens", json_integer(MOST_ANSWER_TOKENS));
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return text;
}

evoke_status endpoint_ask(endpoint *p, const char *content, answer_check *accepts, const void *user, char **answer, evoke_error *err)
{
    char *body = request_body(p, content);
    double pause = p->how.first_pause_s;
    evoke_status st = body ? EVOKE_EIO : fail(err, EVOKE_ENOMEM, "ask the judge: no memory");
    bool refused = false;
    *answer = NULL;
    for (size_t i = 0; st == EVOKE_EIO && i <= p->how.n_retry; i++) {
        double asked = 0;
        p->count.retries += i > 0;
        if (!wait_for_turn(p)) {
            st = fail(err, EVOKE_EINTERRUPTED, "ask the judge: interrupted");
            break;
        }
        st = try_once(p, body, answer, &asked, err);
        refused = st == EVOKE_OK && !accepts(user, *answer);
        if (refused) {
            st = fail(err, EVOKE_EIO, "ask the judge: the answer is not what was asked for: %.80s (%s)", *answer, p->url);
            free(*answer);
            *answer = NULL;
        }
        if (st == EVOKE_EIO && i < p->how.n_retry && !wait_seconds(fmin(fmax(asked, pause), LONGEST_PAUSE)))
            st = fail(err, EVOKE_EINTERRUPTED, "ask the judge: interrupted");
        pause *= 2;
    }
    if (st == EVOKE_EIO && refused)
        st = err->status = EVOKE_EFORMAT;
    p->count.failed += st != EVOKE_OK;
    free(body);
    return st;
}
