/* layers/tokenizers/presets.c: the pre-tokenizers that GGUF files name.
 *
 * A row is a list of patterns, applied in order, each match a word of its own; the patterns are those that the models'
 * authors published with their tokenizers. To add one: a row, and a line in tests/layers/tokenizers/test_bpe.c. */
#include "layers/tokenizers/presets.h"

#include <string.h>

#define CONTRACTIONS "'s|'t|'re|'ve|'m|'ll|'d"
#define ANY_CASE "(?i:" CONTRACTIONS ")"
#define GPT2 CONTRACTIONS "| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

/* A word with one character before it, digits as told, other characters with the line ends after them, white space. */
#define CL100K(digits) \
    ANY_CASE "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/* Words as upper case, then lower case (letters without case and marks are both). */
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define CASED(after, digits) \
    "[^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" after "|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER "*" after "|" digits \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

const char evk_gpt2_pattern[] = GPT2;

static const evk_preset presets[] = {
    { { "gpt-2", "gpt2", "mpt", "olmo", "gpt-neox", "phi-2", "roberta-bpe", "jina-es", "jina-de", "jina-v1-en", "jina-v2-es",
        "jina-v2-de", "jina-v2-code", "modern-bert", "gigachat", "mellum", "jais", "exaone4", "trillion" }, { GPT2 },
      false, false },
    { { "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2" },
      { "\\p{N}", GPT2 }, false, false },
    { { "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "lfm2", "midm-2.0", "jina-v5-nano" },
      { CL100K("\\p{N}{1,3}") }, true, true },
    { { "dbrx", "smaug-bpe", "chatglm-bpe" }, { CL100K("\\p{N}{1,3}") }, false, false },
    { { "glm4", "glm5" }, { CL100K("\\p{N}{1,3}") }, true, false },
    { { "minicpm5" }, { "\\p{N}{1,3}", CL100K("\\p{N}+") }, true, false },
    { { "qwen2", "stablelm2", "deepseek-r1-qwen", "hunyuan", "megrez", "kormo", "f2llmv2", "solar-open", "grok-2" },
      { CL100K("\\p{N}") }, false, false },
    { { "qwen35" },
      { ANY_CASE "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+"
        "|\\s+(?!\\S)|\\s+" }, false, false },
    { { "tekken" }, { CASED("", "\\p{N}") }, true, true },
    { { "gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2" }, { CASED(ANY_CASE "?", "\\p{N}{1,3}") }, false, false },
    { { "falcon" }, { "[\\p{P}\\$\\+<=>\\^~\\|`]+", GPT2, "[0-9][0-9][0-9]" }, false, false },
    { { "deepseek-coder" },
      { "[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", "[\\x{4e00}-\\x{9fa5}\\x{800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+|\\p{N}" },
      false, false },
    { { "deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4" },
      { "\\p{N}{1,3}", "[\\x{4e00}-\\x{9fa5}\\x{3040}-\\x{309f}\\x{30a0}-\\x{30ff}]+",
        "[!-/:-@\\[-`{-~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*"
        "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+" },
      false, false },
    /* llama.cpp's, for files that name none */
    { { "default" }, { "[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]" }, false, false },
};

const evk_preset *evk_preset_find(const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        for (size_t k = 0; k < sizeof presets[i].names / sizeof *presets[i].names && presets[i].names[k]; k++)
            if (strcmp(presets[i].names[k], name) == 0)
                return presets + i;
    return NULL;
}

evoke_status evk_preset_apply(const evk_preset *preset, evk_pretokenizer *p, evoke_error *err)
{
    for (size_t i = 0; i < EVK_PRESET_MOST_PATTERNS && preset->patterns[i]; i++)
        EVK_TRY(evk_pretokenizer_split(p, preset->patterns[i], strlen(preset->patterns[i]), false, EVK_SPLIT_ISOLATED,
                                       false, preset->names[0], err));
    return EVOKE_OK;
}
