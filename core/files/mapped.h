/* core/files/mapped.h: whole files mapped for reading; weights are used where they lie, without a copy.
 *
 * The mapping is private and read only. Another process that shortens the file while it is mapped can still end this
 * one (SIGBUS), as with every mapped file. */
#ifndef EVK_MAPPED_H
#define EVK_MAPPED_H

#include "core/status.h"

typedef struct evk_mapped {
    const unsigned char *data;
    size_t n;
    char *path;
} evk_mapped;

/* The files of one model. Zero-initialise. */
typedef struct evk_mapped_set {
    evk_mapped *items;
    size_t n;
} evk_mapped_set;

/* Maps a further file. Errors: EVOKE_EIO it cannot be opened, EVOKE_EFORMAT it is empty or no regular file. */
evoke_status evk_map_file(evk_mapped_set *set, const char *path, evoke_error *err);
void evk_unmap_all(evk_mapped_set *set);
/* The whole pages among n mapped bytes leave this process's memory until they are read again, then from the file. */
void evk_mapped_release(const void *at, size_t n);

/* "DIR/NAME", or NAME where dir is ""; the caller's. */
evoke_status evk_join_path(const char *dir, const char *name, char **out, evoke_error *err);

#endif
