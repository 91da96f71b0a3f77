/* experiments/chat_endpoint_none.c: in the place of chat_endpoint.c where libcurl is not at hand. */
#include "experiments/chat_endpoint.h"

evoke_status endpoint_open(const endpoint_options *how, endpoint **out, evoke_error *err)
{
    *out = NULL;
    return fail(err, EVOKE_EUNSUPPORTED, "open endpoint: this program was built without libcurl (%s)", how->url);
}

void endpoint_close(endpoint *p)
{
    (void)p;
}

const endpoint_count *endpoint_counts(const endpoint *p)
{
    static const endpoint_count none;
    (void)p;
    return &none;
}

evoke_status endpoint_ask(endpoint *p, const char *content, answer_check *accepts, const void *user, char **answer, evoke_error *err)
{
    (void)p, (void)content, (void)accepts, (void)user;
    *answer = NULL;
    return fail(err, EVOKE_EUNSUPPORTED, "ask the judge: this program was built without libcurl");
}
