/* theory/compare.c: Fisher directions against emotion vectors, over the layers and emotions of a store (evoke.h, 4). */
#include "theory/compare.h"

#include <stdlib.h>
#include <string.h>

#include "core/kernels/matmul.h"
#include "layers/vectors.h"
#include "theory/alignment.h"
#include "theory/fisher.h"
#include "theory/linear.h"
#include "theory/pairs.h"
#include "theory/separation.h"
#include "theory/shrinkage.h"

evoke_status evk_compared_new(size_t d, evk_compared *out, evoke_error *err)
{
    *out = (evk_compared){0};
    EVK_TRY(evk_alloc(&out->v, d, sizeof *out->v, "Fisher directions", err));
    return evk_alloc(&out->w, d, sizeof *out->w, "Fisher directions", err);
}

void evk_compared_free(evk_compared *c)
{
    evk_scatter_free(&c->sc);
    free(c->v);
    free(c->w);
    *c = (evk_compared){0};
}

static evoke_status separate(const evk_compared *c, evk_class one, evk_class zero, evoke_fisher_row *row, evoke_error *err)
{
    const evk_scatter *sc = &c->sc;
    evk_separation along_v, along_w;
    EVK_TRY(evk_fisher_ratio(sc, c->v, &row->fisher_ratio_ev, err));
    EVK_TRY(evk_fisher_ratio(sc, c->w, &row->fisher_ratio_w, err));
    EVK_TRY(evk_separate(one, zero, sc->mean0, c->v, sc->d, &along_v, err));
    EVK_TRY(evk_separate(one, zero, sc->mean0, c->w, sc->d, &along_w, err));
    row->dprime_ev = along_v.dprime;
    row->dprime_w = along_w.dprime;
    row->auc_ev = along_v.auc;
    row->auc_w = along_w.auc;
    return EVOKE_OK;
}

static evoke_status fit(const evk_samples *s, size_t i, size_t e, double choice, evk_class one, evk_class zero,
                        evk_compared *c, evoke_fisher_row *row, evoke_error *err)
{
    evk_alignment alignment;
    EVK_TRY(evk_scatter_fit(one, zero, s->info->d_model, EVK_GRAM_SMALLER, &c->sc, err));
    row->shrinkage = evk_shrinkage(&c->sc, choice);
    if (s->options->vectors)
        EVK_TRY(evk_samples_vector(s, i, e, c->v, err));
    else
        memcpy(c->v, c->sc.ev, c->sc.d * sizeof *c->v);
    EVK_TRY(evk_fisher_direction(&c->sc, row->shrinkage, c->w, err));
    EVK_TRY(evk_align(&c->sc, row->shrinkage, c->v, c->w, &alignment, err));
    row->cosine = alignment.cosine;
    row->whitened_cosine = alignment.whitened_cosine;
    row->efficiency = alignment.efficiency;
    return separate(c, one, zero, row, err);
}

evoke_status evk_compare_vector(const evk_samples *s, size_t i, size_t e, double choice, evk_compared *c, evoke_fisher_row *row,
                         evoke_error *err)
{
    const size_t n = s->starts[e + 1] - s->starts[e];
    const evk_class one = { s->rows1 + s->starts[e], n }, zero = { s->rows0 + s->starts[e], n };
    evk_scatter_free(&c->sc);
    *row = (evoke_fisher_row){ .layer = evk_samples_layer(s, i), .emotion = e, .n = n };
    return fit(s, i, e, choice, one, zero, c, row, err);
}

/* c->w to float32, at v's length unless it is to be kept as it is. */
evoke_status evk_compared_put(const evk_samples *s, const evk_compared *c, const double *w, float *out, evoke_error *err)
{
    const size_t d = s->info->d_model;
    const double length = evk_length(w, d);
    if (!(length > 0))
        return EVOKE_OK;
    return evk_put_direction(w, d, s->options->raw ? 1 : evk_length(c->v, d) / length, out, err);
}

evoke_status evk_name_place(const evk_samples *s, size_t i, size_t e, evoke_status st, const evoke_error *why,
                            evoke_error *err)
{
    return st == EVOKE_OK ? st : evk_fail(err, st, "%s (emotion '%s', layer %d)", why->text,
                                          evoke_store_emotion(s->store, e), evk_samples_layer(s, i));
}

