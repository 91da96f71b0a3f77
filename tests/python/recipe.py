#!/usr/bin/env python3
"""What `evoke tune` chose against the best recipe of shared/golden/smollm2/steering, on that scan's prompts, by its lexicon.

    recipe.py PROGRAM MODEL VECTORS [SAMPLES]

VECTORS as `evoke ev` wrote them, with the VECTORS.tune.json of `evoke tune`. Ten prompts, five emotions, 60 tokens, temperature
0.7, top-p 0.9 as there; hit: texts with a word of the emotion's lexicon; perplexity given the prompt, unsteered; distinct-2.
Not a check of the test run: it takes minutes, and the files that it needs a quarter of an hour."""
import ast, json, os, re, subprocess, sys, tempfile
import numpy as np

PROGRAM, MODEL, VECTORS = sys.argv[1:4]
SAMPLES = sys.argv[4] if len(sys.argv) > 4 else "3"
SHARED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "shared", "golden", "smollm2")
BEST = {"hit": 0.68, "ppl": 7.4, "distinct2": 0.65}        # steering/README.md, the row in bold


def constants():
    """TEST and LEXICON as the scan's program has them"""
    tree = ast.parse(open(os.path.join(SHARED, "make", "make_recipe.py")).read())
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("TEST", "LEXICON") and node.targets[0].id not in found:
            found[node.targets[0].id] = ast.literal_eval(node.value)
    return found["TEST"], {e: set(words.split()) for e, words in found["LEXICON"].items()}


def respond(prompts, path, steering):
    with open(path, "w") as out:
        subprocess.run([PROGRAM, "generate", "-m", MODEL, "-f", prompts, *steering, "--temp", "0.7", "--top-p", "0.9", "-n", "60",
                        "--n-samples", SAMPLES, "--seed", "7", "--json", "-q"], stdout=out, check=True)
    run = subprocess.run([PROGRAM, "eval", path, "--metrics", "ppl", "--ppl-model", MODEL, "--json", "-q"], capture_output=True, check=True)
    return [json.loads(line) for line in open(path)], json.loads(run.stdout)["cells"][0]["ppl"]["mean"]


def measure(rows, words):
    pairs = [list(zip(r["ids"], r["ids"][1:])) for r in rows]
    return {"hit": np.mean([bool(words & set(re.findall(r"[a-z']+", r["text"].lower()))) for r in rows]),
            "distinct2": np.mean([len(set(p)) / len(p) if p else 1 for p in pairs])}


def main():
    texts, lexicon = constants()
    mean = {}
    with tempfile.TemporaryDirectory() as folder:
        prompts = os.path.join(folder, "prompts.jsonl")
        with open(prompts, "w") as out: out.writelines(json.dumps({"text": t}) + "\n" for t in texts)
        plain = respond(prompts, os.path.join(folder, "plain.jsonl"), [])
        for name in ("unsteered", "tuned"):
            cells = []
            for emotion, words in lexicon.items():
                rows, ppl = plain if name == "unsteered" else respond(prompts, os.path.join(folder, f"{emotion}.jsonl"),
                                                                     ["--ev", VECTORS, "--alpha", f"{emotion}=1"])
                cells.append({**measure(rows, words), "ppl": ppl})
                print(f"{name:10} {emotion:10}", *(f"{k} {v:.2f}" for k, v in cells[-1].items()))
            mean[name] = {k: float(np.mean([c[k] for c in cells])) for k in BEST}
    for name, figures in (("recipe", BEST), *mean.items()): print(f"{name:10} mean      ", *(f"{k} {v:.3f}" for k, v in figures.items()))
    tuned = mean["tuned"]
    better = tuned["hit"] > BEST["hit"] and tuned["ppl"] < BEST["ppl"] and tuned["distinct2"] > BEST["distinct2"]
    print("better on all three" if better else "not better on all three")
    return not better


if __name__ == "__main__":
    sys.exit(main())
