"""Tokenizer models against the packages `tokenizers` and `sentencepiece`, exactly, on vocabularies made here.

    python check_models.py PROGRAM [SEED [N_TEXTS]]

PROGRAM is the built `evoke`. From a small random corpus: BPE over characters (byte fallback, fused unknowns, prefix, suffix,
both forms of merges), Unigram and WordPiece by the trainers of `tokenizers`; SentencePiece's BPE and Unigram by its own
trainer, written to GGUF files by the package `gguf`. Prints what fails and `N passed, N failed, N skipped`."""
import io, json, os, random, subprocess, sys, tempfile
import checking
from checking import PROGRAM, end, seed, skip

SEED = seed()
N_TEXTS = int(sys.argv[3]) if len(sys.argv) > 3 else 400
rng = random.Random(SEED)


def check(ok, *what): return checking.check(ok, *what, "seed", SEED)


# ---------------------------------------------------------------------------- texts

# no white space of several kinds and nothing that a normalizer changes: those are check_tokenizer.py's
LETTERS = "abcdefghijklmnoprstuvw" + "aeiou" * 2
RARE = ["\u00e9", "\u4e2d", "\u6587", "\U0001f642", "\u0416", "\ud55c", "z", "\u2581", "#", "0", "<", ">", "\u0301", "\ufffd", "\u00df",
        "\U0010ffff", "\u2581\u2581", "<unk>", "<0x41>", "</w>", "##", "@@"]


def random_word():
    return "".join(rng.choice(LETTERS) for _ in range(rng.choice([1, 2, 3, 4, 6, 9])))


def corpus():
    stems = [random_word() for _ in range(300)]
    word = lambda: rng.choice(stems) + (rng.choice(stems) if rng.random() < .3 else "") + (rng.choice(RARE) if rng.random() < .03 else "")
    return [" ".join(word() for _ in range(rng.randint(1, 12))) for _ in range(1500)]


def random_text(lines):
    kind = rng.random()
    if kind < .35: return rng.choice(lines)
    if kind < .6: return "".join(rng.choice([random_word(), " ", "  ", rng.choice(RARE), rng.choice(LETTERS)]) for _ in range(rng.choice([1, 3, 8, 30])))
    if kind < .8: return "".join(rng.choice(LETTERS) for _ in range(rng.choice([1, 7, 40, 200])))
    if kind < .9: return rng.choice(RARE + [random_word(), " "]) * rng.choice([1, 2, 5, 64, 300])
    return "".join(chr(rng.choice([rng.randint(1, 0x7f), rng.randint(0xa1, 0x2ff), rng.randint(0x4e00, 0x4eff), rng.randint(0x1f600, 0x1f64f)])) for _ in range(rng.choice([1, 4, 20, 60])))


def texts(lines):
    fixed = ["", " ", "  ", "a", "ab" * 3000, "a" * 6000, " " * 2000, "\u2581" * 999, "\u4e2d" * 999, "\U0001f642 " * 300, random_word() * 500]
    return fixed + [random_text(lines) for _ in range(N_TEXTS - len(fixed))]


# ---------------------------------------------------------------------------- the program

def run(*arguments):
    done = subprocess.run([PROGRAM, "tokenize", *arguments, "--json"], capture_output=True)
    if done.returncode != 0: print(done.stderr.decode(errors="replace").strip()[:300])
    return json.loads(done.stdout) if done.returncode == 0 else None


def compare(folder, name, path, all_texts, want, back=None, score=None):
    """score: ids that differ are right as well where its sum over them is the same."""
    file = os.path.join(folder, "texts.json")
    json.dump(all_texts, open(file, "w"))
    got = run("-m", path, "-f", file, "--parse-special")
    if got is None or len(got) != len(all_texts): return check(False, name, "no result for each text")
    for text, ids, right in zip(all_texts, got, want):
        even = score and abs(sum(map(score, ids)) - sum(map(score, right))) < 1e-3
        check(ids == right or even, name, ascii(text[:60]), ids[:30], right[:30])
    if back is None: return
    json.dump(want, open(file, "w"))
    got = run("-m", path, "--decode", "-f", file)
    for ids, text, right in zip(want, got or [None] * len(want), back):
        check(text == right, name, "decoded", ids[:20], ascii(text and text[:60]), ascii(right[:60]))


