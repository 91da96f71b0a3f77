/* layers/chat_template/format_percent.c: `'%s is %d' % (a, b)` and the filter format.
 *
 *     %[(key)][flags][width][.precision]type      flags "#0- +"; width and precision may be "*"; types diouxX eEfFgG c r s a %
 *
 * Source: Python's library reference, "printf-style String Formatting". */
#include "layers/chat_template/format.h"

#include <math.h>
#include <string.h>

#include "core/text.h"

typedef struct run {
    evk_render *r;
    evk_string format;
    size_t at;
    const evk_value *args;          /* what stands behind the `%`: a tuple of values, or one */
    bool used;                      /* that one */
    size_t next;                    /* of the tuple */
    bool markup;                    /* the format is: what is put in is escaped */
    evk_bytes *out;
} run;

static evoke_status bad(const run *p, const char *why)
{
    return evk_render_fail(p->r, EVOKE_EFORMAT, "'%%': %s", why);
}

static char peek(const run *p)
{
    return p->at < p->format.n ? p->format.data[p->at] : 0;
}

static bool is_tuple(const evk_value *v)
{
    return evk_is_seq(v, EVK_TUPLE);
}

static evoke_status next_arg(run *p, const evk_value **out)
{
    const bool tuple = is_tuple(p->args);
    if (tuple ? p->next >= p->args->seq->n : p->used)
        return bad(p, "there are fewer values than the format wants");
    *out = tuple ? &p->args->seq->items[p->next++] : p->args;
    p->used = true;
    return EVOKE_OK;
}

/* "(key)" */
static evoke_status keyed_arg(run *p, const evk_value **out)
{
    const size_t begin = ++p->at;
    size_t open = 1;
    for (; p->at < p->format.n && open; p->at++)
        open += (peek(p) == '(') - (size_t)(peek(p) == ')');
    if (open)
        return bad(p, "a key is not ended");
    if (p->args->kind != EVK_V_DICT)
        return bad(p, "the format wants a dict");
    const evk_value key = evk_text(evk_string_part(p->format, begin, p->at - 1));
    EVK_TRY(evk_dict_get(p->r, p->args->dict, &key, out));
    return *out ? EVOKE_OK : bad(p, "a key is not in the dict");
}

/* Digits, or "*": the next value; -1 where there are none. */
static evoke_status number(run *p, int64_t *out)
{
    *out = -1;
    if (peek(p) == '*') {
        const evk_value *v = NULL;
        p->at++;
        EVK_TRY(next_arg(p, &v));
        if (!evk_is_int(v))
            return bad(p, "'*' wants an integer");
        *out = evk_as_int(v);
        return EVOKE_OK;
    }
    while (peek(p) >= '0' && peek(p) <= '9') {
        *out = (*out < 0 ? 0 : *out) * 10 + (p->format.data[p->at++] - '0');
        if (*out > EVK_MAX_TEXT)
            return bad(p, "a width or precision is too large");
    }
    return EVOKE_OK;
}

static evoke_status parse_spec(run *p, const evk_value **keyed, evk_spec *spec)
{
    bool zeros = false, left = false;
    *spec = (evk_spec){.precision = -1};
    if (peek(p) == '(')
        EVK_TRY(keyed_arg(p, keyed));
    for (char c; (c = peek(p)) && strchr("#0- +", c); p->at++) {
        spec->alternate |= c == '#';
        zeros |= c == '0';
        left |= c == '-';
        spec->sign = c == '+' || (c == ' ' && spec->sign != '+') ? c : spec->sign;
    }
    EVK_TRY(number(p, &spec->width));
    if (spec->width < -1) {
        left = true;
        spec->width = spec->width > -EVK_MAX_TEXT ? -spec->width : EVK_MAX_TEXT;
    }
    if (peek(p) == '.') {
        p->at++;
        EVK_TRY(number(p, &spec->precision));
        spec->precision = spec->precision < 0 ? 0 : spec->precision;
    }
    if (peek(p) && strchr("hlL", peek(p)))
        p->at++;
    spec->type = peek(p);
    p->at++;
    spec->align = left ? '<' : '>';
    if (zeros && !left && spec->type && !strchr("csra", spec->type)) {
        spec->align = '=';
        spec->fill = evk_string_of("0");
    }
    return EVOKE_OK;
}

