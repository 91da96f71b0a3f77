"""`evoke theory` against NumPy and scikit-learn, on fresh random stores in the layout of an activation store.

    python check_theory.py PROGRAM [SEED]

PROGRAM is the built `evoke`. Prints what fails and `N passed, N failed, N skipped`."""
import json, subprocess, tempfile
import h5py, numpy as np
from scipy.stats import kstest
from sklearn.covariance import ledoit_wolf, oas
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis as LDA
from sklearn.metrics import roc_auc_score
from checking import PROGRAM, check, end, seed

SEED = seed()


def near(a, b, tolerance=1e-4):
    return abs(a - b) <= tolerance * max(abs(a), abs(b))


def near_along(name, a, b, got):
    """Of squares of a component along ev, which may be all but orthogonal to it: to 1e-4, or to 1e-6 of what the best direction has."""
    best = 1 if name.startswith("efficiency") else got["fisher_ratio_w"]
    return near(a, b) or abs(a ** 0.5 - b ** 0.5) <= 1e-6 * best ** 0.5


# ---------------------------------------------------------------------------- stores

def make_store(path, X, which, emotions, layers, settings=("neutral", "emotion"), done=None, span="query", dtype="f4"):
    """X [N, S, L, D]"""
    n, s, _, d = X.shape
    text = h5py.string_dtype("utf-8")
    with h5py.File(path, "w") as f:
        f.attrs.update({"format": "evoke-activations", "version": 1, "program_version": "0", "command_line": "", "seed": 0,
                        "model_name": "random", "model_sha256": "", "architecture": "llama", "n_layers": max(layers) + 1,
                        "d_model": d})
        for name, values in (("queries/text", [f"query {i}" for i in range(n)]), ("queries/id", [str(i) for i in range(n)]),
                             ("queries/language", ["en"] * n), ("emotions", emotions), ("settings", settings),
                             ("sites", ["resid_post"])):
            f.create_dataset(name, data=np.array(values, object), dtype=text)
        f.create_dataset("prompts/text", data=np.array([[f"prompt {i} {j}" for j in range(s)] for i in range(n)], object),
                         dtype=text)
        f["queries/emotion"], f["layers"] = np.array(which, np.int16), np.array(layers, np.int32)
        f[f"activations/resid_post/{span}"] = X.astype(dtype)
        if done is not None: f["progress/done"] = np.array(done, np.uint8)


def random_case(rng, per_emotion, d, n_layer, spread=0.5, offset=10.0):
    """Correlated features, a mean far from zero, emotions that move it"""
    emotions = ["joy", "Wut", "dégoût", "fear of 高所"][:len(per_emotion)]
    which = rng.permutation(np.repeat(np.arange(len(emotions)), per_emotion))
    X = np.zeros((len(which), 2, n_layer, d), np.float32)
    for l in range(n_layer):
        mix = rng.normal(size=(d, d)) / np.sqrt(d) * np.exp(spread * rng.normal(size=d))
        moves = rng.normal(size=(len(emotions), d)) * 0.7
        topic = rng.normal(size=(len(which), d))
        for s in range(2):
            rows = offset * np.sin(np.arange(d)) + (topic + 0.5 * rng.normal(size=topic.shape)) @ mix + s * moves[which]
            X[:, s, l] = rows
    return X, which, emotions


# ---------------------------------------------------------------------------- the truth

def shrinkage_of(x1, x0, choice):
    centred = np.concatenate([x1 - x1.mean(0), x0 - x0.mean(0)])
    if choice == "lw": return ledoit_wolf(centred, assume_centered=True)[1]
    if choice == "oas": return oas(centred, assume_centered=True)[1]
    return float(choice)


