/* experiments/report.h: what `evoke report` has been given, and the sections of its page. */
#ifndef REPORT_H
#define REPORT_H

#include <jansson.h>

#include "experiments/page.h"

typedef enum report_kind {
    REPORT_STORE, REPORT_VECTORS, REPORT_THEORY, REPORT_LABELLED, REPORT_CLAIMS, REPORT_SWEEP, REPORT_EVAL, REPORT_N_KIND
} report_kind;

typedef struct report_file {
    report_kind kind;
    const char *path;
    evoke_store *store;             /* of its kind one; the others NULL */
    evoke_vectors *vectors;
    evoke_figures *figures;         /* theory, claims or labelled */
    json_t *json;                   /* sweep: an array of responses; eval: an object */
} report_file;

typedef struct report_files {
    report_file *files;             /* [n] in the order given */
    size_t n;
    size_t n_of[REPORT_N_KIND];
} report_files;

/* Each file by what it is. Errors: EVOKE_EFORMAT it is nothing that a report shows; those of opening it. */
evoke_status report_open(char *const *paths, size_t n, report_files *out, evoke_error *err);
void report_close(report_files *r);
/* "store", "vectors", ... */
const char *report_kind_name(report_kind kind);

/* The sections; each shows one file. */
evoke_status report_run(page *p, const report_file *file, evoke_error *err);                    /* what was run */
evoke_status report_store(page *p, const report_file *file, evoke_error *err);
evoke_status report_vectors(page *p, const evoke_vectors *v, evoke_error *err);
evoke_status report_theory(page *p, const report_file *file, evoke_error *err);
evoke_status report_labelled(page *p, const report_file *file, evoke_error *err);
evoke_status report_claims(page *p, const report_file *file, evoke_error *err);
evoke_status report_texts(page *p, const report_file *file, size_t most, evoke_error *err);    /* most: queries shown */
evoke_status report_metrics(page *p, const report_file *file, evoke_error *err);
/* data/report.ipynb with the files' paths; and whether it is there. Errors: EVOKE_EIO it is not installed. */
evoke_status report_notebook_check(evoke_error *err);
evoke_status report_notebook(FILE *f, const report_files *r, evoke_error *err);

#endif
