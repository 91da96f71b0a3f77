"""Stored activations for other programs: the size that `extract` tells before it starts, half precision, compression, and readers
in R and column-major languages.

    python check_stores.py PROGRAM"""
import json, os, re, shutil, subprocess, sys, tempfile
import h5py
import numpy as np

PROGRAM = os.path.abspath(sys.argv[1])
MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "gguf", "llama_f32", "model.gguf")
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(ok, *what):
    counts["passed" if ok else "failed"] += 1
    if not ok: print("not ok", *what)


def run(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)
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


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    with open("s.json", "w") as f: json.dump({"system": None, "raw": True, "settings": {"neutral": "A: {query}", "emotion": "{emotion}: {query}"}}, f)
    write_queries()
    check_size()
print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
sys.exit(counts["failed"] > 0)
