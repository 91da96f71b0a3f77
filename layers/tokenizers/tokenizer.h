/* layers/tokenizers/tokenizer.h: what a tokenizer is made of, and how a kind of model is added.
 *
 *     text -> added tokens found -> the rest normalized -> cut into words -> each word encoded by the model -> ids
 *
 * A kind of model (byte-level BPE, SentencePiece BPE, ...) is one file that fills an evk_tokenizer_kind, and an entry in
 * the list of tokenizer.c. */
#ifndef EVK_TOKENIZERS_TOKENIZER_H
#define EVK_TOKENIZERS_TOKENIZER_H

#include <jansson.h>

#include "core/files/weights.h"
#include "layers/tokenizers/added_tokens.h"
#include "layers/tokenizers/bpe.h"
#include "layers/tokenizers/decoder.h"
#include "layers/tokenizers/frame.h"
#include "layers/tokenizers/json_fields.h"
#include "layers/tokenizers/normalize.h"
#include "layers/tokenizers/pretokenize.h"
#include "layers/tokenizers/vocabulary.h"

/* Ids as they come, each with the byte of the caller's text where it begins. */
typedef struct evk_sink { int32_t *ids; size_t *starts; size_t n, ids_capacity, starts_capacity; } evk_sink;
evoke_status evk_sink_add(evk_sink *s, int32_t id, size_t start, evoke_error *err);
/* Empties the sink; what is handed over is never NULL, also where there is no id at all. */
evoke_status evk_sink_hand_over(evk_sink *s, evoke_ids *out, evoke_error *err);

/* What encoding words needs, kept from word to word. */
typedef struct evk_best { double sum; uint32_t from; int32_t id; } evk_best;      /* unigram.c: the best way to a byte */
typedef struct evk_encode_scratch { evk_bpe_scratch bpe; evk_buffer text; evk_best *best; size_t best_capacity; }
    evk_encode_scratch;

typedef struct evk_tokenizer_kind {
    const char *name;           /* "byte-level BPE" */
    const char *gguf_model;     /* tokenizer.ggml.model; NULL: not in GGUF files */
    const char *json_model;     /* model.type of tokenizer.json; NULL: not there, or found by another kind */
    /* Fill t->model, t->pretokenizer and t->name; the vocabulary is there. add_bos and add_eos come as false: the kind
     * says what holds where the file does not. json: the whole file. */
    evoke_status (*open_gguf)(evoke_tokenizer *t, const evoke_weights *w, bool *add_bos, bool *add_eos, evoke_error *err);
    evoke_status (*open_json)(evoke_tokenizer *t, const json_t *json, const char *where, evoke_error *err);
    /* The bytes [word) of a passage to ids. */
    evoke_status (*encode)(const evoke_tokenizer *t, const evk_passage *p, evk_span word, evk_encode_scratch *scratch,
                           evk_sink *out, evoke_error *err);
    /* Appends the bytes that a normal token stands for. */
    evoke_status (*decode)(const evoke_tokenizer *t, int32_t id, evk_buffer *out, evoke_error *err);
    void (*close)(evoke_tokenizer *t);      /* frees t->model, which may be NULL */
} evk_tokenizer_kind;

extern const evk_tokenizer_kind evk_byte_bpe, evk_char_bpe, evk_spm_bpe, evk_unigram, evk_wordpiece;

/* Ids that ADD_SPECIAL puts before and behind a text. */
typedef struct evk_affix { int32_t ids[16]; size_t n; } evk_affix;
evoke_status evk_affix_add(evk_affix *a, int32_t id, evoke_error *err);

