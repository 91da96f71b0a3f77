/* experiments/report_texts.c: a sweep's texts, a query after another, its steerings side by side, one strength at a time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/report.h"

enum { MOST_COLUMNS = 24, MOST_ALPHAS = 32 };

/* A steering, whatever its strength. */
typedef struct column { const char *emotion, *baseline, *variant; bool slides; } column;

typedef struct texts {
    const json_t *lines;
    const char **queries;               /* [n_query] */
    column columns[MOST_COLUMNS];
    double alphas[MOST_ALPHAS];         /* rising */
    size_t n_query, n_column, n_alpha, n_left_out;
    const json_t **at;                  /* [n_query, MOST_COLUMNS, MOST_ALPHAS]; NULL: none */
} texts;

static const char *text_of(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));
    return text ? text : "";
}

static double alpha_of(const json_t *line)
{
    return json_number_value(json_object_get(line, "alpha"));
}

static const char *query_of(const json_t *line)
{
    const char *query = text_of(line, "query");
    return *query ? query : text_of(line, "prompt");
}

/* Where each is, or its own number past the end where it is new. */
static size_t find_query(const texts *t, const json_t *line)
{
    size_t q = 0;
    while (q < t->n_query && strcmp(t->queries[q], query_of(line)) != 0)
        q++;
    return q;
}

static size_t find_column(const texts *t, const json_t *line)
{
    size_t c = 0;
    while (c < t->n_column && (strcmp(t->columns[c].emotion, text_of(line, "emotion")) != 0 ||
                               strcmp(t->columns[c].baseline, text_of(line, "baseline")) != 0 ||
                               strcmp(t->columns[c].variant, text_of(line, "variant")) != 0))
        c++;
    return c;
}

static size_t find_alpha(const texts *t, double alpha)
{
    size_t a = 0;
    while (a < t->n_alpha && t->alphas[a] != alpha)
        a++;
    return a;
}

/* Takes up what a line has that is new; false: there is no room for it, and it is left out. */
static bool take(texts *t, const json_t *line, size_t most)
{
    const size_t q = find_query(t, line), c = find_column(t, line), a = find_alpha(t, alpha_of(line));
    if (q >= most || c >= MOST_COLUMNS || a >= MOST_ALPHAS)
        return false;
    if (q == t->n_query)
        t->queries[t->n_query++] = query_of(line);
    if (c == t->n_column)
        t->columns[t->n_column++] = (column){ text_of(line, "emotion"), text_of(line, "baseline"), text_of(line, "variant"),
                                                  false };
    t->columns[c].slides = t->columns[c].slides || alpha_of(line) != 0;
    if (a == t->n_alpha)
        t->alphas[t->n_alpha++] = alpha_of(line);
    const json_t **cell = &t->at[(q * MOST_COLUMNS + c) * MOST_ALPHAS + a];
    if (*cell)                              /* a second sample: the first is shown */
        return false;
    *cell = line;
    return true;
}

/* Strengths of what slides, rising: order [*n] of indices into alphas. */
static size_t order_alphas(const texts *t, size_t *order)
{
    size_t n = 0;
    for (size_t a = 0; a < t->n_alpha; a++) {
        bool slides = false;
        for (size_t c = 0; c < t->n_column; c++)
            for (size_t q = 0; t->columns[c].slides && q < t->n_query; q++)
                slides = slides || t->at[(q * MOST_COLUMNS + c) * MOST_ALPHAS + a];
        size_t i = n;
        for (; slides && i > 0 && t->alphas[order[i - 1]] > t->alphas[a]; i--)
            order[i] = order[i - 1];
        if (slides) {
            order[i] = a;
            n++;
        }
    }
    return n;
}

static void slider(page *p, const texts *t, const size_t *order, size_t n, size_t number)
{
    if (n < 2)
        return;
    fprintf(p->f, "<div class=\"controls\" hidden><label for=\"alpha%zu\">Strength alpha: "
            "<output for=\"alpha%zu\"></output></label>"
            "<input type=\"range\" id=\"alpha%zu\" min=\"0\" max=\"%zu\" step=\"1\" value=\"%zu\" "
            "data-values=\"", number, number, number, n - 1, n / 2);
    for (size_t i = 0; i < n; i++)
        fprintf(p->f, "%s%.6g", i ? " " : "", t->alphas[order[i]]);
    fputs("\"></div>\n", p->f);
}

/* index: of the slider; n: it is always shown. */
static void answer(page *p, const json_t *line, double alpha, size_t index, size_t n)
{
    fputs("<div", p->f);
    if (index < n)
        fprintf(p->f, " data-a=\"%zu\"", index);
    fprintf(p->f, "><span class=\"tag\">alpha %.6g</span>", alpha);
    if (line) {
        fputs("<div class=\"answer\" dir=\"auto\">", p->f);
        page_bytes(p, text_of(line, "text"), json_string_length(json_object_get(line, "text")));
        fputs("</div>", p->f);
    } else {
        fputs("<div class=\"dim\">not run at this strength</div>", p->f);
    }
    fputs("</div>\n", p->f);
}

static void show_column(page *p, const texts *t, size_t q, size_t c, const size_t *order, size_t n)
{
    const column *k = &t->columns[c];
    const json_t **at = &t->at[(q * MOST_COLUMNS + c) * MOST_ALPHAS];
    fputs("<div><h4>", p->f);
    page_text(p, *k->emotion ? k->emotion : "unsteered");
    if (*k->baseline && strcmp(k->baseline, "none") != 0) {
        fputs(", ", p->f);
        page_text(p, k->baseline);
    }
    if (*k->variant) {
        fputs(", ", p->f);
        page_text(p, k->variant);
    }
    fputs("</h4>\n", p->f);
    for (size_t i = 0; k->slides && i < n; i++)
        answer(p, at[order[i]], t->alphas[order[i]], i, n > 1 ? n : 0);
    for (size_t a = 0; !k->slides && a < t->n_alpha; a++)
        if (at[a])
            answer(p, at[a], t->alphas[a], n, n);
    fputs("</div>\n", p->f);
}

static void show(page *p, const texts *t, const char *path)
{
    size_t order[MOST_ALPHAS];
    const size_t n = order_alphas(t, order);
    fputs("<section class=\"sweep\">\n", p->f);
    page_element(p, "h3", path);
    slider(p, t, order, n, ++p->n_figures);
    for (size_t q = 0; q < t->n_query; q++) {
        fputs("<section>\n", p->f);
        page_element(p, "h4 dir=\"auto\"", t->queries[q]);
        fputs("<div class=\"columns\">\n", p->f);
        for (size_t c = 0; c < t->n_column; c++)
            show_column(p, t, q, c, order, n);
        fputs("</div>\n</section>\n", p->f);
    }
    fprintf(p->f, "<p class=\"dim\">%zu queries; %zu of the file's %zu responses are not shown.</p>\n</section>\n", t->n_query,
            t->n_left_out, json_array_size(t->lines));
}

evoke_status report_texts(page *p, const report_file *file, size_t most, evoke_error *err)
{
    texts t = { .lines = file->json };
    size_t i;
    json_t *line;
    evoke_status st = allocate(&t.queries, most, sizeof *t.queries, err);
    if (st == EVOKE_OK)
        st = allocate(&t.at, most * MOST_COLUMNS * MOST_ALPHAS, sizeof *t.at, err);
    if (st == EVOKE_OK) {
        json_array_foreach(file->json, i, line)
            t.n_left_out += !take(&t, line, most);
        show(p, &t, file->path);
    }
    free(t.at);
    free(t.queries);
    return st;
}
