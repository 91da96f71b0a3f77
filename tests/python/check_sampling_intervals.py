"""Sampling intervals of `evoke theory`: do they hold the mean of a figure over sets of as many queries?

    python check_sampling_intervals.py PROGRAM [SETS] [SEED]

Sets of simulated queries, three emotions at three layers, are run through the program; of each figure that has an interval by
groups of queries left out (theory/README.md), the share of sets whose interval holds the mean over all sets must not be below 85 %
(80 where offsets are very unlike in length; a tenth less in few sets). With more than 100 sets the shares are printed."""
import os, sys, tempfile
import h5py, numpy as np
from checking import check, end, program

SETS = int(sys.argv[2]) if len(sys.argv) > 2 else 24
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 11
E, L = 3, 3
DESIGNS = ((20, 12, 0), (40, 60, 0), (30, 200, 0), (40, 60, 0.5))     # queries of an emotion, dimensions, how unlike in length offsets are
FIGURES = ("split_half_cosine", "component_share", "rest_cosine", "rest_efficiency", "rest_cosine_ev", "discriminant_eigenvalue", "discriminant_share", "layer_cosine",
           "layer_cka", "layer_cka_debiased", "rows_cka", "rows_cka_debiased", "learning_curve")

def population(d, rng):
    """Of every layer: axes' variances, the emotions' mean differences, a turn of the coordinates that layers do not share."""
    variance = np.arange(1, d + 1) ** -0.7
    gap = rng.standard_normal((E, d)) + rng.standard_normal(d)
    gap *= 1.5 / np.linalg.norm(gap, axis=1, keepdims=True)
    turns = [np.eye(d)] + [np.linalg.qr(np.eye(d) + 0.4 * rng.standard_normal((d, d)) / d ** 0.5)[0] for _ in range(L - 1)]
    return variance * d / variance.sum() / d ** 0.5, gap, turns


def simulate(n, d, unlike, p, rng):
    """[N, 2, L, D]: a query's topic is half of its variance, the same in both settings; layers see it turned, with noise of their own."""
    variance, gap, turns = p
    sd = np.sqrt(variance / 2)
    topic, noise = rng.standard_normal((E * n, 1, d)) * sd, rng.standard_normal((E * n, 2, d)) * sd
    x = topic + noise
    x[:, 1] += np.repeat(gap, n, axis=0)
    x[:, 1] = x[:, 0] + (x[:, 1] - x[:, 0]) * np.exp(unlike * rng.standard_normal((E * n, 1)))
    return np.stack([x @ t.T + 0.3 * sd * rng.standard_normal(x.shape) for t in turns], axis=2).astype("f4")


def figures(path, x, n):
    text = h5py.string_dtype("utf-8")
    with h5py.File(path, "w") as f:
        f.attrs.update({"format": "evoke-activations", "version": 1, "program_version": "0", "command_line": "", "seed": 0, "model_name": "simulated",
                        "model_sha256": "", "architecture": "llama", "n_layers": L, "d_model": x.shape[3]})
        for name, values in (("emotions", "abc"), ("settings", ("neutral", "emotion")), ("sites", ("resid_post",)), ("spans", ("query",))):
            f.create_dataset(name, data=list(values), dtype=text)
        for name in ("text", "id", "language"): f.create_dataset(f"queries/{name}", data=[f"{i}" for i in range(len(x))], dtype=text)
        f["queries/emotion"] = np.repeat(np.arange(E), n).astype("i2")
        f["layers"] = np.arange(L, dtype="i4")
        f["activations/resid_post/query"] = x
        f["progress/done"] = np.ones((len(x), 2), "u1")
    stats = path + ".stats"
    run = program("theory", path, "--shrinkage", 0.2, "--bootstrap", 2, "--controls", 0, "--permutations", 0, "-t", 1, "-q", "--stats", stats)
    if run.returncode: sys.exit(f"theory failed: {run.stderr}")
    with h5py.File(stats) as f: out = {k: (f[k][:], f[k + "_interval"][:]) for k in FIGURES}
    os.remove(stats)
    os.remove(path)
    return out


def cover(n, d, unlike, folder):
    rng = np.random.default_rng((SEED, n, d))
    p = population(d, rng)
    sets = [figures(f"{folder}/s.h5", simulate(n, d, unlike, p, rng), n) for _ in range(SETS)]
    for name in FIGURES:
        value, ends = (np.array([s[name][i] for s in sets]) for i in (0, 1))
        known = np.isfinite(value).all(0) & (value.std(0) > 1e-9)
        mean = value.mean(0)
        held = ((ends[..., 0] <= mean) & (mean <= ends[..., 1]))[:, known].mean()
        own = (ends[..., 0] <= value + 1e-12) & (value <= ends[..., 1] + 1e-12)
        check(own[:, known].all(), f"{n} queries, {d} dimensions, {name}: {own[:, known].mean():.3f} of the figures are within their own interval")
        check(known.any() and np.isfinite(ends[:, known]).all() and held >= (0.8 if unlike else 0.85) - (0.1 if SETS < 100 else 0), f"{n} queries, {d} dimensions, {name}: {held:.3f}",
              f"known {known.mean():.2f}, finite {np.isfinite(ends[:, known]).mean():.2f}")
        if SETS > 100: print(f"{n} {d} {unlike} {name} {100 * held:.1f}")


with tempfile.TemporaryDirectory() as folder:
    for n, d, unlike in DESIGNS: cover(n, d, unlike, folder)
end()
