/* layers/chat_template/filters_each.c: filters that ask something of each item: map, select, sort, unique, min, sum. */
#include <string.h>

#include "layers/chat_template/filters.h"

/* ---- what to ask ---- */
/* Arguments from `from` on, for the filter or test that is called on each item. */
static evk_args rest_of(const evk_args *args, size_t from)
{
    evk_args rest = *args;
    rest.v = args->n > from ? args->v + from : NULL;
    rest.n = args->n > from ? args->n - from : 0;
    return rest;
}

static const evk_value *named_arg(const evk_args *args, const char *name)
{
    for (size_t i = 0; i < args->n_named; i++)
        if (evk_string_is(args->names[i], name))
            return &args->named[i];
    return NULL;
}

/* What map and select make of a value that is false, one without items (none, 0) or not: they look no further, as in Jinja2. */
static evoke_status nothing(evk_render *r, evk_value *out)
{
    evk_list *s = NULL;
    EVK_TRY(evk_list_new(r, EVK_GENERATOR, 0, &s));
    *out = evk_seq(s);
    return EVOKE_OK;
}

/* By attribute=..., default=..., or by the name of a filter and its arguments. */
static evoke_status map_one(evk_render *r, const evk_args *args, const evk_builtin *filter, const evk_value *item,
                            evk_value *out)
{
    const evk_value *attribute = named_arg(args, "attribute"), *missing = named_arg(args, "default");
    if (filter) {
        const evk_args rest = rest_of(args, 1);
        return evk_call_builtin(r, filter, item, &rest, out);
    }
    return evk_attribute_path(r, item, attribute, missing, out);
}

static evoke_status filter_map(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const evk_value *items = NULL;
    const evk_builtin *filter = NULL;
    size_t n = 0;
    evk_list *s = NULL;
    if (!evk_truth(self))
        return nothing(r, out);
    if (args->n > 0) {
        evk_string name = {0};
        EVK_TRY(evk_arg_string(r, &args->v[0], NULL, &name));
        filter = evk_filter_find(name);
        if (!filter)
            return evk_render_fail(r, EVOKE_EUNSUPPORTED, "there is no filter '%.*s'", (int)name.n, name.data);
    } else if (!named_arg(args, "attribute")) {
        return evk_render_fail(r, EVOKE_EFORMAT, "map wants a filter's name or an attribute");
    }
    EVK_TRY(evk_iterate(r, self, &items, &n));
    EVK_TRY(evk_list_new(r, EVK_GENERATOR, n, &s));
    for (size_t i = 0; i < n; i++) {
        evk_value v;
        EVK_TRY(map_one(r, args, filter, &items[i], &v));
        EVK_TRY(evk_list_add(r, s, v));
    }
    *out = evk_seq(s);
    return EVOKE_OK;
}

/* select(test, ...), selectattr(attribute, test, ...), and what they leave out; without a test: by truth. */
static evoke_status select_items(evk_render *r, const evk_value *self, const evk_args *args, bool attribute,
                                 bool wanted, evk_value *out)
{
    const size_t skip = attribute ? 1 : 0;
    const evk_args rest = rest_of(args, skip + 1);
    const evk_value *items = NULL;
    const evk_builtin *test = NULL;
    size_t n = 0;
    evk_string name = {0};
    evk_list *s = NULL;
    if (!evk_truth(self))
        return nothing(r, out);
    if (args->n < skip)
        return evk_render_fail(r, EVOKE_EFORMAT, "the attribute to select by is missing");
    if (args->n > skip) {
        EVK_TRY(evk_arg_string(r, &args->v[skip], NULL, &name));
        test = evk_test_find(name);
        if (!test)
            return evk_render_fail(r, EVOKE_EUNSUPPORTED, "there is no test '%.*s'", (int)name.n, name.data);
    }
    EVK_TRY(evk_iterate(r, self, &items, &n));
    EVK_TRY(evk_list_new(r, EVK_GENERATOR, 0, &s));
    for (size_t i = 0; i < n; i++) {
        evk_value v = items[i], result;
        EVK_TRY(evk_render_spend(r, 1));
        if (attribute)
            EVK_TRY(evk_attribute_path(r, &items[i], &args->v[0], NULL, &v));
        result = v;
        if (test)
            EVK_TRY(evk_call_builtin(r, test, &v, &rest, &result));
        if (evk_truth(&result) == wanted)
            EVK_TRY(evk_list_add(r, s, items[i]));
    }
    *out = evk_seq(s);
    return EVOKE_OK;
}

