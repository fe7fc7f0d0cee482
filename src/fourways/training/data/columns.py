"""How a table's columns are best asked for: by their heading, else by what stands in the cell. Pure."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fourways.training.data.amounts import amount_in
from fourways.training.data.naming import is_plural


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell as it is asked for.

    Attributes:
        row: how people call the row: "the Larch 14", "file shares".
        column: its column's heading.
        kind: the first column's heading: what rows are.
        value: what stands in it.
        noun: whether the column's heading may be a noun: not where other rows say yes or no there.
    """

    row: str
    column: str
    kind: str
    value: str
    noun: bool = True

    @property
    def be(self) -> str:
        """The row's `is` or `are`."""
        return "are" if is_plural(self.row) else "is"

    @property
    def do(self) -> str:
        """The row's `does` or `do`."""
        return "do" if is_plural(self.row) else "does"


WITHOUT_NOUN = re.compile(
    r"(?:what|how|where|who|when|whom|which|for|if|note|remark|comment|special|example|also|further|other|closed|open)s?\b"
    r"|\w+ed\b|(?:in|on|at|by|with|per|fully|partly) |.*\b(?:of|for|to|by|up|at|within|from|in|with|asked)$"
    r"|we |you |goes |sold |kept |given ",
    re.IGNORECASE,
)
"""Headings that are no noun, so that a row has none of it."""
_PERSON = re.compile(r"[A-ZÀ-Þ][\w’'-]+ (?:[a-z]{2,3} )?[A-ZÀ-Þ][\w’'-]+(?:,.*)?$")
_TEAM = re.compile(r".*\b(?:team|department|desk|office|manager|services|owner|lead)\b", re.IGNORECASE)
_HOURS = re.compile(r"\d{1,2}:\d{2}\s?(?:[-–]|to|until)\s?\d{1,2}:\d{2}")
_DAY = re.compile(r"(?:mon|tues|wednes|thurs|fri|satur|sun)day", re.IGNORECASE)
_MASS = frozenset("memory storage space data disk quota traffic bandwidth time power energy".split())


def by_value(cell: Cell) -> tuple[str, ...]:
    """Ask by what the cell holds: hours, yes or no, a person, an amount; else what it is."""
    row, column, value = cell.row, cell.column, cell.value
    if _HOURS.search(value):
        when = f"on {column}" if _DAY.match(column) else column
        return f"When is {row} open {when}?" if _DAY.match(
            column
        ) else f"When is {row} {column}?", f"{row}, {column}: what are the hours?"
    if re.match(r"(?:yes|no)\b", value, re.IGNORECASE):
        return f"{row[:1].upper()}{row[1:]}, {column}: yes or no?", f"Is there {column} with {row}?"
    if WITHOUT_NOUN.match(column) or not cell.noun:
        return (f"{row[:1].upper()}{row[1:]}: {column}?",)
    if _PERSON.match(value):
        return f"Who is the {column} of {row}?", f"{column} of {row}: who is it?"
    amount = amount_in(value)
    if is_plural(column) and value[:1].isdigit() and not (amount and amount.kind == "measure"):
        return f"How many {column} {cell.do} {row} have?", f"What is the number of {column} of {row}?"
    if amount is not None and amount.kind in {"length", "within", "after"}:
        return f"How long is the {column} for {row}?", f"What is the {column} for {row}?"
    if column.lower() in _MASS:
        return f"How much {column} {cell.do} {row} have?", f"What is the {column} of {row}?"
    if re.search(r"\binch\b", value):
        return f"How large is the {column} of {row}?", f"What is the {column} of {row}?"
    asks = "are" if is_plural(column) else "is"
    return f"What {asks} the {column} of {row}?", f"Which {column} {cell.do} {row} have?"


@dataclass(frozen=True, slots=True)
class Form:
    """How columns of some heading are asked for."""

    heading: re.Pattern[str]
    ask: Callable[[Cell], tuple[str, ...]]

    def fits(self, cell: Cell) -> bool:
        """Whether a cell's column has such a heading."""
        return bool(self.heading.match(cell.column))


def _form(heading: str, *wordings: str) -> Form:
    """Make a form of wordings with {row}, {column}, {be}, {do} in them."""

    def ask(cell: Cell) -> tuple[str, ...]:
        filled = (one.format(row=cell.row, column=cell.column, be=cell.be, do=cell.do) for one in wordings)
        return tuple(one[:1].upper() + one[1:] for one in filled)

    return Form(re.compile(f"(?:{heading})$", re.IGNORECASE), ask)


