/* layers/vector_files/torch.c: what torch.save makes of a steering vector, a ZIP of
 *
 *     NAME/data.pkl      a pickle: {"layer_activations": {0: tensor, 1: tensor, ...}, "layer_type": "decoder_block"}, or the
 *                        inner dictionary alone
 *     NAME/data/0, ...   the tensors' values, as the pickle says
 *     NAME/byteorder     "little"
 *
 * The pickle is read as data (pickle.h): nothing in it is run. What we write torch.load takes with weights_only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "layers/vector_files/formats.h"
#include "layers/vector_files/pickle.h"

static const char pickle_ending[] = "/data.pkl";

/* NAME of NAME/data.pkl, its length; 0: there is none. */
static size_t find_archive(const evk_zip *z, const char **name)
{
    const size_t m = strlen(pickle_ending);
    for (size_t i = 0; (*name = evk_zip_name(z, i)); i++) {
        const size_t n = strlen(*name);
        if (n > m && strcmp(*name + n - m, pickle_ending) == 0)
            return n - m;
    }
    return 0;
}

bool evk_is_torch(const evk_source *s)
{
    const char *name = NULL;
    return find_archive(s->zip, &name) > 0;
}

/* ---- reading ---- */

enum { MOST_READ = 1 << 30 };       /* bytes: many layers may name one large storage */

typedef struct reader {
    const evk_source *s;
    const char *archive;
    size_t n_archive, n_read;
    evk_pickle pickle;
    uint32_t storage;               /* whose bytes `data` are: views of one storage read it once */
    evoke_text data;
    evoke_error *err;
} reader;

