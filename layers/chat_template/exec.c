/* layers/chat_template/exec.c: statements. They write to r->out; break and continue travel outwards in r->flow. */
#include "layers/chat_template/render.h"

/* ---- scopes and captured text ---- */
static evoke_status open_scope(evk_render *r, evk_scope *around)
{
    evk_scope *s = NULL;
    EVK_TRY(evk_render_take(r, 1, sizeof *s, &s));
    s->around = around;
    r->scope = s;
    return EVOKE_OK;
}

static evoke_status exec_in_scope(evk_render *r, const evk_node *body)
{
    evk_scope *outer = r->scope;
    EVK_TRY(open_scope(r, outer));
    EVK_TRY(evk_exec(r, body));
    r->scope = outer;
    return EVOKE_OK;
}

evoke_status evk_capture(evk_render *r, const evk_node *body, evk_value *out)
{
    evk_bytes *outer = r->out, *inner = NULL;
    EVK_TRY(evk_bytes_new(r, 0, &inner));
    r->out = inner;
    EVK_TRY(exec_in_scope(r, body));
    r->out = outer;
    *out = evk_text(evk_bytes_view(inner));
    return EVOKE_OK;
}

/* ---- assignment ---- */
static evoke_status assign_parts(evk_render *r, const evk_node *target, const evk_value *v)
{
    const evk_value *items = NULL;
    size_t n = 0, i = 0;
    EVK_TRY(evk_iterate(r, v, &items, &n));
    for (const evk_node *part = target->a; part; part = part->next, i++) {
        if (i == n)
            return evk_render_fail(r, EVOKE_EFORMAT, "too few values to unpack: %zu", n);
        EVK_TRY(evk_assign(r, part, &items[i]));
    }
    return i == n ? EVOKE_OK : evk_render_fail(r, EVOKE_EFORMAT, "too many values to unpack: %zu for %zu", n, i);
}

static evoke_status assign_attribute(evk_render *r, const evk_node *target, const evk_value *v)
{
    const evk_string name = target->value.s, attribute = target->a->value.s;
    const evk_value *ns = evk_scope_find(r, r->scope, name);
    if (!ns || ns->kind != EVK_V_NAMESPACE)
        return evk_render_fail(r, EVOKE_EFORMAT, "'%.*s' is not a namespace", (int)name.n, name.data);
    if (attribute.data[0] == '_')
        return evk_render_fail(r, EVOKE_EUNSUPPORTED, "an attribute of a namespace cannot begin with '_'");
    const evk_value key = evk_text(attribute);
    return evk_dict_set(r, ns->dict, &key, *v);
}

evoke_status evk_assign(evk_render *r, const evk_node *target, const evk_value *v)
{
    r->at = target->at;
    if (target->kind == EVK_N_NAME)
        return evk_scope_set(r, r->scope, target->value.s, *v);
    return target->kind == EVK_N_TUPLE ? assign_parts(r, target, v) : assign_attribute(r, target, v);
}

/* A chain of filters whose innermost operand is a text: evaluated with the text in that place. */
static evoke_status apply_filters(evk_render *r, const evk_node *filters, evk_value *text)
{
    if (!filters)
        return EVOKE_OK;
    EVK_TRY(evk_render_enter(r));
    EVK_TRY(apply_filters(r, filters->a, text));
    evk_node one = *filters, operand = {.kind = EVK_N_CONST, .at = filters->at, .value = *text};
    one.a = &operand;
    EVK_TRY(evk_eval(r, &one, text));
    r->depth--;
    return EVOKE_OK;
}

/* ---- loops ---- */
/* Whether the filter lets an item through. Its names are those around the loop, and the loop's target. */
static evoke_status passes(evk_render *r, const evk_loop *loop, const evk_value *item, bool *out)
{
    evk_scope *inner = r->scope;
    evk_value test = evk_bool(true);
    const size_t at = r->at;
    if (loop->node->c) {
        EVK_TRY(open_scope(r, loop->around));
        EVK_TRY(evk_assign(r, loop->node->a, item));
        EVK_TRY(evk_eval(r, loop->node->c, &test));
    }
    r->at = at;
    r->scope = inner;
    *out = evk_truth(&test);
    return EVOKE_OK;
}

