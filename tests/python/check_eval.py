"""`evoke eval` against transformers (perplexity, inference), sentence-transformers (topic, probe), scikit-learn and SciPy
(agreement, Spearman), NumPy (bootstrap) and Python's own counting.

    python check_eval.py PROGRAM

Models: the default one and all-MiniLM-L6-v2 in the user's cache; parts whose model or package is missing are skipped."""
import csv, json, math, os, pathlib, re, subprocess, tempfile
from checking import PROGRAM, check, end, program, skip

DATA = pathlib.Path(__file__).resolve().parents[2] / "data"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "evoke"
MODEL = CACHE / "SmolLM2-135M-Instruct.Q4_1.gguf"
MINILM = pathlib.Path(os.environ.get("EVOKE_MINILM", CACHE / "all-MiniLM-L6-v2"))
EMOTIONS = list(json.load(open(DATA / "lexicon.json")))


def near(got, want, gap, *what):
    check(got is not None and abs(got - want) <= gap, *what, got, want)


try:
    import numpy as np
except ImportError as e:
    skip(f"eval against other programs: {e}")
    end()

TEXTS = [
    ("How was the wedding?", "It was glorious, and I am so happy for them both! We danced until the sun came up, everyone was singing.", "joy", 2),
    ("How was the wedding?", "It was fine. The food came at eight and we left at eleven, and then we took the last train home.", "joy", 0),
    ("What is in the attic?", "Something moves up there at night. I am terrified, terrified, and I will not go up, I will not go up, not ever.", "fear", 1),
    ("What is in the attic?", "Boxes, mostly. Old coats, a lamp, some letters that nobody has read since the war.", "fear", 0),
    ("How do I boil an egg?", "Eggs! Who cares about eggs, when everything is ruined and I could scream with rage? \u042f \u0437\u043e\u043b!", "anger", 4),
    ("How do I boil an egg?", "Put it into boiling water for seven minutes, then into cold water.", "anger", 0),
]


def divided(work, path, scores, stdout, options):
    """Three shards of the same, merged: the same bytes on stdout and in the scores, whatever is measured."""
    parts, merged = [os.path.join(work, f"part{i}.jsonl") for i in (1, 2, 3)], os.path.join(work, "merged.jsonl")
    for i, part in enumerate(parts, 1):
        got = program("eval", path, "-q", "-t", "1", "--lexicon", str(DATA / "lexicon.json"), "-o", part, "--shard", f"{i}/3", *options)
        check(got.returncode == 0 and got.stderr == "", options, "shard", i, got.stderr)
    got = program("merge", *reversed(parts), "-o", merged, "--json")
    check(got.returncode == 0 and got.stdout == stdout and open(merged).read() == open(scores).read(), options, "merged", got.stderr)


def run(work, rows, *options):
    path, scores = os.path.join(work, "r.jsonl"), os.path.join(work, "s.jsonl")
    with open(path, "w") as f:
        for q, t, e, a in rows: print(json.dumps({"query": q, "text": t, "emotion": e, "alpha": a}), file=f)
    got = program("eval", path, "--json", "-q", "-t", "1", "--lexicon", str(DATA / "lexicon.json"), "-o", scores, *options)
    check(got.returncode == 0, options, got.stderr)
    if got.returncode: return None, []
    if "--human" not in options: divided(work, path, scores, got.stdout, options)
    return json.loads(got.stdout), [json.loads(line) for line in open(scores)]


