"""`evoke theory --claims` against NumPy, on what `evoke trace` says of the same prompts under the same steering, one by one.

    python check_claims.py PROGRAM [SEED]

The store, a model of three layers, and directions are the program's own files; scores, likelihoods, divergences and all statistics
without random numbers are computed here."""
import json, os, random, tempfile
import h5py, numpy as np
from checking import check, end, program, seed

SEED = seed()
MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "gguf", "llama_f32", "model.gguf")
ALPHAS, H, S, N_PREDICT, FOLDS = [-2.0, -1.0, 0.0, 1.0, 2.0], 0.02, 0.3, 6, 4


def close(a, b, tolerance, *what): return check(np.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True), *what, a, b)


def evoke(*args, code=0):
    p = program(*args)
    check(p.returncode == code, args[:3], p.returncode, p.stderr)
    return p


# ---------------------------------------------------------------------------- what the store holds
class World:
    def __init__(self, folder):
        rng = random.Random(SEED)
        words = "sun rain door key boat star lamp tree road hill bird ring coat milk fire snow".split()
        data = {e: [" ".join(rng.sample(words, 3)) for _ in range(12)] for e in ("joy", "fear", "anger")}
        self.folder, self.store, self.ev = folder, f"{folder}/s.h5", f"{folder}/ev.h5"
        for name, what in (("q.json", data), ("set.json", {"system": None, "settings": {"neutral": "{query}", "emotion": "{emotion}: {query}"}})):
            with open(f"{folder}/{name}", "w") as f: json.dump(what, f)
        evoke("extract", "-m", MODEL, "-d", f"{folder}/q.json", "--settings", f"{folder}/set.json", "--sites", "attn_out,resid_post",
              "-o", self.store, "-q")
        evoke("ev", self.store, "-o", self.ev, "-q")
        with h5py.File(self.store) as f:
            text = lambda name: [t.decode() for t in f[name][()]]
            self.emotions, settings = text("emotions"), text("settings")
            one, zero = settings.index("emotion"), settings.index("neutral")
            self.x = {s: f[f"activations/{s}/query"][()].astype(float) for s in ("attn_out", "resid_post")}
            self.one, self.zero = one, zero
            self.of = [np.flatnonzero(f["queries/emotion"][()] == e) for e in range(len(self.emotions))]
            ids, offsets, span = f["tokens/ids"][()], f["tokens/offsets"][()], f["tokens/query"][()]
            self.prompt = [ids[a:b].tolist() for a, b in offsets[:, zero]]
            self.span = span[:, zero]
        facts = json.loads(evoke("inspect", MODEL, "--json").stdout)["metadata"]
        self.ends = [int(facts[f"tokenizer.ggml.{t}_token_id"].split()[-1]) for t in ("bos", "eos")]       # <|endoftext|>, <|im_end|>
        with h5py.File(self.ev) as f:
            self.vector = {e: f["ev/attn_out"][()][i].astype(float) for i, e in enumerate(t.decode() for t in f["emotions"][()])}

    def rows(self, site, layer, e):
        """Training rows of both classes."""
        train = [q for j, q in enumerate(self.of[e]) if j % FOLDS]
        return self.x[site][train, self.one, layer], self.x[site][train, self.zero, layer]

    def held(self, e): return [q for j, q in enumerate(self.of[e]) if j % FOLDS == 0]

    def trace(self, ids, alpha=None, n=0):
        out = f"{self.folder}/t.h5"
        steer = ["--ev", self.ev, "--alpha", alpha, "--layers", 0, "--site", "attn_out", "--positions", "all"] if alpha else []
        evoke("trace", "-m", MODEL, "--ids", json.dumps(ids), "--sites", "resid_post,logits", "-o", out, *steer, *(["-n", n] if n else []))
        with h5py.File(out) as f: return f["resid_post"][()].astype(float), f["logits"][()].astype(float), f["generated"][()].tolist() if n else None


    def respond(self, prompt):
        """Greedily, N_PREDICT tokens or up to an end token, which is not one of them and never the first."""
        response = self.trace(prompt, n=N_PREDICT)[2]
        if not set(self.ends) & set(response): return response
        response = []
        while len(response) < N_PREDICT:
            logits = self.trace(prompt + response)[1][-1]
            if not response: logits[self.ends] = -np.inf
            if logits.argmax() in self.ends: break
            response.append(int(logits.argmax()))
        return response


def fisher(one, zero):
    both = np.concatenate([one - one.mean(0), zero - zero.mean(0)])
    sw = both.T @ both / len(both)
    return np.linalg.solve((1 - S) * sw + S * np.trace(sw) / len(sw) * np.eye(len(sw)), one.mean(0) - zero.mean(0))


