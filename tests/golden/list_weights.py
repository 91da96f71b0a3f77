#!/usr/bin/env python3
"""What other programs (gguf-py 0.19, safetensors 0.8) see in the golden weight files: writes weights.txt beside this file.

    list_weights.py [SHARED_GOLDEN]      the folder of the full reference data, whose files are listed too where given

A line each, fields separated by blanks (sha: the first 16 hex digits of SHA-256):
    file PATH N_TENSORS                                  what follows is of that file; from the project's root
    tensor NAME TYPE DIMS N_BYTES SHA_OF_THE_BYTES       dims slowest first, with commas
    u64 KEY VALUE | f64 KEY VALUE | bool KEY VALUE | string KEY SHA
    strings KEY N SHA                                    of all elements, a NUL after each
    numbers KEY N SUM
"""
import hashlib
import sys
from pathlib import Path

import gguf
import safetensors

GOLDEN = Path(__file__).resolve().parent
# files of GGUF, or folders of safetensors
OWN = ["gguf/llama_f32/model.gguf", "gguf/llama_q4_1/model.gguf", "families/llama_k/model.gguf", "families/qwen3/model.gguf",
       "families/llama31/model.gguf", "families/llama_yarn/model.gguf", "quants/quants.gguf", "families/llama", "families/qwen3"]
SHARED = ["gguf/llama_f16/model.gguf", "gguf/gemma2/model.gguf", "qwen2", "qwen3", "phi3", "bert_cls", "gpt2"]


def sha(data):
    return hashlib.sha256(bytes(data)).hexdigest()[:16]


def list_meta(name, field):
    kinds, last = field.types, field.types[-1]
    if kinds[0] == gguf.GGUFValueType.ARRAY:
        values = [bytes(field.parts[i]) for i in field.data] if last == gguf.GGUFValueType.STRING else field.contents()
        if last == gguf.GGUFValueType.STRING:
            yield f"strings {name} {len(values)} {sha(b''.join(v + bytes(1) for v in values))}"
        else:
            yield f"numbers {name} {len(values)} {sum(float(v) for v in values)!r}"
    elif last == gguf.GGUFValueType.STRING:
        yield f"string {name} {sha(field.parts[-1])}"
    elif last in (gguf.GGUFValueType.FLOAT32, gguf.GGUFValueType.FLOAT64):
        yield f"f64 {name} {float(field.parts[-1][0])!r}"
    elif last == gguf.GGUFValueType.BOOL:
        yield f"bool {name} {int(field.parts[-1][0])}"
    else:
        yield f"u64 {name} {int(field.parts[-1][0])}"


def list_gguf(path, shown):
    reader = gguf.GGUFReader(path)
    yield f"file {shown} {len(reader.tensors)}"
    for t in reader.tensors:
        dims = ",".join(str(int(d)) for d in reversed(t.shape))
        yield f"tensor {t.name} {t.tensor_type.name} {dims} {int(t.n_bytes)} {sha(t.data.tobytes())}"
    for name, field in reader.fields.items():
        if not name.startswith("GGUF."):
            yield from list_meta(name, field)


def list_folder(path, shown):
    tensors = [t for f in sorted(path.glob("*.safetensors")) for t in safetensors.deserialize(f.read_bytes())]
    yield f"file {shown} {len(tensors)}"
    for name, t in tensors:
        dims = ",".join(str(d) for d in t["shape"])
        yield f"tensor {name} {t['dtype']} {dims} {len(t['data'])} {sha(t['data'])}"


def list_any(path, shown):
    return list_gguf(path, shown) if path.suffix == ".gguf" else list_folder(path, shown)


def main():
    lines = []
    for name in OWN:
        lines += list_any(GOLDEN / name, f"tests/golden/{name}")
    for name in SHARED if len(sys.argv) > 1 else []:
        lines += list_any(Path(sys.argv[1]) / name, f"../shared/golden/{name}")
    (GOLDEN / "weights.txt").write_text("\n".join(lines) + "\n")


main()
