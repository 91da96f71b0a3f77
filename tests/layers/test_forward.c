/* Every hook point, the logits, the greedy continuation and the steered runs of the golden models, within the tolerance
 * that their README states; for every kernel table that this CPU runs. What the files hold decides what is compared: each
 * group and dataset of expected.h5, each form of a model that its folder has. */
#include <cblas.h>
#include <dirent.h>
#include <sys/stat.h>

#include "core/evoke.h"
#include "layers/vectors.h"
#include "tests/check.h"
#include "tests/golden.h"
#include "tests/stop.h"

/* The forms in which a folder has its model. LEGACY: config.legacy.json, as published files have it. */
enum { FOLDER = 1, LEGACY = 2, GGUF = 4 };

typedef struct golden_model { const char *name; int forms; } golden_model;

static const golden_model own[] = {
    { "gguf/llama_f32", GGUF }, { "gguf/llama_q4_1", GGUF }, { "families/llama", FOLDER | LEGACY },
    { "families/llama_linear", FOLDER | LEGACY | GGUF }, { "families/llama_dynamic", FOLDER | LEGACY },
    { "families/llama_yarn", FOLDER | LEGACY | GGUF }, { "families/llama31", FOLDER | LEGACY | GGUF },
    { "families/mistral", FOLDER | LEGACY }, { "families/qwen1", FOLDER | GGUF }, { "families/qwen2", FOLDER | LEGACY | GGUF },
    { "families/qwen2_window", FOLDER | LEGACY }, { "families/qwen3", FOLDER | LEGACY | GGUF },
    { "families/baichuan2_7b", FOLDER | GGUF }, { "families/baichuan2_13b", FOLDER }, { "families/baichuan2_13b_gguf", GGUF },
    { "families/gemma", FOLDER | LEGACY | GGUF }, { "families/gemma2", FOLDER | LEGACY }, { "families/gemma2_gguf", GGUF },
    { "families/gemma3_text", FOLDER | LEGACY }, { "families/gemma3_text_gguf", GGUF }, { "families/minicpm", FOLDER | GGUF },
    { "families/minicpm3", FOLDER | LEGACY }, { "families/minicpm3_gguf", GGUF }, { "families/phi3", FOLDER | LEGACY | GGUF },
    { "families/phi3_longrope", FOLDER | LEGACY | GGUF }, { "families/smollm3", FOLDER | LEGACY | GGUF },
    { "families/olmo2", FOLDER | LEGACY | GGUF }, { "families/gpt2", FOLDER | GGUF }, { "families/gpt_neox", FOLDER | LEGACY },
    { "families/gpt_neox_gguf", GGUF }, { "families/gpt_neox_seq", FOLDER | LEGACY | GGUF }, { "families/llama_k", GGUF },
};
/* Larger ones by the same program, in ../shared/golden. */
static const golden_model shared[] = {
    { "llama", FOLDER | LEGACY }, { "llama31", FOLDER | LEGACY }, { "qwen1", FOLDER }, { "qwen2", FOLDER | LEGACY },
    { "qwen3", FOLDER | LEGACY }, { "baichuan2_7b", FOLDER }, { "baichuan2_13b", FOLDER }, { "gemma", FOLDER | LEGACY },
    { "gemma2", FOLDER | LEGACY }, { "gemma3_text", FOLDER | LEGACY }, { "minicpm", FOLDER }, { "minicpm3", FOLDER | LEGACY },
    { "phi3", FOLDER | LEGACY }, { "phi3_longrope", FOLDER | LEGACY }, { "gpt2", FOLDER }, { "gpt_neox", FOLDER | LEGACY },
    { "gpt_neox_seq", FOLDER | LEGACY }, { "gguf/gemma2", GGUF }, { "gguf/gpt2", GGUF }, { "gguf/llama31", GGUF },
    { "gguf/llama_f16", GGUF }, { "gguf/llama_f32", GGUF }, { "gguf/llama_k", GGUF }, { "gguf/llama_q4_1", GGUF },
    { "gguf/llama_q8_0", GGUF }, { "gguf/qwen2", GGUF },
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

/* The hook points among the members of a group, and whether it holds anything else than those, ids and generated. */
static size_t group_sites(evk_h5 *expected, const char *group, evoke_site sites[EVOKE_N_SITE], const char *label)
{
    char **names = NULL;
    size_t n = 0, n_sites = 0;
    check(evk_h5_members(expected, group, &names, &n, NULL) == EVOKE_OK, "%s %s: members", label, group);
    for (size_t i = 0; i < n; i++) {
        const bool known = evoke_site_find(names[i], &sites[n_sites]);
        n_sites += known;
        check(known || strcmp(names[i], "ids") == 0 || strcmp(names[i], "generated") == 0, "%s %s: %s is not compared", label,
              group, names[i]);
    }
    free(names);
    return n_sites;
}

static void check_prompt(const evoke_model *m, evk_h5 *expected, const char *group, const char *label)
{
    evoke_site sites[EVOKE_N_SITE];
    char path[160], file[256];
    size_t n = 0, n_generated = 0;
    evoke_error err = {0};
    evk_h5 *trace = NULL;
    snprintf(path, sizeof path, "/%s/ids", group);
    int32_t *ids = golden_ids(expected, path, &n);
    snprintf(path, sizeof path, "/%s/generated", group);
    free(golden_ids(expected, path, &n_generated));
    golden_temporary(file, sizeof file, "trace.h5");
    const size_t n_sites = group_sites(expected, group, sites, label);
    const evoke_trace_options o = { .ids = ids, .n_ids = n, .n_predict = n_generated, .sites = sites, .n_sites = n_sites };
    check(n_sites > 0 && evoke_trace(m, &o, file, NULL, NULL, &err) == EVOKE_OK, "%s: %s", label, err.text);
    check(evk_h5_open(file, &trace, &err) == EVOKE_OK, "%s: %s", label, err.text);
    for (size_t i = 0; trace && i < n_sites; i++) {
        const char *site = evoke_site_name(sites[i]);
        snprintf(path, sizeof path, "/%s/%s", group, site);
        const double d = golden_difference(expected, path, trace, site), bound = golden_tolerance(expected, "/", site);
        check(d <= bound, "%s %s %s: off by %.3g, allowed %.3g", label, group, site, d, bound);
    }
    if (trace && n_generated)
        check_ids(expected, group, "generated", trace, label);
    evk_h5_free(trace);
    remove(file);
    uint64_t at_once = 0;
    const evoke_status st = evoke_trace(m, &o, file, NULL, &(evoke_progress){ stop_at, &at_once }, &err);
    check(n_generated ? st == EVOKE_EINTERRUPTED && strstr(err.text, "interrupted after") && access(file, F_OK) != 0 : st == EVOKE_OK,
          "%s stopped: %s", label, err.text);
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

static void compare_steered(evk_h5 *expected, const char *group, evk_h5 *trace, const char *label)
{
    char path[64], object[32];
    snprintf(object, sizeof object, "/%s", group);
    snprintf(path, sizeof path, "/%s/logits_last", group);
    const double d = golden_difference(expected, path, trace, "/step_logits");
    const double bound = golden_tolerance(expected, object, "logits");
    check(d <= bound, "%s %s logits: off by %.3g, allowed %.3g", label, group, d, bound);
    snprintf(path, sizeof path, "/%s/resid_post", group);
    const double r = evk_h5_has(expected, path) ? golden_difference(expected, path, trace, "/resid_post") : 0;
    const double r_bound = golden_tolerance(expected, "/", "resid_post");
    check(r <= r_bound, "%s %s resid_post: off by %.3g, allowed %.3g", label, group, r, r_bound);
    check_ids(expected, group, "generated", trace, label);
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
    const evoke_steer_options how = { .vectors = v, .strengths = strengths, .n_strengths = n_emotion, .site = site,
                                      .positions = positions, .mode = mode, .layers = n_layers ? middle : NULL, .n_layers = n_layers };
    evoke_steering *s = NULL;
    check(v && evoke_steering_new(m, &s, &err) == EVOKE_OK && evoke_steering_add(s, &how, &err) == EVOKE_OK, "%s %s: %s",
          label, group, err.text);
    golden_temporary(file, sizeof file, "steered.h5");
    const evoke_trace_options o = { .ids = ids, .n_ids = n_ids, .n_predict = n_generated, .steering = s };
    check(evoke_trace(m, &o, file, NULL, NULL, &err) == EVOKE_OK && evk_h5_open(file, &trace, &err) == EVOKE_OK, "%s", err.text);
    if (trace)
        compare_steered(expected, group, trace, label);
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

/* Every group of expected.h5 in the model at `path`, with the kernel tables from `first` on. */
static void check_model(const char *path, evk_h5 *expected, const char *name, const char *form, size_t first)
{
    char **groups = NULL, label[160];
    size_t n = 0, n_prompt = 0, n_steered = 0;
    evoke_error err = {0};
    check(evk_h5_members(expected, "/", &groups, &n, &err) == EVOKE_OK, "%s: %s", name, err.text);
    for (size_t i = first; evoke_isa_name(i); i++) {
        const evoke_model_options o = { .isa = evoke_isa_name(i), .n_threads = 1 };
        evoke_model *m = NULL;
        snprintf(label, sizeof label, "%s%s (%s)", name, form, o.isa);
        if (!check(evoke_model_open(path, &o, &m, &err) == EVOKE_OK, "%s: %s", label, err.text))
            continue;
        n_prompt = n_steered = 0;
        for (size_t g = 0; g < n; g++) {
            if (strncmp(groups[g], "steer_", 6) == 0)
                check_steered(m, expected, groups[g], label), n_steered++;
            else if (strcmp(groups[g], "tokenizer") != 0)
                check_prompt(m, expected, groups[g], label), n_prompt++;
        }
        check(n_prompt >= 3 && n_steered >= 1, "%s: %zu prompts, %zu steered", label, n_prompt, n_steered);
        evoke_model_free(m);
    }
    free(groups);
}

static bool has(const char *folder, const char *file)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return access(path, R_OK) == 0;
}

/* A folder that links to the weights of another, and to its config.legacy.json as config.json. make: or takes it away. */
static void legacy_folder(const char *of, const char *folder, bool make)
{
    char from[1400], to[700], whole[1024];
    if (!check(realpath(of, whole) && (!make || mkdir(folder, 0700) == 0), "make %s", folder))
        return;
    DIR *d = opendir(of);
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        const bool config = strcmp(e->d_name, "config.legacy.json") == 0;
        if (!config && !strstr(e->d_name, ".safetensors"))
            continue;
        snprintf(from, sizeof from, "%s/%s", whole, e->d_name);
        snprintf(to, sizeof to, "%s/%.256s", folder, config ? "config.json" : e->d_name);
        check((make ? symlink(from, to) : unlink(to)) == 0, "%s", to);
    }
    closedir(d);
    if (!make)
        rmdir(folder);
}

static size_t best_isa(void)
{
    size_t i = 0;
    while (evoke_isa_name(i + 1))
        i++;
    return i;
}

/* All forms of a golden model; they must be those that the table says. */
static void check_golden(const char *folder, const golden_model *g)
{
    char path[600], legacy[256];
    evoke_error err = {0};
    evk_h5 *expected = NULL;
    const int forms = has(folder, "config.json") * FOLDER + has(folder, "config.legacy.json") * LEGACY +
                      has(folder, "model.gguf") * GGUF;
    check(forms == g->forms, "%s has forms %d, not %d", folder, forms, g->forms);
    snprintf(path, sizeof path, "%s/expected.h5", folder);
    if (!check(evk_h5_open(path, &expected, &err) == EVOKE_OK, "%s: %s", g->name, err.text))
        return;
    if (forms & FOLDER)
        check_model(folder, expected, g->name, "", 0);
    if (forms & LEGACY) {
        golden_temporary(legacy, sizeof legacy, "legacy");
        legacy_folder(folder, legacy, true);
        check_model(legacy, expected, g->name, "/config.legacy.json", best_isa());     /* the weights are the folder's */
        legacy_folder(folder, legacy, false);
    }
    if (forms & GGUF) {
        snprintf(path, sizeof path, "%s/model.gguf", folder);
        check_model(path, expected, g->name, "/model.gguf", 0);
    }
    evk_h5_free(expected);
}

/* Every decoder of a folder is in the table. prefix: of its names there. */
static void check_listed(const char *golden, const char *prefix, const golden_model *table, size_t n)
{
    char path[600], name[300];
    snprintf(path, sizeof path, "%s/%s", golden, prefix);
    DIR *d = opendir(path);
    check(d != NULL, "open %s", path);
    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        size_t i = 0;
        evk_h5 *expected = NULL;
        snprintf(name, sizeof name, "%s%.256s", prefix, e->d_name);
        snprintf(path, sizeof path, "%s/%s/expected.h5", golden, name);
        if (e->d_name[0] == '.' || evk_h5_open(path, &expected, NULL) != EVOKE_OK)
            continue;
        while (i < n && strcmp(table[i].name, name) != 0)
            i++;
        check(i < n || !evk_h5_has(expected, "/p7"), "%s is not in the table", name);
        evk_h5_free(expected);
    }
    if (d)
        closedir(d);
}

