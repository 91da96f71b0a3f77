/* layers/chat_template/filters_list.c: filters of lists and dicts that take them whole. */
#include "layers/chat_template/filters.h"

static evoke_status filter_default(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)r;
    const bool empty = evk_arg_bool(&args->v[1], false) && !evk_truth(self);
    *out = *self;
    if (self->kind == EVK_V_UNDEFINED || empty)
        *out = evk_given(&args->v[0]) ? args->v[0] : evk_text((evk_string){0});
    return EVOKE_OK;
}

static evoke_status filter_length(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    int64_t n = 0;
    EVK_TRY(evk_value_length(r, self, &n));
    *out = evk_int(n);
    return EVOKE_OK;
}

static evoke_status filter_list(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    const evk_value *items = NULL;
    size_t n = 0;
    evk_list *s = NULL;
    EVK_TRY(evk_iterate(r, self, &items, &n));
    EVK_TRY(evk_list_new(r, EVK_LIST, n, &s));
    for (size_t i = 0; i < n; i++)
        EVK_TRY(evk_list_add(r, s, items[i]));
    *out = evk_seq(s);
    return EVOKE_OK;
}

/* Of a generator the first item is taken, and the others stay. */
static evoke_status filter_first(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    const evk_value *items = NULL;
    size_t n = 0;
    EVK_TRY(evk_iterate(r, self, &items, &n));
    *out = n ? items[0] : evk_undefined(evk_string_of("there is no first item"));
    if (n && evk_is_seq(self, EVK_GENERATOR)) {
        self->seq->items++;
        self->seq->n = n - 1;
        self->seq->capacity = n - 1;
    }
    return EVOKE_OK;
}

static evoke_status filter_last(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    const evk_value *items = NULL;
    size_t n = 0;
    if (evk_is_seq(self, EVK_GENERATOR))
        return evk_render_fail(r, EVOKE_EFORMAT, "a generator has no last item: make it a list first");
    EVK_TRY(evk_iterate(r, self, &items, &n));
    *out = n ? items[n - 1] : evk_undefined(evk_string_of("there is no last item"));
    return EVOKE_OK;
}

/* Lazy over what has an end to begin at; what has none, a generator, becomes a list. */
static evoke_status filter_reverse(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    const evk_value *items = NULL, back[3] = { {0}, {0}, evk_int(-1) };
    size_t n = 0;
    evk_list *s = NULL;
    if (evk_is_string(self))
        return evk_slice(r, self, back, out);
    EVK_TRY(evk_iterate(r, self, &items, &n));
    EVK_TRY(evk_list_new(r, evk_is_seq(self, EVK_GENERATOR) ? EVK_LIST : EVK_GENERATOR, n, &s));
    for (size_t i = n; i-- > 0;)
        EVK_TRY(evk_list_add(r, s, items[i]));
    *out = evk_seq(s);
    return EVOKE_OK;
}

static evoke_status filter_items(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    const evk_dict none = {0};
    if (self->kind != EVK_V_DICT && self->kind != EVK_V_UNDEFINED)
        return evk_render_fail(r, EVOKE_EFORMAT, "'items' is for a dict, not '%s'", evk_type_name(self));
    return evk_dict_view(r, self->kind == EVK_V_DICT ? self->dict : &none, EVK_GENERATOR, out);
}

static evoke_status filter_join(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const evk_value *items = NULL, *path = &args->v[1];
    size_t n = 0;
    evk_string between = {0};
    evk_list *parts = NULL;
    if (evk_given(&args->v[0]))
        EVK_TRY(evk_to_string(r, &args->v[0], &between));
    EVK_TRY(evk_iterate(r, self, &items, &n));
    if (!evk_given(path) || path->kind == EVK_V_NONE)
        return evk_join(r, between, items, n, true, out);
    EVK_TRY(evk_list_new(r, EVK_LIST, n, &parts));
    for (size_t i = 0; i < n; i++) {
        evk_value v;
        EVK_TRY(evk_attribute_path(r, &items[i], path, NULL, &v));
        EVK_TRY(evk_list_add(r, parts, v));
    }
    return evk_join(r, between, parts->items, n, true, out);
}

