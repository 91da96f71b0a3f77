/* layers/tokenizers/characters.h: classes of characters as Hugging Face's tokenizers see them. */
#ifndef EVK_TOKENIZERS_CHARACTERS_H
#define EVK_TOKENIZERS_CHARACTERS_H

#include <stdbool.h>
#include <stdint.h>

bool evk_is_white_space(int32_t c);     /* White_Space */
bool evk_is_word(int32_t c);            /* \w of UTS 18: letters, marks, digits, connectors, joiners */
bool evk_is_numeric(int32_t c);         /* N* */
bool evk_is_punctuation(int32_t c);     /* P* and the symbols of ASCII: BertPreTokenizer, Punctuation */
bool evk_is_nonspacing(int32_t c);      /* Mn: BertNormalizer's accents */
bool evk_is_combining(int32_t c);       /* M*: StripAccents */
bool evk_is_other(int32_t c);           /* what BertNormalizer's clean_text drops */
bool evk_is_cjk(int32_t c);             /* what BertNormalizer puts spaces around */
int32_t evk_lowercase(int32_t c);       /* the first, and but for U+0130 the only, character of its lower case */

#endif
