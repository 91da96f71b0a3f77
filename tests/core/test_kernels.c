/* tests/core/test_kernels.c: every table that this CPU runs against exact sums, against libm in double, and against the
 * reference table; and the rule of kernels.h, that matmul's elements are dot's, bit for bit, whatever their company. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/kernels/packed.h"
#include "core/kernels/quants.h"
#include "tests/check.h"

static const size_t sizes[] = { 0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 576, 640, 641, 1153, 1536, 4099 };
static const size_t offsets[] = { 0, 1, 3 };
enum { N_SIZE = sizeof sizes / sizeof *sizes, N_OFFSET = sizeof offsets / sizeof *offsets, GUARD = 32 };

static uint64_t state = 1;

static uint32_t random_bits(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

static float *random_floats(size_t n, float size)
{
    float *x = malloc((n + 1) * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = size * ((float)random_bits() * 0x1p-31f - 1.0f);
    return x;
}

/* n floats with a guard zone before and behind. */
static float *guarded(size_t n)
{
    float *x = malloc((n + 2 * GUARD) * sizeof *x);
    for (size_t i = 0; i < n + 2 * GUARD; i++)
        x[i] = 12345.0f;
    return x + GUARD;
}

static bool free_guarded(float *x, size_t n)
{
    bool untouched = true;
    for (size_t i = 0; i < GUARD; i++)
        untouched = untouched && x[-1 - (ptrdiff_t)i] == 12345.0f && x[n + i] == 12345.0f;
    free(x - GUARD);
    return untouched;
}

static bool same_bits(const float *a, const float *b, size_t n)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

static float dot(const evk_kernels *k, const float *x, const float *y, size_t n)
{
    float sum;
    k->matmul(x, n, y, n, &sum, 1, 1, 1, n);
    return sum;
}

static void dot_is_exact(const evk_kernels *k, const float *x, const float *y, size_t n)
{
    double exact = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        exact += (double)x[i] * (double)y[i];
        size += fabs((double)x[i] * (double)y[i]);
    }
    check(fabs((double)dot(k, x, y, n) - exact) <= (double)n * FLT_EPSILON * size, "%s: dot of %zu", k->isa, n);
}

static void sums_are_exact(const evk_kernels *k, const float *x, size_t n)
{
    const double mean = 0.3;
    double squares = 0, sum = 0, size = 0, from = 0;
    for (size_t i = 0; i < n; i++) {
        squares += (double)x[i] * (double)x[i];
        sum += (double)x[i];
        size += fabs((double)x[i]);
        from += ((double)x[i] - mean) * ((double)x[i] - mean);
    }
    const double tolerance = (double)n * DBL_EPSILON;
    check(fabs(k->sum_squares(x, n) - squares) <= tolerance * squares, "%s: squares of %zu", k->isa, n);
    check(fabs(k->sum(x, n) - sum) <= tolerance * size, "%s: sum of %zu", k->isa, n);
    check(fabs(k->sum_squared_from(x, mean, n) - from) <= tolerance * from, "%s: squares from a mean of %zu", k->isa, n);
}

static void normalise_is_exact(const evk_kernels *k, const float *x, const float *w, size_t n, size_t offset)
{
    float *y = guarded(n + offset), *z = guarded(n);
    k->normalise(x, 0.25f, 1.25f, w, NULL, y + offset, n);
    k->normalise(x, 0.25f, 1.25f, w, x, z, n);
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        const float scaled = (x[i] - 0.25f) * 1.25f * w[i];
        ok = ok && y[offset + i] == scaled && z[i] == scaled + x[i];
    }
    check(ok, "%s: normalise of %zu", k->isa, n);
    check(free_guarded(y, n + offset), "%s: normalise of %zu writes beyond y", k->isa, n);
    check(free_guarded(z, n), "%s: normalise with b of %zu writes beyond y", k->isa, n);
}

