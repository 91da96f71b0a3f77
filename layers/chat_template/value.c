/* layers/chat_template/value.c: truth, equality, order, membership; lists and dicts. The rules are Python's. */
#include <string.h>

#include "layers/chat_template/render.h"

const char *evk_type_name(const evk_value *v)
{
    static const char *const flavors[] = {
        "list", "tuple", "range", "generator", "dict_keys", "dict_values", "dict_items"
    };
    static const char *const kinds[] = {
        "missing argument", "undefined", "NoneType", "bool", "int", "float", "str", "list", "dict", "namespace", "loop",
        "macro", "function", "cycler"
    };
    return v->kind == EVK_V_SEQUENCE ? flavors[v->seq->flavor] : kinds[v->kind];
}

bool evk_truth(const evk_value *v)
{
    switch (v->kind) {
    case EVK_V_ABSENT: case EVK_V_UNDEFINED: case EVK_V_NONE:
        return false;
    case EVK_V_BOOL:
        return v->b;
    case EVK_V_INT:
        return v->i != 0;
    case EVK_V_FLOAT:
        return v->f < 0 || v->f > 0 || v->f != v->f;
    case EVK_V_STRING:
        return v->s.n > 0;
    case EVK_V_SEQUENCE:
        return v->seq->flavor == EVK_GENERATOR || v->seq->n > 0;
    case EVK_V_DICT:
        return v->dict->n > 0;
    default:
        return true;
    }
}

/* ---- numbers: a 64 bit integer and a double are compared as they are, not rounded to one another ---- */
static int compare_int_float(int64_t i, double f)
{
    if (f >= 0x1p63)
        return -1;
    if (f < -0x1p63)
        return 1;
    const int64_t whole = (int64_t)f;
    if (i != whole)
        return i < whole ? -1 : 1;
    const double rest = f - (double)whole;
    return (rest < 0) - (rest > 0);
}

/* -1, 0, 1, or 2 where one is not a number. */
static int compare_numbers(const evk_value *a, const evk_value *b)
{
    const bool a_int = evk_is_int(a), b_int = evk_is_int(b);
    if (a_int && b_int)
        return (evk_as_int(a) > evk_as_int(b)) - (evk_as_int(a) < evk_as_int(b));
    if ((!a_int && a->f != a->f) || (!b_int && b->f != b->f))
        return 2;
    if (a_int)
        return compare_int_float(evk_as_int(a), b->f);
    if (b_int)
        return -compare_int_float(evk_as_int(b), a->f);
    return (a->f > b->f) - (a->f < b->f);
}

/* ---- equality ---- */
static evoke_status equal_sequences(evk_render *r, const evk_list *a, const evk_list *b, bool *out)
{
    *out = a == b;
    if (*out || a->flavor != b->flavor || a->n != b->n || a->flavor == EVK_GENERATOR || a->flavor == EVK_VALUES)
        return EVOKE_OK;
    *out = true;
    for (size_t i = 0; i < a->n && *out; i++)
        EVK_TRY(evk_equal(r, &a->items[i], &b->items[i], out));
    return EVOKE_OK;
}

static evoke_status equal_dicts(evk_render *r, const evk_dict *a, const evk_dict *b, bool *out)
{
    *out = a->n == b->n;
    for (size_t i = 0; i < a->n && *out; i++) {
        const evk_value *other = NULL;
        EVK_TRY(evk_dict_get(r, b, &a->keys[i], &other));
        *out = other != NULL;
        if (other)
            EVK_TRY(evk_equal(r, &a->values[i], other, out));
    }
    return EVOKE_OK;
}

