/* layers/encoder/encoder.c: opens an encoder: maps the file, reads its sizes, binds its weights, chooses kernels. */
#include "layers/encoder/encoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/threads.h"

bool evoke_file_is_encoder(const char *path)
{
    evoke_weights *w = NULL;
    char *folder = NULL;
    evoke_error err;
    if (evk_pooling_folder(path, &folder, &err) != EVOKE_OK)
        return false;
    const bool is = evoke_weights_open(folder, &w, &err) == EVOKE_OK && evk_encoder_family_of(w);
    evoke_weights_free(w);
    free(folder);
    return is;
}

/* ---- describing ---- */

static void count_weights(evoke_encoder *e)
{
    uint64_t by_type[EVK_N_TYPE] = { 0 };
    size_t most = 0;
    for (size_t i = 0; i < evoke_weights_count(e->weights); i++) {
        const evk_tensor *t = evk_weights_at(e->weights, i);
        by_type[t->type] += (uint64_t)t->rows * t->cols;
        e->info.n_parameters += (uint64_t)t->rows * t->cols;
        e->info.n_bytes += t->n_bytes;
    }
    for (size_t i = 1; i < EVK_N_TYPE; i++)
        if (by_type[i] > by_type[most])
            most = i;
    e->info.storage = evk_type_describe((evk_type)most)->name;
}

/* The lesser of the limits that are known: the table of positions, the tokenizer's own; 0: neither is. */
static size_t text_limit(const evoke_encoder *e)
{
    const size_t table = e->config.n_position, own = e->tokenizer_limit;
    return table && own ? (table < own ? table : own) : table + own;
}

static evoke_status describe(evoke_encoder *e, evoke_error *err)
{
    const evk_encoder_config *c = &e->config;
    size_t n_mode = 0;
    for (unsigned m = 0; m < EVK_N_POOL; m++)
        n_mode += (e->pooling.modes >> m) & 1u;
    EVK_TRY(evk_weights_name(e->weights, &e->name, err));
    e->info = (evoke_encoder_info){
        .name = e->name, .path = e->path, .family = e->family->hf_type, .isa = e->kernels.isa,
        .n_layer = c->stack[0].n_layer, .n_decoder_layer = c->stack[1].n_layer, .d_model = c->d_model,
        .n_head = c->stack[0].n_head, .d_ff = c->stack[0].d_ff, .n_vocab = c->n_vocab, .n_ctx = c->n_ctx,
        .n_threads = e->n_thread, .n_type = c->n_type, .n_label = c->n_label, .d_embedding = n_mode * c->d_model,
        .max_tokens = text_limit(e), .entailment = e->entailment,
        .has_pooler = e->stack[0].slots[EVK_E_POOLER].matrix != NULL, .independent_labels = c->problem == EVK_MULTI_LABEL,
        .norm_eps = c->norm_eps,
    };
    count_weights(e);
    return EVOKE_OK;
}

/* ---- opening ---- */

/* The table of relative positions as float32, normed once where the model norms it. */
static evoke_status read_relative(evoke_encoder *e, evoke_error *err)
{
    const evk_encoder_weight *s = e->stack[0].slots;
    const evk_tensor *t = s[EVK_E_RELATIVE].matrix;
    if (!t)
        return EVOKE_OK;
    EVK_TRY(evk_alloc(&e->relative, t->rows, t->cols * sizeof(float), "open encoder", err));
    for (size_t r = 0; r < t->rows; r++) {
        float *x = e->relative + r * t->cols;
        e->kernels.dequantise[t->type]((const char *)t->data + r * t->row_bytes, x, t->cols);
        if (!e->config.relative_norm)
            continue;
        const double mean = e->kernels.sum(x, t->cols) / (double)t->cols;
        const double variance = e->kernels.sum_squared_from(x, mean, t->cols) / (double)t->cols;
        e->kernels.normalise(x, (float)mean, (float)(1.0 / sqrt(variance + e->config.norm_eps)), s[EVK_E_RELATIVE_NORM].vector,
                             s[EVK_E_RELATIVE_NORM_BIAS].vector, x, t->cols);
    }
    return EVOKE_OK;
}