def truth(x1, x0, choice, v=None):
    x1, x0 = x1.astype(np.float64), x0.astype(np.float64)
    n, d = len(x1) + len(x0), x1.shape[1]
    ev = x1.mean(0) - x0.mean(0)
    v = ev if v is None else v.astype(np.float64)
    s = shrinkage_of(x1, x0, choice)
    Sw = sum((x - x.mean(0)).T @ (x - x.mean(0)) for x in (x1, x0)) / n
    S = (1 - s) * Sw + s * np.trace(Sw) / d * np.eye(d)
    w = np.linalg.solve(S, ev)
    y = np.repeat([1, 0], [len(x1), len(x0)])
    lda = LDA(solver="lsqr", shrinkage=s).fit(np.concatenate([x1, x0]), y).coef_[0] if s > 0 else None
    r = {"shrinkage": s, "cosine": v @ w / np.linalg.norm(v) / np.linalg.norm(w),
         "whitened_cosine": (v @ S @ w) / np.sqrt((v @ S @ v) * (w @ S @ w))}
    r["efficiency"] = r["whitened_cosine"] ** 2
    for name, u in (("ev", v), ("w", w)):
        p1, p0 = x1 @ u, x0 @ u
        r[f"fisher_ratio_{name}"] = (u @ ev) ** 2 / (u @ Sw @ u)
        r[f"dprime_{name}"] = (p1.mean() - p0.mean()) / np.sqrt((p1.var(ddof=1) + p0.var(ddof=1)) / 2)
        r[f"auc_{name}"] = roc_auc_score(y, np.concatenate([p1, p0]))
    return r, w, lda, v


def likelihood_shrinkage(rows, labels, fold):
    """s = 10^(-4), 10^(-3.9), ..., 1 of highest log-likelihood of normal rows around their class, each left out with its fold"""
    grid = 10 ** (-4 + np.arange(41) / 10)
    total = np.zeros(len(grid))
    for f in np.unique(fold):
        keep, out = fold != f, fold == f
        means = {k: rows[keep & (labels == k)].mean(0) for k in np.unique(labels)}
        c = rows - np.array([means[k] for k in labels])
        S, d = c[keep].T @ c[keep] / keep.sum(), rows.shape[1]
        for i, s in enumerate(grid):
            T = (1 - s) * S + s * np.trace(S) / d * np.eye(d)
            total[i] += out.sum() * np.linalg.slogdet(T)[1] + (c[out] * np.linalg.solve(T, c[out].T).T).sum()
    return grid[total.argmin()]


def one_class(rows, s):
    """Shrunk scatter around the mean"""
    c = rows - rows.mean(0)
    return (1 - s) * c.T @ c / len(rows) + s * (c * c).sum() / rows.size * np.eye(rows.shape[1])


def cosine(a, b): return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def held_out(x1, x0, choice, k, which):
    """Scores of held-out queries less the fit's threshold, along ev, w, wd or the principal component, per unit of length"""
    n = len(x1)
    one, zero = np.zeros(n), np.zeros(n)
    for f in range(k):
        out, keep = np.arange(n) % k == f, np.arange(n) % k != f
        a, b = x1[keep], x0[keep]
        ev = a.mean(0) - b.mean(0)
        c = np.concatenate([a - a.mean(0), b - b.mean(0)])
        if which == "ev": v = ev
        elif which == "pc":
            rows = np.concatenate([a, b])
            v = np.linalg.svd(rows - rows.mean(0), full_matrices=False)[2][0]
            v *= np.sign(v @ ev)
        elif which == "w":
            s = shrinkage_of(a, b, choice)
            v = np.linalg.solve((1 - s) * c.T @ c / len(c) + s * (c * c).sum() / c.size * np.eye(c.shape[1]), ev)
        else: v = np.linalg.solve(one_class(a - b, offset_shrinkage(a - b, choice)), ev)
        v = v / np.linalg.norm(v)
        middle = (a.mean(0) + b.mean(0)) @ v / 2
        one[out], zero[out] = x1[out] @ v - middle, x0[out] @ v - middle
    return one, zero