static evoke_status equal_same_kind(evk_render *r, const evk_value *a, const evk_value *b, bool *out)
{
    switch (a->kind) {
    case EVK_V_UNDEFINED: case EVK_V_NONE:
        *out = true;
        return EVOKE_OK;
    case EVK_V_STRING:
        *out = a->s.n == b->s.n && evk_string_compare(a->s, b->s) == 0;
        return evk_render_spend_bytes(r, a->s.n == b->s.n ? a->s.n : 0);
    case EVK_V_SEQUENCE:
        return equal_sequences(r, a->seq, b->seq, out);
    case EVK_V_DICT:
        return equal_dicts(r, a->dict, b->dict, out);
    case EVK_V_NAMESPACE:
        *out = a->dict == b->dict;
        return EVOKE_OK;
    case EVK_V_MACRO:
        *out = a->macro == b->macro;
        return EVOKE_OK;
    case EVK_V_LOOP:
        *out = a->loop == b->loop;
        return EVOKE_OK;
    case EVK_V_CYCLER:
        *out = a->seq == b->seq;
        return EVOKE_OK;
    default:
        *out = a->fn.builtin == b->fn.builtin && !a->fn.self && !b->fn.self;
        return EVOKE_OK;
    }
}

evoke_status evk_equal(evk_render *r, const evk_value *a, const evk_value *b, bool *out)
{
    EVK_TRY(evk_render_spend(r, 1));
    if (evk_is_number(a) && evk_is_number(b)) {
        *out = compare_numbers(a, b) == 0;
        return EVOKE_OK;
    }
    *out = false;
    if (a->kind != b->kind)
        return EVOKE_OK;
    EVK_TRY(evk_render_enter(r));
    EVK_TRY(equal_same_kind(r, a, b, out));
    r->depth--;
    return EVOKE_OK;
}

/* ---- order ---- */
static evoke_status compare_sequences(evk_render *r, const evk_list *a, const evk_list *b, int *out)
{
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        bool same = false;
        EVK_TRY(evk_equal(r, &a->items[i], &b->items[i], &same));
        if (!same)
            return evk_compare(r, &a->items[i], &b->items[i], out);
    }
    *out = (a->n > b->n) - (a->n < b->n);
    return EVOKE_OK;
}

evoke_status evk_compare(evk_render *r, const evk_value *a, const evk_value *b, int *out)
{
    EVK_TRY(evk_render_spend(r, 1));
    if (evk_is_number(a) && evk_is_number(b)) {
        *out = compare_numbers(a, b);
        return EVOKE_OK;
    }
    if (evk_is_string(a) && evk_is_string(b)) {
        *out = evk_string_compare(a->s, b->s);
        return evk_render_spend_bytes(r, a->s.n);
    }
    const bool lists = evk_is_seq(a, EVK_LIST) && evk_is_seq(b, EVK_LIST);
    if (lists || (evk_is_seq(a, EVK_TUPLE) && evk_is_seq(b, EVK_TUPLE))) {
        EVK_TRY(evk_render_enter(r));
        EVK_TRY(compare_sequences(r, a->seq, b->seq, out));
        r->depth--;
        return EVOKE_OK;
    }
    if (a->kind == EVK_V_UNDEFINED || b->kind == EVK_V_UNDEFINED) {
        const evk_value *u = a->kind == EVK_V_UNDEFINED ? a : b;
        return evk_render_fail(r, EVOKE_EFORMAT, "%.*s", (int)u->s.n, u->s.data);
    }
    return evk_render_fail(r, EVOKE_EFORMAT, "'%s' and '%s' have no order", evk_type_name(a), evk_type_name(b));
}

/* ---- membership, iteration, length ---- */
evoke_status evk_contains(evk_render *r, const evk_value *all, const evk_value *one, bool *out)
{
    *out = false;
    if (evk_is_string(all)) {
        if (!evk_is_string(one))
            return evk_render_fail(r, EVOKE_EFORMAT, "'in' of a text wants a text, not '%s'", evk_type_name(one));
        *out = evk_string_find(all->s, one->s, 0) != SIZE_MAX;
        return evk_render_spend_bytes(r, all->s.n);
    }
    if (all->kind == EVK_V_DICT) {
        const evk_value *found = NULL;
        EVK_TRY(evk_dict_get(r, all->dict, one, &found));
        *out = found != NULL;
        return EVOKE_OK;
    }
    const evk_value *items = NULL;
    size_t n = 0;
    EVK_TRY(evk_iterate(r, all, &items, &n));
    for (size_t i = 0; i < n && !*out; i++)
        EVK_TRY(evk_equal(r, &items[i], one, out));
    return EVOKE_OK;
}

