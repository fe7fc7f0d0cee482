"""Charts as inline SVG, drawn from values: no script, no library, text that is text. Colours are the page's CSS."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from fourways.core.report import Estimate

WIDE = 720
"""Units across; a page scales the whole."""
LEFT, RIGHT, TOP, BOTTOM = 150, 90, 14, 34
ROW = 24
LETTER = 6.4
"""Units that a letter takes, about: so that labels can be kept apart."""

Scale = Callable[[float], float]
"""From a value to a place on the drawing."""
Say = Callable[[float], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One estimate of a row: drawn as a dot with its interval; `series` counts the colours from 0."""

    estimate: Estimate
    series: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of an interval plot."""

    label: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One point of a scatter plot; `size` in [0, 1]."""

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


def intervals(title: str, rows: Sequence[Row], *, say: Say, low: float = 0.0, high: float = 1.0) -> str:
    """Draw estimates with their intervals, a row each; several of a row below one another.

    Args:
        say: writes a value.
        low, high: ends of the axis.
    """
    heights = [ROW * max(1, len(row.dots)) for row in rows]
    bottom = TOP + sum(heights)
    x = linear(low, high, LEFT, WIDE - RIGHT)
    parts = list(_axis(x, ticks(low, high), say, TOP, bottom))
    y = float(TOP)
    for row, height in zip(rows, heights, strict=True):
        parts.append(_text(LEFT - 10, y + height / 2 + 4, row.label, anchor="end"))
        for place, dot in enumerate(row.dots):
            parts += _whisker(dot, x, y + ROW * (place + 0.5), say)
        y += height
        parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDE - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    return _svg(title, bottom + BOTTOM, parts)


def _whisker(dot: Dot, x: Scale, y: float, say: Say) -> Iterator[str]:
    one, kind = dot.estimate, f"s{dot.series}"
    left, right = x(one.low), x(one.high)
    yield f'<line class="{kind} whisker" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
    for end in (left, right):
        yield f'<line class="{kind} whisker" x1="{end:.1f}" x2="{end:.1f}" y1="{y - 4:.1f}" y2="{y + 4:.1f}"/>'
    yield f'<circle class="{kind}" cx="{x(one.value):.1f}" cy="{y:.1f}" r="4.5"/>'
    yield _text(WIDE - RIGHT + 8, y + 4, say(one.value), kind="figure")


def scatter(title: str, spots: Sequence[Spot], *, across: str, up: str, say_x: Say, say_y: Say) -> str:
    """Draw points by two figures, a third as their size; those that others beat all round are faint.

    The x axis is logarithmic where its values span more than a factor of 20.
    """
    height = 380
    x = _spread([spot.x for spot in spots], LEFT - 70, WIDE - RIGHT)
    y = linear(*_padded([spot.y for spot in spots]), height - BOTTOM - 10, TOP + 10)
    parts = [*_frame(height, across, up), *_ends(x, [spot.x for spot in spots], say_x, height)]
    parts += _left_ticks(y, ticks(*_padded([spot.y for spot in spots])), say_y)
    front = sorted((x(spot.x), y(spot.y)) for spot in spots if not spot.faint)
    if len(front) > 1:
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in front)
        parts.append(f'<polyline class="front" points="{path}"/>')
    taken: list[tuple[float, float, float]] = []
    for spot in spots:
        a, b = x(spot.x), y(spot.y)
        kind = f"s{spot.series}{' faint' if spot.faint else ''}"
        parts.append(f'<circle class="{kind}" cx="{a:.1f}" cy="{b:.1f}" r="{6 + 12 * spot.size:.1f}"/>')
        parts.append(_placed(spot.label, a, b, 10 + 12 * spot.size, taken))
    return _svg(title, height, parts)


def lines(
    title: str, drawn: Sequence[Line], marks: Sequence[Mark], *, across: str, up: str, say_x: Say, say_y: Say
) -> str:
    """Draw lines on two logarithmic axes, with named places where they cross."""
    height = 360
    xs = [a for line in drawn for a, _ in line.points]
    ys = _apart([max(b, 1e-9) for line in drawn for _, b in line.points])
    x = logarithmic(min(xs), max(xs), LEFT - 70, WIDE - RIGHT - 30)
    y = logarithmic(min(ys), max(ys), height - BOTTOM - 10, TOP + 10)
    parts = list(_frame(height, across, up))
    for value in decades(min(xs), max(xs)):
        parts.append(f'<line class="rule" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{TOP}" y2="{height - BOTTOM}"/>')
        parts.append(_text(x(value), height - BOTTOM + 15, say_x(value), anchor="middle", kind="tick"))
    parts += _left_ticks(y, decades(min(ys), max(ys)), say_y)
    ends: list[tuple[float, float, float]] = []
    for line in drawn:
        path = " ".join(f"{x(a):.1f},{y(max(b, 1e-9)):.1f}" for a, b in line.points)
        parts.append(f'<polyline class="s{line.series} curve" points="{path}"/>')
        last = line.points[-1]
        parts.append(_placed(line.label, x(last[0]) - 4, y(max(last[1], 1e-9)), 8, ends))
    for mark in marks:
        a, b = x(mark.x), y(max(mark.y, 1e-9))
        parts.append(f'<circle class="mark" cx="{a:.1f}" cy="{b:.1f}" r="5"/>')
        parts.append(_text(a, b - 10, mark.label, anchor="middle", kind="tick"))
    return _svg(title, height, parts)


