/* layers/tokenizers/byte_level.h: GPT-2's alphabet, in which each of the 256 bytes is written as a visible character. */
#ifndef EVK_TOKENIZERS_BYTE_LEVEL_H
#define EVK_TOKENIZERS_BYTE_LEVEL_H

#include "core/text.h"

/* The character that stands for a byte: a space is U+0120, a newline U+010A. */
int32_t evk_byte_level_char(unsigned char byte);
/* Appends n bytes, written in the alphabet. */
evoke_status evk_byte_level_write(const char *bytes, size_t n, evk_buffer *out, evoke_error *err);
/* Appends the bytes that a token's text stands for; where one of its characters is none of the alphabet, the text
 * itself, as Hugging Face's decoder does. */
evoke_status evk_byte_level_read(const char *text, size_t n, evk_buffer *out, evoke_error *err);

#endif
