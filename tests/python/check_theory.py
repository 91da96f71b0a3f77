"""`evoke theory` against NumPy and scikit-learn, on fresh random stores in the layout of an activation store.

    python check_theory.py PROGRAM [SEED]

PROGRAM is the built `evoke`. Prints what fails and `N passed, N failed, N skipped`."""
import json, os, subprocess, sys, tempfile
import h5py, numpy as np
from sklearn.covariance import ledoit_wolf, oas
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis as LDA
from sklearn.metrics import roc_auc_score

PROGRAM = os.path.abspath(sys.argv[1])
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else int.from_bytes(os.urandom(4), "little")
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(ok, *what):
    counts["passed" if ok else "failed"] += 1
    if not ok: print("not ok", *what)


def near(a, b, tolerance=1e-4):
    return abs(a - b) <= tolerance * max(abs(a), abs(b))


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


def check_choices(folder, rng):
    """Layers, vectors, incomplete queries, other order of settings, float64, several spans"""
    X, which, emotions = random_case(rng, [8, 9], 30, 3)
    make_store(f"{folder}/s.h5", X, which, emotions, [0, 4, 5])
    _, out, _ = theory(f"{folder}/s.h5", "--layers", "4-5", "--json", "--shrinkage", 0.2)
    check_rows("--layers 4-5:", out, X[:, :, 1:], which, emotions, [4, 5], 0.2)
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
    code, out, err = theory(f"{folder}/missing.h5", "--json")
    check(code == 1 and err.startswith("evoke: "), "missing file", code, err)


def main():
    rng = np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory() as folder:
        for part in (check_figures, check_choices, check_refusals): part(folder, rng)
    print(f"seed {SEED}")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return counts["failed"] > 0


sys.exit(main())
