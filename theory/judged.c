#include "theory/judged.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "theory/bootstrap.h"
#include "theory/interval.h"

static const char *const what = "labelled texts";

evk_judged_layout evk_judged_places(size_t n_direction, size_t n_emotion)
{
    const size_t a = n_direction, e = n_emotion;
    evk_judged_layout l = { .auc = 0, .auc_gain = a * e };
    l.f1 = l.auc_gain + a / 2 * e;
    l.mean_auc = l.f1 + a * e;
    l.mean_auc_gain = l.mean_auc + a;
    l.macro_f1 = l.mean_auc_gain + a / 2;
    l.macro_f1_gain = l.macro_f1 + a;
    l.n = l.macro_f1_gain + a / 2;
    return l;
}

/* ---- order and classes ---- */

typedef struct place { double score; uint32_t text; } place;

static int rising(const void *a, const void *b)
{
    const place *x = a, *y = b;
    return x->score != y->score ? (x->score > y->score) - (x->score < y->score) : (x->text > y->text) - (x->text < y->text);
}

static void sort(evk_judged *j, size_t row, const double *scores, const uint8_t *has, place *room)
{
    for (size_t i = 0; i < j->n; i++)
        room[i] = (place){ scores[i], (uint32_t)i };
    qsort(room, j->n, sizeof *room, rising);
    for (size_t k = 0; k < j->n; k++) {
        j->order[row * j->n + k] = room[k].text;
        j->tied[row * j->n + k] = k > 0 && room[k].score == room[k - 1].score;
        j->positive[row * j->n + k] = has[room[k].text];
    }
}

/* z of all texts along one direction, into best and class where it is higher than what earlier emotions had. */
static void contend(const evk_judged *j, const double *scores, size_t e, double *best, size_t *class)
{
    double mean = 0, variance = 0;
    for (size_t i = 0; i < j->n; i++)
        mean += scores[i] / (double)j->n;
    for (size_t i = 0; i < j->n; i++)
        variance += (scores[i] - mean) * (scores[i] - mean) / (double)j->n;
    for (size_t i = 0; i < j->n; i++) {
        const double z = variance > 0 ? (scores[i] - mean) / sqrt(variance) : 0;
        if (e == 0 || z > best[i]) {
            best[i] = z;
            class[i] = e;
        }
    }
}

static void find_truth(evk_judged *j, const uint8_t *has)
{
    for (size_t i = 0; i < j->n; i++) {
        size_t n = 0;
        j->truth[i] = j->n_emotion;
        for (size_t e = 0; e < j->n_emotion; e++)
            if (has[e * j->n + i] && n++ == 0)
                j->truth[i] = e;
        if (n > 1)
            j->truth[i] = j->n_emotion;
    }
}

static evoke_status allocate(evk_judged *j, evoke_error *err)
{
    size_t cells = 0;
    if (!evk_mul(j->n_direction * j->n_emotion, j->n, &cells) || j->n > UINT32_MAX)
        return evk_fail(err, EVOKE_ENOMEM, "%s: too many texts", what);
    EVK_TRY(evk_alloc(&j->order, cells, sizeof *j->order, what, err));
    EVK_TRY(evk_alloc(&j->tied, cells, 1, what, err));
    EVK_TRY(evk_alloc(&j->positive, cells, 1, what, err));
    EVK_TRY(evk_alloc(&j->truth, j->n, sizeof *j->truth, what, err));
    return evk_alloc(&j->class, j->n_direction * j->n, sizeof *j->class, what, err);
}

evoke_status evk_judged_new(const double *scores, const uint8_t *has, size_t n, size_t n_direction, size_t n_emotion,
                            evk_judged *out, evoke_error *err)
{
    place *room = NULL;
    double *best = NULL;
    *out = (evk_judged){ .n = n, .n_direction = n_direction, .n_emotion = n_emotion };
    EVK_TRY(allocate(out, err));
    for (size_t i = 0; i < n_direction * n_emotion * n; i++)
        if (!isfinite(scores[i]))
            return evk_fail(err, EVOKE_EDATA, "%s: a score is not finite", what);
    evoke_status st = evk_alloc(&room, n, sizeof *room, what, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&best, n, sizeof *best, what, err);
    for (size_t row = 0; row < n_direction * n_emotion && st == EVOKE_OK; row++) {
        const size_t e = row % n_emotion;
        sort(out, row, scores + row * n, has + e * n, room);
        contend(out, scores + row * n, e, best, out->class + row / n_emotion * n);
    }
    if (st == EVOKE_OK)
        find_truth(out, has);
    free(room);
    free(best);
    return st;
}

void evk_judged_free(evk_judged *j)
{
    free(j->order);
    free(j->tied);
    free(j->positive);
    free(j->truth);
    free(j->class);
    *j = (evk_judged){0};
}

/* ---- figures ---- */

