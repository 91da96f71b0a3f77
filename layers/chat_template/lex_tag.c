/* layers/chat_template/lex_tag.c: names, numbers, strings and operators inside `{{ }}` and `{% %}`.
 *
 * A tag's end counts only outside of all brackets: in `{{ {'a': {}}}}` the first two closing braces close the dicts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "layers/chat_template/tree.h"
#include "layers/chat_template/unicode.h"

enum { MAX_BRACKETS = 256, MAX_NUMBER = 512, MAX_NAME = 256 };

static const struct { const char *text; evk_op op; } operators[] = {     /* the longer ones first */
    { "//", EVK_OP_FLOORDIV }, { "**", EVK_OP_POW }, { "==", EVK_OP_EQ }, { "!=", EVK_OP_NE },
    { ">=", EVK_OP_GE }, { "<=", EVK_OP_LE },
    { "+", EVK_OP_ADD }, { "-", EVK_OP_SUB }, { "*", EVK_OP_MUL }, { "/", EVK_OP_DIV }, { "%", EVK_OP_MOD },
    { "~", EVK_OP_TILDE }, { ">", EVK_OP_GT }, { "<", EVK_OP_LT }, { "=", EVK_OP_ASSIGN }, { ".", EVK_OP_DOT },
    { ":", EVK_OP_COLON }, { "|", EVK_OP_PIPE }, { ",", EVK_OP_COMMA }, { ";", EVK_OP_SEMICOLON },
    { "(", EVK_OP_LPAREN }, { ")", EVK_OP_RPAREN }, { "[", EVK_OP_LBRACKET }, { "]", EVK_OP_RBRACKET },
    { "{", EVK_OP_LBRACE }, { "}", EVK_OP_RBRACE },
};

static evoke_status fail_at(evk_lexer *x, evoke_status status, size_t at, const char *why)
{
    return evk_template_fail(x->err, status, "parse", x->source, at, "%s", why);
}

static char peek(const evk_lexer *x, size_t ahead)
{
    return x->n - x->at > ahead ? x->source[x->at + ahead] : 0;
}

static bool is_digit(char c, unsigned base)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') < base;
    return base == 16 && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'));
}

/* ---- numbers ---- */
/* The end of a run of digits with single underscores between them, from `at` on. */
static size_t digits(const evk_lexer *x, size_t at, unsigned base)
{
    size_t end = at;
    while (end < x->n) {
        if (is_digit(x->source[end], base))
            end++;
        else if (end > at && x->source[end] == '_' && end + 1 < x->n && is_digit(x->source[end + 1], base))
            end++;
        else
            break;
    }
    return end;
}

/* The end of a float that begins here, or 0: digits, then a fraction or an exponent or both. */
static size_t float_end(const evk_lexer *x)
{
    if (x->at > 0 && x->source[x->at - 1] == '.')
        return 0;
    size_t end = digits(x, x->at, 10);
    bool is_float = false;
    if (end < x->n && x->source[end] == '.' && digits(x, end + 1, 10) > end + 1) {
        end = digits(x, end + 1, 10);
        is_float = true;
    }
    if (end < x->n && (x->source[end] == 'e' || x->source[end] == 'E')) {
        const bool sign = end + 1 < x->n && (x->source[end + 1] == '+' || x->source[end + 1] == '-');
        const size_t begin = end + 1 + sign;
        if (digits(x, begin, 10) > begin) {
            end = digits(x, begin, 10);
            is_float = true;
        }
    }
    return is_float ? end : 0;
}

/* The digits without their underscores, into text. */
static bool plain_number(const evk_lexer *x, size_t begin, size_t end, char text[MAX_NUMBER])
{
    size_t n = 0;
    for (size_t i = begin; i < end; i++) {
        if (x->source[i] == '_')
            continue;
        if (n + 1 >= MAX_NUMBER)
            return false;
        text[n++] = x->source[i];
    }
    text[n] = 0;
    return true;
}

