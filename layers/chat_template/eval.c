/* layers/chat_template/eval.c: the value of an expression. */
#include "layers/chat_template/render.h"

static evoke_status eval_name(evk_render *r, const evk_node *n, evk_value *out)
{
    const evk_string name = n->value.s;
    const evk_value *found = evk_scope_find(r, r->scope, name);
    if (found) {
        *out = *found;
        return EVOKE_OK;
    }
    *out = (evk_value){.kind = EVK_V_FUNCTION};
    out->fn.builtin = evk_function_find(name);
    if (out->fn.builtin)
        return EVOKE_OK;
    *out = evk_undefined((evk_string){0});
    return evk_string_format(r, &out->s, "'%.*s' is undefined", (int)name.n, name.data);
}

static evoke_status eval_sequence(evk_render *r, const evk_node *n, evk_value *out)
{
    evk_list *s = NULL;
    EVK_TRY(evk_list_new(r, n->kind == EVK_N_LIST ? EVK_LIST : EVK_TUPLE, 0, &s));
    for (const evk_node *item = n->a; item; item = item->next) {
        evk_value v;
        EVK_TRY(evk_eval(r, item, &v));
        EVK_TRY(evk_list_add(r, s, v));
    }
    *out = evk_seq(s);
    return EVOKE_OK;
}

static evoke_status eval_dict(evk_render *r, const evk_node *n, evk_value *out)
{
    EVK_TRY(evk_dict_new(r, 4, out));
    for (const evk_node *pair = n->a; pair; pair = pair->next) {
        evk_value key, value;
        EVK_TRY(evk_eval(r, pair->a, &key));
        EVK_TRY(evk_eval(r, pair->b, &value));
        EVK_TRY(evk_dict_set(r, out->dict, &key, value));
    }
    return EVOKE_OK;
}

static evoke_status eval_condition(evk_render *r, const evk_node *n, evk_value *out)
{
    evk_value test;
    EVK_TRY(evk_eval(r, n->a, &test));
    if (evk_truth(&test))
        return evk_eval(r, n->b, out);
    if (n->c)
        return evk_eval(r, n->c, out);
    *out = evk_undefined(evk_string_of("an 'if' without 'else' was false"));
    return EVOKE_OK;
}

/* `or` and `and` give one of their operands, not a bool. */
static evoke_status eval_logic(evk_render *r, const evk_node *n, evk_value *out)
{
    EVK_TRY(evk_eval(r, n->a, out));
    return evk_truth(out) == (n->kind == EVK_N_AND) ? evk_eval(r, n->b, out) : EVOKE_OK;
}

static evoke_status eval_not(evk_render *r, const evk_node *n, evk_value *out)
{
    evk_value v;
    EVK_TRY(evk_eval(r, n->a, &v));
    *out = evk_bool(!evk_truth(&v));
    return EVOKE_OK;
}

/* a < b < c is a < b and b < c, with b computed once. */
static evoke_status eval_comparison(evk_render *r, const evk_node *n, evk_value *out)
{
    evk_value left, right;
    bool holds = true;
    EVK_TRY(evk_eval(r, n->a, &left));
    for (const evk_node *operand = n->b; operand && holds; operand = operand->next) {
        EVK_TRY(evk_eval(r, operand->a, &right));
        r->at = operand->at;
        EVK_TRY(evk_compare_op(r, operand->op, &left, &right, &holds));
        left = right;
    }
    *out = evk_bool(holds);
    return EVOKE_OK;
}

static evoke_status eval_binary(evk_render *r, const evk_node *n, evk_value *out)
{
    evk_value a, b;
    EVK_TRY(evk_eval(r, n->a, &a));
    EVK_TRY(evk_eval(r, n->b, &b));
    r->at = n->at;
    return evk_binary(r, n->op, &a, &b, out);
}

static evoke_status eval_sign(evk_render *r, const evk_node *n, evk_value *out)
{
    evk_value v;
    EVK_TRY(evk_eval(r, n->a, &v));
    r->at = n->at;
    return evk_negate(r, &v, n->kind == EVK_N_NEG, out);
}

