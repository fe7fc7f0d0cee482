"""What people said of answers, as rows: good and corrected answers, pairs of a better and a worse one, thumbs."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fourways.core.chat import Message
from fourways.training.data.parting import asking
from fourways.training.data.rows import Kind, Row, Source, asked_and_answered

_MARK = re.compile(r"\s?\[\d+\](?:\[\d+\])*")
"""Numbers of sources that only the answer's own request knew."""
LIKED, DISLIKED = 4, 2
"""Stars from which on, and up to which, an answer counts as good or bad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An answer and what was said of it.

    Attributes:
        trace: the id of the request it was given to.
        good: what thumbs and stars say together: above 0 good, below bad, 0 nothing.
        corrections: answers as they should have been.
    """

    trace: str
    question: str
    answer: str
    good: int
    corrections: tuple[str, ...] = ()


def good_of(thumb: int | None, stars: int | None) -> int:
    """Return what one person's thumb, or else their stars, say of an answer: 1, -1, or 0."""
    if thumb is not None:
        return thumb
    if stars is None:
        return 0
    return 1 if stars >= LIKED else -1 if stars <= DISLIKED else 0


def without_marks(answer: str) -> str:
    """Take the numbers of sources out of an answer: whoever learns it has none."""
    return _MARK.sub("", answer).strip()


def rows_judged(judged: Iterable[Judged], kind: Kind, *, group: str = "") -> tuple[Row, ...]:
    """Make rows of judged answers; one that says nothing for its kind makes none.

    Args:
        judged: oldest first: of two corrections of one question the later holds.
        kind: sft (corrected answers, and those found good), dpo (a correction over what was given; good over bad on
            the same question), kto (good and bad; a correction is good, what it corrects bad).
        group: of every row; by what they ask where "".
    """
    answers = [one for one in judged if one.question.strip() and one.answer.strip()]
    return tuple(_unlike(MAKERS[kind](answers, group)))


def _tuning(judged: Sequence[Judged], group: str) -> Iterable[Row]:
    wanted: dict[str, Row] = {}
    for one in judged:
        said = one.corrections[-1] if one.corrections else one.answer if one.good > 0 else ""
        if said.strip():
            messages = asked_and_answered(one.question, without_marks(said))
            row = Row(source=Source(kind="trace", name=one.trace), messages=messages, group=group)
            before = wanted.get(asking(row))
            if before is None or one.corrections:
                wanted[asking(row)] = row
    return wanted.values()


def _preferences(judged: Sequence[Judged], group: str) -> Iterable[Row]:
    good: dict[str, tuple[str, str]] = {}
    bad: dict[str, list[tuple[str, str]]] = defaultdict(list)
    asked: dict[str, str] = {}
    for one in judged:
        key = asking(Row(source=Source(kind="trace", name=one.trace), messages=_question(one.question)))
        asked.setdefault(key, one.question)
        if one.corrections:
            good[key] = (one.trace, one.corrections[-1])
            bad[key].append((one.trace, one.answer))
        elif one.good > 0:
            good.setdefault(key, (one.trace, one.answer))
        elif one.good < 0:
            bad[key].append((one.trace, one.answer))
    for key, (_, better) in good.items():
        for trace, worse in bad[key]:
            chosen, rejected = without_marks(better), without_marks(worse)
            if chosen.split() != rejected.split() and rejected:
                source = Source(kind="trace", name=trace)
                yield Row(source=source, messages=_question(asked[key]), chosen=chosen, rejected=rejected, group=group)


def _thumbs(judged: Sequence[Judged], group: str) -> Iterable[Row]:
    for one in judged:
        verdicts = (
            [(one.corrections[-1], True), (one.answer, False)] if one.corrections else [(one.answer, one.good > 0)]
        )
        if not one.corrections and not one.good:
            continue
        for said, label in verdicts:
            if without_marks(said):
                yield Row(
                    source=Source(kind="trace", name=one.trace),
                    messages=_question(one.question),
                    completion=without_marks(said),
                    label=label,
                    group=group,
                )


def _question(text: str) -> tuple[Message, ...]:
    return ({"role": "user", "content": text},)


def _unlike(rows: Iterable[Row]) -> Iterable[Row]:
    """Leave out a row that says what one before it said."""
    seen: set[str] = set()
    for row in rows:
        if row.digest not in seen:
            seen.add(row.digest)
            yield row


MAKERS: Mapping[Kind, Callable[[Sequence[Judged], str], Iterable[Row]]] = {
    "sft": _tuning,
    "dpo": _preferences,
    "kto": _thumbs,
}
