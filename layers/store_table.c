/* layers/store_table.c: span means for programs that read no HDF5: NumPy's .npy, and text. */
#include <stdlib.h>
#include <string.h>

#include "core/files/whole_file.h"
#include "core/text.h"
#include "layers/store_choice.h"
#include "layers/vector_files/npy.h"

/* ---- one prompt after the other ---- */

/* Texts as RFC 4180 has them. */
static evoke_status put_text(evk_buffer *out, const char *text, evoke_error *err)
{
    if (!text[strcspn(text, ",\"\r\n")])
        return evk_buffer_format(out, err, "%s", text);
    EVK_TRY(evk_buffer_add(out, "\"", 1, err));
    for (; *text; text++)
        EVK_TRY(evk_buffer_add(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1, err));
    return evk_buffer_add(out, "\"", 1, err);
}

static evoke_status csv_begin(const evk_selection *q, evk_buffer *out, evoke_error *err)
{
    EVK_TRY(evk_buffer_format(out, err, "id,emotion,setting,layer"));
    for (size_t j = 0; j < q->s->info.d_model; j++)
        EVK_TRY(evk_buffer_format(out, err, ",x%zu", j));
    return evk_buffer_format(out, err, "\n");
}

static evoke_status csv_row(const evk_selection *q, size_t query, size_t k, size_t l, const float *x, evk_buffer *out,
                            evoke_error *err)
{
    const size_t e = evk_store_emotion_of(q->s, query);
    const char *id = evk_store_query_id(q->s, query), *emotion = e == SIZE_MAX ? "" : q->s->emotions[e];
    if (id)
        EVK_TRY(put_text(out, id, err));
    else
        EVK_TRY(evk_buffer_format(out, err, "%zu", query));
    EVK_TRY(evk_buffer_add(out, ",", 1, err));
    EVK_TRY(put_text(out, emotion, err));
    EVK_TRY(evk_buffer_add(out, ",", 1, err));
    EVK_TRY(put_text(out, q->s->settings[q->settings[k]], err));
    EVK_TRY(evk_buffer_format(out, err, ",%d", (int)q->s->layers[q->layers[l]]));
    for (size_t j = 0; j < q->s->info.d_model; j++)
        EVK_TRY(evk_buffer_format(out, err, ",%.9g", (double)x[j]));
    return evk_buffer_add(out, "\n", 1, err);
}

static evoke_status csv_query(const evk_selection *q, size_t i, const float *x, evk_buffer *out, evoke_error *err)
{
    for (size_t k = 0; k < q->n_setting; k++)
        for (size_t l = 0; l < q->n_layer; l++)
            EVK_TRY(csv_row(q, q->queries[i], k, l, x + (k * q->n_layer + l) * q->s->info.d_model, out, err));
    return EVOKE_OK;
}

static evoke_status npy_begin(const evk_selection *q, evk_buffer *out, evoke_error *err)
{
    return evk_npy_put("<f4", 4, (const size_t[]){ q->n_query, q->n_setting, q->n_layer, q->s->info.d_model }, NULL, 0, out, err);
}

static evoke_status npy_query(const evk_selection *q, size_t i, const float *x, evk_buffer *out, evoke_error *err)
{
    (void)i;
    return evk_buffer_add(out, x, q->n_setting * q->n_layer * q->s->info.d_model * sizeof *x, err);
}

static const struct {
    const char *ending;
    evoke_status (*begin)(const evk_selection *q, evk_buffer *out, evoke_error *err);
    evoke_status (*query)(const evk_selection *q, size_t i, const float *x, evk_buffer *out, evoke_error *err);
} forms[] = { { ".npy", npy_begin, npy_query }, { ".csv", csv_begin, csv_query } };
enum { N_FORM = sizeof forms / sizeof *forms };

/* ---- the whole ---- */

static size_t form_of(const char *path)
{
    size_t f = 0;
    const size_t n = strlen(path);
    while (f < N_FORM && (n < strlen(forms[f].ending) || strcmp(path + n - strlen(forms[f].ending), forms[f].ending) != 0))
        f++;
    return f;
}

static evoke_status check_done(const evk_selection *q, size_t i, evoke_error *err)
{
    for (size_t k = 0; k < q->n_setting; k++)
        if (!evk_store_done(q->s, q->queries[i], q->settings[k]))
            return evk_fail(err, EVOKE_EDATA, "select from store: query %zu is not done in setting '%s' (%s)", q->queries[i],
                            q->s->settings[q->settings[k]], evk_store_path(q->s));
    return EVOKE_OK;
}

static evoke_status fill(const evk_selection *q, size_t form, evoke_site site, evoke_span span, const evoke_progress *progress,
                         evk_buffer *out, evoke_error *err)
{
    const evoke_store_info *info = &q->s->info;
    float *all = NULL, *kept = NULL;
    EVK_TRY(forms[form].begin(q, out, err));
    EVK_TRY(evk_alloc(&all, info->n_setting * info->n_layer * info->d_model, sizeof *all, "select from store", err));
    evoke_status st = evk_alloc(&kept, q->n_setting * q->n_layer * info->d_model, sizeof *kept, "select from store", err);
    for (size_t i = 0; i < q->n_query && st == EVOKE_OK; i++) {
        st = evk_report(progress, "query", i, q->n_query, err);
        if (st == EVOKE_OK)
            st = check_done(q, i, err);
        if (st == EVOKE_OK)
            st = evk_selection_read(q, site, span, i, all, kept, err);
        if (st == EVOKE_OK)
            st = forms[form].query(q, i, kept, out, err);
    }
    free(all);
    free(kept);
    return st;
}

evoke_status evoke_store_table(evoke_store *s, const evoke_store_choice *choice, const char *path, const evoke_progress *progress,
                               evoke_error *err)
{
    const size_t form = form_of(path);
    const evoke_site site = choice->n_sites ? choice->sites[0] : s->sites[0];
    evoke_span span = choice->span ? *choice->span : EVOKE_SPAN_QUERY;
    evk_selection q;
    evk_buffer out = { 0 };
    if (form == N_FORM || choice->n_sites > 1)
        return evk_fail(err, EVOKE_EARG, "select from store: %s (%s)", form == N_FORM ? "a table is .npy or .csv"
                                                                                      : "a table is of one site", path);
    evoke_status st = evk_selection_make(s, choice, &q, err);
    if (st == EVOKE_OK && !choice->span)
        st = evk_store_default_span(s, site, &span, err);
    if (st == EVOKE_OK)
        st = fill(&q, form, site, span, progress, &out, err);
    if (st == EVOKE_OK)
        st = evk_write_whole(path, out.data, out.n, err);
    evk_buffer_free(&out);
    evk_selection_free(&q);
    return st;
}
