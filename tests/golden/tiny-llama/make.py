"""Writes variants.json and presets.json: what the package `tokenizers` makes of hard texts, for tests in C.

    python make.py            (tokenizers 0.23; reads tokenizer.json beside it)

variants.json: a list of {"name", "top", "model", "added", "cases"}. A variant is tokenizer.json with the keys of `top`
replaced, those of its model by `model`, and `added` appended to its added_tokens. A case is [text, ids, starts] with
special tokens added; starts (the byte of the character in which a token begins) only where nothing is normalized.
presets.json: name of a pre-tokenizer in GGUF files -> [[text, [bytes of each word]], ...], from the split that the models'
own tokenizer.json declares."""
import copy, json, os, random
from tokenizers import Regex, Tokenizer, pre_tokenizers as P

HERE = os.path.dirname(os.path.abspath(__file__))
BASE = json.load(open(os.path.join(HERE, "tokenizer.json")))
RANDOM = random.Random(2025)
PARTS = [" ", "  ", "   ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u180e", "\u0085", "\u200b", "\u2028", "a", "the", " The",
         "HeLLo", " world", "iPhone", "'s", "'S", "'\u017f", "\u2019s", "don't", "1", "2345", " 67", "\u0663\u0664", "\u00bd",
         "\u2167", "\u00e9", "e\u0301", "q\u0323\u0307", "a\u0301\u0323", "\u212b", "\ud55c\uad6d", "\u1112\u1161\u11ab",
         "\u4e2d\u6587", "\u65e5\u672c\u30fc", "\U0001f642", "\U0001f469\u200d\U0001f467", "\u00df", "\u0130", "\u03a3\u03c2",
         "<|im_start|>", "<|im_end|>", "<|im_", "|>", "_", "-", "...", "!!!", "$", "+", "^", "`", "|", "/", "\x7f", "\x1f",
         "\ufb01", "\u0627\u0644", "\u0915\u094d\u0937\u093f", "\u0e44\u0e17\u0e22", "zzzz", "foo", "bar", "[X]", " [Y] ",
         "x\u0338", "\U0010ffff", "\ufeff"]
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CASED = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+%s|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}"
         r"\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*%s|%s| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
ENDINGS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"


def texts(n):
    return ["", " "] + ["".join(RANDOM.choice(PARTS) for _ in range(RANDOM.choice([1, 2, 4, 8, 16]))) for _ in range(n)]


def byte_of(text):
    """byte_of(text)[i]: where character i begins"""
    at = [0]
    for c in text: at.append(at[-1] + len(c.encode()))
    return at


def byte_level(space=False, regex=False):
    return {"type": "ByteLevel", "add_prefix_space": space, "trim_offsets": True, "use_regex": regex}


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def sequence(*steps):
    return {"pre_tokenizer": {"type": "Sequence", "pretokenizers": list(steps)}}


