/* layers/tokenizers: the models of tokenizers by hand-made vocabularies whose ids can be told by looking; hostile ones;
 * 10 MB of text, and words of 1 MB, in time. tests/python/check_models.py compares them with other programs. */
#include "core/evoke.h"

#include <math.h>
#include <time.h>

#include "tests/layers/tokenizers/gguf_vocabulary.h"
#include "tests/layers/tokenizers/variant.h"

#define SPACE "\xe2\x96\x81"

/* ---- what ids come ---- */

/* The ids of a text, and the text of the ids again where back is not NULL. */
static void check_ids(const evoke_tokenizer *t, const char *text, const int32_t *want, size_t n, const char *back)
{
    evoke_ids ids = {0};
    evoke_text text_again = {0};
    evoke_error err = {0};
    const bool ok = evoke_tokenize(t, text, strlen(text), 0, &ids, &err) == EVOKE_OK;
    check(ok && ids.n == n && (n == 0 || memcmp(ids.ids, want, n * sizeof *want) == 0), "%s: ids of '%s' (%zu) %s",
          evoke_tokenizer_kind(t), text, ids.n, err.text);
    if (back && ok)
        check(evoke_detokenize(t, ids.ids, ids.n, true, &text_again, NULL) == EVOKE_OK &&
              strcmp(text_again.data, back) == 0, "%s: '%s' comes back as '%s'", evoke_tokenizer_kind(t), text, text_again.data);
    evoke_ids_free(&ids);
    evoke_text_free(&text_again);
}
#define IDS(...) (const int32_t[]){ __VA_ARGS__ }, sizeof (int32_t[]){ __VA_ARGS__ } / sizeof(int32_t)

static evoke_tokenizer *open_vocabulary(const char *folder, const gguf_vocabulary *v, evoke_status status, const char *word)
{
    static bytes file;
    char path[300];
    evoke_tokenizer *t = NULL;
    evoke_error err = {0};
    snprintf(path, sizeof path, "%s/model.gguf", folder);
    put_vocabulary(&file, v);
    check(write_bytes(path, file.data, file.n), "write %s", path);
    check(evoke_tokenizer_open(path, &t, &err) == status && (status == EVOKE_OK) == (t != NULL) &&
          strstr(err.text, word), "%s: status %d, '%s' lacks '%s'", v->model, err.status, err.text, word);
    remove(path);
    return t;
}

static const gguf_vocabulary spm = {
    .model = "llama", .tokens = { "<unk>", "<s>", "</s>", SPACE, "a", "b", "ab", SPACE "a", "ba", "<0x63>", "s", "aba" },
    .types = { 2, 3, 3, 1, 1, 1, 1, 1, 1, 6, 1, 1 }, .n_types = 12,
    .scores = { 0, 0, 0, -9, -9, -9, -1, -2, -1, 0, -9, -3 }, .n_scores = 12, .unknown = 0, .prefix = 1, .squeeze = -1,
};

static void test_spm(const char *folder)
{
    evoke_tokenizer *t = open_vocabulary(folder, &spm, EVOKE_OK, "");
    if (t) {
        check(strcmp(evoke_tokenizer_kind(t), "SentencePiece BPE") == 0, "%s", evoke_tokenizer_kind(t));
        check_ids(t, "ab", IDS(3, 6), "ab");            /* "ab" (-1) before U+2581 "a" (-2) */
        check_ids(t, "aba", IDS(3, 11), "aba");         /* of two pairs with -1 the left one; then "aba" */
        check_ids(t, "a a", IDS(7, 7), "a a");
        check_ids(t, "c", IDS(3, 9), "c");              /* its byte */
        check_ids(t, "xyb", IDS(3, 0, 5), NULL);        /* no bytes: unknown, once */
        check_ids(t, "", NULL, 0, "");
        check_ids(t, "  ", IDS(3, 3, 3), "  ");
    }
    evoke_tokenizer_free(t);
    gguf_vocabulary squeezed = spm;
    squeezed.prefix = 0;
    squeezed.squeeze = 1;
    t = open_vocabulary(folder, &squeezed, EVOKE_OK, "");
    if (t)
        check_ids(t, "  ab   a ", IDS(6, 7), "ab a");
    evoke_tokenizer_free(t);
}

