"""The best cell of spans and layer of each direction over the tuning texts; human_labels.sh calls it.

    human_labels.py TUNE.json...        what `evoke theory --labelled --json` printed for each pair of spans and each set of texts

Prints `DIRECTION SPAN TEXT_SPAN LAYER VALUE`: the mean over the sets of the mean AUC. `geometry`: the cell of highest absolute
correlation of the first principal axis with valence, on the sets with ten or more labels."""
import json, sys
from collections import defaultdict

values = defaultdict(list)                  # (direction, span, text span, layer) -> one of each set
for path in sys.argv[1:]:
    with open(path) as f: result = json.load(f)
    for layer in result["layers"]:
        place = result["span"], result["text_span"], layer["layer"]
        for direction, auc in layer["mean_auc"].items():
            values[(direction, *place)].append(auc)
        if len(result["n_label"]) >= 10 and result["span"] == "query":      # the queries have no part in it
            values[("geometry", *place)].append(abs(layer["valence_pearson"][0]))
for direction in dict.fromkeys(key[0] for key in values):
    mean, cell = max((sum(v) / len(v), key) for key, v in values.items() if key[0] == direction)
    print(*cell, f"{mean:.3f}")
