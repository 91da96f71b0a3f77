/* layers/encoder/text_template.h: what stands around a text, or around two, and of which segment each token is.
 *
 *     [CLS]:0 A:0 [SEP]:0            [CLS]:0 A:0 [SEP]:0 B:1 [SEP]:1
 *
 * As the post_processor of tokenizer.json says it (TemplateProcessing, BertProcessing, RobertaProcessing). */
#ifndef EVK_TEXT_TEMPLATE_H
#define EVK_TEXT_TEMPLATE_H

#include <jansson.h>

#include "core/status.h"

enum { EVK_TEXT_A = -1, EVK_TEXT_B = -2, EVK_TEMPLATE_MOST = 32 };

typedef struct evk_text_piece { int32_t id, type; } evk_text_piece;      /* id: of a special token, or which text */
typedef struct evk_text_template { evk_text_piece pieces[EVK_TEMPLATE_MOST]; size_t n, n_special; } evk_text_template;

/* Adds a piece. Errors: EVOKE_EUNSUPPORTED too many. */
evoke_status evk_text_template_add(evk_text_template *t, int32_t id, int32_t type, evoke_error *err);
/* From a parsed tokenizer.json. Errors: EVOKE_EUNSUPPORTED a step that is not known, by name; EVOKE_EFORMAT. */
evoke_status evk_text_template_read(const json_t *tokenizer, const char *where, evk_text_template *single,
                                    evk_text_template *pair, evoke_error *err);

#endif
