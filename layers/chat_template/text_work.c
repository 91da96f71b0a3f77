/* layers/chat_template/text_work.c: strip, replace, split, join, case: what filters and methods of a text share.
 *
 * All of them keep the origins of what they leave as it was. */
#include <string.h>

#include "core/text.h"
#include "layers/chat_template/render.h"
#include "layers/chat_template/unicode.h"

/* ---- strip ---- */
/* The character that ends at byte n > 0. */
static size_t last_character(evk_string s, size_t n, int32_t *code)
{
    size_t begin = n - 1;
    while (begin > 0 && ((unsigned char)s.data[begin] & 0xC0) == 0x80)
        begin--;
    if (!evk_utf8_next(s.data + begin, n - begin, code))
        *code = -1;
    return begin;
}

static bool is_one_of(evk_string chars, int32_t code)
{
    int32_t one = 0;
    for (size_t i = 0, length = 0; i < chars.n; i += length) {
        length = evk_utf8_next(chars.data + i, chars.n - i, &one);
        if (!length || one == code)
            return length > 0;
    }
    return false;
}

evoke_status evk_strip(evk_render *r, evk_string s, const evk_value *chars, bool left, bool right, evk_string *out)
{
    const bool space = !evk_given(chars) || chars->kind == EVK_V_NONE;
    evk_string set = {0};
    size_t begin = 0, end = s.n;
    int32_t code = 0;
    if (!space)
        EVK_TRY(evk_arg_string(r, chars, NULL, &set));
    while (left && begin < end) {
        const size_t length = evk_utf8_next(s.data + begin, end - begin, &code);
        EVK_TRY(evk_render_spend(r, set.n / 16));
        if (!length || !(space ? evk_char_is_space(code) : is_one_of(set, code)))
            break;
        begin += length;
    }
    while (right && begin < end) {
        const size_t before = last_character(s, end, &code);
        EVK_TRY(evk_render_spend(r, set.n / 16));
        if (!(space ? evk_char_is_space(code) : is_one_of(set, code)))
            break;
        end = before;
    }
    *out = evk_string_part(s, begin, end);
    return evk_render_spend_characters(r, s.n - out->n);
}

/* ---- replace ---- */
/* An empty text stands before each character and at the end. */
static evoke_status replace_empty(evk_render *r, evk_string s, evk_string to, uint64_t most, evk_string *out)
{
    evk_bytes *b = NULL;
    size_t at = 0;
    EVK_TRY(evk_bytes_new(r, 0, &b));
    for (uint64_t k = 0; k < most; k++) {
        EVK_TRY(evk_bytes_add_string(r, b, to));
        if (at == s.n)
            break;
        const size_t size = evk_string_offset(evk_string_part(s, at, s.n), 1);
        EVK_TRY(evk_bytes_add_string(r, b, evk_string_part(s, at, at + size)));
        at += size;
    }
    EVK_TRY(evk_bytes_add_string(r, b, evk_string_part(s, at, s.n)));
    *out = evk_bytes_view(b);
    return EVOKE_OK;
}

evoke_status evk_replace(evk_render *r, evk_string s, evk_string from, evk_string to, int64_t most, evk_string *out)
{
    uint64_t left = most < 0 ? UINT64_MAX : (uint64_t)most;
    evk_bytes *b = NULL;
    size_t kept = 0;
    if (from.n == 0)
        return replace_empty(r, s, to, left, out);
    EVK_TRY(evk_render_spend_bytes(r, s.n));
    *out = s;
    for (size_t at; left > 0 && (at = evk_string_find(s, from, kept)) != SIZE_MAX; left--) {
        if (!b)
            EVK_TRY(evk_bytes_new(r, 0, &b));
        EVK_TRY(evk_bytes_add_string(r, b, evk_string_part(s, kept, at)));
        EVK_TRY(evk_bytes_add_string(r, b, to));
        kept = at + from.n;
    }
    if (!b)
        return EVOKE_OK;
    EVK_TRY(evk_bytes_add_string(r, b, evk_string_part(s, kept, s.n)));
    *out = evk_bytes_view(b);
    return EVOKE_OK;
}

evoke_status evk_escape(evk_render *r, evk_string s, evk_string *out)
{
    static const char *const from[] = { "&", "<", ">", "'", "\"" };
    static const char *const to[] = { "&amp;", "&lt;", "&gt;", "&#39;", "&#34;" };
    *out = s;
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        EVK_TRY(evk_replace(r, *out, evk_string_of(from[i]), evk_string_of(to[i]), -1, out));
    return EVOKE_OK;
}

