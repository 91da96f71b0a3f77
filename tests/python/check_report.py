"""`evoke report`: the page is well-formed, escapes what it is given, says the files' own numbers, and holds up in a browser; the
notebook runs.

    python check_report.py PROGRAM

The browser (chromium) and the notebook (nbconvert, ipykernel, matplotlib) are skipped, and said, where they are not installed."""
import html, html.parser, importlib.util, json, os, re, shutil, subprocess, sys, tempfile
import h5py, numpy as np
from checking import check, end, program, skip

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
MODEL = os.path.join(ROOT, "tests", "golden", "gguf", "llama_f32", "model.gguf")
HOSTILE = "</div><script>alert(1)</script> & \"x\" 'y' \u202e \x01 <img src=x onerror=alert(2)>"
VOID = {"meta", "link", "input", "br"}


def evoke(*args):
    p = program(*args)
    check(p.returncode == 0, args[:2], p.returncode, p.stderr)
    return p.stdout


# ---------------------------------------------------------------------------- reading a page
class Page(html.parser.HTMLParser):
    """Elements must close in the order in which they opened."""
    def __init__(self, text):
        super().__init__()
        self.open, self.bad, self.ids, self.tags, self.text = [], [], [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [v for k, v in attrs if k == "id"]
        if tag not in VOID: self.open.append(tag)

    def handle_startendtag(self, tag, attrs): self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag: self.bad.append((tag, self.getpos()))

    def handle_data(self, data): self.text += data


def numbers_below(text, caption):
    """Rows of the table of the figure with that caption, less its intervals."""
    table = text.split(f"<figcaption>{caption}</figcaption>")[1].split("<tbody>")[1].split("</tbody>")[0]
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in table.split("<tr>")[1:]]
    return np.array([[float(re.sub(r" \[.*", "", c).replace("&ndash;", "nan")) for c in row if re.match(r"[-\d&]", c)] for row in rows])


def close(a, b, *what): return check(np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-3, atol=1e-6, equal_nan=True), *what, a, b)


# ---------------------------------------------------------------------------- files of every kind
def make_files(folder):
    os.chdir(folder)
    os.symlink(os.path.join(ROOT, "data"), "data")
    queries = {e: [f"{e}: {a} {b}." for a in ("the sun", "a dark road", "my old coat", "the bird") for b in ("is here", "was lost", "rings")]
               for e in ("joy", "fear", "anger & <b>")}
    with open("q.json", "w") as f: json.dump(queries, f)
    evoke("extract", "-m", MODEL, "-d", "q.json", "--sites", "resid_post,attn_out", "-o", "s.h5", "-q")
    evoke("ev", "s.h5", "-o", "v.h5", "-q")
    evoke("theory", "s.h5", "--stats", "t.h5", "--bootstrap", "20", "--permutations", "20", "--controls", "5", "-q")
    with open("texts.json", "w") as f: json.dump({e: [f"{w} {i} times." for i in range(6)] for e, w in (("joy", "I laughed"), ("fear", "I shook"), ("grief", "I wept"), ("neutral", "I sat"))}, f)
    evoke("extract", "-m", MODEL, "-d", "texts.json", "--settings", "data/settings_text.json", "-o", "x.h5", "--span", "query", "-q")
    evoke("theory", "s.h5", "--labelled", "x.h5", "--stats", "l.h5", "--bootstrap", "20", "-q")
    evoke("theory", "--claims", "-m", MODEL, "--store", "s.h5", "--ev", "v.h5", "--stats", "c.h5", "--alphas=-1,0,1", "--bootstrap", "20", "-q")
    with h5py.File("v.h5", "r+") as f: f.attrs["command_line"] = "evoke ev " + HOSTILE
    lines = [{"id": q, "query": f"query {q} {HOSTILE}", "emotion": e, "alpha": a, "baseline": b, "text": f"{e} {a} {b} {HOSTILE}\0end",
              "steering": None, "seed": 7, "model": "m"}
             for q in range(3) for e, a, b in [("", 0, "none"), *((e, a, b) for e in ("joy", "fear") for a in (-1, 1, 2.5) for b in ("", "random"))]]
    with open("w.jsonl", "w") as f: f.writelines(json.dumps(x) + "\n" for x in lines)
    figure = lambda m: {"mean": m, "low": None if m is None else m - 1, "high": None if m is None else m + 1, "n": 3}
    cells = [{"emotion": e, "alpha": a, "baseline": b, "n": 3, "left_out": 0, "tec": figure(a * 1.5), "ppl": figure(None)}
             for e in ("joy", HOSTILE) for a in (-1, 0, 2) for b in ("", "random")]
    with open("e.json", "w") as f: json.dump({"cells": cells, "methods": {"tec": HOSTILE}, "validity": {"tec": 1}}, f)
    return evoke("report", "s.h5", "v.h5", "t.h5", "l.h5", "c.h5", "w.jsonl", "e.json", "-o", "r.html")