/* Wins of texts with the label over those without: by groups of equal score, against all that lie below. */
static double auc_of(const evk_judged *j, size_t row, const double *count)
{
    const uint32_t *order = j->order + row * j->n;
    const uint8_t *tied = j->tied + row * j->n, *positive = j->positive + row * j->n;
    double wins = 0, below = 0, with = 0, group[2] = {0};
    for (size_t k = 0; k < j->n; k++) {
        if (!tied[k]) {
            wins += group[1] * (below + group[0] / 2);
            below += group[0];
            with += group[1];
            group[0] = group[1] = 0;
        }
        group[positive[k]] += count[order[k]];
    }
    wins += group[1] * (below + group[0] / 2);
    return wins / ((below + group[0]) * (with + group[1]));
}

static double f1_of(const double *confusion, size_t e, size_t n)
{
    double true_e = 0, class_e = 0;
    for (size_t f = 0; f < n; f++) {
        true_e += confusion[e * n + f];
        class_e += confusion[f * n + e];
    }
    return true_e + class_e > 0 ? 2 * confusion[e * n + e] / (true_e + class_e) : 0;
}

static void confuse(const evk_judged *j, size_t a, const double *count, double *confusion)
{
    const size_t n = j->n_emotion;
    memset(confusion, 0, n * n * sizeof *confusion);
    for (size_t i = 0; i < j->n; i++)
        if (j->truth[i] < n)
            confusion[j->truth[i] * n + j->class[a * j->n + i]] += count[i];
}

/* One direction: AUC and F1 of each emotion, and their means. */
static void measure_direction(const evk_judged *j, size_t a, const double *count, double *confusion, double *values)
{
    const size_t n = j->n_emotion;
    const evk_judged_layout l = evk_judged_places(j->n_direction, n);
    double auc = 0, f1 = 0;
    confuse(j, a, count, confusion);
    for (size_t e = 0; e < n; e++) {
        auc += values[l.auc + a * n + e] = auc_of(j, a * n + e, count);
        f1 += values[l.f1 + a * n + e] = f1_of(confusion, e, n);
    }
    values[l.mean_auc + a] = auc / (double)n;
    values[l.macro_f1 + a] = n > 1 ? f1 / (double)n : (double)NAN;
}

void evk_judged_measure(const evk_judged *j, const double *count, double *confusion, double *values)
{
    const size_t n = j->n_emotion;
    const evk_judged_layout l = evk_judged_places(j->n_direction, n);
    for (size_t a = 0; a < j->n_direction; a++)
        measure_direction(j, a, count, confusion + a * n * n, values);
    for (size_t x = 0; x < j->n_direction / 2; x++) {
        for (size_t e = 0; e < n; e++)
            values[l.auc_gain + x * n + e] = values[l.auc + (2 * x + 1) * n + e] - values[l.auc + 2 * x * n + e];
        values[l.mean_auc_gain + x] = values[l.mean_auc + 2 * x + 1] - values[l.mean_auc + 2 * x];
        values[l.macro_f1_gain + x] = values[l.macro_f1 + 2 * x + 1] - values[l.macro_f1 + 2 * x];
    }
}

void evk_judged_chance(const evk_judged *j, const double *confusion, double *out)
{
    const size_t n = j->n_emotion;
    for (size_t a = 0; a < j->n_direction; a++) {
        const double *c = confusion + a * n * n;
        double all = 0;
        out[a] = n > 1 ? 0 : (double)NAN;
        for (size_t i = 0; i < n * n; i++)
            all += c[i];
        for (size_t e = 0; e < n; e++) {
            double true_e = 0, class_e = 0;
            for (size_t f = 0; f < n; f++) {
                true_e += c[e * n + f];
                class_e += c[f * n + e];
            }
            out[a] += true_e + class_e > 0 ? 2 * true_e * class_e / all / (true_e + class_e) / (double)n : 0;
        }
    }
}

/* ---- intervals ---- */

evoke_status evk_judged_intervals(const evk_judged *j, uint64_t seed, size_t n_replicate, size_t n_thread, double *intervals,
                                  evoke_error *err)
{
    const size_t n_value = evk_judged_places(j->n_direction, j->n_emotion).n;
    const size_t n_confusion = j->n_direction * j->n_emotion * j->n_emotion;
    double *values = NULL, *column = NULL;
    bool failed = false;
    evoke_status st = evk_alloc(&values, n_replicate * n_value, sizeof *values, what, err);
    if (st == EVOKE_OK)
        st = evk_alloc(&column, n_replicate, sizeof *column, what, err);
    if (st == EVOKE_OK) {
#pragma omp parallel num_threads((int)(n_thread ? n_thread : 1)) if (n_thread > 1)
        {
            double *count = malloc((j->n + n_confusion) * sizeof *count);
#pragma omp for schedule(dynamic, 8)
            for (size_t b = 0; b < n_replicate; b++) {
                if (!count) {
#pragma omp atomic write
                    failed = true;
                    continue;
                }
                evk_draw(seed, 8, 0, b, j->n, count);
                evk_judged_measure(j, count, count + j->n, values + b * n_value);
            }
            free(count);
        }
    }
    if (failed)
        st = evk_fail(err, EVOKE_ENOMEM, "%s: no memory for a thread's texts", what);
    for (size_t k = 0; k < n_value && st == EVOKE_OK; k++) {
        for (size_t b = 0; b < n_replicate; b++)
            column[b] = values[b * n_value + k];
        evk_percentiles(column, n_replicate, intervals + 2 * k);
    }
    free(values);
    free(column);
    return st;
}
