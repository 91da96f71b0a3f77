/* layers/chat_template/lex.c: a template's text outside its tags, and the white space around them.
 *
 *   {{-  {%-  {#-      all white space before the tag goes          -}}  -%}  -#}   all white space after it goes
 *   {%  {#             white space from the line's start to the tag goes, where nothing else stands there
 *   {%+  {#+           nothing goes                                 %}  #}          one "\n" after it goes
 *   {% raw %} ... {% endraw %}   text, with the same rules at its tags */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "layers/chat_template/tree.h"
#include "layers/chat_template/unicode.h"

evoke_status evk_template_fail(evoke_error *err, evoke_status status, const char *what, const char *source, size_t at,
                               const char *format, ...)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at; i++) {
        if (source[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)source[i] & 0xC0) != 0x80) {
            column++;
        }
    }
    char why[800];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    for (size_t i = 0, n = strlen(why), length = 0; i < n; i += length) {       /* a cut leaves half a character */
        int32_t code = 0;
        length = evk_utf8_next(why + i, n - i, &code);
        if (!length)
            why[i] = 0;
        if (!length)
            break;
    }
    return evk_fail(err, status, "%s chat template: %s (line %zu, column %zu)", what, why, line, column);
}

static evoke_status lex_fail(evk_lexer *x, size_t at, const char *why)
{
    return evk_template_fail(x->err, EVOKE_EFORMAT, "parse", x->source, at, "%s", why);
}

evoke_status evk_lex_add(evk_lexer *x, evk_lexeme lexeme)
{
    if (x->n_lexemes == x->capacity) {
        const size_t capacity = x->capacity ? 2 * x->capacity : 256;
        evk_lexeme *grown = realloc(x->lexemes, capacity * sizeof *grown);      /* a source is at most 1 MB */
        if (!grown)
            return evk_fail(x->err, EVOKE_ENOMEM, "parse chat template: no memory for %zu lexemes", capacity);
        x->lexemes = grown;
        x->capacity = capacity;
    }
    x->lexemes[x->n_lexemes++] = lexeme;
    return EVOKE_OK;
}

size_t evk_lex_skip_space(const char *text, size_t n, size_t at)
{
    while (at < n) {
        int32_t code = 0;
        const size_t length = evk_utf8_next(text + at, n - at, &code);
        if (!length || !evk_char_is_space(code))
            break;
        at += length;
    }
    return at;
}

size_t evk_lex_strip_end(const char *text, size_t n)
{
    while (n > 0) {
        size_t begin = n - 1;
        while (begin > 0 && ((unsigned char)text[begin] & 0xC0) == 0x80)
            begin--;
        int32_t code = 0;
        if (!evk_utf8_next(text + begin, n - begin, &code) || !evk_char_is_space(code))
            break;
        n = begin;
    }
    return n;
}

/* Text up to a tag whose sign is '-', '+' or 0, less the white space that the sign takes away. */
static evoke_status add_data(evk_lexer *x, size_t end, char sign, bool print)
{
    const char *text = x->source + x->at;
    size_t n = end - x->at;
    if (sign == '-') {
        n = evk_lex_strip_end(text, n);
    } else if (sign != '+' && !print) {
        size_t line = n;
        while (line > 0 && text[line - 1] != '\n')
            line--;
        if ((line > 0 || x->line_starting) && evk_lex_skip_space(text, n, line) == n)
            n = line;
    }
    if (n == 0)
        return EVOKE_OK;
    return evk_lex_add(x, (evk_lexeme){.kind = EVK_LEX_DATA, .at = (uint32_t)x->at, .text = text, .n = n});
}

static char sign_at(const evk_lexer *x, size_t at)
{
    return at < x->n && (x->source[at] == '-' || x->source[at] == '+') ? x->source[at] : 0;
}

static bool stands_at(const evk_lexer *x, size_t at, const char *text)
{
    const size_t n = strlen(text);
    return at <= x->n && x->n - at >= n && memcmp(x->source + at, text, n) == 0;
}

