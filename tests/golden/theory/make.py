"""The part of a theory reference file that a fresh clone tests: one layer, less what only compares other programs.

    python make.py THEORY.h5 LAYER OUT.h5

THEORY.h5 holds activations and what float64 NumPy makes of them (README.md). Added: `shrinkage_oas`, scikit-learn's
shrinkage of the class-centred rows."""
import sys
import h5py, numpy as np
from sklearn.covariance import oas

source, layer, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with h5py.File(source) as f, h5py.File(out, "w") as g:
    l = list(f["layers"][:]).index(layer)
    g.attrs.update(dict(f.attrs))
    for name in ("emotions", "settings", "queries/emotion"):
        f.copy(name, g.require_group(name.rpartition("/")[0] or "/"), name.rpartition("/")[2])
    g["layers"] = np.array([layer], np.int32)
    X = f["activations/resid_post/mean"][:, :, l:l + 1]
    g["activations/resid_post/mean"] = X
    X, which = X[:, :, 0].astype(np.float64), f["queries/emotion"][:]
    for k, emotion in enumerate(f["emotions"].asstr()[:]):
        for contrast, x0 in (("paired", X[which == k, 0]), ("all_neutral", X[:, 0])):
            x1, name = X[which == k, 1], f"layer{layer}/{emotion}/{contrast}"
            for key, value in f[name].items():
                if not key.startswith("sklearn"): g[f"{name}/{key}"] = value[()]
            g[f"{name}/shrinkage_oas"] = oas(np.concatenate([x1 - x1.mean(0), x0 - x0.mean(0)]), assume_centered=True)[1]
