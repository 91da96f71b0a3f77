#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make families/: a tiny model of every decoder family as a Hugging Face folder and as GGUF, with what it must give.

    make_families.py [--seed S] --out DIR [--family F]...      (--seed 2025 --out families: the folders beside this file)

The families are those of make_golden.py and tests/python/check_families.py with smaller sizes, the files and expected.h5 those
that they write: all hook points for p7, the logits of p1 and p33. Of each model, what must bite does: every entry of `wrong`
changes a logit. model.gguf in a folder has the same weights; where GGUF cannot say what config.json says, NAME_gguf is a model
that it can. Needs torch, transformers and gguf."""
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "python")]

import torch

import check_families as fresh
import check_gguf_families
import gguf_writer
import make_golden as golden

golden.SIZES.update({"heads": [(4, 6), (4, 4), (6, 4)], "alibi heads": [(3, 8), (5, 4), (6, 4)],
                     "part rotary heads": [(2, 16)], "d_ff": [28, 36, 42], "vocab": (64, 80)})
fresh.SIZES.update({"heads": (2, 4), "head_dim": (8, 12), "head_share": (5, 9), "d_ff": (24, 44), "layers": (2, 4),
                    "vocab": (64, 80)})
LEAST_CHANGE = 3e-4        # of a logit, by what a bug would do: many times what a float32 implementation may be off


LEAST_CHANGE = 3e-4        # of a logit, by what a bug would do: many times what a float32 implementation may be off


@dataclass
class Model:
    make: Callable                              # rng -> Spec
    kind: str = "f16"                           # what the GGUF file stores matrices as
    dtype: torch.dtype = torch.float16          # what the folder does
    files: tuple = ("folder", "gguf")
    changes: dict = field(default_factory=dict)         # of the config as drawn
    wrong: object = None                        # as Spec.wrong, or a function of the config; None: the spec's own
    steered: str = "abcdef"
    sites: tuple = ()                           # of p7, where not all


def windowed(config):
    """What it changes that layers do not slide, or slide one further."""
    return {"no window": {"sliding_window": 4096}, "window one wider": {"sliding_window": "+1"}}


def short_for_long(config):
    r = config.rope_parameters
    return {"short factors past the limit": {"rope_parameters": r | {"long_factor": r["short_factor"]}},
            "no attention factor": {"rope_parameters": r | {"attention_factor": 1.0}},
            "rotary on all dimensions": {"rope_parameters": golden.rope(r["rope_theta"])}}


def rotary_everywhere(config):
    return {"rotary on every layer": {"no_rope_layers": [1] * config.num_hidden_layers}}


FOLDER, GGUF = ("folder",), {"files": ("gguf",), "steered": "a"}     # steering is the same whatever the file
WINDOW = {"sliding_window": 5}
BIASES = {"attention_bias": True, "mlp_bias": True}
PLAIN_ROPE = {"plain rope": {"rope_parameters": golden.rope(10000.0)}}
NO_QK_NORM = {"no q norm": golden.identity("q_norm"), "no k norm": golden.identity("k_norm")}
Q8_0_BLOCKS = {"hidden_size": 32, "intermediate_size": 32, "num_attention_heads": 4, "head_dim": 8, "num_hidden_layers": 2}
FORTY_LAYERS = {"num_hidden_layers": 40, "hidden_size": 6, "num_attention_heads": 3, "intermediate_size": 8}


def qwen2_window(rng):
    return fresh.qwen2(rng, use_sliding_window=True, sliding_window=5, max_window_layers=1)


MODELS = {
    "llama": Model(golden.llama, files=FOLDER),
    "llama_linear": Model(fresh.llama_linear, wrong=PLAIN_ROPE),
    "llama_dynamic": Model(fresh.llama_dynamic, files=FOLDER, wrong=PLAIN_ROPE),
    "llama_yarn": Model(fresh.llama_yarn, "bf16", torch.bfloat16, changes=BIASES, wrong=PLAIN_ROPE | {
        "no attention biases": golden.zero_bias("_proj"), "no biases of the MLP": golden.zero_bias("mlp")}),
    "llama31": Model(golden.llama31, "f32", torch.float32),
    "mistral": Model(fresh.mistral, dtype=torch.bfloat16, files=FOLDER, changes=WINDOW, wrong=windowed),
    "qwen1": Model(golden.qwen1),
    "qwen2": Model(golden.qwen2, "bf16", torch.bfloat16),
    "qwen2_window": Model(qwen2_window, files=FOLDER, wrong={
        "no window": {"use_sliding_window": False, "layer_types": None},
        "the first layer slides too": {"max_window_layers": 0, "layer_types": None}}),
    "qwen3": Model(golden.qwen3, "q8_0", torch.float32, changes=Q8_0_BLOCKS, wrong=NO_QK_NORM),
    "baichuan2_7b": Model(golden.baichuan2_7b),
    "baichuan2_13b": Model(golden.baichuan2_13b, files=FOLDER),
    "baichuan2_13b_gguf": Model(golden.baichuan2_13b, changes=FORTY_LAYERS, sites=("embed", "resid_post"), **GGUF),
    "gemma": Model(golden.gemma),
    "gemma2": Model(golden.gemma2, files=FOLDER, changes=WINDOW),
    "gemma2_gguf": Model(golden.gemma2, changes=WINDOW, wrong=windowed, **GGUF),
    "gemma3_text": Model(golden.gemma3_text, dtype=torch.bfloat16, files=FOLDER, changes=WINDOW),
    "gemma3_text_gguf": Model(golden.gemma3_text, changes=WINDOW | {"num_hidden_layers": 6}, wrong=windowed, **GGUF),
    "minicpm": Model(golden.minicpm),
    "minicpm3": Model(golden.minicpm3, files=FOLDER),
    "minicpm3_gguf": Model(fresh.minicpm3_longrope, wrong={}, **GGUF),
    "phi3": Model(golden.phi3, changes=WINDOW),
    "phi3_longrope": Model(fresh.phi4_mini, changes={"sliding_window": None}, wrong=short_for_long),
    "smollm3": Model(fresh.smollm3, wrong=rotary_everywhere),
    "olmo2": Model(fresh.olmo2, wrong=NO_QK_NORM | {"no post norms": golden.identity(
        "post_attention_layernorm", "post_feedforward_layernorm")}),
    "gpt2": Model(golden.gpt2),
    "gpt_neox": Model(golden.gpt_neox, files=FOLDER),
    "gpt_neox_gguf": Model(golden.gpt_neox, wrong={}, **GGUF),
    "gpt_neox_seq": Model(golden.gpt_neox_seq),
}


def spec_of(m, rng):
    """The spec with the model's own settings."""
    spec = m.make(rng)
    for key, value in m.changes.items():
        if isinstance(spec.config, dict):
            spec.config[key] = value
        else:
            setattr(spec.config, key, value)
    if "gguf" in m.files:
        check_gguf_families.plain(spec.config)
    spec.prompts, spec.dtype = (1, 7, 33), m.dtype
    if "folder" not in m.files:
        spec.legacy = None
    if m.wrong is not None:
        spec.wrong = m.wrong(spec.config) if callable(m.wrong) else m.wrong
    if m.kind == "q8_0":
        spec.stored = lambda state: check_gguf_families.rounded_state(state, m.kind, False)
    return spec


