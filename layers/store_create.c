/* layers/store_create.c: a store's labels and texts, written once, and compared when an extraction goes on.
 *
 * Both walk the same lists (texts, numbers, attributes) with another action, so what is written is what is compared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers/labels.h"
#include "layers/store_spec.h"

typedef evoke_status (*on_texts)(evk_h5 *f, const char *name, size_t n_dim, const size_t *dims, const char *const *texts,
                                 evoke_error *err);
typedef evoke_status (*on_numbers)(evk_h5 *f, const char *name, evk_h5_type type, size_t n_dim, const size_t *dims,
                                   const void *numbers, evoke_error *err);
typedef evoke_status (*on_text)(evk_h5 *f, const char *object, const char *name, const char *value, evoke_error *err);
typedef evoke_status (*on_number)(evk_h5 *f, const char *object, const char *name, int64_t value, evoke_error *err);
typedef struct action { on_texts texts; on_numbers numbers; on_text text; on_number number; } action;

/* ---- the spec ---- */
evoke_status evk_store_spec_check(const evk_store_spec *s, evoke_error *err)
{
    size_t n = 0;
    if ((s->n_query < 1 && !s->part.n_shard) || s->n_setting < 1 || s->n_setting > EVK_MAX_SETTINGS || s->n_layer < 1 ||
        s->n_layer > EVK_MAX_LAYERS || s->d_model < 1 || s->d_model > EVK_MAX_WIDTH || s->n_site < 1 || s->n_span < 1 ||
        s->n_site > EVOKE_N_SITE || s->n_span > EVOKE_N_SPAN || s->n_emotion > EVK_MAX_EMOTIONS ||
        !evk_mul(s->n_query, s->n_setting, &n))
        return evk_fail(err, EVOKE_EARG, "create store: %zu queries, %zu settings, %zu layers, width %zu, %zu sites, %zu spans "
                        "are not possible", s->n_query, s->n_setting, s->n_layer, s->d_model, s->n_site, s->n_span);
    if (!evk_labels_differ(s->settings, s->n_setting) || !evk_labels_differ(s->emotions, s->n_emotion))
        return evk_fail(err, EVOKE_EARG, "create store: the name of a setting or an emotion is empty or there twice");
    for (size_t q = 0; q < s->n_query; q++)
        if (s->queries[q].emotion < -1 || s->queries[q].emotion >= (int64_t)s->n_emotion)
            return evk_fail(err, EVOKE_EARG, "create store: query %zu has emotion %d of %zu", q, (int)s->queries[q].emotion,
                            s->n_emotion);
    return EVOKE_OK;
}

evoke_status evk_store_spec_rows(const evk_store_spec *s, size_t **starts, evoke_error *err)
{
    const size_t n = s->n_query * s->n_setting;
    size_t row = 0;
    EVK_TRY(evk_alloc(starts, n + 1, sizeof **starts, "create store", err));
    for (size_t i = 0; i < n; i++) {
        size_t room = 0;
        if (s->n_prompt_ids[i] < 1 || !evk_sum(s->n_prompt_ids[i], s->n_predict, &room) || !evk_sum(row, room, &row) ||
            row > INT32_MAX)
            return evk_fail(err, EVOKE_EARG, "create store: prompt %zu has no tokens, or there are more than %d in all", i,
                            INT32_MAX);
        (*starts)[i + 1] = row;
    }
    return EVOKE_OK;
}

/* ---- what the file says ---- */
static evoke_status query_texts(evk_h5 *f, const evk_store_spec *s, on_texts act, evoke_error *err)
{
    static const char *const names[3] = { "/queries/text", "/queries/id", "/queries/language" };
    const char **texts = NULL;
    EVK_TRY(evk_alloc(&texts, s->n_query, sizeof *texts, "create store", err));
    evoke_status st = EVOKE_OK;
    for (size_t k = 0; k < 3 && st == EVOKE_OK; k++) {
        for (size_t q = 0; q < s->n_query; q++) {
            const evoke_query *query = &s->queries[q];
            const char *text = k == 0 ? query->text : k == 1 ? query->id : query->language;
            texts[q] = text ? text : "";
        }
        st = act(f, names[k], 1, &s->n_query, texts, err);
    }
    free(texts);
    return st;
}

