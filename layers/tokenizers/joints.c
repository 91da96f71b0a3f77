/* layers/tokenizers/joints.c: where a text can be cut before it is merged.
 *
 * Merging works on whole texts where no pre-tokenizer cuts them (Llama 2, Gemma): millions of symbols in one heap. But a
 * merge never crosses a place whose two characters no token holds side by side ("d" and the mark for a space, say). Cut
 * there, the parts merge to the same symbols as the whole, each in a heap that stays in the cache.
 *
 * The pairs are kept as a set of hashed bits: two that share a bit only make a part longer. */
#include "layers/tokenizers/joints.h"

#include <stdlib.h>

#include "core/text.h"

enum { BITS = 20, WORD_BITS = 64 };

static uint32_t bit_of(int32_t left, int32_t right)
{
    const uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(((h ^ (h >> 31)) * 0xd6e8feb86659fd93u) >> (64 - BITS));
}

evoke_status evk_joints_init(evk_joints *j, evoke_error *err)
{
    return evk_alloc(&j->bit, ((size_t)1 << BITS) / WORD_BITS, sizeof *j->bit, "open tokenizer", err);
}

void evk_joints_free(evk_joints *j)
{
    free(j->bit);
    *j = (evk_joints){0};
}

void evk_joints_add(evk_joints *j, const char *text, size_t n)
{
    int32_t left = -1, right = -1;
    for (size_t i = 0, length = 0; i < n; i += length, left = right) {
        length = evk_utf8_next(text + i, n - i, &right);
        if (length == 0)            /* not UTF-8: found in no text */
            return;
        if (left >= 0)
            j->bit[bit_of(left, right) / WORD_BITS] |= (uint64_t)1 << bit_of(left, right) % WORD_BITS;
    }
}

bool evk_joints_has(const evk_joints *j, int32_t left, int32_t right)
{
    return j->bit[bit_of(left, right) / WORD_BITS] >> bit_of(left, right) % WORD_BITS & 1;
}
