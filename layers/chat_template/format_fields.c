/* layers/chat_template/format_fields.c: str.format and str.format_map.
 *
 *     "{" [argument {.name | [key]}] ["!" r|s|a] [":" spec] "}"      "{{" and "}}" are braces; a spec may hold fields itself
 *
 * Source: Python's library reference, "Format String Syntax". Attributes are looked up as everywhere in a template. */
#include "layers/chat_template/format.h"

#include <string.h>

#include "core/text.h"

typedef struct run {
    evk_render *r;
    const evk_args *args;
    const evk_value *mapping;       /* of format_map */
    size_t automatic;               /* fields without a number so far */
    bool numbered, markup;
} run;

static evoke_status bad(const run *p, const char *why)
{
    return evk_render_fail(p->r, EVOKE_EFORMAT, "format: %s", why);
}

static evoke_status expand(run *p, evk_string format, size_t depth, evk_bytes *out);

/* ---- what a field names ---- */
/* A run of digits; false: something else, or nothing. */
static bool natural(evk_string s, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.data[i] < '0' || s.data[i] > '9' || i > 9)
            return false;
        *out = *out * 10 + (s.data[i] - '0');
    }
    return s.n > 0;
}

static evoke_status named_value(run *p, evk_string name, evk_value *out)
{
    const evk_value key = evk_text(name), *found = NULL;
    if (p->mapping)
        EVK_TRY(evk_dict_get(p->r, p->mapping->dict, &key, &found));
    for (size_t i = 0; i < p->args->n_named && !found; i++)
        if (p->args->names[i].n == name.n && evk_string_compare(p->args->names[i], name) == 0)
            found = &p->args->named[i];
    if (!found)
        return evk_render_fail(p->r, EVOKE_EFORMAT, "format: there is no value '%.*s'", (int)(name.n < 100 ? name.n : 100),
                               name.data);
    *out = *found;
    return EVOKE_OK;
}

static evoke_status first_value(run *p, evk_string name, evk_value *out)
{
    int64_t i = 0;
    const bool number = natural(name, &i), automatic = name.n == 0;
    if (!number && !automatic)
        return named_value(p, name, out);
    if (number ? p->automatic > 0 : p->numbered)
        return bad(p, "fields with and without numbers");
    p->numbered |= number;
    const size_t index = automatic ? p->automatic++ : (size_t)i;
    if (index >= p->args->n)
        return bad(p, "there are fewer values than the format wants");
    *out = p->args->v[index];
    return EVOKE_OK;
}

/* argument{.name | [key]} */
static evoke_status field_value(run *p, evk_string field, evk_value *out)
{
    size_t at = 0;
    while (at < field.n && field.data[at] != '.' && field.data[at] != '[')
        at++;
    EVK_TRY(first_value(p, evk_string_part(field, 0, at), out));
    while (at < field.n) {
        const bool attribute = field.data[at] == '.';
        const evk_value from = *out;
        size_t end = at + 1;
        if (!attribute && field.data[at] != '[')
            return bad(p, "only '.' or '[' may follow ']'");
        while (end < field.n && (attribute ? field.data[end] != '.' && field.data[end] != '[' : field.data[end] != ']'))
            end++;
        const evk_string name = evk_string_part(field, at + 1, end);
        if (name.n == 0 || (!attribute && end == field.n))
            return bad(p, "an empty attribute, or a ']' that is missing");
        int64_t i = 0;
        const evk_value key = natural(name, &i) ? evk_int(i) : evk_text(name);
        EVK_TRY(attribute ? evk_attribute(p->r, &from, name, out) : evk_item(p->r, &from, &key, out));
        at = end + !attribute;
    }
    return EVOKE_OK;
}

/* ---- how it is written ---- */
static evoke_status spec_number(const run *p, evk_string s, size_t *at, int64_t *out)
{
    for (*out = -1; *at < s.n && s.data[*at] >= '0' && s.data[*at] <= '9'; ++*at) {
        *out = (*out < 0 ? 0 : *out) * 10 + (s.data[*at] - '0');
        if (*out > EVK_MAX_TEXT)
            return bad(p, "a width or precision is too large");
    }
    return EVOKE_OK;
}

