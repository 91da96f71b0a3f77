/* Sampling against its definition: which tokens the filters leave, how often each is drawn, that a stream is its own. */
#include "core/kernels/kernels.h"
#include "layers/sampler.h"
#include "tests/check.h"
#include "tests/golden.h"

enum { V = 1000, DRAWS = 20000 };

typedef struct entry { double p; int32_t id; } entry;

static int falling(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return x->p > y->p ? -1 : x->p < y->p ? 1 : x->id - y->id;
}

/* The distribution after the filters, by definition: p [V]. */
static void filtered(const float *logits, const evoke_sampling *how, double *p)
{
    entry e[V];
    double sum = 0, mass = 0;
    size_t keep = V;
    for (size_t i = 0; i < V; i++)
        sum += (e[i] = (entry){ exp((double)logits[i] / how->temperature), (int32_t)i }).p;
    qsort(e, V, sizeof *e, falling);
    if (how->top_k && how->top_k < keep)
        keep = how->top_k;
    sum = 0;
    for (size_t i = 0; i < keep; i++)
        sum += e[i].p;
    for (size_t i = 0; i < keep && how->top_p < 1; i++)
        if ((mass += e[i].p) >= how->top_p * sum)
            keep = i + 1;
    while (keep > 1 && e[keep - 1].p < how->min_p * e[0].p)
        keep--;
    sum = 0;
    memset(p, 0, V * sizeof *p);
    for (size_t i = 0; i < keep; i++)
        sum += e[i].p;
    for (size_t i = 0; i < keep; i++)
        p[e[i].id] = e[i].p / sum;
}

static void test_filters(const evk_kernels *k, const float *logits, evoke_sampling how, void *room)
{
    double p[V], chi2 = 0;
    size_t count[V] = {0}, outside = 0, kept = 0;
    evk_sampler s;
    filtered(logits, &how, p);
    evk_sampler_init(&s, &how);
    for (size_t i = 0; i < DRAWS; i++) {
        float logprob;
        const int32_t id = evk_sample(&s, k, logits, V, NULL, 0, room, &logprob);
        count[id]++;
        outside += p[id] == 0;
    }
    for (size_t i = 0; i < V; i++)
        if (p[i] * DRAWS >= 5) {
            const double d = (double)count[i] - p[i] * DRAWS;
            chi2 += d * d / (p[i] * DRAWS);
            kept++;
        }
    check(outside == 0, "k %zu p %g min %g t %g: %zu draws outside", how.top_k, how.top_p, how.min_p, how.temperature, outside);
    check(chi2 < (double)kept + 6 * sqrt(2 * (double)kept) + 6, "k %zu p %g min %g t %g: chi2 %.1f of %zu", how.top_k, how.top_p,
          how.min_p, how.temperature, chi2, kept);
}

static void test_streams(const evk_kernels *k, const float *logits, void *room)
{
    evk_sampler a, b, c;
    evoke_sampling how = { 1.0, 0, 0.9, 0, 3, 11 };
    size_t same = 0, other = 0;
    evk_sampler_init(&a, &how);
    evk_sampler_init(&b, &how);
    how.stream = 12;
    evk_sampler_init(&c, &how);
    for (size_t i = 0; i < 200; i++) {
        float l;
        const int32_t x = evk_sample(&a, k, logits, V, NULL, 0, room, &l);
        same += x == evk_sample(&b, k, logits, V, NULL, 0, room, &l);
        other += x == evk_sample(&c, k, logits, V, NULL, 0, room, &l);
    }
    check(same == 200, "one stream, one series");
    check(other < 150, "another stream, another series");
}

static void test_greedy(const evk_kernels *k, const float *logits, void *room)
{
    evk_sampler s;
    float logprob = 0;
    double sum = 0;
    size_t best = 0;
    for (size_t i = 0; i < V; i++) {
        sum += exp((double)logits[i]);
        best = logits[i] > logits[best] ? i : best;
    }
    evk_sampler_init(&s, &(evoke_sampling){ 0 });
    const int32_t first = evk_sample(&s, k, logits, V, NULL, 0, room, &logprob), banned[1] = { first };
    check(first == (int32_t)best, "greedy takes the greatest");
    check(fabs((double)logprob - ((double)logits[best] - log(sum))) < 1e-5, "log-probability %g", (double)logprob);
    check(evk_sample(&s, k, logits, V, banned, 1, room, &logprob) != first, "a banned token is not drawn");
}

/* Nothing is left to choose from: an id all the same, and no read outside the scratch. */
static void test_all_banned(const evk_kernels *k, const float *logits, void *room)
{
    evk_sampler s;
    float logprob = 0;
    int32_t banned[V];
    for (size_t i = 0; i < V; i++)
        banned[i] = (int32_t)i;
    evk_sampler_init(&s, &(evoke_sampling){ 1, 0, 0.9, 0, 1, 0 });
    const int32_t id = evk_sample(&s, k, logits, V, banned, V, room, &logprob);
    check(id >= 0 && id < V, "an id of the vocabulary, not %d", (int)id);
}

/* The first of the greatest, at any length, with ties and with what is no number. */
static void test_argmax(evk_random *r)
{
    float x[V];
    for (size_t n = 1; n <= V; n += 1 + n / 20)
        for (size_t kind = 0; kind < 4; kind++) {
            const size_t values = kind == 0 ? 5 : 5000, odd = 1 + evk_random_below(r, n);
            size_t best = 0;
            for (size_t i = 0; i < n; i++)
                x[i] = (float)evk_random_below(r, values) - 2;
            for (size_t i = odd - 1; i < n && kind >= 2; i += odd)
                x[i] = kind == 2 ? -INFINITY : i > 0 ? NAN : x[i];
            for (size_t i = 1; i < n; i++)
                best = x[i] > x[best] ? i : best;
            check(evk_argmax(x, n) == (int32_t)best, "argmax of %zu, kind %zu: %d, not %zu", n, kind, (int)evk_argmax(x, n), best);
        }
}

int main(void)
{
    static const evoke_sampling settings[] = {
        { 1, 0, 1, 0, 1, 0 }, { 0.7, 0, 0.9, 0, 2, 0 }, { 1, 40, 1, 0, 3, 0 }, { 1.5, 40, 0.8, 0, 4, 0 }, { 1, 0, 1, 0.05, 5, 0 },
        { 0.7, 0, 0.5, 0.1, 6, 0 }, { 2, 1, 1, 0, 7, 0 }, { 3, 0, 0.9999, 0, 8, 0 },
    };
    float logits[V];
    evk_kernels k;
    evk_random r;
    void *room = malloc(evk_sampler_room(V));
    check(evk_kernels_select(NULL, &k, NULL) == EVOKE_OK, "kernels");
    evk_random_stream(&r, 1, 1);
    for (size_t i = 0; i < V; i++)
        logits[i] = (float)(2.5 * evk_random_normal(&r));
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        test_filters(&k, logits, settings[i], room);
    test_argmax(&r);
    test_streams(&k, logits, room);
    test_greedy(&k, logits, room);
    test_all_banned(&k, logits, room);
    free(room);
    return check_done();
}
