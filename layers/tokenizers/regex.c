/* layers/tokenizers/regex.c: the patterns of tokenizers, run by PCRE2.
 *
 * They are published for Oniguruma (Hugging Face's tokenizers) or Python's regex, both with Unicode's own classes. What
 * differs in PCRE2 is rewritten before compiling:
 *
 *     \s \S            White_Space; PCRE2's \s would take U+180E as well
 *     \w               letters, marks, decimal digits, connectors; PCRE2's \w has no marks before version 10.43
 *     \uHHHH           \x{HHHH}
 *     \p{Han} etc.     the script itself; PCRE2 would take the script extensions
 *     ^ $              at every line, as in Oniguruma's Ruby syntax
 *
 * Nested sets ([a[b]], [a&&b]) and \h, which there is a hexadecimal digit, are refused. */
#include "layers/tokenizers/regex.h"

#include <string.h>

#include "core/text.h"

enum { MAX_PATTERN = 1 << 16 };

static const char WORD[] = "\\p{L}\\p{M}\\p{Nd}\\p{Pc}";
static const char *const scripts[] = { "Han", "Hiragana", "Katakana", "Hangul", "Latin", "Cyrillic", "Greek", "Arabic",
                                       "Thai", "Hebrew", "Devanagari", "Bengali", "Tamil", "Telugu", "Armenian",
                                       "Georgian", "Khmer", "Lao", "Myanmar", "Ethiopic", "Tibetan", "Bopomofo" };

/* "Han" -> "sc:Han" for the name [n] in \p{...}; anything else as it is. */
static evoke_status put_property(const char *name, size_t n, evk_buffer *out, evoke_error *err)
{
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
        if (strlen(scripts[i]) == n && memcmp(scripts[i], name, n) == 0)
            EVK_TRY(evk_buffer_add(out, "sc:", 3, err));
    return evk_buffer_add(out, name, n, err);
}

static bool is_hex4(const char *text)
{
    for (size_t i = 0; i < 4; i++)
        if (!strchr("0123456789abcdefABCDEF", text[i]) || !text[i])
            return false;
    return true;
}

/* The escape that begins at p[0] == '\\', n > 1 bytes left; *used of them are done with. */
static evoke_status put_escape(const char *p, size_t n, bool in_set, const char *where, size_t *used, evk_buffer *out,
                               evoke_error *err)
{
    const char kind = p[1];
    *used = 2;
    if (kind == 's' || kind == 'S')
        return evk_buffer_format(out, err, "\\%c{White_Space}", kind == 's' ? 'p' : 'P');
    if (kind == 'w')
        return evk_buffer_format(out, err, in_set ? "%s" : "[%s]", WORD);
    if (kind == 'W' && !in_set)
        return evk_buffer_format(out, err, "[^%s]", WORD);
    if (kind == 'W' || kind == 'h' || kind == 'H')
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: a pattern has '\\%c'%s, which is not supported "
                        "(%s)", kind, in_set ? " in a set" : "", where);
    if (kind == 'u' && n >= 6 && is_hex4(p + 2)) {
        *used = 6;
        return evk_buffer_format(out, err, "\\x{%.4s}", p + 2);
    }
    EVK_TRY(evk_buffer_add(out, p, 2, err));
    if ((kind != 'p' && kind != 'P') || n < 3 || p[2] != '{')
        return EVOKE_OK;
    const char *close = memchr(p + 3, '}', n - 3);
    const size_t length = close ? (size_t)(close - p) - 3 : n - 3;
    EVK_TRY(evk_buffer_add(out, "{", 1, err));
    *used = 3 + length;
    return put_property(p + 3, length, out, err);
}

/* What stands in a set at p[0], an escape excepted. *set: false once the set is closed. */
static evoke_status put_in_set(const char *p, size_t n, const char *where, size_t *used, bool *set, evk_buffer *out,
                               evoke_error *err)
{
    *used = 1;
    if ((p[0] == '[' && !(n > 1 && p[1] == ':')) || (n > 1 && p[0] == '&' && p[1] == '&'))
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open tokenizer: a pattern has a set within a set, which is not "
                        "supported: '%.*s' (%s)", (int)(n < 24 ? n : 24), p, where);
    if (p[0] == '[')                        /* [:alpha:] */
        *used = n > 2 ? 2 : 1;
    *set = p[0] != ']';
    return evk_buffer_add(out, p, *used, err);
}

