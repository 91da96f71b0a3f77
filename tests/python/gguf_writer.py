"""Writes a Hugging Face folder of one of the decoder families as the GGUF file that llama.cpp's converter makes of it, with the
`gguf` package: same keys, same tensors (see TENSORS and the functions at `ARCHES` for what each architecture does differently).

    python gguf_writer.py FOLDER OUT.gguf [f32|f16|bf16|q8_0]"""
import json, math, sys
from pathlib import Path

import gguf, numpy as np
from safetensors.numpy import load_file as load_numpy

CHATML = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
KINDS = {"f32": "F32", "f16": "F16", "bf16": "BF16", "q8_0": "Q8_0"}
FILE_TYPES = {"f32": "ALL_F32", "f16": "MOSTLY_F16", "bf16": "MOSTLY_BF16", "q8_0": "MOSTLY_Q8_0"}

# model_type -> (name of the architecture, whether converters permute the rows of q and k: weights, biases)
ARCHES = {"llama": ("llama", True, True), "mistral": ("llama", True, True), "smollm3": ("smollm3", True, True),
          "baichuan": ("baichuan", True, False), "minicpm": ("minicpm", True, False), "minicpm3": ("minicpm3", False, False),
          "qwen": ("qwen", False, False), "qwen2": ("qwen2", False, False), "qwen3": ("qwen3", False, False),
          "gemma": ("gemma", False, False), "gemma2": ("gemma2", False, False), "gemma3_text": ("gemma3", False, False),
          "phi3": ("phi3", False, False), "olmo2": ("olmo2", False, False), "gpt2": ("gpt2", False, False),
          "gpt_neox": ("gptneox", False, False)}


def load_tensors(folder):
    """name -> float32 array of every safetensors file of the folder."""
    try:
        import torch
        from safetensors.torch import load_file
        return {k: v.to(torch.float32).numpy() for p in sorted(Path(folder).glob("*.safetensors")) for k, v in load_file(p).items()}
    except ImportError:
        return {k: v.astype(np.float32) for p in sorted(Path(folder).glob("*.safetensors")) for k, v in load_numpy(p).items()}


