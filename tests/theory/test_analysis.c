/* evoke_theory_run over small stores written here: what every figure is where data are few, constant or broken; the same
 * whatever the threads; directions and the file of figures; replicates made in shards; texts whose labels have no EV. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/files/hdf5.h"
#include "tests/check.h"
#include "tests/theory/rows.h"

enum { S = 2, L = 2 };
/* Intervals of what hangs on w: none where dimensions are more than queries. */
#define OF_W "cosine_interval angle_interval whitened_cosine_interval efficiency_interval fisher_ratio_w_interval " \
             "efficiency_pc_interval fisher_ratio_offset_interval efficiency_offset_interval cosine_offset_interval "

typedef struct store {
    size_t n, d, n_emotion, n_setting;
    float *x;                   /* [n, n_setting, L, d] */
    int16_t *which;             /* [n] */
} store;

/* n queries an emotion, alternating; rows around 5 that the emotion moves. */
static store store_of(size_t each, size_t n_emotion, size_t d, uint64_t seed)
{
    evk_random r = random_of(seed);
    store s = { each * n_emotion, d, n_emotion, S, NULL, NULL };
    s.x = calloc(s.n * S * L * d, sizeof *s.x);
    s.which = calloc(s.n, sizeof *s.which);
    for (size_t i = 0; i < s.n; i++) {
        s.which[i] = (int16_t)(i % n_emotion);
        for (size_t k = 0; k < S * L * d; k++) {
            const size_t setting = k / (L * d), j = k % d;
            s.x[i * S * L * d + k] = (float)(5 + evk_random_normal(&r)
                                             + (setting ? 1.0 + (double)((j + (size_t)s.which[i]) % n_emotion) : 0));
        }
    }
    return s;
}

static void store_free(store *s)
{
    free(s->x);
    free(s->which);
}

static bool write_store(const char *path, const store *s)
{
    static const char *const names[] = { "joy", "anger", "fear" }, *const settings[S] = { "neutral", "emotion" };
    const evk_h5_signature sign = { .format = "evoke-activations", .model_name = "random", .model_sha256 = "",
                                    .architecture = "llama", .n_layer = 9, .d_model = s->d };
    const char **texts = calloc(s->n * s->n_setting, sizeof *texts), *site = "resid_post";
    const int32_t layers[L] = { 7, 3 };
    evk_h5 *f = NULL;
    evoke_error err = {0};
    for (size_t i = 0; i < s->n * s->n_setting; i++)
        texts[i] = "x";
    bool ok = evk_h5_create(path, &f, &err) == EVOKE_OK && evk_h5_sign(f, &sign, &err) == EVOKE_OK
        && evk_h5_write_strings(f, "/queries/text", 1, (size_t[]){ s->n }, texts, &err) == EVOKE_OK
        && evk_h5_write_strings(f, "/queries/id", 1, (size_t[]){ s->n }, texts, &err) == EVOKE_OK
        && evk_h5_write_strings(f, "/queries/language", 1, (size_t[]){ s->n }, texts, &err) == EVOKE_OK
        && evk_h5_write(f, "/queries/emotion", EVK_H5_I16, 1, (size_t[]){ s->n }, s->which, &err) == EVOKE_OK
        && evk_h5_write(f, "/layers", EVK_H5_I32, 1, (size_t[]){ L }, layers, &err) == EVOKE_OK
        && evk_h5_write_strings(f, "/emotions", 1, &s->n_emotion, names, &err) == EVOKE_OK
        && evk_h5_write_strings(f, "/settings", 1, &s->n_setting, settings, &err) == EVOKE_OK
        && evk_h5_write_strings(f, "/sites", 1, (size_t[]){ 1 }, &site, &err) == EVOKE_OK
        && evk_h5_write_strings(f, "/prompts/text", 2, (size_t[]){ s->n, s->n_setting }, texts, &err) == EVOKE_OK
        && evk_h5_write(f, "/activations/resid_post/query", EVK_H5_F32, 4, (size_t[]){ s->n, s->n_setting, L, s->d }, s->x, &err)
           == EVOKE_OK;
    ok = ok && evk_h5_commit(f, &err) == EVOKE_OK;
    free(texts);
    return check(ok, "write %s: %s", path, err.text);
}

