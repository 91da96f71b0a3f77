/* experiments/tune_output.c: what a search has found: as text, as JSON, and kept beside the vectors. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/json_out.h"
#include "experiments/tune.h"
#include "experiments/tuning.h"

const double tune_strengths[TUNE_N_STRENGTHS] = { -2, -1, -0.5, 0.5, 1, 1.5 };

/* Where between 0 and a strength, outwards, the loss reaches what is allowed; the last one tried where it does not. */
double tune_safe_end(const tuner *t, const tune_trial *tried, int sign)
{
    const tune_figures plain = tune_plain(t, t->prompts->n - t->n_validation, t->n_validation);
    double end = 0, spent_there = 0;
    for (size_t k = 0; k < TUNE_N_STRENGTHS; k++) {
        const size_t i = sign > 0 ? k : TUNE_N_STRENGTHS - 1 - k;        /* outwards */
        if (tune_strengths[i] * sign <= 0)
            continue;
        const double spent = tune_spent(t, &tried[i].figures, &plain);
        if (!tune_within(t, &tried[i].figures, &plain))
            return spent > 1 ? end + (tune_strengths[i] - end) * fmax(0, 1 - spent_there) / (spent - spent_there) : end;
        end = tune_strengths[i];
        spent_there = fmax(0, spent);
    }
    return end;
}

static json_t *figures_json(const tuner *t, const tune_figures *f)
{
    json_t *o = json_object(), *each = json_object();
    for (size_t e = 0; e < t->n_emotions; e++)
        json_put(each, evoke_vectors_emotion(t->vectors, t->emotions[e]), json_number(f->own_of[e]));
    json_put(o, "n", json_count(f->n));
    json_put(o, "hit", json_number(f->own));
    json_put(o, "hit_other", json_number(f->other));
    json_put(o, "ppl", json_number(f->n ? exp(f->log_ppl) : NAN));
    json_put(o, "distinct2", json_number(f->n ? f->distinct2 : NAN));
    json_put(o, "hit_of", each);
    return o;
}

static json_t *trial_json(const tuner *t, const tune_trial *r)
{
    const tune_figures plain = tune_plain(t, r->first, r->n_prompts);
    const tune_setting *s = &r->setting;
    json_t *o = figures_json(t, &r->figures);
    json_put(o, "stage", json_string(r->stage));
    json_put(o, "n_prompts", json_count(r->n_prompts));
    json_put(o, "site", json_string(evoke_site_name(s->site)));
    json_put(o, "first_layer", json_count(s->first));
    json_put(o, "last_layer", json_count(s->last));
    json_put(o, "positions", json_string(evoke_positions_name(s->positions)));
    json_put(o, "mode", json_string(evoke_steer_mode_name(s->mode)));
    json_put(o, "base_share", json_number(s->base_share));
    json_put(o, "alpha", json_number(s->alpha));
    json_put(o, "loss", json_number(exp(r->figures.log_ppl - plain.log_ppl) - 1));
    json_put(o, "within", json_boolean(tune_within(t, &r->figures, &plain)));
    return o;
}

static void print_trial(const tuner *t, const tune_trial *r, double strength)
{
    const tune_setting *s = &r->setting;
    const tune_figures plain = tune_plain(t, r->first, r->n_prompts);
    char layers[32], base[32] = "";
    snprintf(layers, sizeof layers, "%zu-%zu", s->first, s->last);
    if (s->base_share != 0)
        snprintf(base, sizeof base, " - %g base", s->base_share);
    printf("%6.3g x (EV%-11s) %-10s %-6s %-8s", isnan(strength) ? s->alpha : strength, base, evoke_site_name(s->site), layers,
           evoke_positions_name(s->positions));
    printf(" %5.2f %6.2f %7.2f %6.2f  %s\n", r->figures.own, r->figures.other, exp(r->figures.log_ppl), r->figures.distinct2,
           tune_within(t, &r->figures, &plain) ? "" : "beyond the limits");
}

static void print_plain(const tuner *t, size_t first, size_t n)
{
    const tune_figures f = tune_plain(t, first, n);
    printf("%-52s %5.2f %6.2f %7.2f %6.2f\n", "unsteered", f.own, f.other, exp(f.log_ppl), f.distinct2);
}

