#include "layers/rope.h"

#include <math.h>

static double llama3_scaled(const evk_config *c, double frequency)
{
    const double wavelength = 2.0 * M_PI / frequency;
    const double original = c->rope_llama3.original;
    if (wavelength < original / c->rope_llama3.high)
        return frequency;
    if (wavelength > original / c->rope_llama3.low)
        return frequency / c->rope_llama3.factor;
    const double keep = (original / wavelength - c->rope_llama3.low) / (c->rope_llama3.high - c->rope_llama3.low);
    return (1.0 - keep) * frequency / c->rope_llama3.factor + keep * frequency;
}

void evk_rope_frequencies(const evk_config *c, const float *divisors, double *out)
{
    for (size_t i = 0; i < c->d_rope / 2; i++) {
        out[i] = pow(c->rope_base, -2.0 * (double)i / (double)c->d_rope) / c->rope_linear;
        if (c->rope_llama3.factor > 0)
            out[i] = llama3_scaled(c, out[i]);
        if (divisors)
            out[i] /= (double)divisors[i];
    }
}

void evk_rope_angles(const double *frequency, size_t half, size_t position, float *cosine, float *sine)
{
    for (size_t i = 0; i < half; i++) {
        const double angle = (double)position * frequency[i];
        cosine[i] = (float)cos(angle);
        sine[i] = (float)sin(angle);
    }
}

void evk_rope_turn(float *x, size_t n_head, size_t d_head, size_t half, evk_rope_pairing pairing, const float *cosine,
                   const float *sine)
{
    const size_t step = pairing == EVK_ROPE_PAIRS ? 2 : 1, other = pairing == EVK_ROPE_PAIRS ? 1 : half;
    for (size_t head = 0; head < n_head; head++, x += d_head)
        for (size_t i = 0; i < half; i++) {
            const float a = x[i * step], b = x[i * step + other];
            x[i * step] = a * cosine[i] - b * sine[i];
            x[i * step + other] = a * sine[i] + b * cosine[i];
        }
}
