/* layers/chat_template/format.c: texts and numbers to a width, a precision, a base; the rules are Python's. */
#include "layers/chat_template/format.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

enum { MOST_DIGITS = 400, NUMBER_TEXT = 1100 };

/* ---- padding ---- */
static evoke_status add_fill(evk_render *r, evk_bytes *out, evk_string fill, int64_t n)
{
    const evk_value one = evk_text(fill.n ? fill : evk_string_of(" ")), times = evk_int(n);
    evk_value all;
    EVK_TRY(evk_binary(r, EVK_OP_MUL, &one, &times, &all));
    return evk_bytes_add_string(r, out, all.s);
}

/* prefix (a sign, "0x") and body, the fill before, behind, around or between them */
static evoke_status add_padded(evk_render *r, evk_bytes *out, evk_string prefix, evk_string body, char align,
                               const evk_spec *spec)
{
    EVK_TRY(evk_render_spend_bytes(r, body.n));
    const int64_t length = (int64_t)(evk_string_length(prefix) + evk_string_length(body));
    const int64_t pad = spec->width > length ? spec->width - length : 0;
    const int64_t before = align == '<' ? 0 : align == '^' ? pad / 2 : pad;
    if (align != '=')
        EVK_TRY(add_fill(r, out, spec->fill, before));
    EVK_TRY(evk_bytes_add_string(r, out, prefix));
    if (align == '=')
        EVK_TRY(add_fill(r, out, spec->fill, pad));
    EVK_TRY(evk_bytes_add_string(r, out, body));
    return add_fill(r, out, spec->fill, align == '=' ? 0 : pad - before);
}

evoke_status evk_format_text(evk_render *r, evk_bytes *out, evk_string s, const evk_spec *spec)
{
    EVK_TRY(evk_render_spend_bytes(r, s.n));
    if (spec->precision >= 0)
        s = evk_string_part(s, 0, evk_string_offset(s, (size_t)spec->precision));
    return add_padded(r, out, (evk_string){0}, s, spec->align ? spec->align : '<', spec);
}

/* ---- numbers ---- */
/* `digits` with a mark between each `every` of them, counted from the right of the part before any other character. */
static void group(char *digits, char mark, size_t every)
{
    char grouped[NUMBER_TEXT];
    const size_t n = strspn(digits, "0123456789abcdefABCDEF");
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (n - i) % every == 0)
            grouped[k++] = mark;
        grouped[k++] = digits[i];
    }
    snprintf(grouped + k, sizeof grouped - k, "%s", digits + n);
    memcpy(digits, grouped, strlen(grouped) + 1);
}

static evoke_status add_number(evk_render *r, evk_bytes *out, bool minus, const char *mark, char *digits,
                               const evk_spec *spec)
{
    const bool zeros = spec->align == '=' && evk_string_is(spec->fill, "0");
    const bool wide = spec->type == 'b' || spec->type == 'o' || spec->type == 'x' || spec->type == 'X';
    char prefix[8];
    if (spec->group && zeros && spec->width > 0)
        return evk_render_fail(r, EVOKE_EUNSUPPORTED, "a format with '%c' and leading zeros is not supported", spec->group);
    if (spec->group)
        group(digits, spec->group, wide ? 4 : 3);
    snprintf(prefix, sizeof prefix, "%.1s%s", minus ? "-" : (const char[]){spec->sign, 0}, mark);
    return add_padded(r, out, evk_string_of(prefix), evk_string_of(digits), spec->align ? spec->align : '>', spec);
}

/* Digits of a base, at least `least` of them. */
static void write_digits(uint64_t u, unsigned base, bool capital, size_t least, char text[NUMBER_TEXT])
{
    char back[NUMBER_TEXT];
    size_t n = 0;
    for (; u || n == 0; u /= base)
        back[n++] = (capital ? "0123456789ABCDEF" : "0123456789abcdef")[u % base];
    while (n < least)
        back[n++] = '0';
    for (size_t i = 0; i < n; i++)
        text[i] = back[n - 1 - i];
    text[n] = 0;
}

