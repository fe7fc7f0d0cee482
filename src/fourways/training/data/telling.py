"""Questions about what people are told: what to do if, how to, what not; who somebody is, how to reach them. Pure."""

import re
from collections.abc import Callable, Iterator, Sequence

from fourways.training.data.amounts import amount_in
from fourways.training.data.clauses import AUXILIARIES, VERBS, is_imperative, mine
from fourways.training.data.naming import Lexicon, with_article

Found = Iterator[tuple[str, str]]
"""Questions with their answers."""

_NO_CASE = r"(?!it |they |one |that |this |nobody )"
_END = r"[.;](?:\s|$)"
_IF = re.compile(rf"(?:If|When|As soon as) (?P<case>{_NO_CASE}[^,;:]{{6,140}}?), (?:then )?(?P<then>.{{6,240}}?){_END}")
_TO = re.compile(rf"(?:To|For|In case of|Before|After) (?P<what>[^,;:]{{4,90}}), (?P<then>.{{6,240}}?){_END}")
_MEANS = re.compile(
    r"(?P<what>[A-Z][\w.-]{1,20}(?: [\w-]+)?) means (?:that )?(?P<is>[^:.;]{4,120})(?:: (?P<do>[^.]+))?"
)
_THERE = re.compile(r"There are (?P<what>.+)")
_ONLY = re.compile(r"Only (?P<who>[^,.]{3,80}?) (?P<aux>can|may|must|will|is|are) (?P<rest>[^.;]{3,120})[.;]")
_NEVER = re.compile(r"(?:Please )?(?:Never|Do not|Don't) (?P<what>[^.;:,]{4,140})[.;:,]")
_NAME = r"[A-ZÀ-Þ][\w’'-]+ [A-ZÀ-Þ][\w’'-]+"
_PERSON = re.compile(rf"(?P<role>(?:[Tt]he |[Oo]ur )?(?:[A-Z]{{2,4}} )?[A-Za-z][a-z -]{{3,40}}), (?P<name>{_NAME})\b")
_DIAL = re.compile(r"(?P<who>(?:the )?[A-Za-z][\w -]{2,40}?)(?:,| on| at| \() ?extension (?P<number>\d{2,6})\b")
_ADDRESS = re.compile(r"(?P<it>https?://[^\s,;)]+[\w/]|[\w.+-]+@[\w-]+(?:\.[\w-]+)+)")
_SENDS = re.compile(
    r"(?:[Ss]end|[Ww]rite|[Ff]orward|[Rr]eport) (?P<what>(?!such|it|them|this)[^,;.]{3,60}?) to $"
)  # fmt: skip
_REACHED = re.compile(r"(?P<what>[A-Z][\w ]{2,40}?) is (?:reached )?at $")
_PEOPLE = re.compile(r"team|department|people|staff|employees|manager|officer|those who")
_BEFORE_ROLE = re.compile(r"^(?:ask|call|by|with|to|from|of|and|contact) ")
_BEFORE_WHO = re.compile(r"\b(?:is|are|by|with|to|from|reach|and|or|[Oo]nly) ")
_VAGUE = frozenset("it them us that what which you somebody".split())
_OFFICE = re.compile(r"\b(?:team|line|office|department|manager|desk|reception|officer|lead)$")
_SHORT_CASE, _MOST_NAME = 9, 4


def if_so(sentence: str, lexicon: Lexicon) -> Found:
    """Ask what to do, or what happens, if something is the case."""
    found = _IF.match(sentence)
    if not found:
        return
    case, then = mine(found["case"]), found["then"]
    if is_imperative(then):
        yield f"What do I do if {case}?", then
        if case.startswith("I ") or len(case.split()) <= _SHORT_CASE:
            yield f"{case[:1].upper()}{case[1:]}. What now?", then
    elif not re.match(r"(?:it|they|that|this)\b", then):
        yield f"What happens if {lexicon.lower(case)}?", then


def how_to(sentence: str, _: Lexicon) -> Found:
    """Ask how something is done, or what to do for something."""
    found = _TO.match(sentence)
    if not found or not is_imperative(found["then"]):
        return
    what = mine(found["what"])
    if sentence.startswith("To "):
        yield f"How do I {what}?", found["then"]
        yield f"I want to {what}. What do I have to do?", found["then"]
    elif sentence.startswith(("For ", "In case of ")) and not re.match(r"(?:a |the )?(?:that|this|more|most)\b", what):
        yield f"What do I do for {what}?", found["then"]
    elif not sentence.startswith("For "):
        yield f"What do I do {sentence.split(maxsplit=1)[0].lower()} {what}?", found["then"]


def means(sentence: str, _: Lexicon) -> Found:
    """Ask what a code or a word means, and what is then to be done."""
    found = _MEANS.match(sentence)
    if found:
        yield f"What does {found['what']} mean?", found["is"]
        if found["do"] and is_imperative(found["do"]):
            yield f"{found['what']} - what do I do?", found["do"]
            yield f"I get {found['what']}. What now?", found["do"]


def there_are(sentence: str, _: Lexicon) -> Found:
    """Ask how many there are."""
    found = _THERE.match(sentence)
    amount = amount_in(found["what"]) if found else None
    if found and amount is not None and amount.kind == "count" and not amount.start:
        behind = re.split(r"[,;:.(]", found["what"][amount.end :])[0]
        yield f"How many {amount.thing} are there{mine(behind).rstrip()}?", amount.text


def only(sentence: str, lexicon: Lexicon) -> Found:
    """Ask who or what alone may."""
    found = _ONLY.match(sentence)
    if found:
        asks = "Who" if _PEOPLE.search(found["who"]) else "What"
        yield f"{asks} {found['aux']} {mine(found['rest'])}?", f"only {lexicon.lower(found['who'])}"


def never(sentence: str, _: Lexicon) -> Found:
    """Ask whether one may do what one is told not to."""
    found = _NEVER.match(sentence)
    if found and is_imperative(found["what"]):
        yield f"May I {mine(found['what'])}?", f"No. {sentence.strip().rstrip(';:')}"


def people(sentence: str, lexicon: Lexicon) -> Found:
    """Ask who has a role, and how somebody is reached."""
    for found in _PERSON.finditer(sentence):
        role = _BEFORE_ROLE.sub("", lexicon.lower(found["role"]))
        if not (AUXILIARIES | {"and", "that", "which"}) & set(role.split()):
            yield f"Who is {with_article(role)}?", found["name"]
    for found in _DIAL.finditer(sentence):
        who = _BEFORE_WHO.split(found["who"])[-1].strip()
        first, _, behind = who.partition(" ")
        who = behind if first.lower() in VERBS else who
        if (
            who
            and len(who.split()) <= _MOST_NAME
            and not _VAGUE & set(who.lower().split())
            and who.lower() not in VERBS
        ):
            name = lexicon.lower(who)
            name = with_article(name) if _OFFICE.search(name) else name
            yield f"What is the extension of {name}?", found["number"]
            yield f"Which number do I dial for {name}?", f"extension {found['number']}"


def addresses(sentence: str, lexicon: Lexicon) -> Found:
    """Ask where something is sent, or found on the net."""
    for found in _ADDRESS.finditer(sentence):
        before = sentence[: found.start()]
        sends, reached = _SENDS.search(before), _REACHED.search(before)
        if sends:
            yield f"Where do I send {mine(sends['what'])}?", found["it"]
        if reached:
            yield f"What is the address of {lexicon.lower(reached['what'])}?", found["it"]


TELLING: Sequence[Callable[[str, Lexicon], Found]] = (if_so, how_to, means, there_are, only, never, people, addresses)
