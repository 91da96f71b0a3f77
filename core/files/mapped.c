#include "core/files/mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe would block at open, a device has no size: only regular files are read. */
static evoke_status map_descriptor(int fd, const char *path, evk_mapped *out, evoke_error *err)
{
    struct stat s;
    if (fstat(fd, &s) != 0)
        return evk_fail(err, EVOKE_EIO, "open file: %s (%s)", strerror(errno), path);
    if (!S_ISREG(s.st_mode))
        return evk_fail(err, EVOKE_EFORMAT, "open file: not a regular file (%s)", path);
    if (s.st_size <= 0)
        return evk_fail(err, EVOKE_EFORMAT, "open file: it is empty (%s)", path);
    out->n = (size_t)s.st_size;
    void *p = mmap(NULL, out->n, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return evk_fail(err, EVOKE_EIO, "open file: cannot map its %zu bytes: %s (%s)", out->n, strerror(errno), path);
    out->data = p;
    return EVOKE_OK;
}

evoke_status evk_map_file(evk_mapped_set *set, const char *path, evoke_error *err)
{
    evk_mapped file = { 0 };
    evk_mapped *items = realloc(set->items, (set->n + 1) * sizeof *items);
    if (items)
        set->items = items;
    file.path = strdup(path);
    if (!items || !file.path) {
        free(file.path);
        return evk_fail(err, EVOKE_ENOMEM, "open file: no memory (%s)", path);
    }
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const evoke_status st = fd < 0 ? evk_fail(err, EVOKE_EIO, "open file: %s (%s)", strerror(errno), path)
                                   : map_descriptor(fd, path, &file, err);
    if (fd >= 0)
        close(fd);
    if (st == EVOKE_OK)
        set->items[set->n++] = file;
    else
        free(file.path);
    return st;
}

void evk_mapped_release(const void *at, size_t n)
{
    const long size = sysconf(_SC_PAGESIZE);
    if (size <= 0)
        return;
    const uintptr_t page = (uintptr_t)size, first = ((uintptr_t)at + page - 1) / page * page, end = ((uintptr_t)at + n) / page * page;
    if (end > first)
        madvise((void *)first, end - first, MADV_DONTNEED);     /* advice: that it is not taken is no error */
}

void evk_unmap_all(evk_mapped_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        void *p;
        memcpy(&p, &set->items[i].data, sizeof p);
        munmap(p, set->items[i].n);
        free(set->items[i].path);
    }
    free(set->items);
    *set = (evk_mapped_set){ 0 };
}

evoke_status evk_join_path(const char *dir, const char *name, char **out, evoke_error *err)
{
    const size_t n = strlen(dir), size = n + strlen(name) + 2;
    const bool slash = n > 0 && dir[n - 1] != '/';
    EVK_TRY(evk_alloc(out, size, 1, "open file", err));
    snprintf(*out, size, "%s%s%s", dir, slash ? "/" : "", name);
    return EVOKE_OK;
}
