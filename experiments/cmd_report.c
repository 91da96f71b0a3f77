/* experiments/cmd_report.c: results as one HTML page that needs nothing else, and a notebook that draws its figures again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "experiments/options.h"
#include "experiments/output.h"
#include "experiments/progress.h"
#include "experiments/report.h"

#define NOTEBOOKS "notebooks-out"

static const struct poptOption own[] = {
    { "output", 'o', POPT_ARG_STRING, NULL, OPT_OUTPUT, "the page, HTML", "FILE" },
    { "notebook", 0, POPT_ARG_STRING, NULL, OPT_NOTEBOOK,
      "the notebook (default: " NOTEBOOKS "/, under the page's name); none: no notebook", "FILE" },
    { "limit", 0, POPT_ARG_STRING, NULL, OPT_LIMIT, "at most N queries of a sweep with their texts (default 10)", "N" },
    POPT_TABLEEND
};
static const command_options takes = {
    .usage = "FILE... -o REPORT.html [--notebook FILE.ipynb] [--limit N]",
    .about = "Stores, vectors, theory, claims and labelled files (theory --stats), a sweep's responses and what eval --json\n"
             "prints, each recognised by what it is, as one page: what was run and how to run it again, norms of the vectors\n"
             "by layer, cosines, principal plane, Fisher efficiency and AUC by layer, AUC and F1 on texts that people labelled,\n"
             "dose and response with bands, steered texts side by side, metrics in tables. The page needs no network and no other file; what has no file is left out and said.\n"
             "The notebook draws the figures again from the same files, with h5py and matplotlib.",
    .examples = "  evoke report acts.h5 ev.h5 theory.h5 claims.h5 sweep.jsonl scores.json -o report.html\n"
                "  evoke report ev.h5 -o ev.html --notebook none\n",
    .own = own, .least = 1, .most = 256,
};

/* ---- the page ---- */

/* Vectors of a store, where no vectors file was given; *v stays NULL where it holds too little for them. */
static evoke_status vectors_of(evoke_store *s, evoke_vectors **v, evoke_error *err)
{
    evoke_ev_report r = { 0 };
    progress silent;
    progress_begin(&silent, true);
    const evoke_progress hook = progress_hook(&silent);
    const evoke_status st = evoke_mean_difference(s, &(evoke_ev_options){ .any_span = true, .partial = true }, &hook, v, &r, err);
    return st == EVOKE_EDATA ? EVOKE_OK : st;
}

static evoke_status stores_vectors(page *p, const report_file *file, evoke_error *err)
{
    evoke_vectors *v = NULL;
    evoke_status st = vectors_of(file->store, &v, err);
    fputs("<h3>of ", p->f);
    page_text(p, file->path);
    fputs("</h3>\n", p->f);
    if (st == EVOKE_OK && v)
        st = report_vectors(p, v, err);
    else if (st == EVOKE_OK)
        fputs("<p class=\"dim\">The store holds too few complete queries for emotion vectors.</p>\n", p->f);
    evoke_vectors_free(v);
    return st;
}

static evoke_status show_file(page *p, const report_file *file, size_t most, evoke_error *err)
{
    switch (file->kind) {
    case REPORT_STORE:  return report_store(p, file, err);
    case REPORT_THEORY: return report_theory(p, file, err);
    case REPORT_LABELLED: return report_labelled(p, file, err);
    case REPORT_CLAIMS: return report_claims(p, file, err);
    case REPORT_SWEEP:  return report_texts(p, file, most, err);
    case REPORT_EVAL:   return report_metrics(p, file, err);
    default:
        page_element(p, "h3", file->path);
        return report_vectors(p, file->vectors, err);
    }
}

static const struct { report_kind kind; const char *heading, *what, *from; } sections[] = {
    { REPORT_STORE, "Activations", "the queries by emotion", "a store (evoke extract)" },
    { REPORT_VECTORS, "Emotion vectors", "norms by layer, cosines, principal plane", "a vectors file (evoke ev) or a store" },
    { REPORT_THEORY, "How good the directions are", "Fisher efficiency and AUC by layer",
      "a theory file (evoke theory --stats)" },
    { REPORT_LABELLED, "On texts that people labelled", "agreement with people's labels by layer",
      "a file of labelled texts (evoke theory --labelled --stats)" },
    { REPORT_CLAIMS, "Dose and response", "dose and response", "a claims file (evoke theory --claims --stats)" },
    { REPORT_SWEEP, "Steered texts", "steered texts side by side", "a sweep's responses (evoke sweep)" },
    { REPORT_EVAL, "Metrics", "metrics", "an evaluation (evoke eval --json)" },
};

static evoke_status show_sections(page *p, const report_files *r, size_t most, evoke_error *err)
{
    evoke_status st = EVOKE_OK;
    for (size_t k = 0; st == EVOKE_OK && k < sizeof sections / sizeof *sections; k++) {
        const report_kind kind = sections[k].kind;
        const bool by_store = kind == REPORT_VECTORS && r->n_of[kind] == 0;
        if (r->n_of[kind] == 0 && !(by_store && r->n_of[REPORT_STORE] > 0))
            continue;
        page_element(p, "h2", sections[k].heading);
        for (size_t i = 0; st == EVOKE_OK && i < r->n; i++)
            if (interrupted())
                st = fail(err, EVOKE_EINTERRUPTED, "report: interrupted, nothing is written");
            else if (by_store && r->files[i].kind == REPORT_STORE)
                st = stores_vectors(p, &r->files[i], err);
            else if (r->files[i].kind == kind)
                st = show_file(p, &r->files[i], most, err);
    }
    return st;
}

