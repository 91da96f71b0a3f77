/* experiments/theory_claims.h: `evoke theory --claims`. */
#ifndef THEORY_CLAIMS_H
#define THEORY_CLAIMS_H

#include "experiments/options.h"

/* The options that go with --claims. */
extern const struct poptOption options_claims[];
evoke_status theory_claims(const options *o, evoke_error *err);

typedef struct claims_run {
    const options *o;
    evoke_model *model, *judge;
    evoke_store *store;
    evoke_vectors *vectors;
    evoke_encoder *encoder;
    evoke_claims_options how;
    double *alphas;
    int32_t *layers;
    evoke_claims *claims;
} claims_run;

/* theory_claims_output.c: what a run found. */
evoke_status claims_print_json(const claims_run *r, evoke_error *err);
void claims_print_tables(const claims_run *r);
/* SVG figures into a folder, which is made. */
evoke_status claims_draw(const claims_run *r, const char *folder, evoke_error *err);

#endif