static evoke_status translate(const char *pattern, size_t n, const char *where, evk_buffer *out, evoke_error *err)
{
    bool set = false;
    for (size_t i = 0, used = 0; i < n; i += used) {
        const char *p = pattern + i;
        if (p[0] == '\\' && i + 1 < n)
            EVK_TRY(put_escape(p, n - i, set, where, &used, out, err));
        else if (set)
            EVK_TRY(put_in_set(p, n - i, where, &used, &set, out, err));
        else {
            set = p[0] == '[';
            used = set && n - i > 1 && p[1] == '^' ? 2 : 1;
            used += set && n - i > used && p[used] == ']';      /* the first ] in a set is itself */
            EVK_TRY(evk_buffer_add(out, p, used, err));
        }
    }
    return EVOKE_OK;
}

static evoke_status compile(const char *pattern, size_t n, uint32_t options, const char *where, evk_regex **out,
                            evoke_error *err)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context)
        return evk_fail(err, EVOKE_ENOMEM, "open tokenizer: no memory for a pattern");
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_max_pattern_length(context, 2 * MAX_PATTERN);
    int code = 0;
    PCRE2_SIZE at = 0;
    *out = pcre2_compile((PCRE2_SPTR)pattern, n, options, &code, &at, context);
    pcre2_compile_context_free(context);
    if (!*out) {
        PCRE2_UCHAR why[160] = "";
        pcre2_get_error_message(code, why, sizeof why);
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: bad pattern: %s at byte %zu of '%.*s' (%s)",
                        (char *)why, (size_t)at, (int)(n < 200 ? n : 200), pattern, where);
    }
    pcre2_jit_compile(*out, PCRE2_JIT_COMPLETE);        /* only faster: where it cannot, PCRE2 interprets */
    return EVOKE_OK;
}

evoke_status evk_regex_compile(const char *pattern, size_t n, bool literal, const char *where, evk_regex **out,
                               evoke_error *err)
{
    *out = NULL;
    if (n > MAX_PATTERN)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: a pattern of %zu bytes (%s)", n, where);
    if (literal)
        return compile(pattern, n, PCRE2_UTF | PCRE2_LITERAL, where, out, err);
    evk_buffer text = {0};
    evoke_status st = evk_buffer_add(&text, "", 0, err);
    if (st == EVOKE_OK)
        st = translate(pattern, n, where, &text, err);
    if (st == EVOKE_OK)
        st = compile(text.n ? text.data : "", text.n,
                     PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, where, out, err);
    evk_buffer_free(&text);
    return st;
}

evoke_status evk_matcher_init(evk_matcher *m, size_t n_bytes, evoke_error *err)
{
    m->data = pcre2_match_data_create(1, NULL);
    m->context = pcre2_match_context_create(NULL);
    if (!m->data || !m->context)
        return evk_fail(err, EVOKE_ENOMEM, "tokenize: no memory for matching");
    const size_t steps = n_bytes < UINT32_MAX / 32 ? 1000000 + 16 * n_bytes : UINT32_MAX;
    pcre2_set_match_limit(m->context, (uint32_t)steps);
    return EVOKE_OK;
}

void evk_matcher_free(evk_matcher *m)
{
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    *m = (evk_matcher){0};
}

evoke_status evk_regex_find(const evk_regex *re, evk_matcher *m, const char *text, size_t n, size_t at,
                            size_t *begin, size_t *end, bool *found, evoke_error *err)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)text;
    int code = pcre2_match(re, subject, n, at, PCRE2_NO_UTF_CHECK, m->data, m->context);
    if (code == PCRE2_ERROR_JIT_STACKLIMIT)
        code = pcre2_match(re, subject, n, at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, m->data, m->context);
    *found = code >= 0;
    if (code < 0 && code != PCRE2_ERROR_NOMATCH) {
        PCRE2_UCHAR why[160] = "";
        pcre2_get_error_message(code, why, sizeof why);
        return evk_fail(err, EVOKE_EDATA, "tokenize: a pattern of the tokenizer fails on this text: %s", (char *)why);
    }
    if (*found) {
        const PCRE2_SIZE *where = pcre2_get_ovector_pointer(m->data);
        *begin = where[0];
        *end = where[1];
        if (*begin < at || *end < *begin)       /* \K can do that */
            return evk_fail(err, EVOKE_EDATA, "tokenize: a pattern of the tokenizer matches backwards");
    }
    return EVOKE_OK;
}
