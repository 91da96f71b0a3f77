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

bool evk_char_is_decimal(int32_t code)
{
    return utf8proc_category(code) == UTF8PROC_CATEGORY_ND;
}

bool evk_char_is_digit(int32_t code)
{
    static const int32_t ranges[][2] = {        /* Numeric_Type=Digit of the Unicode Character Database */
        { 0xb2, 0xb3 }, { 0xb9, 0xb9 }, { 0x1369, 0x1371 }, { 0x19da, 0x19da }, { 0x2070, 0x2070 }, { 0x2074, 0x2079 },
        { 0x2080, 0x2089 }, { 0x2460, 0x2468 }, { 0x2474, 0x247c }, { 0x2488, 0x2490 }, { 0x24ea, 0x24ea },
        { 0x24f5, 0x24fd }, { 0x24ff, 0x24ff }, { 0x2776, 0x277e }, { 0x2780, 0x2788 }, { 0x278a, 0x2792 },
        { 0x10a40, 0x10a43 }, { 0x10e60, 0x10e68 }, { 0x11052, 0x1105a }, { 0x1f100, 0x1f10a },
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (code >= ranges[i][0] && code <= ranges[i][1])
            return true;
    return evk_char_is_decimal(code);
}

bool evk_char_is_numeric(int32_t code)
{
    static const int32_t chinese[] = {
        0x4e00, 0x4e03, 0x4e07, 0x4e09, 0x4e5d, 0x4e8c, 0x4e94, 0x4ebf, 0x4edf, 0x5104, 0x5146, 0x5169, 0x516b, 0x516d,
        0x5341, 0x5343, 0x56db, 0x58f9, 0x5eff, 0x62fe, 0x767e, 0x842c, 0x8cb3, 0x8d30, 0x9646, 0x9678, 0x96f6,
    };
    for (size_t i = 0; i < sizeof chinese / sizeof *chinese; i++)
        if (code == chinese[i])
            return true;
    const utf8proc_category_t category = utf8proc_category(code);
    return category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO || evk_char_is_decimal(code);
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

bool evk_char_is_title(int32_t code)
{
    return utf8proc_category(code) == UTF8PROC_CATEGORY_LT;
}

bool evk_char_is_cased(int32_t code)
{
    return evk_char_is_upper(code) || evk_char_is_lower(code) || evk_char_is_title(code);
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
    if (to == EVK_CASE_KEEP) {
        out[0] = code;
        return 1;
    }
    if (code == 0xdf && to != EVK_CASE_LOWER) {
        out[0] = 'S';
        out[1] = to == EVK_CASE_UPPER ? 'S' : 's';
        return 2;
    }
    out[0] = to == EVK_CASE_LOWER ? utf8proc_tolower(code)
           : to == EVK_CASE_UPPER ? utf8proc_toupper(code) : utf8proc_totitle(code);
    return 1;
}
