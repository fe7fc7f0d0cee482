"""A figure is a range with its source; and counts, shares and ranges as people write them: 65B, 1.4T, 40%, 2-4."""

import math
import re
from dataclasses import dataclass

from fourways.core.errors import InvalidRequest

SIZES = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "T": 1e12}
"""What a letter behind a number stands for; `B` is a billion, as in model names."""
COUNT = re.compile(r"(?P<number>\d[\d,_]*(?:\.\d+)?(?:e\+?\d+)?)\s*(?P<size>[kmbgt]?)", re.IGNORECASE)
PLAIN = re.compile(r"\$?(?P<number>\d[\d,]*(?:\.\d+)?|\.\d+)\s*(?P<percent>%?)")
GIVEN = "given"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A computed or assumed value: never one number without its range, never a range without its source.

    Attributes:
        source: a formula, a paper, a table, or `given`.

    Raises:
        InvalidRequest: the three are not in order, or one is no finite number.
    """

    low: float
    likely: float
    high: float
    source: str

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.likely <= self.high):
            raise InvalidRequest(
                f"{self.low}, {self.likely}, {self.high} is no range; right would be low, likely, high"
            )

    @classmethod
    def exactly(cls, value: float, source: str = GIVEN) -> "Figure":
        """Return a figure that is known."""
        return cls(low=value, likely=value, high=value, source=source)

    @property
    def exact(self) -> bool:
        """Whether there is nothing between low and high."""
        return self.low == self.high

    def times(self, other: "Figure", source: str) -> "Figure":
        """Multiply two figures, both at least 0."""
        return Figure(
            low=self.low * other.low, likely=self.likely * other.likely, high=self.high * other.high, source=source
        )

    def over(self, other: "Figure", source: str) -> "Figure":
        """Divide by a figure above 0: least by most is the least."""
        return Figure(
            low=self.low / other.high, likely=self.likely / other.likely, high=self.high / other.low, source=source
        )

    def scaled(self, factor: float, source: str) -> "Figure":
        """Multiply by a number, at least 0."""
        return self.times(Figure.exactly(factor), source)


def read_count(text: str, param: str) -> float:
    """Read a count: `65B`, `1.4T`, `700 B`, `20M`, `1,022,362`, `3e9`.

    Args:
        param: what is read, for the message.

    Raises:
        InvalidRequest: it is no count above 0.
    """
    found = COUNT.fullmatch(text.strip())
    value = float(found["number"].replace(",", "").replace("_", "")) * SIZES[found["size"].upper()] if found else 0.0
    if not 0 < value < math.inf:
        msg = f"{param} is '{text}'; right would be a count such as 65B, 1.4T, 700B, 20M or 1,022,362"
        raise InvalidRequest(msg, param=param)
    return value


def read_figure(text: str, param: str) -> Figure:
    """Read a number, a percentage, or a range of them: `4`, `$2.50`, `40%`, `2-4`, `0.3-0.5`.

    Raises:
        InvalidRequest: it is none of them, or it runs backwards.
    """
    values = [_plain(part, text, param) for part in re.split(r"\s*(?:-|–|\.\.)\s*", text.strip(), maxsplit=1)]
    low, high = values[0], values[-1]
    if low > high:
        raise InvalidRequest(f"{param} is '{text}', which runs backwards; right would be the lower first", param=param)
    return Figure(low=low, likely=(low + high) / 2, high=high, source=GIVEN)


def _plain(part: str, text: str, param: str) -> float:
    found = PLAIN.fullmatch(part)
    value = float(found["number"].replace(",", "")) / (100 if found["percent"] else 1) if found else 0.0
    if value <= 0:
        msg = f"{param} is '{text}'; right would be a number above 0 such as 4 or 40%, or a range such as 2-4"
        raise InvalidRequest(msg, param=param)
    return value
