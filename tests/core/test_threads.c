/* core/threads.c: never more threads than the affinity mask or Slurm's task has cores, never less than one. */
#define _GNU_SOURCE
#include "core/threads.h"

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/evoke.h"
#include "tests/bytes.h"
#include "tests/check.h"

static void put_file(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = 0;
        mkdir(path, 0700);
    }
    FILE *f = fopen(path, "w");
    check(f && fputs(text, f) >= 0 && fclose(f) == 0, "write %s", path);
}

/* Groups of version 2, of version 1, of both, and of a container that sees its own as the root. */
static void quotas(void)
{
    static const struct { const char *self; double quota; } cases[] = {
        { "0::/a/b\n", 1.5 },                       /* b 3, a 1.5, root max */
        { "0::/a\n", 1.5 }, { "0::/\n", 0 }, { "0::/gone/away\n", 0 },
        { "5:memory:/x\n4:cpu,cpuacct:/x/y\n0::/\n", 2 }, { "4:cpu:/z\n", 0 },
        { "4:cpu:/x/y\n0::/a/b\n", 1.5 }, { "", 0 }, { "nonsense\n::\n", 0 },
    };
    char folder[256], self[300];
    make_folder(folder);
    put_file(folder, "cpu.max", "max 100000\n");
    put_file(folder, "a/cpu.max", "150000 100000\n");
    put_file(folder, "a/b/cpu.max", "300000 100000\n");
    put_file(folder, "cpu/x/y/cpu.cfs_quota_us", "-1\n"), put_file(folder, "cpu/x/y/cpu.cfs_period_us", "100000\n");
    put_file(folder, "cpu/x/cpu.cfs_quota_us", "200000\n"), put_file(folder, "cpu/x/cpu.cfs_period_us", "100000\n");
    put_file(folder, "cpu/z/cpu.cfs_quota_us", "100000\n");
    snprintf(self, sizeof self, "%s/self", folder);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_file(folder, "self", cases[i].self);
        check(evk_cgroup_quota(self, folder) == cases[i].quota, "case %zu: %g", i, evk_cgroup_quota(self, folder));
    }
    check(evk_cgroup_quota("/nowhere", folder) == 0, "no groups");
    static const char *const made[] = { "cpu.max", "a/cpu.max", "a/b/cpu.max", "a/b", "a", "cpu/x/y/cpu.cfs_quota_us",
                                        "cpu/x/y/cpu.cfs_period_us", "cpu/x/y", "cpu/x/cpu.cfs_quota_us",
                                        "cpu/x/cpu.cfs_period_us", "cpu/x", "cpu/z/cpu.cfs_quota_us", "cpu/z", "cpu", "self", "" };
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        snprintf(self, sizeof self, "%s/%s", folder, made[i]);
        check(remove(self) == 0, "remove %s", self);
    }
}

int main(void)
{
    quotas();
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
