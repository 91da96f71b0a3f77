/* emotion/probe.c: a linear probe on sentence embeddings: multinomial logistic regression.
 *
 *     p(k | x) = exp(w_k . x + b_k) / sum_j exp(w_j . x + b_j)
 *
 * Trained elsewhere (experiments/train_probe.py); a JSON file:
 *     {"format": "evoke-probe", "model": name, "labels": [K names], "bias": [K], "weights": [[D] x K]} */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"

enum { MOST_LABELS = 1000, MOST_WIDTH = 1 << 16 };

struct evoke_probe {
    json_t *file;               /* keeps the names */
    size_t n_label, width;
    double *weights, *bias;     /* [K, D], [K] */
};

/* n finite numbers of an array. */
static bool numbers(const json_t *array, double *out, size_t n)
{
    bool ok = json_array_size(array) == n;
    for (size_t i = 0; ok && i < n; i++) {
        const json_t *x = json_array_get(array, i);
        out[i] = json_number_value(x);
        ok = json_is_number(x) && isfinite(out[i]);
    }
    return ok;
}

static evoke_status read_probe(evoke_probe *p, const char *path, evoke_error *err)
{
    const json_t *labels = json_object_get(p->file, "labels"), *weights = json_object_get(p->file, "weights");
    const char *format = json_string_value(json_object_get(p->file, "format"));
    p->n_label = json_array_size(labels);
    p->width = json_array_size(json_array_get(weights, 0));
    if (!format || strcmp(format, "evoke-probe") != 0 || p->n_label < 2 || p->n_label > MOST_LABELS || p->width == 0 ||
        p->width > MOST_WIDTH || json_array_size(weights) != p->n_label)
        return evk_fail(err, EVOKE_EFORMAT, "read probe: not a probe with labels and their weights (%s)", path);
    EVK_TRY(evk_alloc(&p->weights, p->n_label, p->width * sizeof *p->weights, "read probe", err));
    EVK_TRY(evk_alloc(&p->bias, p->n_label, sizeof *p->bias, "read probe", err));
    bool ok = numbers(json_object_get(p->file, "bias"), p->bias, p->n_label);
    for (size_t k = 0; ok && k < p->n_label; k++)
        ok = json_is_string(json_array_get(labels, k)) &&
             numbers(json_array_get(weights, k), p->weights + k * p->width, p->width);
    return ok ? EVOKE_OK : evk_fail(err, EVOKE_EFORMAT, "read probe: a label is no name, or a weight no number (%s)", path);
}

evoke_status evoke_probe_open(const char *path, evoke_probe **out, evoke_error *err)
{
    evoke_probe *p = NULL;
    *out = NULL;
    EVK_TRY(evk_alloc(&p, 1, sizeof *p, "read probe", err));
    evoke_status st = evk_json_load(path, &p->file, err);
    if (st == EVOKE_OK)
        st = read_probe(p, path, err);
    if (st == EVOKE_OK)
        *out = p;
    else
        evoke_probe_free(p);
    return st;
}

void evoke_probe_free(evoke_probe *p)
{
    if (!p)
        return;
    json_decref(p->file);
    free(p->weights);
    free(p->bias);
    free(p);
}

size_t evoke_probe_width(const evoke_probe *p)
{
    return p->width;
}

const char *evoke_probe_label(const evoke_probe *p, size_t k)
{
    return json_string_value(json_array_get(json_object_get(p->file, "labels"), k));
}

void evoke_probe_read(const evoke_probe *p, const float *vectors, size_t n, double *scores)
{
    for (size_t i = 0; i < n; i++) {
        double *out = scores + i * p->n_label, most = -HUGE_VAL, sum = 0;
        for (size_t k = 0; k < p->n_label; k++) {
            out[k] = p->bias[k];
            for (size_t j = 0; j < p->width; j++)
                out[k] += p->weights[k * p->width + j] * (double)vectors[i * p->width + j];
            most = fmax(most, out[k]);
        }
        for (size_t k = 0; k < p->n_label; k++)
            sum += out[k] = exp(out[k] - most);
        for (size_t k = 0; k < p->n_label; k++)
            out[k] /= sum;
    }
}
