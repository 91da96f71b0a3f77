/* core/files/whole_file.h: bytes to a file that has its name only when it is whole. */
#ifndef EVK_WHOLE_FILE_H
#define EVK_WHOLE_FILE_H

#include "core/status.h"

/* Writes n bytes beside `path` under a temporary name, syncs, and renames. Errors: EVOKE_EIO, also where there is something of
 * that name that is no file; then nothing is left behind. */
evoke_status evk_write_whole(const char *path, const void *bytes, size_t n, evoke_error *err);

#endif
