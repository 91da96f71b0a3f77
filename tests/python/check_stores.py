"""Stored activations for other programs: the size that `extract` tells before it starts, half precision, compression, and readers
in R and column-major languages.

    python check_stores.py PROGRAM"""
import json, os, re, shutil, subprocess, tempfile
import h5py
import numpy as np
from checking import check, end, program, skip

MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "gguf", "llama_f32", "model.gguf")


def run(*arguments):
    done = program(*arguments)
    check(done.returncode == 0, arguments, done.stderr)
    return done


def write_queries():
    long = "word " * 20
    with open("q.json", "w") as f: json.dump({"joy": [f"We won game {i}." for i in range(40)], "fear": ["Who?", long, *(f"Is it {i}?" for i in range(30))]}, f)
    with open("long.json", "w") as f: json.dump([{"text": f"Well, {i}.", "id": "x" * (i * 37 % 5000 + 1), "language": "en" * (i % 2000), "emotion": "joy" * (i % 3 + 1)} for i in range(400)], f)


def extract(to, *more, queries="q.json"):
    if os.path.exists(to): os.unlink(to)
    return run("extract", "-m", MODEL, "-d", queries, "-o", to, *more, "--settings", "s.json", "--json")


def check_size():
    """Files of several settings stay under what was told, which is not much more."""
    for more in ((), ("--float16",), ("--layers", "1"), ("--sites", "resid_post,attn_out,mlp_out", "--span", "query,last"), ("--span", "response", "-n", "5"),
                 ("--span", "response,query", "-n", "9", "--float16", "--sites", "resid_mid,attn_out"), ("--limit", "1"), ("--shard", "2/3"), ("--shard", "90/90")):
        done = extract("t.h5", "--store", "tokens", *more)
        size, most = os.path.getsize("t.h5"), json.loads(done.stdout)["most_bytes"]
        said, unit = re.search(r"the store will take at most ([0-9.]+) ([MG])B\n", done.stderr).groups()
        check(size <= most <= 1.1 * size + 300000 and most <= float(said) * {"M": 1e6, "G": 1e9}[unit] <= most + 1e4, more, size, most, said)
    for queries, more in (("q.json", ()), ("long.json", ("--layers", "0"))):
        done = extract("t.h5", *more, queries=queries)
        size, most = os.path.getsize("t.h5"), json.loads(done.stdout)["most_bytes"]
        check(size <= most <= 2.2 * size + 300000 and not done.stderr, "means alone", queries, size, most)


def refused(said, *arguments):
    done = program(*arguments)
    check(done.returncode in (1, 2) and said in done.stderr, arguments, done.returncode, done.stderr)


def datasets(f):
    found = []
    f.visititems(lambda name, x: found.append(name) if isinstance(x, h5py.Dataset) else None)
    return found


def same(a, b, changed=lambda name, x: x):
    """Every dataset of a, `changed`, is b's, bit for bit."""
    with h5py.File(a) as f, h5py.File(b) as g:
        check(datasets(f) == datasets(g), "datasets", datasets(f), datasets(g))
        for name in datasets(f):
            x, y = changed(name, f[name][()]), g[name][()]
            check(x.dtype == y.dtype and x.shape == y.shape and (x.tobytes() == y.tobytes() if x.dtype != object else (x == y).all()), a, b, name)


def halved(name, x):
    return x.astype("f2") if name.startswith("activations") and not name.endswith("token_norms") else x


