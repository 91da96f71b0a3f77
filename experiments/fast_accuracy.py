"""What --compute fast costs in accuracy, held against exact.   fast_accuracy.py EVOKE MODEL.gguf...

Logits: chat prompts of data/ with the exact model's greedy answers, and queries of data/ one after the other; KL(exact || other) in
nats at every token, and how often the likeliest token is the same. The yardstick is llama.cpp (llama-cpp-python, where installed),
which rounds activations to 8 bits too, on the same tokens; its cache is float32 here. Emotion vectors: extracted both ways from 100
queries, cosines over emotions and layers; what else moves them: the choice of queries, and for the span of responses, that greedy
responses part where two tokens are nearly as likely. A model without a chat template has plain text and no vectors. A file of Q4_1
weights is measured a second time requantised to Q8_0."""
import json, os, subprocess, sys, tempfile
import gguf, h5py
import numpy as np
from requantise import requantised

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")
CHUNK, CHUNKS, ANSWER, PER_EMOTION = 256, 10, 100, 20


def run(*args):
    p = subprocess.run(args, capture_output=True, text=True)
    if p.returncode: sys.exit(f"{' '.join(args[:2])} failed: {p.stderr.strip()}")
    return p.stdout


def lines(name):
    with open(os.path.join(DATA, name), encoding="utf-8") as f: return [json.loads(line) for line in f]


def chats(model): return "tokenizer.chat_template" in gguf.GGUFReader(model).fields


def answered(evoke, model, folder):
    """The ids of prompts with their answers."""
    path = f"{folder}/chats.json"
    prompts = [q["text"] for q in lines("prompts_heldout.jsonl")]
    with open(path, "w") as f: json.dump([{"messages": [{"role": "user", "content": p}], "add_generation_prompt": True} for p in prompts], f)
    asked = [json.loads(line) for line in run(evoke, "tokenize", "-m", model, "--chat", path, "--json").splitlines()]
    asked = asked[0] if len(asked) == 1 else asked
    answers = [json.loads(line)["ids"] for line in run(evoke, "generate", "-m", model, "-f", f"{DATA}/prompts_heldout.jsonl", "--temp", "0",
                                                       "--compute", "exact", "-n", str(ANSWER), "--json", "-q").splitlines()]
    return [a["ids"] + b for a, b in zip(asked, answers, strict=True)]


def plain(evoke, model, folder):
    """Stretches of text, which begin as the model's texts do."""
    with open(f"{folder}/text.json", "w") as f: json.dump(["\n".join(q["text"] for q in lines("queries_evaluation.jsonl"))], f)
    (ids,) = json.loads(run(evoke, "tokenize", "-m", model, "-f", f.name, "--add-special", "--json"))
    (bare,) = json.loads(run(evoke, "tokenize", "-m", model, "-f", f.name, "--json"))
    first = ids[:ids.index(bare[0])]
    return [first + bare[i * CHUNK:(i + 1) * CHUNK] for i in range(CHUNKS)]


def log_softmax(x):
    x = x.astype(np.float64)
    x -= x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def logits(evoke, model, ids, compute, folder):
    out = f"{folder}/{compute}.h5"
    run(evoke, "trace", "-m", model, "--ids", json.dumps(ids), "--sites", "logits", "--compute", compute, "-o", out, "-q")
    with h5py.File(out) as f: return log_softmax(f["/logits"][:])


def llama_cpp(model):
    """ids -> log probabilities, or None."""
    try: import llama_cpp
    except ImportError: return None
    m = llama_cpp.Llama(model, n_ctx=1024, n_batch=1024, logits_all=True, verbose=False, type_k=0, type_v=0)

    def probabilities(ids):
        m.reset()
        m.eval(ids)
        return log_softmax(np.array(m.scores[:len(ids)]))
    return probabilities


def compare_logits(evoke, model, folder):
    """{name: (KL of each token, whether the likeliest is the same)}."""
    peer, found = llama_cpp(model), {}
    for ids in plain(evoke, model, folder) + (answered(evoke, model, folder) if chats(model) else []):
        exact = logits(evoke, model, ids, "exact", folder)
        others = {"fast": logits(evoke, model, ids, "fast", folder)}
        if peer: others["llama.cpp"] = peer(ids)
        for name, other in others.items():
            kl, same = found.setdefault(name, ([], []))
            kl.append((np.exp(exact) * (exact - other)).sum(-1))
            same.append(exact.argmax(-1) == other.argmax(-1))
    return {name: (np.concatenate(kl), np.concatenate(same)) for name, (kl, same) in found.items()}


