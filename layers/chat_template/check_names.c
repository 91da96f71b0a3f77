/* layers/chat_template/check_names.c: unknown filters and tests are told when a template is parsed.
 *
 * Not all of them, for a template may ask first: what stands directly under an `if` is an error only where it is reached,
 * as in Jinja, which calls such places soft. A loop, a macro or a captured block inside of them is hard again. */
#include "layers/chat_template/tree.h"

static evoke_status check_one(evk_parser *p, const evk_node *n, bool conditional)
{
    const evk_string name = n->value.s;
    if ((n->kind != EVK_N_FILTER && n->kind != EVK_N_TEST) || n->builtin || conditional)
        return EVOKE_OK;
    return evk_parse_fail(p, EVOKE_EUNSUPPORTED, n->at, "there is no %s '%.*s'", n->kind == EVK_N_FILTER ? "filter" : "test",
                          (int)name.n, name.data);
}

/* Whether what the node holds is asked for under a condition, given that the node is. */
static bool is_soft(const evk_node *n, bool conditional)
{
    switch (n->kind) {
    case EVK_N_IF: case EVK_N_BRANCH: case EVK_N_COND:
        return true;
    case EVK_N_FOR: case EVK_N_SET_BLOCK: case EVK_N_MACRO: case EVK_N_CALL_BLOCK: case EVK_N_FILTER_BLOCK:
    case EVK_N_WITH: case EVK_N_SCOPE:
        return false;
    default:
        return conditional;
    }
}

/* n and what follows it in its list. */
evoke_status evk_check_names(evk_parser *p, const evk_node *n, bool conditional)
{
    EVK_TRY(evk_parse_enter(p));
    for (; n; n = n->next) {
        const evk_node *const parts[] = {n->a, n->b, n->c, n->body, n->other};
        const bool soft = is_soft(n, conditional);
        EVK_TRY(check_one(p, n, conditional));
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            if (parts[i])
                EVK_TRY(evk_check_names(p, parts[i], soft));
    }
    p->depth--;
    return EVOKE_OK;
}
