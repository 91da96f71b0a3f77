/* layers/tokenizers: what the files of a tokenizer may say, and what they may not: hostile vocabularies in JSON and GGUF,
 * the other files of a folder, texts and ids that cannot be. */
#include "core/evoke.h"

#include <sys/stat.h>

#include "tests/bytes.h"
#include "tests/layers/tokenizers/variant.h"

/* ---- tokenizer.json ---- */
static void refuse_json(const char *root, const char *change, evoke_status status, const char *word)
{
    json_t *changes = json_loads(change, 0, NULL), *json = variant_json(root, changes);
    evoke_tokenizer *t = NULL;
    evoke_error err = {0};
    check(changes != NULL, "the test's own JSON: %s", change);
    check(evk_tokenizer_from_json(json, "file.json", &t, &err) == status && !t, "%s: status %d, '%s'", change, err.status,
          err.text);
    check(strstr(err.text, word) && (strstr(err.text, "file.json") || status == EVOKE_EFORMAT), "%s: '%s' lacks '%s'",
          change, err.text, word);
    evoke_tokenizer_free(t);
    json_decref(json);
    json_decref(changes);
}

static void test_hostile_json(const char *root)
{
    static const struct { const char *change, *word; evoke_status status; } all[] = {
        { "{\"top\":{\"model\":null}}", "model", EVOKE_EFORMAT },
        { "{\"top\":{\"model\":[]}}", "model", EVOKE_EFORMAT },
        { "{\"model\":{\"type\":\"Unigramm\"}}", "Unigramm", EVOKE_EUNSUPPORTED },
        { "{\"model\":{\"byte_fallback\":1}}", "byte_fallback", EVOKE_EFORMAT },
        { "{\"model\":{\"dropout\":0.1}}", "dropout", EVOKE_EUNSUPPORTED },
        { "{\"model\":{\"vocab\":[]}}", "vocab", EVOKE_EFORMAT },
        { "{\"model\":{\"vocab\":{}},\"top\":{\"added_tokens\":[]}}", "vocabulary of 0", EVOKE_EFORMAT },
        { "{\"model\":{\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}}", "same id", EVOKE_EFORMAT },
        { "{\"model\":{\"vocab\":{\"a\":-1},\"merges\":[]}}", "'a'", EVOKE_EFORMAT },
        { "{\"model\":{\"vocab\":{\"a\":4000000000000},\"merges\":[]}}", "'a'", EVOKE_EFORMAT },
        { "{\"model\":{\"vocab\":{\"a\":\"b\"},\"merges\":[]}}", "'a'", EVOKE_EFORMAT },
        { "{\"model\":{\"merges\":{}}}", "merges", EVOKE_EFORMAT },
        { "{\"model\":{\"merges\":[3]}}", "merge 0", EVOKE_EFORMAT },
        { "{\"model\":{\"merges\":[\"ab\"]}}", "merge 0", EVOKE_EFORMAT },
        { "{\"model\":{\"merges\":[\"a \"]}}", "merge 0", EVOKE_EFORMAT },
        { "{\"model\":{\"merges\":[\"h e\",[\"a\",\"b\",\"c\"]]}}", "merge 1", EVOKE_EFORMAT },
        { "{\"model\":{\"merges\":[\"nowhere e\"]}}", "nowhere", EVOKE_EFORMAT },
        { "{\"model\":{\"merges\":[\"q q\"]}}", "qq", EVOKE_EFORMAT },
        { "{\"model\":{\"unk_token\":\"nowhere\"}}", "unk_token", EVOKE_EFORMAT },
        { "{\"top\":{\"added_tokens\":7}}", "added_tokens", EVOKE_EFORMAT },
        { "{\"added\":[{\"id\":5}]}", "content", EVOKE_EFORMAT },
        { "{\"added\":[{\"content\":\"x\",\"id\":\"5\"}]}", "added token 3", EVOKE_EFORMAT },
        { "{\"added\":[{\"content\":\"new\",\"id\":400,\"special\":3}]}", "special", EVOKE_EFORMAT },
        { "{\"top\":{\"normalizer\":{\"type\":\"Precompiled\"}}}", "Precompiled", EVOKE_EFORMAT },
        { "{\"top\":{\"normalizer\":{\"type\":\"Sideways\"}}}", "Sideways", EVOKE_EUNSUPPORTED },
        { "{\"top\":{\"normalizer\":{\"type\":\"Prepend\"}}}", "prepend", EVOKE_EFORMAT },
        { "{\"top\":{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(\"},\"content\":\"\"}}}", "pattern",
          EVOKE_EFORMAT },
        { "{\"top\":{\"pre_tokenizer\":{\"type\":\"Metaspace\"}}}", "Metaspace", EVOKE_EFORMAT },
        { "{\"top\":{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[a[b]]\"},\"behavior\":\"Isolated\"}}}",
          "set", EVOKE_EUNSUPPORTED },
        { "{\"top\":{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\"},\"behavior\":\"Sideways\"}}}",
          "Sideways", EVOKE_EUNSUPPORTED },
        { "{\"top\":{\"pre_tokenizer\":{\"type\":\"Split\",\"behavior\":\"Isolated\"}}}", "pattern", EVOKE_EFORMAT },
        { "{\"top\":{\"decoder\":{\"type\":\"WordPiece\"}}}", "prefix", EVOKE_EFORMAT },
        { "{\"top\":{\"decoder\":{\"type\":\"Sideways\"}}}", "Sideways", EVOKE_EUNSUPPORTED },
        { "{\"top\":{\"post_processor\":{\"type\":\"Unknown\"}}}", "Unknown", EVOKE_EUNSUPPORTED },
        { "{\"top\":{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"X\"}}]}}}",
          "post_processor", EVOKE_EFORMAT },
        { "{\"top\":{\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"a\",9999],\"sep\":[\"b\",1]}}}",
          "post_processor", EVOKE_EFORMAT },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        refuse_json(root, all[i].change, all[i].status, all[i].word);
}

/* A pattern that takes for ever on a text ends in an error. */
static void test_endless_pattern(const char *root)
{
    json_t *change = json_loads("{\"top\":{\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","
                                "\"pattern\":{\"Regex\":\"(a+)+[bc]\"},\"behavior\":\"Isolated\"},{\"type\":\"ByteLevel\"}]}}}",
                                0, NULL);
    json_t *json = variant_json(root, change);
    evoke_tokenizer *t = NULL;
    evoke_ids ids = {0};
    char text[61];
    memset(text, 'a', 60);
    check(evk_tokenizer_from_json(json, "x", &t, NULL) == EVOKE_OK &&
          evoke_tokenize(t, text, 60, 0, &ids, NULL) == EVOKE_EDATA && !ids.ids, "an endless pattern");
    evoke_tokenizer_free(t);
    json_decref(json);
    json_decref(change);
}

/* ---- GGUF ---- */
enum { GGUF_U32 = 4, GGUF_I32 = 5, GGUF_BOOL = 7, GGUF_STRING = 8, GGUF_ARRAY = 9 };

typedef struct gguf_case {
    const char *word;                           /* in the error; NULL: it opens */
    evoke_status status;
    const char *model, *pre, *tokens[6], *merges[3];
    uint32_t types[6], n_types, bos;            /* n_types 0: no token_type; bos 0: none */
    bool tokens_are_numbers;
} gguf_case;

static void put_key(bytes *b, const char *key, uint32_t type, uint64_t *n)
{
    put_string(b, key);
    put_number(b, type, 4);
    ++*n;
}

static void put_strings(bytes *b, const char *key, const char *const *texts, size_t most, uint64_t *n)
{
    size_t count = 0;
    while (count < most && texts[count])
        count++;
    put_key(b, key, GGUF_ARRAY, n);
    put_number(b, GGUF_STRING, 4);
    put_number(b, count, 8);
    for (size_t i = 0; i < count; i++)
        put_string(b, texts[i]);
}

static void put_numbers(bytes *b, const char *key, const uint32_t *values, size_t count, uint64_t *n)
{
    put_key(b, key, GGUF_ARRAY, n);
    put_number(b, GGUF_I32, 4);
    put_number(b, count, 8);
    for (size_t i = 0; i < count; i++)
        put_number(b, values[i], 4);
}

static void write_gguf(const char *path, const gguf_case *c)
{
    static bytes body, file;
    uint64_t n = 0;
    body.n = file.n = 0;
    put_key(&body, "general.architecture", GGUF_STRING, &n);
    put_string(&body, "llama");
    if (c->model) {
        put_key(&body, "tokenizer.ggml.model", GGUF_STRING, &n);
        put_string(&body, c->model);
    }
    if (c->pre) {
        put_key(&body, "tokenizer.ggml.pre", GGUF_STRING, &n);
        put_string(&body, c->pre);
    }
    if (c->tokens_are_numbers)
        put_numbers(&body, "tokenizer.ggml.tokens", c->types, 3, &n);
    else
        put_strings(&body, "tokenizer.ggml.tokens", c->tokens, 6, &n);
    put_strings(&body, "tokenizer.ggml.merges", c->merges, 3, &n);
    if (c->n_types)
        put_numbers(&body, "tokenizer.ggml.token_type", c->types, c->n_types, &n);
    if (c->bos) {
        put_key(&body, "tokenizer.ggml.bos_token_id", GGUF_U32, &n);
        put_number(&body, c->bos, 4);
    }
    put_text(&file, "GGUF");
    put_number(&file, 3, 4);
    put_number(&file, 0, 8);
    put_number(&file, n, 8);
    put(&file, body.data, body.n);
    pad(&file, 32);
    check(write_bytes(path, file.data, file.n), "write %s", path);
}

static void test_gguf(const char *folder)
{
    static const gguf_case all[] = {
        { .model = "gpt2", .pre = "gpt-2", .tokens = { "a", "b", "ab" }, .merges = { "a b" } },
        { .model = "gpt2", .tokens = { "a", "b", "ab" }, .types = { 1, 1, 3 }, .n_types = 3 },
        { "tokenizer.ggml.model", EVOKE_EUNSUPPORTED, .tokens = { "a" } },
        { "'rwkv'", EVOKE_EUNSUPPORTED, .model = "rwkv", .tokens = { "a" } },
        { "'new'", EVOKE_EUNSUPPORTED, .model = "gpt2", .pre = "new", .tokens = { "a" } },
        { "vocabulary of 0", EVOKE_EFORMAT, .model = "gpt2" },
        { "no strings", EVOKE_EFORMAT, .model = "gpt2", .tokens_are_numbers = true },
        { "tokens 0 and 2", EVOKE_EFORMAT, .model = "gpt2", .tokens = { "a", "b", "a" } },
        { "but 2 in", EVOKE_EFORMAT, .model = "gpt2", .tokens = { "a", "b", "ab" }, .types = { 1, 1 }, .n_types = 2 },
        { "token 1", EVOKE_EFORMAT, .model = "gpt2", .tokens = { "a", "b" }, .types = { 1, 77 }, .n_types = 2 },
        { "token 1", EVOKE_EFORMAT, .model = "gpt2", .tokens = { "a", "b" }, .types = { 1, (uint32_t)-1 }, .n_types = 2 },
        { "merge 0 needs 'c'", EVOKE_EFORMAT, .model = "gpt2", .tokens = { "a", "b" }, .merges = { "a c" } },
        { "merge 0 needs 'ab'", EVOKE_EFORMAT, .model = "gpt2", .tokens = { "a", "b" }, .merges = { "a b" } },
        { "merge 1", EVOKE_EFORMAT, .model = "gpt2", .tokens = { "a", "b", "ab" }, .merges = { "a b", "ab" } },
        { "merge 0", EVOKE_EFORMAT, .model = "gpt2", .tokens = { "a" }, .merges = { "" } },
        { "bos_token_id", EVOKE_EFORMAT, .model = "gpt2", .tokens = { "a", "b" }, .bos = 2 },
        { "not UTF-8", EVOKE_EFORMAT, .model = "gpt2", .tokens = { "a", "\x80" }, .types = { 1, 4 }, .n_types = 2 },
    };
    char path[300];
    snprintf(path, sizeof path, "%s/model.gguf", folder);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        evoke_tokenizer *t = NULL;
        evoke_error err = {0};
        write_gguf(path, all + i);
        check(evoke_tokenizer_open(path, &t, &err) == all[i].status, "case %zu: status %d '%s'", i, err.status, err.text);
        const char *word = all[i].word ? all[i].word : "";
        check(strstr(err.text, word) != NULL, "case %zu: '%s' lacks '%s'", i, err.text, word);
        evoke_tokenizer_free(t);
    }
    remove(path);
}

