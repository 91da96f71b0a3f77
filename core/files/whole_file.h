/* core/files/whole_file.h: bytes to a file that has its name only when it is whole. */
#ifndef EVK_WHOLE_FILE_H
#define EVK_WHOLE_FILE_H

#include "core/status.h"

/* A new file beside `path`, of a name that nothing has, PATH.PID-N.partial; *name is the caller's. Errors: EVOKE_EIO, also where
 * there is something at `path` that is no file. what: err's beginning. */
evoke_status evk_open_temporary(const char *path, const char *what, char **name, int *fd, evoke_error *err);
/* Writes n bytes beside `path` under a temporary name, syncs, and renames. Errors: EVOKE_EIO, also where there is something of
 * that name that is no file; then nothing is left behind. */
evoke_status evk_write_whole(const char *path, const void *bytes, size_t n, evoke_error *err);

#endif
