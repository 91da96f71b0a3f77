"""Work divided with `--shard I/N` and joined by `evoke merge` is the undivided run's: every dataset and attribute of a store but its
command line, in h5py; for any N, spans, sites, stored tokens, other threads and batches, and a shard killed and continued.

    python check_shards.py PROGRAM"""
import json, os, signal, subprocess, sys, tempfile, time
import h5py

PROGRAM = os.path.abspath(sys.argv[1])
MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "gguf", "llama_f32", "model.gguf")
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(ok, *what):
    counts["passed" if ok else "failed"] += 1
    if not ok: print("not ok", *what)


def contents(path):
    """Bytes, type and shape of every dataset, and all attributes but command_line, which tells the two ways apart."""
    found = {}
    with h5py.File(path) as f:
        def add(name, o):
            if isinstance(o, h5py.Dataset):
                value = o[()]
                found[name] = (value.tolist() if o.dtype == object else value.tobytes(), str(o.dtype), o.shape)
            found.update({f"{name}@{k}": str(v) for k, v in o.attrs.items() if k != "command_line"})
        add("", f)
        f.visititems(add)
    return found


def run(*args):
    return subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True, env={k: v for k, v in os.environ.items() if "SLURM" not in k})


def extract(folder, data, out, *more):
    return run("extract", "-m", MODEL, "-d", data, "-o", os.path.join(folder, out), "-q", "-t", 1, *more)


def test_every_division(folder, data):
    ways = {"default": (), "responses": ("--span", "response,query", "-n", 6, "--temp", 1.5, "--seed", 7, "--sites", "mlp_out,attn_out"),
            "tokens": ("--store", "tokens", "--float16", "--layers", "1-2", "--span", "last,prompt_all"), "all tokens": ("--store", "tokens")}
    for name, how in ways.items():
        extract(folder, data, "whole.h5", *how)
        whole = contents(os.path.join(folder, "whole.h5"))
        for n in (1, 2, 3, 13):                             # 11 queries: two of 13 shards have none
            shards = [os.path.join(folder, f"{i}of{n}.h5") for i in range(1, n + 1)]
            done = [extract(folder, data, s, *how, "--shard", f"{i}/{n}", "-b", (4096, 40)[i % 2]) for i, s in enumerate(shards, 1)]
            merged = run("merge", *reversed(shards), "-o", os.path.join(folder, "m.h5"))
            check(all(r.returncode == 0 for r in [*done, merged]), name, n, [r.stderr for r in [*done, merged]])
            got = contents(os.path.join(folder, "m.h5"))
            check(got == whole, name, f"{n} shards differ in", [k for k in whole.keys() | got.keys() if whole.get(k) != got.get(k)])
            if n == 13:                                     # the two may stay away
                check(run("merge", *shards[:11], "-o", os.path.join(folder, "m.h5")).returncode == 0, name, "without empty shards")
                check(contents(os.path.join(folder, "m.h5")) == whole, name, "without empty shards")
            for path in [*shards, os.path.join(folder, "m.h5")]: os.remove(path)
        os.remove(os.path.join(folder, "whole.h5"))


def test_a_killed_shard(folder):
    """SIGKILL, SIGTERM and SIGUSR1 in a shard's run; the same command goes on, a merge before that is refused."""
    data = os.path.join(folder, "many.json")
    with open(data, "w") as f: json.dump({e: [f"{i} {e} then" for i in range(300)] for e in ("joy", "fear")}, f)
    how = ("--span", "response", "-n", 12, "-b", 60)
    extract(folder, data, "whole.h5", *how)
    shards = [os.path.join(folder, f"k{i}.h5") for i in (1, 2)]
    extract(folder, data, shards[0], *how, "--shard", "1/2")
    stops = 0
    for sent in (signal.SIGTERM, signal.SIGUSR1, signal.SIGKILL):
        p = subprocess.Popen([PROGRAM, "extract", "-m", MODEL, "-d", data, "-o", shards[1], "-q", "-t", "1", *map(str, how), "--shard", "2/2"],
                             stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        before = 0
        if os.path.exists(shards[1]):
            with h5py.File(shards[1]) as f: before = int(f["progress/done"][()].sum())
        n_done = before
        while p.poll() is None and n_done == before:
            time.sleep(0.01)
            if os.path.exists(shards[1]):
                with h5py.File(shards[1], locking=False) as f: n_done = int(f["progress/done"][()].sum())
        p.send_signal(sent)
        sent_at = time.monotonic()
        error = p.communicate()[1]
        if p.returncode == 0: continue                      # done first
        stops += 1
        if sent != signal.SIGKILL:
            check(p.returncode == 130 and "the same command continues" in error, sent.name, p.returncode, error)
            check(time.monotonic() - sent_at < 10, sent.name, "took", time.monotonic() - sent_at)
        r = run("merge", *shards, "-o", os.path.join(folder, "m.h5"))
        check(r.returncode == 1 and "shard 2 of 2 is unfinished" in r.stderr and not os.path.exists(os.path.join(folder, "m.h5")), r.stderr)
    check(stops > 0, "no run was stopped before its end")
    extract(folder, data, shards[1], *how, "--shard", "2/2")
    run("merge", *shards, "-o", os.path.join(folder, "m.h5"))
    check(contents(os.path.join(folder, "m.h5")) == contents(os.path.join(folder, "whole.h5")), "after signals")


def test_versions(folder, data):
    shards = [os.path.join(folder, f"v{i}.h5") for i in (1, 2)]
    for i, s in enumerate(shards, 1): extract(folder, data, s, "--shard", f"{i}/2")
    with h5py.File(shards[1], "r+") as f: f.attrs["program_version"] = "0.0.1"
    r = run("merge", *shards, "-o", os.path.join(folder, "m2.h5"))
    check(r.returncode == 1 and "program_version is" in r.stderr and f"'0.0.1' in {shards[1]}" in r.stderr, r.stderr)


with tempfile.TemporaryDirectory() as folder:
    data = os.path.join(folder, "q.jsonl")
    texts = "I passed. We won! It is dark. Who is there? A long road home. Rain at last. No, never. The key. Why? Sun é. Done.".split(". ")
    with open(data, "w") as f:
        for i in range(11):
            query = {"text": f"{i} {texts[i % len(texts)]}", "id": f"q{i}", "emotion": ("joy", "fear", "awe")[i * i % 3]}
            f.write(json.dumps(query | ({"language": "en"} if i % 2 else {})) + "\n")
    test_every_division(folder, data)
    test_versions(folder, data)
    test_a_killed_shard(folder)
print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
sys.exit(counts["failed"] > 0)
