"""Memory on a model of a 7B's shape, 4 bits a weight: opening is mapping (milliseconds, whatever the file's size), nothing
that is private grows with the file, and a trace stays within the file's size + 1.5 GB. The model is synthetic (random Q4_K
blocks) and cut to one and to three layers; for all 32 the parts that were measured are added up.

    python check_memory.py PROGRAM"""
import os, random, shutil, struct, subprocess, tempfile, threading, time
import h5py
import numpy as np
from checking import PROGRAM, check, end, skip

D, HEADS, D_FF, VOCAB, LAYERS = 4096, 32, 11008, 32000, 32
SITES = 5                                   # resid_pre, attn_out, resid_mid, mlp_out, resid_post: [T, L, D] each
CHUNK_BYTES = 256 << 20                     # of arrays that layers/trace.c holds at a time
MARGIN = 1.5e9
MB = 1e6


# ---- a GGUF file with random blocks ----

def text(s): return struct.pack("<Q", len(s)) + s.encode()
def field(key, value):
    if isinstance(value, str): return text(key) + struct.pack("<I", 8) + text(value)
    if isinstance(value, float): return text(key) + struct.pack("<If", 6, value)
    return text(key) + struct.pack("<II", 4, value)


def tensors(n_layer):
    """Name, rows, columns; one row: a norm's weights."""
    yield "token_embd.weight", VOCAB, D
    for l in range(n_layer):
        yield f"blk.{l}.attn_norm.weight", 1, D
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"): yield f"blk.{l}.{name}.weight", D, D
        yield f"blk.{l}.ffn_norm.weight", 1, D
        yield f"blk.{l}.ffn_gate.weight", D_FF, D
        yield f"blk.{l}.ffn_up.weight", D_FF, D
        yield f"blk.{l}.ffn_down.weight", D, D_FF
    yield "output_norm.weight", 1, D
    yield "output.weight", VOCAB, D


def n_bytes(rows, cols): return 4 * cols if rows == 1 else rows * cols // 256 * 144


def random_blocks(n):
    """n Q4_K blocks of weights about -0.015 .. 0.04, on average 0: d 2^-14, dmin such that its mean is that of d scale q."""
    b = np.frombuffer(random.Random(1).randbytes(n * 144), np.uint8).reshape(n, 144).copy()
    b[:, :4] = np.frombuffer(np.array([2.0 ** -14, 2.0 ** -14 * 7.5], np.float16).tobytes(), np.uint8)
    return b.tobytes()


