/* layers/chat_template/methods.c: methods of dicts, lists and loops, and where methods are found.
 *
 * Those that change what they belong to are not here: the sandbox in which transformers renders has none. */
#include "layers/chat_template/methods.h"

/* ---- dict ---- */
static evoke_status dict_items(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    return evk_dict_view(r, self->dict, EVK_ITEMS, out);
}

static evoke_status dict_keys(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    return evk_dict_view(r, self->dict, EVK_KEYS, out);
}

static evoke_status dict_values(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    return evk_dict_view(r, self->dict, EVK_VALUES, out);
}

static evoke_status dict_get(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const evk_value *found = NULL;
    EVK_TRY(evk_dict_get(r, self->dict, &args->v[0], &found));
    *out = found ? *found : evk_given(&args->v[1]) ? args->v[1] : evk_none();
    return EVOKE_OK;
}

static evoke_status copy_self(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)r;
    (void)args;
    *out = *self;               /* it never changes */
    return EVOKE_OK;
}

static const evk_builtin dict_methods[] = {
    { "items",  dict_items,  0, { NULL } },
    { "keys",   dict_keys,   0, { NULL } },
    { "values", dict_values, 0, { NULL } },
    { "get",    dict_get,    1, { "key", "default" } },
    { "copy",   copy_self,   0, { NULL } },
};

/* ---- list, tuple ---- */
static evoke_status list_count(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    int64_t n = 0;
    bool same = false;
    for (size_t i = 0; i < self->seq->n; i++) {
        EVK_TRY(evk_equal(r, &self->seq->items[i], &args->v[0], &same));
        n += same;
    }
    *out = evk_int(n);
    return EVOKE_OK;
}

static int64_t bound(int64_t i, int64_t n)
{
    if (i < 0)
        i += n;
    return i < 0 ? 0 : i > n ? n : i;
}

static evoke_status list_index(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const int64_t n = (int64_t)self->seq->n;
    int64_t start = 0, stop = n;
    bool same = false;
    EVK_TRY(evk_arg_int(r, &args->v[1], 0, &start));
    EVK_TRY(evk_arg_int(r, &args->v[2], n, &stop));
    start = bound(start, n);
    stop = bound(stop, n);
    for (int64_t i = start; i < stop; i++) {
        EVK_TRY(evk_equal(r, &self->seq->items[i], &args->v[0], &same));
        if (!same)
            continue;
        *out = evk_int(i);
        return EVOKE_OK;
    }
    return evk_render_fail(r, EVOKE_EFORMAT, "index: the value is not in the list");
}

static const evk_builtin list_methods[] = {
    { "count", list_count, 1, { "value" } },
    { "index", list_index, 1, { "value", "start", "stop" } },
    { "copy",  copy_self,  0, { NULL } },
};

/* ---- loop ---- */
static evoke_status loop_cycle(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    if (args->n == 0)
        return evk_render_fail(r, EVOKE_EFORMAT, "loop.cycle wants something to go round");
    *out = args->v[self->loop->index % args->n];
    return EVOKE_OK;
}

/* Whether the arguments are others than at the last call. */
static evoke_status loop_changed(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    bool same = false;
    evk_list *now = NULL;
    EVK_TRY(evk_list_new(r, EVK_TUPLE, args->n, &now));
    for (size_t i = 0; i < args->n; i++)
        EVK_TRY(evk_list_add(r, now, args->v[i]));
    const evk_value v = evk_seq(now);
    if (self->loop->changed.kind == EVK_V_SEQUENCE)
        EVK_TRY(evk_equal(r, &self->loop->changed, &v, &same));
    self->loop->changed = v;
    *out = evk_bool(!same);
    return EVOKE_OK;
}

/* ---- cycler ---- */
static evoke_status cycler_next(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)r;
    (void)args;
    evk_list *s = self->seq;
    *out = s->items[s->range[0]];
    s->range[0] = (s->range[0] + 1) % (int64_t)s->n;
    return EVOKE_OK;
}

static evoke_status cycler_reset(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)r;
    (void)args;
    self->seq->range[0] = 0;
    *out = evk_none();
    return EVOKE_OK;
}

static const evk_builtin cycler_methods[] = {
    { "next",  cycler_next,  0, { NULL } },
    { "reset", cycler_reset, 0, { NULL } },
};

static const evk_builtin loop_methods[] = {
    { "cycle",   loop_cycle,   0, { "*" } },
    { "changed", loop_changed, 0, { "*" } },
};

bool evk_method_is_refused(const evk_value *self, evk_string name)
{
    static const char *const refused[] = {
        "clear", "pop", "popitem", "setdefault", "update",                      /* of a dict */
        "clear", "pop", "append", "reverse", "insert", "sort", "extend", "remove"
    };
    const bool dict = self->kind == EVK_V_DICT;
    if (!dict && !evk_is_seq(self, EVK_LIST))
        return false;
    for (size_t i = dict ? 0 : 5; i < (dict ? 5 : sizeof refused / sizeof *refused); i++)
        if (evk_string_is(name, refused[i]))
            return true;
    return false;
}

bool evk_method_is_known(evk_string name)
{
    return evk_text_method_find(name) || evk_text_question_find(name) ||
           evk_builtin_find(dict_methods, sizeof dict_methods / sizeof *dict_methods, name) ||
           evk_builtin_find(loop_methods, sizeof loop_methods / sizeof *loop_methods, name) ||
           evk_builtin_find(cycler_methods, sizeof cycler_methods / sizeof *cycler_methods, name) ||
           evk_builtin_find(list_methods, sizeof list_methods / sizeof *list_methods, name);
}

const evk_builtin *evk_method_find(const evk_value *self, evk_string name)
{
    if (evk_is_string(self)) {
        const evk_builtin *f = evk_text_method_find(name);
        return f ? f : evk_text_question_find(name);
    }
    if (self->kind == EVK_V_DICT)
        return evk_builtin_find(dict_methods, sizeof dict_methods / sizeof *dict_methods, name);
    if (self->kind == EVK_V_LOOP)
        return evk_builtin_find(loop_methods, sizeof loop_methods / sizeof *loop_methods, name);
    if (self->kind == EVK_V_CYCLER)
        return evk_builtin_find(cycler_methods, sizeof cycler_methods / sizeof *cycler_methods, name);
    if (evk_is_seq(self, EVK_LIST))
        return evk_builtin_find(list_methods, sizeof list_methods / sizeof *list_methods, name);
    if (evk_is_seq(self, EVK_TUPLE) || evk_is_seq(self, EVK_RANGE))
        return evk_builtin_find(list_methods, 2, name);
    return NULL;
}
