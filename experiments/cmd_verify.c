/* experiments/cmd_verify.c: how exact this build is on this machine and model, and whether it keeps its promises. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/encoders.h"
#include "experiments/json_out.h"
#include "experiments/options.h"
#include "experiments/progress.h"

static const struct poptOption own[] = {
    { "ids", 0, POPT_ARG_STRING, NULL, OPT_IDS, "token ids to run: a JSON array, numbers, or @FILE (default: 32)",
      "LIST" },
    { "tolerance", 0, POPT_ARG_STRING, NULL, OPT_TOLERANCE, "share of its bound that an error may take (default 1)", "SHARE" },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "-m MODEL [--ids LIST] [--tolerance SHARE] [--json]",
    .about = "Runs a prompt and checks, on this machine and file:\n"
             "  every hook point against a float64 pass in plain loops over the same weights. Its bound: 16 times what that\n"
             "  pass strays when every rounding of float32 is put into it at random, token by token;\n"
             "  that logits do not depend on threads, batch, padding, order, cache, shared prefixes or shards, bit for bit;\n"
             "  each instruction set's kernels on the model's own weights: the whole pass, and products of each storage type.\n"
             "Not checked: whether the model's settings are understood rightly (both passes read them alike).\n"
             "Exit status 1 where a bound is broken; the error names the first.\n"
             "  --json: {\"hook_points\": {NAME: {\"max_abs\", \"max_rel\", \"bound\", \"share\", \"layer\", ...}},\n"
             "          \"invariance\": {NAME: {\"values\", \"differing\", \"ok\"}},\n"
             "          \"kernels\": {ISA: {\"hook_points\": {...}, \"types\": {TYPE: {HOW: {...}}}, \"ok\"}},\n"
             "          \"model\", \"isa\", \"compute\", \"threads\", \"tokens\", \"ok\"}",
    .examples = "  evoke verify -m model.gguf\n"
                "  evoke verify -m model.gguf --compute fast --json\n",
    .own = own,
    .groups = { { "Model:", options_model }, { "Computing:", options_compute } },
};

/* ---- JSON ---- */

static json_t *point_json(const evoke_verify_point *p)
{
    json_t *o = json_object();
    json_put(o, "max_abs", json_number(p->max_abs));
    json_put(o, "max_rel", json_number(p->max_rel));
    json_put(o, "bound", json_number(p->bound));
    json_put(o, "share", json_number(p->share));
    json_put(o, "layer", json_count(p->layer));
    json_put(o, "token", json_count(p->token));
    json_put(o, "ok", json_boolean(p->ok));
    return o;
}

static json_t *product_json(const evoke_verify_product *p)
{
    json_t *o = json_object();
    json_put(o, "max_abs", json_number(p->max_abs));
    json_put(o, "bound", json_number(p->bound));
    json_put(o, "share", json_number(p->share));
    json_put(o, "values", json_count(p->n_values));
    json_put(o, "differing", json_count(p->n_differing));
    json_put(o, "ok", json_boolean(p->ok));
    return o;
}

/* The types that an instruction set was tried on. */
static json_t *types_json(const evoke_verification *v, const char *isa)
{
    json_t *types = json_object();
    for (size_t i = 0; i < v->n_products; i++) {
        const evoke_verify_product *p = &v->products[i];
        if (strcmp(p->isa, isa) != 0)
            continue;
        if (!json_object_get(types, p->type))
            json_put(types, p->type, json_object());
        json_put(json_object_get(types, p->type), evoke_verify_how_name(p->how), product_json(p));
    }
    return types;
}

static json_t *kernels_json(const evoke_verification *v)
{
    json_t *kernels = json_object();
    for (size_t i = 0; i < v->n_isas; i++) {
        json_t *o = json_object(), *worst = point_json(&v->isas[i].worst);
        json_put(worst, "name", json_string(evoke_site_name(v->isas[i].worst.site)));
        json_put(o, "hook_points", worst);
        json_put(o, "types", types_json(v, v->isas[i].name));
        json_put(o, "ok", json_boolean(v->isas[i].ok));
        json_put(kernels, v->isas[i].name, o);
    }
    return kernels;
}

