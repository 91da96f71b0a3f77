/* theory/claims_figures.h: the figures of evoke_claims_run by name; theory/README.md defines them. As figures.h, with other axes. */
#ifndef EVK_CLAIMS_FIGURES_H
#define EVK_CLAIMS_FIGURES_H

#include "theory/figures.h"

#define EVK_CLAIM_FIGURES(ONE, WITH_INTERVAL) \
    ONE(ALPHAS, "alphas", "A") \
    ONE(RANGES, "ranges", "R") \
    ONE(HELD, "held_out", "E") \
    WITH_INTERVAL(SCORE, "gain/score", "EA") \
    WITH_INTERVAL(SLOPE, "gain/slope", "E") \
    WITH_INTERVAL(SPEARMAN, "gain/spearman", "E") \
    WITH_INTERVAL(MONOTONE, "gain/monotone_share", "E") \
    ONE(PEAK, "gain/peak_alpha", "E") \
    ONE(SATURATION, "gain/saturation_alpha", "E") \
    WITH_INTERVAL(PREDICTED, "gain/predicted", "EA") \
    WITH_INTERVAL(FIRST_ORDER, "gain/first_order_ratio", "EA") \
    ONE(FIRST_ORDER_ERROR, "gain/first_order_error", "EA") \
    WITH_INTERVAL(RANDOM_SCORE, "gain/random_score", "EA") \
    WITH_INTERVAL(PERMUTED_SCORE, "gain/permuted_score", "EA") \
    WITH_INTERVAL(JUDGE, "gain/judge", "EA") \
    WITH_INTERVAL(JUDGE_SPEARMAN, "gain/judge_spearman", "E") \
    WITH_INTERVAL(JUDGE_MONOTONE, "gain/judge_monotone_share", "E") \
    ONE(JUDGE_PEAK, "gain/judge_peak_alpha", "E") \
    WITH_INTERVAL(KL, "preservation/kl", "EA") \
    WITH_INTERVAL(KL_RANDOM, "preservation/random_kl", "EA") \
    WITH_INTERVAL(KL_PERMUTED, "preservation/permuted_kl", "EA") \
    WITH_INTERVAL(LOSS_EV, "preservation/loss", "EA") \
    WITH_INTERVAL(SIMILARITY, "preservation/similarity", "EA") \
    ONE(TOPIC_RANK, "preservation/topic_rank", "EL") \
    ONE(TOPIC, "preservation/topic_share", "EL") \
    ONE(TOPIC_CHANCE, "preservation/topic_chance", "EL") \
    ONE(TOPIC_RANDOM, "preservation/topic_random", "ELS") \
    WITH_INTERVAL(R2, "linearity/r2", "ER") \
    WITH_INTERVAL(R2_MEAN, "linearity/r2_mean", "ER") \
    WITH_INTERVAL(R2_RANDOM, "linearity/random_r2", "ER") \
    WITH_INTERVAL(PAIR, "linearity/pair", "EF") \
    WITH_INTERVAL(PAIR_SUM, "linearity/pair_sum", "EF") \
    WITH_INTERVAL(PAIR_RESIDUAL, "linearity/pair_residual", "EF") \
    ONE(PAIR_ERROR, "linearity/pair_error", "EF") \
    ONE(COSINE, "near_optimality/cosine_ev", "EB") \
    WITH_INTERVAL(GAIN, "near_optimality/gain", "EBA") \
    WITH_INTERVAL(LOSS, "near_optimality/loss", "EBA") \
    WITH_INTERVAL(GAIN_PER_LOSS, "near_optimality/gain_per_loss", "EBA") \
    WITH_INTERVAL(GAIN_AT_LOSS, "near_optimality/gain_at_loss", "EB")

#define EVK_ONE_CLAIM(id, name, axes) EVK_C_##id,
#define EVK_TWO_CLAIMS(id, name, axes) EVK_C_##id, EVK_C_##id##_INTERVAL,
typedef enum evk_claim_id { EVK_CLAIM_FIGURES(EVK_ONE_CLAIM, EVK_TWO_CLAIMS) EVK_N_CLAIM } evk_claim_id;

/* sizes of axes E, A, B, R, L. All NaN. Free whatever it returns, with evk_figures_free. */
evoke_status evk_claim_figures_new(size_t n_emotion, size_t n_alpha, size_t n_direction, size_t n_range, size_t n_layer,
                                   evk_figures *out, evoke_error *err);
/* The value of a figure at the places of its axes, as many as it has; the place is 0 along what remains of them, I and S. */
double *evk_claim_at(const evk_figures *f, evk_claim_id id, size_t i, size_t j, size_t k);

#endif
