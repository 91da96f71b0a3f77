/* layers/chat_template/call.c: arguments, and what can be called: macros, methods, global functions, filters and tests.
 *
 * A builtin names its parameters in its row of a table; arguments are put in their places here, so that each finds its
 * own in args->v[0 ...] whether they came by position or by name. */
#include <string.h>

#include "layers/chat_template/render.h"

/* ---- evaluation ---- */
typedef struct named { evk_string *names; evk_value *values; size_t n, capacity; } named;

static evoke_status add_named(evk_render *r, named *all, evk_string name, evk_value v)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->names[i].n == name.n && evk_string_compare(all->names[i], name) == 0)
            return evk_render_fail(r, EVOKE_EFORMAT, "the argument '%.*s' is given twice", (int)name.n, name.data);
    if (all->n == all->capacity) {
        const size_t capacity = all->capacity ? 2 * all->capacity : 4;
        evk_string *names = NULL;
        evk_value *values = NULL;
        EVK_TRY(evk_render_take(r, capacity, sizeof *names, &names));
        EVK_TRY(evk_render_take(r, capacity, sizeof *values, &values));
        if (all->n > 0) {
            memcpy(names, all->names, all->n * sizeof *names);
            memcpy(values, all->values, all->n * sizeof *values);
        }
        all->names = names;
        all->values = values;
        all->capacity = capacity;
    }
    EVK_TRY(evk_render_spend(r, all->n / 8 + 1));
    all->names[all->n] = name;
    all->values[all->n++] = v;
    return EVOKE_OK;
}

static evoke_status add_dict(evk_render *r, named *all, const evk_value *v)
{
    if (v->kind != EVK_V_DICT)
        return evk_render_fail(r, EVOKE_EFORMAT, "'**' wants a dict, not '%s'", evk_type_name(v));
    for (size_t i = 0; i < v->dict->n; i++) {
        if (!evk_is_string(&v->dict->keys[i]))
            return evk_render_fail(r, EVOKE_EFORMAT, "'**' wants texts as keys");
        EVK_TRY(add_named(r, all, v->dict->keys[i].s, v->dict->values[i]));
    }
    return EVOKE_OK;
}

static evoke_status add_all(evk_render *r, evk_list *s, const evk_value *v)
{
    const evk_value *items = NULL;
    size_t n = 0;
    EVK_TRY(evk_iterate(r, v, &items, &n));
    for (size_t i = 0; i < n; i++)
        EVK_TRY(evk_list_add(r, s, items[i]));
    return EVOKE_OK;
}

evoke_status evk_eval_args(evk_render *r, const evk_node *first, evk_args *out)
{
    evk_list *placed = NULL;
    named all = {0};
    if (!first)
        return EVOKE_OK;
    EVK_TRY(evk_list_new(r, EVK_TUPLE, 0, &placed));
    for (const evk_node *n = first; n; n = n->next) {
        evk_value v;
        EVK_TRY(evk_eval(r, n->a, &v));
        r->at = n->at;
        if (n->kind == EVK_N_ARG)
            EVK_TRY(evk_list_add(r, placed, v));
        else if (n->kind == EVK_N_KEYWORD)
            EVK_TRY(add_named(r, &all, n->value.s, v));
        else if (n->kind == EVK_N_STAR)
            EVK_TRY(add_all(r, placed, &v));
        else
            EVK_TRY(add_dict(r, &all, &v));
    }
    *out = (evk_args){placed->items, placed->n, all.names, all.values, all.n};
    return EVOKE_OK;
}

/* ---- builtins ---- */
const evk_builtin *evk_builtin_find(const evk_builtin *table, size_t n, evk_string name)
{
    for (size_t i = 0; i < n; i++)
        if (evk_string_is(name, table[i].name))
            return &table[i];
    return NULL;
}

static size_t count_params(const evk_builtin *f)
{
    size_t n = 0;
    while (n < EVK_MAX_PARAMS && f->params[n])
        n++;
    return n;
}