static evoke_theory_options quick(double shrinkage)
{
    evoke_theory_options o = evoke_theory_defaults();
    o.fisher.shrinkage = shrinkage;
    o.n_bootstrap = 40;
    o.n_permutation = 99;
    o.n_control = 40;
    o.n_fold = 4;
    o.n_threads = 1;
    return o;
}

static evoke_status write_and_open(const char *path, const store *s, evoke_store **opened, evoke_error *err)
{
    *opened = NULL;
    *err = (evoke_error){0};
    return write_store(path, s) ? evoke_store_open(path, opened, err) : EVOKE_EIO;
}

static evoke_status run(const char *path, const store *s, const evoke_theory_options *o, evoke_theory **t, evoke_error *err)
{
    evoke_store *opened = NULL;
    *t = NULL;
    evoke_status st = write_and_open(path, s, &opened, err);
    if (st == EVOKE_OK)
        st = evoke_theory_run(opened, o, NULL, t, err);
    evoke_store_free(opened);
    return st;
}

/* Is a figure finite in all of its values? */
static bool finite_figure(const evoke_theory *t, const char *name)
{
    const evoke_figure *f = evoke_theory_find(t, name);
    size_t n = f != NULL;
    for (size_t i = 0; f && i < f->n_dim; i++)
        n *= f->dims[i];
    for (size_t i = 0; i < n; i++)
        if (!isfinite(f->values[i]))
            return false;
    return n > 0;
}

/* All figures but those named have values in all of the axes L and E. */
static void all_finite_but(const char *what, const evoke_theory *t, const char *missing)
{
    const evoke_figure *f;
    for (size_t i = 0; (f = evoke_theory_figure(t, i)); i++) {
        char name[96];
        snprintf(name, sizeof name, " %s ", f->name);
        const bool expected = !strstr(missing, name);
        if (strncmp(f->name, "learning_curve", 14) != 0)        /* its sizes end at half of the queries */
            check(finite_figure(t, f->name) == expected, "%s: %s is%s finite", what, f->name, expected ? " not" : "");
    }
}

static void same_figures(const char *what, const evoke_theory *a, const evoke_theory *b)
{
    const evoke_figure *f, *g;
    for (size_t i = 0; (f = evoke_theory_figure(a, i)) && (g = evoke_theory_figure(b, i)); i++) {
        size_t n = 1;
        for (size_t k = 0; k < f->n_dim; k++)
            n *= f->dims[k];
        check(memcmp(f->values, g->values, n * sizeof *f->values) == 0, "%s depends on %s", f->name, what);
    }
}

static void many_rows(const char *path)
{
    static const double choices[] = { EVOKE_SHRINK_LEDOIT_WOLF, EVOKE_SHRINK_OAS, EVOKE_SHRINK_CV, 0.3, 1 };
    store s = store_of(11, 3, 30, 131);
    evoke_theory *t = NULL, *again = NULL;
    evoke_error err;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        evoke_theory_options o = quick(choices[i]);
        if (!check(run(path, &s, &o, &t, &err) == EVOKE_OK, "%s", err.text))
            continue;
        all_finite_but("more dimensions than rows", t, " condition condition_interval " OF_W);
        o.n_threads = 3;
        if (check(run(path, &s, &o, &again, &err) == EVOKE_OK, "%s", err.text))
            same_figures("the threads", t, again);
        evoke_theory_free(t), evoke_theory_free(again);
    }
    evoke_theory_options fewer = quick(0.3);
    fewer.n_bootstrap = fewer.n_permutation = fewer.n_control = 0;
    if (check(run(path, &s, &fewer, &t, &err) == EVOKE_OK, "%s", err.text))
        check(finite_figure(t, "held_out_auc_w") && finite_figure(t, "hotelling_t2") && !finite_figure(t, "efficiency_interval")
              && !finite_figure(t, "hotelling_p") && !finite_figure(t, "random_auc"), "without replicates");
    evoke_theory_free(t);
    store_free(&s);
    s = store_of(20, 3, 5, 132);
    evoke_theory_options o = quick(0);
    if (check(run(path, &s, &o, &t, &err) == EVOKE_OK, "%s", err.text))
        all_finite_but("more rows than dimensions, unshrunk", t, " ");
    evoke_theory_free(t);
    store_free(&s);
}

