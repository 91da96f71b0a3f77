/* core/kernels/packed.c: weights into packed form. */
#include "core/kernels/packed.h"

#include <stdlib.h>

#include "core/kernels/quants.h"

/* ---- codes, scales and minima of a type ---- */

/* The codes of one unit of n values (32 or 256) and the scale and minimum of each of its groups. */
typedef void code_function(const uint8_t *b, uint8_t *code, float *scale, float *min);

static void nibbles(const uint8_t *q, uint8_t *code)
{
    for (size_t j = 0; j < 16; j++) {
        code[j] = q[j] & 15;
        code[j + 16] = q[j] >> 4;
    }
}

static void fifths(const uint8_t *b, uint8_t *code)
{
    const uint32_t h = evk_read_u32(b);
    nibbles(b + 4, code);
    for (size_t j = 0; j < 32; j++)
        code[j] = (uint8_t)(code[j] | (h >> j & 1) << 4);
}

static void code_q4_0(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    (void)min;
    *scale = evk_read_f16(b);
    nibbles(b + 2, code);
}

static void code_q4_1(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    *scale = evk_read_f16(b);
    *min = evk_read_f16(b + 2);
    nibbles(b + 4, code);
}

static void code_q5_0(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    (void)min;
    *scale = evk_read_f16(b);
    fifths(b + 2, code);
}

static void code_q5_1(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    *scale = evk_read_f16(b);
    *min = evk_read_f16(b + 2);
    fifths(b + 4, code);
}

static void code_q8_0(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    (void)min;
    *scale = evk_read_f16(b);
    for (size_t j = 0; j < 32; j++)
        code[j] = b[2 + j] ^ 0x80;
}

static void code_q2_k(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    const float d = evk_read_f16(b + 80), dmin = evk_read_f16(b + 82);
    for (size_t g = 0; g < 16; g++) {
        scale[g] = d * (float)(b[g] & 15);
        min[g] = -(dmin * (float)(b[g] >> 4));
    }
    for (size_t i = 0; i < 256; i++)
        code[i] = b[16 + 32 * (i / 128) + i % 32] >> 2 * (i / 32 % 4) & 3;
}

static void code_q3_k(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    (void)min;
    for (size_t g = 0; g < 16; g++)
        scale[g] = evk_read_f16(b + 108) * (float)evk_q3_k_scale(b + 96, g);
    for (size_t i = 0; i < 256; i++) {
        const int two = b[32 + 32 * (i / 128) + i % 32] >> 2 * (i / 32 % 4) & 3, high = b[i % 32] >> i / 32 & 1;
        code[i] = (uint8_t)(two | high << 2);
    }
}

/* Of the eight groups of a Q4_K or Q5_K block. */
static void k_scales(const uint8_t *b, float *scale, float *min)
{
    const float d = evk_read_f16(b), dmin = evk_read_f16(b + 2);
    for (size_t g = 0; g < 8; g++) {
        uint8_t s, m;
        evk_k_scale_min(b + 4, g, &s, &m);
        scale[g] = d * (float)s;
        min[g] = -(dmin * (float)m);
    }
}

static void code_q4_k(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    k_scales(b, scale, min);
    for (size_t i = 0; i < 256; i++)
        code[i] = b[16 + 32 * (i / 64) + i % 32] >> 4 * (i / 32 % 2) & 15;
}

static void code_q5_k(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    k_scales(b, scale, min);
    for (size_t i = 0; i < 256; i++) {
        const int four = b[48 + 32 * (i / 64) + i % 32] >> 4 * (i / 32 % 2) & 15, fifth = b[16 + i % 32] >> i / 32 & 1;
        code[i] = (uint8_t)(four | fifth << 4);
    }
}

static void code_q6_k(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    (void)min;
    for (size_t g = 0; g < 16; g++)
        scale[g] = evk_read_f16(b + 208) * (float)(int8_t)b[192 + g];
    for (size_t i = 0; i < 256; i++) {
        const size_t n = i / 128, j = i / 32 % 4, l = i % 32;
        const int low = b[64 * n + 32 * (j % 2) + l] >> 4 * (j / 2) & 15, high = b[128 + 32 * n + l] >> 2 * j & 3;
        code[i] = (uint8_t)(low | high << 4);
    }
}

/* Levels are whole numbers in [-127, 127]. */
static void levels(const uint8_t *q, const float level[16], uint8_t *code)
{
    nibbles(q, code);
    for (size_t j = 0; j < 32; j++)
        code[j] = (uint8_t)(128 + (int)level[code[j]]);
}

static void code_iq4_nl(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    (void)min;
    *scale = evk_read_f16(b);
    levels(b + 2, evk_iq4_levels, code);
}

static void code_iq4_xs(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    (void)min;
    for (size_t g = 0; g < 8; g++) {
        scale[g] = evk_read_f16(b) * (float)evk_iq4_xs_scale(b, g);
        levels(b + 8 + 16 * g, evk_iq4_levels, code + 32 * g);
    }
}