/* User-defined tokens always, control tokens where asked for; control tokens are left out of plain text. */
static void test_kinds_of_tokens(const char *folder)
{
    const gguf_case c = { .model = "gpt2", .tokens = { "a", "b", "ab", "<c>", "bb" }, .types = { 1, 1, 1, 3, 4 },
                          .n_types = 5, .merges = { "a b" }, .bos = 3 };
    char path[300];
    evoke_tokenizer *t = NULL;
    evoke_ids plain = {0}, special = {0};
    evoke_text text = {0};
    snprintf(path, sizeof path, "%s/model.gguf", folder);
    write_gguf(path, &c);
    bool ok = evoke_tokenizer_open(path, &t, NULL) == EVOKE_OK;
    ok = ok && evoke_tokenize(t, "ab<c>abb", 8, 0, &plain, NULL) == EVOKE_OK;
    ok = ok && evoke_tokenize(t, "ab<c>abb", 8, EVOKE_TOKENIZE_PARSE_SPECIAL, &special, NULL) == EVOKE_OK;
    check(ok && plain.n == 3 && plain.ids[0] == 2 && plain.ids[1] == 0 && plain.ids[2] == 4, "plain");
    check(ok && special.n == 4 && special.ids[1] == 3 && special.starts[1] == 2 && special.starts[3] == 6, "special");
    check(ok && evoke_detokenize(t, special.ids, special.n, false, &text, NULL) == EVOKE_OK &&
          strcmp(text.data, "ababb") == 0, "without control tokens");
    evoke_ids_free(&plain);
    evoke_ids_free(&special);
    evoke_text_free(&text);
    evoke_tokenizer_free(t);
    remove(path);
}

