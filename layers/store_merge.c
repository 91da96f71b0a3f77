/* layers/store_merge.c: the shards of one extraction to one store.
 *
 * Shards hold blocks of queries in order, so each dataset of the whole is theirs one after another; only /tokens/offsets, which
 * counts rows, is moved by the rows before. What shards say of themselves is read and compared first, then their texts and token
 * ids, from which the whole is created as an extraction creates it; last the arrays are copied (store_merge_copy.c). One shard is
 * open at a time. */
#include "layers/store_merge.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "layers/labels.h"
#include "layers/store_data.h"

/* What all shards say alike: attributes of "/", then datasets, which a shard without queries does not have. */
static const char *const common[] = {
    "program_version", "model_sha256", "architecture", "n_layers", "d_model", "recipe", "n_predict", "n_shards", "n_queries",
    "/settings", "/emotions", "/sites", "/spans", "/layers", "tokens", "whole_sha256",
};
enum { N_COMMON = sizeof common / sizeof *common };

typedef struct merge {
    evk_shard *shards;                          /* [n] in order */
    size_t n;
    evk_buffer common[N_COMMON];                /* of the first */
    evk_store_spec spec;                        /* its tables are those below; names are `first`'s */
    evoke_store *first;
    evoke_provenance made;
    evoke_query *queries;                       /* [N] */
    const char **texts;                         /* [N * S] */
    const int32_t **ids;
    size_t *n_ids, n_row;
    char **sites_there, **spans_there;
    evoke_site sites[EVOKE_N_SITE];
    evoke_span spans[EVOKE_N_SPAN];
} merge;

/* ---- which shards ---- */
static evoke_status read_part(evk_shard *s, evk_h5 *f, evoke_error *err)
{
    int64_t shard = 0, n_shard = 0, first = 0, n_query = 0;
    size_t begin = 0;
    EVK_TRY(evk_labels_format(f, "evoke-activations", err));
    if (!evk_h5_get_i64(f, "/", "shard", &shard))
        return evk_fail(err, EVOKE_EDATA, "merge: it is no shard of an extraction (%s; extract --shard writes them)", s->path);
    if (!evk_h5_get_i64(f, "/", "n_shards", &n_shard) || !evk_h5_get_i64(f, "/", "first_query", &first) ||
        !evk_h5_get_i64(f, "/", "n_queries", &n_query) || shard < 1 || shard > n_shard || n_query < 1 || n_query > INT32_MAX)
        return evk_fail(err, EVOKE_EFORMAT, "merge: what it says of its shard contradicts itself (%s)", s->path);
    s->part = (evk_store_part){ (size_t)shard, (size_t)n_shard, (size_t)first, (size_t)n_query, "" };
    evoke_shard_range(s->part.shard, s->part.n_shard, s->part.n_query, &begin, &s->n_query);
    return first >= 0 && begin == (size_t)first ? EVOKE_OK
         : evk_fail(err, EVOKE_EFORMAT, "merge: shard %zu of %zu begins at query %zu, not %lld (%s)", s->part.shard,
                    s->part.n_shard, begin, (long long)first, s->path);
}

static int by_shard(const void *a, const void *b)
{
    const evk_shard *x = a, *y = b;
    return (x->part.shard > y->part.shard) - (x->part.shard < y->part.shard);
}

/* Each once; one without queries may be left out. */
static evoke_status check_cover(const merge *m, evoke_error *err)
{
    const evk_store_part *p = &m->shards[0].part;
    size_t next = 1;
    for (size_t i = 0; i < m->n; i++, next++) {
        const evk_shard *s = &m->shards[i];
        if (s->part.shard < next)
            return evk_fail(err, EVOKE_EDATA, "merge: shard %zu of %zu is there twice (%s and %s)", s->part.shard, p->n_shard,
                            m->shards[i - 1].path, s->path);
        if (s->part.shard > next && next <= p->n_query)
            break;
        next = s->part.shard;
    }
    if (next <= p->n_shard && next <= p->n_query)
        return evk_fail(err, EVOKE_EDATA, "merge: shard %zu of %zu is missing (%s is of them)", next, p->n_shard,
                        m->shards[0].path);
    return EVOKE_OK;
}

