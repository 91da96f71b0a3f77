#define _GNU_SOURCE      /* memmem */
#include "experiments/stream.h"

#include <stdlib.h>
#include <string.h>

#include "experiments/json_out.h"

/* The first place in the text where a stop string begins; n where there is none. */
static size_t find_stop(const char *text, size_t n, const char *const *stops, size_t n_stops)
{
    size_t first = n;
    for (size_t i = 0; i < n_stops; i++) {
        const char *at = memmem(text, n, stops[i], strlen(stops[i]));
        if (at && (size_t)(at - text) < first)
            first = (size_t)(at - text);
    }
    return first;
}

/* How many bytes at the end could be the beginning of a stop string. */
static size_t stop_begun(const char *text, size_t n, const char *const *stops, size_t n_stops)
{
    size_t longest = 0;
    for (size_t i = 0; i < n_stops; i++) {
        const size_t size = strlen(stops[i]);
        for (size_t k = size - 1 < n ? size - 1 : n; k > longest; k--)
            if (memcmp(text + n - k, stops[i], k) == 0)
                longest = k;
    }
    return longest;
}

evoke_status response_text(const evoke_tokenizer *t, const int32_t *ids, size_t n, const char *const *stops,
                           size_t n_stops, evoke_text *text, bool *stopped, evoke_error *err)
{
    const evoke_status st = evoke_detokenize(t, ids, n, false, text, err);
    if (st != EVOKE_OK)
        return st;
    const size_t cut = find_stop(text->data, text->n, stops, n_stops);
    *stopped = cut < text->n;
    text->n = cut;
    text->data[cut] = '\0';
    return EVOKE_OK;
}

static evoke_status keep_id(stream *s, int32_t id, evoke_error *err)
{
    if (s->n == s->room) {
        const size_t more = s->room ? 2 * s->room : 256;
        int32_t *grown = realloc(s->ids, more * sizeof *grown);
        if (!grown)
            return fail(err, EVOKE_ENOMEM, "generate: no memory for the text");
        s->ids = grown;
        s->room = more;
    }
    s->ids[s->n++] = id;
    return EVOKE_OK;
}

/* Shows bytes up to `end`; what was cut inside a character for good is shown as U+FFFD. */
static evoke_status show(stream *s, const char *text, size_t end, evoke_error *err)
{
    if (!s->show || end <= s->shown)
        return EVOKE_OK;
    size_t n = 0;
    char *good = utf8_lossy(text + s->shown, end - s->shown, &n);
    const bool done = good && fwrite(good, 1, n, s->show) == n && fflush(s->show) == 0;
    free(good);
    s->shown = end;
    return done ? EVOKE_OK : fail(err, EVOKE_EIO, "write the text: the output takes no more (standard output)");
}

static evoke_status show_text(stream *s, bool last, evoke_error *err)
{
    evoke_text text = { 0 };
    evoke_status st = response_text(s->tokenizer, s->ids, s->n, s->stops, s->n_stops, &text, &s->stopped, err);
    if (st == EVOKE_OK) {
        size_t end = text.n;
        if (!last && !s->stopped) {
            end -= stop_begun(text.data, text.n, s->stops, s->n_stops);
            end = utf8_whole(text.data, end);
        }
        st = show(s, text.data, end, err);
    }
    evoke_text_free(&text);
    return st;
}

evoke_status stream_add(stream *s, int32_t id, bool *go, evoke_error *err)
{
    *go = true;
    s->n_drawn++;
    if (!s->show && s->n_stops == 0)
        return EVOKE_OK;
    evoke_status st = keep_id(s, id, err);
    if (st == EVOKE_OK)
        st = show_text(s, false, err);
    *go = st == EVOKE_OK && !s->stopped;
    return st;
}

evoke_status stream_end(stream *s, evoke_error *err)
{
    return s->show && s->n ? show_text(s, true, err) : EVOKE_OK;
}

void stream_free(stream *s)
{
    free(s->ids);
    s->ids = NULL;
    s->n = s->room = 0;
}
