/* layers/tokenizers/byte_tokens.c: the tokens <0x00> to <0xFF>, which stand for bytes, and U+2581, which stands for a space. */
#define _GNU_SOURCE             /* memmem */
#include "layers/tokenizers/byte_tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH = 6 };            /* "<0x0A>" */

void evk_byte_tokens_find(evk_byte_tokens *b, const evk_vocabulary *v)
{
    for (unsigned i = 0; i < 256; i++) {
        char text[LENGTH + 1];
        snprintf(text, sizeof text, "<0x%02X>", i);
        b->id[i] = evk_vocabulary_find(v, text, LENGTH);
    }
}

bool evk_byte_tokens_have(const evk_byte_tokens *b, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (b->id[(unsigned char)text[i]] < 0)
            return false;
    return true;
}

int evk_byte_tokens_value(const evk_byte_tokens *b, int32_t id, const char *text, size_t n)
{
    if (n != LENGTH || memcmp(text, "<0x", 3) != 0)
        return -1;
    const long value = strtol(text + 3, NULL, 16);
    return value >= 0 && value < 256 && b->id[value] == id ? (int)value : -1;
}

evoke_status evk_put_spaces_back(const char *text, size_t n, evk_buffer *out, evoke_error *err)
{
    static const char mark[] = "\xe2\x96\x81";
    for (const char *at = memmem(text, n, mark, 3); at; at = memmem(text, n, mark, 3)) {
        const size_t before = (size_t)(at - text);
        EVK_TRY(evk_buffer_add(out, text, before, err));
        EVK_TRY(evk_buffer_add(out, " ", 1, err));
        text += before + 3;
        n -= before + 3;
    }
    return evk_buffer_add(out, text, n, err);
}