def log_softmax(z):
    z = z - z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


# ---------------------------------------------------------------------------- the four claims
def discriminants(w):
    out = []
    for e in range(len(w.emotions)):
        one, zero = w.rows("resid_post", 1, e)
        v = fisher(one, zero)
        a, b = (one @ v).mean(), (zero @ v).mean()
        out.append((v / (a - b), b / (a - b)))
    return out


def curve(w, e, read):
    """Scores, nll and kl [alpha, query], scores at +-H, of emotion e along its EV."""
    scores, nll, kl, ends = [], [], [], []
    name, (v, v0) = w.emotions[e], read[e]
    for q in w.held(e):
        first, last = w.span[q]
        score = lambda rows: rows[first:last, 1].mean(0) @ v - v0
        prompt = w.prompt[q]
        response = w.respond(prompt)
        ids, at = prompt + response, slice(len(prompt) - 1, len(prompt) + len(response) - 1)
        _, plain, _ = w.trace(ids)
        p0, row = log_softmax(plain[at]), ([], [], [])
        for a in ALPHAS:
            rows, logits, _ = w.trace(ids, f"{name}={a}" if a else None)
            ps = log_softmax(logits[at])
            row[0].append(score(rows)), row[1].append(-ps[np.arange(len(response)), response].mean())
            row[2].append((np.exp(p0) * (p0 - ps)).sum(-1).mean())
        scores.append(row[0]), nll.append(row[1]), kl.append(row[2])
        ends.append([score(w.trace(prompt, f"{name}={h}")[0]) for h in (H, -H)])
    return np.array(scores).T, np.array(nll).T, np.array(kl).T, np.array(ends).T


def r2(y, keep):
    x, y = np.array(ALPHAS)[keep], y[keep]
    x, y = x - x.mean(), y - y.mean(0)
    b = (x @ y).sum() / (x @ x * y.shape[1])
    return 1 - ((y - b * x[:, None]) ** 2).sum() / (y ** 2).sum()


def check_doses(w, claims, read):
    for e, name in enumerate(w.emotions):
        score, nll, kl, (up, down) = curve(w, e, read)
        gain, preservation, linearity, use = (claims[c][name] for c in ("gain", "preservation", "linearity", "near_optimality"))
        slope, change, lost = (up - down) / (2 * H), score - score[2], nll - nll[2]
        close(gain["score"], score.mean(1), 1e-4, name, "score")
        close(gain["slope"], slope.mean(), 1e-3, name, "slope")
        rank = lambda v: np.argsort(np.argsort(v))
        close(gain["spearman"], np.mean([np.corrcoef(rank(s), np.arange(len(s)))[0, 1] for s in score.T]), 1e-6, name, "rank")
        peak = int(score.mean(1).argmax())
        close(gain["peak_alpha"], ALPHAS[peak], 0, name, "peak")
        close(gain["monotone_share"], (np.diff(score[:peak + 1], axis=0) > 0).all(0).mean(), 1e-9, name, "monotone")
        for a in (0, 1, 3, 4):
            foretold = slope * ALPHAS[a]
            close(gain["first_order_ratio"][a], change[a].mean() / foretold.mean(), 5e-3, name, "first order", ALPHAS[a])
            close(gain["first_order_error"][a], np.sqrt(((change[a] - foretold) ** 2).sum() / (change[a] ** 2).sum()), 5e-3, name, "error")
        close(preservation["kl"], kl.mean(1), 1e-4, name, "kl")
        close(preservation["loss"], lost.mean(1), 1e-4, name, "loss")
        close(linearity["r2"][0], r2(score, slice(1, 4)), 1e-3, name, "r2 to 1")
        close(linearity["r2"][1], r2(score, slice(0, 5)), 1e-3, name, "r2 to 2")
        close(use["gain"]["ev"], change.mean(1), 1e-4, name, "gain")
        close(use["loss"]["ev"], lost.mean(1), 1e-4, name, "loss of the EV")
        if abs(lost[4].mean()) > 1e-3: close(use["gain_per_loss"]["ev"][4], change[4].mean() / lost[4].mean(), 2e-2, name, "exchange")
        low, high = gain["slope_interval"]
        check(low < gain["slope"] < high, name, "interval", low, gain["slope"], high)


