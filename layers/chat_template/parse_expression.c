/* layers/chat_template/parse_expression.c: expressions.
 *
 * From the loosest to the tightest, as Jinja binds them (not quite as Python does):
 *
 *     a if b else c   or   and   not   < == in ...   + -   ~   * / // %   **   unary -   .x [x] (x)   |filter, is
 *
 * `**` takes its operands from the left, and a filter binds tighter than all operators: -1|abs is 1. */
#include <string.h>

#include "layers/chat_template/tree.h"

static evoke_status parse_unary(evk_parser *p, bool with_filters, evk_node **out);

/* ---- operators of two operands ---- */
/* Wraps *out: a node whose first operand it becomes. */
static evoke_status wrap(evk_parser *p, evk_node_kind kind, evk_op op, size_t at, evk_node **out)
{
    evk_node *n = NULL;
    EVK_TRY(evk_parse_node(p, kind, at, &n));
    n->op = op;
    n->a = *out;
    *out = n;
    return EVOKE_OK;
}

static evk_op binary_op(const evk_parser *p, evk_op first, evk_op last)
{
    return p->now->kind == EVK_LEX_OP && p->now->op >= first && p->now->op <= last ? p->now->op : EVK_OP_NONE;
}

static evoke_status parse_power(evk_parser *p, evk_node **out)
{
    EVK_TRY(parse_unary(p, true, out));
    while (evk_parse_is_op(p, EVK_OP_POW)) {
        EVK_TRY(wrap(p, EVK_N_BINARY, EVK_OP_POW, p->now->at, out));
        p->now++;
        EVK_TRY(parse_unary(p, true, &(*out)->b));
    }
    return EVOKE_OK;
}

static evoke_status parse_product(evk_parser *p, evk_node **out)
{
    EVK_TRY(parse_power(p, out));
    evk_op op;
    while ((op = binary_op(p, EVK_OP_MUL, EVK_OP_MOD)) != EVK_OP_NONE) {
        EVK_TRY(wrap(p, EVK_N_BINARY, op, p->now->at, out));
        p->now++;
        EVK_TRY(parse_power(p, &(*out)->b));
    }
    return EVOKE_OK;
}

static evoke_status parse_concat(evk_parser *p, evk_node **out)
{
    EVK_TRY(parse_product(p, out));
    if (!evk_parse_is_op(p, EVK_OP_TILDE))
        return EVOKE_OK;
    evk_node **tail = &(*out)->next;
    EVK_TRY(wrap(p, EVK_N_CONCAT, EVK_OP_TILDE, p->now->at, out));
    while (evk_parse_skip_op(p, EVK_OP_TILDE)) {
        EVK_TRY(parse_product(p, tail));
        tail = &(*tail)->next;
    }
    return EVOKE_OK;
}

static evoke_status parse_sum(evk_parser *p, evk_node **out)
{
    EVK_TRY(parse_concat(p, out));
    evk_op op;
    while ((op = binary_op(p, EVK_OP_ADD, EVK_OP_SUB)) != EVK_OP_NONE) {
        EVK_TRY(wrap(p, EVK_N_BINARY, op, p->now->at, out));
        p->now++;
        EVK_TRY(parse_concat(p, &(*out)->b));
    }
    return EVOKE_OK;
}

static bool is_not_in(const evk_parser *p)
{
    const evk_lexeme *l = p->now + 1;
    return evk_parse_is_name(p, "not") && l->kind == EVK_LEX_NAME && l->n == 2 && memcmp(l->text, "in", 2) == 0;
}

/* The comparison that stands here, read over; EVK_OP_NONE: there is none. */
static evk_op skip_comparison(evk_parser *p)
{
    const evk_op op = binary_op(p, EVK_OP_EQ, EVK_OP_GE);
    if (op != EVK_OP_NONE) {
        p->now++;
        return op;
    }
    if (evk_parse_skip_name(p, "in"))
        return EVK_OP_IN;
    if (is_not_in(p)) {
        p->now += 2;
        return EVK_OP_NOT_IN;
    }
    return EVK_OP_NONE;
}