/* ---- what they have in common ---- */
static evoke_status describe_names(evk_h5 *f, const char *name, evk_buffer *out, evoke_error *err)
{
    char **names = NULL;
    size_t n = 0;
    EVK_TRY(evk_h5_read_strings(f, name, &names, &n, err));
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; i < n && st == EVOKE_OK; i++)
        st = evk_buffer_format(out, err, "%s%s", i ? ", " : "", names[i]);
    free(names);
    return st;
}

static evoke_status describe_layers(evk_h5 *f, evk_buffer *out, evoke_error *err)
{
    size_t n_dim = 0, dims[EVK_H5_MAX_DIM];
    int32_t *layers = NULL;
    EVK_TRY(evk_h5_shape(f, "/layers", &n_dim, dims, err));
    if (n_dim != 1)
        return evk_fail(err, EVOKE_EFORMAT, "merge: /layers is no list (%s)", evk_h5_path(f));
    EVK_TRY(evk_labels_layers(f, dims[0], &layers, err));
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; i < dims[0] && st == EVOKE_OK; i++)
        st = evk_buffer_format(out, err, "%s%d", i ? ", " : "", (int)layers[i]);
    free(layers);
    return st;
}

static evoke_status describe_tokens(evk_h5 *f, evk_buffer *out, evoke_error *err)
{
    evoke_site *sites = NULL;
    size_t n = 0;
    char name[96];
    EVK_TRY(evk_labels_sites(f, "/activations", &sites, &n, err));
    evk_store_name(name, n ? sites[0] : EVOKE_RESID_POST, "tokens");
    free(sites);
    const char *how = !evk_h5_has(f, name) ? "not stored" : evk_h5_stored_as(f, name, EVK_H5_F16) ? "float16" : "float32";
    return evk_buffer_format(out, err, "%s", how);
}

static evoke_status describe(evk_h5 *f, const char *name, evk_buffer *out, evoke_error *err)
{
    int64_t number = 0;
    char *text = NULL;
    if (strcmp(name, "tokens") == 0)
        return describe_tokens(f, out, err);
    if (strcmp(name, "/layers") == 0)
        return describe_layers(f, out, err);
    if (name[0] == '/')
        return evk_h5_has(f, name) ? describe_names(f, name, out, err) : evk_buffer_add(out, "", 0, err);
    if (evk_h5_get_i64(f, "/", name, &number))
        return evk_buffer_format(out, err, "%lld", (long long)number);
    evk_h5_get_string(f, "/", name, &text);
    const evoke_status st = evk_buffer_format(out, err, "%s", text ? text : "missing");
    free(text);
    return st;
}

static evoke_status compare(merge *m, const evk_shard *s, evk_h5 *f, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    for (size_t k = 0; k < N_COMMON && st == EVOKE_OK; k++) {
        const bool is_dataset = common[k][0] == '/' || strcmp(common[k], "tokens") == 0;
        evk_buffer here = {0}, *there = &m->common[k];
        if (is_dataset && s->n_query == 0)
            continue;
        if (s == m->shards) {
            st = describe(f, common[k], there, err);
            continue;
        }
        st = describe(f, common[k], &here, err);
        if (st == EVOKE_OK && (here.n != there->n || (here.n > 0 && memcmp(here.data, there->data, here.n) != 0)))
            st = evk_fail(err, EVOKE_EDATA, "merge: not shards of one extraction: %s is '%.150s' in %s and '%.150s' in %s",
                          common[k], there->n ? there->data : "", m->shards[0].path, here.n ? here.data : "", s->path);
        evk_buffer_free(&here);
    }
    return st;
}

