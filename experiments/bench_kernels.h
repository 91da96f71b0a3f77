/* experiments/bench_kernels.h: `evoke bench --kernels`. */
#ifndef BENCH_KERNELS_H
#define BENCH_KERNELS_H

#include "experiments/options.h"

/* Measures every kernel and prints a table, or with --json everything. */
evoke_status bench_kernels(const options *o, evoke_error *err);
/* "model name" of the first core; "" where the system does not say. */
const char *cpu_name(char name[128]);

#endif