static evoke_status place_named(evk_render *r, const evk_builtin *f, const evk_args *args, size_t n, evk_value *bound)
{
    for (size_t i = 0; i < args->n_named; i++) {
        size_t k = 0;
        while (k < n && !evk_string_is(args->names[i], f->params[k]))
            k++;
        if (k == n || evk_given(&bound[k]))
            return evk_render_fail(r, EVOKE_EFORMAT, "'%s' has no argument '%.*s', or has it already", f->name,
                                (int)args->names[i].n, args->names[i].data);
        bound[k] = args->named[i];
    }
    return EVOKE_OK;
}

/* map may call map, and so on. */
static evoke_status call_deeper(evk_render *r, const evk_builtin *f, const evk_value *self, const evk_args *args,
                                evk_value *out)
{
    EVK_TRY(evk_render_enter(r));
    EVK_TRY(f->call(r, self, args, out));
    r->depth--;
    return EVOKE_OK;
}

evoke_status evk_call_builtin(evk_render *r, const evk_builtin *f, const evk_value *self, const evk_args *args,
                              evk_value *out)
{
    if (f->params[0] && strcmp(f->params[0], "*") == 0)
        return call_deeper(r, f, self, args, out);
    const size_t n = count_params(f);
    evk_value bound[EVK_MAX_PARAMS] = {0};
    if (args->n > n)
        return evk_render_fail(r, EVOKE_EFORMAT, "'%s' takes %zu arguments, not %zu", f->name, n, args->n);
    for (size_t i = 0; i < args->n; i++)
        bound[i] = args->v[i];
    EVK_TRY(place_named(r, f, args, n, bound));
    for (size_t i = 0; i < f->n_required; i++)
        if (!evk_given(&bound[i]))
            return evk_render_fail(r, EVOKE_EFORMAT, "'%s' wants the argument '%s'", f->name, f->params[i]);
    const evk_args all = {.v = bound, .n = n};
    return call_deeper(r, f, self, &all, out);
}

evoke_status evk_arg_int(evk_render *r, const evk_value *v, int64_t missing, int64_t *out)
{
    *out = missing;
    if (!evk_given(v) || v->kind == EVK_V_NONE)
        return EVOKE_OK;
    if (!evk_is_int(v))
        return evk_render_fail(r, EVOKE_EFORMAT, "an argument is an integer, not '%s'", evk_type_name(v));
    *out = evk_as_int(v);
    return EVOKE_OK;
}

evoke_status evk_arg_string(evk_render *r, const evk_value *v, const char *missing, evk_string *out)
{
    if (!evk_given(v) && missing) {
        *out = evk_string_of(missing);
        return EVOKE_OK;
    }
    if (!evk_is_string(v))
        return evk_render_fail(r, EVOKE_EFORMAT, "an argument is a text, not '%s'", evk_type_name(v));
    *out = v->s;
    return EVOKE_OK;
}

bool evk_arg_bool(const evk_value *v, bool missing)
{
    return evk_given(v) ? evk_truth(v) : missing;
}

/* ---- macros ---- */
static const evk_value *find_named(const evk_args *args, evk_string name)
{
    for (size_t i = 0; i < args->n_named; i++)
        if (args->names[i].n == name.n && evk_string_compare(args->names[i], name) == 0)
            return &args->named[i];
    return NULL;
}

static evoke_status bind_param(evk_render *r, const evk_node *param, const evk_value *given)
{
    evk_value v = {0};
    const evk_string name = param->value.s;
    if (given) {
        v = *given;
    } else if (param->a) {
        EVK_TRY(evk_eval(r, param->a, &v));
    } else {
        v = evk_undefined((evk_string){0});
        EVK_TRY(evk_string_format(r, &v.s, "the parameter '%.*s' was not given", (int)name.n,
                                  name.data));
    }
    return evk_scope_set(r, r->scope, name, v);
}

/* Arguments beyond the parameters, by position. */
static evoke_status bind_varargs(evk_render *r, const evk_macro *m, const evk_args *args, size_t n_params)
{
    evk_list *rest = NULL;
    if (!(m->node->flags & EVK_USES_VARARGS)) {
        if (args->n > n_params)
            return evk_render_fail(r, EVOKE_EFORMAT, "a macro takes %zu arguments, not %zu", n_params, args->n);
        return EVOKE_OK;
    }
    EVK_TRY(evk_list_new(r, EVK_TUPLE, 0, &rest));
    for (size_t i = n_params; i < args->n; i++)
        EVK_TRY(evk_list_add(r, rest, args->v[i]));
    return evk_scope_set(r, r->scope, evk_string_of("varargs"), evk_seq(rest));
}