def counted(work):
    result, scores = run(work, TEXTS)
    for (q, t, e, a), s in zip(TEXTS, scores):
        words = re.findall(r"\w+", t.lower())
        share = lambda n: len({tuple(words[i:i + n]) for i in range(len(words) - n + 1)}) / (len(words) - n + 1)
        for n, name in ((1, "distinct1"), (2, "distinct2")): near(s[name], share(n), 1e-12, name, t)
        near(s["repetition"], 1 - share(4), 1e-12, "repetition", t)
        near(s["words"], len(t.split()), 0, "words", t)
        letters = [c for c in t if c.isalpha()]
        near(s["drift"], sum(not c.isascii() for c in letters) / len(letters), 1e-12, "drift", t)
    try:
        from scipy.stats import spearmanr
        near(result["validity"]["alpha"]["words"]["spearman"], spearmanr([r[3] for r in TEXTS], [s["words"] for s in scores])[0], 1e-12, "Spearman")
    except ImportError as e:
        skip(f"Spearman: {e}")
    random = np.random.default_rng(1)
    x = random.gamma(2, 10, 300).astype(int) + 1
    result, _ = run(work, [("q", "w " * n, "joy", 1) for n in x], "--metrics", "degeneration")
    means = np.sort([random.choice(x, len(x)).mean() for _ in range(20000)])
    for bound, p in (("low", 0.025), ("high", 0.975)):
        near(result["cells"][0]["words"][bound], np.quantile(means, p), 0.1 * x.std() / math.sqrt(len(x)) * 2, "bootstrap", bound)


def agreement(work):
    try:
        from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
    except ImportError as e:
        return skip(f"agreement: {e}")
    lexicon, random, path = json.load(open(DATA / "lexicon.json")), np.random.default_rng(2), os.path.join(work, "human.jsonl")
    classes, rows = EMOTIONS + ["neutral"], []
    with open(path, "w") as f:
        for _ in range(200):
            said = random.integers(0, 6, 2)
            text = "so " + " ".join(random.choice(lexicon[classes[k]]) for k in said if k < 5)
            truth = int(said[0] if random.random() < 0.7 else random.integers(0, 6))
            print(json.dumps({"text": text, "emotion": classes[truth]}), file=f)
            rows.append((truth, [sum(k == s for s in said) for k in range(5)] + [0.5]))
    got = program("eval", "--human", path, "--lexicon", str(DATA / "lexicon.json"), "--json", "-q")
    check(got.returncode == 0, got.stderr)
    a, truth, scores = json.loads(got.stdout)["validity"][path]["lexicon"], np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    guess = scores.argmax(1)
    near(a["macro_f1"]["mean"], f1_score(truth, guess, average="macro"), 1e-12, "macro F1")
    near(a["accuracy"]["mean"], accuracy_score(truth, guess), 1e-12, "accuracy")
    near(a["auc"], np.mean([roc_auc_score(truth == k, scores[:, k]) for k in range(6)]), 1e-12, "AUC")
    shuffled = np.mean([f1_score(random.permutation(truth), guess, average="macro") for _ in range(200)])
    near(a["chance_f1"], shuffled, 0.02, "macro F1 by chance")
    check(a["macro_f1"]["low"] < a["macro_f1"]["mean"] < a["macro_f1"]["high"] and a["better_than_chance"], "interval", a)


def metric_alone(figures, x, is_label, intensity, *what):
    """One metric's figures for an emotion against scikit-learn, SciPy and a bootstrap within either kind of text."""
    from scipy.stats import spearmanr
    from sklearn.metrics import roc_auc_score
    x, is_label, random = np.array(x), np.array(is_label), np.random.default_rng(4)
    near(figures["auc"]["mean"], roc_auc_score(is_label, x), 1e-9, "AUC", *what)
    near(figures["spearman"]["spearman"], spearmanr(x, is_label)[0], 1e-9, "Spearman with the label", *what)
    near(figures["intensity"]["spearman"], spearmanr(x[is_label], np.array(intensity)[is_label])[0], 1e-9, "with the intensity", *what)
    draw = lambda y: random.choice(y, len(y))
    drawn = []
    for _ in range(1000):
        own, other = draw(x[is_label]), draw(x[~is_label])
        drawn.append((np.greater.outer(own, other) + 0.5 * np.equal.outer(own, other)).mean())
    for bound, p in (("low", 0.025), ("high", 0.975)): near(figures["auc"][bound], np.quantile(drawn, p), 0.3 * np.std(drawn), "AUC's interval", bound, *what)
    check(figures["better_than_chance"] == (figures["auc"]["low"] > 0.5), "chance", figures, *what)


