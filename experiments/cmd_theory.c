/* experiments/cmd_theory.c: Fisher's directions of a store against emotion vectors, by layer and emotion. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/options.h"
#include "experiments/progress.h"
#include "experiments/shards.h"
#include "experiments/theory_claims.h"
#include "experiments/theory_labelled.h"
#include "experiments/theory_output.h"

static const struct poptOption own[] = {
    { "ev", 0, POPT_ARG_STRING, NULL, OPT_EV, "compare with these (default: the store's own mean differences)", "FILE" },
    { "span", 0, POPT_ARG_STRING, NULL, OPT_SPAN,
      "which span's means (default: the only one held, else response, then query)", "SPAN" },
    { "site", 0, POPT_ARG_STRING, NULL, OPT_SITE, "hook point (default: resid_post if held, else the first)", "SITE" },
    { "layers", 0, POPT_ARG_STRING, NULL, OPT_LAYERS, "A-B, one layer, or all (default: all)", "RANGE" },
    { "shrinkage", 0, POPT_ARG_STRING, NULL, OPT_SHRINKAGE,
      "of Sw towards its mean diagonal: lw (Ledoit-Wolf), oas, cv (held-out likelihood), or 0..1 (default: lw)", "HOW" },
    { "bootstrap", 0, POPT_ARG_STRING, NULL, OPT_BOOTSTRAP, "replicates of the 95 % intervals; 0: none (default 1000)", "N" },
    { "shard", 0, POPT_ARG_STRING, NULL, OPT_SHARD, "to -o, for 'evoke merge', only replicates: " SHARD_HELP, "I/N" },
    { "replicates", 0, POPT_ARG_STRING, NULL, OPT_REPLICATES,
      "those, merged: the result without making them again; under mpirun the ranks make the file", "FILE" },
    { "permutations", 0, POPT_ARG_STRING, NULL, OPT_PERMUTATIONS, "of signs, for p; 0: none (default 1000)", "N" },
    { "controls", 0, POPT_ARG_STRING, NULL, OPT_CONTROLS, "random directions and permuted EVs; 0: none (default 200)", "N" },
    { "folds", 0, POPT_ARG_STRING, NULL, OPT_FOLDS, "of queries, for figures out of sample; 0: none (default 10)", "K" },
    { "seed", 0, POPT_ARG_STRING, NULL, OPT_SEED, "seed of the random numbers (default 0)", "N" },
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT, "Fisher's directions, as vectors that --ev takes", "FILE" },
    { "save", 0, POPT_ARG_STRING, NULL, OPT_SAVE,
      "directions as vectors: fisher, offset, rest, discriminants or component; may be repeated", "KIND=FILE" },
    { "raw", 0, POPT_ARG_NONE, NULL, OPT_RAW, "-o, --save: directions as they are (default: scaled to the norm of the EV)",
      NULL },
    { "stats", 0, POPT_ARG_STRING, NULL, OPT_STATS, "all figures, HDF5", "FILE" },
    { "figures", 0, POPT_ARG_STRING, NULL, OPT_FIGURES, "SVG figures, by gnuplot", "FOLDER" },
    POPT_TABLEEND
};
static const struct poptOption people[] = {
    { "labelled", 0, POPT_ARG_STRING, NULL, OPT_LABELLED,
      "the store's directions on the texts of this one, of one setting, which people labelled", "STORE2.h5" },
    { "labels", 0, POPT_ARG_STRING, NULL, OPT_LABEL_FILE,
      "their labels by id: JSON Lines (default: the texts' own emotions)", "FILE" },
    { "label-key", 0, POPT_ARG_STRING, NULL, OPT_LABEL_KEY, "where in --labels: a text or a list of texts (default: labels)",
      "KEY" },
    { "text-span", 0, POPT_ARG_STRING, NULL, OPT_TEXT_SPAN, "which span's means of the texts (default: as --span)", "SPAN" },
    { "ratings", 0, POPT_ARG_STRING, NULL, OPT_RATINGS, "words' valence and arousal (default: data/valence_arousal.json)",
      "FILE" },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "STORE.h5 [--ev VECTORS.h5] [options] | --claims -m MODEL --store STORE.h5 --ev VECTORS.h5",
    .about = "Is the emotion vector a good direction? Class 1: an emotion's queries in the emotion setting; class 0: the\n"
             "same in the neutral one. Fisher's direction is w = Sw^-1 (mu_1 - mu_0), wd that of the queries' offsets:\n"
             "  cos    cosine between EV and w        eff       share of w's Fisher ratio that EV reaches, in sample\n"
             "  held   the same on left-out queries   95 %, perm  its interval; 95 % point of eff of EVs with permuted labels\n"
             "  d' auc separation along EV, w and wd of queries that they were not fitted to\n"
             "  p      of Hotelling's T^2             shr       shrinkage of Sw that was used\n"
             "Second table, at each emotion's best layer: first layer above chance, best layer; split-half cosine of\n"
             "the EV; share of EVbase; eff of a vector spread evenly over Sw; cosine and eff of wd; AUC of an emotion\n"
             "against the others. Without -v the first table has the five layers of highest efficiency.\n"
             "With --claims the model is steered (--site, --layers) on queries held out, at each strength; --span, --folds,\n"
             "--bootstrap, --shrinkage, --seed, --stats and --figures as below:\n"
             "  slope of the score at 0 (0: neutral, 1: as the emotion's own prompts), rank correlation with alpha, share of\n"
             "  queries that rise up to the peak, peak, saturation, change at 1 over the slope's prediction, R2 for |alpha|\n"
             "  up to 1 and of all; KL and loss of likelihood in nats a token, similarity of responses, all at 1; the EV's\n"
             "  share in the topics' space over chance. Then all directions at the EV's norm, by emotion.\n"
             "With --labelled: EV, w, and the difference of means and w of an emotion against the others (rest_ev, rest_w),\n"
             "fitted to STORE, on texts that were run as they are (extract --settings data/settings_text.json): AUC of an\n"
             "emotion's label against all other texts, class by the highest standardised score, and the labels' own EVs.",
    .examples = "  evoke theory acts.h5\n"
                "  evoke theory acts.h5 --ev ev.h5 --layers 8-20 --shrinkage oas -v\n"
                "  evoke theory --claims -m model.gguf --store acts.h5 --ev ev.h5 --figures figures\n"
                "  evoke theory acts.h5 -o fisher.h5 --save offset=offset.h5 --stats theory.h5 --figures figures\n"
                "  evoke theory acts.h5 --labelled texts.h5 --labels texts.jsonl --label-key ekman --span query --layers 20\n",
    .own = own, .groups = { { "On texts that people labelled:", people }, { "The running model:", options_claims }, { "Model:", options_model }, { "Computing:", options_compute } },
    .least = 0, .most = 1,
};

static evoke_status default_site(const options *o, const evoke_store *s, evoke_site *site, evoke_error *err)
{
    const char *name = option_text(o, OPT_SITE);
    const size_t n = evoke_store_describe(s)->n_site;
    if (name)
        return parse_site("site", name, site, err);
    if (n == 0)
        return fail(err, EVOKE_EDATA, "theory: the store holds no site");
    *site = evoke_store_site(s, 0);
    for (size_t i = 0; i < n; i++)
        if (evoke_store_site(s, i) == EVOKE_RESID_POST)
            *site = EVOKE_RESID_POST;
    return EVOKE_OK;
}

static evoke_status read_range(const options *o, evoke_fisher_options *how, evoke_error *err)
{
    int32_t *layers = NULL;
    size_t n = 0;
    how->first_layer = 0;
    how->last_layer = -1;
    evoke_status st = parse_layers(option_text(o, OPT_LAYERS), &layers, &n, err);
    if (st == EVOKE_OK && layers) {
        how->first_layer = layers[0];
        how->last_layer = layers[n - 1];
        if ((size_t)(how->last_layer - how->first_layer) + 1 != n)
            st = fail(err, EVOKE_EARG, "read --layers: theory takes one range, A-B, not '%s'",
                      option_text(o, OPT_LAYERS));
    }
    free(layers);
    return st;
}

static evoke_status read_counts(const options *o, evoke_theory_options *how, evoke_error *err)
{
    const struct { option_id id; size_t most, *value; } counts[] = {
        { OPT_BOOTSTRAP, 10000000, &how->n_bootstrap }, { OPT_PERMUTATIONS, 10000000, &how->n_permutation },
        { OPT_CONTROLS, 1000000, &how->n_control }, { OPT_FOLDS, 1000000, &how->n_fold }, { OPT_THREADS, 4096, &how->n_threads },
    };
    how->n_threads = ranks_threads();
    evoke_status st = option_seed(o, OPT_SEED, &how->seed, err);
    for (size_t i = 0; i < sizeof counts / sizeof *counts && st == EVOKE_OK; i++)
        st = option_size(o, counts[i].id, counts[i].id == OPT_THREADS, counts[i].most, counts[i].value, err);
    if (st == EVOKE_OK && (how->n_fold == 1 || how->n_bootstrap == 1))
        st = fail(err, EVOKE_EARG, "theory: one %s tells nothing; 0: none, or two and more",
                  how->n_fold == 1 ? "fold" : "replicate");
    return st;
}

static evoke_status read_how(const options *o, const evoke_store *s, evoke_theory_options *how, evoke_error *err)
{
    evoke_fisher_options *fisher = &how->fisher;
    fisher->raw = option_given(o, OPT_RAW);
    evoke_status st = default_site(o, s, &fisher->site, err);
    if (st == EVOKE_OK)
        st = options_one_span(o, &fisher->span, &fisher->any_span, err);
    if (st == EVOKE_OK)
        st = read_range(o, fisher, err);
    if (st == EVOKE_OK)
        st = read_counts(o, how, err);
    if (st == EVOKE_OK)
        st = options_shrinkage(o, &fisher->shrinkage, err);
    return st;
}

/* ---- files ---- */

