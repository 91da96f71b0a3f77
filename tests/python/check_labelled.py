"""`evoke theory --labelled` against scikit-learn and NumPy on fresh random stores, and `extract` of texts as they are.

    python check_labelled.py PROGRAM [SEED]

PROGRAM is the built `evoke`. Prints what fails and `N passed, N failed, N skipped`."""
import json, os, tempfile
import h5py, numpy as np
from sklearn.metrics import confusion_matrix, f1_score, roc_auc_score
from checking import check, end, program, seed

SEED = seed()
MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../golden/gguf/llama_f32/model.gguf")
EMOTIONS, LABELS, LAYERS = ["joy", "Wut", "fear"], ["calm", "fear", "neutral", "joy", "Wut", "grief"], [2, 5]


def near(a, b, tolerance=1e-6):
    a, b = np.asarray(a, float), np.asarray(b, float)
    return a.shape == b.shape and np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)


def evoke(*arguments):
    run = program(*arguments)
    return run.returncode, run.stdout, run.stderr


def make_store(path, X, settings, emotions=(), which=None, sha=""):
    text = h5py.string_dtype("utf-8")
    with h5py.File(path, "w") as f:
        f.attrs.update({"format": "evoke-activations", "version": 1, "model_name": "random", "model_sha256": sha,
                        "architecture": "llama", "n_layers": 8, "d_model": X.shape[-1]})
        names = {"queries/id": [f"id{i}" for i in range(len(X))], "settings": settings}
        if len(emotions): names["emotions"], f["queries/emotion"] = emotions, np.array(which, np.int16)
        for name, values in names.items(): f.create_dataset(name, data=np.array(values, object), dtype=text)
        f["layers"] = np.array(LAYERS, np.int32)
        f["activations/resid_post/query"] = X.astype("f4")


def directions(Q, which, e, s=0.3):
    """EV, w; difference of means, w of one emotion against the others; Sw shrunk by s"""
    def w(one, zero):
        c = np.concatenate([one - one.mean(0), zero - zero.mean(0)])
        S = (1 - s) * c.T @ c / len(c) + s * (c * c).sum() / c.size * np.eye(c.shape[1])
        u = one.mean(0) - zero.mean(0)
        return u, np.linalg.solve(S, u)
    return (*w(Q[which == e, 1], Q[which == e, 0]), *w(Q[which == e, 1], Q[which != e, 1]))


def check_layer(got, Q, which, T, has, ratings):
    scores = np.array([[T @ v for v in directions(Q, which, e)] for e in range(3)]).transpose(1, 0, 2)      # [A, E, n]
    told = has[:, [LABELS.index(e) for e in EMOTIONS]]
    single, truth = told.sum(1) == 1, told.argmax(1)
    names = ["ev", "w", "rest_ev", "rest_w"]
    for a, name in enumerate(names):
        auc = [roc_auc_score(told[:, e], scores[a, e]) for e in range(3)]
        z = (scores[a] - scores[a].mean(1, keepdims=True)) / scores[a].std(1, keepdims=True)
        predicted = z.argmax(0)[single]
        f1 = f1_score(truth[single], predicted, average=None, labels=range(3), zero_division=0)
        check(near([got["auc"][name][e] for e in EMOTIONS], auc), "AUC", name, got["auc"][name], auc)
        check(near([got["f1"][name][e] for e in EMOTIONS], f1) and near(got["macro_f1"][name], f1.mean()), "F1", name)
        check(near([[got["confusion"][name][e][f] for f in EMOTIONS] for e in EMOTIONS],
                   confusion_matrix(truth[single], predicted, labels=range(3))), "confusion", name)
        low, high = got["mean_auc_interval"][name]
        check(low <= np.mean(auc) <= high and near(got["mean_auc"][name], np.mean(auc)), "mean AUC", name, low, high)
    for x, (v, w) in {"w": ("ev", "w"), "rest_w": ("rest_ev", "rest_w")}.items():
        check(near(got["mean_auc_gain"][x], got["mean_auc"][w] - got["mean_auc"][v]), "gain", x)
    # geometry of the labels
    C = [c for c in LABELS if c != "neutral"]
    ev = np.array([T[has[:, LABELS.index(c)]].mean(0) for c in C]) - T[has[:, LABELS.index("neutral")]].mean(0)
    unit = ev / np.linalg.norm(ev, axis=1, keepdims=True)
    check(near([[got["label_cosine"][b][c] for c in C] for b in C], unit @ unit.T, 1e-5), "cosines of labels")
    U, S, _ = np.linalg.svd(ev - ev.mean(0), full_matrices=False)
    check(near(got["label_plane_share"], (S ** 2 / (S ** 2).sum())[:2], 1e-5), "shares")
    for axis in range(2):
        plane = np.array([got["label_plane"][c][axis] for c in C])
        check(near(abs(plane), abs(U[:, axis] * S[axis]), 1e-4), "coordinates", axis)
        for k, what in enumerate(("valence", "arousal")):
            rated = np.array([ratings[c][k] for c in C])
            check(near(got[f"{what}_pearson"][axis], np.corrcoef(plane, rated)[0, 1]), what, "Pearson")
            ranks = [np.argsort(np.argsort(x)) for x in (plane, rated)]
            check(near(got[f"{what}_spearman"][axis], np.corrcoef(*ranks)[0, 1]), what, "Spearman")


