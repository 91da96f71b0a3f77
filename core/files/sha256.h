/* core/files/sha256.h: the fingerprint of a model's files. */
#ifndef EVK_SHA256_H
#define EVK_SHA256_H

#include "core/status.h"

/* SHA-256 of the bytes of n files one after another, as 64 lower-case hex digits and a NUL. One file: what sha256sum
 * says of it. Errors: EVOKE_EIO. */
evoke_status evk_sha256_files(const char *const *paths, size_t n, char hex[65], evoke_error *err);
/* The same of n bytes at hand. */
void evk_sha256(const void *bytes, size_t n, char hex[65]);

#endif
