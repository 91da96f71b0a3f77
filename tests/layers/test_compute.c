/* The ways to compute: weights laid out anew give what float32 gives, within the golden tolerance; fast computation stays close;
 * either way a token's logits are the same bits alone, in company, through the cache and by any number of threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/evoke.h"
#include "layers/kv_cache.h"
#include "tests/check.h"
#include "tests/golden.h"

typedef struct way { const char *isa; evoke_compute compute; } way;

static evoke_model *open_model(const char *path, way how, size_t n_threads)
{
    evoke_model *m = NULL;
    evoke_error err = {0};
    check(evoke_model_open(path, &(evoke_model_options){ .isa = how.isa, .n_threads = n_threads, .compute = how.compute, .repack = true },
                           &m, &err) == EVOKE_OK, "%s: %s", path, err.text);
    return m;
}

/* Logits of the last of n ids, fed `step` at a time. */
static float *logits_of(const evoke_model *m, const int32_t *ids, size_t n, size_t step)
{
    const size_t v = evoke_model_describe(m)->n_vocab;
    evoke_session *s = NULL;
    evoke_error err = {0};
    float *out = calloc(v, sizeof *out);
    check(evoke_session_new(m, n, &s, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; i < n; i += step)
        check(evoke_session_eval(s, ids + i, n - i < step ? n - i : step, &err) == EVOKE_OK, "%s", err.text);
    memcpy(out, evoke_session_logits(s), v * sizeof *out);
    evoke_session_free(s);
    return out;
}

static void check_way(const char *path, evk_h5 *expected, way how, const char *label)
{
    size_t n = 0, n_logits = 0;
    int32_t *ids = golden_ids(expected, "/p33/ids", &n);
    double *want = golden_read(expected, "/p33/logits", &n_logits);
    evoke_model *m = open_model(path, how, 1);
    if (!check(ids && want && m, "%s: what to compare with", label))
        return;
    const size_t v = n_logits / n;
    float *own = logits_of(m, ids, n, n);
    double worst = 0, size = 0;
    for (size_t i = 0; i < v; i++) {
        worst = fmax(worst, fabs((double)own[i] - want[(n - 1) * v + i]));
        size = fmax(size, fabs(want[(n - 1) * v + i]));
    }
    const double bound = how.compute == EVOKE_FAST ? 0.05 * size : golden_tolerance(expected, "/", "logits");
    check(worst <= bound, "%s: off by %g of %g, allowed %g", label, worst, size, bound);
    check(how.compute == EVOKE_EXACT || m->info.n_repacked_bytes > 0, "%s: weights are laid out anew", label);
    static const size_t steps[] = { 1, 3, 4, 7 };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        evoke_model *other = open_model(path, how, 1 + i % 3);
        float *again = logits_of(other, ids, n, steps[i]);
        check(memcmp(again, own, v * sizeof *own) == 0, "%s: by steps of %zu, %zu threads", label, steps[i], 1 + i % 3);
        free(again);
        evoke_model_free(other);
    }
    free(own);
    free(ids);
    free(want);
    evoke_model_free(m);
}

/* Rows come back as they were put, or as the float16 next to them. */
static void check_cache(const evoke_model *m, bool half, const char *label)
{
    const evk_config *c = &m->config;
    const size_t n = c->d_head + c->d_value, row = 5;
    evk_kv_cache cache;
    evoke_error err = {0};
    if (!check(evk_kv_init(&cache, m, 7, 1, &err) == EVOKE_OK, "%s: %s", label, err.text))
        return;
    float *x = calloc(n, sizeof *x), *room = calloc(n, sizeof *room);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(i + 1) / 3;
    check(cache.half == half && evk_kv_token_bytes(m) == c->n_layer * c->n_kv_head * n * (half ? 2 : 4), "%s: width of the cache", label);
    check(evk_kv_put(&cache, c->n_layer - 1, c->n_kv_head - 1, row, x, x + c->d_head), "%s: the cache holds them", label);
    const float *key = evk_kv_keys(&cache, c->n_layer - 1, c->n_kv_head - 1, row, 1, room);
    const float *value = evk_kv_values(&cache, c->n_layer - 1, c->n_kv_head - 1, row, 1, room + c->d_head);
    for (size_t i = 0; i < n; i++) {
        const float got = i < c->d_head ? key[i] : value[i - c->d_head];
        check(half ? (i > 0 || got != x[i]) && fabsf(got - x[i]) <= x[i] / 2048 : got == x[i], "%s: number %zu of the cache", label, i);
    }
    for (size_t i = 0; i < n; i += n - 1) {             /* the key's first number, the value's last */
        x[i] = -70000;
        check(evk_kv_put(&cache, 0, 0, row, x, x + c->d_head) == !half, "%s: the cache holds no number that is too large", label);
        x[i] = 1;
    }
    free(x);
    free(room);
    evk_kv_free(&cache);
}