# ---------------------------------------------------------------------------- what is checked
def check_page(text):
    page = Page(text)
    check(not page.bad and not page.open, "every element closes", page.bad[:3], page.open)
    check(len(set(page.ids)) == len(page.ids), "ids are unique")
    check(sum(t == "script" for t, _ in page.tags) == 1 and not any(t == "img" for t, _ in page.tags), "nothing of a text became an element")
    check(not any(k.startswith("on") or (k in ("src", "href") and v != "data:,") for _, a in page.tags for k, v in a.items()), "nothing from elsewhere")
    check(HOSTILE.replace("\x01", "\ufffd") + "\ufffdend" in page.text, "a hostile text is there as it is")
    check("evoke ev </div><script>" in page.text, "and so is a hostile attribute")
    check(not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text), "no control characters")
    drawn = [a for t, a in page.tags if t == "svg" and a.get("role") == "img"]
    check(len(drawn) >= 20 and all(len(a["aria-labelledby"].split()) == 2 and set(a["aria-labelledby"].split()) <= set(page.ids) for a in drawn),
          "every figure is named and described", len(drawn))
    check(all(a.get("role") == "img" or a.get("aria-hidden") == "true" for t, a in page.tags if t == "svg"), "no drawing without a role")
    check({a["id"] for t, a in page.tags if t == "input"} == {a["for"] for t, a in page.tags if t == "label"} != set(), "the slider has a label")
    check("not run at this strength" not in page.text and 'data-values="-1 1 2.5"' in text, "the slider's strengths")


def check_names():
    """A file's name may be any bytes."""
    name = b"\xff<b>'\".h5"
    shutil.copy("v.h5", name)
    evoke("report", name, "-o", "n.html", "--notebook", "none")
    with open("n.html", encoding="utf-8") as f: page = Page(f.read())
    check("vectors: \ufffd<b>'\".h5" in page.text and not page.bad and all(t != "b" for t, _ in page.tags), "a name that is no UTF-8")


def broken(what, breaks, of):
    shutil.copy(of, "broken.h5")
    with h5py.File("broken.h5", "r+") as f: breaks(f)
    p = program("report", "broken.h5", "-o", "b.html", "--notebook", "none")
    check(p.returncode == 1 and p.stderr.startswith("evoke: ") and p.stderr.count("\n") == 1 and "broken.h5" in p.stderr and
          not os.path.exists("b.html"), what, p.returncode, p.stderr)


def check_broken():
    """Figures and names that do not fit together are an error of one line."""
    def without(f, name): del f[name]
    def instead(f, name, shape):
        axes = f[name].attrs["axes"]
        del f[name]
        f[name] = np.zeros(shape)
        f[name].attrs["axes"] = axes
    def axes(f, name, text): f[name].attrs["axes"] = text
    for what, breaks, of in (("no labels", lambda f: without(f, "labels"), "l.h5"), ("no directions", lambda f: without(f, "directions"), "l.h5"),
                             ("too few labels", lambda f: instead(f, "label_norm", (3, 2)), "l.h5")):
        broken(what, breaks, of)
    for what, breaks in (("no emotions", lambda f: without(f, "emotions")), ("no layers", lambda f: without(f, "layers")),
                         ("too many emotions", lambda f: instead(f, "cosine", (3, 4))), ("too few axes", lambda f: axes(f, "cosine", "L")),
                         ("a strange axis", lambda f: axes(f, "cosine", "L\u00e9")), ("a third end", lambda f: instead(f, "efficiency_interval", (3, 3, 3))),
                         ("a scalar", lambda f: instead(f, "cosine", ()))):
        broken(what, breaks, "t.h5")