static void few_rows(const char *path)
{
    store s = store_of(2, 3, 12, 133);
    evoke_theory *t = NULL;
    evoke_error err;
    evoke_theory_options o = quick(0.5);
    if (check(run(path, &s, &o, &t, &err) == EVOKE_OK, "two queries: %s", err.text)) {
        check(finite_figure(t, "efficiency") && finite_figure(t, "hotelling_t2") && finite_figure(t, "ev_cosine")
              && finite_figure(t, "rest_efficiency") && finite_figure(t, "split_half_cosine"), "two queries: what can be told");
        check(!finite_figure(t, "efficiency_interval") && !finite_figure(t, "held_out_auc_ev")
              && !finite_figure(t, "ev_norm_interval") && !finite_figure(t, "ev_cosine_interval")
              && !finite_figure(t, "base_share_interval") && !finite_figure(t, "plane_interval"), "two queries: what cannot");
    }
    evoke_theory_free(t);
    s.which[0] = 1;                             /* joy has one query left */
    check(run(path, &s, &o, &t, &err) == EVOKE_EDATA && strstr(err.text, "'joy' has 1 complete"), "one row: %s", err.text);
    store_free(&s);
    s = store_of(8, 1, 12, 134);
    if (check(run(path, &s, &o, &t, &err) == EVOKE_OK, "one emotion: %s", err.text))
        check(finite_figure(t, "fisher_ratio_ev_interval") && !finite_figure(t, "rest_efficiency")
              && finite_figure(t, "split_half_cosine_interval") && !finite_figure(t, "component_share_interval")
              && !evoke_theory_directions(t, EVOKE_DIRECTION_DISCRIMINANTS), "one emotion has no others");
    evoke_theory_free(t);
    store_free(&s);
}

static void constant_and_broken(const char *path)
{
    store s = store_of(6, 2, 10, 135);
    evoke_theory *t = NULL;
    evoke_error err;
    evoke_theory_options o = quick(EVOKE_SHRINK_LEDOIT_WOLF);
    for (size_t i = 0; i < s.n * S * L; i++)
        s.x[i * s.d + 4] = 2;                   /* a feature that never changes */
    if (check(run(path, &s, &o, &t, &err) == EVOKE_OK, "constant feature: %s", err.text))
        check(finite_figure(t, "fisher_ratio_ev_interval") && finite_figure(t, "held_out_efficiency"), "constant feature");
    evoke_theory_free(t);
    const float kept = s.x[((3 * S + 1) * L + 1) * s.d + 2];
    s.x[((3 * S + 1) * L + 1) * s.d + 2] = NAN;
    check(run(path, &s, &o, &t, &err) == EVOKE_EDATA && strstr(err.text, "query 3, setting 'emotion', layer 3"), "NaN: %s",
          err.text);
    s.x[((3 * S + 1) * L + 1) * s.d + 2] = kept;
    for (size_t i = 0; i < s.n; i++)            /* joy's rows: all the same in a setting */
        for (size_t k = 0; k < S * L * s.d && s.which[i] == 0; k++)
            s.x[i * S * L * s.d + k] = (float)(k / (L * s.d));
    check(run(path, &s, &o, &t, &err) == EVOKE_EDATA && strstr(err.text, "'joy'"), "no scatter: %s", err.text);
    store_free(&s);
}

