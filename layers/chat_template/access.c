/* layers/chat_template/access.c: value.name, value[key], value[a:b:c].
 *
 * `x.name` looks for a method first and an item second, `x['name']` the other way round; what is not there is
 * undefined, and something of an undefined is an error. Methods that change a value are not there, as in the sandbox in
 * which transformers renders. */
#include <string.h>

#include "layers/chat_template/render.h"

static evoke_status undefined_attribute(evk_render *r, const evk_value *v, evk_string name, evk_value *out)
{
    *out = evk_undefined((evk_string){0});
    return evk_string_format(r, &out->s, "a value of type '%s' has no attribute '%.*s'", evk_type_name(v),
                             (int)name.n, name.data);
}

static evoke_status fail_undefined(evk_render *r, const evk_value *u)
{
    return evk_render_fail(r, EVOKE_EFORMAT, "%.*s", (int)u->s.n, u->s.data);
}

/* ---- loop.index and so on ---- */
static evoke_status neighbour(evk_render *r, evk_loop *loop, bool next, evk_value *out)
{
    bool has = loop->index > 0;
    if (next)
        EVK_TRY(evk_loop_has(r, loop, loop->index + 1, &has));
    *out = has ? loop->passed->items[next ? loop->index + 1 : loop->index - 1]
               : evk_undefined(evk_string_of(next ? "there is no next item" : "there is no previous item"));
    return EVOKE_OK;
}

static evoke_status loop_count(evk_render *r, const evk_value *v, int64_t less, evk_value *out)
{
    int64_t n = 0;
    EVK_TRY(evk_value_length(r, v, &n));
    *out = evk_int(n - less);
    return EVOKE_OK;
}

static evoke_status loop_attribute(evk_render *r, const evk_value *v, evk_string name, evk_value *out)
{
    evk_loop *loop = v->loop;
    const int64_t index = (int64_t)loop->index;
    bool more = false;
    if (evk_string_is(name, "index"))
        *out = evk_int(index + 1);
    else if (evk_string_is(name, "index0"))
        *out = evk_int(index);
    else if (evk_string_is(name, "first"))
        *out = evk_bool(index == 0);
    else if (evk_string_is(name, "depth"))
        *out = evk_int((int64_t)loop->depth + 1);
    else if (evk_string_is(name, "depth0"))
        *out = evk_int((int64_t)loop->depth);
    else if (evk_string_is(name, "length"))
        return loop_count(r, v, 0, out);
    else if (evk_string_is(name, "revindex"))
        return loop_count(r, v, index, out);
    else if (evk_string_is(name, "revindex0"))
        return loop_count(r, v, index + 1, out);
    else if (evk_string_is(name, "previtem"))
        return neighbour(r, loop, false, out);
    else if (evk_string_is(name, "nextitem"))
        return neighbour(r, loop, true, out);
    else if (evk_string_is(name, "last")) {
        EVK_TRY(evk_loop_has(r, loop, loop->index + 1, &more));
        *out = evk_bool(!more);
    } else
        return undefined_attribute(r, v, name, out);
    return EVOKE_OK;
}

/* ---- what a macro tells of itself ---- */
static evoke_status macro_attribute(evk_render *r, const evk_value *v, evk_string name, evk_value *out)
{
    const evk_node *n = v->macro->node;
    evk_list *names = NULL;
    if (evk_string_is(name, "name")) {
        *out = n->kind == EVK_N_CALL_BLOCK ? evk_none() : n->value;
    } else if (evk_string_is(name, "arguments")) {
        EVK_TRY(evk_list_new(r, EVK_TUPLE, 0, &names));
        for (const evk_node *p = n->a; p; p = p->next)
            EVK_TRY(evk_list_add(r, names, p->value));
        *out = evk_seq(names);
    } else if (evk_string_is(name, "caller")) {
        *out = evk_bool(n->flags & EVK_USES_CALLER);
    } else if (evk_string_is(name, "catch_varargs")) {
        *out = evk_bool(n->flags & EVK_USES_VARARGS);
    } else if (evk_string_is(name, "catch_kwargs")) {
        *out = evk_bool(n->flags & EVK_USES_KWARGS);
    } else {
        return undefined_attribute(r, v, name, out);
    }
    return EVOKE_OK;
}