/* ---- their texts and tokens ---- */
static evoke_status read_texts(evk_h5 *f, const char *name, size_t n, char ***out, evoke_error *err)
{
    size_t found = 0;
    EVK_TRY(evk_h5_read_strings(f, name, out, &found, err));
    return found == n ? EVOKE_OK : evk_fail(err, EVOKE_EFORMAT, "merge: %s has %zu texts for %zu (%s)", name, found, n,
                                          evk_h5_path(f));
}

/* Prompts' ids begin at their first row; each has room for n_predict more after it. */
static evoke_status place_prompts(merge *m, const evk_shard *s, const int64_t *offsets, evoke_error *err)
{
    const size_t n = s->n_query * m->spec.n_setting, at = s->part.first_query * m->spec.n_setting;
    int64_t row = 0;
    for (size_t i = 0; i < n; i++) {
        const int64_t end = i + 1 < n ? offsets[2 * (i + 1)] : (int64_t)s->n_row;
        const int64_t room = (int64_t)m->spec.n_predict;
        if (offsets[2 * i] != row || end > (int64_t)s->n_row || end - row <= room)
            return evk_fail(err, EVOKE_EFORMAT, "merge: the rows of prompt %zu do not follow those before (%s)", i, s->path);
        m->texts[at + i] = s->prompts[i];
        m->ids[at + i] = s->ids + row;
        m->n_ids[at + i] = (size_t)(end - row - room);
        row = end;
    }
    return row == (int64_t)s->n_row ? EVOKE_OK
         : evk_fail(err, EVOKE_EFORMAT, "merge: it has %zu rows of tokens, its prompts %lld (%s)", s->n_row, (long long)row,
                    s->path);
}

static evoke_status read_tokens(merge *m, evk_shard *s, evk_h5 *f, evoke_error *err)
{
    size_t n_dim = 0, dims[EVK_H5_MAX_DIM];
    int64_t *offsets = NULL;
    EVK_TRY(evk_h5_shape(f, "/tokens/offsets", &n_dim, dims, err));
    if (n_dim != 3 || dims[0] != s->n_query || dims[1] != m->spec.n_setting || dims[2] != 2)
        return evk_fail(err, EVOKE_EFORMAT, "merge: /tokens/offsets is not [queries, settings, 2] (%s)", s->path);
    EVK_TRY(evk_h5_shape(f, "/tokens/ids", &n_dim, dims, err));
    if (n_dim != 1 || dims[0] > INT32_MAX)
        return evk_fail(err, EVOKE_EFORMAT, "merge: /tokens/ids is no list that a store may have (%s)", s->path);
    s->n_row = dims[0];
    s->first_row = m->n_row;
    m->n_row += s->n_row;
    EVK_TRY(evk_alloc(&s->ids, s->n_row, sizeof *s->ids, "merge", err));
    EVK_TRY(evk_h5_read(f, "/tokens/ids", EVK_H5_I32, NULL, NULL, s->ids, err));
    EVK_TRY(evk_alloc(&offsets, s->n_query * m->spec.n_setting * 2, sizeof *offsets, "merge", err));
    evoke_status st = evk_h5_read(f, "/tokens/offsets", EVK_H5_I64, NULL, NULL, offsets, err);
    if (st == EVOKE_OK)
        st = place_prompts(m, s, offsets, err);
    free(offsets);
    return st;
}

static evoke_status read_queries(merge *m, evk_shard *s, const evoke_store *store, evoke_error *err)
{
    EVK_TRY(read_texts(store->file, "/queries/text", s->n_query, &s->texts, err));
    EVK_TRY(read_texts(store->file, "/queries/id", s->n_query, &s->query_ids, err));
    EVK_TRY(read_texts(store->file, "/queries/language", s->n_query, &s->languages, err));
    EVK_TRY(read_texts(store->file, "/prompts/text", s->n_query * m->spec.n_setting, &s->prompts, err));
    for (size_t q = 0; q < s->n_query; q++)
        m->queries[s->part.first_query + q] = (evoke_query){ s->texts[q], s->query_ids[q], s->languages[q],
                                                             store->emotion_of[q] };
    return read_tokens(m, s, store->file, err);
}