/* The i-th --save, "KIND=FILE". */
static evoke_status read_save(const options *o, size_t i, evoke_direction *direction, const char **path, evoke_error *err)
{
    char kind[32];
    const char *text = option_nth(o, OPT_SAVE, i), *equals = strchr(text, '=');
    const size_t length = equals ? (size_t)(equals - text) : 0;
    snprintf(kind, sizeof kind, "%.*s", length < sizeof kind ? (int)length : 0, text);
    if (!equals || !equals[1] || !evoke_direction_find(kind, direction))
        return fail(err, EVOKE_EARG, "read --save: '%s' is not KIND=FILE; kinds are fisher, offset, rest, discriminants and"
                    " component", text);
    *path = equals + 1;
    return options_check_output(o, OPT_SAVE, *path, err);
}

/* The i-th output: --output, --stats, then each --save. */
static evoke_status output_path(const options *o, size_t i, const char **path, evoke_error *err)
{
    evoke_direction direction;
    if (i >= 2)
        return read_save(o, i - 2, &direction, path, err);
    *path = option_text(o, i == 0 ? OPT_OUTPUT : OPT_STATS);
    return i == 0 ? EVOKE_OK : options_check_output(o, OPT_STATS, *path, err);
}

static evoke_status check_files(const options *o, evoke_error *err)
{
    const char *path = NULL, *other = NULL;
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; i < 2 + option_times(o, OPT_SAVE) && st == EVOKE_OK; i++) {
        st = output_path(o, i, &path, err);
        for (size_t j = 0; j < i && st == EVOKE_OK; j++) {
            st = output_path(o, j, &other, err);
            if (st == EVOKE_OK && path && other && strcmp(path, other) == 0)
                st = fail(err, EVOKE_EARG, "theory: two outputs go to one file (%s)", path);
        }
    }
    if (st == EVOKE_OK && option_given(o, OPT_RAW) && !option_given(o, OPT_OUTPUT) && !option_given(o, OPT_SAVE))
        st = fail(err, EVOKE_EARG, "theory: --raw is about the directions, which only -o and --save write");
    return st;
}