evoke_status evk_loop_has(evk_render *r, evk_loop *loop, size_t index, bool *out)
{
    while (loop->passed->n <= index && loop->at_source < loop->n_source) {
        const evk_value *item = &loop->source[loop->at_source++];
        bool passed = false;
        EVK_TRY(evk_render_spend(r, 1));
        EVK_TRY(passes(r, loop, item, &passed));
        if (passed)
            EVK_TRY(evk_list_add(r, loop->passed, *item));
    }
    *out = index < loop->passed->n;
    return EVOKE_OK;
}

static evoke_status open_loop(evk_render *r, const evk_node *n, const evk_value *all, size_t depth, evk_loop **out)
{
    r->at = n->at;
    EVK_TRY(evk_render_take(r, 1, sizeof **out, out));
    evk_loop *loop = *out;
    loop->node = n;
    loop->around = r->scope;
    loop->depth = depth;
    EVK_TRY(evk_list_new(r, EVK_LIST, 0, &loop->passed));
    return evk_iterate(r, all, &loop->source, &loop->n_source);
}

static evoke_status exec_pass(evk_render *r, evk_loop *loop)
{
    const evk_value self = {.kind = EVK_V_LOOP, .loop = loop};
    EVK_TRY(open_scope(r, loop->around));
    EVK_TRY(evk_scope_set(r, r->scope, evk_string_of("loop"), self));
    EVK_TRY(evk_assign(r, loop->node->a, &loop->passed->items[loop->index]));
    return evk_exec(r, loop->node->body);
}

static evoke_status run_loop(evk_render *r, const evk_node *n, const evk_value *all, size_t depth)
{
    evk_loop *loop = NULL;
    bool more = false;
    EVK_TRY(open_loop(r, n, all, depth, &loop));
    EVK_TRY(evk_loop_has(r, loop, 0, &more));
    if (!more)
        return exec_in_scope(r, n->other);
    evk_scope *outer = r->scope;
    while (more) {
        EVK_TRY(exec_pass(r, loop));
        r->scope = outer;
        const bool stop = r->flow == EVK_FLOW_BREAK;
        r->flow = EVK_FLOW_ON;
        if (stop)
            break;
        EVK_TRY(evk_loop_has(r, loop, loop->index + 1, &more));
        loop->index++;
    }
    return EVOKE_OK;
}

static evoke_status exec_for(evk_render *r, const evk_node *n)
{
    evk_value all;
    EVK_TRY(evk_eval(r, n->b, &all));
    return run_loop(r, n, &all, 0);
}

/* loop(x) in a recursive loop: what the loop writes for the items of x, its names those around the outermost one. */
evoke_status evk_call_loop(evk_render *r, const evk_loop *loop, const evk_args *args, evk_value *out)
{
    evk_bytes *outer = r->out, *inner = NULL;
    evk_scope *scope = r->scope;
    if (!(loop->node->flags & EVK_RECURSIVE))
        return evk_render_fail(r, EVOKE_EFORMAT, "a loop is called that is not 'recursive'");
    if (args->n != 1 || args->n_named)
        return evk_render_fail(r, EVOKE_EFORMAT, "a recursive loop takes one argument, not %zu", args->n + args->n_named);
    EVK_TRY(evk_bytes_new(r, 0, &inner));
    r->out = inner;
    r->scope = loop->around;
    EVK_TRY(run_loop(r, loop->node, &args->v[0], loop->depth + 1));
    r->scope = scope;
    r->out = outer;
    *out = evk_text(evk_bytes_view(inner));
    return EVOKE_OK;
}

/* ---- the others ---- */
static evoke_status exec_print(evk_render *r, const evk_node *n)
{
    evk_value v;
    EVK_TRY(evk_eval(r, n->a, &v));
    r->at = n->at;
    return evk_print(r, r->out, &v);
}

static evoke_status exec_if(evk_render *r, const evk_node *n)
{
    for (const evk_node *branch = n->a; branch; branch = branch->next) {
        evk_value test = evk_bool(true);
        if (branch->a)
            EVK_TRY(evk_eval(r, branch->a, &test));
        if (evk_truth(&test))
            return evk_exec(r, branch->body);
    }
    return EVOKE_OK;
}

static evoke_status exec_set(evk_render *r, const evk_node *n)
{
    evk_value v;
    EVK_TRY(evk_eval(r, n->b, &v));
    return evk_assign(r, n->a, &v);
}

static evoke_status exec_set_block(evk_render *r, const evk_node *n)
{
    evk_value text;
    EVK_TRY(evk_capture(r, n->body, &text));
    if (r->flow != EVK_FLOW_ON)
        return EVOKE_OK;
    EVK_TRY(apply_filters(r, n->b, &text));
    return evk_assign(r, n->a, &text);
}

