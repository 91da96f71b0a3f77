"""`evoke compare`: cosines, norm ratios and Fisher ratios of two stores and two vectors files against NumPy's, and what is refused.

    python check_compare.py PROGRAM"""
import json, os, shutil, tempfile
import h5py
import numpy as np
from checking import check, end, program

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "gguf")
MODEL, NARROWER = (os.path.join(GOLDEN, name, "model.gguf") for name in ("llama_f32", "llama_q4_1"))
QUERIES = [{"text": f"{t} {i}.", "id": f"{e}-{i}", "emotion": e} for e, t in (("joy", "We won game"), ("fear", "Who knocked at door"), ("anger", "They shut line")) for i in range(6)]
FIGURES = ("cosine", "norm_a", "norm_b", "norm_ratio", "fisher_a", "fisher_b", "fisher_change")


def run(*arguments):
    done = program(*arguments)
    check(done.returncode == 0, arguments, done.stderr)
    return done


def compare(*arguments): return json.loads(run("compare", *arguments, "--json", "-q").stdout)


def refused(said, a, b, *more, status=1):
    done = program("compare", a, b, *more, "-q")
    check(done.returncode == status and said in done.stderr and done.stderr.count("\n") == 1 and not done.stdout, said, done.returncode, done.stderr)


def changed(name, change, of="b.h5"):
    """A copy that `change` has been at."""
    shutil.copy(of, name)
    with h5py.File(name, "r+") as f: change(f)
    return name


def vectors(name, change): return changed(name, change, "ev-b.h5")


def replace(f, name, data):
    kind = f[name].dtype
    del f[name]
    f.create_dataset(name, data=data, dtype=kind)


def fitted(f, site, span, emotion, layer):
    """EV and J along it, in double, from the stored floats."""
    emotions, settings = list(f["emotions"].asstr()), list(f["settings"].asstr())
    x = f[f"activations/{site}/{span}"][:, :, list(f["layers"][:]).index(layer)].astype("f8")[f["queries/emotion"][:] == emotions.index(emotion)]
    one, zero = x[:, settings.index("emotion")], x[:, settings.index("neutral")]
    ev = one.mean(0) - zero.mean(0)
    scatter = (np.cov(one.T, bias=True) + np.cov(zero.T, bias=True)) / 2
    return ev, (ev @ ev) ** 2 / (ev @ scatter @ ev), len(x)


def expected(v, w, j, k):
    a, b = np.linalg.norm(v), np.linalg.norm(w)
    return dict(zip(FIGURES, (v @ w / (a * b), a, b, b / a, j, k, k / j)))


def agree(got, want, *where):
    for name, x in want.items(): check(got[name] is None if np.isnan(x) else abs(got[name] - x) <= 1e-9 * max(1, abs(x)), *where, name, got[name], x)


def cells(r):
    for site, held in r["sites"].items():
        for layer in held["layers"]:
            for emotion, figures in layer["emotions"].items(): yield site, layer["layer"], emotion, figures


def check_stores(r, a, b, span):
    with h5py.File(a) as f, h5py.File(b) as g:
        n = 0
        for site, layer, emotion, figures in cells(r):
            (v, j, count), (w, k, _) = fitted(f, site, span, emotion, layer), fitted(g, site, span, emotion, layer)
            agree(figures, expected(v, w, j, k), a, b, site, layer, emotion)
            check(figures["n"] == count, "n")
            n += 1
        check(n == 2 * len(f["layers"]) * len(f["emotions"]), "all cells", n)
    for site, held in r["sites"].items():
        for name in ("cosine", "norm_ratio", "fisher_change"):
            x = [c[3][name] for c in cells(r) if c[0] == site]
            check(np.allclose([held["summary"][name][k] for k in ("least", "median", "most")], [min(x), np.median(x), max(x)], rtol=1e-12), "summary", name)


def check_vectors(r, a, b):
    with h5py.File(a) as f, h5py.File(b) as g:
        for site, layer, emotion, figures in cells(r):
            v, w = (x[f"ev/{site}"][list(x["emotions"].asstr()).index(emotion), list(x["layers"][:]).index(layer)].astype("f8") for x in (f, g))
            agree(figures, expected(v, w, np.nan, np.nan), a, b, site, layer, emotion)
            check(figures["n"] == 6, "n")
        check(len(list(cells(r))) == f["ev/resid_post"].shape[0] * f["ev/resid_post"].shape[1] * len(f["sites"]), "all cells")


def turned(f):
    """The same store with emotions, settings and layers in another order."""
    replace(f, "queries/emotion", len(f["emotions"]) - 1 - f["queries/emotion"][:])
    replace(f, "progress/done", f["progress/done"][:][:, ::-1])
    for name in ("emotions", "settings", "layers"): replace(f, name, f[name][:][::-1])
    for site in f["activations"].values():
        for span in ("query", "last"): replace(site, span, site[span][:][:, ::-1, ::-1])


def others(f):
    texts = f["queries/text"][:]
    texts[3] = b"Quite another."
    replace(f, "queries/text", texts)


def unfinished(f): f["progress/done"][4, 1] = 0