def steps(title: str, samples: Sequence[tuple[str, Sequence[float]]], *, across: str, say: Say) -> str:
    """Draw the share of values up to each value (the empirical distribution), a staircase for each sample."""
    height = 240
    values = [value for _, sample in samples for value in sample]
    top = max(values, default=1.0) or 1.0
    x, y = linear(0.0, top, LEFT - 70, WIDE - RIGHT), linear(0.0, 1.0, height - BOTTOM, TOP)
    parts = list(_frame(height, across, "share of the answers"))
    parts += [_text(x(at), height - BOTTOM + 15, say(at), anchor="middle", kind="tick") for at in ticks(0.0, top)]
    for value in (0.5, 0.95):
        parts.append(
            f'<line class="rule" x1="{LEFT - 70}" x2="{WIDE - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        )
        parts.append(_text(LEFT - 78, y(value) + 4, f"{value:.0%}", anchor="end", kind="tick"))
    for series, (label, sample) in enumerate(samples):
        ordered = sorted(sample)
        if not ordered:
            continue
        path = [(x(0.0), y(0.0))]
        for count, value in enumerate(ordered, 1):
            path += [(x(value), path[-1][1]), (x(value), y(count / len(ordered)))]
        drawn = " ".join(f"{a:.1f},{b:.1f}" for a, b in path)
        parts.append(f'<polyline class="s{series} curve" points="{drawn}"/>')
        parts.append(_text(WIDE - RIGHT + 6, TOP + 14 + 16 * series, label, kind=f"t{series}"))
    return _svg(title, height, parts)


# ---------------------------------------------------------------- scales


def linear(low: float, high: float, first: float, last: float) -> Scale:
    """Return the scale that takes low to first and high to last; what lies outside is drawn at the ends."""
    span = (high - low) or 1.0
    return lambda value: first + (last - first) * min(1.0, max(0.0, (value - low) / span))


def logarithmic(low: float, high: float, first: float, last: float) -> Scale:
    """Return a logarithmic scale; values must be above zero."""
    inner = linear(math.log(low), math.log(high), first, last)
    return lambda value: inner(math.log(max(value, 1e-12)))


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round values between two, about so many."""
    span = (high - low) or 1.0
    rough = span / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    start = math.ceil(low / step - 1e-9)
    return [number * step for number in range(start, math.floor(high / step + 1e-9) + 1)]


def decades(low: float, high: float) -> list[float]:
    """Return the powers of ten between two values; their ends where there is none."""
    powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    return [10.0**power for power in powers] or [low, high]


def _spread(values: Sequence[float], first: float, last: float) -> Scale:
    low, high = min(values), max(values)
    if low > 0 and high / low > 20:  # noqa: PLR2004 - said in the docstring
        return logarithmic(low / 1.5, high * 1.5, first, last)
    return linear(*_padded(values), first, last)


def _apart(values: Sequence[float]) -> list[float]:
    """Return the ends of a logarithmic axis: at least a factor of ten, so that what hardly differs looks so."""
    low, high = min(values), max(values)
    room = max(1.0, math.sqrt(10 / (high / low)))
    return [low / room, high * room]


def _padded(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.15 or abs(high) * 0.5 or 0.5
    return max(0.0, low - room) if low >= 0 else low - room, high + room


# ---------------------------------------------------------------- pieces


def _axis(x: Scale, at: Sequence[float], say: Say, top: float, bottom: float) -> Iterator[str]:
    for value in at:
        yield f'<line class="rule" x1="{x(value):.1f}" x2="{x(value):.1f}" y1="{top}" y2="{bottom:.1f}"/>'
        yield _text(x(value), bottom + 16, say(value), anchor="middle", kind="tick")


def _frame(height: float, across: str, up: str) -> Iterator[str]:
    size = f'width="{WIDE - RIGHT - LEFT + 70}" height="{height - BOTTOM - TOP}"'
    yield f'<rect class="frame" x="{LEFT - 70}" y="{TOP}" {size}/>'
    yield _text((LEFT - 70 + WIDE - RIGHT) / 2, height - 4, across, anchor="middle", kind="tick")
    turned = f'transform="translate(12 {height / 2:.0f}) rotate(-90)"'
    yield f'<text class="tick" {turned} text-anchor="middle">{escape(up)}</text>'


def _left_ticks(y: Scale, at: Sequence[float], say: Say) -> Iterator[str]:
    for value in at:
        yield _text(LEFT - 78, y(value) + 4, say(value), anchor="end", kind="tick")


def _ends(x: Scale, values: Sequence[float], say: Say, height: float) -> Iterator[str]:
    low, high = min(values), max(values)
    logged = low > 0 and high / low > 20  # noqa: PLR2004 - as in _spread
    for value in decades(low / 1.5, high * 1.5) if logged else ticks(*_padded(values)):
        yield _text(x(value), height - BOTTOM + 15, say(value), anchor="middle", kind="tick")


def _placed(label: str, x: float, y: float, away: float, taken: list[tuple[float, float, float]]) -> str:
    """Write a label beside a point: to the left where there is no room on the right, lower where another stands."""
    width = len(label) * LETTER
    right = x + away + width < WIDE - 4
    start = x + away if right else x - away - width
    while any(abs(y - other) < 14 and start < end and begin < start + width for begin, end, other in taken):  # noqa: PLR2004 - a line's height
        y += 14
    taken.append((start, start + width, y))
    return _text(start, y + 4, label)


def _text(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "label") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    name = escape(title)
    head = f'<svg class="chart" viewBox="0 0 {WIDE} {height:.0f}" role="img" aria-label="{name}">'
    return f"{head}<title>{name}</title>{''.join(parts)}</svg>"
