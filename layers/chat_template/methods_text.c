/* layers/chat_template/methods_text.c: methods of a text that give texts, Python's str. */
#include "layers/chat_template/format.h"
#include "layers/chat_template/methods.h"

#define RECASE(name, how)                                                                                          \
    static evoke_status name(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)              \
    {                                                                                                              \
        (void)args;                                                                                                \
        *out = *self;                                                                                              \
        return evk_recase(r, self->s, how, &out->s);                                                               \
    }

RECASE(text_lower, EVK_CASING_LOWER)
RECASE(text_upper, EVK_CASING_UPPER)
RECASE(text_title, EVK_CASING_TITLE)
RECASE(text_capitalize, EVK_CASING_CAPITALIZE)
RECASE(text_swapcase, EVK_CASING_SWAP)

#define STRIP(name, left, right)                                                                                   \
    static evoke_status name(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)              \
    {                                                                                                              \
        *out = *self;                                                                                              \
        return evk_strip(r, self->s, &args->v[0], left, right, &out->s);                                           \
    }

STRIP(text_strip, true, true)
STRIP(text_lstrip, true, false)
STRIP(text_rstrip, false, true)

/* Parts of a text that is marked safe are so too. */
static void mark_parts(const evk_value *self, const evk_value *parts)
{
    for (size_t i = 0; i < parts->seq->n; i++)
        parts->seq->items[i].markup = self->markup;
}

static evoke_status split(evk_render *r, const evk_value *self, const evk_args *args, bool from_right, evk_value *out)
{
    int64_t most = -1;
    EVK_TRY(evk_arg_int(r, &args->v[1], -1, &most));
    EVK_TRY(evk_split(r, self->s, &args->v[0], most, from_right, out));
    mark_parts(self, out);
    return EVOKE_OK;
}

static evoke_status text_split(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return split(r, self, args, false, out);
}

static evoke_status text_rsplit(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return split(r, self, args, true, out);
}

static evoke_status text_splitlines(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    EVK_TRY(evk_split_lines(r, self->s, evk_arg_bool(&args->v[0], false), out));
    mark_parts(self, out);
    return EVOKE_OK;
}

/* (before, by, after); where it is not found the whole stands first, or last from the right. */
static evoke_status partition(evk_render *r, const evk_value *self, const evk_args *args, bool from_right,
                              evk_value *out)
{
    evk_string by, parts[3] = {0};
    evk_list *s = NULL;
    EVK_TRY(evk_arg_string(r, &args->v[0], NULL, &by));
    if (by.n == 0)
        return evk_render_fail(r, EVOKE_EFORMAT, "a text cannot be split at an empty one");
    EVK_TRY(evk_render_spend(r, self->s.n / 64 + (from_right ? (self->s.n / 64) * (by.n / 64) : 0)));
    const size_t at = from_right ? evk_string_find_last(self->s, by) : evk_string_find(self->s, by, 0);
    if (at == SIZE_MAX) {
        parts[from_right ? 2 : 0] = self->s;
    } else {
        parts[0] = evk_string_part(self->s, 0, at);
        parts[1] = by;
        parts[2] = evk_string_part(self->s, at + by.n, self->s.n);
    }
    EVK_TRY(evk_list_new(r, EVK_TUPLE, 3, &s));
    for (size_t i = 0; i < 3; i++)
        EVK_TRY(evk_list_add(r, s, evk_text(parts[i])));
    *out = evk_seq(s);
    mark_parts(self, out);
    return EVOKE_OK;
}

static evoke_status text_partition(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return partition(r, self, args, false, out);
}

static evoke_status text_rpartition(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return partition(r, self, args, true, out);
}

static evoke_status text_replace(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    evk_string from, to;
    int64_t most = -1;
    EVK_TRY(evk_arg_string(r, &args->v[0], NULL, &from));
    EVK_TRY(evk_arg_string(r, &args->v[1], NULL, &to));
    EVK_TRY(evk_arg_int(r, &args->v[2], -1, &most));
    *out = *self;
    return evk_replace(r, self->s, from, to, most, &out->s);
}

static evoke_status text_join(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const evk_value *items = NULL;
    size_t n = 0;
    EVK_TRY(evk_iterate(r, &args->v[0], &items, &n));
    return evk_join(r, self->s, items, n, false, out);
}

static evoke_status remove_affix(evk_render *r, const evk_value *self, const evk_args *args, bool end, evk_value *out)
{
    evk_string affix;
    EVK_TRY(evk_arg_string(r, &args->v[0], NULL, &affix));
    *out = *self;
    EVK_TRY(evk_render_spend_bytes(r, affix.n));
    if (affix.n > self->s.n)
        return EVOKE_OK;
    const size_t at = end ? self->s.n - affix.n : 0;
    if (evk_string_compare(evk_string_part(self->s, at, at + affix.n), affix) != 0)
        return EVOKE_OK;
    out->s = end ? evk_string_part(self->s, 0, at) : evk_string_part(self->s, affix.n, self->s.n);
    return EVOKE_OK;
}

static evoke_status text_removeprefix(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return remove_affix(r, self, args, false, out);
}

static evoke_status text_removesuffix(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return remove_affix(r, self, args, true, out);
}

