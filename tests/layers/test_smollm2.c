/* SmolLM2-135M-Instruct (Q4_1) against transformers in float32: logits, greedy text, and one trace of every hook point.
 * tests/golden/smollm2/reference.h5 holds every 16th logit; ../shared/golden/smollm2/trace.h5 the trace. */
#include "core/evoke.h"
#include "tests/check.h"
#include "tests/golden.h"

static void test_logits(const evoke_model *m, evk_h5 *reference)
{
    size_t n = 0, n_logits = 0, k;
    int64_t every = 1;
    evk_h5_get_i64(reference, "/", "every_logit", &every);
    int32_t *ids = golden_ids(reference, "/tokens/ids", &n);
    double *offsets = golden_read(reference, "/tokens/offsets", &k), *want = golden_read(reference, "/logits/neutral_last", &n_logits);
    evoke_session *s = NULL;
    evoke_error err = {0};
    double worst = 0;
    check(ids && offsets && want && evoke_session_new(m, 256, &s, &err) == EVOKE_OK, "reference and session: %s", err.text);
    for (size_t q = 0; s && q < 20; q++) {
        const size_t first = (size_t)offsets[4 * q], length = (size_t)offsets[4 * q + 1] - first, row = n_logits / 20;
        evoke_session_reset(s);
        check(evoke_session_eval(s, ids + first, length, &err) == EVOKE_OK, "%s", err.text);
        for (size_t i = 0; i < row; i++) {
            const double gap = fabs((double)evoke_session_logits(s)[i * (size_t)every] - want[q * row + i]);
            worst = gap > worst || isnan(gap) ? gap : worst;
        }
    }
    check(worst < 5e-4, "logits are off by %g", worst);
    printf("largest error of a logit: %.2g\n", worst);
    evoke_session_free(s);
    free(ids), free(offsets), free(want);
}

