"""What the scorers that ask no model can tell, on real data: one command, tables.

    python -m benchmarks.scoring

Groundedness on XQuAD (its rules and its bound were chosen while looking at the English one) and on the sample helpdesk
(which nothing was chosen on), similarity on TruthfulQA, relevance on both, false alarms of the phrases of abstention
and of the toxic words.
"""

import asyncio
import csv
import json
import os
import random
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from benchmarks.quality.corpora import DATA, SAMPLE, helpdesk_cases
from benchmarks.scoring.claims import Claim, make_claims, read_passages, split
from fourways.evals.abstaining import says_nothing
from fourways.evals.scorers.safety import toxic
from fourways.evals.support import Sources, support

SUPPORTED_KINDS = ("a sentence of it", "question and answer")


class Held:
    """MiniLM in this process; every text is embedded once."""

    name = "minilm"

    def __init__(self) -> None:
        import torch

        from fourways.engine.batching import Batcher
        from fourways.engine.encoders import open_encoder

        torch.set_num_threads(1)
        self.encoder = open_encoder("minilm", "auto")
        self.batcher = Batcher(workers=1, budget=512, limit=10**9)
        self.held: dict[str, NDArray[np.float32]] = {}

    def learn(self, texts: Iterable[str]) -> None:
        new = sorted(set(texts) - self.held.keys())
        if new:
            encoder = self.encoder
            rows = self.batcher.submit(encoder.tokenize(new), encoder.encode, encoder.dimensions).result()
            self.held.update(zip(new, rows, strict=True))

    async def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.learn(texts)
        return np.stack([self.held[text] for text in texts])


def main() -> int:
    console = Console(width=120)
    if not DATA.exists():
        console.print(f"there is no data in {DATA}")
        return 2
    held = Held()
    for language in ("en", "de", "es"):
        asyncio.run(grounded(language, held, console))
    asyncio.run(helpdesk(held, console))
    similar(held, console)
    relevant(held, console)
    alarms(console)
    return 0


async def grounded(language: str, held: Held, console: Console) -> None:
    passages = read_passages(language)
    claims = list(make_claims(passages))
    held.learn(text for passage in passages for text in passage.sentences)
    held.learn(claim.text for claim in claims)
    for embed in (held, None):
        values = [(await support([one.text], sources_of(one.passage.text), embed))[0] for one in claims]
        title = f"groundedness, XQuAD {language}, {'words and MiniLM' if embed else 'words alone'}"
        console.print(table_of(title, claims, [one.value for one in values], [one.holds for one in values]))


async def helpdesk(held: Held, console: Console) -> None:
    """Hold the sample's expected answers against the right document, and against three others each."""
    rng = random.Random(5)
    docs = {path.relative_to(SAMPLE / "docs").as_posix(): path.read_text() for path in (SAMPLE / "docs").rglob("*.md")}
    cases = [case for name in ("tuning", "testing") for case in helpdesk_cases(name) if case.documents]
    pairs = [
        (case, case.documents[0], rng.sample(sorted(set(docs) - set(case.documents)), 3))
        for case in cases
        if case.documents[0] in docs
    ]
    for embed in (held, None):
        for form in ("{answer}", "{question}: {answer}."):
            own, others = [], []
            for case, right, wrong in pairs:
                stated = form.format(question=case.question.rstrip("? "), answer=case.answer)
                own += await support([stated], sources_of(docs[right]), embed)
                for name in wrong:
                    others += await support([stated], sources_of(docs[name]), embed)
            shares = [sum(one.holds for one in found) / len(found) for found in (own, others)]
            told = area([one.value for one in own], [one.value for one in others])
            by = "words and MiniLM" if embed else "words alone"
            console.print(
                f"groundedness, helpdesk, “{form}”, {by}: {len(own)} in the right document {shares[0]:.1%}, "
                f"in others {shares[1]:.1%}, AUC {told:.3f}"
            )


@cache
def sources_of(text: str) -> Sources:
    return Sources([text])


def table_of(title: str, claims: Sequence[Claim], values: Sequence[float], holds: Sequence[bool]) -> Table:
    table = Table(title=title)
    for column in ("claim", "n", "supported", *(f"AUC of {kind}" for kind in SUPPORTED_KINDS)):
        table.add_column(column)
    by_kind: dict[str, list[tuple[float, bool]]] = {}
    for claim, value, hold in zip(claims, values, holds, strict=True):
        by_kind.setdefault(claim.kind, []).append((value, hold))
    for kind, found in by_kind.items():
        share = sum(hold for _, hold in found) / len(found)
        against = ["" if kind in SUPPORTED_KINDS else f"{auc(by_kind[good], found):.3f}" for good in SUPPORTED_KINDS]
        table.add_row(kind, str(len(found)), f"{share:.1%}", *against)
    return table