# ---------------------------------------------------------------------------- tokenizer.json

def pieces(whole):
    """The texts in the order of their ids, and scores where the model has some."""
    vocab = whole["model"]["vocab"]
    return vocab if isinstance(vocab, list) else sorted(vocab, key=vocab.get)


def bpe_variants(lines):
    from tokenizers import Tokenizer, models, trainers, pre_tokenizers
    split = {"type": "WhitespaceSplit"}
    def train(**options):
        t = Tokenizer(models.BPE(unk_token="<unk>"))
        t.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        t.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=500, special_tokens=["<unk>"], limit_alphabet=24, show_progress=False, **options))
        return json.loads(t.to_str())
    plain = train()
    yield "BPE in words", plain
    yield "BPE, merges as texts", plain | {"model": plain["model"] | {"merges": [" ".join(m) for m in plain["model"]["merges"]]}}
    yield "BPE whole", plain | {"pre_tokenizer": None}
    yield "BPE whole, fused", plain | {"pre_tokenizer": None, "model": plain["model"] | {"fuse_unk": True}}
    yield "BPE without unknown", plain | {"pre_tokenizer": None, "model": plain["model"] | {"unk_token": None}}
    for few in (False, True):
        vocab = dict(plain["model"]["vocab"])
        for b in range(256):
            if not few or b % 3: vocab[f"<0x{b:02X}>"] = len(vocab)
        for fuse in (False, True):
            yield f"BPE bytes{', some' if few else ''}{', fused' if fuse else ''}", plain | {"pre_tokenizer": None, "model": plain["model"] | {
                "vocab": vocab, "byte_fallback": True, "fuse_unk": fuse, "ignore_merges": fuse}}
    spaced = {"normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"},
              {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]}, "pre_tokenizer": None}
    t = Tokenizer(models.BPE(unk_token="<unk>"))
    t.train_from_iterator(["\u2581" + l.replace(" ", "\u2581") for l in lines], trainers.BpeTrainer(vocab_size=700, special_tokens=["<unk>"], show_progress=False))
    yield "BPE as Llama 2", json.loads(t.to_str()) | spaced
    yield "BPE with suffix", train(end_of_word_suffix="</w>")
    yield "BPE with prefix", train(continuing_subword_prefix="##")
    both = train(end_of_word_suffix="</w>", continuing_subword_prefix="@@")
    yield "BPE with both", both
    vocab = dict(both["model"]["vocab"])
    for b in range(256): vocab[f"<0x{b:02X}>"] = len(vocab)
    yield "BPE with both and bytes", both | {"model": both["model"] | {"vocab": vocab, "byte_fallback": True}}


def unigram_variants(lines):
    from tokenizers import Tokenizer, models, trainers, pre_tokenizers
    t = Tokenizer(models.Unigram())
    t.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    t.train_from_iterator(lines, trainers.UnigramTrainer(vocab_size=400, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False))
    whole = json.loads(t.to_str())
    yield "Unigram in words", whole
    yield "Unigram whole", whole | {"pre_tokenizer": None}
    vocab = whole["model"]["vocab"] + [[f"<0x{b:02X}>", -20.0] for b in range(256)]
    yield "Unigram bytes", whole | {"pre_tokenizer": None, "model": whole["model"] | {"vocab": vocab, "byte_fallback": True}}
    equal = [[p, -1.0] for p, _ in whole["model"]["vocab"]]
    yield "Unigram, equal scores", whole | {"pre_tokenizer": None, "model": whole["model"] | {"vocab": equal}}
    coarse = [[p, round(s)] for p, s in whole["model"]["vocab"]] + whole["model"]["vocab"][40:60]
    yield "Unigram, coarse scores, doubles", whole | {"pre_tokenizer": None, "model": whole["model"] | {"vocab": coarse}}