/* Whether a line break after a special token is nothing. */
static bool swallows(const evoke_tokenizer *t, const char *token)
{
    char with[32], without[32];
    evoke_ids a = {0}, b = {0};
    snprintf(with, sizeof with, "%s\nab", token);
    snprintf(without, sizeof without, "%sab", token);
    check(evoke_tokenize(t, with, strlen(with), EVOKE_TOKENIZE_PARSE_SPECIAL, &a, NULL) == EVOKE_OK &&
          evoke_tokenize(t, without, strlen(without), EVOKE_TOKENIZE_PARSE_SPECIAL, &b, NULL) == EVOKE_OK && a.n > 0 && b.n > 0, "ids");
    const bool same = a.n == b.n && memcmp(a.ids, b.ids, a.n * sizeof *a.ids) == 0;
    evoke_ids_free(&a);
    evoke_ids_free(&b);
    return same;
}

/* Phi-3's added tokens but three take the white space after them, as the folder says of them; others do not. */
static void test_white_space_after(const char *folder)
{
    static const char *const archs[] = { "phi3", "llama" };
    gguf_vocabulary v = {
        .model = "llama", .tokens = { "<unk>", "<s>", "</s>", SPACE, "a", "b", "ab", "<|user|>", "<|endoftext|>", "<0x0A>" },
        .types = { 2, 3, 3, 1, 1, 1, 1, 3, 3, 6 }, .n_types = 10, .n_scores = 10, .unknown = 0, .prefix = 1, .squeeze = -1,
    };
    for (size_t i = 0; i < 2; i++) {
        v.arch = archs[i];
        evoke_tokenizer *t = open_vocabulary(folder, &v, EVOKE_OK, "");
        if (t)
            check(swallows(t, "<|user|>") == (i == 0) && swallows(t, "</s>") == (i == 0) && !swallows(t, "<s>") &&
                  !swallows(t, "<|endoftext|>"), "%s", archs[i]);
        evoke_tokenizer_free(t);
    }
}

static void test_unigram(const char *folder)
{
    gguf_vocabulary v = {
        .model = "t5", .tokens = { "<pad>", "</s>", "<unk>", SPACE, "a", "b", "ab", "abab", "aa" },
        .types = { 3, 3, 2, 1, 1, 1, 1, 1, 1 }, .n_types = 9,
        .scores = { 0, 0, 0, -1, -2, -2, -3, -7, -9 }, .n_scores = 9, .unknown = 2, .prefix = 1, .squeeze = 1,
    };
    evoke_tokenizer *t = open_vocabulary(folder, &v, EVOKE_OK, "");
    if (t) {
        check_ids(t, "ab", IDS(3, 6), "ab");
        check_ids(t, "abab", IDS(3, 6, 6), "abab");     /* -6 against -7 */
        check_ids(t, "aa", IDS(3, 4, 4), "aa");         /* -4 against -9 */
        check_ids(t, "axyb", IDS(3, 4, 2, 5), NULL);    /* unknown, once */
    }
    evoke_tokenizer_free(t);
}

static void test_wordpiece(const char *folder)
{
    gguf_vocabulary v = {
        .model = "bert", .tokens = { "[PAD]", "[UNK]", "[CLS]", "[SEP]", SPACE "play", "ing", SPACE "p", "lay", SPACE "." },
        .types = { 3, 3, 3, 3, 1, 1, 1, 1, 1 }, .n_types = 9, .unknown = 1, .prefix = -1, .squeeze = -1,
    };
    evoke_tokenizer *t = open_vocabulary(folder, &v, EVOKE_OK, "");
    if (t) {
        check_ids(t, "Playing.", IDS(4, 5, 8), "playing .");
        check_ids(t, "plays pl\u00e1y", IDS(1, 4), NULL);
        check_ids(t, "", NULL, 0, "");
    }
    evoke_tokenizer_free(t);
    v.unknown = -1;                                     /* and too few tokens for BERT's own place */
    open_vocabulary(folder, &v, EVOKE_EFORMAT, "unknown token");
}

static void test_hostile(const char *folder)
{
    const char *const models[] = { "llama", "t5" };
    for (size_t i = 0; i < 2; i++) {
        gguf_vocabulary v = spm;
        v.model = models[i];
        v.n_scores = 0;
        open_vocabulary(folder, &v, EVOKE_EFORMAT, "tokenizer.ggml.scores is missing");
        v.n_scores = 11;
        open_vocabulary(folder, &v, EVOKE_EFORMAT, "12 tokens, but 11 in tokenizer.ggml.scores");
        v.n_scores = 12;
        v.scores[5] = NAN;
        open_vocabulary(folder, &v, EVOKE_EFORMAT, "the score of token 5");
        v.scores[5] = -INFINITY;
        evoke_tokenizer *t = open_vocabulary(folder, &v, EVOKE_OK, "");
        evoke_ids ids = {0};
        check(t && evoke_tokenize(t, "abab c", 6, 3, &ids, NULL) == EVOKE_OK, "a score of minus infinity");
        evoke_ids_free(&ids);
        evoke_tokenizer_free(t);
        v.n_types = 0;
        open_vocabulary(folder, &v, EVOKE_EFORMAT, "tokenizer.ggml.token_type is missing");
        v.n_types = 12;
        v.types[4] = 7;
        open_vocabulary(folder, &v, EVOKE_EFORMAT, "token 4");
        v.types[4] = 1;
        v.unknown = 12;
        open_vocabulary(folder, &v, EVOKE_EFORMAT, "unknown_token_id");
    }
}

