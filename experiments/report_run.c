/* experiments/report_run.c: what was run: every file's own words about its making, and how to do it again; what a store holds. */
#include <stdlib.h>
#include <string.h>

#include "experiments/report.h"

static void term(page *p, const char *name, const char *value)
{
    if (value && *value) {
        page_element(p, "dt", name);
        page_element(p, "dd", value);
    }
}

static evoke_status hdf5_terms(page *p, const char *path, evoke_error *err)
{
    static const struct { const char *name, *shown; } terms[] = {
        { "model_name", "model" }, { "model_sha256", "SHA-256" }, { "architecture", "architecture" }, { "n_layers", "layers" },
        { "d_model", "width" }, { "seed", "seed" }, { "method", "method" }, { "site", "site" }, { "span", "span" },
        { "text_span", "span of the texts" }, { "n_text", "texts" },
        { "setting", "setting" }, { "shrinkage_asked", "shrinkage (-1 lw, -2 oas, -3 cv)" }, { "n_bootstrap", "bootstrap" },
        { "n_permutation", "permutations" }, { "n_control", "controls" }, { "n_fold", "folds" },
        { "n_predict", "tokens answered" },
        { "recipe", "computed" }, { "version", "format version" }, { "program_version", "evoke" },
    };
    evoke_status st = EVOKE_OK;
    for (size_t i = 0; st == EVOKE_OK && i < sizeof terms / sizeof *terms; i++) {
        evoke_text value = { 0 };
        st = evoke_file_attribute(path, terms[i].name, &value, err);
        term(p, terms[i].shown, value.data);
        evoke_text_free(&value);
    }
    return st;
}

static evoke_status command(page *p, const char *path, evoke_error *err)
{
    evoke_text value = { 0 };
    const evoke_status st = evoke_file_attribute(path, "command_line", &value, err);
    if (value.data && *value.data)
        page_element(p, "pre", value.data);
    else
        fputs("<p class=\"dim\">The file does not say the command that made it.</p>\n", p->f);
    evoke_text_free(&value);
    return st;
}

/* Of a sweep: what its first response says, which all of them share. */
static void sweep_terms(page *p, const json_t *first)
{
    static const char *const names[] = { "model", "model_sha256", "version", "seed", "sampling", "n_predict", "compute", "steering" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *v = json_object_get(first, names[i]);
        char *text = v && !json_is_null(v) && !json_is_string(v) ? json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : NULL;
        term(p, names[i], json_is_string(v) ? json_string_value(v) : text);
        free(text);
    }
}

/* Of an evaluation: which models and methods gave its figures. */
static void eval_terms(page *p, const json_t *methods)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)methods, name, v) {
        char *text = json_is_string(v) ? NULL : json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
        term(p, name, json_is_string(v) ? json_string_value(v) : text);
        free(text);
    }
}

evoke_status report_run(page *p, const report_file *file, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    fputs("<section>\n<h3>", p->f);
    page_text(p, report_kind_name(file->kind));
    fputs(": ", p->f);
    page_text(p, file->path);
    fputs("</h3>\n<dl>\n", p->f);
    if (file->kind == REPORT_SWEEP)
        sweep_terms(p, json_array_get(file->json, 0));
    else if (file->kind == REPORT_EVAL)
        eval_terms(p, json_object_get(file->json, "methods"));
    else
        st = hdf5_terms(p, file->path, err);
    fputs("</dl>\n", p->f);
    if (st == EVOKE_OK && !file->json)
        st = command(p, file->path, err);
    if (file->kind == REPORT_EVAL && !json_object_size(json_object_get(file->json, "methods")))
        fputs("<p class=\"dim\">The file says nothing about its making.</p>\n", p->f);
    fputs("</section>\n", p->f);
    return st;
}

evoke_status report_store(page *p, const report_file *file, evoke_error *err)
{
    const evoke_store_info *i = evoke_store_describe(file->store);
    evoke_status st = EVOKE_OK;
    page_element(p, "h3", file->path);
    fprintf(p->f, "<p>%zu queries in %zu settings, %zu layers of %zu; %zu of %zu prompts done.</p>\n<div class=\"scroll\" "
            "tabindex=\"0\" role=\"region\" aria-label=\"Queries by emotion\"><table><thead><tr><th scope=\"col\">emotion</th>"
            "<th scope=\"col\">queries</th></tr></thead><tbody>\n", i->n_query, i->n_setting, i->n_layer, i->d_model, i->n_done,
            i->n_query * i->n_setting);
    for (size_t e = 0; e < i->n_emotion; e++) {
        fputs("<tr>", p->f);
        page_element(p, "th scope=\"row\"", evoke_store_emotion(file->store, e));
        fprintf(p->f, "<td>%zu</td></tr>\n", evoke_store_emotion_count(file->store, e));
    }
    fputs("</tbody></table></div>\n", p->f);
    for (size_t k = 0; k < i->n_site; k++)
        for (evoke_span span = 0; st == EVOKE_OK && span < EVOKE_N_SPAN; span++) {
            double ratio = 0;
            int32_t layer = 0;
            const evoke_site site = evoke_store_site(file->store, k);
            if (!evoke_store_has(file->store, site, span))
                continue;
            st = evoke_store_sink(file->store, site, span, &ratio, &layer, err);
            fprintf(p->f, "<p>%s, span %s", evoke_site_name(site), evoke_span_name(span));
            if (ratio > 10)
                fprintf(p->f, ": one position's norm is %.1f times the median in layer %d, and its mean leans on that position",
                        ratio, (int)layer);
            fputs(".</p>\n", p->f);
        }
    return st;
}
