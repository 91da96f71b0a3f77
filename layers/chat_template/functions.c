/* layers/chat_template/functions.c: the global functions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "layers/chat_template/render.h"

enum { MAX_RANGE = 100000 };            /* of Jinja's sandbox */

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

static evoke_status call_raise(evk_render *r, const evk_value *self, const evk_args *args, evk_value *out)
{
    (void)self;
    evk_string text;
    EVK_TRY(evk_to_string(r, &args->v[0], &text));
    *out = evk_none();
    return evk_render_fail(r, EVOKE_EDATA, "%.*s", (int)(text.n < 600 ? text.n : 600), text.data ? text.data : "");
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
    char format[256], text[1024];
    struct tm t;
    evk_string s;
    evk_bytes *b = NULL;
    EVK_TRY(evk_arg_string(r, &args->v[0], NULL, &s));
    if (s.n >= sizeof format - 1 || (s.n && memchr(s.data, 0, s.n)))
        return evk_render_fail(r, EVOKE_EUNSUPPORTED, "the format of a time is too long");
    if (!now(&t))
        return evk_render_fail(r, EVOKE_EDATA, "the time is not known (SOURCE_DATE_EPOCH)");
    if (s.n)
        memcpy(format, s.data, s.n);
    memcpy(format + s.n, "|", 2);           /* a mark, so that an empty result is told from one that has no room */
    const size_t n = strftime(text, sizeof text, format, &t);
    if (n == 0)
        return evk_render_fail(r, EVOKE_EUNSUPPORTED, "the text of a time is too long");
    EVK_TRY(evk_bytes_new(r, n, &b));
    EVK_TRY(evk_bytes_add(r, b, text, n - 1));
    *out = evk_text(evk_bytes_view(b));
    return EVOKE_OK;
}

static const evk_builtin functions[] = {
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
