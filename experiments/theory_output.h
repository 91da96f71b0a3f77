/* experiments/theory_output.h: what `evoke theory` shows. */
#ifndef THEORY_OUTPUT_H
#define THEORY_OUTPUT_H

#include "experiments/command.h"

/* The value of a figure over layers and emotions; NaN where there is none. end: 0 the value, or of an interval or a pair 0, 1. */
double figure_at(const evoke_theory *t, const char *name, size_t layer, size_t emotion, size_t end);
/* A figure of one value an emotion. */
double figure_of(const evoke_theory *t, const char *name, size_t emotion);

/* " 0.25" as wide as said, or "-" where it is not finite: a cell of a table. */
void table_number(double x, int width, int digits);

/* all: every layer; otherwise the five of highest efficiency of each emotion. */
void theory_print_table(const evoke_theory *t, const evoke_store *s, evoke_site site, bool all);
evoke_status theory_print_json(const evoke_theory *t, const evoke_store *s, evoke_site site, evoke_error *err);

/* SVG figures into a folder, which is made, by gnuplot; its scripts, data and all, stay beside them. Errors: EVOKE_EIO the
 * folder cannot be written, or gnuplot is not installed or fails. */
evoke_status theory_draw(const evoke_theory *t, const evoke_store *s, const char *folder, evoke_error *err);

#endif
