/* layers/chat_template/methods.h: the tables of methods by type; evk_method_find (methods.c) picks one. */
#ifndef EVK_CHAT_METHODS_H
#define EVK_CHAT_METHODS_H

#include "layers/chat_template/render.h"

const evk_builtin *evk_text_method_find(evk_string name);       /* methods_text.c */
const evk_builtin *evk_text_question_find(evk_string name);     /* methods_ask.c: find, startswith, ... */

#endif
