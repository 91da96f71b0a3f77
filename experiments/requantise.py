"""A GGUF model with every matrix in another type.   requantise.py IN.gguf OUT.gguf Q8_0|F16|BF16|F32|Q4_0|...   (needs numpy and gguf)"""
import sys
import gguf


def requantised(model, out, type_name):
    r, kind = gguf.GGUFReader(model), gguf.GGMLQuantizationType[type_name]
    w = gguf.GGUFWriter(out, r.fields["general.architecture"].contents())
    for name, field in r.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type"): continue
        value = field.types[0]
        w.add_key_value(name, field.contents(), value, sub_type=field.types[-1] if value == gguf.GGUFValueType.ARRAY else None)
    file_type = "ALL_F32" if type_name == "F32" else f"MOSTLY_{type_name}"
    if file_type in gguf.LlamaFileType.__members__: w.add_file_type(gguf.LlamaFileType[file_type])
    for t in r.tensors:
        values = gguf.quants.dequantize(t.data, t.tensor_type)
        if len(t.shape) < 2: w.add_tensor(t.name, values)
        else: w.add_tensor(t.name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file(), w.close()


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[3] not in gguf.GGMLQuantizationType.__members__: sys.exit(__doc__)
    requantised(*sys.argv[1:])