static evoke_status read_entry(const reader *r, const char *name, size_t n_name, evoke_text *out)
{
    char path[512];
    const int n = snprintf(path, sizeof path, "%.*s/%.*s", (int)r->n_archive, r->archive, (int)n_name, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return evk_fail(r->err, EVOKE_EFORMAT, "open vectors: a name of %d bytes in the archive (%s)", n, r->s->path);
    return evk_zip_read(r->s->zip, path, EVK_MOST_ENTRY, out, r->err);
}

static evoke_status check_order(const reader *r)
{
    evoke_text order = { 0 };
    char path[512];
    snprintf(path, sizeof path, "%.*s/byteorder", (int)r->n_archive, r->archive);
    if (!evk_zip_has(r->s->zip, path))
        return EVOKE_OK;                    /* files of older versions, which were little-endian */
    EVK_TRY(read_entry(r, "byteorder", strlen("byteorder"), &order));
    const bool little = order.n == 6 && memcmp(order.data, "little", 6) == 0;
    evoke_text_free(&order);
    return little ? EVOKE_OK : evk_fail(r->err, EVOKE_EUNSUPPORTED, "open vectors: it is not little-endian (%s)", r->s->path);
}

/* The one number of a tuple of one; false: otherwise. */
static bool only_number(const evk_pickle *p, uint32_t tuple, int64_t *out)
{
    const evk_pickle_value *t = evk_pickle_at(p, tuple), *first = evk_pickle_item(p, t, 0);
    if (!first || first->kind != EVK_PICKLE_INT || evk_pickle_item(p, t, 1))
        return false;
    *out = first->number;
    return true;
}

/* The bytes of a storage to r->data. */
static evoke_status read_storage(reader *r, uint32_t storage)
{
    const evk_pickle_value *s = evk_pickle_at(&r->pickle, storage), *held = evk_pickle_at(&r->pickle, r->storage);
    char key[128];
    if (r->data.data && s->n == held->n && memcmp(s->text, held->text, s->n) == 0)
        return EVOKE_OK;
    evoke_text_free(&r->data);
    snprintf(key, sizeof key, "data/%.*s", (int)(s->n < 100 ? s->n : 100), s->text);
    EVK_TRY(read_entry(r, key, strlen(key), &r->data));
    r->storage = storage;
    r->n_read += r->data.n;
    if (r->n_read > MOST_READ)
        return evk_fail(r->err, EVOKE_EFORMAT, "open vectors: its layers name more than %d bytes (%s)", MOST_READ, r->s->path);
    return EVOKE_OK;
}

static evoke_status add_layer(reader *r, int64_t number, const evk_pickle_value *v, evk_found *out)
{
    int64_t n = 0, stride = 0;
    if (v->kind != EVK_PICKLE_TENSOR || !only_number(&r->pickle, v->shape, &n) || !only_number(&r->pickle, v->stride, &stride) ||
        (stride != 1 && n != 1))
        return evk_fail(r->err, EVOKE_EFORMAT, "open vectors: layer %lld is no tensor of one dimension (%s)", (long long)number,
                        r->s->path);
    const evk_pickle_value *storage = evk_pickle_at(&r->pickle, v->storage);
    const int64_t offset = evk_pickle_at(&r->pickle, v->offset)->number;
    const evk_type_info *type = evk_type_describe(storage->type);
    EVK_TRY(read_storage(r, v->storage));
    const size_t held = r->data.n / type->bytes;
    const bool within = n >= 1 && offset >= 0 && (uint64_t)n <= held && (uint64_t)offset <= held - (size_t)n;
    if (!within)
        return evk_fail(r->err, EVOKE_EFORMAT, "open vectors: layer %lld lies beyond its storage (%s)", (long long)number,
                        r->s->path);
    return evk_found_add(out, (int32_t)number, storage->type, type->name, r->data.data + (size_t)offset * type->bytes, (size_t)n,
                         r->err);
}

static evoke_status add_layers(reader *r, const evk_pickle_value *dict, evk_found *out)
{
    if (dict->kind != EVK_PICKLE_DICT)
        return evk_fail(r->err, EVOKE_EFORMAT, "open vectors: it holds no dictionary layer -> tensor (%s)", r->s->path);
    for (uint32_t cell = dict->first; cell; cell = r->pickle.cells[cell].next) {
        const evk_pickle_value *key = evk_pickle_at(&r->pickle, r->pickle.cells[cell].key);
        if (key->kind != EVK_PICKLE_INT || key->number < 0 || key->number > 999999)
            return evk_fail(r->err, EVOKE_EFORMAT, "open vectors: a key of its dictionary is no layer (%s)", r->s->path);
        EVK_TRY(add_layer(r, key->number, evk_pickle_at(&r->pickle, r->pickle.cells[cell].value), out));
    }
    return EVOKE_OK;
}

/* What the dictionary has under `key`, a text; "" where it has none. */
static void text_under(const reader *r, const evk_pickle_value *dict, const char *key, char *out, size_t size)
{
    const evk_pickle_value *v = evk_pickle_get(&r->pickle, dict, key);
    const bool is_text = v && v->kind == EVK_PICKLE_TEXT;
    snprintf(out, size, "%.*s", is_text ? (int)(v->n < size ? v->n : size - 1) : 0, is_text ? v->text : "");
}

static evoke_status read_root(reader *r, evk_found *out, evoke_vectors_report *report)
{
    const evk_pickle_value *root = evk_pickle_at(&r->pickle, r->pickle.root);
    const evk_pickle_value *inner = evk_pickle_get(&r->pickle, root, "layer_activations");
    char layer_type[64], site[64];
    text_under(r, root, "layer_type", layer_type, sizeof layer_type);
    text_under(r, root, "evoke_site", site, sizeof site);
    text_under(r, root, "emotion", out->name, sizeof out->name);
    EVK_TRY(add_layers(r, inner ? inner : root, out));
    return evk_layer_type_site(layer_type, site, out, report, r->err);
}

evoke_status evk_read_torch(const evk_source *s, evk_found *out, evoke_vectors_report *report, evoke_error *err)
{
    reader r = { .s = s, .err = err };
    evoke_text pickle = { 0 };
    r.n_archive = find_archive(s->zip, &r.archive);
    if (r.n_archive == 0 || r.n_archive > 300)
        return evk_fail(err, EVOKE_EFORMAT, "open vectors: the archive holds no data.pkl (%s)", s->path);
    EVK_TRY(check_order(&r));
    evoke_status st = read_entry(&r, "data.pkl", strlen("data.pkl"), &pickle);
    if (st == EVOKE_OK)
        st = evk_pickle_read(pickle.data, pickle.n, s->path, &r.pickle, err);
    if (st == EVOKE_OK)
        st = read_root(&r, out, report);
    evk_pickle_free(&r.pickle);
    evoke_text_free(&r.data);
    evoke_text_free(&pickle);
    return st;
}

/* ---- writing: the instructions that torch.save writes, less the memo ---- */

typedef struct writer { evk_buffer *out; evoke_error *err; evoke_status st; } writer;

static void put(writer *w, const void *bytes, size_t n)
{
    if (w->st == EVOKE_OK)
        w->st = evk_buffer_add(w->out, bytes, n, w->err);
}

static void put_code(writer *w, const char *instructions)
{
    put(w, instructions, strlen(instructions));
}

static void put_int(writer *w, size_t number)
{
    const int32_t x = (int32_t)number;
    put_code(w, "J");
    put(w, &x, sizeof x);
}

static void put_text(writer *w, const char *text)
{
    const uint32_t n = (uint32_t)strlen(text);
    put_code(w, "X");
    put(w, &n, sizeof n);
    put(w, text, n);
}

static void put_tensor(writer *w, size_t storage, size_t n)
{
    char key[32];
    snprintf(key, sizeof key, "%zu", storage);
    put_code(w, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_text(w, "storage");
    put_code(w, "ctorch\nFloatStorage\n");
    put_text(w, key);
    put_text(w, "cpu");
    put_int(w, n);
    put_code(w, "tQ");
    put_int(w, 0);
    put_int(w, n);
    put_code(w, "\x85");
    put_int(w, 1);
    put_code(w, "\x85\x89" "ccollections\nOrderedDict\n)RtR");
}

static evoke_status put_pickle(const evk_written *v, evk_buffer *out, evoke_error *err)
{
    writer w = { .out = out, .err = err };
    put_code(&w, "\x80\x02}(");
    put_text(&w, "layer_activations");
    put_code(&w, "}(");
    for (size_t l = 0; l < v->n; l++) {
        put_int(&w, (size_t)v->numbers[l]);
        put_tensor(&w, l, v->d);
    }
    put_code(&w, "u");
    put_text(&w, "layer_type");
    put_text(&w, evk_layer_type(v->site));
    put_text(&w, "evoke_site");
    put_text(&w, evoke_site_name(v->site));
    put_text(&w, "emotion");
    put_text(&w, v->name);
    put_code(&w, "u.");
    return w.st;
}

evoke_status evk_write_torch(const evk_format *as, const evk_written *w, evk_buffer *out, evk_buffer *beside, evoke_error *err)
{
    enum { OTHERS = 3 };
    evk_buffer pickle = { 0 };
    evk_zip_entry *entries = NULL;
    char (*names)[40] = NULL;
    (void)as, (void)beside;
    evoke_status st = evk_alloc(&entries, w->n + OTHERS, sizeof *entries, "write vectors", err);
    if (st == EVOKE_OK)
        st = evk_alloc(&names, w->n, sizeof *names, "write vectors", err);
    if (st == EVOKE_OK)
        st = put_pickle(w, &pickle, err);
    if (st == EVOKE_OK) {
        entries[0] = (evk_zip_entry){ "archive/data.pkl", pickle.data, pickle.n };
        entries[1] = (evk_zip_entry){ "archive/byteorder", "little", 6 };
        for (size_t l = 0; l < w->n; l++) {
            snprintf(names[l], sizeof *names, "archive/data/%zu", l);
            entries[l + 2] = (evk_zip_entry){ names[l], w->values + l * w->d, w->d * sizeof *w->values };
        }
        entries[w->n + 2] = (evk_zip_entry){ "archive/version", "3\n", 2 };
        st = evk_zip_pack(entries, w->n + OTHERS, out, err);
    }
    evk_buffer_free(&pickle);
    free(entries);
    free(names);
    return st;
}
