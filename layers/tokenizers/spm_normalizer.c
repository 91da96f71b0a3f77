/* layers/tokenizers/spm_normalizer.c: what SentencePiece does to a text first, as a GGUF file tells it.
 *
 *     precompiled_charsmap       characters become others (charsmap.c)
 *     remove_extra_whitespaces   spaces at either end go, several become one; at the end U+2581 goes as well
 *     add_space_prefix           a space before the text
 *     always                     spaces become U+2581
 *
 * Decoding takes back the space at the beginning: the one of add_space_prefix, or, with remove_extra_whitespaces, all. */
#include "layers/tokenizers/spm_normalizer.h"

#include <stdlib.h>
#include <string.h>

#include "layers/tokenizers/charsmap.h"

static const char SPACE[] = "\xe2\x96\x81", CHARSMAP[] = "tokenizer.ggml.precompiled_charsmap";

/* The bytes of an array of u8 or i8. */
static evoke_status read_bytes(const evk_meta *from, const char *where, unsigned char *out, evoke_error *err)
{
    for (size_t i = 0; i < from->n; i++) {
        double value = 0;
        if (!evk_meta_element_f64(from, i, &value) || !(value >= -128 && value < 256))
            return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %s holds no bytes (%s)", CHARSMAP, where);
        out[i] = (unsigned char)(int)value;
    }
    return EVOKE_OK;
}

static evoke_status read_charsmap(evoke_tokenizer *t, const evoke_weights *w, evoke_error *err)
{
    const evk_meta *from = evk_meta_array(w, CHARSMAP);
    unsigned char *bytes = NULL;
    evk_charsmap *map = NULL;
    if (!evk_meta_has(w, CHARSMAP))
        return EVOKE_OK;
    if (!from)
        return evk_fail(err, EVOKE_EFORMAT, "open tokenizer: %s is no array (%s)", CHARSMAP, evk_weights_path(w));
    if (from->n == 0)
        return EVOKE_OK;
    EVK_TRY(evk_alloc(&bytes, from->n, 1, "open tokenizer", err));
    evoke_status st = read_bytes(from, evk_weights_path(w), bytes, err);
    if (st == EVOKE_OK)
        st = evk_charsmap_open(bytes, from->n, evk_weights_path(w), &map, err);
    free(bytes);
    return st == EVOKE_OK ? evk_normalizer_charsmap(&t->normalizer, map, err) : st;
}

static evoke_status replace(evoke_tokenizer *t, const char *pattern, const char *text, evoke_error *err)
{
    evk_regex *regex = NULL;
    EVK_TRY(evk_regex_compile(pattern, strlen(pattern), false, "spaces", &regex, err));
    return evk_normalizer_add(&t->normalizer, EVK_REPLACE, regex, text, strlen(text), err);
}

evoke_status evk_spm_normalizer(evoke_tokenizer *t, const evoke_weights *w, bool prefix, evoke_error *err)
{
    bool squeeze = false;
    EVK_TRY(evk_gguf_flag(w, "tokenizer.ggml.add_space_prefix", &prefix, err));
    EVK_TRY(evk_gguf_flag(w, "tokenizer.ggml.remove_extra_whitespaces", &squeeze, err));
    t->strip_spaces = squeeze ? SIZE_MAX : prefix;
    EVK_TRY(read_charsmap(t, w, err));
    if (squeeze) {
        EVK_TRY(replace(t, "\\A +", "", err));
        EVK_TRY(replace(t, "[ \\x{2581}]+\\z", "", err));
        EVK_TRY(replace(t, " {2,}", " ", err));
    }
    if (prefix)
        EVK_TRY(evk_normalizer_add(&t->normalizer, EVK_PREPEND, NULL, SPACE, strlen(SPACE), err));
    return replace(t, " ", SPACE, err);
}