static const char head[] = "alpha   direction        site       layers positions   hit  other     ppl     d2\n";

/* Of the last round, those that no other one beats in both emotion and perplexity, and the whole of the validation. */
void tune_print(const tuner *t, const tune_outcome *r)
{
    const size_t n_tuning = t->prompts->n - t->n_validation;
    printf("%zu trials; the last round, on all %zu prompts for tuning:\n%s", t->n_trials - TUNE_N_STRENGTHS, n_tuning, head);
    print_plain(t, 0, n_tuning);
    for (size_t i = 0; i < t->n_trials; i++)
        if (strcmp(t->trials[i].stage, r->best.stage) == 0)
            print_trial(t, &t->trials[i], NAN);
    printf("\nthe best, on %zu prompts that nothing was chosen by; alpha in units of its own, %g:\n%s", t->n_validation,
           r->best.setting.alpha, head);
    print_plain(t, n_tuning, t->n_validation);
    for (size_t i = 0; i < TUNE_N_STRENGTHS; i++)
        print_trial(t, &r->tried[i], tune_strengths[i]);
    printf("\nsafe range of alpha: %.2f to %.2f (perplexity at most %g times the unsteered)\n", r->low, r->high, 1 + t->max_loss);
    if (!r->within)
        printf("no setting kept the limits: the best is the one that breaks them least\n");
    if (r->tried[TUNE_AS_FOUND].figures.own <= tune_plain(t, n_tuning, t->n_validation).own)
        printf("on these prompts the best is no more emotional than no steering at all: vectors of more\n"
               "queries, longer texts (-n) or other layers may help\n");
}

evoke_status tune_keep(const options *o, const tuner *t, const tune_outcome *r, const char *path, evoke_error *err)
{
    int32_t layers[TUNE_MOST_LAYERS];
    char *names[TUNE_MOST_EMOTIONS];
    double alphas[TUNE_MOST_EMOTIONS];
    tuning found = { .site = r->best.setting.site, .positions = r->best.setting.positions, .mode = r->best.setting.mode,
                     .base_share = r->best.setting.base_share, .layers = layers, .emotions = names, .alphas = alphas,
                     .n = t->n_emotions, .low = r->low, .high = r->high, .max_loss = t->max_loss };
    found.n_layers = tune_layers(t, &r->best.setting, layers);
    for (size_t e = 0; e < t->n_emotions; e++) {
        names[e] = (char *)evoke_vectors_emotion(t->vectors, t->emotions[e]);
        alphas[e] = r->best.setting.alpha;
    }
    json_t *figures = json_object();
    json_put(figures, "tuned_on", trial_json(t, &r->best));
    json_put(figures, "validated_on", trial_json(t, &r->tried[TUNE_AS_FOUND]));
    json_put(figures, "command_line", json_text(o->command_line, strlen(o->command_line)));
    return tuning_write(path, t->vectors, t->model, &found, figures, err);
}

evoke_status tune_print_json(const tuner *t, const tune_outcome *r, const char *path, evoke_error *err)
{
    const size_t n_tuning = t->prompts->n - t->n_validation;
    const tune_figures tuning_plain = tune_plain(t, 0, n_tuning), validation_plain = tune_plain(t, n_tuning, t->n_validation);
    json_t *o = json_object(), *trials = json_array(), *validation = json_array(), *safe = json_array();
    for (size_t i = 0; i + TUNE_N_STRENGTHS < t->n_trials; i++)
        json_add(trials, trial_json(t, &t->trials[i]));
    for (size_t i = 0; i < TUNE_N_STRENGTHS; i++) {
        json_t *one = trial_json(t, &r->tried[i]);
        json_put(one, "strength", json_number(tune_strengths[i]));
        json_add(validation, one);
    }
    json_add(safe, json_number(r->low));
    json_add(safe, json_number(r->high));
    json_put(o, "file", json_text(path, strlen(path)));
    json_put(o, "within", json_boolean(r->within));
    json_put(o, "best", trial_json(t, &r->best));
    json_put(o, "safe", safe);
    json_put(o, "unsteered", figures_json(t, &tuning_plain));
    json_put(o, "unsteered_validation", figures_json(t, &validation_plain));
    json_put(o, "validation", validation);
    json_put(o, "trials", trials);
    return json_print(stdout, o, 9, err);
}
