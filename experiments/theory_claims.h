/* experiments/theory_claims.h: `evoke theory --claims`. */
#ifndef THEORY_CLAIMS_H
#define THEORY_CLAIMS_H

#include "experiments/options.h"

/* The options that go with --claims. */
extern const struct poptOption options_claims[];
evoke_status theory_claims(const options *o, evoke_error *err);

#endif
