#include "experiments/encoders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/files.h"
#include "experiments/json_out.h"

evoke_status option_ids(const options *o, option_id id, int32_t **ids, size_t *n, evoke_error *err)
{
    const char *list = option_text(o, id);
    char name[64], *text = NULL;
    snprintf(name, sizeof name, "--%s", option_name(o, id));
    if (*list != '@')
        return parse_ids(list, name, ids, n, err);
    evoke_status st = file_read(list + 1, &text, NULL, err);
    if (st == EVOKE_OK)
        st = parse_ids(text, list + 1, ids, n, err);
    free(text);
    return st;
}

evoke_status options_open_encoder(const options *o, evoke_encoder **e, evoke_error *err)
{
    const char *path = NULL;
    evoke_model_options how = { .isa = option_text(o, OPT_ISA) };
    evoke_status st = option_need(o, OPT_MODEL, "open the model", &path, err);
    if (st == EVOKE_OK)
        st = option_size(o, OPT_THREADS, 1, 4096, &how.n_threads, err);
    if (st == EVOKE_OK)
        st = evoke_encoder_open(path, &how, e, err);
    if (st == EVOKE_OK && o->verbose) {
        const evoke_encoder_info *i = evoke_encoder_describe(*e);
        say("%s: %s, %zu layers x %zu, %s weights, %zu classes, %zu threads, %s kernels", i->path, i->family, i->n_layer,
            i->d_model, i->storage, i->n_label, i->n_threads, i->isa);
    }
    return st;
}

/* ---- texts ---- */

evoke_status texts_read(const options *o, const char *command, text_list *list, evoke_error *err)
{
    const char *prompt = option_text(o, OPT_PROMPT), *path = option_text(o, OPT_FILE);
    *list = (text_list){ .texts = NULL };
    if (!prompt == !path)
        return fail(err, EVOKE_EARG, "%s: give %s (-p TEXT or -f TEXTS.json)", command, prompt ? "one of the two" : "a text");
    evoke_status st = path ? json_read(path, &list->root, err) : EVOKE_OK;
    if (st == EVOKE_OK && path && !json_is_array(list->root))
        st = fail(err, EVOKE_EFORMAT, "%s: the file is not a JSON array of strings (%s)", command, path);
    list->n = path ? json_array_size(list->root) : 1;
    if (st == EVOKE_OK)
        st = allocate(&list->texts, list->n, sizeof *list->texts, err);
    for (size_t i = 0; st == EVOKE_OK && i < list->n; i++) {
        const json_t *item = json_array_get(list->root, i);
        list->texts[i] = path ? json_string_value(item) : prompt;
        if (!list->texts[i])
            st = fail(err, EVOKE_EFORMAT, "%s: item %zu of the array is no string (%s)", command, i + 1, path);
        else if (path && strlen(list->texts[i]) != json_string_length(item))
            st = fail(err, EVOKE_EDATA, "%s: item %zu of the array holds a NUL character (%s)", command, i + 1, path);
    }
    return st;
}

void texts_free(text_list *list)
{
    free(list->texts);
    json_decref(list->root);
    *list = (text_list){ .texts = NULL };
}

/* ---- trace ---- */

static evoke_status refuse_decoding(const options *o, evoke_error *err)
{
    static const option_id none[] = { OPT_N_PREDICT, OPT_SITES, OPT_EV, OPT_ALPHA, OPT_LAYERS, OPT_SITE, OPT_POSITIONS,
                                      OPT_STEER_MODE, OPT_LESS_BASE };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (option_given(o, none[i]))
            return fail(err, EVOKE_EARG, "trace: --%s does not go with an encoder, which has no residual stream to steer and "
                        "generates nothing", option_name(o, none[i]));
    return EVOKE_OK;
}

static evoke_status read_sequence(const options *o, const evoke_encoder *e, int32_t **ids, int32_t **types, size_t *n,
                                  evoke_error *err)
{
    const char *list = option_text(o, OPT_IDS), *type_list = option_text(o, OPT_TOKEN_TYPES);
    size_t n_types = 0;
    if (!list && type_list)
        return fail(err, EVOKE_EARG, "trace: --token-types goes with --ids");
    if (!list)
        return evoke_encoder_tokenize(e, option_text(o, OPT_PROMPT), NULL, 0, ids, types, n, NULL, err);
    evoke_status st = option_ids(o, OPT_IDS, ids, n, err);
    if (st == EVOKE_OK && type_list)
        st = option_ids(o, OPT_TOKEN_TYPES, types, &n_types, err);
    if (st == EVOKE_OK && type_list && n_types != *n)
        st = fail(err, EVOKE_EARG, "trace: %zu ids have %zu token types", *n, n_types);
    if (st == EVOKE_OK && type_list && evoke_encoder_describe(e)->n_type == 0 && !o->quiet)
        say("trace: the model knows no token types, so --token-types changes nothing");
    return st;
}

evoke_status trace_encoder(const options *o, const char *path, evoke_error *err)
{
    evoke_encoder *e = NULL;
    int32_t *ids = NULL, *types = NULL;
    size_t n = 0;
    evoke_status st = refuse_decoding(o, err);
    if (st == EVOKE_OK)
        st = options_open_encoder(o, &e, err);
    if (st == EVOKE_OK)
        st = read_sequence(o, e, &ids, &types, &n, err);
    if (st == EVOKE_OK) {
        const evoke_provenance made = { o->command_line, 0 };
        const evoke_sequence sequence = { ids, types, n };
        st = evoke_encoder_trace(e, &sequence, path, &made, err);
    }
    if (st == EVOKE_OK && !o->json)
        printf("%zu tokens: %s\n", n, path);
    if (st == EVOKE_OK && o->json) {
        json_t *result = json_object();
        json_put(result, "file", json_text(path, strlen(path)));
        json_put(result, "ids", json_ids(ids, n));
        st = json_print(stdout, result, 9, err);
    }
    free(ids);
    free(types);
    evoke_encoder_free(e);
    return st;
}
