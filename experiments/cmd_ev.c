/* experiments/cmd_ev.c: a store's mean differences: EV[e] = mean(emotion - neutral), EVbase = mean over emotions. */
#include <stdio.h>
#include <string.h>

#include "experiments/json_out.h"
#include "experiments/norms.h"
#include "experiments/options.h"
#include "experiments/progress.h"

static const struct poptOption own[] = {
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT, "the vectors, HDF5", "FILE" },
    { "span", 0, POPT_ARG_STRING, NULL, OPT_SPAN,
      "which span's means (default: the only one held, else response, then query)", "SPAN" },
    { "partial", 0, POPT_ARG_NONE, NULL, OPT_PARTIAL, "leave out queries that are not complete", NULL },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "STORE.h5 -o VECTORS.h5 [--span SPAN] [--partial]",
    .about = "Emotion vectors as in arXiv 2502.04075: for each emotion, site and layer the mean over its queries of\n"
             "(emotion setting - neutral setting), and EVbase, the mean over the emotions. A query that lacks one of\n"
             "its settings is an error unless --partial leaves it out.",
    .examples = "  evoke ev acts.h5 -o ev.h5\n"
                "  evoke ev acts.h5 -o ev-last.h5 --span last\n",
    .own = own, .least = 1, .most = 1,
};

static json_t *norms_json(const evoke_vectors *v, evoke_site site)
{
    const evoke_vectors_info *i = evoke_vectors_describe(v);
    json_t *norms = json_object();
    for (size_t e = 0; e <= i->n_emotion; e++) {
        const float *x = evoke_vectors_get(v, site, e);
        json_t *list = json_array();
        for (size_t l = 0; x && l < i->n_layer; l++)
            json_add(list, json_number(vector_norm(x + l * i->d_model, i->d_model)));
        json_put(norms, e < i->n_emotion ? evoke_vectors_emotion(v, e) : "base", list);
    }
    return norms;
}

static evoke_status report(const options *o, const char *path, const evoke_vectors *v, const evoke_ev_report *r,
                           evoke_error *err)
{
    const evoke_vectors_info *i = evoke_vectors_describe(v);
    if (o->json) {
        json_t *result = json_object(), *sites = json_object(), *counts = json_object();
        for (size_t k = 0; k < i->n_site; k++)
            json_put(sites, evoke_site_name(evoke_vectors_site(v, k)), norms_json(v, evoke_vectors_site(v, k)));
        for (size_t e = 0; e < i->n_emotion; e++)
            json_put(counts, evoke_vectors_emotion(v, e), json_count(evoke_vectors_count(v, e)));
        json_put(result, "file", json_text(path, strlen(path)));
        json_put(result, "span", json_string(evoke_span_name(r->span)));
        json_put(result, "n_used", json_count(r->n_used));
        json_put(result, "n_left_out", json_count(r->n_left_out));
        json_put(result, "count", counts);
        json_put(result, "norms", sites);
        return json_print(stdout, result, 9, err);
    }
    for (size_t k = 0; k < i->n_site; k++)
        print_norms(v, evoke_vectors_site(v, k), o->verbose ? i->n_layer : 8);
    printf("%zu emotions from %zu queries, span %s", i->n_emotion, r->n_used, evoke_span_name(r->span));
    if (r->n_left_out)
        printf(" (%zu incomplete, left out)", r->n_left_out);
    printf("\nvectors     %s\nnext        evoke generate -m MODEL --ev %s --alpha %s=1 -p TEXT\n", path, path,
           i->n_emotion ? evoke_vectors_emotion(v, 0) : "NAME");
    return EVOKE_OK;
}

static evoke_status warn(const options *o, evoke_store *s, const evoke_vectors *v, evoke_span span, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    const size_t n = evoke_vectors_describe(v)->n_site;
    for (size_t k = 0; !o->quiet && st == EVOKE_OK && k < n; k++)
        st = warn_of_sink(s, evoke_vectors_site(v, k), span, err);
    return st;
}

static evoke_status average(const options *o, evoke_store *s, const evoke_ev_options *how, evoke_vectors **v, evoke_ev_report *r,
                            evoke_error *err)
{
    progress p;
    progress_begin(&p, o->quiet);
    const evoke_progress hook = progress_hook(&p);
    const evoke_status st = evoke_mean_difference(s, how, &hook, v, r, err);
    progress_end(&p);
    return st;
}

evoke_status cmd_ev(int argc, const char **argv, evoke_error *err)
{
    options o;
    evoke_store *store = NULL;
    evoke_vectors *vectors = NULL;
    evoke_ev_options how = { .span = EVOKE_SPAN_QUERY };
    evoke_ev_report r = { 0 };
    const char *path = NULL;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st != EVOKE_OK || o.done)
        goto done;
    how.partial = option_given(&o, OPT_PARTIAL);
    st = option_need(&o, OPT_OUTPUT, "ev", &path, err);
    if (st == EVOKE_OK)
        st = options_one_span(&o, &how.span, &how.any_span, err);
    if (st == EVOKE_OK)
        st = evoke_store_open(o.arguments[0], &store, err);
    if (st == EVOKE_OK)
        st = average(&o, store, &how, &vectors, &r, err);
    if (st == EVOKE_OK)
        st = warn(&o, store, vectors, r.span, err);
    if (st == EVOKE_OK) {
        const evoke_provenance made = { o.command_line, 0 };
        st = evoke_vectors_save(vectors, path, &made, err);
    }
    if (st == EVOKE_OK)
        st = report(&o, path, vectors, &r, err);
done:
    evoke_vectors_free(vectors);
    evoke_store_free(store);
    options_free(&o);
    return st;
}
