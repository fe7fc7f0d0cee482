"""Pieces of inline SVG, and the scales they stand on: what charts are made of. Colours are the page's CSS.

Across, places are shares of the width, and down they are pixels: a drawing is as wide as the screen lets it be, and its
text keeps its size.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape

SERIES = 4
"""Colours, shapes and dashes that there are; further series begin anew."""
SHAPES = (
    "M-1 0A1 1 0 1 1 1 0A1 1 0 1 1-1 0Z",
    "M0-1.3L1.3 0L0 1.3L-1.3 0Z",
    "M-.95-.95H.95V.95H-.95Z",
    "M0-1.25L1.2.85H-1.2Z",
)
"""A circle, a diamond, a square, a triangle: who cannot tell the colours can tell these."""
NARROW = 270.0
"""Pixels that a drawing is wide on a phone; labels are kept apart for that."""
LETTER, LINE = 6.6, 15.0
"""Pixels that a letter of a label takes across, about, and a line of them down."""
TENFOLD, ENOUGH = 10.0, 3
"""The base of logarithmic axes, and the values on one that are enough."""

Scale = Callable[[float], float]
"""From a value to a share of the axis: 0 where it begins, 1 where it ends."""
Say = Callable[[float], str]
"""From a value to how people say it."""


# ---------------------------------------------------------------- scales


def linear(low: float, high: float) -> Scale:
    """Return the scale between two values; what lies outside is drawn at the ends."""
    span = (high - low) or 1.0
    return lambda value: min(1.0, max(0.0, (value - low) / span))


def logarithmic(low: float, high: float) -> Scale:
    """Return a logarithmic scale between two values above zero."""
    inner = linear(math.log(low), math.log(high))
    return lambda value: inner(math.log(max(value, low)))


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Return round values between two, about so many."""
    rough = ((high - low) or 1.0) / about
    power = TENFOLD ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def decades(low: float, high: float) -> list[float]:
    """Return the powers of ten between two values above zero; where there are few, what lies between them too."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        found = [factor * TENFOLD**power for power in powers for factor in factors]
        found = [value for value in found if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
        if len(found) >= ENOUGH:
            return found
    return found or [low, high]


# ---------------------------------------------------------------- pieces


def drawing(title: str, description: str, height: float, parts: Sequence[str], *, kind: str = "chart") -> str:
    """Return a whole drawing: its name and what it shows in words first, for who cannot see it."""
    named = f"<title>{escape(title)}</title>" + (f"<desc>{escape(description)}</desc>" if description else "")
    size = f'width="100%" height="{height:.0f}"'
    return f'<svg class="{kind}" {size} role="img" aria-label="{escape(title)}">{named}{"".join(parts)}</svg>'


def text(x: float, y: float, said: str, *, kind: str = "label", anchor: str = "start", aside: float = 0) -> str:
    """Write a text.

    Args:
        x: a share of the width.
        aside: pixels to the right of it.
    """
    moved = f' dx="{aside:g}"' if aside else ""
    return f'<text class="{kind}" x="{across(x)}" y="{y:.1f}"{moved} text-anchor="{anchor}">{escape(said)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, *, kind: str = "rule") -> str:
    """Draw a straight line."""
    return f'<line class="{kind}" x1="{across(x1)}" y1="{y1:.1f}" x2="{across(x2)}" y2="{y2:.1f}"/>'


def curve(points: Sequence[tuple[float, float]], height: float, *, kind: str) -> str:
    """Draw a line through points: a share of the width across, pixels down."""
    path = " ".join(f"{1000 * x:.1f},{y:.1f}" for x, y in points)
    box = f'width="100%" height="{height:.0f}" viewBox="0 0 1000 {height:.0f}" preserveAspectRatio="none"'
    return f'<svg {box}><polyline class="{kind}" points="{path}"/></svg>'


def marker(x: float, y: float, size: float, series: int, *, kind: str = "") -> str:
    """Draw a series' shape, so many pixels from its middle to its edge."""
    shape = f'<path class="{series_class(series)}{kind}" transform="scale({size:.1f})" d="{_shape(series)}"/>'
    return f'<svg class="spot" x="{across(x)}" y="{y:.1f}" width="1" height="1">{shape}</svg>'


def key(series: int) -> str:
    """Draw a series' shape to stand in a text, beside its name."""
    shape = f'<path class="{series_class(series)}" d="{_shape(series)}"/>'
    return f'<svg class="key" viewBox="-1.5 -1.5 3 3" aria-hidden="true">{shape}</svg>'


def series_class(series: int) -> str:
    """Return the class that gives a series its colour."""
    return f"s{series % SERIES}"


def across(share: float) -> str:
    """Return a place across."""
    return f"{100 * share:.2f}%"


def _shape(series: int) -> str:
    return SHAPES[series % SERIES]


class Labels:
    """Puts labels beside points so that none covers another, however narrow the drawing is."""

    def __init__(self, top: float, bottom: float) -> None:
        self.top, self.bottom = top, bottom
        self._taken: list[tuple[float, float, float]] = []

    def put(self, said: str, x: float, y: float, *, away: float = 8.0, kind: str = "label") -> str:
        """Write a label above its point, else below it, else wherever there is room nearest to it."""
        wide = len(said) * LETTER
        anchor, start = _anchored(x, wide)
        free = (place for place in self._places(y, away) if not self._covers(start, start + wide, place))
        place = next(free, y - away)
        self._taken.append((start, start + wide, place))
        return text(x, place, said, kind=kind, anchor=anchor)

    def _places(self, y: float, away: float) -> Iterator[float]:
        for step in range(int((self.bottom - self.top) / LINE) + 2):
            for place in (y - away - step * LINE, y + away + LINE - 4 + step * LINE):
                if self.top + LINE - 4 <= place <= self.bottom - 4:
                    yield place

    def _covers(self, start: float, end: float, place: float) -> bool:
        return any(abs(place - other) < LINE and start < last and first < end for first, last, other in self._taken)


def _anchored(x: float, wide: float) -> tuple[str, float]:
    """Return how a label is anchored to stay in the frame, and where it then begins, in pixels."""
    at = x * NARROW
    if at - wide / 2 < 0:
        return "start", at
    return ("end", at - wide) if at + wide / 2 > NARROW else ("middle", at - wide / 2)
