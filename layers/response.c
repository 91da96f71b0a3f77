#include "layers/response.h"

#include <math.h>
#include <stdlib.h>

evoke_status evk_response_begin(const evoke_request *r, evoke_response *out, evoke_error *err)
{
    EVK_TRY(evk_alloc(&out->ids, r->n_predict, sizeof *out->ids, "generate", err));
    return evk_alloc(&out->logprobs, r->n_predict, sizeof *out->logprobs, "generate", err);
}

evoke_status evk_response_take(const evoke_request *r, const evk_ends *ends, size_t number, int32_t id, float logprob,
                               evoke_on_token on_token, void *user, evoke_response *out, bool *go, evoke_error *err)
{
    *go = false;
    if (!isfinite(logprob))
        return evk_fail(err, EVOKE_EDATA, "generate: the logits of token %zu of response %zu are not finite: damaged weights, "
                        "or steering beyond what float32 holds", out->n + 1, number + 1);
    if (evk_ends_has(ends, id) && !r->ignore_end) {
        out->stop = EVOKE_STOP_EOS;
        return EVOKE_OK;
    }
    out->ids[out->n] = id;
    out->logprobs[out->n++] = logprob;
    if (on_token && !on_token(user, number, id, logprob))
        out->stop = EVOKE_STOP_CALLER;
    else if (out->n == r->n_predict)
        out->stop = EVOKE_STOP_LENGTH;
    else
        *go = true;
    return EVOKE_OK;
}

void evoke_responses_free(evoke_response *r, size_t n)
{
    for (size_t i = 0; r && i < n; i++) {
        free(r[i].ids);
        free(r[i].logprobs);
        r[i] = (evoke_response){0};
    }
}

const char *evoke_stop_name(evoke_stop stop)
{
    static const char *const names[] = { "length", "eos", "string", "caller" };
    return names[stop];
}
