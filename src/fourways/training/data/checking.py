"""What can be said of rows before they are learned from: how many, how long, how alike, in which balance. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from fourways.core.errors import Problem
from fourways.training.data.near import Like, alike
from fourways.training.data.parting import asking
from fourways.training.data.personal import masked, personal_in, veiled
from fourways.training.data.rows import Row, asked_alone

SHOWN = 5
"""Examples of each kind that are kept."""
MOST_LABELS = 200
LABEL_SHARE = 0.2
"""Answers are labels where there are no more of them than this, and than this share of the rows."""
UNEVEN = 10.0
"""How often the commonest label may stand for each of the rarest before it is worth a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How long rows are, in `unit`: tokens of a base, or characters."""

    unit: str
    least: int
    median: int
    p95: int
    most: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """How often labels, or sources, stand in the rows; the commonest first, and how many more there are."""

    counts: Mapping[str, int]
    more: int

    @property
    def ratio(self) -> float:
        """The commonest over the rarest that is shown."""
        return max(self.counts.values()) / max(1, min(self.counts.values())) if self.counts else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Rows that are the same as, or like, an earlier one; some of them, as (row, earlier row, likeness)."""

    count: int = 0
    examples: Sequence[tuple[str, str, float]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What was found in rows.

    Attributes:
        kinds: how many rows there are of each kind.
        problems: rows that cannot be read.
        turns: answers that are learned in a row, on average.
        lengths: of whole rows, as the base is shown them.
        languages: by code; "" for those where it is not clear.
        labels: None where the answers are no labels.
        conflicts: questions that are answered in several ways.
        calls: rows in which a tool is called.
        personal: kinds of personal data and how many were found.
        veiled: examples of them, hidden but for their ends.
        window: what a row may have at most; None where nobody says.
        truncated: rows that are longer.
        refused: rows that the base's template does not take: (row, why).
        stops, warnings: why it may not, or should rather not, be learned from.
    """

    rows: int
    kinds: Mapping[str, int]
    problems: Sequence[Problem]
    turns: float
    lengths: Lengths | None
    languages: Mapping[str, int]
    labels: Balance | None
    sources: Balance
    same: Alike
    near: Alike
    conflicts: Sequence[tuple[str, int]]
    personal: Mapping[str, int]
    veiled: Mapping[str, Sequence[str]] = field(default_factory=dict)
    calls: int = 0
    window: int | None = None
    truncated: int = 0
    refused: Sequence[tuple[str, str]] = ()
    contaminated: Sequence[str] = ()
    suites: Sequence[str] = ()
    stops: Sequence[str] = ()
    warnings: Sequence[str] = ()


def lengths_of(counts: Sequence[int], unit: str) -> Lengths | None:
    """Sum up how long rows are; None where there are none."""
    if not counts:
        return None
    ordered = sorted(counts)
    median, p95 = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.95))
    return Lengths(unit=unit, least=ordered[0], median=median, p95=p95, most=ordered[-1], total=sum(ordered))


def languages_of(rows: Sequence[Row], detect: Callable[[str], str]) -> Mapping[str, int]:
    """Count the rows' languages, the commonest first.

    Args:
        rows: any.
        detect: returns a text's language code, or "".
    """
    found = Counter(detect("\n".join(asked_alone(text) for text in row.texts)) for row in rows)
    return dict(found.most_common())


def labels_of(rows: Sequence[Row]) -> Balance | None:
    """Count the answers where they are labels: few, and each many times; judged answers by their judgement."""
    if rows and all(row.label is not None for row in rows):
        return _balance(Counter("good" if row.label else "bad" for row in rows))
    counted = Counter(row.answer.strip() for row in rows if row.kind == "sft")
    few = len(counted) <= min(MOST_LABELS, LABEL_SHARE * sum(counted.values()))
    return _balance(counted) if few and counted else None


def sources_of(rows: Sequence[Row]) -> Balance:
    """Count the rows by their group, or the document, file or kind of trace that they come from."""
    return _balance(Counter(row.group or (row.source.name if row.source.kind != "trace" else "traces") for row in rows))


def _balance(counted: Counter[str], shown: int = 12) -> Balance:
    ordered = counted.most_common()
    kept = ordered if len(ordered) <= shown else [*ordered[: shown - 2], *ordered[-2:]]
    return Balance(counts=dict(kept), more=len(ordered) - len(kept))


def same_and_near(rows: Sequence[Row], *, near: float) -> tuple[Alike, Alike]:
    """Find rows that say the same as an earlier one, and those that nearly do."""
    first: dict[str, int] = {}
    again: list[Like] = []
    for number, row in enumerate(rows):
        earlier = first.setdefault(row.digest, number)
        if earlier != number:
            again.append(Like(number=number, earlier=earlier, likeness=1.0))
    kept = sorted(first.values())
    texts = [said(rows[number]) for number in kept]
    like = [
        Like(number=kept[one.number], earlier=kept[one.earlier], likeness=one.likeness)
        for one in alike(texts, near=near)
    ]
    return _shown(rows, again), _shown(rows, like)


def said(row: Row) -> str:
    """Return what a row says, without the system text and the passage that many rows share."""
    turns = (str(one.get("content", "")) for one in row.messages if one.get("role") not in {"system", "developer"})
    judged = () if row.kind == "sft" else row.answers
    return "\n".join((*map(asked_alone, turns), *judged))


def _shown(rows: Sequence[Row], found: Sequence[Like]) -> Alike:
    examples = [(name(rows[one.number]), name(rows[one.earlier]), round(one.likeness, 3)) for one in found[:SHOWN]]
    return Alike(count=len(found), examples=examples)


def conflicts_of(rows: Sequence[Row]) -> list[tuple[str, int]]:
    """Find closed questions that are answered in several ways, those with the most answers first."""
    answers: dict[str, set[str]] = defaultdict(set)
    asked: dict[str, str] = {}
    for row in rows:
        if row.kind == "sft" and row.question and asked_alone(row.question) == row.question:
            key = asking(row)
            asked.setdefault(key, row.question)
            answers[key].add(" ".join(row.answer.casefold().split()))
    several = [(masked(asked[key]), len(found)) for key, found in answers.items() if len(found) > 1]
    return sorted(several, key=lambda one: (-one[1], one[0]))


def personal_of(rows: Sequence[Row]) -> tuple[Mapping[str, int], Mapping[str, Sequence[str]]]:
    """Count the kinds of personal data, and show some of each, veiled."""
    counted: Counter[str] = Counter()
    shown: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for text in row.texts:
            for one in personal_in(text):
                counted[one.kind] += 1
                if len(shown[one.kind]) < SHOWN:
                    shown[one.kind].append(f"{veiled(one.text)} in {name(row)}")
    return dict(counted.most_common()), dict(shown)


def name(row: Row) -> str:
    """Name a row for people: where it comes from, and how its question begins."""
    asked = " ".join(masked(asked_alone(row.question or row.answer)).split())
    return f"{row.source} “{asked[:48]}{'…' if len(asked) > 48 else ''}”"  # noqa: PLR2004 - fits a line
