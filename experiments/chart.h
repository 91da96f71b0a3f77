/* experiments/chart.h: figures of a page as inline SVG: lines with bands, a heat map, a scatter of names.
 *
 * Each is a <figure>: an SVG with role="img" and its title and description, a legend in text, and the numbers as a table that
 * opens. Widths follow the page, and letters with them; colours are the page's classes s0 .. s7, over 8 dashed as well. */
#ifndef CHART_H
#define CHART_H

#include "experiments/page.h"

enum { CHART_MOST_SERIES = 16, CHART_MOST_CELLS = 24 };    /* more are not drawn, and the figure says so */

typedef struct chart {
    const char *title, *about;      /* about: what is to be seen, for who cannot */
    const char *x_label, *y_label;
} chart;

/* y [n]; low, high [n] or NULL; values that are not finite are gaps. */
typedef struct chart_series { const char *name; const double *y, *low, *high; } chart_series;

/* Over x [n], rising. */
void chart_lines(page *p, const chart *c, const double *x, size_t n, const chart_series *series, size_t n_series);
/* values [n, n] of -1 .. 1, row-major. */
void chart_heat(page *p, const chart *c, const char *const *names, const double *values, size_t n);
/* Points [n, 2] with their names, in equal units on both axes, 0 marked. */
void chart_scatter(page *p, const chart *c, const char *const *names, const double *points, size_t n);

#endif
