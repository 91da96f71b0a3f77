/* layers/chat_template/filters.h: the tables of filters, a file each; evk_filter_find (filters.c) asks them in turn. */
#ifndef EVK_CHAT_FILTERS_H
#define EVK_CHAT_FILTERS_H

#include "layers/chat_template/render.h"

const evk_builtin *evk_text_filter_find(evk_string name);       /* filters_text.c */
const evk_builtin *evk_list_filter_find(evk_string name);       /* filters_list.c */
const evk_builtin *evk_each_filter_find(evk_string name);       /* filters_each.c: map, select, sort and their kin */
const evk_builtin *evk_web_filter_find(evk_string name);        /* filters_web.c */

#endif