def check_numbers(text):
    with h5py.File("v.h5") as f: ev, layers = {s: x[()].astype(float) for s, x in f["ev"].items()}, f["layers"][()]
    for site, x in ev.items():
        all_ = np.concatenate([x, x.mean(axis=0, keepdims=True)])
        close(numbers_below(text, f"Norm of the vectors by layer, {site}"), np.column_stack([layers, np.linalg.norm(all_, axis=-1).T]), "norms", site)
        unit = all_ / np.linalg.norm(all_, axis=-1, keepdims=True)
        close(numbers_below(text, f"Cosines between the vectors, {site}"), np.einsum("eld,fld->lef", unit, unit).mean(axis=0), "cosines", site)
        l = len(layers) // 2
        plane = numbers_below(text, f"Principal plane, {site}, layer {layers[l]}")
        centred = x[:, l] - x[:, l].mean(axis=0)
        u, s, _ = np.linalg.svd(centred, full_matrices=False)
        close(np.abs(plane), np.abs(u[:, :2] * s[:2]), "principal plane", site)
    with h5py.File("t.h5") as f:
        for caption, name in (("Fisher efficiency by layer", "efficiency"), ("AUC along the vector by layer", "held_out_auc_ev")):
            close(numbers_below(text, caption), np.column_stack([f["layers"][()], f[name][()]]), caption)
    with h5py.File("l.h5") as f:
        layers, best = f["layers"][()], int(f["mean_auc"][:, 0].argmax())
        close(numbers_below(text, "AUC on labelled texts by layer"), np.column_stack([layers, f["mean_auc"][()]]), "labelled, mean AUC")
        for caption, direction in (("AUC along the vector on labelled texts", 0), ("AUC along the Fisher direction on labelled texts", 1)):
            close(numbers_below(text, caption), np.column_stack([layers, f["auc"][:, direction]]), caption)
        close(numbers_below(text, f"Cosines between the labels&#39; vectors, layer {layers[best]}"), f["label_cosine"][best], "labels' cosines")
        close(numbers_below(text, f"Principal plane of the labels&#39; vectors, layer {layers[best]}"), f["label_plane"][best], "labels' plane")
    with h5py.File("c.h5") as f:
        close(numbers_below(text, "Dose and response"), np.column_stack([f["alphas"][()], f["gain/score"][()].T]), "dose")
    check(text.count("<td>3<br><span class=\"dim\">[2, 4]</span></td>") == 4, "a table of metrics: alpha 2, two emotions and baselines")


PROBE = """<script>
const bar = document.querySelector('.controls input'), shown = () => [...document.querySelectorAll('[data-a]')].filter(e => !e.hidden).map(e => e.dataset.a);
const before = new Set(shown());
bar.value = 2; bar.dispatchEvent(new Event('input'));
parent.postMessage(JSON.stringify({wide: document.documentElement.scrollWidth, window: innerWidth, before: [...before],
  after: [...new Set(shown())], says: bar.getAttribute('aria-valuetext'), hidden: document.querySelector('.controls').hidden}), '*');
</script></body>"""