def check_smaller():
    """Half precision is NumPy's rounding, compression changes nothing, and every command reads both."""
    more = "--store", "tokens", "--sites", "resid_post,attn_out", "--span", "query,response", "-n", "4"
    extract("whole.h5", *more, "-q")
    extract("half.h5", *more, "--float16", "-q")
    same("whole.h5", "half.h5", lambda name, x: x.astype("f2") if name.endswith("/tokens") else x)
    for to, of, how in (("plain.h5", "whole.h5", ()), ("packed.h5", "whole.h5", ("--compress",)), ("f16.h5", "whole.h5", ("--float16",)),
                        ("both.h5", "whole.h5", ("--float16", "--compress"))):
        run("query", of, "-o", to, *how, "-q")
    same("plain.h5", "packed.h5")
    same("plain.h5", "f16.h5", halved)
    same("f16.h5", "both.h5")
    with h5py.File("packed.h5") as f:
        check(all(f[n].compression == "gzip" and f[n].shuffle for n in datasets(f) if n.startswith("activations")), "filters")
    size = {name: os.path.getsize(name) for name in ("plain.h5", "packed.h5", "f16.h5", "both.h5")}
    check(size["both.h5"] < size["f16.h5"] < 0.6 * size["plain.h5"] and size["packed.h5"] < 0.96 * size["plain.h5"], size)
    for name in size:
        run("ev", name, "-o", "ev-" + name, "-q")
        run("query", name, "-o", name + ".npy", "-q")
    same("ev-plain.h5", "ev-packed.h5")
    same("ev-f16.h5", "ev-both.h5")
    check((np.load("plain.h5.npy") == np.load("packed.h5.npy")).all() and (np.load("f16.h5.npy") == np.load("plain.h5.npy").astype("f2")).all(), "npy")
    theory = [run("theory", name, "--bootstrap", "0", "--permutations", "0", "--controls", "0", "--json", "-q").stdout for name in ("plain.h5", "packed.h5")]
    check(theory[0] == theory[1] and len(theory[0]) > 1000, "theory")
    sites = json.loads(run("compare", "plain.h5", "both.h5", "--json", "-q").stdout)["sites"]
    check(all(s["summary"]["cosine"]["least"] > 0.99999 for s in sites.values()), "EVs of rounded means", sites)
    for arguments in (("query", "plain.h5", "-o", "x.npy", "--compress"), ("query", "plain.h5", "-o", "x.csv", "--float16")): refused("is for a store", *arguments)
    refused("packed.h5", "extract", "-m", MODEL, "-d", "q.json", "-o", "packed.h5", *more, "--settings", "s.json", "-q")
    refused("no shard", "merge", "packed.h5", "-o", "x.h5")
    with h5py.File("plain.h5", "r+") as f: f["activations/attn_out/response"][2, 1, 0, 3] = 1e5
    refused("100000 does not fit float16", "query", "plain.h5", "-o", "x.h5", "--float16")
    check(not [f for f in os.listdir() if f.startswith("x.")], "half-written", os.listdir())


def check_columns(path):
    """A column-major reader (Julia, R, Fortran) finds the axes reversed, and no type but plain numbers and UTF-8 strings: what HDF5.jl
    and rhdf5 map to their own without help."""
    with h5py.File(path) as f, open(path, "rb") as raw:
        for name in datasets(f):
            x, kind = f[name], f[name].id.get_type()
            text = isinstance(kind, h5py.h5t.TypeStringID)
            check((text and kind.is_variable_str() and kind.get_cset() == h5py.h5t.CSET_UTF8) or
                  (isinstance(kind, (h5py.h5t.TypeIntegerID, h5py.h5t.TypeFloatID)) and kind.get_order() == h5py.h5t.ORDER_LE), name, kind)
            if not text and x.chunks is None:
                raw.seek(x.id.get_offset())
                columns = np.frombuffer(raw.read(x.nbytes), x.dtype).reshape(x.shape[::-1], order="F")
                check((columns.T == x[()]).all(), "column-major", name)
        for name, value in f.attrs.items():
            kind = f.attrs.get_id(name).get_type()
            check(f.attrs.get_id(name).shape == () and (isinstance(kind, h5py.h5t.TypeIntegerID) or (kind.is_variable_str() and kind.get_cset() == h5py.h5t.CSET_UTF8)), "attribute", name)