static evoke_status parse_comparison(evk_parser *p, evk_node **out)
{
    EVK_TRY(parse_sum(p, out));
    evk_node **tail = NULL;
    size_t at = p->now->at;
    for (evk_op op; (op = skip_comparison(p)) != EVK_OP_NONE; at = p->now->at) {
        if (!tail) {
            EVK_TRY(wrap(p, EVK_N_COMPARE, EVK_OP_NONE, at, out));
            tail = &(*out)->b;
        }
        EVK_TRY(evk_parse_node(p, EVK_N_OPERAND, at, tail));
        (*tail)->op = op;
        EVK_TRY(parse_sum(p, &(*tail)->a));
        tail = &(*tail)->next;
    }
    return EVOKE_OK;
}

static evoke_status parse_not(evk_parser *p, evk_node **out)
{
    const size_t at = p->now->at;
    bool negated = false;
    bool any = false;
    while (evk_parse_skip_name(p, "not")) {
        negated = !negated;
        any = true;
    }
    EVK_TRY(parse_comparison(p, out));
    if (any)
        EVK_TRY(wrap(p, EVK_N_NOT, EVK_OP_NONE, at, out));
    return any && !negated ? wrap(p, EVK_N_NOT, EVK_OP_NONE, at, out) : EVOKE_OK;
}

static evoke_status parse_and(evk_parser *p, evk_node **out)
{
    EVK_TRY(parse_not(p, out));
    while (evk_parse_is_name(p, "and")) {
        EVK_TRY(wrap(p, EVK_N_AND, EVK_OP_NONE, p->now->at, out));
        p->now++;
        EVK_TRY(parse_not(p, &(*out)->b));
    }
    return EVOKE_OK;
}

static evoke_status parse_or(evk_parser *p, evk_node **out)
{
    EVK_TRY(evk_parse_enter(p));
    EVK_TRY(parse_and(p, out));
    while (evk_parse_is_name(p, "or")) {
        EVK_TRY(wrap(p, EVK_N_OR, EVK_OP_NONE, p->now->at, out));
        p->now++;
        EVK_TRY(parse_and(p, &(*out)->b));
    }
    p->depth--;
    return EVOKE_OK;
}

/* then if test else other */
evoke_status evk_parse_expression(evk_parser *p, evk_node **out)
{
    EVK_TRY(evk_parse_enter(p));
    EVK_TRY(parse_or(p, out));
    while (evk_parse_is_name(p, "if")) {
        evk_node *n = NULL;
        EVK_TRY(evk_parse_node(p, EVK_N_COND, p->now->at, &n));
        p->now++;
        n->b = *out;
        EVK_TRY(parse_or(p, &n->a));
        if (evk_parse_skip_name(p, "else"))
            EVK_TRY(evk_parse_expression(p, &n->c));
        *out = n;
    }
    p->depth--;
    return EVOKE_OK;
}

/* ---- primaries ---- */
/* expression, ... up to a closing bracket, which is read over. */
static evoke_status parse_items(evk_parser *p, bool pairs, evk_op end, const char *end_text, evk_node **items)
{
    for (evk_node **tail = items; !evk_parse_is_op(p, end); tail = &(*tail)->next) {
        if (tail != items) {
            EVK_TRY(evk_parse_want_op(p, EVK_OP_COMMA, end_text));
            if (evk_parse_is_op(p, end))
                break;
        }
        if (!pairs) {
            EVK_TRY(evk_parse_expression(p, tail));
            continue;
        }
        EVK_TRY(evk_parse_node(p, EVK_N_PAIR, p->now->at, tail));
        EVK_TRY(evk_parse_expression(p, &(*tail)->a));
        EVK_TRY(evk_parse_want_op(p, EVK_OP_COLON, "':'"));
        EVK_TRY(evk_parse_expression(p, &(*tail)->b));
    }
    p->now++;
    return EVOKE_OK;
}

static evoke_status parse_constant(evk_parser *p, evk_value v, evk_node **out)
{
    EVK_TRY(evk_parse_node(p, EVK_N_CONST, p->now->at, out));
    (*out)->value = v;
    p->now++;
    return EVOKE_OK;
}

