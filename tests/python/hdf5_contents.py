"""What an HDF5 file holds, to be compared."""
import h5py


def contents(path):
    """Bytes, type and shape of every dataset, and all attributes but command_line, which tells the ways to one file apart."""
    found = {}
    with h5py.File(path) as f:
        def add(name, o):
            if isinstance(o, h5py.Dataset):
                value = o[()]
                found[name] = (value.tolist() if o.dtype == object else value.tobytes(), str(o.dtype), o.shape)
            found.update({f"{name}@{k}": str(v) for k, v in o.attrs.items() if k != "command_line"})
        add("", f)
        f.visititems(add)
    return found
