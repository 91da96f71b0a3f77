"""Tiny encoders with random weights, and what transformers computes for them: the folders beside this file.

    python make_encoders.py [OUT]

Needs torch, transformers, h5py. The layout of expected.h5 is that of the encoders of make_golden.py: groups t1, t7, t19, each with
`ids`, `token_type_ids` where the model takes them, `embed`, `hidden`, `mean`, `embedding`, `pooler`, `logits`; a model with a
decoder has `encoder_embed`, `encoder_hidden`, `decoder_ids`, `decoder_embed`, `decoder_hidden`, `eos_state`, `logits`."""
import os, sys
import h5py, numpy as np, torch, transformers as T
from safetensors.torch import load_file, save_file

OUT = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
SIZE = dict(vocab_size=61, hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40, max_position_embeddings=24)
LABELS = dict(id2label={0: "contradiction", 1: "neutral", 2: "entailment"}, label2id={"contradiction": 0, "neutral": 1, "entailment": 2})
RELATIVE = dict(SIZE, relative_attention=True, layer_norm_eps=1e-4, **LABELS)
MODELS = dict(
    bert=(T.BertForSequenceClassification, T.BertConfig(**SIZE, type_vocab_size=2, layer_norm_eps=1e-3, **LABELS), "float32"),
    roberta=(T.RobertaForSequenceClassification, T.RobertaConfig(**dict(SIZE, max_position_embeddings=27), pad_token_id=2, type_vocab_size=1,
                                                                 hidden_act="relu", **LABELS), "float16"),
    distilbert=(T.DistilBertForSequenceClassification, T.DistilBertConfig(vocab_size=61, dim=24, n_layers=2, n_heads=3, hidden_dim=40,
                                                                          max_position_embeddings=24, activation="gelu_new", num_labels=1), "bfloat16"),
    deberta=(T.DebertaV2ForSequenceClassification, T.DebertaV2Config(**RELATIVE, pos_att_type=["p2c", "c2p"], position_buckets=6, share_att_key=True,
                                                                     norm_rel_ebd="layer_norm", position_biased_input=False), "float32"),
    deberta_v2=(T.DebertaV2ForSequenceClassification, T.DebertaV2Config(**RELATIVE, pos_att_type="c2p|p2c", max_relative_positions=9, type_vocab_size=2,
                                                                        conv_kernel_size=3, conv_act="gelu", pooler_hidden_act="tanh"), "float16"),
    bart=(T.BartForSequenceClassification, T.BartConfig(vocab_size=61, d_model=24, encoder_layers=2, decoder_layers=1, encoder_attention_heads=3,
                                                        decoder_attention_heads=2, encoder_ffn_dim=40, decoder_ffn_dim=33, max_position_embeddings=24,
                                                        scale_embedding=True, **LABELS), "float16"),
)


def scatter(model, g):
    for name, p in model.named_parameters():
        with torch.no_grad():
            scale = 0.2 if p.dim() == 1 else 0.7 if "embed" in name else 1.2 / p.shape[-1] ** 0.5
            p.copy_(torch.randn(p.shape, generator=g) * scale + (p.dim() == 1 and "norm" in name.lower() and "weight" in name))
    return model.eval()


def states(model, ids, types, dtype):
    model.to(dtype)
    args = dict(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long))
    if types is not None: args["token_type_ids"] = torch.tensor([types])
    with torch.no_grad():
        out = model(**args, output_hidden_states=True)
        if model.config.model_type == "bart":
            enc, dec = out.encoder_hidden_states, out.decoder_hidden_states
            last = max(i for i, t in enumerate(ids) if t == model.config.eos_token_id)
            got = dict(encoder_embed=enc[0][0], encoder_hidden=torch.stack(enc[1:], 2)[0], decoder_embed=dec[0][0],
                       decoder_hidden=torch.stack(dec[1:], 2)[0], eos_state=dec[-1][0, last])
        else:
            h = out.hidden_states
            mean = h[-1][0].mean(0)
            got = dict(embed=h[0][0], hidden=torch.stack(h[1:], 2)[0], mean=mean, embedding=mean / mean.norm())
            if model.config.model_type == "bert": got["pooler"] = model.bert(**args).pooler_output[0]
            if model.config.model_type == "deberta-v2": got["pooler"] = model.pooler(h[-1])[0]
    got["logits"] = out.logits[0]
    model.to(torch.float32)
    return {k: v.double().numpy() for k, v in got.items()}


for seed, (name, (M, config, stored)) in enumerate(MODELS.items()):
    g, rng, folder = torch.Generator().manual_seed(seed), np.random.default_rng(seed), os.path.join(OUT, name)
    model = scatter(M(config), g)
    model.to(getattr(torch, stored)).to(torch.float32)
    model.save_pretrained(folder)
    path = os.path.join(folder, "model.safetensors")
    save_file({k: v.to(getattr(torch, stored)) for k, v in load_file(path).items()}, path, metadata={"format": "pt"})
    worst = {}
    with h5py.File(os.path.join(folder, "expected.h5"), "w") as f:
        f.attrs["reference"] = "transformers " + T.__version__
        for n in (1, 7, 19):
            ids = [int(x) for x in rng.integers(3, 61, n)]
            types = [int(i > n // 2) for i in range(n)] if getattr(config, "type_vocab_size", 0) > 1 else None
            if name == "bart": ids[-1] = config.eos_token_id
            want, exact = states(model, ids, types, torch.float32), states(model, ids, types, torch.float64)
            group = f.create_group(f"t{n}")
            group["ids"] = np.array(ids, np.int32)
            if types: group["token_type_ids"] = np.array(types, np.int32)
            if name == "bart": group["decoder_ids"] = np.array([config.decoder_start_token_id] + ids[:-1], np.int32)
            for k, v in want.items():
                group[k] = v.astype(np.float32)
                worst[k] = max(worst.get(k, 0), float(np.abs(v - exact[k]).max()))
        for k, v in worst.items(): f.attrs["fp64_maxdiff_" + k] = v
