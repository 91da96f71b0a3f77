/* layers/chat_template/operators.c: arithmetic and comparison, by Python's rules.
 *
 * Integers have 64 bits, and what does not fit is an error, never a wrapped value. `/` gives a float, `//` and `%`
 * round towards minus infinity, a bool counts as 0 or 1. */
#include <math.h>

#include "layers/chat_template/format.h"

static const char *op_text(evk_op op)
{
    static const char *const texts[] = { "", "+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=",
                                         "in", "not in" };
    return texts[op];
}

static evoke_status too_large(evk_render *r)
{
    return evk_render_fail(r, EVOKE_EUNSUPPORTED, "an integer does not fit 64 bits");
}

static evoke_status by_zero(evk_render *r)
{
    return evk_render_fail(r, EVOKE_EFORMAT, "division by zero");
}

static evoke_status int_power(evk_render *r, int64_t base, int64_t exponent, evk_value *out)
{
    int64_t result = 1;
    if (exponent < 0) {
        if (base == 0)
            return by_zero(r);
        *out = evk_float(pow((double)base, (double)exponent));
        return EVOKE_OK;
    }
    while (exponent > 0) {
        if ((exponent & 1) && __builtin_mul_overflow(result, base, &result))
            return too_large(r);
        exponent >>= 1;
        if (exponent > 0 && __builtin_mul_overflow(base, base, &base))
            return too_large(r);
    }
    *out = evk_int(result);
    return EVOKE_OK;
}

static evoke_status int_divide(evk_render *r, evk_op op, int64_t a, int64_t b, evk_value *out)
{
    if (b == 0)
        return by_zero(r);
    if (op == EVK_OP_DIV) {
        *out = evk_float((double)a / (double)b);
        return EVOKE_OK;
    }
    if (b == -1) {
        int64_t minus = 0;
        if (op == EVK_OP_FLOORDIV && __builtin_sub_overflow((int64_t)0, a, &minus))
            return too_large(r);
        *out = evk_int(minus);
        return EVOKE_OK;
    }
    const int64_t rest = a % b, down = rest != 0 && (rest < 0) != (b < 0);
    *out = evk_int(op == EVK_OP_FLOORDIV ? a / b - down : rest + (down ? b : 0));
    return EVOKE_OK;
}

static evoke_status int_binary(evk_render *r, evk_op op, int64_t a, int64_t b, evk_value *out)
{
    int64_t result = 0;
    bool over = false;
    switch (op) {
    case EVK_OP_ADD:
        over = __builtin_add_overflow(a, b, &result);
        break;
    case EVK_OP_SUB:
        over = __builtin_sub_overflow(a, b, &result);
        break;
    case EVK_OP_MUL:
        over = __builtin_mul_overflow(a, b, &result);
        break;
    case EVK_OP_POW:
        return int_power(r, a, b, out);
    default:
        return int_divide(r, op, a, b, out);
    }
    *out = evk_int(result);
    return over ? too_large(r) : EVOKE_OK;
}

static double float_mod(double a, double b)
{
    const double rest = fmod(a, b);
    if (rest != 0 && (rest < 0) != (b < 0))
        return rest + b;
    return rest != 0 ? rest : copysign(0.0, b);
}

/* Python's: the quotient that goes with the rest, rounded to the nearest whole number. */
static double float_floor_divide(double a, double b)
{
    const double quotient = (a - float_mod(a, b)) / b;
    if (quotient == 0)
        return copysign(0.0, a / b);
    const double down = floor(quotient);
    return quotient - down > 0.5 ? down + 1 : down;
}

static evoke_status float_binary(evk_render *r, evk_op op, double a, double b, evk_value *out)
{
    const bool divides = op == EVK_OP_DIV || op == EVK_OP_FLOORDIV || op == EVK_OP_MOD;
    if (divides && b == 0)
        return by_zero(r);
    double f = 0;
    switch (op) {
    case EVK_OP_ADD: f = a + b; break;
    case EVK_OP_SUB: f = a - b; break;
    case EVK_OP_MUL: f = a * b; break;
    case EVK_OP_DIV: f = a / b; break;
    case EVK_OP_MOD: f = float_mod(a, b); break;
    case EVK_OP_FLOORDIV: f = float_floor_divide(a, b); break;
    default:
        f = pow(a, b);
        if (a == 0 && b < 0)
            return by_zero(r);
        if (isfinite(a) && isfinite(b) && !isfinite(f))
            return evk_render_fail(r, EVOKE_EUNSUPPORTED, "a power that is no real number or too large");
        break;
    }
    *out = evk_float(f);
    return EVOKE_OK;
}

/* ---- texts and lists ---- */
static evoke_status add_texts(evk_render *r, const evk_value *a, const evk_value *b, evk_value *out)
{
    evk_string left = a->s, right = b->s;
    const bool markup = a->markup || b->markup;         /* what is not marked safe is escaped on meeting what is */
    if (markup && !a->markup)
        EVK_TRY(evk_escape(r, left, &left));
    if (markup && !b->markup)
        EVK_TRY(evk_escape(r, right, &right));
    *out = evk_text((evk_string){0});
    out->markup = markup;
    return evk_string_add(r, left, right, &out->s);
}

