"""How speed and memory grow: threads, queries, context, width.   scaling.py EVOKE MODEL.gguf [--quick]

Times are those that the program reports, best of three runs; memory is the process's largest resident set, mapped weights included.
Models of other widths are Llama layers of random weights, written for the purpose: the speed of a product does not depend on them."""
import json, os, subprocess, sys, tempfile
import gguf
import numpy as np

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")
CORES = len(os.sched_getaffinity(0))
EVOKE, MODEL = (os.path.abspath(a) for a in sys.argv[1:3])
QUICK = "--quick" in sys.argv
RUNS = 1 if QUICK else 3
QUERIES = (10, 20) if QUICK else (100, 400, 1000)
CONTEXTS = (128, 512) if QUICK else (512, 2048, 8000)
# width, heads, width of the MLP, layers: SmolLM2-135M, Llama 3.2 1B, Llama 2 7B
SHAPES = ((576, 9, 1536, 4),) if QUICK else ((576, 9, 1536, 8), (2048, 32, 8192, 2), (4096, 32, 11008, 1))
TYPES = ("Q4_1", "F16") if QUICK else ("Q4_1", "Q8_0", "F16", "F32")


def run(*args):
    """What a command prints as JSON, and its largest resident set in MB: of a process between, as a child counts its parent's in."""
    code = ("import resource, subprocess, sys; status = subprocess.run(sys.argv[1:]).returncode\n"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(status)")
    p = subprocess.run([sys.executable, "-c", code, EVOKE, *args, "--json", "-q"], capture_output=True, text=True)
    if p.returncode: sys.exit(f"evoke {' '.join(args)[:100]} failed: {p.stderr.strip()}")
    printed, kilobytes = p.stdout.strip().rsplit("\n", 1)
    return json.loads(printed), int(kilobytes) / 1000


def queries():
    texts = []
    for name in ("queries_extraction.jsonl", "queries_evaluation.jsonl"):
        with open(os.path.join(DATA, name), encoding="utf-8") as f: texts += [json.loads(line)["text"] for line in f]
    return texts + [f"{t} And then?" for t in texts]


def extract(folder, n, threads, compute):
    """Prompts a second, tokens a second, MB."""
    data, store, best = f"{folder}/q.jsonl", f"{folder}/s.h5", None
    with open(data, "w", encoding="utf-8") as f:
        for i, t in enumerate(queries()[:n]): f.write(json.dumps({"text": t, "emotion": ("joy", "fear")[i % 2]}) + "\n")
    for _ in range(RUNS):
        r, mb = run("extract", "-m", MODEL, "-d", data, "--sites", "attn_out,resid_post", "-t", str(threads), "--compute", compute, "-o", store)
        os.remove(store)
        if best is None or r["time_s"] < best[0]: best = r["time_s"], r["n_prompts"], r["n_tokens_run"], mb
    return best[1] / best[0], best[2] / best[0], best[3]


def extraction(folder):
    print(f"\nExtraction, two sites, span query\n{'compute':>8}{'threads':>9}{'queries':>9}{'prompts/s':>11}{'tokens/s':>10}{'peak MB':>9}")
    for compute in ("exact", "fast"):
        for threads, n in [(1, QUERIES[0])] * (CORES > 1) + [(CORES, n) for n in QUERIES]:
            prompts, tokens, mb = extract(folder, n, threads, compute)
            print(f"{compute:>8}{threads:9}{n:9}{prompts:11.1f}{tokens:10.0f}{mb:9.0f}", flush=True)


def context(folder):
    print(f"\nOne prompt and what follows it\n{'compute':>8}{'prompt':>9}{'ms/token of it':>16}{'ms/token after it':>19}{'peak MB':>9}")
    text, n = " ".join(queries()), 33
    with open(f"{folder}/t.json", "w", encoding="utf-8") as f: json.dump([text], f)
    (ids,), _ = run("tokenize", "-m", MODEL, "-f", f.name)
    for compute in ("exact", "fast"):
        for length in CONTEXTS:
            rs = [run("generate", "-m", MODEL, "--raw", "-p", text[:len(text) * length // len(ids)], "-n", str(n), "--temp", "0", "--ignore-eos",
                      "--compute", compute) for _ in range(RUNS)]
            first, after = min(r["first_token_s"] for r, _ in rs), min(r["time_s"] - r["first_token_s"] for r, _ in rs)
            n_prompt = rs[0][0]["n_prompt"]
            print(f"{compute:>8}{n_prompt:9}{1e3 * first / n_prompt:16.3f}{1e3 * after / (n - 1):19.2f}{min(mb for _, mb in rs):9.0f}", flush=True)


def write_model(path, width, heads, d_ff, n_layer, kind):
    rng, vocab, kind = np.random.default_rng(1), 4096, gguf.GGMLQuantizationType[kind]
    w = gguf.GGUFWriter(path, "llama")
    w.add_block_count(n_layer), w.add_context_length(1024), w.add_embedding_length(width), w.add_feed_forward_length(d_ff)
    w.add_head_count(heads), w.add_head_count_kv(heads), w.add_layer_norm_rms_eps(1e-5), w.add_vocab_size(vocab)
    w.add_rope_dimension_count(width // heads)
    once = {}

    def matrix(name, rows, cols):
        if (rows, cols) not in once:
            once[rows, cols] = gguf.quants.quantize((0.02 * rng.standard_normal((rows, cols))).astype(np.float32), kind)
        w.add_tensor(name, once[rows, cols], raw_dtype=kind)
    one = np.ones(width, np.float32)
    matrix("token_embd.weight", vocab, width)
    for l in range(n_layer):
        w.add_tensor(f"blk.{l}.attn_norm.weight", one), w.add_tensor(f"blk.{l}.ffn_norm.weight", one)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"): matrix(f"blk.{l}.{name}.weight", width, width)
        for name in ("ffn_gate", "ffn_up"): matrix(f"blk.{l}.{name}.weight", d_ff, width)
        matrix(f"blk.{l}.ffn_down.weight", width, d_ff)
    w.add_tensor("output_norm.weight", one)
    w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file(), w.close()


def width(folder):
    print("\nA prompt of 512 tokens by width, random weights")
    print(f"{'width':>6}{'layers':>8}{'type':>6}{'compute':>9}{'tokens/s':>10}{'GFLOP/s':>9}{'peak MB':>9}  share of bound")
    for shape in SHAPES:
        for kind in TYPES:
            path = f"{folder}/model.gguf"
            write_model(path, *shape, kind)
            r, mb = run("bench", "-m", path)
            os.remove(path)
            for w in (w for w in r["work"] if w["what"] == "prompt"):
                flop = 2 * shape[3] * (4 * shape[0] ** 2 + 3 * shape[0] * shape[2])
                print(f"{shape[0]:6}{shape[3]:8}{kind:>6}{w['compute']:>9}{w['tokens_per_s']:10.0f}{1e-9 * flop * w['tokens_per_s']:9.0f}{mb:9.0f}  "
                      f"{100 * w['share']:.0f} % of {w['bound']}", flush=True)


def main():
    if os.getloadavg()[0] > 0.5: print(f"the machine is not idle (load {os.getloadavg()[0]:.1f}): these figures say little\n")
    with open("/proc/cpuinfo") as f: cpu = next((l.split(":")[1].strip() for l in f if l.startswith("model name")), "?")
    print(f"{cpu}, {CORES} threads unless said otherwise, {os.path.basename(MODEL)}")
    with tempfile.TemporaryDirectory() as folder:
        extraction(folder)
        context(folder)
        width(folder)


if __name__ == "__main__": main()
