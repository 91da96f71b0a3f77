/* theory/ratings.h: how pleasant and how arousing people find the words for emotions, from a file that names its source:
 *
 *     {"source": "...", "scale": "...", "ratings": {"joy": {"valence": 8.21, "arousal": 5.55}, ...}} */
#ifndef EVK_RATINGS_H
#define EVK_RATINGS_H

#include "core/status.h"

/* out: valence, arousal; NaN where the word is not rated, or there are no ratings (r NULL). */
void evk_ratings_of(const evoke_ratings *r, const char *word, double out[2]);

#endif
