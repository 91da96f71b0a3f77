/* core/text.h: UTF-8 (utf8proc) and growing buffers of bytes. */
#ifndef EVK_TEXT_H
#define EVK_TEXT_H

#include "core/status.h"

/* Errors: EVOKE_EDATA not UTF-8 (overlong forms and surrogates neither): "WHAT: invalid UTF-8 at byte 17". */
evoke_status evk_utf8_check(const char *text, size_t n, const char *what, evoke_error *err);
/* The character that begins at text[0], n > 0 bytes left; returns its length, 1..4, or 0 where it is not UTF-8. */
size_t evk_utf8_next(const char *text, size_t n, int32_t *code);
/* Writes a character; returns its length. */
size_t evk_utf8_put(int32_t code, char out[4]);

/* A pipe would block, a device never ends. Errors: EVOKE_EIO there is no such file, EVOKE_EFORMAT it is no regular one. */
evoke_status evk_check_regular(const char *path, evoke_error *err);
/* A file's bytes, NUL-terminated, at most `limit` of them. */
evoke_status evk_read_file(const char *path, size_t limit, evoke_text *out, evoke_error *err);

/* A buffer that grows. data is NUL-terminated when n > 0. Zero-initialise; free with evk_buffer_free. */
typedef struct evk_buffer { char *data; size_t n, capacity; } evk_buffer;
evoke_status evk_buffer_add(evk_buffer *b, const void *bytes, size_t n, evoke_error *err);
evoke_status evk_buffer_format(evk_buffer *b, evoke_error *err, const char *format, ...) EVK_PRINTF(3, 4);
/* Keeps the first n bytes; n at most b->n. */
void evk_buffer_cut(evk_buffer *b, size_t n);
void evk_buffer_free(evk_buffer *b);
/* Hands the bytes over as a text (never NULL data) and empties the buffer. */
evoke_status evk_buffer_take(evk_buffer *b, evoke_text *out, evoke_error *err);
/* Bytes that are not UTF-8 become blanks. */
void evk_utf8_blank(char *text, size_t n);

#endif
