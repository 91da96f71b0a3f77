#!/usr/bin/env python3
"""Checks of the query datasets under data/. Python 3 standard library only.

Prints `ok NAME` or `not ok NAME: why` for each check and ends with a count; exits 1 if a check failed.
"""
import json
import os
import re
import sys
from collections import Counter, defaultdict

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.path.join(ROOT, "data")
EMOTIONS = ["joy", "anger", "disgust", "fear", "sadness"]
FILES = ["queries_extraction.jsonl", "queries_evaluation.jsonl", "prompts_heldout.jsonl", "prompts_tuning.jsonl"]
FIELDS = ["id", "emotion", "language", "text"]

NEAR_DUPLICATE = 0.6       # share of common word 3-grams from which two texts are near duplicates
NEAR_MIN_TRIGRAMS = 3      # shorter texts are left to the exact check
OPENING_MAX = 6            # texts that may open with the same three words
CLOSING_MAX_SHARE = 0.12   # share of the texts that may begin their last sentence with the same three words
WORDS_MIN, WORDS_MAX = 4, 60
LENGTH_SD_MIN = 8.0        # standard deviation of the number of words, emotional queries
MTTR_WINDOW, MTTR_MIN = 1000, 0.42   # moving type/token ratio
NAMED_MAX_SHARE = 0.05     # share of the emotional queries that may contain a word of their own emotion's lexicon
QUESTION_SHARE = (0.2, 0.8)

SETTINGS = {
    "system": None,
    "settings": {
        "neutral": "{query}",
        "emotion": "Write what a person full of {emotion} would say. "
                   "Use strong words of {emotion}.\n\n{query}",
    },
}

EXPECTED_COUNTS = {
    "queries_extraction.jsonl": {emotion: 100 for emotion in EMOTIONS},
    "queries_evaluation.jsonl": dict({emotion: 50 for emotion in EMOTIONS}, neutral=150),
    "prompts_heldout.jsonl": {"neutral": 20},
    "prompts_tuning.jsonl": {"neutral": 24},
}


def expected_ids(name):
    if name == "queries_extraction.jsonl":
        return ["%s-%03d" % (e, i) for e in EMOTIONS for i in range(1, 101)]
    if name == "queries_evaluation.jsonl":
        ids = ["eval-%s-%03d" % (e, i) for e in EMOTIONS for i in range(1, 51)]
        return ids + ["eval-everyday-%03d" % i for i in range(1, 151)]
    if name == "prompts_tuning.jsonl":
        return ["tuning-%02d" % i for i in range(1, 25)]
    return ["heldout-%02d" % i for i in range(1, 21)]


def expected_emotion(identifier):
    parts = identifier.split("-")
    if parts[0] in ("heldout", "tuning") or "everyday" in parts:
        return "neutral"
    return parts[1] if parts[0] == "eval" else parts[0]


class Failure(Exception):
    pass


def need(condition, why):
    if not condition:
        raise Failure(why)


def no_repeated_keys(pairs):
    keys = [key for key, _ in pairs]
    need(len(keys) == len(set(keys)), "an object names a key twice: %s" % keys)
    return dict(pairs)


def read_bytes(name):
    path = os.path.join(DATA, name)
    need(os.path.isfile(path), "data/%s is missing" % name)
    with open(path, "rb") as stream:
        return stream.read()


def parse_json(text, where):
    try:
        return json.loads(text, object_pairs_hook=no_repeated_keys)
    except ValueError as error:
        raise Failure("%s: not JSON: %s" % (where, error))


def load_lines(name):
    text = read_bytes(name).decode("utf-8")
    need(text.endswith("\n"), "%s does not end with a newline" % name)
    return [parse_json(line, "%s:%d" % (name, number))
            for number, line in enumerate(text[:-1].split("\n"), 1)]


def load_all():
    return [entry for name in FILES for entry in load_lines(name)]


def emotional():
    return [entry for entry in load_all() if entry["emotion"] != "neutral"]


def words(text):
    return re.findall(r"\w+(?:['\u2019]\w+)*", text.lower())


def trigrams(text):
    tokens = words(text)
    return {tuple(tokens[i:i + 3]) for i in range(len(tokens) - 2)}


def last_sentence(text):
    parts = [p for p in re.split(r"(?<=[.!?])[\"\u201d)]*\s+", text.strip()) if p]
    return parts[-1]


