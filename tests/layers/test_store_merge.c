/* layers/store_merge.c: the seed that shards say is the whole's, whatever 64 bits it has. (tests/python/check_shards.py has the
 * rest.) */
#include "core/evoke.h"
#include "tests/bytes.h"
#include "tests/check.h"
#include "tests/golden.h"

enum { SHARDS = 2 };

static void write_text(const char *file, const char *text)
{
    check(write_bytes(file, text, strlen(text)), "write %s", file);
}

static bool make_shards(const evoke_model *m, uint64_t seed, char files[SHARDS][256])
{
    const evoke_provenance made = { .seed = seed };
    char text[256];
    evoke_dataset *d = NULL;
    evoke_settings *s = NULL;
    evoke_extract_report report;
    evoke_error err = {0};
    golden_temporary(text, sizeof text, "shards.json");
    write_text(text, "{\"joy\": [\"We won!\", \"It snowed\"], \"fear\": [\"Run\", \"A step\"]}");
    bool ok = evoke_dataset_open(text, &d, &err) == EVOKE_OK;
    write_text(text, "{\"system\": null, \"settings\": {\"neutral\": \"{query}\"}}");
    ok = ok && evoke_settings_open(text, &s, &err) == EVOKE_OK;
    for (size_t i = 0; ok && i < SHARDS; i++) {
        const evoke_extract_options o = { .shard = i + 1, .n_shards = SHARDS };
        ok = evoke_extract(m, d, s, &o, files[i], &made, NULL, &report, &err) == EVOKE_OK;
    }
    remove(text);
    evoke_settings_free(s);
    evoke_dataset_free(d);
    return check(ok, "shards: %s", err.text);
}

static void seed_is_kept(const evoke_model *m, uint64_t seed, const char *as_text)
{
    char files[SHARDS][256], whole[256];
    evoke_text said = {0};
    evoke_error err = {0};
    golden_temporary(files[0], sizeof files[0], "shard-1.h5");
    golden_temporary(files[1], sizeof files[1], "shard-2.h5");
    golden_temporary(whole, sizeof whole, "whole.h5");
    if (make_shards(m, seed, files))
        check(evoke_store_merge((const char *const[]){ files[1], files[0] }, SHARDS, whole, NULL, NULL, &err) == EVOKE_OK
              && evoke_file_attribute(whole, "seed", &said, &err) == EVOKE_OK, "%s", err.text);
    check(said.data && strcmp(said.data, as_text) == 0, "seed %s, not %s", said.data ? said.data : "missing", as_text);
    evoke_text_free(&said);
    for (size_t i = 0; i < SHARDS; i++)
        remove(files[i]);
    remove(whole);
}

int main(int argc, char **argv)
{
    char path[512];
    evoke_model *m = NULL;
    evoke_error err = {0};
    check(argc > 1 && golden_find(argv[1], "gguf/llama_f32/model.gguf", path, sizeof path), "the tiny model");
    if (check(evoke_model_open(path, &(evoke_model_options){ .n_threads = 1 }, &m, &err) == EVOKE_OK, "%s", err.text)) {
        seed_is_kept(m, 5, "5");
        seed_is_kept(m, UINT64_MAX, "18446744073709551615");
    }
    evoke_model_free(m);
    return check_done();
}