static evoke_status all_texts(evk_h5 *f, const evk_store_spec *s, on_texts act, evoke_error *err)
{
    const char *sites[EVOKE_N_SITE], *spans[EVOKE_N_SPAN];
    for (size_t i = 0; i < s->n_site; i++)
        sites[i] = evoke_site_name(s->sites[i]);
    for (size_t i = 0; i < s->n_span; i++)
        spans[i] = evoke_span_name(s->spans[i]);
    EVK_TRY(act(f, "/settings", 1, &s->n_setting, s->settings, err));
    EVK_TRY(act(f, "/sites", 1, &s->n_site, sites, err));
    EVK_TRY(act(f, "/spans", 1, &s->n_span, spans, err));
    if (s->n_emotion > 0)
        EVK_TRY(act(f, "/emotions", 1, &s->n_emotion, s->emotions, err));
    EVK_TRY(query_texts(f, s, act, err));
    return act(f, "/prompts/text", 2, (size_t[]){ s->n_query, s->n_setting }, s->prompt_texts, err);
}

/* /tokens/ids [R]: each prompt's ids, -1 in the room for its response. */
static evoke_status token_ids(evk_h5 *f, const evk_store_spec *s, const size_t *starts, on_numbers act, evoke_error *err)
{
    const size_t n = s->n_query * s->n_setting, n_row = starts[n];
    int32_t *ids = NULL;
    EVK_TRY(evk_alloc(&ids, n_row, sizeof *ids, "create store", err));
    for (size_t i = 0; i < n; i++) {
        memcpy(ids + starts[i], s->prompt_ids[i], s->n_prompt_ids[i] * sizeof *ids);
        for (size_t row = starts[i] + s->n_prompt_ids[i]; row < starts[i + 1]; row++)
            ids[row] = -1;
    }
    const evoke_status st = act(f, "/tokens/ids", EVK_H5_I32, 1, &n_row, ids, err);
    free(ids);
    return st;
}

static evoke_status token_offsets(evk_h5 *f, const evk_store_spec *s, const size_t *starts, on_numbers act,
                                  evoke_error *err)
{
    const size_t n = s->n_query * s->n_setting;
    int64_t *offsets = NULL;
    EVK_TRY(evk_alloc(&offsets, 2 * n, sizeof *offsets, "create store", err));
    for (size_t i = 0; i < n; i++) {
        offsets[2 * i] = (int64_t)starts[i];
        offsets[2 * i + 1] = (int64_t)(starts[i] + s->n_prompt_ids[i]);
    }
    const evoke_status st = act(f, "/tokens/offsets", EVK_H5_I64, 3, (size_t[]){ s->n_query, s->n_setting, 2 }, offsets, err);
    free(offsets);
    return st;
}

static evoke_status all_numbers(evk_h5 *f, const evk_store_spec *s, const size_t *starts, on_numbers act,
                                evoke_error *err)
{
    int16_t *emotions = NULL;
    EVK_TRY(act(f, "/layers", EVK_H5_I32, 1, &s->n_layer, s->layers, err));
    EVK_TRY(evk_alloc(&emotions, s->n_query, sizeof *emotions, "create store", err));
    for (size_t q = 0; q < s->n_query; q++)
        emotions[q] = (int16_t)s->queries[q].emotion;
    const evoke_status st = act(f, "/queries/emotion", EVK_H5_I16, 1, &s->n_query, emotions, err);
    free(emotions);
    EVK_TRY(st);
    EVK_TRY(token_ids(f, s, starts, act, err));
    return token_offsets(f, s, starts, act, err);
}

static evoke_status part(evk_h5 *f, const evk_store_part *p, const action *act, evoke_error *err)
{
    EVK_TRY(act->number(f, "/", "shard", (int64_t)p->shard, err));
    EVK_TRY(act->number(f, "/", "n_shards", (int64_t)p->n_shard, err));
    EVK_TRY(act->number(f, "/", "first_query", (int64_t)p->first_query, err));
    EVK_TRY(act->number(f, "/", "n_queries", (int64_t)p->n_query, err));
    return act->text(f, "/", "whole_sha256", p->whole, err);
}