static void show_missing(page *p, const report_files *r)
{
    bool any = false;
    for (size_t k = 0; k < sizeof sections / sizeof *sections; k++) {
        const report_kind kind = sections[k].kind;
        if (r->n_of[kind] > 0 || (kind == REPORT_VECTORS && r->n_of[REPORT_STORE] > 0))
            continue;
        if (!any)
            fputs("<h2>Left out</h2>\n<ul>\n", p->f);
        any = true;
        fprintf(p->f, "<li>%s: needs %s</li>\n", sections[k].what, sections[k].from);
    }
    if (any)
        fputs("</ul>\n", p->f);
}

static evoke_status write_page(FILE *f, const options *o, const report_files *r, size_t most, evoke_error *err)
{
    page p = { .f = f };
    evoke_status st = EVOKE_OK;
    page_begin(&p, "Emotion vectors: a report");
    fputs("<h2>What was run</h2>\n<p>This page was written by evoke ", f);
    page_text(&p, evoke_version());
    fputs(", by</p>\n", f);
    page_element(&p, "pre", o->command_line ? o->command_line : "");
    fputs("<p>from these files; each says the command that makes it again.</p>\n<div class=\"cards\">\n", f);
    for (size_t i = 0; st == EVOKE_OK && i < r->n; i++)
        st = report_run(&p, &r->files[i], err);
    fputs("</div>\n", f);
    if (st == EVOKE_OK)
        st = show_sections(&p, r, most, err);
    show_missing(&p, r);
    page_end(&p);
    if (st == EVOKE_OK && p.out_of_memory)
        st = fail(err, EVOKE_ENOMEM, "report: no memory");
    return st;
}

/* ---- where the results go ---- */

/* notebooks-out/NAME.ipynb for a page .../NAME.html, in a folder made where it is missing. *path is the caller's. */
static evoke_status usual_notebook(const char *page_path, char **path, bool *new_folder, evoke_error *err)
{
    const char *slash = strrchr(page_path, '/'), *name = slash ? slash + 1 : page_path, *dot = strrchr(name, '.');
    const size_t length = dot && dot > name ? (size_t)(dot - name) : strlen(name), size = length + sizeof NOTEBOOKS "/.ipynb";
    const evoke_status st = allocate(path, size, 1, err);
    if (st != EVOKE_OK)
        return st;
    snprintf(*path, size, NOTEBOOKS "/%.*s.ipynb", (int)length, name);
    *new_folder = mkdir(NOTEBOOKS, 0777) == 0;
    if (!*new_folder && errno != EEXIST)
        return fail(err, EVOKE_EIO, "make the folder of notebooks: %s (%s)", strerror(errno), NOTEBOOKS);
    return EVOKE_OK;
}

static evoke_status notebook_path(const options *o, const char *page_path, char **path, bool *new_folder, evoke_error *err)
{
    const char *given = option_text(o, OPT_NOTEBOOK);
    *path = NULL;
    if (given && strcmp(given, "none") == 0)
        return EVOKE_OK;
    const evoke_status st = report_notebook_check(err); /* before a folder is made for it */
    if (st != EVOKE_OK)
        return st;
    if (!given)
        return usual_notebook(page_path, path, new_folder, err);
    *path = strdup(given);
    return *path ? options_check_output(o, OPT_NOTEBOOK, given, err) : fail(err, EVOKE_ENOMEM, "report: no memory");
}

/* Both are written before either has its name. */
static evoke_status write_both(const options *o, const report_files *r, const char *page_path, const char *notebook, size_t most,
                               evoke_error *err)
{
    output html = { .file = NULL }, book = { .file = NULL };
    evoke_status st = output_open(&html, page_path, err);
    if (st == EVOKE_OK && notebook)
        st = output_open(&book, notebook, err);
    if (st == EVOKE_OK)
        st = write_page(html.file, o, r, most, err);
    if (st == EVOKE_OK && notebook)
        st = report_notebook(book.file, r, err);
    if (st == EVOKE_OK && notebook)
        st = output_commit(&book, err);
    if (st == EVOKE_OK)
        st = output_commit(&html, err);
    output_discard(&book);
    output_discard(&html);
    return st;
}

evoke_status cmd_report(int argc, const char **argv, evoke_error *err)
{
    options o;
    report_files files = { .n = 0 };
    const char *path = NULL;
    char *notebook = NULL;
    bool new_folder = false;
    size_t most = 10;
    evoke_status st = options_parse(argc, argv, &takes, &o, err);
    if (st != EVOKE_OK || o.done)
        goto done;
    st = option_need(&o, OPT_OUTPUT, "report", &path, err);
    if (st == EVOKE_OK)
        st = option_size(&o, OPT_LIMIT, 1, 1000, &most, err);
    if (st == EVOKE_OK)
        st = report_open(o.arguments, o.n_arguments, &files, err);
    if (st == EVOKE_OK)
        st = notebook_path(&o, path, &notebook, &new_folder, err);
    if (st == EVOKE_OK)
        st = write_both(&o, &files, path, notebook, most, err);
    if (st == EVOKE_OK && !o.quiet)
        printf("report      %s\n%s%s%s", path, notebook ? "notebook    " : "", notebook ? notebook : "", notebook ? "\n" : "");
    if (st != EVOKE_OK && new_folder)
        rmdir(NOTEBOOKS);
done:
    free(notebook);
    report_close(&files);
    options_free(&o);
    return st;
}
