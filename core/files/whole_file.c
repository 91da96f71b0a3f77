#include "core/files/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* 0, or errno. */
static int write_all(int fd, const char *bytes, size_t n)
{
    for (size_t at = 0; at < n;) {
        const ssize_t put = write(fd, bytes + at, n - at);
        if (put < 0 && errno != EINTR)
            return errno;
        at += put > 0 ? (size_t)put : 0;
    }
    return fsync(fd) == 0 ? 0 : errno;
}

evoke_status evoke_check_output(const char *path, const char *what, evoke_error *err)
{
    struct stat info;
    /* by name too: the target of the link /dev/stdout may be a file */
    if ((stat(path, &info) == 0 && !S_ISREG(info.st_mode)) || strncmp(path, "/dev/std", 8) == 0)
        return evk_fail(err, EVOKE_EIO, "%s: there is something of that name that is not a file (%s)", what, path);
    return EVOKE_OK;
}

evoke_status evk_write_whole(const char *path, const void *bytes, size_t n, evoke_error *err)
{
    const size_t room = strlen(path) + 32;
    char *temporary = NULL;
    EVK_TRY(evoke_check_output(path, "write file", err));
    EVK_TRY(evk_alloc(&temporary, room, 1, "write file", err));
    snprintf(temporary, room, "%s.%ld.partial", path, (long)getpid());
    const int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int why = fd < 0 ? errno : write_all(fd, bytes, n);
    if (fd >= 0 && close(fd) != 0 && !why)
        why = errno;
    if (!why && rename(temporary, path) != 0)
        why = errno;
    if (why && fd >= 0)
        unlink(temporary);
    free(temporary);
    return why ? evk_fail(err, EVOKE_EIO, "write file: %s (%s)", strerror(why), path) : EVOKE_OK;
}