/* One string, or several side by side, which are one. */
static evoke_status parse_strings(evk_parser *p, evk_node **out)
{
    size_t n = 0;
    for (const evk_lexeme *l = p->now; l->kind == EVK_LEX_STRING; l++)
        n += l->n;
    const evk_lexeme *first = p->now;
    EVK_TRY(parse_constant(p, evk_text((evk_string){first->text, first->n, NULL}), out));
    if (p->now->kind != EVK_LEX_STRING)
        return EVOKE_OK;
    char *all = evk_pool_take(p->pool, n + 1, 1);
    if (!all)
        return evk_fail(p->err, EVOKE_ENOMEM, "parse chat template: no memory for its strings");
    size_t at = 0;
    for (const evk_lexeme *l = first; l->kind == EVK_LEX_STRING; at += l->n, l++)
        memcpy(all + at, l->text, l->n);
    while (p->now->kind == EVK_LEX_STRING)
        p->now++;
    (*out)->value = evk_text((evk_string){all, n, NULL});
    return EVOKE_OK;
}

static void note_use(evk_parser *p, evk_string name)
{
    if (evk_string_is(name, "caller"))
        p->uses |= EVK_USES_CALLER;
    else if (evk_string_is(name, "varargs"))
        p->uses |= EVK_USES_VARARGS;
    else if (evk_string_is(name, "kwargs"))
        p->uses |= EVK_USES_KWARGS;
}

static evoke_status parse_name(evk_parser *p, bool with_namespace, evk_node **out)
{
    const evk_string name = {p->now->text, p->now->n, NULL};
    if (evk_string_is(name, "true") || evk_string_is(name, "True"))
        return parse_constant(p, evk_bool(true), out);
    if (evk_string_is(name, "false") || evk_string_is(name, "False"))
        return parse_constant(p, evk_bool(false), out);
    if (evk_string_is(name, "none") || evk_string_is(name, "None"))
        return parse_constant(p, evk_none(), out);
    note_use(p, name);
    EVK_TRY(evk_parse_node(p, EVK_N_NAME, p->now->at, out));
    (*out)->value = evk_text(name);
    p->now++;
    if (!with_namespace || !evk_parse_skip_op(p, EVK_OP_DOT))
        return EVOKE_OK;
    evk_string attribute;
    size_t at = 0;
    EVK_TRY(evk_parse_want_name(p, &attribute, &at));
    (*out)->kind = EVK_N_NAMESPACE;
    EVK_TRY(evk_parse_node(p, EVK_N_NAME, at, &(*out)->a));
    (*out)->a->value = evk_text(attribute);
    return EVOKE_OK;
}

static evoke_status parse_primary(evk_parser *p, bool with_namespace, evk_node **out)
{
    const size_t at = p->now->at;
    switch (p->now->kind) {
    case EVK_LEX_NAME:
        return parse_name(p, with_namespace, out);
    case EVK_LEX_STRING:
        return parse_strings(p, out);
    case EVK_LEX_INT:
        return parse_constant(p, evk_int(p->now->i), out);
    case EVK_LEX_FLOAT:
        return parse_constant(p, evk_float(p->now->f), out);
    default:
        break;
    }
    if (evk_parse_skip_op(p, EVK_OP_LPAREN)) {
        EVK_TRY(evk_parse_enter(p));
        EVK_TRY(evk_parse_tuple(p, EVK_TUPLE_PARENTHESES, NULL, out));
        p->depth--;
        return evk_parse_want_op(p, EVK_OP_RPAREN, "')'");
    }
    if (evk_parse_skip_op(p, EVK_OP_LBRACKET)) {
        EVK_TRY(evk_parse_node(p, EVK_N_LIST, at, out));
        return parse_items(p, false, EVK_OP_RBRACKET, "',' or ']'", &(*out)->a);
    }
    if (evk_parse_skip_op(p, EVK_OP_LBRACE)) {
        EVK_TRY(evk_parse_node(p, EVK_N_DICT, at, out));
        return parse_items(p, true, EVK_OP_RBRACE, "',' or '}'", &(*out)->a);
    }
    return evk_parse_expected(p, "an expression");
}

