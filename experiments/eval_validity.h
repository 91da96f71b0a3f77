/* experiments/eval_validity.h: what the judges are worth: agreement with people (--human FILE), and with alpha. */
#ifndef EVAL_VALIDITY_H
#define EVAL_VALIDITY_H

#include "experiments/eval.h"

/* Fills e->validity: file -> judge -> figures, and "alpha" -> column -> Spearman. */
evoke_status eval_validity(evaluation *e, evoke_error *err);
void eval_print_validity(const evaluation *e);

#endif
