/* layers/tokenizers/vocabulary.c: the tokens of a model by id, and ids by text: one block of text, and a hash table
 * with open addressing, at most half full, whose slots keep 32 bits of the hash so that most misses touch no text. */
#include "layers/tokenizers/vocabulary.h"

#include <stdlib.h>
#include <string.h>

struct evk_vocabulary_slot { uint32_t tag, id_and_1; };     /* id + 1; 0: free */

enum { MAX_TOKENS = 1 << 26 };

/* FNV-1a, 64 bits: taken byte by byte it does not see where one text ends and the next begins. */
static uint64_t hash_more(uint64_t h, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
    return h;
}

static uint64_t hash_pair(const char *a, size_t n_a, const char *b, size_t n_b)
{
    uint64_t h = hash_more(hash_more(0xcbf29ce484222325u, a, n_a), b, n_b);
    h ^= h >> 29;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ (h >> 32);
}

static bool is_text(const evk_vocabulary *v, int32_t id, const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t n = 0;
    const char *text = evk_vocabulary_text(v, id, &n);
    return n == n_a + n_b && memcmp(text, a, n_a) == 0 && memcmp(text + n_a, b, n_b) == 0;
}

/* The slot of a text: its own, or the free one where it would go. */
static struct evk_vocabulary_slot *slot_of(const evk_vocabulary *v, const char *a, size_t n_a, const char *b, size_t n_b,
                                           uint32_t *tag)
{
    const uint64_t h = hash_pair(a, n_a, b, n_b);
    *tag = (uint32_t)(h >> 32);
    size_t i = (size_t)h & (v->n_slot - 1);
    while (v->slot[i].id_and_1 != 0 &&
           !(v->slot[i].tag == *tag && is_text(v, (int32_t)(v->slot[i].id_and_1 - 1), a, n_a, b, n_b)))
        i = (i + 1) & (v->n_slot - 1);
    return v->slot + i;
}

int32_t evk_vocabulary_find_pair(const evk_vocabulary *v, const char *a, size_t n_a, const char *b, size_t n_b)
{
    uint32_t tag = 0;
    if (n_a + n_b > v->longest || n_a + n_b == 0)
        return -1;
    return (int32_t)slot_of(v, a, n_a, b, n_b, &tag)->id_and_1 - 1;
}

int32_t evk_vocabulary_find(const evk_vocabulary *v, const char *text, size_t n)
{
    return evk_vocabulary_find_pair(v, text, n, "", 0);
}

static evoke_status fill_slots(evk_vocabulary *v, const evk_token *tokens, const char *where, evoke_error *err)
{
    for (size_t i = 0; i < v->n; i++) {
        if (tokens[i].hidden || tokens[i].n == 0)
            continue;
        uint32_t tag = 0;
        struct evk_vocabulary_slot *slot = slot_of(v, tokens[i].text, tokens[i].n, "", 0, &tag);
        if (slot->id_and_1 != 0)
            return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: tokens %u and %zu are both '%.60s' (%s)",
                            slot->id_and_1 - 1, i, v->text + v->at[i], where);
        *slot = (struct evk_vocabulary_slot){ tag, (uint32_t)i + 1 };
        if (tokens[i].n > v->longest)
            v->longest = tokens[i].n;
    }
    return EVOKE_OK;
}

evoke_status evk_vocabulary_build(evk_vocabulary *v, const evk_token *tokens, size_t n, const char *where,
                                  evoke_error *err)
{
    *v = (evk_vocabulary){ .n = n };
    if (n == 0 || n > MAX_TOKENS)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: a vocabulary of %zu tokens (%s)", n, where);
    size_t bytes = n;
    for (size_t i = 0; i < n; i++)
        if (!evk_sum(bytes, tokens[i].n, &bytes))
            return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: the vocabulary's size overflows (%s)", where);
    for (v->n_slot = 2; v->n_slot < 2 * n; v->n_slot *= 2)
        continue;
    EVK_TRY(evk_alloc(&v->text, bytes, 1, "open tokenizer", err));
    EVK_TRY(evk_alloc(&v->at, n + 1, sizeof *v->at, "open tokenizer", err));
    EVK_TRY(evk_alloc(&v->kind, n, 1, "open tokenizer", err));
    EVK_TRY(evk_alloc(&v->slot, v->n_slot, sizeof *v->slot, "open tokenizer", err));
    for (size_t i = 0; i < n; i++) {
        if (tokens[i].n > 0)
            memcpy(v->text + v->at[i], tokens[i].text, tokens[i].n);
        v->at[i + 1] = v->at[i] + tokens[i].n + 1;
        v->kind[i] = (uint8_t)tokens[i].kind;
    }
    return fill_slots(v, tokens, where, err);
}

void evk_vocabulary_free(evk_vocabulary *v)
{
    free(v->text);
    free(v->at);
    free(v->kind);
    free(v->slot);
    *v = (evk_vocabulary){0};
}
