"""What sentence-transformers makes of some texts with all-MiniLM-L6-v2:  make.py MODEL_FOLDER OUT.h5"""
import sys

import h5py, numpy as np, sentence_transformers

TEXTS = ["A happy person", "A sad person", "", "x", "The cat sat on the mat.", "It was a dark and stormy night, and nobody slept.",
         "Ich freue mich auf morgen.", "今日はとても嬉しいです。", "naïve café — “quoted” … 100%", "UPPER lower MiXeD", "emoji 🙂🙃",
         "a\tb\nc   d", "word " * 300, "antidisestablishmentarianism " * 40, "[CLS] [SEP] [MASK]", "1234567890 3.14159 -42"]
model = sentence_transformers.SentenceTransformer(sys.argv[1], device="cpu")
with h5py.File(sys.argv[2], "w") as f:
    f.attrs["program"] = f"sentence-transformers {sentence_transformers.__version__}"
    f.create_dataset("texts", data=TEXTS, dtype=h5py.string_dtype())
    f["embeddings"] = model.encode(TEXTS, batch_size=1).astype(np.float32)
