/* layers/tokenizers/bpe.h: byte pair encoding of one word, over ids. */
#ifndef EVK_TOKENIZERS_BPE_H
#define EVK_TOKENIZERS_BPE_H

#include "core/status.h"

/* The merges: (left, right) -> rank and the id of the two together. */
typedef struct evk_bpe { struct evk_merge *slot; size_t n_slot, n; } evk_bpe;

evoke_status evk_bpe_init(evk_bpe *b, size_t n_merges, evoke_error *err);
void evk_bpe_free(evk_bpe *b);
/* At most n_merges times, ranks rising; of a pair named twice the first holds. */
void evk_bpe_add(evk_bpe *b, int32_t left, int32_t right, uint32_t rank, int32_t merged);

/* A word as a linked list of symbols: id, and the byte of the word where it begins. */
typedef struct evk_symbol { int32_t id; uint32_t begin, previous, next; } evk_symbol;
#define EVK_NO_SYMBOL UINT32_MAX

typedef struct evk_bpe_scratch {
    evk_symbol *symbol;         /* [n_symbol] the word, filled by the caller with evk_bpe_symbol */
    size_t n_symbol, symbol_capacity;
    struct evk_candidate *heap;
    size_t n_heap, heap_capacity;
} evk_bpe_scratch;

void evk_bpe_scratch_free(evk_bpe_scratch *s);
/* Appends a symbol to the word; s->n_symbol = 0 begins a new one. */
evoke_status evk_bpe_symbol(evk_bpe_scratch *s, int32_t id, size_t begin, evoke_error *err);
/* Merges all that can be merged. Symbol 0 stays the first; follow .next to EVK_NO_SYMBOL. O(n log n). */
evoke_status evk_bpe_merge(const evk_bpe *b, evk_bpe_scratch *s, evoke_error *err);

#endif
