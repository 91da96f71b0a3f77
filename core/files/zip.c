#include "core/files/zip.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

enum { MOST_ENTRIES = 1 << 16, DEFLATE_GAIN = 1032 };       /* deflate makes 1 byte of at most 1032 */

struct evk_zip {
    zip_t *archive;
    const evk_mapped *file;
    const char **names;         /* [n] sorted; libzip's */
    size_t n;
};

bool evk_is_zip(const evk_mapped *file)
{
    return file->n >= 4 && memcmp(file->data, "PK\3\4", 4) == 0;
}

static evoke_status fail_with(zip_error_t *why, const char *what, const char *path, evoke_error *err)
{
    const evoke_status st = evk_fail(err, EVOKE_EFORMAT, "%s: %s (%s)", what, zip_error_strerror(why), path);
    zip_error_fini(why);
    return st;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Two entries of one name would be read differently by different programs. */
static evoke_status list_names(evk_zip *z, evoke_error *err)
{
    const zip_int64_t n = zip_get_num_entries(z->archive, 0);
    if (n <= 0 || n > MOST_ENTRIES)
        return evk_fail(err, EVOKE_EFORMAT, "read ZIP: %lld entries, 1 to %d are possible (%s)", (long long)n, MOST_ENTRIES,
                        z->file->path);
    EVK_TRY(evk_alloc(&z->names, (size_t)n, sizeof *z->names, "read ZIP", err));
    for (; z->n < (size_t)n; z->n++)
        if (!(z->names[z->n] = zip_get_name(z->archive, z->n, ZIP_FL_ENC_RAW)))
            return evk_fail(err, EVOKE_EFORMAT, "read ZIP: entry %zu has no name (%s)", z->n, z->file->path);
    qsort(z->names, z->n, sizeof *z->names, by_name);
    for (size_t i = 1; i < z->n; i++)
        if (strcmp(z->names[i - 1], z->names[i]) == 0)
            return evk_fail(err, EVOKE_EFORMAT, "read ZIP: there are two entries '%.200s' (%s)", z->names[i], z->file->path);
    return EVOKE_OK;
}

evoke_status evk_zip_open(const evk_mapped *file, evk_zip **out, evoke_error *err)
{
    evk_zip *z = NULL;
    zip_error_t why;
    *out = NULL;
    EVK_TRY(evk_alloc(&z, 1, sizeof *z, "read ZIP", err));
    z->file = file;
    zip_error_init(&why);
    zip_source_t *source = zip_source_buffer_create(file->data, file->n, 0, &why);
    z->archive = source ? zip_open_from_source(source, ZIP_RDONLY, &why) : NULL;
    evoke_status st = z->archive ? EVOKE_OK : fail_with(&why, "read ZIP", file->path, err);
    if (source && !z->archive)
        zip_source_free(source);
    if (st == EVOKE_OK)
        st = list_names(z, err);
    if (st == EVOKE_OK)
        *out = z;
    else
        evk_zip_free(z);
    return st;
}

void evk_zip_free(evk_zip *z)
{
    if (!z)
        return;
    if (z->archive)
        zip_discard(z->archive);
    free(z->names);
    free(z);
}

size_t evk_zip_count(const evk_zip *z)
{
    return z->n;
}

const char *evk_zip_name(const evk_zip *z, size_t i)
{
    return i < z->n ? z->names[i] : NULL;
}

bool evk_zip_has(const evk_zip *z, const char *name)
{
    return bsearch(&name, z->names, z->n, sizeof *z->names, by_name) != NULL;
}

/* The size that an entry claims, if it can be true. */
static evoke_status check_size(const evk_zip *z, const char *name, size_t most, zip_stat_t *about, evoke_error *err)
{
    const zip_uint64_t wanted = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat(z->archive, name, ZIP_FL_ENC_RAW, about) != 0 || (about->valid & wanted) != wanted)
        return evk_fail(err, EVOKE_EFORMAT, "read ZIP: there is no entry '%.200s' (%s)", name, z->file->path);
    const bool stored = about->comp_method == ZIP_CM_STORE;
    if (about->encryption_method != ZIP_EM_NONE || (!stored && about->comp_method != ZIP_CM_DEFLATE))
        return evk_fail(err, EVOKE_EUNSUPPORTED, "read ZIP: '%.200s' is encrypted, or compressed otherwise than by deflate (%s)",
                        name, z->file->path);
    if (about->size > most || about->comp_size > z->file->n || about->size > (about->comp_size + 1) * (stored ? 1 : DEFLATE_GAIN))
        return evk_fail(err, EVOKE_EFORMAT, "read ZIP: '%.200s' claims %llu bytes, which cannot be (%s)", name,
                        (unsigned long long)about->size, z->file->path);
    return EVOKE_OK;
}