def offset_shrinkage(d, choice, centred=True):
    c = d - d.mean(0) if centred else d
    if choice == "lw": return ledoit_wolf(c, assume_centered=True)[1]
    if choice == "oas": return oas(c, assume_centered=True)[1]
    return float(choice)


def separation(one, zero):
    y = np.repeat([1, 0], [len(one), len(zero)])
    return ((one.mean() - zero.mean()) / np.sqrt((one.var(ddof=1) + zero.var(ddof=1)) / 2), roc_auc_score(y, np.concatenate([one, zero])),
            ((one > 0).mean() + (zero < 0).mean()) / 2)


def more_truth(x1, x0, choice, k):
    """What theory says of an emotion beside the two-class figures"""
    x1, x0 = x1.astype(np.float64), x0.astype(np.float64)
    n, D = len(x1), x1.shape[1]
    d = x1 - x0
    ev, c = d.mean(0), np.concatenate([x1 - x1.mean(0), x0 - x0.mean(0)])
    s, s_d, s_t = shrinkage_of(x1, x0, choice), offset_shrinkage(d, choice), offset_shrinkage(d, choice, False)
    Sw = c.T @ c / (2 * n)
    S = (1 - s) * Sw + s * np.trace(Sw) / D * np.eye(D)
    w, wd = np.linalg.solve(S, ev), np.linalg.solve(one_class(d, s_d), ev)
    St = one_class(d, 0) * (1 - s_t) + s_t * (d * d).sum() / d.size * np.eye(D)
    e = np.clip(np.linalg.eigvalsh(Sw)[::-1], 0, None)
    share = e[e > e[0] * 1e-13] / e.sum()
    f = (1 - s) * e + s * e.sum() / D
    kappa = f[0] / f[-1]
    r = {"shrinkage_offset": s_d, "cosine_offset": cosine(ev, wd), "hotelling_t2": (n - 1) * ev @ np.linalg.solve(St, ev),
         "hotelling_shrinkage": s_t, "efficiency_offset": (wd @ ev) ** 2 / (wd @ S @ wd) / (ev @ w),
         "fisher_ratio_offset": (wd @ ev) ** 2 / (wd @ Sw @ wd), "angle": np.degrees(np.arccos(min(1, cosine(ev, w)))),
         "effective_rank": np.exp(-(share * np.log(share)).sum()), "participation_ratio": e.sum() ** 2 / (e ** 2).sum(),
         "condition_shrunk": kappa, "kantorovich_bound": 4 * kappa / (1 + kappa) ** 2, "sphericity": D * (e ** 2).sum() / e.sum() ** 2 - 1,
         "efficiency_isotropic": D * D / f.sum() / (1 / f).sum(), "ev_norm": np.linalg.norm(ev)}
    r["sphericity_z"] = ((2 * n - 2) * r["sphericity"] - D - 1) / 2
    both = np.concatenate([x1, x0]); both = both - both.mean(0)
    values, vectors = np.linalg.eigh(both.T @ both)
    pc = vectors[:, -1]
    r.update({"component_share": values[-1] / values.sum(), "fisher_ratio_pc": (pc @ ev) ** 2 / (pc @ Sw @ pc),
              "efficiency_pc": (pc @ ev) ** 2 / (pc @ S @ pc) / (ev @ w)})
    for which in ("ev", "w", "offset"):
        for name, value in zip(("dprime", "auc", "accuracy"), separation(*held_out(x1, x0, choice, min(k, n), which))):
            r[f"held_out_{name}_{which}"] = value
    return r, wd, pc


# ---------------------------------------------------------------------------- the program

def theory(*arguments):
    p = subprocess.run([PROGRAM, "theory", *map(str, arguments)], capture_output=True, text=True, encoding="utf-8")
    return p.returncode, p.stdout, p.stderr


def read_vectors(path):
    with h5py.File(path) as f:
        method = f.attrs["method"]
        return {"method": method.decode() if isinstance(method, bytes) else method, "ev": f["ev/resid_post"][:],
                "emotions": list(f["emotions"].asstr()[:]), "layers": list(f["layers"][:]), "count": list(f["count"][:]),
                "base": f["base/resid_post"][:]}