/* ---- a folder ---- */
static void write_in(const char *folder, const char *name, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (text)
        check(write_bytes(path, text, strlen(text)), "write %s", path);
    else
        remove(path);
}

static evoke_tokenizer *open_folder(const char *folder, const char *config, const char *generation, const char *jinja,
                                    evoke_status status)
{
    evoke_tokenizer *t = NULL;
    evoke_error err = {0};
    write_in(folder, "tokenizer_config.json", config);
    write_in(folder, "generation_config.json", generation);
    write_in(folder, "chat_template.jinja", jinja);
    check(evoke_tokenizer_open(folder, &t, &err) == status, "%s: status %d '%s'", config ? config : "no config", err.status, err.text);
    return t;
}

static bool has_template(const evoke_tokenizer *t, const char *text)
{
    return t && evoke_tokenizer_template(t) && strcmp(evoke_tokenizer_template(t), text) == 0;
}

static void test_folder(const char *root, const char *folder)
{
    json_t *json = variant_json(root, NULL);
    char *text = json_dumps(json, 0);
    evoke_tokenizer *t = open_folder(folder, NULL, NULL, NULL, EVOKE_EIO);
    check(!t, "a folder without tokenizer.json");
    write_in(folder, "tokenizer.json", text);
    t = open_folder(folder, NULL, NULL, NULL, EVOKE_OK);
    check(t && evoke_tokenizer_bos(t) == -1 && evoke_tokenizer_eos(t) == -1 && !evoke_tokenizer_template(t), "bare");
    check(t && evoke_tokenizer_is_end(t, 0) && evoke_tokenizer_is_end(t, 2) && !evoke_tokenizer_is_end(t, 1), "known ends");
    evoke_tokenizer_free(t);
    t = open_folder(folder, "{\"bos_token\":{\"content\":\"<|im_start|>\"},\"eos_token\":\"<|im_end|>\",\"chat_template\":"
                    "[{\"name\":\"tool\",\"template\":\"T\"},{\"name\":\"default\",\"template\":\"D\"}]}",
                    "{\"eos_token_id\":[5,6,99999]}", NULL, EVOKE_OK);
    check(t && evoke_tokenizer_bos(t) == 1 && evoke_tokenizer_eos(t) == 2, "bos and eos");
    check(t && evoke_tokenizer_is_end(t, 5) && evoke_tokenizer_is_end(t, 6) && !evoke_tokenizer_is_end(t, 7), "ends");
    check(has_template(t, "D"), "the default template of a list");
    evoke_tokenizer_free(t);
    t = open_folder(folder, "{\"tokenizer_class\":\"LlamaTokenizerFast\",\"add_bos_token\":true,\"bos_token\":\"<|im_start|>\""
                    ",\"chat_template\":\"C\"}", "{\"eos_token_id\":2}", "J", EVOKE_OK);
    evoke_ids ids = {0};
    check(t && evoke_tokenize(t, "q", 1, EVOKE_TOKENIZE_ADD_SPECIAL, &ids, NULL) == EVOKE_OK && ids.n == 1,
          "add_bos_token is not read beside a tokenizer.json");
    check(t && evoke_tokenizer_eos(t) == 2 && has_template(t, "J"), "chat_template.jinja goes first");
    evoke_ids_free(&ids);
    evoke_tokenizer_free(t);
    t = open_folder(folder, "[]", NULL, NULL, EVOKE_EFORMAT);
    t = open_folder(folder, "{", NULL, NULL, EVOKE_EFORMAT);
    check(!t, "a broken tokenizer_config.json");
    write_in(folder, "tokenizer_config.json", NULL);
    write_in(folder, "tokenizer.json", NULL);
    free(text);
    json_decref(json);
}