static evoke_status exec_filter_block(evk_render *r, const evk_node *n)
{
    evk_value text;
    EVK_TRY(evk_capture(r, n->body, &text));
    if (r->flow != EVK_FLOW_ON)
        return EVOKE_OK;
    EVK_TRY(apply_filters(r, n->a, &text));
    if (!evk_is_string(&text))
        return evk_render_fail(r, EVOKE_EFORMAT, "a filter block gives a text, not '%s'", evk_type_name(&text));
    return evk_print(r, r->out, &text);
}

static evoke_status make_macro(evk_render *r, const evk_node *n, evk_value *out)
{
    *out = (evk_value){.kind = EVK_V_MACRO};
    EVK_TRY(evk_render_take(r, 1, sizeof *out->macro, &out->macro));
    *out->macro = (evk_macro){n, r->scope};
    return EVOKE_OK;
}

static evoke_status exec_macro(evk_render *r, const evk_node *n)
{
    evk_value macro;
    EVK_TRY(make_macro(r, n, &macro));
    return evk_scope_set(r, r->scope, n->value.s, macro);
}

/* {% call m(x) %}body{% endcall %}: m(x, caller=the body as a macro) */
static evoke_status exec_call_block(evk_render *r, const evk_node *n)
{
    evk_value callee, caller, out;
    evk_args args = {0};
    EVK_TRY(evk_eval(r, n->b->a, &callee));
    EVK_TRY(evk_eval_args(r, n->b->b, &args));
    EVK_TRY(make_macro(r, n, &caller));
    evk_string *names = NULL;
    evk_value *named = NULL;
    EVK_TRY(evk_render_take(r, args.n_named + 1, sizeof *names, &names));
    EVK_TRY(evk_render_take(r, args.n_named + 1, sizeof *named, &named));
    for (size_t i = 0; i < args.n_named; i++) {
        names[i] = args.names[i];
        named[i] = args.named[i];
    }
    names[args.n_named] = evk_string_of("caller");
    named[args.n_named] = caller;
    args.names = names;
    args.named = named;
    args.n_named++;
    r->at = n->at;
    EVK_TRY(evk_call(r, &callee, &args, &out));
    return evk_print(r, r->out, &out);
}

static evoke_status exec_with(evk_render *r, const evk_node *n)
{
    evk_scope *outer = r->scope;
    EVK_TRY(open_scope(r, outer));
    evk_scope *inner = r->scope;
    for (const evk_node *set = n->a; set; set = set->next) {
        evk_value v;
        r->scope = outer;                       /* the values do not see one another */
        EVK_TRY(evk_eval(r, set->b, &v));
        r->scope = inner;
        EVK_TRY(evk_assign(r, set->a, &v));
    }
    EVK_TRY(evk_exec(r, n->body));
    r->scope = outer;
    return EVOKE_OK;
}

static evoke_status exec_one(evk_render *r, const evk_node *n)
{
    switch (n->kind) {
    case EVK_N_TEXT:
        return evk_bytes_add(r, r->out, n->value.s.data, n->value.s.n);
    case EVK_N_PRINT:
        return exec_print(r, n);
    case EVK_N_IF:
        return exec_if(r, n);
    case EVK_N_FOR:
        return exec_for(r, n);
    case EVK_N_SET:
        return exec_set(r, n);
    case EVK_N_SET_BLOCK:
        return exec_set_block(r, n);
    case EVK_N_MACRO:
        return exec_macro(r, n);
    case EVK_N_CALL_BLOCK:
        return exec_call_block(r, n);
    case EVK_N_FILTER_BLOCK:
        return exec_filter_block(r, n);
    case EVK_N_WITH:
        return exec_with(r, n);
    case EVK_N_SCOPE:
        return exec_in_scope(r, n->body);
    default:
        r->flow = n->kind == EVK_N_BREAK ? EVK_FLOW_BREAK : EVK_FLOW_CONTINUE;
        return EVOKE_OK;
    }
}

evoke_status evk_exec(evk_render *r, const evk_node *first)
{
    EVK_TRY(evk_render_enter(r));
    for (const evk_node *n = first; n && r->flow == EVK_FLOW_ON; n = n->next) {
        r->at = n->at;
        EVK_TRY(evk_render_spend(r, 1));
        EVK_TRY(exec_one(r, n));
    }
    r->depth--;
    return EVOKE_OK;
}
