"""Cuts the gemma-3-270m reference (transformers in float32 on the dequantised weights) down to what a clone can carry.

    make.py REFERENCE_FOLDER OUT_FOLDER

Six prompts: ids, 24 greedy tokens, the 100 largest logits, the last token's residual stream of every second layer."""
import json, shutil, sys

import h5py

folder, out = sys.argv[1:]
with h5py.File(f"{folder}/reference.h5") as a, h5py.File(f"{out}/reference.h5", "w") as b:
    b.attrs.update(a.attrs)
    for name, prompt in a["prompt"].items():
        group = b.create_group(name)
        group.attrs.update(prompt.attrs)
        for key in ("ids", "greedy", "top_ids", "top_logits"): group[key] = prompt[key][:]
        group["resid_post_last"] = prompt["resid_post_last"][::2]
for name in ("tokenize.json", "chat.json"):
    with open(f"{folder}/{name}") as f, open(f"{out}/{name}", "w") as g:
        json.dump(json.load(f), g, ensure_ascii=False, separators=(",", ":"))
