/* core/kernels/grids.h: the codebooks of GGUF's IQ types: points of eight or four values, chosen so that any eight (four)
 * weights of a trained model lie near one of them; a file stores which.
 *
 * Eight values, two bits c each:  value j = bits 2j, 2j+1;   IQ2: 8 + 17 c + c / 2 = 8, 25, 43;   IQ1: c - 1 = -1, 0, 1
 * Four values, three bits c each: value j = bits 3j .. 3j+2; IQ3_XXS: 4 + 8 c, but 62 for c = 7;  IQ3_S: 1 + 2 c */
#ifndef EVK_GRIDS_H
#define EVK_GRIDS_H

#include <stdint.h>

extern const uint16_t evk_grid_iq2_xxs[256], evk_grid_iq2_xs[512], evk_grid_iq2_s[1024], evk_grid_iq1[2048];
extern const uint16_t evk_grid_iq3_xxs[256], evk_grid_iq3_s[512];

#endif
