/* layers/prompt_tokenize.c: a rendered prompt to ids, and which of them a part of a message became.
 *
 * The template wrote every token that the model wants, BOS included, so nothing is added here (as Hugging Face's
 * apply_chat_template does, add_special_tokens = False), and special tokens are parsed in all of the text. Token i covers
 * the bytes from its own start to the next greater one. */
#include "layers/prompt_tokenize.h"

/* Bytes [*begin, *end) of the rendered text that a piece has of bytes [from, to) of a message; false: none. */
static bool rendered_part(const evoke_piece *p, size_t from, size_t to, size_t *begin, size_t *end)
{
    const size_t n = p->end - p->begin, last = p->offset + n;
    const size_t low = from > p->offset ? from : p->offset, high = to < last ? to : last;
    if (low >= high)
        return false;
    *begin = p->begin + (low - p->offset);
    *end = p->begin + (high - p->offset);
    return true;
}

void evk_ids_cover(const evoke_ids *ids, size_t n_text, size_t begin, size_t end, size_t *first, size_t *last)
{
    size_t next = n_text;                           /* where the bytes of token i end */
    for (size_t i = ids->n; i-- > 0;) {
        if (i + 1 < ids->n && ids->starts[i + 1] > ids->starts[i])
            next = ids->starts[i + 1];
        if (ids->starts[i] >= end || next <= begin)
            continue;
        if (*first == *last) {
            *first = i;
            *last = i + 1;
        }
        *first = i < *first ? i : *first;
        *last = i + 1 > *last ? i + 1 : *last;
    }
}

evoke_status evoke_prompt_tokenize(const evoke_prompt *p, const evoke_tokenizer *t, size_t message, size_t begin,
                                   size_t end, evoke_ids *out, size_t *first, size_t *last, evoke_error *err)
{
    size_t from = 0, to = 0;
    EVK_TRY(evoke_tokenize(t, p->text.data, p->text.n, EVOKE_TOKENIZE_PARSE_SPECIAL, out, err));
    for (size_t i = 0; i < p->n_pieces; i++) {
        size_t low = 0, high = 0;
        if (p->pieces[i].message == message && rendered_part(p->pieces + i, begin, end, &low, &high))
            evk_ids_cover(out, p->text.n, low, high, &from, &to);
    }
    if (first)
        *first = from;
    if (last)
        *last = to;
    return EVOKE_OK;
}