int main(int argc, char **argv)
{
    const char *root = argc > 1 ? argv[1] : ".";
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);        /* thousands of traces, each of which is synced */
    openblas_set_num_threads(1);                /* more would only spin, with models so small */
    const size_t n_own = sizeof own / sizeof *own, n_shared = sizeof shared / sizeof *shared;
    char golden[400], folder[512];
    snprintf(golden, sizeof golden, "%s/tests/golden", root);
    check_listed(golden, "gguf/", own, n_own);
    check_listed(golden, "families/", own, n_own);
    for (size_t i = 0; i < n_own; i++) {
        snprintf(folder, sizeof folder, "%s/%s", golden, own[i].name);
        check_golden(folder, &own[i]);
    }
    snprintf(golden, sizeof golden, "%s/../shared/golden", root);
    if (access(golden, R_OK) != 0) {
        check_skip("larger models of each family", "../shared/golden is not there");
        return check_done();
    }
    check_listed(golden, "", shared, n_shared);
    check_listed(golden, "gguf/", shared, n_shared);
    for (size_t i = 0; i < n_shared; i++) {
        snprintf(folder, sizeof folder, "%s/%s", golden, shared[i].name);
        if (access(folder, R_OK) == 0)
            check_golden(folder, &shared[i]);
        else
            check_skip(shared[i].name, "not in ../shared/golden");
    }
    return check_done();
}