static evoke_status print_json(const evoke_model_info *info, const evoke_verification *v, evoke_error *err)
{
    json_t *all = json_object(), *points = json_object(), *same = json_object();
    for (size_t i = 0; i < EVOKE_N_SITE; i++)
        json_put(points, evoke_site_name((evoke_site)i), point_json(&v->points[i]));
    for (size_t i = 0; i < EVOKE_N_VERIFY_SAME; i++) {
        json_t *o = json_object();
        json_put(o, "values", json_count(v->same[i].n_values));
        json_put(o, "differing", json_count(v->same[i].n_differing));
        json_put(o, "ok", json_boolean(v->same[i].ok));
        json_put(same, v->same[i].name, o);
    }
    json_put(all, "hook_points", points);
    json_put(all, "invariance", same);
    json_put(all, "kernels", kernels_json(v));
    json_put(all, "model", json_string(info->name));
    json_put(all, "isa", json_string(info->isa));
    json_put(all, "compute", json_string(evoke_compute_name(info->compute)));
    json_put(all, "threads", json_count(info->n_threads));
    json_put(all, "tokens", json_count(v->n_ids));
    json_put(all, "ok", json_boolean(v->ok));
    return json_print(stdout, all, 6, err);
}

/* ---- text ---- */

static const char *verdict(bool ok)
{
    return ok ? "ok" : "BROKEN";
}

static void print_products(const evoke_verification *v, const char *isa)
{
    for (size_t i = 0; i < v->n_products; i++) {
        const evoke_verify_product *p = &v->products[i];
        if (strcmp(p->isa, isa) != 0)
            continue;
        printf("    %-8s%-10s", p->type, evoke_verify_how_name(p->how));
        if (p->how != EVOKE_VERIFY_VALUES)
            printf("%-10.2e of %-10.2e", p->max_abs, p->bound);
        if (p->how != EVOKE_VERIFY_FLOAT32)
            printf(" %zu of %zu differ from the portable kernels'", p->n_differing, p->n_values);
        printf("  %s\n", verdict(p->ok));
    }
}

static void print_text(const evoke_model_info *info, const evoke_verification *v)
{
    printf("%s: %s kernels, %s, %zu threads, a prompt of %zu tokens\n\nAgainst float64\n", info->name, info->isa,
           evoke_compute_name(info->compute), info->n_threads, v->n_ids);
    printf("  %-12s%-11s%-11s%-11s%-22s\n", "hook point", "max abs", "max rel", "bound", "nearest its own bound");
    for (size_t i = 0; i < EVOKE_N_SITE; i++) {
        const evoke_verify_point *p = &v->points[i];
        printf("  %-12s%-11.2e%-11.2e%-11.2e%5.1f %% layer %-3zu  %s\n", evoke_site_name(p->site), p->max_abs, p->max_rel,
               p->bound, 100 * p->share, p->layer, verdict(p->ok));
    }
    printf("\nThe same logits, bit for bit\n");
    for (size_t i = 0; i < EVOKE_N_VERIFY_SAME; i++)
        printf("  %-10s%-42s%zu of %zu differ  %s\n", v->same[i].name, v->same[i].about, v->same[i].n_differing,
               v->same[i].n_values, verdict(v->same[i].ok));
    printf("\nKernels: the whole pass, and products of the model's weights\n");
    for (size_t i = 0; i < v->n_isas; i++) {
        const evoke_verify_point *p = &v->isas[i].worst;
        printf("  %-12s%s at %.1f %% of its bound  %s\n", v->isas[i].name, evoke_site_name(p->site), 100 * p->share,
               verdict(v->isas[i].ok));
        print_products(v, v->isas[i].name);
    }
    printf("\n%s\n", v->ok ? "All of it holds." : "Not all of it holds.");
}

/* ---- the command ---- */

