/* layers/encoder/encode.c: many texts through an encoder, a batch of tokens at a time.
 *
 * A model with a decoder reads each text twice: the decoder gets it shifted right by one, d[0] = start, d[t] = id[t - 1], and
 * the head reads its state at the last end-of-text token; other heads read the first token. */
#include <stdlib.h>
#include <string.h>

#include "layers/encoder/encoder_forward.h"

enum { BATCH_TOKENS = 4096 };

typedef struct batch {
    const evoke_encoder *encoder;
    const evoke_sequence *sequences;    /* [n] of this batch */
    size_t n, n_token, longest;
    size_t first_row, first_token;      /* of the batch in the outputs */
    const evoke_encodings *out;
    evk_text_run *runs;                 /* [n] */
    int32_t *ids, *types, *shifted;     /* [T] */
} batch;

static evoke_status capture(void *user, size_t stack, ptrdiff_t layer, const float *x, evoke_error *err)
{
    (void)err;
    const batch *b = user;
    const evk_encoder_config *c = &b->encoder->config;
    const size_t d = c->d_model, n_layer = c->stack[stack].n_layer;
    float *embed = stack ? b->out->decoder_embed : b->out->embed, *hidden = stack ? b->out->decoder_hidden : b->out->hidden;
    if (layer < 0 && embed)
        memcpy(embed + b->first_token * d, x, b->n_token * d * sizeof *x);
    for (size_t t = 0; layer >= 0 && hidden && t < b->n_token; t++)
        memcpy(hidden + ((b->first_token + t) * n_layer + (size_t)layer) * d, x + t * d, d * sizeof *x);
    return EVOKE_OK;
}

static evoke_status lay_out(batch *b, evoke_error *err)
{
    const evk_encoder_config *c = &b->encoder->config;
    EVK_TRY(evk_alloc(&b->runs, b->n, sizeof *b->runs, "encode", err));
    EVK_TRY(evk_alloc(&b->ids, b->n_token, sizeof *b->ids, "encode", err));
    EVK_TRY(evk_alloc(&b->types, b->n_token, sizeof *b->types, "encode", err));
    EVK_TRY(evk_alloc(&b->shifted, b->n_token, sizeof *b->shifted, "encode", err));
    size_t t = 0;
    for (size_t i = 0; i < b->n; i++) {
        const evoke_sequence *s = &b->sequences[i];
        b->runs[i] = (evk_text_run){ t, s->n };
        memcpy(b->ids + t, s->ids, s->n * sizeof *s->ids);
        if (s->types)
            memcpy(b->types + t, s->types, s->n * sizeof *s->types);
        b->shifted[t] = c->decoder_start;
        memcpy(b->shifted + t + 1, s->ids, (s->n - 1) * sizeof *s->ids);
        t += s->n;
    }
    return EVOKE_OK;
}

/* Rows of h [T, D] that the head reads, to state [N, D]. */
static evoke_status gather_states(const batch *b, const float *h, float *state, evoke_error *err)
{
    const size_t d = b->encoder->config.d_model;
    for (size_t i = 0; i < b->n; i++) {
        size_t at = 0, n = b->runs[i].n;
        if (b->encoder->family->head_at_end) {
            while (n > 0 && b->ids[b->runs[i].first + n - 1] != b->encoder->config.end)
                n--;
            if (n == 0)
                return evk_fail(err, EVOKE_EDATA, "encode: the head reads the last end-of-text token (id %d), and text %zu has "
                                "none", (int)b->encoder->config.end, b->first_row + i + 1);
            at = n - 1;
        }
        memcpy(state + i * d, h + (b->runs[i].first + at) * d, d * sizeof *h);
    }
    return EVOKE_OK;
}

static evoke_status heads(const batch *b, evk_encoder_pass *p, const float *h, evoke_error *err)
{
    const evoke_encoder *e = b->encoder;
    const evoke_encodings *o = b->out;
    const size_t d = e->config.d_model;
    float *state = evk_encoder_floats(p, b->n, d, err), *pooler = state ? evk_encoder_floats(p, b->n, d, err) : NULL;
    if (!pooler)
        return EVOKE_ENOMEM;
    if (e->stack[0].slots[EVK_E_POOLER].matrix && (o->pooler || o->logits)) {
        evk_encoder_pooler(p, h, state, pooler);
        if (o->pooler)
            memcpy(o->pooler + b->first_row * d, pooler, b->n * d * sizeof *pooler);
    }
    if (!o->logits && !o->state)
        return EVOKE_OK;
    EVK_TRY(gather_states(b, h, state, err));
    if (o->state)
        memcpy(o->state + b->first_row * d, state, b->n * d * sizeof *state);
    if (!o->logits)
        return EVOKE_OK;
    const bool own = e->stack[0].slots[EVK_E_DENSE].matrix != NULL;
    return evk_encoder_head(p, own ? state : pooler, o->logits + b->first_row * e->config.n_label, err);
}

