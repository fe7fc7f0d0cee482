"""What the comparison of questions tells apart, on real data: one command, tables.

    python -m benchmarks.contamination

Near-duplicates are made of real questions by edits that keep what is asked (and by edits that do not); how often
questions of two splits that come out as alike have the same label or answer says how far it can be trusted.
"""

import csv
import json
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from rich.console import Console
from rich.table import Table

from benchmarks.quality.corpora import DATA, helpdesk_cases, xquad_cases
from fourways.evals.cases import Case
from fourways.evals.contamination import LIGHT, NEAR, likeness, overlaps, read_words
from fourways.models.words import FUNCTION_WORDS

BOUNDS = (0.6, 0.7, 0.75, 0.8, 0.85, 0.9)
BANDS = (0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.01)
EDITED = 400

Pair = tuple[str, str]
Edit = Callable[[str, random.Random, Sequence[str]], str | None]
SHORT = {
    "what's": "what is",
    "i'm": "i am",
    "don't": "do not",
    "can't": "cannot",
    "i've": "i have",
    "didn't": "did not",
}


# ---------------------------------------------------------------- edits


def typo(text: str, rng: random.Random, _others: Sequence[str]) -> str | None:
    words = text.split()
    long = [at for at, word in enumerate(words) if word.isalpha() and len(word) > 4]
    if not long:
        return None
    at = rng.choice(long)
    word, cut = words[at], rng.randrange(1, len(words[at]) - 2)
    words[at] = f"{word[:cut]}{word[cut + 1]}{word[cut]}{word[cut + 2 :]}"
    return " ".join(words)


def two_typos(text: str, rng: random.Random, others: Sequence[str]) -> str | None:
    once = typo(text, rng, others)
    return once and typo(once, rng, others)


def greeted(text: str, rng: random.Random, _others: Sequence[str]) -> str | None:
    return (
        rng.choice(("Hi, ", "Please tell me: ", "can you tell me ", "Hello there. ", "I would like to know: ")) + text
    )


def thanked(text: str, rng: random.Random, _others: Sequence[str]) -> str | None:
    return text + rng.choice((" thanks", " Thank you!", " please", " Please help."))


def without_a_small_word(text: str, rng: random.Random, _others: Sequence[str]) -> str | None:
    words = text.split()
    small = [at for at, word in enumerate(words) if word.lower() in FUNCTION_WORDS]
    if not small or len(words) < 4:
        return None
    del words[rng.choice(small)]
    return " ".join(words)


def another_small_word(text: str, rng: random.Random, _others: Sequence[str]) -> str | None:
    words = text.split()
    small = [at for at, word in enumerate(words) if word.lower() in FUNCTION_WORDS]
    if not small or len(words) < 4:
        return None
    words[rng.choice(small)] = rng.choice("the a my this to for on can would is".split())
    return " ".join(words)


def swapped(text: str, rng: random.Random, _others: Sequence[str]) -> str | None:
    words = text.split()
    if len(words) < 4:
        return None
    at = rng.randrange(len(words) - 1)
    words[at], words[at + 1] = words[at + 1], words[at]
    return " ".join(words)


def written_out(text: str, _rng: random.Random, _others: Sequence[str]) -> str | None:
    plain = text.lower()
    for short, long in SHORT.items():
        if short in plain or long in plain:
            return plain.replace(short, long) if short in plain else plain.replace(long, short)
    return None


def with_another_question(text: str, rng: random.Random, others: Sequence[str]) -> str | None:
    return f"{text} {rng.choice(others)}"


def another_content_word(text: str, rng: random.Random, others: Sequence[str]) -> str | None:
    words = text.split()
    heavy = [at for at, word in enumerate(words) if word.lower().strip("?.,!") not in FUNCTION_WORDS and len(word) > 2]
    pool = [word for word in rng.choice(others).split() if word.lower() not in FUNCTION_WORDS and len(word) > 2]
    if not heavy or not pool:
        return None
    words[rng.choice(heavy)] = rng.choice(pool)
    return " ".join(words)


def another_number(text: str, rng: random.Random, _others: Sequence[str]) -> str | None:
    numbers = re.findall(r"\d+", text)
    if not numbers:
        return None
    number = rng.choice(numbers)
    return text.replace(number, str(int(number) + rng.randint(1, 9)), 1)


KEEPING: Mapping[str, Edit] = {
    "a typo": typo,
    "two typos": two_typos,
    "a greeting before": greeted,
    "thanks behind": thanked,
    "a small word less": without_a_small_word,
    "another small word": another_small_word,
    "two words swapped": swapped,
    "written out or shortened": written_out,
}
CHANGING: Mapping[str, Edit] = {"another content word": another_content_word, "another number": another_number}
HOLDING: Mapping[str, Edit] = {"with another question behind": with_another_question}


