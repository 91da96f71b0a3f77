/* tests/bytes.h: files put together byte by byte, for tests that need hostile ones. */
#ifndef BYTES_H
#define BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct bytes { unsigned char data[1 << 20]; size_t n; } bytes;

static inline void put(bytes *b, const void *p, size_t n)
{
    if (n > sizeof b->data - b->n)
        abort();
    memcpy(b->data + b->n, p, n);
    b->n += n;
}

/* The low `width` bytes of a number, little-endian. */
static inline void put_number(bytes *b, uint64_t value, size_t width)
{
    put(b, &value, width);
}

static inline void put_text(bytes *b, const char *text)
{
    put(b, text, strlen(text));
}

/* As GGUF has it: its length in 8 bytes, its bytes. */
static inline void put_string(bytes *b, const char *text)
{
    put_number(b, strlen(text), 8);
    put_text(b, text);
}

static inline void pad(bytes *b, size_t multiple)
{
    while (b->n % multiple)
        put_number(b, 0, 1);
}

static inline bool read_bytes(const char *path, bytes *b)
{
    FILE *f = fopen(path, "rb");
    b->n = f ? fread(b->data, 1, sizeof b->data, f) : 0;
    const bool whole = f && feof(f) && !ferror(f);
    if (f)
        fclose(f);
    return whole;
}

static inline bool write_bytes(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        return false;
    const bool whole = fwrite(data, 1, n, f) == n;
    return fclose(f) == 0 && whole;
}

/* A new empty folder under $TMPDIR or /tmp. */
static inline void make_folder(char path[256])
{
    const char *tmp = getenv("TMPDIR");
    snprintf(path, 256, "%s/evoke-test-XXXXXX", tmp && strlen(tmp) < 200 ? tmp : "/tmp");
    if (!mkdtemp(path))
        abort();
}

#endif
