/* evoke.h: the public C API of libevoke, emotion vectors in language models (arXiv 2502.04075).
 *
 * A model is opened once, never changes, and serves any number of threads. A session is one timeline: tokens in, logits
 * out, with its KV cache. A store holds activations, vectors hold directions [E, L, D]; both are HDF5 files.
 *
 *   section       objects                                what it does
 *   1 core        status, error, progress, provenance    how calls fail, report and sign their files
 *   2 layers      weights, model, tokenizer, template,   a language model: text to tokens to activations to logits
 *                 session, trace, vectors
 *   3 emotion     dataset, settings, steering, generate, what the paper does: extract, average, steer, measure
 *                 extract, emotion vectors, text measures
 *   4 theory      Fisher directions                      how good the emotion vector is as a direction
 *
 * Shapes, row-major, slowest first: T tokens, L layers, D d_model, V vocabulary, N queries, S settings, E emotions.
 * Layers count from 0. Text is UTF-8. The library never prints, never exits and keeps no mutable global state.
 * Ownership: what a function returns through a `**` is the caller's, freed by the matching `_free`, which takes NULL;
 * `const` pointers returned by a getter live as long as their object. */
#ifndef EVOKE_H
#define EVOKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define EVOKE_API __attribute__((visibility("default")))
#else
#define EVOKE_API
#endif

/* ============================================================================================ 1 core
 * Status: every call that can fail returns one and, where `err` is not NULL, fills in one line of text:
 * "WHAT FAILED: WHY (WHERE)". */
typedef enum evoke_status {
    EVOKE_OK = 0,
    EVOKE_EARG,         /* the caller's arguments make no sense together (program exit status 2) */
    EVOKE_EIO,          /* a file cannot be opened, read, written, renamed */
    EVOKE_EFORMAT,      /* a file is not what it should be: truncated, hostile, inconsistent */
    EVOKE_EUNSUPPORTED, /* a well-formed file asks for what this version does not do */
    EVOKE_EDATA,        /* the data do not allow it: an empty class, an incomplete query */
    EVOKE_ESINGULAR,    /* a matrix that must be inverted is not invertible */
    EVOKE_ENOMEM,       /* memory or a fixed budget is exhausted */
    EVOKE_EBUSY,        /* another process is writing the file */
    EVOKE_EINTERRUPTED, /* the progress callback asked to stop; what was done is kept */
    EVOKE_ECOMPUTE      /* this machine's numerical library computes wrong results */
} evoke_status;

typedef struct evoke_error {
    evoke_status status;
    char text[1024];
} evoke_error;

EVOKE_API const char *evoke_version(void);                   /* "0.1.0" */
/* Cores for one of n_here processes that work together on this machine, n_same of which (itself one) may run on the same cores:
 * this process's affinity mask / n_same, its control group's quota / n_here, SLURM_CPUS_PER_TASK: the least, at least 1. */
EVOKE_API size_t evoke_cores_shared(size_t n_same, size_t n_here);

/* Called now and then from long work, on the calling thread. Return false to stop: the call then ends with
 * EVOKE_EINTERRUPTED after the current batch, or within one that takes long, and what was done is kept. A zeroed struct means:
 * do not report. */
typedef struct evoke_progress {
    bool (*report)(void *user, const char *what, uint64_t done, uint64_t total);
    void *user;
} evoke_progress;

/* What every HDF5 file says about its making, beside format, version, program and model. */
typedef struct evoke_provenance {
    const char *command_line;   /* NULL: "" */
    uint64_t seed;
} evoke_provenance;

/* What an HDF5 file says it is: "evoke-activations", "evoke-vectors", "evoke-trace"; "" where it does not say.
 * Errors: EVOKE_EIO not there; EVOKE_EFORMAT no HDF5 file. */
EVOKE_API evoke_status evoke_file_format(const char *path, char format[64], evoke_error *err);

/* Text owned by the caller of whoever made it; n bytes and a terminating NUL. May hold NULs inside. */
typedef struct evoke_text { char *data; size_t n; } evoke_text;
EVOKE_API void evoke_text_free(evoke_text *text);

/* What an HDF5 file says of itself under a name, an attribute of `/`: "command_line", "program_version", "model_sha256", "seed";
 * numbers as text. *value is the caller's, its data NULL where the file does not say. Errors: those of evoke_file_format. */
EVOKE_API evoke_status evoke_file_attribute(const char *path, const char *name, evoke_text *value, evoke_error *err);

/* Kernel tables that this CPU can run, best last: "ref", "avx2", "avx512", "neon". NULL past the end. */
EVOKE_API const char *evoke_isa_name(size_t i);

/* ============================================================================================ 2 layers
 * Hook points, named as in TransformerLens. attn_out and mlp_out are what is added to the residual stream; attn_proj
 * and mlp_proj the raw projections before a post norm or a scale (the same values where a family has neither). */
typedef enum evoke_site {
    EVOKE_EMBED, EVOKE_RESID_PRE, EVOKE_ATTN_PROJ, EVOKE_ATTN_OUT, EVOKE_RESID_MID, EVOKE_MLP_PROJ, EVOKE_MLP_OUT,
    EVOKE_RESID_POST, EVOKE_FINAL_NORM, EVOKE_LOGITS, EVOKE_N_SITE
} evoke_site;
EVOKE_API const char *evoke_site_name(evoke_site site);                       /* "resid_post" */
EVOKE_API bool evoke_site_find(const char *name, evoke_site *site);           /* short or full name; false: unknown */

/* Which tokens a mean is taken over: the query's own text; the prompt without its first token (an attention sink);
 * the whole prompt; the generated tokens; the last prompt token. */
typedef enum evoke_span {
    EVOKE_SPAN_QUERY, EVOKE_SPAN_PROMPT, EVOKE_SPAN_PROMPT_ALL, EVOKE_SPAN_RESPONSE, EVOKE_SPAN_LAST, EVOKE_N_SPAN
} evoke_span;
EVOKE_API const char *evoke_span_name(evoke_span span);
EVOKE_API bool evoke_span_find(const char *name, evoke_span *span);

/* ---- weights: the tensors and metadata of a GGUF file or a Hugging Face folder, whatever the family ---- */
typedef struct evoke_weights evoke_weights;
typedef struct evoke_tensor_info {
    const char *name, *type;    /* type as GGUF names it: "F32", "Q4_1" */
    size_t n_dim;
    uint64_t dims[8];           /* row-major, slowest first */
    uint64_t n_bytes;
} evoke_tensor_info;
EVOKE_API evoke_status evoke_weights_open(const char *path, evoke_weights **out, evoke_error *err);
EVOKE_API void evoke_weights_free(evoke_weights *w);
EVOKE_API size_t evoke_weights_count(const evoke_weights *w);
EVOKE_API evoke_status evoke_weights_info(const evoke_weights *w, size_t i, evoke_tensor_info *info, evoke_error *err);
EVOKE_API size_t evoke_weights_metadata_count(const evoke_weights *w);
/* Metadata i: its key and a short rendering of its value ("f32 1e-05", "string[49152]"). The value is the caller's. */
EVOKE_API evoke_status evoke_weights_metadata(const evoke_weights *w, size_t i, const char **key, evoke_text *value,
                                              evoke_error *err);
/* Tensor `name`, dequantised, to an HDF5 file with one dataset /tensor float32. */
EVOKE_API evoke_status evoke_weights_export(const evoke_weights *w, const char *name, const char *hdf5_path,
                                            const evoke_provenance *made, evoke_error *err);

/* ---- tokenizer: text to ids and back ---- */
typedef struct evoke_tokenizer evoke_tokenizer;
enum {
    EVOKE_TOKENIZE_ADD_SPECIAL = 1,     /* BOS/EOS where the model's own rules add them */
    EVOKE_TOKENIZE_PARSE_SPECIAL = 2    /* the text of a control token in the input becomes that token */
};
typedef struct evoke_ids {
    int32_t *ids;                       /* [n] */
    size_t *starts;                     /* [n] byte offset in the text where each token begins; added tokens repeat it */
    size_t n;
} evoke_ids;
EVOKE_API void evoke_ids_free(evoke_ids *ids);
/* path: a GGUF file (weights may be missing), a Hugging Face folder, or a tokenizer.json. */
EVOKE_API evoke_status evoke_tokenizer_open(const char *path, evoke_tokenizer **out, evoke_error *err);
EVOKE_API void evoke_tokenizer_free(evoke_tokenizer *t);
EVOKE_API size_t evoke_tokenizer_n_vocab(const evoke_tokenizer *t);
EVOKE_API const char *evoke_tokenizer_kind(const evoke_tokenizer *t);          /* "byte-level BPE (smollm)" */
EVOKE_API int32_t evoke_tokenizer_bos(const evoke_tokenizer *t);               /* -1: none */
EVOKE_API int32_t evoke_tokenizer_eos(const evoke_tokenizer *t);
EVOKE_API bool evoke_tokenizer_is_end(const evoke_tokenizer *t, int32_t id);   /* EOS, end of turn, end of text */
EVOKE_API const char *evoke_tokenizer_template(const evoke_tokenizer *t);      /* chat template's text, or NULL */
/* The text of a single token as the vocabulary has it, or NULL where id is out of range. */
EVOKE_API const char *evoke_tokenizer_piece(const evoke_tokenizer *t, int32_t id);
/* Errors: EVOKE_EDATA text is not UTF-8, the byte offset in the message. */
EVOKE_API evoke_status evoke_tokenize(const evoke_tokenizer *t, const char *text, size_t n_bytes, unsigned flags,
                                      evoke_ids *out, evoke_error *err);
