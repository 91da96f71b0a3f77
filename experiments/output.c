#include "experiments/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static evoke_status open_temporary(output *out, const char *path, evoke_error *err)
{
    int fd = -1;
    evoke_status st = evoke_open_temporary(path, "create the result", &out->temporary, &fd, err);
    if (st != EVOKE_OK)
        return st;
    out->path = strdup(path);
    out->file = out->path ? fdopen(fd, "w") : NULL;
    if (out->file)
        return EVOKE_OK;
    st = out->path ? fail(err, EVOKE_EIO, "create the result: %s (%s)", strerror(errno), path)
                   : fail(err, EVOKE_ENOMEM, "write: no memory (%s)", path);
    close(fd);
    unlink(out->temporary);
    free(out->temporary);
    out->temporary = NULL;
    return st;
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