/* ---- all of them ---- */

evoke_status evk_compare_choose(const evk_samples *s, size_t e, double *choice, evoke_error *err)
{
    const size_t n = s->starts[e + 1] - s->starts[e];
    double *count = NULL, unused = 0;
    evk_pairs pairs = {0};
    if (s->options->shrinkage != EVOKE_SHRINK_CV)
        return EVOKE_OK;
    evoke_status st = evk_alloc(&count, n, sizeof *count, "Fisher directions", err);
    for (size_t q = 0; q < n && st == EVOKE_OK; q++)
        count[q] = 1;
    if (st == EVOKE_OK)
        st = evk_pairs_new(s->rows1 + s->starts[e], s->rows0 + s->starts[e], n, s->info->d_model, 1, &pairs, err);
    if (st == EVOKE_OK)
        st = evk_pairs_shrinkage(&pairs, count, EVOKE_SHRINK_CV, EVK_FOLDS, choice, &unused, err);
    evk_pairs_free(&pairs);
    free(count);
    return st;
}

static evoke_status run_emotion(const evk_samples *s, size_t i, size_t e, evk_compared *c, evoke_fisher_row *row,
                                float *direction, evoke_error *err)
{
    evoke_error why = {0};
    double choice = s->options->shrinkage;
    evoke_status st = evk_compare_choose(s, e, &choice, &why);
    if (st == EVOKE_OK)
        st = evk_compare_vector(s, i, e, choice, c, row, &why);
    if (st == EVOKE_OK)
        st = evk_compared_put(s, c, c->w, direction, &why);
    return evk_name_place(s, i, e, st, &why, err);
}

static evoke_status run_layers(evk_samples *s, evk_compared *c, const evoke_progress *progress, evoke_fisher_result *out,
                               evoke_error *err)
{
    const size_t n_emotion = s->info->n_emotion;
    for (size_t i = 0; i < s->n_layer; i++) {
        EVK_TRY(evk_samples_read(s, i, err));
        for (size_t e = 0; e < n_emotion; e++) {
            float *directions = evk_vectors_ev(out->directions, 0, e);
            EVK_TRY(run_emotion(s, i, e, c, &out->rows[out->n_rows], directions + i * s->info->d_model, err));
            out->n_rows++;
            EVK_TRY(evk_report(progress, "Fisher directions", out->n_rows, s->n_layer * n_emotion, err));
        }
    }
    return EVOKE_OK;
}

evoke_status evk_fisher_result_new(const evk_samples *s, evoke_fisher_result *out, evoke_error *err)
{
    size_t n_rows = 0;
    if (!evk_mul(s->n_layer, s->info->n_emotion, &n_rows))
        return evk_fail(err, EVOKE_ENOMEM, "Fisher directions: too many layers and emotions");
    EVK_TRY(evk_alloc(&out->rows, n_rows, sizeof *out->rows, "Fisher directions", err));
    return evk_samples_directions(s, "fisher", NULL, s->info->n_emotion, &out->directions, err);
}

evoke_status evoke_fisher(evoke_store *store, const evoke_fisher_options *options, const evoke_progress *progress,
                          evoke_fisher_result *out, evoke_error *err)
{
    evk_samples s = {0};
    evk_compared c = {0};
    *out = (evoke_fisher_result){0};
    evoke_status st = evk_blas_check(err);
    if (st == EVOKE_OK)
        st = evk_samples_open(store, options, &s, err);
    if (st == EVOKE_OK)
        st = evk_compared_new(s.info->d_model, &c, err);
    if (st == EVOKE_OK)
        st = evk_fisher_result_new(&s, out, err);
    if (st == EVOKE_OK)
        st = run_layers(&s, &c, progress, out, err);
    if (st == EVOKE_OK)
        evk_vectors_set_base(out->directions);
    else
        evoke_fisher_result_free(out);
    evk_compared_free(&c);
    evk_samples_close(&s);
    return st;
}

void evoke_fisher_result_free(evoke_fisher_result *r)
{
    if (!r)
        return;
    free(r->rows);
    evoke_vectors_free(r->directions);
    *r = (evoke_fisher_result){0};
}
