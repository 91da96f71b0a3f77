/* theory/two_vectors.c: two vectors files, held against each other as two_stores.c does with stores, but for the scatter, which
 * vectors do not have. Emotions are found by name and layers by number, as other tools' files have them in another order. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/vector_norm.h"
#include "layers/vectors.h"

static evoke_status same_counts(const evoke_vectors_info *a, const evoke_vectors_info *b, evoke_error *err)
{
    const struct { const char *what; size_t a, b; } counts[] = {
        { "dimensions", a->d_model, b->d_model }, { "emotions", a->n_emotion, b->n_emotion },
        { "layers", a->n_layer, b->n_layer },     { "sites", a->n_site, b->n_site },
    };
    const struct { const char *what, *a, *b; } names[] = { { "method", a->method, b->method }, { "span", a->span, b->span } };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i].a != counts[i].b)
            return evk_fail(err, EVOKE_EDATA, "compare vectors: the first have %zu %s, the second %zu", counts[i].a,
                            counts[i].what, counts[i].b);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (*names[i].a && *names[i].b && strcmp(names[i].a, names[i].b) != 0)
            return evk_fail(err, EVOKE_EDATA, "compare vectors: the first are of %s %.40s, the second of %.40s", names[i].what,
                            names[i].a, names[i].b);
    return EVOKE_OK;
}

static evoke_status same_axes(const evoke_vectors *a, const evoke_vectors *b, evoke_error *err)
{
    const evoke_vectors_info *info = evoke_vectors_describe(a);
    for (size_t e = 0; e < info->n_emotion; e++) {
        const size_t other = evk_vectors_find(b, evoke_vectors_emotion(a, e)), n = evoke_vectors_count(a, e);
        if (other == info->n_emotion)
            return evk_fail(err, EVOKE_EDATA, "compare vectors: the second have no emotion '%.80s'", evoke_vectors_emotion(a, e));
        if (n && evoke_vectors_count(b, other) && n != evoke_vectors_count(b, other))
            return evk_fail(err, EVOKE_EDATA, "compare vectors: '%.80s' is of %zu queries in the first, of %zu in the second",
                            evoke_vectors_emotion(a, e), n, evoke_vectors_count(b, other));
    }
    for (size_t i = 0; i < info->n_site; i++)
        if (!evoke_vectors_get(b, evoke_vectors_site(a, i), 0))
            return evk_fail(err, EVOKE_EDATA, "compare vectors: the second have no site %s",
                            evoke_site_name(evoke_vectors_site(a, i)));
    for (size_t l = 0; l < info->n_layer; l++)
        if (evk_vectors_find_layer(b, evoke_vectors_layer(a, l)) == info->n_layer)
            return evk_fail(err, EVOKE_EDATA, "compare vectors: the second have no layer %d", (int)evoke_vectors_layer(a, l));
    return EVOKE_OK;
}

static evoke_comparison_row compare_row(const evoke_vectors *a, const evoke_vectors *b, evoke_site site, size_t l, size_t e)
{
    const size_t d = evoke_vectors_describe(a)->d_model;
    const float *x = evoke_vectors_get(a, site, e) + l * d;
    const float *y = evoke_vectors_get(b, site, evk_vectors_find(b, evoke_vectors_emotion(a, e)))
                   + evk_vectors_find_layer(b, evoke_vectors_layer(a, l)) * d;
    return (evoke_comparison_row){
        .site = site, .layer = evoke_vectors_layer(a, l), .emotion = e, .n = evoke_vectors_count(a, e),
        .cosine = evk_cosine(x, y, d), .norm_a = evk_norm(x, d), .norm_b = evk_norm(y, d),
        .norm_ratio = evk_norm(y, d) / evk_norm(x, d), .fisher_a = NAN, .fisher_b = NAN, .fisher_change = NAN,
    };
}

evoke_status evoke_compare_vectors(const evoke_vectors *a, const evoke_vectors *b, evoke_comparison *out, evoke_error *err)
{
    const evoke_vectors_info *info = evoke_vectors_describe(a);
    size_t n_rows = 0;
    *out = (evoke_comparison){ .same_prompts = true };
    EVK_TRY(same_counts(info, evoke_vectors_describe(b), err));
    EVK_TRY(same_axes(a, b, err));
    if (!evk_mul(info->n_layer, info->n_emotion, &n_rows) || !evk_mul(n_rows, info->n_site, &n_rows))
        return evk_fail(err, EVOKE_ENOMEM, "compare vectors: too many layers and emotions");
    EVK_TRY(evk_alloc(&out->rows, n_rows, sizeof *out->rows, "compare vectors", err));
    for (size_t i = 0; i < info->n_site; i++)
        for (size_t l = 0; l < info->n_layer; l++)
            for (size_t e = 0; e < info->n_emotion; e++)
                out->rows[out->n_rows++] = compare_row(a, b, evoke_vectors_site(a, i), l, e);
    return EVOKE_OK;
}