/* The first thing that does not hold, as an error. */
static evoke_status first_broken(const evoke_verification *v, const char *path, evoke_error *err)
{
    for (size_t i = 0; i < EVOKE_N_SITE; i++)
        if (!v->points[i].ok)
            return fail(err, EVOKE_ECOMPUTE, "verify: %s of layer %zu, token %zu, is off by %.3g times its bound (%s)",
                        evoke_site_name(v->points[i].site), v->points[i].layer, v->points[i].token, v->points[i].share, path);
    for (size_t i = 0; i < EVOKE_N_VERIFY_SAME; i++)
        if (!v->same[i].ok)
            return fail(err, EVOKE_ECOMPUTE, "verify: invariance to %s: %zu of %zu logits differ (%s)", v->same[i].name,
                        v->same[i].n_differing, v->same[i].n_values, path);
    for (size_t i = 0; i < v->n_isas; i++)
        if (!v->isas[i].ok)
            return fail(err, EVOKE_ECOMPUTE, "verify: %s kernels: %s of layer %zu is off by %.3g times its bound (%s)",
                        v->isas[i].name, evoke_site_name(v->isas[i].worst.site), v->isas[i].worst.layer, v->isas[i].worst.share,
                        path);
    for (size_t i = 0; i < v->n_products; i++) {
        const evoke_verify_product *p = &v->products[i];
        if (!p->ok)
            return fail(err, EVOKE_ECOMPUTE, "verify: %s kernels: %s of %s: %.3g times the bound, %zu of %zu values differ (%s)",
                        p->isa, evoke_verify_how_name(p->how), p->type, p->share, p->n_differing, p->n_values, path);
    }
    return EVOKE_OK;
}

static void hold_to(double tolerance, evoke_verification *v)
{
    for (size_t i = 0; i < EVOKE_N_SITE; i++)
        v->ok &= v->points[i].ok &= v->points[i].share <= tolerance;
    for (size_t i = 0; i < v->n_isas; i++)
        v->ok &= v->isas[i].ok &= v->isas[i].worst.ok &= v->isas[i].worst.share <= tolerance;
    for (size_t i = 0; i < v->n_products; i++)
        v->ok &= v->products[i].ok &= v->products[i].share <= tolerance;
}

static evoke_status verify(const options *o, evoke_error *err)
{
    evoke_model *m = NULL;
    evoke_verification v = { 0 };
    int32_t *ids = NULL;
    size_t n = 0;
    double tolerance = 1;
    progress p;
    evoke_status st = option_given(o, OPT_IDS) ? option_ids(o, OPT_IDS, &ids, &n, err) : EVOKE_OK;
    if (st == EVOKE_OK && option_given(o, OPT_IDS) && n == 0)
        st = fail(err, EVOKE_EARG, "verify: there is no token to run");
    if (st == EVOKE_OK)
        st = option_real(o, OPT_TOLERANCE, 0, 1, &tolerance, err);
    if (st == EVOKE_OK)
        st = options_open_model(o, EVOKE_EXACT, true, &m, err);
    if (st == EVOKE_OK) {
        progress_begin(&p, o->quiet);
        const evoke_progress hook = progress_hook(&p);
        st = evoke_verify(m, ids, n, &hook, &v, err);
        progress_end(&p);
    }
    if (st == EVOKE_OK)
        hold_to(tolerance, &v);
    if (st == EVOKE_OK && o->json)
        st = print_json(evoke_model_describe(m), &v, err);
    else if (st == EVOKE_OK)
        print_text(evoke_model_describe(m), &v);
    if (st == EVOKE_OK && !v.ok)
        st = first_broken(&v, evoke_model_describe(m)->path, err);
    evoke_verification_free(&v);
    free(ids);
    evoke_model_free(m);
    return st;
}

evoke_status cmd_verify(int argc, const char **argv, evoke_error *err)
{
    options o;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st == EVOKE_OK && !o.done)
        st = verify(&o, err);
    options_free(&o);
    return st;
}
