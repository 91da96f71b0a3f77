/* theory/two_stores.c: two stores of the same queries. The activations differ by the model alone, so do the EVs made of them:
 *
 *     cosine         ev_a . ev_b / (|ev_a| |ev_b|)         the arrow
 *     norm ratio     |ev_b| / |ev_a|                       its length
 *     Fisher change  J_b(ev_b) / J_a(ev_a)                 how well each tells its own settings apart (alignment.h), not shrunk
 *
 * ev and J are in double from the stored floats, J over the complete queries of an emotion as in evoke_fisher. */
#include <stdlib.h>
#include <string.h>

#include "layers/store.h"
#include "layers/store_same.h"
#include "theory/alignment.h"
#include "theory/compare.h"
#include "theory/linear.h"

typedef struct side {                   /* one of the two stores, at a site */
    evoke_fisher_options options;
    evk_samples samples;
    evk_scatter sc;
} side;

static evoke_status open_side(side *s, evoke_store *store, evoke_site site, evoke_span span, evoke_error *err)
{
    *s = (side){ .options = { .site = site, .span = span, .last_layer = -1 } };
    return evk_samples_open(store, &s->options, &s->samples, err);
}

static void close_side(side *s)
{
    evk_samples_close(&s->samples);
    evk_scatter_free(&s->sc);
}

/* The emotion and the layer of that name and number: in both stores, in any order. */
static evoke_status fit(side *s, const char *emotion, double *fisher, evoke_error *err)
{
    const evk_samples *of = &s->samples;
    size_t e = 0;
    while (strcmp(evoke_store_emotion(of->store, e), emotion) != 0)
        e++;
    const size_t first = of->starts[e], n = of->starts[e + 1] - first;
    evk_scatter_free(&s->sc);
    EVK_TRY(evk_scatter_fit((evk_class){ of->rows1 + first, n }, (evk_class){ of->rows0 + first, n }, of->info->d_model,
                            EVK_GRAM_SMALLER, &s->sc, err));
    return evk_fisher_ratio(&s->sc, s->sc.ev, fisher, err);
}

static evoke_status compare_emotion(side *a, side *b, evoke_comparison_row *row, evoke_error *err)
{
    const char *emotion = evoke_store_emotion(a->samples.store, row->emotion);
    const size_t d = a->samples.info->d_model;
    EVK_TRY(fit(a, emotion, &row->fisher_a, err));
    EVK_TRY(fit(b, emotion, &row->fisher_b, err));
    row->n = a->sc.n1;
    row->norm_a = evk_length(a->sc.ev, d);
    row->norm_b = evk_length(b->sc.ev, d);
    row->norm_ratio = row->norm_b / row->norm_a;
    row->cosine = evk_dot(a->sc.ev, b->sc.ev, d) / (row->norm_a * row->norm_b);
    row->fisher_change = row->fisher_b / row->fisher_a;
    return EVOKE_OK;
}

static evoke_status compare_layers(side *a, side *b, evoke_site site, const evoke_progress *progress, size_t n_rows,
                                   evoke_comparison *out, evoke_error *err)
{
    for (size_t i = 0; i < a->samples.n_layer; i++) {
        EVK_TRY(evk_samples_read(&a->samples, i, err));
        EVK_TRY(evk_samples_read(&b->samples, evk_store_find_layer(b->samples.store, evk_samples_layer(&a->samples, i)), err));
        for (size_t e = 0; e < a->samples.info->n_emotion; e++) {
            evoke_comparison_row *row = &out->rows[out->n_rows++];
            evoke_error why = { 0 };
            *row = (evoke_comparison_row){ .site = site, .layer = evk_samples_layer(&a->samples, i), .emotion = e };
            EVK_TRY(evk_name_place(&a->samples, i, e, compare_emotion(a, b, row, &why), &why, err));
        }
        EVK_TRY(evk_report(progress, "compare stores", out->n_rows, n_rows, err));
    }
    return EVOKE_OK;
}

static evoke_status compare_sites(evoke_store *a, evoke_store *b, evoke_span span, const evoke_progress *progress,
                                  evoke_comparison *out, evoke_error *err)
{
    const evoke_store_info *info = evoke_store_describe(a);
    size_t n_site = 0, n_rows = 0;
    for (size_t i = 0; i < info->n_site; i++)
        n_site += evoke_store_has(a, evoke_store_site(a, i), span);
    if (!evk_mul(info->n_layer, info->n_emotion, &n_rows) || !evk_mul(n_rows, n_site, &n_rows))
        return evk_fail(err, EVOKE_ENOMEM, "compare stores: too many layers and emotions");
    if (n_site == 0)
        return evk_fail(err, EVOKE_EDATA, "compare stores: no span %s (%s)", evoke_span_name(span), evk_store_path(a));
    EVK_TRY(evk_alloc(&out->rows, n_rows, sizeof *out->rows, "compare stores", err));
    for (size_t i = 0; i < info->n_site; i++) {
        const evoke_site site = evoke_store_site(a, i);
        side of_a = { 0 }, of_b = { 0 };
        if (!evoke_store_has(a, site, span))
            continue;
        evoke_status st = open_side(&of_a, a, site, span, err);
        if (st == EVOKE_OK)
            st = open_side(&of_b, b, site, span, err);
        if (st == EVOKE_OK)
            st = compare_layers(&of_a, &of_b, site, progress, n_rows, out, err);
        close_side(&of_a);
        close_side(&of_b);
        EVK_TRY(st);
    }
    return EVOKE_OK;
}

evoke_status evoke_compare_stores(evoke_store *a, evoke_store *b, const evoke_span *span, const evoke_progress *progress,
                                  evoke_comparison *out, evoke_error *err)
{
    evoke_span of = span ? *span : EVOKE_SPAN_QUERY;
    *out = (evoke_comparison){ 0 };
    EVK_TRY(evk_store_same(a, b, &out->same_prompts, err));
    if (!span)
        EVK_TRY(evk_store_default_span(a, EVOKE_N_SITE, &of, err));
    const evoke_status st = compare_sites(a, b, of, progress, out, err);
    if (st != EVOKE_OK)
        evoke_comparison_free(out);
    return st;
}

void evoke_comparison_free(evoke_comparison *c)
{
    if (!c)
        return;
    free(c->rows);
    *c = (evoke_comparison){ 0 };
}
