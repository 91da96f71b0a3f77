#include "experiments/norms.h"

#include <math.h>
#include <stdio.h>

#include "experiments/command.h"

static double dot(const float *a, const float *b, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += (double)a[j] * (double)b[j];
    return sum;
}

double vector_norm(const float *x, size_t d)
{
    return sqrt(dot(x, x, d));
}

double vector_cosine(const float *a, const float *b, size_t d)
{
    const double size = vector_norm(a, d) * vector_norm(b, d);
    return size > 0 ? dot(a, b, d) / size : NAN;
}

double mean_cosine(const float *a, const float *b, size_t n_layer, size_t d)
{
    double sum = 0;
    size_t n = 0;
    for (size_t l = 0; l < n_layer; l++) {
        const double c = vector_cosine(a + l * d, b + l * d, d);
        if (isfinite(c)) {
            sum += c;
            n++;
        }
    }
    return n ? sum / (double)n : NAN;
}

double base_share(const float *ev, const float *base, size_t n_layer, size_t d)
{
    double sum = 0;
    size_t n = 0;
    for (size_t l = 0; l < n_layer; l++) {
        const double c = vector_cosine(ev + l * d, base + l * d, d);
        if (isfinite(c)) {
            sum += c * c;
            n++;
        }
    }
    return n ? sum / (double)n : NAN;
}

static void print_row(const evoke_vectors *v, evoke_site site, size_t l, size_t n_column)
{
    const evoke_vectors_info *i = evoke_vectors_describe(v);
    const float *residual = evoke_vectors_residual_norm(v, site);
    printf("%5d", (int)evoke_vectors_layer(v, l));
    for (size_t e = 0; e < n_column; e++)
        printf(" %9.4g", vector_norm(evoke_vectors_get(v, site, e) + l * i->d_model, i->d_model));
    printf(" %9.4g", vector_norm(evoke_vectors_get(v, site, i->n_emotion) + l * i->d_model, i->d_model));
    if (residual && isfinite(residual[l]))
        printf(" %9.4g\n", (double)residual[l]);
    else
        printf(" %9s\n", "-");
}

void print_norms(const evoke_vectors *v, evoke_site site, size_t most)
{
    const evoke_vectors_info *i = evoke_vectors_describe(v);
    const size_t n_column = i->n_emotion < 7 ? i->n_emotion : 7;
    if (!evoke_vectors_get(v, site, 0) || !evoke_vectors_get(v, site, i->n_emotion))
        return;
    printf("%s, norms\n%5s", evoke_site_name(site), "layer");
    for (size_t e = 0; e < n_column; e++)
        printf(" %9.9s", evoke_vectors_emotion(v, e));
    printf(" %9s %9s\n", "EVbase", "residual");
    const size_t n = i->n_layer <= most ? i->n_layer : most;
    for (size_t k = 0; k < n; k++)
        print_row(v, site, n < 2 ? 0 : k * (i->n_layer - 1) / (n - 1), n_column);
    if (n_column < i->n_emotion)
        printf("(%zu of %zu emotions; --json has all)\n", n_column, i->n_emotion);
}

evoke_status warn_of_sink(evoke_store *s, evoke_site site, evoke_span span, evoke_error *err)
{
    double ratio = 0;
    int32_t layer = 0;
    const evoke_status st = evoke_store_sink(s, site, span, &ratio, &layer, err);
    if (st == EVOKE_OK && ratio > 10)
        say("warning: in span %s one position's norm is %.1f times the median (%s, layer %d): %s", evoke_span_name(span),
            ratio, evoke_site_name(site), (int)layer, span == EVOKE_SPAN_PROMPT_ALL
            ? "an attention sink rules its mean; span prompt leaves the first position out"
            : "its mean leans on that position");
    return st;
}
