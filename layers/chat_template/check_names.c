/* layers/chat_template/check_names.c: filters, tests, functions and methods that nobody knows are told when a template is
 * parsed, before a model is read.
 *
 * Not all of them, for a template may ask first. A filter or test directly under an `if` is an error only where it is
 * reached, as in Jinja, which calls such places soft; a loop, a macro or a captured block inside of them is hard again. A
 * function is unknown where its name is only ever called, a method where no type has it and no text or keyword of the
 * template could name it; Jinja tells these where they are reached, so that they count only where they surely are. */
#include "layers/chat_template/tree.h"

#include <stdlib.h>
#include <string.h>

/* The words of a template that may define what it calls: names that are not called themselves, parameters, macros,
 * keywords and texts. */
typedef struct words {
    evk_string *items;
    size_t n, capacity;
    bool sets_messages;         /* a loop over them may be over nothing */
} words;

static const evk_node *const *parts_of(const evk_node *n, const evk_node *parts[5])
{
    parts[0] = n->a, parts[1] = n->b, parts[2] = n->c, parts[3] = n->body, parts[4] = n->other;
    return parts;
}

/* ---- words ---- */

static bool defines(const evk_node *n)
{
    return n->kind == EVK_N_NAME || n->kind == EVK_N_MACRO || n->kind == EVK_N_PARAM || n->kind == EVK_N_KEYWORD ||
           (n->kind == EVK_N_CONST && evk_is_string(&n->value));
}

static bool sets_messages(const evk_node *n)
{
    const bool sets = n->kind == EVK_N_SET || n->kind == EVK_N_SET_BLOCK || n->kind == EVK_N_FOR;
    return sets && (n->a->kind != EVK_N_NAME || evk_string_is(n->a->value.s, "messages"));
}

static evoke_status add_word(const evk_parser *p, words *w, evk_string s)
{
    if (w->n == w->capacity) {
        const size_t capacity = w->capacity ? 2 * w->capacity : 256;
        evk_string *items = realloc(w->items, capacity * sizeof *items);
        if (!items)
            return evk_fail(p->err, EVOKE_ENOMEM, "parse chat template: no memory for its names");
        w->items = items;
        w->capacity = capacity;
    }
    w->items[w->n++] = s;
    return EVOKE_OK;
}

/* Those of n and of what follows it in its list. */
static evoke_status collect(evk_parser *p, words *w, const evk_node *n)
{
    const evk_node *parts[5];
    EVK_TRY(evk_parse_enter(p));
    for (; n; n = n->next) {
        w->sets_messages = w->sets_messages || sets_messages(n);
        if (defines(n))
            EVK_TRY(add_word(p, w, n->value.s));
        for (size_t i = 0; i < 5; i++)
            if (parts_of(n, parts)[i] && !(n->kind == EVK_N_CALL && i == 0 && n->a->kind == EVK_N_NAME))
                EVK_TRY(collect(p, w, parts[i]));
    }
    p->depth--;
    return EVOKE_OK;
}

static int by_bytes(const void *a, const void *b)
{
    const evk_string *x = a, *y = b;
    const int c = x->n && y->n ? memcmp(x->data, y->data, x->n < y->n ? x->n : y->n) : 0;
    return c ? c : (x->n > y->n) - (x->n < y->n);
}

static bool mentions(const words *w, evk_string s)
{
    return w->n && bsearch(&s, w->items, w->n, sizeof s, by_bytes);
}

/* ---- what is asked for ---- */

static evoke_status unknown(evk_parser *p, const evk_node *n, const char *what, evk_string name)
{
    return evk_parse_fail(p, EVOKE_EUNSUPPORTED, n->at, "there is no %s '%.*s'", what, (int)name.n, name.data);
}

