#include "layers/sampler.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 256 };           /* logits of which the greatest is found together */

typedef struct candidate { float p; int32_t id; } candidate;

void evk_sampler_init(evk_sampler *s, const evoke_sampling *how)
{
    s->how = *how;
    evk_random_stream(&s->random, how->seed, how->stream);
}

size_t evk_sampler_room(size_t n)
{
    return n * (2 * sizeof(float) + sizeof(candidate));
}

static float greatest(const float *x, size_t n)
{
    float most = -INFINITY;
#pragma omp simd reduction(max : most)
    for (size_t i = 0; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

int32_t evk_argmax(const float *logits, size_t n)
{
    size_t best = 0;
    for (size_t i = 0; i < n; i += PIECE) {             /* only where a piece holds a greater one is it looked for */
        const size_t end = n - i < PIECE ? n : i + PIECE;
        if (!(greatest(logits + i, end - i) <= logits[best]))
            for (size_t j = i; j < end; j++)
                best = logits[j] > logits[best] ? j : best;
    }
    return (int32_t)best;
}

double evk_log_sum_exp(const evk_kernels *k, float *logits, size_t n)
{
    const float most = logits[evk_argmax(logits, n)];
    return (double)most + log(k->exp_sum(logits, 1, most, n));
}

/* p [n] = exp((logits - most) / temperature), most the greatest of them; returns the sum. */
static double weigh(const evk_kernels *k, const float *logits, float most, double temperature, float *p, size_t n)
{
    const float over = (float)(1.0 / temperature);
    for (size_t i = 0; i < n; i++)
        p[i] = (logits[i] - most) * over;
    return k->exp_sum(p, 1, 0, n);
}

static int by_probability(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->p != y->p)
        return x->p > y->p ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

/* Every token of at least `least`, in falling order; returns their number. Weights are relative to the greatest, 1. */
static size_t above(const float *p, size_t n, float least, candidate *out)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (p[i] >= least && p[i] > 0)
            out[count++] = (candidate){ p[i], (int32_t)i };
    qsort(out, count, sizeof *out, by_probability);
    return count;
}

/* How many of the sorted candidates the filters leave; 0: more candidates are needed to tell. */
static size_t filtered(const evoke_sampling *how, const candidate *c, size_t count, bool all, double sum)
{
    size_t keep = count;
    bool closed = all;
    if (how->top_k > 0 && how->top_k <= keep) {
        keep = how->top_k;
        closed = true;
        sum = 0;                                    /* top-p is then a share of what top-k left */
        for (size_t i = 0; i < keep; i++)
            sum += (double)c[i].p;
    } else if (how->top_k > 0 && !all) {
        return 0;
    }
    double mass = 0;
    for (size_t i = 0; how->top_p < 1 && i < keep; i++) {
        mass += (double)c[i].p;
        if (mass >= how->top_p * sum) {
            keep = i + 1;
            closed = true;
        }
    }
    while (keep > 1 && how->min_p > 0 && (double)c[keep - 1].p < how->min_p * (double)c[0].p) {
        keep--;
        closed = true;
    }
    return closed ? keep : 0;
}

/* Sorts only as far down as the filters reach: tries a threshold, lowers it until the answer is settled. */
static size_t candidates(const evoke_sampling *how, const float *p, size_t n, double sum, candidate *out)
{
    for (float least = 1.0f / 64; least > 1e-9f; least /= 64) {
        const size_t keep = filtered(how, out, above(p, n, least, out), false, sum);
        if (keep)
            return keep;
    }
    return filtered(how, out, above(p, n, 0, out), true, sum);
}

static int32_t draw_sorted(evk_sampler *s, const candidate *c, size_t n)
{
    double sum = 0, walked = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)c[i].p;
    const double at = evk_random_uniform(&s->random) * sum;
    for (size_t i = 0; i < n; i++) {
        walked += (double)c[i].p;
        if (at < walked)
            return c[i].id;
    }
    return c[n - 1].id;
}

static int32_t draw_all(evk_sampler *s, const float *p, size_t n, double sum)
{
    const double at = evk_random_uniform(&s->random) * sum;
    double walked = 0;
    size_t last = 0;
    for (size_t i = 0; i < n; i++) {
        walked += (double)p[i];
        last = p[i] > 0 ? i : last;
        if (at < walked)
            return (int32_t)i;
    }
    return (int32_t)last;
}

/* best: the id of the greatest logit. */
static int32_t draw(evk_sampler *s, const evk_kernels *k, const float *logits, size_t n, int32_t best, float *p, candidate *c)
{
    const bool filters = s->how.top_k > 0 || s->how.top_p < 1 || s->how.min_p > 0;
    if (s->how.temperature <= 0)
        return best;
    const double sum = weigh(k, logits, logits[best], s->how.temperature, p, n);
    if (!filters)
        return draw_all(s, p, n, sum);
    const size_t n_left = candidates(&s->how, p, n, sum, c);
    return n_left ? draw_sorted(s, c, n_left) : best;           /* none where every token is banned */
}

int32_t evk_sample(evk_sampler *s, const evk_kernels *k, const float *logits, size_t n, const int32_t *banned,
                   size_t n_banned, void *room, float *logprob)
{
    candidate *c = room;
    float *p = (float *)(void *)(c + n), *allowed = p + n;
    const int32_t best = evk_argmax(logits, n);
    const double all = log(weigh(k, logits, logits[best], 1.0, p, n));
    int32_t id;
    if (n_banned == 0) {
        id = draw(s, k, logits, n, best, p, c);
    } else {
        memcpy(allowed, logits, n * sizeof *allowed);
        for (size_t i = 0; i < n_banned; i++)
            allowed[banned[i]] = -INFINITY;
        id = draw(s, k, allowed, n, evk_argmax(allowed, n), p, c);
    }
    *logprob = (float)((double)logits[id] - (double)logits[best] - all);
    return id;
}

void evk_sample_all(evk_draw *draws, size_t n, const evk_kernels *k, size_t n_thread, size_t n_vocab,
                    const int32_t *banned, size_t n_banned, void *room)
{
    const size_t room_bytes = evk_sampler_room(n_vocab);
#pragma omp parallel for schedule(dynamic) num_threads((int)n_thread) if (n > 1)
    for (size_t i = 0; i < n; i++) {
        evk_draw *d = &draws[i];
        d->id = evk_sample(d->sampler, k, d->logits, n_vocab, banned, d->ban_ends ? n_banned : 0,
                           (char *)room + room_bytes * (size_t)omp_get_thread_num(), &d->logprob);
    }
}
