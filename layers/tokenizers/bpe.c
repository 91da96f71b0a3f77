/* layers/tokenizers/bpe.c: byte pair encoding of one word (Sennrich, Haddow and Birch 2016).
 *
 * Again and again the neighbouring pair whose merge was learned first, the leftmost of these, becomes one symbol, until
 * no pair of neighbours has a merge. The word is a doubly linked list; a heap holds the candidates (rank, position), of
 * which a merge makes at most two new ones. A candidate whose symbols have changed since is skipped when it comes up:
 *
 *     n symbols, at most n - 1 merges, at most 3n candidates: O(n log n), for words of any length. */
#include "layers/tokenizers/bpe.h"

#include <stdlib.h>

#include "layers/tokenizers/scratch.h"

struct evk_merge { uint64_t pair_and_1; uint32_t rank; int32_t merged; };      /* pair + 1; 0: free */
typedef struct evk_candidate { uint32_t rank, at; int32_t left, right; } evk_candidate;

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
    if (m->pair_and_1 == 0) {
        *m = (struct evk_merge){ pair_of(left, right) + 1, rank, merged };
        b->n++;
    }
}

void evk_bpe_scratch_free(evk_bpe_scratch *s)
{
    free(s->symbol);
    free(s->heap);
    *s = (evk_bpe_scratch){0};
}

evoke_status evk_bpe_symbol(evk_bpe_scratch *s, int32_t id, size_t begin, evoke_error *err)
{
    if (begin >= EVK_NO_SYMBOL)
        return evk_fail(err, EVOKE_EDATA, "tokenize: a word of over 4 GB");
    EVK_TRY(evk_grow(&s->symbol, &s->symbol_capacity, s->n_symbol + 1, sizeof *s->symbol, err));
    const uint32_t i = (uint32_t)s->n_symbol++;
    s->symbol[i] = (evk_symbol){ id, (uint32_t)begin, i ? i - 1 : EVK_NO_SYMBOL, EVK_NO_SYMBOL };
    if (i)
        s->symbol[i - 1].next = i;
    return EVOKE_OK;
}

/* ---- the heap: smallest (rank, at) first ---- */
static bool before(const evk_candidate *a, const evk_candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void sift_down(evk_candidate *heap, size_t n, size_t i)
{
    const evk_candidate item = heap[i];
    for (size_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
        if (child + 1 < n && before(heap + child + 1, heap + child))
            child++;
        if (!before(heap + child, &item))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = item;
}

static void sift_up(evk_candidate *heap, size_t i)
{
    const evk_candidate item = heap[i];
    while (i > 0 && before(&item, heap + (i - 1) / 2)) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = item;
}

/* Appends the pair that begins at symbol `at`, if it has a merge; the heap's order is the caller's. */
static evoke_status consider(const evk_bpe *b, evk_bpe_scratch *s, uint32_t at, bool *added, evoke_error *err)
{
    *added = false;
    const uint32_t next = at == EVK_NO_SYMBOL ? EVK_NO_SYMBOL : s->symbol[at].next;
    if (next == EVK_NO_SYMBOL)
        return EVOKE_OK;
    const int32_t left = s->symbol[at].id, right = s->symbol[next].id;
    const struct evk_merge *m = merge_of(b, left, right);
    if (m->pair_and_1 == 0)
        return EVOKE_OK;
    EVK_TRY(evk_grow(&s->heap, &s->heap_capacity, s->n_heap + 1, sizeof *s->heap, err));
    s->heap[s->n_heap++] = (evk_candidate){ m->rank, at, left, right };
    *added = true;
    return EVOKE_OK;
}

static evoke_status push(const evk_bpe *b, evk_bpe_scratch *s, uint32_t at, evoke_error *err)
{
    bool added = false;
    EVK_TRY(consider(b, s, at, &added, err));
    if (added)
        sift_up(s->heap, s->n_heap - 1);
    return EVOKE_OK;
}

static evk_candidate pop(evk_bpe_scratch *s)
{
    const evk_candidate first = s->heap[0];
    s->heap[0] = s->heap[--s->n_heap];
    if (s->n_heap > 1)
        sift_down(s->heap, s->n_heap, 0);
    return first;
}

/* The symbol after `at` joins it. Its own id becomes -1, so that candidates that begin there are stale. */
static void join(evk_bpe_scratch *s, uint32_t at, int32_t merged)
{
    evk_symbol *left = s->symbol + at, *right = s->symbol + left->next;
    left->id = merged;
    left->next = right->next;
    right->id = -1;
    if (left->next != EVK_NO_SYMBOL)
        s->symbol[left->next].previous = at;
}

evoke_status evk_bpe_merge(const evk_bpe *b, evk_bpe_scratch *s, evoke_error *err)
{
    bool added = false;
    s->n_heap = 0;
    for (size_t i = 0; i < s->n_symbol; i++)
        EVK_TRY(consider(b, s, (uint32_t)i, &added, err));
    for (size_t i = s->n_heap / 2; i-- > 0;)
        sift_down(s->heap, s->n_heap, i);
    while (s->n_heap > 0) {
        const evk_candidate c = pop(s);
        const uint32_t next = s->symbol[c.at].id == c.left ? s->symbol[c.at].next : EVK_NO_SYMBOL;
        if (next == EVK_NO_SYMBOL || s->symbol[next].id != c.right)
            continue;
        join(s, c.at, merge_of(b, c.left, c.right)->merged);
        EVK_TRY(push(b, s, s->symbol[c.at].previous, err));
        EVK_TRY(push(b, s, c.at, err));
    }
    return EVOKE_OK;
}
