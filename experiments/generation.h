/* experiments/generation.h: prompts x samples x variants of steering, run in batches, written in order.
 *
 * Response i is of prompt i / (K * V), sample i / V mod K, variant i mod V (K samples, V variants). Its random stream is
 * (seed, prompt * K + sample): the variants of one sample share it, so that they differ by the steering alone. */
#ifndef GENERATION_H
#define GENERATION_H

#include "experiments/output.h"
#include "experiments/prompts.h"
#include "experiments/responder.h"
#include "experiments/steering.h"

typedef struct variant {
    char *emotion;              /* "" unsteered; an emotion; "joy=2,anger=-0.5" where there are several */
    double alpha;
    evoke_steering *steering;   /* NULL: unsteered */
    strength one;               /* what the variant is; its emotion NULL: the plan's own strengths */
} variant;

typedef struct generation {
    const options *o;
    const evoke_model *model;
    const steer_plan *plan;
    const prompt_list *prompts;
    variant *variants;          /* [n_variants] */
    size_t n_variants, n_samples;
    responder responder;
    bool compare, raw;
    const char *system;
    output *out;
} generation;

/* Runs all and writes each as soon as those before it are written. Errors: EVOKE_EINTERRUPTED: what was done is written. */
evoke_status generation_run(generation *g, evoke_error *err);

#endif