static void code_mxfp4(const uint8_t *b, uint8_t *code, float *scale, float *min)
{
    (void)min;
    *scale = evk_mxfp4_scale(b[0]);
    levels(b + 1, evk_float4_levels, code);
}

typedef struct recipe {
    code_function *code;
    size_t n;                       /* values of a unit */
    int bits;                       /* of a code; those of four are kept two a byte */
    bool groups_of_16, half_scales, has_min;
    int offset;
    bool any_scale;
} recipe;

static const recipe recipes[EVK_N_TYPE] = {
    [EVK_Q4_0] = { code_q4_0, 32, 4, false, true, false, 8 },
    [EVK_Q4_1] = { code_q4_1, 32, 4, false, true, true, 0 },
    [EVK_Q5_0] = { code_q5_0, 32, 5, false, true, false, 16 },
    [EVK_Q5_1] = { code_q5_1, 32, 5, false, true, true, 0 },
    [EVK_Q8_0] = { code_q8_0, 32, 8, false, true, false, 128 },
    [EVK_Q2_K] = { code_q2_k, 256, 4, true, false, true, 0 },
    [EVK_Q3_K] = { code_q3_k, 256, 4, true, false, false, 4 },
    [EVK_Q4_K] = { code_q4_k, 256, 4, false, false, true, 0 },
    [EVK_Q5_K] = { code_q5_k, 256, 5, false, false, true, 0 },
    [EVK_Q6_K] = { code_q6_k, 256, 6, true, false, false, 32 },
    [EVK_IQ4_NL] = { code_iq4_nl, 32, 8, false, true, false, 128 },
    [EVK_IQ4_XS] = { code_iq4_xs, 256, 8, false, false, false, 128 },
    [EVK_MXFP4] = { code_mxfp4, 32, 8, false, false, false, 128, .any_scale = true },
};

bool evk_packs(evk_type type)
{
    return recipes[type].code != NULL;
}

/* ---- packing ---- */

static size_t code_bytes(const evk_packed *p) { return p->four_bits ? 256 : 512; }
static size_t row_groups(const evk_packed *p) { return 2 * evk_packed_pairs(p); }

/* Four values of 16 bits of each of four rows, to four of each of four columns; in a little-endian register, rows[0] lowest. */
static void turn_halves(uint64_t a[4])
{
    const uint64_t evens = 0x0000ffff0000ffff, low = 0xffffffff;
    const uint64_t even[2] = { (a[0] & evens) | (a[1] & evens) << 16, (a[2] & evens) | (a[3] & evens) << 16 };
    const uint64_t odd[2] = { (a[0] >> 16 & evens) | (a[1] & ~evens), (a[2] >> 16 & evens) | (a[3] & ~evens) };
    a[0] = (even[0] & low) | even[1] << 32;
    a[1] = (odd[0] & low) | odd[1] << 32;
    a[2] = even[0] >> 32 | (even[1] & ~low);
    a[3] = odd[0] >> 32 | (odd[1] & ~low);
}

/* Four rows of values of 16 bits, from row `first` on, of which n there are. */
static void pack_halves(const evk_packed *p, const evk_tensor *w, size_t first, size_t n)
{
    uint8_t *to = p->codes + (first / EVK_PACKED_ROWS * EVK_PACKED_ROWS * w->cols + first % EVK_PACKED_ROWS) * 2;
    const char *rows[4] = { 0 };
    for (size_t r = 0; r < n; r++)
        rows[r] = evk_tensor_row(w, first + r);
    for (size_t i = 0; i < w->cols; i += 4) {
        const size_t n_col = w->cols - i < 4 ? w->cols - i : 4;
        uint64_t four[4] = { 0 };
        for (size_t r = 0; r < n; r++)
            memcpy(&four[r], rows[r] + 2 * i, 2 * n_col);
        turn_halves(four);
        for (size_t c = 0; c < n_col; c++)
            memcpy(to + (i + c) * EVK_PACKED_ROWS * 2, &four[c], 8);
    }
}

static void put_scale(const evk_packed *p, void *scales, size_t at, float value)
{
    if (p->half_scales)
        ((uint16_t *)scales)[at] = evk_to_f16(value);       /* exact: it was one in the file */
    else
        ((float *)scales)[at] = value;
}

/* 32 codes of row r of a group of rows. */
static void put_codes(const evk_packed *p, uint8_t *block, size_t r, const uint8_t *code)
{
    for (size_t j = 0; j < (p->four_bits ? 4 : 8); j++) {
        uint32_t quad, high = 0;
        memcpy(&quad, code + 4 * j, 4);
        if (p->four_bits)
            memcpy(&high, code + 16 + 4 * j, 4);
        quad |= high << 4;
        memcpy(block + j * 64 + r * 4, &quad, 4);
    }
}

