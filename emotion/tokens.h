/* emotion/tokens.h: a prompt as token ids. */
#ifndef EVK_TOKENS_H
#define EVK_TOKENS_H

#include "core/status.h"

typedef struct evk_tokens {
    int32_t *ids;                       /* [n], owned by the list */
    size_t n, query_first, query_last;  /* tokens [first, last) are the query's own */
    size_t n_run;                       /* tokens that must be run: what follows is needed by nobody */
    size_t group;                       /* of answers.h */
} evk_tokens;

#endif