/* Two texts as one sequence, with the special tokens and type ids that the model's own rules give them (BERT: [CLS] a
 * [SEP] b [SEP], types 0 and 1); b NULL: a alone. Special tokens in the texts are parsed. max_length, where not 0, is the
 * most ids in all: tokens are taken from the end of the longer text first, as transformers' longest_first does; in a
 * pair's `starts` each text's bytes count from 0. type_ids: [out->n], the caller's to free.
 * Errors: EVOKE_EDATA a text is not UTF-8, or max_length has no room for the special tokens alone. */
EVOKE_API evoke_status evoke_tokenize_pair(const evoke_tokenizer *t, const char *a, size_t n_a, const char *b, size_t n_b,
                                           size_t max_length, evoke_ids *out, int32_t **type_ids, evoke_error *err);
/* The bytes of the ids, special tokens included as their text where `special` is true, left out otherwise. The result
 * of a whole sequence that came from evoke_tokenize is the text again; of a part it may end inside a character. */
EVOKE_API evoke_status evoke_detokenize(const evoke_tokenizer *t, const int32_t *ids, size_t n, bool special,
                                        evoke_text *out, evoke_error *err);

/* ---- chat template: messages to a prompt, by the model's own Jinja text ---- */
typedef struct evoke_template evoke_template;
typedef struct evoke_message { const char *role, *content; } evoke_message;
typedef struct evoke_variable { const char *name, *value; } evoke_variable;    /* bos_token and so on */
/* Bytes [begin, end) of the rendered text come from message `message`, from byte `offset` of its content on. */
typedef struct evoke_piece { size_t begin, end, message, offset; } evoke_piece;
typedef struct evoke_prompt {
    evoke_text text;
    evoke_piece *pieces;                /* [n_pieces] in order, not overlapping; other bytes are the template's own */
    size_t n_pieces;
} evoke_prompt;
EVOKE_API void evoke_prompt_free(evoke_prompt *p);
/* Errors: EVOKE_EFORMAT or EVOKE_EUNSUPPORTED with line and column of the template. */
EVOKE_API evoke_status evoke_template_parse(const char *source, size_t n_bytes, evoke_template **out, evoke_error *err);
EVOKE_API void evoke_template_free(evoke_template *t);
/* Errors: EVOKE_EDATA the template called raise_exception, its message in the text. */
EVOKE_API evoke_status evoke_template_render(const evoke_template *t, const evoke_message *messages, size_t n_messages,
                                             bool add_generation_prompt, const evoke_variable *vars, size_t n_vars,
                                             evoke_prompt *out, evoke_error *err);
/* Tokenises a rendered prompt: special tokens in the template's own text and in the contents are parsed alike, as the
 * model's authors do. [*first, *last) are the ids that overlap bytes [begin, end) of the content of message `message`
 * (equal where nothing of it was rendered). first and last may be NULL. */
EVOKE_API evoke_status evoke_prompt_tokenize(const evoke_prompt *p, const evoke_tokenizer *t, size_t message,
                                             size_t begin, size_t end, evoke_ids *out, size_t *first, size_t *last,
                                             evoke_error *err);

/* ---- model ---- */
typedef struct evoke_model evoke_model;
/* How weights and activations are multiplied. Either way a result does not depend on batch, company or threads, bit for bit. */
typedef enum evoke_compute {
    EVOKE_EXACT,                /* as float32 does */
    EVOKE_FAST                  /* activations rounded to 8 bits by blocks of 32, for weights of quantised types */
} evoke_compute;
typedef struct evoke_model_options {
    size_t n_threads;           /* 0: the cores that this process may use */
    evoke_compute compute;
    /* Exact computation may lay quantised weights out anew in memory, as fast computation always does, where that is faster on
     * this CPU: worth its while where many tokens are run, at the price of the weights' size in memory. */
    bool repack;
    const char *isa;            /* kernel table by name; NULL: the best that this CPU runs */
    const char *template_path;  /* Jinja file instead of the model's own chat template; NULL: the model's */
} evoke_model_options;
typedef struct evoke_model_info {
    const char *name, *path, *family, *isa, *storage;   /* storage: what the large weights are stored as, "Q4_1" */
    size_t n_layer, d_model, n_head, n_kv_head, d_head, d_ff, n_vocab, n_ctx, n_threads;
    uint64_t n_parameters, n_bytes;
    double rope_base, norm_eps;
    bool tied_head;
    evoke_compute compute;
    uint64_t n_repacked_bytes;  /* of weights laid out anew in memory; 0: none */
} evoke_model_info;
EVOKE_API const char *evoke_compute_name(evoke_compute compute);                /* "exact", "fast" */
EVOKE_API bool evoke_compute_find(const char *name, evoke_compute *out);
EVOKE_API evoke_status evoke_model_open(const char *path, const evoke_model_options *options, evoke_model **out,
                                        evoke_error *err);
EVOKE_API void evoke_model_free(evoke_model *m);
EVOKE_API const evoke_model_info *evoke_model_describe(const evoke_model *m);
EVOKE_API const evoke_tokenizer *evoke_model_tokenizer(const evoke_model *m);   /* NULL: the folder holds none */
EVOKE_API const evoke_template *evoke_model_template(const evoke_model *m);     /* NULL: none */
/* SHA-256 of the model file, or of a folder's weight files in order of their names, as 64 hex digits. Reads the file. */
EVOKE_API evoke_status evoke_model_sha256(const evoke_model *m, char hex[65], evoke_error *err);
/* Renders messages by the model's template with the tokenizer's special tokens as variables. */
EVOKE_API evoke_status evoke_model_prompt(const evoke_model *m, const evoke_message *messages, size_t n_messages,
                                          bool add_generation_prompt, evoke_prompt *out, evoke_error *err);

/* One thing that a model does, in words: how it norms, where positions come from, what it scales. unusual: few published models
 * have it so, and other programs may get it wrong. */
typedef struct evoke_setting { const char *name; char value[192]; bool unusual; } evoke_setting;
/* The i-th of those that the model has; false: past the end. */
EVOKE_API bool evoke_model_setting(const evoke_model *m, size_t i, evoke_setting *out);

/* What a machine does at the shapes of a model's matrices: the bounds that speeds are held against. */
enum { EVOKE_N_BATCH = 4 };
typedef struct evoke_machine {
    size_t n_threads;
    size_t batch[EVOKE_N_BATCH];        /* tokens multiplied together: 8, 32, 128, 512 */
    double sgemm[EVOKE_N_BATCH];        /* OpenBLAS, float32 weights at hand, GFLOP/s */
    double multiply[EVOKE_N_BATCH];     /* the model's own products, as it computes, GFLOP/s */
    double integers;                    /* integer dot products with everything in registers, GOP/s; 0: none apply */
    double read;                        /* of memory, GB/s */
    double layer_flop, head_flop;       /* of a token: all layers; the head */
    double weight_bytes;                /* read for a token, layers and head */
} evoke_machine;
/* Takes about a second. Sets the number of OpenBLAS's threads while it runs. */
EVOKE_API evoke_status evoke_measure_machine(const evoke_model *m, size_t n_threads, evoke_machine *out, evoke_error *err);

/* What each kernel does on one thread with its operands in cache, by every instruction set that this CPU runs. */
typedef enum evoke_kernel_group {
    EVOKE_KERNEL_FLOATS,            /* sums of float32 products: GFLOP/s */
    EVOKE_KERNEL_ELEMENTS,          /* element by element: GB/s, read and written */
    EVOKE_KERNEL_VALUES,            /* stored weights into float32: GB/s, read and written */
    EVOKE_KERNEL_PACKED,            /* float32 activations times packed weights, with their digits' making: GOP/s of all digits */
    EVOKE_N_KERNEL_GROUP
} evoke_kernel_group;
typedef struct evoke_kernel_rate {
    evoke_kernel_group group;
    char kernel[40], size[40];      /* "matmul, 8 tokens"; "w 96 x 512, L2": its operands, and the cache that they lie in */
    const char *isa;
    double rate, speedup;           /* over "ref" */
    double peak;                    /* what the bound allows, in the same unit */
    const char *bound;              /* "floats", "integers", "L1 read", "L1 write", "L2 read" or "L2 write" */
} evoke_kernel_rate;
/* Multiply-adds with everything in registers, GFLOP/s and GOP/s. */
typedef struct evoke_core_peak { const char *isa; double floats, integers; } evoke_core_peak;
enum { EVOKE_MOST_ISAS = 8 };
typedef struct evoke_kernel_speeds {
    evoke_core_peak peaks[EVOKE_MOST_ISAS];     /* [n_isas], "ref" first */
    double l1_read, l1_write, l2_read, l2_write;        /* GB/s, by the best loads and stores of this CPU */
    size_t n_isas, n_kernels;
    evoke_kernel_rate *rates;       /* [n_kernels, n_isas] */
} evoke_kernel_speeds;
/* isa: NULL for all, or the one to hold against "ref". Takes some seconds. Errors: as evoke_model_open for isa; EVOKE_ENOMEM. */
EVOKE_API evoke_status evoke_measure_kernels(const char *isa, evoke_kernel_speeds *out, evoke_error *err);
EVOKE_API void evoke_kernel_speeds_free(evoke_kernel_speeds *s);