def check_pairs(w, claims, read):
    for e, name in enumerate(w.emotions):
        v, v0 = read[e]
        for other in (o for o in w.emotions if o != name):
            both, apart = [], []
            for q in (q for f in range(len(w.emotions)) for q in w.held(f)[:4]):
                first, last = w.span[q]
                score = lambda alpha: w.trace(w.prompt[q], alpha)[0][first:last, 1].mean(0) @ v - v0
                zero = score(None)
                both.append(score(f"{name}=1,{other}=1") - zero)
                apart.append(score(f"{name}=1") + score(f"{other}=1") - 2 * zero)
            own, (both, apart) = claims["linearity"][name], np.array([both, apart])
            close(own["pair"][other], both.mean(), 1e-4, name, other, "pair")
            close(own["pair_residual"][other], (both - apart).mean(), 1e-4, name, other, "residual")
            close(own["pair_error"][other], np.sqrt(((both - apart) ** 2).sum() / (apart ** 2).sum()), 2e-3, name, other, "error")


def check_directions(w, claims):
    cosine = lambda a, b: a @ b / np.sqrt(a @ a * (b @ b))
    for e, name in enumerate(w.emotions):
        ev, (one, zero) = w.vector[name][0], w.rows("attn_out", 0, e)
        d = one - zero
        c = d - d.mean(0)
        sd = c.T @ c / len(c)
        offset = np.linalg.solve((1 - S) * sd + S * np.trace(sd) / len(sd) * np.eye(len(sd)), d.mean(0))
        rows = np.concatenate([one, zero])
        component = np.linalg.svd(rows - rows.mean(0), full_matrices=False)[2][0]
        got = claims["near_optimality"][name]["cosine_ev"]
        close(got["fisher"], cosine(fisher(one, zero), ev), 1e-4, name, "fisher")
        close(got["offset"], cosine(offset, ev), 1e-4, name, "offset")
        close(got["component"], abs(cosine(component, ev)), 1e-4, name, "component")
        check(abs(got["random"]) < 0.5, name, "random", got["random"])
        neutral = np.concatenate([w.x["attn_out"][w.of[f], w.zero, 0] for f in range(len(w.emotions))])
        _, s, axes = np.linalg.svd(neutral - neutral.mean(0), full_matrices=False)
        k = int(np.searchsorted(np.cumsum(s ** 2) / (s ** 2).sum(), 0.9)) + 1
        topic = claims["preservation"][name]
        close(topic["topic_rank"][0], k, 0, name, "axes")
        close(topic["topic_share"][0], ((axes[:k] @ ev) ** 2).sum() / (ev @ ev), 1e-4, name, "topic share")
        close(topic["topic_chance"][0], k / len(ev), 1e-9, name, "chance")


def check_refusals(w):
    base = ["theory", "--claims", "-m", MODEL]
    both = [*base, "--store", w.store, "--ev", w.ev]
    for args, code, words in (
            ([*base, "--store", w.store], 2, "--ev"), ([*base, "--ev", w.ev], 2, "--store"),
            ([*both, "--layers", "0-2"], 1, "no layer after 2"), ([*both, "--score-layer", "0", "--layers", "1"], 1, "layer 0"),
            ([*both, "--span", "response"], 1, "response"), ([*both, "--site", "mlp_out"], 1, "mlp_out"),
            ([*both, "--alphas", "1,1"], 2, "twice"), ([*both, "--alphas", "1"], 2, "strengths"), ([*both, "--folds", "20"], 1, "too few"),
            (["theory", w.store, "--alphas", "1,2"], 2, "--claims"), ([*both, "--controls", "5"], 2, "--claims"),
            ([*both, "--stats", w.store], 2, "replace an input")):
        p = evoke(*args, code=code)
        check(words in p.stderr and p.stderr.count("\n") == 1, args[3:], p.stderr)


def main():
    with tempfile.TemporaryDirectory() as folder:
        w = World(folder)
        how = ["theory", "--claims", "-m", MODEL, "--store", w.store, "--ev", w.ev, "--layers", 0, "--score-layer", 1, "--alphas", "-2,-1,1,2",
               "--folds", FOLDS, "--shrinkage", S, "--n-predict", N_PREDICT, "--bootstrap", 200, "--json", "-q"]
        first = evoke(*how, "--stats", f"{folder}/st.h5", "-t", 1)
        got = json.loads(first.stdout)
        check(got["alphas"] == ALPHAS and got["held_out"] == [3, 3, 3], got["alphas"], got["held_out"])
        check(evoke(*how, "-t", 2).stdout == first.stdout, "the number of threads changes the result")
        with h5py.File(f"{folder}/st.h5") as f: close(f["gain/score"][0], got["claims"]["gain"][w.emotions[0]]["score"], 0, "HDF5")
        read = discriminants(w)
        check_doses(w, got["claims"], read), check_pairs(w, got["claims"], read), check_directions(w, got["claims"]), check_refusals(w)
    print(f"seed {SEED}")
    end()


main()
