/* A tokenizer.json, or a GGUF file with a vocabulary: opened; a fixed text to ids and back, each with its place. */
#include "tests/fuzz/fuzz.h"
#include "tests/layers/tokenizers/gguf_vocabulary.h"

static const char text[] = " Hello  world's 1234\r\n\t<|im_end|>\xe4\xb8\xad\xe6\x96\x87 e\xcc\x81\xcc\xa3 \xed\x95\x9c\xea\xb5\xad "
                           "\xf0\x9f\x99\x82 aaaaaaaaaaaaaaaaaaaaaaaa ab ab.\xef\xac\x81 [X] \xc4\xb0";

static void check_ids(const evoke_tokenizer *t, const evoke_ids *ids)
{
    evoke_text back = {0};
    evoke_error err;
    for (size_t i = 0; i < ids->n; i++) {
        expect(ids->starts[i] < sizeof text && ids->ids[i] >= 0 && (size_t)ids->ids[i] < evoke_tokenizer_n_vocab(t));
        expect(evoke_tokenizer_piece(t, ids->ids[i]) != NULL);
    }
    expect(evoke_detokenize(t, ids->ids, ids->n, true, &back, &err) == EVOKE_OK && back.data);
    evoke_text_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    evoke_tokenizer *t = NULL;
    evoke_error err;
    if (!fuzz_ok(evoke_tokenizer_open(fuzz_write("tokenizer.json", data, size), &t, &err), &err)) {
        expect(!t);
        return 0;
    }
    expect(evoke_tokenizer_kind(t)[0] && evoke_tokenizer_n_vocab(t) > 0);
    evoke_tokenizer_is_end(t, evoke_tokenizer_eos(t));
    evoke_tokenizer_piece(t, evoke_tokenizer_bos(t));
    for (unsigned flags = 0; flags < 4; flags++) {
        evoke_ids ids = {0};
        if (fuzz_ok(evoke_tokenize(t, text, sizeof text - 1, flags, &ids, &err), &err))
            check_ids(t, &ids);
        evoke_ids_free(&ids);
    }
    evoke_tokenizer_free(t);
    return 0;
}

/* Vocabularies of GGUF files. */
static size_t gguf_seed(size_t i, uint8_t *out, size_t capacity)
{
#define SPACE "\xe2\x96\x81"
    static const char *const models[] = { "llama", "t5", "bert" };
    static bytes file;
    if (i >= 2 * (sizeof models / sizeof *models))
        return 0;
    const gguf_vocabulary v = {
        .model = models[i / 2], .unknown = 0, .prefix = i % 2 == 0, .squeeze = i % 2,
        .tokens = { "<unk>", "<s>", "</s>", SPACE, "l", "o", SPACE "world", "lo", "llo", "<0x41>", SPACE SPACE, "<|im_end|>" },
        .types = { 2, 3, 3, 1, 1, 1, 1, 1, 5, 6, 4, 3 }, .n_types = 12,
        .scores = { 0, 0, 0, -3, -4, -5, -1, -2, -2, 0, -7, 0 }, .n_scores = 12,
    };
    put_vocabulary(&file, &v);
    if (file.n > capacity)
        return 0;
    memcpy(out, file.data, file.n);
    return file.n;
}

size_t fuzz_seed(size_t i, uint8_t *out, size_t capacity)
{
#define MODEL "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"aa\":3,\"\xc4\xa0\":4,\"e\":5,\"\xc3\x8c\":6}," \
              "\"merges\":[\"a b\",[\"a\",\"a\"]],\"unk_token\":\"e\",\"fuse_unk\":true,\"ignore_merges\":true}"
#define BYTES "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"use_regex\":true}"
    static const char *const files[] = {
        "{" MODEL ",\"pre_tokenizer\":" BYTES ",\"decoder\":{\"type\":\"ByteLevel\"}}",
        "{" MODEL ",\"added_tokens\":[{\"id\":7,\"content\":\"<|im_end|>\",\"special\":true,\"lstrip\":true,\"rstrip\":true},"
        "{\"id\":8,\"content\":\"ab\",\"single_word\":true},{\"id\":9,\"content\":\"  \",\"normalized\":false}],"
        "\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":" BYTES "}",
        "{" MODEL ",\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFKD\"},{\"type\":\"Lowercase\"},"
        "{\"type\":\"Prepend\",\"prepend\":\"_\"},{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"l*\"},\"content\":\"x\"}]},"
        "\"pre_tokenizer\":" BYTES "}",
        "{" MODEL ",\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"
        "\"\\\\s+(?!\\\\S)|[^a-c\\\\w]+\"},\"behavior\":\"MergedWithNext\",\"invert\":false},{\"type\":\"Split\",\"pattern\":"
        "{\"String\":\"o\"},\"behavior\":\"MergedWithPrevious\",\"invert\":true},{\"type\":\"Digits\",\"individual_digits\":"
        "true},{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}," BYTES "]}}",
        "{" MODEL ",\"pre_tokenizer\":" BYTES ",\"post_processor\":{\"type\":\"Sequence\",\"processors\":[{\"type\":"
        "\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"S\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\"}}],"
        "\"special_tokens\":{\"S\":{\"id\":\"S\",\"ids\":[1,2]}}},{\"type\":\"RobertaProcessing\",\"sep\":[\"b\",1],\"cls\":"
        "[\"a\",0]}]}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"?\":0,\"a\":1,\"##b\":2,\"ab\":3,\"o</w>\":4,\"<0x21>\":5,\"##a\":6,\"##aa\":7},"
        "\"merges\":[\"a ##b\",[\"##a\",\"##a\"]],\"unk_token\":\"?\",\"byte_fallback\":true,\"continuing_subword_prefix\":\"##\","
        "\"end_of_word_suffix\":\"</w>\"},\"pre_tokenizer\":{\"type\":\"WhitespaceSplit\"}}",
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"?\":0,\"a\":1,\"b\":2,\"ab\":3,\"\xe2\x96\x81\":4,\"aa\":5,\"<0xE4>\":6,\"<0xB8>\":7,"
        "\"<0xAD>\":8},\"merges\":[\"a b\",\"a a\"],\"unk_token\":\"?\",\"byte_fallback\":true,\"fuse_unk\":true},\"normalizer\":"
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\xe2\x96\x81\"}}",
        "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"byte_fallback\":true,\"vocab\":[[\"?\",0],[\"a\",-1.5],[\"aaa\",-2],[\"\xe2\x96\x81\",-3],"
        "[\"l\",-4],[\"llo\",-5],[\"<0xE4>\",-6],[\"b\",-1e9]]},\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":"
        "\"\xe2\x96\x81\",\"prepend_scheme\":\"always\"}}",
        "{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"?\",\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":20,"
        "\"vocab\":{\"?\":0,\"a\":1,\"##b\":2,\"##aa\":3,\"hell\":4,\"##o\":5,\"world\":6,\"'\":7}},\"normalizer\":{\"type\":"
        "\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,\"strip_accents\":null,\"lowercase\":true},"
        "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}}",
    };
    const size_t n_files = sizeof files / sizeof *files, n = i < n_files ? strlen(files[i]) : 0;
    if (i >= n_files)
        return gguf_seed(i - n_files, out, capacity);
    if (n > capacity)
        return 0;
    memcpy(out, files[i], n);
    return n;
}