/* Moves past a block's end at `at` with its white space: "-%}" all, "%}" a "\n" where `trim`, "+%}" none. */
static bool end_of_block(evk_lexer *x, size_t at, bool plus, bool trim)
{
    if (stands_at(x, at, "-%}"))
        at = evk_lex_skip_space(x->source, x->n, at + 3);
    else if (plus && stands_at(x, at, "+%}"))
        at += 3;
    else if (stands_at(x, at, "%}"))
        at += trim && stands_at(x, at + 2, "\n") ? 3 : 2;
    else
        return false;
    x->at = at;
    return true;
}

/* Where `{% NAME` begins at `at`, the byte after NAME and any white space; 0: it does not. */
static size_t begin_of_raw(const evk_lexer *x, size_t at, const char *name)
{
    if (!stands_at(x, at, "{%"))
        return 0;
    size_t i = evk_lex_skip_space(x->source, x->n, at + 2 + (sign_at(x, at + 2) != 0));
    if (!stands_at(x, i, name))
        return 0;
    return evk_lex_skip_space(x->source, x->n, i + strlen(name));
}

static void note_line(evk_lexer *x)
{
    x->line_starting = x->at > 0 && x->source[x->at - 1] == '\n';
}

/* The text up to `{% endraw %}`; x->at stands behind `{% raw %}`. */
static evoke_status lex_raw(evk_lexer *x)
{
    const size_t begin = x->at;
    note_line(x);
    for (size_t at = begin; at < x->n; at++) {
        const size_t after = begin_of_raw(x, at, "endraw");
        if (!after)
            continue;
        evk_lexer end = *x;
        if (!end_of_block(&end, after, true, true))
            continue;
        EVK_TRY(add_data(x, at, sign_at(x, at + 2), false));
        x->at = end.at;
        note_line(x);
        return EVOKE_OK;
    }
    return lex_fail(x, begin, "'raw' is not ended");
}

static evoke_status lex_comment(evk_lexer *x, size_t begin)
{
    for (size_t at = x->at; at + 1 < x->n; at++) {
        if (!stands_at(x, at, "#}"))
            continue;
        const char sign = at > x->at ? sign_at(x, at - 1) : 0;
        x->at = at + 2;
        if (sign == '-')
            x->at = evk_lex_skip_space(x->source, x->n, x->at);
        else if (sign != '+' && stands_at(x, x->at, "\n"))
            x->at++;
        note_line(x);
        return EVOKE_OK;
    }
    return lex_fail(x, begin, "a comment is not ended");
}

static evoke_status lex_tag(evk_lexer *x, size_t at)
{
    const char kind = x->source[at + 1], sign = sign_at(x, at + 2);
    const size_t raw = begin_of_raw(x, at, "raw");
    evk_lexer end = *x;
    const bool is_raw = raw && end_of_block(&end, raw, false, false);
    EVK_TRY(add_data(x, at, sign, kind == '{'));
    if (is_raw) {
        x->at = end.at;
        return lex_raw(x);
    }
    x->at = at + 2 + (sign != 0);
    if (kind == '#')
        return lex_comment(x, at);
    const evk_lexeme_kind begin = kind == '%' ? EVK_LEX_BLOCK_BEGIN : EVK_LEX_PRINT_BEGIN;
    EVK_TRY(evk_lex_add(x, (evk_lexeme){.kind = begin, .at = (uint32_t)at}));
    return evk_lex_tag(x, kind == '%');
}

evoke_status evk_lex(evk_lexer *x)
{
    x->line_starting = true;
    while (x->at < x->n) {
        size_t at = x->at;
        while (at < x->n && !stands_at(x, at, "{%") && !stands_at(x, at, "{{") && !stands_at(x, at, "{#"))
            at++;
        if (at == x->n) {
            EVK_TRY(add_data(x, at, '+', false));
            break;
        }
        EVK_TRY(lex_tag(x, at));
    }
    return evk_lex_add(x, (evk_lexeme){.kind = EVK_LEX_END, .at = (uint32_t)x->n});
}
