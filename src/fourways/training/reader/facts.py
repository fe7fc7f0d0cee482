"""Invented passages with questions on them: what the small model learns reading from. Endless, seeded, no word true."""
# ruff: noqa: PLR2004 - a generator is made of shares

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from fourways.training.reader.attributes import invent_relation
from fourways.training.reader.events import Event, invent_event, swap, tell
from fourways.training.reader.inventing import Inventor
from fourways.training.reader.relations import Relation

_PRONOUNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"person": ("He", "She", "They"), "town": ("It", "The place"), "group": ("It", "They"), "thing": ("It",)}
)
_NOTHING = ("",) * 6  # half of the time
_JOINS = (
    *_NOTHING,
    "In fact, ",
    "However, ",
    "Later, ",
    "According to {p}, ",
    "It is said that ",
    "Of course, ",
)
_LEADS = ("In fact, ", "However, ", "Later, ", "It is said that ", "Of course, ")
_TAILS = (*_NOTHING, ", as everyone knows", ", according to {p}", " and nobody minds", ", which surprised {p}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question and its answer, in the passage's exact words; None where the passage does not give it."""

    question: str
    answer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A passage and what is asked about it."""

    passage: str
    asked: tuple[Asked, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fact:
    subject: str
    value: str
    says: tuple[str, ...]
    asks: tuple[str, ...]
    turns: tuple[str, ...]
    kind: str

    def ask(self, inventor: Inventor, *, turned: bool) -> Asked:
        if turned and self.turns:
            return Asked(
                question=_large(inventor.pick(self.turns).format(s=self.subject, v=self.value)), answer=self.subject
            )
        return Asked(question=_large(inventor.pick(self.asks).format(s=self.subject, v=self.value)), answer=self.value)


def begins_small(text: str) -> bool:
    """Say whether a text begins with a small letter that no answer should see made large: "the" is told apart."""
    return text[:1].islower() and not text.startswith("the ")


def _large(text: str) -> str:
    return text[:1].upper() + text[1:]


def write_facts(
    inventor: Inventor,
    facts: int,
    *,
    questions: int,
    unsaid: float = 0.3,
    filler: Sequence[str] = (),
    alike: float = 0.0,
) -> Document:
    """Write a passage of invented facts and ask about it.

    Subjects share relations and relations share subjects, so that a question needs both to find its answer.

    Args:
        inventor: makes all that is named.
        facts: how many.
        questions: at most so many, each fact being asked for once each way.
        unsaid: share of the questions that the passage does not answer.
        filler: sentences to strew in; none where empty.
        alike: share of the passages in which nearly all facts are of one relation: only their names tell them apart.
    """
    world = _World(inventor, facts, alike)
    while len(world.told) < facts:
        world.tell_one()
    told = world.told
    if inventor.chance.random() < 0.6:
        told.sort(key=lambda fact: zlib.crc32(fact.subject.encode()))
    passage = _tell(inventor, told, filler)
    return Document(passage=passage, asked=tuple(_ask(world, questions, unsaid)))


def write_events(
    inventor: Inventor, events: int, *, questions: int, unsaid: float = 0.3, filler: Sequence[str] = ()
) -> Document:
    """Write a passage of invented events, told as an encyclopedia does, and ask for their parts.

    Args:
        inventor: makes all that is named.
        events: how many.
        questions: at most so many.
        unsaid: share of the questions that the passage does not answer.
        filler: sentences to strew in; none where empty.
    """
    chance = inventor.chance
    happened: list[Event] = []
    parts: list[str] = []
    asks: list[tuple[str, str]] = []
    while len(happened) < events:
        last = happened[-1] if happened else None
        again = chance.choice(happened) if happened and chance.random() < 0.5 else None
        person = again is not None and again.deed.subject == "person"
        event = invent_event(inventor, again.subject, "person") if again and person else invent_event(inventor)
        if any(event.deed == one.deed and event.subject == one.subject for one in happened):
            continue
        pronoun = person and last is not None and last.subject == event.subject and chance.random() < 0.5
        told = tell(event, inventor, called=inventor.pick(_PRONOUNS["person"]) if pronoun else "")
        happened.append(event)
        parts.append(told.sentence)
        asks.extend(told.asks)
        if filler and chance.random() < 0.35:
            parts.append(inventor.pick(filler))
    chance.shuffle(asks)
    asked = [Asked(question=_large(question), answer=answer) for question, answer in asks[:questions]]
    for number in range(len(asked)):
        if chance.random() < unsaid:
            asked[number] = Asked(question=_large(swap(chance.choice(happened), inventor, happened)), answer=None)
    return Document(passage=" ".join(parts), asked=tuple(asked))


class _World:
    """What is told so far: facts that share subjects and relations, no two of them with the same answer."""

    def __init__(self, inventor: Inventor, facts: int, alike: float) -> None:
        self.inventor = inventor
        count = 1 if inventor.chance.random() < alike else max(1, round(facts * inventor.chance.uniform(0.3, 1.0)))
        self.relations = [invent_relation(inventor) for _ in range(count)]
        self.subjects: dict[str, list[str]] = {}
        self.known: set[tuple[str, Relation]] = set()
        self.told: list[_Fact] = []

    def tell_one(self) -> None:
        """Add a fact, unless chance proposes one that would make an answer ambiguous."""
        chance = self.inventor.chance
        relation = chance.choice(self.relations) if chance.random() < 0.85 else invent_relation(self.inventor)
        there = self.subjects.get(relation.subject, [])
        new = not there or chance.random() < 0.5
        subject = self.inventor.make(relation.subject) if new else chance.choice(there)
        value = self.inventor.make(relation.value)
        taken = {word for fact in self.told for word in (fact.value, fact.subject)}
        if (subject, relation) in self.known or value in taken or value == subject or (new and subject in taken):
            return
        self.known.add((subject, relation))
        if new:
            self.subjects.setdefault(relation.subject, []).append(subject)
        if relation not in self.relations:
            self.relations.append(relation)
        self.told.append(
            _Fact(
                subject=subject,
                value=value,
                says=relation.says,
                asks=relation.asks,
                turns=relation.turns,
                kind=relation.subject,
            )
        )


def _ask(world: _World, questions: int, unsaid: float) -> list[Asked]:
    chance, told = world.inventor.chance, world.told
    asked: list[Asked] = []
    used: set[_Fact] = set()
    while len(asked) < questions and len(used) < len(told):
        wanted = sum(one.answer is None for one in asked) <= unsaid * questions
        if chance.random() < unsaid and wanted:
            asked.append(_ask_unsaid(world))
            continue
        fact = chance.choice(told)
        if fact not in used:
            used.add(fact)
            asked.append(fact.ask(world.inventor, turned=chance.random() < 0.3))
    return asked


def _ask_unsaid(world: _World) -> Asked:
    """Ask for a relation that holds of others, for a subject of which other things are said, or for neither."""
    inventor, chance = world.inventor, world.inventor.chance
    for _ in range(8):
        relation = chance.choice(world.relations) if chance.random() < 0.6 else invent_relation(inventor)
        there = world.subjects.get(relation.subject, ())
        subject = chance.choice(there) if there and chance.random() < 0.7 else inventor.make(relation.subject)
        if (subject, relation) not in world.known and not _may_be_said(world.told, subject, relation):
            return Asked(question=_large(inventor.pick(relation.asks).format(s=subject, v="")), answer=None)
    relation, subject = invent_relation(inventor), inventor.name()
    return Asked(question=_large(inventor.pick(relation.asks).format(s=subject, v="")), answer=None)


def _may_be_said(told: Sequence[_Fact], subject: str, relation: Relation) -> bool:
    """Say whether a question might be read as one of the facts: two relations of one kind of value on one subject."""
    return any(
        fact.subject == subject and (set(fact.asks) & set(relation.asks) or _near(fact.asks, relation.asks))
        for fact in told
    )


def _near(asks: Sequence[str], others: Sequence[str]) -> bool:
    starts = {" ".join(ask.split()[:2]).lower() for ask in asks}
    loose = {
        "where is",
        "where does",
        "where do",
        "who is",
        "how long",
        "how many",
        "how much",
        "what does",
        "when was",
    }
    return bool(starts & loose & {" ".join(ask.split()[:2]).lower() for ask in others})


def _tell(inventor: Inventor, told: Sequence[_Fact], filler: Sequence[str]) -> str:
    shape = inventor.chance.random()
    if shape < 0.06:
        return _tell_in_lines(told)
    parts: list[str] = []
    last = ""
    for fact in told:
        form = inventor.pick(fact.says)
        subject = fact.subject
        if subject == last and form.startswith("{s} ") and fact.kind in _PRONOUNS and inventor.chance.random() < 0.5:
            subject = inventor.pick(_PRONOUNS[fact.kind])
        text = form.format(s=subject, v=fact.value)
        join, tail = inventor.pick(_JOINS), inventor.pick(_TAILS)
        if tail and inventor.chance.random() < 0.5:
            text = text.removesuffix(".") + tail.format(p=inventor.person() if "{p}" in tail else "") + "."
        if begins_small(text):
            join = join or inventor.pick(_LEADS)
        if (join and not form.startswith(("{s}", "{v}"))) or subject != fact.subject:
            text = text[0].lower() + text[1:]
        text = join.format(p=inventor.person() if "{p}" in join else "") + text
        parts.append(_large(text))
        last = fact.subject
        if filler and inventor.chance.random() < 0.35:
            parts.append(inventor.pick(filler))
            last = ""
    if shape < 0.15:
        return "\n".join(f"- {part}" for part in parts)
    return " ".join(parts)


def _tell_in_lines(told: Sequence[_Fact]) -> str:
    return "\n".join(fact.says[0].format(s=fact.subject, v=fact.value) for fact in told)