evoke_status evk_zip_read(const evk_zip *z, const char *name, size_t most, evoke_text *out, evoke_error *err)
{
    zip_stat_t about;
    char *data = NULL, after;
    *out = (evoke_text){ 0 };
    EVK_TRY(check_size(z, name, most, &about, err));
    EVK_TRY(evk_alloc(&data, (size_t)about.size + 1, 1, "read ZIP", err));
    zip_file_t *entry = zip_fopen(z->archive, name, ZIP_FL_ENC_RAW);
    const bool whole = entry && zip_fread(entry, data, about.size) == (zip_int64_t)about.size
                       && zip_fread(entry, &after, 1) == 0;     /* the end: the checksum has been compared */
    if (entry)
        zip_fclose(entry);
    if (!whole) {
        free(data);
        return evk_fail(err, EVOKE_EFORMAT, "read ZIP: '%.200s' is damaged (%s)", name, z->file->path);
    }
    *out = (evoke_text){ .data = data, .n = (size_t)about.size };
    return EVOKE_OK;
}

/* ---- writing ---- */

static bool add_entry(zip_t *archive, const evk_zip_entry *e)
{
    static const zip_uint16_t no_time = 0, first_day = 33;      /* 1980-01-01 */
    zip_source_t *source = zip_source_buffer(archive, e->data, e->n, 0);
    const zip_int64_t i = source ? zip_file_add(archive, e->name, source, ZIP_FL_ENC_UTF_8) : -1;
    if (i < 0) {
        zip_source_free(source);
        return false;
    }
    return zip_set_file_compression(archive, (zip_uint64_t)i, ZIP_CM_STORE, 0) == 0
           && zip_file_set_dostime(archive, (zip_uint64_t)i, no_time, first_day, 0) == 0;
}

static bool copy_out(zip_source_t *made, evk_buffer *out, evoke_error *err)
{
    char chunk[4096];
    zip_int64_t got = -1;
    if (zip_source_open(made) != 0)
        return false;
    while ((got = zip_source_read(made, chunk, sizeof chunk)) > 0)
        if (evk_buffer_add(out, chunk, (size_t)got, err) != EVOKE_OK)
            break;
    zip_source_close(made);
    return got == 0;
}

evoke_status evk_zip_pack(const evk_zip_entry *entries, size_t n, evk_buffer *out, evoke_error *err)
{
    zip_error_t why;
    zip_error_init(&why);
    zip_source_t *made = zip_source_buffer_create(NULL, 0, 0, &why);
    zip_t *archive = made ? zip_open_from_source(made, ZIP_TRUNCATE, &why) : NULL;
    bool good = archive != NULL;
    if (good)
        zip_source_keep(made);      /* closing the archive gives up its own hold of it */
    for (size_t i = 0; i < n && good; i++)
        good = add_entry(archive, &entries[i]);
    if (archive && (!good || zip_close(archive) != 0)) {
        zip_discard(archive);
        good = false;
    }
    good = good && copy_out(made, out, err);
    zip_source_free(made);
    zip_error_fini(&why);
    return good ? EVOKE_OK : evk_fail(err, EVOKE_ENOMEM, "make ZIP: no memory");
}
