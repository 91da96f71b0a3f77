/* layers/tokenizers/pair.c: one text or two as the sequence that an encoder reads, with its special tokens and types.
 *
 * Where a text is too long, transformers' longest_first leaves n_a and n_b tokens of the M that the special ones leave:
 *
 *     n_a + n_b <= M                  both whole
 *     the shorter n <= M / 2          the longer keeps M - n
 *     otherwise                       M / 2 for the shorter, and what is left for the other */
#include <stdlib.h>

#include "layers/tokenizers/tokenizer.h"

/* What prefix and suffix make, as GGUF files have it: prefix A suffix, and B suffix of type 1. */
static evoke_status plain_frame(const evoke_tokenizer *t, bool pair, evk_frame *f, evoke_error *err)
{
    for (size_t i = 0; i < t->prefix.n; i++)
        EVK_TRY(evk_frame_add(f, EVK_SLOT_TOKEN, t->prefix.ids[i], 0, err));
    for (int32_t part = 0; part < 1 + (int32_t)pair; part++) {
        EVK_TRY(evk_frame_add(f, part == 0 ? EVK_SLOT_A : EVK_SLOT_B, -1, part, err));
        for (size_t i = 0; i < t->suffix.n; i++)
            EVK_TRY(evk_frame_add(f, EVK_SLOT_TOKEN, t->suffix.ids[i], part, err));
    }
    return EVOKE_OK;
}

static evoke_status shorten(size_t *n_a, size_t *n_b, bool pair, size_t added, size_t max_length, evoke_error *err)
{
    if (max_length == 0)
        return EVOKE_OK;
    if (max_length < added)
        return evk_fail(err, EVOKE_EDATA, "tokenize: a length of %zu has no room for the %zu special tokens", max_length,
                        added);
    const size_t most = max_length - added;
    if (*n_a + *n_b <= most)
        return EVOKE_OK;
    size_t *shorter = *n_a > *n_b ? n_b : n_a, *longer = *n_a > *n_b ? n_a : n_b;
    if (!pair || *shorter <= most / 2) {
        *longer = pair ? most - *shorter : most;
        return EVOKE_OK;
    }
    *shorter = most / 2;
    *longer = most - most / 2;
    return EVOKE_OK;
}

/* The frame filled with the tokens of the texts. */
static evoke_status assemble(const evk_frame *f, const evk_sink texts[2], const size_t n_bytes[2], evk_sink *out,
                             int32_t **types, size_t *types_capacity, evoke_error *err)
{
    size_t text = 0, at = 0;                            /* where a token that the frame adds stands */
    for (size_t i = 0; i < f->n; i++) {
        const evk_frame_item *item = f->item + i;
        const size_t before = out->n;
        if (item->slot == EVK_SLOT_TOKEN)
            EVK_TRY(evk_sink_add(out, item->id, at, err));
        text = item->slot == EVK_SLOT_B;
        for (size_t k = 0; item->slot != EVK_SLOT_TOKEN && k < texts[text].n; k++)
            EVK_TRY(evk_sink_add(out, texts[text].ids[k], texts[text].starts[k], err));
        if (item->slot != EVK_SLOT_TOKEN)
            at = n_bytes[text];
        EVK_TRY(evk_grow(types, types_capacity, out->n + 1, sizeof **types, err));
        for (size_t k = before; k < out->n; k++)
            (*types)[k] = item->type;
    }
    return EVOKE_OK;
}

static void free_sink(evk_sink *s)
{
    free(s->ids);
    free(s->starts);
    *s = (evk_sink){0};
}

evoke_status evoke_tokenize_pair(const evoke_tokenizer *t, const char *a, size_t n_a, const char *b, size_t n_b,
                                 size_t max_length, evoke_ids *out, int32_t **type_ids, evoke_error *err)
{
    evk_sink texts[2] = {0}, all = {0};
    evk_frame plain = {0};
    const evk_frame *frame = b ? &t->pair : &t->single;
    const size_t n_bytes[2] = { n_a, n_b };
    size_t types_capacity = 0;
    *out = (evoke_ids){0};
    *type_ids = NULL;
    evoke_status st = EVOKE_OK;
    if (frame->n == 0) {
        frame = &plain;
        st = plain_frame(t, b != NULL, &plain, err);
    }
    if (st == EVOKE_OK)
        st = evk_tokenizer_encode(t, a, n_a, true, texts, err);
    if (st == EVOKE_OK && b)
        st = evk_tokenizer_encode(t, b, n_b, true, texts + 1, err);
    if (st == EVOKE_OK)
        st = shorten(&texts[0].n, &texts[1].n, b != NULL, evk_frame_added(frame), max_length, err);
    if (st == EVOKE_OK)
        st = assemble(frame, texts, n_bytes, &all, type_ids, &types_capacity, err);
    if (st == EVOKE_OK)
        st = evk_sink_hand_over(&all, out, err);
    if (st != EVOKE_OK) {
        free(*type_ids);
        *type_ids = NULL;
    }
    free_sink(texts);
    free_sink(texts + 1);
    free_sink(&all);
    evk_frame_free(&plain);
    return st;
}
