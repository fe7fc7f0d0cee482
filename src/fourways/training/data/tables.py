"""Questions about tables and records: a row's name and a column's heading ask for the cell where they meet. Pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fourways.training.data.amounts import amount_in
from fourways.training.data.blocks import Block
from fourways.training.data.clauses import AUXILIARIES, clause_of, mine
from fourways.training.data.columns import FORMS, WITHOUT_NOUN, Cell, by_value
from fourways.training.data.naming import Lexicon, with_article

_BRACKETS = re.compile(r"\s*\([^)]*\)")
_LONGEST = 12
"""Words of a cell that still names something."""
_YES_NO = re.compile(r"(?:yes|no|none|never|nobody)\b", re.IGNORECASE)
_EMPTY = frozenset(("", "-", "–", "—", "n/a"))
_DEFINING = re.compile(r"(?:meaning|what it means|what it is|what it does|description|purpose)$", re.IGNORECASE)
_DAY = re.compile(r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day")
_TIMES = frozenset(("when", "date", "day", "time", "deadline"))
"""Headings of first columns that hold times."""
_SAID = frozenset(("message", "what you see", "error", "error message", "symptom", "problem", "fault", "if"))
"""Headings of first columns that hold what somebody reads or sees."""
_NAMING = frozenset(("name", "item", "product", "method", "term", "person", "model", "abbreviation", "word"))
"""Headings of first columns that hold names by themselves."""
_UNNAMED = frozenset(("what", "for", "who", "when", "if", "order", "title", "message", "what you see", "date", "day"))
"""Headings of first columns that name no kind of thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question on a block, in several wordings: the plainest first."""

    questions: tuple[str, ...]
    answer: str
    block: Block


def questions_on_rows(blocks: Sequence[Block], topic: str, lexicon: Lexicon) -> Iterator[Asked]:
    """Ask for each cell by its row and column, and for a row by a cell that no other row has.

    Args:
        blocks: of one document; rows and records are read, the rest is passed over.
        topic: what the document is about, for tables whose rows say too little by themselves.
        lexicon: which of its words keep their capital.
    """
    tables: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Block]] = defaultdict(list)
    for block in blocks:
        if block.kind in {"row", "record"} and len(block.names) > 1 and block.names[0]:
            tables[block.names, block.headings].append(block)
    for (columns, headings), rows in tables.items():
        about = _about(headings, topic)
        unique = _unique(rows)
        for row in rows:
            named = _named(row, unique, lexicon)
            if not named:
                continue
            for place in range(1, len(columns)):
                if not columns[place] or row.values[place].lower() in _EMPTY:
                    continue
                kind, column = _heading(columns[0]), _heading(columns[place])
                noun = not any(_YES_NO.match(one.values[place]) for one in rows)
                cell = Cell(row=named, column=column, kind=kind, value=row.values[place], noun=noun)
                yield Asked(questions=_forward(cell, about), answer=cell.value, block=row)
                if unique[place][cell.value.lower()] == 1 and (back := _backward(cell, lexicon)):
                    yield Asked(questions=back, answer=row.values[0], block=row)


def _about(headings: tuple[str, ...], topic: str) -> str:
    """Say what a table is about: the heading over it, where that names a thing, else the document."""
    last = headings[-1] if headings else topic
    unnamed = re.match(r"(?:how|what|when|where|who|which|if|the|before|common|others?)\b", last, re.IGNORECASE)
    return topic if unnamed else last


def _unique(rows: Sequence[Block]) -> dict[int, Counter[str]]:
    """Count the values of each column; -1 counts the first words of the first, up to a comma."""
    counted: dict[int, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counted[-1][row.values[0].split(",")[0].lower()] += 1
        for place, value in enumerate(row.values):
            counted[place][value.lower()] += 1
    return counted


def _named(row: Block, unique: dict[int, Counter[str]], lexicon: Lexicon) -> str:
    """Return how people would call a row: without what stands in brackets or, where that is enough, after a comma."""
    name = _BRACKETS.sub("", row.values[0]).strip().rstrip(":")
    head = name.split(",")[0]
    if head != name and unique[-1][head.lower()] == 1 and head[:1].isupper() and len(head.split()) <= 3:  # noqa: PLR2004
        name = head
    if name.lower() in _EMPTY or len(name.split()) > _LONGEST:
        return ""
    kind = _heading(row.names[0])
    if kind in _SAID:
        return name
    if re.fullmatch(r"[A-Z]|[A-Z]?\d+", name) and kind not in _UNNAMED:
        return f"{kind} {name}"
    small = lexicon.lower(name)
    if " " not in f"{small}{kind}" and kind not in _UNNAMED | _NAMING and not small.endswith("s") and name.isalpha():
        return f"the {small} {kind}"
    return with_article(small)


def _heading(text: str) -> str:
    """Return a column's heading as it stands within a sentence."""
    text = _BRACKETS.sub("", text)
    return text if _DAY.match(text) or text[1:2].isupper() else text[:1].lower() + text[1:]


