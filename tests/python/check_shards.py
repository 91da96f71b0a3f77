"""Work divided with `--shard I/N` and joined by `evoke merge` is the undivided run's: every dataset and attribute of a store but its
command line, in h5py; for any N, spans, sites, stored tokens, other threads and batches, and a shard killed and continued. The same of `mpirun -n R`.

    python check_shards.py PROGRAM"""
import json, os, signal, subprocess, tempfile, time
import h5py
from hdf5_contents import contents
from checking import PROGRAM, check, end, skip

MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "gguf", "llama_f32", "model.gguf")


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


def test_theory(folder):
    """The refits of `theory`'s bootstrap in shards: with the merged replicates the same directions, figures and JSON."""
    here = lambda name: os.path.join(folder, name)
    with open(here("three.json"), "w") as f: json.dump({e: [f"{i} {e} then" for i in range(9 + k)] for k, e in enumerate(("joy", "fear", "awe"))}, f)
    extract(folder, here("three.json"), "three.h5")
    def theory(*more): return run("theory", here("three.h5"), "-q", "--bootstrap", 60, *more)
    def outcome(name, *more):
        r = theory("-o", here(f"{name}.d.h5"), "--stats", here(f"{name}.s.h5"), "--json", "-t", 1, *more)
        check(r.returncode == 0, name, r.stderr)
        return r.stdout, contents(here(f"{name}.d.h5")), contents(here(f"{name}.s.h5"))
    whole = outcome("whole")
    for n in (1, 3, 90):                                    # 69 fits of joy: some of 90 shards have none
        parts = [here(f"part{i}.h5") for i in range(1, n + 1)]
        done = [theory("--shard", f"{i}/{n}", "-o", p, "-t", 1 + i % 2) for i, p in enumerate(parts, 1)]
        done.append(run("merge", *reversed(parts), "-o", here("replicates.h5")))
        check(all(r.returncode == 0 for r in done), n, [r.stderr for r in done if r.returncode])
        check(outcome("merged", "--replicates", here("replicates.h5")) == whole, "theory of", n, "shards differs")
        if n == 1: check(contents(parts[0]) == contents(here("replicates.h5")), "a whole that is merged")
        if n == 3: kept = [os.path.join(folder, f"kept{i}.h5") for i in range(3)]; [os.rename(*pair) for pair in zip(parts, kept)]
    def refused(pattern, r): check(r.returncode in (1, 2) and r.stderr.count("\n") == 1 and pattern in r.stderr, pattern, r.returncode, r.stderr)
    refused("shard 2 of 3 is missing", run("merge", kept[0], kept[2], "-o", here("x.h5")))
    refused("shard 1 of 3 is there twice", run("merge", kept[0], kept[0], kept[1], kept[2], "-o", here("x.h5")))
    for what, other in (("seed", ("--seed", 4)), ("n_bootstrap", ("--bootstrap", 61)), ("what the replicates are of", ("--shrinkage", 0.3)), ("number of layers", ("--layers", 1))):
        check(theory("--shard", "2/3", "-o", here("other.h5"), *other).returncode == 0, other)
        refused(f"not shards of one analysis: ", r := run("merge", kept[0], here("other.h5"), kept[2], "-o", here("x.h5")))
        check(what in r.stderr, what, r.stderr)
    refused("shard 1 of 3; 'evoke merge' joins them", theory("--replicates", kept[0]))
    refused("another store, site, span", theory("--replicates", here("replicates.h5"), "--shrinkage", 0.3))
    refused("of more layers", theory("--replicates", here("replicates.h5"), "--layers", 0))
    refused("they are 60, of seed 0", theory("--replicates", here("replicates.h5"), "--seed", 1))
    refused("they are none", theory("--replicates", here("three.h5")))
    refused("a shard makes replicates only", theory("--shard", "1/3", "-o", here("x.h5"), "--json"))
    refused("output", theory("--shard", "1/3"))
    check(not os.path.exists(here("x.h5")), "nothing is written")