static void written(const char *path)
{
    store s = store_of(7, 3, 16, 136);
    evoke_theory *t = NULL;
    evoke_error err;
    evoke_theory_options o = quick(0.4);
    evk_h5 *f = NULL;
    double read[L * 3], length[EVOKE_N_DIRECTION] = {0};
    if (!check(run(path, &s, &o, &t, &err) == EVOKE_OK, "%s", err.text))
        return;
    for (int k = 0; k < EVOKE_N_DIRECTION; k++) {
        const evoke_vectors *v = evoke_theory_directions(t, (evoke_direction)k);
        const float *first = evoke_vectors_get(v, EVOKE_RESID_POST, 0);
        for (size_t j = 0; j < s.d; j++)
            length[k] += (double)first[j] * (double)first[j];
        check(strcmp(evoke_vectors_describe(v)->method, evoke_direction_name((evoke_direction)k)) == 0, "method");
        check(evoke_vectors_describe(v)->n_layer_model == 9, "the model has %zu layers", evoke_vectors_describe(v)->n_layer_model);
        check(k == EVOKE_DIRECTION_DISCRIMINANTS || near(sqrt(length[k]), evoke_theory_find(t, "ev_norm")->values[0], 1e-5),
              "%s has the EV's length", evoke_direction_name((evoke_direction)k));
    }
    const evoke_vectors *all = evoke_theory_directions(t, EVOKE_DIRECTION_DISCRIMINANTS);
    check(strcmp(evoke_vectors_emotion(all, 1), "discriminant2") == 0, "names");
    check(evoke_theory_save(t, path, NULL, &err) == EVOKE_OK && evk_h5_open(path, &f, &err) == EVOKE_OK
          && evk_h5_read(f, "/efficiency", EVK_H5_F64, NULL, NULL, read, &err) == EVOKE_OK, "%s", err.text);
    check(memcmp(read, evoke_theory_find(t, "efficiency")->values, sizeof read) == 0, "figures read back");
    check(evk_h5_has(f, "/emotions") && evk_h5_has(f, "/layers") && evk_h5_has(f, "/spectrum"), "names in the file");
    evk_h5_free(f);
    evoke_theory_free(t);
    store_free(&s);
}

/* The largest seed there is comes back from files; merged shards give the analysis that a run without them gives. */
static void shards(const char *path)
{
    enum { N_SHARD = 3 };
    char parts[N_SHARD][80], merged[80];
    const char *paths[N_SHARD];
    store s = store_of(4, 2, 6, 137);
    evoke_store *opened = NULL;
    evoke_theory *whole = NULL, *joined = NULL;
    evoke_error err;
    evoke_text seed = {0};
    evoke_theory_options o = quick(0.4);
    o.seed = UINT64_MAX;
    check(write_and_open(path, &s, &opened, &err) == EVOKE_OK, "%s", err.text);
    snprintf(merged, sizeof merged, "%s.merged", path);
    for (size_t i = 0; i < N_SHARD; i++) {
        snprintf(parts[i], sizeof parts[i], "%s.%zu", path, i);
        paths[i] = parts[i];
        check(evoke_theory_replicates(opened, &o, i + 1, N_SHARD, parts[i], NULL, NULL, &err) == EVOKE_OK, "%s", err.text);
    }
    check(evoke_replicates_merge(paths, N_SHARD, merged, NULL, &err) == EVOKE_OK
          && evoke_file_attribute(merged, "seed", &seed, &err) == EVOKE_OK, "%s", err.text);
    check(seed.data && strcmp(seed.data, "18446744073709551615") == 0, "seed %s", seed.data ? seed.data : "missing");
    check(evoke_theory_run(opened, &o, NULL, &whole, &err) == EVOKE_OK, "%s", err.text);
    o.replicates = merged;
    if (check(evoke_theory_run(opened, &o, NULL, &joined, &err) == EVOKE_OK && whole, "%s", err.text))
        same_figures("the shards", whole, joined);
    o.seed--;
    evoke_theory_free(joined);
    check(evoke_theory_run(opened, &o, NULL, &joined, &err) == EVOKE_EDATA && strstr(err.text, "of seed 18446744073709551615"), "%s",
          err.text);
    evoke_theory_free(whole);
    evoke_text_free(&seed);
    evoke_store_free(opened);
    for (size_t i = 0; i < N_SHARD; i++)
        unlink(parts[i]);
    unlink(merged);
    store_free(&s);
}