static void pack_row(const evk_packed *p, const recipe *how, const evk_tensor *w, size_t row)
{
    const uint8_t *from = (const uint8_t *)evk_tensor_row(w, row);
    const size_t unit_bytes = evk_type_describe(w->type)->bytes, per_unit = how->n / EVK_PACKED_BLOCK, n_group = evk_packed_scales(p);
    const size_t first = row / EVK_PACKED_ROWS * p->n_block, r = row % EVK_PACKED_ROWS;
    for (size_t u = 0; u < w->cols / how->n; u++, from += unit_bytes) {
        uint8_t code[256];
        float scale[16], min[16] = { 0 };
        how->code(from, code, scale, min);
        for (size_t b = 0; b < per_unit; b++) {
            const size_t block = first + u * per_unit + b;
            put_codes(p, p->codes + block * code_bytes(p), r, code + b * EVK_PACKED_BLOCK);
            for (size_t g = 0; g < n_group; g++) {
                const size_t at = (block * n_group + g) * EVK_PACKED_ROWS + r;
                put_scale(p, p->scales, at, scale[b * n_group + g]);
                if (p->mins)
                    put_scale(p, p->mins, at, min[b * n_group + g]);
            }
        }
    }
}

/* Not cleared: that is for the threads that fill it. */
static evoke_status allocate(void *out, size_t n, size_t size, evoke_error *err)
{
    size_t bytes = 0;
    void *p = evk_mul(n, size, &bytes) && bytes <= SIZE_MAX - 63 ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
    if (!p)
        return evk_fail(err, EVOKE_ENOMEM, "pack weights: no memory for %zu x %zu bytes", n, size);
    memcpy(out, &p, sizeof p);
    return EVOKE_OK;
}

/* n bytes of every group of rows, of which the g'th may have fewer than 16: the others are 0. */
static void clear_group(const evk_packed *p, void *all, size_t g, size_t n)
{
    if (all && (g + 1) * EVK_PACKED_ROWS > p->rows)
        memset((char *)all + g * n, 0, n);
}

static evoke_status pack_all_halves(const evk_tensor *w, size_t n_thread, evk_packed *p, evoke_error *err)
{
    *p = (evk_packed){ .rows = w->rows, .cols = w->cols, .bits = 16, .bfloat = w->type == EVK_BF16 };
    EVK_TRY(allocate(&p->codes, row_groups(p) * EVK_PACKED_ROWS, 2 * w->cols, err));
#pragma omp parallel for schedule(static) num_threads((int)(n_thread ? n_thread : 1))
    for (size_t g = 0; g < row_groups(p); g++) {
        clear_group(p, p->codes, g, EVK_PACKED_ROWS * 2 * w->cols);
        for (size_t r = g * EVK_PACKED_ROWS; r < w->rows && r < (g + 1) * EVK_PACKED_ROWS; r += 4)
            pack_halves(p, w, r, w->rows - r < 4 ? w->rows - r : 4);
    }
    return EVOKE_OK;
}

evoke_status evk_pack(const evk_tensor *w, size_t n_thread, evk_packed *p, evoke_error *err)
{
    const recipe *how = &recipes[w->type];
    if (evk_is_half(w->type))
        return pack_all_halves(w, n_thread, p, err);
    *p = (evk_packed){ .rows = w->rows, .cols = w->cols, .n_block = w->cols / EVK_PACKED_BLOCK, .four_bits = how->bits == 4,
                       .bits = how->bits, .groups_of_16 = how->groups_of_16, .half_scales = how->half_scales, .offset = how->offset,
                       .any_scale = how->any_scale };
    const size_t n = row_groups(p) * p->n_block, n_scale = n * evk_packed_scales(p), size = EVK_PACKED_ROWS * (p->half_scales ? 2 : 4);
    EVK_TRY(allocate(&p->codes, n, code_bytes(p), err));
    EVK_TRY(allocate(&p->scales, n_scale, size, err));
    if (how->has_min)
        EVK_TRY(allocate(&p->mins, n_scale, size, err));
#pragma omp parallel for schedule(static) num_threads((int)(n_thread ? n_thread : 1))
    for (size_t g = 0; g < row_groups(p); g++) {
        clear_group(p, p->codes, g, p->n_block * code_bytes(p));
        clear_group(p, p->scales, g, n_scale / row_groups(p) * size);
        clear_group(p, p->mins, g, n_scale / row_groups(p) * size);
        for (size_t r = g * EVK_PACKED_ROWS; r < w->rows && r < (g + 1) * EVK_PACKED_ROWS; r++)
            pack_row(p, how, w, r);
    }
    return EVOKE_OK;
}

void evk_packed_free(evk_packed *p)
{
    free(p->codes);
    free(p->scales);
    free(p->mins);
    *p = (evk_packed){ 0 };
}

size_t evk_packed_bytes(const evk_packed *p)
{
    const size_t n = row_groups(p) * p->n_block;
    if (p->bits == 16)
        return row_groups(p) * EVK_PACKED_ROWS * 2 * p->cols;
    return n * (code_bytes(p) + evk_packed_scales(p) * EVK_PACKED_ROWS * (p->half_scales ? 2u : 4u) * (p->mins ? 2u : 1u));
}
