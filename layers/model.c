/* layers/model.c: opens a model: maps the file, reads its sizes, binds its weights, chooses kernels. */
#include "layers/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels/packed.h"
#include "core/text.h"
#include "core/threads.h"
#include "layers/bind.h"

/* ---- describing ---- */

/* The storage type that most of the weights have. */
static const char *main_storage(const evoke_weights *w, uint64_t *n_parameters, uint64_t *n_bytes)
{
    uint64_t by_type[EVK_N_TYPE] = {0};
    *n_parameters = *n_bytes = 0;
    for (size_t i = 0; i < evoke_weights_count(w); i++) {
        const evk_tensor *t = evk_weights_at(w, i);
        by_type[t->type] += (uint64_t)t->rows * t->cols;
        *n_parameters += (uint64_t)t->rows * t->cols;
        *n_bytes += t->n_bytes;
    }
    size_t most = 0;
    for (size_t i = 1; i < EVK_N_TYPE; i++)
        if (by_type[i] > by_type[most])
            most = i;
    return evk_type_describe((evk_type)most)->name;
}

static evoke_status describe(evoke_model *m, evoke_error *err)
{
    const evk_config *c = &m->config;
    EVK_TRY(evk_weights_name(m->weights, &m->name, err));
    m->info = (evoke_model_info){
        .compute = m->info.compute, .n_repacked_bytes = m->info.n_repacked_bytes,
        .name = m->name, .path = m->path, .family = m->family->hf_type, .isa = m->kernels.isa,
        .n_layer = c->n_layer, .d_model = c->d_model, .n_head = c->n_head, .n_kv_head = c->n_kv_head,
        .d_head = c->d_head, .d_ff = c->d_ff, .n_vocab = c->n_vocab, .n_ctx = c->n_ctx, .n_threads = m->n_thread,
        .rope_base = c->rope[0].base, .norm_eps = c->norm_eps, .tied_head = c->tied_head,
    };
    m->info.storage = main_storage(m->weights, &m->info.n_parameters, &m->info.n_bytes);
    return EVOKE_OK;
}

/* ---- opening ---- */

static evoke_status open_template(evoke_model *m, const evoke_model_options *o, evoke_error *err)
{
    evoke_text text = {0};
    const char *source = m->tokenizer ? evoke_tokenizer_template(m->tokenizer) : NULL;
    size_t n = source ? strlen(source) : 0;
    if (o->template_path) {
        EVK_TRY(evk_read_file(o->template_path, (size_t)16 << 20, &text, err));
        source = text.data;
        n = text.n;
    }
    const evoke_status st = source ? evoke_template_parse(source, n, &m->chat_template, err) : EVOKE_OK;
    evoke_text_free(&text);
    if (st == EVOKE_EUNSUPPORTED && !o->template_path)      /* the model still runs on plain text and ids */
        return EVOKE_OK;
    return st;
}

/* A file without a tokenizer is a model for ids alone; one with a broken tokenizer is an error. */
static evoke_status open_tokenizer(evoke_model *m, evoke_error *err)
{
    evoke_error why = {0};
    const evoke_status st = evoke_tokenizer_open(m->path, &m->tokenizer, &why);
    if (st == EVOKE_EIO || st == EVOKE_EUNSUPPORTED)
        return EVOKE_OK;
    if (st != EVOKE_OK && err)
        *err = why;
    return st;
}

evoke_status evk_model_check_ids(const evoke_model *m, const char *what, const int32_t *ids, size_t n, evoke_error *err)
{
    for (size_t t = 0; t < n; t++)
        if (ids[t] < 0 || (size_t)ids[t] >= m->config.n_vocab)
            return evk_fail(err, EVOKE_EDATA, "%s: id %d is outside the vocabulary of %zu", what, (int)ids[t], m->config.n_vocab);
    return EVOKE_OK;
}

/* Divisors that lie in the file as tensors are those of the first rotary embedding. */
void evk_model_frequencies(const evoke_model *m, size_t rope, size_t length, double *frequency)
{
    const evk_rope *r = &m->config.rope[rope];
    const evk_slot slot = r->scaling != EVK_ROPE_LONG       ? EVK_W_ROPE_DIVISORS
                          : evk_rope_is_beyond(r, length) ? EVK_W_ROPE_LONG
                                                          : EVK_W_ROPE_SHORT;
    evk_rope_frequencies(r, m->config.d_rope, length, rope == 0 ? m->slots[slot].vector : NULL, frequency);
}

/* Those of sequences of that length; false: a divisor of the file makes one no positive number. */
static bool fill_frequencies(evoke_model *m, size_t rope, size_t length)
{
    double *f = m->rope_frequency[rope];
    bool positive = true;
    evk_model_frequencies(m, rope, length, f);
    for (size_t i = 0; i < m->config.d_rope / 2; i++)
        positive = positive && f[i] > 0 && isfinite(f[i]);
    return positive;
}