static evoke_status filter_attr(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    evk_string name;
    EVK_TRY(evk_arg_string(r, &args->v[0], NULL, &name));
    const evk_builtin *method = evk_method_find(self, name);
    if (method || self->kind == EVK_V_LOOP || self->kind == EVK_V_NAMESPACE || self->kind == EVK_V_UNDEFINED)
        return evk_attribute(r, self, name, out);
    *out = evk_undefined(evk_string_of("there is no such attribute"));      /* items of a dict are none */
    return EVOKE_OK;
}

static evoke_status filter_batch(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const evk_value *items = NULL;
    size_t n = 0;
    int64_t size = 0;
    evk_list *all = NULL, *now = NULL;
    EVK_TRY(evk_arg_int(r, &args->v[0], 0, &size));
    EVK_TRY(evk_iterate(r, self, &items, &n));
    EVK_TRY(evk_list_new(r, EVK_GENERATOR, 0, &all));
    for (size_t i = 0; i < n; i++) {
        if (!now || (int64_t)now->n == size) {
            EVK_TRY(evk_render_spend(r, 1));
            EVK_TRY(evk_list_new(r, EVK_LIST, 0, &now));
            EVK_TRY(evk_list_add(r, all, evk_seq(now)));
        }
        EVK_TRY(evk_list_add(r, now, items[i]));
    }
    const bool fill = now && evk_given(&args->v[1]) && args->v[1].kind != EVK_V_NONE;
    while (fill && (int64_t)now->n < size) {
        EVK_TRY(evk_render_spend(r, 1));
        EVK_TRY(evk_list_add(r, now, args->v[1]));
    }
    *out = evk_seq(all);
    return EVOKE_OK;
}

/* slice(3): three lists in all, the longer ones first; fill_with makes the others as long. */
static evoke_status filter_slice(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const evk_value *items = NULL;
    size_t n = 0, at = 0;
    int64_t slices = 0;
    evk_list *all = NULL, *one = NULL;
    EVK_TRY(evk_arg_int(r, &args->v[0], 0, &slices));
    EVK_TRY(evk_iterate(r, self, &items, &n));
    if (slices == 0)
        return evk_render_fail(r, EVOKE_EFORMAT, "division by zero");
    EVK_TRY(evk_list_new(r, EVK_GENERATOR, 0, &all));
    const bool filled = evk_given(&args->v[1]) && args->v[1].kind != EVK_V_NONE;
    for (int64_t i = 0; i < slices; i++) {
        const size_t more = (uint64_t)i < n % (uint64_t)slices, size = n / (uint64_t)slices + more;
        EVK_TRY(evk_render_spend(r, 2));
        EVK_TRY(evk_list_new(r, EVK_LIST, size + 1, &one));
        for (size_t k = 0; k < size; k++)
            EVK_TRY(evk_list_add(r, one, items[at++]));
        if (filled && !more)
            EVK_TRY(evk_list_add(r, one, args->v[1]));
        EVK_TRY(evk_list_add(r, all, evk_seq(one)));
    }
    *out = evk_seq(all);
    return EVOKE_OK;
}

static const evk_builtin list_filters[] = {
    { "attr",    filter_attr,    1, { "name" } },
    { "batch",   filter_batch,   1, { "linecount", "fill_with" } },
    { "count",   filter_length,  0, { NULL } },
    { "d",       filter_default, 0, { "default_value", "boolean" } },
    { "default", filter_default, 0, { "default_value", "boolean" } },
    { "first",   filter_first,   0, { NULL } },
    { "items",   filter_items,   0, { NULL } },
    { "join",    filter_join,    0, { "d", "attribute" } },
    { "last",    filter_last,    0, { NULL } },
    { "length",  filter_length,  0, { NULL } },
    { "list",    filter_list,    0, { NULL } },
    { "reverse", filter_reverse, 0, { NULL } },
    { "slice",   filter_slice,   1, { "slices", "fill_with" } },
};

const evk_builtin *evk_list_filter_find(evk_string name)
{
    return evk_builtin_find(list_filters, sizeof list_filters / sizeof *list_filters, name);
}
