/* theory/geometry_intervals.c, layer_similarity.c, and whiteness's intervals: 95 % intervals hold the truth in 92 to 98 % (the
 * plane's coordinates: 99 %) of simulated data sets, also with fewer queries than dimensions, and with five of an emotion; the same
 * numbers whatever the threads. */
#include <string.h>

#include "tests/check.h"
#include "tests/theory/rows.h"
#include "theory/bootstrap.h"
#include "theory/component.h"
#include "theory/geometry.h"
#include "theory/geometry_intervals.h"
#include "theory/interval.h"
#include "theory/layer_similarity.h"
#include "theory/spectrum.h"

enum { D = 60, N = 40, E = 3, SETS = 400, B = 200 };

/* Variance of an offset along each axis: far from white. */
static double variance(size_t j)
{
    return 4.0 / (double)(1 + j) + 0.05;
}

/* Every emotion moves axis 0, and each one axis of its own. */
static double gap(size_t e, size_t j)
{
    return j == 0 ? 1.5 : j == 10 * (e + 1) ? 1.0 + 0.3 * (double)e : 0;
}

static double inner(size_t e, size_t f)
{
    double sum = 0;
    for (size_t j = 0; j < D; j++)
        sum += gap(e, j) * gap(f, j);
    return sum;
}

/* Rows of emotion e from starts[e] on; gaps times `strength`. */
static void simulate(evk_random *r, const size_t *starts, double strength, rows *one, rows *zero)
{
    for (size_t i = 0, e = 0; i < one->n; i++) {
        e += i == starts[e + 1];
        for (size_t j = 0; j < D; j++) {
            const double sd = sqrt(variance(j) / 2), topic = sd * evk_random_normal(r);
            zero->data[i * D + j] = (float)(topic + sd * evk_random_normal(r));
            one->data[i * D + j] = (float)(topic + strength * gap(e, j) + sd * evk_random_normal(r));
        }
    }
}

/* Cosine of EVs 0 and 1, base share of EV 0, length of EV 2, split-half cosine of emotion 0, purity of Sw and J(EV) of emotion 0,
 * coordinates of EV 1 on the principal plane. */
enum { COSINE, BASE_SHARE, NORM, SPLIT_HALF, PURITY, RATIO_EV, PLANE_X, PLANE_Y, FIGURES };
static const char *const names[FIGURES] = { "cosine", "base share", "length", "split-half cosine", "purity", "J(EV)",
                                            "first coordinate", "second coordinate" };

static void find_truth(double truth[FIGURES])
{
    double base = 0, own = 0, trace = 0, squares = 0, along = 0;
    for (size_t e = 0; e < E; e++)
        for (size_t f = 0; f < E; f++)
            base += inner(e, f) / (E * E);
    for (size_t f = 0; f < E; f++)
        own += inner(0, f) / E;
    for (size_t j = 0; j < D; j++) {
        trace += variance(j);
        squares += variance(j) * variance(j);
        along += gap(0, j) * gap(0, j) * variance(j);
    }
    truth[COSINE] = inner(0, 1) / sqrt(inner(0, 0) * inner(1, 1));
    truth[BASE_SHARE] = own * own / (inner(0, 0) * base);
    truth[NORM] = sqrt(inner(2, 2));
    truth[SPLIT_HALF] = 1 / (1 + trace / (N / 2) / inner(0, 0));
    truth[PURITY] = squares / (trace * trace);
    truth[RATIO_EV] = inner(0, 0) * inner(0, 0) / along;
}

/* The population's plane, turned to the one that the intervals are of. */
static void find_plane(const rows *one, const rows *zero, double truth[FIGURES])
{
    double ev[2][E * D] = {{0}}, cosines[E * E], base[E], share[2], plane[2][2 * E];
    for (size_t i = 0; i < E * N * D; i++)
        ev[0][i / (N * D) * D + i % D] += ((double)one->data[i] - (double)zero->data[i]) / N;
    for (size_t i = 0; i < E * D; i++)
        ev[1][i] = gap(i / D, i % D);
    for (size_t k = 0; k < 2; k++)
        check(evk_geometry(ev[k], E, D, cosines, base, plane[k], share, NULL) == EVOKE_OK, "plane");
    evk_plane_turn(plane[0], E, plane[1]);
    truth[PLANE_X] = plane[1][2];
    truth[PLANE_Y] = plane[1][3];
}

