#include "core/files/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

static evoke_status add_file(struct sha256_ctx *sha, const char *path, uint8_t *chunk, evoke_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return evk_fail(err, EVOKE_EIO, "hash file: %s (%s)", strerror(errno), path);
    ssize_t got;
    while ((got = read(fd, chunk, CHUNK)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            const evoke_status st = evk_fail(err, EVOKE_EIO, "hash file: %s (%s)", strerror(errno), path);
            close(fd);
            return st;
        }
        sha256_update(sha, (size_t)got, chunk);
    }
    close(fd);
    return EVOKE_OK;
}

static void put_digest(struct sha256_ctx *sha, char hex[65])
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(sha, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hex[64] = '\0';
}

void evk_sha256(const void *bytes, size_t n, char hex[65])
{
    struct sha256_ctx sha;
    sha256_init(&sha);
    sha256_update(&sha, n, bytes);
    put_digest(&sha, hex);
}

evoke_status evk_sha256_files(const char *const *paths, size_t n, char hex[65], evoke_error *err)
{
    struct sha256_ctx sha;
    uint8_t *chunk = NULL;
    hex[0] = '\0';
    EVK_TRY(evk_alloc(&chunk, CHUNK, 1, "hash files", err));
    sha256_init(&sha);
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; i < n && st == EVOKE_OK; i++)
        st = add_file(&sha, paths[i], chunk, err);
    free(chunk);
    if (st == EVOKE_OK)
        put_digest(&sha, hex);
    return st;
}