/* ---- names ---- */
static evoke_status bind_method(evk_render *r, const evk_builtin *method, const evk_value *self, evk_value *out)
{
    *out = (evk_value){.kind = EVK_V_FUNCTION};
    out->fn.builtin = method;
    EVK_TRY(evk_render_take(r, 1, sizeof *out->fn.self, &out->fn.self));
    *out->fn.self = *self;
    return EVOKE_OK;
}

static evoke_status find_in_dict(evk_render *r, const evk_value *v, evk_string name, const evk_value **found)
{
    *found = NULL;
    if (v->kind != EVK_V_DICT && v->kind != EVK_V_NAMESPACE)
        return EVOKE_OK;
    EVK_TRY(evk_render_spend(r, v->dict->n / 2));
    *found = evk_dict_find(v->dict, name);
    return EVOKE_OK;
}

evoke_status evk_attribute(evk_render *r, const evk_value *v, evk_string name, evk_value *out)
{
    const evk_value *found = NULL;
    if (v->kind == EVK_V_UNDEFINED)
        return fail_undefined(r, v);
    const evk_builtin *method = evk_method_find(v, name);
    if (method)
        return bind_method(r, method, v, out);
    if (v->kind == EVK_V_LOOP)
        return loop_attribute(r, v, name, out);
    if (v->kind == EVK_V_MACRO)
        return macro_attribute(r, v, name, out);
    if (v->kind == EVK_V_CYCLER && evk_string_is(name, "current")) {
        *out = v->seq->items[v->seq->range[0]];
        return EVOKE_OK;
    }
    if (v->kind == EVK_V_SEQUENCE && v->seq->is_group && (evk_string_is(name, "grouper") || evk_string_is(name, "list"))) {
        *out = v->seq->items[evk_string_is(name, "list")];
        return EVOKE_OK;
    }
    if (!evk_method_is_refused(v, name))
        EVK_TRY(find_in_dict(r, v, name, &found));
    if (!found)
        return undefined_attribute(r, v, name, out);
    *out = *found;
    return EVOKE_OK;
}

/* ---- keys ---- */
/* A Python index into n items: negative ones count from the end. false: out of range. */
static bool index_of(int64_t i, int64_t n, size_t *out)
{
    if (i < 0)
        i += n;
    *out = (size_t)i;
    return i >= 0 && i < n;
}

static evoke_status text_item(evk_render *r, const evk_value *v, int64_t i, bool *found, evk_value *out)
{
    int64_t n = 0;
    size_t at = 0;
    EVK_TRY(evk_value_length(r, v, &n));
    *found = index_of(i, n, &at);
    if (!*found)
        return EVOKE_OK;
    const size_t begin = evk_string_offset(v->s, at);
    const size_t size = evk_string_offset(evk_string_part(v->s, begin, v->s.n), 1);
    *out = evk_text(evk_string_part(v->s, begin, begin + size));
    return EVOKE_OK;
}

static bool has_index(const evk_value *v)
{
    return evk_is_seq(v, EVK_LIST) || evk_is_seq(v, EVK_TUPLE) || evk_is_seq(v, EVK_RANGE);
}

static evoke_status find_item(evk_render *r, const evk_value *v, const evk_value *key, bool *found, evk_value *out)
{
    size_t at = 0;
    *found = false;
    if (v->kind == EVK_V_DICT) {
        const evk_value *value = NULL, *unhashable = NULL;
        EVK_TRY(evk_find_unhashable(r, key, &unhashable));
        if (!unhashable)
            EVK_TRY(evk_dict_get(r, v->dict, key, &value));
        *found = value != NULL;
        if (value)
            *out = *value;
    } else if (evk_is_string(v) && evk_is_int(key)) {
        return text_item(r, v, evk_as_int(key), found, out);
    } else if (has_index(v) && evk_is_int(key)) {
        *found = index_of(evk_as_int(key), (int64_t)v->seq->n, &at);
        if (*found)
            *out = v->seq->items[at];
    }
    return EVOKE_OK;
}

