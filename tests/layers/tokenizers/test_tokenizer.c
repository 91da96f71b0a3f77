/* layers/tokenizers: ids as other programs give them. tests/golden/tiny-llama/variants.json (the package tokenizers) for
 * all that a tokenizer.json can declare; SmolLM2's own vocabulary; llama.cpp's cases for GPT-2, Llama 3 and Qwen2; the
 * golden GGUF files. */
#include "core/evoke.h"

#include <dirent.h>

#include "core/text.h"
#include "tests/layers/tokenizers/variant.h"

static const unsigned BOTH = EVOKE_TOKENIZE_ADD_SPECIAL | EVOKE_TOKENIZE_PARSE_SPECIAL;

/* Each start, moved back to where its character begins, is the one expected. */
static bool same_starts(const json_t *want, const evoke_ids *got, const char *text)
{
    bool same = json_array_size(want) == got->n;
    for (size_t i = 0; same && i < got->n; i++) {
        size_t start = got->starts[i];
        while (start > 0 && ((unsigned char)text[start] & 0xC0) == 0x80)
            start--;
        same = json_integer_value(json_array_get(want, i)) == (json_int_t)start;
    }
    return same;
}

static void test_variant(const char *root, const json_t *variant)
{
    const char *name = json_string_value(json_object_get(variant, "name"));
    const json_t *cases = json_object_get(variant, "cases");
    json_t *json = variant_json(root, variant);
    evoke_tokenizer *t = NULL;
    evoke_error err = {0};
    if (!check(evk_tokenizer_from_json(json, name, &t, &err) == EVOKE_OK, "%s: %s", name, err.text))
        cases = NULL;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i), *starts = json_array_get(one, 2);
        const char *text = json_string_value(json_array_get(one, 0));
        evoke_ids ids = {0};
        check(evoke_tokenize(t, text, strlen(text), BOTH, &ids, &err) == EVOKE_OK && same_ids(json_array_get(one, 1), &ids),
              "%s: ids of '%s' %s", name, text, err.text);
        check(!starts || same_starts(starts, &ids, text), "%s: starts in '%s'", name, text);
        check(strcmp(name, "plain") != 0 || comes_back(t, &ids, text, strlen(text)), "'%s' does not come back", text);
        evoke_ids_free(&ids);
    }
    evoke_tokenizer_free(t);
    json_decref(json);
}

static void test_variants(const char *root)
{
    char path[1024];
    json_t *all = golden_find(root, "tiny-llama/variants.json", path, sizeof path) ? json_load_file(path, 0, NULL) : NULL;
    check(json_array_size(all) > 40, "variants.json");
    for (size_t i = 0; i < json_array_size(all); i++)
        test_variant(root, json_array_get(all, i));
    json_decref(all);
}

/* SmolLM2's vocabulary on the texts of tokenize.json ("ids", and "plain" where that differs) or chat.json. */
static void test_texts(const evoke_tokenizer *t, const char *root, const char *file, const char *key)
{
    char path[1024];
    json_t *all = golden_find(root, file, path, sizeof path) ? json_load_file(path, JSON_ALLOW_NUL, NULL) : NULL;
    const json_t *texts = json_object_get(all, key);
    check(json_array_size(texts) > 0, "%s", file);
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *one = json_array_get(texts, i), *want = json_object_get(one, "ids");
        const json_t *plain = json_object_get(one, "plain") ? json_object_get(one, "plain") : want;
        const char *text = json_string_value(json_object_get(one, "text"));
        const size_t n = json_string_length(json_object_get(one, "text"));
        evoke_ids ids = {0}, other = {0};
        check(evoke_tokenize(t, text, n, BOTH, &ids, NULL) == EVOKE_OK && same_ids(want, &ids),
              "%s: ids of text %zu", file, i);
        check(comes_back(t, &ids, text, n), "%s: text %zu does not come back", file, i);
        check(strcmp(key, "texts") != 0 || (evoke_tokenize(t, text, n, 0, &other, NULL) == EVOKE_OK &&
              same_ids(plain, &other)), "%s: plain ids of text %zu", file, i);
        evoke_ids_free(&ids);
        evoke_ids_free(&other);
    }
    json_decref(all);
}