static void elementwise_is_exact(const evk_kernels *k, const float *x, const float *w, size_t n, size_t offset)
{
    float *y = guarded(n + offset);
    k->scale_mul(x, 1.25f, w, y + offset, n);
    bool ok = true;
    for (size_t i = 0; i < n; i++)
        ok = ok && y[offset + i] == x[i] * 1.25f * w[i];
    check(ok, "%s: scale_mul of %zu", k->isa, n);

    memset(y + offset, 0, n * sizeof *y);
    k->axpy(0.5f, x, y + offset, n);
    k->axpy(3.0f, w, y + offset, n);
    for (size_t i = 0; i < n; i++)
        ok = ok && fabs((double)y[offset + i] - (0.5 * (double)x[i] + 3.0 * (double)w[i])) <= 8 * (double)FLT_EPSILON;
    check(ok, "%s: axpy of %zu", k->isa, n);
    check(offset == 0 || y[offset - 1] == 12345.0f, "%s: axpy, scale_mul write before y", k->isa);
    check(free_guarded(y, n + offset), "%s: axpy, scale_mul of %zu write beyond y", k->isa, n);
}

static void vectors_of_all_sizes(const evk_kernels *k)
{
    float *x = random_floats(5000, 1), *y = random_floats(5000, 1);
    for (size_t s = 0; s < N_SIZE; s++)
        for (size_t o = 0; o < N_OFFSET; o++) {
            dot_is_exact(k, x + offsets[o], y + offsets[N_OFFSET - 1 - o], sizes[s]);
            sums_are_exact(k, x + offsets[o], sizes[s]);
            elementwise_is_exact(k, x + offsets[o], y, sizes[s], offsets[o]);
            normalise_is_exact(k, x + offsets[o], y, sizes[s], offsets[o]);
        }
    free(x);
    free(y);
}

/* axpy_rows is axpy, row after row, for any number of tokens and columns; what lies between rows of y stays. */
static void rows_are_added_in_order(const evk_kernels *k)
{
    enum { N = 37, LD = 150, TOKENS = 9 };
    float *a = random_floats(TOKENS * (N + 1), 1), *v = random_floats(N * LD, 1);
    for (size_t d = 1; d < 140; d++) {
        const size_t n_token = 1 + d % TOKENS, ldy = d + d % 3, size = (n_token - 1) * ldy + d;
        float *y = guarded(size), expected[TOKENS * LD];
        for (size_t i = 0; i < size; i++)
            y[i] = expected[i] = 0.25f;
        k->axpy_rows(a, N + 1, v + d % 4, LD, N, y, ldy, n_token, d);
        for (size_t t = 0; t < n_token; t++)
            for (size_t j = 0; j < N; j++)
                k->axpy(a[t * (N + 1) + j], v + d % 4 + j * LD, expected + t * ldy, d);
        check(same_bits(y, expected, size), "%s: axpy_rows of %zu columns, %zu tokens", k->isa, d, n_token);
        check(free_guarded(y, size), "%s: axpy_rows of %zu columns writes beyond y", k->isa, d);
    }
    free(a);
    free(v);
}

static void largest_is_found(const evk_kernels *k)
{
    for (size_t n = 0; n < 140; n++) {
        float *x = guarded(n), *from = random_floats(n + 1, 3), most = -INFINITY;
        for (size_t i = 0; i < n; i++) {
            x[i] = n % 3 ? from[i] : -1 - fabsf(from[i]);       /* all of them below 0 too */
            most = fmaxf(most, x[i] * 0.125f);
        }
        check(k->scaled_max(x, 0.125f, n) == most, "%s: the largest of %zu", k->isa, n);
        check(free_guarded(x, n), "%s: scaled_max of %zu writes beyond x", k->isa, n);
        free(from);
    }
    float few[] = { -INFINITY, 2, INFINITY, -3 };
    check(k->scaled_max(few, 1, 2) == 2 && isinf(k->scaled_max(few, 1, 4)), "%s: the largest with infinities", k->isa);
}

