/* layers/chat_template/filters_text.c: filters that make a text. What is not a text is made one first. */
#include <string.h>

#include "core/text.h"
#include "layers/chat_template/filters.h"
#include "layers/chat_template/format.h"
#include "layers/chat_template/unicode.h"

static evoke_status text_of(evk_render *r, const evk_value *self, evk_value *out)
{
    *out = evk_text((evk_string){0});
    out->markup = evk_is_string(self) && self->markup;
    return evk_to_string(r, self, &out->s);
}

static evoke_status recase(evk_render *r, const evk_value *self, evk_casing how, evk_value *out)
{
    EVK_TRY(text_of(r, self, out));
    return evk_recase(r, out->s, how, &out->s);
}

static evoke_status filter_lower(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    return recase(r, self, EVK_CASING_LOWER, out);
}

static evoke_status filter_upper(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    return recase(r, self, EVK_CASING_UPPER, out);
}

static evoke_status filter_capitalize(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    return recase(r, self, EVK_CASING_CAPITALIZE, out);
}

static evoke_status filter_title(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    return recase(r, self, EVK_CASING_WORDS, out);
}

static evoke_status filter_string(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    return text_of(r, self, out);
}

static evoke_status filter_safe(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    EVK_TRY(text_of(r, self, out));
    out->markup = true;
    return EVOKE_OK;
}

static evoke_status filter_escape(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    EVK_TRY(text_of(r, self, out));
    if (!out->markup)
        EVK_TRY(evk_escape(r, out->s, &out->s));
    out->markup = true;
    return EVOKE_OK;
}

static evoke_status filter_forceescape(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    EVK_TRY(text_of(r, self, out));
    out->markup = true;
    return evk_escape(r, out->s, &out->s);
}

static evoke_status filter_trim(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    EVK_TRY(text_of(r, self, out));
    return evk_strip(r, out->s, &args->v[0], true, true, &out->s);
}

static evoke_status filter_replace(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    evk_string from, to;
    int64_t most = -1;
    EVK_TRY(text_of(r, self, out));
    EVK_TRY(evk_to_string(r, &args->v[0], &from));
    EVK_TRY(evk_to_string(r, &args->v[1], &to));
    EVK_TRY(evk_arg_int(r, &args->v[2], -1, &most));
    out->markup = false;
    return evk_replace(r, out->s, from, to, most, &out->s);
}

/* ---- indent, center, truncate ---- */
static evoke_status spaces(evk_render *r, int64_t n, evk_string *out)
{
    const evk_value space = evk_text(evk_string_of(" ")), times = evk_int(n);
    evk_value all;
    EVK_TRY(evk_binary(r, EVK_OP_MUL, &space, &times, &all));
    *out = all.s;
    return EVOKE_OK;
}

static evoke_status filter_indent(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const bool first = evk_arg_bool(&args->v[1], false), blank = evk_arg_bool(&args->v[2], false);
    evk_string indent, text;
    evk_bytes *b = NULL;
    evk_value lines;
    int64_t width = 4;
    if (evk_is_string(&args->v[0])) {
        indent = args->v[0].s;
    } else {
        EVK_TRY(evk_arg_int(r, &args->v[0], 4, &width));
        EVK_TRY(spaces(r, width, &indent));
    }
    EVK_TRY(evk_arg_string(r, self, NULL, &text));
    EVK_TRY(evk_string_add(r, text, evk_string_of("\n"), &text));
    EVK_TRY(evk_split_lines(r, text, false, &lines));
    EVK_TRY(evk_bytes_new(r, 0, &b));
    for (size_t i = 0; i < lines.seq->n; i++) {
        const evk_string line = lines.seq->items[i].s;
        if (i > 0)
            EVK_TRY(evk_bytes_add(r, b, "\n", 1));
        if (i == 0 ? first : blank || line.n > 0)
            EVK_TRY(evk_bytes_add_string(r, b, indent));
        EVK_TRY(evk_bytes_add_string(r, b, line));
    }
    *out = evk_text(evk_bytes_view(b));
    return EVOKE_OK;
}

static evoke_status filter_center(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    int64_t width = 80;
    evk_string left, right;
    EVK_TRY(text_of(r, self, out));
    EVK_TRY(evk_arg_int(r, &args->v[0], 80, &width));
    EVK_TRY(evk_render_spend_bytes(r, out->s.n));
    const int64_t length = (int64_t)evk_string_length(out->s);
    const int64_t pad = width > length ? width - length : 0;
    const int64_t before = pad / 2 + (pad & width & 1);
    EVK_TRY(spaces(r, before, &left));
    EVK_TRY(spaces(r, pad - before, &right));
    EVK_TRY(evk_string_add(r, left, out->s, &out->s));
    return evk_string_add(r, out->s, right, &out->s);
}

