/* layers/tokenizers/decoder.h: the texts of tokens to the text that they stand for, as a tokenizer.json declares it. */
#ifndef EVK_TOKENIZERS_DECODER_H
#define EVK_TOKENIZERS_DECODER_H

#include "layers/tokenizers/regex.h"
#include "layers/tokenizers/scratch.h"

typedef enum evk_decoding {
    EVK_DECODE_BYTES,           /* GPT-2's alphabet back to bytes; all pieces become one */
    EVK_DECODE_METASPACE,       /* `mark` becomes a space; in the first piece, where `flag`, nothing */
    EVK_DECODE_WORDPIECE,       /* a space before each piece but the first, or else its prefix `text` goes; flag: tidy up */
    EVK_DECODE_SUFFIX,          /* BPE's end-of-word suffix `text` becomes a space, in the last piece nothing */
    EVK_DECODE_BYTE_FALLBACK,   /* runs of <0x0A> become the characters that they are, or U+FFFD each */
    EVK_DECODE_FUSE,            /* all pieces become one */
    EVK_DECODE_STRIP,           /* up to n_first and n_last times `mark` goes at the ends of each piece */
    EVK_DECODE_REPLACE,         /* each match of `pattern` becomes `text` */
    EVK_DECODE_CTC,             /* repetitions go, then `text`; flag: tidy up, and `more` becomes a space */
    EVK_DECODE_JOIN             /* all pieces become one, with `text` between */
} evk_decoding;

typedef struct evk_decode_step {
    evk_decoding decoding;
    char *text, *more;          /* its own, [n_text] and [n_more] */
    size_t n_text, n_more;
    int32_t mark;
    bool flag;
    size_t n_first, n_last;
    evk_regex *pattern;
} evk_decode_step;

/* No step: the tokenizer's kind decodes by itself. */
typedef struct evk_decoder { evk_decode_step *step; size_t n, capacity; } evk_decoder;

/* Copies text and more; the pattern goes to the decoder, also on failure. */
evoke_status evk_decoder_add(evk_decoder *d, evk_decode_step step, evoke_error *err);
void evk_decoder_free(evk_decoder *d);

/* Texts one behind the other: piece i is bytes [end[i - 1], end[i]). */
typedef struct evk_pieces { evk_buffer text; size_t *end, n, capacity; } evk_pieces;
evoke_status evk_pieces_add(evk_pieces *p, const char *text, size_t n, evoke_error *err);
void evk_pieces_free(evk_pieces *p);

/* The pieces decoded: p->text is the text. Bytes that are no UTF-8 stay where bytes are decoded last. */
evoke_status evk_decode(const evk_decoder *d, evk_pieces *p, evoke_error *err);

#endif
