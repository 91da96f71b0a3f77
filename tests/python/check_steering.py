"""Steering against direct computations: what every mode does to a hook point of every golden family; a small Llama in NumPy,
float64, with the same edits; and the figures of repeng, steering-vectors and llama.cpp in ../shared/interop.

    python check_steering.py PROGRAM"""
import glob, json, os, struct, sys, tempfile
import h5py
import numpy as np
from checking import check, end, program, skip

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FAMILIES = os.path.join(ROOT, "tests", "golden", "families")
INTEROP = os.path.join(ROOT, "..", "shared", "interop")
SITES = ["resid_pre", "attn_proj", "attn_out", "resid_mid", "mlp_proj", "mlp_out", "resid_post"]
SITE_NUMBERS = {"resid_post": 7}         # evoke_site
MODES, POSITIONS = ["add", "relative", "renorm", "ablate", "clamp"], ["all", "prompt", "response", "last"]


def trace(model, ids, out, *more):
    run = program("trace", "-m", model, "--ids", json.dumps(ids), "-o", out, *more)
    if run.returncode: sys.exit(f"evoke trace {model} {more}: {run.stderr}")
    with h5py.File(out) as f: return {name: f[name][:] for name in f}


def write_vectors(path, ev, layers, emotions=("x",), sites=("resid_post",), norms=None, neutral=None):
    """ev [E, L, D], the same at every site."""
    with h5py.File(path, "w") as f:
        f.attrs.update({"format": "evoke-vectors", "version": 1})
        f["emotions"], f["layers"] = list(emotions), np.array(layers, np.int32)
        for site in sites:
            f[f"ev/{site}"] = np.float32(ev)
            if norms is not None: f[f"norms/{site}/residual"] = np.float32(norms)
            if neutral is not None: f[f"neutral/{site}/ev"] = np.float32(neutral)


def moved(mode, x, ev, alpha, norm, neutral):
    """x [D] after one emotion's edit."""
    length = np.linalg.norm(ev)
    unit = ev / length
    if mode == "add": return x + alpha * ev
    if mode == "relative": return x + alpha * norm * unit
    if mode == "renorm": return (x + alpha * ev) * np.linalg.norm(x) / np.linalg.norm(x + alpha * ev)
    return x + ((0 if mode == "ablate" else neutral + alpha * length) - x @ unit) * unit


