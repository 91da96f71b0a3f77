/* layers/vector_files/safetensors.c: one tensor [D] a layer, as two tools name them:
 *
 *     steering-vectors   "0", "1", ...; its library saves nothing itself, so the kind of layer stands in the metadata,
 *                        layer_type: decoder_block, self_attn or mlp, the modules whose output is steered
 *     saklas             "layer_1", "layer_2", ...; a JSON file beside it has the SHA-256 of the tensors' file
 *
 * Both count blocks from 0. The metadata that we add, evoke_site and emotion, say what layer_type cannot. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/files/sha256.h"
#include "core/json.h"
#include "core/text.h"
#include "layers/vector_files/formats.h"

/* ---- hook points: the first of a name is its meaning ---- */
static const struct { const char *layer_type; evoke_site site; } layer_types[] = {
    { "decoder_block", EVOKE_RESID_POST }, { "self_attn", EVOKE_ATTN_OUT }, { "mlp", EVOKE_MLP_OUT },
    { "self_attn", EVOKE_ATTN_PROJ },      { "mlp", EVOKE_MLP_PROJ },
};
enum { N_LAYER_TYPE = sizeof layer_types / sizeof *layer_types };

const char *evk_layer_type(evoke_site site)
{
    for (size_t i = 0; i < N_LAYER_TYPE; i++)
        if (layer_types[i].site == site)
            return layer_types[i].layer_type;
    return NULL;
}

/* A module's output is what is added to the residual stream, unless a norm follows it: then nothing here is quite the same. */
static void note_module(evoke_site site, const char *layer_type, evoke_vectors_report *report)
{
    if (site != EVOKE_RESID_POST)
        evk_note(report, false, 0, "%s is taken as %s, the same unless a norm follows the module (Gemma 2, 3, OLMo 2)",
                 layer_type, evoke_site_name(site));
}

evoke_status evk_layer_type_site(const char *layer_type, const char *site, evk_found *f, evoke_vectors_report *report,
                                 evoke_error *err)
{
    size_t i = 0;
    f->says_site = site[0] || layer_type[0];
    if (site[0] && !evoke_site_find(site, &f->site))
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open vectors: evoke_site '%.40s' is no hook point (%s)", site, f->path);
    if (site[0])
        return EVOKE_OK;
    while (i < N_LAYER_TYPE && strcmp(layer_types[i].layer_type, layer_type) != 0)
        i++;
    if (layer_type[0] && i == N_LAYER_TYPE)
        return evk_fail(err, EVOKE_EUNSUPPORTED, "open vectors: layer_type '%.40s' is no hook point here (%s)", layer_type,
                        f->path);
    if (layer_type[0]) {
        f->site = layer_types[i].site;
        note_module(f->site, layer_type, report);
    }
    return EVOKE_OK;
}

/* ---- reading ---- */

static bool all_numbered(const evk_source *s, const char *prefix)
{
    int32_t number = 0;
    for (size_t i = 0; i < s->tensors.n; i++)
        if (!evk_number_after(prefix, s->tensors.items[i].tensor.name, &number))
            return false;
    return s->tensors.n > 0;
}

bool evk_is_steering_vectors(const evk_source *s)
{
    return all_numbered(s, "");
}

bool evk_is_saklas(const evk_source *s)
{
    return all_numbered(s, "layer_");
}

evoke_status evk_read_numbered(const evk_source *s, const char *prefix, evk_found *out, evoke_error *err)
{
    for (size_t i = 0; i < s->tensors.n; i++) {
        int32_t number = 0;
        if (!evk_number_after(prefix, s->tensors.items[i].tensor.name, &number))
            return evk_fail(err, EVOKE_EFORMAT, "open vectors: '%.80s' is no layer (%s)", s->tensors.items[i].tensor.name,
                            s->path);
        EVK_TRY(evk_found_add_tensor(out, number, &s->tensors.items[i], err));
    }
    return EVOKE_OK;
}

evoke_status evk_read_steering_vectors(const evk_source *s, evk_found *out, evoke_vectors_report *report, evoke_error *err)
{
    const char *layer_type = json_string_value(json_object_get(s->metadata, "layer_type"));
    const char *site = json_string_value(json_object_get(s->metadata, "evoke_site"));
    const char *name = json_string_value(json_object_get(s->metadata, "emotion"));
    snprintf(out->name, sizeof out->name, "%s", name ? name : "");
    EVK_TRY(evk_read_numbered(s, "", out, err));
    return evk_layer_type_site(layer_type ? layer_type : "", site ? site : "", out, report, err);
}