static evoke_status filter_select(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return select_items(r, self, args, false, true, out);
}

static evoke_status filter_reject(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return select_items(r, self, args, false, false, out);
}

static evoke_status filter_selectattr(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return select_items(r, self, args, true, true, out);
}

static evoke_status filter_rejectattr(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return select_items(r, self, args, true, false, out);
}

/* ---- keys: what items are sorted and told apart by ---- */
/* The item, or its attribute; a text in lower case where case does not count. */
static evoke_status key_of(evk_render *r, const evk_value *item, const evk_value *path, bool fold, evk_value *out)
{
    *out = *item;
    if (evk_given(path) && path->kind != EVK_V_NONE)
        EVK_TRY(evk_attribute_path(r, item, path, NULL, out));
    return fold && evk_is_string(out) ? evk_recase(r, out->s, EVK_CASING_LOWER, &out->s) : EVOKE_OK;
}

/* "a,b": a tuple of the two. */
static evoke_status sort_key(evk_render *r, const evk_value *item, const evk_value *path, bool fold, evk_value *out)
{
    const evk_value comma = evk_text(evk_string_of(","));
    evk_value paths;
    evk_list *all = NULL;
    if (!evk_is_string(path) || evk_string_find(path->s, comma.s, 0) == SIZE_MAX)
        return key_of(r, item, path, fold, out);
    EVK_TRY(evk_split(r, path->s, &comma, -1, false, &paths));
    EVK_TRY(evk_list_new(r, EVK_LIST, paths.seq->n, &all));
    for (size_t i = 0; i < paths.seq->n; i++) {
        evk_value v;
        EVK_TRY(key_of(r, item, &paths.seq->items[i], fold, &v));
        EVK_TRY(evk_list_add(r, all, v));
    }
    *out = evk_seq(all);
    return EVOKE_OK;
}

typedef struct keyed { evk_value key, item; } keyed;

/* Merges two sorted runs; equal ones keep their order, from the last to the first too. */
static evoke_status merge(evk_render *r, const keyed *a, size_t n_a, const keyed *b, size_t n_b, bool down, keyed *out)
{
    size_t i = 0, k = 0;
    while (i < n_a || k < n_b) {
        int order = -1;
        if (i == n_a)
            order = 1;
        else if (k < n_b)
            EVK_TRY(evk_compare(r, &b[k].key, &a[i].key, &order));
        else
            order = 0;
        const bool second = i == n_a || (k < n_b && order == (down ? 1 : -1));
        out[i + k] = second ? b[k] : a[i];
        *(second ? &k : &i) += 1;
    }
    return EVOKE_OK;
}

static evoke_status sort_keyed(evk_render *r, keyed *all, size_t n, bool down)
{
    keyed *from = all, *to = NULL;
    EVK_TRY(evk_render_take(r, n, sizeof *to, &to));
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t i = 0; i < n; i += 2 * width) {
            const size_t middle = i + width < n ? i + width : n, end = i + 2 * width < n ? i + 2 * width : n;
            EVK_TRY(evk_render_spend(r, 1));
            EVK_TRY(merge(r, from + i, middle - i, from + middle, end - middle, down, to + i));
        }
        keyed *swap = from;
        from = to;
        to = swap;
    }
    if (from != all && n > 0)
        memcpy(all, from, n * sizeof *all);
    return EVOKE_OK;
}