def mpirun(n, *args, signal_to=None, when=None, more=()):
    """Status and stderr; signal_to(mpirun's Popen) is called once when() holds."""
    env = {k: v for k, v in os.environ.items() if "SLURM" not in k}
    p = subprocess.Popen(["mpirun", "-q", "--oversubscribe", "--allow-run-as-root", *more, "-n", str(n), PROGRAM, *map(str, args)],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=env)
    while signal_to and p.poll() is None and not when(): time.sleep(0.02)
    if signal_to and p.poll() is None: signal_to(p)
    out, error = p.communicate(timeout=300)
    return p.returncode, error, out


def children(p):
    return [int(pid) for pid in subprocess.run(["pgrep", "-P", str(p.pid)], capture_output=True, text=True).stdout.split()]


def test_ranks(folder, data):
    """`mpirun -n R`: the undivided file, one line for a failure, and after a stop of whichever rank the same command goes on."""
    here = lambda name: os.path.join(folder, name)
    base = ("-m", MODEL, "-d", data)
    extract(folder, data, "undivided.h5")
    whole = contents(here("undivided.h5"))
    for n in (2, 3, 13):
        status, error, out = mpirun(n, "extract", *base, "-o", here("ranks.h5"), "--json")
        check(status == 0 and error == "" and json.loads(out)["n_prompts"] == 22, n, "ranks", status, error, out)
        with h5py.File(here("ranks.h5")) as f: check(f.attrs["command_line"].startswith("evoke extract"), f.attrs["command_line"])
        got = contents(here("ranks.h5"))
        check(got == whole, n, "ranks differ in", [k for k in whole.keys() | got.keys() if whole.get(k) != got.get(k)])
        check(not any(".shard-" in f for f in os.listdir(folder)), "shards are left", os.listdir(folder))
        if n == 2:
            status, error, out = mpirun(2, "extract", *base, "-o", here("ranks.h5"), "--json")
            check(status == 0 and json.loads(out)["n_done_before"] == 22 and "rank 0 continues it alone" in error, "again", status, error, out)
        os.remove(here("ranks.h5"))
    run("ev", here("undivided.h5"), "-o", here("ev.h5"))
    sweep = ("sweep", "-m", MODEL, "-f", data, "--ev", here("ev.h5"), "-n", 5, "--alphas", "0,2", "--limit", 1)
    run(*sweep, "-o", here("r.jsonl"))
    status, error, out = mpirun(2, *sweep, "-o", here("ranks.jsonl"))
    check(status == 0 and open(here("ranks.jsonl"), "rb").read() == open(here("r.jsonl"), "rb").read(), "sweep", status, error)
    test_ranks_judge(folder)
    status, error, out = mpirun(2, "extract", *base, "-o", here("t.h5"), "-v", more=("--bind-to", "none"))
    check(f"{max(1, len(os.sched_getaffinity(0)) // 2)} threads" in error, "half of the cores each", error)
    for args, want in ((("-o", here("t.h5"), "--sites", "nowhere"), 2), (("-o", here("no/t.h5")), 1), (("-o", here("x.h5"), "--shard", "1/2"), 2)):
        status, error, out = mpirun(2, "extract", *base, *args)
        check(status == want and error.startswith("evoke: ") and error.count("\n") == 1, args, status, error)
    os.mkdir(here("t2.h5.shard-2-of-2"))                    # only the second rank cannot write
    status, error, out = mpirun(2, "extract", *base, "-o", here("t2.h5"))
    check(status == 1 and error.count("\n") == 1 and "t2.h5.shard-2-of-2" in error and not os.path.exists(here("t2.h5")), status, error)
    os.rmdir(here("t2.h5.shard-2-of-2"))
    check(mpirun(2, "extract", *base, "-o", here("t2.h5"))[0] == 0 and contents(here("t2.h5")) == whole, "and goes on")