static evoke_status make_frequencies(evoke_model *m, evoke_error *err)
{
    const evk_config *c = &m->config;
    for (size_t i = 0; i < c->n_rope; i++) {
        EVK_TRY(evk_alloc(&m->rope_frequency[i], c->d_rope / 2, sizeof(double), "open model", err));
        if (!fill_frequencies(m, i, c->n_ctx) || !fill_frequencies(m, i, 0))    /* the long ones, to look; the short ones stay */
            return evk_fail(err, EVOKE_EFORMAT, "open model: a divisor of rotary frequencies is not a positive number (%s)",
                            m->path);
    }
    return EVOKE_OK;
}

/* Three digits where integer units make up for it, and for every number of tokens alike, as results must not depend on it; weights as
 * floats where those are made faster of packed ones. */
static evoke_status choose_compute(evoke_model *m, const evoke_model_options *o, evoke_error *err)
{
    m->n_digit = o->compute == EVOKE_FAST ? 1 : m->kernels.fast_digits ? EVK_MAX_DIGIT : 0;
    m->info.compute = o->compute;
    if (o->compute == EVOKE_FAST || (o->repack && (m->kernels.fast_digits || m->kernels.by_panels)))
        return evk_pack_weights(m, err);
    return EVOKE_OK;
}

static evoke_status open_all(evoke_model *m, const char *path, const evoke_model_options *o, evoke_error *err)
{
    EVK_TRY(evoke_weights_open(path, &m->weights, err));
    m->path = strdup(evk_weights_path(m->weights));
    if (!m->path)
        return evk_fail(err, EVOKE_ENOMEM, "open model: no memory");
    EVK_TRY(evk_family_of(m->weights, &m->family, err));
    EVK_TRY(evk_config_read(m->weights, m->family, &m->config, err));
    EVK_TRY(evk_kernels_select(o->isa, &m->kernels, err));
    m->n_thread = o->n_threads ? o->n_threads : evk_cores_available();
    EVK_TRY(evk_bind(m, err));
    EVK_TRY(make_frequencies(m, err));
    EVK_TRY(choose_compute(m, o, err));
    EVK_TRY(open_tokenizer(m, err));
    EVK_TRY(open_template(m, o, err));
    return describe(m, err);
}

evoke_status evoke_model_open(const char *path, const evoke_model_options *options, evoke_model **out, evoke_error *err)
{
    evoke_model *m = NULL;
    *out = NULL;
    EVK_TRY(evk_alloc(&m, 1, sizeof *m, "open model", err));
    const evoke_status st = open_all(m, path, options ? options : &(evoke_model_options){0}, err);
    if (st != EVOKE_OK) {
        evoke_model_free(m);
        return st;
    }
    *out = m;
    return EVOKE_OK;
}

static void free_weight(evk_weight *w)
{
    free(w->vector);
}

void evoke_model_free(evoke_model *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < EVK_FIRST_LAYER_SLOT; i++)
        free_weight(&m->slots[i]);
    for (size_t i = 0; m->layers && i < m->config.n_layer * (EVK_N_SLOT - EVK_FIRST_LAYER_SLOT); i++)
        free_weight(&m->layers[i]);
    free(m->layers);
    evk_arena_free(&m->packed_room);
    for (size_t i = 0; i < EVK_MAX_ROPE; i++)
        free(m->rope_frequency[i]);
    free(m->head_scale);
    evk_config_free(&m->config);
    evoke_template_free(m->chat_template);
    evoke_tokenizer_free(m->tokenizer);
    evoke_weights_free(m->weights);
    free(m->path);
    free(m->name);
    free(m);
}

const char *evoke_compute_name(evoke_compute compute)
{
    return compute == EVOKE_FAST ? "fast" : "exact";
}

bool evoke_compute_find(const char *name, evoke_compute *out)
{
    *out = strcmp(name, "fast") == 0 ? EVOKE_FAST : EVOKE_EXACT;
    return strcmp(name, evoke_compute_name(*out)) == 0;
}

const evoke_model_info *evoke_model_describe(const evoke_model *m) { return &m->info; }
const evoke_tokenizer *evoke_model_tokenizer(const evoke_model *m) { return m->tokenizer; }
const evoke_template *evoke_model_template(const evoke_model *m) { return m->chat_template; }

evoke_status evoke_model_sha256(const evoke_model *m, char hex[65], evoke_error *err)
{
    return evk_weights_sha256(m->weights, hex, err);
}

evoke_status evoke_model_prompt(const evoke_model *m, const evoke_message *messages, size_t n_messages,
                                bool add_generation_prompt, evoke_prompt *out, evoke_error *err)
{
    if (!m->tokenizer || !m->chat_template)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "render prompt: the model has no %s that this version reads (%s)",
                        m->tokenizer ? "chat template" : "tokenizer", m->path);
    const char *bos = evoke_tokenizer_piece(m->tokenizer, evoke_tokenizer_bos(m->tokenizer));
    const char *eos = evoke_tokenizer_piece(m->tokenizer, evoke_tokenizer_eos(m->tokenizer));
    const evoke_variable vars[] = { { "bos_token", bos ? bos : "" }, { "eos_token", eos ? eos : "" } };
    return evoke_template_render(m->chat_template, messages, n_messages, add_generation_prompt, vars, 2, out, err);
}