# ---- every mode at a hook point of every family ----
def hook_points(work):
    """One layer is steered: there, the site holds the unsteered values moved by definition, and nothing else."""
    rng, ids = np.random.default_rng(7), [5, 12, 7, 3, 9, 30]
    for i, folder in enumerate(sorted(glob.glob(os.path.join(FAMILIES, "*")))):
        model = folder if os.path.exists(os.path.join(folder, "config.json")) else os.path.join(folder, "model.gguf")
        if not os.path.exists(model): continue
        plain = trace(model, ids, os.path.join(work, "p.h5"), "--sites", ",".join(SITES))
        n_layer, d = plain["resid_post"].shape[1:]
        ev, norms, neutral = rng.normal(size=(n_layer, d)), rng.uniform(1, 3, n_layer), rng.normal(size=n_layer)
        write_vectors(os.path.join(work, "v.h5"), ev[None], range(n_layer), sites=SITES, norms=norms, neutral=neutral[None])
        for j, site in enumerate(SITES):
            mode, where, layer = MODES[(i + j) % 5], POSITIONS[(i + j // 2) % 4], (i + j) % n_layer
            alpha = [0.7, -1.5][j % 2]
            got = trace(model, ids, os.path.join(work, "t.h5"), "--ev", os.path.join(work, "v.h5"), "--alpha", str(alpha), "--site", site,
                        "--steer-mode", mode, "--positions", where, "--layers", str(layer), "--sites", site)[site][:, layer]
            want = np.float64(plain[site][:, layer])
            for t in range(len(ids)) if where in ("all", "prompt") else [len(ids) - 1]:
                want[t] = moved(mode, want[t], np.float64(np.float32(ev[layer])), alpha, norms[layer], neutral[layer])
            gap, size = np.abs(got - want).max(), np.abs(want).max()
            check(gap < 1e-5 * max(1, size), os.path.basename(folder), mode, site, where, "off by", gap, "of", size)


# ---- a Llama ----
def read_weights(folder):
    with open(os.path.join(folder, "model.safetensors"), "rb") as f: data = f.read()
    n = struct.unpack("<Q", data[:8])[0]
    types, tensors = {"F16": "<f2", "F32": "<f4"}, json.loads(data[8:8 + n])
    tensors.pop("__metadata__", None)
    return {k: np.frombuffer(data[8 + n + t["data_offsets"][0]:8 + n + t["data_offsets"][1]], types[t["dtype"]]).reshape(t["shape"])
            .astype(np.float64) for k, t in tensors.items()}


class Llama:
    def __init__(self, folder):
        with open(os.path.join(folder, "config.json")) as f: self.c = json.load(f)
        self.w = read_weights(folder)

    def norm(self, x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.c["rms_norm_eps"]) * self.w[name]

    def attention(self, x, p):
        c, T = self.c, len(x)
        d, n_head = c["head_dim"], c["num_attention_heads"]
        half = np.arange(d // 2) * 2 / d
        angle = np.arange(T)[:, None] / c["rope_parameters"]["rope_theta"] ** half
        cos, sin = np.tile(np.cos(angle), 2), np.tile(np.sin(angle), 2)
        heads = lambda name, n: (x @ self.w[p + name + "_proj.weight"].T).reshape(T, n, d).transpose(1, 0, 2)
        turn = lambda y: y * cos + np.concatenate([-y[..., d // 2:], y[..., :d // 2]], -1) * sin
        q, k, v = turn(heads("q", n_head)), turn(heads("k", c["num_key_value_heads"])), heads("v", c["num_key_value_heads"])
        k, v = (np.repeat(y, n_head // c["num_key_value_heads"], 0) for y in (k, v))
        s = q @ k.transpose(0, 2, 1) / np.sqrt(d) + np.triu(np.full((T, T), -np.inf), 1)
        s = np.exp(s - s.max(-1, keepdims=True))
        return ((s / s.sum(-1, keepdims=True)) @ v).transpose(1, 0, 2).reshape(T, -1) @ self.w[p + "o_proj.weight"].T

    def logits(self, ids, edit):
        """edit(site, layer, x [T, D]) changes x in place. Causal: running all tokens again gives what a cache gives."""
        x = self.w["model.embed_tokens.weight"][ids]
        for l in range(self.c["num_hidden_layers"]):
            p = f"model.layers.{l}."
            edit("resid_pre", l, x)
            a = self.attention(self.norm(x, p + "input_layernorm.weight"), p + "self_attn.")
            for site in ("attn_proj", "attn_out"): edit(site, l, a)
            x = x + a
            edit("resid_mid", l, x)
            y = self.norm(x, p + "post_attention_layernorm.weight")
            gate = y @ self.w[p + "mlp.gate_proj.weight"].T
            m = (gate / (1 + np.exp(-gate)) * (y @ self.w[p + "mlp.up_proj.weight"].T)) @ self.w[p + "mlp.down_proj.weight"].T
            for site in ("mlp_proj", "mlp_out"): edit(site, l, m)
            x = x + m
            edit("resid_post", l, x)
        return self.norm(x, "model.norm.weight")[-1] @ self.w["lm_head.weight"].T


def editor(edits, n_prompt, ev, norms, neutral):
    """edits: dictionaries of site, mode, positions, layers, alpha (emotion -> (from, to)), ramp (0: layers), decay."""
    def apply(site, layer, x):
        for e in edits:
            if e["site"] != site or layer not in e["layers"]: continue
            for t in range(len(x)):
                step = max(0, t - n_prompt + 1)
                if e["positions"] == "prompt" and t >= n_prompt or e["positions"] in ("response", "last") and t < n_prompt - 1: continue
                first, last = min(e["layers"]), max(e["layers"])
                share = min(step / e["ramp"], 1) if e["ramp"] else (layer - first) / (last - first) if last > first else 1
                left = 0.5 ** (step / e["decay"]) if e["decay"] else 1
                before = x[t].copy()
                for k, (a, b) in e["alpha"].items():
                    mode = "add" if e["mode"] == "renorm" else e["mode"]
                    x[t] = moved(mode, x[t], ev[k, layer], (a + (b - a) * share) * left, norms[layer], neutral[k, layer])
                if e["mode"] == "renorm": x[t] *= np.linalg.norm(before) / np.linalg.norm(x[t])
    return apply


def whole_runs(work):
    """Prompt and greedy steps under one to three edits drawn at random, against the same in NumPy."""
    folder, rng, ids, n = os.path.join(FAMILIES, "llama"), np.random.default_rng(11), [5, 12, 7, 3, 9, 30], 6
    model, path = Llama(folder), os.path.join(work, "w.h5")
    n_layer, d = model.c["num_hidden_layers"], model.c["hidden_size"]
    size = np.linalg.norm(trace(folder, ids, os.path.join(work, "p.h5"))["resid_post"], axis=-1).mean(0)
    ev = np.float64(np.float32(rng.normal(size=(2, n_layer, d)) / np.sqrt(d) * size[:, None] / 2))
    norms, neutral = size, rng.normal(size=(2, n_layer)) * size / 10
    write_vectors(path, ev, range(n_layer), ("a", "b"), SITES, norms, neutral)
    for case in range(60):
        edits, options = [], []
        for _ in range(1 + case % 3):
            e = {"site": str(rng.choice(SITES)), "mode": MODES[(case + len(edits)) % 5], "positions": str(rng.choice(POSITIONS)), "decay": 0,
                 "layers": sorted(rng.choice(n_layer, rng.integers(1, n_layer + 1), replace=False).tolist()), "ramp": 0}
            ends = np.round(rng.uniform(-1, 1, (2, 2)), 2)
            e["alpha"] = {k: (a, b if e["mode"] != "ablate" and case % 2 else a) for k, (a, b) in enumerate(ends)}
            if e["mode"] != "ablate" and case % 2 and e["positions"] != "prompt": e["ramp"] = int(rng.integers(0, 5))
            if e["mode"] != "ablate" and case % 4 > 1 and e["positions"] != "prompt": e["decay"] = 2.5
            edits.append(e)
            options += ["--ev", path, "--alpha", ",".join(f"{'ab'[k]}={a:g}:{b:g}" for k, (a, b) in e["alpha"].items()), "--site", e["site"],
                        "--steer-mode", e["mode"], "--positions", e["positions"], "--layers", ",".join(map(str, e["layers"]))]
        if all(e["ramp"] for e in edits): options += [x for e in edits for x in ("--ramp", str(e["ramp"]))]
        else:
            for e in edits: e["ramp"] = 0
        if all(e["decay"] for e in edits): options += ["--decay", "2.5"]
        else:
            for e in edits: e["decay"] = 0
        got = trace(folder, ids, os.path.join(work, "t.h5"), "-n", str(n), *options)
        apply, worst = editor(edits, len(ids), ev, norms, neutral), 0
        for i in range(n):
            want = model.logits(ids + got["generated"][:i].tolist(), apply)
            worst = max(worst, np.abs(got["step_logits"][i] - want).max() / max(1, np.abs(want).max()))
        check(worst < 1e-5, f"case {case}: off by {worst}", edits)


# ---- the baseline random of a sweep ----
def random_like(ev, seed, site):
    """PCG64([seed, 8, site, layer, emotion]) at the vectors' lengths, by Box and Muller. ev [E, L, D]; site: its number."""
    out = np.empty_like(ev)
    for e, l in np.ndindex(ev.shape[:2]):
        u = np.random.Generator(np.random.PCG64([seed, 8, site, l, e])).random((ev.shape[2], 2))
        g = np.sqrt(-2 * np.log1p(-u[:, 0])) * np.cos(2 * np.pi * u[:, 1])
        out[e, l] = g / np.linalg.norm(g) * np.linalg.norm(ev[e, l])
    return out


def random_baseline(work):
    """In every mode but clamp, which refuses it, it does what the mode does along the random vector that NumPy makes."""
    model = os.path.join(ROOT, "tests", "golden", "gguf", "llama_f32", "model.gguf")
    plain = trace(model, [5, 12, 7], os.path.join(work, "p.h5"))["resid_post"]
    n_layer, d = plain.shape[1:]
    size = np.linalg.norm(plain, axis=-1).mean(0)
    ev = np.random.default_rng(3).normal(size=(2, n_layer, d)) / np.sqrt(d) * size[:, None]
    queries = os.path.join(work, "q.json")
    with open(queries, "w") as f: json.dump(["One.", "And two, three.", "Who?", "A long road home."], f)

    def sweep(vectors, *more):
        out = os.path.join(work, "r.jsonl")
        if os.path.exists(out): os.remove(out)
        write_vectors(os.path.join(work, "v.h5"), vectors, range(n_layer), ("joy", "fear"), norms=size)
        run = program("sweep", "-m", model, "-f", queries, "--raw", "--ev", os.path.join(work, "v.h5"), "--emotions", "joy,fear", "-n", "12", "--temp",
                              "0", "--alphas", "1", "--site", "resid_post", "--steer-mode", "add,relative,renorm,ablate", "--seed", "9", "-q", "-o", out, *more)
        check(run.returncode == 0, run.stderr)
        with open(out) as f: rows = [json.loads(line) for line in f]
        return lambda baseline: {(r["id"], r["emotion"], r["variant"]): r["ids"] for r in rows if r["baseline"] == baseline}

    own, other = sweep(ev, "--baselines", "none,random"), sweep(random_like(np.float32(ev).astype(float), 9, SITE_NUMBERS["resid_post"]))
    got, want = own("random"), other("")
    check(len(got) == 4 * 2 * 4 and got.keys() == want.keys(), "cells", len(got))
    unsteered = {k[0]: ids for k, ids in own("none").items()}
    for mode in MODES[:4]:
        cells = [k for k in got if k[2].startswith(mode)]
        check(cells and all(got[k] == want[k] for k in cells), "random", mode, [(k, got[k], want[k]) for k in cells if got[k] != want[k]][:1])
        check(any(got[k] != unsteered[k[0]] for k in cells) and any(got[k] != own("")[k] for k in cells), "random", mode, "shows")


# ---- other programs ----
def logits_of(model, ids, work, ev, options, layers, site="resid_post"):
    write_vectors(os.path.join(work, "v.h5"), np.array([ev[str(l)] for l in layers])[None], layers, sites=(site,))
    return trace(model, ids, os.path.join(work, "t.h5"), "-n", "1", *[os.path.join(work, "v.h5") if o == "FILE" else o for o in options])["step_logits"][0]


def interop(work):
    with open(os.path.join(INTEROP, "expected.json")) as f: expected = json.load(f)
    ids, all_at = expected["ids"], ["--positions", "all", "--site", "resid_post"]

    def compare(name, ev, want, options, layers=None, site="resid_post"):
        layers = layers or sorted(map(int, ev))
        for model in ("tiny-llama", "tiny-llama-f32.gguf"):
            got = logits_of(os.path.join(INTEROP, model), ids, work, ev, options, layers, site)
            gap = np.abs(got - np.array(want)).max()
            check(gap < 1e-4, model, name, "off by", gap)
            check(np.abs(got - np.array(expected["unsteered"]["logits_last_transformers"])).max() > 0.05, name, "steers")

    twice = ["--ev", "FILE", "--alpha", "2", *all_at]
    for name, e in expected["repeng"].items():
        compare(f"repeng {name}, repeng", e["directions"], e["logits_last_scale2_repeng"], twice)
        compare(f"repeng {name}, llama.cpp", e["directions"], e["logits_last_scale2_llamacpp"], twice)
        compare(f"repeng {name}, normalize", e["directions"], e["logits_last_scale2_repeng_normalize"], [*twice, "--steer-mode", "renorm"])
        compare(f"repeng {name}, range 2 2", e["directions"], e["logits_last_scale2_llamacpp_range_2_2"], [*twice, "--layers", "2"])
    for name, e in expected["llama.cpp"].items():
        compare(f"llama.cpp {name}", e["directions"], e["logits_last_scale2_llamacpp"], twice)
    for name, e in expected["steering-vectors"].items():
        site = "attn_out" if e["layer_type"] == "self_attn" else "resid_post"
        at = ["--ev", "FILE", "--alpha", "2", "--site", site]
        compare(f"{name}, all", e["directions"], e["logits_last_multiplier2_all_positions"], [*at, "--positions", "all"], site=site)
        compare(f"{name}, last", e["directions"], e["logits_last_multiplier2_last_position_only"], [*at, "--positions", "last"], site=site)
        if "logits_last_multiplier2_ablation" in e:
            compare(f"{name}, ablation", e["directions"], e["logits_last_multiplier2_ablation"], [*twice, "--steer-mode", "ablate"])
            compare(f"{name}, ablation then addition", e["directions"], e["logits_last_multiplier2_ablation_then_addition"],
                    [*all_at, "--ev", "FILE", "--alpha", "1", "--steer-mode", "ablate", "--ev", "FILE", "--alpha", "2", "--steer-mode", "add"])
    other, edge = expected["others"], expected["edge"]
    once = ["--ev", "FILE", "--alpha", "1", *all_at]
    compare("steerkit", {"2": other["steerkit.gguf"]["direction.2"]}, other["steerkit.gguf"]["logits_last_scale1_llamacpp"], once)
    for name in ("dialz.gguf", "saklas"):
        compare(name, other[name]["directions"], other[name]["logits_last_scale2_llamacpp"], twice)
    compare("brainpatch, one block late", {"3": other["brainpatch"]["direction"]}, other["brainpatch"]["logits_last_scale1_llamacpp"], once)
    try: from gguf import GGUFReader
    except ImportError:
        skip("the GGUF files of llama.cpp's edge cases: the package gguf is not there")
        return
    for name, e in edge.items():
        if "logits_last_scale2" in e:
            ev = {t.name.split(".")[1]: t.data.tolist() for t in GGUFReader(os.path.join(INTEROP, "edge", name)).tensors}
            compare(name, ev, e["logits_last_scale2"], twice, [l for l in sorted(map(int, ev)) if l < expected["n_layers"]])


with tempfile.TemporaryDirectory() as work:
    hook_points(work)
    whole_runs(work)
    random_baseline(work)
    if os.path.isdir(INTEROP): interop(work)
    else:
        skip("other programs' steering: ../shared/interop is not there")
end()