def make_all(folder, rng, d=12, n=120):
    which = np.repeat(range(3), 15)
    Q = rng.normal(size=(45, 2, 2, d)) + np.sin(np.arange(d)) * 5
    Q[:, 1] += rng.normal(size=(3, 1, d))[which]
    has = rng.random((n, len(LABELS))) < 0.25
    has[:len(LABELS)] = np.eye(len(LABELS), dtype=bool)
    has[len(LABELS):2 * len(LABELS)] = np.eye(len(LABELS), dtype=bool)
    T = rng.normal(size=(n, 1, 2, d)) + has[:, None, None, :3] @ rng.normal(size=(3, d))
    make_store(f"{folder}/q.h5", Q, ["neutral", "emotion"], EMOTIONS, which, "a" * 64)
    make_store(f"{folder}/t.h5", T, ["text"], sha="a" * 64)
    ratings = {c: rng.random(2) for c in LABELS}
    with open(f"{folder}/r.json", "w") as f:
        json.dump({"ratings": {c: {"valence": v, "arousal": a} for c, (v, a) in ratings.items()}}, f)
    with open(f"{folder}/l.jsonl", "w") as f:
        for i in rng.permutation(n + 3):             # in another order, three of them of no text
            said = [LABELS[c] for c in np.flatnonzero(has[i])] if i < n else ["joy"]
            f.write(json.dumps({"id": f"id{i}", "said": said[0] if len(said) == 1 and i % 2 else said}) + "\n")
    return Q.astype("f4").astype(float), which, T.astype("f4").astype(float), has, ratings


def said_in(folder): return "--labelled", f"{folder}/t.h5", "--labels", f"{folder}/l.jsonl", "--label-key", "said"


def check_figures(folder, rng):
    Q, which, T, has, ratings = make_all(folder, rng)
    arguments = ["theory", f"{folder}/q.h5", *said_in(folder), "--ratings", f"{folder}/r.json", "--shrinkage", 0.3,
                 "--bootstrap", 200, "--json", "-q"]
    code, out, err = evoke(*arguments, "-t", 1, "--stats", f"{folder}/s.h5")
    check(code == 0, "run", err)
    if code: return
    check(out == evoke(*arguments, "-t", 3)[1], "threads change nothing")
    result = json.loads(out)
    check(result["against"] == "neutral" and result["n_text"] == len(T), "described")
    check(result["n_label"] == {c: int(has[:, LABELS.index(c)].sum()) for c in result["n_label"]}, "texts of labels")
    for l, got in enumerate(result["layers"]):
        check(got["layer"] == LAYERS[l], "layer")
        check_layer(got, Q[:, :, l], which, T[:, 0, l], has, ratings)
    with h5py.File(f"{folder}/s.h5") as f:
        check(f["auc"].attrs["axes"] == "LAE" and near(f["auc"][1, 1, 0], result["layers"][1]["auc"]["w"]["joy"], 1e-12), "file")


def check_vectors(folder):
    """--ev takes the place of the EV"""
    check(evoke("theory", f"{folder}/q.h5", "--bootstrap", 0, "--shrinkage", 0.3, "-o", f"{folder}/w.h5")[0] == 0, "directions")
    code, out, _ = evoke("theory", f"{folder}/q.h5", *said_in(folder), "--shrinkage", 0.3, "--ev", f"{folder}/w.h5",
                         "--bootstrap", 0, "--json")
    layers = json.loads(out)["layers"] if code == 0 else []
    same = [near(list(l["auc"]["ev"].values()), list(l["auc"]["w"].values()), 1e-3) for l in layers]
    check(same == [True, True], "w as EV")


def check_raw(folder):
    """Texts as they are: the ids and means of trace, which has no template"""
    texts = ["It rains.", "A letter came today, at last!"]
    with open(f"{folder}/x.json", "w") as f: json.dump(texts, f)
    with open(f"{folder}/raw.json", "w") as f: json.dump({"raw": True, "settings": {"text": "Hm.\n{query}"}}, f)
    code, _, err = evoke("extract", "-m", MODEL, "-d", f"{folder}/x.json", "--settings", f"{folder}/raw.json", "--span",
                         "query,prompt_all", "-o", f"{folder}/x.h5", "-q")
    if not check(code == 0, "extract", err): return
    with h5py.File(f"{folder}/x.h5") as s:
        for i, text in enumerate(texts):
            check(s["prompts/text"][i, 0].decode() == "Hm.\n" + text, "the text", i)
            evoke("trace", "-m", MODEL, "-p", "Hm.\n" + text, "--sites", "resid_post", "-o", f"{folder}/trace.h5")
            with h5py.File(f"{folder}/trace.h5") as t:
                rows, ids = t["resid_post"][:], t["ids"][:]
            first, last = s["tokens/query"][i, 0]
            begin = s["tokens/offsets"][i, 0, 0]
            check((s["tokens/ids"][begin:begin + len(ids)] == ids).all() and last == len(ids) and first > 1, "ids", i)
            check(near(s["activations/resid_post/query"][i, 0], rows[first:last].mean(0), 1e-4), "means of the query", i)


def main():
    rng = np.random.default_rng(SEED)
    with tempfile.TemporaryDirectory() as folder:
        check_figures(folder, rng)
        check_vectors(folder)
        check_raw(folder)
    print(f"seed {SEED}")
    end()


main()
