/* Every state and the logits of small encoders of each family against transformers; company, threads and kernel tables change
 * nothing; what is asked of a model that it does not do is told. */
#include "core/evoke.h"
#include "tests/check.h"
#include "tests/golden.h"

static const char *const models[] = {
    "encoders/bert", "encoders/roberta", "encoders/distilbert", "encoders/deberta", "encoders/deberta_v2", "encoders/bart",
    "bert_embed", "bert_cls", "roberta_cls", "distilbert_cls", "bart_cls",
};
static const char *const sites[] = {
    "embed", "hidden", "mean", "embedding", "pooler", "logits", "encoder_embed", "encoder_hidden", "decoder_ids", "decoder_embed",
    "decoder_hidden", "eos_state",
};

typedef struct golden_text { evoke_sequence s; int32_t *ids, *types; } golden_text;

static golden_text read_text(evk_h5 *expected, const char *group)
{
    char path[128];
    golden_text t = { .ids = NULL };
    size_t n_types = 0;
    snprintf(path, sizeof path, "/%s/ids", group);
    t.ids = golden_ids(expected, path, &t.s.n);
    snprintf(path, sizeof path, "/%s/token_type_ids", group);
    t.types = golden_ids(expected, path, &n_types);
    t.s.ids = t.ids;
    t.s.types = t.types;
    return t;
}

static void free_text(golden_text *t)
{
    free(t->ids);
    free(t->types);
}

static void check_group(const evoke_encoder *e, evk_h5 *expected, const char *group, const char *label)
{
    char file[256], path[160], own[64];
    evoke_error err = { 0 };
    evk_h5 *trace = NULL;
    golden_text t = read_text(expected, group);
    golden_temporary(file, sizeof file, "encoder.h5");
    if (t.ids && check(evoke_encoder_trace(e, &t.s, file, NULL, &err) == EVOKE_OK, "%s %s: %s", label, group, err.text))
        check(evk_h5_open(file, &trace, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; trace && i < sizeof sites / sizeof *sites; i++) {
        snprintf(path, sizeof path, "/%s/%s", group, sites[i]);
        snprintf(own, sizeof own, "/%s", sites[i]);
        if (!evk_h5_has(expected, path))
            continue;
        const double d = golden_difference(expected, path, trace, own), bound = golden_tolerance(expected, "/", sites[i]);
        check(d <= bound, "%s %s %s: off by %.3g, allowed %.3g", label, group, sites[i], d, bound);
    }
    evk_h5_free(trace);
    remove(file);
    free_text(&t);
}

/* The last state's mean and the logits of a text, alone and among others, whatever the batch. */
static void check_company(const evoke_encoder *e, const golden_text *texts, size_t n, const char *label)
{
    const evoke_encoder_info *info = evoke_encoder_describe(e);
    const size_t d = info->d_model, c = info->n_label ? info->n_label : 1;
    evoke_sequence all[8];
    evoke_error err = { 0 };
    float *mean = calloc(n * d, sizeof *mean), *logits = calloc(n * c, sizeof *logits);
    float *one = calloc(d, sizeof *one), *score = calloc(c, sizeof *score);
    for (size_t i = 0; i < n; i++)
        all[i] = texts[i].s;
    for (size_t batch = 1; batch <= 64; batch *= 4) {
        const evoke_encodings out = { .mean = mean, .logits = info->n_label ? logits : NULL };
        check(evoke_encode(e, all, n, batch, NULL, &out, &err) == EVOKE_OK, "%s: %s", label, err.text);
        for (size_t i = 0; i < n; i++) {
            const evoke_encodings alone = { .mean = one, .logits = info->n_label ? score : NULL };
            check(evoke_encode(e, &all[i], 1, 0, NULL, &alone, &err) == EVOKE_OK, "%s: %s", label, err.text);
            check(memcmp(one, mean + i * d, d * sizeof *one) == 0, "%s: mean of text %zu in a batch of %zu", label, i, batch);
            check(memcmp(score, logits + i * c, c * sizeof *score) == 0, "%s: logits of text %zu in a batch of %zu", label, i, batch);
        }
    }
    free(mean);
    free(logits);
    free(one);
    free(score);
}

static void check_model(const char *path, const char *label, const char *isa, size_t n_threads)
{
    static const char *const groups[] = { "t1", "t7", "t19", "t33", "pair", "pair_short" };
    char file[512];
    golden_text texts[8];
    size_t n = 0;
    evoke_error err = { 0 };
    evk_h5 *expected = NULL;
    evoke_encoder *e = NULL;
    const evoke_model_options how = { .n_threads = n_threads, .isa = isa };
    snprintf(file, sizeof file, "%s/expected.h5", path);
    if (!check(evk_h5_open(file, &expected, &err) == EVOKE_OK && evoke_encoder_open(path, &how, &e, &err) == EVOKE_OK, "%s: %s",
               label, err.text))
        goto done;
    check(evoke_file_is_encoder(path), "%s is an encoder", label);
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        check_group(e, expected, groups[g], label);
        texts[n] = read_text(expected, groups[g]);
        n += texts[n].ids != NULL;
    }
    check(n >= 3, "%s has %zu texts", label, n);
    check_company(e, texts, n, label);
    for (size_t i = 0; i < n; i++)
        free_text(&texts[i]);
done:
    evoke_encoder_free(e);
    evk_h5_free(expected);
}