def metrics_alone(work):
    """Words that tell joy, say nothing of anger and the contrary of fear; and how many of them go with the intensity."""
    try: import scipy, sklearn
    except ImportError as e: return skip(f"metrics against labels: {e}")
    lexicon, random, path, rows = json.load(open(DATA / "lexicon.json")), np.random.default_rng(5), os.path.join(work, "felt.jsonl"), []
    with open(path, "w") as f:
        for i in range(240):
            emotion = ("joy", "anger", "fear", "neutral")[i % 4]
            strength = int(random.integers(0, 5))
            words = {"joy": random.poisson(strength if emotion == "joy" else 0.5), "anger": random.poisson(1), "fear": random.poisson(0.3 if emotion == "fear" else 2)}
            text = "so " + " ".join(lexicon[e][0] for e, n in words.items() for _ in range(n))
            print(json.dumps({"text": text, "labels": [emotion], "intensity": strength}), file=f)
            rows.append((emotion, words, strength))
    command = [PROGRAM, "eval", "--human", path, "--lexicon", str(DATA / "lexicon.json"), "-q"]
    got = subprocess.run([*command, "--json"], capture_output=True, text=True)
    check(got.returncode == 0, got.stderr)
    of = json.loads(got.stdout)["validity"][path]["metrics"]["lex"]["lexicon"]
    for e in ("joy", "anger", "fear"): metric_alone(of[e], [w[e] for _, w, _ in rows], [t == e for t, _, _ in rows], [s for _, _, s in rows], e)
    check([of[e]["better_than_chance"] for e in ("joy", "anger", "fear")] == [True, False, False], "verdicts", of)
    lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    said = {e: [l.endswith("no better than chance") for l in lines if re.match(rf"lex +lexicon +{e} ", l)] for e in ("joy", "anger", "fear")}
    check(said == {"joy": [False], "anger": [True], "fear": [True]}, "said", said)


def alphas(work):
    """From alpha 0 to 2: unsteered texts count for every emotion, other baselines and alphas not at all."""
    try: from scipy.stats import spearmanr
    except ImportError as e: return skip(f"alpha: {e}")
    lexicon, random, path, rows = json.load(open(DATA / "lexicon.json")), np.random.default_rng(6), os.path.join(work, "a.jsonl"), []
    with open(path, "w") as f:
        for i in range(120):
            emotion, alpha, baseline = ("joy", "fear")[i % 2], (0, 1, 2, 4, -1)[i // 2 % 5], "random" if i % 7 == 0 else ""
            if alpha == 0: emotion, baseline = "", "none"
            n = random.poisson(1 + (alpha if emotion == "joy" else 0), 2)
            row = {"query": "q", "text": "so " + f"{lexicon['joy'][0]} " * n[0] + f"{lexicon['fear'][0]} " * n[1], "emotion": emotion, "alpha": alpha, "baseline": baseline}
            print(json.dumps(row), file=f)
            rows += [(e, alpha, k) for e, k in (("joy", n[0]), ("fear", n[1])) if emotion in ("", e) and baseline in ("", "none") and 0 <= alpha <= 2]
            rows += [(e, 0, 0) for e in ("anger", "disgust", "sadness") if alpha == 0]
    command = [PROGRAM, "eval", path, "--lexicon", str(DATA / "lexicon.json"), "--metrics", "lexicon"]
    got = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True).stdout)["validity"]["alpha"]["lex"]["rise"]
    near(got["spearman"], spearmanr([a for _, a, _ in rows], [k for _, _, k in rows])[0], 1e-9, "rise")
    for e in ("joy", "fear"):
        own = [(a, k) for at, a, k in rows if at == e]
        want = spearmanr(*zip(*own))[0]
        near(got["emotions"][e]["spearman"], want, 1e-9, "rise", e)
        half = 1.96 * math.sqrt((1 + want * want / 2) / (len(own) - 3))
        near(got["emotions"][e]["low"], math.tanh(math.atanh(want) - half), 1e-9, "its interval", e)
    check(got["emotions"]["joy"]["rises"] and not got["emotions"]["fear"]["rises"] and set(got["emotions"]) == {"joy", "fear"}, "verdicts", got)


