/* layers/encoder/encoder_trace.c: one text through an encoder, every state to HDF5 (format "evoke-trace").
 *
 *   /ids [T], /token_type_ids [T]; /embed [T, D], /hidden [T, L, D], /mean [D], /embedding [D] (mean, unit length),
 *   /pooler [D], /logits [C]; a model with a decoder has /encoder_embed, /encoder_hidden, /decoder_ids, /decoder_embed,
 *   /decoder_hidden, /eos_state, /logits instead */
#include <stdlib.h>
#include <string.h>

#include "core/files/hdf5.h"
#include "layers/encoder/encoder.h"

typedef struct states { float *embed, *hidden, *mean, *pooler, *logits, *decoder_embed, *decoder_hidden, *state; } states;

static evoke_status make(const evoke_encoder *e, size_t n, states *s, evoke_error *err)
{
    const evoke_encoder_info *i = &e->info;
    const size_t row = i->d_model * sizeof(float);
    EVK_TRY(evk_alloc(&s->embed, n, row, "trace", err));
    EVK_TRY(evk_alloc(&s->hidden, n * i->n_layer, row, "trace", err));
    EVK_TRY(evk_alloc(&s->mean, 1, row, "trace", err));
    EVK_TRY(evk_alloc(&s->pooler, i->has_pooler ? 1 : 0, row, "trace", err));
    EVK_TRY(evk_alloc(&s->logits, i->n_label, sizeof(float), "trace", err));
    if (i->n_decoder_layer == 0)
        return EVOKE_OK;
    EVK_TRY(evk_alloc(&s->decoder_embed, n, row, "trace", err));
    EVK_TRY(evk_alloc(&s->decoder_hidden, n * i->n_decoder_layer, row, "trace", err));
    return evk_alloc(&s->state, i->n_label ? 1 : 0, row, "trace", err);
}

static evoke_status write_decoder(const evoke_encoder *e, const evoke_sequence *q, const states *s, evk_h5 *f, evoke_error *err)
{
    const size_t d = e->info.d_model, n = q->n, dims[] = { n, e->info.n_decoder_layer, d }, two[] = { n, d };
    int32_t *shifted = NULL;
    EVK_TRY(evk_alloc(&shifted, n, sizeof *shifted, "trace", err));
    shifted[0] = e->config.decoder_start;
    memcpy(shifted + 1, q->ids, (n - 1) * sizeof *shifted);
    evoke_status st = evk_h5_write(f, "/decoder_ids", EVK_H5_I32, 1, &n, shifted, err);
    free(shifted);
    if (st == EVOKE_OK)
        st = evk_h5_write(f, "/decoder_embed", EVK_H5_F32, 2, two, s->decoder_embed, err);
    if (st == EVOKE_OK)
        st = evk_h5_write(f, "/decoder_hidden", EVK_H5_F32, 3, dims, s->decoder_hidden, err);
    if (st == EVOKE_OK && e->info.n_label)
        st = evk_h5_write(f, "/eos_state", EVK_H5_F32, 1, &d, s->state, err);
    return st;
}

static evoke_status write_all(const evoke_encoder *e, const evoke_sequence *q, const states *s, evk_h5 *f,
                              const evoke_provenance *made, evoke_error *err)
{
    char sha[65];
    const bool two = e->info.n_decoder_layer > 0;
    const size_t d = e->info.d_model, n = q->n, dims[] = { n, e->info.n_layer, d }, rows[] = { n, d };
    EVK_TRY(evoke_encoder_sha256(e, sha, err));
    const evk_h5_signature sign = { "evoke-trace", e->name, sha, e->info.family, e->info.n_layer, d, made };
    EVK_TRY(evk_h5_sign(f, &sign, err));
    EVK_TRY(evk_h5_write(f, "/ids", EVK_H5_I32, 1, &n, q->ids, err));
    if (q->types && e->info.n_type)
        EVK_TRY(evk_h5_write(f, "/token_type_ids", EVK_H5_I32, 1, &n, q->types, err));
    EVK_TRY(evk_h5_write(f, two ? "/encoder_embed" : "/embed", EVK_H5_F32, 2, rows, s->embed, err));
    EVK_TRY(evk_h5_write(f, two ? "/encoder_hidden" : "/hidden", EVK_H5_F32, 3, dims, s->hidden, err));
    if (two)
        EVK_TRY(write_decoder(e, q, s, f, err));
    if (e->info.n_label)
        EVK_TRY(evk_h5_write(f, "/logits", EVK_H5_F32, 1, &e->info.n_label, s->logits, err));
    if (e->info.has_pooler)
        EVK_TRY(evk_h5_write(f, "/pooler", EVK_H5_F32, 1, &d, s->pooler, err));
    if (two)
        return EVOKE_OK;
    EVK_TRY(evk_h5_write(f, "/mean", EVK_H5_F32, 1, &d, s->mean, err));
    evk_unit_length(s->mean, d);
    return evk_h5_write(f, "/embedding", EVK_H5_F32, 1, &d, s->mean, err);
}

evoke_status evoke_encoder_trace(const evoke_encoder *e, const evoke_sequence *sequence, const char *path,
                                 const evoke_provenance *made, evoke_error *err)
{
    states s = { 0 };
    evk_h5 *f = NULL;
    if (sequence->n == 0)
        return evk_fail(err, EVOKE_EARG, "trace: no ids given");
    evoke_status st = evk_h5_create(path, &f, err);     /* first, so that a folder without leave to write is told at once */
    if (st == EVOKE_OK)
        st = make(e, sequence->n, &s, err);
    const evoke_encodings out = {
        .mean = s.mean, .pooler = e->info.has_pooler ? s.pooler : NULL, .logits = e->info.n_label ? s.logits : NULL,
        .embed = s.embed, .hidden = s.hidden, .decoder_embed = s.decoder_embed, .decoder_hidden = s.decoder_hidden,
        .state = e->info.n_label ? s.state : NULL,
    };
    if (st == EVOKE_OK)
        st = evoke_encode(e, sequence, 1, 0, NULL, &out, err);
    if (st == EVOKE_OK)
        st = write_all(e, sequence, &s, f, made, err);
    if (st == EVOKE_OK)
        st = evk_h5_commit(f, err);
    else
        evk_h5_free(f);
    float *const all[] = { s.embed, s.hidden, s.mean, s.pooler, s.logits, s.decoder_embed, s.decoder_hidden, s.state };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    return st;
}

evoke_status evoke_embeddings_save(const evoke_encoder *e, const char *const *texts, const float *vectors, size_t n,
                                   const char *path, const evoke_provenance *made, evoke_error *err)
{
    char sha[65];
    evk_h5 *f = NULL;
    const evk_h5_signature sign = { "evoke-embeddings", e->name, sha, e->info.family, e->info.n_layer, e->info.d_model, made };
    EVK_TRY(evk_h5_create(path, &f, err));
    evoke_status st = evoke_encoder_sha256(e, sha, err);
    if (st == EVOKE_OK)
        st = evk_h5_sign(f, &sign, err);
    if (st == EVOKE_OK)
        st = evk_h5_write(f, "/embeddings", EVK_H5_F32, 2, (size_t[]){ n, e->info.d_embedding }, vectors, err);
    if (st == EVOKE_OK)
        st = evk_h5_write_strings(f, "/texts", 1, &n, texts, err);
    if (st == EVOKE_OK)
        return evk_h5_commit(f, err);
    evk_h5_free(f);
    return st;
}
