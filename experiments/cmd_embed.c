/* experiments/cmd_embed.c: texts to vectors, as sentence-transformers makes them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/encoders.h"
#include "experiments/json_out.h"
#include "experiments/progress.h"

static const struct poptOption own[] = {
    { "prompt", 'p', POPT_ARG_STRING, NULL, OPT_PROMPT, "one text", "TEXT" },
    { "file", 'f', POPT_ARG_STRING, NULL, OPT_FILE, "JSON array of texts", "FILE" },
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT, "HDF5: /embeddings [N, D], /texts [N]", "FILE" },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "-m MODEL (-p TEXT | -f TEXTS.json) [-o VECTORS.h5] [--json]",
    .about = "A vector for each text. A sentence-transformers folder says how (pooling, unit length, longest text, lower\n"
             "case); any other encoder gives the mean over its tokens, at unit length. Without -o a line of numbers a text.\n"
             "  --json: [[numbers], ...] in the order of the texts; with -o what was written",
    .examples = "  evoke embed -m all-MiniLM-L6-v2 -p \"A happy person\" --json\n"
                "  evoke embed -m all-MiniLM-L6-v2 -f texts.json -o vectors.h5\n",
    .own = own,
    .groups = { { "Model:", options_model } },
};

static evoke_status print_json(const float *vectors, size_t n, size_t d, evoke_error *err)
{
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *one = json_array();
        for (size_t k = 0; k < d; k++)
            json_add(one, json_number((double)vectors[i * d + k]));
        json_add(all, one);
    }
    return json_print(stdout, all, 9, err);
}

static evoke_status report(const options *o, const char *path, size_t n, size_t d, evoke_error *err)
{
    if (!o->json) {
        printf("%zu vectors of %zu: %s\n", n, d, path);
        return EVOKE_OK;
    }
    json_t *result = json_object();
    json_put(result, "file", json_text(path, strlen(path)));
    json_put(result, "n", json_count(n));
    json_put(result, "d", json_count(d));
    return json_print(stdout, result, 9, err);
}

static evoke_status give(const options *o, const evoke_encoder *e, const text_list *texts, const float *vectors, evoke_error *err)
{
    const char *path = option_text(o, OPT_OUTPUT);
    const size_t d = evoke_encoder_describe(e)->d_embedding;
    if (path) {
        const evoke_provenance made = { o->command_line, 0 };
        const evoke_status st = evoke_embeddings_save(e, texts->texts, vectors, texts->n, path, &made, err);
        return st == EVOKE_OK ? report(o, path, texts->n, d, err) : st;
    }
    if (o->json)
        return print_json(vectors, texts->n, d, err);
    for (size_t i = 0; i < texts->n * d; i++)
        printf("%.9g%c", (double)vectors[i], (i + 1) % d ? ' ' : '\n');
    return EVOKE_OK;
}

static evoke_status run(const options *o, const evoke_encoder *e, const text_list *texts, float *vectors, evoke_error *err)
{
    progress p;
    size_t n_cut = 0;
    progress_begin(&p, o->quiet);
    const evoke_progress hook = progress_hook(&p);
    const evoke_status st = evoke_embed(e, texts->texts, texts->n, &hook, vectors, &n_cut, err);
    progress_end(&p);
    if (st == EVOKE_OK && n_cut > 0 && !o->quiet)
        say("embed: %zu of %zu texts are longer than the model takes and were cut", n_cut, texts->n);
    return st;
}

static evoke_status embed(const options *o, evoke_error *err)
{
    evoke_encoder *e = NULL;
    text_list texts = { .texts = NULL };
    float *vectors = NULL;
    evoke_status st = texts_read(o, "embed", &texts, err);
    if (st == EVOKE_OK && texts.n == 0 && option_given(o, OPT_OUTPUT))
        st = fail(err, EVOKE_EDATA, "embed: there is no text (%s)", option_text(o, OPT_FILE));
    if (st == EVOKE_OK)
        st = options_open_encoder(o, &e, err);
    if (st == EVOKE_OK)
        st = allocate(&vectors, texts.n, evoke_encoder_describe(e)->d_embedding * sizeof *vectors, err);
    if (st == EVOKE_OK)
        st = run(o, e, &texts, vectors, err);
    if (st == EVOKE_OK)
        st = give(o, e, &texts, vectors, err);
    free(vectors);
    texts_free(&texts);
    evoke_encoder_free(e);
    return st;
}

evoke_status cmd_embed(int argc, const char **argv, evoke_error *err)
{
    options o;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done)
        st = embed(&o, err);
    options_free(&o);
    return st;
}
