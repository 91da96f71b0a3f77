#include "layers/chat_template/unicode.h"

#include <utf8proc.h>

bool evk_char_is_space(int32_t c)
{
    return (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool evk_char_is_alpha(int32_t code)
{
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_LU: case UTF8PROC_CATEGORY_LL: case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM: case UTF8PROC_CATEGORY_LO:
        return true;
    default:
        return false;
    }
}

bool evk_char_is_digit(int32_t code)
{
    return utf8proc_category(code) == UTF8PROC_CATEGORY_ND;
}

bool evk_char_is_mark(int32_t code)
{
    return utf8proc_category(code) == UTF8PROC_CATEGORY_MN || utf8proc_category(code) == UTF8PROC_CATEGORY_MC;
}

bool evk_char_is_word(int32_t code)
{
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_ND: case UTF8PROC_CATEGORY_NL: case UTF8PROC_CATEGORY_NO:
        return true;
    default:
        return code == '_' || evk_char_is_mark(code) || evk_char_is_alpha(code);
    }
}

bool evk_char_is_upper(int32_t code)
{
    return utf8proc_category(code) == UTF8PROC_CATEGORY_LU;
}

bool evk_char_is_lower(int32_t code)
{
    return utf8proc_category(code) == UTF8PROC_CATEGORY_LL || code == 0xaa || code == 0xba;
}

bool evk_char_is_cased(int32_t code)
{
    return evk_char_is_upper(code) || evk_char_is_lower(code) || utf8proc_category(code) == UTF8PROC_CATEGORY_LT;
}

bool evk_char_is_printable(int32_t code)
{
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_CC: case UTF8PROC_CATEGORY_CF: case UTF8PROC_CATEGORY_CS: case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN: case UTF8PROC_CATEGORY_ZL: case UTF8PROC_CATEGORY_ZP:
        return false;
    case UTF8PROC_CATEGORY_ZS:
        return code == ' ';
    default:
        return true;
    }
}

size_t evk_char_case(int32_t code, evk_case to, int32_t out[2])
{
    if (code == 0xdf && to != EVK_CASE_LOWER) {
        out[0] = 'S';
        out[1] = to == EVK_CASE_UPPER ? 'S' : 's';
        return 2;
    }
    out[0] = to == EVK_CASE_LOWER ? utf8proc_tolower(code)
           : to == EVK_CASE_UPPER ? utf8proc_toupper(code) : utf8proc_totitle(code);
    return 1;
}
