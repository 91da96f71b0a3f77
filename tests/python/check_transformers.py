"""`evoke trace` against transformers on models that nobody has seen: fresh seeds and shapes from tests/golden/make_golden.py.

    python check_transformers.py PROGRAM [SEED [FAMILY...]]

Needs torch, transformers and gguf; without them it is skipped (they are 3 GB: `pip install torch transformers gguf` into the
environment of the Python references to have it)."""
import os, subprocess, sys, tempfile

PROGRAM = os.path.abspath(sys.argv[1])
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else int.from_bytes(os.urandom(2), "little")
FAMILIES = sys.argv[3:] or ["llama", "llama31", "gguf/llama_f16", "gguf/llama_q4_1", "gguf/llama_k", "gguf/llama31"]
MAKE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "make_golden.py")
SITES = ("embed", "resid_post", "attn_out", "mlp_out", "final_norm", "logits")
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(ok, *what):
    counts["passed" if ok else "failed"] += 1
    if not ok: print("not ok", *what)


def end():
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(counts["failed"] > 0)


try:
    import h5py, numpy as np, torch, transformers, gguf  # noqa: F401
except ImportError as e:
    print(f"skip transformers on fresh models: {e}")
    counts["skipped"] += 1
    end()


def compare(model, expected, group, work, label):
    ids = expected[group]["ids"][:]
    n = len(expected[group]["generated"]) if "generated" in expected[group] else 0
    out = os.path.join(work, "trace.h5")
    run = subprocess.run([PROGRAM, "trace", "-m", model, "--ids", " ".join(map(str, ids)), "-n", str(n), "-o", out],
                         capture_output=True, text=True)
    if run.returncode:
        return check(False, label, group, run.stderr)
    with h5py.File(out) as got:
        for site in SITES:
            bound = max(1e-5, 10 * expected.attrs[f"fp64_maxdiff_{site}"])
            gap = np.abs(got[site][:].astype(np.float64) - expected[group][site][:]).max()
            check(gap <= bound, f"seed {SEED}", label, group, site, gap, bound)
        if n: check((got["generated"][:] == expected[group]["generated"][:]).all(), f"seed {SEED}", label, group, "greedy ids")


with tempfile.TemporaryDirectory() as work:
    for family in FAMILIES:
        made = subprocess.run([sys.executable, MAKE, "--seed", str(SEED), "--out", work, "--family", family], capture_output=True, text=True)
        folder = os.path.join(work, family)
        if made.returncode or not os.path.isdir(folder):
            check(False, "make_golden", family, made.stderr[-300:])
            continue
        model = os.path.join(folder, "model.gguf") if os.path.exists(os.path.join(folder, "model.gguf")) else folder
        with h5py.File(os.path.join(folder, "expected.h5")) as expected:
            for group in expected:
                if group.startswith("p"): compare(model, expected, group, work, family)
end()