static evoke_status eval_concat(evk_render *r, const evk_node *n, evk_value *out)
{
    *out = evk_text((evk_string){0});
    for (const evk_node *part = n->a; part; part = part->next) {
        evk_value v;
        evk_string text;
        EVK_TRY(evk_eval(r, part, &v));
        r->at = n->at;
        EVK_TRY(evk_to_string(r, &v, &text));
        EVK_TRY(evk_string_add(r, out->s, text, &out->s));
    }
    return EVOKE_OK;
}

static evoke_status eval_attribute(evk_render *r, const evk_node *n, evk_value *out)
{
    evk_value v;
    EVK_TRY(evk_eval(r, n->a, &v));
    r->at = n->at;
    return evk_attribute(r, &v, n->value.s, out);
}

static evoke_status eval_item(evk_render *r, const evk_node *n, evk_value *out)
{
    evk_value v, key, part[3] = {0};
    EVK_TRY(evk_eval(r, n->a, &v));
    if (n->b->kind != EVK_N_SLICE) {
        EVK_TRY(evk_eval(r, n->b, &key));
        r->at = n->at;
        return evk_item(r, &v, &key, out);
    }
    const evk_node *const parts[3] = {n->b->a, n->b->b, n->b->c};
    for (size_t i = 0; i < 3; i++)
        if (parts[i])
            EVK_TRY(evk_eval(r, parts[i], &part[i]));
    r->at = n->at;
    return evk_slice(r, &v, part, out);
}

static evoke_status eval_call(evk_render *r, const evk_node *n, evk_value *out)
{
    evk_value callee;
    evk_args args = {0};
    EVK_TRY(evk_eval(r, n->a, &callee));
    EVK_TRY(evk_eval_args(r, n->b, &args));
    r->at = n->at;
    return evk_call(r, &callee, &args, out);
}

/* Filters and tests. An unknown one that is reached: only under a condition (check_names.c). */
static evoke_status eval_builtin(evk_render *r, const evk_node *n, evk_value *out)
{
    evk_value self;
    evk_args args = {0};
    const evk_string name = n->value.s;
    if (!n->builtin) {
        r->at = n->at;
        return evk_render_fail(r, EVOKE_EUNSUPPORTED, "there is no %s '%.*s'",
                            n->kind == EVK_N_FILTER ? "filter" : "test",
                            (int)name.n, name.data);
    }
    EVK_TRY(evk_eval(r, n->a, &self));
    EVK_TRY(evk_eval_args(r, n->b, &args));
    r->at = n->at;
    return evk_call_builtin(r, n->builtin, &self, &args, out);
}

static evoke_status eval_inside(evk_render *r, const evk_node *n, evk_value *out)
{
    switch (n->kind) {
    case EVK_N_NAME:
        return eval_name(r, n, out);
    case EVK_N_LIST: case EVK_N_TUPLE:
        return eval_sequence(r, n, out);
    case EVK_N_DICT:
        return eval_dict(r, n, out);
    case EVK_N_COND:
        return eval_condition(r, n, out);
    case EVK_N_OR: case EVK_N_AND:
        return eval_logic(r, n, out);
    case EVK_N_NOT:
        return eval_not(r, n, out);
    case EVK_N_COMPARE:
        return eval_comparison(r, n, out);
    case EVK_N_BINARY:
        return eval_binary(r, n, out);
    case EVK_N_NEG: case EVK_N_POS:
        return eval_sign(r, n, out);
    case EVK_N_CONCAT:
        return eval_concat(r, n, out);
    case EVK_N_ATTR:
        return eval_attribute(r, n, out);
    case EVK_N_ITEM:
        return eval_item(r, n, out);
    case EVK_N_CALL:
        return eval_call(r, n, out);
    case EVK_N_FILTER: case EVK_N_TEST:
        return eval_builtin(r, n, out);
    default:
        return evk_render_fail(r, EVOKE_EFORMAT, "an expression was expected");
    }
}

evoke_status evk_eval(evk_render *r, const evk_node *n, evk_value *out)
{
    EVK_TRY(evk_render_spend(r, 1));
    if (n->kind == EVK_N_CONST) {
        *out = n->value;
        return EVOKE_OK;
    }
    r->at = n->at;
    EVK_TRY(evk_render_enter(r));
    EVK_TRY(eval_inside(r, n, out));
    r->depth--;
    return EVOKE_OK;
}
