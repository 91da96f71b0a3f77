/* layers/chat_template/bytes.c: strings as views on bytes, and where the bytes come from. See value.h. */
#define _GNU_SOURCE        /* memmem */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "layers/chat_template/render.h"

evoke_status evk_bytes_new(evk_render *r, size_t n, evk_bytes **out)
{
    EVK_TRY(evk_render_take(r, 1, sizeof **out, out));
    if (n > EVK_MAX_TEXT)
        return evk_render_fail(r, EVOKE_ENOMEM, "a text of more than %d MB", EVK_MAX_TEXT >> 20);
    EVK_TRY(evk_render_take(r, n, 1, &(*out)->data));
    (*out)->capacity = n;
    return EVOKE_OK;
}

static evoke_status reserve(evk_render *r, evk_bytes *b, size_t more)
{
    size_t n = 0;
    if (!evk_sum(b->n, more, &n) || n > EVK_MAX_TEXT)
        return evk_render_fail(r, EVOKE_ENOMEM, "a text of more than %d MB", EVK_MAX_TEXT >> 20);
    if (n <= b->capacity)
        return EVOKE_OK;
    size_t capacity = n > 64 ? 2 * n : 128;
    if (capacity > EVK_MAX_TEXT)
        capacity = EVK_MAX_TEXT;
    char *grown = NULL;
    EVK_TRY(evk_render_take(r, capacity, 1, &grown));
    if (b->n > 0)
        memcpy(grown, b->data, b->n);
    b->data = grown;
    b->capacity = capacity;
    return EVOKE_OK;
}

evoke_status evk_bytes_add(evk_render *r, evk_bytes *b, const char *data, size_t n)
{
    if (n == 0)
        return EVOKE_OK;
    EVK_TRY(evk_render_spend_bytes(r, n));
    EVK_TRY(reserve(r, b, n));
    memcpy(b->data + b->n, data, n);
    b->n += n;
    return EVOKE_OK;
}

/* Adds an origin behind the others; one that goes on where the last one ends is joined to it. */
static evoke_status add_origin(evk_render *r, evk_bytes *b, evoke_piece piece)
{
    evoke_piece *last = b->n_origins ? &b->origins[b->n_origins - 1] : NULL;
    if (last && last->end == piece.begin && last->message == piece.message &&
        last->offset + (last->end - last->begin) == piece.offset) {
        last->end = piece.end;
        return EVOKE_OK;
    }
    if (b->n_origins == b->origins_capacity) {
        const size_t capacity = b->origins_capacity ? 2 * b->origins_capacity : 4;
        evoke_piece *grown = NULL;
        EVK_TRY(evk_render_take(r, capacity, sizeof *grown, &grown));
        if (b->n_origins > 0)
            memcpy(grown, b->origins, b->n_origins * sizeof *grown);
        b->origins = grown;
        b->origins_capacity = capacity;
    }
    b->origins[b->n_origins++] = piece;
    return EVOKE_OK;
}

