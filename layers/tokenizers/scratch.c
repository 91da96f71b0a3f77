#include "layers/tokenizers/scratch.h"

#include <stdlib.h>
#include <string.h>

evoke_status evk_grow(void *array, size_t *capacity, size_t need, size_t size, evoke_error *err)
{
    if (need <= *capacity)
        return EVOKE_OK;
    size_t room = *capacity > SIZE_MAX / 2 ? need : 2 * *capacity, bytes = 0;
    if (room < need)
        room = need;
    if (room < 16)
        room = 16;
    void *old = NULL;
    memcpy(&old, array, sizeof old);
    void *grown = evk_mul(room, size, &bytes) ? realloc(old, bytes) : NULL;
    if (!grown)
        return evk_fail(err, EVOKE_ENOMEM, "tokenize: no memory for %zu x %zu bytes", room, size);
    memcpy(array, &grown, sizeof grown);
    *capacity = room;
    return EVOKE_OK;
}

evoke_status evk_spans_add(evk_spans *s, size_t begin, size_t end, evoke_error *err)
{
    EVK_TRY(evk_grow(&s->item, &s->capacity, s->n + 1, sizeof *s->item, err));
    s->item[s->n++] = (evk_span){ begin, end };
    return EVOKE_OK;
}

void evk_spans_free(evk_spans *s)
{
    free(s->item);
    *s = (evk_spans){0};
}

void evk_passage_free(evk_passage *p)
{
    evk_buffer_free(&p->own_text);
    free(p->own_from);
    *p = (evk_passage){0};
}

void evk_passage_begin(evk_passage *p)
{
    p->own_text.n = 0;
    p->text = "";
    p->n = 0;
    p->from = NULL;
    p->base = 0;
}

/* Room for n more bytes, which are then the caller's to fill from p->n - n on. */
static evoke_status extend(evk_passage *p, const char *text, size_t n, evoke_error *err)
{
    EVK_TRY(evk_grow(&p->own_from, &p->from_capacity, p->own_text.n + n, sizeof *p->own_from, err));
    EVK_TRY(evk_buffer_add(&p->own_text, text, n, err));
    p->text = p->own_text.data;
    p->n = p->own_text.n;
    p->from = p->own_from;
    return EVOKE_OK;
}

evoke_status evk_passage_put(evk_passage *p, const char *text, size_t n, size_t from, evoke_error *err)
{
    if (n == 0)
        return EVOKE_OK;
    EVK_TRY(extend(p, text, n, err));
    for (size_t i = p->n - n; i < p->n; i++)
        p->own_from[i] = from;
    return EVOKE_OK;
}

evoke_status evk_passage_copy(evk_passage *p, const evk_passage *source, size_t begin, size_t end, evoke_error *err)
{
    const size_t n = end - begin;
    if (n == 0)
        return EVOKE_OK;
    EVK_TRY(extend(p, source->text + begin, n, err));
    for (size_t i = 0; i < n; i++)
        p->own_from[p->n - n + i] = evk_passage_from(source, begin + i);
    return EVOKE_OK;
}