def added(i, content, **flags):
    return {"id": i, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": False} | flags


def variants():
    yield "plain", {}, {}, []
    yield "prefix space", {"pre_tokenizer": byte_level(True, True)}, {}, []
    yield "split, then prefix space", sequence(split("[ae]"), byte_level(True, True)), {}, []
    for one in (True, False):
        yield f"digits {one}", sequence({"type": "Digits", "individual_digits": one}, byte_level(regex=True)), {}, []
    for how in ("Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext"):
        yield f"split {how}", sequence(split(r"[aeiou\s]", how), byte_level()), {}, []
        yield f"split inverted {how}", sequence(split(r"[aeiou\s]", how, True), byte_level()), {}, []
        yield f"split string {how}", sequence(split("e", how, kind="String"), byte_level()), {}, []
        yield f"split empty {how}", sequence(split("a*", how), byte_level()), {}, []
        yield f"punctuation {how}", sequence({"type": "Punctuation", "behavior": how}, byte_level(regex=True)), {}, []
    yield "whitespace", sequence({"type": "Whitespace"}, byte_level()), {}, []
    yield "whitespace split", sequence({"type": "WhitespaceSplit"}, byte_level()), {}, []
    yield "classes", sequence(split(r"\w+|\W"), split(r"\p{Han}+|^a$|\u00e9"), byte_level()), {}, []
    for form in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase"):
        yield form, {"normalizer": {"type": form}}, {}, []
    steps = [{"type": "NFD"}, {"type": "Lowercase"}, {"type": "Prepend", "prepend": "\u00e9"},
             {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " _"}, {"type": "NFC"}]
    yield "normalizers", {"normalizer": {"type": "Sequence", "normalizers": steps}}, {}, []
    yield "added", {"normalizer": {"type": "NFC"}}, {}, [
        added(320, "foo", single_word=True), added(321, "bar", normalized=True), added(322, "[X]", lstrip=True),
        added(323, "[Y]", lstrip=True, rstrip=True), added(324, "the", rstrip=True), added(325, "zz"),
        added(326, "zzz", normalized=True), added(327, "e\u0301", normalized=True), added(328, "  ")]
    yield "whole words", {}, {"ignore_merges": True, "merges": BASE["model"]["merges"][:20]}, []
    yield "merges as texts", {}, {"merges": [" ".join(m) for m in BASE["model"]["merges"]]}, []
    gone = ("x", "z", "\u00f0", "\u0141")
    vocab = {k: i for k, i in BASE["model"]["vocab"].items() if k not in gone}
    merges = [m for m in BASE["model"]["merges"] if {m[0], m[1], m[0] + m[1]} <= vocab.keys()]
    for unknown in ({}, {"unk_token": "<|endoftext|>"}, {"unk_token": "<|endoftext|>", "fuse_unk": True}):
        yield f"bytes without a token {len(unknown)}", {}, {"vocab": vocab, "merges": merges} | unknown, []
    ends = {name: {"id": name, "ids": [i], "tokens": [name]} for i, name in ((1, "<|im_start|>"), (2, "<|im_end|>"))}
    single = [{"SpecialToken": {"id": "<|im_start|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
              {"SpecialToken": {"id": "<|im_end|>", "type_id": 0}}]
    template = {"type": "TemplateProcessing", "single": single, "pair": single + single, "special_tokens": ends}
    template["pair"] = BASE["post_processor"]["pair"]
    yield "template", {"post_processor": {"type": "Sequence", "processors": [byte_level(), template]}}, {}, []
    yield "roberta", {"post_processor": {"type": "RobertaProcessing", "sep": ["<|im_end|>", 2], "cls": ["<|im_start|>", 1],
                                         "trim_offsets": False, "add_prefix_space": False}}, {}, []


def variant_cases(name, top, model, more):
    whole = copy.deepcopy(BASE) | top
    whole["model"] |= model
    whole["added_tokens"] += more
    t = Tokenizer.from_str(json.dumps(whole))
    for text in texts(14):
        e, at = t.encode(text), byte_of(text)
        plain = "normalizer" not in top and "post_processor" not in top
        yield [text, e.ids] + ([[at[o[0]] for o in e.offsets]] if plain else [])


def presets():
    digits, gpt2 = P.Digits(individual_digits=True), P.ByteLevel(add_prefix_space=False)
    isolated = lambda pattern: P.Split(Regex(pattern), "isolated")
    yield "gpt-2", [gpt2]
    yield "smollm", [digits, gpt2]
    yield "llama-bpe", [isolated(CL100K % r"\p{N}{1,3}")]
    yield "qwen2", [isolated(CL100K % r"\p{N}")]
    yield "tekken", [isolated(CASED % ("", "", r"\p{N}"))]
    yield "gpt-4o", [isolated(CASED % (ENDINGS, ENDINGS, r"\p{N}{1,3}"))]
    yield "falcon", [isolated(r"[\p{P}\$\+<=>\^~\|`]+"), gpt2, isolated("[0-9][0-9][0-9]")]
    yield "deepseek-v3", [isolated(r"\p{N}{1,3}"), isolated("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"), isolated(
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
        r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""")]
    words = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    yield "default", [isolated(r"[\p{P}\$\+<=>\^\~\|]+"), isolated(words), P.Digits(individual_digits=False),
                      isolated("[0-9][0-9][0-9]")]


def words(steps, text):
    at = byte_of(text)
    return [at[end] - at[begin] for _, (begin, end) in P.Sequence(steps).pre_tokenize_str(text)]


def write(name, value):
    with open(os.path.join(HERE, name), "w") as f:
        f.write(value + "\n")


if __name__ == "__main__":
    write("variants.json", "[\n" + ",\n".join(json.dumps({
        "name": v[0], "top": v[1], "model": v[2], "added": v[3], "cases": list(variant_cases(*v))},
        separators=(",", ":")) for v in variants()) + "\n]")
    write("presets.json", "{\n" + ",\n".join(f'"{name}":' + json.dumps([[t, words(steps, t)] for t in texts(60)],
        separators=(",", ":")) for name, steps in presets()) + "\n}")
