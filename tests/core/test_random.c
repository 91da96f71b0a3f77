/* The streams are NumPy's, bit for bit:  numpy.random.PCG64(entropy).random_raw(3)  and
 * numpy.random.Generator(numpy.random.PCG64(entropy)).random(2), NumPy 2.4. */
#include "tests/check.h"

#include <inttypes.h>
#include <math.h>

#include "core/random.h"

static const struct { size_t n; uint64_t entropy[7], raw[3]; double uniform[2]; } numpy[] = {
    { 1, { 0 }, { 0xa30febcfd9c2825f, 0x4510bdf882d9d721, 0x0a7d3da94ecde8b8 },
      { 0.6369616873214543, 0.2697867137638703 } },
    { 1, { 42 }, { 0xc621fbcd16d92688, 0x705a5661a791ffc1, 0xdbcd12c26eda1624 },
      { 0.7739560485559633, 0.4388784397520523 } },
    { 1, { UINT32_MAX }, { 0x407f5fa930d8fd9f, 0x3814b22eb9684802, 0x498b7dcee8d8dc95 },
      { 0.2519435680449965, 0.21906579628685663 } },
    { 1, { UINT32_MAX + 1ull }, { 0xe3c5ebe285ac1625, 0x8ea09968fe31dbcc, 0xcd084ff84d8de9be },
      { 0.8897387912781343, 0.5571380502062263 } },
    { 1, { UINT64_MAX }, { 0xae163a7a8c47568f, 0xd86659f5f3382359, 0x1e52b195bc2d24a },
      { 0.6800266789616931, 0.8453117585624743 } },
    { 2, { 7, 3 }, { 0xf99bcc89ba58d5c6, 0xe272ff9a89c76221, 0x3b626a1058dcf29e },
      { 0.9750335537195014, 0.8845672371187709 } },
    { 2, { (1ull << 40) + 5, (1ull << 63) + 9 }, { 0x1d57b034abe9b37f, 0x63ce663c1f700b8f, 0xc056fd18d0fc1e06 },
      { 0.11461926732946526, 0.38986815421907306 } },
    { 7, { 1, 2, 3, 4, 5, 6, 7 }, { 0xf5f421e36020653a, 0xc88715ec00b453a3, 0xebe20ce5adbf439d },
      { 0.9607564144245102, 0.7833112431696503 } },
};

static void equals_numpy(void)
{
    for (size_t i = 0; i < sizeof numpy / sizeof *numpy; i++) {
        evk_random r;
        evk_random_seed(&r, numpy[i].entropy, numpy[i].n);
        for (size_t k = 0; k < 3; k++) {
            const uint64_t x = evk_random_u64(&r);
            check(x == numpy[i].raw[k], "case %zu, draw %zu: %016" PRIx64, i, k, x);
        }
        evk_random_seed(&r, numpy[i].entropy, numpy[i].n);
        for (size_t k = 0; k < 2; k++) {
            const double u = evk_random_uniform(&r);
            check(u == numpy[i].uniform[k], "case %zu, uniform %zu: %.17g", i, k, u);
        }
    }
    evk_random a, b;
    evk_random_stream(&a, 7, 3);
    evk_random_seed(&b, numpy[5].entropy, 2);
    check(a.state == b.state && a.increment == b.increment, "stream (7, 3) is entropy [7, 3]");
}

/* Every value equally often: chi-square of 10 cells below its 1e-6 quantile (df 9: 46.2). */
static void below_is_even(void)
{
    evk_random r;
    evk_random_stream(&r, 1, 0);
    double count[10] = { 0 }, chi2 = 0;
    for (int i = 0; i < 100000; i++) {
        const uint64_t x = evk_random_below(&r, 10);
        if (x >= 10) {
            check(false, "below(10) gave %" PRIu64, x);
            return;
        }
        count[x]++;
    }
    for (int i = 0; i < 10; i++)
        chi2 += (count[i] - 10000) * (count[i] - 10000) / 10000;
    check(chi2 < 46.2, "chi-square of below(10): %g", chi2);
    check(evk_random_below(&r, 1) == 0, "below(1)");
    const uint64_t n = (1ull << 63) + 1;        /* nearly half of all draws must be refused */
    uint64_t most = 0;
    for (int i = 0; i < 1000; i++) {
        const uint64_t x = evk_random_below(&r, n);
        most = x > most ? x : most;
    }
    check(most < n && most > n / 2, "largest of below(2^63 + 1): %" PRIu64, most);
}

/* Moments of N(0, 1) within five standard errors. */
static void normal_is_normal(void)
{
    enum { N = 200000 };
    evk_random r;
    evk_random_stream(&r, 2, 0);
    double m[5] = { 0 };
    for (int i = 0; i < N; i++) {
        const double x = evk_random_normal(&r);
        m[1] += x / N;
        m[2] += x * x / N;
        m[3] += x * x * x / N;
        m[4] += x * x * x * x / N;
    }
    check(fabs(m[1]) < 5 * sqrt(1.0 / N), "mean %g", m[1]);
    check(fabs(m[2] - 1) < 5 * sqrt(2.0 / N), "variance %g", m[2]);
    check(fabs(m[3]) < 5 * sqrt(15.0 / N), "third moment %g", m[3]);
    check(fabs(m[4] - 3) < 5 * sqrt(96.0 / N), "fourth moment %g", m[4]);
}

int main(void)
{
    equals_numpy();
    below_is_even();
    normal_is_normal();
    return check_done();
}