static bool take_one_of(evk_string s, size_t *at, const char *set, char *out)
{
    const bool found = *at < s.n && s.data[*at] && strchr(set, s.data[*at]);
    if (found)
        *out = s.data[(*at)++];
    return found;
}

static evoke_status parse_spec(const run *p, evk_string s, evk_spec *out)
{
    const size_t first = s.n ? evk_string_offset(s, 1) : 0;
    size_t at = 0;
    char mark = 0;
    *out = (evk_spec){.precision = -1};
    if (first && first < s.n && strchr("<>^=", s.data[first])) {
        out->fill = evk_string_part(s, 0, first);
        at = first;
    }
    take_one_of(s, &at, "<>^=", &out->align);
    take_one_of(s, &at, "-+ ", &out->sign);
    out->sign = out->sign == '-' ? 0 : out->sign;
    out->alternate = take_one_of(s, &at, "#", &mark);
    if (at < s.n && s.data[at] == '0') {
        out->fill = out->fill.n ? out->fill : evk_string_of("0");
        mark = '0';
    }
    EVK_TRY(spec_number(p, s, &at, &out->width));
    if (mark == '0' && !out->align)
        out->align = '0';                                   /* '=' of a number, '<' of a text */
    take_one_of(s, &at, ",_", &out->group);
    if (at < s.n && s.data[at] == '.') {
        at++;
        EVK_TRY(spec_number(p, s, &at, &out->precision));
        if (out->precision < 0)
            return bad(p, "a precision is missing");
    }
    if (at < s.n)
        out->type = s.data[at++];
    return at == s.n ? EVOKE_OK : bad(p, "a specification that is not known");
}

static evoke_status put_number(run *p, const evk_value *v, evk_spec *spec, evk_bytes *out)
{
    const bool floats = spec->type && strchr("eEfFgG%", spec->type), general = spec->type == 'n' || !spec->type;
    if (spec->align == '0')
        spec->align = '=';
    if (floats || (general && v->kind == EVK_V_FLOAT))
        return evk_format_float(p->r, out, evk_as_float(v), spec);
    if (v->kind == EVK_V_FLOAT || spec->precision >= 0 || (!general && !strchr("bcdoxX", spec->type)) ||
        (spec->group == ',' && !general && spec->type != 'd') || (spec->group && (spec->type == 'c' || spec->type == 'n')) ||
        (spec->type == 'c' && spec->sign))
        return bad(p, "a specification that is not for this number");
    if (spec->type == 'c' && !spec->align)
        spec->align = '<';
    return evk_format_int(p->r, out, evk_as_int(v), spec);
}

static evoke_status put_value(run *p, const evk_value *v, evk_string text, evk_bytes *out)
{
    evk_spec spec;
    evk_string s;
    if (text.n == 0 || (!evk_is_string(v) && !evk_is_number(v))) {
        if (text.n)
            return evk_render_fail(p->r, EVOKE_EFORMAT, "format: '%s' takes no specification", evk_type_name(v));
        EVK_TRY(evk_to_string(p->r, v, &s));
        return evk_bytes_add_string(p->r, out, s);
    }
    EVK_TRY(parse_spec(p, text, &spec));
    if (evk_is_number(v))
        return put_number(p, v, &spec, out);
    if (spec.align == '0')
        spec.align = '<';
    if ((spec.type && spec.type != 's') || spec.sign || spec.alternate || spec.group || spec.align == '=')
        return bad(p, "a specification that is not for texts");
    return evk_format_text(p->r, out, v->s, &spec);
}