static void matmul_is_dot(const evk_kernels *k, const float *x, size_t ldx, const float *w, size_t ldw, size_t n_token,
                          size_t n_row, size_t n)
{
    const size_t ldy = n_row + 2, total = n_token * ldy;
    float *y = guarded(total);
    k->matmul(x, ldx, w, ldw, y, ldy, n_token, n_row, n);
    bool same = true, untouched = true;
    for (size_t t = 0; t < n_token; t++) {
        for (size_t r = 0; r < n_row; r++) {
            const float d = dot(k, x + t * ldx, w + r * ldw, n);
            same = same && same_bits(&y[t * ldy + r], &d, 1);
        }
        untouched = untouched && y[t * ldy + n_row] == 12345.0f && y[t * ldy + n_row + 1] == 12345.0f;
    }
    check(same, "%s: [%zu, %zu] x [%zu, %zu] is not dot's", k->isa, n_token, n, n_row, n);
    check(untouched, "%s: [%zu, %zu] x [%zu, %zu] writes between rows", k->isa, n_token, n, n_row, n);
    check(free_guarded(y, total), "%s: [%zu, %zu] x [%zu, %zu] writes beyond y", k->isa, n_token, n, n_row, n);
}

static void ragged_matmuls(const evk_kernels *k)
{
    static const size_t lengths[] = { 0, 1, 7, 8, 17, 64, 100, 576, 700, 1300 };
    const size_t ld = 1303;
    float *x = random_floats(27 * 2048, 1), *w = random_floats(27 * 2048, 1);
    for (size_t n_token = 1; n_token <= 13; n_token++)
        for (size_t n_row = 1; n_row <= 13; n_row++) {
            const size_t l = (n_token * 13 + n_row) % 10;
            matmul_is_dot(k, x + n_token % 3, ld, w + n_row % 2, ld, n_token, n_row, lengths[l]);
            matmul_is_dot(k, x, ld, w, ld, n_token, n_row, lengths[(l + 5) % 10]);
        }
    matmul_is_dot(k, x, ld, w, ld, 26, 25, 1300);
    matmul_is_dot(k, x, 1024, w, 1024, 25, 26, 1024);           /* distances of a page */
    matmul_is_dot(k, x, 2048, w, 2048, 7, 27, 2047);
    matmul_is_dot(k, x, 0, w, 64, 5, 5, 33);                    /* every token the same */
    free(x);
    free(w);
}

/* matmul over the first block and matmul_add over the others is matmul over all. */
static void blocks_add_up(const evk_kernels *k)
{
    enum { T = 9, R = 14, LD = 4100 };
    static const size_t lengths[] = { 640, 641, 1152, 1153, 1536, 4096, 4099 };
    float *x = random_floats(T * LD, 1), *w = random_floats(R * LD, 1), whole[T * R], parts[T * R];
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        const size_t n = lengths[l];
        k->matmul(x, LD, w, LD, whole, R, T, R, n);
        size_t i = evk_k_block(n);
        k->matmul(x, LD, w, LD, parts, R, T, R, i);
        for (size_t block; i < n; i += block) {
            block = evk_k_block(n - i);
            k->matmul_add(x + i, LD, w + i, LD, parts, R, T, R, block);
        }
        check(same_bits(whole, parts, T * R), "%s: blocks of %zu terms", k->isa, n);
    }
    free(x);
    free(w);
}

/* y, ragged and a distance apart, over its own values or in their place: the reference's bits, and nothing beyond it. */
static void panels_as_reference(const evk_kernels *k, const evk_kernels *ref)
{
    enum { MOST = 41, LD = 700 };
    static const size_t lengths[] = { 1, 2, 3, 7, 64, 333, 640 };
    float *x = random_floats(MOST * LD, 1), *panels = random_floats(4 * EVK_PACKED_ROWS * 640 + 1, 1), *before = random_floats(MOST * 64, 1);
    for (size_t n_token = 1; n_token <= MOST; n_token += n_token < 14 ? 1 : 9)
        for (size_t n_row = 1; n_row <= 60; n_row += n_row < 18 ? 5 : 14) {
            const size_t n = lengths[(n_token + n_row) % 7], ldy = n_row + 3;
            for (size_t add = 0; add < 2; add++) {
                float *want = guarded(n_token * ldy), *y = guarded(n_token * ldy);
                memcpy(want, before, n_token * ldy * sizeof *want);
                memcpy(y, before, n_token * ldy * sizeof *y);
                ref->multiply_panels(x, LD, panels + n_token % 2, want, ldy, n_token, n_row, n, add);
                k->multiply_panels(x, LD, panels + n_token % 2, y, ldy, n_token, n_row, n, add);
                check(same_bits(y, want, n_token * ldy), "%s: [%zu, %zu] x panels of %zu rows", k->isa, n_token, n, n_row);
                check(free_guarded(y, n_token * ldy) && free_guarded(want, n_token * ldy), "%s: panels' products beyond y", k->isa);
            }
        }
    free(x);
    free(panels);
    free(before);
}