def wordpiece_variants(lines):
    from tokenizers import Tokenizer, models, trainers, pre_tokenizers
    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    t.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    t.train_from_iterator(lines, trainers.WordPieceTrainer(vocab_size=500, special_tokens=["[UNK]"], show_progress=False))
    whole = json.loads(t.to_str())
    yield "WordPiece", whole
    yield "WordPiece, short words", whole | {"model": whole["model"] | {"max_input_chars_per_word": 7}}
    yield "WordPiece, long words", whole | {"model": whole["model"] | {"max_input_chars_per_word": 1000000}}
    vocab = {p.replace("##", "\u4e2d"): i for p, i in whole["model"]["vocab"].items()}
    yield "WordPiece, another prefix", whole | {"model": whole["model"] | {"continuing_subword_prefix": "\u4e2d", "vocab": vocab}}
    bare = {p: i for i, p in enumerate(dict.fromkeys(p.replace("##", "") for p in whole["model"]["vocab"]) | {"[UNK]": 0})}
    yield "WordPiece, no prefix", whole | {"model": whole["model"] | {"continuing_subword_prefix": "", "vocab": bare}, "added_tokens": []}


def check_json(folder, lines):
    from tokenizers import Tokenizer
    for variants in (bpe_variants, unigram_variants, wordpiece_variants):
        for name, whole in variants(lines):
            path = os.path.join(folder, "tokenizer.json")
            json.dump(whole, open(path, "w"))
            reference, all_texts = Tokenizer.from_str(json.dumps(whole)), texts(lines)
            want = [reference.encode(t, add_special_tokens=False).ids for t in all_texts]
            compare(folder, name, path, all_texts, want, [reference.decode(ids, skip_special_tokens=False) for ids in want])


# ---------------------------------------------------------------------------- GGUF's pre-tokenizers

