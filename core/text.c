#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utf8proc.h>

size_t evk_utf8_next(const char *text, size_t n, int32_t *code)
{
    const unsigned char first = (unsigned char)text[0];
    if (first < 0x80) {
        *code = first;
        return 1;
    }
    utf8proc_int32_t c = -1;
    const utf8proc_ssize_t length = utf8proc_iterate((const utf8proc_uint8_t *)text, n > 4 ? 4 : (utf8proc_ssize_t)n, &c);
    if (length <= 0 || c < 0)
        return 0;
    *code = c;
    return (size_t)length;
}

size_t evk_utf8_put(int32_t code, char out[4])
{
    return (size_t)utf8proc_encode_char(code, (utf8proc_uint8_t *)out);
}

evoke_status evk_utf8_check(const char *text, size_t n, const char *what, evoke_error *err)
{
    for (size_t i = 0, length = 0; i < n; i += length) {
        int32_t code = 0;
        length = evk_utf8_next(text + i, n - i, &code);
        if (!length)
            return evk_fail(err, EVOKE_EDATA, "%s: invalid UTF-8 at byte %zu", what, i);
    }
    return EVOKE_OK;
}

void evoke_text_free(evoke_text *text)
{
    if (!text)
        return;
    free(text->data);
    *text = (evoke_text){0};
}

/* ---- files ---- */
static evoke_status read_all(int fd, const char *path, size_t limit, evk_buffer *b, evoke_error *err)
{
    char chunk[1 << 16];
    for (;;) {
        const ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return evk_fail(err, EVOKE_EIO, "read: %s (%s)", strerror(errno), path);
        if (got == 0)
            return EVOKE_OK;
        if ((size_t)got > limit - b->n)
            return evk_fail(err, EVOKE_EFORMAT, "read: larger than the %zu bytes that are allowed (%s)", limit, path);
        EVK_TRY(evk_buffer_add(b, chunk, (size_t)got, err));
    }
}

evoke_status evk_check_regular(const char *path, evoke_error *err)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return evk_fail(err, EVOKE_EIO, "open: %s (%s)", strerror(errno), path);
    return S_ISREG(s.st_mode) ? EVOKE_OK : evk_fail(err, EVOKE_EFORMAT, "open: not a regular file (%s)", path);
}

evoke_status evk_read_file(const char *path, size_t limit, evoke_text *out, evoke_error *err)
{
    *out = (evoke_text){0};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return evk_fail(err, EVOKE_EIO, "open: %s (%s)", strerror(errno), path);
    evk_buffer b = {0};
    evoke_status st = read_all(fd, path, limit, &b, err);
    if (st == EVOKE_OK)
        st = evk_buffer_take(&b, out, err);
    evk_buffer_free(&b);
    close(fd);
    return st;
}

/* ---- buffers ---- */
/* Room for `more` bytes and a NUL after them. */
static evoke_status reserve(evk_buffer *b, size_t more, evoke_error *err)
{
    size_t need = 0, twice = 0;
    if (!evk_sum(b->n, more, &need) || !evk_sum(need, 1, &need))
        return evk_fail(err, EVOKE_ENOMEM, "grow a buffer: size overflows");
    if (need <= b->capacity)
        return EVOKE_OK;
    size_t capacity = evk_mul(b->capacity, 2, &twice) && twice > need ? twice : need;
    if (capacity < 64)
        capacity = 64;
    char *data = realloc(b->data, capacity);
    if (!data)
        return evk_fail(err, EVOKE_ENOMEM, "grow a buffer: no memory for %zu bytes", capacity);
    b->data = data;
    b->capacity = capacity;
    return EVOKE_OK;
}

evoke_status evk_buffer_add(evk_buffer *b, const void *bytes, size_t n, evoke_error *err)
{
    if (n == 0)
        return EVOKE_OK;
    EVK_TRY(reserve(b, n, err));
    memcpy(b->data + b->n, bytes, n);
    b->n += n;
    b->data[b->n] = '\0';
    return EVOKE_OK;
}

evoke_status evk_buffer_format(evk_buffer *b, evoke_error *err, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    evoke_status st = n < 0 ? evk_fail(err, EVOKE_EARG, "format text: not representable") : reserve(b, (size_t)n, err);
    if (st == EVOKE_OK) {
        vsnprintf(b->data + b->n, (size_t)n + 1, format, again);
        b->n += (size_t)n;
    }
    va_end(again);
    return st;
}

void evk_buffer_cut(evk_buffer *b, size_t n)
{
    b->n = n;
    if (b->data)
        b->data[n] = '\0';
}

void evk_buffer_free(evk_buffer *b)
{
    free(b->data);
    *b = (evk_buffer){0};
}

evoke_status evk_buffer_take(evk_buffer *b, evoke_text *out, evoke_error *err)
{
    EVK_TRY(reserve(b, 0, err));
    b->data[b->n] = '\0';
    *out = (evoke_text){ .data = b->data, .n = b->n };
    *b = (evk_buffer){0};
    return EVOKE_OK;
}

void evk_utf8_blank(char *text, size_t n)
{
    for (size_t i = 0, length = 0; i < n; i += length) {
        int32_t c;
        length = evk_utf8_next(text + i, n - i, &c);
        if (!length) {
            text[i] = ' ';
            length = 1;
        }
    }
}