def formats(work):
    """--csv and --tables have what --json has."""
    path = os.path.join(work, "f.jsonl")
    with open(path, "w") as f:
        for q, t, e, a in [*TEXTS, ("q", "", "joy", 2)]: print(json.dumps({"query": q, "text": t, "emotion": e, "alpha": a}), file=f)
    say = lambda how: program("eval", path, "--metrics", "degeneration", "-q", how).stdout
    cells, rows, tables = json.loads(say("--json"))["cells"], list(csv.DictReader(say("--csv").splitlines())), say("--tables").split("\n\n")
    columns = [k for k in cells[0] if isinstance(cells[0][k], dict)]
    check(len(rows) == len(cells) * len(columns), "rows of CSV", len(rows))
    table = {t.split()[0]: [line for line in t.splitlines()] for t in tables if t.split()[0] in columns}
    check(set(table) == set(columns), "a table a metric", set(table))
    for cell in cells:
        for c in columns:
            row = next(r for r in rows if (r["emotion"], float(r["alpha"]), r["metric"]) == (cell["emotion"], cell["alpha"], c))
            for key in ("mean", "low", "high"):
                if cell[c][key] is None: check(row[key] == "", "CSV", row)
                else: near(float(row[key]), cell[c][key], 1e-6 * max(1, abs(cell[c][key])), "CSV", c, key)
            check(int(row["n"]) == cell[c]["n"] and int(row["left_out"]) == cell["n"] + cell["left_out"] - cell[c]["n"], "left out", row)
            at = [float(x) for x in re.findall(r"alpha +(\S+)", table[c][0])].index(cell["alpha"])
            line = next(l for l in table[c][1:] if l.split()[0] == cell["emotion"])
            shown = line[24 + 25 * at:24 + 25 * (at + 1)].split()
            if cell[c]["mean"] is not None: near(float(shown[0]), cell[c]["mean"], 1e-3 * max(1, abs(cell[c]["mean"])), "table", c, line)
    check(next(c for c in cells if (c["emotion"], c["alpha"]) == ("joy", 2))["left_out"] == 1, "the empty one is left out")


def ratings(work):
    """eas of a judge is held against labels by the same numbers that responses get."""
    try: import scipy, sklearn
    except ImportError as e: return skip(f"eas: {e}")
    if not MODEL.exists(): return skip("eas: the default model is not in the cache")
    path, options = os.path.join(work, "rated.jsonl"), ("--metrics", "eas", "--judge-model", str(MODEL))
    labels = ["joy", "neutral", "fear", "neutral", "anger", "joy"]
    with open(path, "w") as f:
        for i, (label, row) in enumerate(zip(labels, TEXTS)): print(json.dumps({"text": row[1], "emotion": label, "intensity": i}), file=f)
    result, scores = run(work, [(q, t, "", 0) for q, t, _, _ in TEXTS], "--human", path, *options)
    of, eas = result["validity"][path]["metrics"], [s["eas"]["joy"] for s in scores]
    check(set(of) == {"eas"} and set(of["eas"]["judge"]) == {"joy", "fear", "anger"}, "only what was asked for", of)
    check(all(0 <= x <= 100 for x in eas) and np.std(eas) > 0.1, "eas", eas)
    metric_alone(of["eas"]["judge"]["joy"], eas, [l == "joy" for l in labels], list(range(6)), "eas")


OTHER = {1: 2, 3: 4, 5: 0}      # of an unsteered text the next row with another query, from the start again


