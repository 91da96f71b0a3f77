"""`evoke query`: parts of a store against the same parts cut out with NumPy.

    python check_query.py PROGRAM"""
import csv, json, os, tempfile
import h5py
import numpy as np
from checking import check, end, program

MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "gguf", "llama_f32", "model.gguf")
QUERIES = [{"text": t, "id": i, "emotion": e} for t, i, e in (("I passed the test.", "j1", "joy"), ("We, they and \"you\" won!", "j,2", "joy"), ("It is dark.", "f1", "fear"),
                                                              ("Who is there?", "f2", "fear"), ("The shop is shut.", "a1", "anger"))]


def run(*arguments):
    done = program(*arguments)
    check(done.returncode == 0, arguments, done.stderr)


def refused(said, *arguments):
    done = program("query", "s.h5", *arguments)
    check(done.returncode in (1, 2) and said in done.stderr and done.stderr.count("\n") == 1, arguments, done.returncode, done.stderr)


def is_part(whole, part, queries, settings, layers, sites):
    """Every dataset of `part` is that of `whole` at these indices."""
    grid = np.ix_(queries, settings)
    check(list(part["sites"].asstr()) == sites and list(part["settings"].asstr()) == [whole["settings"].asstr()[s] for s in settings], "sites, settings")
    for name in ("text", "id", "language"): check((part["queries"][name][:] == whole["queries"][name][:][queries]).all(), name)
    named = [whole["emotions"].asstr()[e] for e in whole["queries/emotion"][:][queries]]
    check([part["emotions"].asstr()[e] for e in part["queries/emotion"][:]] == named, "emotions", named)
    check((part["layers"][:] == whole["layers"][:][layers]).all() and (part["prompts/text"][:] == whole["prompts/text"][:][grid]).all(), "layers, prompts")
    check((part["progress/done"][:] == whole["progress/done"][:][grid]).all(), "done")
    rows = [np.arange(*whole["tokens/offsets"][q, s]) for q in queries for s in settings]
    check((np.diff(part["tokens/offsets"][:]).ravel() == [len(r) for r in rows]).all() and part["tokens/offsets"][0, 0, 0] == 0, "offsets")
    rows = np.concatenate(rows)
    check((part["tokens/ids"][:] == whole["tokens/ids"][:][rows]).all(), "ids")
    for name in set(whole["tokens"]) - {"ids", "offsets"}: check((part["tokens"][name][:] == whole["tokens"][name][:][grid]).all(), name)
    for site in sites:
        for name, data in whole["activations"][site].items():
            if name in ("tokens", "token_norms"): want = data[:][rows][:, layers]
            else: want = data[:][np.ix_(queries, settings, layers)]
            if name in part["activations"][site] or name != "tokens":
                got = part["activations"][site][name]
                check(got.dtype == data.dtype and (got[:] == want).all(), site, name)


def main():
    with open("q.jsonl", "w") as f: f.write("\n".join(map(json.dumps, QUERIES)))
    for more, sites in ((("--store", "tokens", "--float16"), ["attn_out", "resid_post"]), ((), ["attn_out", "resid_post"])):
        if os.path.exists("s.h5"): os.unlink("s.h5")
        run("extract", "-m", MODEL, "-d", "q.jsonl", "-o", "s.h5", "--sites", "resid_post,attn_out", "--span", "query,response", "-n", "4", "-q", *more)
        with h5py.File("s.h5") as whole:
            neutral, emotion = (list(whole["settings"].asstr()).index(s) for s in ("neutral", "emotion"))
            for arguments, part in ((("--emotion", "fear,anger", "--layers", "0,2"), ([2, 3, 4], [0, 1], [0, 2], sites)),
                                    (("--id", "f2,j1", "--setting", "emotion,neutral", "--sites", "resid_post"), ([0, 3], [emotion, neutral], [0, 1, 2], ["resid_post"])),
                                    (("--emotion", "joy", "--setting", "neutral", "--no-tokens"), ([0, 1], [neutral], [0, 1, 2], sites)), ((), (list(range(5)), [0, 1], [0, 1, 2], sites))):
                run("query", "s.h5", "-o", "p.h5", *arguments)
                with h5py.File("p.h5") as f:
                    is_part(whole, f, *part)
                    check("--no-tokens" not in arguments or "tokens" not in f["activations/resid_post"], "--no-tokens")
            x = whole["activations/attn_out/query"][:]
            run("query", "s.h5", "-o", "p.npy", "--sites", "attn_out", "--span", "query", "--setting", "neutral", "--layers", "1-2")
            got = np.load("p.npy", allow_pickle=False)
            check(got.dtype == np.float32 and got.flags["C_CONTIGUOUS"] and (got == x[:, [neutral]][:, :, 1:]).all(), "npy", got.shape)
            run("query", "s.h5", "-o", "p.csv", "--sites", "attn_out", "--span", "query", "--emotion", "joy")
            with open("p.csv", newline="") as f: rows = list(csv.reader(f))
            want = [[QUERIES[q]["id"], "joy", whole["settings"].asstr()[s], str(l)] for q in (0, 1) for s in (0, 1) for l in range(3)]
            check([r[:4] for r in rows[1:]] == want and rows[0][:5] == ["id", "emotion", "setting", "layer", "x0"], "csv's labels")
            check((np.array([r[4:] for r in rows[1:]], np.float64).astype("f4").reshape(2, 2, 3, -1) == x[:2]).all(), "csv's numbers")
    run("query", "s.h5", "-o", "fear.h5", "--emotion", "fear", "--span", "query")
    run("ev", "s.h5", "-o", "all-ev.h5", "--span", "query")
    run("ev", "fear.h5", "-o", "ev.h5")
    with h5py.File("all-ev.h5") as a, h5py.File("ev.h5") as b:
        at = list(a["emotions"].asstr()).index("fear")
        check((a["ev/resid_post"][at] == b["ev/resid_post"][0]).all() and (a["count"][at] == b["count"][0]), "ev of a part")
    refused("'envy'", "-o", "x.h5", "--emotion", "envy")
    refused("'nobody'", "-o", "x.h5", "--id", "nobody")
    refused("'calm'", "-o", "x.h5", "--setting", "calm")
    refused("layer '7'", "-o", "x.h5", "--layers", "7")
    refused("mlp_out", "-o", "x.npy", "--sites", "mlp_out")
    refused("'last'", "-o", "x.csv", "--span", "last")
    refused("no query", "-o", "x.h5", "--emotion", "joy", "--id", "f1")
    refused("one site", "-o", "x.npy", "--sites", "attn_out,resid_post")
    refused("replace an input", "-o", "./s.h5")
    check(not [f for f in os.listdir() if f.startswith("x.")], "half-written", os.listdir())


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
end()
