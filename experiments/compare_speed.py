"""One table of speeds: evoke and its peers on one GGUF file.   compare_speed.py EVOKE MODEL.gguf

Work: a prompt of 512 tokens; 96 tokens of one stream after a prompt of 16 (best of three runs each, models loaded before); and
extraction: every layer of the project's dataset, 500 queries in two settings, by the model's chat template. evoke runs all 1,000
prompts, beginnings that they share once; the peers, whose rate does not depend on how many there are, every fourth query's, each
prompt whole. A second row of llama.cpp keeps its cache from one prompt to the next as far as both begin alike.
Every peer runs in a process of its own, so that none keeps the other's threads."""
import json, os, subprocess, sys, tempfile, time

THREADS = len(os.sched_getaffinity(0))
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")
EVERY = 4


def pairs(tokenizer):
    """(neutral, emotion) chat prompts of the queries that peers run, as `evoke extract` makes them."""
    with open(f"{DATA}/settings.json") as f: settings = json.load(f)["settings"]
    with open(f"{DATA}/queries_extraction.jsonl") as f: queries = [json.loads(line) for line in f][::EVERY]
    return [tuple(tokenizer.apply_chat_template([{"role": "user", "content": settings[s].replace("{emotion}", q["emotion"]).replace("{query}", q["text"])}],
                                                tokenize=False, add_generation_prompt=True) for s in ("neutral", "emotion")) for q in queries]


def chat_tokenizer(model):
    import transformers
    folder, name = os.path.split(os.path.abspath(model))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=name)
    tokenizer.pad_token, tokenizer.padding_side = tokenizer.eos_token, "left"
    return tokenizer


def best(run, n=3):
    """Seconds of the fastest of n runs."""
    times = []
    for _ in range(n):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times)


def llama_cpp(model):
    import llama_cpp
    m = llama_cpp.Llama(model, n_ctx=1024, n_batch=512, n_threads=THREADS, n_threads_batch=THREADS, verbose=False)
    ids = [(i * 7919 + 3) % m.n_vocab() for i in range(512)]

    def prompt(n):
        m.reset()
        m.eval(ids[:n])

    def generate(n):
        prompt(16)
        for i in range(n): m.eval([ids[100 + i]])
    texts = [m.tokenize(p.encode(), add_bos=False, special=True) for pair in zip(*pairs(chat_tokenizer(model))) for p in pair]

    def extract(keep):
        before = []
        for t in texts:
            m.n_tokens = len(os.path.commonprefix([before, t[:-1]])) if keep else 0
            m.eval(t[m.n_tokens:])
            before = t
    alone = best(lambda: generate(1))
    return {"llama.cpp": {"prompt": 512 / best(lambda: prompt(512)), "generation": 95 / (best(lambda: generate(96)) - alone),
                          "extraction": len(texts) / best(lambda: extract(False), 1)},
            "llama.cpp, cache kept": {"extraction": len(texts) / best(lambda: extract(True), 1)}}


def hugging_face(model):
    import torch, transformers
    torch.set_num_threads(THREADS)
    folder, name = os.path.split(os.path.abspath(model))
    m = transformers.AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
    return m, chat_tokenizer(model), torch


def transformers(model):
    m, tokenizer, torch = hugging_face(model)
    texts = [p for pair in pairs(tokenizer) for p in pair]
    ids = torch.tensor([[(i * 7919 + 3) % m.config.vocab_size for i in range(512)]])

    def generate(n):
        with torch.no_grad(): m.generate(ids[:, :16], attention_mask=torch.ones(1, 16), max_new_tokens=n, min_new_tokens=n, do_sample=False)

    def prompt():
        with torch.no_grad(): m(ids, logits_to_keep=1)

    def extract():
        with torch.no_grad():
            for i in range(0, len(texts), 8): m(**tokenizer(texts[i:i + 8], return_tensors="pt", padding=True), output_hidden_states=True, logits_to_keep=1)
    alone = best(lambda: generate(1))
    return {"transformers, float32": {"prompt": 512 / best(prompt), "generation": 95 / (best(lambda: generate(96)) - alone),
                                      "extraction": len(texts) / best(extract, 1)}}


