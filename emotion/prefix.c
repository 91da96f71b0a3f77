#include "emotion/prefix.h"

#include <stdlib.h>

enum {
    WORTH_SHARING = 4,          /* tokens */
    MOST_GROUPS = 64,           /* whose beginnings are kept, of at most so many tokens in all: with hundreds of emotions */
    MOST_GROUP_TOKENS = 2048,   /* they would take more memory than the batch that they save */
    NO_PROMPT = -1
};

/* How many tokens of a prompt may be shared at all. */
static size_t limit(const evk_tokens *p)
{
    return p->query_first < p->n - 1 ? p->query_first : p->n - 1;
}

static size_t common(const evk_tokens *a, const evk_tokens *b, size_t most)
{
    size_t n = 0;
    const size_t end = limit(b) < most ? limit(b) : most;
    while (n < end && a->ids[n] == b->ids[n])
        n++;
    return n;
}

typedef struct group { ptrdiff_t first; size_t shared, n; } group;

/* First prompt, length of the common beginning and size of each group. */
static void measure(const evk_tokens *prompts, size_t n, group *groups, size_t n_group)
{
    for (size_t g = 0; g < n_group; g++)
        groups[g] = (group){ NO_PROMPT, 0, 0 };
    for (size_t i = 0; i < n; i++) {
        group *g = &groups[prompts[i].group];
        if (g->n++ == 0) {
            g->first = (ptrdiff_t)i;
            g->shared = limit(&prompts[i]);
        } else {
            g->shared = common(&prompts[g->first], &prompts[i], g->shared);
        }
    }
}

evoke_status evk_prefixes_find(const evk_tokens *prompts, size_t n, size_t n_group, evk_prefixes *out, evoke_error *err)
{
    group *groups = NULL;
    *out = (evk_prefixes){0};
    evoke_status st = evk_alloc(&groups, n_group, sizeof *groups, "share prefixes", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&out->nodes, n_group + 1, sizeof *out->nodes, "share prefixes", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&out->of_group, n_group, sizeof *out->of_group, "share prefixes", err);
    for (size_t g = 0; st == EVOKE_OK && g < n_group; g++)
        out->of_group[g] = -1;
    if (st != EVOKE_OK || n == 0)
        goto done;
    measure(prompts, n, groups, n_group);
    size_t root = limit(&prompts[0]), kept = 0, kept_tokens = 0;
    for (size_t i = 1; i < n; i++)
        root = common(&prompts[0], &prompts[i], root);
    if (root < WORTH_SHARING || n < 2)
        root = 0;
    if (root > 0)
        out->nodes[out->n++] = (evk_prefix){ 0, 0, root, -1 };
    for (size_t g = 0; g < n_group; g++) {
        if (root > 0)
            out->of_group[g] = 0;
        if (groups[g].n < 2 || groups[g].shared < root + WORTH_SHARING || kept == MOST_GROUPS ||
            groups[g].shared - root > MOST_GROUP_TOKENS - kept_tokens)
            continue;
        kept++;
        kept_tokens += groups[g].shared - root;
        out->nodes[out->n] = (evk_prefix){ (size_t)groups[g].first, root, groups[g].shared - root, out->of_group[g] };
        out->of_group[g] = (ptrdiff_t)out->n++;
    }
done:
    free(groups);
    if (st != EVOKE_OK)
        evk_prefixes_free(out);
    return st;
}

void evk_prefixes_free(evk_prefixes *p)
{
    free(p->nodes);
    free(p->of_group);
    *p = (evk_prefixes){0};
}
