#include "experiments/responses.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/files.h"

/* A text field: absent or null gives `otherwise`. False: it is something else. */
static bool text_field(const json_t *item, const char *key, const char *otherwise, const char **text)
{
    const json_t *value = json_object_get(item, key);
    *text = json_is_string(value) ? json_string_value(value) : otherwise;
    return !value || json_is_null(value) || json_is_string(value);
}

static bool blank(const char *text)
{
    return !text[strspn(text, " \t\r\n")];
}

static evoke_status read_line(const json_t *item, const char *path, size_t number, response_line *r, evoke_error *err)
{
    const json_t *alpha = json_object_get(item, "alpha"), *raw = json_object_get(item, "raw");
    const char *query = NULL;
    *r = (response_line){ .nll = NAN, .distinct2 = NAN };
    if (!json_is_object(item))
        return fail(err, EVOKE_EFORMAT, "read responses: response %zu is no object (%s)", number, path);
    bool good = text_field(item, "emotion", "", &r->emotion) && text_field(item, "baseline", NULL, &r->baseline) &&
                text_field(item, "prompt", NULL, &r->prompt) && text_field(item, "query", NULL, &query) &&
                text_field(item, "text", NULL, &r->text) && text_field(item, "system", NULL, &r->system) &&
                text_field(item, "model", NULL, &r->model) && text_field(item, "stop", "", &r->stop);
    if (!good || !r->text)
        return fail(err, EVOKE_EFORMAT, "read responses: response %zu %s (%s)", number,
                    good ? "has no \"text\"" : "has a field that should be a text", path);
    if (alpha && !json_is_null(alpha) && !json_is_number(alpha))
        return fail(err, EVOKE_EFORMAT, "read responses: \"alpha\" of response %zu is no number (%s)", number, path);
    r->prompt = r->prompt ? r->prompt : query;
    r->alpha = json_number_value(alpha);
    r->baseline = r->baseline ? r->baseline : *r->emotion ? "" : "none";
    r->raw = json_is_true(raw);
    r->ids = json_object_get(item, "ids");
    r->left_out = blank(r->text);
    return EVOKE_OK;
}

evoke_status responses_read(const char *path, response_set *set, evoke_error *err)
{
    *set = (response_set){ .root = NULL };
    evoke_status st = json_read_lines(path, &set->root, err);
    if (st == EVOKE_OK && json_array_size(set->root) == 0)
        st = fail(err, EVOKE_EDATA, "read responses: there is none (%s)", path);
    if (st == EVOKE_OK)
        st = allocate(&set->lines, json_array_size(set->root), sizeof *set->lines, err);
    for (size_t i = 0; st == EVOKE_OK && i < json_array_size(set->root); i++) {
        st = read_line(json_array_get(set->root, i), path, i + 1, &set->lines[i], err);
        set->n = i + 1;
    }
    return st;
}

void responses_free(response_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        free(set->lines[i].words);
    free(set->lines);
    json_decref(set->root);
    *set = (response_set){ .root = NULL };
}

mean_interval interval_of_mean(const double *x, size_t n)
{
    double sum = 0, squares = 0;
    if (n == 0)
        return (mean_interval){ NAN, NAN, NAN };
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    const double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    const double half = n > 1 ? 1.96 * sqrt(squares / (double)(n - 1) / (double)n) : NAN;
    return (mean_interval){ mean, mean - half, mean + half };
}

mean_interval interval_of_share(size_t ones, size_t n)
{
    if (n == 0)
        return (mean_interval){ NAN, NAN, NAN };
    const double z = 1.96, k = (double)n, p = (double)ones / k;
    const double middle = (p + z * z / (2 * k)) / (1 + z * z / k);
    const double half = z / (1 + z * z / k) * sqrt(p * (1 - p) / k + z * z / (4 * k * k));
    return (mean_interval){ p, fmax(0, middle - half), fmin(1, middle + half) };
}
