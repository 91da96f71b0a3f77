#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/files/gguf.h"
#include "core/files/safetensors.h"
#include "layers/vector_files/formats.h"

/* Its first bytes: whatever follows, no format's beginning is another's. */
static bool begins(const evk_mapped *file, const char *with, size_t n)
{
    return file->n >= n && memcmp(file->data, with, n) == 0;
}

static bool begins_like_json(const evk_mapped *file)
{
    size_t i = begins(file, "\xef\xbb\xbf", 3) ? 3 : 0;
    while (i < file->n && strchr(" \t\r\n", file->data[i]) && file->data[i])
        i++;
    return i < file->n && file->data[i] == '{';
}

/* HDF5's own begins at byte 0, or after something of the user's: at 512, 1024, 2048, ... */
static bool holds_hdf5(const evk_mapped *file)
{
    static const char signature[] = { '\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n' };
    for (size_t at = 0; at < file->n && file->n - at >= sizeof signature; at = at ? 2 * at : 512)
        if (memcmp(file->data + at, signature, sizeof signature) == 0)
            return true;
    return false;
}

static evoke_status open_tensors(evk_source *s, evoke_error *err)
{
    const evk_mapped *file = &s->files.items[0];
    s->holds = EVK_HOLDS_SAFETENSORS;
    EVK_TRY(evk_safetensors_read(file, &s->tensors, err));
    EVK_TRY(evk_safetensors_metadata(file, &s->metadata, err));
    return evk_tensor_list_index(&s->tensors, s->path, err);
}

static evoke_status open_file(evk_source *s, evoke_error *err)
{
    EVK_TRY(evk_map_file(&s->files, s->path, err));
    const evk_mapped *file = &s->files.items[0];
    if (evk_is_gguf(file)) {
        s->holds = EVK_HOLDS_GGUF;
        EVK_TRY(evk_gguf_read(&s->files, &s->meta, &s->tensors, err));
        return evk_tensor_list_index(&s->tensors, s->path, err);
    }
    if (evk_is_zip(file)) {
        s->holds = EVK_HOLDS_ZIP;
        return evk_zip_open(file, &s->zip, err);
    }
    s->holds = begins_like_json(file) ? EVK_HOLDS_JSON : EVK_HOLDS_HDF5;
    if (s->holds == EVK_HOLDS_JSON || holds_hdf5(file))
        return EVOKE_OK;
    if (file->n > 8 && file->data[8] == '{' && file->data[7] == 0)      /* the length of a header, then JSON */
        return open_tensors(s, err);
    if (begins(file, "\x80\x02", 2) || begins(file, "\x80\x04", 2) || begins(file, "\x80\x05", 2))
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open vectors: a bare pickle, which only running it could read; save it again "
                        "with torch.save or as safetensors (%s)", s->path);
    return evk_fail(err, EVOKE_EFORMAT, "open vectors: neither HDF5, GGUF, safetensors, ZIP nor JSON (%s)", s->path);
}

evoke_status evk_source_open(const char *path, evk_source *out, evoke_error *err)
{
    struct stat info;
    *out = (evk_source){ .path = path, .holds = EVK_HOLDS_JSON };
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode) ? EVOKE_OK : open_file(out, err);
}

void evk_source_free(evk_source *s)
{
    evk_zip_free(s->zip);
    json_decref(s->metadata);
    evk_tensor_list_free(&s->tensors);
    evk_meta_table_free(&s->meta);
    evk_unmap_all(&s->files);
    *s = (evk_source){ 0 };
}
