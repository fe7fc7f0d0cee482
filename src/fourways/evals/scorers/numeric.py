"""The scorer of figures: the number that an answer comes to, however it is written, within a tolerance. Pure."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fourways.core.report import Answered
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers.base import Mark, Scorer
from fourways.evals.scorers.wanted import NOT_KNOWN, invalid, one_of, references, settings

_FINAL = re.compile(r"####|\\boxed\{")
_FRACTION = re.compile(r"\\[dt]?frac\{(\d{1,12})\}\{(\d{1,12})\}")
_CODE = re.compile(r"\b(?:US|USD|EUR|GBP|CHF)\s?(?=[$\d])")
_VULGAR = re.compile("[¼-¾⅐-⅞]")
_ALIKE = str.maketrans(dict.fromkeys("\u2212\u2010\u2011\u2013", "-") | {"\u2044": "/", "\u2019": "'"})
_NUMBER = re.compile(
    r"""(?P<sign>(?<![\w)%.,])-)?\s?(?:[$€£¥₹]\s?(?P<inner>-)?)?(?<![^\W\d])(?<!\d[.,'_])
    (?:(?:(?P<whole>\d{1,9})\s)?(?<![\d/])(?P<over>\d{1,12})\s?/\s?(?P<under>\d{1,12})(?![\d/])
    |(?P<digits>\d{1,3}(?:\s\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,'_]\d+)*|(?<![\w.])\.\d+)(?P<power>[eE][-+]?\d{1,3})?)
    (?:\s?(?P<percent>%|percent\b)|\s(?P<scale>thousand|million|billion|trillion)\b)?""",
    re.VERBOSE | re.IGNORECASE,
)
_SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_GROUP = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as it was written."""

    value: float
    percent: bool = False

    def against(self, other: "Figure") -> float:
        """Return it as it compares with another: 50 % is .5 where the other is a share, and 50 where it is not."""
        if self.percent == other.percent:
            return self.value
        if self.percent:
            return self.value / 100 if abs(other.value) <= 1 else self.value
        return self.value * 100 if abs(self.value) <= 1 else self.value


def numeric(case: Case, answered: Answered, asked: Assertion) -> Mark:
    """Whether the number that the answer ends on is a right one.

    After `####` (GSM8K) or in LaTeX's `boxed`, the first number there; else the last of the answer. Thousands
    separators, currencies, percent, fractions, `million` are read. Options: `absolute` and `relative` (how far it may
    be off; a relative 1e-9), `last` (false: any number of the answer will do), `decimal` (`.` or `,`, where 1,234 and
    1.234 would else be read as in English).

    Raises:
        InvalidSuite: the assertion's value holds no number.
    """
    options = settings(asked, {"absolute": 0.0, "relative": 1e-9, "last": True, "decimal": ""})
    decimal: str = one_of(asked, "decimal", options["decimal"], {"": "", ".": ".", ",": ","})
    texts = references(case, asked)
    right = [figure for one in (texts if asked.value is None else _given(asked)) if (figure := _read(one, decimal))]
    if not texts:
        return NOT_KNOWN
    if not right and asked.value is not None:
        raise invalid(asked, f"there is no number in its value {asked.value!r}")
    if not right:
        return Mark(value=None, reason="there is no number in the expected output")
    last = final(answered.text, decimal)
    if last is None:
        return Mark(value=0.0, reason="there is no number in the answer")
    said = [last] if options["last"] else list(figures(answered.text, decimal))
    held = any(_near(one, other, options["absolute"], options["relative"]) for one in said for other in right)
    return Mark(value=float(held), reason="" if held else f"it comes to {last.value:g}, not {right[0].value:g}")


def _given(asked: Assertion) -> Sequence[Any]:
    return asked.value if isinstance(asked.value, list | tuple) else (asked.value,)


def _read(right: Any, decimal: str) -> Figure | None:  # noqa: ANN401 - a number, or a text that comes to one
    if isinstance(right, int | float) and not isinstance(right, bool):
        return Figure(float(right))
    return final(str(right), decimal)


def final(text: str, decimal: str = "") -> Figure | None:
    """Return the number that a text comes to; None where there is none."""
    marks = list(_FINAL.finditer(text))
    if marks and (marked := next(figures(text[marks[-1].end() :], decimal), None)):
        return marked
    every = list(figures(text, decimal))
    return every[-1] if every else None


def figures(text: str, decimal: str = "") -> Iterator[Figure]:
    """Find the numbers of a text in order."""
    text = _VULGAR.sub(lambda match: f" {unicodedata.normalize('NFKC', match[0])}", text).translate(_ALIKE)
    text = _CODE.sub("$", _FRACTION.sub(r"\1/\2", text))
    for match in _NUMBER.finditer(text):
        sign = -1.0 if match["sign"] or match["inner"] else 1.0
        factor = sign * _SCALES.get((match["scale"] or "").lower(), 1.0)
        for value in _fraction(match) if match["over"] else _values(match["digits"], match["power"] or "", decimal):
            yield Figure(factor * value, percent=bool(match["percent"]))


def _fraction(match: re.Match[str]) -> list[float]:
    over, under = int(match["over"]), int(match["under"])
    return [int(match["whole"] or 0) + over / under] if under else [float(over), float(under)]


def _values(digits: str, power: str, decimal: str) -> list[float]:
    """Read digits with separators: one number, or several where it is a list such as 1,2,3."""
    digits = re.sub(r"[\s'_]", "", digits)
    point = decimal or _point(digits)
    whole, _, rest = digits.rpartition(point) if point in digits else (digits, "", "")
    first, *groups = re.split(r"[.,]", whole)
    if point in whole or any(len(group) != _GROUP for group in groups):
        return [float(part) for part in re.split(r"[.,]", digits) if part]
    return [float(f"{first or 0}{''.join(groups)}.{rest or 0}{power}")]


def _point(digits: str) -> str:
    """Guess which of . and , is the decimal point: the last of both; none that stands twice; 1,234 is a thousand."""
    marks = re.findall(r"[.,]", digits)
    if len(set(marks)) > 1 or not marks:
        return marks[-1] if marks else "."
    if len(marks) > 1:
        return "." if marks[0] == "," else ","
    whole, _, rest = digits.partition(",")
    grouped = len(rest) == _GROUP and 1 <= len(whole) <= _GROUP and whole[0] != "0"
    return "." if marks == ["."] or grouped else ","


def _near(one: Figure, other: Figure, absolute: float, relative: float) -> bool:
    return abs(one.against(other) - other.value) <= max(absolute, relative * abs(other.value))


ROWS = (Scorer(name="numeric", line="the number that the answer comes to is right, within a tolerance", plain=numeric),)
