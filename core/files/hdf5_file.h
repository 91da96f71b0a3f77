/* core/files/hdf5_file.h: what the reading and the writing half of hdf5.h share. */
#ifndef EVK_HDF5_FILE_H
#define EVK_HDF5_FILE_H

#define H5_USE_110_API          /* later versions have other forms of some calls; these they keep */
#include <hdf5.h>

#include "core/files/hdf5.h"

struct evk_h5 {
    hid_t file;
    char *path, *temporary;     /* temporary: NULL where the file was opened for reading */
    uint64_t size;              /* bytes in it when opened; UINT64_MAX while it is written */
};

/* HDF5 prints its errors unless told not to, per thread: `EVK_H5_QUIET;` at the head of a public function silences it
 * until that function returns, then restores what the program had chosen. HDF5's own default is not a choice, and is not
 * restored: it would also complain at the end of the program, of what a damaged file made it lose. */
typedef struct evk_h5_printing { H5E_auto2_t print; void *data; } evk_h5_printing;
evk_h5_printing evk_h5_hush(void);
void evk_h5_restore(evk_h5_printing *was);
#define EVK_H5_QUIET __attribute__((cleanup(evk_h5_restore), unused)) evk_h5_printing evk_h5_was_ = evk_h5_hush()

/* "WHAT: HDF5's innermost reason (PATH: NAME)"; to be called before any other call of HDF5. */
evoke_status evk_h5_fail(const evk_h5 *f, evoke_status status, const char *what, const char *name, evoke_error *err);
/* A new dataset, groups on the way made; list: how it is stored. Closed by the caller; -1: failed. */
hid_t evk_h5_new_dataset(evk_h5 *f, const char *name, hid_t type, hid_t space, hid_t list);
/* -1: more dimensions than EVK_H5_MAX_DIM. */
hid_t evk_h5_new_space(size_t n_dim, const size_t *dims);
/* Room on the disk for values [dims] of `width` bytes, *n in all, and `more`. Errors: EVOKE_EIO there is none; EVOKE_EARG
 * overflow. */
evoke_status evk_h5_reserve(const evk_h5 *f, const char *name, size_t n_dim, const size_t *dims, size_t width, size_t more,
                            size_t *n, evoke_error *err);
/* The datatype in memory, or as it lies in files of ours (little endian); closed by the caller. */
hid_t evk_h5_memory_type(evk_h5_type type);
hid_t evk_h5_file_type(evk_h5_type type);

#endif
