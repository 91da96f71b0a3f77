/* core/threads.h: how many threads a process may use, and how long they took. */
#ifndef EVK_THREADS_H
#define EVK_THREADS_H

#include <stddef.h>

/* The cores in this process's affinity mask, less where its control group's quota or SLURM_CPUS_PER_TASK is smaller; at least 1,
 * never a part of a core more than the quota. */
size_t evk_cores_available(void);

/* Seconds of a clock that never goes back. */
double evk_seconds(void);

#endif
