#define _GNU_SOURCE
#include "core/threads.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/evoke.h"

/* cpu.max of the control group: "QUOTA PERIOD" or "max PERIOD". 0: no limit known. */
static double quota(void)
{
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r");
    double limit = 0, period = 0;
    if (!f)
        return 0;
    if (fscanf(f, "%lf %lf", &limit, &period) != 2)
        limit = 0;
    fclose(f);
    return period > 0 ? limit / period : 0;
}

/* What Slurm gives each task, which it may neither bind nor limit itself. 0: not said. */
static size_t slurm_cores(void)
{
    const char *text = getenv("SLURM_CPUS_PER_TASK");
    const long n = text ? strtol(text, NULL, 10) : 0;
    return n > 0 ? (size_t)n : 0;
}

size_t evoke_cores_shared(size_t n_same, size_t n_here)
{
    cpu_set_t set;
    size_t n = sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
    const double limit = quota() / (double)(n_here > 0 ? n_here : 1);
    n /= n_same > 0 ? n_same : 1;
    if (limit > 0 && limit < (double)n)
        n = (size_t)limit;
    const size_t task = slurm_cores();
    if (task > 0 && task < n)
        n = task;
    return n > 0 ? n : 1;
}

size_t evk_cores_available(void)
{
    return evoke_cores_shared(1, 1);
}

double evk_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
