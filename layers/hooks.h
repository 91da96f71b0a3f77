/* layers/hooks.h: named places in the forward pass where activations are captured and edited.
 *
 * A pass runs tokens of several sequences together; each sequence's part is a run. At a hook point every run's own edit
 * (steering) comes first, then the capture, which sees the edited values. Names as in TransformerLens. */
#ifndef EVK_HOOKS_H
#define EVK_HOOKS_H

#include "core/status.h"

typedef enum evk_phase {
    EVK_PROMPT,             /* a part of the prompt, not its end */
    EVK_PROMPT_END,         /* the part of the prompt that holds its last token */
    EVK_RESPONSE            /* generated tokens fed back */
} evk_phase;

typedef enum evk_want { EVK_WANT_NONE, EVK_WANT_LAST, EVK_WANT_ALL } evk_want;  /* whose logits */

typedef struct evk_edit evk_edit;

typedef struct evk_run {
    size_t sequence;        /* of the KV cache; the run continues it */
    const int32_t *ids;     /* [n] */
    size_t n;
    evk_phase phase;
    evk_want want;
    const evk_edit *edit;   /* NULL: none */
    size_t length;          /* positions that the whole prompt takes, of which the run may be a part; 0: up to the run's end */
    size_t step;            /* 0 in the prompt; k where the run begins with the k-th generated token */
} evk_run;

/* An edit of activations: changes x [run->n, width] of one run in place. `sites` has bit 1 << site for each site it edits. */
struct evk_edit {
    unsigned sites;
    void (*apply)(const evk_edit *self, evoke_site site, size_t layer, const evk_run *run, float *x, size_t width);
};

/* A capture: sees x [n_token, width] of the whole pass, runs one after the other. Layer 0 for sites without one.
 * A thread may not keep x. */
typedef struct evk_capture {
    unsigned sites;
    evoke_status (*take)(void *user, evoke_site site, size_t layer, const float *x, size_t width, evoke_error *err);
    void *user;
} evk_capture;

/* What the public type evoke_steering is to a forward pass; emotion/steer.c makes it. Its edit comes first. */
struct evoke_steering { evk_edit edit; };

#endif