def check_rows(what, out, X, which, emotions, layers, choice, used=None, order=(0, 1), vectors=None, directions=None):
    used = np.ones(len(which), bool) if used is None else used
    try: rows = json.loads(out)["layers"]
    except (ValueError, KeyError) as e: return check(False, what, "JSON:", e, out[:200])
    check([r["layer"] for r in rows] == list(layers), what, "layers", [r["layer"] for r in rows], layers)
    for row, l in zip(rows, range(X.shape[2])):
        check(set(row["emotions"]) == set(emotions), what, "emotions", list(row["emotions"]))
        for e, emotion in enumerate(emotions):
            keep = (which == e) & used
            x1, x0 = X[keep, order[1], l], X[keep, order[0], l]
            expected, w, lda, v = truth(x1, x0, choice, None if vectors is None else vectors[e, l])
            got = row["emotions"].get(emotion, {})
            for name, value in expected.items():
                check(name in got and near(got[name], value), what, emotion, row["layer"], name, got.get(name), value)
            if lda is not None: check(near(np.linalg.norm(lda - w) / np.linalg.norm(w) + 1, 1), what, "scikit-learn's w")
            if directions is not None:
                mine, scaled = directions["ev"][e, l].astype(np.float64), w * np.linalg.norm(v) / np.linalg.norm(w)
                check(np.linalg.norm(mine - scaled) < 1e-4 * np.linalg.norm(scaled), what, emotion, row["layer"], "direction")
                check(directions["count"][e] == keep.sum(), what, emotion, "count", directions["count"])


def check_figures(folder, rng):
    for i, (per_emotion, d, choices) in enumerate([([6, 9], 40, ("lw", "oas", 0.1, 0.5, 1)), ([20, 2, 11], 64, ("lw", "oas", 0.3)),
                                                   ([40, 50], 24, (0, 0.05, "lw", "oas")), ([12, 12, 12, 12], 300, ("lw", 0.01))]):
        X, which, emotions = random_case(rng, per_emotion, d, 2)
        layers, store = [3, 7], f"{folder}/store{i}.h5"
        make_store(store, X, which, emotions, layers)
        for choice in choices:
            what = f"{per_emotion} in {d}, shrinkage {choice}:"
            code, out, err = theory(store, "--shrinkage", choice, "--json", "-o", f"{folder}/w.h5")
            if code != 0: check(False, what, err.strip()); continue
            directions = read_vectors(f"{folder}/w.h5")
            check(directions["method"] == "fisher" and directions["layers"] == layers and directions["emotions"] == emotions,
                  what, "directions file", directions["method"], directions["layers"], directions["emotions"])
            check(np.allclose(directions["base"], directions["ev"].mean(0), rtol=1e-5, atol=1e-6), what, "base")
            check_rows(what, out, X, which, emotions, layers, choice, directions=directions)


