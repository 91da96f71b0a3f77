/* experiments/responses.h: responses to be scored: what `sweep` or `generate --json` wrote, or the lists of texts that the
 * paper's authors published. */
#ifndef RESPONSES_H
#define RESPONSES_H

#include <jansson.h>

#include "experiments/options.h"

typedef struct response_line {          /* texts belong to the JSON */
    const char *emotion, *baseline, *text, *system, *model, *stop;
    const char *variant;                /* mode, site and layers, where a sweep had several; "" elsewhere */
    const char *prompt, *query;         /* what was asked, and the query in it; NULL: not said */
    double alpha;
    bool raw, unsteered;
    const json_t *ids;                  /* NULL: none */
    bool left_out;                      /* nothing was said */
} response_line;

typedef struct response_set {
    json_t *root;
    response_line *lines;               /* [n] */
    size_t n;
    size_t n_nul;                       /* texts that had a NUL, which is read as U+FFFD */
    size_t n_broken;                    /* lines that are no JSON, left out; */
    evoke_error broken;                 /* what is wrong with the first */
} response_set;

/* Files or folders, all .json and .jsonl in them. A list of texts (the authors' .../ALPHA/EMOTION.json, or .../ALPHA.json for
 * EVbase) answers the queries of --queries in order. Errors name the file and the response. */
evoke_status responses_read(const options *o, response_set *set, evoke_error *err);
void responses_free(response_set *set);

#endif