evoke_status evk_format_int(evk_render *r, evk_bytes *out, int64_t i, const evk_spec *spec)
{
    const char type = spec->type;
    const unsigned base = type == 'b' ? 2 : type == 'o' ? 8 : type == 'x' || type == 'X' ? 16 : 10;
    const char mark[3] = {'0', type, 0};
    char text[NUMBER_TEXT];
    if (type == 'c') {
        if (i < 0 || i > 0x10ffff || (i >= 0xd800 && i <= 0xdfff))
            return evk_render_fail(r, EVOKE_EFORMAT, "'%%c' wants the number of a character");
        text[evk_utf8_put((int32_t)i, text)] = 0;
        evk_spec plain = *spec;
        plain.precision = -1;
        return evk_format_text(r, out, (evk_string){text, i ? strlen(text) : 1, NULL}, &plain);
    }
    if (spec->precision > MOST_DIGITS)
        return evk_render_fail(r, EVOKE_EUNSUPPORTED, "a precision of more than %d digits", MOST_DIGITS);
    write_digits(i < 0 ? 0 - (uint64_t)i : (uint64_t)i, base, type == 'X',
                 spec->precision > 0 ? (size_t)spec->precision : 0, text);
    return add_number(r, out, i < 0, spec->alternate && base != 10 ? mark : "", text, spec);
}

/* No type, but a precision: like 'g', with a digit behind the point, and an exponent one digit sooner. */
static void write_shortened(double f, int precision, char text[NUMBER_TEXT])
{
    const int n = precision > 0 ? precision : 1;
    snprintf(text, NUMBER_TEXT, "%.*e", n - 1, f);
    const char *e = strchr(text, 'e');
    const int exponent = e ? atoi(e + 1) : 0;
    if (!e)
        return;                                     /* inf, nan */
    if (exponent < -4 || exponent >= n - 1) {
        char tail[16];
        snprintf(tail, sizeof tail, "%s", e);
        size_t end = (size_t)(e - text);
        while (memchr(text, '.', end) && (text[end - 1] == '0' || text[end - 1] == '.'))
            end--;
        snprintf(text + end, NUMBER_TEXT - end, "%s", tail);
        return;
    }
    snprintf(text, NUMBER_TEXT, "%.*g", n, f);
    if (!strchr(text, '.'))
        strcat(text, ".0");
}

evoke_status evk_format_float(evk_render *r, evk_bytes *out, double f, const evk_spec *spec)
{
    const char type = spec->type, base = type == '%' ? 'f' : type == 'n' ? 'g' : type;
    const bool minus = signbit(f) && !isnan(f);
    const double size = fabs(type == '%' ? f * 100 : f);
    char text[NUMBER_TEXT];
    if (spec->precision > MOST_DIGITS)
        return evk_render_fail(r, EVOKE_EUNSUPPORTED, "a precision of more than %d digits", MOST_DIGITS);
    EVK_TRY(evk_render_spend(r, 20 + (spec->precision > 0 ? (size_t)spec->precision * 4 : 0)));
    const int precision = spec->precision < 0 ? 6 : (int)spec->precision;
    if (!type && spec->precision < 0) {
        evk_float_text(size, text);
    } else if (!type) {
        write_shortened(size, precision, text);
    } else {
        const char format[] = {'%', spec->alternate ? '#' : '.', spec->alternate ? '.' : '*', spec->alternate ? '*' : base,
                               spec->alternate ? base : 0, 0};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof text, format, precision, size);
#pragma GCC diagnostic pop
        if (type == '%')
            strcat(text, "%");
    }
    return add_number(r, out, minus, "", text, spec);
}

evoke_status evk_ascii(evk_render *r, const evk_value *v, evk_string *out)
{
    evk_bytes *whole = NULL, *b = NULL;
    EVK_TRY(evk_bytes_new(r, 0, &whole));
    EVK_TRY(evk_repr(r, whole, v));
    EVK_TRY(evk_bytes_new(r, whole->n, &b));
    EVK_TRY(evk_render_spend_characters(r, whole->n));
    for (size_t i = 0, length = 0; i < whole->n; i += length) {
        int32_t code = 0;
        char text[16];
        length = evk_utf8_next(whole->data + i, whole->n - i, &code);
        if (!length)
            break;
        if (code < 0x80)
            snprintf(text, sizeof text, "%c", (char)code);
        else
            snprintf(text, sizeof text, code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)code);
        EVK_TRY(evk_bytes_add(r, b, text, strlen(text)));
    }
    *out = evk_bytes_view(b);
    return EVOKE_OK;
}