/* ---- the whole ---- */
/* Names in the order that the extraction was asked for. */
static evoke_status read_places(merge *m, evoke_error *err)
{
    EVK_TRY(evk_h5_read_strings(m->first->file, "/sites", &m->sites_there, &m->spec.n_site, err));
    EVK_TRY(evk_h5_read_strings(m->first->file, "/spans", &m->spans_there, &m->spec.n_span, err));
    bool known = m->spec.n_site <= EVOKE_N_SITE && m->spec.n_span <= EVOKE_N_SPAN;
    for (size_t i = 0; i < m->spec.n_site && known; i++)
        known = evoke_site_find(m->sites_there[i], &m->sites[i]);
    for (size_t i = 0; i < m->spec.n_span && known; i++)
        known = evoke_span_find(m->spans_there[i], &m->spans[i]);
    return known ? EVOKE_OK : evk_fail(err, EVOKE_EFORMAT, "merge: /sites or /spans has names that are unknown (%s)",
                                       m->shards[0].path);
}

static evoke_status begin_spec(merge *m, evoke_error *err)
{
    const evk_shard *s = &m->shards[0];
    evoke_store *f = m->first;
    const size_t n = s->part.n_query;
    int64_t n_predict = 0;
    char name[96];
    evk_h5_get_u64(f->file, "/", "seed", &m->made.seed);        /* stays 0 where there is none */
    if (!evk_h5_get_i64(f->file, "/", "n_predict", &n_predict) || n_predict < 0 || n_predict > INT32_MAX)
        return evk_fail(err, EVOKE_EFORMAT, "merge: n_predict is missing or no length (%s)", s->path);
    m->spec = (evk_store_spec){
        .model_name = f->model_name, .model_sha256 = f->model_sha256, .architecture = f->architecture, .n_query = n,
        .n_setting = f->info.n_setting, .n_emotion = f->info.n_emotion, .n_layer = f->info.n_layer, .d_model = f->info.d_model,
        .n_layer_model = f->n_layer_model, .emotions = (const char *const *)f->emotions,
        .settings = (const char *const *)f->settings, .sites = m->sites, .spans = m->spans, .layers = f->layers,
        .n_predict = (size_t)n_predict, .made = &m->made,
    };
    EVK_TRY(read_places(m, err));
    evk_store_name(name, m->sites[0], "tokens");
    m->spec.store_tokens = evk_h5_has(f->file, name);
    m->spec.float16 = m->spec.store_tokens && evk_h5_stored_as(f->file, name, EVK_H5_F16);
    EVK_TRY(evk_alloc(&m->queries, n, sizeof *m->queries, "merge", err));
    EVK_TRY(evk_alloc(&m->texts, n * m->spec.n_setting, sizeof *m->texts, "merge", err));
    EVK_TRY(evk_alloc(&m->ids, n * m->spec.n_setting, sizeof *m->ids, "merge", err));
    EVK_TRY(evk_alloc(&m->n_ids, n * m->spec.n_setting, sizeof *m->n_ids, "merge", err));
    m->spec.queries = m->queries;
    m->spec.prompt_texts = m->texts;
    m->spec.prompt_ids = m->ids;
    m->spec.n_prompt_ids = m->n_ids;
    return EVOKE_OK;
}

