/* core/files/hdf5_strings.h: strings of variable length, read past HDF5 1.10's own reader, which crashes or never ends on a
 * damaged global heap. */
#ifndef EVK_HDF5_STRINGS_H
#define EVK_HDF5_STRINGS_H

#include "core/files/hdf5_file.h"
#include "core/text.h"

/* Appends the n strings of an open dataset (attribute: is_attribute) of variable-length strings to bytes, a NUL after each.
 * Errors: EVOKE_EFORMAT damaged, or not UTF-8. `name` is for the text. */
evoke_status evk_h5_variable_strings(const evk_h5 *f, hid_t object, bool is_attribute, size_t n, const char *name,
                                     evk_buffer *bytes, evoke_error *err);
/* Appends one string and a NUL. Errors: EVOKE_EFORMAT not UTF-8. */
evoke_status evk_h5_add_string(const evk_h5 *f, const char *name, evk_buffer *bytes, const char *text, size_t n,
                               evoke_error *err);

#endif
