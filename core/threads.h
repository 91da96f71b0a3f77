/* core/threads.h: how many threads a process may use, and how long they took. */
#ifndef EVK_THREADS_H
#define EVK_THREADS_H

#include <stddef.h>

/* The cores in this process's affinity mask, less where its control group has a smaller quota; at least 1. */
size_t evk_cores_available(void);

/* Seconds of a clock that never goes back. */
double evk_seconds(void);

#endif