/* Rows of floats of 32 and 16 bits, and fewer than a panel has. */
static void panels_of_rows(const evk_kernels *k, const evk_kernels *ref)
{
    static const evk_type types[] = { EVK_F32, EVK_F16, EVK_BF16 };
    for (size_t c = 0; c < 3 * 16 * 12; c++) {
        const evk_type type = types[c % 3];
        const size_t n_row = 1 + c / 3 % 16, n = 1 + c / 48 * 57 % 640, size = type == EVK_F32 ? 4 : 2, ld = n + c % 5;
        uint8_t *rows = malloc(n_row * ld * size);
        for (size_t i = 0; i < n_row * ld * size; i++)
            rows[i] = (uint8_t)(random_bits() & (i % size == size - 1 ? 0xbb : 0xff));     /* finite */
        float *want = guarded(n * EVK_PACKED_ROWS), *panel = guarded(n * EVK_PACKED_ROWS);
        ref->make_panel(type, rows, ld * size, n_row, n, want);
        k->make_panel(type, rows, ld * size, n_row, n, panel);
        check(same_bits(panel, want, n * EVK_PACKED_ROWS), "%s: a panel of [%zu, %zu]", k->isa, n_row, n);
        check(panel[n_row == 16 ? 0 : n_row] == (n_row == 16 ? want[0] : 0), "%s: rows beyond the last", k->isa);
        check(free_guarded(panel, n * EVK_PACKED_ROWS) && free_guarded(want, n * EVK_PACKED_ROWS), "%s: beyond the panel", k->isa);
        free(rows);
    }
}

/* Units in the last place of a float near `exact` between x and it. */
static double ulps(float x, double exact)
{
    int exponent;
    frexp(exact, &exponent);
    return fabs((double)x - exact) / ldexp(1.0, (exponent < -125 ? -125 : exponent) - 24);
}

static void exponentials_are_close(const evk_kernels *k)
{
    enum { N = 200001 };
    float *x = malloc(N * sizeof *x);
    double worst = 0;
    for (size_t i = 0; i < N; i++)
        x[i] = -104.5f + 193.5f * (float)i / N;
    k->exp_sum(x, 1, 0, N);
    for (size_t i = 0; i < N; i++) {
        const double exact = exp((double)(-104.5f + 193.5f * (float)i / N));
        const bool beyond = exact > (double)FLT_MAX;
        const double off = beyond ? (isinf(x[i]) ? 0 : 1e9) : ulps(x[i], exact);
        worst = off > worst ? off : worst;
    }
    check(worst <= 2, "%s: exp is off by %.2f units in the last place", k->isa, worst);

    static const size_t lengths[] = { 37, 64, 147, 300 };
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        double sum = 0;
        for (size_t i = 0; i < lengths[l]; i++) {
            x[i] = 3.0f - (float)(i * 7 % 50) * 0.37f;
            sum += exp((double)(x[i] * 0.5f - 1.5f));
        }
        const double off = k->exp_sum(x, 0.5f, 1.5f, lengths[l]) / sum - 1;
        check(fabs(off) < 3e-7, "%s: the sum of %zu exponentials is off by %.2g", k->isa, lengths[l], off);
        for (size_t i = 0; i < lengths[l]; i++) {
            const double exact = exp((double)((3.0f - (float)(i * 7 % 50) * 0.37f) * 0.5f - 1.5f));
            check(ulps(x[i], exact) <= 2, "%s: exp of a scaled number, %zu of %zu", k->isa, i, lengths[l]);
        }
    }
    free(x);
}