def check_more(folder, rng):
    """Everything else against NumPy and scikit-learn: offsets, out of sample, spectra, one against the others, discriminants"""
    for per_emotion, d, choice, k in (([12, 15, 9], 40, "lw", 5), ([10, 8], 60, 0.2, 4), ([30, 25, 28], 12, "oas", 10), ([9, 10, 11], 30, 0.5, 10), ([30, 25, 28], 12, 0, 10)):
        what = f"{per_emotion} in {d}, shrinkage {choice}:"
        X, which, emotions = random_case(rng, per_emotion, d, 2)
        make_store(f"{folder}/m.h5", X, which, emotions, [1, 4])
        save = [a for kind in ("offset", "rest", "discriminants", "component") for a in ("--save", f"{kind}={folder}/{kind}.h5")]
        code, out, err = theory(f"{folder}/m.h5", "--shrinkage", choice, "--folds", k, "--bootstrap", 20, "--permutations", 49, "--json", "--raw",
                                "--stats", f"{folder}/stats.h5", *save)
        if not check(code == 0, what, err.strip()): continue
        saved, rows = {kind: read_vectors(f"{folder}/{kind}.h5") for kind in ("offset", "rest", "discriminants", "component")}, json.loads(out)["layers"]
        for l, row in enumerate(rows):
            for e, emotion in enumerate(emotions):
                got, keep = row["emotions"][emotion], which == e
                expected, wd, pc = more_truth(X[keep, 1, l], X[keep, 0, l], choice, k)
                for name, value in expected.items():
                    same = near_along(name, got[name], value, got) if name.endswith("_pc") else near(got[name], value)
                    check(same, what, emotion, name, got[name], value)
                along_pc = separation(*held_out(X[keep, 1, l].astype(float), X[keep, 0, l].astype(float), choice, min(k, keep.sum()), "pc"))[0]
                check(abs(got["held_out_dprime_pc"] - along_pc) < 1e-4, what, emotion, "held-out d' along the component", along_pc)
                check(1 - cosine(saved["offset"]["ev"][e, l].astype(float), wd) < 1e-4, what, emotion, "offset direction")
                check(1 - cosine(saved["component"]["ev"][e, l].astype(float), pc) ** 2 < 1e-4, what, emotion, "component")
                check(got["efficiency"] >= got["kantorovich_bound"] * (1 - 1e-9), what, "Kantorovich's bound")
            check_others(what, row, saved, X[:, 1, l].astype(np.float64), which, emotions, choice, l)
        with h5py.File(f"{folder}/stats.h5") as f:
            check(np.allclose(f["efficiency"][0, 0], rows[0]["emotions"][emotions[0]]["efficiency"]), what, "statistics file")


def linear_cka(X, Y):
    """As Kornblith et al. (2019) write it, and by the unbiased estimator as Song et al. (2012) do; X, Y [n, D]"""
    X, Y, n = X - X.mean(0), Y - Y.mean(0), len(X)
    def hsic(a, b):
        K, L = a @ a.T, b @ b.T
        np.fill_diagonal(K, 0); np.fill_diagonal(L, 0)
        return (K * L).sum() + K.sum() * L.sum() / (n - 1) / (n - 2) - 2 / (n - 2) * (K @ L).sum()
    return (np.linalg.norm(Y.T @ X) ** 2 / np.linalg.norm(X.T @ X) / np.linalg.norm(Y.T @ Y),
            hsic(X, Y) / np.sqrt(hsic(X, X) * hsic(Y, Y)))


def check_similarity(folder, rng):
    """CKA of layers; intervals stand around what they are of"""
    X, which, emotions = random_case(rng, [8, 11], 30, 3)
    X[:, :, 2] += X[:, :, 0]
    make_store(f"{folder}/c.h5", X, which, emotions, [0, 4, 5])
    code, out, err = theory(f"{folder}/c.h5", "--json", "--bootstrap", 100, "--stats", f"{folder}/c_stats.h5")
    if not check(code == 0, "similarity:", err): return
    X, rows = X.astype(np.float64), json.loads(out)["layers"]
    with h5py.File(f"{folder}/c_stats.h5") as f:
        for l in range(3):
            for m in range(3):
                one = np.concatenate([X[which == e, 1] for e in range(2)])
                got, truth = (f["rows_cka"][l, m], f["rows_cka_debiased"][l, m]), linear_cka(one[:, l], one[:, m])
                check(near(got[0], truth[0], 1e-8) and abs(got[1] - truth[1]) < 1e-8, "rows_cka", l, m, got, truth)
                check(got == (rows[l]["rows_cka"][m], rows[l]["rows_cka_debiased"][m]), "rows_cka in JSON")
                for e in range(2):
                    d = X[which == e, 1] - X[which == e, 0]
                    got, truth = (f["layer_cka"][e, l, m], f["layer_cka_debiased"][e, l, m]), linear_cka(d[:, l], d[:, m])
                    check(near(got[0], truth[0], 1e-8) and abs(got[1] - truth[1]) < 1e-8, "layer_cka", e, l, m, got, truth)
        for name in ("ev_norm", "ev_cosine", "base_share", "plane_share", "plane", "split_half_cosine", "sphericity", "participation_ratio",
                     "effective_rank", "condition_shrunk", "kantorovich_bound", "efficiency_isotropic"):
            ends = f[name + "_interval"][:]
            check(ends.shape == f[name].shape + (2,) and np.isfinite(ends).all() and (ends[..., 0] <= ends[..., 1]).all(), name, "interval", ends)


