/* emotion/extract.c: a dataset in each of its settings through a model, span means to a store.
 *
 * Every prompt is rendered and tokenised first, so that the store can be created whole (extract_prompts.c). Then prompts run
 * in batches (extract_run.c). What a prompt gives does not depend on its batch, so an interrupted extraction continues with
 * whatever is left and ends with the same bytes. */
#include <stdlib.h>

#include "core/threads.h"
#include "emotion/extraction.h"

enum { DEFAULT_PREDICT = 32, DEFAULT_BATCH_TOKENS = 4096 };

/* ---- choices ---- */

static bool has_span(const evk_extraction *x, evoke_span span)
{
    for (size_t i = 0; i < x->layout.n_span; i++)
        if (x->spans[i] == span)
            return true;
    return false;
}

static evoke_status choose_sites(evk_extraction *x, evoke_error *err)
{
    const evoke_extract_options *o = x->options;
    const size_t n = o->n_sites ? o->n_sites : 1;
    EVK_TRY(evk_alloc(&x->sites, n, sizeof *x->sites, "extract", err));
    for (size_t i = 0; i < n; i++) {
        x->sites[i] = o->n_sites ? o->sites[i] : EVOKE_RESID_POST;
        if (x->sites[i] == EVOKE_EMBED || x->sites[i] == EVOKE_FINAL_NORM || x->sites[i] == EVOKE_LOGITS)
            return evk_fail(err, EVOKE_EARG, "extract: site %s is not in every layer", evoke_site_name(x->sites[i]));
        for (size_t j = 0; j < i; j++)
            if (x->sites[j] == x->sites[i])
                return evk_fail(err, EVOKE_EARG, "extract: site %s is named twice", evoke_site_name(x->sites[i]));
    }
    x->layout.sites = x->sites;
    x->layout.n_site = n;
    return EVOKE_OK;
}

static evoke_status choose_spans(evk_extraction *x, evoke_error *err)
{
    const evoke_extract_options *o = x->options;
    const size_t n = o->n_spans ? o->n_spans : 1;
    EVK_TRY(evk_alloc(&x->spans, n, sizeof *x->spans, "extract", err));
    for (size_t i = 0; i < n; i++) {
        x->spans[i] = o->n_spans ? o->spans[i] : EVOKE_SPAN_QUERY;
        for (size_t j = 0; j < i; j++)
            if (x->spans[j] == x->spans[i])
                return evk_fail(err, EVOKE_EARG, "extract: span %s is named twice", evoke_span_name(x->spans[i]));
    }
    x->layout.spans = x->spans;
    x->layout.n_span = n;
    x->n_predict = !has_span(x, EVOKE_SPAN_RESPONSE) ? 0 : o->n_predict ? o->n_predict : DEFAULT_PREDICT;
    return EVOKE_OK;
}

static evoke_status choose_layers(evk_extraction *x, evoke_error *err)
{
    const evoke_extract_options *o = x->options;
    const size_t n_layer = x->model->config.n_layer, n = o->n_layers ? o->n_layers : n_layer;
    EVK_TRY(evk_alloc(&x->layers, n, sizeof *x->layers, "extract", err));
    EVK_TRY(evk_alloc(&x->held, n_layer, sizeof *x->held, "extract", err));
    for (size_t l = 0; l < n_layer; l++)
        x->held[l] = -1;
    for (size_t i = 0; i < n; i++) {
        x->layers[i] = o->n_layers ? o->layers[i] : (int32_t)i;
        if (x->layers[i] < 0 || (size_t)x->layers[i] >= n_layer)
            return evk_fail(err, EVOKE_EDATA, "extract: layer %d is out of range: the model has 0 to %zu",
                            (int)x->layers[i], n_layer - 1);
        if (i > 0 && x->layers[i] <= x->layers[i - 1])
            return evk_fail(err, EVOKE_EARG, "extract: layers must be named once each, in rising order");
        x->held[x->layers[i]] = (ptrdiff_t)i;
    }
    x->layout.held = x->held;
    x->layout.n_layer = n;
    x->layout.d_model = x->model->config.d_model;
    x->layout.tokens = o->store_tokens;
    return EVOKE_OK;
}

/* ---- the whole ---- */
static void destroy(evk_extraction *x)
{
    for (size_t i = 0; x->prefix_means && i < x->prefixes.n; i++)
        evk_span_means_free(&x->prefix_means[i]);
    for (size_t i = 0; i < x->n_prompt; i++) {
        free(x->texts ? x->texts[i] : NULL);
        free(x->prompts ? x->prompts[i].ids : NULL);
    }
    evk_prefixes_free(&x->prefixes);
    free(x->prefix_means);
    free(x->prefix_sequences);
    free(x->texts);
    free(x->prompts);
    free(x->sites);
    free(x->spans);
    free(x->layers);
    free(x->held);
    free(x->logits);
    free(x->room);
    evk_ends_free(&x->ends);
    evk_kv_free(&x->cache);
    evk_arena_free(&x->scratch);
    evk_store_write_free(x->store);
}

/* Every shard renders all prompts: what they share depends on all of them, and so do the last bits of a result. */
static evoke_status choose_shard(evk_extraction *x, evoke_error *err)
{
    const evoke_extract_options *o = x->options;
    size_t first = 0, n = x->n_prompt / x->n_setting;
    if (o->n_shards > 0 ? o->shard < 1 || o->shard > o->n_shards : o->shard > 0)
        return evk_fail(err, EVOKE_EARG, "extract: there is no shard %zu of %zu, they count from 1", o->shard, o->n_shards);
    if (o->n_shards > 0)
        evoke_shard_range(o->shard, o->n_shards, n, &first, &n);
    x->begin = first * x->n_setting;
    x->end = (first + n) * x->n_setting;
    x->report->n_prompts = x->end - x->begin;
    return EVOKE_OK;
}

static evoke_status extract(evk_extraction *x, const char *path, const evoke_provenance *made, evoke_error *err)
{
    EVK_TRY(choose_shard(x, err));
    EVK_TRY(choose_sites(x, err));
    EVK_TRY(choose_spans(x, err));
    EVK_TRY(choose_layers(x, err));
    EVK_TRY(evk_extract_prompts(x, err));
    EVK_TRY(evk_extract_open_store(x, path, made, err));
    for (size_t i = x->begin; i < x->end; i++)
        x->report->n_done_before += evk_extract_is_done(x, i);
    EVK_TRY(evk_extract_prepare(x, err));
    const double begin = evk_seconds();
    const evoke_status st = evk_extract_run(x, err);
    x->report->run_seconds = evk_seconds() - begin;
    return st;
}

evoke_status evoke_extract(const evoke_model *m, const evoke_dataset *dataset, const evoke_settings *settings,
                           const evoke_extract_options *options, const char *path, const evoke_provenance *made,
                           const evoke_progress *progress, evoke_extract_report *report, evoke_error *err)
{
    evoke_extract_report unused;
    evk_extraction x = { .model = m, .dataset = dataset, .settings = settings, .options = options,
                     .n_setting = evoke_settings_count(settings), .report = report ? report : &unused };
    const double begin = evk_seconds();
    x.n_prompt = evoke_dataset_count(dataset) * x.n_setting;
    x.batch_tokens = options->batch_tokens ? options->batch_tokens : DEFAULT_BATCH_TOKENS;
    *x.report = (evoke_extract_report){ 0 };
    x.progress = progress;
    const evoke_status st = extract(&x, path, made, err);
    destroy(&x);
    x.report->seconds = evk_seconds() - begin;
    return st;
}
