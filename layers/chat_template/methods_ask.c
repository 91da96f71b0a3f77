/* layers/chat_template/methods_ask.c: methods of a text that answer: where, how often, whether. Python's str. */
#include "core/text.h"
#include "layers/chat_template/methods.h"
#include "layers/chat_template/unicode.h"

/* ---- the part between two optional places, counted in characters ---- */
typedef struct window { evk_string s; int64_t before; bool empty; } window;     /* before: characters before it */

static evoke_status open_window(evk_render *r, const evk_value *self, const evk_value *from, const evk_value *to,
                                window *out)
{
    const int64_t n = (int64_t)evk_string_length(self->s);
    int64_t start = 0, stop = n;
    EVK_TRY(evk_render_spend_bytes(r, self->s.n));
    EVK_TRY(evk_arg_int(r, from, 0, &start));
    EVK_TRY(evk_arg_int(r, to, n, &stop));
    start = start < 0 ? start + n : start;
    stop = stop < 0 ? stop + n : stop;
    start = start < 0 ? 0 : start;
    stop = stop < 0 ? 0 : stop > n ? n : stop;
    *out = (window){.before = start, .empty = start > stop};
    if (out->empty)
        return EVOKE_OK;
    const size_t begin = evk_string_offset(self->s, (size_t)start), end = evk_string_offset(self->s, (size_t)stop);
    out->s = evk_string_part(self->s, begin, end);
    return EVOKE_OK;
}

static evoke_status find(evk_render *r, const evk_value *self, const evk_args *args, bool last, bool must,
                         evk_value *out)
{
    evk_string part;
    window w;
    EVK_TRY(evk_arg_string(r, &args->v[0], NULL, &part));
    EVK_TRY(open_window(r, self, &args->v[1], &args->v[2], &w));
    EVK_TRY(evk_render_spend(r, last ? (w.s.n / 64) * (part.n / 64) : w.s.n / 32));
    const size_t at = w.empty ? SIZE_MAX : last ? evk_string_find_last(w.s, part) : evk_string_find(w.s, part, 0);
    if (at == SIZE_MAX && must)
        return evk_render_fail(r, EVOKE_EFORMAT, "index: the text is not found");
    *out = evk_int(at == SIZE_MAX ? -1 : w.before + (int64_t)evk_string_length(evk_string_part(w.s, 0, at)));
    return EVOKE_OK;
}

static evoke_status text_find(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return find(r, self, args, false, false, out);
}

static evoke_status text_rfind(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return find(r, self, args, true, false, out);
}

static evoke_status text_index(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return find(r, self, args, false, true, out);
}

static evoke_status text_rindex(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return find(r, self, args, true, true, out);
}

static evoke_status text_count(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    evk_string part;
    window w;
    int64_t n = 0;
    EVK_TRY(evk_arg_string(r, &args->v[0], NULL, &part));
    EVK_TRY(open_window(r, self, &args->v[1], &args->v[2], &w));
    EVK_TRY(evk_render_spend(r, w.s.n / 2));
    if (part.n == 0 && !w.empty)
        n = (int64_t)evk_string_length(w.s) + 1;
    for (size_t at = 0; part.n > 0 && (at = evk_string_find(w.s, part, at)) != SIZE_MAX; at += part.n)
        n++;
    *out = evk_int(n);
    return EVOKE_OK;
}

/* ---- startswith, endswith: of a text, or of any of a tuple's ---- */
static bool has_affix(evk_string s, evk_string affix, bool end)
{
    if (affix.n > s.n)
        return false;
    const size_t at = end ? s.n - affix.n : 0;
    return evk_string_compare(evk_string_part(s, at, at + affix.n), affix) == 0;
}

static evoke_status affix(evk_render *r, const evk_value *self, const evk_args *args, bool end, evk_value *out)
{
    const evk_value *wanted = &args->v[0], *all = wanted;
    size_t n = 1;
    window w;
    bool has = false;
    EVK_TRY(open_window(r, self, &args->v[1], &args->v[2], &w));
    if (evk_is_seq(wanted, EVK_TUPLE)) {
        all = wanted->seq->items;
        n = wanted->seq->n;
    }
    for (size_t i = 0; i < n && !has; i++) {
        evk_string one;
        EVK_TRY(evk_arg_string(r, &all[i], NULL, &one));
        EVK_TRY(evk_render_spend_bytes(r, one.n));
        has = !w.empty && has_affix(w.s, one, end);
    }
    *out = evk_bool(has);
    return EVOKE_OK;
}

