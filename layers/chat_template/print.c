/* layers/chat_template/print.c: values as text, str() and repr() of Python. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "layers/chat_template/render.h"
#include "layers/chat_template/unicode.h"

/* Digits and exponent to Python's form: positional from 1e-4 up to 1e16, otherwise d.ddde+XX. */
static void lay_out(const char *digits, int exponent, char text[EVK_FLOAT_TEXT])
{
    const int n = (int)strlen(digits);
    if (exponent < -4 || exponent >= 16)
        snprintf(text, EVK_FLOAT_TEXT, "%c%s%se%+03d", digits[0], n > 1 ? "." : "", digits + 1, exponent);
    else if (exponent < 0)
        snprintf(text, EVK_FLOAT_TEXT, "0.%.*s%s", -exponent - 1, "0000", digits);
    else if (n <= exponent + 1)
        snprintf(text, EVK_FLOAT_TEXT, "%s%.*s.0", digits, exponent + 1 - n, "0000000000000000");
    else
        snprintf(text, EVK_FLOAT_TEXT, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
}

void evk_float_text(double f, char text[EVK_FLOAT_TEXT])
{
    if (isnan(f) || isinf(f)) {
        snprintf(text, EVK_FLOAT_TEXT, "%s", isnan(f) ? "nan" : f < 0 ? "-inf" : "inf");
        return;
    }
    char shortest[EVK_FLOAT_TEXT];
    for (int precision = 0; precision < 17; precision++) {
        snprintf(shortest, sizeof shortest, "%.*e", precision, fabs(f));
        if (strtod(shortest, NULL) == fabs(f))
            break;
    }
    char digits[20];
    size_t n = 0;
    const char *e = strchr(shortest, 'e');
    for (const char *c = shortest; c < e; c++)
        if (*c >= '0' && *c <= '9')
            digits[n++] = *c;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = 0;
    text[0] = '-';
    lay_out(digits, atoi(e + 1), text + signbit(f));
}

static evoke_status add_text(evk_render *r, evk_bytes *out, const char *text)
{
    return evk_bytes_add(r, out, text, strlen(text));
}

/* ---- repr of a string: 'text', or "text" where it holds ' and no " ---- */
static evoke_status add_escaped(evk_render *r, evk_bytes *out, int32_t code)
{
    char text[16];
    if (code == '\n' || code == '\r' || code == '\t')
        snprintf(text, sizeof text, "\\%c", code == '\n' ? 'n' : code == '\r' ? 'r' : 't');
    else if (code < 0x100)
        snprintf(text, sizeof text, "\\x%02x", (unsigned)code);
    else
        snprintf(text, sizeof text, code < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)code);
    return add_text(r, out, text);
}

static evoke_status repr_string(evk_render *r, evk_bytes *out, evk_string s)
{
    const bool doubled = s.n && memchr(s.data, '\'', s.n) && !memchr(s.data, '"', s.n);
    const char quote[2] = {doubled ? '"' : '\'', 0};
    size_t kept = 0;            /* what is not written yet begins here */
    EVK_TRY(evk_render_spend_characters(r, s.n));
    EVK_TRY(add_text(r, out, quote));
    for (size_t i = 0, length = 0; i < s.n; i += length) {
        int32_t code = 0;
        length = evk_utf8_next(s.data + i, s.n - i, &code);
        const bool backslash = code == '\\' || code == quote[0];
        if (length && !backslash && evk_char_is_printable(code))
            continue;
        if (!length)
            length = 1;
        EVK_TRY(evk_bytes_add_string(r, out, evk_string_part(s, kept, i)));
        if (backslash)
            EVK_TRY(add_text(r, out, "\\"));
        else
            EVK_TRY(add_escaped(r, out, code));
        kept = backslash ? i : i + length;
    }
    EVK_TRY(evk_bytes_add_string(r, out, evk_string_part(s, kept, s.n)));
    return add_text(r, out, quote);
}

/* ---- repr of the others ---- */
static evoke_status repr_items(evk_render *r, evk_bytes *out, const evk_list *s, const char *begin, const char *end)
{
    EVK_TRY(add_text(r, out, begin));
    for (size_t i = 0; i < s->n; i++) {
        if (i > 0)
            EVK_TRY(add_text(r, out, ", "));
        EVK_TRY(evk_repr(r, out, &s->items[i]));
    }
    return add_text(r, out, end);
}