static evoke_status lex_int(evk_lexer *x)
{
    const size_t begin = x->at;
    const char mark = (char)(peek(x, 1) | 0x20);
    unsigned base = 10;
    if (peek(x, 0) == '0')
        base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    size_t from = begin, end = 0;
    if (base != 10) {
        from = begin + 2 + (peek(x, 2) == '_');
        end = digits(x, from, base);
        if (end == from)
            base = 10;
    }
    if (base == 10) {
        from = begin;
        end = digits(x, from, x->source[begin] == '0' ? 1 : 10);      /* "012" is 0, then 12 */
    }
    char text[MAX_NUMBER];
    if (!plain_number(x, from, end, text))
        return fail_at(x, EVOKE_EUNSUPPORTED, begin, "a number is too long");
    errno = 0;
    const long long i = strtoll(text, NULL, (int)base);
    if (errno == ERANGE)
        return fail_at(x, EVOKE_EUNSUPPORTED, begin, "an integer does not fit 64 bits");
    x->at = end;
    return evk_lex_add(x, (evk_lexeme){.kind = EVK_LEX_INT, .at = (uint32_t)begin, .i = i});
}

static evoke_status lex_number(evk_lexer *x)
{
    const size_t begin = x->at, end = float_end(x);
    if (!end)
        return lex_int(x);
    char text[MAX_NUMBER];
    if (!plain_number(x, begin, end, text))
        return fail_at(x, EVOKE_EUNSUPPORTED, begin, "a number is too long");
    x->at = end;
    return evk_lex_add(x, (evk_lexeme){.kind = EVK_LEX_FLOAT, .at = (uint32_t)begin, .f = strtod(text, NULL)});
}

/* ---- strings ---- */
/* Digits of an escape at `at`, between `least` and `most` of them; *at moves past. Returns -1: too few. */
static int32_t escape_code(const char *text, size_t n, size_t *at, unsigned base, size_t least, size_t most)
{
    int32_t code = 0;
    size_t k = 0;
    while (k < most && *at < n && is_digit(text[*at], base) && code <= 0x10ffff) {
        const char c = (char)(text[*at] | 0x20);
        code = code * (int32_t)base + (c >= 'a' ? c - 'a' + 10 : text[*at] - '0');
        ++*at;
        k++;
    }
    return k < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? -1 : code;
}

/* One escape behind the backslash at text[*at]; writes its characters to out[*n_out]. false: not a valid one. */
static bool unescape(const char *text, size_t n, size_t *at, char *out, size_t *n_out)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    const char c = text[*at];
    const char *simple = c ? strchr(from, c) : NULL;
    if (simple) {
        out[(*n_out)++] = to[simple - from];
        ++*at;
        return true;
    }
    if (c == '\n') {
        ++*at;
        return true;
    }
    int32_t code = 0;
    if (c == 'x' || c == 'u' || c == 'U') {
        const size_t width = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        ++*at;
        code = escape_code(text, n, at, 16, width, width);
    } else if (is_digit(c, 8)) {
        code = escape_code(text, n, at, 8, 1, 3);
    } else {
        out[(*n_out)++] = '\\';         /* an unknown escape stays as it is */
        return c != 'N';
    }
    if (code < 0)
        return false;
    *n_out += evk_utf8_put(code, out + *n_out);
    return true;
}

static evoke_status lex_string(evk_lexer *x)
{
    const size_t begin = x->at + 1;
    size_t end = begin;
    while (end < x->n && x->source[end] != x->source[begin - 1])
        end += x->source[end] == '\\' ? 2 : 1;
    if (end >= x->n)
        return fail_at(x, EVOKE_EFORMAT, begin - 1, "a string is not ended");
    char *out = evk_pool_take(x->pool, end - begin + 1, 1);
    if (!out)
        return evk_fail(x->err, EVOKE_ENOMEM, "parse chat template: no memory for its strings");
    size_t n_out = 0, at = begin;
    while (at < end) {
        const char c = x->source[at++];
        if (c != '\\')
            out[n_out++] = c;
        else if (!unescape(x->source, end, &at, out, &n_out))
            return fail_at(x, EVOKE_EUNSUPPORTED, at - 1, "a string has an escape that is not known");
    }
    out[n_out] = 0;
    x->at = end + 1;
    return evk_lex_add(x, (evk_lexeme){.kind = EVK_LEX_STRING, .at = (uint32_t)begin - 1, .text = out, .n = n_out});
}