def own_against_other(result, scores, own, other):
    """The share of pairs in which an unsteered text scores higher with its own query than another with another's."""
    a, b = ([s[name] for i, s in enumerate(scores) if i in OTHER] for name in (own, other))
    check(all(s[other] is None for i, s in enumerate(scores) if i not in OTHER), other, "of steered texts")
    auc = result["validity"]["topic"][own]
    near(auc["auc"]["mean"], sum((x > y) + 0.5 * (x == y) for x in a for y in b) / 9, 1e-12, own, "AUC")
    check(auc["n"] == 3 and auc["better_than_chance"] == (auc["auc"]["low"] > 0.5), own, auc)


def judged_topic(work):
    """The judge's yes to a text beside another's query is what it says where that is the text's own."""
    if not MODEL.exists(): return skip("topic by a judge: the default model is not in the cache")
    options = ("--metrics", "topic", "--judge-model", str(MODEL))
    result, scores = run(work, TEXTS, *options)
    _, swapped = run(work, [(TEXTS[OTHER.get(i, i)][0], t, e, a) for i, (_, t, e, a) in enumerate(TEXTS)], *options)
    for i in OTHER: near(scores[i]["other_topic"], swapped[i]["topic"], 1e-6, "other_topic", i)
    check(len({s["topic"] for s in scores}) == len(scores) and all(0 <= s["topic"] <= 1 for s in scores), "topic", scores)
    own_against_other(result, scores, "topic", "other_topic")
    result, scores = run(work, [TEXTS[1]] * 2, *options)
    check("topic" not in result["validity"] and scores[0]["other_topic"] is None, "one query alone", result["validity"])


