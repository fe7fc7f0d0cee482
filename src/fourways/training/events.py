"""Invented events, told in sentences of many parts, and a question for each part: who, what, where, when, how many."""
# ruff: noqa: PLR2004 - a generator is made of shares

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fourways.training.inventing import MATERIALS, THINGS, Inventor


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A verb's three forms: write, wrote, written."""

    base: str
    past: str
    participle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened. Parts that are not told are None.

    Attributes:
        verbs: of like meaning; the sentence takes one and a question may take another.
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

    verbs: tuple[Verb, ...]
    subject: str
    person: bool
    item: str
    kind: str
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


def _verbs(line: str) -> tuple[str, str, tuple[Verb, ...]]:
    kinds, _, forms = line.partition(": ")
    subject, item = kinds.split(">")
    return (
        subject,
        item,
        tuple(
            Verb(base=base, past=past, participle=participle)
            for base, past, participle in (word.strip().split("/") for word in forms.split(","))
        ),
    )


CLASSES = tuple(
    _verbs(line)
    for line in """\
person>thing: write/wrote/written, pen/penned/penned, compose/composed/composed
person>thing: build/built/built, construct/constructed/constructed, erect/erected/erected
person>thing: discover/discovered/discovered, find/found/found
person>thing: invent/invented/invented, devise/devised/devised, create/created/created
person>thing: buy/bought/bought, purchase/purchased/purchased, acquire/acquired/acquired
person>thing: sell/sold/sold
person>thing: destroy/destroyed/destroyed, demolish/demolished/demolished, ruin/ruined/ruined
person>thing: steal/stole/stolen
person>thing: design/designed/designed, plan/planned/planned
person>thing: open/opened/opened, inaugurate/inaugurated/inaugurated
person>thing: close/closed/closed, shut/shut/shut
person>thing: lose/lost/lost
person>thing: paint/painted/painted
person>thing: repair/repaired/repaired, mend/mended/mended, fix/fixed/fixed
person>thing: draw/drew/drawn, sketch/sketched/sketched
person>thing: break/broke/broken
person>thing: hide/hid/hidden, conceal/concealed/concealed
person>thing: give/gave/given, donate/donated/donated
person>thing: win/won/won
person>thing: review/reviewed/reviewed, examine/examined/examined, inspect/inspected/inspected
person>thing: approve/approved/approved, authorise/authorised/authorised
person>thing: reject/rejected/rejected, refuse/refused/refused
person>thing: describe/described/described
person>thing: study/studied/studied, investigate/investigated/investigated
person>thing: translate/translated/translated
person>thing: publish/published/published, release/released/released, issue/issued/issued
person>thing: bring/brought/brought, carry/carried/carried
person>thing: see/saw/seen, observe/observed/observed
person>thing: teach/taught/taught
person>thing: collect/collected/collected, gather/gathered/gathered
person>person: meet/met/met
person>person: kill/killed/killed, murder/murdered/murdered
person>person: marry/married/married, wed/wedded/wedded
person>person: succeed/succeeded/succeeded, replace/replaced/replaced
person>person: defeat/defeated/defeated, beat/beat/beaten
person>person: hire/hired/hired, employ/employed/employed
person>person: arrest/arrested/arrested, imprison/imprisoned/imprisoned
person>person: support/supported/supported, back/backed/backed
person>person: choose/chose/chosen, select/selected/selected, elect/elected/elected
person>person: praise/praised/praised, admire/admired/admired
person>person: criticise/criticised/criticised, attack/attacked/attacked
person>person: influence/influenced/influenced, inspire/inspired/inspired
person>group: found/founded/founded, establish/established/established, start/started/started
person>group: lead/led/led, head/headed/headed, run/ran/run, direct/directed/directed
person>group: join/joined/joined, enter/entered/entered
person>group: leave/left/left, quit/quit/quit
person>group: visit/visited/visited
person>group: fund/funded/funded, finance/financed/financed, pay/paid/paid
person>town: rule/ruled/ruled, govern/governed/governed
person>town: reach/reached/reached
person>town: visit/visited/visited, tour/toured/toured
person>town: conquer/conquered/conquered, capture/captured/captured, take/took/taken
person>town: map/mapped/mapped, explore/explored/explored
group>group: defeat/defeated/defeated, beat/beat/beaten
group>group: buy/bought/bought, acquire/acquired/acquired, take over/took over/taken over
group>group: sue/sued/sued
group>group: join/joined/joined
group>thing: make/made/made, produce/produced/produced, manufacture/manufactured/manufactured
group>thing: develop/developed/developed, create/created/created
group>thing: sell/sold/sold
group>thing: host/hosted/hosted, hold/held/held, organise/organised/organised
group>thing: launch/launched/launched, introduce/introduced/introduced, start/started/started
group>thing: cancel/cancelled/cancelled, stop/stopped/stopped, end/ended/ended
group>thing: use/used/used, employ/employed/employed
group>thing: win/won/won
group>thing: own/owned/owned
group>thing: keep/kept/kept, store/stored/stored
group>town: occupy/occupied/occupied
group>town: settle/settled/settled, colonise/colonised/colonised
group>town: attack/attacked/attacked, invade/invaded/invaded
group>town: serve/served/served
group>person: hire/hired/hired, employ/employed/employed, recruit/recruited/recruited
group>person: honour/honoured/honoured
group>person: dismiss/dismissed/dismissed, fire/fired/fired
group>person: choose/chose/chosen, elect/elected/elected, appoint/appointed/appointed
thing>thing: cause/caused/caused, trigger/triggered/triggered
thing>thing: replace/replaced/replaced
thing>thing: contain/contained/contained, include/included/included
thing>thing: need/needed/needed, require/required/required
thing>thing: produce/produced/produced, create/created/created
thing>thing: cover/covered/covered
thing>town: reach/reached/reached
thing>town: cross/crossed/crossed
thing>town: destroy/destroyed/destroyed, devastate/devastated/devastated
thing>person: kill/killed/killed
thing>person: surprise/surprised/surprised, astonish/astonished/astonished""".splitlines()
)

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
    among = [one for one in CLASSES if one[0] == kind] if subject else CLASSES
    kind, item, verbs = chance.choice(among)
    counting = chance.random() < 0.25
    return Event(
        verbs=verbs,
        subject=subject or inventor.make(kind),
        person=kind == "person",
        item=inventor.make(item) if chance.random() < 0.8 or item != "thing" else inventor.pick(MATERIALS),
        kind=item,
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
    verb, other = chance.choice(event.verbs), chance.choice(event.verbs)
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
    who = "Who" if event.person else pick(("What", "Which one", "Who"))
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
    if event.kind == "person":
        return (
            f"Who was {verb.participle} by {event.subject}{hint}?"
            if passive
            else f"{pick(('Whom', 'Who'))} did {event.subject} {verb.base}{hint}?"
        )
    noun = event.item.split()[-1]
    which = pick(("What", "What", "Which")) if noun not in THINGS else pick(("What", f"Which {noun}", f"What {noun}"))
    if event.kind == "town":
        which = pick(("Which place", "What", "What city", "Which town"))
    return (
        f"{which} was {verb.participle} by {event.subject}{hint}?"
        if passive
        else f"{which} did {event.subject} {verb.base}{hint}?"
    )


def swap(event: Event, inventor: Inventor, others: Sequence[Event]) -> str:
    """Ask of an event what is not told: another subject's deed, another item, or a part left out."""
    chance, pick = inventor.chance, inventor.pick
    verb = chance.choice(event.verbs)
    missing = [
        *((f"Where did {event.subject} {verb.base} {event.item}?",) if not event.place else ()),
        *((f"When did {event.subject} {verb.base} {event.item}?",) if not event.time else ()),
        *((f"With whom did {event.subject} {verb.base} {event.item}?",) if not event.helper else ()),
        *((f"Why did {event.subject} {verb.base} {event.item}?",) if not event.reason else ()),
    ]
    if chance.random() < 0.4 and missing:
        return pick(missing)
    kind = next(one for one in CLASSES if one[2] == event.verbs)
    told = {(one.subject, one.verbs) for one in others} | {(one.item, one.verbs) for one in others}
    known = [one.subject for one in others if (one.subject, event.verbs) not in told and one.person == event.person]
    subject = pick(known) if known and chance.random() < 0.6 else inventor.make(kind[0])
    item = inventor.make(kind[1])
    if chance.random() < 0.5:
        return f"What did {subject} {verb.base}?" if event.kind != "person" else f"Whom did {subject} {verb.base}?"
    return pick(
        (f"Who {verb.past} {item}?", f"Where was {item} {verb.participle}?", f"When was {item} {verb.participle}?")
    )