/* ends [FIGURES]: those of the purity and of J(EV). */
static void scatter_intervals(const rows *one, const rows *zero, uint64_t seed, double *values, double (*ends)[2])
{
    double count[2 * N], scores[2 * N], scratch[2 * N], v[D], share = 0, estimate[EVK_R_COUNT];
    evk_pairs pairs;
    evk_pairs_fit fit;
    for (size_t i = 0; i < 2 * N; i++)
        count[i] = 1;
    check(evk_pairs_new(one->row, zero->row, N, D, 1, &pairs, NULL) == EVOKE_OK
          && evk_pairs_fit_new(&pairs, &fit, NULL) == EVOKE_OK
          && evk_component(&pairs.rows, count, 1e-12, scores, v, &share, NULL) == EVOKE_OK, "pairs");
    const evk_line pc = { scores, v, 1 };
    const evk_replication how = { &pairs, 0.1, 0.1, NULL, &pc, 0, 0 };
    evk_replicate(&how, &fit, count, scratch, estimate);
    check(evk_bootstrap(&how, seed, 0, B, 1, values, NULL) == EVOKE_OK, "bootstrap");
    evk_interval(estimate[EVK_R_PURITY], values + EVK_R_PURITY, B, values + B * EVK_R_COUNT + EVK_R_PURITY, N, EVK_R_COUNT,
                 EVK_SCALE_PLAIN, ends[PURITY]);
    evk_interval(estimate[EVK_R_RATIO_EV], values + EVK_R_RATIO_EV, B, values + B * EVK_R_COUNT + EVK_R_RATIO_EV, N,
                 EVK_R_COUNT, EVK_SCALE_LOG, ends[RATIO_EV]);
    evk_pairs_fit_free(&fit), evk_pairs_free(&pairs);
}

static void coverage(void)
{
    static const size_t starts[E + 1] = { 0, N, 2 * N, 3 * N };
    double truth[FIGURES], *values = calloc((B + N) * EVK_R_COUNT, sizeof *values);
    size_t covered[FIGURES] = {0};
    evk_random r = random_of(211);
    rows one = rows_new(E * N, D), zero = rows_new(E * N, D);
    find_truth(truth);
    for (size_t set = 0; set < SETS; set++) {
        double cosines[E][E][2], share[E][2], norm[E][2], plane_share[2][2], plane[E][2][2], again[E][E][2], ends[FIGURES][2];
        double curve[EVK_LEARNING_SIZES][2], points[EVK_LEARNING_SIZES], half;
        evk_row_space all = {0}, first = {0};
        simulate(&r, starts, 1, &one, &zero);
        check(evk_row_space_fit_offsets(one.row, zero.row, E * N, D, 1, &all, NULL) == EVOKE_OK
              && evk_row_space_fit_offsets(one.row, zero.row, N, D, 1, &first, NULL) == EVOKE_OK, "offsets");
        const evk_geometry_ends out = { **cosines, *share, *norm, *plane_share, **plane };
        const evk_geometry_ends more = { **again, *share, *norm, *plane_share, **plane };
        if (set < 3)
            check(evk_geometry_intervals(&all, starts, E, set, B, 3, &more, NULL) == EVOKE_OK, "intervals");
        check(evk_geometry_intervals(&all, starts, E, set, B, 1, &out, NULL) == EVOKE_OK, "intervals");
        check(set >= 3 || memcmp(again, cosines, sizeof again) == 0, "threads change nothing");
        check(cosines[0][0][0] == 1 && cosines[0][0][1] == 1, "of an EV with itself");
        memcpy(ends[COSINE], cosines[0][1], sizeof *ends), memcpy(ends[BASE_SHARE], share[0], sizeof *ends);
        memcpy(ends[NORM], norm[2], sizeof *ends);
        memcpy(ends[PLANE_X], plane[1][0], sizeof *ends), memcpy(ends[PLANE_Y], plane[1][1], sizeof *ends);
        find_plane(&one, &zero, truth);
        check(evk_learning_curve(&first, 0, set, 50, points, &half, NULL) == EVOKE_OK
              && evk_learning_intervals(&first, points, half, *curve, ends[SPLIT_HALF], NULL) == EVOKE_OK, "split-half");
        scatter_intervals(&one, &zero, set, values, ends);
        for (size_t k = 0; k < FIGURES; k++)
            covered[k] += ends[k][0] <= truth[k] && truth[k] <= ends[k][1];
        evk_row_space_free(&all), evk_row_space_free(&first);
    }
    for (size_t k = 0; k < FIGURES; k++) {
        const size_t most = k == PLANE_X || k == PLANE_Y ? 99 : 98;     /* coordinates rest on all emotions: a little too wide */
        check(covered[k] >= SETS * 92 / 100 && covered[k] <= SETS * most / 100, "%s: %.1f %% of 95 %% intervals hold the truth",
              names[k], 100.0 * (double)covered[k] / SETS);
    }
    rows_free(&one), rows_free(&zero), free(values);
}

/* Five or six queries of each of five emotions: a length rests on one emotion's, a cosine on two's, and the other twenty do not make
 * them surer. With two queries of one emotion there are no intervals of what rests on it, and the others' are as they were. */