static void special_exponentials(const evk_kernels *k)
{
    for (size_t i = 0; i < 19; i++) {                           /* in every lane, and in tails */
        float x[19] = { 0 };
        x[i] = -INFINITY;
        check(k->exp_sum(x, 1, 0, 19) == 18 && x[i] == 0, "%s: exp(-inf) at %zu", k->isa, i);
        memset(x, 0, sizeof x);
        x[i] = INFINITY;
        check(isinf(k->exp_sum(x, 1, 0, 19)) && isinf(x[i]) && x[(i + 1) % 19] == 1, "%s: exp(inf) at %zu", k->isa, i);
        memset(x, 0, sizeof x);
        x[i] = NAN;
        check(isnan(k->exp_sum(x, 1, 0, 19)) && isnan(x[i]) && x[(i + 1) % 19] == 1, "%s: exp(nan) at %zu", k->isa, i);
    }
    float big[2] = { -3e38f, 3e38f };
    k->exp_sum(big, 1, 0, 2);
    check(big[0] == 0 && isinf(big[1]), "%s: exp of the largest numbers", k->isa);
    check(k->exp_sum(big, 1, 0, 0) == 0, "%s: no exponentials", k->isa);
}

static const char *const activation_names[EVK_N_ACTIVATION] = {
    "silu", "gelu", "gelu_tanh", "quick_gelu", "relu", "tanh"
};

/* The definitions, in double. */
static double exact_activation(evk_activation f, double x)
{
    switch (f) {
    case EVK_SILU:       return x / (1 + exp(-x));
    case EVK_GELU:       return x < 0 ? 0.5 * x * erfc(-x / sqrt(2)) : 0.5 * x * (1 + erf(x / sqrt(2)));
    case EVK_GELU_TANH:  return x / (1 + exp(-2 * sqrt(2 / M_PI) * (x + 0.044715 * pow(x, 3))));
    case EVK_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    case EVK_RELU:       return fmax(x, 0);
    default:             return tanh(x);
    }
}

/* Largest errors of y = f(x): against |x| (what a layer sees), and against the result itself where that is over
 * 1e-3 |x|. */
static void activation_errors(evk_activation f, const float *x, const float *y, size_t n, double *of_x, double *of_y)
{
    *of_x = *of_y = 0;
    for (size_t i = 0; i < n; i++) {
        const double exact = exact_activation(f, (double)x[i]), off = fabs((double)y[i] - exact);
        const double size = fabs((double)x[i]);
        *of_x = off == 0 ? *of_x : fmax(*of_x, off / size);
        if (fabs(exact) > 1e-3 * size || f == EVK_TANH)
            *of_y = off == 0 ? *of_y : fmax(*of_y, off / fabs(exact));
    }
}

static void activation_is_close(const evk_kernels *k, evk_activation f)
{
    enum { N = 400003 };
    float *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y);
    double of_x, of_y;
    for (size_t i = 0; i < N; i++)                              /* evenly over [-25, 25], then over sizes 1e-30 .. 1e30 */
        x[i] = i < N / 2 ? -25.0f + 50.0f * (float)i / (N / 2)
                         : (float)((i % 2 ? 1 : -1) * pow(10, -30 + 60 * (double)(i - N / 2) / N * 2));
    k->activate[f](x, NULL, y, N);
    activation_errors(f, x, y, N, &of_x, &of_y);
    check(of_x <= 1.5 * (double)FLT_EPSILON, "%s: %s is off by %.2g |x|", k->isa, activation_names[f], of_x);
    check(of_y <= 8 * (double)FLT_EPSILON, "%s: %s is off by %.2g of itself", k->isa, activation_names[f], of_y);
    free(x);
    free(y);
}