static void test_real_model(const char *root)
{
    char path[1024];
    evoke_tokenizer *t = NULL;
    evoke_error err = {0};
    if (!golden_real_model(path, sizeof path)) {
        check_skip("SmolLM2's vocabulary", "the model is not there (EVOKE_TEST_MODEL)");
        return;
    }
    if (check(evoke_tokenizer_open(path, &t, &err) == EVOKE_OK, "%s", err.text)) {
        check(strcmp(evoke_tokenizer_kind(t), "byte-level BPE (smollm)") == 0, "%s", evoke_tokenizer_kind(t));
        check(evoke_tokenizer_n_vocab(t) == 49152 && evoke_tokenizer_bos(t) == 1 && evoke_tokenizer_eos(t) == 2, "its ids");
        check(evoke_tokenizer_is_end(t, 2) && evoke_tokenizer_is_end(t, 0) && !evoke_tokenizer_is_end(t, 1), "its ends");
        test_texts(t, root, "smollm2/tokenize.json", "texts");
        test_texts(t, root, "smollm2/chat.json", "conversations");
    }
    evoke_tokenizer_free(t);
}

/* One line of ids and the text that they are of. */
static bool line_agrees(const evoke_tokenizer *t, const char *text, size_t n, char *line)
{
    evoke_ids ids = {0};
    const bool loses = strcmp(evoke_tokenizer_kind(t), "WordPiece") == 0;      /* case, spaces and accents */
    bool same = evoke_tokenize(t, text, n, 0, &ids, NULL) == EVOKE_OK && (loses || comes_back(t, &ids, text, n));
    size_t k = 0;
    for (char *word = strtok(line, " "); same && word; word = strtok(NULL, " "), k++)
        same = k < ids.n && ids.ids[k] == atoi(word);
    same = same && k == ids.n;
    evoke_ids_free(&ids);
    return same;
}

/* ../shared/tokenizers: X.inp, texts between marks; X.out, a line of ids for each. */
static void test_llama_cpp(const char *root, const char *name)
{
    static const char mark[] = "\n__ggml_vocab_test__\n";
    char path[1024], file[1100];
    evoke_tokenizer *t = NULL;
    evoke_text texts = {0}, lines = {0};
    evoke_error err = {0};
    snprintf(path, sizeof path, "%s/../shared/tokenizers/ggml-vocab-%s.gguf", root, name);
    if (access(path, R_OK) != 0) {
        check_skip(name, "its vocabulary is not there");
        return;
    }
    snprintf(file, sizeof file, "%s.inp", path);
    bool ok = evk_read_file(file, 1 << 20, &texts, &err) == EVOKE_OK;
    snprintf(file, sizeof file, "%s.out", path);
    ok = ok && evk_read_file(file, 1 << 20, &lines, &err) == EVOKE_OK && evoke_tokenizer_open(path, &t, &err) == EVOKE_OK;
    check(ok, "%s: %s", name, err.text);
    char *text = texts.data, *line = lines.data;
    for (size_t i = 0; ok && line && *line; i++) {
        char *end = strstr(text, mark), *next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (!check(end && line_agrees(t, text, (size_t)(end - text), line), "%s: case %zu", name, i) && !end)
            break;
        text = end + sizeof mark - 1;
        line = next;
    }
    evoke_tokenizer_free(t);
    evoke_text_free(&texts);
    evoke_text_free(&lines);
}

