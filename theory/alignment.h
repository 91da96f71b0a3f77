/* theory/alignment.h: how near a direction v comes to Fisher's w, and how well each separates.
 *
 *     cosine           v.w / (|v| |w|)
 *     whitened cosine  v^T S w / sqrt((v^T S v)(w^T S w)),  S = Sw(s): the cosine after whitening by S^(1/2), which is
 *                      the correlation of the two scores within a class (McLachlan 1992, ch. 3)
 *     efficiency       its square: J_s(v) / J_s(w), the share of the best separation under S that v reaches
 *     Fisher ratio     J(v) = (v.ev)^2 / (v^T Sw v), with Sw not shrunk (Fisher 1936)
 *
 * S w = ev for w = S^-1 ev, so that v^T S w = v.ev and w^T S w = w.ev; the sums are done as they are written above. */
#ifndef EVK_ALIGNMENT_H
#define EVK_ALIGNMENT_H

#include "theory/scatter.h"

typedef struct evk_alignment { double cosine, whitened_cosine, efficiency; } evk_alignment;

/* v, w [D]; s the shrinkage that w was fitted with. Errors: EVOKE_EDATA v is zero or not finite. */
evoke_status evk_align(const evk_scatter *sc, double s, const double *v, const double *w, evk_alignment *out,
                       evoke_error *err);
/* Errors: EVOKE_EDATA no row varies along v: the ratio is not finite. */
evoke_status evk_fisher_ratio(const evk_scatter *sc, const double *v, double *ratio, evoke_error *err);

#endif