static evoke_status characters(evk_render *r, evk_string s, const evk_value **items, size_t *n)
{
    evk_value *all = NULL;
    const size_t length = evk_string_length(s);
    EVK_TRY(evk_render_spend(r, length / 4));
    EVK_TRY(evk_render_take(r, length, sizeof *all, &all));
    for (size_t i = 0, at = 0; i < length; i++) {
        const size_t size = evk_string_offset(evk_string_part(s, at, s.n), 1);
        all[i] = evk_text(evk_string_part(s, at, at + size));
        at += size;
    }
    *items = all;
    *n = length;
    return EVOKE_OK;
}

evoke_status evk_iterate(evk_render *r, const evk_value *v, const evk_value **items, size_t *n)
{
    *items = NULL;
    *n = 0;
    switch (v->kind) {
    case EVK_V_UNDEFINED:
        return EVOKE_OK;
    case EVK_V_STRING:
        return characters(r, v->s, items, n);
    case EVK_V_SEQUENCE:
        *items = v->seq->items;
        *n = v->seq->n;
        if (v->seq->flavor == EVK_GENERATOR)
            v->seq->n = 0;
        return EVOKE_OK;
    case EVK_V_DICT:
        *items = v->dict->keys;
        *n = v->dict->n;
        return EVOKE_OK;
    default:
        return evk_render_fail(r, EVOKE_EFORMAT, "'%s' is not iterable", evk_type_name(v));
    }
}

evoke_status evk_value_length(evk_render *r, const evk_value *v, int64_t *out)
{
    *out = 0;
    switch (v->kind) {
    case EVK_V_UNDEFINED:
        return EVOKE_OK;
    case EVK_V_STRING:
        *out = (int64_t)evk_string_length(v->s);
        return evk_render_spend_bytes(r, v->s.n);
    case EVK_V_DICT:
        *out = (int64_t)v->dict->n;
        return EVOKE_OK;
    case EVK_V_SEQUENCE:
        *out = (int64_t)v->seq->n;
        if (v->seq->flavor != EVK_GENERATOR)
            return EVOKE_OK;
        break;
    case EVK_V_LOOP: {
        bool more = true;
        while (more)
            EVK_TRY(evk_loop_has(r, v->loop, v->loop->passed->n, &more));
        *out = (int64_t)v->loop->passed->n;
        return EVOKE_OK;
    }
    default:
        break;
    }
    return evk_render_fail(r, EVOKE_EFORMAT, "'%s' has no length", evk_type_name(v));
}

/* ---- sequences ---- */
evoke_status evk_list_new(evk_render *r, evk_flavor flavor, size_t capacity, evk_list **out)
{
    EVK_TRY(evk_render_take(r, 1, sizeof **out, out));
    (*out)->flavor = flavor;
    if (capacity == 0)
        return EVOKE_OK;
    EVK_TRY(evk_render_spend(r, capacity / 8));
    EVK_TRY(evk_render_take(r, capacity, sizeof *(*out)->items, &(*out)->items));
    (*out)->capacity = capacity;
    return EVOKE_OK;
}

evoke_status evk_list_add(evk_render *r, evk_list *s, evk_value v)
{
    if (s->n == s->capacity) {
        const size_t capacity = s->capacity ? 2 * s->capacity : 8;
        evk_value *grown = NULL;
        EVK_TRY(evk_render_spend(r, s->n / 8 + 1));
        EVK_TRY(evk_render_take(r, capacity, sizeof *grown, &grown));
        if (s->n > 0)
            memcpy(grown, s->items, s->n * sizeof *grown);
        s->items = grown;
        s->capacity = capacity;
    }
    s->items[s->n++] = v;
    return EVOKE_OK;
}

/* ---- dicts ---- */
evoke_status evk_dict_new(evk_render *r, size_t capacity, evk_value *out)
{
    evk_dict *d = NULL;
    EVK_TRY(evk_render_take(r, 1, sizeof *d, &d));
    EVK_TRY(evk_render_take(r, capacity, sizeof *d->keys, &d->keys));
    EVK_TRY(evk_render_take(r, capacity, sizeof *d->values, &d->values));
    d->capacity = capacity;
    *out = (evk_value){.kind = EVK_V_DICT, .dict = d};
    return EVOKE_OK;
}

