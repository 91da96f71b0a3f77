/* core/threads.h: how many threads a process may use, and how long they took. */
#ifndef EVK_THREADS_H
#define EVK_THREADS_H

#include <stddef.h>

/* The cores in this process's affinity mask, less where its control group's quota or SLURM_CPUS_PER_TASK is smaller; at least 1,
 * never a part of a core more than the quota. */
size_t evk_cores_available(void);

/* Cores that the control groups of the process, and those above them, allow: the least quota of versions 2 and 1. self:
 * /proc/self/cgroup; mount: /sys/fs/cgroup. 0: no limit known. */
double evk_cgroup_quota(const char *self, const char *mount);

/* Seconds of a clock that never goes back. */
double evk_seconds(void);

#endif
