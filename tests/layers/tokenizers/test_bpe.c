/* layers/tokenizers/bpe.c against the definition done slowly, on random merges and words; very long words; the byte
 * alphabet; words as the models' own pre-tokenizers cut them (tests/golden/tiny-llama/presets.json). */
#include "layers/tokenizers/bpe.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/random.h"
#include "layers/tokenizers/byte_level.h"
#include "layers/tokenizers/presets.h"
#include "tests/check.h"
#include "tests/golden.h"

typedef struct rule { int32_t left, right, merged; } rule;

/* The definition: the first rule, in order, that any neighbours follow, at its leftmost place, until there is none. */
static size_t merge_slowly(const rule *rules, size_t n_rules, int32_t *id, size_t *at, size_t n)
{
    for (;;) {
        size_t best = n_rules, where = 0;
        for (size_t i = 0; i + 1 < n; i++)
            for (size_t r = 0; r < best; r++)
                if (rules[r].left == id[i] && rules[r].right == id[i + 1]) {
                    best = r;
                    where = i;
                }
        if (best == n_rules)
            return n;
        id[where] = rules[best].merged;
        memmove(id + where + 1, id + where + 2, (n - where - 2) * sizeof *id);
        memmove(at + where + 1, at + where + 2, (n - where - 2) * sizeof *at);
        n--;
    }
}

/* Rules over n_letter letters: each joins two symbols that exist into a new one, or one that exists. */
static evk_bpe random_rules(evk_random *random, rule *rules, size_t n, int32_t n_letter)
{
    evk_bpe b;
    int32_t n_symbol = n_letter;
    check(evk_bpe_init(&b, n, NULL) == EVOKE_OK, "init");
    for (size_t i = 0; i < n; i++) {
        rules[i].left = (int32_t)evk_random_below(random, (uint64_t)n_symbol);
        rules[i].right = (int32_t)evk_random_below(random, (uint64_t)n_symbol);
        rules[i].merged = n_symbol++;
        evk_bpe_add(&b, rules[i].left, rules[i].right, (uint32_t)i, rules[i].merged);
    }
    return b;
}

static void test_definition(void)
{
    enum { MOST = 60, RULES = 40 };
    evk_random random;
    evk_bpe_scratch s = {0};
    size_t wrong = 0;
    evk_random_stream(&random, 7, 0);
    for (int round = 0; round < 300; round++) {
        rule rules[RULES];
        evk_bpe b = random_rules(&random, rules, RULES, 1 + round % 4);
        for (int word = 0; word < 10; word++) {
            int32_t id[MOST];
            size_t at[MOST], n = (size_t)evk_random_below(&random, MOST), k = 0;
            check(evk_bpe_begin(&s, 2 * n, NULL) == EVOKE_OK, "begin");
            for (size_t i = 0; i < n; i++) {
                id[i] = (int32_t)evk_random_below(&random, (uint64_t)(1 + round % 4));
                check(evk_bpe_symbol(&s, id[i], at[i] = 2 * i, NULL) == EVOKE_OK, "symbol");
            }
            check(evk_bpe_merge(evk_bpe_listed, &b, &s, NULL) == EVOKE_OK, "merge");
            n = merge_slowly(rules, RULES, id, at, n);
            for (uint32_t i = s.first; i != EVK_NO_SYMBOL; i = s.symbol[i].next, k++)
                wrong += k >= n || s.symbol[i].id != id[k] || i != at[k];
            wrong += k != n;
        }
        evk_bpe_free(&b);
    }
    check(wrong == 0, "%zu symbols are not as defined", wrong);
    evk_bpe_scratch_free(&s);
}

/* Symbols 0, 1, 2 ...: 2^k times the letter. A word of 2^20 letters ends as one symbol, 2^20 - 1 merges later. */
static void test_long_word(void)
{
    enum { LEVELS = 20 };
    evk_bpe b;
    evk_bpe_scratch s = {0};
    bool ok = evk_bpe_init(&b, LEVELS, NULL) == EVOKE_OK;
    for (int32_t k = 0; k < LEVELS; k++)
        evk_bpe_add(&b, k, k, (uint32_t)k, k + 1);
    const clock_t start = clock();
    ok = ok && evk_bpe_begin(&s, (size_t)1 << LEVELS, NULL) == EVOKE_OK;
    for (size_t i = 0; ok && i < (size_t)1 << LEVELS; i++)
        ok = evk_bpe_symbol(&s, 0, i, NULL) == EVOKE_OK;
    ok = ok && evk_bpe_merge(evk_bpe_listed, &b, &s, NULL) == EVOKE_OK;
    const double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    check(ok && s.symbol[0].id == LEVELS && s.symbol[0].next == EVK_NO_SYMBOL, "a word of 2^20 letters is one symbol");
    check(seconds < 5, "a word of 2^20 letters took %.1f s", seconds);
    check(evk_bpe_begin(&s, (size_t)UINT32_MAX, NULL) == EVOKE_EDATA, "a word of 4 GB");
    evk_bpe_free(&b);
    evk_bpe_scratch_free(&s);
}

