/* Everything in theory/ against what NumPy and scikit-learn make of a model's activations in float64: a layer that comes
 * with the project, and all layers of the full reference where that is present. */
#include <stdio.h>
#include <string.h>

#include "core/files/hdf5.h"
#include "tests/check.h"
#include "tests/theory/rows.h"
#include "theory/alignment.h"
#include "theory/classes.h"
#include "theory/fisher.h"
#include "theory/pairs.h"
#include "theory/separation.h"
#include "theory/shrinkage.h"

enum { N = 60, S = 2, D = 576 };
static const double tolerance = 1e-8;       /* float64 against float64; what is asked for is 1e-4 */

typedef struct reference {
    evk_h5 *f;
    char **emotions;
    size_t n_emotion, n_layer, dims[EVK_H5_MAX_DIM];
    int32_t *layers;
    int16_t which[N];
    float *x;                       /* [N, S, L, D] */
} reference;

static bool reference_open(reference *r, const char *path)
{
    size_t n_dim = 0, layer_dims[EVK_H5_MAX_DIM];
    evoke_error err = {0};
    *r = (reference){0};
    const bool ok = evk_h5_open(path, &r->f, &err) == EVOKE_OK
        && evk_h5_read_strings(r->f, "/emotions", &r->emotions, &r->n_emotion, &err) == EVOKE_OK
        && evk_h5_shape(r->f, "/activations/resid_post/mean", &n_dim, r->dims, &err) == EVOKE_OK
        && evk_h5_shape(r->f, "/layers", &n_dim, layer_dims, &err) == EVOKE_OK;
    if (!check(ok && r->dims[0] == N && r->dims[1] == S && r->dims[3] == D && r->dims[2] == layer_dims[0], "%s: %s", path,
               err.text))
        return false;
    r->n_layer = r->dims[2];
    r->layers = calloc(r->n_layer, sizeof *r->layers);
    r->x = calloc(N * S * D * r->n_layer, sizeof *r->x);
    return check(evk_h5_read(r->f, "/layers", EVK_H5_I32, NULL, NULL, r->layers, &err) == EVOKE_OK
                 && evk_h5_read(r->f, "/queries/emotion", EVK_H5_I16, NULL, NULL, r->which, &err) == EVOKE_OK
                 && evk_h5_read(r->f, "/activations/resid_post/mean", EVK_H5_F32, NULL, NULL, r->x, &err) == EVOKE_OK,
                 "%s: %s", path, err.text);
}

static void reference_close(reference *r)
{
    evk_h5_free(r->f);
    free(r->emotions);
    free(r->layers);
    free(r->x);
}

static const float *row_of(const reference *r, size_t query, size_t setting, size_t l)
{
    return r->x + ((query * S + setting) * r->n_layer + l) * D;
}

/* A value of the reference; NaN, which no check passes, where it cannot be read. */
static void expect(reference *r, const char *group, const char *name, size_t n, double *out)
{
    char path[256];
    evoke_error err = {0};
    snprintf(path, sizeof path, "%s/%s", group, name);
    for (size_t i = 0; i < n; i++)
        out[i] = NAN;
    check(evk_h5_read(r->f, path, EVK_H5_F64, NULL, NULL, out, &err) == EVOKE_OK, "%s: %s", path, err.text);
}

static void check_number(reference *r, const char *group, const char *name, const char *suffix, double got)
{
    char full[64];
    double expected = 0;
    snprintf(full, sizeof full, "%s%s", name, suffix);
    expect(r, group, full, 1, &expected);
    check(near(got, expected, tolerance), "%s/%s: %.12g, expected %.12g", group, full, got, expected);
}

static void check_along(reference *r, const char *group, const char *name, const evk_scatter *sc, const double *v,
                        evk_class one, evk_class zero)
{
    double expected[3], ratio = 0;
    evk_separation s = {0};
    expect(r, group, name, 3, expected);
    check(evk_fisher_ratio(sc, v, &ratio, NULL) == EVOKE_OK && near(ratio, expected[0], tolerance), "%s/%s: ratio %g, not %g",
          group, name, ratio, expected[0]);
    check(evk_separate(one, zero, sc->mean0, v, D, &s, NULL) == EVOKE_OK, "%s/%s", group, name);
    check(near(s.dprime, expected[1], tolerance), "%s/%s: d' %g, not %g", group, name, s.dprime, expected[1]);
    check(near(s.auc, expected[2], 1e-12), "%s/%s: AUC %g, not %g", group, name, s.auc, expected[2]);
}