evoke_status evk_item(evk_render *r, const evk_value *v, const evk_value *key, evk_value *out)
{
    bool found = false;
    if (v->kind == EVK_V_UNDEFINED)
        return fail_undefined(r, v);
    EVK_TRY(find_item(r, v, key, &found, out));
    if (found)
        return EVOKE_OK;
    if (evk_is_string(key) && v->kind == EVK_V_DICT) {
        const evk_builtin *method = evk_method_find(v, key->s);
        return method ? bind_method(r, method, v, out) : undefined_attribute(r, v, key->s, out);
    }
    if (evk_is_string(key))
        return evk_attribute(r, v, key->s, out);
    *out = evk_undefined((evk_string){0});
    return evk_string_format(r, &out->s, "a value of type '%s' has no such item", evk_type_name(v));
}

/* ---- slices ---- */
typedef struct range { int64_t start, stop, step; } range;

static evoke_status slice_part(evk_render *r, const evk_value *v, int64_t missing, int64_t *out)
{
    *out = missing;
    if (v->kind == EVK_V_ABSENT || v->kind == EVK_V_NONE)
        return EVOKE_OK;
    if (!evk_is_int(v))
        return evk_render_fail(r, EVOKE_EFORMAT, "a slice wants integers, not '%s'", evk_type_name(v));
    *out = evk_as_int(v);
    return EVOKE_OK;
}

/* A bound brought into [low, high], where negative ones count from the end. */
static int64_t clip(int64_t i, int64_t n, int64_t low, int64_t high)
{
    if (i < 0)
        i += n;
    return i < low ? low : i > high ? high : i;
}

static evoke_status slice_range(evk_render *r, const evk_value part[3], int64_t n, range *out)
{
    EVK_TRY(slice_part(r, &part[2], 1, &out->step));
    if (out->step == 0)
        return evk_render_fail(r, EVOKE_EFORMAT, "a slice's step is zero");
    const bool down = out->step < 0;
    const int64_t low = down ? -1 : 0, high = down ? n - 1 : n;
    const int64_t first = down ? high : low, last = down ? -n - 1 : n;
    EVK_TRY(slice_part(r, &part[0], first, &out->start));
    EVK_TRY(slice_part(r, &part[1], last, &out->stop));
    out->start = clip(out->start, n, low, high);
    out->stop = clip(out->stop, n, low, high);
    if (out->step < -n - 1)             /* so that adding it cannot overflow */
        out->step = -n - 1;
    if (out->step > n + 1)
        out->step = n + 1;
    return EVOKE_OK;
}

static bool within(const range *s, int64_t i)
{
    return s->step > 0 ? i < s->stop : i > s->stop;
}

static evoke_status slice_text(evk_render *r, const evk_value *v, const range *s, int64_t n, evk_value *out)
{
    *out = *v;
    if (s->step == 1) {
        const size_t begin = evk_string_offset(v->s, (size_t)s->start);
        const size_t end = s->stop > s->start ? evk_string_offset(v->s, (size_t)s->stop) : begin;
        out->s = evk_string_part(v->s, begin, end);
        return evk_render_spend_bytes(r, v->s.n);
    }
    const evk_value *items = NULL;
    size_t n_items = 0;
    evk_bytes *b = NULL;
    EVK_TRY(evk_iterate(r, v, &items, &n_items));
    EVK_TRY(evk_bytes_new(r, 0, &b));
    for (int64_t i = s->start; i < n && within(s, i); i += s->step)
        EVK_TRY(evk_bytes_add_string(r, b, items[i].s));
    out->s = evk_bytes_view(b);
    return EVOKE_OK;
}

