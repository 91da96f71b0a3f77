"""`evoke trace` on GGUF files of every family against transformers on the Hugging Face folder that they were made from.

    python check_gguf_families.py PROGRAM [--seeds N] [--first S] [--family F]... [--keep DIR]

Fresh models as in check_families.py, written by gguf_writer.py as llama.cpp's converter writes them, in F32, F16, BF16 or Q8_0. What
the format cannot say is drawn so that the file means the same model (see plain()). The reference of a file that rounds its weights
is transformers with the rounded weights. Needs torch, transformers and gguf; without them it is skipped."""
import argparse, os, shutil, sys, tempfile, time
from pathlib import Path

import check_families as families
from checking import check, counts, default_seed, end
from check_families import FAMILIES, g, hf, hold, np, pick, torch, trace, value
import gguf, gguf_writer

FOREIGN = {"expert_count": 8, "logit_scale": 2, "attention.clamp_kqv": 8, "attention.scale": 0.3, "final_logit_softcapping": 30,
           "attn_logit_softcapping": 50, "residual_scale": 0.2, "embedding_scale": 12, "attention.sliding_window": 3, "rope.scaling.alpha": 1000,
           "rope.scaling.yarn_log_multiplier": 0.1, "rope.scaling.yarn_ext_factor": 0.5}     # that change the result in other architectures
KINDS = ("f32", "f16", "bf16", "q8_0")


def plain(config):
    """Changes a drawn config to one that a GGUF file of its architecture can express."""
    if isinstance(config, dict):
        return
    kind, layers = config.model_type, value(config, "num_hidden_layers")
    if kind in ("llama", "mistral", "smollm3", "qwen2", "qwen3", "olmo2", "phi3", "minicpm3"): config.hidden_act = "silu"
    if kind in ("mistral", "qwen2", "qwen3", "smollm3") and hasattr(config, "sliding_window"): config.sliding_window = None
    if kind in ("qwen2", "qwen3", "smollm3"):
        config.use_sliding_window, config.layer_types = False, ["full_attention"] * layers
    if kind == "smollm3":
        config.no_rope_layer_interval = 4
        config.no_rope_layers = [int((i + 1) % 4 != 0) for i in range(layers)]
    if kind == "gemma": config.rope_parameters["rope_theta"] = 10000.0
    if kind == "gemma2":
        config.rope_parameters["rope_theta"] = 10000.0
        config.layer_types = ["full_attention" if i % 2 else "sliding_attention" for i in range(layers)]
        config.attn_logit_softcapping = config.attn_logit_softcapping or 50.0
        config.final_logit_softcapping = config.final_logit_softcapping or 30.0
        config.hidden_activation = "gelu_pytorch_tanh"
    if kind == "gemma3_text": config.layer_types = ["sliding_attention" if (i + 1) % 6 else "full_attention" for i in range(layers)]
    if kind in ("gemma", "gemma2"): config.tie_word_embeddings = True
    if kind in ("gemma2", "gemma3_text"): config.query_pre_attn_scalar = config.head_dim
    if kind == "minicpm3":
        config.scale_emb, config.scale_depth, config.dim_model_base = 12, 1.4, 256
        config.rope_parameters["rope_theta"] = 10000.0
        if "original_max_position_embeddings" in config.rope_parameters:      # short factors, and no attention factor
            for k in ("factor", "attention_factor"): config.rope_parameters.pop(k, None)
            config.rope_parameters["original_max_position_embeddings"] = config.max_position_embeddings
    if kind == "phi3":
        for k in ("factor", "attention_factor"): config.rope_parameters.pop(k, None)
    if config.rope_parameters if hasattr(config, "rope_parameters") else False:
        for k in ("mscale", "mscale_all_dim", "truncate"): config.rope_parameters.pop(k, None)
    if kind == "gpt2":
        config.activation_function, config.scale_attn_weights, config.scale_attn_by_inverse_layer_idx = "gelu_new", True, False
    if kind == "gpt_neox":
        config.hidden_act, config.attention_bias = "gelu", True
        config.rope_parameters["rope_theta"] = 10000.0


