"""Statements turned into questions: for an amount, a place, a name, or whether it is so. English only. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence

from fourways.training.data.amounts import Amount, amount_in, amounts_in
from fourways.training.data.clauses import AUXILIARIES, Clause, is_imperative, mine, resolved
from fourways.training.data.naming import Lexicon
from fourways.training.data.telling import Found

ASKS: Mapping[str, tuple[str, ...]] = {
    "every": ("How often",),
    "after": ("After how long", "When"),
    "within": ("Within what time", "How soon"),
    "for": ("For how long", "How long"),
    "ahead": ("How long ahead", "How early"),
    "at": ("When", "At what time"),
    "on": ("When", "On what date"),
    "length": ("How long",),
    "money": ("How much",),
    "measure": ("How much",),
}
"""How the kinds of amounts are asked for."""
_MOST_AMOUNT, _MOST_REST, _MOST_CALLED, _MOST_ALLOWED, _MOST_PLACE, _MOST_STATE, _MOST_SUBJECT = 60, 8, 5, 14, 9, 12, 3
_LEFT_OPEN = re.compile(r"\b(?:and|or|but|than|not|the|a|an|of|with)$|\b(?:that|which|who|whether)\b")
_NEXT = re.compile(r"\s(?:and|or|but|so|because|which|if)\s|[,;:]")
_PARTS = re.compile(r"[;:.]\s|,\s(?:and|but|so)\s|\.$")
_DEFINITE = re.compile(r"\b(?:the|last|first|these|than|a|an) $")
_NO_START = frozenset("it they this that these those he she if when where there then here and but or".split())
_DONE = r"\w+(?:ed|en|pt|ld|nt|de|ut|wn)"
_CALLED = re.compile(r"(?:called|named) (?P<name>[A-Z][\w’'-]*(?: [A-Z][\w’'-]*)*)$")
_IN = r"(?:in|under(?= [A-Z])|behind|above|beside|next to|inside|outside)"
_NO_PLACE = r"(?:case|time|addition|general|total|order|advance)"
_PLACED = re.compile(rf"(?:(?P<done>{_DONE}) )?(?P<place>{_IN} (?!{_NO_PLACE}).+)$")
_NO_WAY = r"(?:far|then|itself|themselves|default|chance|hand\b)"
_THROUGH = re.compile(rf"(?P<done>{_DONE}) (?P<by>(?:by|through|via) (?!{_NO_WAY}).+)$")
_WHEN = re.compile(
    r"(?:in|on|at) (?:\d|(?:Jan|Febr)uary|March|April|May|June|July|August|(?:Septem|Octo|Novem|Decem)ber|"
    r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|the (?:morning|afternoon|evening|night|end|past|future|case))"
)
_BY_PEOPLE = re.compile(r"by .*\b(?:team|department|lab|bench|HR|manager|officer|lead|owner|sponsor|IT)\b")
_CHANCE = re.compile(r"(?:need|have|happen|take|cost|be needed)\b")
_SO = ("not ", "blocked", "forbidden", "refused", "allowed", "free")


def turned(sentence: str, clause: Clause, lexicon: Lexicon) -> Found:
    """Ask for the amount in a clause, and for the state that it tells of."""
    subject = "I" if clause.subject == "you" else mine(lexicon.lower(clause.subject))
    yield from _for_amount(clause, subject)
    if clause.verb in AUXILIARIES and clause.rest[:1].isalpha():
        helper = _agreeing(clause, subject)[1]
        for ask in STATES:
            found = list(ask(clause, helper, subject, sentence))
            if found:
                yield from found
                return


# ---------------------------------------------------------------- amounts


def _for_amount(clause: Clause, subject: str) -> Found:
    """Ask for the amount in a clause: the rest of it stays as it is, its verb goes before its subject."""
    amount = amount_in(clause.rest)
    if amount is None or amount.end - amount.start > _MOST_AMOUNT:
        return
    before = clause.rest[: amount.start].strip().rstrip(",")
    behind = _NEXT.split(f" {clause.rest[amount.end :].strip()} ")[0].strip()
    if _LEFT_OPEN.search(before) or re.match(r"(?:of|a|an|per|I|you|he|she|they|it) ", behind):
        return
    if max(len(before.split()), len(behind.split())) > _MOST_REST or amount_in(before):
        return
    verb, helper = _agreeing(clause, subject)
    rest = " ".join(part for part in (verb if verb != helper else "", before, behind) if part)
    for one in _start(clause, amount, before, behind):
        yield " ".join(f"{one} {helper} {subject} {mine(rest)}".split()) + "?", amount.text


def _start(clause: Clause, amount: Amount, before: str, behind: str) -> tuple[str, ...]:
    """Return the question words for an amount, () where none fits its place in the clause."""
    if amount.kind == "count":
        return () if before else (f"How many {amount.thing}",)
    if amount.kind == "length":
        lasts = clause.verb in {"last", "take", "run", "wait", "stay"} and not before
        return ("How long",) if lasts or (clause.verb in {"is", "are"} and not before and not behind) else ()
    if amount.kind in {"money", "measure"} and before:
        return ()
    if amount.kind == "measure" and clause.verb in {"is", "are"}:
        return ("How large",)
    return ASKS[amount.kind]


def _agreeing(clause: Clause, subject: str) -> tuple[str, str]:
    """Return (verb, helper) as they go with the subject of a question."""
    if subject == "I":
        helper = {"does": "do", "is": "am", "are": "am", "has": "have"}.get(clause.helper, clause.helper)
        return (helper if clause.verb == clause.helper else clause.verb), helper
    return clause.verb, clause.helper


def in_place(sentence: str, before: str) -> Found:
    """Ask for each amount where it stands: "Each user gets how much?" Less smooth than turning, and always right.

    Args:
        sentence: one or several clauses.
        before: the subject of the sentence before, which `It` or `They` at the front means.
    """
    for part in _PARTS.split(sentence):
        clause = part.strip()
        first, _, rest = clause.partition(" ")
        meant = resolved(first, before) if first in {"It", "They"} else ""
        clause = f"{meant[:1].upper()}{meant[1:]} {rest}" if meant else clause
        told = list(_told(clause)) if is_imperative(clause) else []
        if told:
            yield from told
        elif meant is None or meant or (first.lower() not in _NO_START and first[:1].isupper()):
            for amount in amounts_in(clause):
                if not amount.text.startswith("the ") and not _DEFINITE.search(clause[: amount.start]):
                    behind = clause[amount.end :]
                    asked = mine(f"{clause[: amount.start]}{_instead(amount, behind)}{behind}")
                    yield f"{asked.rstrip('?!., ')}?", amount.text


def _instead(amount: Amount, behind: str) -> str:
    """Return what is asked in the place of an amount."""
    if amount.kind == "count":
        return f"how many {amount.thing}"
    before = amount.text.endswith(" before") and behind.strip(" .")
    return "how long before" if before else ASKS[amount.kind][0].lower()


def _told(clause: str) -> Found:
    """Ask when something is to be done that somebody is told to do."""
    amount = amount_in(clause)
    negative = re.match(r"(?:never|do not|please)\b", clause, re.IGNORECASE)
    directly = amount is not None and amount.kind == "length" and clause[: amount.start].count(" ") == 1
    when = amount is not None and amount.kind in {"ahead", "within", "at", "on", "every"}
    if amount is not None and (when or directly) and not negative:
        behind = clause[amount.end :]
        kept = " before" if _instead(amount, behind) == "how long before" else ""
        rest = f"{clause[: amount.start].rstrip(', ')}{kept}{behind}".rstrip("., ")
        asked = f"{ASKS[amount.kind][0]} do I have to {mine(rest[:1].lower() + rest[1:])}"
        yield " ".join(asked.split()) + "?", amount.text


# ---------------------------------------------------------------- states


def _called(clause: Clause, helper: str, subject: str, _: str) -> Found:
    found = _CALLED.search(clause.rest)
    if found and clause.verb in {"is", "are"} and len(clause.rest.split()) <= _MOST_CALLED:
        yield f"What {helper} {subject} called?", found["name"]
        yield f"What is the name of {subject}?", found["name"]


def _allowed(clause: Clause, helper: str, subject: str, _: str) -> Found:
    long = len(clause.rest.split()) > _MOST_ALLOWED
    if clause.verb not in {"can", "cannot", "may", "must"} or amount_in(clause.rest) or long:
        return
    if clause.verb == "may" and _CHANCE.match(clause.rest):
        return
    rest, said = mine(clause.rest), "you" if subject == "I" else subject
    if clause.verb == "cannot" or rest.startswith("not "):
        asks = {"cannot": "Can", "must": "May"}.get(clause.verb, helper.capitalize())
        yield f"{asks} {subject} {rest.removeprefix('not ')}?", f"No, {said} {clause.verb} {clause.rest}"
    elif clause.verb != "must":
        yield f"{helper.capitalize()} {subject} {rest}?", f"Yes, {said} {clause.verb} {clause.rest}"


def _whether(clause: Clause, helper: str, subject: str, _: str) -> Found:
    rest = clause.rest.removeprefix("not ")
    if (
        clause.verb in {"is", "are"}
        and clause.rest.startswith(_SO)
        and len(rest.split()) <= _MOST_STATE
        and subject != "I"
    ):
        said = "No" if clause.rest.startswith("not ") else "Yes"
        yield f"{helper.capitalize()} {subject} {mine(rest)}?", f"{said}, {subject} {clause.verb} {clause.rest}"


def _where(clause: Clause, helper: str, subject: str, _: str) -> Found:
    found = _PLACED.match(clause.rest)
    if not found or clause.verb not in {"is", "are"} or _WHEN.match(found["place"]):
        return
    if len(found["place"].split()) <= _MOST_PLACE:
        yield " ".join(f"Where {helper} {subject} {found['done'] or ''}".split()) + "?", found["place"]


def _how(clause: Clause, helper: str, subject: str, _: str) -> Found:
    found = _THROUGH.match(clause.rest)
    if found and clause.verb in {"is", "are"} and len(found["by"].split()) <= _MOST_PLACE:
        asks = "By whom" if _BY_PEOPLE.match(found["by"]) else "How"
        yield f"{asks} {helper} {subject} {found['done']}?", found["by"]


def _defined(clause: Clause, helper: str, subject: str, sentence: str) -> Found:
    thing = re.match(r"(?:the|a|an|our|your|one of) \w+ ", clause.rest) and not clause.rest.endswith(" one")
    name = subject[:1].isupper() and len(subject.split()) <= _MOST_SUBJECT and not re.match(r"(?:It|They) ", sentence)
    if thing and name and clause.verb == "is":
        yield f"What {helper} {subject}?", clause.rest
        yield f"Please explain what {subject} is.", clause.rest


STATES: Sequence[Callable[[Clause, str, str, str], Found]] = (_called, _allowed, _whether, _where, _how, _defined)
