/* layers/chat_template/functions.c: the global functions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "layers/chat_template/render.h"

enum { MAX_RANGE = 100000, MAX_FORMAT = 512 };        /* the former of Jinja's sandbox */

static evoke_status call_range(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)self;
    int64_t start = 0, stop = 0, step = 1;
    if (!evk_given(&args->v[1])) {
        EVK_TRY(evk_arg_int(r, &args->v[0], 0, &stop));
    } else {
        EVK_TRY(evk_arg_int(r, &args->v[0], 0, &start));
        EVK_TRY(evk_arg_int(r, &args->v[1], 0, &stop));
        EVK_TRY(evk_arg_int(r, &args->v[2], 1, &step));
    }
    if (step == 0)
        return evk_render_fail(r, EVOKE_EFORMAT, "a range's step is zero");
    evk_list *s = NULL;
    EVK_TRY(evk_list_new(r, EVK_RANGE, 0, &s));
    s->range[0] = start;
    s->range[1] = stop;
    s->range[2] = step;
    for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
        if (s->n == MAX_RANGE)
            return evk_render_fail(r, EVOKE_EFORMAT, "a range of more than %d numbers", MAX_RANGE);
        EVK_TRY(evk_list_add(r, s, evk_int(i)));
        if (__builtin_add_overflow(i, step, &i))
            break;
    }
    *out = evk_seq(s);
    return EVOKE_OK;
}

/* Pairs of a dict, or of a list of pairs. */
static evoke_status add_pairs(evk_render *r, evk_dict *d, const evk_value *v)
{
    const evk_value *items = NULL, *pair = NULL;
    size_t n = 0, n_pair = 0;
    if (v->kind == EVK_V_DICT || v->kind == EVK_V_NAMESPACE) {
        for (size_t i = 0; i < v->dict->n; i++)
            EVK_TRY(evk_dict_set(r, d, &v->dict->keys[i], v->dict->values[i]));
        return EVOKE_OK;
    }
    EVK_TRY(evk_iterate(r, v, &items, &n));
    for (size_t i = 0; i < n; i++) {
        EVK_TRY(evk_iterate(r, &items[i], &pair, &n_pair));
        if (n_pair != 2)
            return evk_render_fail(r, EVOKE_EFORMAT, "a dict is made of pairs");
        EVK_TRY(evk_dict_set(r, d, &pair[0], pair[1]));
    }
    return EVOKE_OK;
}

static evoke_status call_dict(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)self;
    EVK_TRY(evk_dict_new(r, 4, out));
    if (args->n > 1)
        return evk_render_fail(r, EVOKE_EFORMAT, "a dict is made of one value, and names");
    if (args->n == 1)
        EVK_TRY(add_pairs(r, out->dict, &args->v[0]));
    for (size_t i = 0; i < args->n_named; i++) {
        const evk_value key = evk_text(args->names[i]);
        EVK_TRY(evk_dict_set(r, out->dict, &key, args->named[i]));
    }
    return EVOKE_OK;
}

static evoke_status call_namespace(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    EVK_TRY(call_dict(r, self, args, out));
    for (size_t i = 0; i < out->dict->n; i++) {
        const evk_value *key = &out->dict->keys[i];
        if (evk_is_string(key) && key->s.n > 0 && key->s.data[0] == '_')
            return evk_render_fail(r, EVOKE_EUNSUPPORTED, "an attribute of a namespace cannot begin with '_'");
    }
    out->kind = EVK_V_NAMESPACE;
    return EVOKE_OK;
}

/* cycler('a', 'b'): an item after the other, with next() */
static evoke_status call_cycler(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)self;
    evk_list *s = NULL;
    if (args->n == 0 || args->n_named)
        return evk_render_fail(r, EVOKE_EFORMAT, "cycler wants something to go round");
    EVK_TRY(evk_list_new(r, EVK_TUPLE, args->n, &s));
    for (size_t i = 0; i < args->n; i++)
        EVK_TRY(evk_list_add(r, s, args->v[i]));
    *out = (evk_value){.kind = EVK_V_CYCLER, .seq = s};
    return EVOKE_OK;
}