class Rounded(families.Reference):
    """The reference with the weights of the GGUF file. Rounding is by rows, which the writer permutes but never mixes."""

    def __init__(self, name, seed, folder, path):
        self.name, self.path = name, path
        self.folder = folder
        super().__init__(self.spec_of, seed, "gguf/" + name, folder)

    def spec_of(self, rng):
        spec = FAMILIES[self.name](rng)
        plain(spec.config)
        spec.legacy = None
        self.kind = pick(rng, *KINDS)
        return spec

    def stored(self, state):
        """Writes the GGUF file from the folder and rounds the weights as it does."""
        gguf_writer.write(self.folder, self.path, self.kind)
        return rounded_state(state, self.kind, self.name.startswith("gpt2"))


def rounded_state(state, kind, gpt2):
    """The weights as a GGUF file of this kind holds them."""
    def one(key, w):
        if kind == "f32" or w.ndim < 2 or "norm" in key or "ln_" in key or key.endswith("wpe.weight"):
            return w
        return torch.as_tensor(rounded(w.numpy(), kind, gpt2 and (".attn.c_" in key or ".mlp.c_" in key)))
    return {key: one(key, w) for key, w in state.items()}


def rounded(w, kind, transposed=False):
    """[out, in] through the block type and back; GPT-2 keeps [in, out] where the modules are Conv1D."""
    wanted = gguf.GGMLQuantizationType[gguf_writer.KINDS[kind]]
    data = np.ascontiguousarray(w.T if transposed else w, dtype=np.float32)
    try:
        packed = gguf.quantize(data, wanted)
    except gguf.QuantError:
        wanted = gguf.GGMLQuantizationType.F16
        packed = gguf.quantize(data, wanted)
    back = gguf.dequantize(packed, wanted).astype(np.float32).reshape(data.shape)
    return np.ascontiguousarray(back.T if transposed else back)


def hold_foreign(program, folder, path, work):
    """A key of another architecture is an error that names it."""
    hold_refused(program, folder, path, work, FOREIGN)


def hold_refused(program, folder, path, work, keys):
    for key, v in keys.items():
        gguf_writer.write(folder, path, more=[(key, v)])
        run = trace(program, path, [1, 2, 3], 0, Path(work) / "foreign.h5")
        check(run.returncode == 1 and key in run.stderr and run.stderr.count("\n") == 1, path.name, key, "=", v, run.stderr.strip()[-200:] or "ignored")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=None)
    parser.add_argument("--family", action="append", default=[])
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    skip = ("llama_act", "llama_dynamic", "qwen2_window", "qwen2_layer_types", "qwen3_window", "gemma2_layer_types", "smollm3_layers",
            "smollm3_window", "gpt2_scale", "gpt2_act", "gpt_neox_act", "baichuan2_13b")
    names = [n for n in FAMILIES if n not in skip and (not args.family or any(n == f or (f[-1] == "*" and n.startswith(f[:-1])) for f in args.family))]
    first = default_seed(2) if args.first is None else args.first
    program = os.path.abspath(args.program)
    with tempfile.TemporaryDirectory() as work:
        for seed in range(first, first + args.seeds):
            for name in names:
                root = args.keep or Path(work)
                folder, path = root / f"{name}-{seed}", root / f"{name}-{seed}.gguf"
                shutil.rmtree(folder, ignore_errors=True)
                started, before = time.time(), counts["failed"]
                try:
                    reference = Rounded(name, seed, folder, path)
                except Exception as e:
                    check(False, name, "seed", seed, "the reference itself failed:", repr(e)[:400])
                    continue
                hold(program, path, reference, f"gguf {name} seed {seed} ({reference.kind})", work)
                if name in ("llama", "qwen3", "olmo2") and seed == first: hold_foreign(program, folder, path, work)
                if name == "gemma2":        # windows by layers, but no flags
                    hold_refused(program, folder, path, work, {"attention.sliding_window_pattern": [1.0] * reference.n_layers})
                if os.environ.get("EVOKE_VERBOSE"):
                    print(f"{name} {seed} {reference.kind}: {'ok' if counts['failed'] == before else 'FAILED'} {time.time() - started:.1f} s", flush=True)
                if not args.keep:
                    shutil.rmtree(folder, ignore_errors=True)
                    path.unlink(missing_ok=True)
    end()


if __name__ == "__main__":
    main()
