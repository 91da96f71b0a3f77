/* layers/prefixes.h: what prompts begin with alike, so that it is run once.
 *
 * Chat prompts share the system message, all prompts of one emotion its instruction, and many samples the whole prompt. A tree: of the
 * prompts of one kind (steered alike) those that begin alike have a prefix in common, and some of these may go on alike. The prefixes
 * hang on the whole list of prompts, whatever was done of it before: a continued run shares exactly what the first one did. */
#ifndef EVK_PREFIXES_H
#define EVK_PREFIXES_H

#include "core/status.h"

enum { EVK_NO_PREFIX = -1 };

typedef struct evk_shareable {          /* a prompt */
    const int32_t *ids;
    size_t n;                           /* its first tokens, that may be shared; not its last one, whose logits are needed */
    const void *kind;                   /* with those of the same kind */
} evk_shareable;

typedef struct evk_prefix {
    size_t prompt;                      /* one that begins with it */
    size_t first, n;                    /* its own tokens: ids[first], ... ids[first + n - 1] */
    ptrdiff_t parent;                   /* what stands before them: an earlier one */
    size_t depth;                       /* 0: no parent */
} evk_prefix;

typedef struct evk_prefixes {
    evk_prefix *nodes;
    size_t n, n_token, n_depth;         /* tokens of all; depths that there are, at most EVK_MAX_ANCESTORS - 1 */
    ptrdiff_t *of_prompt;               /* [prompts] the longest of each */
} evk_prefixes;

/* Of at most n_most tokens in all; only those that save enough. Free with evk_prefixes_free, whatever it returns. */
evoke_status evk_prefixes_find(const evk_shareable *prompts, size_t n, size_t n_most, evk_prefixes *out, evoke_error *err);
void evk_prefixes_free(evk_prefixes *p);
/* Tokens up to a prefix's end; 0 for none. */
size_t evk_prefix_end(const evk_prefixes *p, ptrdiff_t prefix);
/* Whether a prefix is `other`, or goes on from it. */
bool evk_prefix_has(const evk_prefixes *p, ptrdiff_t prefix, size_t other);

#endif
