#include "layers/rope.h"

#include <math.h>
#include <stdlib.h>

void evk_rope_free(evk_rope *r)
{
    free(r->short_divisors);
    free(r->long_divisors);
    r->short_divisors = r->long_divisors = NULL;
}

static double llama3_scaled(const evk_rope *r, double frequency)
{
    const double wavelength = 2.0 * M_PI / frequency;
    if (wavelength < r->original / r->high)
        return frequency;
    if (wavelength > r->original / r->low)
        return frequency / r->factor;
    const double keep = (r->original / wavelength - r->low) / (r->high - r->low);
    return (1.0 - keep) * frequency / r->factor + keep * frequency;
}

/* The dimension whose pair makes `turns` turns in `original` positions. */
static double yarn_dimension(const evk_rope *r, double turns, double d_rope)
{
    return d_rope * log(r->original / (turns * 2.0 * M_PI)) / (2.0 * log(r->base));
}

/* Dimensions below the range keep their frequency, those above it are stretched, those within are blended. */
static double yarn_scaled(const evk_rope *r, size_t i, size_t d_rope, double frequency)
{
    double low = yarn_dimension(r, r->fast, (double)d_rope), high = yarn_dimension(r, r->slow, (double)d_rope);
    if (r->whole_dimensions) {
        low = floor(low);
        high = ceil(high);
    }
    low = fmax(low, 0);
    high = fmin(high, (double)d_rope - 1);
    if (low == high)
        high += 0.001;
    const double stretched = fmin(fmax(((double)i - low) / (high - low), 0), 1);
    return frequency / r->factor * stretched + frequency * (1.0 - stretched);
}

bool evk_rope_is_beyond(const evk_rope *r, size_t length)
{
    return (r->scaling == EVK_ROPE_LONG || r->scaling == EVK_ROPE_DYNAMIC) && (double)length > r->original;
}

static double base_for(const evk_rope *r, double d_rope, size_t length)
{
    if (r->scaling != EVK_ROPE_DYNAMIC || !evk_rope_is_beyond(r, length) || d_rope <= 2)
        return r->base;
    return r->base * pow(r->factor * (double)length / r->original - (r->factor - 1.0), d_rope / (d_rope - 2.0));
}

void evk_rope_frequencies(const evk_rope *r, size_t d_rope, size_t length, const float *divisors, double *frequency)
{
    const double *own = evk_rope_is_beyond(r, length) ? r->long_divisors : r->short_divisors;
    const double base = base_for(r, (double)d_rope, length);
    for (size_t i = 0; i < d_rope / 2; i++) {
        double f = pow(base, -2.0 * (double)i / (double)d_rope);
        if (r->scaling == EVK_ROPE_LINEAR)
            f /= r->factor;
        else if (r->scaling == EVK_ROPE_LLAMA3)
            f = llama3_scaled(r, f);
        else if (r->scaling == EVK_ROPE_YARN)
            f = yarn_scaled(r, i, d_rope, f);
        f /= own ? own[i] : 1.0;
        frequency[i] = f / (divisors ? (double)divisors[i] : 1.0);
    }
}

void evk_rope_angles(const double *frequency, size_t half, double amplitude, size_t position, float *cosine, float *sine)
{
    for (size_t i = 0; i < half; i++) {
        const double angle = (double)position * frequency[i];
        cosine[i] = (float)(amplitude * cos(angle));
        sine[i] = (float)(amplitude * sin(angle));
    }
}

/* a and b [half], `step` apart, by the angles. */
static void turn_pairs(float *restrict a, float *restrict b, size_t step, size_t half, const float *restrict cosine,
                       const float *restrict sine)
{
    for (size_t i = 0; i < half; i++) {
        const float x = a[i * step], y = b[i * step];
        a[i * step] = x * cosine[i] - y * sine[i];
        b[i * step] = x * sine[i] + y * cosine[i];
    }
}

void evk_rope_turn(float *x, size_t n_head, size_t d_head, size_t half, evk_rope_pairing pairing, const float *cosine,
                   const float *sine)
{
    for (size_t head = 0; head < n_head; head++, x += d_head)
        if (pairing == EVK_ROPE_PAIRS)
            turn_pairs(x, x + 1, 2, half, cosine, sine);
        else
            turn_pairs(x, x + half, 1, half, cosine, sine);
}
