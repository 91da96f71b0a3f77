/* layers/beginnings.h: what requests that are steered alike begin with, so that it is run once for all of them.
 *
 * A tree: of the requests of one steering those that begin alike have a beginning in common, and of these some may go on alike.
 * No beginning takes a prompt's last token, whose logits are needed. Prompts beyond the limit of a rotary embedding that has one
 * take no part: there all angles hang on the prompt's length. */
#ifndef EVK_BEGINNINGS_H
#define EVK_BEGINNINGS_H

#include "layers/family.h"

enum { EVK_NO_BEGINNING = -1 };

typedef struct evk_beginning {
    size_t request;             /* one that begins so, steered like all that do */
    const evoke_steering *steering;
    size_t first, n;            /* its own tokens: ids[first], ... ids[first + n - 1] */
    ptrdiff_t parent;           /* what stands before them: an earlier one */
    size_t depth;               /* 0: no parent */
    size_t sequence;            /* of the cache that holds them, once they were run */
} evk_beginning;

typedef struct evk_beginnings {
    evk_beginning *all;         /* [n] */
    size_t n, n_token, n_depth;
    ptrdiff_t *of_request;      /* [requests] the longest that is its own */
} evk_beginnings;

/* Of at most n_most tokens in all; only those that save enough. Free with evk_beginnings_free, whatever it returns. */
evoke_status evk_beginnings_find(const evk_config *config, const evoke_request *requests, size_t n, size_t n_most,
                                 evk_beginnings *out, evoke_error *err);
void evk_beginnings_free(evk_beginnings *b);

#endif
