/* core/kernels/packed.c: weights into packed form. */
#include "core/kernels/packed.h"

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

static size_t block_bytes(const evk_packed *p) { return p->four_bits ? 256 : 512; }
static size_t row_groups(const evk_packed *p) { return 2 * evk_packed_pairs(p); }
static size_t code_bytes(const evk_packed *p)
{
    return row_groups(p) * (p->bits == 16 ? EVK_PACKED_ROWS * 2 * p->cols : p->n_block * block_bytes(p));
}
static size_t scale_bytes(const evk_packed *p)
{
    return row_groups(p) * p->n_block * evk_packed_scales(p) * EVK_PACKED_ROWS * (p->half_scales ? 2 : 4);
}

/* A register of eight values of 16 bits; the same as four, and as two. */
typedef uint16_t eights __attribute__((vector_size(16)));
typedef uint32_t fours __attribute__((vector_size(16)));
typedef uint64_t twos __attribute__((vector_size(16)));

/* Eight columns of eight rows to eight rows of eight columns. */
static inline void turn_halves(eights a[8])
{
    fours pair[8], quad[8];
    for (size_t r = 0; r < 8; r += 2) {
        pair[r] = (fours)__builtin_shufflevector(a[r], a[r + 1], 0, 8, 1, 9, 2, 10, 3, 11);
        pair[r + 1] = (fours)__builtin_shufflevector(a[r], a[r + 1], 4, 12, 5, 13, 6, 14, 7, 15);
    }
    for (size_t r = 0; r < 8; r += 4)
        for (size_t c = 0; c < 2; c++) {
            quad[r + 2 * c] = __builtin_shufflevector(pair[r + c], pair[r + 2 + c], 0, 4, 1, 5);
            quad[r + 2 * c + 1] = __builtin_shufflevector(pair[r + c], pair[r + 2 + c], 2, 6, 3, 7);
        }
    for (size_t c = 0; c < 4; c++) {
        a[2 * c] = (eights)__builtin_shufflevector((twos)quad[c], (twos)quad[c + 4], 0, 2);
        a[2 * c + 1] = (eights)__builtin_shufflevector((twos)quad[c], (twos)quad[c + 4], 1, 3);
    }
}

/* Eight columns of eight rows to as many runs of 16 rows. */
static inline void pack_eight(const char *const rows[8], size_t col, uint8_t *to)
{
    eights a[8];
    for (size_t r = 0; r < 8; r++)
        memcpy(&a[r], rows[r] + 2 * col, sizeof a[r]);
    turn_halves(a);
    for (size_t c = 0; c < 8; c++)
        memcpy(to + c * EVK_PACKED_ROWS * 2, &a[c], sizeof a[c]);
}

/* The g'th 16 rows, of which there are n: the others are 0. */
static void pack_halves(const evk_packed *p, size_t g, const char *const *rows, size_t n)
{
    uint8_t *to = p->codes + g * EVK_PACKED_ROWS * p->cols * 2;
    size_t i = 0;
    for (; n == EVK_PACKED_ROWS && i + 8 <= p->cols; i += 8) {
        pack_eight(rows, i, to + i * EVK_PACKED_ROWS * 2);
        pack_eight(rows + 8, i, to + i * EVK_PACKED_ROWS * 2 + 16);
    }
    memset(to + i * EVK_PACKED_ROWS * 2, 0, (p->cols - i) * EVK_PACKED_ROWS * 2);
    for (; i < p->cols; i++)
        for (size_t r = 0; r < n; r++)
            memcpy(to + (i * EVK_PACKED_ROWS + r) * 2, rows[r] + 2 * i, 2);
}

/* Four quads of each of four rows to four rows of each of four quads. */
static inline void turn_quads(fours a[4])
{
    const fours low[2] = { __builtin_shufflevector(a[0], a[1], 0, 4, 1, 5), __builtin_shufflevector(a[2], a[3], 0, 4, 1, 5) };
    const fours high[2] = { __builtin_shufflevector(a[0], a[1], 2, 6, 3, 7), __builtin_shufflevector(a[2], a[3], 2, 6, 3, 7) };
    a[0] = (fours)__builtin_shufflevector((twos)low[0], (twos)low[1], 0, 2);
    a[1] = (fours)__builtin_shufflevector((twos)low[0], (twos)low[1], 1, 3);
    a[2] = (fours)__builtin_shufflevector((twos)high[0], (twos)high[1], 0, 2);
    a[3] = (fours)__builtin_shufflevector((twos)high[0], (twos)high[1], 1, 3);
}

/* What a type's units give, of 16 rows. */
typedef struct unit {
    uint8_t code[EVK_PACKED_ROWS][256];
    float scale[EVK_PACKED_ROWS][16], min[EVK_PACKED_ROWS][16];
} unit;