def _kept_for(cell: Cell) -> tuple[str, ...]:
    verb, _, preposition = cell.column.partition(" ")
    if amount_in(cell.value):
        return f"For how long {cell.be} {cell.row} {verb}?", f"How long {cell.be} {cell.row} {verb}?"
    asks = "Who" if re.match(r"every|nobody|all |staff|people", cell.value) else "What"
    return f"{asks} {cell.be} {cell.row} {verb} {preposition}?", f"{cell.row}: {verb} {preposition} what?"


def _price(cell: Cell) -> tuple[str, ...]:
    each = re.search(r"(?:per|a) \w+$", cell.column)
    times = f" {each.group()}" if each else ""
    return (
        f"How much {cell.do} {cell.row} cost{times}?",
        f"What is the price of {cell.row}{times}?",
        f"What do I pay for {cell.row}{times}?",
    )


def _responsible(cell: Cell) -> tuple[str, ...]:
    asks = "Which team" if _TEAM.match(cell.value) and not _PERSON.match(cell.value) else "Who"
    also = f"Who is the {cell.column} of {cell.row}?" if cell.column.lower() != "who" else f"Who does it: {cell.row}?"
    return f"{asks} is responsible for {cell.row}?", also


def _third_person(cell: Cell) -> tuple[str, ...]:
    verb, _, rest = cell.column.partition(" ")
    asks = "Who" if _TEAM.match(cell.value) or _PERSON.match(cell.value) else "Where"
    base = {"goes": "go"}.get(verb.lower(), verb.lower().removesuffix("s"))
    return (
        f"{asks} {cell.do} {cell.row} {base} {rest}?",
        f"{cell.row}: {verb} {rest} whom?" if asks == "Who" else f"{cell.row}: where?",
    )


FORMS: Sequence[Form] = (
    _form("meaning|what it means|what it is|what it does|means|definition|description",
          "What {be} {row}?", "What {do} {row} mean?", "Please explain {row}."),
    _form("what to do|what you do|remedy|action|solution|what helps|fix",
          "{row} - what do I do?", "What do I do about this: {row}?", "I have this problem: {row}. What now?"),
    _form("how long(?: it takes)?|time needed", "How long {do} {row} take?", "How much time is needed for {row}?"),
    _form("duration", "What is the duration for {row}?", "{row}: how long?"),
    _form("how much", "How much {be} {row}?", "How much do I get for {row}?"),
    _form("how often|frequency", "{row}: how often?", "How often: {row}?"),
    _form("how many", "How many {row} are there?"),
    _form("where|place|location|room|site", "Where {be} {row}?", "Where do I find {row}?"),
    _form("use|contact|who to call|whom to call", "{row} - what do I use for that?", "{row} - whom do I turn to?"),
    _form("extension|telephone number|phone number|number to dial",
          "What is the extension for {row}?", "Which number do I dial about {row}?"),
    _form("for whom|who may|who can|for", "Who or what {be} {row} for?", "For whom or what {be} {row}?"),
    _form("purpose|used for|what for", "What {be} {row} for?", "What do we use {row} for?"),
    _form("maker|manufacturer|vendor|supplier", "Who makes {row}?", "Which company makes {row}?"),
    _form("allowed|permitted|supported|included|required", "{be} {row} {column}?", "Can I use {row}?"),
    _form("what", "{row} - what happens then?", "What happens: {row}?"),
    _form("limit|maximum|most", "What is the limit for {row}?", "{row}: what is the limit?"),
    _form("examples?", "What are examples of {row}?", "What counts as {row}?"),
    _form("notes?|remarks?|comments?|special|also in the box", "What should I know about {row}?", "{row}: {column}?"),
    _form("weight", "How much {do} {row} weigh?", "How heavy {be} {row}?"),
    _form("size", "How large {be} {row}?", "What is the size of {row}?"),
    _form("from .+ to .+", "How long {do} {row} take {column}?", "{row}: how long {column}?"),
    _form("(?:first|largest|smallest|longest|highest|lowest|next|last) .+",
          "What is the {column} for {row}?", "What is the {column} of {row}?"),
    _form("we lose at most", "How much do we lose at most of {row}?"),
    _form("back within", "Within what time {be} {row} back?", "How soon {be} {row} back?"),
    Form(re.compile(r"(?:price|costs?|charge|fee|(?:price|cost) (?:per|a) \w+)$", re.IGNORECASE), _price),
    Form(re.compile(r"(?:who|owner|responsible|contact person|who does it)$", re.IGNORECASE), _responsible),
    Form(re.compile(r"(?:kept|meant|made|used|valid|good) for$", re.IGNORECASE), _kept_for),
    Form(re.compile(r"(?:goes|belongs|reports|comes) \w+$", re.IGNORECASE), _third_person),
)  # fmt: skip
"""How columns are asked for by their heading, the first that fits; else `by_value`."""