def check_others(what, row, saved, x, which, emotions, choice, l):
    order = np.argsort(which, kind="stable")
    x, labels = x[order], which[order]
    D = x.shape[1]
    for e, emotion in enumerate(emotions):
        y = labels == e
        s = shrinkage_of(x[y], x[~y], choice)
        check(near(row["emotions"][emotion]["rest_shrinkage"], s), what, emotion, "rest shrinkage", s)
        lda = LDA(solver="lsqr", shrinkage=s or None).fit(x, y).coef_[0]
        mine = saved["rest"]["ev"][e, l].astype(np.float64)
        check(np.linalg.norm(mine - lda) < 1e-4 * np.linalg.norm(lda), what, emotion, "one against the others, scikit-learn's lsqr")
        eigen = LDA(solver="eigen", shrinkage=s or None).fit(x, y).scalings_[:, 0]     # it shrinks Sb too: the same at s = 0 alone
        check(1 - abs(cosine(mine, eigen)) < (0.05 if s else 1e-4), what, emotion, "scikit-learn's eigen", cosine(mine, eigen))
    means = np.array([x[labels == e].mean(0) for e in range(len(emotions))])
    p = np.bincount(labels) / len(labels)
    c = x - means[labels]
    s = row["discriminant_shrinkage"]
    expected = {"lw": lambda: ledoit_wolf(c, assume_centered=True)[1], "oas": lambda: oas(c, assume_centered=True)[1]}.get(choice, lambda: choice)()
    check(near(s, expected), what, "discriminants' shrinkage", s, expected)
    S = (1 - s) * c.T @ c / len(c) + s * (c * c).sum() / c.size * np.eye(D)
    b = (means - p @ means) * np.sqrt(p)[:, None]
    L = np.linalg.cholesky(S)
    values, vectors = np.linalg.eigh(np.linalg.solve(L, np.linalg.solve(L, b.T @ b).T))
    for j in range(len(emotions) - 1):
        v = np.linalg.solve(L.T, vectors[:, -1 - j])
        check(near(row["discriminant_eigenvalue"][j], values[-1 - j]), what, "eigenvalue", j, row["discriminant_eigenvalue"][j], values[-1 - j])
        check(1 - abs(cosine(saved["discriminants"]["ev"][j, l].astype(np.float64), v)) < 1e-4, what, "discriminant", j)
    check(np.allclose(row["discriminant_share"], values[::-1][:len(emotions) - 1] / values[::-1][:len(emotions) - 1].sum(), rtol=1e-4), what, "shares")
    if s == 0:
        eigen = LDA(solver="eigen").fit(x, labels).scalings_
        for j in range(len(emotions) - 1):
            mine = saved["discriminants"]["ev"][j, l].astype(np.float64)
            check(1 - abs(cosine(mine, eigen[:, j])) < 1e-4, what, "discriminant of scikit-learn's eigen", j)


