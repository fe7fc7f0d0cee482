"""Amounts in a clause: how long, how often, when, how much, how many; each with its place. English only. Pure."""

import re
from dataclasses import dataclass

_NUMBER_WORDS = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty"
NUMBER = rf"(?:[€$£]\s?\d[\d,.]*\d|[€$£]\s?\d|\d[\d,.]*\d|\d|(?:{_NUMBER_WORDS})\b)"
_BOUND = (
    r"at least|at most|up to|more than|less than|fewer than|no more than|not more than|about|only|the last|the first|"
    r"another|exactly|a maximum of|a minimum of"
)
_TIME = r"(?:seconds?|minutes?|hours?|days?|nights?|weeks?|months?|quarters?|years?)"
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?"
_UNIT = r"(?:%|percent|GB|MB|TB|KB|kg|g|km|m|cm|mm|inch|W|V|kWh|Mbit/s|Gbit/s|GHz|MHz|euros?|dollars?)"
_DATE = rf"(?:\d{{1,2}} {_MONTH}(?: \d{{4}})?|{_MONTH} \d{{4}}|{_MONTH} \d{{1,2}}(?:, \d{{4}})?)"
_CLOCK = r"(?:\d{1,2}:\d{2}(?: (?:to|and) \d{1,2}:\d{2})?|noon|midnight)"
_LENGTH = (
    rf"(?:(?:{_BOUND}) )?(?:{NUMBER}|one)(?:[ -](?:to|and|or) {NUMBER})?[ -]"
    rf"(?:(?:working|business|calendar|full|more) )?{_TIME}(?: (?:ahead|before|later|in advance)\b)?"
)
_AHEAD = rf"{_LENGTH}(?<=ahead|efore|vance)|\b(?:{_BOUND}) {NUMBER} (?:working )?{_TIME} (?:ahead|before)"
_EVERY = (
    rf"\b(?:once |twice )?every (?:{NUMBER} {_TIME}|(?!second){_TIME})\b|\bonce an? {_TIME}\b|\beach {_TIME}\b"
    r"|\b(?:hourly|nightly|daily|weekly|monthly|quarterly|yearly)\b"
)
_AT = rf"\b(?:from {_CLOCK} (?:to|until) {_CLOCK}|(?:at|until|before|by) {_CLOCK})(?:\b|$)"
_ON = (
    rf"\bin {_MONTH} and (?:in )?{_MONTH}\b|\b(?:on|since|until|by|before|in) (?:the )?{_DATE}"
    rf"|\bon {_DAY}(?: and {_DAY})?(?: at {_CLOCK})?"
)
_RATE = (
    r"(?: (?:a|an|per|each|every) (?:second|minute|hour|day|night|week|month|quarter|year|person|user|mail|device))?"
)
_SOME = rf"(?:\b(?:{_BOUND}) )?"
_MONEY = rf"{_SOME}[€$£]\s?\d[\d,.]*\d?{_RATE}|{_SOME}\d[\d,.]* (?:euros?|dollars?){_RATE}"
_MEASURE = rf"{_SOME}\d[\d,.]*(?:\s?{_UNIT})(?!\w){_RATE}"
_NO_THING = r"(?:is|has|was|does|means|tells|works|costs|takes|stands)\b"
_COUNT = rf"{_SOME}\b{NUMBER} (?P<thing>(?:[a-z]+[ -])?(?!{_NO_THING})[a-z]+s)\b{_RATE}"

AMOUNTS = (
    ("every", re.compile(_EVERY)),
    ("after", re.compile(rf"\bafter {_LENGTH}")),
    ("within", re.compile(rf"\b(?:within|in) {_LENGTH}")),
    ("for", re.compile(rf"\bfor {_LENGTH}")),
    ("ahead", re.compile(_AHEAD)),
    ("at", re.compile(_AT)),
    ("on", re.compile(_ON)),
    ("length", re.compile(rf"\b{_LENGTH}(?=\W|$)")),
    ("money", re.compile(_MONEY)),
    ("measure", re.compile(_MEASURE)),
    ("count", re.compile(_COUNT)),
)
"""Kinds of amounts, the surer first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """An amount in a clause: of which kind, and its place there.

    Attributes:
        thing: what is counted, "" where it is no count.
    """

    kind: str
    text: str
    start: int
    end: int
    thing: str = ""


def amounts_in(text: str) -> tuple[Amount, ...]:
    """Find all amounts of a clause that do not overlap, the surer kinds first."""
    found: list[Amount] = []
    for kind, pattern in AMOUNTS:
        for one in pattern.finditer(text):
            if all(one.end() <= other.start or other.end <= one.start() for other in found):
                thing = one.groupdict().get("thing") or ""
                found.append(Amount(kind=kind, text=one.group().strip(), start=one.start(), end=one.end(), thing=thing))
    return tuple(found)


def amount_in(text: str) -> Amount | None:
    """Find the first amount of the surest kind in a clause."""
    return next(iter(amounts_in(text)), None)
