/* emotion/scripts.c: does a text leave the script of what it answers? A coarse sign of another language, without a model:
 *
 *     drift = letters of scripts that the reference has none of / letters
 *
 * Latin to Latin is not seen. Ranges are those of Unicode's blocks; Japanese counts as one script of three. */
#include <math.h>
#include <string.h>

#include <utf8proc.h>

#include "core/text.h"

typedef enum script { NONE, LATIN, GREEK, CYRILLIC, ARMENIAN, HEBREW, ARABIC, INDIC, THAI, GEORGIAN, HANGUL, KANA, HAN, OTHER,
                      N_SCRIPT } script;

static const struct { int32_t first, last; script of; } ranges[] = {
    { 0x0041, 0x024F, LATIN }, { 0x0250, 0x02AF, LATIN }, { 0x0370, 0x03FF, GREEK }, { 0x0400, 0x052F, CYRILLIC },
    { 0x0531, 0x058F, ARMENIAN }, { 0x0590, 0x05FF, HEBREW }, { 0x0600, 0x077F, ARABIC }, { 0x08A0, 0x08FF, ARABIC },
    { 0x0900, 0x0DFF, INDIC }, { 0x0E00, 0x0EFF, THAI }, { 0x10A0, 0x10FF, GEORGIAN }, { 0x1100, 0x11FF, HANGUL },
    { 0x1E00, 0x1EFF, LATIN }, { 0x1F00, 0x1FFF, GREEK }, { 0x3040, 0x30FF, KANA }, { 0x3130, 0x318F, HANGUL },
    { 0x3400, 0x4DBF, HAN }, { 0x4E00, 0x9FFF, HAN }, { 0xAC00, 0xD7AF, HANGUL }, { 0xF900, 0xFAFF, HAN },
    { 0xFF21, 0xFF5A, LATIN }, { 0xFF66, 0xFF9F, KANA }, { 0x20000, 0x323AF, HAN },
};

static script script_of(int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU: case UTF8PROC_CATEGORY_LL: case UTF8PROC_CATEGORY_LT: case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        break;
    default:
        return NONE;
    }
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return ranges[i].of;
    return OTHER;
}

/* Letters of each script; all of them in count[NONE]. */
static void count_letters(const char *text, size_t count[N_SCRIPT])
{
    memset(count, 0, N_SCRIPT * sizeof *count);
    for (size_t i = 0, n = strlen(text), length = 0; i < n; i += length ? length : 1) {
        int32_t c = 0;
        length = evk_utf8_next(text + i, n - i, &c);
        const script s = length ? script_of(c) : NONE;
        if (s != NONE) {
            count[s]++;
            count[NONE]++;
        }
    }
}

double evoke_script_drift(const char *text, const char *reference)
{
    size_t own[N_SCRIPT], known[N_SCRIPT], strange = 0;
    count_letters(text, own);
    count_letters(reference, known);
    if (known[KANA] > 0)                /* Japanese is written in kana and Han, a short text in either alone */
        known[HAN] = 1;
    for (size_t s = LATIN; s < N_SCRIPT; s++)
        strange += known[s] ? 0 : own[s];
    return own[NONE] && known[NONE] ? (double)strange / (double)own[NONE] : NAN;
}
