#define _GNU_SOURCE
#include "core/threads.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/evoke.h"

/* Two numbers of a file, or of two files. "max" is no number. */
static bool read_pair(const char *first, const char *second, double *a, double *b)
{
    FILE *f = fopen(first, "r");
    int n = f ? fscanf(f, second ? "%lf" : "%lf %lf", a, b) : 0;
    if (f)
        fclose(f);
    f = second && n == 1 ? fopen(second, "r") : NULL;
    if (f) {
        n += fscanf(f, "%lf", b) == 1;
        fclose(f);
    }
    return n == 2;
}

/* The least quota of a group and those above it. Version 2: cpu.max is "QUOTA PERIOD" or "max PERIOD"; version 1: two files. */
static double least_quota(const char *mount, const char *controller, char *group, bool version_1)
{
    enum { MOST = 4096 };
    char first[MOST], second[MOST];
    double least = 0;
    for (;;) {
        double limit = 0, period = 0;
        const int n = snprintf(first, MOST, "%s%s%s/%s", mount, controller, group, version_1 ? "cpu.cfs_quota_us" : "cpu.max");
        const int m = snprintf(second, MOST, "%s%s%s/cpu.cfs_period_us", mount, controller, group);
        if (n < MOST && m < MOST && read_pair(first, version_1 ? second : NULL, &limit, &period) && limit > 0 && period > 0)
            least = least == 0 || limit / period < least ? limit / period : least;
        char *up = strrchr(group, '/');
        if (!up)
            return least;
        *up = 0;
    }
}

double evk_cgroup_quota(const char *self, const char *mount)
{
    char line[4096];
    double least = 0;
    FILE *f = fopen(self, "r");
    while (f && fgets(line, sizeof line, f)) {
        char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *controllers++ = *group++ = 0;
        group[strcspn(group, "\n")] = 0;
        const bool version_2 = strcmp(line, "0") == 0 && !*controllers;
        if (!version_2 && strcmp(controllers, "cpu") != 0 && strcmp(controllers, "cpu,cpuacct") != 0 &&
            strcmp(controllers, "cpuacct,cpu") != 0)
            continue;
        const double of_group = least_quota(mount, version_2 ? "" : "/cpu", group, !version_2);
        least = of_group > 0 && (least == 0 || of_group < least) ? of_group : least;
    }
    if (f)
        fclose(f);
    return least;
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
    const double limit = evk_cgroup_quota("/proc/self/cgroup", "/sys/fs/cgroup") / (double)(n_here > 0 ? n_here : 1);
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