/* ---- texts and ids ---- */
static void test_texts(const char *root)
{
    json_t *json = variant_json(root, NULL);
    evoke_tokenizer *t = NULL;
    evoke_ids ids = {0};
    evoke_text text = {0};
    evoke_error err = {0};
    check(evk_tokenizer_from_json(json, "tiny", &t, &err) == EVOKE_OK, "%s", err.text);
    check(evoke_tokenize(t, "abc\xff", 4, 0, &ids, &err) == EVOKE_EDATA && strstr(err.text, "byte 3") && !ids.ids, "%s",
          err.text);
    check(evoke_tokenize(t, "\xed\xa0\x80", 3, 0, &ids, &err) == EVOKE_EDATA, "a surrogate");
    check(evoke_tokenize(t, "\xe4\xb8", 2, 0, &ids, &err) == EVOKE_EDATA, "cut short");
    check(evoke_tokenize(t, NULL, 0, 0, &ids, &err) == EVOKE_OK && ids.n == 0 && ids.ids, "nothing");
    evoke_ids_free(&ids);
    check(evoke_tokenize(t, "a\0b", 3, 0, &ids, &err) == EVOKE_OK && comes_back(t, &ids, "a\0b", 3), "a NUL inside");
    evoke_ids_free(&ids);
    check(evoke_detokenize(t, (int32_t[]){ 5, 320 }, 2, true, &text, &err) == EVOKE_EDATA && strstr(err.text, "320") &&
          !text.data, "%s", err.text);
    check(evoke_detokenize(t, (int32_t[]){ -1 }, 1, true, &text, &err) == EVOKE_EDATA, "a negative id");
    check(evoke_detokenize(t, NULL, 0, true, &text, &err) == EVOKE_OK && text.n == 0 && text.data, "no ids");
    evoke_text_free(&text);
    check(!evoke_tokenizer_piece(t, -1) && !evoke_tokenizer_piece(t, 320) &&
          strcmp(evoke_tokenizer_piece(t, 1), "<|im_start|>") == 0 && !evoke_tokenizer_is_end(t, 320), "pieces");
    evoke_tokenizer_free(t);
    check(evoke_tokenizer_open("/nowhere/at/all", &t, &err) == EVOKE_EIO && !t, "no such file");
    evoke_tokenizer_free(NULL);
    evoke_ids_free(NULL);
    json_decref(json);
}

int main(int argc, char **argv)
{
    const char *root = argc > 1 ? argv[1] : ".";
    char folder[256];
    make_folder(folder);
    test_hostile_json(root);
    test_endless_pattern(root);
    test_gguf(folder);
    test_kinds_of_tokens(folder);
    test_folder(root, folder);
    test_texts(root);
    rmdir(folder);
    return check_done();
}