# ---------------------------------------------------------------- data


def banking(name: str) -> list[Pair]:
    with (DATA / "banking77" / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return [(row["text"], row["category"]) for row in csv.DictReader(lines)]


def clinc(*names: str) -> list[Pair]:
    held = json.loads((DATA / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    return [(text, label) for name in names for text, label in held[name]]


def xquad() -> list[Pair]:
    return [(case.question, case.answer) for case in xquad_cases()]


def gsm8k(name: str) -> list[Pair]:
    lines = (DATA / "gsm8k" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [(row["question"], row["answer"].rpartition("####")[2].strip()) for row in rows]


def helpdesk(name: str) -> list[Pair]:
    return [(case.question, case.answer) for case in helpdesk_cases(name)]


def cases(pairs: Sequence[Pair], name: str) -> list[Case]:
    return [
        Case(id=f"{name} {number}", messages=({"role": "user", "content": text},), expected=(answer,) if answer else ())
        for number, (text, answer) in enumerate(pairs)
    ]


# ---------------------------------------------------------------- tables


def edited(sets: Mapping[str, Sequence[Pair]]) -> Table:
    table = Table("questions", "edit", "n", *(f">= {bound}" for bound in BOUNDS), "found", title="after an edit")
    for name, pairs in sets.items():
        rng = random.Random(0)
        texts = [text for text, _ in pairs]
        sample = rng.sample(texts, EDITED)
        for what, edit in {**KEEPING, **CHANGING, **HOLDING}.items():
            made = [(text, changed) for text in sample if (changed := edit(text, rng, texts))]
            made = [(one, other) for one, other in made if read_words(one).run != read_words(other).run]
            if len(made) < 10:
                continue
            values = [likeness(read_words(one), read_words(other)) for one, other in made]
            shares = [sum(value >= bound for value in values) / len(values) for bound in BOUNDS]
            hits = sum(bool(overlaps(cases([(one, "")], "a"), cases([(other, "")], "b"))) for one, other in made) / len(
                made
            )
            table.add_row(name, what, str(len(made)), *(f"{share:.2f}" for share in shares), f"{hits:.2f}")
    return table


def bands(sets: Mapping[str, tuple[Sequence[Pair], Sequence[Pair]]]) -> Table:
    """Of the questions whose nearest one in another split is so like them: how many have its label or answer."""
    table = Table("data", *(f"{low:.2f} to {high:.2f}" for low, high in pairwise(BANDS)), title="same label or answer")
    for name, (one, other) in sets.items():
        found = overlaps(cases(one, "a"), cases(other, "b"), near=BANDS[0])
        cells = []
        for low, high in pairwise(BANDS):
            agreed = [each.same_answer for each in found if each.kind == "near" and low <= each.likeness < high]
            cells.append(f"{sum(map(bool, agreed)) / len(agreed):.3f} of {len(agreed)}" if agreed else "none")
        table.add_row(name, *cells)
    return table


def counted(sets: Mapping[str, tuple[Sequence[Pair], Sequence[Pair]]]) -> Table:
    table = Table("tuning", "testing", "same", "within", "near", "seconds", title=f"overlaps at {NEAR}")
    for name, (one, other) in sets.items():
        learned, asked = cases(one, "a"), cases(other, "b")
        started = time.perf_counter()
        found = overlaps(learned, asked)
        seconds = time.perf_counter() - started
        kinds = [str(sum(each.kind == kind for each in found)) for kind in ("same", "within", "near")]
        table.add_row(f"{name}: {len(one):,}", f"{len(other):,}", *kinds, f"{seconds:.1f}")
    return table


def main() -> None:
    console = Console(width=150)
    console.print(f"near from {NEAR}, a function word counts {LIGHT}")
    questions = xquad()
    splits: dict[str, tuple[Sequence[Pair], Sequence[Pair]]] = {
        "banking77": (banking("train"), banking("test")),
        "clinc150": (clinc("train"), clinc("test")),
        "xquad, halves": (questions[::2], questions[1::2]),
        "gsm8k": (gsm8k("train"), gsm8k("test")),
        "the sample": (helpdesk("tuning"), helpdesk("testing")),
    }
    console.print(edited({name: other for name, (_, other) in splits.items() if len(other) >= EDITED}))
    console.print(bands(splits))
    every = clinc("train", "val", "test") + banking("train") + banking("test") + gsm8k("train")
    random.Random(0).shuffle(every)
    splits["all of them"] = (every[:20_000], every[20_000:40_000])
    console.print(counted(splits))


if __name__ == "__main__":
    main()