static evoke_status run_stacks(batch *b, evk_encoder_pass *p, evoke_error *err)
{
    const evoke_encoder *e = b->encoder;
    const evoke_encodings *o = b->out;
    const size_t d = e->config.d_model, d_sentence = e->info.d_embedding;
    float *h = evk_encoder_floats(p, b->n_token, d, err), *memory = NULL;
    if (!h)
        return EVOKE_ENOMEM;
    EVK_TRY(evk_encoder_stack_forward(p, 0, b->ids, b->types, NULL, h, err));
    if (e->family->n_stack > 1) {
        memory = h;
        if (!(h = evk_encoder_floats(p, b->n_token, d, err)))
            return EVOKE_ENOMEM;
        EVK_TRY(evk_encoder_stack_forward(p, 1, b->shifted, NULL, memory, h, err));
    }
    for (size_t i = 0; i < b->n; i++) {
        const float *rows = h + b->runs[i].first * d;
        if (o->mean)
            evk_mean_rows(rows, b->runs[i].n, d, o->mean + (b->first_row + i) * d);
        if (o->sentence)
            evk_pool(e, rows, b->runs[i].n, o->sentence + (b->first_row + i) * d_sentence);
    }
    return heads(b, p, h, err);
}

static evoke_status run_batch(batch *b, evoke_error *err)
{
    const evk_encoder_capture take = { capture, b };
    evk_encoder_pass p;
    evk_arena scratch = { 0 };
    size_t bytes = 0;
    evoke_status st = lay_out(b, err);
    if (st == EVOKE_OK)
        st = evk_encoder_scratch(b->encoder, b->n_token, b->longest, &bytes, err);
    if (st == EVOKE_OK)
        st = evk_arena_init(&scratch, bytes, "encode", err);
    if (st == EVOKE_OK)
        st = evk_encoder_begin(&p, b->encoder, b->runs, b->n, &take, &scratch, err);
    if (st == EVOKE_OK)
        st = run_stacks(b, &p, err);
    evk_arena_free(&scratch);
    free(b->runs);
    free(b->ids);
    free(b->types);
    free(b->shifted);
    return st;
}

static evoke_status check(const evoke_encoder *e, const evoke_sequence *sequences, size_t n, const evoke_encodings *o,
                          evoke_error *err)
{
    if (o->pooler && !e->info.has_pooler)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "encode: the model has no pooler (%s)", e->path);
    if (o->logits && e->config.n_label == 0)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "encode: the model is no classifier of texts: its file holds no such head (%s)",
                        e->path);
    for (size_t i = 0; i < n; i++) {
        if (sequences[i].n == 0)
            return evk_fail(err, EVOKE_EDATA, "encode: text %zu has no token", i + 1);
        if (sequences[i].n > (e->config.n_position && !e->config.position_skips_pad ? e->config.n_position : (size_t)1 << 20))
            return evk_fail(err, EVOKE_EDATA, "encode: text %zu has %zu tokens, the model has positions for %zu", i + 1,
                            sequences[i].n, e->config.n_ctx);
    }
    return EVOKE_OK;
}

evoke_status evoke_encode(const evoke_encoder *e, const evoke_sequence *sequences, size_t n, size_t n_batch,
                          const evoke_progress *progress, const evoke_encodings *out, evoke_error *err)
{
    size_t token = 0;
    EVK_TRY(check(e, sequences, n, out, err));
    for (size_t i = 0; i < n;) {
        batch b = { .encoder = e, .sequences = sequences + i, .first_row = i, .first_token = token, .out = out };
        while (i < n && (b.n == 0 || b.n_token + sequences[i].n <= (n_batch ? n_batch : BATCH_TOKENS))) {
            b.longest = sequences[i].n > b.longest ? sequences[i].n : b.longest;
            b.n_token += sequences[i++].n;
            b.n++;
        }
        EVK_TRY(run_batch(&b, err));
        token += b.n_token;
        EVK_TRY(evk_report(progress, "encode", i, n, err));
    }
    return EVOKE_OK;
}