/* ---- split ---- */
static void reverse(evk_list *s)
{
    for (size_t i = 0; i < s->n / 2; i++) {
        const evk_value v = s->items[i];
        s->items[i] = s->items[s->n - 1 - i];
        s->items[s->n - 1 - i] = v;
    }
}

static evoke_status add_part(evk_render *r, evk_list *parts, evk_string s, size_t begin, size_t end)
{
    EVK_TRY(evk_render_spend(r, 1));
    return evk_list_add(r, parts, evk_text(evk_string_part(s, begin, end)));
}

/* At runs of white space; none at the ends gives an empty part. The rest beyond `most` keeps the space at its end. */
static evoke_status split_spaces(evk_render *r, evk_string s, uint64_t most, evk_list *parts)
{
    size_t at = evk_lex_skip_space(s.data, s.n, 0);
    while (at < s.n) {
        size_t end = at;
        int32_t code = 0;
        if (most-- == 0)
            return add_part(r, parts, s, at, s.n);
        while (end < s.n) {
            const size_t length = evk_utf8_next(s.data + end, s.n - end, &code);
            if (!length || evk_char_is_space(code))
                break;
            end += length;
        }
        EVK_TRY(add_part(r, parts, s, at, end));
        at = evk_lex_skip_space(s.data, s.n, end);
    }
    return EVOKE_OK;
}

/* The same from the right; parts come last first. */
static evoke_status split_spaces_right(evk_render *r, evk_string s, uint64_t most, evk_list *parts)
{
    size_t end = evk_lex_strip_end(s.data, s.n);
    while (end > 0) {
        size_t begin = end;
        if (most-- == 0)
            return add_part(r, parts, s, 0, end);
        while (begin > 0) {
            int32_t code = 0;
            const size_t before = last_character(s, begin, &code);
            if (evk_char_is_space(code))
                break;
            begin = before;
        }
        EVK_TRY(add_part(r, parts, s, begin, end));
        end = evk_lex_strip_end(s.data, begin);
    }
    return EVOKE_OK;
}

static evoke_status split_at(evk_render *r, evk_string s, evk_string by, uint64_t most, evk_list *parts)
{
    size_t kept = 0;
    for (size_t at; most > 0 && (at = evk_string_find(s, by, kept)) != SIZE_MAX; most--) {
        EVK_TRY(add_part(r, parts, s, kept, at));
        kept = at + by.n;
    }
    return add_part(r, parts, s, kept, s.n);
}

static evoke_status split_at_right(evk_render *r, evk_string s, evk_string by, uint64_t most, evk_list *parts)
{
    size_t end = s.n;
    EVK_TRY(evk_render_spend(r, (s.n / 64) * (by.n / 64)));
    for (size_t at; most > 0 && (at = evk_string_find_last(evk_string_part(s, 0, end), by)) != SIZE_MAX; most--) {
        EVK_TRY(add_part(r, parts, s, at + by.n, end));
        end = at;
    }
    return add_part(r, parts, s, 0, end);
}

evoke_status evk_split(evk_render *r, evk_string s, const evk_value *by, int64_t most, bool from_right, evk_value *out)
{
    const bool spaces = !evk_given(by) || by->kind == EVK_V_NONE;
    const uint64_t left = most < 0 ? UINT64_MAX : (uint64_t)most;
    evk_list *parts = NULL;
    evk_string at = {0};
    if (!spaces)
        EVK_TRY(evk_arg_string(r, by, NULL, &at));
    if (!spaces && at.n == 0)
        return evk_render_fail(r, EVOKE_EFORMAT, "a text cannot be split at an empty one");
    EVK_TRY(spaces ? evk_render_spend_characters(r, s.n) : evk_render_spend_bytes(r, s.n));
    EVK_TRY(evk_list_new(r, EVK_LIST, 0, &parts));
    if (spaces)
        EVK_TRY(from_right ? split_spaces_right(r, s, left, parts) : split_spaces(r, s, left, parts));
    else
        EVK_TRY(from_right ? split_at_right(r, s, at, left, parts) : split_at(r, s, at, left, parts));
    if (from_right)
        reverse(parts);
    *out = evk_seq(parts);
    return EVOKE_OK;
}

