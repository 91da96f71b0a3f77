/* core/files/hdf5_packed.c: compressed datasets, by the two filters that every build of HDF5 has: shuffle, which puts the first
 * bytes of all values together, then the second ones and so on, and deflate. The sign and exponent of a float vary little, so
 * their byte is what becomes smaller; its fraction is noise to any lossless method. */
#include "core/files/hdf5_file.h"

enum { LEVEL = 1, OF_CHUNK = 128 };     /* bytes of a chunk's entry in HDF5's index, at most */

evoke_status evk_h5_allocate_packed(evk_h5 *f, const char *name, evk_h5_type type, size_t n_dim, const size_t *dims,
                                    const size_t *chunk, evoke_error *err)
{
    EVK_H5_QUIET;
    hsize_t sizes[EVK_H5_MAX_DIM];
    size_t n = 0, n_chunk = 1;
    for (size_t i = 0; i < n_dim && i < EVK_H5_MAX_DIM; i++) {
        sizes[i] = chunk[i];
        n_chunk *= (dims[i] + chunk[i] - 1) / chunk[i];     /* under the number of values, whose overflow is checked below */
    }
    const hid_t stored = evk_h5_file_type(type), space = evk_h5_new_space(n_dim, dims), list = H5Pcreate(H5P_DATASET_CREATE);
    evoke_status st = evk_h5_reserve(f, name, n_dim, dims, H5Tget_size(stored), n_chunk * OF_CHUNK, &n, err);
    hid_t set = -1;
    if (st == EVOKE_OK && space >= 0 && H5Pset_chunk(list, (int)n_dim, sizes) >= 0 && H5Pset_shuffle(list) >= 0 &&
        H5Pset_deflate(list, LEVEL) >= 0)
        set = evk_h5_new_dataset(f, name, stored, space, list);
    if (st == EVOKE_OK && set < 0)
        st = evk_h5_fail(f, EVOKE_EIO, "compress in HDF5", name, err);
    if (set >= 0)
        H5Dclose(set);
    if (space >= 0)
        H5Sclose(space);
    H5Pclose(list);
    H5Tclose(stored);
    return st;
}