def test_ranks_judge(folder):
    """eval and the replicates of theory by ranks: what is printed and written is the undivided run's; other commands refuse"""
    here = lambda name: os.path.join(folder, name)
    for how in ((), ("--json",), ("--csv",)):
        one = run("eval", here("r.jsonl"), "--metrics", "degeneration", "-o", here("one.jsonl"), *how).stdout
        for n in (2, 5):
            status, error, out = mpirun(n, "eval", here("r.jsonl"), "--metrics", "degeneration", "-o", here("many.jsonl"), *how)
            check(status == 0 and out == one and open(here("many.jsonl")).read() == open(here("one.jsonl")).read(), n, "ranks of eval", how, error)
    one = run("theory", here("undivided.h5"), "--bootstrap", 40, "--json", "-q").stdout
    for again in ("are made", "are there"):
        status, error, out = mpirun(3, "theory", here("undivided.h5"), "--bootstrap", 40, "--json", "-q", "--replicates", here("by_ranks.h5"))
        check(status == 0 and out == one, "ranks of theory whose replicates", again, status, error)
    for args, words in ((("eval", here("r.jsonl"), "--metrics", "degeneration"), "--output is missing"), (("theory", here("undivided.h5")), "--replicates FILE"),
                        (("inspect", here("undivided.h5")), "does not divide its work")):
        status, error, out = mpirun(2, *args)
        check(status == 2 and error.startswith("evoke: ") and error.count("\n") == 1 and words in error and out == "", args, status, error, out)
    check(not any(".shard-" in f for f in os.listdir(folder)), "shards are left", os.listdir(folder))


def test_stopped_ranks(folder):
    many, store = os.path.join(folder, "lots.json"), os.path.join(folder, "stopped.h5")
    with open(many, "w") as f: json.dump({e: [f"{i} {e} then" for i in range(1500)] for e in ("joy", "fear")}, f)
    how = ("-m", MODEL, "-d", many, "-q", "-t", 1, "-b", 60, "--span", "response", "-n", 8)
    extract(folder, many, "long.h5", "-b", 60, "--span", "response", "-n", 8)
    shards = [f"{store}.shard-{i}-of-2" for i in (1, 2)]
    ways = {"SIGTERM to rank 1": lambda p: os.kill(children(p)[1], signal.SIGTERM), "SIGTERM to rank 0": lambda p: os.kill(children(p)[0], signal.SIGTERM),
            "SIGUSR1 to mpirun": lambda p: p.send_signal(signal.SIGUSR1), "SIGKILL to rank 1": lambda p: os.kill(children(p)[1], signal.SIGKILL)}
    stops = 0
    for name, send in ways.items():
        begin = time.monotonic()
        status, error, out = mpirun(2, "extract", *how, "-o", store, signal_to=send, when=lambda: all(map(os.path.exists, shards)) and time.monotonic() > begin + 1)
        if status == 0: break                               # done first
        stops += 1
        check(all(map(os.path.exists, shards)) and not os.path.exists(store), name, "keeps the shards only", os.listdir(folder))
        if "KILL" in name: check(status == 137, name, status, error)
        else: check(status == 130 and error.count("\n") == 1 and "the same command continues" in error, name, status, error)
    check(stops > 0, "no run was stopped before its end")
    if os.path.exists(shards[0]):
        status, error, out = mpirun(3, "extract", *how, "-o", store)
        check(status == 1 and "an unfinished run of 2 ranks is there, here are 3" in error, status, error)
    status, error, out = mpirun(2, "extract", *how, "-o", store)
    check(status == 0 and contents(store) == contents(os.path.join(folder, "long.h5")), "after all that", status, error)


def no_ranks():
    """Why `mpirun` cannot be tested here; None: it can."""
    if b"libmpi" not in subprocess.run(["ldd", PROGRAM], capture_output=True).stdout: return "evoke is built without MPI"
    try: return None if mpirun(1, "--version")[0] == 0 else "mpirun does not run here"
    except FileNotFoundError: return "there is no mpirun"


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
    test_theory(folder)
    if reason := no_ranks():
        skip("mpirun:", reason)
    else:
        test_ranks(folder, data)
        test_stopped_ranks(folder)
end()