static void check_shrunk(reference *r, const char *group, const char *suffix, double choice, const evk_scatter *sc,
                         evk_class one, evk_class zero)
{
    double w[D], expected[D];
    char name[64];
    evk_alignment a = {0};
    evoke_error err = {0};
    const double s = evk_shrinkage(sc, choice);
    check_number(r, group, "shrinkage_", suffix, s);
    check(evk_fisher_direction(sc, s, w, &err) == EVOKE_OK && evk_align(sc, s, sc->ev, w, &a, &err) == EVOKE_OK, "%s",
          err.text);
    snprintf(name, sizeof name, "w_%s", suffix);
    expect(r, group, name, D, expected);
    check(distance(w, expected, D) < tolerance, "%s/%s: off by %g", group, name, distance(w, expected, D));
    check_number(r, group, "cosine_", suffix, a.cosine);
    check_number(r, group, "whitened_cosine_", suffix, a.whitened_cosine);
    snprintf(name, sizeof name, "w_fisher_dprime_auc_%s", suffix);
    check_along(r, group, name, sc, w, one, zero);
}

/* One AUC over the scores of all queries, each along the unit vector that was fitted without it, in the rows' space. */
static void check_left_out(reference *r, const char *group, const char *suffix, double choice, evk_class one, evk_class zero)
{
    const size_t n = one.n;
    double count[N], w[D], scores[2][2][N], auc[2] = {0}, s = 0, unused = 0;
    const double origin[D] = {0};
    evk_pairs pairs;
    evk_pairs_fit fit;
    check(evk_pairs_new(one.rows, zero.rows, n, D, 1, &pairs, NULL) == EVOKE_OK
          && evk_pairs_fit_new(&pairs, &fit, NULL) == EVOKE_OK, "%s", group);
    for (size_t q = 0; q < n; q++) {
        for (size_t i = 0; i < n; i++)
            count[i] = i != q;
        check(evk_pairs_shrinkage(&pairs, count, choice, 2, &s, &unused, NULL) == EVOKE_OK
              && evk_pairs_refit(&fit, count, s, s) == EVOKE_OK, "%s without query %zu", group, q);
        for (int which = 0; which < 2; which++) {
            if (which)
                evk_pooled_vector(&fit.two, &fit.fisher, w);
            else
                evk_pooled_u_vector(&fit.two, &fit.fisher, w);
            const double length = sqrt(which ? fit.fisher.ww : fit.fisher.uu);
            evk_project((evk_class){ one.rows + q, 1 }, origin, w, D, &scores[which][1][q]);
            evk_project((evk_class){ zero.rows + q, 1 }, origin, w, D, &scores[which][0][q]);
            scores[which][1][q] /= length;
            scores[which][0][q] /= length;
        }
    }
    for (int which = 0; which < 2; which++)
        check(evk_auc(scores[which][1], n, scores[which][0], n, &auc[which], NULL) == EVOKE_OK, "AUC");
    check_number(r, group, "auc_leave_one_out_ev", "", auc[0]);
    check_number(r, group, "auc_leave_one_out_w_", suffix, auc[1]);
    evk_pairs_fit_free(&fit);
    evk_pairs_free(&pairs);
}