def _forward(cell: Cell, about: str) -> tuple[str, ...]:
    """Ask for a cell: as its column's heading is best asked, shortly, and with what the table is about."""
    bare = cell.row.removeprefix("the ").removeprefix("a ").removeprefix("an ")
    short = f"{bare} {cell.column}".lower()
    if WITHOUT_NOUN.match(cell.column):
        short = f"{bare}: {cell.column}?"
    asked = next((form.ask(cell) for form in FORMS if form.fits(cell)), None) or by_value(cell)
    named = under(about, asked[0])
    return tuple(dict.fromkeys((asked[0], named, *asked[1:], short)))


def under(topic: str, question: str) -> str:
    """Put what a question is about before it."""
    asks = re.match(
        r"(?:What|How|Who|Where|When|Which|For|Is|Are|Can|Within|After|May|Does|Do|At|Until|On)\b", question
    )
    return f"{topic}: {question[:1].lower()}{question[1:]}" if asks else f"{topic}: {question}"


def _backward(cell: Cell, lexicon: Lexicon) -> tuple[str, ...]:
    """Ask for the row that a cell is of: what is called so, meant for it, or has it."""
    value = lexicon.lower(_BRACKETS.sub("", cell.value))
    if len(value.split()) > _LONGEST or len(value) < 3 or _YES_NO.match(value):  # noqa: PLR2004 - "A4"
        return ()
    if _DEFINING.match(cell.column):
        return _called(cell, value)
    if re.match(r"(?:meant|made|used) for$", cell.column, re.IGNORECASE):
        return (f"Which {cell.kind} is {cell.column} {value}?", f"What {cell.kind} do I get for {value}?")
    if cell.kind in _TIMES and cell.column in {"what", "what happens", "step"}:
        clause = clause_of(f"{cell.value[:1].upper()}{cell.value[1:]}")
        turned = clause is not None and clause.verb in AUXILIARIES
        asked = (
            f"{clause.helper} {lexicon.lower(clause.subject)} {clause.rest}" if clause is not None and turned else ""
        )
        return (f"When {mine(asked)}?", f"When: {mine(value)}?") if asked else (f"When is this done: {mine(value)}?",)
    if not cell.noun or cell.kind in _UNNAMED or " " in cell.kind or WITHOUT_NOUN.match(cell.column) or "," in value:
        return ()
    article = "an" if re.match(r"[aeio]|u(?!s|ni)", cell.column) else "a"
    if amount_in(value) or value[:1].isdigit() or value[:1] in "€$£":
        return (f"Which {cell.kind} has {article} {cell.column} of {value}?",)
    return (f"Which {cell.kind} has {value} as {cell.column}?",)


def _called(cell: Cell, value: str) -> tuple[str, ...]:
    """Ask for a name by what it means."""
    thing = with_article(re.split(r"[,;:]", value)[0])
    clause = AUXILIARIES & set(value.split()) or re.match(r"\w+ed\b", value)
    if clause or cell.kind not in _UNNAMED | _NAMING or len(thing.split()) <= 2:  # noqa: PLR2004 - "the question"
        asks = "code" if "code" in cell.kind or "message" in cell.kind else cell.kind
        return (f"Which {asks} means this: {mine(value)}?",) if asks not in _UNNAMED else ()
    return (f"What is {thing} called?", f"How do we call {thing}?", f"I am looking for {thing}. What is its name?")