static void check_refusals(const char *root)
{
    char path[256];
    evoke_error err = { 0 };
    evoke_encoder *e = NULL;
    const int32_t beyond[] = { 1, 61 }, high[] = { 1, 2 }, no_end[] = { 5, 6, 7 };
    static const int32_t many[40] = { 3 };
    float logits[3], pooler[24];
    const evoke_encodings scores = { .logits = logits }, pooled = { .pooler = pooler };
    if (golden_find(root, "families/llama", path, sizeof path)) {
        check(!evoke_file_is_encoder(path), "a decoder is no encoder");
        check(evoke_encoder_open(path, NULL, &e, &err) == EVOKE_EUNSUPPORTED && !e, "a decoder opened as one: %s", err.text);
    }
    golden_find(root, "encoders/bert", path, sizeof path);
    check(evoke_encoder_open(path, NULL, &e, &err) == EVOKE_OK, "%s", err.text);
    check(evoke_encode(e, &(evoke_sequence){ beyond, NULL, 2 }, 1, 0, NULL, &scores, &err) == EVOKE_EDATA, "an id beyond the vocabulary");
    check(evoke_encode(e, &(evoke_sequence){ high, high, 2 }, 1, 0, NULL, &scores, &err) == EVOKE_EDATA, "a type beyond the table");
    check(evoke_encode(e, &(evoke_sequence){ many, NULL, 40 }, 1, 0, NULL, &scores, &err) == EVOKE_EDATA, "a position beyond the table");
    check(evoke_encode(e, &(evoke_sequence){ high, NULL, 0 }, 1, 0, NULL, &scores, &err) == EVOKE_EDATA, "no token");
    check(evoke_classify(e, (const char *const[]){ "x" }, 1, NULL, logits, NULL, &err) == EVOKE_EUNSUPPORTED, "no tokenizer: %s", err.text);
    check(evoke_encoder_describe(e)->entailment == 2 && strcmp(evoke_encoder_label(e, 1), "neutral") == 0, "labels");
    evoke_encoder_free(e);
    golden_find(root, "encoders/bart", path, sizeof path);
    check(evoke_encoder_open(path, NULL, &e, &err) == EVOKE_OK, "%s", err.text);
    check(evoke_encode(e, &(evoke_sequence){ no_end, NULL, 3 }, 1, 0, NULL, &scores, &err) == EVOKE_EDATA, "no end of text");
    check(evoke_encode(e, &(evoke_sequence){ no_end, NULL, 3 }, 1, 0, NULL, &pooled, &err) == EVOKE_EUNSUPPORTED, "no pooler");
    evoke_encoder_free(e);
}

int main(int argc, char **argv)
{
    const char *root = argc > 1 ? argv[1] : ".";
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        char path[256];
        if (!golden_find(root, models[i], path, sizeof path)) {
            check_skip(models[i], "not in this checkout: it is one of the larger reference models");
            continue;
        }
        for (size_t k = 0; evoke_isa_name(k); k++)
            check_model(path, models[i], evoke_isa_name(k), k + 1);
    }
    check_refusals(root);
    return check_done();
}