static void test_greedy(const evoke_model *m, evk_h5 *reference)
{
    size_t n = 0, k;
    int32_t *ids = golden_ids(reference, "/tokens/ids", &n), *want[6] = {0};
    double *offsets = golden_read(reference, "/tokens/offsets", &k);
    evoke_request requests[6];
    evoke_response responses[6] = {0};
    evoke_error err = {0};
    for (size_t i = 0; i < 6; i++) {
        char name[32];
        int64_t query = 0, setting = 0;
        snprintf(name, sizeof name, "/greedy/%zu", i);
        want[i] = golden_ids(reference, name, &n);
        check(want[i] && n == 24 && evk_h5_get_i64(reference, name, "query", &query) &&
              evk_h5_get_i64(reference, name, "setting", &setting), "%s", name);
        const size_t first = (size_t)offsets[(2 * query + setting) * 2], end = (size_t)offsets[(2 * query + setting) * 2 + 1];
        requests[i] = (evoke_request){ .ids = ids + first, .n_ids = end - first, .n_predict = 24 };
    }
    check(evoke_generate(m, requests, 6, 4, NULL, NULL, NULL, responses, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; i < 6; i++) {
        check(responses[i].n == 24 && memcmp(responses[i].ids, want[i], sizeof(int32_t[24])) == 0, "greedy text %zu", i);
        free(want[i]);
    }
    evoke_responses_free(responses, 6);
    free(ids), free(offsets);
}

/* Every element within 1e-4 of its token's norm (logits: 5e-4 absolute). */
static void compare_site(evk_h5 *want_file, evk_h5 *got_file, const char *site)
{
    size_t n = 0, k = 0, w = strcmp(site, "logits") == 0 ? 49152 : 576;
    char name[32];
    snprintf(name, sizeof name, "/%s", site);
    double *want = golden_read(want_file, name, &n), *got = golden_read(got_file, name, &k), worst = want && got && n == k ? 0 : HUGE_VAL;
    for (size_t t = 0; worst < HUGE_VAL && t < n / w; t++) {
        double norm = 0, gap = 0;
        for (size_t j = 0; j < w; j++) {
            const double d = fabs(want[t * w + j] - got[t * w + j]);
            norm += want[t * w + j] * want[t * w + j];
            gap = d > gap || isnan(d) ? d : gap;
        }
        gap = w == 49152 ? gap / 5 : gap / sqrt(norm);
        worst = gap > worst || isnan(gap) ? gap : worst;
    }
    check(worst < 1e-4, "trace of %s: off by %g", site, worst);
    free(want), free(got);
}

static void test_trace(const evoke_model *m, const char *root)
{
    static const char *const sites[] = { "embed", "resid_pre", "attn_out", "resid_mid", "mlp_out", "resid_post", "final_norm", "logits" };
    char path[512], file[256];
    size_t n = 0, k = 0;
    evk_h5 *want = NULL, *got = NULL;
    evoke_error err = {0};
    snprintf(path, sizeof path, "%s/../shared/golden/smollm2/trace.h5", root);
    if (access(path, R_OK) != 0) {
        check_skip("trace of SmolLM2", "../shared/golden/smollm2/trace.h5 is not there");
        return;
    }
    golden_temporary(file, sizeof file, "smollm2-trace.h5");
    check(evk_h5_open(path, &want, &err) == EVOKE_OK, "%s", err.text);
    int32_t *ids = golden_ids(want, "/ids", &n), *generated = golden_ids(want, "/generated", &k);
    const evoke_trace_options o = { .ids = ids, .n_ids = n, .n_predict = k };
    check(evoke_trace(m, &o, file, NULL, NULL, &err) == EVOKE_OK && evk_h5_open(file, &got, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; got && i < sizeof sites / sizeof *sites; i++)
        compare_site(want, got, sites[i]);
    int32_t *own = got ? golden_ids(got, "/generated", &n) : NULL;
    check(own && n == k && memcmp(own, generated, k * sizeof *own) == 0, "greedy continuation of the trace");
    evk_h5_free(want);
    evk_h5_free(got);
    remove(file);
    free(ids), free(generated), free(own);
}

/* Many prompts decoded together, sampled, give each what it gives alone. */
static void test_batch(const evoke_model *m)
{
    enum { N = 7 };
    const int32_t prompt[N] = { 1, 9690, 198, 2683, 359, 253, 5356 };
    evoke_request requests[N];
    evoke_response together[N] = {0}, alone[N] = {0};
    evoke_error err = {0};
    for (size_t i = 0; i < N; i++)
        requests[i] = (evoke_request){ .ids = prompt, .n_ids = i + 1, .n_predict = 5 + 3 * i,
                                       .sampling = { 0.9, 40, 0.95, 0.02, 5, i }, .ignore_end = true };
    check(evoke_generate(m, requests, N, 3, NULL, NULL, NULL, together, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; i < N; i++) {
        check(evoke_generate(m, &requests[i], 1, 1, NULL, NULL, NULL, &alone[i], &err) == EVOKE_OK, "%s", err.text);
        check(alone[i].n == 5 + 3 * i && alone[i].n == together[i].n &&
              memcmp(alone[i].ids, together[i].ids, alone[i].n * sizeof(int32_t)) == 0 &&
              memcmp(alone[i].logprobs, together[i].logprobs, alone[i].n * sizeof(float)) == 0, "request %zu", i);
    }
    evoke_responses_free(together, N);
    evoke_responses_free(alone, N);
}

int main(int argc, char **argv)
{
    const char *root = argc > 1 ? argv[1] : ".";
    char model[512], path[512];
    evoke_model *m = NULL;
    evk_h5 *reference = NULL;
    evoke_error err = {0};
    if (!golden_real_model(model, sizeof model)) {
        check_skip("SmolLM2", "the default model is not in the cache; experiments/quickstart.sh gets it");
        return check_done();
    }
    snprintf(path, sizeof path, "%s/tests/golden/smollm2/reference.h5", root);
    check(evoke_model_open(model, NULL, &m, &err) == EVOKE_OK, "%s", err.text);
    check(evk_h5_open(path, &reference, &err) == EVOKE_OK, "%s", err.text);
    if (m && reference) {
        test_logits(m, reference);
        test_greedy(m, reference);
        test_trace(m, root);
        test_batch(m);
    }
    evk_h5_free(reference);
    evoke_model_free(m);
    return check_done();
}