def write_model(path, n_layer):
    meta = {"general.architecture": "llama", "llama.block_count": n_layer, "llama.context_length": 4096,
            "llama.embedding_length": D, "llama.feed_forward_length": D_FF, "llama.attention.head_count": HEADS,
            "llama.attention.head_count_kv": HEADS, "llama.attention.layer_norm_rms_epsilon": 1e-5,
            "llama.vocab_size": VOCAB, "llama.rope.dimension_count": D // HEADS}
    listed, offset = list(tensors(n_layer)), 0
    head = b"GGUF" + struct.pack("<IQQ", 3, len(listed), len(meta)) + b"".join(field(k, v) for k, v in meta.items())
    for name, rows, cols in listed:
        head += text(name) + (struct.pack("<IQI", 1, cols, 0) if rows == 1 else struct.pack("<IQQI", 2, cols, rows, 12))
        head += struct.pack("<Q", offset)
        offset += (n_bytes(rows, cols) + 31) // 32 * 32
    blocks, ones = random_blocks(32768), np.ones(D, np.float32).tobytes()
    with open(path, "wb") as f:
        f.write(head + bytes(-len(head) % 32))
        for _, rows, cols in listed:
            left = n_bytes(rows, cols)
            if rows == 1: f.write(ones)
            while rows > 1 and left > 0: left -= f.write(blocks[:left])
    return os.path.getsize(path)


# ---- a run and what it took ----

def watch(pid, peak, done):
    """The largest RssAnon of a process, in bytes: memory of its own, that no file backs."""
    while not done.is_set():
        try:
            for line in open(f"/proc/{pid}/status"):
                if line.startswith("RssAnon:"): peak[0] = max(peak[0], 1024 * int(line.split()[1]))
        except OSError: return
        time.sleep(0.003)


def run(*arguments):
    """Seconds, peak resident and peak private bytes of the program."""
    began, peak, done = time.monotonic(), [0], threading.Event()
    child = subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    watcher = threading.Thread(target=watch, args=(child.pid, peak, done))
    watcher.start()
    message = child.stderr.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    done.set()
    watcher.join()
    check(child.returncode == 0, " ".join(arguments)[:80], message.strip())
    return seconds, usage.ru_maxrss * 1024, peak[0]


def trace(model, n_token, out):
    ids = " ".join(str(i * 7919 % VOCAB) for i in range(n_token))
    return run("trace", "-m", model, "--ids", ids, "-o", out)


# ---- arithmetic ----

def trace_bytes(n_token, n_layer):
    """Keys and values, and the arrays of a chunk: what grows with layers and tokens."""
    token = 4 * (SITES * n_layer * D + 2 * D + VOCAB)
    return n_token * 2 * n_layer * D * 4, min(n_token * token, max(CHUNK_BYTES, 16 * token))


def extrapolate(size, n_layer, n_token, private):
    """From n_layer to LAYERS: the file, and the private bytes measured plus what further layers add to them."""
    layer = (n_bytes(D, D) * 4 + n_bytes(D_FF, D) * 3 + 8 * D)
    file = size + (LAYERS - n_layer) * layer
    cache, arrays = trace_bytes(n_token, LAYERS)
    total = private - sum(trace_bytes(n_token, n_layer)) + cache + arrays
    print(f"all {LAYERS} layers, {n_token} tokens: file {file / MB:.0f} MB + private {total / MB:.0f} MB (keys and values "
          f"{cache / MB:.0f}, arrays {arrays / MB:.0f}; all of [T, L, D] would be {4 * SITES * n_token * LAYERS * D / MB:.0f})")
    check(total < MARGIN, f"{LAYERS} layers, {n_token} tokens: {total / MB:.0f} MB beside the file")


def main(folder):
    out = os.path.join(folder, "t.h5")
    models = {n: os.path.join(folder, f"{n}.gguf") for n in (1, 3)}
    sizes = {n: write_model(models[n], n) for n in models}
    private, opened = {}, {}
    for n in models:
        run("inspect", models[n])                                               # the first time, the program is read
        opened[n] = run("inspect", models[n])
        private[n] = trace(models[n], 32, out)[2]
        print(f"{n} layers, {sizes[n] / MB:.0f} MB: inspect {1e3 * opened[n][0]:.0f} ms, resident {opened[n][1] / MB:.0f} MB; "
              f"trace of 32 tokens: private {private[n] / MB:.0f} MB")
    check(min(o[0] for o in opened.values()) < 1, f"opening takes {opened[3][0]:.2f} s")
    check(opened[3][1] < opened[1][1] + 8 * MB, f"inspect's memory grows with the file: {opened}")
    more, expected = private[3] - private[1], sum(trace_bytes(32, 3)) - sum(trace_bytes(32, 1))
    check(more < expected + 0.1 * (sizes[3] - sizes[1]), f"private memory grows by {more / MB:.0f} MB for "
          f"{(sizes[3] - sizes[1]) / MB:.0f} MB of weights; arrays, keys and values are {expected / MB:.0f} MB")

    for n_token in (32, 512):
        seconds, resident, own = trace(models[3], n_token, out)
        print(f"3 layers, trace of {n_token} tokens: {seconds:.1f} s, resident {resident / MB:.0f} MB, private {own / MB:.0f} MB")
        check(resident < sizes[3] + MARGIN, f"{n_token} tokens: resident {resident / MB:.0f} MB, file {sizes[3] / MB:.0f} MB")
        extrapolate(sizes[3], 3, n_token, own)
    with h5py.File(out) as f:
        check(f["resid_post"].shape == (512, 3, D) and np.isfinite(f["logits"][-1]).all(), "the trace's numbers")


with tempfile.TemporaryDirectory() as folder:
    if not os.path.exists("/proc/self/status") or shutil.disk_usage(folder).free < 2e9:
        skip("memory: no /proc, or less than 2 GB free for the model")
    else:
        main(folder)
end()
