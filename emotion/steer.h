/* emotion/steer.h: a steering as the files that make, apply and describe it see it. */
#ifndef EVK_STEER_H
#define EVK_STEER_H

#include "core/text.h"
#include "layers/forward.h"

/* One mode at one site, over some layers and tokens. Arrays are the edit's own. */
typedef struct evk_steer_edit {
    evoke_site site;
    evoke_positions positions;
    evoke_steer_mode mode;
    bool *at;               /* [L] layers that it edits */
    float *vector;          /* [L, D] what is added; ablate, clamp: the unit direction */
    float *start;           /* [L, D] what is added where a ramp over tokens begins; NULL: no such ramp */
    double *neutral;        /* [L] clamp: the neutral class's mean component; NULL: another mode */
    double *lift;           /* [L] clamp: alpha times the way from there to the emotion's */
    double *lift_start;     /* [L] the same where a ramp over tokens begins */
    size_t ramp;            /* tokens that the ramp takes; 0: none */
    double half_life;       /* tokens in which alpha halves; 0: it stays */
} evk_steer_edit;

typedef struct evk_steering {
    struct evoke_steering base;     /* first: an evoke_steering points here */
    const evoke_model *model;
    evk_steer_edit *edits;          /* [n] applied in this order */
    size_t n;
    evk_buffer text;                /* what was asked for, on one line */
    evk_buffer idle;                /* what of it changes nothing, "; " between; empty: all of it does something */
} evk_steering;

void evk_steer_edit_free(evk_steer_edit *e);
/* The share of a token-ramp's way done, and of alpha left by the decay, at step t (0: the prompt; k: the k-th generated token). */
double evk_steer_risen(const evk_steer_edit *e, size_t t);
double evk_steer_left(const evk_steer_edit *e, size_t t);

#endif