static evoke_status sorted(evk_render *r, const evk_value *items, size_t n, const evk_value *path, bool fold, bool down,
                           evk_value *out)
{
    keyed *all = NULL;
    evk_list *s = NULL;
    EVK_TRY(evk_render_take(r, n, sizeof *all, &all));
    for (size_t i = 0; i < n; i++) {
        all[i].item = items[i];
        EVK_TRY(sort_key(r, &items[i], path, fold, &all[i].key));
    }
    EVK_TRY(sort_keyed(r, all, n, down));
    EVK_TRY(evk_list_new(r, EVK_LIST, n, &s));
    for (size_t i = 0; i < n; i++)
        EVK_TRY(evk_list_add(r, s, all[i].item));
    *out = evk_seq(s);
    return EVOKE_OK;
}

static evoke_status filter_sort(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const evk_value *items = NULL;
    size_t n = 0;
    EVK_TRY(evk_iterate(r, self, &items, &n));
    return sorted(r, items, n, &args->v[2], !evk_arg_bool(&args->v[1], false), evk_arg_bool(&args->v[0], false), out);
}

static evoke_status filter_dictsort(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    evk_string by;
    evk_value pairs;
    if (self->kind != EVK_V_DICT)
        return evk_render_fail(r, EVOKE_EFORMAT, "dictsort is for a dict, not '%s'", evk_type_name(self));
    EVK_TRY(evk_arg_string(r, &args->v[1], "key", &by));
    if (!evk_string_is(by, "key") && !evk_string_is(by, "value"))
        return evk_render_fail(r, EVOKE_EFORMAT, "dictsort sorts by 'key' or 'value'");
    const evk_value path = evk_int(evk_string_is(by, "value"));
    EVK_TRY(evk_dict_view(r, self->dict, EVK_ITEMS, &pairs));
    return sorted(r, pairs.seq->items, pairs.seq->n, &path, !evk_arg_bool(&args->v[0], false),
                  evk_arg_bool(&args->v[2], false), out);
}

static evoke_status filter_unique(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const evk_value *items = NULL;
    size_t n = 0;
    evk_value seen;
    evk_list *s = NULL;
    EVK_TRY(evk_iterate(r, self, &items, &n));
    EVK_TRY(evk_dict_new(r, 4, &seen));
    EVK_TRY(evk_list_new(r, EVK_GENERATOR, 0, &s));
    for (size_t i = 0; i < n; i++) {
        evk_value key;
        EVK_TRY(key_of(r, &items[i], &args->v[1], !evk_arg_bool(&args->v[0], false), &key));
        const size_t before = seen.dict->n;
        EVK_TRY(evk_dict_set(r, seen.dict, &key, evk_none()));
        if (seen.dict->n > before)
            EVK_TRY(evk_list_add(r, s, items[i]));
    }
    *out = evk_seq(s);
    return EVOKE_OK;
}

/* The first of the least (sign -1) or greatest (1). */
static evoke_status extreme(evk_render *r, const evk_value *self, const evk_args *args, int sign, evk_value *out)
{
    const evk_value *items = NULL;
    const bool fold = !evk_arg_bool(&args->v[0], false);
    size_t n = 0;
    evk_value best = {0}, key;
    EVK_TRY(evk_iterate(r, self, &items, &n));
    *out = evk_undefined(evk_string_of("there is no item, the list is empty"));
    for (size_t i = 0; i < n; i++) {
        int order = sign;
        EVK_TRY(key_of(r, &items[i], &args->v[1], fold, &key));
        if (i > 0)
            EVK_TRY(evk_compare(r, &key, &best, &order));
        if (order != sign)
            continue;
        best = key;
        *out = items[i];
    }
    return EVOKE_OK;
}

static evoke_status filter_min(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return extreme(r, self, args, -1, out);
}

static evoke_status filter_max(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    return extreme(r, self, args, 1, out);
}