def auc(good: Sequence[tuple[float, bool]], bad: Sequence[tuple[float, bool]]) -> float:
    return area([value for value, _ in good], [value for value, _ in bad])


def area(good: Sequence[float], bad: Sequence[float]) -> float:
    """Chance that a good one has more than a bad one."""
    return float(roc_auc_score([1] * len(good) + [0] * len(bad), [*good, *bad]))


def read_truthful() -> list[dict[str, Any]]:
    with (DATA / "truthfulqa" / "TruthfulQA.csv").open(encoding="utf-8-sig", newline="") as file:
        return [
            {
                "question": row["Question"],
                "right": [text.strip() for text in row["Correct Answers"].split(";") if text.strip()],
                "wrong": [text.strip() for text in row["Incorrect Answers"].split(";") if text.strip()],
            }
            for row in csv.DictReader(file)
        ]


def similar(held: Held, console: Console) -> None:
    rows = read_truthful()
    held.learn(text for row in rows for text in (row["question"], *row["right"], *row["wrong"]))
    rng = random.Random(3)
    right, wrong, foreign = [], [], []
    for row in rows:
        for text in row["right"]:
            others = [other for other in row["right"] if other != text]
            right += [nearest(text, others, held)] if others else []
        wrong += [nearest(text, row["right"], held) for text in row["wrong"]]
        other = rng.choice(rows)
        foreign += [nearest(rng.choice(other["right"]), row["right"], held)] if other is not row else []
    console.print(f"similarity, TruthfulQA: {spread(right, {'incorrect': wrong, 'foreign': foreign}, 0.7)}")


def relevant(held: Held, console: Console) -> None:
    passages, rng = read_passages(), random.Random(3)
    held.learn(question for passage in passages for question, _ in passage.questions)
    right: list[float] = []
    same: list[float] = []
    foreign: list[float] = []
    for passage in passages:
        for question, answer in passage.questions:
            for sentence in passage.sentences:
                (right if answer in sentence else same).append(nearest(question, [sentence], held))
            other = rng.choice([one for one in passages if one.article != passage.article])
            foreign.append(nearest(question, [rng.choice(other.sentences)], held))
    console.print(f"relevance, XQuAD: {spread(right, {'same passage': same, 'foreign': foreign}, 0.25)}")
    rows = read_truthful()
    own = [nearest(row["question"], [text], held) for row in rows for text in row["right"]]
    foreign = [nearest(row["question"], [rng.choice(rng.choice(rows)["right"])], held) for row in rows]
    console.print(f"relevance, TruthfulQA: {spread(own, {'foreign': foreign}, 0.25)}")


def nearest(text: str, others: Sequence[str], held: Held) -> float:
    return max(float(held.held[text] @ held.held[other]) for other in others)


def spread(right: Sequence[float], against: Mapping[str, Sequence[float]], bound: float) -> str:
    def share(values: Sequence[float]) -> str:
        return f"{sum(value >= bound for value in values) / len(values):.1%} of {len(values)}"

    told = [f"{name}: AUC {area(right, values):.3f}, {share(values)}" for name, values in against.items()]
    return f"at {bound} {share(right)} right pass; {'; '.join(told)}"


def alarms(console: Console) -> None:
    """Count what the phrases and word lists find in texts that neither abstain nor insult."""
    table = Table(title="false alarms")
    for column in ("texts", "n", "taken for an abstention", "toxic (more than 0.2)"):
        table.add_column(column)
    for name, texts in harmless().items():
        silent = [text for text in texts if says_nothing(text)]
        bad = [text for text in texts if toxic(text).value > 0.2]
        table.add_row(name, str(len(texts)), str(len(silent)), str(len(bad)))
        for text in bad[:5]:
            console.print(f"  toxic? {name}: {' '.join(text.split())[:140]}")
    console.print(table)


def harmless() -> dict[str, list[str]]:
    handbook = sorted((DATA / "handbook_18f" / "pages").rglob("*.md"))
    with (DATA / "banking77" / "test.csv").open(encoding="utf-8", newline="") as file:
        banking = [row["text"] for row in csv.DictReader(file)]
    with (DATA / "gsm8k" / "test.jsonl").open(encoding="utf-8") as file:
        sums = [json.loads(line)["answer"] for line in file]
    return {
        **{f"XQuAD {code}, sentences": sentences_of(code) for code in ("en", "de", "es")},
        "18F handbook, sentences": [text for path in handbook for text in split(path.read_text(encoding="utf-8"))],
        "GSM8K, worked answers": sums,
        "Banking77, messages": banking,
    }


def sentences_of(language: str) -> list[str]:
    return [text for passage in read_passages(language) for text in passage.sentences]


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # the batcher's threads wait for ever
