"""`evoke extract` from outside: killed at twenty random moments and continued, it ends with the bytes of an undisturbed run,
computes nothing twice, and its store opens in h5py after every kill; a second writer is refused; memory does not grow with
the number of queries.

    python check_extract.py PROGRAM [SEED]"""
import json, os, random, signal, subprocess, sys, tempfile, time
import h5py
import numpy as np
from checking import PROGRAM, check, end, seed

SEED = seed()
MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "gguf", "llama_f32", "model.gguf")
rng = random.Random(SEED)


def queries(n):
    """n short queries, half of each of two emotions: the model has room for 128 tokens."""
    words = "sun rain door key boat star lamp tree road hill bird ring coat milk fire snow".split()
    text = lambda i: f"{words[i % 16]} {words[i // 16 % 16]} {words[i // 256 % 16]}"
    return {"joy": [text(i) for i in range(n // 2)], "fear": [text(i) + "?" for i in range(n // 2)]}


def write(folder, name, value):
    path = os.path.join(folder, name)
    with open(path, "w") as f: json.dump(value, f)
    return path


def datasets(path):
    found = {}
    with h5py.File(path) as f:
        f.visititems(lambda name, o: found.update({name: o[()]}) if isinstance(o, h5py.Dataset) else None)
    return found


def same(a, b):
    x, y = datasets(a), datasets(b)
    return x.keys() == y.keys() and all(v.shape == y[k].shape and v.tobytes() == y[k].tobytes() if v.dtype != object
                                        else (v == y[k]).all() for k, v in x.items())


def done(path):
    if not os.path.exists(path): return 0
    with h5py.File(path) as f: return int(f["/progress/done"][()].sum())


def command(folder, data, out, *more):
    settings = write(folder, "settings.json", {"system": "Be kind.", "settings": {"neutral": "{query}", "emotion": "{emotion}: {query}"}})
    return [PROGRAM, "extract", "-m", MODEL, "-d", data, "-o", out, "--settings", settings, "--sites", "resid_post,attn_out",
            "--span", "query,response", "-n", "12", "--json", *more]


def test_kills(folder):
    data = write(folder, "queries.json", queries(600))
    whole, killed = os.path.join(folder, "whole.h5"), os.path.join(folder, "killed.h5")
    began = time.monotonic()
    subprocess.run(command(folder, data, whole, "-b", "100"), check=True, capture_output=True)
    seconds, total, kills, tries = time.monotonic() - began, 1200, 0, 0
    while kills < 20 and tries < 200:
        tries += 1
        before = done(killed)
        p = subprocess.Popen(command(folder, data, killed, "-b", "100"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(rng.uniform(0, 0.04 + seconds / 40))
        p.send_signal(signal.SIGKILL)
        p.communicate()
        kills += p.returncode == -signal.SIGKILL
        check(done(killed) >= before, f"seed {SEED}: finished prompts were lost by a kill")
        if done(killed) == total: break
    before = done(killed)
    report = json.loads(subprocess.run(command(folder, data, killed, "-b", "100"), check=True, capture_output=True).stdout)
    check(report["n_done_before"] == before, f"seed {SEED}: {before} prompts were done, {report['n_done_before']} were kept")
    check(same(whole, killed), f"seed {SEED}: after {kills} kills the store differs")
    check(kills == 20, f"only {kills} kills hit a running extraction")
    print(f"{kills} kills; {before} of {total} prompts were done before the last run")
    left = [n for n in os.listdir(folder) if "killed" in n and n != "killed.h5"]
    check(len(left) <= kills, f"left behind: {left}")


def test_second_writer(folder):
    data = write(folder, "more.json", queries(2000))
    out = os.path.join(folder, "busy.h5")
    first = subprocess.Popen(command(folder, data, out, "-b", "100"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while done(out) == 0 and first.poll() is None: time.sleep(0.02)
    second = subprocess.run(command(folder, data, out, "-b", "100"), capture_output=True, text=True)
    running = first.poll() is None
    check(not running or (second.returncode == 1 and second.stderr.count("\n") == 1), "second writer:", second.returncode, second.stderr)
    first.send_signal(signal.SIGTERM)
    _, err = first.communicate(timeout=60)
    check(not running or first.returncode == 130, "SIGTERM:", first.returncode, err)
    check(not running or b"continues" in err, "SIGTERM says how to continue:", err)
    if not running: print("skip second writer: the first one ended too soon")


def peak_memory(args):
    """Peak resident set in MB, of a child of its own."""
    code = "import resource,subprocess,sys; subprocess.run(sys.argv[1:],check=True,capture_output=True); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    return int(subprocess.run([sys.executable, "-c", code, *args], check=True, capture_output=True).stdout) / 1024


def test_memory(folder):
    peaks = [peak_memory(command(folder, write(folder, f"q{n}.json", queries(n)), os.path.join(folder, f"m{n}.h5"), "-b", "400"))
             for n in (100, 1000)]
    print(f"peak memory: {peaks[0]:.1f} MB for 100 queries, {peaks[1]:.1f} MB for 1,000")
    check(peaks[1] < peaks[0] * 1.15 + 4, f"peak memory grows with the queries: {peaks}")


with tempfile.TemporaryDirectory() as folder:
    test_kills(folder)
    test_second_writer(folder)
    test_memory(folder)
end()