R = """
suppressMessages(library(hdf5r))
f <- H5File$new(commandArgs(TRUE)[1], mode = "r")
x <- f[["activations/resid_post/query"]][,,,]                 # [width, layer, setting, query]
joy <- which(f[["queries/emotion"]][] == 0)
settings <- f[["settings"]][]
ev <- apply(x[, , which(settings == "emotion"), joy] - x[, , which(settings == "neutral"), joy], c(1, 2), mean)
tokens <- f[["activations/resid_post/tokens"]]
cat("dim", dim(x), "\n")
cat("format", h5attr(f, "format"), "\n")
cat("layers", as.integer(h5attr(f, "n_layers")), "\n")
cat("text", f[["queries/text"]][2], "\n")
cat("emotion", f[["emotions"]][1], "\n")
cat("offset", as.integer(f[["tokens/offsets"]][2, 1, 3]), "\n")
cat("token", sprintf("%.9g", tokens[1:4, 2, 3]), "\n")
cat("ev", sprintf("%.9g", ev), "\n")
"""


def check_r(path, vectors):
    """The vignette's way of R, hdf5r, to the emotion vector of `evoke ev`."""
    if subprocess.run(["Rscript", "-e", "library(hdf5r)"], capture_output=True).returncode != 0: return False
    with open("read.R", "w") as f: f.write(R)
    done = subprocess.run(["Rscript", "read.R", path], capture_output=True, text=True)
    check(done.returncode == 0, done.stderr)
    said = {line.split(" ", 1)[0]: line.split(" ", 1)[1].strip() for line in done.stdout.splitlines() if " " in line}
    with h5py.File(path) as f, h5py.File(vectors) as g:
        ev = np.array(said["ev"].split(), "f8").reshape(f["activations/resid_post/query"].shape[:1:-1], order="F").T
        check(said["dim"].split() == [str(n) for n in f["activations/resid_post/query"].shape[::-1]], said["dim"])
        check(said["format"] == f.attrs["format"] and said["layers"] == str(f.attrs["n_layers"]) and said["emotion"] == f["emotions"].asstr()[0] == "joy" and
              said["text"] == f["queries/text"].asstr()[1] and said["offset"] == str(f["tokens/offsets"][2, 0, 1]), said)
        check(np.allclose(np.array(said["token"].split(), "f4"), f["activations/resid_post/tokens"][2, 1, :4].astype("f4"), rtol=1e-6), "tokens in R", said["token"])
        check(np.allclose(ev, g["ev/resid_post"][0], rtol=1e-5, atol=1e-6), "EV in R", np.abs(ev - g["ev/resid_post"][0]).max())
    return True


def check_h5dump(path):
    if not shutil.which("h5dump"): return False
    done = subprocess.run(["h5dump", "-H", path], capture_output=True, text=True)
    with h5py.File(path) as f: check(done.returncode == 0 and all(f'DATASET "{name.split("/")[-1]}"' in done.stdout for name in datasets(f)), "h5dump", done.stderr[:200])
    done = subprocess.run(["h5dump", "-y", "-w", "100000", "-d", "/queries/emotion", path], capture_output=True, text=True)
    with h5py.File(path) as f: check([int(n) for n in re.findall(r"-?\d+", done.stdout.split("DATA {")[1])] == list(f["queries/emotion"]), "h5dump's numbers")
    return True


def check_readers():
    for name in ("whole.h5", "half.h5", "both.h5"):
        if not check_h5dump(name):
            skip("h5dump: not installed (hdf5-tools)")
            break
    for name in ("whole.h5", "half.h5", "both.h5", "ev-packed.h5"): check_columns(name)
    run("ev", "whole.h5", "-o", "ev-query.h5", "--span", "query", "-q")
    for name in ("whole.h5", "half.h5", "packed.h5", "both.h5"):
        if name == "both.h5": run("ev", name, "-o", "ev-query.h5", "--span", "query", "-q")
        if not check_r(name, "ev-query.h5"):
            skip("R: no Rscript with hdf5r (r-cran-hdf5r)")
            break


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    with open("s.json", "w") as f: json.dump({"system": None, "raw": True, "settings": {"neutral": "A: {query}", "emotion": "{emotion}: {query}"}}, f)
    write_queries()
    check_size()
    check_smaller()
    check_readers()
end()
