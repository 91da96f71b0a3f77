/* layers/families/list.h: every family, a line each. */
#ifndef EVK_FAMILIES_LIST_H
#define EVK_FAMILIES_LIST_H

#include "layers/family.h"

extern const evk_family evk_family_llama;

#endif
