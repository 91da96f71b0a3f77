#include "experiments/inspect_model.h"

#include <stdio.h>
#include <string.h>

#include "experiments/json_out.h"

void inspected_open(const char *path, inspected *m)
{
    const evoke_model_options o = { .n_threads = 1 };
    *m = (inspected){ 0 };
    if (evoke_file_is_encoder(path))
        evoke_encoder_open(path, &o, &m->encoder, &m->why_not);     /* may fail: that is a finding */
    else
        evoke_model_open(path, &o, &m->model, &m->why_not);
}

void inspected_free(inspected *m)
{
    evoke_model_free(m->model);
    evoke_encoder_free(m->encoder);
}

const char *inspected_family(const inspected *m)
{
    return m->model ? evoke_model_describe(m->model)->family : m->encoder ? evoke_encoder_describe(m->encoder)->family : NULL;
}

/* ---- for people ---- */
static void print_decoder(const evoke_model *m)
{
    const evoke_model_info *i = evoke_model_describe(m);
    evoke_setting s;
    printf("name        %s\nshape       %zu layers x %zu, %zu heads (%zu of keys) of %zu, MLP %zu, vocabulary %zu%s\n",
           i->name, i->n_layer, i->d_model, i->n_head, i->n_kv_head, i->d_head, i->d_ff, i->n_vocab,
           i->tied_head ? ", head tied to the embedding" : "");
    printf("context     %zu\n", i->n_ctx);
    for (size_t k = 0; evoke_model_setting(m, k, &s); k++)
        printf("%-11s %s\n", s.name, s.value);
}

static void print_encoder(const evoke_encoder *e)
{
    const evoke_encoder_info *i = evoke_encoder_describe(e);
    printf("name        %s\nshape       %zu layers", i->name, i->n_layer);
    if (i->n_decoder_layer > 0)
        printf(" and %zu of a decoder", i->n_decoder_layer);
    printf(" x %zu, %zu heads, MLP %zu, vocabulary %zu\ncontext     %zu\nnorm        eps %g\n", i->d_model, i->n_head, i->d_ff,
           i->n_vocab, i->n_ctx, i->norm_eps);
    for (size_t k = 0; k < i->n_label; k++)
        printf("%s%s", k ? ", " : "classes     ", evoke_encoder_label(e, k));
    if (i->n_label > 0)
        printf("%s\n", i->independent_labels ? " (each by itself)" : "");
}

void inspected_print(const inspected *m)
{
    if (m->model)
        print_decoder(m->model);
    else if (m->encoder)
        print_encoder(m->encoder);
}

void inspected_unusual(const inspected *m, void (*remark)(void *user, const char *text), void *user)
{
    evoke_setting s;
    char text[256];
    for (size_t k = 0; m->model && evoke_model_setting(m->model, k, &s); k++) {
        snprintf(text, sizeof text, "%s: %s", s.name, s.value);
        if (s.unusual)
            remark(user, text);
    }
}

/* ---- for programs ---- */
static json_t *decoder_json(const evoke_model *m)
{
    const evoke_model_info *i = evoke_model_describe(m);
    json_t *o = json_object(), *settings = json_object();
    evoke_setting s;
    for (size_t k = 0; evoke_model_setting(m, k, &s); k++)
        json_put(settings, s.name, json_text(s.value, strlen(s.value)));
    json_put(o, "name", json_text(i->name, strlen(i->name)));
    json_put(o, "n_layer", json_count(i->n_layer));
    json_put(o, "d_model", json_count(i->d_model));
    json_put(o, "n_head", json_count(i->n_head));
    json_put(o, "n_kv_head", json_count(i->n_kv_head));
    json_put(o, "d_head", json_count(i->d_head));
    json_put(o, "d_ff", json_count(i->d_ff));
    json_put(o, "n_vocab", json_count(i->n_vocab));
    json_put(o, "n_ctx", json_count(i->n_ctx));
    json_put(o, "rope_base", json_number(i->rope_base));
    json_put(o, "norm_eps", json_number(i->norm_eps));
    json_put(o, "tied_head", json_boolean(i->tied_head));
    json_put(o, "storage", json_string(i->storage));
    json_put(o, "settings", settings);
    return o;
}

static json_t *encoder_json(const evoke_encoder *e)
{
    const evoke_encoder_info *i = evoke_encoder_describe(e);
    json_t *o = json_object(), *labels = json_array();
    for (size_t k = 0; k < i->n_label; k++)
        json_add(labels, json_text(evoke_encoder_label(e, k), strlen(evoke_encoder_label(e, k))));
    json_put(o, "name", json_text(i->name, strlen(i->name)));
    json_put(o, "n_layer", json_count(i->n_layer));
    json_put(o, "n_decoder_layer", json_count(i->n_decoder_layer));
    json_put(o, "d_model", json_count(i->d_model));
    json_put(o, "n_head", json_count(i->n_head));
    json_put(o, "d_ff", json_count(i->d_ff));
    json_put(o, "n_vocab", json_count(i->n_vocab));
    json_put(o, "n_ctx", json_count(i->n_ctx));
    json_put(o, "norm_eps", json_number(i->norm_eps));
    json_put(o, "storage", json_string(i->storage));
    json_put(o, "labels", labels);
    return o;
}

json_t *inspected_json(const inspected *m)
{
    return m->model ? decoder_json(m->model) : m->encoder ? encoder_json(m->encoder) : json_null();
}