def perplexity(work):
    try:
        import torch, transformers
    except ImportError as e:
        return skip(f"perplexity: {e}")
    if not MODEL.exists(): return skip("perplexity: the default model is not in the cache")
    transformers.logging.set_verbosity_error()
    tok = transformers.AutoTokenizer.from_pretrained(str(CACHE), gguf_file=MODEL.name)
    model = transformers.AutoModelForCausalLM.from_pretrained(str(CACHE), gguf_file=MODEL.name, dtype=torch.float32).eval()

    def nll(ids, context, window):      # as transformers' guide to perplexity, half a window at a time
        total, before = 0.0, context
        for begin in range(0, len(ids), window // 2):
            last = min(begin + window, len(ids))
            if last <= before: continue
            with torch.no_grad(): logp = model(torch.tensor([ids[begin:last]])).logits[0].double().log_softmax(-1)
            total -= sum(logp[t - 1 - begin, ids[t]].item() for t in range(before, last))
            before = last
            if last == len(ids): break
        return total / (len(ids) - context)

    long = ("What happened?", " ".join(t for _, t, _, _ in TEXTS * 2), "joy", 1)
    for window in (None, 48):
        _, scores = run(work, [*TEXTS[:4], long], "--metrics", "ppl,ppl_alone", "--ppl-model", str(MODEL), *(["--ppl-window", str(window)] if window else []))
        for (q, t, e, a), s in zip([*TEXTS[:4], long], scores):
            prompt = tok(tok.apply_chat_template([{"role": "user", "content": q}], tokenize=False, add_generation_prompt=True)).input_ids
            own = tok(t, add_special_tokens=False).input_ids
            for name, ids, context in (("ppl", prompt + own, len(prompt)), ("ppl_alone", own, 1)):
                want = math.exp(nll(ids, context, window or 10**6))
                near(s[name] / want, 1, 1e-4, name, window, t)


def embeddings(work):
    try:
        import sentence_transformers
    except ImportError as e:
        return skip(f"topic and probe: {e}")
    if not MINILM.exists(): return skip("topic and probe: all-MiniLM-L6-v2 is not in the cache")
    encoder = sentence_transformers.SentenceTransformer(str(MINILM), device="cpu")
    v = encoder.encode([t for _, t, _, _ in TEXTS]).astype(float)
    q = encoder.encode([q for q, _, _, _ in TEXTS]).astype(float)
    probe_file = DATA / "probe_minilm.json"
    result, scores = run(work, TEXTS, "--metrics", "eps,tec,topic", "--embed-model", str(MINILM), "--probe", str(probe_file))
    probe = json.load(open(probe_file))
    z = v @ np.array(probe["weights"]).T + np.array(probe["bias"])
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    cosine = lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    for i, s in enumerate(scores):
        near(s["topic_query"], cosine(v[i], q[i]), 1e-4, "topic_query", i)
        if i % 2 == 0: near(s["topic_unsteered"], cosine(v[i], v[i + 1]), 1e-4, "topic_unsteered", i)
        if i in OTHER: near(s["other_query"], cosine(v[i], q[OTHER[i]]), 1e-4, "other_query", i)
        neutral = p[i, probe["labels"].index("neutral")]
        near(s["eps"], 1 - neutral, 1e-4, "eps", i)
        for e in EMOTIONS: near(s["tec"][e], p[i, probe["labels"].index(e)] / (1 - neutral), 1e-4, "tec", e, i)
    own_against_other(result, scores, "topic_query", "other_query")
    words = [w for _, t, _, _ in (TEXTS[0], TEXTS[1], TEXTS[2]) for w in t.split()]
    quarter = len(words) // 4
    ends = [" ".join(words[:quarter]), " ".join(words[-quarter:])]
    whole = [("q", " ".join(words), "joy", 1), ("q", " ".join(words[:39]), "joy", 1)]
    _, scores = run(work, whole, "--metrics", "course", "--embed-model", str(MINILM), "--probe", str(probe_file))
    _, parts = run(work, [("q", t, "joy", 1) for t in ends], "--metrics", "tec", "--embed-model", str(MINILM), "--probe", str(probe_file))
    for name, part in zip(("tec_first", "tec_last"), parts):
        for e in EMOTIONS: near(scores[0][name][e], part["tec"][e], 1e-5, name, e)
        check(all(x is None for x in scores[1][name].values()), name, "of fewer than 40 words", scores[1][name])


def inference(work):
    try:
        import torch, transformers as T
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    except ImportError as e:
        return skip(f"inference: {e}")
    folder = os.path.join(work, "nli")
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer, t.pre_tokenizer = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator([t for _, t, _, _ in TEXTS], trainers.WordPieceTrainer(vocab_size=300, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                     special_tokens=[("[CLS]", t.token_to_id("[CLS]")), ("[SEP]", t.token_to_id("[SEP]"))])
    tok = T.PreTrainedTokenizerFast(tokenizer_object=t, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]", model_max_length=128,
                                    model_input_names=["input_ids", "token_type_ids", "attention_mask"])
    torch.manual_seed(0)
    model = T.BertForSequenceClassification(T.BertConfig(vocab_size=len(tok), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
                                                         max_position_embeddings=128, initializer_range=0.5, id2label={0: "contradiction", 1: "neutral", 2: "entailment"},
                                                         label2id={"contradiction": 0, "neutral": 1, "entailment": 2})).eval()
    model.save_pretrained(folder)
    tok.save_pretrained(folder)
    _, scores = run(work, TEXTS, "--metrics", "eps,tec", "--nli-model", folder)
    pipe = T.pipeline("zero-shot-classification", model=model, tokenizer=tok, device="cpu")
    for (_, text, _, _), s in zip(TEXTS, scores):
        for labels, own in ((EMOTIONS, s["tec"]), (["emotion", "no emotion"], {"emotion": s["eps"]})):
            want = pipe(text, candidate_labels=labels, hypothesis_template="This text expresses {}.")
            want = dict(zip(want["labels"], want["scores"]))
            for label, p in own.items(): near(p, want[label], 1e-4, "zero-shot", label, text)


with tempfile.TemporaryDirectory() as work:
    for part in (counted, agreement, metrics_alone, alphas, formats, ratings, judged_topic, inference, embeddings, perplexity): part(work)
end()
