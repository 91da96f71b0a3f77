/* layers/response.h: a response while its tokens are drawn, whoever runs the model: many together, or one on a session. */
#ifndef EVK_RESPONSE_H
#define EVK_RESPONSE_H

#include "layers/ends.h"

/* Room for what the request asks for. Free with evoke_responses_free, whatever it returns. */
evoke_status evk_response_begin(const evoke_request *r, evoke_response *out, evoke_error *err);
/* Takes a drawn token; `number` is the request's, for on_token. *go is false once the response has ended; out->stop says why.
 * Errors: EVOKE_EDATA the token's probability is not finite. */
evoke_status evk_response_take(const evoke_request *r, const evk_ends *ends, size_t number, int32_t id, float logprob,
                               evoke_on_token on_token, void *user, evoke_response *out, bool *go, evoke_error *err);

#endif