/* The b'th block of 32 codes of all rows. */
static void put_codes(const unit *from, size_t b, bool four_bits, uint8_t *to)
{
    for (size_t r = 0; r < EVK_PACKED_ROWS; r += 4) {
        fours low[4], high[4];
        for (size_t i = 0; i < 4; i++) {
            memcpy(&low[i], from->code[r + i] + b * EVK_PACKED_BLOCK, 16);
            memcpy(&high[i], from->code[r + i] + b * EVK_PACKED_BLOCK + 16, 16);
            if (four_bits)
                low[i] |= high[i] << 4;
        }
        turn_quads(low);
        for (size_t j = 0; j < 4; j++)
            memcpy(to + j * 64 + r * 4, &low[j], 16);
        if (four_bits)
            continue;
        turn_quads(high);
        for (size_t j = 0; j < 4; j++)
            memcpy(to + (j + 4) * 64 + r * 4, &high[j], 16);
    }
}

/* As float16, which they were in the file. */
static void put_halves(const float x[EVK_PACKED_ROWS], uint16_t out[EVK_PACKED_ROWS])
{
    uint32_t bits[EVK_PACKED_ROWS], n_other = 0;
    memcpy(bits, x, sizeof bits);
    for (size_t r = 0; r < EVK_PACKED_ROWS; r++) {
        n_other += (bits[r] >> 23 & 0xff) - 113 >= 30;          /* 0, a subnormal, or not finite */
        out[r] = (uint16_t)((bits[r] >> 16 & 0x8000) | ((bits[r] & 0x7fffffff) - (112u << 23)) >> 13);
    }
    for (size_t r = 0; n_other > 0 && r < EVK_PACKED_ROWS; r++)
        out[r] = evk_to_f16(x[r]);
}

/* The g'th group's of all rows; all: scales or minima. */
static void put_scales(float from[EVK_PACKED_ROWS][16], size_t g, bool halves, void *all, size_t at)
{
    float x[EVK_PACKED_ROWS];
    for (size_t r = 0; r < EVK_PACKED_ROWS; r++)
        x[r] = from[r][g];
    if (halves)
        put_halves(x, (uint16_t *)all + at);
    else
        memcpy((float *)all + at, x, sizeof x);
}

/* The g'th 16 rows, of which there are n: the others are 0. */
static void pack_codes(const evk_packed *p, const evk_tensor *w, size_t g, const char *const *rows, size_t n)
{
    const recipe *how = &recipes[w->type];
    const size_t unit_bytes = evk_type_describe(w->type)->bytes, per_unit = how->n / EVK_PACKED_BLOCK, n_group = evk_packed_scales(p);
    unit of = { 0 };
    for (size_t u = 0; u < p->cols / how->n; u++) {
        for (size_t r = 0; r < n; r++) {
            const char *from = rows[r] + u * unit_bytes;
            __builtin_prefetch(from + EVK_PACKED_ROWS * w->row_bytes);      /* the next 16 rows' */
            how->code((const uint8_t *)from, of.code[r], of.scale[r], of.min[r]);
        }
        for (size_t b = 0; b < per_unit; b++) {
            const size_t block = g * p->n_block + u * per_unit + b;
            put_codes(&of, b, p->four_bits, p->codes + block * block_bytes(p));
            for (size_t i = b * n_group; i < (b + 1) * n_group; i++) {
                const size_t at = (block * n_group + i - b * n_group) * EVK_PACKED_ROWS;
                put_scales(of.scale, i, p->half_scales, p->scales, at);
                if (p->mins)
                    put_scales(of.min, i, p->half_scales, p->mins, at);
            }
        }
    }
}

evk_packed evk_packed_form(const evk_tensor *w)
{
    const recipe *how = &recipes[w->type];
    if (evk_is_half(w->type))
        return (evk_packed){ .rows = w->rows, .cols = w->cols, .bits = 16, .bfloat = w->type == EVK_BF16 };
    return (evk_packed){ .rows = w->rows, .cols = w->cols, .n_block = w->cols / EVK_PACKED_BLOCK, .four_bits = how->bits == 4,
                         .bits = how->bits, .groups_of_16 = how->groups_of_16, .half_scales = how->half_scales, .has_min = how->has_min,
                         .offset = how->offset, .any_scale = how->any_scale };
}

size_t evk_packed_bytes(const evk_packed *p)
{
    return code_bytes(p) + scale_bytes(p) * (p->has_min ? 2 : 1);
}

evk_packed evk_pack(const evk_tensor *w, size_t n_thread, void *room)
{
    evk_packed p = evk_packed_form(w);
    p.codes = room;
    p.scales = p.bits == 16 ? NULL : p.codes + code_bytes(&p);
    p.mins = p.has_min ? (char *)p.scales + scale_bytes(&p) : NULL;
#pragma omp parallel for schedule(static) num_threads((int)(n_thread ? n_thread : 1))
    for (size_t g = 0; g < row_groups(&p); g++) {
        const size_t first = g * EVK_PACKED_ROWS, left = first < w->rows ? w->rows - first : 0;
        const size_t n = left < EVK_PACKED_ROWS ? left : EVK_PACKED_ROWS;
        const char *rows[EVK_PACKED_ROWS];
        for (size_t r = 0; r < n; r++)
            rows[r] = evk_tensor_row(w, first + r);
        if (p.bits == 16)
            pack_halves(&p, g, rows, n);
        else
            pack_codes(&p, w, g, rows, n);
    }
    return p;
}