/* ---- verify: what this build, machine and file compute, held against float64 and against itself ---- */
/* A hook point against a pass in float64 and plain loops over the same config and stored weights; layers/reference.h says how the
 * bound of each token's row comes about. What is compared is the arithmetic: a setting of the model understood wrongly would be
 * wrong in both. */
typedef struct evoke_verify_point {
    evoke_site site;
    double max_abs, max_rel;    /* largest error, and over the largest value of its token's row */
    double bound;               /* the largest row's */
    double share;               /* of its own bound, the most that any row's error is; up to 1: it holds */
    size_t layer, token;        /* of that row */
    bool ok;
} evoke_verify_point;
/* The prompt's logits run in another way: how many differ in any bit. */
typedef struct evoke_verify_same {
    const char *name, *about;   /* "threads", "all threads against one" */
    size_t n_values, n_differing;
    bool ok;
} evoke_verify_same;
/* The model's stored weights by one instruction set's kernels: dequantised (the portable kernels' bit for bit); times float32
 * activations; laid out anew times three digits, and times one (both the portable kernels' bit for bit). */
typedef enum evoke_verify_how {
    EVOKE_VERIFY_VALUES, EVOKE_VERIFY_FLOAT32, EVOKE_VERIFY_REPACKED, EVOKE_VERIFY_FAST, EVOKE_N_VERIFY_HOW
} evoke_verify_how;
EVOKE_API const char *evoke_verify_how_name(evoke_verify_how how);      /* "values", "float32", "repacked", "fast" */
typedef struct evoke_verify_product {
    const char *isa, *type;     /* "avx2", "Q4_1" */
    evoke_verify_how how;
    double max_abs, bound, share;       /* as of a hook point; layers/verify_products.c has the bounds */
    size_t n_values, n_differing;       /* bits that differ from the portable kernels' count where they must not */
    bool ok;
} evoke_verify_product;
/* The whole pass by one instruction set: the hook point with the largest share. */
typedef struct evoke_verify_isa { const char *name; evoke_verify_point worst; bool ok; } evoke_verify_isa;
enum { EVOKE_N_VERIFY_SAME = 7 };
typedef struct evoke_verification {
    size_t n_ids;
    evoke_verify_point points[EVOKE_N_SITE];            /* with the model's own kernels */
    evoke_verify_same same[EVOKE_N_VERIFY_SAME];
    evoke_verify_isa isas[EVOKE_MOST_ISAS];             /* [n_isas] */
    evoke_verify_product *products;                     /* [n_products] */
    size_t n_isas, n_products;
    bool ok;                                            /* all of it holds */
} evoke_verification;
/* ids [n_ids], at least 4; none: 32 tokens of the library's own. A broken bound is no error: see `ok`. Free with
 * evoke_verification_free. Errors: EVOKE_EDATA an id outside the vocabulary; EVOKE_EARG the prompt's length; EVOKE_EINTERRUPTED. */
EVOKE_API evoke_status evoke_verify(const evoke_model *m, const int32_t *ids, size_t n_ids, const evoke_progress *progress,
                                    evoke_verification *out, evoke_error *err);
EVOKE_API void evoke_verification_free(evoke_verification *v);

/* A family of models that can be run. Texts are the library's. */
typedef struct evoke_family {
    const char *label;                      /* "Qwen 1.5, 2, 2.5" */
    const char *config, *config_alias;      /* model_type of a Hugging Face folder's config.json, and another one or NULL */
    const char *gguf;                       /* general.architecture of GGUF files; NULL: of no name of their own */
    bool is_encoder;
} evoke_family;
/* The i-th, decoders first; false: past the end. */
EVOKE_API bool evoke_family_at(size_t i, evoke_family *out);

/* ---- encoder: a text to a vector for each token, to one vector, to scores of classes ---- */
typedef struct evoke_encoder evoke_encoder;
typedef struct evoke_encoder_info {
    const char *name, *path, *family, *isa, *storage;
    size_t n_layer, n_decoder_layer, d_model, n_head, d_ff, n_vocab, n_ctx, n_threads;
    size_t n_type;              /* kinds of segments that a token can be of; 0: the model knows none */
    size_t n_label;             /* classes; 0: the model is no classifier of texts */
    size_t d_embedding;         /* of evoke_embed's vectors */
    size_t max_tokens;          /* texts are cut to it, special tokens included; 0: no limit is known */
    int32_t entailment;         /* the class that means entailment; -1: none says so */
    bool has_pooler, independent_labels;    /* independent_labels: each class by itself (sigmoid), not one of all (softmax) */
    uint64_t n_parameters, n_bytes;
    double norm_eps;
} evoke_encoder_info;
/* Is there at path a model of a family of encoders? By what its config.json or metadata says; false also where nothing that
 * is a model can be read. */
EVOKE_API bool evoke_file_is_encoder(const char *path);
/* Errors: EVOKE_EUNSUPPORTED no family of encoders, or a setting that changes the result and is not done here. */
EVOKE_API evoke_status evoke_encoder_open(const char *path, const evoke_model_options *options, evoke_encoder **out,
                                          evoke_error *err);
EVOKE_API void evoke_encoder_free(evoke_encoder *e);
EVOKE_API const evoke_encoder_info *evoke_encoder_describe(const evoke_encoder *e);
EVOKE_API const evoke_tokenizer *evoke_encoder_tokenizer(const evoke_encoder *e);   /* NULL: none beside the weights */
EVOKE_API const char *evoke_encoder_label(const evoke_encoder *e, size_t i);        /* NULL: past the end */
EVOKE_API evoke_status evoke_encoder_sha256(const evoke_encoder *e, char hex[65], evoke_error *err);
/* One text as the model reads it, special tokens included. types: NULL, all 0. */
typedef struct evoke_sequence { const int32_t *ids, *types; size_t n; } evoke_sequence;
/* What evoke_encode fills in, each the caller's, row i for sequence i; NULL: not wanted. */
typedef struct evoke_encodings {
    float *mean;                /* [N, D] over the tokens of the last layer (of the decoder, where there is one) */
    float *sentence;            /* [N, d_embedding] by the folder's own rules of pooling, or else mean, unit length */
    float *pooler;              /* [N, D] */
    float *logits;              /* [N, n_label] */
    float *embed, *hidden;      /* [T, D], [T, n_layer, D], the sequences one after the other */
    float *decoder_embed, *decoder_hidden;      /* [T, D], [T, n_decoder_layer, D] */
    float *state;               /* [N, D] what the head reads */
} evoke_encodings;
/* Results do not depend on the company, the number of threads or n_batch (tokens run together; 0: 4096). Errors: EVOKE_EDATA
 * an id, type or position beyond the model's, a sequence without the token that the head reads; EVOKE_EUNSUPPORTED the
 * model has no pooler or head. */
EVOKE_API evoke_status evoke_encode(const evoke_encoder *e, const evoke_sequence *sequences, size_t n, size_t n_batch,
                                    const evoke_progress *progress, const evoke_encodings *out, evoke_error *err);
/* A text, or two where `second` is not NULL, with the model's special tokens around them; longer ones lose tokens of the first
 * text until `most` are left (0: none). ids, types [*n] are the caller's; cut may be NULL. */
EVOKE_API evoke_status evoke_encoder_tokenize(const evoke_encoder *e, const char *text, const char *second, size_t most,
                                              int32_t **ids, int32_t **types, size_t *n, bool *cut, evoke_error *err);
/* scores [n, n_label]: probabilities of the model's own classes, as transformers' text-classification pipeline has them.
 * n_cut, may be NULL: how many texts were longer than max_tokens. Errors: EVOKE_EUNSUPPORTED no classifier, no tokenizer. */
EVOKE_API evoke_status evoke_classify(const evoke_encoder *e, const char *const *texts, size_t n,
                                      const evoke_progress *progress, float *scores, size_t *n_cut, evoke_error *err);
/* scores [n, n_labels] by natural language inference: does the text entail the hypothesis, "This text expresses {}.", with the
 * label in the place of {}? As transformers' zero-shot-classification pipeline; independent: its multi_label. */
EVOKE_API evoke_status evoke_zero_shot(const evoke_encoder *e, const char *const *texts, size_t n, const char *const *labels,
                                       size_t n_labels, const char *hypothesis, bool independent,
                                       const evoke_progress *progress, float *scores, size_t *n_cut, evoke_error *err);
/* vectors [n, d_embedding] by the rules of a sentence-transformers folder; otherwise the mean over tokens, at unit length. */
EVOKE_API evoke_status evoke_embed(const evoke_encoder *e, const char *const *texts, size_t n, const evoke_progress *progress,
                                   float *vectors, size_t *n_cut, evoke_error *err);
