"""`evoke trace` on Hugging Face folders of every decoder family against transformers, on models that nobody has tuned to.

    python check_families.py PROGRAM [--seeds N] [--first S] [--family F]... [--keep DIR] [--list]

A family here is a model_type with one kind of setting. Shapes, seeds, head sizes, biases, rope settings, stored types, shards and
the form of config.json (as transformers 5 writes it, or as published files have it) are drawn from the seed. Every hook point of
prompts of 1, 7, 33 and 48 ids, and of 290 where nothing in the config hangs on a shorter context, must be within max(1e-5, 10 times
the reference's own float32 error, measured against float64), and the greedy ids equal as long as the two best logits are 1e-3 apart.
The reference reads the very config.json that evoke reads.

Needs torch, transformers and gguf (3 GB: `pip install torch transformers gguf`); without them it is skipped."""
import argparse, json, os, shutil, subprocess, sys, tempfile, time
from pathlib import Path
from checking import check, counts, default_seed, end, skip


try:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "golden"))
    import h5py, numpy as np, torch
    import make_golden as g
    from make_golden import base, hf, pick, rope
except ImportError as e:
    skip(f"families on fresh models: {e}")
    end()

from types import SimpleNamespace

LENGTHS = (1, 7, 33, 48)
LONG = 290             # ids: more than two of the blocks that attention takes keys by
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


# ---- shapes, and the settings of each family

def coin(rng, p=0.5):
    return bool(rng.random() < p)


# What sizes are drawn from: make_families.py puts smaller ones here.
SIZES = {"heads": (1, 2, 3, 4, 5, 6, 8), "head_dim": (8, 12, 14, 16, 20, 24, 28, 32), "head_share": (5, 25), "d_ff": (40, 160),
         "layers": (2, 6), "vocab": (90, 480)}


def shape(rng, gqa=True, own_head_dim=False):
    """Sizes that divide by little; d_model is heads * head_dim, or another multiple of heads where head_dim is a key."""
    heads = pick(rng, *SIZES["heads"])
    head_dim = pick(rng, *SIZES["head_dim"])
    d = heads * head_dim
    if own_head_dim and coin(rng, 0.7):
        d = heads * int(rng.integers(*SIZES["head_share"]))
    kv = pick(rng, *[k for k in range(1, heads + 1) if heads % k == 0]) if gqa else heads
    return SimpleNamespace(heads=heads, head_dim=head_dim, d=d, kv=kv, d_ff=int(rng.integers(*SIZES["d_ff"])),
                           L=int(rng.integers(*SIZES["layers"])), V=int(rng.integers(*SIZES["vocab"])),
                           eps=pick(rng, 1e-6, 1e-5, 5e-4, 2e-3), theta=pick(rng, 500.0, 10000.0, 31234.5, 500000.0))


def head_key(s):
    return {"head_dim": s.head_dim} if s.heads * s.head_dim != s.d else {}


def yarn(rng, theta):
    r = rope(theta, "yarn", factor=pick(rng, 2.0, 4.0, 7.5), original_max_position_embeddings=pick(rng, 16, 64, 1024))
    if coin(rng): r |= {"beta_fast": pick(rng, 4.0, 24.0), "beta_slow": pick(rng, 0.5, 2.0)}
    if coin(rng, 0.4): r["attention_factor"] = pick(rng, 0.8, 1.3)
    elif coin(rng, 0.4): r |= {"mscale": pick(rng, 0.7, 1.0), "mscale_all_dim": pick(rng, 0.5, 1.2)}
    if coin(rng, 0.3): r["truncate"] = False
    return r


def llama3(rng, theta):
    return rope(theta, "llama3", factor=pick(rng, 8.0, 3.0), low_freq_factor=pick(rng, 1.0, 0.7), high_freq_factor=pick(rng, 4.0, 9.0),
                original_max_position_embeddings=pick(rng, 16, 40, 512))