struct evoke_tokenizer {
    const evk_tokenizer_kind *kind;
    char name[96];
    evk_vocabulary vocabulary;
    evk_added_tokens added, added_normalized;       /* looked for before, and after normalizing */
    uint32_t *respelled;                            /* [n_vocab] place + 1 in added_normalized where decoding gives */
                                                    /* that text, not the vocabulary's; NULL: nowhere */
    evk_normalizer normalizer;
    evk_pretokenizer pretokenizer;
    void *model;                                    /* the kind's own */
    evk_decoder decoder;                            /* of tokenizer.json; without a step: what the kind says */
    evk_frame single, pair;                         /* around a text, around two; empty: what prefix and suffix make */
    evk_affix prefix, suffix;
    size_t strip_spaces;                            /* so many at the beginning of a decoded text are the normalizer's */
    int32_t bos, eos;                               /* -1: none */
    bool *is_end;                                   /* [n_vocab] */
    char *template_text;                            /* NULL: none */
};

/* The kind with that name in GGUF files (gguf) or in tokenizer.json. NULL: none. */
const evk_tokenizer_kind *evk_tokenizer_kind_find(const char *model, bool gguf);

/* From a GGUF file that is open already; nothing of it is needed afterwards. */
evoke_status evk_tokenizer_from_gguf(const evoke_weights *w, evoke_tokenizer **out, evoke_error *err);
/* From a parsed tokenizer.json; `where` names it in errors. No end token and no template: those are in other files. */
evoke_status evk_tokenizer_from_json(const json_t *json, const char *where, evoke_tokenizer **out, evoke_error *err);
/* From a folder of Hugging Face: tokenizer.json, and what of tokenizer_config.json, generation_config.json, config.json
 * and chat_template.jinja is there. */
evoke_status evk_tokenizer_from_folder(const char *folder, const char *json_path, evoke_tokenizer **out,
                                       evoke_error *err);

/* Appends the ids of a text, without what is put around it. special: the text of a control token becomes that token. */
evoke_status evk_tokenizer_encode(const evoke_tokenizer *t, const char *text, size_t n_bytes, bool special, evk_sink *out,
                                  evoke_error *err);

/* ---- for those who fill one ---- */
/* What a special token is called by special_tokens_map.json or else tokenizer_config.json: a text or an object. */
const json_t *evk_special_token(const json_t *config, const json_t *map, const char *key);
/* Puts the tokens of a folder's other files into the added_tokens of tokenizer.json. Each may be NULL but json. */
evoke_status evk_folder_tokens(json_t *json, json_t *config, json_t *map, json_t *added, const char *where,
                               evoke_error *err);
/* The list of added tokens with the ids that they are to have; n_vocab: the size of the model's vocabulary. */
evoke_status evk_json_added_resolve(const json_t *vocab, size_t n_vocab, const json_t *added, json_t **out,
                                    const char *where, evoke_error *err);
/* Fills added and added_normalized from such a list. Call when the vocabulary and the normalizer are there. */
evoke_status evk_json_added(evoke_tokenizer *t, const json_t *added, const char *where, evoke_error *err);
/* Fills single and pair. Errors: EVOKE_EUNSUPPORTED with the name of a step that is not known. */
evoke_status evk_json_post_processor(evoke_tokenizer *t, const json_t *step, const char *where, evoke_error *err);
/* The id of a token by its text, added ones included, or -1. */
int32_t evk_tokenizer_find(const evoke_tokenizer *t, const char *text);
/* EOS, and the control tokens that are known to end a turn. Call when the vocabulary, the added tokens and eos are set. */
evoke_status evk_tokenizer_mark_ends(evoke_tokenizer *t, evoke_error *err);
/* The steps that tokenizer.json declares. *byte_level: the last of them writes bytes in GPT-2's alphabet; it is left to
 * the caller, who takes the bytes as they are or calls evk_pretokenizer_bytes. NULL: it is a step like any other.
 * Errors: EVOKE_EUNSUPPORTED with the name of a step that is not known. */
evoke_status evk_json_normalizer(const json_t *step, evk_normalizer *z, const char *where, evoke_error *err);
evoke_status evk_json_decoder(const json_t *step, evk_decoder *d, const char *where, evoke_error *err);
evoke_status evk_json_pretokenizer(const json_t *step, evk_pretokenizer *p, bool *byte_level, const char *where,
                                   evoke_error *err);

#endif