/* from + times * step, or the end of the numbers. */
static int64_t slide(int64_t from, int64_t times, int64_t step)
{
    int64_t way = 0, to = 0;
    const bool over = __builtin_mul_overflow(times, step, &way) || __builtin_add_overflow(from, way, &to);
    return over ? (times < 0) == (step < 0) ? INT64_MAX : INT64_MIN : to;
}

static evoke_status slice_list(evk_render *r, const evk_value *v, const range *s, int64_t n, evk_value *out)
{
    const int64_t *of = v->seq->range;          /* of a range: start, stop, step */
    evk_list *part = NULL;
    EVK_TRY(evk_list_new(r, v->seq->flavor, 0, &part));
    *out = evk_seq(part);
    part->range[0] = slide(of[0], s->start, of[2]);
    part->range[1] = slide(of[0], s->stop, of[2]);
    part->range[2] = slide(0, s->step, of[2]);
    if (s->step == 1) {                 /* the same items, which never change */
        part->items = v->seq->items ? v->seq->items + s->start : NULL;
        part->n = s->stop > s->start ? (size_t)(s->stop - s->start) : 0;
        part->capacity = part->n;
        return EVOKE_OK;
    }
    for (int64_t i = s->start; i < n && within(s, i); i += s->step) {
        EVK_TRY(evk_render_spend(r, 1));
        EVK_TRY(evk_list_add(r, part, v->seq->items[i]));
    }
    return EVOKE_OK;
}

evoke_status evk_slice(evk_render *r, const evk_value *v, const evk_value part[3], evk_value *out)
{
    range s = {0};
    int64_t n = 0;
    if (v->kind == EVK_V_UNDEFINED)
        return fail_undefined(r, v);
    if (!evk_is_string(v) && !has_index(v))
        return evk_render_fail(r, EVOKE_EFORMAT, "'%s' has no slices", evk_type_name(v));
    EVK_TRY(evk_value_length(r, v, &n));
    EVK_TRY(slice_range(r, part, n, &s));
    return evk_is_string(v) ? slice_text(r, v, &s, n, out) : slice_list(r, v, &s, n, out);
}

/* ---- paths ---- */
static bool number_of(evk_string s, int64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.data[i] < '0' || s.data[i] > '9' || i >= 9)
            return false;
        *out = *out * 10 + (s.data[i] - '0');
    }
    return s.n > 0;
}

/* One step of a path; missing as below. */
static evoke_status step_to(evk_render *r, const evk_value *v, const evk_value *key, const evk_value *missing, evk_value *out)
{
    EVK_TRY(evk_render_spend(r, 1));
    EVK_TRY(evk_item(r, v, key, out));
    if (out->kind == EVK_V_UNDEFINED && missing && evk_given(missing) && missing->kind != EVK_V_NONE)
        *out = *missing;
    return EVOKE_OK;
}

evoke_status evk_attribute_path(evk_render *r, const evk_value *v, const evk_value *path, const evk_value *missing, evk_value *out)
{
    if (evk_is_int(path))
        return step_to(r, v, path, missing, out);
    if (!evk_is_string(path))
        return evk_render_fail(r, EVOKE_EFORMAT, "an attribute's name is a text, not '%s'", evk_type_name(path));
    evk_value now = *v;
    const evk_string dot = evk_string_of(".");
    for (size_t at = 0; at <= path->s.n;) {
        size_t end = evk_string_find(path->s, dot, at);
        if (end == SIZE_MAX)
            end = path->s.n;
        const evk_string name = evk_string_part(path->s, at, end);
        evk_value key = evk_text(name);
        int64_t i = 0;
        if (number_of(name, &i))
            key = evk_int(i);
        EVK_TRY(step_to(r, &now, &key, missing, out));
        now = *out;
        at = end + 1;
    }
    return EVOKE_OK;
}
