"""Invented events, told in sentences of many parts, and a question for each part: who, what, where, when, how many."""
# ruff: noqa: PLR2004 - a generator is made of shares

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fourways.training.reader.inventing import MATERIALS, THINGS, Inventor
from fourways.training.reader.verbs import DEEDS, Deed, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened. Parts that are not told are None.

    Attributes:
        deed: of its verbs the sentence takes one and a question may take another.
        subject: who did it.
        item: to what.
        place: where.
        time: when.
        count: how many of `counted` there were.
        counted: a plural.
        role: what the subject is, as "the director of the Fooville museum": after its name.
        helper: with whom.
        reason: for what.
    """

    deed: Deed
    subject: str
    item: str
    place: str | None = None
    time: str | None = None
    count: str | None = None
    counted: str = ""
    role: str | None = None
    helper: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event's sentence and questions, each with its answer."""

    sentence: str
    asks: tuple[tuple[str, str], ...]


COUNTED = (
    "members soldiers ships workers visitors students pages votes houses horses guests books songs tickets rooms "
    "devices users people pupils trees windows doors machines servers copies victims employees offices seats"
).split()
ROLES = (
    "director mayor president king head manager founder captain teacher doctor owner leader bishop editor minister "
    "secretary chairman treasurer coach commander professor engineer"
).split()


def invent_event(inventor: Inventor, subject: str | None = None, kind: str = "person") -> Event:
    """Invent an event, of a subject given or a new one."""
    chance = inventor.chance
    among = [one for one in DEEDS if one.subject == kind] if subject else DEEDS
    deed = chance.choice(among)
    kind, item = deed.subject, deed.item
    counting = chance.random() < 0.25
    return Event(
        deed=deed,
        subject=subject or inventor.make(kind),
        item=inventor.make(item) if chance.random() < 0.8 or item != "thing" else inventor.pick(MATERIALS),
        place=inventor.town() if chance.random() < 0.5 else None,
        time=inventor.date() if chance.random() < 0.5 else None,
        count=inventor.number() if counting else None,
        counted=inventor.pick(COUNTED),
        role=f"{inventor.pick(ROLES)} of {inventor.make('group' if chance.random() < 0.7 else 'town')}"
        if kind == "person" and chance.random() < 0.25
        else None,
        helper=inventor.person() if chance.random() < 0.15 else None,
        reason=inventor.phrase() if chance.random() < 0.15 else None,
    )


def tell(event: Event, inventor: Inventor, *, called: str = "") -> Told:
    """Tell an event and ask for each of its parts.

    Args:
        event: what happened.
        inventor: chooses the forms.
        called: what the subject is called in the sentence, a pronoun say; its name where empty.
    """
    chance = inventor.chance
    verb, other = chance.choice(event.deed.verbs), chance.choice(event.deed.verbs)
    subject, item = called or event.subject, event.item
    if event.role and not called:
        the = inventor.pick(("the", "then the", "the former", ""))
        subject = f"{subject}, {the} {event.role},".replace(", ,", ",").replace(",  ", ", ")
    passive = chance.random() < 0.35 and not called
    core = f"{item} was {verb.participle} by {subject}" if passive else f"{subject} {verb.past} {item}"
    place = f"{inventor.pick(('in', 'in', 'at', 'near'))} {event.place}" if event.place else ""
    time = f"in {event.time}" if event.time else ""
    more = " ".join(
        (
            f"with {event.count} {event.counted}" if event.count else "",
            f"together with {event.helper}" if event.helper else "",
            f"for {event.reason}" if event.reason else "",
        )
    )
    core = core.removesuffix(",") if passive else core
    if time and chance.random() < 0.4:
        text = f"{time}, {core} {place} {more}"
    elif place and chance.random() < 0.2:
        text = f"{place}, {core} {more} {time}"
    else:
        text = f"{core} {more} {place} {time}" if chance.random() < 0.5 else f"{core} {place} {time} {more}"
    text = " ".join(text.split())
    if text[:1].islower() and not text.startswith(("the ", "in ", "at ", "near ")):
        text = f"{inventor.pick(('Later,', 'In fact,', 'At last,', 'There,'))} {text}"
    return Told(
        sentence=text[:1].upper() + text[1:] + ".",
        asks=tuple(_asks(replace(event, role=None) if called else event, other, inventor)),
    )


