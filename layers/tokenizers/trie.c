/* layers/tokenizers/trie.c: a trie over the bytes of tokens.
 *
 * The tokens are sorted by their bytes; then a node is a range of them that agree in its first d bytes, and its children
 * are that range cut where byte d changes. Nodes are made in the order of their depth, so that the children of one are
 * neighbours, sorted by byte; the root's are found by a table. */
#include "layers/tokenizers/trie.h"

#include <stdlib.h>
#include <string.h>

#include "layers/tokenizers/scratch.h"

typedef struct entry { const char *text; size_t n; int32_t id; } entry;
typedef struct range { size_t low, high, depth; } range;        /* of entries that agree in `depth` bytes */

typedef struct builder { evk_trie *trie; entry *entry; range *range; size_t range_capacity; } builder;

static int by_text(const void *x, const void *y)
{
    const entry *a = x, *b = y;
    const int order = memcmp(a->text, b->text, a->n < b->n ? a->n : b->n);
    return order != 0 ? order : (a->n > b->n) - (a->n < b->n);
}

static evoke_status add_node(builder *b, unsigned char byte, range r, evoke_error *err)
{
    evk_trie *t = b->trie;
    if (t->n >= UINT32_MAX)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: the vocabulary has 4 GB of text");
    EVK_TRY(evk_grow(&t->node, &t->capacity, t->n + 1, sizeof *t->node, err));
    EVK_TRY(evk_grow(&b->range, &b->range_capacity, t->n + 1, sizeof *b->range, err));
    t->node[t->n] = (evk_trie_node){ .id = -1, .byte = byte };
    b->range[t->n++] = r;
    return EVOKE_OK;
}

/* The token that ends at the node, and its children. */
static evoke_status fill_node(builder *b, size_t at, evoke_error *err)
{
    const range r = b->range[at];
    size_t low = r.low;
    if (b->entry[low].n == r.depth)
        b->trie->node[at].id = b->entry[low++].id;
    const size_t first = b->trie->n;
    for (size_t high = low; low < r.high; low = high) {
        const unsigned char byte = (unsigned char)b->entry[low].text[r.depth];
        while (high < r.high && (unsigned char)b->entry[high].text[r.depth] == byte)
            high++;
        EVK_TRY(add_node(b, byte, (range){ low, high, r.depth + 1 }, err));
    }
    b->trie->node[at].first_child = (uint32_t)first;
    b->trie->node[at].n_children = (uint16_t)(b->trie->n - first);
    return EVOKE_OK;
}

static size_t collect(const evk_vocabulary *v, const bool *taken, entry *out)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++) {
        entry e = { .id = (int32_t)i };
        e.text = evk_vocabulary_text(v, e.id, &e.n);
        if (e.n > 0 && (!taken || taken[i]) && evk_vocabulary_find(v, e.text, e.n) == e.id)
            out[n++] = e;
    }
    return n;
}

evoke_status evk_trie_build(evk_trie *t, const evk_vocabulary *v, const bool *taken, evoke_error *err)
{
    builder b = { .trie = t };
    EVK_TRY(evk_alloc(&b.entry, v->n, sizeof *b.entry, "open tokenizer", err));
    const size_t n = collect(v, taken, b.entry);
    if (n > 0)
        qsort(b.entry, n, sizeof *b.entry, by_text);
    evoke_status st = add_node(&b, 0, (range){ 0, n, 0 }, err);
    for (size_t i = 0; st == EVOKE_OK && n > 0 && i < t->n; i++)
        st = fill_node(&b, i, err);
    for (size_t i = 0; st == EVOKE_OK && i < t->node[0].n_children; i++)
        t->root[t->node[t->node[0].first_child + i].byte] = t->node[0].first_child + (uint32_t)i;
    free(b.entry);
    free(b.range);
    return st;
}

void evk_trie_free(evk_trie *t)
{
    free(t->node);
    *t = (evk_trie){0};
}

uint32_t evk_trie_step(const evk_trie *t, uint32_t node, unsigned char byte)
{
    if (node == 0)
        return t->root[byte];
    const evk_trie_node *children = t->node + t->node[node].first_child;
    size_t low = 0, high = t->node[node].n_children;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (children[middle].byte < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low < t->node[node].n_children && children[low].byte == byte ? t->node[node].first_child + (uint32_t)low : 0;
}

uint32_t evk_trie_walk(const evk_trie *t, uint32_t node, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((node = evk_trie_step(t, node, (unsigned char)text[i])) == 0)
            return 0;
    return node;
}
