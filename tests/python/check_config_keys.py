"""No key of config.json is ignored that changes the result: every key of every family's configuration class, and keys of others.

    python check_config_keys.py PROGRAM [--seed S] [--family F]...

A model is drawn, then config.json is changed in one key. Where transformers' logits change, the program's must change with them, or
it must refuse with the key and its value; where they stay, it may refuse as well, but not the keys of HARMLESS, which published
files have. Of the families with code of their own, OWN says which keys must be refused or followed.
Needs torch, transformers and gguf; without them it is skipped."""
import argparse, copy, dataclasses, json, os, shutil, sys, tempfile
from pathlib import Path

import check_families as families
from checking import check, default_seed, end
from check_families import FAMILIES, g, hf, np, torch, trace, value
import h5py

CLASSES = ("llama", "llama_yarn", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "minicpm3", "phi3", "smollm3", "olmo2", "gpt2",
           "gpt_neox", "qwen1", "baichuan2_7b", "baichuan2_13b", "minicpm")

HARMLESS = {  # in every family, as published or saved files have them
    "_name_or_path": "some/where", "architectures": ["AnyName"], "transformers_version": "4.31.0", "torch_dtype": "bfloat16", "use_cache": False,
    "initializer_range": 0.3, "bos_token_id": 3, "eos_token_id": [2, 5], "pad_token_id": 4, "attention_dropout": 0.2, "hidden_dropout": 0.1,
    "resid_pdrop": 0.3, "embd_pdrop": 0.3, "attn_pdrop": 0.3, "classifier_dropout": 0.1, "id2label": {"0": "A", "1": "B"},
    "label2id": {"A": 0, "B": 1}, "output_attentions": False, "output_hidden_states": False, "chunk_size_feed_forward": 0, "is_encoder_decoder": False,
    "problem_type": None, "task_specific_params": {"text-generation": {"max_length": 50}}, "tokenizer_class": "SomeTokenizer",
    "gradient_checkpointing": False, "auto_map": {"AutoConfig": "x.Y"}, "do_sample": True, "max_length": 20, "temperature": 0.7, "top_p": 0.9,
    "top_k": 50, "repetition_penalty": 1.1, "num_beams": 1, "unsloth_version": "2025.1", "quantization_config": None,
    "_attn_implementation_autoset": True, "_num_labels": 1, "output_past": True, "custom_pipelines": {"text-generation": {"impl": "x.Y"}}}

PUBLISHED = {  # of one family only
    "llama": {"pretraining_tp": 2, "rope_interleaved": False, "max_sequence_length": 2048, "is_llama_config": True},
    "qwen2": {"use_mrope": False, "max_window_layers": 1},
    "gemma": {"hidden_activation": None}, "gemma2": {"cache_implementation": "hybrid", "hidden_act": "gelu_pytorch_tanh"},
    "gemma3_text": {"cache_implementation": "hybrid", "attn_logit_softcapping": None},
    "phi3": {"attention_bias": False, "full_attn_mod": 1, "interpolate_factor": 1, "lm_head_bias": False, "mlp_bias": False},
    "smollm3": {"max_window_layers": 28, "pretraining_tp": 2}, "olmo2": {"clip_qkv": None},
    "gpt2": {"n_ctx": 1024, "n_special": 0, "predict_special_tokens": True, "summary_type": "last", "reorder_and_upcast_attn": True},
    "gpt_neox": {}, "mistral": {},
    "qwen1": {"bf16": True, "fp16": True, "fp32": False, "use_flash_attn": True, "use_cache_quantization": False, "softmax_in_fp32": False,
              "attn_dropout_prob": 0.1, "emb_dropout_prob": 0.1, "onnx_safe": None},
    "baichuan2_7b": {"z_loss_weight": 0, "_from_model_config": True}, "baichuan2_13b": {"z_loss_weight": 0}, "minicpm": {"rope_scaling": None}}

OWN = {  # what changes the result of the families that transformers lacks: refused with the key, or not equal to the model before
    "qwen1": {"rotary_pct": 0.5, "no_bias": False, "scale_attn_weights": False, "rope_scaling": {"type": "linear", "factor": 2.0}, "hidden_act": "gelu"},
    "baichuan2_7b": {"hidden_act": "gelu", "rope_scaling": {"type": "linear", "factor": 2.0}, "attention_bias": True, "sliding_window": 3},
    "baichuan2_13b": {"hidden_act": "gelu", "sliding_window": 3},
    "minicpm": {"hidden_act": "gelu", "num_experts": 8, "attention_bias": True, "rope_scaling": {"type": "dynamic", "factor": 2.0, "x": 1},
                "sliding_window": 3, "is_causal": False}}