def check_utf8(name):
    raw = read_bytes(name)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Failure("byte %d: %s" % (error.start, error.reason))
    need(not text.startswith("\ufeff"), "starts with a byte order mark")
    bad = sorted({hex(ord(c)) for c in text if (ord(c) < 32 and c != "\n") or ord(c) in (127, 0xFFFD)})
    need(not bad, "control or replacement characters: %s" % bad)


def check_counts(name):
    counts = dict(Counter(entry.get("emotion") for entry in load_lines(name)))
    need(counts == EXPECTED_COUNTS[name], "found %s" % counts)


def check_fields(name):
    for number, entry in enumerate(load_lines(name), 1):
        where = "line %d" % number
        need(isinstance(entry, dict), "%s is not an object" % where)
        need(list(entry) == FIELDS, "%s has the fields %s" % (where, list(entry)))
        for field in FIELDS:
            need(isinstance(entry[field], str) and entry[field], "%s: %s is not a text" % (where, field))
        need(entry["language"] == "en", "%s: language %r" % (where, entry["language"]))
        need(entry["text"] == " ".join(entry["text"].split()), "%s: stray white space" % where)
        need("{" not in entry["text"] and "}" not in entry["text"], "%s: a brace in the text" % where)


def check_ids(name):
    entries = load_lines(name)
    need([entry["id"] for entry in entries] == expected_ids(name), "ids are not the expected series")
    for entry in entries:
        need(entry["emotion"] == expected_emotion(entry["id"]),
             "%s has the emotion %s" % (entry["id"], entry["emotion"]))


def check_unique_ids():
    repeated = [i for i, n in Counter(entry["id"] for entry in load_all()).items() if n > 1]
    need(not repeated, "repeated: %s" % repeated[:5])


def check_exact_duplicates():
    seen = {}
    for entry in load_all():
        key = "".join(entry["text"].lower().split())
        need(key not in seen, "%s and %s are the same text" % (seen.get(key), entry["id"]))
        seen[key] = entry["id"]


def near_duplicate_pairs(entries):
    """[(share, id, id)] of all pairs at or above the limit, by an inverted index of the trigrams."""
    index = defaultdict(list)
    sizes = []
    found = []
    for number, entry in enumerate(entries):
        own = trigrams(entry["text"])
        sizes.append(len(own))
        if len(own) < NEAR_MIN_TRIGRAMS:
            continue
        common = Counter()
        for trigram in own:
            for other in index[trigram]:
                common[other] += 1
            index[trigram].append(number)
        for other, count in common.items():
            share = count / min(len(own), sizes[other])
            if share >= NEAR_DUPLICATE:
                found.append((share, entries[other]["id"], entry["id"]))
    return sorted(found, reverse=True)


def check_near_duplicates():
    found = near_duplicate_pairs(load_all())
    need(not found, "%d pairs, first %s" % (len(found), found[:3]))


def check_near_duplicate_detector():
    first = {"id": "a", "text": "The cat sat on the old red mat in the hall."}
    second = {"id": "b", "text": "Yesterday the cat sat on the OLD red mat in the hall!"}
    third = {"id": "c", "text": "How many legs does a spider have?"}
    pairs = near_duplicate_pairs([first, third, second])
    need([pair[1:] for pair in pairs] == [("a", "b")], "found %s" % pairs)


def check_openings():
    openings = Counter(tuple(words(entry["text"])[:3]) for entry in load_all())
    opening, count = openings.most_common(1)[0]
    need(count <= OPENING_MAX, "%d texts open with %r" % (count, " ".join(opening)))


def check_closings():
    entries = emotional()
    closings = Counter(tuple(words(last_sentence(entry["text"]))[:3]) for entry in entries)
    closing, count = closings.most_common(1)[0]
    need(count <= CLOSING_MAX_SHARE * len(entries), "%d of %d last sentences begin with %r"
         % (count, len(entries), " ".join(closing)))


def check_lengths():
    for entry in load_all():
        count = len(words(entry["text"]))
        need(WORDS_MIN <= count <= WORDS_MAX, "%s has %d words" % (entry["id"], count))


def check_length_spread():
    for emotion in EMOTIONS:
        lengths = [len(words(entry["text"])) for entry in emotional() if entry["emotion"] == emotion]
        mean = sum(lengths) / len(lengths)
        deviation = (sum((n - mean) ** 2 for n in lengths) / (len(lengths) - 1)) ** 0.5
        need(deviation >= LENGTH_SD_MIN, "%s: standard deviation %.2f" % (emotion, deviation))
        need(sum(n <= 10 for n in lengths) >= 10, "%s: fewer than 10 short queries" % emotion)
        need(sum(n >= 30 for n in lengths) >= 10, "%s: fewer than 10 long queries" % emotion)


