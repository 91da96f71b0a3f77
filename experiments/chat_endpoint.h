/* experiments/chat_endpoint.h: a chat model behind an OpenAI-compatible endpoint (POST .../chat/completions).
 *
 * Errors that may pass (no connection, time-outs, status 408, 409, 425, 429, 5xx, replies that are no reply) are tried again
 * after a pause that doubles, or as long as the server asks for. The key comes from the environment and is never shown. */
#ifndef CHAT_ENDPOINT_H
#define CHAT_ENDPOINT_H

#include <jansson.h>

#include "experiments/command.h"

typedef struct endpoint_options {
    const char *url, *name;             /* ".../v1" or ".../v1/chat/completions"; the model's name there */
    size_t timeout_s, n_retry;          /* of one request; further tries of it */
    double per_minute;                  /* most requests a minute; 0: no limit */
    double first_pause_s;               /* before the first further try */
} endpoint_options;

typedef struct endpoint_count { size_t requests, retries, failed, tokens_in, tokens_out; } endpoint_count;

typedef struct endpoint endpoint;
/* Errors: EVOKE_EARG the URL is none; EVOKE_EUNSUPPORTED built without libcurl. */
evoke_status endpoint_open(const endpoint_options *how, endpoint **out, evoke_error *err);
void endpoint_close(endpoint *p);
const endpoint_count *endpoint_counts(const endpoint *p);
/* Is the answer what was asked for? If not, it is asked again. */
typedef bool answer_check(const void *user, const char *answer);
/* One user turn at temperature 0; *answer is the caller's. Errors: EVOKE_EIO no try got an answer; EVOKE_EFORMAT the last one got none
 * that is accepted, or the endpoint refuses this question (400, too long); EVOKE_EDATA it refuses all of them (401, 403, 404);
 * EVOKE_EINTERRUPTED. */
evoke_status endpoint_ask(endpoint *p, const char *content, answer_check *accepts, const void *user, char **answer, evoke_error *err);

#endif