/* map('f'), select('t'), selectattr('a', 't') and their opposites. */
static evoke_status check_named(evk_parser *p, const evk_node *n)
{
    static const struct { const char *filter; size_t at; bool test; } takers[] = {
        { "map", 0, false }, { "select", 0, true }, { "reject", 0, true }, { "selectattr", 1, true }, { "rejectattr", 1, true },
    };
    for (size_t i = 0; i < sizeof takers / sizeof *takers; i++) {
        const evk_node *arg = n->b;
        for (size_t k = 0; arg && k < takers[i].at; k++)
            arg = arg->kind == EVK_N_ARG ? arg->next : NULL;
        if (!evk_string_is(n->value.s, takers[i].filter) || !arg || arg->kind != EVK_N_ARG || arg->a->kind != EVK_N_CONST ||
            !evk_is_string(&arg->a->value))
            continue;
        const evk_string name = arg->a->value.s;
        if (takers[i].test ? !evk_test_find(name) : !evk_filter_find(name))
            return unknown(p, arg->a, takers[i].test ? "test" : "filter", name);
    }
    return EVOKE_OK;
}

static evoke_status check_call(evk_parser *p, const words *w, const evk_node *callee)
{
    const evk_string name = callee->value.s;
    if (callee->kind == EVK_N_NAME && !evk_function_find(name) && !evk_string_is(name, "caller") && !evk_string_is(name, "loop") &&
        !mentions(w, name))
        return unknown(p, callee, "function", name);
    if (callee->kind == EVK_N_ATTR && !evk_method_is_known(name) && !mentions(w, name))
        return unknown(p, callee, "method", name);
    return EVOKE_OK;
}

/* conditional: directly under a condition; sure: reached by every rendering that comes so far. */
static evoke_status check_one(evk_parser *p, const words *w, const evk_node *n, bool conditional, bool sure)
{
    if (n->kind == EVK_N_FILTER && !n->builtin && !conditional)
        return unknown(p, n, "filter", n->value.s);
    if (n->kind == EVK_N_TEST && !n->builtin && !conditional)
        return unknown(p, n, "test", n->value.s);
    if (n->kind == EVK_N_FILTER && sure)
        return check_named(p, n);
    return n->kind == EVK_N_CALL && sure ? check_call(p, w, n->a) : EVOKE_OK;
}

/* ---- the tree ---- */

/* Whether what the node holds is directly under a condition, given that the node is. */
static bool is_soft(const evk_node *n, bool conditional)
{
    switch (n->kind) {
    case EVK_N_FOR: case EVK_N_SET_BLOCK: case EVK_N_MACRO: case EVK_N_CALL_BLOCK: case EVK_N_FILTER_BLOCK:
    case EVK_N_WITH: case EVK_N_SCOPE:
        return false;
    case EVK_N_IF: case EVK_N_BRANCH: case EVK_N_COND:
        return true;
    default:
        return conditional;
    }
}

/* Whether part i of a node that is reached is reached too. There is a message in every conversation. */
static bool is_sure(const words *w, const evk_node *n, size_t i)
{
    switch (n->kind) {
    case EVK_N_FOR:
        return i == 1 || (i == 3 && !n->c && n->b->kind == EVK_N_NAME && evk_string_is(n->b->value.s, "messages") &&
                          !w->sets_messages);
    case EVK_N_COND: case EVK_N_AND: case EVK_N_OR: case EVK_N_COMPARE:
        return i == 0;
    case EVK_N_IF: case EVK_N_BRANCH: case EVK_N_MACRO: case EVK_N_CALL_BLOCK:
        return false;
    default:
        return true;
    }
}

static evoke_status check_list(evk_parser *p, const words *w, const evk_node *n, bool conditional, bool sure)
{
    const evk_node *parts[5];
    EVK_TRY(evk_parse_enter(p));
    for (; n; n = n->next) {
        EVK_TRY(check_one(p, w, n, conditional, sure));
        for (size_t i = 0; i < 5; i++)
            if (parts_of(n, parts)[i])
                EVK_TRY(check_list(p, w, parts[i], is_soft(n, conditional), sure && is_sure(w, n, i)));
    }
    p->depth--;
    return EVOKE_OK;
}

evoke_status evk_check_names(evk_parser *p, const evk_node *body)
{
    words w = { 0 };
    evoke_status st = collect(p, &w, body);
    if (st == EVOKE_OK && w.n)
        qsort(w.items, w.n, sizeof *w.items, by_bytes);
    if (st == EVOKE_OK)
        st = check_list(p, &w, body, false, true);
    free(w.items);
    return st;
}