/* A golden GGUF file's own tokenizer: expected.h5 has ids tokenizer/<i> of its attribute text, where it has any. */
static void test_gguf(const char *folder)
{
    char path[1200], name[64];
    evoke_tokenizer *t = NULL;
    evk_h5 *f = NULL;
    evoke_error err = {0};
    snprintf(path, sizeof path, "%s/expected.h5", folder);
    if (access(path, R_OK) != 0 || evk_h5_open(path, &f, &err) != EVOKE_OK)
        return;
    snprintf(path, sizeof path, "%s/model.gguf", folder);
    bool ok = check(evoke_tokenizer_open(path, &t, &err) == EVOKE_OK, "%s", err.text);
    for (size_t i = 0; ok; i++) {
        size_t n = 0, n_dim = 0, dims[EVK_H5_MAX_DIM];
        char *text = NULL;
        snprintf(name, sizeof name, "/tokenizer/%zu", i);
        if (!evk_h5_has(f, name) || !evk_h5_get_string(f, name, "text", &text))
            break;
        const bool none = evk_h5_shape(f, name, &n_dim, dims, NULL) != EVOKE_OK || dims[0] == 0;
        int32_t *want = none ? NULL : golden_ids(f, name, &n);
        evoke_ids ids = {0};
        check(evoke_tokenize(t, text, strlen(text), 0, &ids, &err) == EVOKE_OK && ids.n == n &&
              (n == 0 || memcmp(ids.ids, want, n * sizeof *want) == 0), "%s: ids of '%s' %s", path, text, err.text);
        check(comes_back(t, &ids, text, strlen(text)), "%s: '%s' does not come back", path, text);
        evoke_ids_free(&ids);
        free(want);
        free(text);
    }
    evoke_tokenizer_free(t);
    evk_h5_free(f);
}

static void test_all_gguf(const char *root)
{
    static const char *const places[] = { "tests/golden/gguf", "../shared/golden/gguf" };
    for (size_t i = 0; i < 2; i++) {
        char folder[1024], path[1100];
        snprintf(folder, sizeof folder, "%s/%s", root, places[i]);
        DIR *d = opendir(folder);
        if (!d)
            check_skip(places[i], "it is not there");
        for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
            if (e->d_name[0] != '.') {
                snprintf(path, sizeof path, "%s/%.60s", folder, e->d_name);
                test_gguf(path);
            }
        if (d)
            closedir(d);
    }
}

/* Every character of Unicode, one by one and all in one text, is ids that are that text again. */
static void test_all_characters(const char *root)
{
    json_t *json = variant_json(root, NULL);
    evoke_tokenizer *t = NULL;
    evk_buffer all = {0};
    size_t wrong = 0;
    check(evk_tokenizer_from_json(json, "tiny", &t, NULL) == EVOKE_OK, "open");
    for (int32_t c = 0; t && c <= 0x10FFFF; c += c < 0x3000 ? 1 : 37) {
        char text[4];
        evoke_ids ids = {0};
        if (c >= 0xD800 && c < 0xE000)
            continue;
        const size_t n = evk_utf8_put(c, text);
        wrong += evoke_tokenize(t, text, n, BOTH, &ids, NULL) != EVOKE_OK || !comes_back(t, &ids, text, n);
        wrong += evk_buffer_add(&all, text, n, NULL) != EVOKE_OK;
        evoke_ids_free(&ids);
    }
    check(wrong == 0, "%zu characters do not come back", wrong);
    evoke_ids ids = {0};
    check(t && evoke_tokenize(t, all.data, all.n, 0, &ids, NULL) == EVOKE_OK && comes_back(t, &ids, all.data, all.n),
          "all characters in one text");
    evoke_ids_free(&ids);
    evk_buffer_free(&all);
    evoke_tokenizer_free(t);
    json_decref(json);
}

int main(int argc, char **argv)
{
    const char *root = argc > 1 ? argv[1] : ".";
    test_variants(root);
    test_real_model(root);
    test_llama_cpp(root, "gpt-2");
    test_llama_cpp(root, "llama-bpe");
    test_llama_cpp(root, "qwen2");
    test_llama_cpp(root, "llama-spm");
    test_llama_cpp(root, "bert-bge");
    test_all_gguf(root);
    test_all_characters(root);
    return check_done();
}
