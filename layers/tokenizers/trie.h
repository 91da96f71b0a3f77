/* layers/tokenizers/trie.h: the tokens of a vocabulary that begin at a place of a text, found in one walk. */
#ifndef EVK_TOKENIZERS_TRIE_H
#define EVK_TOKENIZERS_TRIE_H

#include "layers/tokenizers/vocabulary.h"

/* A node is what tokens with a common beginning share. Node 0 is the root, the beginning of all. */
typedef struct evk_trie_node { uint32_t first_child; int32_t id; uint16_t n_children; uint8_t byte; } evk_trie_node;
typedef struct evk_trie { evk_trie_node *node; size_t n, capacity; uint32_t root[256]; } evk_trie;

/* All tokens that evk_vocabulary_find finds; taken [n_vocab], where not NULL, says which of them. */
evoke_status evk_trie_build(evk_trie *t, const evk_vocabulary *v, const bool *taken, evoke_error *err);
void evk_trie_free(evk_trie *t);
/* From a node along one byte; 0: no token goes on that way. */
uint32_t evk_trie_step(const evk_trie *t, uint32_t node, unsigned char byte);
/* Along n bytes; 0 where n > 0: no token begins so. */
uint32_t evk_trie_walk(const evk_trie *t, uint32_t node, const char *text, size_t n);

#endif