static evoke_status add_lists(evk_render *r, const evk_list *a, const evk_list *b, evk_value *out)
{
    evk_list *all = NULL;
    EVK_TRY(evk_list_new(r, a->flavor, a->n + b->n, &all));
    for (size_t i = 0; i < a->n; i++)
        EVK_TRY(evk_list_add(r, all, a->items[i]));
    for (size_t i = 0; i < b->n; i++)
        EVK_TRY(evk_list_add(r, all, b->items[i]));
    *out = evk_seq(all);
    return EVOKE_OK;
}

static bool is_concrete(const evk_value *v)
{
    return evk_is_seq(v, EVK_LIST) || evk_is_seq(v, EVK_TUPLE);
}

static evoke_status repeat(evk_render *r, const evk_value *v, int64_t times, evk_value *out)
{
    const size_t n = times < 0 ? 0 : (size_t)times;
    size_t total = 0;
    if (!evk_mul(evk_is_string(v) ? v->s.n : v->seq->n, n, &total) || total > EVK_MAX_TEXT)
        return evk_render_fail(r, EVOKE_ENOMEM, "'*' makes too long a value");
    if (evk_is_string(v)) {
        evk_bytes *b = NULL;
        EVK_TRY(evk_bytes_new(r, total, &b));
        for (size_t i = 0; i < n && total; i++)
            EVK_TRY(evk_bytes_add_string(r, b, v->s));
        *out = evk_text(evk_bytes_view(b));
        out->markup = v->markup;
        return EVOKE_OK;
    }
    evk_list *all = NULL;
    EVK_TRY(evk_list_new(r, v->seq->flavor, total, &all));
    for (size_t i = 0; i < n && total; i++)
        for (size_t k = 0; k < v->seq->n; k++)
            EVK_TRY(evk_list_add(r, all, v->seq->items[k]));
    *out = evk_seq(all);
    return EVOKE_OK;
}

static evoke_status other_binary(evk_render *r, evk_op op, const evk_value *a, const evk_value *b, evk_value *out)
{
    if (op == EVK_OP_ADD && evk_is_string(a) && evk_is_string(b))
        return add_texts(r, a, b, out);
    if (op == EVK_OP_ADD && is_concrete(a) && is_concrete(b) && a->seq->flavor == b->seq->flavor)
        return add_lists(r, a->seq, b->seq, out);
    if (op == EVK_OP_MUL && evk_is_int(b) && (evk_is_string(a) || is_concrete(a)))
        return repeat(r, a, evk_as_int(b), out);
    if (op == EVK_OP_MUL && evk_is_int(a) && (evk_is_string(b) || is_concrete(b)))
        return repeat(r, b, evk_as_int(a), out);
    if (op == EVK_OP_MOD && evk_is_string(a))
        return evk_format_percent(r, a, b, out);
    if (a->kind == EVK_V_UNDEFINED || b->kind == EVK_V_UNDEFINED) {
        const evk_value *u = a->kind == EVK_V_UNDEFINED ? a : b;
        return evk_render_fail(r, EVOKE_EFORMAT, "%.*s", (int)u->s.n, u->s.data);
    }
    return evk_render_fail(r, EVOKE_EFORMAT, "'%s' is not for '%s' and '%s'", op_text(op), evk_type_name(a),
                           evk_type_name(b));
}

evoke_status evk_binary(evk_render *r, evk_op op, const evk_value *a, const evk_value *b, evk_value *out)
{
    if (evk_is_int(a) && evk_is_int(b))
        return int_binary(r, op, evk_as_int(a), evk_as_int(b), out);
    if (evk_is_number(a) && evk_is_number(b))
        return float_binary(r, op, evk_as_float(a), evk_as_float(b), out);
    return other_binary(r, op, a, b, out);
}

evoke_status evk_negate(evk_render *r, const evk_value *a, bool minus, evk_value *out)
{
    if (evk_is_int(a)) {
        int64_t i = evk_as_int(a);
        if (minus && __builtin_sub_overflow((int64_t)0, i, &i))
            return too_large(r);
        *out = evk_int(i);
        return EVOKE_OK;
    }
    if (a->kind == EVK_V_FLOAT) {
        *out = evk_float(minus ? -a->f : a->f);
        return EVOKE_OK;
    }
    if (a->kind == EVK_V_UNDEFINED)
        return evk_render_fail(r, EVOKE_EFORMAT, "%.*s", (int)a->s.n, a->s.data);
    return evk_render_fail(r, EVOKE_EFORMAT, "a sign is not for '%s'", evk_type_name(a));
}

evoke_status evk_compare_op(evk_render *r, evk_op op, const evk_value *a, const evk_value *b, bool *out)
{
    if (op == EVK_OP_EQ || op == EVK_OP_NE || op == EVK_OP_IN || op == EVK_OP_NOT_IN) {
        const bool membership = op == EVK_OP_IN || op == EVK_OP_NOT_IN;
        EVK_TRY(membership ? evk_contains(r, b, a, out) : evk_equal(r, a, b, out));
        if (op == EVK_OP_NE || op == EVK_OP_NOT_IN)
            *out = !*out;
        return EVOKE_OK;
    }
    int order = 2;                  /* 2: one of them is not a number's value, and all of these are false */
    EVK_TRY(evk_compare(r, a, b, &order));
    *out = op == EVK_OP_LT ? order == -1 : op == EVK_OP_LE ? order == -1 || order == 0
         : op == EVK_OP_GT ? order == 1 : order == 0 || order == 1;
    return EVOKE_OK;
}