static void no_such_shard(const char *path)
{
    static const size_t pairs[][2] = { { 0, 0 }, { 1, 0 }, { 0, 2 }, { 3, 2 }, { SIZE_MAX, 2 } };
    char part[80];
    store s = store_of(4, 2, 6, 138);
    evoke_store *opened = NULL;
    evoke_error err;
    const evoke_theory_options o = quick(0.4);
    snprintf(part, sizeof part, "%s.part", path);
    check(write_and_open(path, &s, &opened, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        check(evoke_theory_replicates(opened, &o, pairs[i][0], pairs[i][1], part, NULL, NULL, &err) == EVOKE_EARG
              && strstr(err.text, "no shard"), "shard %zu of %zu: %s", pairs[i][0], pairs[i][1], err.text);
        check(access(part, F_OK) != 0, "shard %zu of %zu: a file is made", pairs[i][0], pairs[i][1]);
        unlink(part);
    }
    evoke_store_free(opened);
    store_free(&s);
}

/* Two texts of a label each: of AUCs there are some, of labels' EVs none. All that is saved is read back. */
static void labels_without_vectors(const char *path)
{
    char text_path[80], saved[80];
    store s = store_of(6, 2, 8, 139), texts = store_of(1, 2, 8, 140);
    evoke_store *queries = NULL, *opened = NULL;
    evoke_labels *labels = NULL;
    evoke_labelled *t = NULL;
    evoke_figures *read = NULL;
    evoke_error err;
    const evoke_labelled_options o = { .fisher = quick(0.4).fisher, .any_text_span = true, .n_threads = 1 };
    snprintf(text_path, sizeof text_path, "%s.texts", path);
    snprintf(saved, sizeof saved, "%s.figures", path);
    texts.n_setting = 1;
    check(write_and_open(path, &s, &queries, &err) == EVOKE_OK && write_and_open(text_path, &texts, &opened, &err) == EVOKE_OK
          && evoke_labels_of_store(opened, &labels, &err) == EVOKE_OK
          && evoke_labelled_run(queries, opened, labels, &o, NULL, &t, &err) == EVOKE_OK, "%s", err.text);
    if (check(t && evoke_labelled_save(t, saved, NULL, &err) == EVOKE_OK
              && evoke_figures_open(saved, &read, &err) == EVOKE_OK, "%s", err.text)) {
        const evoke_figure *auc = evoke_figures_find(read, "auc"), *cosine = evoke_figures_find(read, "label_cosine");
        check(auc && memcmp(auc->values, evoke_labelled_find(t, "auc")->values, L * 4 * 2 * sizeof(double)) == 0, "AUC");
        check(cosine && cosine->dims[1] == 1 && cosine->dims[2] == 1 && isnan(cosine->values[0]), "no label, no cosine");
        check(evoke_figures_size(read, 'C') == 1 && evoke_figures_size(read, 'B') == 1 && !evoke_figures_name(read, 'C', 0)
              && !evoke_figures_name(read, 'B', 0) && !evoke_labelled_name(t, 'C', 0), "one place, no name");
        check(evoke_figures_size(read, 'A') == 4 && strcmp(evoke_figures_name(read, 'A', 3), "rest_w") == 0, "directions");
    }
    evoke_figures_free(read);
    evoke_labelled_free(t);
    evoke_labels_free(labels);
    evoke_store_free(queries), evoke_store_free(opened);
    unlink(text_path), unlink(saved);
    store_free(&s), store_free(&texts);
}

int main(void)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/evoke-test-%d-theory.h5", (int)getpid());
    many_rows(path);
    few_rows(path);
    constant_and_broken(path);
    written(path);
    shards(path);
    no_such_shard(path);
    labels_without_vectors(path);
    unlink(path);
    return check_done();
}
