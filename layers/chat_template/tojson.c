/* layers/chat_template/tojson.c: values as JSON, as Python's json.dumps writes them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "layers/chat_template/render.h"

typedef struct writer { evk_render *r; evk_bytes *out; const evk_json_style *style; } writer;

static evoke_status write_value(const writer *w, const evk_value *v, size_t level);

static evoke_status write_text(const writer *w, const char *text)
{
    return evk_bytes_add(w->r, w->out, text, strlen(text));
}

/* ---- strings: what need not be escaped keeps its origins ---- */
static evoke_status write_escape(const writer *w, int32_t code)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    char text[16];
    const char *short_form = code > 0 && code < 0x80 ? strchr(from, (char)code) : NULL;
    if (short_form)
        snprintf(text, sizeof text, "\\%c", to[short_form - from]);
    else if (code < 0x10000)
        snprintf(text, sizeof text, "\\u%04x", (unsigned)code);
    else
        snprintf(text, sizeof text, "\\u%04x\\u%04x", 0xd800u + (((unsigned)code - 0x10000u) >> 10),
                 0xdc00u + (((unsigned)code - 0x10000u) & 0x3ffu));
    return write_text(w, text);
}

static evoke_status write_string(const writer *w, evk_string s)
{
    size_t kept = 0;
    EVK_TRY(evk_render_spend_characters(w->r, s.n));
    EVK_TRY(write_text(w, "\""));
    for (size_t i = 0, length = 0; i < s.n; i += length) {
        int32_t code = 0;
        length = evk_utf8_next(s.data + i, s.n - i, &code);
        if (!length)
            length = 1;
        if (code >= 0x20 && code != '"' && code != '\\' && (code < 0x7f || !w->style->ascii))
            continue;
        EVK_TRY(evk_bytes_add_string(w->r, w->out, evk_string_part(s, kept, i)));
        EVK_TRY(write_escape(w, code));
        kept = i + length;
    }
    EVK_TRY(evk_bytes_add_string(w->r, w->out, evk_string_part(s, kept, s.n)));
    return write_text(w, "\"");
}

/* ---- numbers ---- */
static void number_text(const evk_value *v, char text[EVK_FLOAT_TEXT])
{
    if (v->kind == EVK_V_FLOAT && isinf(v->f))
        snprintf(text, EVK_FLOAT_TEXT, "%sInfinity", v->f < 0 ? "-" : "");
    else if (v->kind == EVK_V_FLOAT && isnan(v->f))
        snprintf(text, EVK_FLOAT_TEXT, "NaN");
    else if (v->kind == EVK_V_FLOAT)
        evk_float_text(v->f, text);
    else
        snprintf(text, EVK_FLOAT_TEXT, "%lld", (long long)v->i);
}

/* ---- lists and dicts ---- */
static evoke_status new_line(const writer *w, size_t level)
{
    if (!w->style->indented)
        return EVOKE_OK;
    EVK_TRY(write_text(w, "\n"));
    for (size_t i = 0; i < level; i++)
        EVK_TRY(evk_bytes_add_string(w->r, w->out, w->style->indent));
    return EVOKE_OK;
}

static evoke_status begin_item(const writer *w, size_t i, size_t level)
{
    if (i > 0)
        EVK_TRY(evk_bytes_add_string(w->r, w->out, w->style->item));
    return new_line(w, level);
}

static evoke_status write_list(const writer *w, const evk_list *s, size_t level)
{
    if (s->flavor != EVK_LIST && s->flavor != EVK_TUPLE)
        return evk_render_fail(w->r, EVOKE_EFORMAT, "a generator or view is not for JSON: make it a list first");
    if (s->n == 0)
        return write_text(w, "[]");
    EVK_TRY(write_text(w, "["));
    for (size_t i = 0; i < s->n; i++) {
        EVK_TRY(begin_item(w, i, level + 1));
        EVK_TRY(write_value(w, &s->items[i], level + 1));
    }
    EVK_TRY(new_line(w, level));
    return write_text(w, "]");
}

static evoke_status write_key(const writer *w, const evk_value *key)
{
    char text[EVK_FLOAT_TEXT];
    if (evk_is_string(key))
        return write_string(w, key->s);
    if (key->kind == EVK_V_NONE || key->kind == EVK_V_BOOL)
        return write_text(w, key->kind == EVK_V_NONE ? "\"null\"" : key->b ? "\"true\"" : "\"false\"");
    if (!evk_is_number(key))
        return evk_render_fail(w->r, EVOKE_EFORMAT, "a '%s' is not for a key of JSON", evk_type_name(key));
    number_text(key, text);
    EVK_TRY(write_text(w, "\""));
    EVK_TRY(write_text(w, text));
    return write_text(w, "\"");
}

/* The order of the keys: as they are, or sorted. */
static evoke_status key_order(const writer *w, const evk_dict *d, size_t **order)
{
    EVK_TRY(evk_render_take(w->r, d->n, sizeof **order, order));
    for (size_t i = 0; i < d->n; i++) {
        size_t k = i;
        for (; w->style->sort_keys && k > 0; k--) {
            int c = 0;
            EVK_TRY(evk_compare(w->r, &d->keys[(*order)[k - 1]], &d->keys[i], &c));
            if (c <= 0)
                break;
            (*order)[k] = (*order)[k - 1];
        }
        (*order)[k] = i;
    }
    return EVOKE_OK;
}

static evoke_status write_dict(const writer *w, const evk_dict *d, size_t level)
{
    size_t *order = NULL;
    if (d->n == 0)
        return write_text(w, "{}");
    EVK_TRY(key_order(w, d, &order));
    EVK_TRY(write_text(w, "{"));
    for (size_t i = 0; i < d->n; i++) {
        EVK_TRY(begin_item(w, i, level + 1));
        EVK_TRY(write_key(w, &d->keys[order[i]]));
        EVK_TRY(evk_bytes_add_string(w->r, w->out, w->style->key));
        EVK_TRY(write_value(w, &d->values[order[i]], level + 1));
    }
    EVK_TRY(new_line(w, level));
    return write_text(w, "}");
}

static evoke_status write_inside(const writer *w, const evk_value *v, size_t level)
{
    char text[EVK_FLOAT_TEXT];
    switch (v->kind) {
    case EVK_V_NONE:
        return write_text(w, "null");
    case EVK_V_BOOL:
        return write_text(w, v->b ? "true" : "false");
    case EVK_V_INT: case EVK_V_FLOAT:
        EVK_TRY(evk_render_spend(w->r, v->kind == EVK_V_FLOAT ? EVK_FLOAT_STEPS : 0));
        number_text(v, text);
        return write_text(w, text);
    case EVK_V_STRING:
        return write_string(w, v->s);
    case EVK_V_SEQUENCE:
        return write_list(w, v->seq, level);
    case EVK_V_DICT:
        return write_dict(w, v->dict, level);
    default:
        return evk_render_fail(w->r, EVOKE_EFORMAT, "a value of type '%s' is not for JSON", evk_type_name(v));
    }
}

static evoke_status write_value(const writer *w, const evk_value *v, size_t level)
{
    EVK_TRY(evk_render_spend(w->r, 1));
    EVK_TRY(evk_render_enter(w->r));
    EVK_TRY(write_inside(w, v, level));
    w->r->depth--;
    return EVOKE_OK;
}

evoke_status evk_to_json(evk_render *r, evk_bytes *out, const evk_value *v, const evk_json_style *style)
{
    const writer w = {r, out, style};
    return write_value(&w, v, 0);
}