static evoke_status read_shard(merge *m, evk_shard *s, evoke_error *err)
{
    evoke_store *store = NULL;
    if (s->n_query == 0)
        return EVOKE_OK;
    EVK_TRY(evoke_store_open(s->path, &store, err));
    const evoke_store_info *i = &store->info;
    evoke_status st = EVOKE_OK;
    if (s == m->shards) {
        m->first = store;
        st = begin_spec(m, err);
    }
    if (st == EVOKE_OK && (i->n_query != s->n_query || i->n_setting != m->spec.n_setting))
        st = evk_fail(err, EVOKE_EFORMAT, "merge: it has %zu queries, its shard %zu (%s)", i->n_query, s->n_query, s->path);
    if (st == EVOKE_OK && i->n_done < i->n_query * i->n_setting)
        st = evk_fail(err, EVOKE_EDATA, "merge: shard %zu of %zu is unfinished: %zu of %zu prompts are done (%s; its command "
                      "continues it)", s->part.shard, s->part.n_shard, i->n_done, i->n_query * i->n_setting, s->path);
    if (st == EVOKE_OK)
        st = read_queries(m, s, store, err);
    if (s != m->shards)
        evoke_store_free(store);
    return st;
}

static evoke_status read_all(merge *m, const char *const *paths, evoke_error *err)
{
    evk_h5 *f = NULL;
    EVK_TRY(evk_alloc(&m->shards, m->n, sizeof *m->shards, "merge", err));
    for (size_t i = 0; i < m->n; i++) {
        m->shards[i].path = paths[i];
        EVK_TRY(evk_h5_open(paths[i], &f, err));
        const evoke_status st = read_part(&m->shards[i], f, err);
        evk_h5_free(f);
        EVK_TRY(st);
    }
    qsort(m->shards, m->n, sizeof *m->shards, by_shard);
    for (size_t i = 0; i < m->n; i++) {
        EVK_TRY(evk_h5_open(m->shards[i].path, &f, err));
        const evoke_status st = compare(m, &m->shards[i], f, err);
        evk_h5_free(f);
        EVK_TRY(st);
    }
    EVK_TRY(check_cover(m, err));
    for (size_t i = 0; i < m->n; i++)
        EVK_TRY(read_shard(m, &m->shards[i], err));
    return EVOKE_OK;
}

static evoke_status write_whole(merge *m, const char *path, const evoke_progress *progress, evoke_error *err)
{
    evk_h5 *to = NULL;
    size_t *starts = NULL;
    char *recipe = evk_labels_attribute(m->first->file, "recipe");
    m->spec.recipe = recipe;
    evoke_status st = evk_store_spec_check(&m->spec, err);
    if (st == EVOKE_OK)
        st = evk_store_spec_rows(&m->spec, &starts, err);
    if (st == EVOKE_OK)
        st = evk_store_create(path, &m->spec, starts, &to, err);
    if (st == EVOKE_OK) {
        st = evk_shards_copy(m->shards, m->n, &m->spec, to, progress, err);
        if (st == EVOKE_OK)
            st = evk_h5_commit(to, err);
        else
            evk_h5_free(to);
    }
    free(starts);
    free(recipe);
    return st;
}

static void destroy(merge *m)
{
    for (size_t i = 0; m->shards && i < m->n; i++) {
        free(m->shards[i].texts);
        free(m->shards[i].query_ids);
        free(m->shards[i].languages);
        free(m->shards[i].prompts);
        free(m->shards[i].ids);
    }
    for (size_t k = 0; k < N_COMMON; k++)
        evk_buffer_free(&m->common[k]);
    free(m->shards);
    free(m->queries);
    free(m->texts);
    free(m->ids);
    free(m->n_ids);
    free(m->sites_there);
    free(m->spans_there);
    evoke_store_free(m->first);
}

evoke_status evoke_store_merge(const char *const *paths, size_t n, const char *path, const evoke_provenance *made,
                               const evoke_progress *progress, evoke_error *err)
{
    merge m = { .n = n, .made = { made ? made->command_line : NULL, 0 } };
    if (n == 0)
        return evk_fail(err, EVOKE_EARG, "merge: no shard is named");
    evoke_status st = read_all(&m, paths, err);
    if (st == EVOKE_OK)
        st = write_whole(&m, path, progress, err);
    destroy(&m);
    return st;
}