/* Any length, in place, with and without a factor: always the value that x has alone. */
static void activation_of_all_sizes(const evk_kernels *k, evk_activation f)
{
    for (size_t s = 0; s < N_SIZE; s++) {
        const size_t n = sizes[s];
        float *x = random_floats(n, 8), *up = random_floats(n, 2), *y = guarded(n), one;
        bool alone = true, times = true;
        k->activate[f](x, NULL, y, n);
        for (size_t i = 0; i < n; i++) {
            k->activate[f](x + i, NULL, &one, 1);
            alone = alone && same_bits(&one, y + i, 1);
        }
        k->activate[f](x, up, x, n);
        for (size_t i = 0; i < n; i++)
            times = times && x[i] == y[i] * up[i];
        check(alone, "%s: %s of %zu is another than alone", k->isa, activation_names[f], n);
        check(times, "%s: %s of %zu, with a factor, in place", k->isa, activation_names[f], n);
        check(free_guarded(y, n), "%s: %s of %zu writes beyond y", k->isa, activation_names[f], n);
        free(x);
        free(up);
    }
}

static void activation_of_special_numbers(const evk_kernels *k, evk_activation f)
{
    const float x[] = { 0.0f, -0.0f, NAN, INFINITY, 3e38f, -3e38f, 1e-45f, -1e-45f, -100.0f };
    enum { N = sizeof x / sizeof *x };
    float y[N];
    k->activate[f](x, NULL, y, N);
    const float most = f == EVK_TANH ? 1.0f : INFINITY, big = f == EVK_TANH ? 1.0f : 3e38f;
    check(y[0] == 0 && y[1] == 0 && isnan(y[2]), "%s: %s of zero, NaN", k->isa, activation_names[f]);
    check(y[3] == most && y[4] == big, "%s: %s of huge numbers", k->isa, activation_names[f]);
    check(y[5] == (f == EVK_TANH ? -1.0f : 0.0f) && fabsf(y[6]) <= 1e-45f && fabsf(y[7]) <= 1e-45f,
          "%s: %s of the smallest numbers", k->isa, activation_names[f]);
    check(f == EVK_TANH ? y[8] == -1 : fabsf(y[8]) < 1e-37f, "%s: %s of -100", k->isa, activation_names[f]);
}

static void soft_caps(const evk_kernels *k)
{
    static const float caps[] = { 50, 30, 1, 0.3f };
    for (size_t c = 0; c < sizeof caps / sizeof *caps; c++)
        for (size_t s = 0; s < N_SIZE; s++) {
            float *x = random_floats(sizes[s], 200), *y = guarded(sizes[s]);
            double worst = 0;
            for (size_t i = 0; i < sizes[s]; i++)
                y[i] = x[i];
            k->softcap(y, caps[c], sizes[s]);
            for (size_t i = 0; i < sizes[s]; i++) {
                const double exact = (double)caps[c] * tanh((double)x[i] / (double)caps[c]);
                worst = fmax(worst, fabs((double)y[i] / exact - 1));
            }
            check(worst <= 4 * (double)FLT_EPSILON, "%s: softcap at %g off by %.2g", k->isa, (double)caps[c], worst);
            check(free_guarded(y, sizes[s]), "%s: softcap of %zu writes beyond x", k->isa, sizes[s]);
            free(x);
        }
}

static void activations(const evk_kernels *k)
{
    for (evk_activation f = 0; f < EVK_N_ACTIVATION; f++) {
        activation_is_close(k, f);
        activation_of_all_sizes(k, f);
        activation_of_special_numbers(k, f);
    }
    soft_caps(k);
}

/* Random blocks whose float16 scales, at byte `at` and `at2` of each (0xffff: none), are finite. */
static void random_blocks(uint8_t *b, size_t n_block, size_t bytes, size_t at, size_t at2)
{
    for (size_t i = 0; i < n_block * bytes; i++)
        b[i] = (uint8_t)random_bits();
    for (size_t i = 0; i < n_block && at != 0xffff; i++) {
        b[i * bytes + at + 1] &= 0xbf;
        if (at2 != 0xffff)
            b[i * bytes + at2 + 1] &= 0xbf;
    }
}