evoke_status evk_find_unhashable(evk_render *r, const evk_value *v, const evk_value **out)
{
    *out = NULL;
    EVK_TRY(evk_render_spend(r, 1));
    if (v->kind == EVK_V_DICT || evk_is_seq(v, EVK_LIST) || evk_is_seq(v, EVK_KEYS) || evk_is_seq(v, EVK_ITEMS)) {
        *out = v;
    } else if (evk_is_seq(v, EVK_TUPLE)) {
        EVK_TRY(evk_render_enter(r));
        for (size_t i = 0; i < v->seq->n && !*out; i++)
            EVK_TRY(evk_find_unhashable(r, &v->seq->items[i], out));
        r->depth--;
    }
    return EVOKE_OK;
}

static evoke_status find_key(evk_render *r, const evk_dict *d, const evk_value *key, size_t *at)
{
    const evk_value *unhashable = NULL;
    EVK_TRY(evk_find_unhashable(r, key, &unhashable));
    if (unhashable)
        return evk_render_fail(r, EVOKE_EFORMAT, "a '%s' cannot be a key", evk_type_name(unhashable));
    bool same = false;
    for (*at = 0; *at < d->n; ++*at) {
        EVK_TRY(evk_equal(r, &d->keys[*at], key, &same));
        if (same)
            return EVOKE_OK;
    }
    return EVOKE_OK;
}

evoke_status evk_dict_get(evk_render *r, const evk_dict *d, const evk_value *key, const evk_value **out)
{
    size_t at = 0;
    EVK_TRY(find_key(r, d, key, &at));
    *out = at < d->n ? &d->values[at] : NULL;
    return EVOKE_OK;
}

const evk_value *evk_dict_find(const evk_dict *d, evk_string key)
{
    for (size_t i = 0; i < d->n; i++)
        if (evk_is_string(&d->keys[i]) && d->keys[i].s.n == key.n && evk_string_compare(d->keys[i].s, key) == 0)
            return &d->values[i];
    return NULL;
}

static evoke_status grow_dict(evk_render *r, evk_dict *d)
{
    const size_t capacity = d->capacity ? 2 * d->capacity : 4;
    evk_value *keys = NULL, *values = NULL;
    EVK_TRY(evk_render_take(r, capacity, sizeof *keys, &keys));
    EVK_TRY(evk_render_take(r, capacity, sizeof *values, &values));
    if (d->n > 0) {
        memcpy(keys, d->keys, d->n * sizeof *keys);
        memcpy(values, d->values, d->n * sizeof *values);
    }
    d->keys = keys;
    d->values = values;
    d->capacity = capacity;
    return EVOKE_OK;
}

evoke_status evk_dict_set(evk_render *r, evk_dict *d, const evk_value *key, evk_value value)
{
    size_t at = 0;
    EVK_TRY(find_key(r, d, key, &at));
    if (at == d->n) {
        if (d->n == d->capacity)
            EVK_TRY(grow_dict(r, d));
        d->keys[d->n++] = *key;
    }
    d->values[at] = value;
    return EVOKE_OK;
}

evoke_status evk_dict_view(evk_render *r, const evk_dict *d, evk_flavor flavor, evk_value *out)
{
    evk_list *s = NULL;
    EVK_TRY(evk_list_new(r, flavor, d->n, &s));
    for (size_t i = 0; i < d->n; i++) {
        evk_value item = flavor == EVK_KEYS ? d->keys[i] : d->values[i];
        if (flavor == EVK_ITEMS || flavor == EVK_GENERATOR) {
            evk_list *pair = NULL;
            EVK_TRY(evk_render_spend(r, 1));
            EVK_TRY(evk_list_new(r, EVK_TUPLE, 2, &pair));
            pair->items[0] = d->keys[i];
            pair->items[1] = d->values[i];
            pair->n = 2;
            item = evk_seq(pair);
        }
        EVK_TRY(evk_list_add(r, s, item));
    }
    *out = evk_seq(s);
    return EVOKE_OK;
}
