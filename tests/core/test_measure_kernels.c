/* tests/core/test_measure_kernels.c: every kernel has a rate by every instruction set, and none beats its bound by more than a
 * busy machine explains. */
#include <math.h>
#include <string.h>

#include "core/evoke.h"
#include "core/kernels/peak.h"
#include "tests/check.h"

static void check_rate(const evoke_kernel_rate *r, const evoke_core_peak *by)
{
    check(strcmp(r->isa, by->isa) == 0, "%s: %s, not %s", r->kernel, r->isa, by->isa);
    check(*r->kernel && *r->size && r->bound && r->group < EVOKE_N_KERNEL_GROUP, "%s: what is it?", r->kernel);
    const double share = r->rate / r->peak;
    check(isfinite(r->rate) && r->rate > 0 && isfinite(r->speedup) && r->speedup > 0, "%s by %s: rate %g, %g times ref",
          r->kernel, r->isa, r->rate, r->speedup);
    check(share > 0 && share <= 1.3, "%s by %s: %.2f of %s", r->kernel, r->isa, share, r->bound);
}

static bool has(const evoke_kernel_speeds *s, evoke_kernel_group group, const char *kernel)
{
    for (size_t k = 0; k < s->n_kernels; k++)
        if (s->rates[k * s->n_isas].group == group && strcmp(s->rates[k * s->n_isas].kernel, kernel) == 0)
            return true;
    return false;
}

static void every_kernel_of_every_isa(void)
{
    evoke_kernel_speeds s;
    evoke_error err;
    size_t n_isa = 0;
    if (!check(evoke_measure_kernels(NULL, &s, &err) == EVOKE_OK, "%s", err.text))
        return;
    for (const char *isa; (isa = evoke_isa_name(n_isa)); n_isa++)
        check(n_isa < s.n_isas && strcmp(s.peaks[n_isa].isa, isa) == 0, "%s is measured", isa);
    check(s.n_isas == n_isa && s.n_kernels > 100, "%zu kernels, %zu instruction sets", s.n_kernels, s.n_isas);
    check(s.l1_read > 0 && s.l1_write > 0 && s.l2_read > 0 && s.l2_write > 0, "the caches");
    for (size_t i = 0; i < s.n_kernels * s.n_isas; i++)
        check_rate(&s.rates[i], &s.peaks[i % s.n_isas]);
    check(has(&s, EVOKE_KERNEL_FLOATS, "axpy") && has(&s, EVOKE_KERNEL_FLOATS, "matmul, 128 tokens"), "products");
    check(has(&s, EVOKE_KERNEL_ELEMENTS, "silu") && has(&s, EVOKE_KERNEL_ELEMENTS, "take_digits, 3"), "elements");
    check(has(&s, EVOKE_KERNEL_VALUES, "Q6_K") && has(&s, EVOKE_KERNEL_PACKED, "Q4_1, 3 digits, 4 tokens"), "weights");
    evoke_kernel_speeds_free(&s);
}

static void one_isa(void)
{
    evoke_kernel_speeds s;
    evoke_error err;
    check(evoke_measure_kernels("avx1024", &s, &err) == EVOKE_EARG && !s.rates, "no such instruction set");
    check(evoke_measure_kernels("ref", &s, &err) == EVOKE_OK && s.n_isas == 1, "ref alone");
    check(s.rates[0].speedup == 1, "ref beside itself");
    evoke_kernel_speeds_free(&s);
}

/* Better instruction sets have no lower peaks; one beyond what the CPU runs has the best it does run. */
static void peaks_rise(void)
{
    const evk_peak ref = evk_peak_of("ref"), best = evk_peak_of(NULL);
    check(strcmp(ref.isa, "ref") == 0, "ref is %s", ref.isa);
    check(best.flop >= ref.flop && best.op >= ref.op, "%s does %g and %g a step", best.isa, best.flop, best.op);
    check(evk_peak_floats(&best) > 0.8 * evk_peak_floats(&ref), "floats by %s are slower than by ref", best.isa);
    check(evk_peak_integers(&best) > 0.8 * evk_peak_integers(&ref), "integers by %s are slower than by ref", best.isa);
}

int main(void)
{
    peaks_rise();
    every_kernel_of_every_isa();
    one_isa();
    return check_done();
}
