/* layers/chat_template/format.h: a value written by a format: what `%` (format_percent.c) and str.format
 * (format_fields.c) share. */
#ifndef EVK_CHAT_FORMAT_H
#define EVK_CHAT_FORMAT_H

#include "layers/chat_template/render.h"

/* [[fill]align][sign][#][0][width][,][.precision][type], as Python's "Format Specification Mini-Language" has it */
typedef struct evk_spec {
    evk_string fill;                /* one character; empty: a blank */
    char align;                     /* '<' '>' '^' '=', behind the sign; 0: as values of the type are */
    char sign;                      /* '+', ' ', or 0: only where it is a minus */
    bool alternate;
    int64_t width, precision;       /* precision -1: not given */
    char group;                     /* ',' '_' or 0 */
    char type;                      /* 0: none given */
} evk_spec;

/* Each adds the value at the end of out. Errors: EVOKE_EFORMAT the type is not for the value; EVOKE_ENOMEM too wide. */
evoke_status evk_format_text(evk_render *r, evk_bytes *out, evk_string s, const evk_spec *spec);
evoke_status evk_format_int(evk_render *r, evk_bytes *out, int64_t i, const evk_spec *spec);     /* types b c d o x X */
evoke_status evk_format_float(evk_render *r, evk_bytes *out, double f, const evk_spec *spec);    /* e E f F g G % or 0 */
/* repr() with everything beyond ASCII escaped. */
evoke_status evk_ascii(evk_render *r, const evk_value *v, evk_string *out);

evoke_status evk_format_percent(evk_render *r, const evk_value *format, const evk_value *args, evk_value *out);
/* str.format; of format_map `named` is the mapping. */
evoke_status evk_format_fields(evk_render *r, const evk_value *format, const evk_args *args, const evk_value *mapping,
                               evk_value *out);

#endif
