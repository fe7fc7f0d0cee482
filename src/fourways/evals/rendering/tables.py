"""Tables of estimates with their intervals drawn: a row for each metric, kind or disturbance, a column a side."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from fourways.core.report import Estimate, Measure
from fourways.evals.gate import say
from fourways.evals.measuring import FIGURES
from fourways.evals.rendering.charts import Dot, axis, intervals
from fourways.evals.rendering.drawing import Say, linear, ticks
from fourways.evals.scorers import SCORERS

NOT_SCORED = "not scored"
FEW = 3
"""Values that an axis has at least, where there are round ones."""
TITLES: Mapping[tuple[str, bool], str] = {
    ("", True): "Quality",
    ("", False): "Scores beyond 0 to 1",
    ("s", False): "Time",
    ("USD", False): "Cost an answer",
    ("tokens", False): "Tokens an answer",
}
"""Headings of groups, by unit and whether it is a share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One side: a candidate, what it is compared with, a way; `series` counts colours and shapes."""

    name: str
    note: str = ""
    series: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What becomes a row.

    Attributes:
        line: what it means, in words.
        estimates: one for each side; None where it has none.
        unscored: cases that could not be scored, by side.
        cases: how many its figures are usually of, where that is not the whole table's.
        last: what stands in the last column, and `tone` how: pass, fail or "".
        best: which side is better than all others, None where none is.
    """

    name: str
    estimates: tuple[Estimate | None, ...]
    say: Say
    line: str = ""
    unit: str = ""
    lower: bool = False
    unscored: tuple[int, ...] = ()
    cases: int = 0
    last: str = ""
    tone: str = ""
    best: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One figure in words; `interval`, and `of` how many cases it is where not of all."""

    figure: str
    interval: str = ""
    of: str = ""
    best: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row, ready to be shown."""

    name: str
    line: str
    lower: bool
    plot: str
    cells: tuple[Cell, ...]
    last: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows that share an axis."""

    title: str
    axis: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A whole table; `last` heads the last column, "" where there is none."""

    heads: tuple[Head, ...]
    groups: tuple[Group, ...]
    last: str = ""


def table(heads: Sequence[Head], entries: Iterable[Entry], *, cases: int = 0, last: str = "") -> Table:
    """Lay out entries, those of one unit together.

    Args:
        cases: how many a figure is usually of; others are said.
    """
    ordered = sorted(entries, key=lambda entry: list(TITLES).index(_kind(entry)) if _kind(entry) in TITLES else 9)
    groups = tuple(_group(kind, list(found), heads, cases) for kind, found in groupby(ordered, key=_kind))
    return Table(heads=tuple(heads), groups=groups, last=last)


def percent(value: float) -> str:
    """Say a share."""
    return f"{value * 100:.0f} %"


def line_of(metric: str) -> str:
    """Say what a metric measures; "" where it is one of the suite's own."""
    known = FIGURES.get(metric) or SCORERS.get(metric)
    return known.line if known is not None else ""


def sayer(measure: Measure) -> Say:
    """Return how a metric's values are said."""
    return lambda value: say(measure, value)


def spanned(low: str, high: str, between: str = "to") -> str:
    """Say an interval, its unit once: `62 to 81 %`."""
    number, gap, unit = high.partition(" ")
    return f"{low.removesuffix(gap + unit) if unit else low} {between} {number}{gap}{unit}"


def said_once(values: Sequence[float], say: Say) -> list[str]:
    """Say values, their unit only with the last of them: `0`, `50`, `100 %`."""
    said = [say(value) if value else "0" for value in values]
    units = {one.partition(" ")[2] for one in said if one != "0"}
    return [*(one.partition(" ")[0] for one in said[:-1]), *said[-1:]] if len(units) == 1 else said


def _kind(entry: Entry) -> tuple[str, bool]:
    """Return what entries share an axis by: the unit, and for a plain one whether it is within 0 and 1."""
    within = all(one.low >= 0 and one.high <= 1 for one in _known(entry))
    return entry.unit, not entry.unit and within


def _known(entry: Entry) -> list[Estimate]:
    return [one for one in entry.estimates if one is not None and one.n]


def _group(kind: tuple[str, bool], entries: Sequence[Entry], heads: Sequence[Head], cases: int) -> Group:
    ends = [end for entry in entries for one in _known(entry) for end in (one.low, one.high)]
    low, high = (0.0, 1.0) if kind[1] else (min((0.0, *ends)), max((0.0, *ends)))
    at = next((found for about in (2, 3, 4) if len(found := ticks(low, high, about)) >= FEW), [low, high])
    drawn = axis(linear(low, high), at, said_once(at, percent if kind[1] else entries[0].say)) if low < high else ""
    rows = tuple(_row(entry, heads, (low, high), at, cases) for entry in entries)
    return Group(title=TITLES.get(kind, kind[0].capitalize()), axis=drawn, rows=rows)


def _row(entry: Entry, heads: Sequence[Head], ends: tuple[float, float], at: Sequence[float], cases: int) -> Row:
    cells = tuple(_cell(entry, side, cases) for side in range(len(heads)))
    dots = [
        Dot(estimate=one, series=head.series)
        for head, one in zip(heads, entry.estimates, strict=True)
        if one is not None and one.n
    ]
    words = "; ".join(f"{head.name} {cell.figure}, {cell.interval}" for head, cell in zip(heads, cells, strict=True))
    drawn = intervals(entry.name, dots, linear(*ends), at=at, said=words) if dots and ends[0] < ends[1] else ""
    return Row(
        name=entry.name,
        line=entry.line,
        lower=entry.lower,
        plot=drawn,
        cells=cells,
        last=entry.last,
        tone=entry.tone,
    )


def _cell(entry: Entry, side: int, cases: int) -> Cell:
    one = entry.estimates[side]
    if one is None:
        return Cell(figure="–")
    if not one.n:
        return Cell(figure=NOT_SCORED)
    said = entry.say
    unscored = entry.unscored[side] if entry.unscored else 0
    of = [f"of {one.n:,}"] if one.n != (entry.cases or cases) else []
    of += [f"{unscored:,} not scored"] if unscored else []
    return Cell(
        figure=said(one.value),
        interval=spanned(said(one.low), said(one.high)) if said(one.low) != said(one.high) else "",
        of=", ".join(of),
        best=entry.best == side,
    )
