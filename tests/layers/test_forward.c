/* Every hook point, the logits, the greedy continuation and the steered runs of the golden models, within the tolerance
 * that their README states; for every kernel table that this CPU runs. */
#include "core/evoke.h"
#include "layers/vectors.h"
#include "tests/check.h"
#include "tests/golden.h"

static const char *const models[] = {
    "llama", "llama31", "gguf/llama_f32/model.gguf", "gguf/llama_f16/model.gguf", "gguf/llama_q8_0/model.gguf",
    "gguf/llama_q4_1/model.gguf", "gguf/llama_k/model.gguf", "gguf/llama31/model.gguf",
};

static void check_ids(evk_h5 *expected, const char *group, const char *name, evk_h5 *trace, const char *label)
{
    char path[128];
    size_t n = 0, m = 0;
    snprintf(path, sizeof path, "/%s/%s", group, name);
    int32_t *want = golden_ids(expected, path, &n), *got = golden_ids(trace, "/generated", &m);
    check(want && got && n == m && memcmp(want, got, n * sizeof *want) == 0, "%s %s: greedy ids", label, group);
    free(want);
    free(got);
}

static void check_prompt(const evoke_model *m, evk_h5 *expected, const char *group, const char *label)
{
    static const char *const sites[] = { "embed", "resid_post", "attn_out", "mlp_out", "final_norm", "logits" };
    char path[160], file[256];
    size_t n = 0, n_generated = 0;
    evoke_error err = {0};
    evk_h5 *trace = NULL;
    snprintf(path, sizeof path, "/%s/ids", group);
    int32_t *ids = golden_ids(expected, path, &n);
    if (!ids)
        return;
    snprintf(path, sizeof path, "/%s/generated", group);
    free(golden_ids(expected, path, &n_generated));
    golden_temporary(file, sizeof file, "trace.h5");
    const evoke_trace_options o = { .ids = ids, .n_ids = n, .n_predict = n_generated };
    check(evoke_trace(m, &o, file, NULL, &err) == EVOKE_OK, "%s: %s", label, err.text);
    check(evk_h5_open(file, &trace, &err) == EVOKE_OK, "%s: %s", label, err.text);
    for (size_t i = 0; trace && i < sizeof sites / sizeof *sites; i++) {
        char own[64];
        snprintf(path, sizeof path, "/%s/%s", group, sites[i]);
        snprintf(own, sizeof own, "/%s", sites[i]);
        const double d = golden_difference(expected, path, trace, own), bound = golden_tolerance(expected, "/", sites[i]);
        check(d <= bound, "%s %s %s: off by %.3g, allowed %.3g", label, group, sites[i], d, bound);
    }
    if (trace && n_generated)
        check_ids(expected, group, "generated", trace, label);
    evk_h5_free(trace);
    remove(file);
    free(ids);
}

/* The vectors of a steered group as a set of one or two emotions. */
static evoke_vectors *group_vectors(evk_h5 *expected, const char *group, evoke_site site, size_t n_layer, size_t d_model,
                                    size_t *n_emotion)
{
    static const char *const names[] = { "a", "b" };
    char path[64];
    size_t n = 0;
    evoke_vectors *v = NULL;
    int32_t layers[64];
    for (size_t l = 0; l < n_layer; l++)
        layers[l] = (int32_t)l;
    snprintf(path, sizeof path, "/%s/ev", group);
    double *ev = golden_read(expected, path, &n);
    *n_emotion = ev ? n / (n_layer * d_model) : 0;
    const evk_vectors_spec spec = { *n_emotion, n_layer, d_model, 1, names, layers, &site, "test", "", "", "", "llama", n_layer };
    if (ev && evk_vectors_new(&spec, &v, NULL) == EVOKE_OK)
        for (size_t i = 0; i < n; i++)
            evk_vectors_ev(v, 0, i / (n_layer * d_model))[i % (n_layer * d_model)] = (float)ev[i];
    free(ev);
    return v;
}

