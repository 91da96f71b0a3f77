/* emotion/extract_prompts.c: every prompt of an extraction, rendered and tokenised, and the store that will hold what they give. */
#include <stdlib.h>
#include <string.h>

#include "core/files/sha256.h"
#include "core/text.h"
#include "emotion/extraction.h"
#include "emotion/settings.h"
#include "layers/prompt_tokenize.h"

/* The user turn by the model's chat template. */
static evoke_status render_chat(const evk_extraction *x, const char *turn, size_t begin, size_t end, evoke_prompt *rendered,
                                evoke_ids *ids, evk_tokens *p, evoke_error *err)
{
    const char *system = evoke_settings_system(x->settings);
    evoke_message messages[2];
    size_t n = 0;
    if (system)
        messages[n++] = (evoke_message){ "system", system };
    messages[n++] = (evoke_message){ "user", turn };
    EVK_TRY(evoke_model_prompt(x->model, messages, n, true, rendered, err));
    return evoke_prompt_tokenize(rendered, x->model->tokenizer, n - 1, begin, end, ids, &p->query_first, &p->query_last, err);
}

/* The text as it is, with the special tokens that the model's own rules put around it. Takes the text. */
static evoke_status render_raw(const evk_extraction *x, evoke_text *turn, size_t begin, size_t end, evoke_prompt *rendered,
                               evoke_ids *ids, evk_tokens *p, evoke_error *err)
{
    const evoke_tokenizer *t = x->model->tokenizer;
    if (!t)
        return evk_fail(err, EVOKE_EDATA, "extract: the model has no tokenizer (%s)", x->model->name);
    rendered->text = *turn;
    *turn = (evoke_text){0};
    EVK_TRY(evoke_tokenize(t, rendered->text.data, rendered->text.n, EVOKE_TOKENIZE_ADD_SPECIAL | EVOKE_TOKENIZE_PARSE_SPECIAL,
                           ids, err));
    evk_ids_cover(ids, rendered->text.n, begin, end, &p->query_first, &p->query_last);
    if (p->query_first == 0 && ids->n > 1 && ids->starts[1] == 0 && ids->ids[0] == evoke_tokenizer_bos(t))
        p->query_first = 1;                 /* BOS was put before the text: it is none of it */
    return EVOKE_OK;
}

/* How many of a prompt's tokens must be run: to the last that a span, a response or the store needs. */
static size_t needed_tokens(const evk_extraction *x, const evk_tokens *p)
{
    for (size_t i = 0; i < x->layout.n_span; i++)
        if (x->spans[i] != EVOKE_SPAN_QUERY)
            return p->n;
    return x->layout.tokens ? p->n : p->query_last;
}

/* Renders one query in one setting; fills texts and prompts. */
static evoke_status make_prompt(evk_extraction *x, size_t i, evoke_error *err)
{
    const evoke_query *q = evoke_dataset_query(x->dataset, i / x->n_setting);
    const char *emotion = q->emotion < 0 ? NULL : evoke_dataset_emotion(x->dataset, (size_t)q->emotion);
    evoke_text turn = {0};
    evoke_prompt rendered = {0};
    evoke_ids ids = {0};
    size_t begin = 0, end = 0;
    evk_tokens *p = &x->prompts[i];
    evoke_status st = evk_settings_expand(x->settings, i % x->n_setting, q->text, emotion, &turn, &begin, &end, err);
    if (st == EVOKE_OK)
        st = evoke_settings_raw(x->settings) ? render_raw(x, &turn, begin, end, &rendered, &ids, p, err)
                                             : render_chat(x, turn.data, begin, end, &rendered, &ids, p, err);
    if (st != EVOKE_OK)
        goto done;
    p->ids = ids.ids;
    p->n = ids.n;
    p->n_run = needed_tokens(x, p);
    ids.ids = NULL;
    x->texts[i] = rendered.text.data;
    rendered.text.data = NULL;
    if (p->query_first == p->query_last)
        st = evk_fail(err, EVOKE_EDATA, "extract: query '%s' has no token in its prompt", q->id);
    else if (p->n < 2 || p->n + x->n_predict > x->model->config.n_ctx)
        st = evk_fail(err, EVOKE_EDATA, "extract: query '%s' makes a prompt of %zu tokens, and %zu more for the response; "
                      "the model's context is %zu", q->id, p->n, x->n_predict, x->model->config.n_ctx);
done:
    evoke_text_free(&turn);
    evoke_prompt_free(&rendered);
    evoke_ids_free(&ids);
    return st;
}