static evoke_status text_startswith(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return affix(r, self, args, false, out);
}

static evoke_status text_endswith(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return affix(r, self, args, true, out);
}

/* ---- what all characters are ---- */
static bool is_alphanumeric(int32_t c)
{
    return c != '_' && evk_char_is_word(c) && !evk_char_is_mark(c);
}

static bool is_ascii(int32_t c)
{
    return c < 0x80;
}

static evoke_status all_are(evk_render *r, const evk_value *self, bool (*is)(int32_t), bool if_empty, evk_value *out)
{
    bool all = true;
    EVK_TRY(evk_render_spend_characters(r, self->s.n));
    for (size_t i = 0, length = 0; i < self->s.n && all; i += length) {
        int32_t code = 0;
        length = evk_utf8_next(self->s.data + i, self->s.n - i, &code);
        if (!length)
            break;
        all = is(code);
    }
    *out = evk_bool(self->s.n ? all : if_empty);
    return EVOKE_OK;
}

#define ALL_ARE(name, is, if_empty)                                                                                \
    static evoke_status name(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)              \
    {                                                                                                              \
        (void)args;                                                                                                \
        return all_are(r, self, is, if_empty, out);                                                                \
    }

ALL_ARE(text_isdigit, evk_char_is_digit, false)
ALL_ARE(text_isdecimal, evk_char_is_decimal, false)
ALL_ARE(text_isnumeric, evk_char_is_numeric, false)
ALL_ARE(text_isalpha, evk_char_is_alpha, false)
ALL_ARE(text_isalnum, is_alphanumeric, false)
ALL_ARE(text_isspace, evk_char_is_space, false)
ALL_ARE(text_isascii, is_ascii, true)
ALL_ARE(text_isprintable, evk_char_is_printable, true)

static evoke_status has_case(evk_render *r, const evk_value *self, const char *test, evk_value *out)
{
    const evk_args none = {0};
    return evk_call_builtin(r, evk_test_find(evk_string_of(test)), self, &none, out);
}

static evoke_status text_islower(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    return has_case(r, self, "lower", out);
}

static evoke_status text_isupper(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    return has_case(r, self, "upper", out);
}

/* Capitals begin words and stand nowhere else. */
static evoke_status text_istitle(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    evk_string title, lower;
    EVK_TRY(evk_recase(r, self->s, EVK_CASING_TITLE, &title));
    EVK_TRY(evk_recase(r, self->s, EVK_CASING_LOWER, &lower));
    const bool is_title = evk_string_compare(title, self->s) == 0;
    *out = evk_bool(is_title && evk_string_compare(lower, self->s) != 0);
    return EVOKE_OK;
}

static const evk_builtin questions[] = {
    { "count",       text_count,       1, { "sub", "start", "end" } },
    { "endswith",    text_endswith,    1, { "suffix", "start", "end" } },
    { "find",        text_find,        1, { "sub", "start", "end" } },
    { "index",       text_index,       1, { "sub", "start", "end" } },
    { "isalnum",     text_isalnum,     0, { NULL } },
    { "isalpha",     text_isalpha,     0, { NULL } },
    { "isascii",     text_isascii,     0, { NULL } },
    { "isdecimal",   text_isdecimal,   0, { NULL } },
    { "isdigit",     text_isdigit,     0, { NULL } },
    { "islower",     text_islower,     0, { NULL } },
    { "isnumeric",   text_isnumeric,   0, { NULL } },
    { "isprintable", text_isprintable, 0, { NULL } },
    { "isspace",     text_isspace,     0, { NULL } },
    { "istitle",     text_istitle,     0, { NULL } },
    { "isupper",     text_isupper,     0, { NULL } },
    { "rfind",       text_rfind,       1, { "sub", "start", "end" } },
    { "rindex",      text_rindex,      1, { "sub", "start", "end" } },
    { "startswith",  text_startswith,  1, { "prefix", "start", "end" } },
};

const evk_builtin *evk_text_question_find(evk_string name)
{
    return evk_builtin_find(questions, sizeof questions / sizeof *questions, name);
}