/* vectors and their texts to HDF5 (format "evoke-embeddings"): /embeddings [N, D], /texts [N]. */
EVOKE_API evoke_status evoke_embeddings_save(const evoke_encoder *e, const char *const *texts, const float *vectors, size_t n,
                                             const char *path, const evoke_provenance *made, evoke_error *err);
/* One sequence, every state, to HDF5 (format "evoke-trace"): /ids [T], /embed [T, D], /hidden [T, L, D], /mean, /embedding
 * (mean, unit length), /pooler, /logits; of a model with a decoder /encoder_embed, /encoder_hidden, /decoder_ids,
 * /decoder_embed, /decoder_hidden, /eos_state, /logits. */
EVOKE_API evoke_status evoke_encoder_trace(const evoke_encoder *e, const evoke_sequence *sequence, const char *path,
                                           const evoke_provenance *made, evoke_error *err);

/* ---- vectors: named directions per layer and site, [E, L, D], and the norms that give them a scale ---- */
typedef struct evoke_vectors evoke_vectors;
typedef struct evoke_vectors_info {
    size_t n_emotion, n_layer, d_model, n_site;
    const char *method;         /* "mean_difference", "fisher", or the writer's format */
    const char *span;           /* span it was fitted on; "" where unknown */
    const char *model_name, *model_sha256, *architecture;
    size_t n_layer_model;       /* of the model, as far as is known: at least those held */
} evoke_vectors_info;
/* path: an evoke-vectors file, or one of another tool's in any format that evoke_vectors_import recognises, taken as it does
 * without a choice; a folder is the authors' (JSON, layer -> [[D floats]], one file an emotion; the emotion is the last part of
 * the file's name; site attn_out). */
EVOKE_API evoke_status evoke_vectors_open(const char *path, evoke_vectors **out, evoke_error *err);
EVOKE_API void evoke_vectors_free(evoke_vectors *v);
EVOKE_API evoke_status evoke_vectors_save(const evoke_vectors *v, const char *path, const evoke_provenance *made,
                                          evoke_error *err);
EVOKE_API const evoke_vectors_info *evoke_vectors_describe(const evoke_vectors *v);
EVOKE_API const char *evoke_vectors_emotion(const evoke_vectors *v, size_t e);
EVOKE_API int32_t evoke_vectors_layer(const evoke_vectors *v, size_t l);        /* number of the l-th layer held */
EVOKE_API evoke_site evoke_vectors_site(const evoke_vectors *v, size_t i);
EVOKE_API size_t evoke_vectors_count(const evoke_vectors *v, size_t e);         /* queries averaged */
/* [L, D] of one emotion at a site, e = n_emotion: the base vector, mean over emotions. NULL: the site is not held. */
EVOKE_API const float *evoke_vectors_get(const evoke_vectors *v, evoke_site site, size_t e);
/* Typical residual norm [L] at that site: median over tokens. NULL where the file has none. */
EVOKE_API const float *evoke_vectors_residual_norm(const evoke_vectors *v, evoke_site site);
/* [L] component of the neutral class's mean along the unit vector of emotion e (n_emotion: the base); the emotion class's is
 * that plus the vector's norm. NULL where the file does not say it. */
EVOKE_API const float *evoke_vectors_neutral(const evoke_vectors *v, evoke_site site, size_t e);
/* Random directions of the lengths that `like` has, row by row (site, emotion or base, layer): a control for a steering with
 * `like`. Method "random"; emotions, layers, sites and residual norms are those of `like`. Each row is from a PCG64 stream of
 * its own, [seed, 8, site, layer, e], e = n_emotion for the base. Errors: EVOKE_ENOMEM. */
EVOKE_API evoke_status evoke_vectors_random(const evoke_vectors *like, uint64_t seed, evoke_vectors **out, evoke_error *err);

/* ---- vectors of other tools. Layers are numbered anew and sites named as evoke does; layers/vector_files/README.md ---- */
typedef struct evoke_vectors_format {
    const char *name, *about;   /* "repeng", "control vector in GGUF ..." */
    const char *ending;         /* ".gguf" */
    int32_t layer_offset;       /* layer = number in the file + layer_offset */
    const char *site;           /* "resid_post"; "any" */
    const char *lacks;          /* what it cannot carry */
    bool is_written;            /* otherwise only read */
    bool says_layers;           /* no other tool numbers layers otherwise: there is no offset to choose */
} evoke_vectors_format;
/* The i-th format that is read; false: past the end. */
EVOKE_API bool evoke_vectors_format_at(size_t i, evoke_vectors_format *out);

typedef struct evoke_vectors_choice {
    const char *format;             /* by name; NULL: recognised by what the file holds, or written by the ending of its name */
    const int32_t *layer_offset;    /* NULL: what the file says, or else the format's */
    const evoke_site *site;         /* read: taken as this where the file does not say; written: this one. NULL: the format's */
    const char *const *emotions;    /* [n_emotions] written: these, "base" for EVbase; none: all */
    size_t n_emotions;
    const int32_t *layers;          /* [n_layers] written: these; NULL: all */
    size_t n_layers;
} evoke_vectors_choice;
/* What was done, and what could not be carried: a count and a line each. */
enum { EVOKE_MOST_NOTES = 8 };
typedef struct evoke_vectors_note {
    bool lost;                      /* something was not carried; otherwise a remark */
    size_t n;                       /* how many layers, sites, vectors, values */
    char text[240];                 /* begins with the number where there is one */
} evoke_vectors_note;
typedef struct evoke_vectors_report {
    const char *format;             /* the format's name, the library's */
    size_t n_notes;
    evoke_vectors_note notes[EVOKE_MOST_NOTES];
} evoke_vectors_report;
/* Reads a file of any of the formats; float32 values come bit for bit. choice and report may be NULL. Errors: EVOKE_EARG no such
 * format; EVOKE_EFORMAT, EVOKE_EUNSUPPORTED it is of none, or damaged, or inconsistent; nothing in a file is executed. */
EVOKE_API evoke_status evoke_vectors_import(const char *path, const evoke_vectors_choice *choice, evoke_vectors **out,
                                            evoke_vectors_report *report, evoke_error *err);
/* Writes vectors as another tool does, whole or not at all. Where a format holds one vector and there are several, path becomes
 * a new folder with a file an emotion. Errors: EVOKE_EDATA nothing that the format can carry, a layer, emotion or site that is
 * not held; EVOKE_EIO. */
EVOKE_API evoke_status evoke_vectors_export(const evoke_vectors *v, const char *path, const evoke_vectors_choice *choice,
                                            const evoke_provenance *made, evoke_vectors_report *report, evoke_error *err);

/* ============================================================================================ 3 emotion
 * ---- dataset: queries with the labels that they come with ---- */
typedef struct evoke_dataset evoke_dataset;
typedef struct evoke_query { const char *text, *id, *language; int32_t emotion; } evoke_query;  /* emotion -1: none */
EVOKE_API evoke_status evoke_dataset_open(const char *path, evoke_dataset **out, evoke_error *err);
EVOKE_API void evoke_dataset_free(evoke_dataset *d);
EVOKE_API size_t evoke_dataset_count(const evoke_dataset *d);
EVOKE_API const evoke_query *evoke_dataset_query(const evoke_dataset *d, size_t i);
EVOKE_API size_t evoke_dataset_emotion_count(const evoke_dataset *d);
EVOKE_API const char *evoke_dataset_emotion(const evoke_dataset *d, size_t e);
/* Keeps the first n queries of each emotion (those without one count as an emotion of their own). */
EVOKE_API evoke_status evoke_dataset_limit(evoke_dataset *d, size_t n, evoke_error *err);

/* ---- settings: how a query is asked, neutrally and in an emotional state ---- */
typedef struct evoke_settings evoke_settings;
EVOKE_API evoke_status evoke_settings_open(const char *path, evoke_settings **out, evoke_error *err);
EVOKE_API evoke_status evoke_settings_default(evoke_settings **out, evoke_error *err);
EVOKE_API void evoke_settings_free(evoke_settings *s);
EVOKE_API size_t evoke_settings_count(const evoke_settings *s);
EVOKE_API const char *evoke_settings_name(const evoke_settings *s, size_t i);
EVOKE_API const char *evoke_settings_system(const evoke_settings *s);           /* NULL: none */
EVOKE_API bool evoke_settings_raw(const evoke_settings *s);                     /* texts as they are: no chat template */
/* The user turn that asks a query in the setting of that name: {query} and {emotion} put into its wording. emotion NULL: the
 * query has none. Errors: EVOKE_EDATA there is no such setting, or it names an emotion and there is none. */
EVOKE_API evoke_status evoke_settings_ask(const evoke_settings *s, const char *setting, const char *query, const char *emotion,
                                          evoke_text *turn, evoke_error *err);

