/* layers/tokenizers/bpe.h: byte pair encoding of one word, over ids. */
#ifndef EVK_TOKENIZERS_BPE_H
#define EVK_TOKENIZERS_BPE_H

#include "core/status.h"

/* The merges: (left, right) -> rank, and the id of the two together. */
typedef struct evk_bpe { struct evk_merge *slot; size_t n_slot, n; } evk_bpe;

evoke_status evk_bpe_init(evk_bpe *b, size_t n_merges, evoke_error *err);
void evk_bpe_free(evk_bpe *b);
/* rank < n_merges, each once, rising; of a pair named twice the first holds. */
void evk_bpe_add(evk_bpe *b, int32_t left, int32_t right, uint32_t rank, int32_t merged);

/* A word of n bytes as a linked list of symbols, each at the index of the byte where it begins; rank and merged are of
 * the symbol with the one after it. */
#define EVK_NO_SYMBOL UINT32_MAX
#define EVK_NO_RANK UINT32_MAX
typedef struct evk_symbol { int32_t id, merged; uint32_t previous, next, rank; } evk_symbol;

typedef struct evk_bpe_scratch {
    evk_symbol *symbol;
    size_t symbol_capacity;
    uint32_t first, last;       /* EVK_NO_SYMBOL: the word has none */
    uint64_t *heap;
    size_t n_heap, heap_capacity;
} evk_bpe_scratch;

void evk_bpe_scratch_free(evk_bpe_scratch *s);
/* Begins a word of n bytes without symbols. Errors: EVOKE_EDATA a word of 4 GB. */
evoke_status evk_bpe_begin(evk_bpe_scratch *s, size_t n, evoke_error *err);
/* Appends a symbol that begins at byte `at` < n, behind the last; no other begins there. */
evoke_status evk_bpe_symbol(evk_bpe_scratch *s, int32_t id, size_t at, evoke_error *err);
/* What joins symbol `at` and the one after it: its rank, the lower the earlier, and the id of the two together. false:
 * nothing does. */
typedef bool evk_bpe_rule(const void *rules, const evk_symbol *symbol, uint32_t at, uint32_t *rank, int32_t *merged);
/* The rule of an evk_bpe: a pair that is in its list of merges. */
bool evk_bpe_listed(const void *bpe, const evk_symbol *symbol, uint32_t at, uint32_t *rank, int32_t *merged);
/* Merges all that the rule lets: what is left are the symbols from s->first on by .next. O(n log n). */
evoke_status evk_bpe_merge(evk_bpe_rule *rule, const void *rules, evk_bpe_scratch *s, evoke_error *err);

#endif