static bool is_param(const evk_macro *m, evk_string name, size_t n_placed)
{
    size_t i = 0;
    for (const evk_node *p = m->node->a; p; p = p->next, i++)
        if (i >= n_placed && p->value.s.n == name.n && evk_string_compare(p->value.s, name) == 0)
            return true;
    return false;
}

/* Arguments beyond the parameters, by name; `caller` is the body of a call block. */
static evoke_status bind_kwargs(evk_render *r, const evk_macro *m, const evk_args *args)
{
    const unsigned uses = m->node->flags;
    const evk_string caller_name = evk_string_of("caller");
    const evk_value *caller = find_named(args, caller_name);
    evk_value rest;
    EVK_TRY(evk_dict_new(r, 4, &rest));
    if ((uses & EVK_USES_CALLER) && !is_param(m, caller_name, 0))
        EVK_TRY(evk_scope_set(r, r->scope, caller_name, caller ? *caller
                              : evk_undefined(evk_string_of("'caller' is undefined: this is no call block"))));
    for (size_t i = 0; i < args->n_named; i++) {
        const evk_value key = evk_text(args->names[i]);
        if (is_param(m, key.s, args->n) || ((uses & EVK_USES_CALLER) && evk_string_is(key.s, "caller")))
            continue;
        if (!(uses & EVK_USES_KWARGS))
            return evk_render_fail(r, EVOKE_EFORMAT, "a macro has no argument '%.*s'", (int)key.s.n, key.s.data);
        EVK_TRY(evk_dict_set(r, rest.dict, &key, args->named[i]));
    }
    return uses & EVK_USES_KWARGS ? evk_scope_set(r, r->scope, evk_string_of("kwargs"), rest) : EVOKE_OK;
}

static evoke_status bind_params(evk_render *r, const evk_macro *m, const evk_args *args)
{
    size_t i = 0;
    for (const evk_node *p = m->node->a; p; p = p->next, i++) {
        EVK_TRY(evk_render_spend(r, args->n_named / 2));        /* each name is held against each parameter, twice */
        EVK_TRY(bind_param(r, p, i < args->n ? &args->v[i] : find_named(args, p->value.s)));
    }
    EVK_TRY(bind_varargs(r, m, args, i));
    return bind_kwargs(r, m, args);
}

evoke_status evk_call_macro(evk_render *r, const evk_macro *m, const evk_args *args, evk_value *out)
{
    evk_scope *outer = r->scope, *inner = NULL;
    EVK_TRY(evk_render_take(r, 1, sizeof *inner, &inner));
    inner->around = m->scope;
    r->scope = inner;
    EVK_TRY(bind_params(r, m, args));
    EVK_TRY(evk_capture(r, m->node->body, out));
    r->scope = outer;
    return EVOKE_OK;
}

/* ---- any callee ---- */
evoke_status evk_call(evk_render *r, const evk_value *callee, const evk_args *args, evk_value *out)
{
    EVK_TRY(evk_render_enter(r));
    switch (callee->kind) {
    case EVK_V_MACRO:
        EVK_TRY(evk_call_macro(r, callee->macro, args, out));
        break;
    case EVK_V_FUNCTION:
        EVK_TRY(evk_call_builtin(r, callee->fn.builtin, callee->fn.self, args, out));
        break;
    case EVK_V_UNDEFINED:
        return evk_render_fail(r, EVOKE_EUNSUPPORTED, "%.*s, and cannot be called", (int)callee->s.n, callee->s.data);
    case EVK_V_LOOP:
        EVK_TRY(evk_call_loop(r, callee->loop, args, out));
        break;
    default:
        return evk_render_fail(r, EVOKE_EFORMAT, "'%s' cannot be called", evk_type_name(callee));
    }
    r->depth--;
    return EVOKE_OK;
}