static void check_classes(reference *r, size_t l)
{
    const float *x[N];
    size_t row[N], label[N];
    double count[N], s = 0, values[4], *vectors = calloc(4 * D, sizeof *vectors), *expected = calloc(4 * D, sizeof *expected);
    char group[128], path[192];
    evk_row_space space;
    snprintf(group, sizeof group, "/layer%d/multi_class", (int)r->layers[l]);
    snprintf(path, sizeof path, "%s/eigenvalues", group);
    if (evk_h5_has(r->f, path)) {
        for (size_t q = 0; q < N; q++) {
            x[q] = row_of(r, q, 1, l);
            row[q] = q;
            label[q] = (size_t)r->which[q];
            count[q] = 1;
        }
        check(evk_row_space_fit(x, N, D, true, 1, &space, NULL) == EVOKE_OK, "%s", group);
        const evk_sample sample = { row, label, count, N, r->n_emotion };
        check(evk_classes_fit(&space, &sample, 0.5, &s, values, vectors, NULL) == EVOKE_OK && s == 0.5, "%s", group);
        expect(r, group, "eigenvalues", 4, expected);
        check(distance(values, expected, 4) < tolerance, "%s: eigenvalues off by %g", group, distance(values, expected, 4));
        expect(r, group, "directions", 4 * D, expected);
        for (size_t j = 0; j < 4; j++) {
            double column[D];
            for (size_t i = 0; i < D; i++)
                column[i] = expected[i * 4 + j];
            check(distance(vectors + j * D, column, D) < 1e-6, "%s: direction %zu off by %g", group, j,
                  distance(vectors + j * D, column, D));
        }
        evk_row_space_free(&space);
    }
    free(vectors);
    free(expected);
}

static void check_contrast(reference *r, const char *group, evk_class one, evk_class zero, evk_gram_side side, bool paired)
{
    static const struct { const char *name; double choice; } shrinkages[] = {
        { "0.1", 0.1 }, { "0.5", 0.5 }, { "auto", EVOKE_SHRINK_LEDOIT_WOLF },
    };
    double expected[D];
    evk_scatter sc;
    evoke_error err = {0};
    if (check(evk_scatter_fit(one, zero, D, side, &sc, &err) == EVOKE_OK, "%s", err.text)) {
        expect(r, group, "ev", D, expected);
        check(distance(sc.ev, expected, D) < tolerance, "%s/ev: off by %g", group, distance(sc.ev, expected, D));
        check_along(r, group, "ev_fisher_dprime_auc", &sc, sc.ev, one, zero);
        for (size_t i = 0; i < 3; i++) {
            check_shrunk(r, group, shrinkages[i].name, shrinkages[i].choice, &sc, one, zero);
            if (paired && side == EVK_GRAM_SMALLER)
                check_left_out(r, group, shrinkages[i].name, shrinkages[i].choice, one, zero);
        }
        char oas[128];
        snprintf(oas, sizeof oas, "%s/shrinkage_oas", group);
        if (evk_h5_has(r->f, oas))
            check_number(r, group, "shrinkage_", "oas", evk_oas(&sc));
    }
    evk_scatter_free(&sc);
}

static void check_emotion(reference *r, size_t l, size_t e, evk_gram_side side)
{
    const float *emotional[N], *neutral[N], *all_neutral[N];
    size_t n = 0;
    char group[128];
    for (size_t q = 0; q < N; q++) {
        all_neutral[q] = row_of(r, q, 0, l);
        if ((size_t)r->which[q] != e)
            continue;
        neutral[n] = row_of(r, q, 0, l);
        emotional[n++] = row_of(r, q, 1, l);
    }
    snprintf(group, sizeof group, "/layer%d/%s/paired", (int)r->layers[l], r->emotions[e]);
    check_contrast(r, group, (evk_class){ emotional, n }, (evk_class){ neutral, n }, side, true);
    snprintf(group, sizeof group, "/layer%d/%s/all_neutral", (int)r->layers[l], r->emotions[e]);
    check_contrast(r, group, (evk_class){ emotional, n }, (evk_class){ all_neutral, N }, side, false);
}

static void check_file(const char *path)
{
    reference r;
    if (reference_open(&r, path))
        for (size_t l = 0; l < r.n_layer; l++) {
            check_classes(&r, l);
            for (size_t e = 0; e < r.n_emotion; e++)
                check_emotion(&r, l, e, EVK_GRAM_SMALLER);
        }
    if (r.x)
        check_emotion(&r, 0, 0, EVK_GRAM_COLUMNS);          /* the other side gives the same */
    reference_close(&r);
}

int main(int argc, char **argv)
{
    const char *root = argc > 1 ? argv[1] : ".";
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/golden/theory/theory.h5", root);
    check_file(path);
    snprintf(path, sizeof path, "%s/../shared/golden/smollm2/theory_reference/theory.h5", root);
    FILE *there = fopen(path, "rb");
    if (there) {
        fclose(there);
        check_file(path);
    } else {
        check_skip("all layers", "the full reference is not beside the project");
    }
    return check_done();
}