/* ---- steering: h <- h + sum_e alpha_e EV_e at a site, and other modes; emotion/steer.c has their equations ---- */
typedef struct evoke_steering evoke_steering;
typedef enum evoke_steer_mode {
    EVOKE_STEER_ADD, EVOKE_STEER_RELATIVE, EVOKE_STEER_RENORM, EVOKE_STEER_ABLATE, EVOKE_STEER_CLAMP, EVOKE_N_STEER_MODE
} evoke_steer_mode;
typedef enum evoke_positions {
    EVOKE_AT_ALL, EVOKE_AT_PROMPT, EVOKE_AT_RESPONSE, EVOKE_AT_LAST, EVOKE_N_POSITIONS
} evoke_positions;
EVOKE_API const char *evoke_steer_mode_name(evoke_steer_mode mode);
EVOKE_API const char *evoke_positions_name(evoke_positions positions);
EVOKE_API bool evoke_steer_mode_find(const char *name, evoke_steer_mode *mode);
EVOKE_API bool evoke_positions_find(const char *name, evoke_positions *positions);
typedef struct evoke_strength { const char *emotion; double alpha; } evoke_strength;    /* emotion "base": EVbase */
typedef struct evoke_steer_options {
    const evoke_vectors *vectors;
    const evoke_strength *strengths;    /* [n_strengths]; a file of one vector may be named NULL */
    size_t n_strengths;
    evoke_site site;
    evoke_positions positions;
    evoke_steer_mode mode;
    const int32_t *layers;              /* [n_layers]; NULL: all that the vectors hold */
    size_t n_layers;
    bool less_base;                     /* take EVbase off each EV first */
    /* A ramp: strength i runs linearly from starts[i] to its alpha, over the layers edited, from the first to the last by
     * number (ramp_tokens 0), or over tokens, from the prompt's to the ramp_tokens-th generated one. NULL: no ramp. */
    const double *starts;               /* [n_strengths] */
    size_t ramp_tokens;
    double half_life;                   /* generated tokens in which alpha halves; 0: it stays */
} evoke_steer_options;
/* An empty steering for a model; evoke_steering_add puts edits into it, applied in that order: each with modes, site, layers
 * and positions of its own, so that EVs may be mixed freely. Copies what it needs. */
EVOKE_API evoke_status evoke_steering_new(const evoke_model *m, evoke_steering **out, evoke_error *err);
EVOKE_API void evoke_steering_free(evoke_steering *s);
/* Errors: EVOKE_EDATA the vectors have another width, lack the site, the emotion or a layer asked for, or what the mode needs:
 * typical norms (relative), the neutral class's components (clamp); EVOKE_EARG a ramp or decay with ablate. */
EVOKE_API evoke_status evoke_steering_add(evoke_steering *s, const evoke_steer_options *options, evoke_error *err);
/* One line that says what it does, as in the JSON of `generate`; owned by s. */
EVOKE_API const char *evoke_steering_text(const evoke_steering *s);
/* What of it changes nothing, and why ("joy: alpha is 0; ..."); "": all of it does something. Owned by s. */
EVOKE_API const char *evoke_steering_idle(const evoke_steering *s);

/* ---- session: one timeline ---- */
typedef struct evoke_session evoke_session;
/* n_ctx: positions to make room for, 0: the model's own limit or 4096, whichever is less. */
EVOKE_API evoke_status evoke_session_new(const evoke_model *m, size_t n_ctx, evoke_session **out, evoke_error *err);
EVOKE_API void evoke_session_free(evoke_session *s);
EVOKE_API void evoke_session_reset(evoke_session *s);
/* NULL: none. The steering must outlive the session's use of it. Holds from the next evaluation on: it may change between any
 * two tokens. A ramp or decay counts the tokens of the response, not those since the change. */
EVOKE_API void evoke_session_steer(evoke_session *s, const evoke_steering *steering);
/* Runs n ids; a first call, or one after a reset, is the prompt, later ones are the response. logits [V] of the last
 * one are then at evoke_session_logits. */
EVOKE_API evoke_status evoke_session_eval(evoke_session *s, const int32_t *ids, size_t n, evoke_error *err);
EVOKE_API const float *evoke_session_logits(const evoke_session *s);
EVOKE_API size_t evoke_session_position(const evoke_session *s);

/* ---- generate: many prompts at once, each with its own sampling stream and steering ---- */
typedef struct evoke_sampling {
    double temperature;         /* 0: greedy */
    size_t top_k;               /* 0: off */
    double top_p, min_p;        /* 1 and 0: off */
    uint64_t seed, stream;      /* PCG64(seed), stream index: the response's own */
} evoke_sampling;
typedef enum evoke_stop { EVOKE_STOP_LENGTH, EVOKE_STOP_EOS, EVOKE_STOP_STRING, EVOKE_STOP_CALLER } evoke_stop;
EVOKE_API const char *evoke_stop_name(evoke_stop stop);
typedef struct evoke_request {
    const int32_t *ids;                 /* [n_ids] the prompt, at least one */
    size_t n_ids, n_predict;
    evoke_sampling sampling;
    const evoke_steering *steering;     /* NULL: none; read before every token, so that on_token may change it */
    bool ignore_end, at_least_one;      /* go on past EOS; never begin with it */
} evoke_request;
typedef struct evoke_response {
    int32_t *ids;                       /* [n] generated, the end token left out */
    float *logprobs;                    /* [n] natural logarithm, under the unscaled steered logits */
    size_t n;
    evoke_stop stop;
    double seconds;                     /* from the start of its prompt to its last token */
} evoke_response;
EVOKE_API void evoke_responses_free(evoke_response *r, size_t n);
/* Called for each token as it is drawn, in order within a request; return false to end that request. */
typedef bool (*evoke_on_token)(void *user, size_t request, int32_t id, float logprob);
/* responses: out, [n], zeroed by the caller, freed with evoke_responses_free. n_batch: sequences run together, 0: 32.
 * Results do not depend on n_batch, threads or order. */
EVOKE_API evoke_status evoke_generate(const evoke_model *m, const evoke_request *requests, size_t n, size_t n_batch,
                                      evoke_on_token on_token, void *user, const evoke_progress *progress,
                                      evoke_response *responses, evoke_error *err);

/* One response on a session: as evoke_generate gives it, but what the session holds already of the beginning of r->ids is not run
 * again (*n_run, may be NULL: prompt tokens that were), and stays as it was steered when it was run. Every token of the response
 * is run, so that a longer prompt may go on from there. steering: r's, as if set by evoke_session_steer. out: zeroed by the
 * caller, freed with evoke_responses_free; what was drawn before an error is in it. on_token, progress (between stretches of the
 * prompt): may be NULL. Errors: those of evoke_generate; EVOKE_EARG more tokens than the session has positions;
 * EVOKE_EINTERRUPTED within the prompt. */
EVOKE_API evoke_status evoke_session_generate(evoke_session *s, const evoke_request *r, evoke_on_token on_token, void *user,
                                              const evoke_progress *progress, evoke_response *out, size_t *n_run,
                                              evoke_error *err);

/* ---- trace: one pass, every hook point, to HDF5 ---- */
typedef struct evoke_trace_options {
    const int32_t *ids;                 /* [n_ids] */
    size_t n_ids, n_predict;            /* greedy continuation */
    const evoke_site *sites;            /* [n_sites]; NULL: all */
    size_t n_sites;
    const evoke_steering *steering;
} evoke_trace_options;
EVOKE_API evoke_status evoke_trace(const evoke_model *m, const evoke_trace_options *options, const char *path,
                                   const evoke_provenance *made, evoke_error *err);

/* ---- extract: dataset x settings through a model, activations to a store ---- */
typedef struct evoke_extract_options {
    const evoke_site *sites;  size_t n_sites;       /* none: resid_post */
    const evoke_span *spans;  size_t n_spans;       /* none: query */
    const int32_t *layers;    size_t n_layers;      /* none: all */
    size_t n_predict;                               /* tokens of a response; 0: 32 */
    size_t batch_tokens;                            /* tokens run together; 0: 4096 */
    evoke_sampling sampling;                        /* for responses */
    bool store_tokens, tokens_float16;
    size_t shard, n_shards;                         /* the shard-th, from 1, of so many blocks of queries; 0, 0: all of them */
    /* Told how large the store will be at most, in bytes, before it is made or anything is run; NULL: nobody. */
    void (*on_size)(void *user, uint64_t most_bytes);
    void *user;
} evoke_extract_options;
typedef struct evoke_extract_report {
    uint64_t n_prompts, n_done_before, n_tokens_run, n_tokens_shared, n_generated;     /* n_prompts: of the shard */
    uint64_t n_most_bytes;      /* what on_size was told */
    double seconds;
} evoke_extract_report;
/* Items [*first, *first + *n) of `total` are those of a shard, from 1, of n_shards: blocks whose sizes differ by one at most,
 * those without an item last. */
EVOKE_API void evoke_shard_range(size_t shard, size_t n_shards, size_t total, size_t *first, size_t *n);
/* Errors: EVOKE_EDATA the store at path is of another model, dataset, or settings; EVOKE_EBUSY another process writes
 * it; EVOKE_EIO the disk is full; EVOKE_EINTERRUPTED the callback said stop: call again to continue. */
EVOKE_API evoke_status evoke_extract(const evoke_model *m, const evoke_dataset *dataset, const evoke_settings *settings,
                                     const evoke_extract_options *options, const char *path,
                                     const evoke_provenance *made, const evoke_progress *progress,
                                     evoke_extract_report *report, evoke_error *err);