/* ---- values ---- */
static evoke_status put_text(run *p, const evk_value *v, const evk_spec *spec)
{
    evk_bytes *b = NULL;
    evk_string s = {0};
    if (spec->type == 's') {
        EVK_TRY(evk_to_string(p->r, v, &s));
    } else if (spec->type == 'a') {
        EVK_TRY(evk_ascii(p->r, v, &s));
    } else {
        EVK_TRY(evk_bytes_new(p->r, 0, &b));
        EVK_TRY(evk_repr(p->r, b, v));
        s = evk_bytes_view(b);
    }
    if (p->markup && !(evk_is_string(v) && v->markup && spec->type == 's'))
        EVK_TRY(evk_escape(p->r, s, &s));
    return evk_format_text(p->r, p->out, s, spec);
}

static evoke_status put_character(run *p, const evk_value *v, evk_spec *spec)
{
    spec->precision = -1;
    if (evk_is_int(v))
        return evk_format_int(p->r, p->out, evk_as_int(v), spec);
    if (!evk_is_string(v) || evk_string_length(v->s) != 1)
        return bad(p, "%c wants one character or an integer");
    return evk_format_text(p->r, p->out, v->s, spec);
}

static evoke_status put_int(run *p, const evk_value *v, evk_spec *spec)
{
    const bool decimal = strchr("diu", spec->type) != NULL;
    if (decimal)
        spec->type = 'd';
    if (evk_is_int(v))
        return evk_format_int(p->r, p->out, evk_as_int(v), spec);
    if (!decimal || v->kind != EVK_V_FLOAT)
        return evk_render_fail(p->r, EVOKE_EFORMAT, "'%%%c' wants a number, not '%s'", spec->type, evk_type_name(v));
    if (!(v->f < 0x1p63 && v->f >= -0x1p63))
        return evk_render_fail(p->r, EVOKE_EUNSUPPORTED, "an integer does not fit 64 bits");
    return evk_format_int(p->r, p->out, (int64_t)v->f, spec);
}

static evoke_status put_float(run *p, const evk_value *v, const evk_spec *spec)
{
    if (!evk_is_number(v))
        return evk_render_fail(p->r, EVOKE_EFORMAT, "'%%%c' wants a number, not '%s'", spec->type, evk_type_name(v));
    return evk_format_float(p->r, p->out, evk_as_float(v), spec);
}

/* p->at stands behind the "%". */
static evoke_status put_one(run *p)
{
    const evk_value *v = NULL;
    evk_spec spec;
    EVK_TRY(evk_render_spend(p->r, 1));
    EVK_TRY(parse_spec(p, &v, &spec));
    if (spec.type == '%')
        return evk_bytes_add(p->r, p->out, "%", 1);
    if (!spec.type || !strchr("diouxXeEfFgGcrsa", spec.type))
        return bad(p, spec.type ? "a type that is not known" : "the format ends in the middle");
    if (!v)
        EVK_TRY(next_arg(p, &v));
    if (strchr("rsa", spec.type))
        return put_text(p, v, &spec);
    if (spec.type == 'c')
        return put_character(p, v, &spec);
    return strchr("diouxX", spec.type) ? put_int(p, v, &spec) : put_float(p, v, &spec);
}

/* Values that are left over are an error, unless they could have been meant for keys. */
static bool all_used(const run *p)
{
    const evk_value *v = p->args;
    const bool mapping = v->kind == EVK_V_DICT || evk_is_seq(v, EVK_LIST) || evk_is_seq(v, EVK_RANGE);
    return is_tuple(v) ? p->next == v->seq->n : p->used || mapping;
}

evoke_status evk_format_percent(evk_render *r, const evk_value *format, const evk_value *args, evk_value *out)
{
    run p = {.r = r, .format = format->s, .args = args, .markup = format->markup};
    EVK_TRY(evk_bytes_new(r, 0, &p.out));
    EVK_TRY(evk_render_spend_bytes(r, p.format.n));
    while (p.at < p.format.n) {
        const char *percent = memchr(p.format.data + p.at, '%', p.format.n - p.at);
        const size_t end = percent ? (size_t)(percent - p.format.data) : p.format.n;
        EVK_TRY(evk_bytes_add_string(r, p.out, evk_string_part(p.format, p.at, end)));
        p.at = end + 1;
        if (percent)
            EVK_TRY(put_one(&p));
    }
    if (!all_used(&p))
        return bad(&p, "there are more values than the format wants");
    *out = evk_text(evk_bytes_view(p.out));
    out->markup = format->markup;
    return EVOKE_OK;
}
