/* layers/chat_template/tests.c: the tests behind `is`, and those that select and reject name. */
#include <math.h>

#include "core/text.h"
#include "layers/chat_template/render.h"
#include "layers/chat_template/unicode.h"

#define TEST_OF_KIND(name, condition)                                                                              \
    static evoke_status name(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)              \
    {                                                                                                              \
        (void)r;                                                                                                   \
        (void)args;                                                                                                \
        *out = evk_bool(condition);                                                                                \
        return EVOKE_OK;                                                                                           \
    }

static bool is_indexed(const evk_value *v)
{
    return v->kind == EVK_V_SEQUENCE && v->seq->flavor <= EVK_RANGE;
}

TEST_OF_KIND(test_defined, self->kind != EVK_V_UNDEFINED)
TEST_OF_KIND(test_undefined, self->kind == EVK_V_UNDEFINED)
TEST_OF_KIND(test_none, self->kind == EVK_V_NONE)
TEST_OF_KIND(test_boolean, self->kind == EVK_V_BOOL)
TEST_OF_KIND(test_true, self->kind == EVK_V_BOOL && self->b)
TEST_OF_KIND(test_false, self->kind == EVK_V_BOOL && !self->b)
TEST_OF_KIND(test_integer, self->kind == EVK_V_INT)
TEST_OF_KIND(test_float, self->kind == EVK_V_FLOAT)
TEST_OF_KIND(test_number, evk_is_number(self))
TEST_OF_KIND(test_string, evk_is_string(self))
TEST_OF_KIND(test_mapping, self->kind == EVK_V_DICT)
TEST_OF_KIND(test_sequence, evk_is_string(self) || self->kind == EVK_V_DICT || self->kind == EVK_V_UNDEFINED ||
                            is_indexed(self))
TEST_OF_KIND(test_iterable, self->kind == EVK_V_UNDEFINED || evk_is_string(self) || self->kind == EVK_V_SEQUENCE ||
                            self->kind == EVK_V_DICT || self->kind == EVK_V_LOOP)
TEST_OF_KIND(test_callable, self->kind == EVK_V_MACRO || self->kind == EVK_V_FUNCTION ||
                            self->kind == EVK_V_LOOP || self->kind == EVK_V_UNDEFINED)
TEST_OF_KIND(test_escaped, evk_is_string(self) && self->markup)
TEST_OF_KIND(test_filter, evk_is_string(self) && evk_filter_find(self->s) != NULL)
TEST_OF_KIND(test_test, evk_is_string(self) && evk_test_find(self->s) != NULL)

/* ---- of numbers ---- */
static evoke_status remainder_is(evk_render *r, const evk_value *self, const evk_value *by, int64_t wanted,
                                 evk_value *out)
{
    evk_value rest;
    bool same = false;
    const evk_value want = evk_int(wanted);
    EVK_TRY(evk_binary(r, EVK_OP_MOD, self, by, &rest));
    EVK_TRY(evk_equal(r, &rest, &want, &same));
    *out = evk_bool(same);
    return EVOKE_OK;
}

static evoke_status test_odd(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    const evk_value two = evk_int(2);
    return remainder_is(r, self, &two, 1, out);
}

static evoke_status test_even(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    const evk_value two = evk_int(2);
    return remainder_is(r, self, &two, 0, out);
}

static evoke_status test_divisible(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return remainder_is(r, self, &args->v[0], 0, out);
}

/* ---- of texts ---- */
/* Some character has a case, and all that have one have this. */
static evoke_status has_case(evk_render *r, const evk_value *self, bool upper, evk_value *out)
{
    evk_string s;
    bool any = false, all = true;
    EVK_TRY(evk_to_string(r, self, &s));
    EVK_TRY(evk_render_spend_characters(r, s.n));
    for (size_t i = 0, length = 0; i < s.n && all; i += length) {
        int32_t code = 0;
        length = evk_utf8_next(s.data + i, s.n - i, &code);
        if (!length)
            break;
        if (!evk_char_is_cased(code))
            continue;
        any = true;
        all = upper ? evk_char_is_upper(code) : evk_char_is_lower(code);
    }
    *out = evk_bool(any && all);
    return EVOKE_OK;
}