def check_likelihood(folder, rng):
    """Shrinkage by held-out likelihood; the same numbers whatever the threads"""
    X, which, emotions = random_case(rng, [9, 13], 24, 1)
    make_store(f"{folder}/l.h5", X, which, emotions, [0])
    code, out, err = theory(f"{folder}/l.h5", "--shrinkage", "cv", "--json", "--bootstrap", 50, "-t", 1)
    if not check(code == 0, "cv:", err): return
    for e, emotion in enumerate(emotions):
        x1, x0 = X[which == e, 1, 0].astype(np.float64), X[which == e, 0, 0].astype(np.float64)
        n = len(x1)
        fold = np.arange(n) % min(10, n)
        got = json.loads(out)["layers"][0]["emotions"][emotion]
        s = likelihood_shrinkage(np.concatenate([x1, x0]), np.repeat([1, 0], n), np.concatenate([fold, fold]))
        check(near(got["shrinkage"], s), "cv:", emotion, got["shrinkage"], s)
        s = likelihood_shrinkage(x1 - x0, np.zeros(n, int), fold)
        check(near(got["shrinkage_offset"], s), "cv: offsets:", emotion, got["shrinkage_offset"], s)
    check(theory(f"{folder}/l.h5", "--shrinkage", "cv", "--json", "--bootstrap", 50, "-t", 3)[1] == out, "threads change the figures")


def check_null(folder, rng):
    """Of 200 emotions that are none, the p-values are uniform (Kolmogorov and Smirnov, at 1e-6: a million runs fail once), with D above n and below"""
    for d, n, choice in ((40, 12, "lw"), (6, 15, 0)):
        found = {"hotelling_p": [], "permuted_p": []}
        for seed in range(4):
            X = (rng.normal(size=(50 * n, 1, 1, d)) + rng.normal(size=(50 * n, 2, 1, d))) @ rng.normal(size=(d, d))
            make_store(f"{folder}/null.h5", X, np.repeat(np.arange(50), n), [f"emotion {e}" for e in range(50)], [0])
            code, out, err = theory(f"{folder}/null.h5", "--json", "--shrinkage", choice, "--bootstrap", 0, "--folds", 0,
                                    "--permutations", 499, "--controls", 499, "--seed", seed)
            if not check(code == 0, "no effect:", err): return
            for name, values in found.items(): values += [e[name] for e in json.loads(out)["layers"][0]["emotions"].values()]
        for name, values in found.items(): check(kstest(values, "uniform").pvalue > 1e-6, "no effect, D", d, name, sorted(values)[::20])


def check_choices(folder, rng):
    """Layers, vectors, incomplete queries, other order of settings, float64, several spans"""
    X, which, emotions = random_case(rng, [8, 9], 30, 3)
    make_store(f"{folder}/s.h5", X, which, emotions, [0, 4, 5])
    _, out, _ = theory(f"{folder}/s.h5", "--layers", "4-5", "--json", "--shrinkage", 0.2)
    check_rows("--layers 4-5:", out, X[:, :, 1:], which, emotions, [4, 5], 0.2)
    make_store(f"{folder}/names.h5", X, which, ["表情" * 20, "two\nlines"], [0, 4, 5])
    code, out, err = theory(f"{folder}/names.h5", "--bootstrap", 0, "-v")       # read as UTF-8: no character may be cut
    check(code == 0 and "two?lines   " in out and "表情" * 5 + "表 " in out, "names in the table", err, out[:200])
    _, out, err = theory(f"{folder}/s.h5", "--json")
    check_rows("default shrinkage:", out, X, which, emotions, [0, 4, 5], "lw")

    code, _, err = theory(f"{folder}/s.h5", "--shrinkage", 0.2, "-o", f"{folder}/w.h5")
    check(code == 0, "directions", err)
    directions = read_vectors(f"{folder}/w.h5") if code == 0 else None
    _, out, _ = theory(f"{folder}/s.h5", "--ev", f"{folder}/w.h5", "--shrinkage", 0.5, "--json", "-o", f"{folder}/w2.h5")
    if directions: check_rows("--ev:", out, X, which, emotions, [0, 4, 5], 0.5, vectors=directions["ev"],
                              directions=read_vectors(f"{folder}/w2.h5"))

    done = np.ones((len(which), 2), np.uint8)
    done[3, 0] = done[5, 1] = 0
    Y = X.copy(); Y[3, 0] = np.nan; Y[5] = 0
    make_store(f"{folder}/s.h5", Y, which, emotions, [0, 4, 5], done=done)
    _, out, err = theory(f"{folder}/s.h5", "--json", "--shrinkage", "oas")
    check_rows("incomplete queries:", out, X, which, emotions, [0, 4, 5], "oas", used=done.all(1))

    Y = np.stack([X[:, 1], rng.normal(size=X[:, 0].shape), X[:, 0]], 1)
    make_store(f"{folder}/s.h5", Y, which, emotions, [0, 4, 5], settings=("emotion", "other", "neutral"))
    _, out, err = theory(f"{folder}/s.h5", "--json", "--shrinkage", 0.4)
    check_rows("settings in another order:", out, Y, which, emotions, [0, 4, 5], 0.4, order=(2, 0))

    make_store(f"{folder}/s.h5", X, which, emotions, [0, 4, 5], dtype="f8")
    with h5py.File(f"{folder}/s.h5", "a") as f: f["activations/resid_post/last"] = 2 * X[::-1]
    _, out, err = theory(f"{folder}/s.h5", "--json", "--shrinkage", 0.4, "--span", "last")
    check_rows("span last:", out, 2 * X[::-1], which, emotions, [0, 4, 5], 0.4)