def permute(w, heads):
    """Rows of a head: i and i + half side by side."""
    return w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def per_head_to_parts(w, heads):
    """GPT-NeoX: rows [head][q, k, v] to [q, k, v][head]."""
    return w.reshape(heads, 3, w.shape[0] // heads // 3, *w.shape[1:]).swapaxes(0, 1).reshape(w.shape)


class Model:
    def __init__(self, folder):
        self.c = json.loads((Path(folder) / "config.json").read_text())
        self.tensors = load_tensors(folder)
        self.kind = self.c["model_type"]
        self.arch, self.permuted, self.permuted_bias = ARCHES[self.kind]
        c = self.c
        self.layers = c.get("num_hidden_layers") or c["n_layer"]
        self.d = c.get("hidden_size") or c["n_embd"]
        self.heads = c.get("num_attention_heads") or c["n_head"]
        self.kv = c.get("num_key_value_heads") or self.heads
        self.rope = self.rope_parameters()

    def rope_parameters(self):
        """The global layers' parameters, in the modern form, whichever form the file has."""
        c = self.c
        r = dict(c.get("rope_parameters") or c.get("rope_scaling") or {})
        r = dict(r.get("full_attention", r))
        theta = next((c[k] for k in ("rope_theta", "rotary_emb_base") if c.get(k) is not None), None)
        if theta is not None: r.setdefault("rope_theta", theta)
        if "type" in r: r.setdefault("rope_type", r["type"])
        for k in ("partial_rotary_factor", "original_max_position_embeddings"):
            if c.get(k) is not None: r.setdefault(k, c[k])
        return r


def common(w, m):
    c, r = m.c, m.rope
    w.add_block_count(m.layers)
    length = next((c[k] for k in ("max_position_embeddings", "n_ctx", "n_positions", "model_max_length") if k in c), None)
    if length is not None: w.add_context_length(length)
    w.add_embedding_length(m.d)
    if c.get("intermediate_size") is not None: w.add_feed_forward_length(c["intermediate_size"])
    w.add_head_count(m.heads)
    if c.get("num_key_value_heads") is not None: w.add_head_count_kv(c["num_key_value_heads"])
    kind = r.get("rope_type")
    if kind == "linear":
        w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        w.add_rope_scaling_factor(r["factor"])
    elif kind == "yarn":
        w.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        w.add_rope_scaling_factor(r["factor"])
        w.add_rope_scaling_orig_ctx_len(r["original_max_position_embeddings"])
        for key, name in (("attention_factor", "yarn_attn_factor"), ("beta_fast", "yarn_beta_fast"), ("beta_slow", "yarn_beta_slow")):
            if r.get(key) is not None: w.add_float32(f"{m.arch}.rope.scaling.{name}", r[key])
    elif kind in ("longrope", "su"):
        w.add_rope_scaling_type(gguf.RopeScalingType.LONGROPE)
    if r.get("rope_theta") is not None: w.add_rope_freq_base(r["rope_theta"])
    local = ((c.get("rope_parameters") or {}).get("sliding_attention") or {}).get("rope_theta", c.get("rope_local_base_freq"))
    if local is not None: w.add_float32(f"{m.arch}.rope.freq_base_swa", local)
    if c.get("rms_norm_eps") is not None: w.add_layer_norm_rms_eps(c["rms_norm_eps"])
    eps = next((c[k] for k in ("layer_norm_eps", "layer_norm_epsilon") if k in c), None)
    if eps is not None: w.add_layer_norm_eps(eps)
    if c.get("head_dim") is not None:
        w.add_key_length(c["head_dim"])
        w.add_value_length(c["head_dim"])


def llama(w, m):
    common(w, m)
    w.add_vocab_size(m.c["vocab_size"])
    w.add_rope_dimension_count(m.c.get("head_dim") or m.d // m.heads)


def baichuan(w, m):
    common(w, m)
    w.add_tensor_data_layout("Meta AI original pth")
    w.add_rope_dimension_count(m.d // m.heads)


def gemma(w, m):
    c = m.c
    w.add_context_length(c["max_position_embeddings"])
    w.add_embedding_length(m.d)
    w.add_block_count(m.layers)
    w.add_feed_forward_length(c["intermediate_size"])
    w.add_head_count(m.heads)
    w.add_head_count_kv(m.kv)
    w.add_layer_norm_rms_eps(c["rms_norm_eps"])
    w.add_key_length(c["head_dim"])
    w.add_value_length(c["head_dim"])
    if m.arch == "gemma2":
        w.add_attn_logit_softcapping(c["attn_logit_softcapping"])
        w.add_final_logit_softcapping(c["final_logit_softcapping"])
        w.add_sliding_window(c["sliding_window"])


def gemma3(w, m):
    common(w, m)
    if m.c.get("final_logit_softcapping"): w.add_final_logit_softcapping(m.c["final_logit_softcapping"])
    if m.c.get("sliding_window_pattern") != 1: w.add_sliding_window(m.c["sliding_window"])


def minicpm(w, m):
    common(w, m)
    w.add_embedding_scale(float(m.c["scale_emb"]))
    w.add_residual_scale(m.c["scale_depth"] / m.layers ** 0.5)
    w.add_logit_scale(m.d / m.c["dim_model_base"])


def minicpm3(w, m):
    c = m.c
    w.add_context_length(c["max_position_embeddings"])
    w.add_embedding_length(m.d)
    w.add_block_count(m.layers)
    w.add_feed_forward_length(c["intermediate_size"])
    w.add_head_count(m.heads)
    w.add_head_count_kv(m.kv)
    w.add_layer_norm_rms_eps(c["rms_norm_eps"])
    w.add_vocab_size(c["vocab_size"])
    w.add_q_lora_rank(c["q_lora_rank"])
    w.add_kv_lora_rank(c["kv_lora_rank"])
    w.add_key_length(c["qk_nope_head_dim"] + c["qk_rope_head_dim"])
    w.add_rope_dimension_count(c["qk_rope_head_dim"])


def phi3(w, m):
    c, r = m.c, m.rope
    original = r["original_max_position_embeddings"]
    w.add_context_length(c["max_position_embeddings"])
    w.add_rope_scaling_orig_ctx_len(original)
    w.add_embedding_length(m.d)
    w.add_feed_forward_length(c["intermediate_size"])
    w.add_block_count(m.layers)
    w.add_head_count(m.heads)
    w.add_head_count_kv(m.kv)
    w.add_layer_norm_rms_eps(c["rms_norm_eps"])
    w.add_rope_dimension_count(int(r.get("partial_rotary_factor", 1.0) * m.d) // m.heads)
    w.add_rope_freq_base(r["rope_theta"])
    w.add_sliding_window(c.get("sliding_window") or 0)
    if r.get("long_factor"):
        scale = c["max_position_embeddings"] / original
        w.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(original)) if scale > 1.0 else 1.0)


def gpt2(w, m):
    w.add_block_count(m.layers)
    w.add_context_length(m.c.get("n_ctx", m.c.get("n_positions")))
    w.add_embedding_length(m.d)
    w.add_feed_forward_length(4 * m.d)
    w.add_head_count(m.heads)
    w.add_layer_norm_eps(m.c["layer_norm_epsilon"])


def gptneox(w, m):
    c = m.c
    part = c.get("rotary_pct", m.rope.get("partial_rotary_factor", 0.25))
    w.add_context_length(c["max_position_embeddings"])
    w.add_embedding_length(m.d)
    w.add_block_count(m.layers)
    w.add_feed_forward_length(c["intermediate_size"])
    w.add_rope_dimension_count(int(part * (m.d // m.heads)))
    w.add_head_count(m.heads)
    w.add_parallel_residual(c.get("use_parallel_residual", True))
    w.add_layer_norm_eps(c["layer_norm_eps"])


METADATA = {"llama": llama, "smollm3": llama, "baichuan": baichuan, "gemma": gemma, "gemma2": gemma, "gemma3": gemma3,
            "minicpm": minicpm, "minicpm3": minicpm3, "phi3": phi3, "gpt2": gpt2, "gptneox": gptneox}


def converted(m):
    """(name in the GGUF file, array) of every tensor."""
    names = gguf.get_tensor_name_map({v: k for k, v in gguf.MODEL_ARCH_NAMES.items()}[m.arch], m.layers)
    drop = ("lm_head.weight",) if m.arch in ("gemma", "gemma2") else ()
    for name, data in m.tensors.items():
        if name in drop or name.endswith((".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias",
                                          ".rotary_emb.inv_freq")):
            continue
        leaf = name.rsplit(".", 1)[1]
        if name.endswith("W_pack.weight"):
            layer = int(name.split(".layers.")[1].split(".")[0])
            q, k, v = np.split(data, 3)
            yield from ((f"blk.{layer}.attn_q.weight", permute(q, m.heads)), (f"blk.{layer}.attn_k.weight", permute(k, m.heads)),
                        (f"blk.{layer}.attn_v.weight", v))
            continue
        if (m.permuted if leaf == "weight" else m.permuted_bias):
            if ".q_proj." in name: data = permute(data, m.heads)
            if ".k_proj." in name: data = permute(data, m.kv)
        if m.arch == "gpt2" and name.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight")): data = data.T
        if m.arch == "gptneox" and ".query_key_value." in name: data = per_head_to_parts(data, m.heads)
        if m.arch.startswith("gemma") and name.endswith("norm.weight"): data = data + np.float32(1)
        yield names.get_name(name, try_suffixes=(".weight", ".bias")), data
    yield from extra(m)


def extra(m):
    r = m.rope
    if m.arch in ("llama", "smollm3") and r.get("rope_type") == "llama3":
        dim, theta = m.c.get("head_dim") or m.d // m.heads, r["rope_theta"]
        freqs = 1.0 / (theta ** (np.arange(0, dim, 2, dtype=np.float32) / np.float32(dim)))
        low, high = r["low_freq_factor"], r["high_freq_factor"]
        original, factors = r["original_max_position_embeddings"], []
        for freq in freqs:
            wave = 2 * math.pi / float(freq)
            if wave < original / high: factors.append(1.0)
            elif wave > original / low: factors.append(r["factor"])
            else:
                smooth = (original / wave - low) / (high - low)
                factors.append(1 / ((1 - smooth) / r["factor"] + smooth))
        yield "rope_freqs.weight", np.asarray(factors, dtype=np.float32)
    if m.arch in ("phi3", "minicpm", "minicpm3") and r.get("long_factor"):
        yield "rope_factors_long.weight", np.asarray(r["long_factor"], dtype=np.float32)
        yield "rope_factors_short.weight", np.asarray(r["short_factor"], dtype=np.float32)


def byte_tokens(n):
    """n tokens of a byte-level BPE: a merge and its parts, the other bytes as far as they go, common ones first; special ones."""
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    rest = [b for b in range(256) if b not in printable]
    symbols = {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(rest)}
    common = b"th aeiounsrlcdmpfgybvwkxqjz.,?!'ITAWHSBLNO\n"
    tokens = ["t", "h", "th"] + [symbols[b] for b in [*common[2:], *(b for b in symbols if b not in common)]]
    return (tokens + [f"<t{i}>" for i in range(257, n)])[:n]


def add_tokenizer(w, n):
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list(byte_tokens(n))
    w.add_token_types([gguf.TokenType.NORMAL] * min(257, n) + [gguf.TokenType.CONTROL] * max(0, n - 257))
    w.add_token_merges(["t h"])
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)


def write(folder, path, kind="f32", more=()):
    m = Model(folder)
    w = gguf.GGUFWriter(path, m.arch)
    w.add_type("model")
    w.add_name(Path(folder).name)
    METADATA.get(m.arch, common)(w, m)
    for key, value in more: (w.add_array if isinstance(value, list) else w.add_float32)(f"{m.arch}.{key}", value)
    if m.arch != "gptneox": w.add_file_type(gguf.LlamaFileType[FILE_TYPES[kind]])
    add_tokenizer(w, m.c["vocab_size"])
    for name, data in converted(m):
        kept = data.ndim < 2 or name.endswith("_norm.weight") or name == "position_embd.weight"
        wanted = gguf.GGMLQuantizationType["F32" if kept else KINDS[kind]]
        data = np.ascontiguousarray(data, dtype=np.float32)
        try:
            packed = gguf.quantize(data, wanted)
        except gguf.QuantError:                               # a row is no whole number of blocks
            wanted = gguf.GGMLQuantizationType.F16
            packed = gguf.quantize(data, wanted)
        w.add_tensor(name, packed, raw_dtype=wanted)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    return m


if __name__ == "__main__":
    write(*sys.argv[1:4])
