/* core/threads.c: never more threads than the affinity mask or Slurm's task has cores, never less than one. */
#define _GNU_SOURCE
#include "core/threads.h"

#include <sched.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/evoke.h"
#include "tests/check.h"

int main(void)
{
    cpu_set_t all, one;
    unsetenv("SLURM_CPUS_PER_TASK");
    check(sched_getaffinity(0, sizeof all, &all) == 0, "there is an affinity mask");
    const size_t n = evk_cores_available();
    check(n >= 1 && n <= (size_t)CPU_COUNT(&all), "%zu cores of %d", n, CPU_COUNT(&all));
    check(evoke_cores_shared(1, 1) == n, "alone: all of them");
    check(evoke_cores_shared(2, 2) == (n > 1 ? n / 2 : 1), "half of %zu: %zu", n, evoke_cores_shared(2, 2));
    check(evoke_cores_shared(1000000, 1000000) == 1, "at least one");
    static const struct { const char *said; size_t most; } tasks[] = {
        { "1", 1 }, { "1000000", SIZE_MAX }, { "0", SIZE_MAX }, { "-3", SIZE_MAX }, { "", SIZE_MAX }, { "some", SIZE_MAX },
    };
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        setenv("SLURM_CPUS_PER_TASK", tasks[i].said, 1);
        const size_t want = tasks[i].most < n ? tasks[i].most : n;
        check(evk_cores_available() == want, "SLURM_CPUS_PER_TASK=%s gives %zu", tasks[i].said, evk_cores_available());
    }
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &one);
    check(sched_setaffinity(0, sizeof one, &one) == 0 && evk_cores_available() == 1, "bound to one core");
    return check_done();
}