static evoke_status save_direction(const evoke_theory *t, evoke_direction direction, const char *path,
                                   const evoke_provenance *made, evoke_error *err)
{
    const evoke_vectors *v = evoke_theory_directions(t, direction);
    if (!v)
        return fail(err, EVOKE_EDATA, "save directions: a store of one emotion has no %s (%s)", evoke_direction_name(direction),
                    path);
    return evoke_vectors_save(v, path, made, err);
}

static evoke_status write_files(const options *o, const evoke_theory *t, const evoke_store *s, uint64_t seed,
                                evoke_error *err)
{
    const evoke_provenance made = { o->command_line, seed };
    const char *path = option_text(o, OPT_OUTPUT), *stats = option_text(o, OPT_STATS);
    const char *figures = option_text(o, OPT_FIGURES);
    evoke_direction direction = EVOKE_DIRECTION_FISHER;
    evoke_status st = path ? save_direction(t, direction, path, &made, err) : EVOKE_OK;
    for (size_t i = 0; i < option_times(o, OPT_SAVE) && st == EVOKE_OK; i++) {
        st = read_save(o, i, &direction, &path, err);
        if (st == EVOKE_OK)
            st = save_direction(t, direction, path, &made, err);
    }
    if (st == EVOKE_OK && stats)
        st = evoke_theory_save(t, stats, &made, err);
    if (st == EVOKE_OK && figures)
        st = theory_draw(t, s, figures, err);
    return st;
}