/* ---- calls, subscripts, filters, tests ---- */
/* The arguments up to ")": by position, then by name; `*list` and `**dict` too. */
static evoke_status parse_argument(evk_parser *p, evk_node_kind *latest, evk_node **out)
{
    const size_t at = p->now->at;
    evk_node_kind kind = EVK_N_ARG;
    const bool named = p->now->kind == EVK_LEX_NAME && p->now[1].kind == EVK_LEX_OP && p->now[1].op == EVK_OP_ASSIGN;
    EVK_TRY(evk_parse_node(p, EVK_N_ARG, at, out));
    if (evk_parse_skip_op(p, EVK_OP_MUL)) {
        kind = EVK_N_STAR;
    } else if (evk_parse_skip_op(p, EVK_OP_POW)) {
        kind = EVK_N_STAR_STAR;
    } else if (named) {
        kind = EVK_N_KEYWORD;
        (*out)->value = evk_text((evk_string){p->now->text, p->now->n, NULL});
        p->now += 2;
    }
    if ((kind == EVK_N_ARG && *latest != EVK_N_ARG) || *latest == EVK_N_STAR_STAR ||
        (kind == EVK_N_STAR && *latest == EVK_N_STAR))
        return evk_parse_fail(p, EVOKE_EFORMAT, at, "an argument stands in the wrong place");
    if (kind != EVK_N_KEYWORD || *latest == EVK_N_ARG)
        *latest = kind;
    (*out)->kind = kind;
    return evk_parse_expression(p, &(*out)->a);
}

static evoke_status parse_arguments(evk_parser *p, evk_node **args)
{
    evk_node_kind latest = EVK_N_ARG;
    EVK_TRY(evk_parse_want_op(p, EVK_OP_LPAREN, "'('"));
    for (evk_node **tail = args; !evk_parse_is_op(p, EVK_OP_RPAREN); tail = &(*tail)->next) {
        if (tail != args) {
            EVK_TRY(evk_parse_want_op(p, EVK_OP_COMMA, "',' or ')'"));
            if (evk_parse_is_op(p, EVK_OP_RPAREN))
                break;
        }
        EVK_TRY(parse_argument(p, &latest, tail));
    }
    p->now++;
    return EVOKE_OK;
}

/* start:stop:step, each of them optional, or a plain key */
static evoke_status parse_key(evk_parser *p, evk_node **out)
{
    const size_t at = p->now->at;
    evk_node *parts[3] = {0};
    size_t n = 0;
    bool slice = false;
    for (; n < 3; n++) {
        if (!evk_parse_is_op(p, EVK_OP_COLON) && !evk_parse_is_op(p, EVK_OP_RBRACKET))
            EVK_TRY(evk_parse_expression(p, &parts[n]));
        if (n == 2 || !evk_parse_skip_op(p, EVK_OP_COLON))
            break;
        slice = true;
    }
    *out = parts[0];
    if (!slice)
        return *out ? EVOKE_OK : evk_parse_expected(p, "an index");
    EVK_TRY(evk_parse_node(p, EVK_N_SLICE, at, out));
    (*out)->a = parts[0];
    (*out)->b = parts[1];
    (*out)->c = parts[2];
    return EVOKE_OK;
}

/* .name, .0 and [key] */
static evoke_status parse_subscript(evk_parser *p, evk_node **out)
{
    const size_t at = p->now->at;
    if (evk_parse_skip_op(p, EVK_OP_LBRACKET)) {
        EVK_TRY(wrap(p, EVK_N_ITEM, EVK_OP_NONE, at, out));
        EVK_TRY(parse_key(p, &(*out)->b));
        return evk_parse_want_op(p, EVK_OP_RBRACKET, "']'");
    }
    p->now++;
    if (p->now->kind == EVK_LEX_INT) {
        EVK_TRY(wrap(p, EVK_N_ITEM, EVK_OP_NONE, at, out));
        return parse_constant(p, evk_int(p->now->i), &(*out)->b);
    }
    evk_string name = {0};
    size_t name_at = 0;
    EVK_TRY(evk_parse_want_name(p, &name, &name_at));
    EVK_TRY(wrap(p, EVK_N_ATTR, EVK_OP_NONE, at, out));
    (*out)->value = evk_text(name);
    return EVOKE_OK;
}