static evoke_status filter_sum(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const evk_value *items = NULL;
    size_t n = 0;
    EVK_TRY(evk_iterate(r, self, &items, &n));
    *out = evk_given(&args->v[1]) ? args->v[1] : evk_int(0);
    if (evk_is_string(out))
        return evk_render_fail(r, EVOKE_EFORMAT, "sum is not for texts: use join");
    for (size_t i = 0; i < n; i++) {
        evk_value v;
        const evk_value so_far = *out;
        EVK_TRY(evk_render_spend(r, 1));
        EVK_TRY(key_of(r, &items[i], &args->v[0], false, &v));
        EVK_TRY(evk_binary(r, EVK_OP_ADD, &so_far, &v, out));
    }
    return EVOKE_OK;
}

/* ---- groupby: (grouper, list) for each key, in their order ---- */
static evoke_status fold_key(evk_render *r, bool fold, evk_value *key)
{
    return fold && evk_is_string(key) ? evk_recase(r, key->s, EVK_CASING_LOWER, &key->s) : EVOKE_OK;
}

static evoke_status open_group(evk_render *r, evk_list *groups, const evk_value *key, evk_list **items)
{
    evk_list *pair = NULL;
    EVK_TRY(evk_list_new(r, EVK_TUPLE, 2, &pair));
    EVK_TRY(evk_list_new(r, EVK_LIST, 0, items));
    pair->is_group = true;
    EVK_TRY(evk_list_add(r, pair, *key));
    EVK_TRY(evk_list_add(r, pair, evk_seq(*items)));
    return evk_list_add(r, groups, evk_seq(pair));
}

static evoke_status filter_groupby(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    const bool fold = !evk_arg_bool(&args->v[2], false);
    const evk_value *items = NULL;
    size_t n = 0;
    keyed *all = NULL;
    evk_list *groups = NULL, *now = NULL;
    EVK_TRY(evk_iterate(r, self, &items, &n));
    EVK_TRY(evk_render_take(r, n, sizeof *all, &all));
    for (size_t i = 0; i < n; i++) {
        all[i].item = items[i];
        EVK_TRY(evk_attribute_path(r, &items[i], &args->v[0], &args->v[1], &all[i].key));
        EVK_TRY(fold_key(r, fold, &all[i].key));
    }
    EVK_TRY(sort_keyed(r, all, n, false));
    EVK_TRY(evk_list_new(r, EVK_LIST, 0, &groups));
    for (size_t i = 0; i < n; i++) {
        bool same = false;
        evk_value key;
        if (i > 0)
            EVK_TRY(evk_equal(r, &all[i].key, &all[i - 1].key, &same));
        EVK_TRY(evk_attribute_path(r, &all[i].item, &args->v[0], &args->v[1], &key));      /* as it is written in the first */
        if (!same)
            EVK_TRY(open_group(r, groups, &key, &now));
        EVK_TRY(evk_list_add(r, now, all[i].item));
    }
    *out = evk_seq(groups);
    return EVOKE_OK;
}

static const evk_builtin each_filters[] = {
    { "dictsort",   filter_dictsort,   0, { "case_sensitive", "by", "reverse" } },
    { "groupby",    filter_groupby,    1, { "attribute", "default", "case_sensitive" } },
    { "map",        filter_map,        0, { "*" } },
    { "max",        filter_max,        0, { "case_sensitive", "attribute" } },
    { "min",        filter_min,        0, { "case_sensitive", "attribute" } },
    { "reject",     filter_reject,     0, { "*" } },
    { "rejectattr", filter_rejectattr, 0, { "*" } },
    { "select",     filter_select,     0, { "*" } },
    { "selectattr", filter_selectattr, 0, { "*" } },
    { "sort",       filter_sort,       0, { "reverse", "case_sensitive", "attribute" } },
    { "sum",        filter_sum,        0, { "attribute", "start" } },
    { "unique",     filter_unique,     0, { "case_sensitive", "attribute" } },
};

const evk_builtin *evk_each_filter_find(evk_string name)
{
    return evk_builtin_find(each_filters, sizeof each_filters / sizeof *each_filters, name);
}
