/* layers/chat_template/render_state.c: limits, memory and names of one rendering. See render.h. */
#include "layers/chat_template/render.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

evoke_status evk_render_fail(evk_render *r, evoke_status status, const char *format, ...)
{
    char why[700];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return evk_template_fail(r->err, status, "render", r->t->source, r->at, "%s", why);
}

evoke_status evk_render_take(evk_render *r, size_t n, size_t size, void *out)
{
    void *taken = evk_pool_take(&r->pool, n, size);
    if (!taken)
        return evk_render_fail(r, EVOKE_ENOMEM, "it needs more than %d MB of memory", EVK_MAX_RUN_MEMORY >> 20);
    memcpy(out, &taken, sizeof taken);
    return EVOKE_OK;
}

evoke_status evk_render_spend(evk_render *r, size_t steps)
{
    if (r->steps > EVK_MAX_STEPS || steps > EVK_MAX_STEPS - r->steps)
        return evk_render_fail(r, EVOKE_ENOMEM, "it takes more than %d steps", EVK_MAX_STEPS);
    r->steps += steps;
    return EVOKE_OK;
}

evoke_status evk_render_enter(evk_render *r)
{
    if (r->depth >= EVK_MAX_DEPTH)
        return evk_render_fail(r, EVOKE_ENOMEM, "calls or values are nested more than %d deep", EVK_MAX_DEPTH);
    r->depth++;
    return EVOKE_OK;
}

/* Long searches are counted here and told by the next step. */
static evk_binding *find_here(evk_render *r, const evk_scope *s, evk_string name)
{
    size_t n = 0;
    evk_binding *b = s->first;
    for (; b && (b->name.n != name.n || evk_string_compare(b->name, name) != 0); b = b->next)
        n++;
    r->steps += n / 2;
    return b;
}

evoke_status evk_scope_set(evk_render *r, evk_scope *s, evk_string name, evk_value v)
{
    evk_binding *b = find_here(r, s, name);
    if (!b) {
        EVK_TRY(evk_render_take(r, 1, sizeof *b, &b));
        b->name = name;
        b->next = s->first;
        s->first = b;
    }
    b->value = v;
    return EVOKE_OK;
}

const evk_value *evk_scope_find(evk_render *r, const evk_scope *s, evk_string name)
{
    for (; s; s = s->around) {
        const evk_binding *b = find_here(r, s, name);
        if (b)
            return &b->value;
    }
    return NULL;
}