static void dequantises_as_reference(const evk_kernels *k, const evk_kernels *ref)
{
    static const struct { const char *name; evk_type type; size_t block, bytes, at, at2; } types[] = {
        { "F32", EVK_F32, 1, 4, 0xffff, 0xffff },  { "F16", EVK_F16, 1, 2, 0xffff, 0xffff },
        { "BF16", EVK_BF16, 1, 2, 0xffff, 0xffff }, { "Q4_0", EVK_Q4_0, 32, EVK_Q4_0_BYTES, 0, 0xffff },
        { "Q4_1", EVK_Q4_1, 32, EVK_Q4_1_BYTES, 0, 2 }, { "Q5_0", EVK_Q5_0, 32, EVK_Q5_0_BYTES, 0, 0xffff },
        { "Q5_1", EVK_Q5_1, 32, EVK_Q5_1_BYTES, 0, 2 }, { "Q8_0", EVK_Q8_0, 32, EVK_Q8_0_BYTES, 0, 0xffff },
        { "Q2_K", EVK_Q2_K, 256, EVK_Q2_K_BYTES, 80, 82 }, { "Q3_K", EVK_Q3_K, 256, EVK_Q3_K_BYTES, 108, 0xffff },
        { "Q4_K", EVK_Q4_K, 256, EVK_Q4_K_BYTES, 0, 2 }, { "Q5_K", EVK_Q5_K, 256, EVK_Q5_K_BYTES, 0, 2 },
        { "Q6_K", EVK_Q6_K, 256, EVK_Q6_K_BYTES, 208, 0xffff },
        { "IQ4_NL", EVK_IQ4_NL, 32, EVK_IQ4_NL_BYTES, 0, 0xffff },
        { "IQ4_XS", EVK_IQ4_XS, 256, EVK_IQ4_XS_BYTES, 0, 0xffff },
        { "MXFP4", EVK_MXFP4, 32, EVK_MXFP4_BYTES, 0xffff, 0xffff },
        { "TQ1_0", EVK_TQ1_0, 256, EVK_TQ1_0_BYTES, 52, 0xffff }, { "TQ2_0", EVK_TQ2_0, 256, EVK_TQ2_0_BYTES, 64, 0xffff },
        { "IQ2_XXS", EVK_IQ2_XXS, 256, EVK_IQ2_XXS_BYTES, 0, 0xffff },
        { "IQ2_XS", EVK_IQ2_XS, 256, EVK_IQ2_XS_BYTES, 0, 0xffff },
        { "IQ2_S", EVK_IQ2_S, 256, EVK_IQ2_S_BYTES, 0, 0xffff },
        { "IQ3_XXS", EVK_IQ3_XXS, 256, EVK_IQ3_XXS_BYTES, 0, 0xffff },
        { "IQ3_S", EVK_IQ3_S, 256, EVK_IQ3_S_BYTES, 0, 0xffff },
        { "IQ1_S", EVK_IQ1_S, 256, EVK_IQ1_S_BYTES, 0, 0xffff },
        { "IQ1_M", EVK_IQ1_M, 256, EVK_IQ1_M_BYTES, 54, 0xffff },
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const size_t n_block = types[i].block == 1 ? 1003 : 40, n = n_block * types[i].block;
        const size_t bytes = n_block * types[i].bytes;
        uint8_t *b = malloc(bytes + 1);
        float *y = guarded(n), *expected = guarded(n);
        random_blocks(b + 1, n_block, types[i].bytes, types[i].at, types[i].at2);     /* at an odd address */
        k->dequantise[types[i].type](b + 1, y, n);
        ref->dequantise[types[i].type](b + 1, expected, n);
        check(same_bits(y, expected, n), "%s: values of %s", k->isa, types[i].name);
        check(free_guarded(y, n), "%s: %s writes beyond its values", k->isa, types[i].name);
        check(free_guarded(expected, n), "ref: %s writes beyond its values", types[i].name);
        free(b);
    }
}

