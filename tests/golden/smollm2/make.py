"""Cuts the large SmolLM2 reference (made with transformers in float32) down to what a clone can carry.

    make.py REFERENCE_FOLDER OUT.h5

Layers 0, 14 and 29 of the span means, every 16th logit, the ids of prompts and responses, all texts."""
import json
import sys

import h5py
import numpy as np

LAYERS, EVERY = [0, 14, 29], 16
SPANS = [("query", "resid_post"), ("query", "attn_out"), ("last", "resid_post"), ("response", "resid_post")]


def main(folder, out):
    with h5py.File(f"{folder}/reference.h5") as a, h5py.File(out, "w") as b:
        for key, value in a.attrs.items():
            b.attrs[key] = value
        b["layers"] = np.array(LAYERS, np.int32)
        b.attrs["every_logit"] = EVERY
        for name in ("tokens/ids", "tokens/offsets", "tokens/query_span", "response/ids", "response/offsets",
                     "response/min_margin", "queries/emotion"):
            b.create_dataset(name, data=a[name][()], compression="gzip")
        for name in ("emotions", "settings", "queries/text", "prompts/text"):
            b.create_dataset(name, data=a[name][()], dtype=h5py.string_dtype())
        for span, site in SPANS:
            b[f"spans/{span}/activations/{site}/mean"] = a[f"spans/{span}/activations/{site}/mean"][:, :, LAYERS]
            b[f"spans/{span}/ev/{site}"] = a[f"spans/{span}/ev/{site}"][:, LAYERS]
        b["norms/resid_post/median"] = a["norms/resid_post/median"][()]
        b["logits/neutral_last"] = a["logits/neutral_last"][:, ::EVERY]
        for key, greedy in a["greedy"].items():
            d = b.create_dataset(f"greedy/{key}", data=greedy[()])
            for name, value in greedy.attrs.items():
                d.attrs[name] = value
    with open(f"{folder}/prompts.json") as f:
        prompts = json.load(f)
    with open(out.replace("reference.h5", "prompts.json"), "w") as f:
        json.dump(prompts, f, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
