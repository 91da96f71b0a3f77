/* Shared beginnings: what is shared is really common, stays out of queries and last tokens, and is bounded. */
#include <stdlib.h>

#include "emotion/prefix.h"
#include "tests/check.h"

enum { N_GROUP = 200, PER_GROUP = 2, N = N_GROUP * PER_GROUP, LONGEST = 400 };

/* 10 tokens that all share, n_own of the group's, then the query's 3 and an end. */
static void make(evk_tokens *prompts, int32_t (*ids)[LONGEST], size_t n_own)
{
    for (size_t i = 0; i < N; i++) {
        const size_t group = i % N_GROUP, n = 10 + n_own + 3 + 1;
        for (size_t t = 0; t < n; t++)
            ids[i][t] = t < 10 ? (int32_t)t : t < 10 + n_own ? (int32_t)(1000 + group) : t < n - 1 ? (int32_t)(5000 + i) : 9;
        prompts[i] = (evk_tokens){ .ids = ids[i], .n = n, .query_first = 10 + n_own, .query_last = n - 1, .n_run = n,
                                   .group = group };
    }
}

static void check_prefixes(const evk_tokens *prompts, const evk_prefixes *p, size_t n_own, size_t most)
{
    size_t n_kept = 0;
    check(p->n > 1 && p->n <= most + 1, "%zu prefixes, at most %zu wanted", p->n, most + 1);
    for (size_t i = 0; i < N; i++) {
        const ptrdiff_t at = p->of_group[prompts[i].group];
        if (!check(at >= 0 && (size_t)at < p->n, "group %zu has a prefix", prompts[i].group))
            continue;
        const evk_prefix *node = &p->nodes[at];
        const int32_t *shared = prompts[node->prompt].ids;
        check(node->first + node->n <= prompts[i].query_first, "prompt %zu: the prefix reaches into the query", i);
        for (size_t t = 0; t < node->first + node->n; t++)
            check(shared[t] == prompts[i].ids[t], "prompt %zu: token %zu is not shared", i, t);
        check(at == 0 ? node->n == 10 : node->first == 10 && node->n == n_own && node->parent == 0, "prompt %zu: extent", i);
        n_kept += at > 0;
    }
    check(n_kept == (p->n - 1) * PER_GROUP, "%zu prompts use a group's prefix", n_kept);
}

int main(void)
{
    static int32_t ids[N][LONGEST];
    static evk_tokens prompts[N];
    static const struct { size_t n_own, most; } cases[] = { { 20, 64 }, { 300, 6 }, { 32, 64 } };   /* groups, or 2,048 tokens */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        evk_prefixes p;
        make(prompts, ids, cases[i].n_own);
        check(evk_prefixes_find(prompts, N, N_GROUP, &p, NULL) == EVOKE_OK, "find");
        check_prefixes(prompts, &p, cases[i].n_own, cases[i].most);
        evk_prefixes_free(&p);
    }
    evk_prefixes none;
    check(evk_prefixes_find(prompts, 0, N_GROUP, &none, NULL) == EVOKE_OK && none.n == 0, "no prompts that may share");
    for (size_t g = 0; g < N_GROUP; g++)
        check(none.of_group[g] == -1, "group %zu has a prefix where none may be", g);
    evk_prefixes_free(&none);
    return check_done();
}