static void selection(void)
{
    evk_kernels k;
    evoke_error err;
    check(evk_kernels_select("avx1024", &k, &err) == EVOKE_EARG && strstr(err.text, "avx1024"), "%s", err.text);
    check(evk_kernels_select(NULL, &k, &err) == EVOKE_OK, "%s", err.text);
    size_t n = 0;
    while (evoke_isa_name(n))
        n++;
    check(n > 0 && strcmp(evoke_isa_name(0), "ref") == 0, "ref comes first");
    check(n > 0 && strcmp(evoke_isa_name(n - 1), k.isa) == 0, "the best is %s", k.isa);
}

static bool same_half(uint16_t a, uint16_t b)
{
    const bool nan = (a & 0x7fff) > 0x7c00;
    return nan ? (b & 0x7fff) > 0x7c00 : a == b;
}

/* Every sign and exponent with fractions that lie on, beside and between float16's, and what has no nearest one: beyond the largest it is
 * the largest itself. At every length and place a vector may end at. */
static void halves_as_reference(const evk_kernels *k, const evk_kernels *ref)
{
    static const uint32_t fractions[] = { 0, 1, 0xfff, 0x1000, 0x1001, 0x2000, 0x2fff, 0x3000, 0x3001,
                                          0x400000, 0x7fefff, 0x7ff000, 0x7fffff };
    enum { N = 512 * sizeof fractions / sizeof *fractions };
    float *x = malloc(N * sizeof *x);
    uint16_t *y = malloc(N * sizeof *y), *right = malloc(N * sizeof *y);
    size_t wrong = 0;
    for (size_t i = 0; i < N; i++)
        x[i] = evk_float_of_bits((uint32_t)(i % 512) << 23 | fractions[i / 512]);
    check(!ref->to_f16(x, right, N) && !k->to_f16(x, y, N), "%s: some are beyond float16", k->isa);
    for (size_t i = 0; i < N; i++)
        wrong += !same_half(right[i], y[i]);
    check(wrong == 0, "%s: %zu float16 differ", k->isa, wrong);
    check(same_half(right[142], evk_to_f16(x[142])) && right[511] == 0xfbff && right[255] == 0x7bff, "the largest float16 for infinity");
    for (size_t n = 0; n < 40; n++)
        for (size_t from = 0; from < 3; from++) {
            memset(y, 0xa5, 64 * sizeof *y);
            const bool within = k->to_f16(x + 120 + from, y + from, n);
            bool all = true;
            for (size_t i = 0; i < n; i++) {
                wrong += !same_half(right[120 + from + i], y[from + i]);
                all = all && fabsf(x[120 + from + i]) <= 65504;
            }
            check(within == all, "%s: %zu float16 from %zu on: whether one is beyond", k->isa, n, from);
            check(wrong == 0 && y[from + n] == 0xa5a5, "%s: %zu float16 from %zu on", k->isa, n, from);
        }
    free(x);
    free(y);
    free(right);
}

int main(void)
{
    selection();
    evk_kernels k, ref;
    evk_kernels_select("ref", &ref, NULL);
    for (size_t i = 0; evoke_isa_name(i); i++) {
        evoke_error err;
        if (!check(evk_kernels_select(evoke_isa_name(i), &k, &err) == EVOKE_OK, "%s", err.text))
            continue;
        check(strcmp(k.isa, evoke_isa_name(i)) == 0, "asked for %s, got %s", evoke_isa_name(i), k.isa);
        vectors_of_all_sizes(&k);
        rows_are_added_in_order(&k);
        largest_is_found(&k);
        ragged_matmuls(&k);
        blocks_add_up(&k);
        panels_as_reference(&k, &ref);
        panels_of_rows(&k, &ref);
        exponentials_are_close(&k);
        special_exponentials(&k);
        activations(&k);
        dequantises_as_reference(&k, &ref);
        halves_as_reference(&k, &ref);
        printf("%s: tested\n", k.isa);
    }
    return check_done();
}
