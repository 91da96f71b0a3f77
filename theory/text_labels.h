/* theory/text_labels.h: what people said of texts: for each text of a store a set of labels, of any number.
 *
 * From JSON Lines of objects with "id" and labels under a key that the caller names, a text or a list of texts (GoEmotions:
 * "labels", and "ekman" for the same texts in coarser words), matched by the store's ids; or the store's own emotions. */
#ifndef EVK_TEXT_LABELS_H
#define EVK_TEXT_LABELS_H

#include "core/status.h"

struct evoke_labels {
    char **names;               /* [n_name] in order of first appearance */
    size_t n_name, n_text;
    uint8_t *has;               /* [n_name, n_text] 1: the text has the label */
};

/* Index of a name; false: none. */
bool evk_text_labels_find(const evoke_labels *l, const char *name, size_t *index);

#endif