/* ---- to a width ---- */
static evoke_status fill(evk_render *r, evk_string with, int64_t n, evk_string *out)
{
    const evk_value one = evk_text(with), times = evk_int(n);
    evk_value all;
    EVK_TRY(evk_binary(r, EVK_OP_MUL, &one, &times, &all));
    *out = all.s;
    return EVOKE_OK;
}

static evoke_status justify(evk_render *r, const evk_value *self, const evk_args *args, int side, evk_value *out)
{
    evk_string with, left, right;
    int64_t width = 0;
    EVK_TRY(evk_arg_int(r, &args->v[0], 0, &width));
    EVK_TRY(evk_arg_string(r, &args->v[1], " ", &with));
    EVK_TRY(evk_render_spend_bytes(r, self->s.n + with.n));
    if (evk_string_length(with) != 1)
        return evk_render_fail(r, EVOKE_EFORMAT, "what fills a text up is one character");
    const int64_t length = (int64_t)evk_string_length(self->s), pad = width > length ? width - length : 0;
    const int64_t before = side < 0 ? 0 : side > 0 ? pad : pad / 2 + (pad & width & 1);
    EVK_TRY(fill(r, with, before, &left));
    EVK_TRY(fill(r, with, pad - before, &right));
    *out = *self;
    EVK_TRY(evk_string_add(r, left, self->s, &out->s));
    return evk_string_add(r, out->s, right, &out->s);
}

static evoke_status text_ljust(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return justify(r, self, args, -1, out);
}

static evoke_status text_center(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return justify(r, self, args, 0, out);
}

static evoke_status text_rjust(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return justify(r, self, args, 1, out);
}

/* Zeros behind the sign. */
static evoke_status text_zfill(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const evk_string s = self->s;
    const size_t sign = s.n > 0 && (s.data[0] == '-' || s.data[0] == '+') ? 1 : 0;
    int64_t width = 0;
    evk_string zeros;
    EVK_TRY(evk_arg_int(r, &args->v[0], 0, &width));
    EVK_TRY(evk_render_spend_bytes(r, s.n));
    const int64_t length = (int64_t)evk_string_length(s);
    EVK_TRY(fill(r, evk_string_of("0"), width > length ? width - length : 0, &zeros));
    *out = *self;
    EVK_TRY(evk_string_add(r, evk_string_part(s, 0, sign), zeros, &out->s));
    return evk_string_add(r, out->s, evk_string_part(s, sign, s.n), &out->s);
}

static evoke_status text_format(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return evk_format_fields(r, self, args, NULL, out);
}

static evoke_status text_format_map(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const evk_args none = {0};
    return evk_format_fields(r, self, &none, &args->v[0], out);
}

static evoke_status text_expandtabs(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    int64_t size = 8, column = 0;
    evk_bytes *b = NULL;
    EVK_TRY(evk_arg_int(r, &args->v[0], 8, &size));
    EVK_TRY(evk_bytes_new(r, 0, &b));
    for (size_t i = 0, length = 0; i < self->s.n; i += length, column++) {
        length = evk_string_offset(evk_string_part(self->s, i, self->s.n), 1);
        const char c = self->s.data[i];
        const int64_t n = c != '\t' ? 0 : size > 0 ? size - column % size : 0;
        evk_string blanks = {0};
        EVK_TRY(evk_render_spend(r, 1));
        if (c == '\t')
            EVK_TRY(fill(r, evk_string_of(" "), n, &blanks));
        EVK_TRY(evk_bytes_add_string(r, b, c == '\t' ? blanks : evk_string_part(self->s, i, i + length)));
        column = c == '\n' || c == '\r' ? -1 : c == '\t' ? column + n - 1 : column;
    }
    *out = evk_text(evk_bytes_view(b));
    return EVOKE_OK;
}

static const evk_builtin text_methods[] = {
    { "capitalize",   text_capitalize,   0, { NULL } },
    { "center",       text_center,       1, { "width", "fillchar" } },
    { "expandtabs",   text_expandtabs,   0, { "tabsize" } },
    { "format",       text_format,       0, { "*" } },
    { "format_map",   text_format_map,   1, { "mapping" } },
    { "join",         text_join,         1, { "iterable" } },
    { "ljust",        text_ljust,        1, { "width", "fillchar" } },
    { "lower",        text_lower,        0, { NULL } },
    { "lstrip",       text_lstrip,       0, { "chars" } },
    { "partition",    text_partition,    1, { "sep" } },
    { "removeprefix", text_removeprefix, 1, { "prefix" } },
    { "removesuffix", text_removesuffix, 1, { "suffix" } },
    { "replace",      text_replace,      2, { "old", "new", "count" } },
    { "rjust",        text_rjust,        1, { "width", "fillchar" } },
    { "rpartition",   text_rpartition,   1, { "sep" } },
    { "rsplit",       text_rsplit,       0, { "sep", "maxsplit" } },
    { "rstrip",       text_rstrip,       0, { "chars" } },
    { "split",        text_split,        0, { "sep", "maxsplit" } },
    { "splitlines",   text_splitlines,   0, { "keepends" } },
    { "strip",        text_strip,        0, { "chars" } },
    { "swapcase",     text_swapcase,     0, { NULL } },
    { "title",        text_title,        0, { NULL } },
    { "upper",        text_upper,        0, { NULL } },
    { "zfill",        text_zfill,        1, { "width" } },
};

const evk_builtin *evk_text_method_find(evk_string name)
{
    return evk_builtin_find(text_methods, sizeof text_methods / sizeof *text_methods, name);
}
