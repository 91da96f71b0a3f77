/* experiments/responses.h: what `generate --json` wrote, and what is measured of it.
 *
 * A cell is the responses of one (emotion, alpha, baseline). Unsteered responses (emotion "") have no target of their
 * own, so they are a cell for each emotion of the lexicon: what the target's words come to without steering. */
#ifndef RESPONSES_H
#define RESPONSES_H

#include <jansson.h>

#include "experiments/options.h"

typedef struct response_line {          /* texts belong to the JSON */
    const char *emotion, *baseline, *prompt, *text, *system, *model, *stop;     /* prompt NULL: not said */
    double alpha;
    bool raw;
    const json_t *ids;                  /* NULL: none */
    bool left_out;                      /* nothing was said: in no metric */
    double nll;                         /* mean per token, nats; NaN where not measured */
    double distinct2;
    size_t *words;                      /* [E] words of each emotion's list; NULL where not counted */
} response_line;

typedef struct response_set {
    json_t *root;
    response_line *lines;               /* [n] */
    size_t n;
} response_set;

/* Errors name the file and the response. */
evoke_status responses_read(const char *path, response_set *set, evoke_error *err);
void responses_free(response_set *set);

typedef struct mean_interval { double mean, low, high; } mean_interval;
/* Mean and 95 % interval, normal: mean +- 1.96 s / sqrt(n), s with n - 1. NaN bounds for n < 2. */
mean_interval interval_of_mean(const double *x, size_t n);
/* Share of ones and Wilson's 95 % interval. */
mean_interval interval_of_share(size_t ones, size_t n);

#endif
