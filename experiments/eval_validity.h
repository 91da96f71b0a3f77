/* experiments/eval_validity.h: what the judges are worth: agreement with people (--human FILE), with alpha, with what was asked. */
#ifndef EVAL_VALIDITY_H
#define EVAL_VALIDITY_H

#include "experiments/eval.h"

/* Fills e->validity: file -> judge -> figures and "metrics"; "alpha" -> column -> Spearman, "rise" from 0 to 2; and
 * "topic" -> column -> AUC of own queries against others. */
evoke_status eval_validity(evaluation *e, evoke_error *err);
void eval_print_validity(const evaluation *e);
/* On stderr, what is no better than chance or does not rise, where stdout has no place for it. */
void eval_warn_validity(const evaluation *e);
/* eval_people.c: one file of texts that people labelled. */
evoke_status eval_people(evaluation *e, const char *path, evoke_error *err);
json_t *interval_json(const evoke_interval *v);
/* A rank correlation of n texts, with its 95 % interval. */
json_t *spearman_json(double rho, size_t n);

#endif
