"""Rows mended or left out, rule by rule, with a line for each in the log: what, why, and what it was before. Pure."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from fourways.core.chat import Message, text_of
from fourways.core.errors import Problem
from fourways.training.data.checking import said
from fourways.training.data.mending import is_lost, mended
from fourways.training.data.near import NEAR, alike
from fourways.training.data.personal import masked, personal_in
from fourways.training.data.rows import Row, asked_alone

PersonalRule = Literal["mask", "drop", "keep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is cleaned.

    Attributes:
        near: likeness from which on a row is a near-duplicate; 0 leaves them.
        longest: in the unit of `lengths`; None for no bound.
        languages: codes that stay; empty for all. Rows whose language is not clear stay.
        personal: whether personal data is masked, its rows dropped, or left.
        cap: rows of one group, document or file; None for no bound.
    """

    near: float = NEAR
    longest: int | None = None
    languages: Collection[str] = ()
    personal: PersonalRule = "mask"
    cap: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What others know of rows, each by its place: how long it is, its language, the test case that it holds."""

    lengths: Mapping[int, int] = field(default_factory=dict)
    languages: Mapping[int, str] = field(default_factory=dict)
    contaminated: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was done to a row; `after` is None where it was left out."""

    row: str
    rule: str
    why: str
    before: Any
    after: Any = None

    @property
    def plain(self) -> dict[str, Any]:
        """The entry as it stands in the log."""
        done = "dropped" if self.after is None else "mended"
        said = {"row": self.row, "rule": self.rule, "done": done, "why": self.why, "before": self.before}
        return said if self.after is None else said | {"after": self.after}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """The rows that are left, in their order, and what was done to the others."""

    rows: tuple[Row, ...]
    log: tuple[Entry, ...]

    @property
    def counts(self) -> Mapping[tuple[str, str], int]:
        """How many rows each rule dropped or mended: {(rule, done): rows}."""
        return Counter((entry.rule, entry.plain["done"]) for entry in self.log)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A row on its way, with its place among those that were read."""

    place: int
    row: Row


Step = Iterator[_Kept | Entry]


def clean(
    rows: Sequence[Row], rules: Rules, *, known: Known | None = None, problems: Sequence[Problem] = ()
) -> Cleaned:
    """Clean rows.

    Args:
        rows: as they were read.
        rules: which.
        known: what others found out of the rows, by their place.
        problems: rows that could not be read: left out, and named in the log.
    """
    log = [Entry(row=f"{one.file}:{one.line}", rule="unreadable", why=one.message, before=None) for one in problems]
    kept = [_Kept(number, row) for number, row in enumerate(rows)]
    for step in STEPS:
        done = list(step(kept, rules, known or Known()))
        log += [one for one in done if isinstance(one, Entry)]
        kept = [one for one in done if isinstance(one, _Kept)]
    return Cleaned(rows=tuple(one.row for one in kept), log=tuple(log))


# ---------------------------------------------------------------- mending


def _broken(kept: Sequence[_Kept], _: Rules, __: Known) -> Step:
    for one in kept:
        after = each_text(one.row, mended)
        if any(is_lost(text) for text in after.texts):
            why = "its characters were lost when it was saved; take it from where it came from"
            yield _entry(one.row, "encoding", why)
        elif after.content != one.row.content:
            yield _entry(
                one.row, "encoding", "blanks at its ends, characters that nobody sees, or a wrong encoding", after=after
            )
            yield replace_row(one, after)
        else:
            yield one


def _personal(kept: Sequence[_Kept], rules: Rules, _: Known) -> Step:
    for one in kept:
        found = (
            Counter(each.kind for text in one.row.texts for each in personal_in(text))
            if rules.personal != "keep"
            else {}
        )
        if not found:
            yield one
            continue
        why = ", ".join(f"{count} {kind}" for kind, count in sorted(found.items()))
        if rules.personal == "drop":
            yield Entry(row=str(one.row.source), rule="personal", why=why, before=each_text(one.row, masked).content)
        else:
            after = each_text(one.row, masked)
            yield Entry(row=str(one.row.source), rule="personal", why=why, before=None, after=after.content)
            yield replace_row(one, after)


# ---------------------------------------------------------------- leaving out


def _empty(kept: Sequence[_Kept], _: Rules, __: Known) -> Step:
    for one in kept:
        nothing = not any(text.strip() for text in one.row.answers) or (one.row.text is None and not one.row.messages)
        yield _entry(one.row, "empty", "nothing in it is learned") if nothing else one


def _contaminated(kept: Sequence[_Kept], _: Rules, known: Known) -> Step:
    for one in kept:
        case = known.contaminated.get(one.place)
        yield one if case is None else _entry(one.row, "contaminated", case)


def _language(kept: Sequence[_Kept], rules: Rules, known: Known) -> Step:
    for one in kept:
        code = known.languages.get(one.place, "")
        wrong = rules.languages and code and code not in rules.languages
        why = f"it is {code}; wanted: {', '.join(sorted(rules.languages))}"
        yield _entry(one.row, "language", why) if wrong else one


def _too_long(kept: Sequence[_Kept], rules: Rules, known: Known) -> Step:
    for one in kept:
        length = known.lengths.get(one.place, 0)
        long = rules.longest is not None and length > rules.longest
        yield _entry(one.row, "too long", f"{length:,} of at most {rules.longest:,}") if long else one


def _same(kept: Sequence[_Kept], _: Rules, __: Known) -> Step:
    first: dict[str, Row] = {}
    for one in kept:
        earlier = first.setdefault(one.row.digest, one.row)
        yield one if earlier is one.row else _entry(one.row, "duplicate", f"the same as {earlier.source}")


def _near(kept: Sequence[_Kept], rules: Rules, _: Known) -> Step:
    found = alike([said(one.row) for one in kept], near=rules.near) if rules.near else ()
    like = {one.number: one for one in found}
    for number, one in enumerate(kept):
        match = like.get(number)
        if match is None:
            yield one
        else:
            why = f"like {kept[match.earlier].row.source} ({match.likeness:.2f})"
            yield _entry(one.row, "near-duplicate", why)


def _cap(kept: Sequence[_Kept], rules: Rules, _: Known) -> Step:
    counted: Counter[str] = Counter()
    for one in kept:
        group = one.row.group or one.row.source.name
        counted[group] += 1
        over = rules.cap is not None and counted[group] > rules.cap
        yield _entry(one.row, "cap", f"{group} has {rules.cap} rows already") if over else one


STEPS: Sequence[Callable[[Sequence[_Kept], Rules, Known], Step]] = (
    _broken,
    _empty,
    _contaminated,
    _language,
    _too_long,
    _same,
    _near,
    _personal,
    _cap,
)
"""In this order: what is mended may then be the same as another, and what is left out counts for no cap."""


def replace_row(kept: _Kept, row: Row) -> _Kept:
    """Put a mended row in the place of what it was."""
    return _Kept(kept.place, row)


def each_text(row: Row, change: Callable[[str], str]) -> Row:
    """Change every text of a row in the same way."""

    def of(text: str | None) -> str | None:
        return None if text is None else change(text)

    return replace(
        row,
        messages=tuple(_changed(one, change) for one in row.messages),
        chosen=of(row.chosen),
        rejected=of(row.rejected),
        completion=of(row.completion),
        text=of(row.text),
    )


def _changed(message: Message, change: Callable[[str], str]) -> Message:
    return {**message, "content": change(text_of(message))} if "content" in message else message


def _entry(row: Row, rule: str, why: str, *, after: Row | None = None) -> Entry:
    """Note what was done to a row; a log is no place for what is personal, so that is masked in it."""
    if after is None:
        return Entry(row=str(row.source), rule=rule, why=why, before=masked(asked_alone(row.question or row.answer)))
    before, now = (each_text(one, masked).content for one in (row, after))
    return Entry(row=str(row.source), rule=rule, why=why, before=before, after=now)
