/* layers/tokenizers/scratch.h: growing arrays, spans of bytes, and a passage: text on its way through the steps, each
 * byte with the place in the caller's text that it comes from. */
#ifndef EVK_TOKENIZERS_SCRATCH_H
#define EVK_TOKENIZERS_SCRATCH_H

#include "core/text.h"

/* Makes room for `need` items of `size` bytes: array is a `T **`. The capacity at least doubles. */
evoke_status evk_grow(void *array, size_t *capacity, size_t need, size_t size, evoke_error *err);

typedef struct evk_span { size_t begin, end; } evk_span;
typedef struct evk_spans { evk_span *item; size_t n, capacity; } evk_spans;
evoke_status evk_spans_add(evk_spans *s, size_t begin, size_t end, evoke_error *err);
void evk_spans_free(evk_spans *s);

/* text [n] bytes; byte i comes from byte from[i] of the caller's text, or from base + i where from is NULL (as long as
 * no step has changed anything the text is borrowed). */
typedef struct evk_passage {
    const char *text;
    size_t n;
    const size_t *from;
    size_t base;
    evk_buffer own_text;        /* what text points to once it is a changed copy */
    size_t *own_from;
    size_t from_capacity;
} evk_passage;

static inline size_t evk_passage_from(const evk_passage *p, size_t i)
{
    return p->from ? p->from[i] : p->base + i;
}

void evk_passage_free(evk_passage *p);
/* Appends to a passage under construction (zeroed, or after evk_passage_begin): n bytes that all come from `from`. */
evoke_status evk_passage_put(evk_passage *p, const char *text, size_t n, size_t from, evoke_error *err);
/* Appends bytes [begin, end) of another, with their places. */
evoke_status evk_passage_copy(evk_passage *p, const evk_passage *source, size_t begin, size_t end, evoke_error *err);
/* Empties a passage, keeping its memory, to be filled by put and copy. */
void evk_passage_begin(evk_passage *p);

#endif
