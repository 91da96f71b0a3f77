"""The paper's tables from what `evoke eval --json` printed, a file a model:  tables.py TABLE SCORES.json...

Rows are models (and emotions, baselines), columns strengths; a figure stands with its 95 % interval. Below: what the paper
published, where it did. A metric that was not measured is said to be missing.
"""
import json
import os
import sys

EMOTIONS = ["joy", "anger", "disgust", "fear", "sadness"]

# A table: title, metrics with their meaning, rows as (emotion, baseline), and what the paper has.
TABLES = {
    "fluency": ("Fluency and topic under EVbase and each emotion: perplexity, topic consistency", ["ppl", "topic", "topic_query", "topic_unsteered", "distinct2"],
                [(e, "") for e in ["base"] + EMOTIONS],
                "perplexity and topic consistency stay near the unsteered model's"),
    "eps": ("EPS, the probability that a response expresses emotion, under EVbase", ["eps"], [("base", "")],
            "at alpha 2: Llama-3.1 1.000, Qwen2 0.9825, MiniCPM 0.9950"),
    "eas": ("EAS, how much of the target emotion a judge finds, 0 to 100", ["eas"], [(e, "") for e in EMOTIONS],
            "at alpha 1 most models rise by 400 % or more, at -1 they fall by about 90 %"),
    "tec": ("TEC, confidence in the target emotion", ["tec", "hit"], [(e, "") for e in EMOTIONS],
            "anger at alpha 0, 1, 2, 4: Llama-2-7B 21.40, 45.93, 98.07, 90.71 %; Qwen2.5-7B 14.01, 33.36, 94.89, 95.68 %"),
    "authors": ("The authors' responses of Qwen2.5-7B, scored here", ["eps", "tec", "hit", "eas", "ppl", "distinct2"],
                [(e, "") for e in ["base"] + EMOTIONS],
                "TEC for anger at alpha 0, 1, 2, 4: 14.01, 33.36, 94.89, 95.68 %"),
    "baselines": ("The vector beside baselines, mean over the five emotions", ["tec", "hit", "ppl"],
                  [("mean", b) for b in ["", "random", "both", "prompt"]],
                  "compares the unsteered model, EV at each strength, and prompt-based and fine-tuned baselines"),
}
NAMES = {"": "EV", "random": "random vector", "both": "prompt and EV", "prompt": "prompt"}


def find(cells, emotion, baseline, alpha):
    """The cell of a row at a strength. At alpha 0 an EV is the unsteered model, where that is not a cell of its own as in the
    authors' files, and a prompt with an EV the prompt alone."""
    at_zero = {"": "none", "random": "none", "both": "prompt"}
    names = [baseline] + ([at_zero[baseline]] if alpha == 0 and baseline in at_zero else [])
    found = [c for b in names for c in cells if (c["emotion"], c["alpha"], c["baseline"]) == (emotion, alpha, b)]
    return found[0] if found else None


def figure(cells, emotion, baseline, alpha, metric):
    """(mean, low, high), or None."""
    if emotion == "mean":
        each = [figure(cells, e, baseline, alpha, metric) for e in EMOTIONS]
        return (sum(f[0] for f in each) / len(each), None, None) if all(each) else None
    cell = find(cells, emotion, baseline, alpha)
    if cell is None and alpha == 0 and emotion == "base":       # unsteered; which emotion it is counted for changes nothing here
        cell = next((c for c in cells if c["baseline"] == "none"), None)
    value = (cell or {}).get(metric)
    return None if not value or value["mean"] is None else (value["mean"], value["low"], value["high"])


def show(f):
    if f is None:
        return "-"
    text = f"{f[0]:.3g}"
    return text if f[1] is None else f"{text} [{f[1]:.2g}, {f[2]:.2g}]"


def print_table(models, metric, rows):
    alphas = sorted({c["alpha"] for cells in models.values() for c in cells})
    print(f"\n{metric:<46}" + "".join(f"{'alpha ' + format(a, 'g'):>24}" for a in alphas))
    for name, cells in models.items():
        for emotion, baseline in rows:
            figures = [figure(cells, emotion, baseline, a, metric) for a in alphas]
            if not any(figures):
                continue
            row = NAMES[baseline] if emotion == "mean" else emotion
            print(f"{name[:30]:<31}{row:<15}" + "".join(f"{show(f):>24}" for f in figures))


def main(which, paths):
    title, metrics, rows, paper = TABLES[which]
    models = {os.path.basename(os.path.dirname(p)): json.load(open(p, encoding="utf-8"))["cells"] for p in paths}
    print(f"{title}\nThe paper: {paper}.")
    for metric in metrics:
        if any(metric in c for cells in models.values() for c in cells):
            print_table(models, metric, rows)
        else:
            print(f"\n{metric}: not measured (which judges eval asks: evoke eval --help)")


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in TABLES:
        sys.exit(f"usage: tables.py {'|'.join(TABLES)} SCORES.json...")
    main(sys.argv[1], sys.argv[2:])
