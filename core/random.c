/* core/random.c: PCG64 and NumPy's way to seed it.
 *
 *     state <- state * M + increment  (mod 2^128)          O'Neill 2014, PCG-XSL-RR-128/64
 *     output = rotr64(high ^ low, state >> 122)            of the new state
 *
 * SeedSequence (NumPy, after O'Neill's seed_seq_fe) hashes any number of 32-bit words into a pool of four, every word
 * of the pool depending on all, and draws from the pool the 128-bit initial state and the 128-bit stream number. */
#include "core/random.h"

#include <math.h>
#include <stdbool.h>

enum { POOL = 4, STATE_WORDS = 8 };

static const uint32_t init_a = 0x43b0d7e5u, mult_a = 0x931e8875u;
static const uint32_t init_b = 0x8b51f9ddu, mult_b = 0x58f38dedu;
static const uint32_t mix_l = 0xca01f9ddu, mix_r = 0x4973f715u;

static evk_u128 wide(uint64_t high, uint64_t low)
{
    return (evk_u128)high << 64 | low;
}

/* The entropy as NumPy sees it: each integer as its 32-bit words, lowest first, none above the highest that is set. */
typedef struct words { const uint64_t *entropy; size_t n, at; bool high; } words;

static bool next_word(words *w, uint32_t *out)
{
    if (w->at == w->n)
        return false;
    const uint64_t x = w->entropy[w->at];
    *out = (uint32_t)(w->high ? x >> 32 : x);
    if (!w->high && x >> 32) {
        w->high = true;
    } else {
        w->high = false;
        w->at++;
    }
    return true;
}

static uint32_t hash(uint32_t value, uint32_t *constant)
{
    value ^= *constant;
    *constant *= mult_a;
    value *= *constant;
    return value ^ value >> 16;
}

static uint32_t mix(uint32_t x, uint32_t y)
{
    const uint32_t r = mix_l * x - mix_r * y;
    return r ^ r >> 16;
}

static void fill_pool(uint32_t pool[POOL], words *entropy)
{
    uint32_t constant = init_a, word = 0;
    for (int i = 0; i < POOL; i++)
        pool[i] = hash(next_word(entropy, &word) ? word : 0, &constant);
    for (int from = 0; from < POOL; from++)
        for (int to = 0; to < POOL; to++)
            if (from != to)
                pool[to] = mix(pool[to], hash(pool[from], &constant));
    while (next_word(entropy, &word))
        for (int to = 0; to < POOL; to++)
            pool[to] = mix(pool[to], hash(word, &constant));
}

static void draw_state(const uint32_t pool[POOL], uint64_t state[STATE_WORDS / 2])
{
    uint32_t constant = init_b;
    for (int i = 0; i < STATE_WORDS; i++) {
        uint32_t value = pool[i % POOL] ^ constant;
        constant *= mult_b;
        value *= constant;
        value ^= value >> 16;
        state[i / 2] = i % 2 ? state[i / 2] | (uint64_t)value << 32 : value;
    }
}

static void step(evk_random *r)
{
    r->state = r->state * wide(0x2360ed051fc65da4u, 0x4385df649fccf645u) + r->increment;
}

void evk_random_seed(evk_random *r, const uint64_t *entropy, size_t n)
{
    uint32_t pool[POOL];
    uint64_t s[STATE_WORDS / 2];
    fill_pool(pool, &(words){ .entropy = entropy, .n = n });
    draw_state(pool, s);
    r->state = 0;
    r->increment = wide(s[2], s[3]) << 1 | 1;
    step(r);
    r->state += wide(s[0], s[1]);
    step(r);
}

void evk_random_stream(evk_random *r, uint64_t seed, uint64_t index)
{
    evk_random_seed(r, (const uint64_t[]){ seed, index }, 2);
}

uint64_t evk_random_u64(evk_random *r)
{
    step(r);
    const uint64_t x = (uint64_t)(r->state >> 64) ^ (uint64_t)r->state;
    const unsigned turn = (unsigned)(r->state >> 122);
    return x >> turn | x << (-turn & 63);
}

double evk_random_uniform(evk_random *r)
{
    return (double)(evk_random_u64(r) >> 11) * 0x1p-53;
}

/* Lemire 2019: the high half of x * n, redrawn where the low half falls into the part that would favour some values. */
uint64_t evk_random_below(evk_random *r, uint64_t n)
{
    evk_u128 product = (evk_u128)evk_random_u64(r) * n;
    if ((uint64_t)product < n) {
        const uint64_t least = -n % n;
        while ((uint64_t)product < least)
            product = (evk_u128)evk_random_u64(r) * n;
    }
    return (uint64_t)(product >> 64);
}

double evk_random_normal(evk_random *r)
{
    const double radius = sqrt(-2.0 * log1p(-evk_random_uniform(r)));      /* 1 - u lies in (0, 1] */
    return radius * cos(2.0 * 3.14159265358979323846 * evk_random_uniform(r));
}