static evoke_status fail_family(const evoke_encoder *e, evoke_error *err)
{
    const char *name = evk_weights_architecture(e->weights);
    if (!name)
        return evk_fail(err, EVOKE_EFORMAT, "open encoder: the file says no architecture (%s)", e->path);
    return evk_fail(err, EVOKE_EUNSUPPORTED, "open encoder: '%.64s' is not an encoder that this version has: a model for "
                    "'evoke generate' has no classes and no sentence vectors (%s)", name, e->path);
}

static evoke_status open_all(evoke_encoder *e, const char *path, const evoke_model_options *o, evoke_error *err)
{
    char *folder = NULL;
    evoke_status st = evk_pooling_folder(path, &folder, err);
    if (st == EVOKE_OK)
        st = evoke_weights_open(folder, &e->weights, err);
    free(folder);
    EVK_TRY(st);
    e->path = strdup(evk_weights_path(e->weights));
    if (!e->path)
        return evk_fail(err, EVOKE_ENOMEM, "open encoder: no memory");
    e->family = evk_encoder_family_of(e->weights);
    if (!e->family)
        return fail_family(e, err);
    EVK_TRY(evk_encoder_config_read(e->weights, e->family, &e->config, err));
    EVK_TRY(evk_kernels_select(o->isa, &e->kernels, err));
    EVK_TRY(evk_encoder_bind(e, err));
    EVK_TRY(read_relative(e, err));
    e->n_thread = o->n_threads ? o->n_threads : evk_cores_available();
    EVK_TRY(evk_encoder_labels_read(e, err));
    EVK_TRY(evk_pooling_read(e, path, err));
    EVK_TRY(evk_encoder_open_tokenizer(e, err));
    return describe(e, err);
}

evoke_status evoke_encoder_open(const char *path, const evoke_model_options *options, evoke_encoder **out, evoke_error *err)
{
    evoke_encoder *e = NULL;
    *out = NULL;
    EVK_TRY(evk_alloc(&e, 1, sizeof *e, "open encoder", err));
    const evoke_status st = open_all(e, path, options ? options : &(evoke_model_options){ 0 }, err);
    if (st != EVOKE_OK) {
        evoke_encoder_free(e);
        return st;
    }
    *out = e;
    return EVOKE_OK;
}

void evoke_encoder_free(evoke_encoder *e)
{
    if (!e)
        return;
    for (size_t s = 0; s < EVK_MAX_STACK; s++) {
        for (size_t i = 0; i < EVK_E_FIRST_LAYER_SLOT; i++)
            free(e->stack[s].slots[i].vector);
        const size_t n = e->stack[s].layers ? e->config.stack[s].n_layer * (EVK_E_N_SLOT - EVK_E_FIRST_LAYER_SLOT) : 0;
        for (size_t i = 0; i < n; i++)
            free(e->stack[s].layers[i].vector);
        free(e->stack[s].layers);
    }
    for (size_t i = 0; e->labels && i < e->config.n_label; i++)
        free(e->labels[i]);
    free(e->labels);
    free(e->relative);
    free(e->pooling.prompt);
    evoke_tokenizer_free(e->tokenizer);
    evoke_weights_free(e->weights);
    free(e->path);
    free(e->name);
    free(e);
}

const evoke_encoder_info *evoke_encoder_describe(const evoke_encoder *e) { return &e->info; }
const evoke_tokenizer *evoke_encoder_tokenizer(const evoke_encoder *e) { return e->tokenizer; }

const char *evoke_encoder_label(const evoke_encoder *e, size_t i)
{
    return i < e->config.n_label ? e->labels[i] : NULL;
}

evoke_status evoke_encoder_sha256(const evoke_encoder *e, char hex[65], evoke_error *err)
{
    return evk_weights_sha256(e->weights, hex, err);
}
