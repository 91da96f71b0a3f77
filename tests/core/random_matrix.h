/* tests/core/random_matrix.h: random activations, and random weights of every storage type. */
#ifndef RANDOM_MATRIX_H
#define RANDOM_MATRIX_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels/kernels.h"
#include "tests/check.h"

static uint64_t random_state = 7;

static inline uint32_t random_bits(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 32);
}

static inline float *random_floats(size_t n)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)random_bits() * 0x1p-31f - 1.0f;
    return x;
}

/* W [rows, cols] of random blocks of a type; its values in `values`. The scales' float16 lie where `quants.h` draws them. */
static inline evk_tensor random_matrix(const evk_kernels *k, evk_type type, size_t rows, size_t cols, float **values)
{
    static const struct { uint8_t n, at[2]; } scales[EVK_N_TYPE] = {
        [EVK_F16] = { 1, { 0 } },     [EVK_BF16] = { 1, { 0 } },    [EVK_Q4_0] = { 1, { 0 } },
        [EVK_Q4_1] = { 2, { 0, 2 } }, [EVK_Q5_0] = { 1, { 0 } },    [EVK_Q5_1] = { 2, { 0, 2 } },
        [EVK_Q8_0] = { 1, { 0 } },    [EVK_Q2_K] = { 2, { 80, 82 } }, [EVK_Q3_K] = { 1, { 108 } },
        [EVK_Q4_K] = { 2, { 0, 2 } }, [EVK_Q5_K] = { 2, { 0, 2 } }, [EVK_Q6_K] = { 1, { 208 } },
        [EVK_IQ4_NL] = { 1, { 0 } },  [EVK_IQ4_XS] = { 1, { 0 } },  [EVK_TQ1_0] = { 1, { 52 } },
        [EVK_TQ2_0] = { 1, { 64 } },  [EVK_IQ2_XXS] = { 1, { 0 } }, [EVK_IQ2_XS] = { 1, { 0 } },
        [EVK_IQ2_S] = { 1, { 0 } },   [EVK_IQ3_XXS] = { 1, { 0 } }, [EVK_IQ3_S] = { 1, { 0 } },
        [EVK_IQ1_S] = { 1, { 0 } },   [EVK_IQ1_M] = { 1, { 54 } },
    };
    const evk_type_info *info = evk_type_describe(type);
    evk_tensor w = { .name = "w", .type = type, .n_dim = 2, .dims = { rows, cols } };
    check(evk_tensor_shape(&w, "test", NULL) == EVOKE_OK, "shape of %s", info->name);
    uint8_t *data = malloc(w.n_bytes + 1);
    for (size_t i = 0; i < w.n_bytes; i++)
        data[i] = (uint8_t)random_bits();
    for (size_t b = 0; b < w.n_bytes / info->bytes; b++)
        for (size_t s = 0; s < scales[type].n; s++)
            data[b * info->bytes + scales[type].at[s] + 1] &= 0xbb;             /* below 4 in size, finite */
    for (size_t b = 0; type == EVK_MXFP4 && b < w.n_bytes / info->bytes; b++)
        data[b * info->bytes] = (uint8_t)(124 + data[b * info->bytes] % 8);
    if (type == EVK_F32) {
        float *f = random_floats(rows * cols);
        memcpy(data, f, w.n_bytes);
        free(f);
    }
    w.data = data;
    *values = malloc(rows * cols * sizeof **values);
    k->dequantise[type](data, *values, rows * cols);
    return w;
}

/* Of one token with one row as kernels.h defines it, bit for bit: by a table's rows, or by panels, which no table changes. */
static inline float ordered_dot(const evk_kernels *k, bool by_panels, const float *x, const float *row, size_t n)
{
    float y = 0;
    if (!by_panels)
        k->matmul(x, n, row, n, &y, 1, 1, 1, n);
    for (size_t i = 0, block; by_panels && i < n; i += block) {
        float sum = 0;
        block = evk_k_block(n - i);
        for (size_t j = i; j < i + block; j++)
            sum = fmaf(x[j], row[j], sum);
        y = i ? y + sum : sum;
    }
    return y;
}

#endif