/* Ranks make the file of --replicates together, and rank 0 goes on with it; *done: nothing is left to do for this rank. */
static evoke_status replicates_by_rank(const options *o, evoke_store *s, evoke_theory_options *how, bool *done, evoke_error *err)
{
    const evoke_provenance made = { o->command_line, how->seed };
    work_part part = { 0 };
    progress p;
    evoke_status st = part_choose(o, how->replicates, true, &part, err);
    if (st == EVOKE_OK && part.own_path) {
        const char *whole = how->replicates;
        how->replicates = NULL;
        progress_begin(&p, o->quiet);
        const evoke_progress hook = progress_hook(&p);
        st = evoke_theory_replicates(s, how, part.shard, part.n_shards, part.path, &made, &hook, err);
        progress_end(&p);
        st = part_finish(o, &part, merge_replicates, NULL, st, err);
        how->replicates = whole;
    }
    part_free(&part);
    *done = ranks_place() > 0;
    return st;
}

/* Of the figures, only what takes long is divided: everything else comes with --replicates. */
static evoke_status make_replicates(const options *o, evoke_store *s, const evoke_theory_options *how, const work_part *part,
                                    evoke_error *err)
{
    const char *path = NULL;
    progress p;
    const evoke_provenance made = { o->command_line, how->seed };
    if (option_given(o, OPT_STATS) || option_given(o, OPT_SAVE) || option_given(o, OPT_FIGURES) || o->json)
        return fail(err, EVOKE_EARG, "theory: a shard makes replicates only: --stats, --save, --figures and --json go with "
                    "--replicates, after 'evoke merge'");
    evoke_status st = option_need(o, OPT_OUTPUT, "theory of a shard", &path, err);
    if (st != EVOKE_OK)
        return st;
    progress_begin(&p, o->quiet);
    const evoke_progress hook = progress_hook(&p);
    st = evoke_theory_replicates(s, how, part->shard, part->n_shards, path, &made, &hook, err);
    progress_end(&p);
    if (st == EVOKE_OK)
        printf("replicates  shard %zu of %zu\nfile        %s\nnext        evoke merge, of all %zu shards\n", part->shard,
               part->n_shards, path, part->n_shards);
    return st;
}

static void tell_unfinished(const options *o, const evoke_store *s)
{
    const evoke_store_info *i = evoke_store_describe(s);
    const size_t n = i->n_query * i->n_setting;
    if (!o->quiet && i->n_done < n)
        say("%s: %zu of %zu prompts are not done; their queries are left out", o->arguments[0], n - i->n_done, n);
}