/* ---- names and operators ---- */
static evoke_status lex_name(evk_lexer *x, bool *found)
{
    const size_t begin = x->at;
    size_t at = begin;
    while (at < x->n) {
        int32_t code = 0;
        const size_t length = evk_utf8_next(x->source + at, x->n - at, &code);
        if (!length || !evk_char_is_word(code))
            break;
        at += length;
    }
    *found = at > begin;
    if (!*found)
        return EVOKE_OK;
    if (at - begin > MAX_NAME)
        return fail_at(x, EVOKE_EUNSUPPORTED, begin, "a name is too long");
    x->at = at;
    return evk_lex_add(x, (evk_lexeme){.kind = EVK_LEX_NAME, .at = (uint32_t)begin, .text = x->source + begin,
                                       .n = at - begin});
}

static evoke_status lex_operator(evk_lexer *x, char *open, size_t *n_open)
{
    static const char begins[] = "([{", ends[] = ")]}";
    for (size_t k = 0; k < sizeof operators / sizeof *operators; k++) {
        const size_t n = strlen(operators[k].text);
        if (x->n - x->at < n || memcmp(x->source + x->at, operators[k].text, n) != 0)
            continue;
        const char c = operators[k].text[0];
        const char *begin = strchr(begins, c), *end = strchr(ends, c);
        if (begin && *n_open == MAX_BRACKETS)
            return fail_at(x, EVOKE_EUNSUPPORTED, x->at, "brackets are nested too deeply");
        if (begin)
            open[(*n_open)++] = ends[begin - begins];
        if (end && (*n_open == 0 || open[--*n_open] != c))
            return fail_at(x, EVOKE_EFORMAT, x->at, "a bracket is closed that was not opened");
        x->at += n;
        return evk_lex_add(x, (evk_lexeme){.kind = EVK_LEX_OP, .op = operators[k].op, .at = (uint32_t)(x->at - n)});
    }
    return fail_at(x, EVOKE_EFORMAT, x->at, "a character that has no meaning here");
}

/* The tag's end, with what it takes away behind it: "-}}" and "-%}" all white space, "%}" one "\n", "+%}" nothing. */
static bool tag_end(evk_lexer *x, bool block)
{
    const char last = block ? '%' : '}';
    const char first = peek(x, 0);
    const bool sign = first == '-' || (block && first == '+');
    if (peek(x, sign) != last || peek(x, (size_t)sign + 1) != '}')
        return false;
    x->at += (size_t)sign + 2;
    if (first == '-')
        x->at = evk_lex_skip_space(x->source, x->n, x->at);
    else if (block && !sign && peek(x, 0) == '\n')
        x->at++;
    x->line_starting = x->source[x->at - 1] == '\n';
    return true;
}

evoke_status evk_lex_tag(evk_lexer *x, bool block)
{
    char open[MAX_BRACKETS];
    size_t n_open = 0;
    for (;;) {
        const size_t at = x->at;
        if (n_open == 0 && tag_end(x, block)) {
            const evk_lexeme_kind kind = block ? EVK_LEX_BLOCK_END : EVK_LEX_PRINT_END;
            return evk_lex_add(x, (evk_lexeme){.kind = kind, .at = (uint32_t)at});
        }
        x->at = evk_lex_skip_space(x->source, x->n, at);
        if (x->at == x->n)
            return EVOKE_OK;                    /* the parser tells what is missing */
        if (x->at > at)
            continue;
        const char c = peek(x, 0);
        bool found = true;
        if (is_digit(c, 10))
            EVK_TRY(lex_number(x));
        else if (c == '\'' || c == '"')
            EVK_TRY(lex_string(x));
        else
            EVK_TRY(lex_name(x, &found));
        if (!found)
            EVK_TRY(lex_operator(x, open, &n_open));
    }
}
