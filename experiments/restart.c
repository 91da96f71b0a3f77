#define _GNU_SOURCE
#include "experiments/restart.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiments/files.h"

void restart_with(const char *variable, const char *value, char *const *argv)
{
    static const char link[] = "/proc/self/exe";
    char own[PATH_MAX];
    struct stat by_path, by_link;
    if (getauxval(AT_BASE) == 0 || setenv(variable, value, 1) != 0)     /* 0: ld.so was started, with argv's program */
        return;
    if (program_path(own, sizeof own) && stat(own, &by_path) == 0 && stat(link, &by_link) == 0 && by_path.st_dev == by_link.st_dev &&
        by_path.st_ino == by_link.st_ino)
        execv(own, argv);       /* ps and pkill take the program's name from its path */
    execv(link, argv);
}