def repeng(model):
    import numpy
    numpy.float_ = numpy.float64                    # as its version 0.4 needs under numpy 2
    import repeng as r
    m, tokenizer, _ = hugging_face(model)
    wrapped = r.ControlModel(m, list(range(len(m.model.layers))))
    entries = [r.DatasetEntry(positive=emotion, negative=neutral) for neutral, emotion in pairs(tokenizer)]
    return {"repeng": {"extraction": 2 * len(entries) / best(lambda: r.ControlVector.train(wrapped, tokenizer, entries, batch_size=8), 1)}}


def steering_vectors(model):
    import steering_vectors as s
    m, tokenizer, _ = hugging_face(model)
    entries = [(emotion, neutral) for neutral, emotion in pairs(tokenizer)]
    train = lambda: s.train_steering_vector(m, tokenizer, entries, batch_size=8, show_progress=False)
    return {"steering-vectors": {"extraction": 2 * len(entries) / best(train, 1)}}


PEERS = {"llama.cpp": llama_cpp, "transformers": transformers, "repeng": repeng, "steering-vectors": steering_vectors}


def evoke(program, model):
    """Two rows, exact and fast."""
    work = json.loads(subprocess.run([program, "bench", "-m", model, "--json"], capture_output=True, text=True, check=True).stdout)["work"]
    names = {"prompt": "prompt", "generation, one stream": "generation"}
    rows = {c: {names[w["what"]]: w["tokens_per_s"] for w in work if w["what"] in names and w["compute"] == c and not w["steered"]}
            for c in ("exact", "fast")}
    with tempfile.TemporaryDirectory() as folder:
        for compute in rows:
            run = subprocess.run([program, "extract", "-m", model, "-d", f"{DATA}/queries_extraction.jsonl", "--settings", f"{DATA}/settings.json", "--span",
                                  "query", "--compute", compute, "-o", f"{folder}/{compute}.h5", "--json", "-q"], capture_output=True, text=True, check=True)
            report = json.loads(run.stdout)
            rows[compute]["extraction"] = report["n_prompts"] / report["time_s"]
    return {f"evoke, {c}": rows[c] for c in rows}


def main(program, model):
    if os.getloadavg()[0] > 0.5: print(f"the machine is not idle (load {os.getloadavg()[0]:.1f}): these figures say little\n")
    rows = evoke(os.path.abspath(program), model)
    for name in PEERS:
        run = subprocess.run([sys.executable, __file__, "--peer", name, model], capture_output=True, text=True)
        if run.returncode == 0: rows |= json.loads(run.stdout.strip().splitlines()[-1])
        else: print(f"{name} did not run: {(run.stderr.strip().splitlines() or ['?'])[-1]}")
    with open("/proc/cpuinfo") as f: cpu = next((l.split(":")[1].strip() for l in f if l.startswith("model name")), "?")
    print(f"{cpu}, {THREADS} threads, {os.path.basename(model)}; in brackets: evoke's fast rate over it, and its exact rate\n")
    columns = {"prompt": "prompt, tokens/s", "generation": "generation, tokens/s", "extraction": "extraction, prompts/s"}
    print(f"{'':24}" + "".join(f"{c:>28}" for c in columns.values()))
    for name, row in rows.items():
        cells = []
        for c in columns:
            mine = [rows[f"evoke, {k}"][c] for k in ("fast", "exact")]
            cell = f"{row[c]:.1f}" if c in row else "-"
            if c in row and not name.startswith("evoke"): cell += f" ({mine[0] / row[c]:.1f}, {mine[1] / row[c]:.1f})"
            cells.append(f"{cell:>28}")
        print(f"{name:24}" + "".join(cells))


if __name__ == "__main__":
    if sys.argv[1] == "--peer": print(json.dumps(PEERS[sys.argv[2]](sys.argv[3])))
    else: main(*sys.argv[1:])
