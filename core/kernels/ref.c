/* core/kernels/ref.c: every slot in portable C: the meaning, and what CPUs without a file of their own run.
 *
 * A block's dot product is 8 partial sums, term i in sum i % 8, added at the end in pairs; so are sums in double. */
#include <math.h>

#include "core/kernels/packed.h"
#include "core/kernels/quants.h"

static float block_dot(const float *x, const float *y, size_t n)
{
    float s[8] = { 0 };
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            s[j] += x[i + j] * y[i + j];
    for (size_t j = 0; i + j < n; j++)
        s[j] += x[i + j] * y[i + j];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

static float dot(const float *x, const float *y, size_t n)
{
    size_t block = evk_k_block(n);
    float sum = block_dot(x, y, block);
    for (size_t i = block; i < n; i += block) {
        block = evk_k_block(n - i);
        sum += block_dot(x + i, y + i, block);
    }
    return sum;
}

static void axpy(float a, const float *x, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

static void axpy_rows(const float *a, size_t lda, const float *v, size_t ldv, size_t n, float *y, size_t ldy, size_t n_token,
                      size_t d)
{
    for (size_t t = 0; t < n_token; t++)
        for (size_t j = 0; j < n; j++)
            axpy(a[t * lda + j], v + j * ldv, y + t * ldy, d);
}

static void matmul(const float *x, size_t ldx, const float *w, size_t ldw, float *y, size_t ldy, size_t n_token,
                   size_t n_row, size_t k)
{
    for (size_t t = 0; t < n_token; t++)
        for (size_t r = 0; r < n_row; r++)
            y[t * ldy + r] = dot(x + t * ldx, w + r * ldw, k);
}

static void matmul_add(const float *x, size_t ldx, const float *w, size_t ldw, float *y, size_t ldy, size_t n_token,
                       size_t n_row, size_t k)
{
    for (size_t t = 0; t < n_token; t++)
        for (size_t r = 0; r < n_row; r++)
            for (size_t i = 0, n; i < k; i += n) {
                n = evk_k_block(k - i);
                y[t * ldy + r] += block_dot(x + t * ldx + i, w + r * ldw + i, n);
            }
}

/* Rows of 16 bits, widened block by block. */
static void matvec_half(const float *x, const uint16_t *w, size_t ldw, float *y, size_t n_row, size_t k, bool bfloat)
{
    float block[EVK_K_BLOCK_MOST];
    for (size_t r = 0; r < n_row; r++)
        for (size_t i = 0, n; i < k; i += n) {
            n = evk_k_block(k - i);
            for (size_t j = 0; j < n; j++) {
                const uint16_t half = w[r * ldw + i + j];
                block[j] = bfloat ? evk_float_of_bits((uint32_t)half << 16) : evk_f16(half);
            }
            y[r] = i ? y[r] + block_dot(x + i, block, n) : block_dot(x, block, n);
        }
}

static void matvec_f16(const float *x, const uint16_t *w, size_t ldw, float *y, size_t n_row, size_t k)
{
    matvec_half(x, w, ldw, y, n_row, k, false);
}

static void matvec_bf16(const float *x, const uint16_t *w, size_t ldw, float *y, size_t n_row, size_t k)
{
    matvec_half(x, w, ldw, y, n_row, k, true);
}

static double sum_of_eight(const double s[8])
{
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

static double sum_squares(const float *x, size_t n)
{
    double s[8] = { 0 };
    for (size_t i = 0; i < n; i++)
        s[i % 8] += (double)x[i] * (double)x[i];
    return sum_of_eight(s);
}

static double sum(const float *x, size_t n)
{
    double s[8] = { 0 };
    for (size_t i = 0; i < n; i++)
        s[i % 8] += (double)x[i];
    return sum_of_eight(s);
}

static double sum_squared_from(const float *x, double mean, size_t n)
{
    double s[8] = { 0 };
    for (size_t i = 0; i < n; i++)
        s[i % 8] += ((double)x[i] - mean) * ((double)x[i] - mean);
    return sum_of_eight(s);
}

static void scale_mul(const float *x, float scale, const float *w, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * scale * w[i];
}

static void normalise(const float *x, float mean, float scale, const float *w, const float *b, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (x[i] - mean) * scale * w[i] + (b ? b[i] : 0.0f);
}

static float exponential(float x)
{
    return (float)exp((double)x);
}

/* An activation at one value, in double; always inlined, so that each loop below knows its own. */
static inline __attribute__((always_inline)) double activation(evk_activation f, double x)
{
    switch (f) {
    case EVK_SILU:       return x / (1 + exp(-x));
    case EVK_GELU:       return 0.5 * x * erfc(-x * M_SQRT1_2);
    case EVK_GELU_TANH:  return x / (1 + exp(-2 * (M_2_SQRTPI * M_SQRT1_2) * (x + 0.044715 * x * x * x)));
    case EVK_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    case EVK_RELU:       return x < 0 ? 0 : x;
    case EVK_TANH:       return tanh(x);
    default:             return (double)NAN;
    }
}

#define ACTIVATE(name, f)                                                                           \
    static void name(const float *x, const float *up, float *y, size_t n)                           \
    {                                                                                               \
        for (size_t i = 0; i < n; i++)                                                              \
            y[i] = (float)activation(f, (double)x[i]) * (up ? up[i] : 1.0f);                        \
    }
ACTIVATE(silu, EVK_SILU)
ACTIVATE(gelu, EVK_GELU)
ACTIVATE(gelu_tanh, EVK_GELU_TANH)
ACTIVATE(quick_gelu, EVK_QUICK_GELU)
ACTIVATE(relu, EVK_RELU)
ACTIVATE(hyperbolic_tangent, EVK_TANH)

static void softcap(float *x, float cap, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((double)cap * tanh((double)x[i] / (double)cap));
}

static void multiply_panels(const float *x, size_t ldx, const float *panels, float *y, size_t ldy, size_t n_token, size_t n_row,
                            size_t k, bool add)
{
    for (size_t t = 0; t < n_token; t++)
        for (size_t r = 0; r < n_row; r++) {
            const float *panel = panels + r / EVK_PACKED_ROWS * EVK_PACKED_ROWS * k + r % EVK_PACKED_ROWS;
            float s = 0;
            for (size_t i = 0; i < k; i++)
                s = fmaf(x[t * ldx + i], panel[i * EVK_PACKED_ROWS], s);
            y[t * ldy + r] = add ? y[t * ldy + r] + s : s;
        }
}

static void make_panel(evk_type type, const void *rows, size_t row_bytes, size_t n_row, size_t k, float *panel)
{
    const size_t size = type == EVK_F32 ? 4 : 2;
    for (size_t i = 0; i < k; i++)
        for (size_t r = 0; r < EVK_PACKED_ROWS; r++) {
            const uint8_t *at = (const uint8_t *)rows + r * row_bytes + i * size;
            float *value = &panel[i * EVK_PACKED_ROWS + r];
            *value = r < n_row && type == EVK_F16 ? evk_read_f16(at) : 0;
            if (r < n_row && type != EVK_F16)
                memcpy((char *)value + 4 - size, at, size);
        }
}

static bool to_f16(const float *x, uint16_t *y, size_t n)
{
    bool within = true;
    for (size_t i = 0; i < n; i++) {
        y[i] = evk_to_f16(x[i] > EVK_F16_MOST ? EVK_F16_MOST : x[i] < -EVK_F16_MOST ? -EVK_F16_MOST : x[i]);
        within = within && !(fabsf(x[i]) > EVK_F16_MOST);
    }
    return within;
}

static float scaled_max(const float *x, float scale, size_t n)
{
    float most = -INFINITY;
    for (size_t i = 0; i < n; i++)
        most = scale * x[i] > most ? scale * x[i] : most;
    return most;
}

static double exp_sum(float *x, float scale, float max, size_t n)
{
    double s[8] = { 0 };
    for (size_t i = 0; i < n; i++) {
        x[i] = exponential(scale * x[i] - max);
        s[i % 8] += (double)x[i];
    }
    return sum_of_eight(s);
}

void evk_kernels_add_ref(evk_kernels *k)
{
    *k = (evk_kernels){
        .isa = "ref", .axpy = axpy, .axpy_rows = axpy_rows,
        .matvec_f16 = matvec_f16, .matvec_bf16 = matvec_bf16, .to_f16 = to_f16,
        .multiply_panels = multiply_panels, .make_panel = make_panel,
        .matmul = matmul, .matmul_add = matmul_add, .sum_squares = sum_squares, .sum = sum,
        .sum_squared_from = sum_squared_from, .scale_mul = scale_mul, .normalise = normalise,
        .activate = { [EVK_SILU] = silu, [EVK_GELU] = gelu, [EVK_GELU_TANH] = gelu_tanh,
                      [EVK_QUICK_GELU] = quick_gelu, [EVK_RELU] = relu, [EVK_TANH] = hyperbolic_tangent },
        .softcap = softcap, .scaled_max = scaled_max, .exp_sum = exp_sum,
    };
    evk_quants_add_ref(k);
    evk_packed_add_ref(k);
}
