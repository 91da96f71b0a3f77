"""`evoke trace` against transformers on models that nobody has seen: fresh seeds and shapes from tests/golden/make_golden.py.

    python check_transformers.py PROGRAM [SEED [FAMILY...]]

Needs torch, transformers and gguf; without them it is skipped (they are 3 GB: `pip install torch transformers gguf` into the
environment of the Python references to have it)."""
import os, subprocess, sys, tempfile
from checking import check, end, program, seed, skip

SEED = seed(2)
FAMILIES = sys.argv[3:] or ["llama", "llama31", "gguf/llama_f16", "gguf/llama_q4_1", "gguf/llama_k", "gguf/llama31"]
MAKE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "make_golden.py")
SITES = ("embed", "resid_post", "attn_out", "mlp_out", "final_norm", "logits")


try:
    import h5py, numpy as np, torch, transformers, gguf  # noqa: F401
except ImportError as e:
    skip(f"transformers on fresh models: {e}")
    end()


def compare(model, expected, group, work, label):
    ids = expected[group]["ids"][:]
    n = len(expected[group]["generated"]) if "generated" in expected[group] else 0
    out = os.path.join(work, "trace.h5")
    run = program("trace", "-m", model, "--ids", " ".join(map(str, ids)), "-n", str(n), "-o", out)
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