def recorded(m):
    """Options of record_decoder: which datasets expected.h5 has."""
    def keep(group, dataset):
        wanted = group[-1] in m.steered if group.startswith("steer_") else dataset in m.sites or not m.sites
        return wanted and golden.compact(group, dataset)
    return golden.COMPACT | {"keep": keep}


def make(name, m, seed, out):
    folder = out / name
    summary = golden.make_decoder(name, lambda rng: spec_of(m, rng), seed, out, **recorded(m))
    weak = {what: change for what, change in summary["sensitivity"].items() if change < LEAST_CHANGE}
    assert not weak, f"{name}: what changes too little: {weak}"
    if "gguf" in m.files:
        gguf_writer.write(folder, folder / "model.gguf", m.kind)
    if "folder" not in m.files:
        for path in [*folder.glob("*.safetensors"), *folder.glob("config*.json")]:
            path.unlink()
    print(json.dumps(summary["sensitivity"], indent=1))


def make_k_quants(seed, out):
    """One layer, all K types."""
    golden.SIZES["k-quant layers"] = 1
    m = Model(None, steered="a")
    arch, choose, options = golden.GGUFS["llama_k"]
    golden.make_gguf("llama_k", arch, seed, out, choose, folder="llama_k", **options, **recorded(m))


MAKERS = {name: (lambda seed, out, name=name, m=m: make(name, m, seed, out)) for name, m in MODELS.items()}
MAKERS["llama_k"] = make_k_quants

if __name__ == "__main__":
    golden.main(MAKERS)