static void test_alphabet(void)
{
    char all[256], seen[324] = {0};
    evk_buffer text = {0}, back = {0};
    for (int i = 0; i < 256; i++) {
        const int32_t code = evk_byte_level_char((unsigned char)i);
        all[i] = (char)i;
        check(code > 32 && code < 324 && !seen[code], "byte %d is U+%04X", i, (unsigned)code);
        seen[code] = 1;
    }
    check(evk_byte_level_char(' ') == 0x120 && evk_byte_level_char('\n') == 0x10A && evk_byte_level_char('!') == '!' &&
          evk_byte_level_char(0xAD) == 0x143, "the alphabet's known places");
    check(evk_byte_level_write(all, 256, &text, NULL) == EVOKE_OK &&
          evk_byte_level_read(text.data, text.n, &back, NULL) == EVOKE_OK && back.n == 256 &&
          memcmp(back.data, all, 256) == 0, "256 bytes there and back");
    back.n = 0;
    check(evk_byte_level_read("a \xe4\xb8\xad", 5, &back, NULL) == EVOKE_OK && back.n == 5, "not of the alphabet: as it is");
    evk_buffer_free(&text);
    evk_buffer_free(&back);
}

/* One text of presets.json: the words' lengths are those expected. */
static bool words_agree(const evk_pretokenizer *p, const char *text, const json_t *lengths)
{
    const evk_passage whole = { .text = text, .n = strlen(text) }, *passage = &whole;
    evk_pretokenize_scratch s;
    bool same = evk_pretokenize_scratch_init(&s, whole.n, NULL) == EVOKE_OK &&
                evk_pretokenize(p, &passage, &s, NULL) == EVOKE_OK && s.words.n == json_array_size(lengths);
    for (size_t i = 0; same && i < s.words.n; i++)
        same = (json_int_t)(s.words.item[i].end - s.words.item[i].begin) ==
               json_integer_value(json_array_get(lengths, i));
    evk_pretokenize_scratch_free(&s);
    return same;
}

static void test_presets(const char *root)
{
    char path[1024];
    const char *name = NULL;
    json_t *cases = NULL;
    json_t *all = golden_find(root, "tiny-llama/presets.json", path, sizeof path) ? json_load_file(path, 0, NULL) : NULL;
    check(json_object_size(all) >= 9, "presets.json");
    json_object_foreach(all, name, cases) {
        const evk_preset *preset = evk_preset_find(name);
        evk_pretokenizer p = {0};
        if (!check(preset && evk_preset_apply(preset, &p, NULL) == EVOKE_OK, "preset %s", name))
            continue;
        for (size_t i = 0; i < json_array_size(cases); i++) {
            const char *text = json_string_value(json_array_get(json_array_get(cases, i), 0));
            check(words_agree(&p, text, json_array_get(json_array_get(cases, i), 1)), "%s: words of '%s'", name, text);
        }
        evk_pretokenizer_free(&p);
    }
    json_decref(all);
}

/* Every name is found, every pattern compiles. */
static void test_names(void)
{
    static const char *const names[] = { "default", "gpt-2", "smollm", "llama-bpe", "llama3", "qwen2", "starcoder", "refact",
        "command-r", "olmo", "dbrx", "smaug-bpe", "tekken", "falcon", "deepseek-coder", "deepseek-v3", "gpt-4o",
        "gpt-neox", "minicpm5", "qwen35", "glm4", "deepseek-r1-qwen" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        evk_pretokenizer p = {0};
        const evk_preset *preset = evk_preset_find(names[i]);
        check(preset && evk_preset_apply(preset, &p, NULL) == EVOKE_OK && p.n > 0, "%s", names[i]);
        evk_pretokenizer_free(&p);
    }
    check(!evk_preset_find("no-such-thing") && !evk_preset_find(""), "unknown names");
}

int main(int argc, char **argv)
{
    test_definition();
    test_long_word();
    test_alphabet();
    test_presets(argc > 1 ? argv[1] : ".");
    test_names();
    return check_done();
}
