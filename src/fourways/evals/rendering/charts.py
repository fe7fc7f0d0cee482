"""Charts as inline SVG, drawn from values: no script, no library, text that is text; as wide as the screen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fourways.core.report import Estimate
from fourways.evals.rendering.drawing import (
    Labels,
    Say,
    Scale,
    across,
    curve,
    decades,
    drawing,
    line,
    linear,
    logarithmic,
    marker,
    series_class,
    text,
    ticks,
)

ROW, TALL, LOW = 15.0, 320.0, 220.0
"""Pixels that an estimate takes down, and that a large and a small chart do."""
TOP, FOOT = 12.0, 42.0
"""Pixels above and below the frame of a chart with two axes."""
FAR = 20.0
"""An axis is logarithmic where its values span more than this factor."""
DRAWN = 240
"""Points of a distribution that are drawn at most."""
HEAT = (0.95, 0.85, 0.7, 0.5)
"""Shares that held from which on a cell is less hot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One estimate, drawn as a shape with its interval; `series` counts colours and shapes from 0."""

    estimate: Estimate
    series: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar, of parts that add up; `said` stands at its end."""

    label: str
    parts: tuple[float, ...]
    said: str
    series: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One point of a scatter plot; `size` in [0, 1] is an area, `faint` is for what others beat all round."""

    label: str
    x: float
    y: float
    size: float = 0.3
    series: int = 0
    faint: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a line plot."""

    label: str
    points: tuple[tuple[float, float], ...]
    series: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A place on a line plot that is named."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """What two axes show, and how their values are said."""

    across: str
    up: str
    say_x: Say
    say_y: Say


# ---------------------------------------------------------------- estimates


def intervals(title: str, dots: Sequence[Dot], scale: Scale, *, at: Sequence[float], said: str = "") -> str:
    """Draw estimates with their intervals below one another, to stand in a row of a table.

    Args:
        at: values at which a line goes down through all rows.
        said: the same in words.
    """
    height = max(2 * ROW, ROW * len(dots) + 12)
    parts = [line(scale(value), 0, scale(value), height) for value in at]
    for place, dot in enumerate(dots):
        y, one, kind = height / 2 + ROW * (place - (len(dots) - 1) / 2), dot.estimate, series_class(dot.series)
        low, high = scale(one.low), scale(one.high)
        parts.append(line(low, y, high, y, kind=f"{kind} whisker"))
        parts += [line(end, y - 4, end, y + 4, kind=f"{kind} whisker") for end in (low, high)]
        parts.append(marker(scale(one.value), y, 4.5, dot.series))
    return drawing(title, said, height, parts, kind="chart row")


def axis(scale: Scale, at: Sequence[float], said: Sequence[str]) -> str:
    """Write the values of an axis, to stand above a column of `intervals`."""
    parts = [text(scale(value), 12, words, kind="tick", anchor="middle") for value, words in zip(at, said, strict=True)]
    return drawing("Axis", "", 16, parts, kind="chart row")


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Draw bars from one zero, a row each; further parts of a bar are lighter."""
    scale = linear(0.0, max((sum(row.parts) for row in rows), default=0.0))
    parts = []
    for place, row in enumerate(rows):
        y, begin = 38.0 * place, 0.0
        parts.append(text(0, y + 12, row.label))
        parts.append(text(1, y + 12, row.said, kind="figure", anchor="end"))
        for number, part in enumerate(row.parts):
            box = f'x="{across(begin)}" y="{y + 18:.0f}" width="{across(scale(part))}" height="11"'
            parts.append(f'<rect class="{series_class(row.series)}{" light" if number else ""}" {box}/>')
            begin += scale(part)
    said = "; ".join(f"{row.label}: {row.said}" for row in rows)
    return drawing(title, said, 38 * len(rows), parts, kind="chart bars")


def heat(share: float) -> int:
    """Return how hot a cell is, 0 to 4: the less held, the hotter."""
    return sum(share < step for step in HEAT)


