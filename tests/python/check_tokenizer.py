"""`evoke tokenize` against the package `tokenizers`, on random and adversarial texts, exactly.

    python check_tokenizer.py PROGRAM [SEED]

PROGRAM is the built `evoke`. The tokenizer is tests/golden/tiny-llama, as it is and with the pre-tokenizers of Llama 3,
Qwen2 and SmolLM declared in its tokenizer.json. Prints what fails and `N passed, N failed, N skipped`."""
import json, os, random, subprocess, tempfile
from tokenizers import Tokenizer
from checking import PROGRAM, check, end, seed, skip

SEED = seed()
TINY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "tiny-llama", "tokenizer.json")
N_TEXTS = 2000
rng = random.Random(SEED)


# ---------------------------------------------------------------------------- texts

# what tokenizers stumble over: kinds of white space, contractions, numbers that are no digits, marks, jamo, emoji made of
# several characters, beginnings of special tokens, control characters
PARTS = [" ", "  ", "    ", "\n", "\n\n", "\r\n", "\t", "\u00a0", "\u3000", "\u180e", "\u0085", "\u200b", "\u2028", "a", "the", " The",
         "HELLO", " world", "'s", "'S", "'ll", "'\u017f", "\u2019s", "don't", "1", "23", " 456", "7890", "\u0663", "\u00bd", "\u00b2",
         "\u2167", "\u00e9", "e\u0301", "\u0301\u0323", "q\u0323\u0307", "\u212b", "\ud55c\uad6d", "\u1112\u1161\u11ab",
         "\u4e2d\u6587", "\u65e5\u672c", "\u30fc", "\U0001f642", "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f1eb\U0001f1f7",
         "\u00df", "\u0130", "\u03a3\u03c2", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_", "|>", "<|", "_", "-", "...", "!!!",
         "$", "+", "^", "`", "~", "/", "\x00", "\x01", "\x7f", "\ufb01", "\u0627\u0644\u0644\u0647", "\u0915\u094d\u0937\u093f",
         "\u0e44\u0e17\u0e22", "zzzzzzzz", "ing", "x\u0338", "\ufeff", "\ufffd", "\U0010ffff", "\ue000"]
# assigned for long, so that every library's tables know them
RANGES = [(0, 0x7f), (0x80, 0x2af), (0x370, 0x3ff), (0x400, 0x4ff), (0x5d0, 0x5ea), (0x621, 0x64a), (0x905, 0x939), (0x3041, 0x3096),
          (0x4e00, 0x9fa5), (0xac00, 0xd7a3), (0x2000, 0x206f), (0x2190, 0x21ff), (0x1f600, 0x1f64f), (0xe000, 0xf8ff)]


def random_text():
    n = rng.choice([1, 2, 3, 5, 8, 20, 60])
    kind = rng.random()
    if kind < 0.6:
        return "".join(rng.choice(PARTS) for _ in range(n))
    if kind < 0.9:
        return "".join(chr(rng.randint(*rng.choice(RANGES))) for _ in range(n))
    return rng.choice(PARTS) * rng.choice([1, 7, 64, 300])


def texts():
    special = ["", " ", "a" * 5000, " " * 5000, "\n" * 3000, "ab" * 2500, "\u0301" * 1000, "1" * 1000, "<|" * 1000, "'s" * 1000]
    return special + [random_text() for _ in range(N_TEXTS - len(special))]


# ---------------------------------------------------------------------------- tokenizers

def variants():
    cl100k = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    rest = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    split = lambda p: {"type": "Split", "pattern": {"Regex": p}, "behavior": "Isolated", "invert": False}
    steps = lambda *s: {"pre_tokenizer": {"type": "Sequence", "pretokenizers": list(s)}}
    yield "gpt2", {}
    yield "llama3", steps(split(cl100k % r"\p{N}{1,3}"), rest)
    yield "qwen2", steps(split(cl100k % r"\p{N}"), rest) | {"normalizer": {"type": "NFC"}}
    yield "smollm", steps({"type": "Digits", "individual_digits": True}, rest | {"use_regex": True})


def run(*arguments):
    done = subprocess.run([PROGRAM, "tokenize", *arguments, "--json"], capture_output=True)
    if done.returncode != 0:
        print(done.stderr.decode(errors="replace").strip())
    return json.loads(done.stdout) if done.returncode == 0 else None


def check_variant(folder, name, changes):
    whole = json.load(open(TINY)) | changes
    json.dump(whole, open(os.path.join(folder, "tokenizer.json"), "w"))
    reference, all_texts = Tokenizer.from_str(json.dumps(whole)), texts()
    in_file = os.path.join(folder, "texts.json")
    json.dump(all_texts, open(in_file, "w"))
    got = run("-m", folder, "-f", in_file, "--parse-special", "--add-special")
    if got is None or len(got) != len(all_texts):
        return check(False, name, "no result for each text")
    for text, ids in zip(all_texts, got):
        check(ids == reference.encode(text).ids, name, ascii(text[:80]), "seed", SEED)
    json.dump(got, open(in_file, "w"))
    back = run("-m", folder, "--decode", "-f", in_file)
    if "normalizer" not in changes:
        check(back == all_texts, name, "the texts do not come back")


if __name__ == "__main__":
    if subprocess.run([PROGRAM, "tokenize", "--help"], capture_output=True).returncode != 0:
        skip("tokenizer: the program has no command 'tokenize'")
    else:
        with tempfile.TemporaryDirectory() as folder:
            for name, changes in variants():
                check_variant(folder, name, changes)
    end()
