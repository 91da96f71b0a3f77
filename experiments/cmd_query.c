/* experiments/cmd_query.c: part of a store, for another analysis or another program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/options.h"
#include "experiments/progress.h"

static const struct poptOption own[] = {
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT, "a store (.h5), an array (.npy) or a table (.csv)", "FILE" },
    { "emotion", 0, POPT_ARG_STRING, NULL, OPT_EMOTION, "queries of these emotions", "LIST" },
    { "id", 0, POPT_ARG_STRING, NULL, OPT_ID, "queries of these ids", "LIST" },
    { "setting", 0, POPT_ARG_STRING, NULL, OPT_SETTING, "these settings, in this order", "LIST" },
    { "layers", 0, POPT_ARG_STRING, NULL, OPT_LAYERS, "all, or A-B,C,... counted from 0", "LIST" },
    { "sites", 0, POPT_ARG_STRING, NULL, OPT_SITES, "these hook points (an array or table: one, or the store's first)", "LIST" },
    { "span", 0, POPT_ARG_STRING, NULL, OPT_SPAN, "this span (an array or table without it: response, else query)", "SPAN" },
    { "no-tokens", 0, POPT_ARG_NONE, NULL, OPT_NO_TOKENS, "a store without what was stored of every token", NULL },
    { "float16", 0, POPT_ARG_NONE, NULL, OPT_FLOAT16, "a store whose means and tokens are rounded to half precision", NULL },
    { "compress", 0, POPT_ARG_NONE, NULL, OPT_COMPRESS, "a store whose arrays are compressed, without loss", NULL },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "STORE.h5 -o FILE [--emotion LIST] [--setting LIST] [--layers LIST] [--id LIST]",
    .about = "Part of a store of activations: all queries that are of one of the emotions and of one of the ids, in the\n"
             "settings, at the layers and sites that are named; what is not named is not narrowed. The result is a store\n"
             "again (.h5: every command takes it), the span means of one site as NumPy's float32 [query, setting, layer,\n"
             "width] (.npy), or as text, a line for each query, setting and layer (.csv).\n"
             "--compress shuffles and deflates a store's arrays, filters that every reader of HDF5 has.",
    .examples = "  evoke query acts.h5 -o joy.h5 --emotion joy --layers 10-19\n"
                "  evoke query acts.h5 -o small.h5 --compress\n"
                "  evoke query acts.h5 -o neutral.npy --setting neutral --sites resid_post --span last\n"
                "  evoke query acts.h5 -o few.csv --id joy-001,joy-002 --layers 12\n",
    .own = own, .least = 1, .most = 1,
};

typedef struct chosen {
    evoke_store_choice choice;
    char **emotions, **ids, **settings;
    int32_t *layers;
    evoke_site *sites;
    evoke_span span;
} chosen;

static void chosen_free(chosen *c)
{
    names_free(c->emotions, c->choice.n_emotions);
    names_free(c->ids, c->choice.n_ids);
    names_free(c->settings, c->choice.n_settings);
    free(c->layers);
    free(c->sites);
}

static evoke_status read_options(const options *o, chosen *c, evoke_error *err)
{
    bool any = true;
    const char *layers = option_text(o, OPT_LAYERS);
    evoke_store_choice *to = &c->choice;
    evoke_status st = option_names(o, OPT_EMOTION, &c->emotions, &to->n_emotions, err);
    if (st == EVOKE_OK)
        st = option_names(o, OPT_ID, &c->ids, &to->n_ids, err);
    if (st == EVOKE_OK)
        st = option_names(o, OPT_SETTING, &c->settings, &to->n_settings, err);
    if (st == EVOKE_OK && layers)
        st = parse_layers(layers, &c->layers, &to->n_layers, err);
    if (st == EVOKE_OK && option_given(o, OPT_SITES))
        st = options_sites(o, OPT_SITES, &c->sites, &to->n_sites, err);
    if (st == EVOKE_OK)
        st = options_one_span(o, &c->span, &any, err);
    to->emotions = (const char *const *)c->emotions;
    to->ids = (const char *const *)c->ids;
    to->settings = (const char *const *)c->settings;
    to->layers = c->layers;
    to->sites = c->sites;
    to->span = any ? NULL : &c->span;
    to->no_tokens = option_given(o, OPT_NO_TOKENS);
    to->float16 = option_given(o, OPT_FLOAT16);
    to->compressed = option_given(o, OPT_COMPRESS);
    return st;
}

static bool ends_in(const char *text, const char *ending)
{
    const size_t n = strlen(text), m = strlen(ending);
    return n >= m && strcmp(text + n - m, ending) == 0;
}

static evoke_status write_part(const options *o, evoke_store *s, const chosen *c, const char *path, evoke_error *err)
{
    const evoke_provenance made = { o->command_line, 0 };
    const bool table = ends_in(path, ".npy") || ends_in(path, ".csv");
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    if (!table && dot && !ends_in(path, ".h5") && !ends_in(path, ".hdf5"))
        return fail(err, EVOKE_EARG, "query: '%s' says neither a store (.h5), an array (.npy) nor a table (.csv) (%s)", dot, path);
    if (table && (c->choice.compressed || c->choice.float16))
        return fail(err, EVOKE_EARG, "query: --%s is for a store, not for an array or a table (%s)",
                    c->choice.compressed ? "compress" : "float16", path);
    progress p;
    progress_begin(&p, o->quiet);
    const evoke_progress hook = progress_hook(&p);
    const evoke_status st = table ? evoke_store_table(s, &c->choice, path, &hook, err)
                                  : evoke_store_select(s, &c->choice, path, &made, &hook, err);
    progress_end(&p);
    return st;
}

evoke_status cmd_query(int argc, const char **argv, evoke_error *err)
{
    options o;
    chosen c = { 0 };
    evoke_store *store = NULL;
    const char *path = NULL;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done) {
        st = option_need(&o, OPT_OUTPUT, "query", &path, err);
        if (st == EVOKE_OK)
            st = read_options(&o, &c, err);
        if (st == EVOKE_OK)
            st = evoke_store_open(o.arguments[0], &store, err);
        if (st == EVOKE_OK)
            st = write_part(&o, store, &c, path, err);
        if (st == EVOKE_OK && !o.quiet)
            printf("written     %s\n", path);
    }
    evoke_store_free(store);
    chosen_free(&c);
    options_free(&o);
    return st;
}