/* A tokenizer.json with that model opens, or not, with a word in the error. */
static evoke_tokenizer *open_model(const char *model, evoke_status status, const char *word)
{
    evoke_tokenizer *t = NULL;
    evoke_error err = {0};
    char text[2000];
    snprintf(text, sizeof text, "{\"model\":{%s}}", model);
    json_t *json = json_loads(text, 0, NULL);
    check(json && evk_tokenizer_from_json(json, "file.json", &t, &err) == status && strstr(err.text, word),
          "%s: status %d, '%s' lacks '%s'", model, err.status, err.text, word);
    json_decref(json);
    return t;
}

static void test_hostile_json(void)
{
    static const struct { const char *model, *word; } all[] = {
        { "\"type\":\"Unigram\",\"vocab\":{\"a\":0}", "is a list" },
        { "\"type\":\"Unigram\",\"vocab\":[]", "vocabulary of 0" },
        { "\"type\":\"Unigram\",\"vocab\":[3]", "token 0" },
        { "\"type\":\"Unigram\",\"vocab\":[[\"a\"]]", "score of token 0" },
        { "\"type\":\"Unigram\",\"vocab\":[[\"a\",\"b\"]]", "score of token 0" },
        { "\"type\":\"Unigram\",\"vocab\":[[\"a\",0]],\"unk_id\":1", "unk_id" },
        { "\"type\":\"Unigram\",\"vocab\":[[\"a\",0]],\"unk_id\":-1", "unk_id" },
        { "\"type\":\"Unigram\",\"vocab\":[[\"a\",0]],\"unk_id\":\"a\"", "unk_id" },
        { "\"type\":\"WordPiece\",\"vocab\":{\"a\":0}", "continuing_subword_prefix" },
        { "\"type\":\"WordPiece\",\"vocab\":{\"a\":0},\"continuing_subword_prefix\":\"\"", "unk_token" },
        { "\"type\":\"WordPiece\",\"vocab\":{\"a\":0},\"continuing_subword_prefix\":\"\",\"unk_token\":\"a\"", "max_input" },
        { "\"type\":\"WordPiece\",\"vocab\":{\"a\":0},\"continuing_subword_prefix\":\"\",\"unk_token\":\"b\","
          "\"max_input_chars_per_word\":100", "'b'" },
        { "\"type\":\"WordPiece\",\"vocab\":{\"a\":0},\"continuing_subword_prefix\":\"\",\"unk_token\":\"a\","
          "\"max_input_chars_per_word\":-100", "max_input" },
        { "\"type\":\"BPE\",\"vocab\":[[\"a\",0]],\"merges\":[]", "vocab" },
        { "\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]", "merge 0 needs 'b'" },
        { "\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[[\"a\",\"b\"]]", "merge 0 needs 'ab'" },
        { "\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[\"a b\"],\"continuing_subword_prefix\":\"##\"", "shorter" },
        { "\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[],\"end_of_word_suffix\":5", "end_of_word_suffix" },
        { "\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[],\"unk_token\":\"b\"", "unk_token" },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        open_model(all[i].model, EVOKE_EFORMAT, all[i].word);
    evoke_tokenizer *t = open_model("\"type\":\"Unigram\",\"vocab\":[[\"a\",0]]", EVOKE_OK, "");
    evoke_ids ids = {0};
    check(t && evoke_tokenize(t, "ab", 2, 0, &ids, NULL) == EVOKE_EDATA && !ids.ids, "unknown, and no token for that");
    evoke_tokenizer_free(t);
}

/* ---- in time ---- */
static void check_time(const evoke_tokenizer *t, const char *text, size_t n, double most, const char *what)
{
    evoke_ids ids = {0};
    const clock_t start = clock();
    check(evoke_tokenize(t, text, n, 0, &ids, NULL) == EVOKE_OK && ids.n > 0, "%s: %s", evoke_tokenizer_kind(t), what);
    const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    check(seconds < most, "%s: %s took %.1f s", evoke_tokenizer_kind(t), what, seconds);
    evoke_ids_free(&ids);
}

/* 10 MB of words of "a" and "b"; a word of 1 MB of one letter, one of two, and one of unknown characters. */
static void test_time(const evoke_tokenizer *t)
{
    enum { N = 10000000, WORD = 1000000 };
    char *text = malloc(N);
    uint32_t state = 1;
    for (size_t i = 0; t && text && i < N; i++) {
        state = state * 1664525u + 1013904223u;
        text[i] = state >> 29 == 0 ? ' ' : "ab"[state >> 28 & 1];
    }
    if (t && text) {
        check_time(t, text, N, 5, "10 MB");
        for (size_t i = 0; i < WORD; i++)
            text[i] = text[i] == ' ' ? 'b' : text[i];
        check_time(t, text, WORD, 2, "a word of 1 MB");
        memset(text, 'a', WORD);
        check_time(t, text, WORD, 2, "a word of one letter");
        memset(text, 'z', WORD);
        check_time(t, text, WORD, 2, "a word of unknown characters");
    }
    free(text);
}

/* Two texts of n_a and n_b tokens in `most`: as many of each as the package tokenizers keeps (longest_first). */
static void kept(size_t n_a, size_t n_b, size_t most, size_t out[2])
{
    size_t shorter = n_a > n_b ? n_b : n_a, longer = shorter;
    if (n_a + n_b > most) {
        if (shorter <= most && most - shorter > shorter)
            longer = most - shorter;
        if (shorter + longer > most) {
            shorter = most / 2;
            longer = shorter + most % 2;
        }
        out[0] = n_a > n_b ? longer : shorter;
        out[1] = n_a > n_b ? shorter : longer;
    } else {
        out[0] = n_a;
        out[1] = n_b;
    }
}

static void test_pairs(void)
{
    enum { MOST = 9 };
    evoke_tokenizer *t = open_model("\"type\":\"Unigram\",\"vocab\":[[\"?\",0],[\"a\",-1],[\"b\",-1]],\"unk_id\":0", EVOKE_OK, "");
    size_t n_wrong = 0;
    for (size_t i = 0; t && i < MOST * MOST * MOST; i++) {
        const size_t n_a = i % MOST, n_b = i / MOST % MOST, most = 1 + i / MOST / MOST;
        size_t want[2], got[2] = { 0, 0 };
        int32_t *types = NULL;
        evoke_ids ids = {0};
        kept(n_a, n_b, most, want);
        check(evoke_tokenize_pair(t, "aaaaaaaaa", n_a, "bbbbbbbbb", n_b, most, &ids, &types, NULL) == EVOKE_OK, "pair %zu", i);
        for (size_t k = 0; k < ids.n; k++)
            got[ids.ids[k] == 2]++;
        n_wrong += got[0] != want[0] || got[1] != want[1];
        evoke_ids_free(&ids);
        free(types);
    }
    check(n_wrong == 0, "%zu pairs are cut otherwise", n_wrong);
    evoke_tokenizer_free(t);
}

static void test_times(const char *folder)
{
    gguf_vocabulary v = spm;
    for (size_t i = 0; i < 2; i++) {
        v.model = i ? "t5" : "llama";
        evoke_tokenizer *t = open_vocabulary(folder, &v, EVOKE_OK, "");
        test_time(t);
        evoke_tokenizer_free(t);
    }
    static const char *const models[] = {
        "\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"aa\":2,\"ab\":3,\"aaaa\":4,\"?\":5},\"merges\":[\"a a\",\"a b\",\"aa aa\"],"
        "\"unk_token\":\"?\"",
        "\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"aa\":2,\"ab\":3,\"aaaa\":4,\"?\":5},\"merges\":[\"a a\",\"a b\",\"aa aa\"],"
        "\"unk_token\":\"?\",\"fuse_unk\":true,\"end_of_word_suffix\":\"</w>\"",
        "\"type\":\"Unigram\",\"vocab\":[[\"?\",0],[\"a\",-1],[\"b\",-1],[\"aaaa\",-2],[\"abab\",-1]],\"unk_id\":0",
        "\"type\":\"WordPiece\",\"vocab\":{\"?\":0,\"a\":1,\"##a\":2,\"b\":3,\"##b\":4,\"##aaaa\":5,\"## \":6,\" \":7},"
        "\"unk_token\":\"?\",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100000000",
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        evoke_tokenizer *t = open_model(models[i], EVOKE_OK, "");
        test_time(t);
        evoke_tokenizer_free(t);
    }
}

int main(void)
{
    char folder[256];
    make_folder(folder);
    test_spm(folder);
    test_white_space_after(folder);
    test_unigram(folder);
    test_wordpiece(folder);
    test_hostile(folder);
    test_hostile_json();
    test_pairs();
    if (SANITIZED)
        check_skip("times", "the build has sanitizers");
    else
        test_times(folder);
    rmdir(folder);
    return check_done();
}
