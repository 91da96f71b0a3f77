/* experiments/report_figures.c: what a theory file says layer by layer, and a claims file strength by strength. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/chart.h"
#include "experiments/report.h"

/* A figure over emotions and one other axis, in either order; its interval has the two ends last. */
typedef struct drawing { const char *figure; char axis; chart chart; } drawing;

static bool has_axes(const evoke_figure *f, char axis, bool interval)
{
    const size_t n = interval ? 3 : 2;
    return f && f->n_dim == n && (!interval || f->axes[2] == 'I') &&
           ((f->axes[0] == 'E' && f->axes[1] == axis) || (f->axes[0] == axis && f->axes[1] == 'E'));
}

/* values [E, X]; of an interval, its end. */
static void by_emotion(const evoke_figure *f, size_t n_emotion, size_t n, bool interval, size_t end, double *values)
{
    for (size_t e = 0; e < n_emotion; e++)
        for (size_t i = 0; i < n; i++) {
            const size_t cell = f->axes[0] == 'E' ? e * n + i : i * n_emotion + e;
            values[e * n + i] = f->values[interval ? 2 * cell + end : cell];
        }
}

static void draw(page *p, const evoke_figures *fs, const drawing *d, const double *x, double *room, chart_series *series)
{
    char name[96];
    const size_t n_emotion = evoke_figures_size(fs, 'E'), n = evoke_figures_size(fs, d->axis), all = n_emotion * n;
    const evoke_figure *f = evoke_figures_find(fs, d->figure);
    snprintf(name, sizeof name, "%s_interval", d->figure);
    const evoke_figure *interval = evoke_figures_find(fs, name);
    const bool banded = has_axes(interval, d->axis, true);
    if (!has_axes(f, d->axis, false))
        return;
    by_emotion(f, n_emotion, n, false, 0, room);
    size_t n_known = 0;
    for (size_t i = 0; i < all; i++)
        n_known += isfinite(room[i]) != 0;
    if (n_known == 0)                               /* nothing was measured: no encoder, no judge */
        return;
    for (size_t end = 0; banded && end < 2; end++)
        by_emotion(interval, n_emotion, n, true, end, room + (1 + end) * all);
    for (size_t e = 0; e < n_emotion; e++)
        series[e] = (chart_series){ evoke_figures_name(fs, 'E', e), room + e * n, banded ? room + all + e * n : NULL,
                                    banded ? room + 2 * all + e * n : NULL };
    chart_lines(p, &d->chart, x, n, series, n_emotion);
}

static evoke_status draw_all(page *p, const evoke_figures *fs, const drawing *list, size_t n_list, const double *x, size_t n,
                             evoke_error *err)
{
    const size_t n_emotion = evoke_figures_size(fs, 'E');
    double *room = NULL;
    chart_series *series = NULL;
    evoke_status st = allocate(&room, 3 * n_emotion * n, sizeof *room, err);
    if (st == EVOKE_OK)
        st = allocate(&series, n_emotion, sizeof *series, err);
    fputs("<div class=\"figures\">\n", p->f);
    for (size_t i = 0; st == EVOKE_OK && i < n_list; i++)
        draw(p, fs, &list[i], x, room, series);
    fputs("</div>\n", p->f);
    free(series);
    free(room);
    return st;
}

evoke_status report_theory(page *p, const report_file *file, evoke_error *err)
{
    static const drawing list[] = {
        { "efficiency", 'L', { "Fisher efficiency by layer", "Share of the best linear separation of the two settings that the "
          "emotion vector reaches: 1, it is the best direction. Bands: 95 %.", "layer", "efficiency" } },
        { "cosine", 'L', { "Cosine to the Fisher direction by layer",
          "Between the emotion vector and Fisher's direction. Bands: 95 %.",
          "layer", "cosine" } },
        { "held_out_auc_ev", 'L', { "AUC along the vector by layer",
          "Chance that an emotional row scores above a neutral one along the "
          "emotion vector, on queries held out. 0.5: none told apart. Bands: 95 %.", "layer", "AUC, held out" } },
        { "held_out_auc_w", 'L', { "AUC along the Fisher direction by layer",
          "The same along Fisher's direction, on queries held out. "
          "Bands: 95 %.", "layer", "AUC, held out" } },
    };
    double *x = NULL;
    const size_t n = evoke_figures_size(file->figures, 'L');
    evoke_status st = allocate(&x, n, sizeof *x, err);
    for (size_t l = 0; st == EVOKE_OK && l < n; l++)
        x[l] = evoke_figures_layer(file->figures, l);
    page_element(p, "h3", file->path);
    if (st == EVOKE_OK)
        st = draw_all(p, file->figures, list, sizeof list / sizeof *list, x, n, err);
    free(x);
    return st;
}

