/* layers/tokenizers/byte_level.c: GPT-2's alphabet (Radford et al. 2019), so that a vocabulary of bytes is text.
 *
 *     bytes 33..126, 161..172, 174..255    the character of that number
 *     bytes 0..32, 127..160, 173           U+0100 and up, in that order: 256 + 0..32, 256 + 33..66, 256 + 67 */
#include "layers/tokenizers/byte_level.h"

int32_t evk_byte_level_char(unsigned char byte)
{
    if (byte <= 32)
        return 256 + byte;
    if (byte >= 127 && byte <= 160)
        return 256 + 33 + (byte - 127);
    return byte == 173 ? 256 + 67 : byte;
}

/* The byte that a character stands for, or -1. */
static int byte_of(int32_t code)
{
    if (code >= 256 && code <= 256 + 32)
        return code - 256;
    if (code >= 256 + 33 && code <= 256 + 66)
        return code - (256 + 33) + 127;
    if (code == 256 + 67)
        return 173;
    return code > 32 && code < 256 && !(code >= 127 && code <= 160) && code != 173 ? code : -1;
}

evoke_status evk_byte_level_write(const char *bytes, size_t n, evk_buffer *out, evoke_error *err)
{
    for (size_t i = 0; i < n; i++) {
        char text[4];
        EVK_TRY(evk_buffer_add(out, text, evk_utf8_put(evk_byte_level_char((unsigned char)bytes[i]), text), err));
    }
    return EVOKE_OK;
}

evoke_status evk_byte_level_read(const char *text, size_t n, evk_buffer *out, evoke_error *err)
{
    const size_t before = out->n;
    for (size_t i = 0; i < n;) {
        int32_t code = 0;
        const size_t length = evk_utf8_next(text + i, n - i, &code);
        const int byte = length ? byte_of(code) : -1;
        if (byte < 0) {
            out->n = before;
            return evk_buffer_add(out, text, n, err);
        }
        const char value = (char)byte;
        EVK_TRY(evk_buffer_add(out, &value, 1, err));
        i += length;
    }
    return EVOKE_OK;
}
