/* layers/tokenizers/bpe.c: byte pair encoding of one word (Sennrich, Haddow and Birch 2016).
 *
 * Again and again the neighbouring pair whose merge was learned first, the leftmost of these, becomes one symbol, until
 * no pair of neighbours has a merge. The word is a doubly linked list, in which each symbol keeps the rank of the merge
 * with its neighbour. A heap holds the candidates as one number, rank * 2^32 + position; a merge makes at most two new
 * ones. A candidate whose pair has changed since, so that its symbol has another rank, is skipped when it comes up:
 *
 *     n symbols, at most n - 1 merges, at most 3n candidates: O(n log n), for words of any length. */
#include "layers/tokenizers/bpe.h"

#include <stdlib.h>

#include "layers/tokenizers/scratch.h"

enum { CHILDREN = 4 };          /* of a node of the heap: fewer levels, each within a cache line or two */

struct evk_merge { uint64_t pair_and_1; uint32_t rank; int32_t merged; };       /* pair + 1; 0: free */

static uint64_t pair_of(int32_t left, int32_t right)
{
    return ((uint64_t)(uint32_t)left << 32) | (uint32_t)right;
}

static struct evk_merge *merge_of(const evk_bpe *b, int32_t left, int32_t right)
{
    const uint64_t pair = pair_of(left, right);
    uint64_t h = pair * 0x9e3779b97f4a7c15u;
    h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93u;
    size_t i = (size_t)(h >> 24) & (b->n_slot - 1);
    while (b->slot[i].pair_and_1 != 0 && b->slot[i].pair_and_1 != pair + 1)
        i = (i + 1) & (b->n_slot - 1);
    return b->slot + i;
}

evoke_status evk_bpe_init(evk_bpe *b, size_t n_merges, evoke_error *err)
{
    *b = (evk_bpe){0};
    if (n_merges > INT32_MAX)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %zu merges", n_merges);
    for (b->n_slot = 2; b->n_slot < 2 * n_merges + 1; b->n_slot *= 2)
        continue;
    return evk_alloc(&b->slot, b->n_slot, sizeof *b->slot, "open tokenizer", err);
}

void evk_bpe_free(evk_bpe *b)
{
    free(b->slot);
    *b = (evk_bpe){0};
}

void evk_bpe_add(evk_bpe *b, int32_t left, int32_t right, uint32_t rank, int32_t merged)
{
    struct evk_merge *m = merge_of(b, left, right);
    if (m->pair_and_1 != 0)
        return;
    *m = (struct evk_merge){ pair_of(left, right) + 1, rank, merged };
    b->n++;
}

bool evk_bpe_listed(const void *bpe, const evk_symbol *symbol, uint32_t at, uint32_t *rank, int32_t *merged)
{
    const struct evk_merge *m = merge_of(bpe, symbol[at].id, symbol[symbol[at].next].id);
    *rank = m->rank;
    *merged = m->merged;
    return m->pair_and_1 != 0;
}

void evk_bpe_scratch_free(evk_bpe_scratch *s)
{
    free(s->symbol);
    free(s->heap);
    *s = (evk_bpe_scratch){0};
}

evoke_status evk_bpe_begin(evk_bpe_scratch *s, size_t n, evoke_error *err)
{
    s->first = s->last = EVK_NO_SYMBOL;
    s->n_heap = 0;
    return n < EVK_NO_SYMBOL ? EVOKE_OK : evk_fail(err, EVOKE_EDATA, "tokenize: a word of 4 GB or more");
}

evoke_status evk_bpe_symbol(evk_bpe_scratch *s, int32_t id, size_t at, evoke_error *err)
{
    if (at >= EVK_NO_SYMBOL)
        return evk_fail(err, EVOKE_EDATA, "tokenize: a word of 4 GB or more");
    EVK_TRY(evk_grow(&s->symbol, &s->symbol_capacity, at + 1, sizeof *s->symbol, err));
    s->symbol[at] = (evk_symbol){ id, -1, s->last, EVK_NO_SYMBOL, EVK_NO_RANK };
    if (s->last == EVK_NO_SYMBOL)
        s->first = (uint32_t)at;
    else
        s->symbol[s->last].next = (uint32_t)at;
    s->last = (uint32_t)at;
    return EVOKE_OK;
}

