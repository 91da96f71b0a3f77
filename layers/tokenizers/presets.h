/* layers/tokenizers/presets.h: the pre-tokenizers that GGUF files name (tokenizer.ggml.pre). */
#ifndef EVK_TOKENIZERS_PRESETS_H
#define EVK_TOKENIZERS_PRESETS_H

#include "layers/tokenizers/pretokenize.h"

#define EVK_PRESET_MOST_PATTERNS 4

typedef struct evk_preset {
    const char *names[20];                              /* up to a NULL */
    const char *patterns[EVK_PRESET_MOST_PATTERNS];     /* applied in order, each match isolated */
    bool whole_words;       /* a word that is a token is that token, whatever the merges say */
    bool add_bos;           /* where the file does not say */
} evk_preset;

/* NULL: not known. */
const evk_preset *evk_preset_find(const char *name);
evoke_status evk_preset_apply(const evk_preset *preset, evk_pretokenizer *p, evoke_error *err);

/* GPT-2's split, also Hugging Face's ByteLevel with use_regex. */
extern const char evk_gpt2_pattern[];

#endif
