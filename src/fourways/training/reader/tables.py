"""Invented tables and lists in Markdown, with questions by row and column: what handbooks are made of."""
# ruff: noqa: PLR2004 - a generator is made of shares

from fourways.training.reader.attributes import ATTRIBUTES
from fourways.training.reader.facts import Asked, Document
from fourways.training.reader.inventing import ADJECTIVES, Inventor

_KINDS = ("thing", "name", "code", "town", "person", "group", "word", "phrase")
_VALUES = (
    "number",
    "amount",
    "money",
    "date",
    "hour",
    "span",
    "code",
    "word",
    "name",
    "phrase",
    "deed",
    "address",
    "person",
)
_CELLS = (
    "What is the {c} of {r}?",
    "What is the {c} for {r}?",
    "{r}: what is the {c}?",
    "Which {c} does {r} have?",
    "What does the table give as {c} for {r}?",
)
_ROWS = ("Which {k} has the {c} {v}?", "Whose {c} is {v}?", "What has {v} as its {c}?")
_ITEMS = ("What is the {c}?", "What is the {c} of {s}?", "Which {c} does {s} have?", "{s}: {c}?")


def _column(inventor: Inventor) -> str:
    shape = inventor.chance.random()
    name = inventor.word() if shape < 0.15 else inventor.pick(ATTRIBUTES)
    return f"{inventor.pick(ADJECTIVES)} {name}" if shape > 0.8 else name


def _columns(inventor: Inventor, count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        name = _column(inventor)
        if name not in found:
            found.append(name)
    return found


def _distinct(inventor: Inventor, kind: str, count: int, taken: set[str]) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        made = inventor.make(kind)
        if made not in taken and "|" not in made:
            taken.add(made)
            found.append(made)
    return found


def write_table(inventor: Inventor, rows: int, *, questions: int, unsaid: float = 0.25) -> Document:
    """Write a table of so many rows and ask for cells by row and column, and for rows by a cell.

    Args:
        inventor: makes all that is named.
        rows: at least one.
        questions: at most so many.
        unsaid: share of the questions that the table does not answer.
    """
    chance, taken = inventor.chance, set[str]()
    columns = _columns(inventor, chance.choice((1, 2, 2, 3)))
    kind = chance.choice(_KINDS)
    head = inventor.pick(("Name", "Code", "Kind", "Item", "What", kind.capitalize()))
    names = _distinct(inventor, kind, rows, taken)
    cells = [_distinct(inventor, chance.choice(_VALUES), rows, taken) for _ in columns]
    lines = [
        f"| {' | '.join([head, *(column.capitalize() for column in columns)])} |",
        "|" + "---|" * (1 + len(columns)),
        *(f"| {' | '.join([name, *(cell[number] for cell in cells)])} |" for number, name in enumerate(names)),
    ]
    asked: list[Asked] = []
    for _ in range(questions):
        row, column = chance.randrange(rows), chance.randrange(len(columns))
        name, title, value = names[row], columns[column], cells[column][row]
        if chance.random() < unsaid:
            if chance.random() < 0.6:
                name = _distinct(inventor, kind, 1, set(taken))[0]
            else:
                title = next(new for new in iter(lambda: _column(inventor), None) if new not in columns)
            asked.append(Asked(question=inventor.pick(_CELLS).format(c=title, r=name), answer=None))
        elif chance.random() < 0.3:
            asked.append(Asked(question=inventor.pick(_ROWS).format(k=head.lower(), c=title, v=value), answer=name))
        else:
            asked.append(Asked(question=inventor.pick(_CELLS).format(c=title, r=name), answer=value))
    before = f"# {inventor.phrase().capitalize()}\n\n" if chance.random() < 0.5 else ""
    return Document(passage=before + "\n".join(lines), asked=_once(asked))


def write_list(inventor: Inventor, items: int, *, questions: int, unsaid: float = 0.25) -> Document:
    """Write what is known of one subject as a list of named items, and ask for them."""
    chance, taken = inventor.chance, set[str]()
    subject = inventor.make(chance.choice(_KINDS[:6]))
    titles = _columns(inventor, items)
    values = [_distinct(inventor, chance.choice(_VALUES), 1, taken)[0] for _ in titles]
    mark = inventor.pick(("- ", "* ", "", "- **"))
    behind = "**" if mark.endswith("**") else ""
    lines = [f"{mark}{title.capitalize()}:{behind} {value}" for title, value in zip(titles, values, strict=True)]
    asked: list[Asked] = []
    for _ in range(questions):
        at = chance.randrange(items)
        title, value = titles[at], values[at]
        answer: str | None = value
        if chance.random() < unsaid:
            title = next(new for new in iter(lambda: _column(inventor), None) if new not in titles)
            answer = None
        asked.append(Asked(question=inventor.pick(_ITEMS).format(c=title, s=subject), answer=answer))
    head = f"# {subject[:1].upper()}{subject[1:]}" if chance.random() < 0.7 else f"{subject[:1].upper()}{subject[1:]}:"
    return Document(passage="\n".join([head, "", *lines]), asked=_once(asked))


def _once(asked: list[Asked]) -> tuple[Asked, ...]:
    return tuple({one.question: one for one in asked}.values())