/* Where the file beside it is there, its checksum must be that of the tensors. */
static evoke_status check_beside(const evk_source *s, const char *beside, evoke_vectors_report *report, evoke_error *err)
{
    json_t *says = NULL;
    char hex[65];
    if (access(beside, F_OK) != 0) {
        evk_note(report, false, 0, "there is no JSON file beside it, so its checksum was not looked at");
        return EVOKE_OK;
    }
    EVK_TRY(evk_json_load_model_file(beside, &says, err));
    const char *sum = json_string_value(json_object_get(says, "tensor_sha256"));
    evk_sha256(s->files.items[0].data, s->files.items[0].n, hex);
    const bool same = !sum || strcmp(sum, hex) == 0;
    json_decref(says);
    return same ? EVOKE_OK : evk_fail(err, EVOKE_EFORMAT, "open vectors: its SHA-256 is not the tensor_sha256 of %s (%s)", beside,
                                      s->path);
}

evoke_status evk_read_saklas(const evk_source *s, evk_found *out, evoke_vectors_report *report, evoke_error *err)
{
    char *beside = NULL;
    EVK_TRY(evk_read_numbered(s, "layer_", out, err));
    EVK_TRY(evk_other_ending(s->path, ".safetensors", ".json", &beside, err));
    const evoke_status st = check_beside(s, beside, report, err);
    free(beside);
    return st;
}

/* ---- writing ---- */

static json_t *describe(const evk_written *w, size_t l)
{
    const size_t n = w->d * sizeof *w->values;
    return json_pack("{s:s, s:[I], s:[I, I]}", "dtype", "F32", "shape", (json_int_t)w->d, "data_offsets", (json_int_t)(l * n),
                     (json_int_t)((l + 1) * n));
}

evoke_status evk_put_safetensors(const evk_written *w, const char *prefix, const json_t *metadata, evk_buffer *out,
                                 evoke_error *err)
{
    char name[64];
    json_t *header = json_object();
    bool good = header && (!metadata || json_object_set(header, "__metadata__", (json_t *)metadata) == 0);
    for (size_t l = 0; l < w->n && good; l++) {
        snprintf(name, sizeof name, "%s%d", prefix, (int)w->numbers[l]);
        good = json_object_set_new(header, name, describe(w, l)) == 0;
    }
    char *text = good ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    if (!text)
        return evk_fail(err, EVOKE_ENOMEM, "write vectors: no memory for the header, or a name that is not UTF-8");
    const size_t n = strlen(text), padding = (8 - n % 8) % 8;
    const uint64_t length = n + padding;
    evoke_status st = evk_buffer_add(out, &length, sizeof length, err);
    if (st == EVOKE_OK)
        st = evk_buffer_format(out, err, "%s%*s", text, (int)padding, "");
    if (st == EVOKE_OK)
        st = evk_buffer_add(out, w->values, w->n * w->d * sizeof *w->values, err);
    free(text);
    return st;
}

evoke_status evk_write_steering_vectors(const evk_format *as, const evk_written *w, evk_buffer *out, evk_buffer *beside,
                                        evoke_error *err)
{
    json_t *metadata = json_pack("{s:s, s:s, s:s}", "layer_type", evk_layer_type(w->site), "evoke_site", evoke_site_name(w->site),
                                 "emotion", w->name);
    (void)as, (void)beside;
    const evoke_status st = metadata ? evk_put_safetensors(w, "", metadata, out, err)
                                     : evk_fail(err, EVOKE_EDATA, "write vectors: a name that is not UTF-8");
    json_decref(metadata);
    return st;
}

evoke_status evk_write_saklas(const evk_format *as, const evk_written *w, evk_buffer *out, evk_buffer *beside, evoke_error *err)
{
    char hex[65];
    (void)as;
    EVK_TRY(evk_put_safetensors(w, "layer_", NULL, out, err));
    evk_sha256(out->data, out->n, hex);
    json_t *says = json_pack("{s:i, s:s, s:s, s:{s:s}}", "format_version", 6, "method", w->method, "tensor_sha256", hex,
                             "provenance", "program", "evoke");
    char *text = says ? json_dumps(says, JSON_INDENT(2)) : NULL;
    json_decref(says);
    const evoke_status st = text ? evk_buffer_format(beside, err, "%s\n", text)
                                 : evk_fail(err, EVOKE_ENOMEM, "write vectors: no memory");
    free(text);
    return st;
}