/* ---- store: what an extraction wrote, or another program in the same layout ---- */
typedef struct evoke_store evoke_store;
typedef struct evoke_store_info {
    size_t n_query, n_setting, n_emotion, n_layer, d_model, n_site, n_done;     /* n_done of n_query * n_setting */
    const char *model_name, *model_sha256;
} evoke_store_info;
EVOKE_API evoke_status evoke_store_open(const char *path, evoke_store **out, evoke_error *err);
/* Joins the shards of one extraction, given in any order, to the store that an undivided run writes: the same in every dataset.
 * Holds all texts and token ids, as an extraction does, and activations a few MiB at a time. Errors: EVOKE_EDATA a shard is
 * unfinished, missing or there twice, or of another model, version, dataset or settings; the file at fault is named. */
EVOKE_API evoke_status evoke_store_merge(const char *const *paths, size_t n, const char *path, const evoke_provenance *made,
                                         const evoke_progress *progress, evoke_error *err);
EVOKE_API void evoke_store_free(evoke_store *s);
EVOKE_API const evoke_store_info *evoke_store_describe(const evoke_store *s);
EVOKE_API const char *evoke_store_emotion(const evoke_store *s, size_t e);
EVOKE_API const char *evoke_store_setting(const evoke_store *s, size_t i);
EVOKE_API evoke_site evoke_store_site(const evoke_store *s, size_t i);
EVOKE_API bool evoke_store_has(const evoke_store *s, evoke_site site, evoke_span span);
EVOKE_API int32_t evoke_store_layer(const evoke_store *s, size_t l);
EVOKE_API size_t evoke_store_emotion_count(const evoke_store *s, size_t e);     /* queries of that emotion */
/* Where one position's norm is over ten times the median of a span's tokens: the largest ratio, its layer; 0: none, or
 * the store holds no token norms. */
EVOKE_API evoke_status evoke_store_sink(evoke_store *s, evoke_site site, evoke_span span, double *ratio,
                                        int32_t *layer, evoke_error *err);

/* What of a store is meant; nothing given: all of it. */
typedef struct evoke_store_choice {
    const char *const *emotions; size_t n_emotions;     /* queries of these */
    const char *const *ids;      size_t n_ids;          /* and of these ids */
    const char *const *settings; size_t n_settings;     /* in this order */
    const int32_t *layers;       size_t n_layers;       /* by number, in this order */
    const evoke_site *sites;     size_t n_sites;
    const evoke_span *span;
    bool no_tokens;                                     /* leave out what was stored of every token */
    bool float16;                                       /* a store: its means and tokens rounded to half precision */
    bool compressed;                                    /* a store: its arrays by shuffle and deflate, without loss */
} evoke_store_choice;
/* A smaller store, of the same layout. Memory: one prompt's. Errors: EVOKE_EDATA what is chosen is not held; EVOKE_EIO. */
EVOKE_API evoke_status evoke_store_select(evoke_store *s, const evoke_store_choice *choice, const char *path,
                                          const evoke_provenance *made, evoke_error *err);
/* Span means of one site and span (the choice's; where it has none: the store's first site, the span that evoke_mean_difference
 * takes) for other programs: a name in .npy: float32 [N, S, L, D]; in .csv: a line a query, setting and layer, "id,emotion,setting,
 * layer,x0,...", numbers with 9 digits, which give a float32 back. Memory: all of the result. Errors: as above; EVOKE_EARG
 * another ending; EVOKE_EDATA a prompt is not done. */
EVOKE_API evoke_status evoke_store_table(evoke_store *s, const evoke_store_choice *choice, const char *path, evoke_error *err);

/* ---- emotion vectors: EV[e] = mean over queries of (emotion - neutral), EVbase = mean over emotions ---- */
typedef struct evoke_ev_options { evoke_span span; bool any_span; bool partial; } evoke_ev_options;
typedef struct evoke_ev_report { size_t n_used, n_left_out; evoke_span span; } evoke_ev_report;
/* any_span: the only span held, or `response` before `query` where there are several. Errors: EVOKE_EDATA a query is
 * incomplete and `partial` is not set. */
EVOKE_API evoke_status evoke_mean_difference(evoke_store *s, const evoke_ev_options *options, evoke_vectors **out,
                                             evoke_ev_report *report, evoke_error *err);

/* ---- observe: one text under many steerings: what it is inside, and how likely what follows stays ---- */
typedef struct evoke_observed {
    const int32_t *ids;                 /* [n_ids] */
    size_t n_ids, n_prompt;             /* the prompt, and what follows it, which may be nothing */
    evoke_site site; int32_t layer;     /* where activations are averaged, */
    size_t first, last;                 /* over these tokens of the prompt */
} evoke_observed;
/* steerings [n], NULL in it: none. rows [n, D], NULL: not wanted; nll [n] and kl [n] of what follows, in nats a token: its mean
 * negative log-likelihood, and the mean divergence KL(unsteered || steered) of the next-token distribution; left as they are where
 * nothing follows. Results do not depend on the company or the threads. */
EVOKE_API evoke_status evoke_observe(const evoke_model *m, const evoke_observed *text, const evoke_steering *const *steerings,
                                     size_t n, float *rows, double *nll, double *kl, evoke_error *err);

/* ---- emotion mix: how far a text moves the model towards each emotion, as it is read and not steered (emotion/mix.c) ---- */
typedef struct evoke_mix_options {
    const evoke_vectors *vectors;
    evoke_site site;
    const int32_t *layers; size_t n_layers;     /* NULL: all that the vectors hold */
    const int32_t *ids; size_t n_ids;           /* the text */
    size_t first, last;                         /* the tokens averaged over */
} evoke_mix_options;
/* mix [E]: 0 where the neutral class's mean lies, 1 where the emotion's does, less what all emotions share. Errors: EVOKE_EDATA the
 * vectors are of another width or layers, lack the site, a layer asked for or the neutral class's components
 * (evoke_vectors_neutral); EVOKE_EARG no token, or too many. */
EVOKE_API evoke_status evoke_emotion_mix(const evoke_model *m, const evoke_mix_options *options, double *mix, evoke_error *err);

/* ---- measures of a text ---- */
/* Mean negative log-likelihood, in nats a token, of ids[n_context..n) given what stands before them; n_context >= 1. Where n is
 * over `window` (0: the model's context), windows of that length half of it apart, each for the tokens that the one before left
 * (as transformers' guide to perplexity has it). Errors: EVOKE_EARG window beyond the model's context or under 2. */
EVOKE_API evoke_status evoke_nll(const evoke_model *m, const int32_t *ids, size_t n, size_t n_context, double *nll,
                                 evoke_error *err);
EVOKE_API evoke_status evoke_nll_windowed(const evoke_model *m, const int32_t *ids, size_t n, size_t n_context, size_t window,
                                          double *nll, evoke_error *err);
/* Different word n-grams / word n-grams (words: runs of letters and digits, case folded); 1 where there is none. */
EVOKE_API double evoke_distinct_n(const char *text, size_t n);
/* Letters of scripts that the reference has none of / letters: a sign that a text left its language. NaN: no letters. */
EVOKE_API double evoke_script_drift(const char *text, const char *reference);
/* A mean and its 95 % percentile bootstrap interval; NaN where there is none (n < 2: bounds). */
typedef struct evoke_interval { double mean, low, high; } evoke_interval;
EVOKE_API evoke_status evoke_mean_interval(const double *x, size_t n, size_t n_replicate, uint64_t seed, evoke_interval *out,
                                           evoke_error *err);
/* Agreement with people's labels: truth, guess [n] of n_class classes, scores [n, n_class] higher where likelier. */
typedef struct evoke_agreement {
    size_t n;
    evoke_interval macro_f1, accuracy;  /* over the classes that truth has; 95 % bootstrap over texts */
    double chance_f1;                   /* of as many guesses of each class, given at random */
    double auc;                         /* mean over classes, one against the rest */
} evoke_agreement;
EVOKE_API evoke_status evoke_agree(const int32_t *truth, const int32_t *guess, const double *scores, size_t n, size_t n_class,
                                   size_t n_replicate, uint64_t seed, evoke_agreement *out, evoke_error *err);
/* Rank correlation; NaN where x or y never changes. */
EVOKE_API evoke_status evoke_spearman(const double *x, const double *y, size_t n, double *rho, evoke_error *err);
/* A linear probe on sentence embeddings: multinomial logistic regression, weights from a JSON file (data/README.md). */
typedef struct evoke_probe evoke_probe;
EVOKE_API evoke_status evoke_probe_open(const char *path, evoke_probe **out, evoke_error *err);
EVOKE_API void evoke_probe_free(evoke_probe *p);
EVOKE_API size_t evoke_probe_width(const evoke_probe *p);                       /* D of the embeddings that it reads */
EVOKE_API const char *evoke_probe_label(const evoke_probe *p, size_t k);        /* NULL past the end */
/* scores [n, K]: probabilities of the labels for vectors [n, D]. */
EVOKE_API void evoke_probe_read(const evoke_probe *p, const float *vectors, size_t n, double *scores);
typedef struct evoke_lexicon evoke_lexicon;         /* emotion -> words */
EVOKE_API evoke_status evoke_lexicon_open(const char *path, evoke_lexicon **out, evoke_error *err);
EVOKE_API void evoke_lexicon_free(evoke_lexicon *l);
/* The i-th emotion's name, in the order of the file; NULL past the end. */
EVOKE_API const char *evoke_lexicon_emotion(const evoke_lexicon *l, size_t i);
/* How many words of the text are in the emotion's list. Errors: EVOKE_EDATA no such emotion. */
EVOKE_API evoke_status evoke_lexicon_count(const evoke_lexicon *l, const char *emotion, const char *text, size_t *n,
                                           evoke_error *err);

