/* experiments/cmd_merge.c: what jobs have done each a part of, to one file. */
#include <stdio.h>
#include <string.h>

#include "experiments/json_out.h"
#include "experiments/options.h"
#include "experiments/shards.h"

static const struct poptOption own[] = {
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT, "the whole", "FILE" },
    { "csv", 0, POPT_ARG_NONE, NULL, OPT_CSV, "of an evaluation: the result as CSV", NULL },
    { "tables", 0, POPT_ARG_NONE, NULL, OPT_TABLES, "of an evaluation: as the paper's tables", NULL },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "SHARD... -o FILE",
    .about = "Joins the shards that 'extract', 'sweep' or 'eval --shard I/N' wrote, in any order: a store that is the undivided\n"
             "run's in every dataset; responses, or scores, with the same bytes, and of an evaluation the result as it prints\n"
             "it (--json, --csv, --tables); replicates for 'theory --replicates'. Refused are shards of different models,\n"
             "versions, datasets or settings, one that is missing, unfinished or there twice. A store's activations pass\n"
             "through a few MiB of memory; its texts and token ids are held.",
    .examples = "  evoke merge acts-*.h5 -o acts.h5\n"
                "  evoke merge r-*.jsonl -o r.jsonl\n"
                "  evoke merge scores-*.jsonl -o scores.jsonl --tables\n",
    .own = own, .least = 1, .most = 1000000,
};

static bool is_hdf5(const char *path)
{
    static const char signature[8] = "\x89HDF\r\n\x1a\n";
    char start[8] = "";
    FILE *f = fopen(path, "rb");
    const bool same = f && fread(start, 1, 8, f) == 8 && memcmp(start, signature, 8) == 0;
    if (f)
        fclose(f);
    return same;
}

static bool is_of_theory(const char *path)
{
    evoke_text format = { 0 };
    const bool is = evoke_file_attribute(path, "format", &format, NULL) == EVOKE_OK && format.data
                    && strcmp(format.data, "evoke-replicates") == 0;
    evoke_text_free(&format);
    return is;
}

/* The next command is `next`, the file, and `after`. */
static evoke_status summary(const options *o, const char *path, const char *next, const char *after, evoke_error *err)
{
    if (!o->json) {
        printf("shards      %zu\nfile        %s\nnext        evoke %s %s%s\n", o->n_arguments, path, next, path, after);
        return EVOKE_OK;
    }
    json_t *result = json_object();
    json_put(result, "file", json_text(path, strlen(path)));
    json_put(result, "n_shards", json_count(o->n_arguments));
    return json_print(stdout, result, 9, err);
}

evoke_status cmd_merge(int argc, const char **argv, evoke_error *err)
{
    options o;
    const char *path = NULL;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done) {
        st = option_need(&o, OPT_OUTPUT, "merge", &path, err);
        const bool hdf5 = st == EVOKE_OK && is_hdf5(o.arguments[0]), theory = hdf5 && is_of_theory(o.arguments[0]);
        const bool scores = st == EVOKE_OK && !hdf5 && shard_is(o.arguments[0], &scores_kind);
        merge_function *merge = theory ? merge_replicates : hdf5 ? merge_stores : scores ? merge_scores : merge_responses;
        if (st == EVOKE_OK && !scores && (option_given(&o, OPT_CSV) || option_given(&o, OPT_TABLES)))
            st = fail(err, EVOKE_EARG, "merge: --csv and --tables are for shards of an evaluation (%s)", o.arguments[0]);
        if (st == EVOKE_OK)
            st = merge(&o, (const char *const *)o.arguments, o.n_arguments, path, err);
        if (st == EVOKE_OK && !scores)
            st = theory ? summary(&o, path, "theory STORE --replicates", "", err)
                 : hdf5 ? summary(&o, path, "ev", " -o ev.h5", err)
                        : summary(&o, path, "eval", "", err);
    }
    options_free(&o);
    return st;
}