def rounded_model():
    """The model with the last part of its weights in 4 bits of fraction: another one of the same shape."""
    with open(MODEL, "rb") as f: data = bytearray(f.read())
    weights = np.frombuffer(data, "<f4", 150000, len(data) - 600000)
    fraction, exponent = np.frexp(weights)
    weights[:] = np.ldexp(np.round(fraction * 32) / 32, exponent)
    with open("b.gguf", "wb") as f: f.write(data)
    return "b.gguf"


def main():
    with open("q.jsonl", "w") as f: f.write("\n".join(map(json.dumps, QUERIES)))
    with open("fewer.jsonl", "w") as f: f.write("\n".join(map(json.dumps, QUERIES[:-1])))
    with open("settings.json", "w") as f: json.dump({"system": None, "settings": {"neutral": "Well: {query}", "emotion": "{emotion}: {query}"}}, f)

    def extract(to, *more, model=MODEL, queries="q.jsonl", sites="resid_post,attn_out"):
        run("extract", "-m", model, "-d", queries, "-o", to, "--sites", sites, "--span", "query,last", "-q", *more)
        run("ev", to, "-o", "ev-" + to, "--span", "query", "-q")
    extract("a.h5")
    extract("b.h5", model=rounded_model())
    extract("narrow.h5", model=NARROWER)
    check_stores(compare("a.h5", "b.h5"), "a.h5", "b.h5", "query")
    check_stores(compare("a.h5", "b.h5", "--span", "last"), "a.h5", "b.h5", "last")
    check_stores(compare("a.h5", changed("turned.h5", turned)), "a.h5", "turned.h5", "query")
    same = compare("a.h5", "a.h5")
    check(all(abs(c[3][name] - 1) < 1e-12 for c in cells(same) for name in ("cosine", "norm_ratio", "fisher_change")), "a store and itself")
    check_vectors(compare("ev-a.h5", "ev-b.h5"), "ev-a.h5", "ev-b.h5")
    run("convert", "ev-b.h5", "-o", "b.npz", "-q")
    check([c[3]["cosine"] for c in cells(compare("ev-a.h5", "b.npz"))] == [c[3]["cosine"] for c in cells(compare("ev-a.h5", "ev-b.h5"))], "of another tool's file")
    said = run("compare", "a.h5", "b.h5").stdout
    check(all(word in said for word in ("cosine", "norm ratio, B/A", "Fisher change, B/A", "over layers and emotions", "joy")), said)
    check("no Fisher ratios: vectors have no scatter" in run("compare", "ev-a.h5", "ev-b.h5").stdout, "vectors say what they lack")

    extract("fewer.h5", queries="fewer.jsonl")
    extract("layers.h5", "--layers", "1,2")
    extract("layer.h5", "--layers", "1")
    extract("sites.h5", sites="resid_post,mlp_out")
    extract("site.h5", sites="resid_post")
    extract("words.h5", "--settings", "settings.json")
    run("query", "a.h5", "-o", "two.h5", "--emotion", "joy,fear")
    run("query", "layers.h5", "-o", "one.h5", "--layers", "2")
    refused("18 queries, the other 17", "a.h5", "fewer.h5")
    refused("3 layers, the other 2", "a.h5", "layers.h5")
    refused("one has layer 1, the other not", "layer.h5", "one.h5")
    refused("2 sites, the other 1", "a.h5", "site.h5")
    refused("one has site 'attn_out', the other not", "a.h5", "sites.h5")
    refused("18 queries, the other 12", "a.h5", "two.h5")
    refused("query 3 is of another text", "a.h5", changed("others.h5", others))
    refused("query 4 is done in one alone", "a.h5", changed("unfinished.h5", unfinished))
    refused("query 0 is of another emotion", "a.h5", changed("moods.h5", lambda f: replace(f, "queries/emotion", np.roll(f["queries/emotion"][:], 1))))
    refused("query 0 is of another id", "a.h5", changed("ids.h5", lambda f: replace(f, "queries/id", f["queries/id"][:][::-1])))
    refused("one has emotion 'joy', the other not", "a.h5", changed("names.h5", lambda f: replace(f, "emotions", [b"envy", *f["emotions"][1:]])))
    refused("96 dimensions, the other 64", "a.h5", "narrow.h5")
    refused("96 dimensions, the second 64", "ev-a.h5", "ev-narrow.h5")
    refused("response", "a.h5", "b.h5", "--span", "response")
    refused("'joy' is of 6 queries in the first", "ev-a.h5", vectors("counts.h5", lambda f: f["count"].write_direct(np.array([5, 6, 6]))))
    refused("the second have no emotion 'fear'", "ev-a.h5", vectors("envy.h5", lambda f: replace(f, "emotions", [b"joy", b"envy", b"anger"])))
    refused("3 layers, the second 2", "ev-a.h5", "ev-layers.h5")
    refused("have no site attn_out", "ev-a.h5", "ev-sites.h5")
    refused("of span query, the second of last", "ev-a.h5", vectors("last.h5", lambda f: f.attrs.modify("span", "last")))
    refused("of method mean_difference, the second of fisher", "ev-a.h5", vectors("fisher.h5", lambda f: f.attrs.modify("method", "fisher")))
    refused("the first is a store", "a.h5", "ev-b.h5")
    refused("none to choose", "ev-a.h5", "ev-b.h5", "--span", "query", status=2)
    done = program("compare", "a.h5", "words.h5")
    check(done.returncode == 0 and "other words" in done.stderr, "other settings are told", done.stderr)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
end()
