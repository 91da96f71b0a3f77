#!/usr/bin/env python3
"""Trains the probe that `evoke eval --embed-model` uses: multinomial logistic regression on sentence embeddings of the
project's own texts (data/queries_*.jsonl, and short sentences around the words of data/lexicon.json). Needs scikit-learn.

    experiments/train_probe.py EVOKE MODEL_DIR [-o data/probe_minilm.json] [--check LABELLED.jsonl ...]

Prints the accuracy of 5-fold cross-validation on the queries; with --check also the macro F1 on texts that people labelled.
"""
import argparse, json, pathlib, subprocess, tempfile

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
LABELS = ["anger", "disgust", "fear", "joy", "sadness", "neutral"]
FRAMES = ["{}", "I feel {}.", "It is all so {}.", "What they wrote was full of {}."]


def embed(evoke, model, texts):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        json.dump(texts, f)
        f.flush()
        out = subprocess.run([evoke, "embed", "-m", model, "-f", f.name, "--json", "-q", "-t", "1"], check=True,
                             stdout=subprocess.PIPE)
    return np.array(json.loads(out.stdout), dtype=np.float32)


def queries():
    rows = [json.loads(line) for name in ("queries_extraction", "queries_evaluation", "prompts_heldout")
            for line in open(DATA / f"{name}.jsonl", encoding="utf-8")]
    return [r["text"] for r in rows], [r["emotion"] for r in rows]


def words():
    lexicon = json.load(open(DATA / "lexicon.json", encoding="utf-8"))
    pairs = [(frame.format(w), e) for e, ws in lexicon.items() for i, w in enumerate(ws) for frame in (FRAMES[i % len(FRAMES)],)]
    return [t for t, _ in pairs], [e for _, e in pairs]


def labelled(path):
    texts, labels = [], []
    for line in open(path, encoding="utf-8"):
        r = json.loads(line)
        label = r["ekman"] if "ekman" in r else [r.get("emotion")]
        if len(label) == 1 and label[0] in LABELS:
            texts.append(r["text"])
            labels.append(label[0])
    return texts, labels


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("evoke")
    p.add_argument("model")
    p.add_argument("-o", "--output", default=str(DATA / "probe_minilm.json"))
    p.add_argument("-C", type=float, default=3.0, help="inverse strength of the penalty")
    p.add_argument("--check", nargs="*", default=[])
    p.add_argument("--limit", type=int, default=100, help="labelled texts of each emotion")
    a = p.parse_args()
    (texts, y), (more, y_more) = queries(), words()
    x = embed(a.evoke, a.model, texts + more)
    x_more, x = x[len(texts):], x[:len(texts)]
    y, y_more = np.array(y), np.array(y_more)
    make = lambda: LogisticRegression(C=a.C, class_weight="balanced", max_iter=2000)
    right = [np.mean(make().fit(np.r_[x[i], x_more], np.r_[y[i], y_more]).predict(x[j]) == y[j])
             for i, j in StratifiedKFold(5, shuffle=True, random_state=0).split(x, y)]
    print(f"held-out accuracy on the queries: {np.mean(right):.3f} (folds {', '.join(f'{r:.2f}' for r in right)})")
    probe = make().fit(np.r_[x, x_more], np.r_[y, y_more])
    for path in a.check:
        t, label = labelled(path)
        keep = [i for e in LABELS for i in [k for k, l in enumerate(label) if l == e][:a.limit]]
        guess = probe.predict(embed(a.evoke, a.model, [t[i] for i in keep]))
        truth = [label[i] for i in keep]
        print(f"{path}: macro F1 {f1_score(truth, guess, average='macro', labels=sorted(set(truth))):.3f}, "
              f"accuracy {np.mean(guess == np.array(truth)):.3f}, {len(keep)} texts")
    json.dump({"format": "evoke-probe", "model": pathlib.Path(a.model).name, "labels": list(probe.classes_),
               "bias": [float(f"{b:.6g}") for b in probe.intercept_],
               "weights": [[float(f"{w:.5g}") for w in row] for row in probe.coef_]}, open(a.output, "w"))


if __name__ == "__main__":
    main()