static void few_queries(void)
{
    enum { MANY = 5, OFFSETS = 27 };
    static const double strength = 3;
    static const size_t starts[MANY + 1] = { 0, 5, 11, 16, 22, OFFSETS }, fewer[MANY + 1] = { 0, 2, 8, 13, 19, OFFSETS - 3 };
    double cosines[MANY][MANY][2], share[MANY][2], norm[MANY][2], plane_share[2][2], plane[MANY][2][2], held[2] = {0};
    const evk_geometry_ends out = { **cosines, *share, *norm, *plane_share, **plane };
    evk_random r = random_of(214);
    rows one = rows_new(OFFSETS, D), zero = rows_new(OFFSETS, D);
    evk_row_space all = {0};
    for (size_t set = 0; set < SETS; set++) {
        simulate(&r, starts, strength, &one, &zero);
        check(evk_row_space_fit_offsets(one.row, zero.row, OFFSETS, D, 1, &all, NULL) == EVOKE_OK
              && evk_geometry_intervals(&all, starts, MANY, set, B, 1, &out, NULL) == EVOKE_OK, "intervals");
        evk_row_space_free(&all);
        for (size_t e = 0; e < MANY; e++) {
            const double length = strength * sqrt(inner(e, e));
            held[0] += (norm[e][0] <= length && length <= norm[e][1]) / (double)(MANY * SETS);
            for (size_t f = 0; f < e; f++) {
                const double cosine = inner(e, f) / sqrt(inner(e, e) * inner(f, f));
                held[1] += (cosines[e][f][0] <= cosine && cosine <= cosines[e][f][1]) / (double)(MANY * (MANY - 1) / 2 * SETS);
            }
        }
    }
    check(held[0] >= 0.92 && held[0] <= 0.98, "five queries: %.1f %% of the lengths' intervals hold the truth", 100 * held[0]);
    check(held[1] >= 0.92 && held[1] <= 0.98, "five queries: %.1f %% of the cosines' intervals hold the truth", 100 * held[1]);
    const double kept = norm[1][0], between = cosines[1][2][0];
    check(evk_row_space_fit_offsets(one.row + 3, zero.row + 3, OFFSETS - 3, D, 1, &all, NULL) == EVOKE_OK
          && evk_geometry_intervals(&all, fewer, MANY, SETS - 1, B, 1, &out, NULL) == EVOKE_OK, "intervals");
    check(isnan(norm[0][0]) && isnan(cosines[0][1][0]) && isnan(cosines[1][0][1]) && isnan(share[1][0]) && isnan(plane[2][0][0])
          && isnan(plane_share[0][0]), "two queries");
    check(near(norm[1][0], kept, 1e-9) && near(cosines[1][2][0], between, 1e-9), "of the others: %g, %g; %g, %g", norm[1][0], kept,
          cosines[1][2][0], between);
    evk_row_space_free(&all);
    rows_free(&one), rows_free(&zero);
}

/* Rows of many more dimensions than there are rows, that share nothing, look alike to CKA and not to its debiased form. */
static void similarity(void)
{
    enum { ROWS = 30, WIDE = 900 };
    double cka[9], debiased[9], cka_ends[18], debiased_ends[18];
    evk_random r = random_of(212);
    evk_layer_similarity s;
    check(evk_layer_similarity_new(3, ROWS, (size_t)1 << 20, &s, NULL) == EVOKE_OK && s.triangle, "similarity");
    rows a = rows_normal(&r, ROWS, WIDE, NULL, NULL), b = rows_normal(&r, ROWS, WIDE, NULL, NULL);
    for (size_t i = 0; i < 3; i++) {                                /* a; a turned, scaled and moved; b */
        evk_row_space space = {0};
        rows c = rows_new(ROWS, WIDE);
        for (size_t k = 0; k < ROWS * WIDE; k++)
            c.data[k] = i == 0 ? a.data[k] : i == 2 ? b.data[k] : 3 * a.data[k / WIDE * WIDE + WIDE - 1 - k % WIDE] + 7;
        check(evk_row_space_fit(c.row, ROWS, WIDE, false, 1, &space, NULL) == EVOKE_OK, "rows");
        evk_layer_similarity_add(&s, i, space.gram);
        evk_row_space_free(&space), rows_free(&c);
    }
    check(evk_layer_similarity_finish(&s, 1, cka, debiased, cka_ends, debiased_ends, NULL) == EVOKE_OK, "similarity");
    check(near(cka[1], 1, 1e-6) && near(debiased[1], 1, 1e-6), "rotation and scale change nothing: %.9f", cka[1]);
    check(cka[2] > 0.9 && fabs(debiased[2]) < 0.2, "nothing in common: %.3f, debiased %.3f", cka[2], debiased[2]);
    check(cka[2] == cka[6] && cka[4] == 1, "symmetric");
    check(cka_ends[8] == 1 && cka_ends[9] == 1 && cka_ends[4] < cka[2] && cka_ends[5] > cka[2], "ends around the figure");
    check(debiased_ends[4] < 0 && debiased_ends[5] > 0, "nothing in common: %.3f .. %.3f", debiased_ends[4], debiased_ends[5]);
    evk_layer_similarity_free(&s);
    check(evk_layer_similarity_new(3, ROWS, 100, &s, NULL) == EVOKE_OK && !s.triangle, "above the bound");
    evk_layer_similarity_add(&s, 0, NULL);
    check(evk_layer_similarity_finish(&s, 1, cka, debiased, NULL, NULL, NULL) == EVOKE_OK, "nothing to do");
    evk_layer_similarity_free(&s);
    rows_free(&a), rows_free(&b);
}