static evoke_status filter_truncate(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    int64_t most = 255, leeway = 5, n = 0;
    evk_string end;
    EVK_TRY(evk_value_length(r, self, &n));
    *out = *self;
    EVK_TRY(evk_arg_int(r, &args->v[0], 255, &most));
    EVK_TRY(evk_arg_string(r, &args->v[2], "...", &end));
    EVK_TRY(evk_arg_int(r, &args->v[3], 5, &leeway));
    EVK_TRY(evk_render_spend_bytes(r, end.n));
    const int64_t n_end = (int64_t)evk_string_length(end);
    if (most < n_end || leeway < 0)
        return evk_render_fail(r, EVOKE_EFORMAT, "truncate leaves no room for its end");
    if (n <= leeway || n - leeway <= most)
        return EVOKE_OK;
    if (!evk_is_string(self))
        return evk_render_fail(r, EVOKE_EFORMAT, "truncate is for texts, not '%s'", evk_type_name(self));
    evk_string kept = evk_string_part(out->s, 0, evk_string_offset(out->s, (size_t)(most - n_end)));
    if (!evk_arg_bool(&args->v[1], false)) {
        const size_t space = evk_string_find_last(kept, evk_string_of(" "));
        kept = evk_string_part(kept, 0, space == SIZE_MAX ? kept.n : space);
    }
    return evk_string_add(r, kept, end, &out->s);
}

/* The text % its arguments, by position or by name. */
static evoke_status filter_format(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    evk_value text, all;
    if (args->n && args->n_named)
        return evk_render_fail(r, EVOKE_EFORMAT, "format takes values by position or by name, not both");
    EVK_TRY(text_of(r, self, &text));
    if (args->n_named) {
        EVK_TRY(evk_dict_new(r, args->n_named, &all));
        for (size_t i = 0; i < args->n_named; i++) {
            const evk_value key = evk_text(args->names[i]);
            EVK_TRY(evk_dict_set(r, all.dict, &key, args->named[i]));
        }
    } else {
        evk_list *s = NULL;
        EVK_TRY(evk_list_new(r, EVK_TUPLE, args->n, &s));
        for (size_t i = 0; i < args->n; i++)
            EVK_TRY(evk_list_add(r, s, args->v[i]));
        all = evk_seq(s);
    }
    return evk_format_percent(r, &text, &all, out);
}

static evoke_status filter_wordcount(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    evk_value text;
    int64_t n = 0;
    bool inside = false;
    EVK_TRY(text_of(r, self, &text));
    EVK_TRY(evk_render_spend_characters(r, text.s.n));
    for (size_t i = 0, length = 0; i < text.s.n; i += length) {
        int32_t code = 0;
        length = evk_utf8_next(text.s.data + i, text.s.n - i, &code);
        if (!length)
            break;
        const bool word = evk_char_is_word(code);
        n += word && !inside;
        inside = word;
    }
    *out = evk_int(n);
    return EVOKE_OK;
}

/* ---- tojson(ensure_ascii=false, indent=none, separators=none, sort_keys=false), as transformers has it ---- */
static evoke_status separators(evk_render *r, const evk_value *v, evk_json_style *style)
{
    style->item = evk_string_of(style->indented ? "," : ", ");
    style->key = evk_string_of(": ");
    if (!evk_given(v) || v->kind == EVK_V_NONE)
        return EVOKE_OK;
    const evk_value *items = NULL;
    size_t n = 0;
    EVK_TRY(evk_iterate(r, v, &items, &n));
    if (n != 2)
        return evk_render_fail(r, EVOKE_EFORMAT, "tojson's separators are two texts");
    EVK_TRY(evk_arg_string(r, &items[0], NULL, &style->item));
    return evk_arg_string(r, &items[1], NULL, &style->key);
}

static evoke_status filter_tojson(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    evk_json_style style = {.ascii = evk_arg_bool(&args->v[0], false), .sort_keys = evk_arg_bool(&args->v[3], false)};
    const evk_value *indent = &args->v[1];
    int64_t width = 0;
    evk_bytes *b = NULL;
    style.indented = evk_given(indent) && indent->kind != EVK_V_NONE;
    if (style.indented && evk_is_string(indent)) {
        style.indent = indent->s;
    } else if (style.indented) {
        EVK_TRY(evk_arg_int(r, indent, 0, &width));
        EVK_TRY(spaces(r, width, &style.indent));
    }
    EVK_TRY(separators(r, &args->v[2], &style));
    EVK_TRY(evk_bytes_new(r, 0, &b));
    EVK_TRY(evk_to_json(r, b, self, &style));
    *out = evk_text(evk_bytes_view(b));
    return EVOKE_OK;
}

static const evk_builtin text_filters[] = {
    { "capitalize",  filter_capitalize,  0, { NULL } },
    { "center",      filter_center,      0, { "width" } },
    { "e",           filter_escape,      0, { NULL } },
    { "escape",      filter_escape,      0, { NULL } },
    { "forceescape", filter_forceescape, 0, { NULL } },
    { "format",      filter_format,      0, { "*" } },
    { "indent",      filter_indent,      0, { "width", "first", "blank" } },
    { "lower",       filter_lower,       0, { NULL } },
    { "replace",     filter_replace,     2, { "old", "new", "count" } },
    { "safe",        filter_safe,        0, { NULL } },
    { "string",      filter_string,      0, { NULL } },
    { "title",       filter_title,       0, { NULL } },
    { "tojson",      filter_tojson,      0, { "ensure_ascii", "indent", "separators", "sort_keys" } },
    { "trim",        filter_trim,        0, { "chars" } },
    { "truncate",    filter_truncate,    0, { "length", "killwords", "end", "leeway" } },
    { "upper",       filter_upper,       0, { NULL } },
    { "wordcount",   filter_wordcount,   0, { NULL } },
};

const evk_builtin *evk_text_filter_find(evk_string name)
{
    return evk_builtin_find(text_filters, sizeof text_filters / sizeof *text_filters, name);
}