static void check_steered(const evoke_model *m, evk_h5 *expected, const char *group, const char *label)
{
    static const char *const names[] = { "a", "b" };
    const evoke_model_info *info = evoke_model_describe(m);
    char path[64], file[256], object[32], *site_name = NULL, *mode_name = NULL, *where = NULL;
    evoke_site site = EVOKE_RESID_POST;
    evoke_steer_mode mode = EVOKE_STEER_ADD;
    evoke_positions positions = EVOKE_AT_ALL;
    evoke_error err = {0};
    size_t n_ids = 0, n_alpha = 0, n_layers = 0, n_emotion = 0, n_generated = 0;
    evk_h5 *trace = NULL;
    snprintf(object, sizeof object, "/%s", group);
    if (!evk_h5_has(expected, object))
        return;
    check(evk_h5_get_string(expected, object, "site", &site_name) && evoke_site_find(site_name, &site), "%s site", group);
    check(evk_h5_get_string(expected, object, "mode", &mode_name) && evoke_steer_mode_find(mode_name, &mode), "%s mode", group);
    check(evk_h5_get_string(expected, object, "positions", &where) && evoke_positions_find(where, &positions), "%s", group);
    snprintf(path, sizeof path, "/%s/alpha", group);
    double *alpha = golden_read(expected, path, &n_alpha);
    int32_t *ids = golden_ids(expected, "/p7/ids", &n_ids);
    snprintf(path, sizeof path, "/%s/generated", group);
    free(golden_ids(expected, path, &n_generated));
    int32_t middle[1] = { (int32_t)(info->n_layer / 2) };
    n_layers = strcmp(group, "steer_c") == 0;
    evoke_vectors *v = group_vectors(expected, group, site, info->n_layer, info->d_model, &n_emotion);
    evoke_strength strengths[2];
    for (size_t i = 0; i < 2; i++)
        strengths[i] = (evoke_strength){ names[i], alpha && i < n_alpha && isfinite(alpha[i]) ? alpha[i] : 1 };
    const evoke_steer_options how = { v, strengths, n_emotion, site, positions, mode, n_layers ? middle : NULL, n_layers, false };
    evoke_steering *s = NULL;
    check(v && evoke_steering_new(m, &s, &err) == EVOKE_OK && evoke_steering_add(s, &how, &err) == EVOKE_OK, "%s %s: %s",
          label, group, err.text);
    golden_temporary(file, sizeof file, "steered.h5");
    const evoke_trace_options o = { .ids = ids, .n_ids = n_ids, .n_predict = n_generated, .steering = s };
    check(evoke_trace(m, &o, file, NULL, &err) == EVOKE_OK && evk_h5_open(file, &trace, &err) == EVOKE_OK, "%s", err.text);
    if (trace) {
        snprintf(path, sizeof path, "/%s/logits_last", group);
        const double d = golden_difference(expected, path, trace, "/step_logits");
        const double bound = golden_tolerance(expected, object, "logits");
        check(d <= bound, "%s %s logits: off by %.3g, allowed %.3g", label, group, d, bound);
        snprintf(path, sizeof path, "/%s/resid_post", group);
        const double r = golden_difference(expected, path, trace, "/resid_post");
        const double r_bound = golden_tolerance(expected, "/", "resid_post");
        check(r <= r_bound, "%s %s resid_post: off by %.3g, allowed %.3g", label, group, r, r_bound);
        check_ids(expected, group, "generated", trace, label);
    }
    evk_h5_free(trace);
    remove(file);
    evoke_steering_free(s);
    evoke_vectors_free(v);
    free(alpha);
    free(ids);
    free(site_name);
    free(mode_name);
    free(where);
}

static void check_model(const char *root, const char *name, const char *isa)
{
    char path[512], expected_path[600], label[128];
    evoke_model *m = NULL;
    evk_h5 *expected = NULL;
    evoke_error err = {0};
    if (!golden_find(root, name, path, sizeof path)) {
        check_skip(name, "neither in tests/golden nor in ../shared/golden");
        return;
    }
    const char *slash = strstr(path, "/model.gguf");
    snprintf(expected_path, sizeof expected_path, "%.*s/expected.h5", (int)(slash ? (size_t)(slash - path) : strlen(path)), path);
    snprintf(label, sizeof label, "%s (%s)", name, isa);
    check(evoke_model_open(path, &(evoke_model_options){ .isa = isa }, &m, &err) == EVOKE_OK, "%s: %s", label, err.text);
    check(evk_h5_open(expected_path, &expected, &err) == EVOKE_OK, "%s: %s", label, err.text);
    if (m && expected) {
        static const char *const prompts[] = { "p1", "p7", "p33", "p48" };
        static const char *const steered[] = { "steer_a", "steer_b", "steer_c", "steer_d", "steer_e", "steer_f" };
        for (size_t i = 0; i < sizeof prompts / sizeof *prompts; i++)
            check_prompt(m, expected, prompts[i], label);
        for (size_t i = 0; i < sizeof steered / sizeof *steered; i++)
            check_steered(m, expected, steered[i], label);
    }
    evk_h5_free(expected);
    evoke_model_free(m);
}

int main(int argc, char **argv)
{
    const char *root = argc > 1 ? argv[1] : ".";
    for (size_t i = 0; evoke_isa_name(i); i++)
        for (size_t j = 0; j < sizeof models / sizeof *models; j++)
            check_model(root, models[j], evoke_isa_name(i));
    return check_done();
}