def check_type_token():
    tokens = [token for entry in load_all() for token in words(entry["text"])]
    need(len(tokens) > MTTR_WINDOW, "too few words")
    ratios = [len(set(tokens[i:i + MTTR_WINDOW])) / MTTR_WINDOW
              for i in range(0, len(tokens) - MTTR_WINDOW + 1, MTTR_WINDOW // 2)]
    need(min(ratios) >= MTTR_MIN, "lowest %.3f in %d words" % (min(ratios), MTTR_WINDOW))


def check_questions():
    for emotion in EMOTIONS:
        entries = [entry for entry in emotional() if entry["emotion"] == emotion]
        share = sum(entry["text"].rstrip('"').endswith("?") for entry in entries) / len(entries)
        need(QUESTION_SHARE[0] <= share <= QUESTION_SHARE[1],
             "%s: %.2f of the queries end with a question mark" % (emotion, share))


def load_lexicon():
    return parse_json(read_bytes("lexicon.json").decode("utf-8"), "lexicon.json")


def check_lexicon_shape():
    lexicon = load_lexicon()
    need(list(lexicon) == EMOTIONS, "emotions are %s" % list(lexicon))
    for emotion, forms in lexicon.items():
        need(isinstance(forms, list), "%s is not a list" % emotion)
        need(60 <= len(forms) <= 120, "%s has %d word forms" % (emotion, len(forms)))
        bad = [form for form in forms if not isinstance(form, str) or not re.fullmatch(r"[a-z]+", form)]
        need(not bad, "%s: not a lower-case word: %s" % (emotion, bad))
        need(emotion in forms, "%s lacks its own name" % emotion)


def check_lexicon_disjoint():
    owner = {}
    for emotion, forms in load_lexicon().items():
        for form in forms:
            need(form not in owner, "%r is in %s and in %s" % (form, owner.get(form), emotion))
            owner[form] = emotion


def check_named_emotion():
    lexicon = {emotion: set(forms) for emotion, forms in load_lexicon().items()}
    entries = emotional()
    named = [entry["id"] for entry in entries if lexicon[entry["emotion"]] & set(words(entry["text"]))]
    need(len(named) <= NAMED_MAX_SHARE * len(entries), "%d queries name their emotion: %s"
         % (len(named), named[:10]))
    everything = set().union(*lexicon.values())
    neutral = [entry["id"] for entry in load_all()
               if entry["emotion"] == "neutral" and everything & set(words(entry["text"]))]
    need(not neutral, "neutral texts with emotion words: %s" % neutral)


def check_settings():
    found = parse_json(read_bytes("settings.json").decode("utf-8"), "settings.json")
    need(found == SETTINGS, "differs from the expected settings")


def main():
    checks = []
    for name in FILES + ["lexicon.json", "settings.json"]:
        checks.append(("utf8 " + name, lambda name=name: check_utf8(name)))
    for name in FILES:
        checks.append(("counts " + name, lambda name=name: check_counts(name)))
        checks.append(("fields " + name, lambda name=name: check_fields(name)))
        checks.append(("ids " + name, lambda name=name: check_ids(name)))
    checks += [
        ("unique ids", check_unique_ids),
        ("exact duplicates", check_exact_duplicates),
        ("near-duplicate detector", check_near_duplicate_detector),
        ("near duplicates", check_near_duplicates),
        ("openings", check_openings),
        ("closings", check_closings),
        ("lengths", check_lengths),
        ("spread of lengths", check_length_spread),
        ("type/token ratio", check_type_token),
        ("share of questions", check_questions),
        ("lexicon shape", check_lexicon_shape),
        ("lexicon disjoint", check_lexicon_disjoint),
        ("emotions not named", check_named_emotion),
        ("settings", check_settings),
    ]
    failed = 0
    for name, check in checks:
        try:
            check()
        except Failure as error:
            failed += 1
            print("not ok %s: %s" % (name, error))
        except Exception as error:  # a damaged file must not hide the other checks
            failed += 1
            print("not ok %s: %s: %s" % (name, type(error).__name__, error))
        else:
            print("ok %s" % name)
    print("%d passed, %d failed, 0 skipped" % (len(checks) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