/* The first origin that ends behind a byte. */
static size_t first_origin(const evk_bytes *b, size_t at)
{
    size_t low = 0, high = b->n_origins;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (b->origins[middle].end <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The origins of bytes [begin, begin + n) of one to bytes [to, to + n) of another. */
static evoke_status copy_origins(evk_render *r, const evk_bytes *from, size_t begin, size_t n, evk_bytes *b, size_t to)
{
    const size_t end = begin + n;
    const size_t first = first_origin(from, begin), last = from->n_origins;
    for (size_t i = first; i < last && from->origins[i].begin < end; i++) {
        evoke_piece p = from->origins[i];
        const size_t cut = p.begin < begin ? begin - p.begin : 0;
        p.begin += cut;
        p.offset += cut;
        if (p.end > end)
            p.end = end;
        p.begin = p.begin - begin + to;
        p.end = p.end - begin + to;
        EVK_TRY(evk_render_spend(r, 1));
        EVK_TRY(add_origin(r, b, p));
    }
    return EVOKE_OK;
}

evoke_status evk_bytes_add_string(evk_render *r, evk_bytes *b, evk_string s)
{
    const size_t to = b->n;
    const size_t begin = s.bytes ? (size_t)(s.data - s.bytes->data) : 0;
    if (s.n == 0)
        return EVOKE_OK;
    EVK_TRY(evk_bytes_add(r, b, s.data, s.n));
    return s.bytes && s.bytes->n_origins ? copy_origins(r, s.bytes, begin, s.n, b, to) : EVOKE_OK;
}

evk_string evk_string_of(const char *text)
{
    return (evk_string){text, strlen(text), NULL};
}

evk_string evk_string_part(evk_string s, size_t begin, size_t end)
{
    return s.n ? (evk_string){s.data + begin, end - begin, s.bytes} : s;
}

evoke_status evk_string_add(evk_render *r, evk_string a, evk_string b, evk_string *out)
{
    if (a.n == 0 || b.n == 0) {
        *out = a.n == 0 ? b : a;
        return EVOKE_OK;
    }
    evk_bytes *all = a.bytes;
    const bool at_end = all && a.data + a.n == all->data + all->n && all->capacity - all->n >= b.n;
    if (at_end) {
        EVK_TRY(evk_bytes_add_string(r, all, b));
        *out = (evk_string){a.data, a.n + b.n, all};
        return EVOKE_OK;
    }
    size_t room = 2 * (a.n + b.n) + 32;         /* both are at most EVK_MAX_TEXT long */
    if (room > EVK_MAX_TEXT && a.n + b.n <= EVK_MAX_TEXT)
        room = EVK_MAX_TEXT;
    EVK_TRY(evk_bytes_new(r, room, &all));
    EVK_TRY(evk_bytes_add_string(r, all, a));
    EVK_TRY(evk_bytes_add_string(r, all, b));
    *out = evk_bytes_view(all);
    return EVOKE_OK;
}

evoke_status evk_string_format(evk_render *r, evk_string *out, const char *format, ...)
{
    char text[512];
    evk_bytes *b = NULL;
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const size_t kept = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    EVK_TRY(evk_bytes_new(r, kept, &b));
    EVK_TRY(evk_bytes_add(r, b, text, kept));
    *out = evk_bytes_view(b);
    return EVOKE_OK;
}

bool evk_string_is(evk_string s, const char *text)
{
    return strlen(text) == s.n && (s.n == 0 || memcmp(s.data, text, s.n) == 0);
}

/* UTF-8 keeps the order of code points. */
int evk_string_compare(evk_string a, evk_string b)
{
    const size_t n = a.n < b.n ? a.n : b.n;
    const int c = n ? memcmp(a.data, b.data, n) : 0;
    if (c != 0)
        return c < 0 ? -1 : 1;
    return (a.n > b.n) - (a.n < b.n);
}

static bool begins_character(char c)
{
    return ((unsigned char)c & 0xC0) != 0x80;
}

size_t evk_string_length(evk_string s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += begins_character(s.data[i]);
    return n;
}

size_t evk_string_offset(evk_string s, size_t character)
{
    size_t i = 0;
    for (; i < s.n; i++)
        if (begins_character(s.data[i]) && character-- == 0)
            break;
    return i;
}

size_t evk_string_find(evk_string s, evk_string part, size_t from)
{
    if (from > s.n || s.n - from < part.n)
        return SIZE_MAX;
    if (part.n == 0)
        return from;
    const char *found = memmem(s.data + from, s.n - from, part.data, part.n);
    return found ? (size_t)(found - s.data) : SIZE_MAX;
}

size_t evk_string_find_last(evk_string s, evk_string part)
{
    if (part.n > s.n)
        return SIZE_MAX;
    for (size_t i = s.n - part.n + 1; i-- > 0;)
        if (part.n == 0 || memcmp(s.data + i, part.data, part.n) == 0)
            return i;
    return SIZE_MAX;
}
