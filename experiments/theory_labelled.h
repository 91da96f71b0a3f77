/* experiments/theory_labelled.h: `evoke theory STORE --labelled STORE2`: directions on texts that people labelled. */
#ifndef THEORY_LABELLED_H
#define THEORY_LABELLED_H

#include "experiments/options.h"

/* how: what the options say of the fits, its intervals, seed and threads. Prints, and writes --stats and --figures. */
evoke_status theory_labelled(const options *o, evoke_store *queries, const evoke_theory_options *how, evoke_error *err);

/* The layer that tables and figures by emotion and label show: the only one, or that of highest mean AUC along the EV. */
size_t labelled_best(const evoke_labelled *t);
/* The value at an index of each axis in order; NaN where there is no such figure. end as the last index of an interval. */
double labelled_at(const evoke_labelled *t, const char *name, size_t a, size_t b, size_t c, size_t d);
void labelled_print_table(const evoke_labelled *t);
evoke_status labelled_print_json(const evoke_labelled *t, evoke_error *err);
/* As theory_draw. */
evoke_status labelled_draw(const evoke_labelled *t, const char *folder, evoke_error *err);

#endif