def check_refusals(folder, rng):
    X, which, emotions = random_case(rng, [5, 6], 20, 2)
    store = f"{folder}/s.h5"

    def refuses(what, words, *arguments, code=1, **changes):
        given = {"X": X, "which": which, "emotions": emotions, "layers": [2, 9], **changes}
        make_store(store, **given)
        got, out, err = theory(store, "--json", *arguments)
        line = err.strip()
        check(got == code and line.startswith("evoke: ") and all(w in line for w in words) and (code == 2 or "\n" not in line)
              and "NaN" not in out, what, got, line, out[:100])

    first = int(np.flatnonzero(which == 0)[0])
    Y = X.copy(); Y[first, 1, 1, 7] = np.nan
    refuses("NaN:", ("not finite", f"query {first}", "layer 9"), X=Y)
    Y = X.copy(); Y[first, 0, 0, 7] = np.inf
    refuses("infinity:", ("not finite", f"query {first}", "layer 2"), X=Y)
    Y = X.copy(); Y[which == 1, 1, 1] = Y[which == 1, 0, 1]
    refuses("same classes:", ("same mean", emotions[1], "layer 9"), X=Y)
    Y = X.copy(); Y[which == 0, 0, 1], Y[which == 0, 1, 1] = 1, 2
    refuses("no scatter:", ("layer 9", emotions[0]), X=Y)
    refuses("shrinkage 0:", (emotions[0], "layer 2"), "--shrinkage", "0")
    refuses("one query:", (emotions[1], "1 complete"), which=np.where(np.arange(len(which)) == first, 1, 0))
    refuses("no neutral setting:", ("neutral",), settings=("plain", "emotion"))
    refuses("layers not held:", ("layer",), "--layers", "3-5")
    refuses("shrinkage over one:", ("shrinkage",), "--shrinkage", "1.5", code=2)
    refuses("span not held:", ("last",), "--span", "last")
    refuses("one fold:", ("one fold",), "--folds", 1, code=2)
    refuses("one replicate:", ("one replicate",), "--bootstrap", 1, code=2)
    refuses("two outputs, one file:", ("one file", "both.h5"), "-o", "both.h5", "--save", "offset=both.h5", code=2)
    code, out, err = theory(f"{folder}/missing.h5", "--json")
    check(code == 1 and err.startswith("evoke: "), "missing file", code, err)


def main():
    rng = np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory() as folder:
        for part in (check_figures, check_more, check_similarity, check_likelihood, check_null, check_choices, check_refusals): part(folder, rng)
    print(f"seed {SEED}")
    end()


main()