/* ---- judge: a chat model's choice among fixed options, read from its logits ----
 * The question is put by the model's own chat template; an option's score is the log-probability of its words as the answer,
 * less that after texts without content (calibration: Zhao and others 2021, arXiv 2102.09690). Without it small models name
 * what they always name: SmolLM2-135M finds joy in four neutral texts of five. */
typedef struct evoke_judge evoke_judge;
typedef struct evoke_judge_options {
    const char *question;               /* {} in the place of the text, {options} (if wanted) in that of their list; NULL: what
                                         * emotion does this text express? */
    const char *answer;                 /* how the answer begins, before the option; NULL: by the option itself, and where the
                                         * question is NULL too, "This text expresses" */
    const char *const *options; size_t n_option;   /* 2..26 */
    size_t n_order;                     /* orders of {options} that are averaged, 0: as many as there are options */
    bool uncalibrated;                  /* leave out the calibration by texts without content */
} evoke_judge_options;
/* m must outlive the judge, which serves any number of threads. Errors: EVOKE_EARG no {} in the question; EVOKE_EUNSUPPORTED
 * the model has no chat template, or an option is not tokens of its own after the answer's beginning. */
EVOKE_API evoke_status evoke_judge_new(const evoke_model *m, const evoke_judge_options *o, evoke_judge **out, evoke_error *err);
EVOKE_API void evoke_judge_free(evoke_judge *j);
/* scores [n, n_option]: calibrated log-probabilities of the options, normalised over them. Long texts are cut to 1024 tokens, or
 * to what the model's context holds. Results do not depend on the other texts or the threads. progress may be NULL. */
EVOKE_API evoke_status evoke_judge_read(const evoke_judge *j, const char *const *texts, size_t n, const evoke_progress *progress,
                                        double *scores, evoke_error *err);

/* ============================================================================================ 4 theory
 * Two-class Fisher discriminants against emotion vectors, per layer and emotion. Class 1: an emotion's queries in the
 * emotion setting; class 0: the same queries in the neutral setting. In sample. */
enum { EVOKE_SHRINK_LEDOIT_WOLF = -1, EVOKE_SHRINK_OAS = -2, EVOKE_SHRINK_CV = -3 };    /* CV: by held-out likelihood */
typedef struct evoke_fisher_options {
    evoke_site site;
    evoke_span span; bool any_span;
    int32_t first_layer, last_layer;    /* by number; last < 0: to the end */
    double shrinkage;                   /* 0..1, or one of the above */
    const evoke_vectors *vectors;       /* compare with these; NULL: the store's own mean differences */
    bool raw;                           /* keep w as Sw^-1 ev; otherwise scaled to the EV's norm */
} evoke_fisher_options;
typedef struct evoke_fisher_row {
    int32_t layer;
    size_t emotion, n;                  /* index into the store's emotions; queries used */
    double cosine, whitened_cosine, fisher_ratio_ev, fisher_ratio_w, efficiency;
    double dprime_ev, dprime_w, auc_ev, auc_w, shrinkage;
} evoke_fisher_row;
typedef struct evoke_fisher_result {
    evoke_fisher_row *rows;             /* [n_rows] layer by layer, emotion by emotion */
    size_t n_rows;
    evoke_vectors *directions;          /* method "fisher" */
} evoke_fisher_result;
EVOKE_API void evoke_fisher_result_free(evoke_fisher_result *r);
/* Errors: EVOKE_EDATA fewer than two complete queries in an emotion, or a value that is not finite; EVOKE_ESINGULAR
 * shrinkage is 0 and Sw is not invertible (D >= N). Memory: O(N * D) doubles, one layer at a time. */
EVOKE_API evoke_status evoke_fisher(evoke_store *s, const evoke_fisher_options *options, const evoke_progress *progress,
                                    evoke_fisher_result *out, evoke_error *err);

/* ---- two stores, or two vectors files, of the same queries: what another model, or one in fewer bits, makes of the EVs ---- */
typedef struct evoke_comparison_row {
    evoke_site site;
    int32_t layer;
    size_t emotion, n;                  /* index into the emotions of the first; its queries, 0: the file does not say */
    double cosine;                      /* of the two EVs; NaN where one has no length */
    double norm_a, norm_b, norm_ratio;  /* lengths of the EVs, and that of the second over that of the first */
    double fisher_a, fisher_b, fisher_change;   /* of stores: J along each one's own EV (fisher_ratio_ev of evoke_fisher_row), and
                                                 * the second's over the first's; otherwise NaN */
} evoke_comparison_row;
typedef struct evoke_comparison {
    evoke_comparison_row *rows;         /* [n_rows] site by site, layer by layer, emotion by emotion, in the order of the first */
    size_t n_rows;
    bool same_prompts;                  /* of stores: the queries were asked in the same words, as far as the files say */
} evoke_comparison;
EVOKE_API void evoke_comparison_free(evoke_comparison *c);
/* span NULL: the one that evoke_mean_difference takes of the first. Errors: EVOKE_EDATA queries, emotions, settings, layers,
 * sites or the width are not the same in both, the first difference in the text; those of evoke_fisher. Memory: that of evoke_fisher
 * for both. */
EVOKE_API evoke_status evoke_compare_stores(evoke_store *a, evoke_store *b, const evoke_span *span,
                                            const evoke_progress *progress, evoke_comparison *out, evoke_error *err);
/* The same of vectors, which know their queries by number alone. Errors: EVOKE_EDATA emotions, numbers of queries, layers, sites,
 * span, method or the width are not the same in both. */
EVOKE_API evoke_status evoke_compare_vectors(const evoke_vectors *a, const evoke_vectors *b, evoke_comparison *out,
                                             evoke_error *err);

/* ---- all of theory/: directions, intervals, controls, out of sample, whiteness, geometry (theory/README.md) ---- */
typedef struct evoke_theory_options {
    evoke_fisher_options fisher;        /* what is compared; raw is for all directions */
    size_t n_bootstrap;                 /* replicates of intervals; 0: none */
    size_t n_permutation;               /* of signs, for p-values; 0: none */
    size_t n_control;                   /* random directions and permuted EVs; 0: none */
    size_t n_fold;                      /* of queries, for figures out of sample; under 2: none */
    uint64_t seed;
    size_t n_threads;                   /* 0: the cores this process may use; the results do not depend on it */
    const char *replicates;             /* file of all fits' replicates, made in shards and merged; NULL: they are made */
} evoke_theory_options;
EVOKE_API evoke_theory_options evoke_theory_defaults(void);     /* 1000, 1000, 200, 10, seed 0; fisher: lw, all layers */

typedef struct evoke_figure {
    const char *name;                   /* "efficiency", "efficiency_interval" */
    const char *axes;                   /* a letter a dimension: L layer, E or F emotion, G layer, I ends of an interval, ... */
    size_t n_dim, dims[4];
    const double *values;               /* NaN where a figure could not be computed */
} evoke_figure;
typedef enum evoke_direction {
    EVOKE_DIRECTION_FISHER, EVOKE_DIRECTION_OFFSET, EVOKE_DIRECTION_REST, EVOKE_DIRECTION_DISCRIMINANTS,
    EVOKE_DIRECTION_COMPONENT, EVOKE_N_DIRECTION
} evoke_direction;
EVOKE_API const char *evoke_direction_name(evoke_direction direction);          /* "fisher", "offset", "rest", ... */
EVOKE_API bool evoke_direction_find(const char *name, evoke_direction *direction);

typedef struct evoke_theory evoke_theory;
/* Errors: those of evoke_fisher. Memory: O(N * D + N^2) doubles, one layer at a time. */
EVOKE_API evoke_status evoke_theory_run(evoke_store *s, const evoke_theory_options *options, const evoke_progress *progress,
                                        evoke_theory **out, evoke_error *err);
/* The costly part alone, divided: a shard (from 1, of n_shards) of the refits' replicates and jackknife, to a file; merged they are
 * options.replicates of evoke_theory_run, whose result is then the same in every bit. Errors: those of evoke_theory_run. */
EVOKE_API evoke_status evoke_theory_replicates(evoke_store *s, const evoke_theory_options *options, size_t shard, size_t n_shards,
                                               const char *path, const evoke_provenance *made, const evoke_progress *progress,
                                               evoke_error *err);
/* Errors: EVOKE_EDATA a shard is missing, there twice, or of another analysis. Memory: all replicates twice. */
EVOKE_API evoke_status evoke_replicates_merge(const char *const *paths, size_t n, const char *path, const evoke_provenance *made,
                                              evoke_error *err);