/* A plane that was turned, mirrored and scaled comes back; a NaN stays one. */
static void turned_plane(void)
{
    const double reference[8] = { 3, 1, -1, 2, 0, -2, 1, 1 };
    for (int mirror = 0; mirror < 2; mirror++)
        for (double angle = 0; angle < 6.4; angle += 0.3) {
            double plane[8], worst = 0;
            for (size_t e = 0; e < 4; e++) {
                const double x = 2 * reference[2 * e], y = (mirror ? -2 : 2) * reference[2 * e + 1];
                plane[2 * e] = cos(angle) * x - sin(angle) * y;
                plane[2 * e + 1] = sin(angle) * x + cos(angle) * y;
            }
            evk_plane_turn(reference, 4, plane);
            for (size_t i = 0; i < 8; i++)
                worst = fmax(worst, fabs(plane[i] - 2 * reference[i]));
            check(worst < 1e-12, "angle %g, mirror %d: off by %g", angle, mirror, worst);
        }
    double none[4] = { NAN, 0, 0, 0 };
    evk_plane_turn(reference, 2, none);
    check(isnan(none[0]), "a plane that is none");
}

/* Effective rank, condition numbers and isotropic efficiency: their means over sets of as many queries, also with more
 * dimensions. */
static void spectra(size_t n, size_t d, bool has_condition)
{
    enum { MANY = 300, MOST = 60, GROUPS = 10 };
    static double values[MANY][4], ends[MANY][4][2];
    evk_random r = random_of(213);
    rows one = rows_new(n, d), zero = rows_new(n, d);
    for (size_t set = 0; set < MANY; set++) {
        double spread[4 * MOST];
        evk_spectrum all, without[GROUPS];
        evk_scatter sc;
        evk_pairs pairs;
        for (size_t i = 0; i < n * d; i++) {
            const double sd = sqrt(variance(i % d) / 2), topic = sd * evk_random_normal(&r);
            zero.data[i] = (float)(topic + sd * evk_random_normal(&r));
            one.data[i] = (float)(topic + sd * evk_random_normal(&r));
        }
        check(evk_pairs_new(one.row, zero.row, n, d, 1, &pairs, NULL) == EVOKE_OK
              && evk_scatter_fit(class_of(&one), class_of(&zero), d, EVK_GRAM_SMALLER, &sc, NULL) == EVOKE_OK
              && evk_spectrum_of(&sc, 0.1, spread, &all, NULL) == EVOKE_OK
              && evk_spectrum_without(&pairs, 0.1, GROUPS, without, NULL) == EVOKE_OK, "spectrum");
        const double *from[4] = { &without->effective_rank, &without->condition_shrunk, &without->isotropic, &without->condition };
        const double of[4] = { all.effective_rank, all.condition_shrunk, all.isotropic, all.condition };
        for (size_t k = 0; k < 4; k++) {
            values[set][k] = log(of[k]);
            evk_sampling_interval(of[k], from[k], GROUPS, sizeof all / sizeof(double), EVK_SCALE_LOG, ends[set][k]);
        }
        evk_pairs_free(&pairs), evk_scatter_free(&sc);
    }
    for (size_t k = 0; k < (has_condition ? 4 : 3); k++) {
        double mean = 0;
        size_t held = 0;
        for (size_t set = 0; set < MANY; set++)
            mean += values[set][k] / MANY;
        for (size_t set = 0; set < MANY; set++)
            held += log(ends[set][k][0]) <= mean && mean <= log(ends[set][k][1]);
        check(100 * held >= 90 * MANY, "%zu queries, %zu dimensions, figure %zu: %.1f %% of intervals hold the mean", n, d, k,
              100.0 * (double)held / MANY);
    }
    rows_free(&one), rows_free(&zero);
}

int main(void)
{
    similarity();
    turned_plane();
    spectra(60, 4, true);
    spectra(40, 60, false);
    coverage();
    few_queries();
    return check_done();
}