def longrope(rng, dim, theta):
    r = rope(theta, "longrope", short_factor=[round(float(x), 4) for x in np.sort(rng.uniform(1.0, 1.7, dim // 2))],
             long_factor=[round(float(x), 4) for x in np.sort(rng.uniform(1.2, 6.0, dim // 2))], original_max_position_embeddings=24)
    if coin(rng, 0.3): r["factor"] = pick(rng, 2.0, 0.9)
    if coin(rng, 0.3): r["attention_factor"] = pick(rng, 0.9, 1.2)
    return r


def llama(rng, params=None, **extra):
    s = shape(rng, own_head_dim=True)
    c = base(s, rope_parameters=params(rng, s.theta) if params else rope(s.theta), attention_bias=coin(rng), mlp_bias=coin(rng),
             tie_word_embeddings=coin(rng), **head_key(s)) | extra
    return g.Spec(hf.LlamaConfig(**c), hf.LlamaForCausalLM, g.llama_sites, legacy=g.legacy_rope)


def llama_linear(rng): return llama(rng, lambda r, t: rope(t, "linear", factor=pick(r, 2.0, 3.5)))
def llama_dynamic(rng): return llama(rng, lambda r, t: rope(t, "dynamic", factor=pick(r, 2.0, 3.0)), max_position_embeddings=24)
def llama_yarn(rng): return llama(rng, yarn)
def llama_llama3(rng): return llama(rng, llama3)
def llama_act(rng): return llama(rng, hidden_act=pick(rng, "gelu", "gelu_pytorch_tanh", "relu", "gelu_new", "swish", "quick_gelu"))


def mistral(rng, params=None):
    s = shape(rng, own_head_dim=True)
    c = base(s, rope_parameters=params(rng, s.theta) if params else rope(s.theta), sliding_window=pick(rng, None, 2, 5, 11, 4096),     # of 1, the reference's cache keeps every key
             tie_word_embeddings=coin(rng), **head_key(s))
    return g.Spec(hf.MistralConfig(**c), hf.MistralForCausalLM, g.llama_sites, legacy=g.legacy_rope)


def mistral_yarn(rng): return mistral(rng, yarn)


def legacy_window(c):
    return g.legacy_rope({k: v for k, v in c.items() if k != "layer_types"})


def qwen2(rng, family="Qwen2", params=None, **window):
    s = shape(rng, own_head_dim=True)
    keys = {"attention_bias": coin(rng)} if family == "Qwen3" else {}
    keys["head_dim" if family == "Qwen3" else "rms_norm_eps"] = s.head_dim if family == "Qwen3" else s.eps
    if family == "Qwen2": s.d = s.heads * s.head_dim
    c = base(s, rope_parameters=params(rng, s.theta) if params else rope(s.theta), tie_word_embeddings=coin(rng)) | keys | window
    if coin(rng) and not window: c |= {"sliding_window": 6, "max_window_layers": 1, "use_sliding_window": False}
    sites = g.llama_sites
    return g.Spec(getattr(hf, family + "Config")(**c), getattr(hf, family + "ForCausalLM"), sites,
                  legacy=g.legacy_rope if window.get("layer_types") else legacy_window)


def switched_on(rng):
    return {"use_sliding_window": True, "sliding_window": pick(rng, 3, 9, 17), "max_window_layers": pick(rng, 0, 1, 2)}


def kinds_of(rng, spec_function, family):
    """Explicit layer_types, which win over max_window_layers."""
    state = rng.bit_generator.state
    n = spec_function(rng, family, **switched_on(rng)).config.num_hidden_layers
    rng.bit_generator.state = state
    window = switched_on(rng)
    spec = spec_function(rng, family, **window)
    spec.config.layer_types = [pick(rng, "full_attention", "sliding_attention") for _ in range(n)]
    spec.legacy = g.legacy_rope
    return spec


def qwen2_window(rng): return qwen2(rng, **switched_on(rng))
def qwen2_layer_types(rng): return kinds_of(rng, qwen2, "Qwen2")
def qwen2_yarn(rng): return qwen2(rng, params=yarn)
def qwen3(rng): return qwen2(rng, "Qwen3")
def qwen3_window(rng): return qwen2(rng, "Qwen3", **switched_on(rng))
def qwen3_yarn(rng): return qwen2(rng, "Qwen3", params=yarn)


def gemma(rng):
    s = shape(rng, own_head_dim=True)
    c = base(s, head_dim=s.head_dim, rope_parameters=rope(s.theta), attention_bias=coin(rng, 0.3),
             hidden_act=pick(rng, "gelu", "gelu_pytorch_tanh"), tie_word_embeddings=coin(rng, 0.8))
    return g.Spec(hf.GemmaConfig(**c), hf.GemmaForCausalLM, g.llama_sites, legacy=g.legacy_gemma, gemma=True)


def gemma2(rng):
    s = shape(rng, own_head_dim=True)
    c = base(s, head_dim=s.head_dim, query_pre_attn_scalar=pick(rng, 13, 40, 256), sliding_window=pick(rng, 4, 12, 4096),
             attn_logit_softcapping=pick(rng, 2.0, 50.0, None), final_logit_softcapping=pick(rng, 3.0, 30.0, None),
             rope_parameters=rope(s.theta), attention_bias=coin(rng, 0.3), tie_word_embeddings=coin(rng, 0.8),
             hidden_activation=pick(rng, "gelu_pytorch_tanh", "gelu_pytorch_tanh", "gelu"))
    return g.Spec(hf.Gemma2Config(**c), hf.Gemma2ForCausalLM, g.post_norm_sites, legacy=g.legacy_gemma2, gemma=True)


def gemma2_layer_types(rng):
    spec = gemma2(rng)
    spec.config.layer_types = [pick(rng, "full_attention", "sliding_attention") for _ in spec.config.layer_types]
    spec.legacy = g.legacy_rope
    return spec


def gemma3_text(rng):
    s = shape(rng, own_head_dim=True)
    period = pick(rng, 2, 3, 6)
    kinds = ["sliding_attention" if (i + 1) % period else "full_attention" for i in range(s.L)]
    whole = pick(rng, rope(30000.0), rope(1000000.0, "linear", factor=8.0), rope(s.theta, "linear", factor=2.5))
    c = base(s, head_dim=s.head_dim, query_pre_attn_scalar=pick(rng, 13, 40, 256), sliding_window=pick(rng, 4, 12, 512),
             layer_types=kinds, sliding_window_pattern=period, attention_bias=coin(rng, 0.3), tie_word_embeddings=coin(rng, 0.8),
             rope_parameters={"full_attention": whole, "sliding_attention": rope(pick(rng, 300.0, 10000.0))},
             final_logit_softcapping=pick(rng, None, None, 4.0))

    def legacy(c):
        out = g.legacy_gemma3({**c, "layer_types": kinds + ["full_attention"]}) | {"sliding_window_pattern": period}
        if out["rope_scaling"].get("rope_type") == "default": out["rope_scaling"] = None
        return out
    return g.Spec(hf.Gemma3TextConfig(**c), hf.Gemma3ForCausalLM, g.post_norm_sites, legacy=legacy, gemma=True)


def minicpm(rng):
    spec = g.minicpm(rng)
    s = shape(rng)
    spec.config |= dict(vocab_size=s.V, hidden_size=s.d, intermediate_size=s.d_ff, num_hidden_layers=s.L, num_attention_heads=s.heads,
                        num_key_value_heads=s.kv, rms_norm_eps=s.eps, tie_word_embeddings=coin(rng),
                        scale_emb=pick(rng, 3, 12), scale_depth=pick(rng, 1.4, 0.9), dim_model_base=pick(rng, 20, 40, 256))
    if coin(rng): spec.config["rope_theta"] = s.theta
    return spec


def minicpm3(rng, params=None):
    s = shape(rng, gqa=False)
    width = pick(rng, 4, 10, 12, 16)
    c = base(s, q_lora_rank=int(rng.integers(10, 40)), kv_lora_rank=int(rng.integers(8, 30)), qk_nope_head_dim=pick(rng, 6, 8, 10, 20),
             qk_rope_head_dim=width, v_head_dim=pick(rng, 7, 12, 18), scale_emb=pick(rng, 3, 5, 12), scale_depth=pick(rng, 1.4, 0.9),
             dim_model_base=pick(rng, 20, 40, 256), attention_bias=coin(rng, 0.3), tie_word_embeddings=coin(rng),
             rope_parameters=params(rng, width, s.theta) if params else rope(s.theta))
    return g.Spec(hf.MiniCPM3Config(**c), hf.MiniCPM3ForCausalLM, g.minicpm3_sites, legacy=g.legacy_rope)


def minicpm3_longrope(rng): return minicpm3(rng, longrope)


def phi3(rng, params=None, part=1.0):
    s = shape(rng)
    while int(s.head_dim * part) % 2: s = shape(rng)
    rotary = int(s.head_dim * part)
    r = params(rng, rotary, s.theta) if params else rope(s.theta)
    original = {"original_max_position_embeddings": 24} if params else {}
    c = base(s, rope_parameters=r | {"partial_rotary_factor": part}, sliding_window=pick(rng, None, 7, 12, 2047),
             tie_word_embeddings=coin(rng), **original)

    def legacy(c):
        out = g.legacy_phi3_longrope(c) if params else g.legacy_rope(c)
        if params:
            kept = {k: v for k, v in c["rope_parameters"].items() if k in ("factor", "attention_factor")}
            out["rope_scaling"] |= kept
        return out | ({"partial_rotary_factor": part} if part != 1.0 else {})
    return g.Spec(hf.Phi3Config(**c), hf.Phi3ForCausalLM, g.llama_sites, legacy=legacy)


def phi3_longrope(rng): return phi3(rng, longrope)
def phi3_partial(rng): return phi3(rng, None, pick(rng, 0.5, 0.75))
def phi4_mini(rng): return phi3(rng, longrope, 0.75)


def smollm3(rng, params=None, **extra):
    s = shape(rng)
    s.L += 2                                # every fourth layer is the odd one
    c = base(s, rope_parameters=params(rng, s.theta) if params else rope(s.theta), attention_bias=coin(rng), mlp_bias=coin(rng, 0.3),
             tie_word_embeddings=coin(rng)) | extra
    if "no_rope_layers" in c: c["no_rope_layers"] = [int(coin(rng)) for _ in range(s.L)]
    else: c["no_rope_layer_interval"] = pick(rng, 2, 3, 4)

    def legacy(c):
        c = g.legacy_rope(c)
        if "no_rope_layers" not in extra: c.pop("no_rope_layers")
        c.pop("layer_types")
        return c
    return g.Spec(hf.SmolLM3Config(**c), hf.SmolLM3ForCausalLM, g.llama_sites, legacy=legacy)


def smollm3_layers(rng): return smollm3(rng, no_rope_layers=None)
def smollm3_window(rng): return smollm3(rng, no_rope_layers=None, use_sliding_window=True, sliding_window=pick(rng, 4, 13))
def smollm3_yarn(rng): return smollm3(rng, yarn)


def olmo2(rng, params=None):
    s = shape(rng)
    c = base(s, rope_parameters=params(rng, s.theta) if params else rope(s.theta), attention_bias=coin(rng, 0.4),
             tie_word_embeddings=coin(rng))
    return g.Spec(hf.Olmo2Config(**c), hf.Olmo2ForCausalLM, g.post_norm_sites, legacy=g.legacy_rope)


def olmo2_yarn(rng): return olmo2(rng, yarn)


def gpt2(rng, **extra):
    s = shape(rng, gqa=False)
    c = dict(vocab_size=s.V, n_positions=64, n_embd=s.d, n_layer=s.L, n_head=s.heads, n_inner=pick(rng, None, s.d_ff),
             layer_norm_epsilon=s.eps, bos_token_id=1, eos_token_id=1, tie_word_embeddings=coin(rng, 0.8)) | extra

    def legacy(c):   # as the published file, whose names have no prefix; see save()
        return {**{k: v for k, v in c.items() if k != "dtype"}, "n_ctx": 64, "torch_dtype": c.get("dtype", "float32"),
                "task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}}}
    return g.Spec(hf.GPT2Config(**c), hf.GPT2LMHeadModel, g.gpt2_sites, legacy=legacy)


def gpt2_scale(rng):
    return gpt2(rng, **pick(rng, {"scale_attn_weights": False}, {"scale_attn_by_inverse_layer_idx": True},
                            {"scale_attn_weights": False, "scale_attn_by_inverse_layer_idx": True}))


def gpt2_act(rng): return gpt2(rng, activation_function=pick(rng, "gelu", "relu", "gelu_fast", "silu", "gelu_pytorch_tanh", "quick_gelu"))


def gpt_neox(rng, parallel=True, **extra):
    s = shape(rng, gqa=False)
    part = pick(rng, 0.25, 0.5, 1.0)
    while int(s.head_dim * part) % 2: part *= 2
    c = base(s, layer_norm_eps=s.eps, use_parallel_residual=parallel, rope_parameters=rope(s.theta, partial_rotary_factor=part),
             attention_bias=coin(rng, 0.6), tie_word_embeddings=coin(rng, 0.2), hidden_act="gelu") | extra
    del c["num_key_value_heads"], c["rms_norm_eps"]
    return g.Spec(hf.GPTNeoXConfig(**c), hf.GPTNeoXForCausalLM, g.gpt_neox_sites, legacy=g.legacy_gpt_neox)


def gpt_neox_seq(rng): return gpt_neox(rng, False)
def gpt_neox_act(rng): return gpt_neox(rng, coin(rng), hidden_act=pick(rng, "gelu_fast", "gelu_new", "relu", "silu"))


def own_shape(spec, rng, **extra):
    s = shape(rng, gqa=False)
    spec.config |= dict(vocab_size=s.V, hidden_size=s.d, num_hidden_layers=s.L, num_attention_heads=s.heads) | extra
    return spec, s


def qwen1(rng):
    spec, s = own_shape(g.qwen1(rng), rng)
    spec.config |= dict(kv_channels=s.head_dim, intermediate_size=2 * s.d_ff, rotary_emb_base=s.theta, layer_norm_epsilon=s.eps)
    return spec


def baichuan2_7b(rng, make=None):
    spec, s = own_shape((make or g.baichuan2_7b)(rng), rng)
    spec.config |= dict(intermediate_size=s.d_ff, rms_norm_eps=s.eps)
    return spec


def baichuan2_13b(rng): return baichuan2_7b(rng, g.baichuan2_13b)


FAMILIES = {f.__name__: f for f in (
    llama, llama_linear, llama_dynamic, llama_yarn, llama_llama3, llama_act, mistral, mistral_yarn, qwen2, qwen2_window,
    qwen2_layer_types, qwen2_yarn, qwen3, qwen3_window, qwen3_yarn, gemma, gemma2, gemma2_layer_types, gemma3_text, minicpm, minicpm3,
    minicpm3_longrope, phi3, phi3_longrope, phi3_partial, phi4_mini, smollm3, smollm3_layers, smollm3_window, smollm3_yarn, olmo2,
    olmo2_yarn, gpt2, gpt2_scale, gpt2_act, gpt_neox, gpt_neox_seq, gpt_neox_act, qwen1, baichuan2_7b, baichuan2_13b)}


# ---- one model: made, written, run by the reference

def value(config, key, otherwise=None):
    return config.get(key, otherwise) if isinstance(config, dict) else getattr(config, key, otherwise)


def save(model, spec, folder, rng):
    """Writes the folder as drawn; returns what was drawn, in words, and the config that the reference is to use."""
    dtype = pick(rng, *DTYPES)
    legacy, shards = spec.legacy is not None and coin(rng), coin(rng, 0.25)
    if spec.cls is g.OwnDecoder:
        model.save(folder, DTYPES[dtype])
        return f"{dtype}", spec.config
    saved = model.to(DTYPES[dtype])
    saved.config.architectures = [spec.cls.__name__]
    total = sum(w.numel() for w in saved.parameters()) * saved.dtype.itemsize
    saved.save_pretrained(folder, **({"max_shard_size": f"{max(total // 2500, 1)}KB"} if shards else {}))
    (folder / "generation_config.json").unlink(missing_ok=True)
    path = folder / "config.json"
    if legacy:
        path.write_text(json.dumps(spec.legacy(json.loads(path.read_text())), indent=2))
    weights = folder / "model.safetensors"
    if legacy and spec.cls is hf.GPT2LMHeadModel and weights.exists():
        state = {k.removeprefix("transformer."): v for k, v in g.load_file(weights).items()}
        g.save_file(state, weights, metadata={"format": "pt"})
    return f"{dtype}{', legacy config' if legacy else ''}{', shards' if shards else ''}", type(spec.config).from_pretrained(folder)


class Reference:
    """Every hook point of every prompt in float32, how far that is from float64, and a greedy continuation."""

    def __init__(self, spec, seed, family, folder):
        rng = g.family_rng(seed, family)
        self.spec = spec = spec(rng)
        folder.mkdir(parents=True, exist_ok=True)
        self.lengths = LENGTHS + ((LONG,) if lengthen(spec.config) else ())
        model = g.build(spec)
        tied = value(spec.config, "tie_word_embeddings")
        g.randomize(model, rng, spec.gemma, embed_std=(0.04 if value(spec.config, "scale_emb") else 0.09) if tied else 0.25)
        if hasattr(model, "tie_weights"): model.tie_weights()
        state = g.weights_of(model)
        self.form, config = save(model, spec, folder, rng)
        dtype = DTYPES[self.form.split(",")[0]]
        state = self.stored({k: v.to(dtype).float() for k, v in state.items()})
        model = g.build(spec, config, state)
        sites = spec.sites(model)
        self.n_layers, vocab = len(sites.layers), value(spec.config, "vocab_size")
        p7, self.generated, _ = g.choose_prompt(model, rng, vocab, 3)
        self.ids = {n: np.asarray(p7) if n == 7 else rng.integers(3, vocab, n) for n in self.lengths}
        _, _, rows = g.greedy(model, p7, len(self.generated))
        margins = [g.margin(r) for r in rows]
        self.n_sure = next((i for i, m in enumerate(margins) if m < 1e-3), len(margins))
        self.out = {n: g.trace(model, sites, ids) for n, ids in self.ids.items()}
        with g.double_precision():
            double = g.build(spec, config, state)
            exact = {n: g.trace(double, spec.sites(double), ids) for n, ids in self.ids.items()}
        self.bound = {site: max(1e-5, 10 * max((self.out[n][site].double() - exact[n][site]).abs().max().item() for n in self.lengths))
                      for site in self.out[7]}

    def stored(self, state):
        """The weights as the file under test holds them."""
        return state


def lengthen(config):
    """Room for a long prompt, where the drawn context is one that no other setting is reckoned from."""
    if (value(config, "rope_parameters") or {}).get("original_max_position_embeddings") in (64, 128): return False
    keys = [k for k in ("max_position_embeddings", "n_positions", "model_max_length", "seq_length") if value(config, k) in (64, 128)]
    for key in keys:
        if isinstance(config, dict): config[key] = 320
        else: setattr(config, key, 320)
    return bool(keys)


def first_difference(got, want, bound):
    """(hook point, layer, difference) where a forward pass first leaves the reference, in the order of the computation; or None."""
    def gap(site, layer=None):
        a, b = got[site][:], want[site].numpy()
        if a.shape != b.shape: return float("inf")
        if layer is not None: a, b = a[:, layer], b[:, layer]
        d = np.abs(a.astype(np.float64) - b).max()
        return d if d == d else float("inf")
    n_layers = want["resid_post"].shape[1]
    order = [("embed", None)] + [(s, l) for l in range(n_layers) for s in ("attn_proj", "attn_out", "mlp_proj", "mlp_out", "resid_post")]
    for site, layer in order + [("final_norm", None), ("logits", None)]:
        if site not in want or site not in got: continue
        d = gap(site, layer)
        if d > bound[site]: return site, layer, d
    return None


def trace(program, model, ids, n, path):
    return subprocess.run([program, "trace", "-m", str(model), "--ids", " ".join(map(str, ids)), "-n", str(n), "-o", str(path)],
                          capture_output=True, text=True, timeout=120)


def hold(program, model, reference, label, work):
    """Holds the program's result on a model file against a reference; one check a prompt, and the greedy ids."""
    for n in reference.lengths:
        path = Path(work) / "trace.h5"
        path.unlink(missing_ok=True)
        run = trace(program, model, reference.ids[n], len(reference.generated) if n == 7 else 0, path)
        if run.returncode:
            check(False, label, f"{n} ids:", run.stderr.strip()[-300:])
            return
        with h5py.File(path) as got:
            bad = first_difference(got, reference.out[n], reference.bound)
            check(bad is None, label, f"{n} ids: first at", *(bad or ()), "bound", bad and reference.bound[bad[0]])
            if n == 7:
                sure = reference.n_sure
                check(list(got["generated"][:sure]) == reference.generated[:sure], label, "greedy", list(got["generated"][:sure]),
                      reference.generated[:sure])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first", type=int, default=None, help="first seed; drawn by default")
    parser.add_argument("--family", action="append", default=[], help="a name of --list, or the beginning of names followed by *")
    parser.add_argument("--keep", type=Path, help="keep the models here")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    if args.list or not args.program:
        print("\n".join(FAMILIES))
        return
    names = [n for n in FAMILIES if not args.family or any(n == f or (f[-1] == "*" and n.startswith(f[:-1])) for f in args.family)]
    first = default_seed(2) if args.first is None else args.first
    program = os.path.abspath(args.program)
    with tempfile.TemporaryDirectory() as work:
        for seed in range(first, first + args.seeds):
            for name in names:
                folder = (args.keep or Path(work)) / f"{name}-{seed}"
                shutil.rmtree(folder, ignore_errors=True)
                started = time.time()
                try:
                    reference = Reference(FAMILIES[name], seed, name, folder)
                except Exception as e:
                    check(False, name, "seed", seed, "the reference itself failed:", repr(e)[:400])
                    continue
                before = counts["failed"]
                hold(program, folder, reference, f"{name} seed {seed} ({reference.form})", work)
                if os.environ.get("EVOKE_VERBOSE"):
                    print(f"{name} {seed} {reference.form}: {'ok' if counts['failed'] == before else 'FAILED'} {time.time() - started:.1f} s", flush=True)
                if not args.keep: shutil.rmtree(folder, ignore_errors=True)
    end()


if __name__ == "__main__":
    main()