/* Keys and values a million times as large end the pass with a reason where they are float16. */
static void check_large_keys(evoke_model *m, bool half, const char *label)
{
    float *norm = (float *)(uintptr_t)evk_model_vector(m, 0, EVK_W_ATTN_NORM);
    const int32_t ids[] = { 3, 4, 5 };
    evoke_session *s = NULL;
    evoke_error err = {0};
    if (!check(norm && evoke_session_new(m, 3, &s, &err) == EVOKE_OK, "%s: %s", label, err.text))
        return;
    for (size_t i = 0; i < m->config.d_model; i++)
        norm[i] *= 1e6f;
    const evoke_status st = evoke_session_eval(s, ids, 3, &err);
    check(half ? st == EVOKE_EUNSUPPORTED && strstr(err.text, "layer 0") : st == EVOKE_OK, "%s: large keys: %s", label, err.text);
    evoke_session_free(s);
}

static void check_caches(const char *path, bool half_when_fast, const char *label)
{
    for (evoke_compute compute = EVOKE_EXACT; compute <= EVOKE_FAST; compute++) {
        evoke_model *m = open_model(path, (way){ NULL, compute }, 1);
        if (m) {
            check_cache(m, compute == EVOKE_FAST && half_when_fast, label);
            check_large_keys(m, compute == EVOKE_FAST && half_when_fast, label);
        }
        evoke_model_free(m);
    }
}

int main(int argc, char **argv)
{
    static const char *const models[] = { "gguf/llama_q4_1", "families/llama_k", "gguf/llama_q8_0", "gguf/llama_k" };
    static const char *const plain[] = { "gguf/llama_f32", "families/minicpm3" };      /* no quantised weights */
    const char *root = argc > 1 ? argv[1] : ".";
    for (size_t k = 0; k < sizeof models / sizeof *models; k++) {
        char folder[512], path[600], label[160];
        evk_h5 *expected = NULL;
        if (!golden_find(root, models[k], folder, sizeof folder)) {
            check_skip(models[k], "neither in tests/golden nor in ../shared/golden");
            continue;
        }
        snprintf(path, sizeof path, "%s/expected.h5", folder);
        check(evk_h5_open(path, &expected, NULL) == EVOKE_OK, "%s", path);
        snprintf(path, sizeof path, "%s/model.gguf", folder);
        for (size_t i = 0; expected && evoke_isa_name(i); i++)
            for (int fast = 0; fast < 2; fast++) {
                const way how = { evoke_isa_name(i), fast ? EVOKE_FAST : EVOKE_EXACT };
                snprintf(label, sizeof label, "%s (%s, %s)", models[k], how.isa, evoke_compute_name(how.compute));
                check_way(path, expected, how, label);
            }
        evk_h5_free(expected);
        check_caches(path, true, models[k]);
    }
    for (size_t k = 0; k < sizeof plain / sizeof *plain; k++) {
        char folder[512], path[600];
        if (!golden_find(root, plain[k], folder, sizeof folder)) {
            check_skip(plain[k], "neither in tests/golden nor in ../shared/golden");
            continue;
        }
        snprintf(path, sizeof path, "%s%s", folder, strncmp(plain[k], "gguf", 4) == 0 ? "/model.gguf" : "");
        check_caches(path, false, plain[k]);
    }
    return check_done();
}