static bool ends_line(int32_t c)
{
    return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

evoke_status evk_split_lines(evk_render *r, evk_string s, bool keep_ends, evk_value *out)
{
    evk_list *parts = NULL;
    size_t begin = 0;
    EVK_TRY(evk_render_spend_characters(r, s.n));
    EVK_TRY(evk_list_new(r, EVK_LIST, 0, &parts));
    for (size_t i = 0, length = 0; i < s.n; i += length) {
        int32_t code = 0;
        length = evk_utf8_next(s.data + i, s.n - i, &code);
        if (!length)
            break;
        if (!ends_line(code))
            continue;
        if (code == '\r' && i + 1 < s.n && s.data[i + 1] == '\n')
            length = 2;
        EVK_TRY(add_part(r, parts, s, begin, keep_ends ? i + length : i));
        begin = i + length;
    }
    if (begin < s.n)
        EVK_TRY(add_part(r, parts, s, begin, s.n));
    *out = evk_seq(parts);
    return EVOKE_OK;
}

evoke_status evk_join(evk_render *r, evk_string between, const evk_value *items, size_t n, bool convert, evk_value *out)
{
    evk_bytes *b = NULL;
    EVK_TRY(evk_bytes_new(r, 0, &b));
    for (size_t i = 0; i < n; i++) {
        if (!convert && !evk_is_string(&items[i]))
            return evk_render_fail(r, EVOKE_EFORMAT, "join wants texts, not '%s'", evk_type_name(&items[i]));
        if (i > 0)
            EVK_TRY(evk_bytes_add_string(r, b, between));
        EVK_TRY(evk_render_spend(r, 1));
        EVK_TRY(evk_print(r, b, &items[i]));
    }
    *out = evk_text(evk_bytes_view(b));
    return EVOKE_OK;
}

/* ---- case ---- */
static bool begins_word(int32_t c)
{
    return evk_char_is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
}

/* How a character is written: `first` in its text, after character `before`. */
static evk_case case_of(evk_casing how, int32_t code, bool first, int32_t before)
{
    switch (how) {
    case EVK_CASING_LOWER:
        return EVK_CASE_LOWER;
    case EVK_CASING_UPPER:
        return EVK_CASE_UPPER;
    case EVK_CASING_CAPITALIZE:
        return first ? EVK_CASE_TITLE : EVK_CASE_LOWER;
    case EVK_CASING_SWAP:
        return evk_char_is_title(code) ? EVK_CASE_KEEP : evk_char_is_lower(code) ? EVK_CASE_UPPER : EVK_CASE_LOWER;
    case EVK_CASING_WORDS:
        return first || begins_word(before) ? EVK_CASE_UPPER : EVK_CASE_LOWER;
    default:
        return !first && evk_char_is_cased(before) ? EVK_CASE_LOWER : EVK_CASE_TITLE;
    }
}

static evoke_status add_recased(evk_render *r, evk_bytes *b, int32_t code, evk_case how)
{
    int32_t to[2];
    char text[8];
    size_t n = 0;
    const size_t n_to = evk_char_case(code, how, to);
    for (size_t i = 0; i < n_to; i++)
        n += evk_utf8_put(to[i], text + n);
    return evk_bytes_add(r, b, text, n);
}

evoke_status evk_recase(evk_render *r, evk_string s, evk_casing how, evk_string *out)
{
    evk_bytes *b = NULL;
    int32_t before = 0, to[2];
    size_t kept = 0;            /* what was not written yet begins here: characters that stay as they are */
    EVK_TRY(evk_render_spend_characters(r, s.n));
    EVK_TRY(evk_bytes_new(r, 0, &b));
    for (size_t i = 0, length = 0; i < s.n; i += length) {
        int32_t code = 0;
        length = evk_utf8_next(s.data + i, s.n - i, &code);
        if (!length)
            break;
        const evk_case as = case_of(how, code, i == 0, before);
        before = code;
        if (evk_char_case(code, as, to) == 1 && to[0] == code)
            continue;
        EVK_TRY(evk_bytes_add_string(r, b, evk_string_part(s, kept, i)));
        EVK_TRY(add_recased(r, b, code, as));
        kept = i + length;
    }
    EVK_TRY(evk_bytes_add_string(r, b, evk_string_part(s, kept, s.n)));
    *out = evk_bytes_view(b);
    return EVOKE_OK;
}
