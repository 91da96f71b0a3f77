/* experiments/responder.h: many requests, run some hundreds at a time; each response is handed on, in order, as soon as those
 * before it are done. */
#ifndef RESPONDER_H
#define RESPONDER_H

#include <jansson.h>

#include "experiments/options.h"

/* Fills in ids, n_ids, steering and sampling.stream of request i; the responder has set the rest. */
typedef void responder_ask(void *user, size_t i, evoke_request *r);
/* Takes response i. text: without control tokens, cut before a stop string; stopped: there was one. */
typedef evoke_status responder_take(void *user, size_t i, const evoke_response *r, const evoke_text *text, bool stopped,
                                    evoke_error *err);

typedef struct responder {
    const evoke_model *model;
    evoke_sampling sampling;
    size_t n_predict, n_ctx, n_batch;
    const char **stops;         /* [n_stops] texts that end a response */
    size_t n_stops;
    bool ignore_end;
    bool show;                  /* the text goes to stdout as its tokens come, and to nobody else */
    bool quiet;                 /* no progress */
    bool to_terminal;           /* what is handed on is printed: the bar of progress goes away first */
    bool in_order;              /* an interruption leaves nothing out before the last that was handed on */
    const char *what;           /* in the progress */
    responder_ask *ask;
    responder_take *take;
    void *user;
    size_t n_taken;             /* out */
} responder;

/* From -n, -c, -b, --stop, --ignore-eos and the sampling options. Free whatever it returns. */
evoke_status responder_read(const options *o, responder *r, evoke_error *err);
void responder_free(responder *r);
/* Sets the model and what follows from it: the context is no longer than the model's. */
void responder_use(responder *r, const evoke_model *m);
/* Request i as it will be run; n_predict is what the context has room for. Errors: EVOKE_EDATA the prompt fills it. */
evoke_status responder_request(const responder *r, size_t i, evoke_request *request, evoke_error *err);
/* temp, top_k, top_p, min_p. */
json_t *sampling_json(const evoke_sampling *s);
/* Runs first..total-1. Errors: EVOKE_EINTERRUPTED: what was done was handed on, and err says nothing yet. */
evoke_status responder_run(responder *r, size_t first, size_t total, evoke_error *err);

#endif
