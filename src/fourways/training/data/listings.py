"""Questions about lists: named values ("Head of IT: …"), sections that ask a question themselves, short steps. Pure."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from fourways.training.data.amounts import amount_in
from fourways.training.data.blocks import Block
from fourways.training.data.clauses import AUXILIARIES, VERBS, is_imperative, mine
from fourways.training.data.naming import Lexicon, with_article
from fourways.training.data.tables import Asked, under

_NAMED = re.compile(r"(?P<key>[^:.,;]{2,60}): (?P<value>[^:]{2,160}[^:\s])$")
_PERSON = re.compile(
    r"(?P<name>[A-ZÀ-Þ][\w’'-]+ (?:[a-z]{2,3} )?[A-ZÀ-Þ][\w’'-]+)(?:,? \(?extension (?P<number>\d+)\)?)?$"
)
_EXTENSION = re.compile(r"(?:extension )?(?P<number>\d{3,6})$")
_ASKING = re.compile(r"(?:What|How|Who|Where|When|Which|Whom|Why) ", re.IGNORECASE)
_MOST_STEPS, _MOST_WORDS = 6, 45
_NO_NAME = frozenset("it they you we i that which who needs says means comes takes rules things must".split())
_NOT_FIRST = frozenset(
    "up for in on at by to from nothing older newer note example this these that until before after".split()
)
_BRACKETS = re.compile(r"\s*\([^)]*\)")


def questions_on_lists(blocks: Sequence[Block], topic: str, lexicon: Lexicon) -> Iterator[Asked]:
    """Ask for named values, for the list under a heading that asks, and for the steps of something.

    Args:
        blocks: of one document.
        topic: what the document is about.
        lexicon: which of its words keep their capital.
    """
    known: set[str] = set()
    for block in blocks:
        if block.kind in {"item", "sentence"}:
            found = _NAMED.match(block.text.rstrip("."))
            if found and block.text not in known and _names_a_thing(found["key"], found["value"], block.kind):
                known.add(block.text)
                yield from _named(found["key"].strip(), found["value"].strip(), block, topic, lexicon)
    lists = [one for one in blocks if one.kind in {"item", "step"}]
    for (headings, kind), items in groupby(lists, key=lambda one: (one.headings, one.kind)):
        yield from _listed(headings[-1] if headings else "", kind, list(items), topic, lexicon)


def _names_a_thing(key: str, value: str, kind: str) -> bool:
    """Whether what stands before a colon is a name or a thing, not a clause; in a sentence only a word or two are."""
    words = [word if word.isupper() else word.lower() for word in key.split()]
    clause = not (AUXILIARIES | VERBS | _NO_NAME).isdisjoint(words) or is_imperative(key)
    said = value.split(" ", 1)[0].lower() in AUXILIARIES | {"see"}
    few = 2 if kind == "sentence" else 7
    return key[:1].isalnum() and not clause and not said and len(words) <= few and words[0] not in _NOT_FIRST


def _named(key: str, value: str, block: Block, topic: str, lexicon: Lexicon) -> Iterator[Asked]:
    name = with_article(lexicon.lower(_BRACKETS.sub("", key)))
    asked: tuple[str, ...]
    person, number = _PERSON.match(value), _EXTENSION.match(value)
    if person:
        yield Asked(
            questions=(f"Who is {name}?", under(topic, f"Who is {name}?"), f"name of {name}".lower()),
            answer=person["name"],
            block=block,
        )
        if person["number"]:
            asked = (
                f"What is the extension of {name}?",
                f"Which extension does {person['name']} have?",
                f"How do I reach {name} by phone?",
            )
            yield Asked(questions=asked, answer=person["number"], block=block)
        return
    if number:
        asked = (f"What is the extension of {name}?", f"Which number do I dial for {name}?")
    elif amount_in(value) and len(value.split()) <= 6:  # noqa: PLR2004 - an amount
        asked = (f"What is {name}?", under(topic, f"What is {name}?"))
    else:
        asked = (f"What is {name}?", f"What does {name} mean?", under(topic, f"What is {name}?"))
    yield Asked(questions=asked, answer=value, block=block)


def _listed(heading: str, kind: str, items: Sequence[Block], topic: str, lexicon: Lexicon) -> Iterator[Asked]:
    words = sum(len(one.text.split()) for one in items)
    if not heading or re.search(r"\b(?:it|them|this)$", heading) or words > _MOST_WORDS or len(items) > _MOST_STEPS:
        return
    said = " ".join(one.text for one in items) if kind == "step" else "; ".join(one.text.rstrip(".,;") for one in items)
    if _ASKING.match(heading) and len(heading.split()) > 3:  # noqa: PLR2004 - says what is asked for
        question = f"{heading[:1].upper()}{heading[1:].rstrip('?')}?"
        yield Asked(questions=(question, under(topic, question)), answer=said, block=items[0])
    elif kind == "step" and len(heading.split()) > 1:
        about = lexicon.lower(heading)
        if re.match(r"(?:before|after|if|when|once)\b", about):
            yield Asked(questions=(f"{topic}: what do I do {mine(about)}?",), answer=said, block=items[0])
            return
        yield Asked(
            questions=(f"{topic}: how does {about} work?", f"What are the steps for {about} ({topic})?"),
            answer=said,
            block=items[0],
        )