def check_browser(text):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium: return skip("the page in a browser:", "no chromium is installed")
    with open("probe.html", "w", encoding="utf-8") as f: f.write(text.replace("</body>", PROBE))
    for width in (390, 1280):                   # in a frame: a window of its own is never narrower than 500
        with open("frame.html", "w") as f:
            f.write(f"""<!DOCTYPE html><body><script>onmessage = m => document.body.dataset.probe = m.data</script>
                        <iframe src="probe.html" style="border:0;width:{width}px;height:900px"></iframe></body>""")
        p = subprocess.run([chromium, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--window-size=1400,1000", "--virtual-time-budget=5000",
                            f"--user-data-dir={os.getcwd()}/profile", "--dump-dom", "file://" + os.path.abspath("frame.html")],
                           capture_output=True, text=True, timeout=600)
        found = re.search(r'data-probe="([^"]*)"', p.stdout)
        if not check(found is not None, "chromium gives the page", p.returncode, p.stderr[-300:]): continue
        r = json.loads(html.unescape(found[1]))
        check(r["wide"] <= r["window"] == width, "no overflow at", width, r)
        check(r["before"] == ["1"] and r["after"] == ["2"] and r["says"] == "alpha 2.5" and not r["hidden"], "the slider", r)
        check("CONSOLE" not in p.stderr, "nothing on the console", [l for l in p.stderr.splitlines() if "CONSOLE" in l][:2])


def check_print(page):
    """On paper no table is cut, two figures stand side by side, and a heading is not the last thing on a page."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium or not shutil.which("pdftotext"): return skip("the page on paper:", "no chromium or no pdftotext (poppler-utils) is installed")
    p = subprocess.run([chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={os.getcwd()}/profile", "--no-pdf-header-footer",
                        "--print-to-pdf=page.pdf", "file://" + os.path.abspath(page)], capture_output=True, text=True, timeout=600)
    if not check(os.path.exists("page.pdf"), "chromium prints", p.stderr[-300:]): return
    subprocess.run(["pdftotext", "-bbox", "page.pdf", "page.xml"], check=True)
    with open("page.xml", encoding="utf-8") as f: pages = re.findall(r"<page .*?>(.*?)</page>", f.read(), re.S)
    words = [[(float(y), html.unescape(w)) for y, w in re.findall(r'yMax="([\d.]+)">(.*?)</word>', body)] for body in pages]
    said = " ".join(w for page in words for _, w in page)
    check("saturates at rank correlation, judge" in said, "the last columns of a wide table")      # a printer drops what a scroll box hides
    check(2 < len(pages) <= 14, "pages", len(pages))
    lowest = [max(page)[1] for page in words if page]
    check(not {"ppl", "tec", "Metrics", "texts", "response", "vectors", "good"} & set(lowest), "a heading has what it heads", lowest)


def check_notebook():
    with open("notebooks-out/r.ipynb", encoding="utf-8") as f: book = json.load(f)
    files = next("".join(c["source"]) for c in book["cells"] if "files" in c["metadata"].get("tags", []))
    check(files.startswith("FILES = [") and os.path.realpath("t.h5") in files, "the notebook names the files")
    lacking = [m for m in ("nbconvert", "ipykernel", "matplotlib") if not importlib.util.find_spec(m)]
    if lacking: return skip("the notebook:", "not installed: " + ", ".join(lacking))
    p = subprocess.run([sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--output", "done.ipynb", "notebooks-out/r.ipynb"],
                       capture_output=True, text=True, timeout=900)
    if not check(p.returncode == 0, "the notebook runs", p.stderr[-600:]): return
    with open("notebooks-out/done.ipynb", encoding="utf-8") as f: outputs = [o for c in json.load(f)["cells"] for o in c.get("outputs", [])]
    check(not [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"], "no cell fails or complains", outputs[:1])
    with h5py.File("c.h5") as f: doses = sum(n in f for n in ("gain/score", "gain/random_score", "gain/judge", "preservation/kl", "preservation/similarity"))
    check(sum("image/png" in o.get("data", {}) for o in outputs) == 2 * 3 + 4 + 6 + doses, "every figure is drawn again")


with tempfile.TemporaryDirectory() as folder:
    make_files(folder)
    with open("r.html", encoding="utf-8", newline="") as f: text = f.read()
    check_page(text)
    check_names()
    check_broken()
    check_numbers(text)
    check_browser(text)
    check_print("r.html")
    check_notebook()
    os.chdir(ROOT)
end()