static evoke_status walk(evk_h5 *f, const evk_store_spec *s, const size_t *starts, const action *act, evoke_error *err)
{
    EVK_TRY(act->text(f, "/", "recipe", s->recipe ? s->recipe : "", err));
    EVK_TRY(act->number(f, "/", "n_predict", (int64_t)s->n_predict, err));
    if (s->part.n_shard)
        EVK_TRY(part(f, &s->part, act, err));
    if (s->n_query == 0)
        return EVOKE_OK;
    EVK_TRY(all_texts(f, s, act->texts, err));
    return all_numbers(f, s, starts, act->numbers, err);
}

/* ---- creating ---- */
/* Every array that is filled later. */
static evoke_status allocate(evk_h5 *f, const evk_store_spec *s, size_t n_row, evoke_error *err)
{
    const size_t dims[4] = { s->n_query, s->n_setting, s->n_layer, s->d_model };
    const size_t tokens[3] = { n_row, s->n_layer, s->d_model }, bounds[3] = { s->n_query, s->n_setting, 2 };
    uint64_t offset;
    char name[96];
    EVK_TRY(evk_h5_allocate(f, "/progress/done", EVK_H5_U8, 2, dims, &offset, err));
    EVK_TRY(evk_h5_allocate(f, "/tokens/span", EVK_H5_I32, 3, bounds, &offset, err));
    EVK_TRY(evk_h5_attr_string(f, "/tokens/span", "span", evoke_span_name(s->spans[0]), err));
    for (size_t k = 0; k < s->n_span; k++) {
        snprintf(name, sizeof name, "/tokens/%s", evoke_span_name(s->spans[k]));
        EVK_TRY(evk_h5_allocate(f, name, EVK_H5_I32, 3, bounds, &offset, err));
    }
    for (size_t i = 0; i < s->n_site; i++) {
        const char *site = evoke_site_name(s->sites[i]);
        for (size_t k = 0; k < s->n_span; k++) {
            snprintf(name, sizeof name, "/activations/%s/%s", site, evoke_span_name(s->spans[k]));
            EVK_TRY(evk_h5_allocate(f, name, EVK_H5_F32, 4, dims, &offset, err));
        }
        snprintf(name, sizeof name, "/activations/%s/token_norms", site);
        EVK_TRY(evk_h5_allocate(f, name, EVK_H5_F32, 2, tokens, &offset, err));
        snprintf(name, sizeof name, "/activations/%s/tokens", site);
        if (s->store_tokens)
            EVK_TRY(evk_h5_allocate(f, name, s->float16 ? EVK_H5_F16 : EVK_H5_F32, 3, tokens, &offset, err));
    }
    return EVOKE_OK;
}

evoke_status evk_store_create(const char *path, const evk_store_spec *s, const size_t *starts, evk_h5 **out, evoke_error *err)
{
    static const action write = { evk_h5_write_strings, evk_h5_write, evk_h5_attr_string, evk_h5_attr_i64 };
    const evk_h5_signature signature = {
        .format = "evoke-activations", .model_name = s->model_name, .model_sha256 = s->model_sha256,
        .architecture = s->architecture, .n_layer = s->n_layer_model, .d_model = s->d_model, .made = s->made,
    };
    evk_h5 *f = NULL;
    EVK_TRY(evk_h5_create(path, &f, err));
    evoke_status st = evk_h5_sign(f, &signature, err);
    if (st == EVOKE_OK)
        st = walk(f, s, starts, &write, err);
    if (st == EVOKE_OK && s->n_query > 0)
        st = allocate(f, s, starts[s->n_query * s->n_setting], err);
    if (st == EVOKE_OK)
        *out = f;
    else
        evk_h5_free(f);
    return st;
}

/* ---- comparing ---- */
static evoke_status differ(evk_h5 *f, const char *name, const char *held, const char *wanted, evoke_error *err)
{
    return evk_fail(err, EVOKE_EDATA, "continue store: it is another extraction's: %s is '%.120s', here '%.120s': name another file (%s)", name,
                    held, wanted, evk_h5_path(f));
}

static evoke_status same_text(evk_h5 *f, const char *object, const char *name, const char *value, evoke_error *err)
{
    char *held = NULL;
    evk_h5_get_string(f, object, name, &held);
    const evoke_status st = held && strcmp(held, value) == 0 ? EVOKE_OK : differ(f, name, held ? held : "missing", value, err);
    free(held);
    return st;
}