def _asks(event: Event, verb: Verb, inventor: Inventor) -> list[tuple[str, str]]:
    """Write one question for each part, at times with other parts named in it, as people do."""
    subject, item, pick = event.subject, event.item, inventor.pick

    def hint(*parts: str) -> str:
        among = [part for part in parts if part]
        return f" {pick(among)}" if among and inventor.chance.random() < 0.35 else ""

    place = f"in {event.place}" if event.place else ""
    time = f"in {event.time}" if event.time else ""
    did, was = f"did {subject} {verb.base} {item}", f"was {item} {verb.participle}"
    either = pick((did, was, was + f" by {subject}"))
    who = "Who" if event.deed.subject == "person" else pick(("What", "Which one", "Who"))
    asks = [
        (
            pick(
                (
                    f"{who} {verb.past} {item}{hint(place, time)}?",
                    f"By whom was {item} {verb.participle}{hint(place, time)}?",
                )
            ),
            subject,
        ),
        (_ask_item(event, verb, inventor, hint(place, time)), item),
    ]
    if event.place:
        asks.append(
            (
                f"{pick(('Where', 'Where', 'In what place', 'In which city', 'In which town'))} {either}{hint(time)}?",
                event.place,
            )
        )
    if event.time:
        asks.append(
            (
                f"{pick(('When', 'When', 'In what year', 'In which year', 'At what date'))} {either}{hint(place)}?",
                event.time,
            )
        )
    if event.count:
        asks.append(
            (f"{pick(('With how many', 'How many'))} {event.counted} {pick((did, did + ' with'))}?", event.count)
        )
    if event.helper:
        asks.append(
            (f"{pick(('With whom', 'Together with whom', 'With whose help'))} {did}{hint(place, time)}?", event.helper)
        )
    if event.reason:
        asks.append((f"{pick(('For what', 'Why', 'For what purpose'))} {either}{hint(place)}?", event.reason))
    if event.role:
        asks.append((f"{pick(('Who was', 'Who is', 'What was the name of'))} the {event.role}?", subject))
    return asks


def _ask_item(event: Event, verb: Verb, inventor: Inventor, hint: str) -> str:
    pick = inventor.pick
    passive = inventor.chance.random() < 0.3
    if event.deed.item == "person":
        return (
            f"Who was {verb.participle} by {event.subject}{hint}?"
            if passive
            else f"{pick(('Whom', 'Who'))} did {event.subject} {verb.base}{hint}?"
        )
    noun = event.item.split()[-1]
    which = pick(("What", "What", "Which")) if noun not in THINGS else pick(("What", f"Which {noun}", f"What {noun}"))
    if event.deed.item == "town":
        which = pick(("Which place", "What", "What city", "Which town"))
    return (
        f"{which} was {verb.participle} by {event.subject}{hint}?"
        if passive
        else f"{which} did {event.subject} {verb.base}{hint}?"
    )


def swap(event: Event, inventor: Inventor, others: Sequence[Event]) -> str:
    """Ask of an event what is not told: another subject's deed, another item, or a part left out."""
    chance, pick = inventor.chance, inventor.pick
    verb = chance.choice(event.deed.verbs)
    missing = [
        *((f"Where did {event.subject} {verb.base} {event.item}?",) if not event.place else ()),
        *((f"When did {event.subject} {verb.base} {event.item}?",) if not event.time else ()),
        *((f"With whom did {event.subject} {verb.base} {event.item}?",) if not event.helper else ()),
        *((f"Why did {event.subject} {verb.base} {event.item}?",) if not event.reason else ()),
    ]
    if chance.random() < 0.4 and missing:
        return pick(missing)
    deed = event.deed
    doers = {one.subject for one in others if one.deed == deed}
    known = [one.subject for one in others if one.subject not in doers and one.deed.subject == deed.subject]
    subject = pick(known) if known and chance.random() < 0.6 else inventor.make(deed.subject)
    item = inventor.make(deed.item)
    if chance.random() < 0.5:
        return f"{'Whom' if deed.item == 'person' else 'What'} did {subject} {verb.base}?"
    return pick(
        (f"Who {verb.past} {item}?", f"Where was {item} {verb.participle}?", f"When was {item} {verb.participle}?")
    )