static evoke_status test_lower(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    return has_case(r, self, false, out);
}

static evoke_status test_upper(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    return has_case(r, self, true, out);
}

/* ---- of two values ---- */
static evoke_status test_sameas(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const evk_value *other = &args->v[0];
    bool same = self->kind == other->kind;
    if (same && self->kind == EVK_V_SEQUENCE)
        same = self->seq == other->seq;
    else if (same && self->kind == EVK_V_DICT)
        same = self->dict == other->dict;
    else if (same)
        EVK_TRY(evk_equal(r, self, other, &same));
    *out = evk_bool(same);
    return EVOKE_OK;
}

#define TEST_OF_TWO(name, op)                                                                                      \
    static evoke_status name(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)              \
    {                                                                                                              \
        bool holds = false;                                                                                        \
        EVK_TRY(evk_compare_op(r, op, self, &args->v[0], &holds));                                                 \
        *out = evk_bool(holds);                                                                                    \
        return EVOKE_OK;                                                                                           \
    }

TEST_OF_TWO(test_eq, EVK_OP_EQ)
TEST_OF_TWO(test_ne, EVK_OP_NE)
TEST_OF_TWO(test_lt, EVK_OP_LT)
TEST_OF_TWO(test_le, EVK_OP_LE)
TEST_OF_TWO(test_gt, EVK_OP_GT)
TEST_OF_TWO(test_ge, EVK_OP_GE)
TEST_OF_TWO(test_in, EVK_OP_IN)

static const evk_builtin tests[] = {
    { "defined",     test_defined,   0, { NULL } },
    { "undefined",   test_undefined, 0, { NULL } },
    { "none",        test_none,      0, { NULL } },
    { "boolean",     test_boolean,   0, { NULL } },
    { "true",        test_true,      0, { NULL } },
    { "false",       test_false,     0, { NULL } },
    { "integer",     test_integer,   0, { NULL } },
    { "float",       test_float,     0, { NULL } },
    { "number",      test_number,    0, { NULL } },
    { "string",      test_string,    0, { NULL } },
    { "mapping",     test_mapping,   0, { NULL } },
    { "sequence",    test_sequence,  0, { NULL } },
    { "iterable",    test_iterable,  0, { NULL } },
    { "callable",    test_callable,  0, { NULL } },
    { "escaped",     test_escaped,   0, { NULL } },
    { "filter",      test_filter,    0, { NULL } },
    { "test",        test_test,      0, { NULL } },
    { "odd",         test_odd,       0, { NULL } },
    { "even",        test_even,      0, { NULL } },
    { "divisibleby", test_divisible, 1, { "num" } },
    { "lower",       test_lower,     0, { NULL } },
    { "upper",       test_upper,     0, { NULL } },
    { "sameas",      test_sameas,    1, { "other" } },
    { "in",          test_in,        1, { "seq" } },
    { "eq",          test_eq,        1, { "other" } },
    { "==",          test_eq,        1, { "other" } },
    { "equalto",     test_eq,        1, { "other" } },
    { "ne",          test_ne,        1, { "other" } },
    { "!=",          test_ne,        1, { "other" } },
    { "lt",          test_lt,        1, { "other" } },
    { "<",           test_lt,        1, { "other" } },
    { "lessthan",    test_lt,        1, { "other" } },
    { "le",          test_le,        1, { "other" } },
    { "<=",          test_le,        1, { "other" } },
    { "gt",          test_gt,        1, { "other" } },
    { ">",           test_gt,        1, { "other" } },
    { "greaterthan", test_gt,        1, { "other" } },
    { "ge",          test_ge,        1, { "other" } },
    { ">=",          test_ge,        1, { "other" } },
};

const evk_builtin *evk_test_find(evk_string name)
{
    return evk_builtin_find(tests, sizeof tests / sizeof *tests, name);
}