static evoke_status same_number(evk_h5 *f, const char *object, const char *name, int64_t value, evoke_error *err)
{
    int64_t held = 0;
    char has[32] = "missing", wants[32];
    if (evk_h5_get_i64(f, object, name, &held)) {
        if (held == value)
            return EVOKE_OK;
        snprintf(has, sizeof has, "%lld", (long long)held);
    }
    snprintf(wants, sizeof wants, "%lld", (long long)value);
    return differ(f, name, has, wants, err);
}

static evoke_status same_shape(evk_h5 *f, const char *name, size_t n_dim, const size_t *dims, evoke_error *err)
{
    size_t found = 0, held[EVK_H5_MAX_DIM];
    EVK_TRY(evk_h5_shape(f, name, &found, held, err));
    bool same = found == n_dim;
    for (size_t i = 0; i < n_dim && same; i++)
        same = held[i] == dims[i];
    if (same)
        return EVOKE_OK;
    return evk_fail(err, EVOKE_EDATA, "continue store: it is another extraction's: %s has %zu entries, here %zu: name another file (%s)", name,
                    found ? held[0] : 0, dims[0], evk_h5_path(f));
}

static evoke_status same_texts(evk_h5 *f, const char *name, size_t n_dim, const size_t *dims, const char *const *texts,
                               evoke_error *err)
{
    char **held = NULL, where[128];
    size_t n = 0;
    EVK_TRY(same_shape(f, name, n_dim, dims, err));
    EVK_TRY(evk_h5_read_strings(f, name, &held, &n, err));
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; i < n && st == EVOKE_OK; i++)
        if (strcmp(held[i], texts[i]) != 0) {
            snprintf(where, sizeof where, "%s, entry %zu,", name, i);
            st = differ(f, where, held[i], texts[i], err);
        }
    free(held);
    return st;
}

static int64_t number_at(evk_h5_type type, const void *numbers, size_t i)
{
    return type == EVK_H5_I16 ? ((const int16_t *)numbers)[i] : type == EVK_H5_I32 ? ((const int32_t *)numbers)[i]
                                                                                  : ((const int64_t *)numbers)[i];
}

/* What a finished response changed is not compared: ids where none was known, the end of a prompt's rows. */
static bool is_open(const char *name, size_t i, int64_t wanted)
{
    return strcmp(name, "/tokens/offsets") == 0 ? i % 2 == 1 : strcmp(name, "/tokens/ids") == 0 && wanted == -1;
}

static evoke_status same_numbers(evk_h5 *f, const char *name, evk_h5_type type, size_t n_dim, const size_t *dims,
                                 const void *numbers, evoke_error *err)
{
    int64_t *held = NULL;
    size_t n = 1;
    EVK_TRY(same_shape(f, name, n_dim, dims, err));
    for (size_t i = 0; i < n_dim; i++)
        n *= dims[i];
    EVK_TRY(evk_alloc(&held, n, sizeof *held, "continue store", err));
    evoke_status st = evk_h5_read(f, name, EVK_H5_I64, NULL, NULL, held, err);
    for (size_t i = 0; i < n && st == EVOKE_OK; i++) {
        const int64_t wanted = number_at(type, numbers, i);
        if (held[i] != wanted && !is_open(name, i, wanted))
            st = evk_fail(err, EVOKE_EDATA, "continue store: it is another extraction's: %s, entry %zu, is %lld, here %lld: name another file (%s)",
                          name, i, (long long)held[i], (long long)wanted, evk_h5_path(f));
    }
    free(held);
    return st;
}

evoke_status evk_store_compare(evk_h5 *f, const evk_store_spec *s, const size_t *starts, evoke_error *err)
{
    static const action compare = { same_texts, same_numbers, same_text, same_number };
    EVK_TRY(evk_labels_format(f, "evoke-activations", err));
    EVK_TRY(same_text(f, "/", "model_sha256", s->model_sha256 ? s->model_sha256 : "", err));
    EVK_TRY(same_text(f, "/", "architecture", s->architecture ? s->architecture : "", err));
    EVK_TRY(same_number(f, "/", "d_model", (int64_t)s->d_model, err));
    EVK_TRY(same_number(f, "/", "n_layers", (int64_t)s->n_layer_model, err));
    return walk(f, s, starts, &compare, err);
}
