/* emotion/prefix.h: what prompts begin with alike, so that it is computed once.
 *
 * Chat prompts share the system message, and all prompts of one emotion its instruction. Two levels are kept: a prefix of
 * every prompt, and below it one for each group (setting and emotion). No prefix reaches into a query's own tokens or takes
 * a prompt's last token, so the spans `query`, `last` and `response` never touch one. Prefixes depend on the whole list of
 * prompts, finished or not: a continued run shares exactly what the first one did. */
#ifndef EVK_PREFIX_H
#define EVK_PREFIX_H

#include "core/status.h"

typedef struct evk_tokens {             /* one prompt */
    int32_t *ids;                       /* [n], owned by the list */
    size_t n, query_first, query_last;  /* tokens [first, last) are the query's own */
    size_t n_run;                       /* tokens that must be run: what follows is needed by nobody */
    size_t group;
} evk_tokens;

typedef struct evk_prefix {
    size_t prompt;                      /* a prompt that begins with it */
    size_t first, n;                    /* its own tokens: ids[first], ... ids[first + n - 1] */
    ptrdiff_t parent;                   /* -1: none; always an earlier one */
} evk_prefix;

typedef struct evk_prefixes {
    evk_prefix *nodes;
    size_t n;
    ptrdiff_t *of_group;                /* [n_group] the longest prefix of each group's prompts, -1: none */
} evk_prefixes;

evoke_status evk_prefixes_find(const evk_tokens *prompts, size_t n, size_t n_group, evk_prefixes *out, evoke_error *err);
void evk_prefixes_free(evk_prefixes *p);

#endif