static evoke_status convert(run *p, char how, evk_value *v)
{
    evk_bytes *b = NULL;
    evk_value text = evk_text((evk_string){0});
    if (how == 's') {
        EVK_TRY(evk_to_string(p->r, v, &text.s));
    } else if (how == 'a') {
        EVK_TRY(evk_ascii(p->r, v, &text.s));
    } else if (how == 'r') {
        EVK_TRY(evk_bytes_new(p->r, 0, &b));
        EVK_TRY(evk_repr(p->r, b, v));
        text.s = evk_bytes_view(b);
    } else {
        return bad(p, "a conversion that is not r, s or a");
    }
    *v = text;
    return EVOKE_OK;
}

/* The inside of one pair of braces. */
static evoke_status put_field(run *p, evk_string inside, size_t depth, evk_bytes *out)
{
    size_t end = 0, open = 0;                       /* of the name: "[" may hold ":" and "!" */
    while (end < inside.n && (open || (inside.data[end] != ':' && inside.data[end] != '!'))) {
        open += inside.data[end] == '[';
        open -= open && inside.data[end] == ']';
        end++;
    }
    evk_value v;
    evk_bytes *spec = NULL, *text = NULL;
    evk_string written;
    EVK_TRY(field_value(p, evk_string_part(inside, 0, end), &v));
    if (end < inside.n && inside.data[end] == '!') {
        const char how = end + 1 < inside.n ? inside.data[end + 1] : 0;
        EVK_TRY(convert(p, how, &v));
        end += 2;
        if (end < inside.n && inside.data[end] != ':')
            return bad(p, "':' is missing behind a conversion");
    }
    EVK_TRY(evk_bytes_new(p->r, 0, &spec));
    EVK_TRY(evk_bytes_new(p->r, 0, &text));
    EVK_TRY(expand(p, evk_string_part(inside, end < inside.n ? end + 1 : inside.n, inside.n), depth + 1, spec));
    EVK_TRY(put_value(p, &v, evk_bytes_view(spec), text));
    written = evk_bytes_view(text);
    if (p->markup && !(evk_is_string(&v) && v.markup))
        EVK_TRY(evk_escape(p->r, written, &written));
    return evk_bytes_add_string(p->r, out, written);
}

static evoke_status expand(run *p, evk_string format, size_t depth, evk_bytes *out)
{
    if (depth > 2)
        return bad(p, "fields are nested too deeply");
    for (size_t at = 0; at < format.n;) {
        size_t end = at;
        while (end < format.n && format.data[end] != '{' && format.data[end] != '}')
            end++;
        EVK_TRY(evk_bytes_add_string(p->r, out, evk_string_part(format, at, end)));
        at = end + 1;
        if (end == format.n)
            break;
        const char brace = format.data[end];
        if (at < format.n && format.data[at] == brace && depth == 0) {
            EVK_TRY(evk_bytes_add(p->r, out, &brace, 1));
            at++;
            continue;
        }
        if (brace == '}')
            return bad(p, "a single '}'");
        size_t open = 1;
        for (end = at; end < format.n && open; end++)
            open += (format.data[end] == '{') - (size_t)(format.data[end] == '}');
        if (open)
            return bad(p, "a '{' is not closed");
        EVK_TRY(evk_render_spend(p->r, 1 + (end - at) / 16));
        EVK_TRY(put_field(p, evk_string_part(format, at, end - 1), depth, out));
        at = end;
    }
    return EVOKE_OK;
}

evoke_status evk_format_fields(evk_render *r, const evk_value *format, const evk_args *args, const evk_value *mapping,
                               evk_value *out)
{
    run p = {.r = r, .args = args, .mapping = mapping, .markup = format->markup};
    evk_bytes *b = NULL;
    if (mapping && mapping->kind != EVK_V_DICT)
        return bad(&p, "format_map wants a dict");
    EVK_TRY(evk_bytes_new(r, 0, &b));
    EVK_TRY(evk_render_spend_bytes(r, format->s.n));
    EVK_TRY(expand(&p, format->s, 0, b));
    *out = evk_text(evk_bytes_view(b));
    out->markup = format->markup;
    return EVOKE_OK;
}