static evoke_status repr_sequence(evk_render *r, evk_bytes *out, const evk_list *s)
{
    char text[100];
    switch (s->flavor) {
    case EVK_LIST:
        return repr_items(r, out, s, "[", "]");
    case EVK_TUPLE:
        return repr_items(r, out, s, "(", s->n == 1 ? ",)" : ")");
    case EVK_KEYS:
        return repr_items(r, out, s, "dict_keys([", "])");
    case EVK_VALUES:
        return repr_items(r, out, s, "dict_values([", "])");
    case EVK_ITEMS:
        return repr_items(r, out, s, "dict_items([", "])");
    case EVK_RANGE:
        if (s->range[2] == 1)
            snprintf(text, sizeof text, "range(%lld, %lld)", (long long)s->range[0], (long long)s->range[1]);
        else
            snprintf(text, sizeof text, "range(%lld, %lld, %lld)", (long long)s->range[0], (long long)s->range[1],
                     (long long)s->range[2]);
        return add_text(r, out, text);
    default:
        return evk_render_fail(r, EVOKE_EUNSUPPORTED, "a generator cannot be printed: make it a list first");
    }
}

static evoke_status repr_dict(evk_render *r, evk_bytes *out, const evk_dict *d)
{
    EVK_TRY(add_text(r, out, "{"));
    for (size_t i = 0; i < d->n; i++) {
        if (i > 0)
            EVK_TRY(add_text(r, out, ", "));
        EVK_TRY(evk_repr(r, out, &d->keys[i]));
        EVK_TRY(add_text(r, out, ": "));
        EVK_TRY(evk_repr(r, out, &d->values[i]));
    }
    return add_text(r, out, "}");
}

static evoke_status repr_macro(evk_render *r, evk_bytes *out, const evk_macro *m)
{
    if (m->node->kind == EVK_N_CALL_BLOCK)
        return add_text(r, out, "<Macro anonymous>");
    EVK_TRY(add_text(r, out, "<Macro "));
    EVK_TRY(repr_string(r, out, m->node->value.s));
    return add_text(r, out, ">");
}

static evoke_status repr_inside(evk_render *r, evk_bytes *out, const evk_value *v)
{
    char text[EVK_FLOAT_TEXT];
    switch (v->kind) {
    case EVK_V_UNDEFINED:
        return add_text(r, out, "Undefined");
    case EVK_V_NONE:
        return add_text(r, out, "None");
    case EVK_V_BOOL:
        return add_text(r, out, v->b ? "True" : "False");
    case EVK_V_INT:
        snprintf(text, sizeof text, "%lld", (long long)v->i);
        return add_text(r, out, text);
    case EVK_V_FLOAT:
        EVK_TRY(evk_render_spend(r, EVK_FLOAT_STEPS));
        evk_float_text(v->f, text);
        return add_text(r, out, text);
    case EVK_V_STRING:
        EVK_TRY(add_text(r, out, v->markup ? "Markup(" : ""));
        EVK_TRY(repr_string(r, out, v->s));
        return add_text(r, out, v->markup ? ")" : "");
    case EVK_V_SEQUENCE:
        return repr_sequence(r, out, v->seq);
    case EVK_V_DICT:
        return repr_dict(r, out, v->dict);
    case EVK_V_NAMESPACE:
        EVK_TRY(add_text(r, out, "<Namespace "));
        EVK_TRY(repr_dict(r, out, v->dict));
        return add_text(r, out, ">");
    case EVK_V_LOOP: {
        int64_t n = 0;
        EVK_TRY(evk_value_length(r, v, &n));
        snprintf(text, sizeof text, "<LoopContext %zu/%lld>", v->loop->index + 1, (long long)n);
        return add_text(r, out, text);
    }
    case EVK_V_MACRO:
        return repr_macro(r, out, v->macro);
    default:
        return evk_render_fail(r, EVOKE_EUNSUPPORTED, "a '%s' cannot be printed", evk_type_name(v));
    }
}

evoke_status evk_repr(evk_render *r, evk_bytes *out, const evk_value *v)
{
    EVK_TRY(evk_render_spend(r, 1));
    EVK_TRY(evk_render_enter(r));
    EVK_TRY(repr_inside(r, out, v));
    r->depth--;
    return EVOKE_OK;
}

evoke_status evk_print(evk_render *r, evk_bytes *out, const evk_value *v)
{
    if (evk_is_string(v))
        return evk_bytes_add_string(r, out, v->s);
    return v->kind == EVK_V_UNDEFINED ? EVOKE_OK : evk_repr(r, out, v);
}

evoke_status evk_to_string(evk_render *r, const evk_value *v, evk_string *out)
{
    evk_bytes *b = NULL;
    if (evk_is_string(v)) {
        *out = v->s;
        return EVOKE_OK;
    }
    EVK_TRY(evk_bytes_new(r, 0, &b));
    EVK_TRY(evk_print(r, b, v));
    *out = evk_bytes_view(b);
    return EVOKE_OK;
}
