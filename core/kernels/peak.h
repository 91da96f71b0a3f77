/* core/kernels/peak.h: what one core can do at most, by loops of nothing but the operation in question.
 *
 * The bounds that kernels are held against: multiply-adds of float32 and of small integers with every operand in a register,
 * and loads and stores of whole vectors. A loop exists for each instruction set that brings better units than the one below. */
#ifndef EVK_PEAK_H
#define EVK_PEAK_H

#include <stddef.h>

/* n steps of an operation. x: 0, and not known to the compiler. Returns what must be computed for no step to be left out. */
typedef double evk_compute_loop(size_t n, int x);
/* Over n bytes at p, 64-byte aligned, a multiple of 1024; stores write x. */
typedef double evk_memory_loop(void *p, size_t n, int x);

typedef struct evk_peak {
    const char *isa;
    evk_compute_loop *floats, *integers;
    double flop, op;            /* additions and multiplications of a step */
    evk_memory_loop *read, *write;
} evk_peak;

/* The best loops of the instruction sets that this CPU runs up to the one named (NULL: of all). */
evk_peak evk_peak_of(const char *isa);

/* Best rates of one thread: GFLOP/s, GOP/s. About 30 ms each. */
double evk_peak_floats(const evk_peak *p);
double evk_peak_integers(const evk_peak *p);

#endif