TOGETHER = {  # several keys at once, or forms of one that no single value above has; null: without the key
    "llama": [{"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 300.0}}}],
    "qwen2": [{"rope_parameters": {"rope_type": "yarn", "factor": 4.0}, "max_position_embeddings": None}],
    "qwen3": [{"rope_parameters": {"rope_type": "default", "rope_theta": 300.0, "partial_rotary_factor": 0.5}}],
    "gpt2": [{"rope_scaling": {"type": "dynamic", "factor": 4.0}}],
    "gemma2": [{"sliding_window_size": 3}],
    "gemma3_text": [{"rope_scaling": {"rope_type": "linear", "factor": 3.0}}, {"rope_parameters": {"rope_type": "default", "rope_theta": 300.0}}],
    "gpt_neox": [{"rope_parameters": None, "rope_theta": 300.0}, {"rope_parameters": None, "rotary_pct": 0.5, "rotary_emb_base": 300},
                 {"rope_parameters": None, "rope_theta": 300.0, "rope_scaling": {"rope_type": "linear", "factor": 2.0}}]}

FOREIGN = ("head_dim", "partial_rotary_factor", "rope_theta", "rope_scaling", "sliding_window", "layer_types", "attention_bias", "mlp_bias", "qkv_bias",
           "hidden_act", "hidden_activation", "activation_function", "is_causal", "use_bidirectional_attention", "attn_logit_softcapping",
           "final_logit_softcapping", "query_pre_attn_scalar", "no_rope_layers", "original_max_position_embeddings", "n_inner", "num_experts",
           "logit_scale", "clip_qkv", "qk_layernorm", "rope_local_base_freq", "sliding_window_pattern", "rotary_pct")

SHAPES = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "n_embd", "n_layer", "n_head", "model_type", "rope_parameters",
          "dtype", "max_position_embeddings", "n_positions", "return_dict", "id2label", "label2id", "architectures",
          "tie_word_embeddings")     # from_pretrained unties where the file has a head of its own; truth() below does not


def values(key, old, layers):
    """What to try for a key that has this value."""
    special = {"hidden_act": ["gelu", "relu", "relu2", "no_such"], "hidden_activation": ["relu", "gelu"], "activation_function": ["gelu", "relu", "no_such"],
               "layer_types": [["full_attention"] * layers, ["sliding_attention"] * layers, ["chunked_attention"] * layers],
               "no_rope_layers": [[0] * layers, [1] * layers], "is_causal": [False], "sliding_window": [3, None], "sliding_window_pattern": [1, 2],
               "rope_scaling": [{"rope_type": "linear", "factor": 3.0}, {"type": "linear", "factor": 3.0}, {"rope_type": "no_such", "factor": 3.0},
                                {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}]}
    if key in special: return special[key]
    if isinstance(old, bool): return [not old]
    if isinstance(old, int): return [old + 1, 3]
    if isinstance(old, float): return [old + 0.5, 0.1]
    if isinstance(old, str): return ["something"]
    return [True, 3, 0.3]


class Subject:
    """A model, its folder, and the logits of one prompt under any config."""

    def __init__(self, name, seed, root):
        self.name, self.root, self.folder = name, root, root / name
        rng = g.family_rng(seed, name)
        self.spec = spec = FAMILIES[name](rng)
        spec.legacy = None
        model = g.build(spec)
        g.randomize(model, rng, spec.gemma, embed_std=0.1)
        if hasattr(model, "tie_weights"): model.tie_weights()
        self.state = g.weights_of(model)
        self.ids = rng.integers(3, value(spec.config, "vocab_size"), 40)
        self.folder.mkdir(parents=True)
        if spec.cls is g.OwnDecoder: model.save(self.folder, torch.float32)
        else:
            model.config.architectures = [spec.cls.__name__]
            model.save_pretrained(self.folder)
        self.config = json.loads((self.folder / "config.json").read_text())
        self.layers = value(spec.config, "num_hidden_layers")
        self.plain = self.truth(self.config)

    def truth(self, config):
        """Logits, or None where transformers fails."""
        try:
            made = config if self.spec.cls is g.OwnDecoder else type(self.spec.config).from_dict(copy.deepcopy(config))
            model = g.build(self.spec, made, self.state)
            return g.step(model, self.ids, g.new_cache(model)).numpy()
        except Exception:
            return None

    def program(self, program, config):
        """(logits or None, message)."""
        folder = self.root / "changed"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for p in self.folder.glob("*.safetensors*"): os.link(p, folder / p.name)
        (folder / "config.json").write_text(json.dumps(config))
        path = self.root / "trace.h5"
        path.unlink(missing_ok=True)
        run = trace(program, folder, self.ids, 0, path)
        if run.returncode: return None, run.stderr.strip()
        with h5py.File(path) as h5: return h5["logits"][:], ""


def changed(subject, key, v):
    config = copy.deepcopy(subject.config)
    config[key] = v
    # a legacy key counts where the modern one is not there
    if key in ("rope_theta", "rope_scaling", "rotary_pct", "rotary_emb_base", "rope_local_base_freq", "partial_rotary_factor") and subject.spec.cls is not g.OwnDecoder:
        config.pop("rope_parameters", None)
    if key in ("sliding_window_pattern", "max_window_layers", "use_sliding_window", "no_rope_layer_interval", "no_rope_layers"):
        config.pop("layer_types", None)
    if key == "no_rope_layer_interval": config.pop("no_rope_layers", None)
    if key == "use_sliding_window": config["sliding_window"] = 3
    return config


def near(a, b):
    return a.shape == b.shape and np.abs(a.astype(np.float64) - b).max() < 2e-4


def hold_key(program, subject, key, v):
    hold_config(program, subject, changed(subject, key, v), key, v)


def hold_config(program, subject, config, key, v):
    want = subject.truth(config)
    got, message = subject.program(program, config)
    label = (subject.name, f"{key} = {json.dumps(v)}:")
    if got is None:
        base_key = "rope" if key.startswith("rope") else key
        named = any(word in message for word in (base_key, "tensor", "heads", "rotary", "weight", "number of", "rows"))
        check(named and message.count("\n") == 0, *label, "refused without naming it:", message[-200:])
    elif want is not None:
        check(near(got, want), *label, "neither followed nor refused: differs by", np.abs(got - want).max() if got.shape == want.shape else "shape",
              "the plain model by", np.abs(got - subject.plain).max() if got.shape == subject.plain.shape else "shape")
    else:
        # transformers fails on it: running as if it was not there is what must not be, unless the value says nothing
        check(key in ("tie_word_embeddings",) or v in (None, False) or not near(got, subject.plain) or key not in subject.config,
              *label, "transformers fails, the program runs as if nothing was")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=default_seed(2))
    parser.add_argument("--family", action="append", default=[], choices=CLASSES)
    args = parser.parse_args()
    program = os.path.abspath(args.program)
    for name in args.family or CLASSES:
        with tempfile.TemporaryDirectory() as work:
            subject = Subject(name, args.seed, Path(work))
            got, message = subject.program(program, subject.config)
            if not check(got is not None and near(got, subject.plain), name, "seed", args.seed, "as it is:", message[-300:]): continue
            for key, v in {**HARMLESS, **PUBLISHED.get(name.split("_yarn")[0], {})}.items():
                if key == "architectures" and subject.spec.cls is g.OwnDecoder: continue
                got, message = subject.program(program, changed(subject, key, v))
                check(got is not None and near(got, subject.plain), name, f"harmless {key} = {json.dumps(v)}:", message[-200:])
            if name == "minicpm":           # published without
                got, message = subject.program(program, {k: v for k, v in subject.config.items() if k != "model_type"})
                check(got is not None and near(got, subject.plain), name, "no model_type:", message[-200:])
            for changes in TOGETHER.get(name, ()):
                config = {k: v for k, v in {**copy.deepcopy(subject.config), **changes}.items() if v is not None or k not in changes}
                hold_config(program, subject, config, next(k for k in changes if changes[k] is not None), changes)
            if subject.spec.cls is g.OwnDecoder:
                for key, v in OWN[name].items():
                    got, message = subject.program(program, changed(subject, key, v))
                    check(key in message if got is None else not near(got, subject.plain), name, f"{key} = {json.dumps(v)}:", message[-200:] or "ignored")
                continue
            for key in sorted(set(subject.config) | set(FOREIGN) | {f.name for f in dataclasses.fields(type(subject.spec.config))}):
                if key in SHAPES or key in HARMLESS or key.startswith(("_", "summary_")): continue
                for v in values(key, subject.config.get(key), subject.layers):
                    if name == "gemma3_text" and isinstance(v, dict) and "rope_type" not in v: continue    # the reference ignores "type"
                    if key == "rope_theta" and v == 0.3: continue       # frequencies above 1: the reference's float32 angles are noise
                    hold_key(program, subject, key, v)
    end()


if __name__ == "__main__":
    main()