static evoke_status parse_call(evk_parser *p, evk_node **out)
{
    EVK_TRY(wrap(p, EVK_N_CALL, EVK_OP_NONE, (*out)->at, out));
    return parse_arguments(p, &(*out)->b);
}

static evoke_status parse_postfix(evk_parser *p, evk_node **out)
{
    for (;;) {
        if (evk_parse_is_op(p, EVK_OP_DOT) || evk_parse_is_op(p, EVK_OP_LBRACKET))
            EVK_TRY(parse_subscript(p, out));
        else if (evk_parse_is_op(p, EVK_OP_LPAREN))
            EVK_TRY(parse_call(p, out));
        else
            return EVOKE_OK;
    }
}

/* The name of a filter or test; one with dots in it is read, and known to nobody. */
static evoke_status parse_builtin_name(evk_parser *p, evk_string *name, size_t *at)
{
    evk_string more = {0};
    size_t more_at = 0;
    EVK_TRY(evk_parse_want_name(p, name, at));
    while (evk_parse_skip_op(p, EVK_OP_DOT)) {
        EVK_TRY(evk_parse_want_name(p, &more, &more_at));
        name->n = (size_t)(more.data + more.n - name->data);
    }
    return EVOKE_OK;
}

static evoke_status parse_filter(evk_parser *p, evk_node **out)
{
    evk_string name = {0};
    size_t at = 0;
    EVK_TRY(parse_builtin_name(p, &name, &at));
    EVK_TRY(wrap(p, EVK_N_FILTER, EVK_OP_NONE, at, out));
    (*out)->value = evk_text(name);
    (*out)->builtin = evk_filter_find(name);
    return evk_parse_is_op(p, EVK_OP_LPAREN) ? parse_arguments(p, &(*out)->b) : EVOKE_OK;
}

evoke_status evk_parse_filters(evk_parser *p, bool first, evk_node *operand, evk_node **out)
{
    *out = operand;
    while (first || evk_parse_skip_op(p, EVK_OP_PIPE)) {
        EVK_TRY(parse_filter(p, out));
        first = false;
    }
    return EVOKE_OK;
}

/* Whether the argument of a test without parentheses begins here: `is divisibleby 3`. */
static bool begins_argument(const evk_parser *p)
{
    switch (p->now->kind) {
    case EVK_LEX_NAME:
        return !evk_parse_is_name(p, "else") && !evk_parse_is_name(p, "or") && !evk_parse_is_name(p, "and");
    case EVK_LEX_STRING: case EVK_LEX_INT: case EVK_LEX_FLOAT:
        return true;
    default:
        return evk_parse_is_op(p, EVK_OP_LBRACKET) || evk_parse_is_op(p, EVK_OP_LBRACE);
    }
}

/* p->now stands behind "is". */
static evoke_status parse_test(evk_parser *p, evk_node **out)
{
    const bool negated = evk_parse_skip_name(p, "not");
    evk_string name = {0};
    size_t at = 0;
    EVK_TRY(parse_builtin_name(p, &name, &at));
    EVK_TRY(wrap(p, EVK_N_TEST, EVK_OP_NONE, at, out));
    evk_node *test = *out;
    test->value = evk_text(name);
    test->builtin = evk_test_find(name);
    if (evk_parse_is_op(p, EVK_OP_LPAREN)) {
        EVK_TRY(parse_arguments(p, &test->b));
    } else if (begins_argument(p)) {
        if (evk_parse_is_name(p, "is"))
            return evk_parse_fail(p, EVOKE_EFORMAT, p->now->at, "tests cannot be chained with 'is'");
        EVK_TRY(evk_parse_node(p, EVK_N_ARG, p->now->at, &test->b));
        EVK_TRY(evk_parse_enter(p));
        EVK_TRY(parse_primary(p, false, &test->b->a));
        EVK_TRY(parse_postfix(p, &test->b->a));
        p->depth--;
    }
    return negated ? wrap(p, EVK_N_NOT, EVK_OP_NONE, at, out) : EVOKE_OK;
}

