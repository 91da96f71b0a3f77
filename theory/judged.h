/* theory/judged.h: how well scores along directions agree with labels that people gave to texts.
 *
 * Directions come in pairs, an emotion vector and then the Fisher direction that is to better it; each direction has a version
 * for every emotion. A text may have several labels.
 *
 *     AUC        the texts that have the emotion's label against all others, P(s_1 > s_0) + P(s_1 = s_0) / 2
 *     class      of a text, by one direction: the emotion of highest z_e = (s_e - mean_e) / sd_e, mean and deviation over all
 *                texts whatever their labels; the lowest emotion wins a tie
 *     F1_e       2 tp / (texts of emotion e + texts put into it), over the texts that have exactly one of the emotions
 *                (van Rijsbergen 1979); macro: mean over emotions
 *     gain       the second of a pair less the first
 *
 * Texts are drawn with replacement for the intervals, all figures from the same draw, so that gains are paired; directions stay,
 * and so do mean_e and sd_e. */
#ifndef EVK_JUDGED_H
#define EVK_JUDGED_H

#include "core/status.h"

typedef struct evk_judged {
    size_t n, n_direction, n_emotion;       /* texts; an even number of directions */
    uint32_t *order;            /* [A, E, n] texts by rising score */
    uint8_t *tied;              /* [A, E, n] 1: of the same score as the one before in that order */
    uint8_t *positive;          /* [A, E, n] 1: it has the label; in that order */
    size_t *truth;              /* [n] the only emotion of a text; n_emotion: none or several */
    size_t *class;              /* [A, n] */
} evk_judged;

/* Where each figure begins among the values that evk_judged_measure gives; the last is their number. */
typedef struct evk_judged_layout {
    size_t auc;                 /* [A, E] */
    size_t auc_gain;            /* [A / 2, E] */
    size_t f1;                  /* [A, E] */
    size_t mean_auc;            /* [A] */
    size_t mean_auc_gain;       /* [A / 2] */
    size_t macro_f1;            /* [A] */
    size_t macro_f1_gain;       /* [A / 2] */
    size_t n;
} evk_judged_layout;
evk_judged_layout evk_judged_places(size_t n_direction, size_t n_emotion);

/* scores [A, E, n]; has [E, n] 1: the text has the label. Free whatever it returns. Errors: EVOKE_EDATA a score that is not
 * finite; EVOKE_ENOMEM. */
evoke_status evk_judged_new(const double *scores, const uint8_t *has, size_t n, size_t n_direction, size_t n_emotion,
                            evk_judged *out, evoke_error *err);
void evk_judged_free(evk_judged *j);
/* count [n] how often each text counts; confusion [A, E true, E class], out; values [layout.n]. NaN: an AUC without
 * texts on one side, a macro F1 of fewer than two emotions. */
void evk_judged_measure(const evk_judged *j, const double *count, double *confusion, double *values);
/* What macro F1 would be if classes had nothing to do with labels and both were as frequent as they are: out [A]. */
void evk_judged_chance(const evk_judged *j, const double *confusion, double *out);
/* intervals [layout.n, 2]: percentiles of n_replicate draws, draw b from [seed, 8, 0, b]. Errors: EVOKE_ENOMEM. */
evoke_status evk_judged_intervals(const evk_judged *j, uint64_t seed, size_t n_replicate, size_t n_thread, double *intervals,
                                  evoke_error *err);

#endif
