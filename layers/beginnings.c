#include "layers/beginnings.h"

#include <stdint.h>
#include <stdlib.h>

#include "layers/kv_cache.h"

enum {
    WORTH_SAVING = 16,                  /* tokens: a pass of its own costs as much as a few */
    MOST_DEPTH = EVK_MAX_ANCESTORS - 1  /* the request's own sequence stands on them */
};

typedef struct finder {
    const evoke_request *requests;
    size_t *order;                      /* [n] requests, those that are steered alike together, in the order of their ids */
    size_t n, n_most;
    evk_beginnings *out;
} finder;

/* ---- in order: neighbours have the longest beginnings in common, and the first and the last of a stretch what all have ---- */

static int compare(const evoke_request *a, const evoke_request *b)
{
    const uintptr_t s = (uintptr_t)a->steering, t = (uintptr_t)b->steering;
    if (s != t)
        return s < t ? -1 : 1;
    for (size_t i = 0; i < a->n_ids && i < b->n_ids; i++)
        if (a->ids[i] != b->ids[i])
            return a->ids[i] < b->ids[i] ? -1 : 1;
    return (a->n_ids > b->n_ids) - (a->n_ids < b->n_ids);
}

/* order [n] by merges; room [n]. */
static void sort(const evoke_request *requests, size_t *order, size_t n, size_t *room)
{
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t begin = 0; begin < n; begin += 2 * width) {
            const size_t middle = n - begin < width ? n : begin + width, end = n - begin < 2 * width ? n : begin + 2 * width;
            size_t a = begin, b = middle;
            for (size_t i = begin; i < end; i++) {
                const bool left = b == end || (a < middle && compare(&requests[order[a]], &requests[order[b]]) <= 0);
                room[i] = order[left ? a++ : b++];
            }
        }
        for (size_t i = 0; i < n; i++)
            order[i] = room[i];
    }
}

static evoke_status arrange(finder *f, const evk_config *config, size_t n, evoke_error *err)
{
    size_t *room = NULL, limit = 0;
    const bool limited = evk_config_has_rope_limit(config, &limit);
    EVK_TRY(evk_alloc(&f->order, n, sizeof *f->order, "share beginnings", err));
    for (size_t i = 0; i < n; i++)
        if (f->requests[i].n_predict > 0 && !(limited && f->requests[i].n_ids > limit))
            f->order[f->n++] = i;
    EVK_TRY(evk_alloc(&room, n, sizeof *room, "share beginnings", err));
    sort(f->requests, f->order, f->n, room);
    free(room);
    return EVOKE_OK;
}

static const evoke_request *at(const finder *f, size_t i)
{
    return &f->requests[f->order[i]];
}

/* Tokens that the stretch [begin, end) has in common, but for the last one of the shortest prompt. */
static size_t common(const finder *f, size_t begin, size_t end, size_t from)
{
    const evoke_request *a = at(f, begin), *b = at(f, end - 1);
    size_t n = from;
    while (n < a->n_ids - 1 && n < b->n_ids - 1 && a->ids[n] == b->ids[n])
        n++;
    return n;
}

/* ---- the tree ---- */

/* Within a stretch of one steering whose prompts have their first n_alike tokens in common, n_run of which are run in `parent`. */
static void divide(finder *f, size_t begin, size_t end, size_t n_alike, size_t n_run, ptrdiff_t parent)
{
    evk_beginnings *out = f->out;
    while (begin < end && at(f, begin)->n_ids <= n_alike)       /* nothing would be left of it to run */
        begin++;
    if (end - begin < 2)
        return;
    const size_t depth = parent < 0 ? 0 : out->all[parent].depth + 1, n = common(f, begin, end, n_alike);
    if ((n - n_run) * (end - begin - 1) >= WORTH_SAVING) {
        if (n - n_run > f->n_most - out->n_token)
            return;
        for (size_t i = begin; i < end; i++)
            out->of_request[f->order[i]] = (ptrdiff_t)out->n;
        out->all[out->n] = (evk_beginning){ f->order[begin], at(f, begin)->steering, n_run, n - n_run, parent, depth, 0 };
        out->n_token += n - n_run;
        out->n_depth = out->n_depth > depth + 1 ? out->n_depth : depth + 1;
        if (depth + 1 == MOST_DEPTH) {
            out->n++;
            return;
        }
        parent = (ptrdiff_t)out->n++;
        n_run = n;
    }
    for (size_t next; begin < end; begin = next) {
        for (next = begin + 1; next < end && at(f, begin)->ids[n] == at(f, next)->ids[n]; next++) {}
        divide(f, begin, next, n + 1, n_run, parent);
    }
}

evoke_status evk_beginnings_find(const evk_config *config, const evoke_request *requests, size_t n, size_t n_most,
                                 evk_beginnings *out, evoke_error *err)
{
    finder f = { .requests = requests, .n_most = n_most, .out = out };
    *out = (evk_beginnings){ 0 };
    evoke_status st = evk_alloc(&out->of_request, n, sizeof *out->of_request, "share beginnings", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&out->all, n, sizeof *out->all, "share beginnings", err);
    if (st == EVOKE_OK)
        st = arrange(&f, config, n, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        out->of_request[i] = EVK_NO_BEGINNING;
    for (size_t begin = 0, end; st == EVOKE_OK && begin < f.n; begin = end) {
        for (end = begin + 1; end < f.n && at(&f, begin)->steering == at(&f, end)->steering; end++) {}
        divide(&f, begin, end, 0, 0, EVK_NO_BEGINNING);
    }
    free(f.order);
    return st;
}

void evk_beginnings_free(evk_beginnings *b)
{
    free(b->all);
    free(b->of_request);
    *b = (evk_beginnings){ 0 };
}