# ---------------------------------------------------------------- two axes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """A frame with its two scales."""

    height: float
    x: Scale
    y: Scale

    @property
    def bottom(self) -> float:
        return self.height - FOOT

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point is: a share across, pixels down."""
        return self.x(x), TOP + (1 - self.y(y)) * (self.bottom - TOP)

    def drawn(self, axes: Axes, at_x: Sequence[float], at_y: Sequence[float]) -> list[str]:
        """Draw rules with their values, and name both axes."""
        parts = [line(0, self.bottom, 1, self.bottom, kind="frame")]
        for value in at_x:
            x = self.x(value)
            parts.append(line(x, TOP, x, self.bottom))
            parts.append(text(x, self.bottom + 16, axes.say_x(value), kind="tick", anchor="middle"))
        for value in at_y:
            y = self.place(0, value)[1]
            parts.append(line(0, y, 1, y))
            parts.append(text(0, y + 4, axes.say_y(value), kind="tick", anchor="end", aside=-8))
        parts.append(text(1, self.height - 6, f"{axes.across} →", kind="tick", anchor="end"))
        return [*parts, text(0, self.height - 6, f"↑ {axes.up}", kind="tick", aside=-56)]


def scatter(title: str, spots: Sequence[Spot], axes: Axes) -> str:
    """Draw points by two figures, a third as their size, and a line along those that nothing beats.

    The axis across is logarithmic where its values span more than a factor of `FAR`.
    """
    xs, ys = [spot.x for spot in spots], [spot.y for spot in spots]
    logged = _far(xs)
    low, high = (min(xs) / 2, max(xs) * 2) if logged else _padded(xs)
    frame = _Frame(height=TALL, x=logarithmic(low, high) if logged else linear(low, high), y=linear(*_padded(ys)))
    parts = frame.drawn(axes, decades(low, high) if logged else ticks(low, high), ticks(*_padded(ys)))
    front = sorted(frame.place(spot.x, spot.y) for spot in spots if not spot.faint)
    if len(front) > 1:
        parts.append(curve(front, TALL, kind="front"))
    labels = Labels(TOP, frame.bottom)
    for spot in spots:
        x, y = frame.place(spot.x, spot.y)
        size, kind = 4 + 10 * math.sqrt(spot.size), " faint" if spot.faint else ""
        parts.append(marker(x, y, size, spot.series, kind=kind))
        parts.append(labels.put(spot.label, x, y, away=size + 5, kind=f"label{kind}"))
    said = "; ".join(f"{spot.label}: {axes.say_x(spot.x)}, {axes.say_y(spot.y)}" for spot in spots)
    return drawing(title, said, TALL, parts)


def lines(title: str, drawn: Sequence[Line], marks: Sequence[Mark], axes: Axes) -> str:
    """Draw lines on two logarithmic axes, with named places where they cross; a zero lies on the ground.

    Some value must be above zero.
    """
    xs = [x for one in drawn for x, _ in one.points]
    ys = [y for one in drawn for _, y in one.points if y > 0]
    low, high = _apart(min(ys), max(ys))
    frame = _Frame(height=TALL, x=logarithmic(min(xs), max(xs)), y=logarithmic(low, high))
    parts = frame.drawn(axes, decades(min(xs), max(xs)), decades(low, high))
    for one in drawn:
        points = [frame.place(x, y) for x, y in one.points]
        parts.append(curve(points, TALL, kind=f"{series_class(one.series)} curve"))
    labels = Labels(TOP, frame.bottom)
    for mark in marks:
        x, y = frame.place(mark.x, mark.y)
        parts += [marker(x, y, 4.5, 0, kind=" mark"), labels.put(mark.label, x, y, away=10, kind="figure")]
    for one in drawn:
        parts.append(labels.put(one.label, *frame.place(*one.points[-1]), kind=f"label t{one.series % 4}"))
    said = "; ".join(
        f"{one.label}: {axes.say_y(one.points[0][1])} at {axes.say_x(one.points[0][0])}, "
        f"{axes.say_y(one.points[-1][1])} at {axes.say_x(one.points[-1][0])}"
        for one in drawn
    )
    return drawing(title, said, TALL, parts)


def steps(title: str, samples: Sequence[tuple[str, Sequence[float]]], axes: Axes) -> str:
    """Draw the share of values up to each value (the empirical distribution), a staircase for each sample.

    The axis across is logarithmic where the values, but for the least hundredth, span more than a factor of `FAR`.
    """
    values = sorted(value for _, sample in samples for value in sample)
    low, high = values[len(values) // 100], values[-1]
    logged = _far([low, high])
    scale = logarithmic(low, high) if logged else linear(0.0, high)
    frame = _Frame(height=LOW, x=scale, y=linear(0.0, 1.0))
    at = decades(low, high) if logged else ticks(0.0, high)
    parts = frame.drawn(axes, at, (0.0, 0.5, 0.95))
    labels = Labels(TOP, frame.bottom)
    for series, (name, sample) in enumerate(samples):
        points = [frame.place(x, y) for x, y in _staircase(sorted(sample))]
        parts.append(curve(points, LOW, kind=f"{series_class(series)} curve"))
        parts.append(labels.put(name, 1.0, TOP + 30, kind=f"label t{series % 4}"))
    return drawing(title, "", LOW, parts)


def _staircase(ordered: Sequence[float]) -> list[tuple[float, float]]:
    """Return the corners of an empirical distribution; of a long one, those at evenly spaced shares."""
    count = min(len(ordered), DRAWN)
    points, below = [], 0.0
    for number in range(1, count + 1):
        place = math.ceil(number * len(ordered) / count)
        points += [(ordered[place - 1], below), (ordered[place - 1], place / len(ordered))]
        below = place / len(ordered)
    return points


def _far(values: Sequence[float]) -> bool:
    return min(values) > 0 and max(values) / min(values) > FAR


def _apart(low: float, high: float) -> tuple[float, float]:
    """Return the ends of a logarithmic axis: at least a factor of ten, so that what hardly differs looks so."""
    room = max(1.2, math.sqrt(10 / (high / low)))
    return low / room, high * room


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.15 or abs(high) * 0.5 or 0.5
    return max(0.0, low - room) if low >= 0 else low - room, high + room
