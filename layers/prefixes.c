#include "layers/prefixes.h"

#include <stdint.h>
#include <stdlib.h>

#include "layers/kv_cache.h"

enum {
    WORTH_SAVING = 8,                   /* tokens: a pass of its own costs as much as a few */
    MOST_DEPTH = EVK_MAX_ANCESTORS - 1  /* the prompt's own sequence stands on them */
};

typedef struct finder {
    const evk_shareable *prompts;
    size_t *order;                      /* [n] those of a kind together, in the order of their ids */
    size_t n_most;
    evk_prefixes *out;
} finder;

/* ---- in order: what the first and the last of a stretch have in common, all between them have ---- */

static int compare(const evk_shareable *a, const evk_shareable *b)
{
    const uintptr_t s = (uintptr_t)a->kind, t = (uintptr_t)b->kind;
    if (s != t)
        return s < t ? -1 : 1;
    for (size_t i = 0; i < a->n && i < b->n; i++)
        if (a->ids[i] != b->ids[i])
            return a->ids[i] < b->ids[i] ? -1 : 1;
    return (a->n > b->n) - (a->n < b->n);
}

/* order [n] by merges; room [n]. */
static void sort(const evk_shareable *prompts, size_t *order, size_t n, size_t *room)
{
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t begin = 0; begin < n; begin += 2 * width) {
            const size_t middle = n - begin < width ? n : begin + width, end = n - begin < 2 * width ? n : begin + 2 * width;
            size_t a = begin, b = middle;
            for (size_t i = begin; i < end; i++) {
                const bool left = b == end || (a < middle && compare(&prompts[order[a]], &prompts[order[b]]) <= 0);
                room[i] = order[left ? a++ : b++];
            }
        }
        for (size_t i = 0; i < n; i++)
            order[i] = room[i];
    }
}

static evoke_status arrange(finder *f, size_t n, evoke_error *err)
{
    size_t *room = NULL;
    EVK_TRY(evk_alloc(&f->order, n, sizeof *f->order, "share prefixes", err));
    EVK_TRY(evk_alloc(&room, n, sizeof *room, "share prefixes", err));
    for (size_t i = 0; i < n; i++)
        f->order[i] = i;
    sort(f->prompts, f->order, n, room);
    free(room);
    return EVOKE_OK;
}

static const evk_shareable *at(const finder *f, size_t i)
{
    return &f->prompts[f->order[i]];
}

/* Tokens that the stretch [begin, end), whose first n are known to be alike, has in common. */
static size_t common(const finder *f, size_t begin, size_t end, size_t n)
{
    const evk_shareable *a = at(f, begin), *b = at(f, end - 1);
    while (n < a->n && n < b->n && a->ids[n] == b->ids[n])
        n++;
    return n;
}

/* ---- the tree ---- */

static ptrdiff_t add(finder *f, size_t begin, size_t end, size_t first, size_t n, ptrdiff_t parent)
{
    evk_prefixes *out = f->out;
    const size_t depth = parent < 0 ? 0 : out->nodes[parent].depth + 1;
    for (size_t i = begin; i < end; i++)
        out->of_prompt[f->order[i]] = (ptrdiff_t)out->n;
    out->nodes[out->n] = (evk_prefix){ f->order[begin], first, n, parent, depth };
    out->n_token += n;
    out->n_depth = out->n_depth > depth + 1 ? out->n_depth : depth + 1;
    return (ptrdiff_t)out->n++;
}

/* Within a stretch of one kind whose prompts have their first n_alike tokens in common, n_run of which `parent` holds. */
static void divide(finder *f, size_t begin, size_t end, size_t n_alike, size_t n_run, ptrdiff_t parent)
{
    if (end - begin < 2 || (parent >= 0 && f->out->nodes[parent].depth + 1 == MOST_DEPTH))
        return;
    const size_t n = common(f, begin, end, n_alike);
    if ((n - n_run) * (end - begin - 1) >= WORTH_SAVING) {
        if (n - n_run > f->n_most - f->out->n_token)
            return;
        parent = add(f, begin, end, n_run, n - n_run, parent);
        n_run = n;
    }
    while (begin < end && at(f, begin)->n == n)             /* may share no more */
        begin++;
    for (size_t next; begin < end; begin = next) {
        for (next = begin + 1; next < end && at(f, begin)->ids[n] == at(f, next)->ids[n]; next++) {}
        divide(f, begin, next, n + 1, n_run, parent);
    }
}

evoke_status evk_prefixes_find(const evk_shareable *prompts, size_t n, size_t n_most, evk_prefixes *out, evoke_error *err)
{
    finder f = { .prompts = prompts, .n_most = n_most, .out = out };
    *out = (evk_prefixes){ 0 };
    evoke_status st = evk_alloc(&out->of_prompt, n, sizeof *out->of_prompt, "share prefixes", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&out->nodes, n, sizeof *out->nodes, "share prefixes", err);
    if (st == EVOKE_OK)
        st = arrange(&f, n, err);
    for (size_t i = 0; st == EVOKE_OK && i < n; i++)
        out->of_prompt[i] = EVK_NO_PREFIX;
    for (size_t begin = 0, end; st == EVOKE_OK && begin < n; begin = end) {
        for (end = begin + 1; end < n && at(&f, begin)->kind == at(&f, end)->kind; end++) {}
        divide(&f, begin, end, 0, 0, EVK_NO_PREFIX);
    }
    free(f.order);
    return st;
}

void evk_prefixes_free(evk_prefixes *p)
{
    free(p->nodes);
    free(p->of_prompt);
    *p = (evk_prefixes){ 0 };
}

size_t evk_prefix_end(const evk_prefixes *p, ptrdiff_t prefix)
{
    return prefix < 0 ? 0 : p->nodes[prefix].first + p->nodes[prefix].n;
}

bool evk_prefix_has(const evk_prefixes *p, ptrdiff_t prefix, size_t other)
{
    while (prefix > (ptrdiff_t)other)
        prefix = p->nodes[prefix].parent;
    return prefix == (ptrdiff_t)other;
}
