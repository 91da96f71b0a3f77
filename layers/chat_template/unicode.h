/* layers/chat_template/unicode.h: what Python's str knows of a character (utf8proc). */
#ifndef EVK_UNICODE_H
#define EVK_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool evk_char_is_space(int32_t code);       /* str.isspace */
bool evk_char_is_word(int32_t code);        /* \w of re: letters, digits, marks of identifiers, "_" */
bool evk_char_is_mark(int32_t code);        /* combining */
bool evk_char_is_alpha(int32_t code);
bool evk_char_is_decimal(int32_t code);
bool evk_char_is_digit(int32_t code);       /* decimal digits, and those that stand high, low or in circles */
bool evk_char_is_numeric(int32_t code);     /* numbers of any kind, the common Chinese ones too */
bool evk_char_is_title(int32_t code);
bool evk_char_is_cased(int32_t code);
bool evk_char_is_upper(int32_t code);
bool evk_char_is_lower(int32_t code);
bool evk_char_is_printable(int32_t code);
/* Simple case mappings, and of the special ones that of German sharp s (two characters). Returns how many. */
typedef enum evk_case { EVK_CASE_LOWER, EVK_CASE_UPPER, EVK_CASE_TITLE, EVK_CASE_KEEP } evk_case;
size_t evk_char_case(int32_t code, evk_case to, int32_t out[2]);

#endif