/* joiner(', '): a function that gives nothing at first, then its text; self: the text, behind it once it was called */
static evoke_status join_next(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)args;
    *out = self->seq->n > 1 ? self->seq->items[0] : evk_text((evk_string){0});
    return self->seq->n > 1 ? EVOKE_OK : evk_list_add(r, self->seq, evk_none());
}

static const evk_builtin joiner = { "joiner", join_next, 0, { NULL } };

static evoke_status call_joiner(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)self;
    evk_list *s = NULL;
    EVK_TRY(evk_list_new(r, EVK_LIST, 2, &s));
    EVK_TRY(evk_list_add(r, s, evk_given(&args->v[0]) ? args->v[0] : evk_text(evk_string_of(", "))));
    *out = (evk_value){.kind = EVK_V_FUNCTION};
    out->fn.builtin = &joiner;
    EVK_TRY(evk_render_take(r, 1, sizeof *out->fn.self, &out->fn.self));
    *out->fn.self = evk_seq(s);
    return EVOKE_OK;
}

static evoke_status call_raise(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)self;
    evk_string text;
    EVK_TRY(evk_to_string(r, &args->v[0], &text));
    *out = evk_none();
    return evk_render_fail(r, EVOKE_EDATA, "%.*s", (int)(text.n < 600 ? text.n : 600), text.data ? text.data : "");
}

/* Python's own directives: microseconds, and a time zone that is not known. */
static evoke_status expand_format(evk_render *r, evk_string s, char format[MAX_FORMAT])
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        const char next = s.data[i] == '%' && i + 1 < s.n ? s.data[i + 1] : 0;
        if (n + 8 > MAX_FORMAT || !s.data[i])
            return evk_render_fail(r, EVOKE_EUNSUPPORTED, "the format of a time is too long");
        if (next == 'f')
            memcpy(format + n, "000000", 6);
        n += next == 'f' ? 6 : 0;
        if (next == 'f' || next == 'z' || next == 'Z') {
            i++;
            continue;
        }
        format[n++] = s.data[i];
        if (next)
            format[n++] = s.data[++i];
    }
    memcpy(format + n, "|", 2);             /* a mark, so that an empty result is told from one that has no room */
    return EVOKE_OK;
}

/* Now in local time; where SOURCE_DATE_EPOCH says when, in UTC. */
static bool now(struct tm *t)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    if (epoch && *epoch) {
        char *end = NULL;
        errno = 0;
        const long long seconds = strtoll(epoch, &end, 10);
        const time_t when = (time_t)seconds;
        return errno == 0 && *end == 0 && gmtime_r(&when, t);
    }
    const time_t when = time(NULL);
    return localtime_r(&when, t) != NULL;
}

static evoke_status call_strftime(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)self;
    char format[MAX_FORMAT], text[1024];
    struct tm t;
    evk_string s;
    evk_bytes *b = NULL;
    EVK_TRY(evk_arg_string(r, &args->v[0], NULL, &s));
    EVK_TRY(expand_format(r, s, format));
    if (!now(&t))
        return evk_render_fail(r, EVOKE_EDATA, "the time is not known (SOURCE_DATE_EPOCH)");
    const size_t n = strftime(text, sizeof text, format, &t);
    if (n == 0)
        return evk_render_fail(r, EVOKE_EUNSUPPORTED, "the text of a time is too long");
    EVK_TRY(evk_bytes_new(r, n, &b));
    EVK_TRY(evk_bytes_add(r, b, text, n - 1));
    *out = evk_text(evk_bytes_view(b));
    return EVOKE_OK;
}

static const evk_builtin functions[] = {
    { "cycler",          call_cycler,    0, { "*" } },
    { "joiner",          call_joiner,    0, { "sep" } },
    { "range",           call_range,     1, { "start", "stop", "step" } },
    { "dict",            call_dict,      0, { "*" } },
    { "namespace",       call_namespace, 0, { "*" } },
    { "raise_exception", call_raise,     1, { "message" } },
    { "strftime_now",    call_strftime,  1, { "format" } },
};

const evk_builtin *evk_function_find(evk_string name)
{
    return evk_builtin_find(functions, sizeof functions / sizeof *functions, name);
}
