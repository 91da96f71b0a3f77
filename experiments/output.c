#include "experiments/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static evoke_status open_temporary(output *out, const char *path, evoke_error *err)
{
    enum { MAX_TRIES = 1000 };
    const size_t size = strlen(path) + 48;
    int fd = -1;
    const evoke_status status = evoke_check_output(path, "create the result", err);
    if (status != EVOKE_OK)
        return status;
    out->path = strdup(path);
    out->temporary = malloc(size);
    if (!out->path || !out->temporary)
        return fail(err, EVOKE_ENOMEM, "write: no memory (%s)", path);
    for (unsigned i = 0; i < MAX_TRIES && fd < 0; i++) {        /* a killed process of our number may have left one */
        snprintf(out->temporary, size, "%s.%ld-%u.partial", path, (long)getpid(), i);
        fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    const int why = errno;
    out->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out->file) {
        if (fd >= 0) {
            close(fd);
            unlink(out->temporary);
        }
        free(out->temporary);
        out->temporary = NULL;
        return fail(err, EVOKE_EIO, "create the result: %s (%s)", strerror(why), path);
    }
    return EVOKE_OK;
}

evoke_status output_open(output *out, const char *path, evoke_error *err)
{
    *out = (output){ .file = stdout };
    if (!path)
        return EVOKE_OK;
    out->file = NULL;
    const evoke_status st = open_temporary(out, path, err);
    if (st != EVOKE_OK)
        output_discard(out);
    return st;
}

static evoke_status commit_file(output *out, evoke_error *err)
{
    bool good = !ferror(out->file) && fflush(out->file) == 0 && fsync(fileno(out->file)) == 0;
    int why = errno;
    const bool closed = fclose(out->file) == 0;
    if (good && !closed)
        why = errno;
    out->file = NULL;
    if (good && closed && rename(out->temporary, out->path) != 0) {
        good = false;
        why = errno;
    }
    if (!good || !closed) {
        unlink(out->temporary);
        return fail(err, EVOKE_EIO, "write the result: %s (%s)", strerror(why), out->path);
    }
    return EVOKE_OK;
}

evoke_status output_commit(output *out, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    if (out->temporary) {
        st = commit_file(out, err);
        free(out->temporary);
        out->temporary = NULL;
    } else {
        errno = 0;
        if (fflush(stdout) != 0 || ferror(stdout))
            st = fail(err, EVOKE_EIO, "write the result: %s (standard output)", strerror(errno ? errno : EPIPE));
    }
    output_discard(out);
    return st;
}

void output_discard(output *out)
{
    if (out->temporary) {
        if (out->file)
            fclose(out->file);
        unlink(out->temporary);
    }
    free(out->path);
    free(out->temporary);
    *out = (output){ .file = NULL };
}

void output_name(const char *name, int width)
{
    int shown = 0;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        if ((*c & 0xc0) != 0x80 && ++shown > width)     /* not a later byte of a character */
            break;
        putchar(*c < 0x20 || *c == 0x7f ? '?' : *c);
    }
    for (; shown < width; shown++)
        putchar(' ');
}