EVOKE_API void evoke_theory_free(evoke_theory *t);
EVOKE_API const evoke_fisher_result *evoke_theory_fisher(const evoke_theory *t);
EVOKE_API const evoke_figure *evoke_theory_figure(const evoke_theory *t, size_t i);         /* NULL past the end */
EVOKE_API const evoke_figure *evoke_theory_find(const evoke_theory *t, const char *name);   /* NULL: there is none */
/* Vectors that --ev takes, at the EV's length unless raw. Discriminants are named discriminant1, ...; NULL: one emotion. */
EVOKE_API const evoke_vectors *evoke_theory_directions(const evoke_theory *t, evoke_direction direction);
/* All figures to HDF5 (format "evoke-theory"). Errors: EVOKE_EIO. */
EVOKE_API evoke_status evoke_theory_save(const evoke_theory *t, const char *path, const evoke_provenance *made,
                                         evoke_error *err);

/* ---- the paper's four claims on the running model, on queries held out (theory/README.md) ---- */
typedef struct evoke_claims_options {
    const evoke_vectors *vectors;       /* the EVs */
    evoke_site site; bool any_site;     /* where they are added; any: attn_out, or the first that vectors and store both hold */
    const int32_t *layers; size_t n_layers;     /* in which layers; NULL: the middle third of those both hold */
    evoke_positions positions;
    evoke_site score_site; bool any_score_site; /* where emotion is read; any: resid_post, or the first that the store holds */
    int32_t score_layer;                /* after the last one steered; -1: half way from there to the end */
    evoke_span span; bool any_span;     /* of the prompt, whose mean is read */
    double shrinkage;                   /* as in evoke_fisher_options */
    const double *alphas; size_t n_alpha;       /* rising; 0 is added where it lacks; NULL: -2 .. 4 */
    size_t n_fold, n_held;              /* every n_fold-th query is held out, at most n_held an emotion */
    size_t n_predict;                   /* tokens of a response */
    size_t n_bootstrap;
    uint64_t seed;
    const evoke_encoder *encoder;       /* of sentences, for the similarity of responses; NULL: that is left out */
    const evoke_model *judge;           /* chat model that says what emotion responses express; NULL: that is left out */
} evoke_claims_options;
EVOKE_API evoke_claims_options evoke_claims_defaults(void);     /* 5 folds, 10 queries, 24 tokens, 1000 replicates, seed 0 */

typedef struct evoke_claims evoke_claims;
/* The store must outlive the result. Errors: EVOKE_EDATA the model is not the store's, no site or layer in common, too few
 * queries; those of evoke_fisher. */
EVOKE_API evoke_status evoke_claims_run(const evoke_model *m, evoke_store *s, const evoke_claims_options *options,
                                        const evoke_progress *progress, evoke_claims **out, evoke_error *err);
EVOKE_API void evoke_claims_free(evoke_claims *c);
/* Figures by name, "gain/slope": the claim before the slash. NULL past the end. Axes: E, F emotion, A alpha, B direction, R range,
 * L steered layer, I ends of an interval, S mean and 95 % point. */
EVOKE_API const evoke_figure *evoke_claims_figure(const evoke_claims *c, size_t i);
EVOKE_API const evoke_figure *evoke_claims_find(const evoke_claims *c, const char *name);
/* The directions compared, in order: "ev", "fisher", ...; NULL past the end. */
EVOKE_API const char *evoke_claims_direction(size_t i);
/* What was steered and read, in a line. */
EVOKE_API const char *evoke_claims_text(const evoke_claims *c);
/* All figures to HDF5 (format "evoke-claims"). Errors: EVOKE_EIO. */
EVOKE_API evoke_status evoke_claims_save(const evoke_claims *c, const char *path, const evoke_provenance *made, evoke_error *err);

/* ---- against people: directions fitted to a store's queries, on texts that people labelled (theory/README.md) ---- */
/* What people said of the texts of a store: any number of labels each. */
typedef struct evoke_labels evoke_labels;
/* From JSON Lines (or a list) of objects with "id" and, under `key`, a label or a list of some. Objects of no text of the store
 * are not looked at. Errors: EVOKE_EFORMAT; EVOKE_EDATA a text of the store is not in the file. */
EVOKE_API evoke_status evoke_labels_open(const char *path, const char *key, const evoke_store *s, evoke_labels **out,
                                         evoke_error *err);
/* The store's own emotions. Errors: EVOKE_EDATA its texts have none. */
EVOKE_API evoke_status evoke_labels_of_store(const evoke_store *s, evoke_labels **out, evoke_error *err);
EVOKE_API void evoke_labels_free(evoke_labels *l);
/* Words' valence and arousal, as data/valence_arousal.json has them. */
typedef struct evoke_ratings evoke_ratings;
EVOKE_API evoke_status evoke_ratings_open(const char *path, evoke_ratings **out, evoke_error *err);
EVOKE_API void evoke_ratings_free(evoke_ratings *r);

typedef struct evoke_labelled_options {
    evoke_fisher_options fisher;        /* how directions are fitted; raw is not read */
    evoke_span text_span; bool any_text_span;   /* of the texts; any: the directions' span if held, else as for a store */
    const evoke_ratings *ratings;       /* NULL: none */
    size_t n_bootstrap;                 /* draws of texts for the intervals; 0: none */
    uint64_t seed;
    size_t n_threads;                   /* 0: the cores this process may use; the results do not depend on it */
} evoke_labelled_options;
typedef struct evoke_labelled_info {
    evoke_site site;
    evoke_span span, text_span;
    size_t n_text, n_left_out;          /* complete; not */
    bool has_neutral;                   /* labels' EVs are against texts labelled `neutral`; otherwise against all texts */
} evoke_labelled_info;
typedef struct evoke_labelled evoke_labelled;
/* queries: the store that directions are fitted to, as evoke_fisher takes it. texts: of one setting. Emotions that are both
 * the queries' and labels are judged. Errors: those of evoke_fisher; EVOKE_EDATA the stores are of two models, there is no
 * emotion in common, or a label that all texts have. Memory: O((N + texts) * D) doubles, one layer at a time. */
EVOKE_API evoke_status evoke_labelled_run(evoke_store *queries, evoke_store *texts, const evoke_labels *labels,
                                          const evoke_labelled_options *options, const evoke_progress *progress,
                                          evoke_labelled **out, evoke_error *err);
EVOKE_API void evoke_labelled_free(evoke_labelled *t);
EVOKE_API const evoke_labelled_info *evoke_labelled_describe(const evoke_labelled *t);
EVOKE_API const evoke_figure *evoke_labelled_figure(const evoke_labelled *t, size_t i);         /* NULL past the end */
EVOKE_API const evoke_figure *evoke_labelled_find(const evoke_labelled *t, const char *name);   /* NULL: there is none */
/* Name of the i-th on an axis: A direction, X pair of directions (by the second), E or F emotion, C or B label; NULL past the
 * end or for another axis. */
EVOKE_API const char *evoke_labelled_name(const evoke_labelled *t, char axis, size_t i);
EVOKE_API int32_t evoke_labelled_layer(const evoke_labelled *t, size_t i);                      /* its number */
/* All figures to HDF5 (format "evoke-labelled"). Errors: EVOKE_EIO. */
EVOKE_API evoke_status evoke_labelled_save(const evoke_labelled *t, const char *path, const evoke_provenance *made,
                                           evoke_error *err);

/* ---- figures read back from a file that evoke_theory_save, evoke_claims_save or evoke_labelled_save wrote ---- */
typedef struct evoke_figures evoke_figures;
/* Errors: EVOKE_EIO; EVOKE_EFORMAT no such file, or figures and names that do not fit together. */
EVOKE_API evoke_status evoke_figures_open(const char *path, evoke_figures **out, evoke_error *err);
EVOKE_API void evoke_figures_free(evoke_figures *f);
EVOKE_API const evoke_figure *evoke_figures_at(const evoke_figures *f, size_t i);           /* NULL past the end */
EVOKE_API const evoke_figure *evoke_figures_find(const evoke_figures *f, const char *name); /* NULL: there is none */
/* Name of the i-th on an axis: E or F emotion, B direction, of labelled texts A direction, B or C label; NULL past the end or for
 * another axis. */
EVOKE_API const char *evoke_figures_name(const evoke_figures *f, char axis, size_t i);
EVOKE_API size_t evoke_figures_size(const evoke_figures *f, char axis);                     /* 0: no figure has it */
EVOKE_API int32_t evoke_figures_layer(const evoke_figures *f, size_t l);                    /* its number; -1 past the end */

/* The principal plane of a site's EVs at the l-th layer held, less EVbase: plane [E, 2] their coordinates on the first two
 * principal axes, share [2] those axes' shares of the variance (theory/geometry.h). Errors: EVOKE_EARG no such site or layer; EVOKE_ENOMEM,
 * EVOKE_ECOMPUTE. */
EVOKE_API evoke_status evoke_vectors_plane(const evoke_vectors *v, evoke_site site, size_t l, double *plane, double share[2],
                                           evoke_error *err);

#ifdef __cplusplus
}
#endif
#endif
