/* layers/chat_template/filters_web.c: filters for addresses and markup: urlencode, xmlattr, striptags. */
#include <string.h>

#include "core/text.h"
#include "layers/chat_template/filters.h"
#include "layers/chat_template/unicode.h"

/* ---- urlencode ---- */
/* Every byte but letters, digits, "_.-~" and `safe` as %XX; in a query a blank is "+". */
static evoke_status add_quoted(evk_render *r, evk_bytes *b, evk_string s, bool query)
{
    static const char hex[] = "0123456789ABCDEF";
    EVK_TRY(evk_render_spend_characters(r, s.n));
    for (size_t i = 0; i < s.n; i++) {
        const unsigned char c = (unsigned char)s.data[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        const char quoted[3] = {'%', hex[c >> 4], hex[c & 15]};
        if (letter || (c && strchr(query ? "_.-~" : "_.-~/", c)))
            EVK_TRY(evk_bytes_add(r, b, s.data + i, 1));
        else if (query && c == ' ')
            EVK_TRY(evk_bytes_add(r, b, "+", 1));
        else
            EVK_TRY(evk_bytes_add(r, b, quoted, 3));
    }
    return EVOKE_OK;
}

static evoke_status add_pair(evk_render *r, evk_bytes *b, const evk_value *key, const evk_value *value)
{
    evk_string s;
    if (b->n)
        EVK_TRY(evk_bytes_add(r, b, "&", 1));
    EVK_TRY(evk_to_string(r, key, &s));
    EVK_TRY(add_quoted(r, b, s, true));
    EVK_TRY(evk_bytes_add(r, b, "=", 1));
    EVK_TRY(evk_to_string(r, value, &s));
    return add_quoted(r, b, s, true);
}

/* A text; or the pairs of a dict or list as a query: "a=1&b=2". */
static evoke_status filter_urlencode(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    const evk_value *items = NULL, *pair = NULL;
    size_t n = 0, n_pair = 0;
    evk_bytes *b = NULL;
    EVK_TRY(evk_bytes_new(r, 0, &b));
    if (self->kind == EVK_V_DICT) {
        for (size_t i = 0; i < self->dict->n; i++)
            EVK_TRY(add_pair(r, b, &self->dict->keys[i], &self->dict->values[i]));
    } else if (self->kind == EVK_V_SEQUENCE) {
        EVK_TRY(evk_iterate(r, self, &items, &n));
        for (size_t i = 0; i < n; i++) {
            EVK_TRY(evk_iterate(r, &items[i], &pair, &n_pair));
            if (n_pair != 2)
                return evk_render_fail(r, EVOKE_EFORMAT, "urlencode wants pairs");
            EVK_TRY(add_pair(r, b, &pair[0], &pair[1]));
        }
    } else {
        evk_string s;
        EVK_TRY(evk_to_string(r, self, &s));
        EVK_TRY(add_quoted(r, b, s, false));
    }
    *out = evk_text(evk_bytes_view(b));
    return EVOKE_OK;
}

/* ---- xmlattr ---- */
static evoke_status add_attribute(evk_render *r, evk_bytes *b, const evk_value *key, const evk_value *value, bool space)
{
    evk_string name, text;
    EVK_TRY(evk_to_string(r, key, &name));
    for (size_t i = 0; i < name.n; i++)
        if (strchr(" \t\n\r\f/>=", name.data[i]))
            return evk_render_fail(r, EVOKE_EFORMAT, "xmlattr: a name holds a blank, '/', '>' or '='");
    EVK_TRY(evk_to_string(r, value, &text));
    EVK_TRY(evk_render_spend_bytes(r, name.n + text.n));
    if (!(evk_is_string(key) && key->markup))
        EVK_TRY(evk_escape(r, name, &name));
    if (!(evk_is_string(value) && value->markup))
        EVK_TRY(evk_escape(r, text, &text));
    if (space)
        EVK_TRY(evk_bytes_add(r, b, " ", 1));
    EVK_TRY(evk_bytes_add_string(r, b, name));
    EVK_TRY(evk_bytes_add(r, b, "=\"", 2));
    EVK_TRY(evk_bytes_add_string(r, b, text));
    return evk_bytes_add(r, b, "\"", 1);
}

static evoke_status filter_xmlattr(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const bool space = evk_arg_bool(&args->v[0], true);
    evk_bytes *b = NULL;
    if (self->kind != EVK_V_DICT)
        return evk_render_fail(r, EVOKE_EFORMAT, "xmlattr is for a dict, not '%s'", evk_type_name(self));
    EVK_TRY(evk_bytes_new(r, 0, &b));
    for (size_t i = 0; i < self->dict->n; i++) {
        const evk_value *value = &self->dict->values[i];
        if (value->kind != EVK_V_NONE && value->kind != EVK_V_UNDEFINED)
            EVK_TRY(add_attribute(r, b, &self->dict->keys[i], value, space || b->n));
    }
    *out = evk_text(evk_bytes_view(b));
    return EVOKE_OK;
}

/* ---- striptags ---- */
/* What stands between `begin` and the next `end` is taken out, again and again; without an `end` all stays. */
static evoke_status cut_out(evk_render *r, evk_string s, const char *begin, const char *end, evk_string *out)
{
    evk_bytes *b = NULL;
    size_t at = 0;
    EVK_TRY(evk_bytes_new(r, s.n, &b));
    EVK_TRY(evk_render_spend_bytes(r, s.n));
    for (;;) {
        const size_t open = evk_string_find(s, evk_string_of(begin), at);
        const size_t close = open == SIZE_MAX ? SIZE_MAX : evk_string_find(s, evk_string_of(end), open);
        if (close == SIZE_MAX)
            break;
        EVK_TRY(evk_bytes_add_string(r, b, evk_string_part(s, at, open)));
        at = close + strlen(end);
    }
    EVK_TRY(evk_bytes_add_string(r, b, evk_string_part(s, at, s.n)));
    *out = evk_bytes_view(b);
    return EVOKE_OK;
}

/* The entities that escape writes, and their kin; others are an error, as their list is long. */
static evoke_status unescape(evk_render *r, evk_string s, evk_string *out)
{
    static const char *const from[] = { "&lt;", "&gt;", "&#39;", "&#34;", "&quot;", "&#x27;", "&apos;", "&nbsp;", "&amp;" };
    static const char *const to[] = { "<", ">", "'", "\"", "\"", "'", "'", "\xc2\xa0", "&" };
    *out = s;
    for (size_t i = 0; i < sizeof from / sizeof *from; i++)
        EVK_TRY(evk_replace(r, *out, evk_string_of(from[i]), evk_string_of(to[i]), -1, out));
    return EVOKE_OK;
}

/* Without comments and tags, runs of white space one blank, entities as characters. */
static evoke_status filter_striptags(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    evk_string s;
    evk_value words, joined;
    const evk_value absent = {0};
    EVK_TRY(evk_to_string(r, self, &s));
    EVK_TRY(cut_out(r, s, "<!--", "-->", &s));
    EVK_TRY(cut_out(r, s, "<", ">", &s));
    EVK_TRY(evk_split(r, s, &absent, -1, false, &words));
    EVK_TRY(evk_join(r, evk_string_of(" "), words.seq->items, words.seq->n, true, &joined));
    EVK_TRY(unescape(r, joined.s, &s));
    *out = evk_text(s);
    return EVOKE_OK;
}

static const evk_builtin web_filters[] = {
    { "striptags", filter_striptags, 0, { NULL } },
    { "urlencode", filter_urlencode, 0, { NULL } },
    { "xmlattr",   filter_xmlattr,   0, { "autospace" } },
};

const evk_builtin *evk_web_filter_find(evk_string name)
{
    return evk_builtin_find(web_filters, sizeof web_filters / sizeof *web_filters, name);
}
