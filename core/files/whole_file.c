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

static evoke_status check_output(const char *path, const char *what, evoke_error *err)
{
    struct stat info;
    /* by name too: the target of the link /dev/stdout may be a file */
    if ((stat(path, &info) == 0 && !S_ISREG(info.st_mode)) || strncmp(path, "/dev/std", 8) == 0)
        return evk_fail(err, EVOKE_EIO, "%s: there is something of that name that is not a file (%s)", what, path);
    return EVOKE_OK;
}

evoke_status evoke_open_temporary(const char *path, const char *what, char **name, int *fd, evoke_error *err)
{
    enum { MAX_TRIES = 1000 };
    const size_t room = strlen(path) + 48;
    *fd = -1;
    EVK_TRY(check_output(path, what, err));
    EVK_TRY(evk_alloc(name, room, 1, what, err));
    for (unsigned i = 0; i < MAX_TRIES && *fd < 0; i++) {       /* a killed process of our number may have left one */
        snprintf(*name, room, "%s.%ld-%u.partial", path, (long)getpid(), i);
        *fd = open(*name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*fd < 0 && errno != EEXIST)
            break;
    }
    if (*fd >= 0)
        return EVOKE_OK;
    const int why = errno;
    free(*name);
    *name = NULL;
    return evk_fail(err, EVOKE_EIO, "%s: %s (%s)", what, strerror(why), path);
}

evoke_status evk_write_whole(const char *path, const void *bytes, size_t n, evoke_error *err)
{
    char *temporary = NULL;
    int fd = -1;
    EVK_TRY(evoke_open_temporary(path, "write file", &temporary, &fd, err));
    int why = write_all(fd, bytes, n);
    if (close(fd) != 0 && !why)
        why = errno;
    if (!why && rename(temporary, path) != 0)
        why = errno;
    if (why)
        unlink(temporary);
    free(temporary);
    return why ? evk_fail(err, EVOKE_EIO, "write file: %s (%s)", strerror(why), path) : EVOKE_OK;
}
