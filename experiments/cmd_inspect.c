/* experiments/cmd_inspect.c: what a file is, told by its first bytes, and what it holds. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "experiments/files.h"
#include "experiments/inspect.h"

static const struct poptOption own[] = {
    { "tensor", 0, POPT_ARG_STRING, NULL, OPT_TENSOR, "export this tensor, dequantised, as /tensor float32 (with -o)",
      "NAME" },
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT, "with --tensor: the HDF5 file", "FILE" },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "FILE [--tensor NAME -o X.h5]",
    .about = "Says what a file holds. Models (GGUF, or a Hugging Face folder; any family, weights-level where it is\n"
             "unknown): shapes, types by tensor group, tokenizer, template, what is unusual. Datasets: counts, languages,\n"
             "lengths. Stores: shape, what is done, sites, spans, attention sinks. Vectors: norms by layer, cosines between\n"
             "emotions, share of EVbase. -v lists every tensor and all metadata.",
    .examples = "  evoke inspect model.gguf\n"
                "  evoke inspect acts.h5 --json\n"
                "  evoke inspect model.gguf --tensor blk.0.attn_q.weight -o q.h5\n",
    .own = own, .least = 1, .most = 1,
};

typedef enum file_kind { KIND_WEIGHTS, KIND_HDF5, KIND_JSON, KIND_VECTORS, KIND_UNKNOWN } file_kind;

static bool in_folder(const char *folder, const char *name)
{
    char path[4096];
    struct stat about;
    const int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    return n > 0 && (size_t)n < sizeof path && stat(path, &about) == 0;
}

/* A folder with config.json or safetensors is a model; one of JSON files is the authors' vectors. */
static file_kind kind_of_folder(const char *path)
{
    if (in_folder(path, "config.json") || in_folder(path, "model.safetensors") ||
        in_folder(path, "model.safetensors.index.json"))
        return KIND_WEIGHTS;
    DIR *folder = opendir(path);
    bool json = false;
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        const size_t n = strlen(entry->d_name);
        json |= n > 5 && strcmp(entry->d_name + n - 5, ".json") == 0;
    }
    if (folder)
        closedir(folder);
    return json ? KIND_VECTORS : KIND_WEIGHTS;
}

static evoke_status kind_of(const char *path, file_kind *kind, evoke_error *err)
{
    unsigned char head[256] = { 0 };
    struct stat about;
    FILE *f = stat(path, &about) == 0 ? fopen(path, "rb") : NULL;
    if (!f)
        return fail(err, EVOKE_EIO, "inspect: %s (%s)", strerror(errno), path);
    if (S_ISDIR(about.st_mode)) {
        fclose(f);
        *kind = kind_of_folder(path);
        return EVOKE_OK;
    }
    const size_t n = fread(head, 1, sizeof head - 1, f);
    const bool unreadable = ferror(f) != 0;
    fclose(f);
    if (unreadable)
        return fail(err, EVOKE_EIO, "inspect: the file cannot be read (%s)", path);
    const char *text = (const char *)head + strspn((const char *)head, " \t\r\n\xef\xbb\xbf");
    if (n == 0)
        return fail(err, EVOKE_EFORMAT, "inspect: the file is empty (%s)", path);
    *kind = memcmp(head, "GGUF", 4) == 0 ? KIND_WEIGHTS
          : memcmp(head, "\x89HDF\r\n\x1a\n", 8) == 0 ? KIND_HDF5
          : memcmp(head, "PK\3\4", 4) == 0 ? KIND_VECTORS                               /* ZIP: .npz, .pt, .brainpatch */
          : n > 8 && head[8] == '{' && head[6] == 0 && head[7] == 0 ? KIND_WEIGHTS      /* safetensors: length, JSON */
          : *text == '{' || *text == '[' || *text == '"' ? KIND_JSON : KIND_UNKNOWN;
    return EVOKE_OK;
}

/* The authors' vectors are an object "0", "1", ... -> [[numbers]]; settings have "settings"; the rest are datasets. */
static evoke_status inspect_json(const options *o, const char *path, evoke_error *err)
{
    json_t *root = NULL;
    if (json_read(path, &root, NULL) != EVOKE_OK)           /* JSON Lines, or broken: the dataset's reader tells */
        return inspect_dataset(o, path, err);
    const json_t *first = json_array_get(json_object_get(root, "0"), 0);
    const bool vectors = json_is_array(first) && json_is_number(json_array_get(first, 0));
    const bool settings = json_is_object(json_object_get(root, "settings"));
    json_decref(root);
    return vectors ? inspect_vectors(o, path, err) : settings ? inspect_settings(o, path, err)
                                                              : inspect_dataset(o, path, err);
}

static evoke_status inspect_hdf5(const options *o, const char *path, evoke_error *err)
{
    char format[64];
    const evoke_status st = evoke_file_format(path, format, err);
    if (st != EVOKE_OK)
        return st;
    if (strcmp(format, "evoke-vectors") == 0)
        return inspect_vectors(o, path, err);
    if (strcmp(format, "evoke-activations") == 0)
        return inspect_store(o, path, err);
    if (!*format) {                                     /* another program's, in the store's layout? */
        evoke_store *s = NULL;
        const evoke_status open = evoke_store_open(path, &s, NULL);
        evoke_store_free(s);
        if (open == EVOKE_OK)
            return inspect_store(o, path, err);
    }
    if (o->json) {
        json_t *result = json_object();
        json_put(result, "kind", json_string("hdf5"));
        json_put(result, "path", json_text(path, strlen(path)));
        json_put(result, "format", json_text(format, strlen(format)));
        return json_print(stdout, result, 9, err);
    }
    printf("HDF5 file %s: %s (h5dump -H, h5py and R show what is in it)\n", path,
           *format ? format : "it does not say what it is, and is no store of activations");
    return EVOKE_OK;
}

static evoke_status export_tensor(const options *o, const char *path, evoke_error *err)
{
    evoke_weights *w = NULL;
    const char *name = NULL, *to = NULL;
    evoke_status st = option_need(o, OPT_TENSOR, "export", &name, err);
    if (st == EVOKE_OK)
        st = option_need(o, OPT_OUTPUT, "export", &to, err);
    if (st == EVOKE_OK)
        st = evoke_weights_open(path, &w, err);
    if (st == EVOKE_OK) {
        const evoke_provenance made = { o->command_line, 0 };
        st = evoke_weights_export(w, name, to, &made, err);
    }
    evoke_weights_free(w);
    return st;
}

static evoke_status inspect(const options *o, const char *path, evoke_error *err)
{
    file_kind kind = KIND_UNKNOWN;
    if (option_given(o, OPT_TENSOR) || option_given(o, OPT_OUTPUT))
        return export_tensor(o, path, err);
    const evoke_status st = kind_of(path, &kind, err);
    if (st != EVOKE_OK)
        return st;
    switch (kind) {
    case KIND_WEIGHTS: return inspect_weights(o, path, err);
    case KIND_HDF5:    return inspect_hdf5(o, path, err);
    case KIND_VECTORS: return inspect_vectors(o, path, err);
    case KIND_JSON:    return inspect_json(o, path, err);
    default:
        return fail(err, EVOKE_EFORMAT, "inspect: it begins like no model, dataset, store or vectors file (%s)", path);
    }
}

evoke_status cmd_inspect(int argc, const char **argv, evoke_error *err)
{
    options o;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done)
        st = inspect(&o, o.arguments[0], err);
    options_free(&o);
    return st;
}
