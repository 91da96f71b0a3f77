#include "experiments/chart.h"

#include <math.h>

/* In units of the SVG's own. */
enum { WIDTH = 440, HEIGHT = 270, LEFT = 56, RIGHT = 12, TOP = 10, BOTTOM = 44, MOST_TICKS = 6 };

typedef struct range { double low, high; } range;

/* ---- what all figures have ---- */

static void begin(page *p, const chart *c, int width, int height)
{
    const size_t id = ++p->n_figures;
    fputs("<figure>\n", p->f);
    page_element(p, "figcaption", c->title);
    fprintf(p->f, "<svg role=\"img\" viewBox=\"0 0 %d %d\" aria-labelledby=\"t%zu d%zu\">", width, height, id, id);
    fprintf(p->f, "<title id=\"t%zu\">", id);
    page_text(p, c->title);
    fprintf(p->f, "</title><desc id=\"d%zu\">", id);
    page_text(p, c->about);
    fputs("</desc>\n", p->f);
}

static void end(page *p, const chart *c)
{
    page_element(p, "p", c->about);
    fputs("</figure>\n", p->f);
}

static void label(page *p, double x, double y, const char *anchor, const char *text)
{
    fprintf(p->f, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    page_text(p, text);
    fputs("</text>\n", p->f);
}

static void axis_labels(page *p, const chart *c, int height)
{
    label(p, LEFT + (WIDTH - LEFT - RIGHT) / 2.0, height - 8, "middle", c->x_label);
    fprintf(p->f, "<text transform=\"translate(14 %d) rotate(-90)\" text-anchor=\"middle\">", TOP + (height - TOP - BOTTOM) / 2);
    page_text(p, c->y_label);
    fputs("</text>\n", p->f);
}

static void extend(range *r, double x)
{
    if (isfinite(x)) {
        r->low = fmin(r->low, x);
        r->high = fmax(r->high, x);
    }
}

/* Never empty, so that it can be divided by. */
static range widened(range r)
{
    if (!(r.low <= r.high))
        return (range){ 0, 1 };
    const double pad = r.high > r.low ? 0.04 * (r.high - r.low) : fmax(fabs(r.high) * 0.1, 0.1);
    return (range){ r.low - pad, r.high + pad };
}

/* 1, 2 or 5 times a power of ten, so that at most MOST_TICKS steps fit. */
static double step_of(range r)
{
    const double least = (r.high - r.low) / MOST_TICKS, power = pow(10, floor(log10(least))), share = least / power;
    return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

static double place(double v, range r, double from, double to)
{
    return from + (v - r.low) / (r.high - r.low) * (to - from);
}

static double at_x(double v, range r) { return place(v, r, LEFT, WIDTH - RIGHT); }
static double at_y(double v, range r, int height) { return place(v, r, height - BOTTOM, TOP); }

static void grid(page *p, range x, range y, int height)
{
    char text[32];
    const double dx = step_of(x), dy = step_of(y);
    for (double v = ceil(x.low / dx) * dx; v <= x.high; v += dx) {
        snprintf(text, sizeof text, "%.4g", fabs(v) < dx / 1e6 ? 0 : v);
        label(p, at_x(v, x), height - BOTTOM + 16, "middle", text);
    }
    for (double v = ceil(y.low / dy) * dy; v <= y.high; v += dy) {
        const bool zero = fabs(v) < dy / 1e6;
        snprintf(text, sizeof text, "%.4g", zero ? 0 : v);
        label(p, LEFT - 6, at_y(v, y, height) + 4, "end", text);
        fprintf(p->f, "<line class=\"grid%s\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>\n", zero ? " zero" : "", LEFT,
                WIDTH - RIGHT, at_y(v, y, height), at_y(v, y, height));
    }
}

/* ---- lines with bands ---- */

/* Runs without gaps: forth along the upper end, back along the lower one. */
static void draw_band(page *p, const chart_series *s, size_t which, const double *x, size_t n, range rx, range ry)
{
    for (size_t from = 0, to; from < n; from = to + 1) {
        for (to = from; to < n && isfinite(s->low[to]) && isfinite(s->high[to]); to++) { }
        if (to < from + 2)
            continue;
        fprintf(p->f, "<path class=\"band s%zu\" d=\"", which % 8);
        for (size_t i = from; i < to; i++)
            fprintf(p->f, "%c%.1f %.1f", i > from ? 'L' : 'M', at_x(x[i], rx), at_y(s->high[i], ry, HEIGHT));
        for (size_t i = to; i-- > from;)
            fprintf(p->f, "L%.1f %.1f", at_x(x[i], rx), at_y(s->low[i], ry, HEIGHT));
        fputs("Z\"/>\n", p->f);
    }
}

static void draw_curve(page *p, const chart_series *s, size_t which, const double *x, size_t n, range rx, range ry)
{
    bool drawing = false;
    fprintf(p->f, "<path class=\"curve s%zu%s\" d=\"", which % 8, which >= 8 ? " dash" : "");
    for (size_t i = 0; i < n; i++) {
        if (isfinite(s->y[i]))
            fprintf(p->f, "%c%.1f %.1f", drawing ? 'L' : 'M', at_x(x[i], rx), at_y(s->y[i], ry, HEIGHT));
        drawing = isfinite(s->y[i]);
    }
    fputs("\"/>\n", p->f);
    for (size_t i = 0; n <= 12 && i < n; i++)
        if (isfinite(s->y[i]))
            fprintf(p->f, "<circle class=\"dot s%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\"/>\n", which % 8, at_x(x[i], rx),
                    at_y(s->y[i], ry, HEIGHT));
}

static void legend(page *p, const chart_series *series, size_t n)
{
    fputs("<ul class=\"legend\">", p->f);
    for (size_t k = 0; k < n; k++) {
        fprintf(p->f, "<li><svg aria-hidden=\"true\" viewBox=\"0 0 26 10\"><path class=\"curve s%zu%s\" d=\"M0 5L26 5\"/></svg>",
                k % 8, k >= 8 ? " dash" : "");
        page_text(p, series[k].name);
        fputs("</li>", p->f);
    }
    fputs("</ul>\n", p->f);
}

static void begin_table(page *p, const char *corner)
{
    fputs("<details><summary>The numbers</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
          "aria-label=\"The numbers\"><table><thead><tr><th scope=\"col\">", p->f);
    page_text(p, corner);
    fputs("</th>", p->f);
}

static void lines_table(page *p, const chart *c, const double *x, size_t n, const chart_series *series, size_t n_series)
{
    begin_table(p, c->x_label);
    for (size_t k = 0; k < n_series; k++)
        page_element(p, "th scope=\"col\"", series[k].name);
    fputs("</tr></thead><tbody>\n", p->f);
    for (size_t i = 0; i < n; i++) {
        fprintf(p->f, "<tr><th scope=\"row\">%.6g</th>", x[i]);
        for (size_t k = 0; k < n_series; k++) {
            fputs("<td>", p->f);
            page_number(p, series[k].y[i]);
            if (series[k].low && isfinite(series[k].low[i]))
                fprintf(p->f, " [%.4g, %.4g]", series[k].low[i], series[k].high[i]);
            fputs("</td>", p->f);
        }
        fputs("</tr>\n", p->f);
    }
    fputs("</tbody></table></div></details>\n", p->f);
}

void chart_lines(page *p, const chart *c, const double *x, size_t n, const chart_series *series, size_t n_series)
{
    range rx = { INFINITY, -INFINITY }, ry = rx;
    const size_t shown = n_series < CHART_MOST_SERIES ? n_series : CHART_MOST_SERIES;
    for (size_t i = 0; i < n; i++) {
        extend(&rx, x[i]);
        for (size_t k = 0; k < shown; k++) {
            extend(&ry, series[k].y[i]);
            extend(&ry, series[k].low ? series[k].low[i] : NAN);
            extend(&ry, series[k].high ? series[k].high[i] : NAN);
        }
    }
    rx = widened(rx);
    ry = widened(ry);
    begin(p, c, WIDTH, HEIGHT);
    grid(p, rx, ry, HEIGHT);
    axis_labels(p, c, HEIGHT);
    for (size_t k = 0; k < shown; k++)
        if (series[k].low && series[k].high)
            draw_band(p, &series[k], k, x, n, rx, ry);
    for (size_t k = 0; k < shown; k++)
        draw_curve(p, &series[k], k, x, n, rx, ry);
    fputs("</svg>\n", p->f);
    legend(p, series, shown);
    lines_table(p, c, x, n, series, shown);
    if (shown < n_series)
        fprintf(p->f, "<p>The first %zu of %zu are drawn.</p>\n", shown, n_series);
    end(p, c);
}

/* ---- heat map ---- */

static void heat_cell(page *p, double v, double x, double y, double side, bool with_number)
{
    fprintf(p->f, "<rect class=\"%s\" fill-opacity=\"%.3f\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
            v < 0 ? "neg" : "pos", isfinite(v) ? fmin(fabs(v), 1) : 0, x, y, side, side);
    if (!with_number)
        return;
    char text[16] = "-";
    if (isfinite(v))
        snprintf(text, sizeof text, "%.2f", v);
    label(p, x + side / 2, y + side / 2 + 4, "middle", text);
}

static void heat_table(page *p, const char *const *names, const double *values, size_t n, size_t shown)
{
    begin_table(p, "");
    for (size_t k = 0; k < shown; k++)
        page_element(p, "th scope=\"col\"", names[k]);
    fputs("</tr></thead><tbody>\n", p->f);
    for (size_t i = 0; i < shown; i++) {
        fputs("<tr>", p->f);
        page_element(p, "th scope=\"row\"", names[i]);
        for (size_t k = 0; k < shown; k++) {
            fputs("<td>", p->f);
            page_number(p, values[i * n + k]);
            fputs("</td>", p->f);
        }
        fputs("</tr>\n", p->f);
    }
    fputs("</tbody></table></div></details>\n", p->f);
}

void chart_heat(page *p, const chart *c, const char *const *names, const double *values, size_t n)
{
    enum { NAMES = 90, SIDE = 340 };
    const size_t shown = n < CHART_MOST_CELLS ? n : CHART_MOST_CELLS;
    const double side = (double)SIDE / (double)(shown ? shown : 1);
    begin(p, c, WIDTH, SIDE + NAMES);
    for (size_t i = 0; i < shown; i++) {
        const double middle = (double)i * side + side / 2;
        label(p, NAMES - 6, middle + 4, "end", names[i]);
        fprintf(p->f, "<g transform=\"translate(%.1f %d) rotate(-35)\">", NAMES + middle + 4, SIDE + 14);
        label(p, 0, 0, "end", names[i]);
        fputs("</g>", p->f);
        for (size_t k = 0; k < shown; k++)
            heat_cell(p, values[i * n + k], NAMES + (double)k * side, (double)i * side, side, shown <= 10);
    }
    fputs("</svg>\n", p->f);
    heat_table(p, names, values, n, shown);
    if (shown < n)
        fprintf(p->f, "<p>The first %zu of %zu are drawn.</p>\n", shown, n);
    end(p, c);
}

/* ---- scatter ---- */

static void scatter_table(page *p, const chart *c, const char *const *names, const double *points, size_t n)
{
    begin_table(p, "");
    page_element(p, "th scope=\"col\"", c->x_label);
    page_element(p, "th scope=\"col\"", c->y_label);
    fputs("</tr></thead><tbody>\n", p->f);
    for (size_t i = 0; i < n; i++) {
        fputs("<tr>", p->f);
        page_element(p, "th scope=\"row\"", names[i]);
        for (size_t k = 0; k < 2; k++) {
            fputs("<td>", p->f);
            page_number(p, points[2 * i + k]);
            fputs("</td>", p->f);
        }
        fputs("</tr>\n", p->f);
    }
    fputs("</tbody></table></div></details>\n", p->f);
}

void chart_scatter(page *p, const chart *c, const char *const *names, const double *points, size_t n)
{
    enum { SQUARE = WIDTH - LEFT - RIGHT + TOP + BOTTOM };      /* as high as wide: one unit is one length */
    double most = 0;
    for (size_t i = 0; i < 2 * n; i++)
        most = isfinite(points[i]) ? fmax(most, fabs(points[i])) : most;
    const range r = widened((range){ -most, most });
    begin(p, c, WIDTH, SQUARE);
    grid(p, r, r, SQUARE);
    axis_labels(p, c, SQUARE);
    fprintf(p->f, "<line class=\"grid zero\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>\n", at_x(0, r), at_x(0, r), TOP,
            SQUARE - BOTTOM);
    for (size_t i = 0; i < n; i++) {
        const double x = at_x(points[2 * i], r), y = at_y(points[2 * i + 1], r, SQUARE);
        const bool right = x > WIDTH * 0.7;                     /* its name stands to the left, so that it stays inside */
        if (!isfinite(x) || !isfinite(y))
            continue;
        fprintf(p->f, "<circle class=\"dot s%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"/>\n", i % 8, x, y);
        label(p, x + (right ? -9 : 9), y + 4, right ? "end" : "start", names[i]);
    }
    fputs("</svg>\n", p->f);
    scatter_table(p, c, names, points, n);
    end(p, c);
}