/* A row an emotion: figures of the claims that are one number each, with their intervals. */
static void claims_table(page *p, const evoke_figures *fs)
{
    static const struct { const char *figure, *shown; } columns[] = {
        { "gain/slope", "slope" }, { "gain/spearman", "rank correlation" }, { "gain/monotone_share", "share that rises" },
        { "gain/peak_alpha", "peak alpha" }, { "gain/saturation_alpha", "saturates at" },
        { "gain/judge_spearman", "rank correlation, judge" },
    };
    fputs("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"The claims by emotion\"><table><thead><tr>"
          "<th scope=\"col\">emotion</th>", p->f);
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
        page_element(p, "th scope=\"col\"", columns[c].shown);
    fputs("</tr></thead><tbody>\n", p->f);
    for (size_t e = 0; e < evoke_figures_size(fs, 'E'); e++) {
        fputs("<tr>", p->f);
        page_element(p, "th scope=\"row\"", evoke_figures_name(fs, 'E', e));
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
            char name[96];
            snprintf(name, sizeof name, "%s_interval", columns[c].figure);
            const evoke_figure *f = evoke_figures_find(fs, columns[c].figure), *i = evoke_figures_find(fs, name);
            fputs("<td>", p->f);
            page_number(p, f && strcmp(f->axes, "E") == 0 ? f->values[e] : NAN);
            if (i && strcmp(i->axes, "EI") == 0 && isfinite(i->values[2 * e]))
                fprintf(p->f, " [%.4g, %.4g]", i->values[2 * e], i->values[2 * e + 1]);
            fputs("</td>", p->f);
        }
        fputs("</tr>\n", p->f);
    }
    fputs("</tbody></table></div>\n", p->f);
}

evoke_status report_claims(page *p, const report_file *file, evoke_error *err)
{
    static const drawing list[] = {
        { "gain/score", 'A', { "Dose and response",
          "Score of held-out queries by the strength of their emotion's vector: 0 neutral, 1 as "
          "when the model is asked for the emotion. Bands: 95 %.", "alpha", "score" } },
        { "gain/random_score", 'A', { "Dose and response of random directions",
          "The same for random directions of the vectors' length: "
          "the control. Bands: 95 %.", "alpha", "score" } },
        { "gain/judge", 'A', { "Dose and response, by a judge",
          "Log odds of the emotion in steered responses, by a chat model. Bands: 95 %.",
          "alpha", "log odds" } },
        { "preservation/kl", 'A', { "Divergence by strength",
          "How far the next-token distribution moves from the unsteered model's, in "
          "nats a token. Bands: 95 %.", "alpha", "KL, nats" } },
        { "preservation/similarity", 'A', { "Similarity to the unsteered response",
          "Cosine between sentence embeddings of the steered and "
          "the unsteered response. Bands: 95 %.", "alpha", "cosine" } },
    };
    const evoke_figure *alphas = evoke_figures_find(file->figures, "alphas");
    page_element(p, "h3", file->path);
    if (!alphas || strcmp(alphas->axes, "A") != 0)
        return fail(err, EVOKE_EFORMAT, "report: the claims name no alphas (%s)", file->path);
    const evoke_status st = draw_all(p, file->figures, list, sizeof list / sizeof *list, alphas->values, alphas->dims[0], err);
    if (st == EVOKE_OK)
        claims_table(p, file->figures);
    return st;
}
