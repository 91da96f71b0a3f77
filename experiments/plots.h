/* experiments/plots.h: figures as SVG. Each is a gnuplot script with its data inside, so that it can be changed and drawn again by
 * hand. */
#ifndef PLOTS_H
#define PLOTS_H

#include <stdio.h>

#include "experiments/command.h"

/* Writes a script after what plots_draw has put at its head: terminal, output, outside key, grid. what: the caller's own. */
typedef struct plot { const char *name; void (*draw)(FILE *f, const void *what); } plot;

/* NAME.gp, and NAME.svg by gnuplot, of each plot into a folder, which is made. Errors: EVOKE_EIO the folder cannot be written, or
 * gnuplot is not installed or fails: the scripts are there then. */
evoke_status plots_draw(const char *folder, const plot *plots, size_t n, const void *what, evoke_error *err);

/* A name inside double quotes, without what gnuplot would take for more than a letter. */
void plot_name(FILE *f, const char *name);
/* " 0.25", " NaN" */
void plot_cell(FILE *f, double x);

#endif