static evoke_status parse_filters_and_tests(evk_parser *p, evk_node **out)
{
    for (;;) {
        if (evk_parse_skip_op(p, EVK_OP_PIPE))
            EVK_TRY(parse_filter(p, out));
        else if (evk_parse_skip_name(p, "is"))
            EVK_TRY(parse_test(p, out));
        else if (evk_parse_is_op(p, EVK_OP_LPAREN))
            EVK_TRY(parse_call(p, out));
        else
            return EVOKE_OK;
    }
}

static evoke_status parse_unary(evk_parser *p, bool with_filters, evk_node **out)
{
    const size_t at = p->now->at;
    EVK_TRY(evk_parse_enter(p));
    if (evk_parse_is_op(p, EVK_OP_SUB) || evk_parse_is_op(p, EVK_OP_ADD)) {
        const evk_node_kind kind = evk_parse_is_op(p, EVK_OP_SUB) ? EVK_N_NEG : EVK_N_POS;
        p->now++;
        EVK_TRY(parse_unary(p, false, out));
        EVK_TRY(wrap(p, kind, EVK_OP_NONE, at, out));
    } else {
        EVK_TRY(parse_primary(p, false, out));
    }
    EVK_TRY(parse_postfix(p, out));
    if (with_filters)
        EVK_TRY(parse_filters_and_tests(p, out));
    p->depth--;
    return EVOKE_OK;
}

/* ---- comma lists and targets ---- */
static bool at_tuple_end(const evk_parser *p, const char *end_name)
{
    return p->now->kind == EVK_LEX_PRINT_END || p->now->kind == EVK_LEX_BLOCK_END ||
           evk_parse_is_op(p, EVK_OP_RPAREN) || (end_name && evk_parse_is_name(p, end_name));
}

static evoke_status parse_part(evk_parser *p, unsigned flags, bool with_namespace, evk_node **out)
{
    if (flags & EVK_TUPLE_TARGET)
        return parse_primary(p, with_namespace, out);
    return flags & EVK_TUPLE_NO_CONDITION ? parse_or(p, out) : evk_parse_expression(p, out);
}

static evoke_status parse_tuple(evk_parser *p, unsigned flags, bool with_namespace, const char *end_name,
                                evk_node **out)
{
    const size_t at = p->now->at;
    evk_node *first = NULL, **tail = &first;
    bool comma = false;
    while (!at_tuple_end(p, end_name)) {
        EVK_TRY(parse_part(p, flags, with_namespace, tail));
        tail = &(*tail)->next;
        if (!evk_parse_skip_op(p, EVK_OP_COMMA))
            break;
        comma = true;
    }
    *out = first;
    if (first && !comma)
        return EVOKE_OK;
    if (!first && !(flags & EVK_TUPLE_PARENTHESES))
        return evk_parse_expected(p, "an expression");
    EVK_TRY(evk_parse_node(p, EVK_N_TUPLE, at, out));
    (*out)->a = first;
    return EVOKE_OK;
}

evoke_status evk_parse_tuple(evk_parser *p, unsigned flags, const char *end_name, evk_node **out)
{
    return parse_tuple(p, flags, false, end_name, out);
}

static evoke_status check_target(evk_parser *p, const evk_node *n)
{
    if (n->kind == EVK_N_NAME || n->kind == EVK_N_NAMESPACE)
        return EVOKE_OK;
    if (n->kind != EVK_N_TUPLE)
        return evk_parse_fail(p, EVOKE_EFORMAT, n->at, "cannot assign to this");
    EVK_TRY(evk_parse_enter(p));
    for (const evk_node *item = n->a; item; item = item->next)
        EVK_TRY(check_target(p, item));
    p->depth--;
    return EVOKE_OK;
}

evoke_status evk_parse_target(evk_parser *p, bool with_namespace, const char *end_name, evk_node **out)
{
    EVK_TRY(parse_tuple(p, EVK_TUPLE_TARGET, with_namespace, end_name, out));
    return check_target(p, *out);
}