CL100K = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CASED = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+%s|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*%s|%s| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
ENDINGS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
PRESETS = {     # name: whether GPT-2's own pattern follows, merges ignored for whole words, patterns as the models declare them
    "gpt-2": (True, False), "gpt-neox": (True, False), "olmo": (True, False), "smollm": (True, False, r"\p{N}"),
    "llama-bpe": (False, True, CL100K % r"\p{N}{1,3}"), "dbrx": (False, False, CL100K % r"\p{N}{1,3}"),
    "smaug-bpe": (False, False, CL100K % r"\p{N}{1,3}"), "qwen2": (False, False, CL100K % r"\p{N}"),
    "deepseek-r1-qwen": (False, False, CL100K % r"\p{N}"), "minicpm5": (False, True, r"\p{N}{1,3}", CL100K % r"\p{N}+"),
    "tekken": (False, True, CASED % ("", "", r"\p{N}")), "gpt-4o": (False, False, CASED % (ENDINGS, ENDINGS, r"\p{N}{1,3}")),
    "qwen35": (False, False, r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"),
}
MIXED = [" ", "  ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "'s", "'LL", "don't", "1", "23", "4567890", "\u0663", "\u00bd", "ABC", "Def", "gHI", "e\u0301",
         "\u0301", "...", "!?", "/", "_", "$", "\u4e2d\u6587", "\u65e5\u672c", "\U0001f642", "\u0416\u0436", "\u01c5", "\u0915\u094d", "\u0e44\u0e17\u0e22"]


def check_presets(folder, lines):
    import gguf
    from tokenizers import Tokenizer, models, trainers, pre_tokenizers
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    mixed = lambda: "".join(rng.choice(MIXED + [random_word()]) for _ in range(rng.choice([1, 3, 8, 30])))
    t.train_from_iterator(lines + [mixed() for _ in range(500)], trainers.BpeTrainer(
        vocab_size=900, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    whole = json.loads(t.to_str())
    for name, (gpt2, ignore, *patterns) in PRESETS.items():
        path = os.path.join(folder, "bytes.gguf")
        w = gguf.GGUFWriter(path, "llama")
        w.add_tokenizer_model("gpt2"); w.add_tokenizer_pre(name)
        w.add_token_list(pieces(whole))
        w.add_token_merges([" ".join(m) for m in whole["model"]["merges"]])
        w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()
        steps = [{"type": "Split", "pattern": {"Regex": p}, "behavior": "Isolated", "invert": False} for p in patterns]
        steps.append({"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": gpt2})
        reference = Tokenizer.from_str(json.dumps(whole | {"pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
                                                           "model": whole["model"] | {"ignore_merges": ignore}}))
        all_texts = [mixed() for _ in range(N_TEXTS // 2)]
        compare(folder, "pre-tokenizer " + name, path, all_texts, [reference.encode(x).ids for x in all_texts], all_texts)


# ---------------------------------------------------------------------------- SentencePiece in GGUF

def charsmap(model):
    """normalizer_spec.precompiled_charsmap of a sentencepiece.ModelProto: field 2 of field 3."""
    def fields(data):
        at = 0
        def varint():
            nonlocal at
            value = shift = 0
            while True:
                byte = data[at]; at += 1
                value |= (byte & 127) << shift; shift += 7
                if byte < 128: return value
        while at < len(data):
            key = varint()
            n = varint() if key & 7 in (0, 2) else {1: 8, 5: 4}[key & 7]
            if key & 7 == 0: continue
            yield key >> 3, data[at:at + n]
            at += n
    return b"".join(value for spec in (v for k, v in fields(model) if k == 3) for k, value in fields(spec) if k == 2)


def write_gguf(path, kind, reference, model, options):
    import gguf
    w, ids = gguf.GGUFWriter(path, "llama"), range(reference.vocab_size())
    type_of = lambda i: 2 if reference.is_unknown(i) else 3 if reference.is_control(i) else 5 if reference.is_unused(i) \
        else 6 if reference.is_byte(i) else 4 if reference.id_to_piece(i) in options.get("user_defined_symbols", []) else 1
    w.add_tokenizer_model({"bpe": "llama", "unigram": "t5"}[kind])
    w.add_token_list([reference.id_to_piece(i) for i in ids])
    w.add_token_scores([reference.get_score(i) for i in ids])
    w.add_token_types([type_of(i) for i in ids])
    w.add_bos_token_id(1); w.add_eos_token_id(2); w.add_unk_token_id(0)
    w.add_add_space_prefix(options.get("add_dummy_prefix", True))
    w.add_remove_extra_whitespaces(options.get("remove_extra_whitespaces", True))
    if charsmap(model): w.add_precompiled_charsmap(charsmap(model))
    w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close()


def check_sentencepiece(folder, lines, kinds):
    import sentencepiece as spm
    options = dict(vocab_size=450, hard_vocab_limit=False, minloglevel=9, character_coverage=.999, normalization_rule_name="identity")
    for kind in kinds:
        for name, more in (("", {}), (" bytes", {"byte_fallback": True, "vocab_size": 700}), (" no prefix", {"add_dummy_prefix": False}),
                           (" kept spaces", {"remove_extra_whitespaces": False}), (" across words", {"split_by_whitespace": False}), (" nmt_nfkc", {"normalization_rule_name": "nmt_nfkc"}),
                           (" kept, bytes, no prefix", {"remove_extra_whitespaces": False, "byte_fallback": True, "add_dummy_prefix": False, "vocab_size": 700})):
            out = io.BytesIO()
            spm.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=out, model_type=kind, **(options | more))
            reference = spm.SentencePieceProcessor(model_proto=out.getvalue())
            path = os.path.join(folder, "model.gguf")
            write_gguf(path, kind, reference, out.getvalue(), options | more)
            # the texts of control tokens are found by --parse-special
            all_texts = [t for t in texts(lines) if not any(s in t for s in ("<unk>", "<s>", "</s>"))]
            want = [reference.encode(t) for t in all_texts]
            compare(folder, f"SentencePiece {kind}{name}", path, all_texts, want,
                    None if 0 in sum(want, []) else [reference.decode(ids) for ids in want],
                    reference.get_score if kind == "unigram" else None)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        lines = corpus()
        check_json(folder, lines)
        try:
            import gguf, sentencepiece
        except ImportError as why:
            skip("GGUF:", why)
        else:
            check_presets(folder, lines)
            check_sentencepiece(folder, lines, ["bpe", "unigram"])
    end()