/* No prefix reaches into a query's own tokens or takes a prompt's last one, so the spans `query`, `last` and `response` never touch
 * one. */
static evoke_status find_prefixes(evk_extraction *x, evoke_error *err)
{
    enum { MOST_TOKENS = 2048 };        /* with hundreds of emotions they would take more memory than the batch that they save */
    evk_shareable *prompts = NULL;
    size_t longest = 0;
    EVK_TRY(evk_alloc(&prompts, x->n_prompt, sizeof *prompts, "extract", err));
    for (size_t i = 0; i < x->n_prompt; i++) {
        const evk_tokens *p = &x->prompts[i];
        const size_t n = p->query_first < p->n - 1 ? p->query_first : p->n - 1;
        prompts[i] = (evk_shareable){ p->ids, evk_config_is_beyond_rope(&x->model->config, p->n) ? 0 : n, NULL };
        longest = n > longest ? n : longest;
    }
    const evoke_status st = evk_prefixes_find(prompts, x->n_prompt, longest + MOST_TOKENS, &x->prefixes, err);
    free(prompts);
    return st;
}

evoke_status evk_extract_prompts(evk_extraction *x, evoke_error *err)
{
    EVK_TRY(evk_alloc(&x->texts, x->n_prompt, sizeof *x->texts, "extract", err));
    EVK_TRY(evk_alloc(&x->prompts, x->n_prompt, sizeof *x->prompts, "extract", err));
    for (size_t i = 0; i < x->n_prompt; i++)
        EVK_TRY(make_prompt(x, i, err));
    return find_prefixes(x, err);
}


/* What must agree for an extraction to be continued, beside what the store itself holds. */
static evoke_status describe_recipe(const evk_extraction *x, evk_buffer *out, evoke_error *err)
{
    const evoke_sampling *s = &x->options->sampling;
    EVK_TRY(evk_buffer_format(out, err, "isa %s%s", x->model->kernels.isa, x->model->info.compute == EVOKE_FAST ? ", fast" : ""));
    if (x->n_predict > 0)
        EVK_TRY(evk_buffer_format(out, err, ", response of %zu tokens, temperature %g, top_k %zu, top_p %g, min_p %g, seed %llu",
                                  x->n_predict, s->temperature, s->top_k, s->top_p, s->min_p, (unsigned long long)s->seed));
    return EVOKE_OK;
}

static evoke_status add_hash(evk_buffer *all, const void *bytes, size_t n, evoke_error *err)
{
    char hex[65];
    evk_sha256(bytes, n, hex);
    return evk_buffer_add(all, hex, 64, err);
}

/* Every query and prompt of the whole extraction: shards of different ones do not fit together. */
static evoke_status hash_whole(const evk_extraction *x, char hex[65], evoke_error *err)
{
    evk_buffer all = {0};
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; i < x->n_prompt && st == EVOKE_OK; i++) {
        const evoke_query *q = evoke_dataset_query(x->dataset, i / x->n_setting);
        const char *const texts[4] = { q->text, q->id, q->language, x->texts[i] };
        for (size_t k = 0; k < 4 && st == EVOKE_OK; k++)
            st = add_hash(&all, texts[k] ? texts[k] : "", texts[k] ? strlen(texts[k]) : 0, err);
        if (st == EVOKE_OK)
            st = add_hash(&all, &q->emotion, sizeof q->emotion, err);
        if (st == EVOKE_OK)
            st = add_hash(&all, x->prompts[i].ids, x->prompts[i].n * sizeof *x->prompts[i].ids, err);
    }
    evk_sha256(all.data, all.n, hex);
    evk_buffer_free(&all);
    return st;
}

