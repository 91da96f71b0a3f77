/* evoke.h: the public C API of libevoke, emotion vectors in language models (arXiv 2502.04075).
 *
 * A model is opened once, never changes, and serves any number of threads. A session is one timeline: tokens in, logits
 * out, with its KV cache. A store holds activations, vectors hold directions [E, L, D]; both are HDF5 files.
 *
 *   section       objects                                what it does (3 and 4: evoke_emotion.h, evoke_theory.h)
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

/* A new file beside `path`, of a name that nothing has (PATH.PID-N.partial), for a result that is renamed to `path` when it is whole.
 * Not over a directory, a device or the links /dev/std*, whose place a file would take. *name: the caller's to free; *fd: open for
 * reading and writing. `what` begins the error's text. Errors: EVOKE_EIO. */
EVOKE_API evoke_status evoke_open_temporary(const char *path, const char *what, char **name, int *fd, evoke_error *err);

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
    EVOKE_FAST                  /* activations rounded to 8 bits by blocks of 32, for weights of quantised types; keys and values float16 */
} evoke_compute;
typedef struct evoke_model_options {
    size_t n_threads;           /* 0: the cores that this process may use */
    evoke_compute compute;
    /* Exact computation may lay weights of 16 bits and less out anew in memory, as fast computation always does, where that is faster on
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
/* Takes about a second. Sets the number of OpenBLAS's threads while it runs. Errors: EVOKE_ECOMPUTE OpenBLAS computes wrong here;
 * EVOKE_EINTERRUPTED. */
EVOKE_API evoke_status evoke_measure_machine(const evoke_model *m, size_t n_threads, const evoke_progress *progress, evoke_machine *out,
                                             evoke_error *err);
/* The kernels that OpenBLAS has chosen for this CPU. */
EVOKE_API const char *evoke_blas_core(void);
/* Those that it holds and that are faster here (OPENBLAS_CORETYPE), NULL: none. A CPU that is newer than OpenBLAS gets those of the
 * first with 64 bits. */
EVOKE_API const char *evoke_blas_faster_core(void);
/* Memory's reading alone, by all of the model's threads, GB/s; a fifth of a second. */
EVOKE_API evoke_status evoke_measure_read(const evoke_model *m, double *gb_s, evoke_error *err);

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
 * activations (of stored weights and of those laid out anew: the same bits); laid out anew times three digits, and times one (both the
 * portable kernels' bit for bit). */
typedef enum evoke_verify_how {
    EVOKE_VERIFY_VALUES, EVOKE_VERIFY_FLOAT32, EVOKE_VERIFY_REPACKED, EVOKE_VERIFY_FAST, EVOKE_N_VERIFY_HOW
} evoke_verify_how;
EVOKE_API const char *evoke_verify_how_name(evoke_verify_how how);      /* "values", "float32", "repacked", "fast" */
typedef struct evoke_verify_product {
    const char *isa, *type;     /* "avx2", "Q4_1" */
    evoke_verify_how how;
    double max_abs, bound, share;       /* as of a hook point; layers/verify_products.c has the bounds */
    size_t n_values, n_differing;       /* bits that differ where they must not */
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

#ifdef __cplusplus
}
#endif

#include "evoke_emotion.h"
#include "evoke_theory.h"

#endif
