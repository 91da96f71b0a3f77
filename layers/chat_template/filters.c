/* layers/chat_template/filters.c: filters of numbers, and where all filters are found. */
#include "layers/chat_template/filters.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers/chat_template/unicode.h"

enum { MAX_NUMBER = 400 };

static evoke_status filter_abs(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    if (self->kind == EVK_V_FLOAT) {
        *out = evk_float(fabs(self->f));
        return EVOKE_OK;
    }
    return evk_negate(r, self, evk_is_int(self) && evk_as_int(self) < 0, out);
}

/* ---- int and float of a text: white space around it and single underscores between digits are allowed ---- */
static bool digits_of(evk_string s, char text[MAX_NUMBER])
{
    size_t n = 0;
    const size_t begin = evk_lex_skip_space(s.data, s.n, 0), end = evk_lex_strip_end(s.data, s.n);
    for (size_t i = begin; i < end; i++) {
        const char c = s.data[i];
        const bool inside = i > begin && i + 1 < end && s.data[i - 1] != '_' && s.data[i + 1] != '_';
        if (c == 0 || n + 1 >= MAX_NUMBER || (c == '_' && !inside))
            return false;
        if (c != '_')
            text[n++] = c;
    }
    text[n] = 0;
    return n > 0;
}

static bool text_to_float(evk_string s, double *out)
{
    char text[MAX_NUMBER], *end = NULL;
    if (!digits_of(s, text) || strpbrk(text, "xXpP(") || evk_char_is_space((unsigned char)text[0]))
        return false;
    *out = strtod(text, &end);
    return *end == 0;
}

/* false: not an integer of that base. *over: one that does not fit. */
static bool text_to_int(evk_string s, int base, int64_t *out, bool *over)
{
    char text[MAX_NUMBER], *end = NULL;
    *over = false;
    if (!digits_of(s, text))
        return false;
    char *digits = text + (text[0] == '-' || text[0] == '+');
    const char mark = (char)(digits[0] == '0' ? digits[1] | 0x20 : 0);
    if ((base == 2 && mark == 'b') || (base == 8 && mark == 'o') || (base == 16 && mark == 'x'))
        memmove(digits, digits + 2, strlen(digits + 2) + 1);
    if (!*digits || *digits == '-' || *digits == '+' || strpbrk(digits, "xX "))
        return false;
    errno = 0;
    *out = strtoll(text, &end, base);
    *over = errno == ERANGE;
    return *end == 0;
}

static evoke_status float_to_int(evk_render *r, double f, const evk_value *missing, evk_value *out)
{
    if (!isfinite(f)) {
        *out = *missing;
        return EVOKE_OK;
    }
    if (f >= 0x1p63 || f < -0x1p63)
        return evk_render_fail(r, EVOKE_EUNSUPPORTED, "an integer does not fit 64 bits");
    *out = evk_int((int64_t)f);
    return EVOKE_OK;
}

static evoke_status filter_int(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const evk_value missing = evk_given(&args->v[0]) ? args->v[0] : evk_int(0);
    int64_t base = 10, i = 0;
    bool over = false;
    double f = 0;
    EVK_TRY(evk_arg_int(r, &args->v[1], 10, &base));
    *out = missing;
    if (evk_is_int(self))
        *out = evk_int(evk_as_int(self));
    else if (self->kind == EVK_V_FLOAT)
        return float_to_int(r, self->f, &missing, out);
    else if (self->kind == EVK_V_UNDEFINED)
        return evk_render_fail(r, EVOKE_EFORMAT, "%.*s", (int)self->s.n, self->s.data);
    else if (!evk_is_string(self))
        return EVOKE_OK;
    else if (base >= 2 && base <= 36 && text_to_int(self->s, (int)base, &i, &over))
        *out = evk_int(i);
    else if (text_to_float(self->s, &f))
        return float_to_int(r, f, &missing, out);
    return over ? evk_render_fail(r, EVOKE_EUNSUPPORTED, "an integer does not fit 64 bits") : EVOKE_OK;
}

static evoke_status filter_float(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    double f = 0;
    *out = evk_given(&args->v[0]) ? args->v[0] : evk_float(0);
    if (self->kind == EVK_V_UNDEFINED)
        return evk_render_fail(r, EVOKE_EFORMAT, "%.*s", (int)self->s.n, self->s.data);
    if (evk_is_number(self))
        *out = evk_float(evk_as_float(self));
    else if (evk_is_string(self) && text_to_float(self->s, &f))
        *out = evk_float(f);
    return EVOKE_OK;
}

/* ---- round ---- */
/* To the nearest, halves to the even digit, of the exact value: what printing to that many digits does. */
static double round_nearest(double f, int64_t precision)
{
    char text[700];
    if (!isfinite(f) || precision > 323)
        return f;
    if (precision >= 0) {
        snprintf(text, sizeof text, "%.*f", (int)precision, f);
        return strtod(text, NULL);
    }
    if (precision < -308)
        return copysign(0.0, f);
    const double unit = pow(10, (double)-precision);
    return nearbyint(f / unit) * unit;
}

static evoke_status filter_round(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    int64_t precision = 0;
    evk_string method;
    EVK_TRY(evk_arg_int(r, &args->v[0], 0, &precision));
    EVK_TRY(evk_arg_string(r, &args->v[1], "common", &method));
    const bool common = evk_string_is(method, "common"), up = evk_string_is(method, "ceil");
    if (!common && !up && !evk_string_is(method, "floor"))
        return evk_render_fail(r, EVOKE_EFORMAT, "round's method is common, ceil or floor");
    if (!evk_is_number(self))
        return evk_render_fail(r, EVOKE_EFORMAT, "'%s' cannot be rounded", evk_type_name(self));
    if (common && evk_is_int(self) && precision >= 0) {
        *out = evk_int(evk_as_int(self));
        return EVOKE_OK;
    }
    double f = evk_as_float(self);
    EVK_TRY(evk_render_spend(r, precision > 0 && precision < 400 ? (size_t)precision * 4 : 1));
    if (common) {
        f = round_nearest(f, precision);
    } else {
        const double unit = pow(10, (double)precision);
        f = (up ? ceil(f * unit) : floor(f * unit)) / unit;
    }
    *out = evk_float(f);
    return common && evk_is_int(self) ? float_to_int(r, f, self, out) : EVOKE_OK;
}

static const evk_builtin number_filters[] = {
    { "abs",   filter_abs,   0, { NULL } },
    { "float", filter_float, 0, { "default" } },
    { "int",   filter_int,   0, { "default", "base" } },
    { "round", filter_round, 0, { "precision", "method" } },
};

const evk_builtin *evk_filter_find(evk_string name)
{
    const evk_builtin *f = evk_text_filter_find(name);
    if (!f)
        f = evk_list_filter_find(name);
    if (!f)
        f = evk_each_filter_find(name);
    if (!f)
        f = evk_web_filter_find(name);
    return f ? f : evk_builtin_find(number_filters, sizeof number_filters / sizeof *number_filters, name);
}