typedef struct store_lists {            /* the spec's pointer tables */
    evoke_query *queries;
    const char **emotions, **settings;
    const int32_t **ids;
    size_t *n_ids;
} store_lists;

static evoke_status list_all(const evk_extraction *x, store_lists *l, evoke_error *err)
{
    const size_t n_prompt = x->end - x->begin, n_query = n_prompt / x->n_setting, first_query = x->begin / x->n_setting;
    const size_t n_emotion = evoke_dataset_emotion_count(x->dataset);
    EVK_TRY(evk_alloc(&l->queries, n_query, sizeof *l->queries, "extract", err));
    EVK_TRY(evk_alloc(&l->emotions, n_emotion, sizeof *l->emotions, "extract", err));
    EVK_TRY(evk_alloc(&l->settings, x->n_setting, sizeof *l->settings, "extract", err));
    EVK_TRY(evk_alloc(&l->ids, n_prompt, sizeof *l->ids, "extract", err));
    EVK_TRY(evk_alloc(&l->n_ids, n_prompt, sizeof *l->n_ids, "extract", err));
    for (size_t i = 0; i < n_query; i++)
        l->queries[i] = *evoke_dataset_query(x->dataset, first_query + i);
    for (size_t e = 0; e < n_emotion; e++)
        l->emotions[e] = evoke_dataset_emotion(x->dataset, e);
    for (size_t s = 0; s < x->n_setting; s++)
        l->settings[s] = evoke_settings_name(x->settings, s);
    for (size_t i = 0; i < n_prompt; i++) {
        l->ids[i] = x->prompts[x->begin + i].ids;
        l->n_ids[i] = x->prompts[x->begin + i].n;
    }
    return EVOKE_OK;
}

evoke_status evk_extract_open_store(evk_extraction *x, const char *path, const evoke_provenance *made, evoke_error *err)
{
    store_lists l = {0};
    evk_buffer recipe = {0};
    char sha[65];
    evoke_status st = list_all(x, &l, err);
    if (st == EVOKE_OK)
        st = describe_recipe(x, &recipe, err);
    if (st == EVOKE_OK)
        st = evoke_model_sha256(x->model, sha, err);
    if (st == EVOKE_OK) {
        evk_store_spec spec = {
            .model_name = x->model->name, .model_sha256 = sha, .architecture = x->model->info.family,
            .n_query = (x->end - x->begin) / x->n_setting, .n_setting = x->n_setting,
            .n_emotion = evoke_dataset_emotion_count(x->dataset), .n_layer = x->layout.n_layer,
            .d_model = x->layout.d_model, .n_layer_model = x->model->config.n_layer, .n_site = x->layout.n_site,
            .n_span = x->layout.n_span, .queries = l.queries, .emotions = l.emotions, .settings = l.settings,
            .sites = x->sites, .spans = x->spans, .layers = x->layers, .prompt_texts = (const char *const *)x->texts + x->begin,
            .prompt_ids = l.ids, .n_prompt_ids = l.n_ids, .n_predict = x->n_predict,
            .store_tokens = x->options->store_tokens, .float16 = x->options->tokens_float16, .recipe = recipe.data,
            .made = made,
            .part = { x->options->shard, x->options->n_shards, x->begin / x->n_setting, x->n_prompt / x->n_setting, "" },
        };
        if (x->options->n_shards > 0)
            st = hash_whole(x, spec.part.whole, err);
        if (st == EVOKE_OK)
            st = evk_store_spec_size(&spec, &x->report->n_most_bytes, err);
        if (st == EVOKE_OK && x->options->on_size)
            x->options->on_size(x->options->user, x->report->n_most_bytes);
        if (st == EVOKE_OK)
            st = evk_store_write_open(path, &spec, &x->store, err);
    }
    free(l.queries);
    free(l.emotions);
    free(l.settings);
    free(l.ids);
    free(l.n_ids);
    evk_buffer_free(&recipe);
    return st;
}