/* ---- the heap: the smallest number first ---- */
static void sift_down(uint64_t *heap, size_t n, size_t i)
{
    const uint64_t item = heap[i];
    for (size_t child = CHILDREN * i + 1; child < n; child = CHILDREN * i + 1) {
        const size_t end = n - child < CHILDREN ? n : child + CHILDREN;
        size_t least = child;
        for (size_t k = child + 1; k < end; k++)
            least = heap[k] < heap[least] ? k : least;
        if (heap[least] >= item)
            break;
        heap[i] = heap[least];
        i = least;
    }
    heap[i] = item;
}

static void sift_up(uint64_t *heap, size_t i)
{
    const uint64_t item = heap[i];
    for (size_t parent = 0; i > 0 && item < heap[parent = (i - 1) / CHILDREN]; i = parent)
        heap[i] = heap[parent];
    heap[i] = item;
}

static uint64_t pop(evk_bpe_scratch *s)
{
    const uint64_t first = s->heap[0];
    s->heap[0] = s->heap[--s->n_heap];
    if (s->n_heap > 1)
        sift_down(s->heap, s->n_heap, 0);
    return first;
}

/* Ranks the pair that begins at a symbol, which has a neighbour or not; *added: there is a merge, appended to the heap,
 * whose order is the caller's. */
static evoke_status consider(evk_bpe_rule *rule, const void *rules, evk_bpe_scratch *s, uint32_t at, bool *added,
                             evoke_error *err)
{
    evk_symbol *left = s->symbol + at;
    *added = left->next != EVK_NO_SYMBOL && rule(rules, s->symbol, at, &left->rank, &left->merged);
    if (!*added) {
        left->rank = EVK_NO_RANK;
        return EVOKE_OK;
    }
    EVK_TRY(evk_grow(&s->heap, &s->heap_capacity, s->n_heap + 1, sizeof *s->heap, err));
    s->heap[s->n_heap++] = (uint64_t)left->rank << 32 | at;
    return EVOKE_OK;
}

static evoke_status push(evk_bpe_rule *rule, const void *rules, evk_bpe_scratch *s, uint32_t at, evoke_error *err)
{
    bool added = false;
    EVK_TRY(consider(rule, rules, s, at, &added, err));
    if (added)
        sift_up(s->heap, s->n_heap - 1);
    return EVOKE_OK;
}

/* The symbol after `at` joins it, and is no candidate any more. */
static void join(evk_bpe_scratch *s, uint32_t at)
{
    evk_symbol *left = s->symbol + at, *right = s->symbol + left->next;
    left->id = left->merged;
    left->next = right->next;
    right->rank = EVK_NO_RANK;
    if (left->next != EVK_NO_SYMBOL)
        s->symbol[left->next].previous = at;
    else
        s->last = at;
}

evoke_status evk_bpe_merge(evk_bpe_rule *rule, const void *rules, evk_bpe_scratch *s, evoke_error *err)
{
    bool added = false;
    for (uint32_t at = s->first; at != EVK_NO_SYMBOL; at = s->symbol[at].next)
        EVK_TRY(consider(rule, rules, s, at, &added, err));
    for (size_t i = s->n_heap > 1 ? (s->n_heap - 2) / CHILDREN + 1 : 0; i-- > 0;)
        sift_down(s->heap, s->n_heap, i);
    while (s->n_heap > 0) {
        const uint64_t candidate = pop(s);
        const uint32_t at = (uint32_t)candidate;
        if (s->symbol[at].rank != (uint32_t)(candidate >> 32))
            continue;
        join(s, at);
        EVK_TRY(push(rule, rules, s, at, err));
        if (s->symbol[at].previous != EVK_NO_SYMBOL)
            EVK_TRY(push(rule, rules, s, s->symbol[at].previous, err));
    }
    return EVOKE_OK;
}
