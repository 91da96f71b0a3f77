"""The emotion vectors of the paper's authors, as their published code writes and applies them: JSON files, added to the
attention output of every layer at the last position of every pass. Figures of that code on a tiny model: ../shared/interop.

    python check_authors.py PROGRAM"""
import json, os, tempfile
import h5py
import numpy as np
from checking import check, end, program, skip

INTEROP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "shared", "interop")


def trace(model, ids, out, *more):
    run = program("trace", "-m", model, "--ids", json.dumps(ids), "-n", "5", "-o", out, *more)
    check(run.returncode == 0, run.stderr)
    with h5py.File(out) as f: return f["step_logits"][:], f["generated"][:].tolist(), f["resid_post"][:]


def main(work):
    with open(os.path.join(INTEROP, "expected.json")) as f: expected = json.load(f)
    vectors, out = os.path.join(INTEROP, "authors"), os.path.join(work, "t.h5")
    for model in (os.path.join(INTEROP, "tiny-llama"), os.path.join(INTEROP, "tiny-llama-f32.gguf")):
        for name, alpha in (("joy1", "joy=1"), ("joy4_sad-1", "joy=4,sadness=-1")):
            want = expected["authors"][name]
            logits, ids, _ = trace(model, expected["ids"], out, "--ev", vectors, "--alpha", alpha, "--site", "attn_out", "--positions", "last")
            n = len(want["greedy_ids"])
            gap = np.abs(logits[:n + 1] - np.array(want["logits_last_per_step"])[:len(logits)]).max()
            check(gap < 1e-4, os.path.basename(model), name, "logits are off by", gap)
            check(ids[:n] == want["greedy_ids"], os.path.basename(model), name, "greedy ids", ids, want["greedy_ids"])
        one = os.path.join(vectors, "tiny_joy.json")
        a = trace(model, expected["ids"], out, "--ev", one, "--alpha", "1", "--site", "attn_out", "--positions", "last")
        b = trace(model, expected["ids"], out, "--ev", vectors, "--alpha", "joy=1", "--site", "attn_out", "--positions", "last")
        check((a[0] == b[0]).all(), "one file and the folder differ")
        zero = trace(model, expected["ids"], out, "--ev", vectors, "--alpha", "joy=0", "--site", "attn_out")
        plain = trace(model, expected["ids"], out)
        check((zero[0] == plain[0]).all() and zero[1] == plain[1], "alpha 0 is not the unsteered model")
        want = expected["unsteered"]
        key = next(k for k in want if isinstance(want[k], list) and len(want[k]) == len(plain[0][0]))
        check(np.abs(plain[0][0] - np.array(want[key])).max() < 1e-4, "unsteered logits")


if os.path.isdir(INTEROP):
    with tempfile.TemporaryDirectory() as work: main(work)
else:
    skip("the authors' vectors: ../shared/interop is not there")
end()