def unit(x): return x / np.linalg.norm(x, axis=-1, keepdims=True)


def cosines(a, b): return (unit(a) * unit(b)).sum(-1)


def extracted(evoke, model, compute, folder):
    """{(site, span): EVs [emotions, layers, width]}, the same of two halves of the queries, the responses' ids."""
    store, vectors, halves = f"{folder}/store.h5", {}, {}
    run(evoke, "extract", "-m", model, "-d", f"{DATA}/queries_extraction.jsonl", "--limit", str(PER_EMOTION), "--sites", "attn_out,resid_post",
        "--span", "query,response", "--compute", compute, "-o", store, "-q")
    with h5py.File(store) as f:
        emotion, ids = f["/queries/emotion"][:], f["/tokens/ids"][:]
        rows, span = f["/tokens/offsets"][:], f["/tokens/response"][:]
        responses = [tuple(ids[r[0] + s[0]:r[0] + s[1]]) for r, s in zip(rows.reshape(-1, 2), span.reshape(-1, 2))]
        for site, name in ((a, b) for a in ("attn_out", "resid_post") for b in ("query", "response")):
            shift = f["/activations"][site][name][:, 1].astype(np.float64) - f["/activations"][site][name][:, 0]
            mean = lambda half: np.stack([shift[emotion == e][half::2].mean(0) for e in np.unique(emotion)])
            halves[site, name] = mean(0), mean(1)
    for site, name in halves:
        run(evoke, "ev", store, "--span", name, "-o", f"{folder}/ev.h5", "-q")
        with h5py.File(f"{folder}/ev.h5") as f: vectors[site, name] = f["/ev"][site][:].astype(np.float64)
        os.remove(f"{folder}/ev.h5")
    os.remove(store)
    return vectors, halves, responses


def compare_vectors(evoke, model, folder):
    """(site, span) -> cosines [emotions, layers] between exact and fast, and between halves of exact; equal responses, all."""
    exact, halves, said = extracted(evoke, model, "exact", folder)
    fast, _, said_fast = extracted(evoke, model, "fast", folder)
    return {k: (cosines(exact[k], fast[k]), cosines(*halves[k])) for k in exact}, sum(a == b for a, b in zip(said, said_fast)), len(said)


def report(evoke, model, what, folder):
    print(f"\n{what}")
    for name, (kl, same) in compare_logits(evoke, model, folder).items():
        print(f"  {name:10} {len(kl)} tokens: KL mean {kl.mean():.2e}, median {np.median(kl):.2e}, 99 % {np.quantile(kl, 0.99):.2e}, "
              f"max {kl.max():.2e}; likeliest token the same {100 * same.mean():.2f} %", flush=True)
    if not chats(model): return
    vectors, same, n = compare_vectors(evoke, model, folder)
    for (site, span), (c, halves) in vectors.items():
        print(f"  EVs of {site}, {span}: cosine min {c.min():.4f} (layer {c.min(0).argmin()}), median {np.median(c):.5f}; "
              f"between halves of the queries, exact: median {np.median(halves):.3f}")
    print(f"  greedy responses of 32 tokens the same: {same} of {n}", flush=True)


def main(evoke, *models):
    evoke = os.path.abspath(evoke)
    for model in models:
        with tempfile.TemporaryDirectory() as folder:
            types = {t.tensor_type.name for t in gguf.GGUFReader(model).tensors if len(t.shape) > 1}
            report(evoke, model, f"{os.path.basename(model)} ({', '.join(sorted(types))})", folder)
            if "Q4_1" in types:
                requantised(model, f"{folder}/q8_0.gguf", "Q8_0")
                report(evoke, f"{folder}/q8_0.gguf", f"{os.path.basename(model)} requantised to Q8_0", folder)


if __name__ == "__main__": main(*sys.argv[1:])
