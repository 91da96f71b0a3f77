/* core/kernels/amx.c: products by digits on AMX's tiles, for Intel CPUs from Sapphire Rapids on.
 *
 * A block of 32 of sixteen tokens' digits is one tile A [16][32], its codes of a group of 16 rows, as packed.h lays them out,
 * another B [8][16][4]; TDPBSUD makes their sums [16 tokens][16 rows], exact as 32-bit integers are, which go through memory in the
 * first cache to AVX-512, where they meet scales and units in the order of packed.h: the same bits as everywhere.
 *
 * What to expect, from Intel's optimisation manual (TDP: a tile of 16 rows every 16 cycles, loads and stores 8 and 16): of a block
 * and 32 rows, one digit takes 32 cycles of tile products, 16 tokens x 2 vectors of 4 or 5 operations on two ports take 70, so
 * that a digit costs about 0.6 times AVX-512 VNNI's 128 cycles and three digits, with 2 x 16 x 10 operations, 0.45 times its 400. Not
 * measured: no such CPU was at hand; tests/core/amx_emulated.sh runs it against the reference.
 *
 * The shape of tiles is a thread's own state: it is set at the beginning of a call and released at its end, so that nothing is left
 * for the system to save. A tile of few tokens, as when one text is written, is quicker without. */
#define P_TOKEN_ROWS
#include "core/kernels/packed_avx512.h"

#include "core/kernels/tiles.h"

enum { TOKENS = EVK_PACKED_TILE_MOST, FEW_TOKENS = 4, ROWS = EVK_PACKED_ROWS, CODES = EVK_PACKED_BLOCK * ROWS };

/* The sums of a group: of each digit, the rows of 16, by token. */
typedef struct sums { int32_t of[EVK_MAX_DIGIT][2][TOKENS][ROWS] __attribute__((aligned(64))); } sums;
typedef struct results { float of[2][TOKENS][ROWS] __attribute__((aligned(64))); } results;

/* Tiles 0, 1: codes of two groups of rows. 2: digits. 3, 4 and 5, 6: sums, in turn. */
static void shape_tiles(size_t n_token, size_t n_term)
{
    evk_tile_shape s = { .palette = 1 };
    for (size_t i = 0; i < 7; i++) {
        s.rows[i] = (uint8_t)(i < 2 ? n_term / 4 : n_token);
        s.row_bytes[i] = (uint16_t)(i == 2 ? n_term : 4 * ROWS);
    }
    TILE_CONFIGURE(&s);
}

#define ONE_DIGIT(d, first, second)                                                                                     \
    do {                                                                                                                \
        TILE_LOAD(2, digits + (d) * (EVK_PACKED_BLOCK * TOKENS), EVK_PACKED_BLOCK);                                     \
        TILE_ZERO(first);                                                                                               \
        TILE_ZERO(second);                                                                                              \
        TILE_DOT(first, 2, 0);                                                                                          \
        TILE_DOT(second, 2, 1);                                                                                         \
        TILE_STORE(first, out->of[d][0], sizeof *out->of[d][0]);                                                        \
        TILE_STORE(second, out->of[d][1], sizeof *out->of[d][1]);                                                       \
    } while (0)

/* sum code digit of one group of terms, for all tokens; codes of the two groups of rows, digits of the first token. */
static inline void tile_sums(const uint8_t *const codes[2], const int8_t *digits, size_t n_digit, sums *out)
{
    TILE_LOAD(0, codes[0], 4 * ROWS);
    TILE_LOAD(1, codes[1], 4 * ROWS);
    ONE_DIGIT(0, 3, 4);
    if (n_digit == 1)
        return;
    ONE_DIGIT(1, 5, 6);
    ONE_DIGIT(2, 3, 4);
}

/* Group g of block b: sums into results. */
static inline void add_sums(const p_place *p, char *record, size_t b, size_t g, size_t n_digit, size_t n_token, const sums *s, results *y)
{
    const evk_packed *w = p->w;
    const evk_digit_part part = w->groups_of_16 ? (evk_digit_part)g : EVK_DIGITS_ALL;
    const float *unit = evk_record_unit(record, P_WIDTH, n_digit), *total = evk_record_total(record, P_WIDTH, n_digit, part);
    const int less = evk_packed_less(w, n_digit);
    for (size_t v = 0; v < 2; v++) {
        const p_floats scale = p_scale(p, w->scales, b, g, v, w->groups_of_16);
        const p_floats own = w->mins ? p_scale(p, w->mins, b, g, v, w->groups_of_16) : f_zero(), min = f_fma(f_set((float)less), scale, own);
        for (size_t t = 0; t < n_token; t++) {
            p_ints number[EVK_MAX_DIGIT];
            for (size_t d = 0; d < n_digit; d++) {
                const int32_t of = evk_record_sum(record, P_WIDTH, n_digit, d, part)[t];
                number[d] = p_add(p_load((const uint8_t *)s->of[d][v][t]), p_set(-less * of));
            }
            p_floats sum = f_fma(f_mul(scale, f_set(unit[t])), p_number(number, 1, n_digit, false), f_load(y->of[v][t]));
            if (w->mins)
                sum = f_fma(min, f_set(total[t]), sum);
            f_store(y->of[v][t], sum);
        }
    }
}

static void multiply_tile(const p_place *p, size_t n_digit, size_t n_token, float *y, size_t ldy)
{
    const evk_packed *w = p->w;
    const size_t n_group = w->groups_of_16 ? 2 : 1, n_term = EVK_PACKED_BLOCK / n_group, bytes = w->four_bits ? CODES / 2 : CODES;
    uint8_t spread[2][CODES] __attribute__((aligned(64)));
    results sum = { 0 };
    sums s;
    shape_tiles(n_token, n_term);
    for (size_t b = 0; b < w->n_block; b++) {
        char *record = evk_record(p->x, p->tile, b);
        const uint8_t *codes[2];
        for (size_t v = 0; v < 2; v++) {
            codes[v] = w->codes + ((2 * p->pair + v) * w->n_block + b) * bytes;
            if (w->four_bits) {
                simd_spread_codes(codes[v], bytes, spread[v]);
                codes[v] = spread[v];
            }
        }
        for (size_t g = 0; g < n_group; g++) {
            const uint8_t *const own[2] = { codes[0] + g * n_term * ROWS, codes[1] + g * n_term * ROWS };
            tile_sums(own, evk_record_digit(record, P_WIDTH, 0) + g * n_term, n_digit, &s);
            add_sums(p, record, b, g, n_digit, n_token, &s, &sum);
        }
    }
    TILE_RELEASE();
    for (size_t t = 0; t < n_token; t++)
        for (size_t v = 0; v < 2; v++)
            f_store(y + t * ldy + v * ROWS, f_load(sum.of[v][t]));
}

static void multiply_packed(const evk_packed *w, size_t which, const evk_digits *x, size_t tile, float *y, size_t ldy)
{
    const size_t n_token = evk_tile_tokens(x, tile);
    const p_place p = { w, x, which, 0, tile, 0 };
    if (n_token <= FEW_TOKENS)
        simd_multiply_packed(w, which, x, tile, y, ldy);
    else if (x->n_digit == 1)
        multiply_tile(&p, 1, n_token, y, ldy);
    else
        multiply_tile(&p, EVK_MAX_DIGIT, n_token, y, ldy);
}

void evk_kernels_add_amx(evk_kernels *k)
{
    k->isa = "amx";
    add_packed(k, true);
    k->multiply_packed = multiply_packed;
}