static evoke_status theory(const options *o, evoke_error *err)
{
    evoke_store *s = NULL;
    evoke_vectors *v = NULL;
    evoke_theory_options how = evoke_theory_defaults();
    evoke_theory *t = NULL;
    work_part part = { 0 };
    progress p;
    const char *ev = option_text(o, OPT_EV);
    evoke_status st = evoke_store_open(o->arguments[0], &s, err);
    if (st == EVOKE_OK)
        st = read_how(o, s, &how, err);
    if (st == EVOKE_OK && ev)
        st = options_open_vectors(o, ev, &v, err);
    how.fisher.vectors = v;
    if (st == EVOKE_OK && option_given(o, OPT_LABELLED)) {
        st = theory_labelled(o, s, &how, err);
        goto done;
    }
    how.replicates = option_text(o, OPT_REPLICATES);
    if (st == EVOKE_OK && ranks_number() > 1) {
        bool done = false;
        st = replicates_by_rank(o, s, &how, &done, err);
        if (done)
            goto done;
    } else if (st == EVOKE_OK) {
        st = part_choose(o, option_text(o, OPT_OUTPUT), false, &part, err);
    }
    if (st == EVOKE_OK && part.n_shards) {
        st = make_replicates(o, s, &how, &part, err);
        goto done;
    }
    if (st == EVOKE_OK) {
        progress_begin(&p, o->quiet);
        const evoke_progress hook = progress_hook(&p);
        st = evoke_theory_run(s, &how, &hook, &t, err);
        progress_end(&p);
    }
    if (st == EVOKE_OK)
        tell_unfinished(o, s);
    if (st == EVOKE_OK && o->json)
        st = theory_print_json(t, s, how.fisher.site, err);
    else if (st == EVOKE_OK)
        theory_print_table(t, s, how.fisher.site, o->verbose);
    if (st == EVOKE_OK)
        st = write_files(o, t, s, how.seed, err);
done:
    evoke_theory_free(t);
    evoke_vectors_free(v);
    evoke_store_free(s);
    return st;
}

/* Options of the one use that were given with the other. */
static evoke_status check_use(const options *o, evoke_error *err)
{
    if (option_given(o, OPT_LABELLED) && (option_given(o, OPT_SHARD) || option_given(o, OPT_REPLICATES)))
        return fail(err, EVOKE_EARG, "theory: --labelled is not divided: no --shard, no --replicates");
    if (ranks_number() > 1 && !option_given(o, OPT_REPLICATES))
        return fail(err, EVOKE_EARG, "theory: mpirun has started %zu ranks, which divide the replicates alone: --replicates FILE "
                    "is missing, the file that they make", ranks_number());
    static const option_id of_claims[] = { OPT_MODEL, OPT_ISA, OPT_COMPUTE, OPT_STORE, OPT_ALPHAS, OPT_POSITIONS, OPT_SCORE_LAYER,
                                           OPT_LIMIT, OPT_N_PREDICT, OPT_EMBED_MODEL, OPT_JUDGE_MODEL };
    static const option_id of_store[] = { OPT_OUTPUT, OPT_SAVE, OPT_RAW, OPT_PERMUTATIONS, OPT_CONTROLS,
                                          OPT_SHARD, OPT_REPLICATES };
    const bool claims = option_given(o, OPT_CLAIMS);
    const option_id *other = claims ? of_store : of_claims;
    const size_t n = claims ? sizeof of_store / sizeof *of_store : sizeof of_claims / sizeof *of_claims;
    for (size_t i = 0; i < n; i++)
        if (option_given(o, other[i]))
            return fail(err, EVOKE_EARG, "theory: --%s is an option %s --claims", option_name(o, other[i]), claims ? "without" : "of");
    if (!claims && o->n_arguments == 0)
        return fail(err, EVOKE_EARG, "theory: STORE is missing (usage: evoke theory %s)", takes.usage);
    return EVOKE_OK;
}

evoke_status cmd_theory(int argc, const char **argv, evoke_error *err)
{
    options o;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done)
        st = check_use(&o, err);
    if (st == EVOKE_OK && !o.done)
        st = check_files(&o, err);
    if (st == EVOKE_OK && !o.done)
        st = option_given(&o, OPT_CLAIMS) ? theory_claims(&o, err) : theory(&o, err);
    options_free(&o);
    return st;
}
