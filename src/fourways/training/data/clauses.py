"""The little English grammar that turning a statement into a question takes: subjects, verbs, persons. Pure."""

import re
from dataclasses import dataclass

from fourways.training.data.naming import DETERMINERS

AUXILIARIES = frozenset("is are was were can cannot may must will should has have had could would".split())
_PRONOUNS = frozenset(
    "it they this that these those there he she we you i who which what whoever whatever nobody somebody everybody "
    "everyone anyone someone nothing something anything everything one each all some many most both neither here "
    "then so but and or if when where once after before until as while because although for in on at by with from "
    "to under outside during since without not never only please do also otherwise instead even just perhaps such "
    "see".split()
)
VERBS = frozenset(
    "accept add agree approve archive allow answer apply arrive ask assign attach back become begin belong block "
    "book borrow bring browse build buy call cancel change charge check choose clean close collect come complete "
    "confirm connect contact contain copy correct cost count cover create cut decide delete demand describe design "
    "disable enable encrypt detach dial discuss display download drain draw drop email end enter erase escalate "
    "expire explain fill file find finish fit fix follow forget forward gain get give go grant hand hang happen "
    "have hold hope include inform install issue join keep know last lead learn leave let lie list live load lock "
    "log look lose make manage mark mean measure meet miss move name need notify offer open operate order own pay "
    "pick place plan plug point post prepare press prevent print protect prove provide pull push put quote read "
    "receive recommend record reduce refuse register reject release remain remember remove renew repair replace "
    "reply report request require reset restart restore return review ring rotate run save say scan search see sell "
    "send serve set share show sign sit sleep speak spend stand start stay stop store submit supply support swap "
    "switch take talk tell test touch track train transfer travel treat try turn type unlock unplug update upload "
    "use visit wait walk want warn wear weigh win wipe work write".split()
)
"""Base forms by which a clause's verb is known, and an imperative."""
_IRREGULAR = {
    "has": "have", "goes": "go", "does": "do", "dies": "die", "lies": "lie", "ties": "tie",
    "took": "take", "gave": "give", "went": "go", "began": "begin", "became": "become", "replaced": "replace",
}  # fmt: skip
_CLAUSE_END = re.compile(r"[;:]\s|,\s|\s\(|\s[-–]\s|[.!?]$")
_MINE = (
    (re.compile(r"\b(?:you are|you're)\b", re.IGNORECASE), "I am"),
    (re.compile(r"\byou were\b", re.IGNORECASE), "I was"),
    (re.compile(r"\b(to|for|with|from|by|of|at|on|asks?|sends?|gives?|tells?|reminds?|calls?) you\b"), r"\1 me"),
    (re.compile(r"\byou\b", re.IGNORECASE), "I"),
    (re.compile(r"\byours\b", re.IGNORECASE), "mine"),
    (re.compile(r"\byour\b", re.IGNORECASE), "my"),
    (re.compile(r"\byourself\b", re.IGNORECASE), "myself"),
)
LONGEST_SUBJECT = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A statement: who or what, the auxiliary or verb, and the rest.

    Attributes:
        verb: an auxiliary as it stands, or the base form of a verb.
        helper: what goes before the subject in a question: the auxiliary, or do, does, did.
        rest: what stands behind the verb, up to the clause's end.
        place: where the rest begins in the sentence.
    """

    subject: str
    verb: str
    helper: str
    rest: str
    place: int


def clause_of(sentence: str, subject_before: str = "") -> Clause | None:
    """Read a plain statement; None where its subject or verb cannot be told.

    Args:
        sentence: one sentence.
        subject_before: that of the sentence before, which `It` or `They` at the front means.
    """
    words = list(re.finditer(r"\S+", sentence))
    for number, word in enumerate(words[: LONGEST_SUBJECT + 1]):
        helper, verb = _verb(word.group(), words[number - 1].group() if number else "", number)
        if not verb:
            if word.group()[-1] in ",;:(" or "(" in word.group():
                return None
            continue
        subject = sentence[: word.start()].strip()
        meant = resolved(subject, subject_before)
        if meant is None:
            return None
        behind = sentence[word.end() :]
        ends = _CLAUSE_END.search(behind)
        rest = (behind[: ends.start()] if ends else behind).strip().rstrip(".")
        return Clause(subject=meant, verb=verb, helper=helper, rest=rest, place=word.end())
    return None


def _verb(said: str, before: str, number: int) -> tuple[str, str]:
    """Return (helper, verb) where a word is the clause's verb, ("", "") where it is none."""
    if not number:
        return "", ""
    if said in AUXILIARIES:
        has_object = said in {"has", "have", "had"}
        return ("does" if said == "has" else "did" if said == "had" else "do", "have") if has_object else (said, said)
    base = base_form(said)
    plural = before.endswith("s") and not before.endswith("ss")
    if base in VERBS and said != base and said.endswith("s") and before.lower() not in DETERMINERS:
        return "does", base
    if base in VERBS and said.endswith("ed") and not plural and before[:1].isalpha() and said in _IRREGULAR:
        return "did", base
    if said in VERBS and plural and said == said.lower():
        return "do", said
    return "", ""


_NOT_WITHIN = frozenset("that which who whom whose if when whether what you we I it they".split())
"""Words that make a subject more than a noun phrase."""


def resolved(subject: str, before: str) -> str | None:
    """Return whom a subject means, None where nobody can tell."""
    first = subject.split(" ", 1)[0].lower()
    if subject.lower() in {"it", "they"}:
        many = before.endswith("s") or " and " in before
        return before if before and many == (subject.lower() == "they") else None
    if subject.lower() in {"you", "i"}:
        return "you"
    if first in _PRONOUNS or not _NOT_WITHIN.isdisjoint(subject.split()):
        return None
    return subject


def base_form(word: str) -> str:
    """Return a verb's base form by its ending: `needs` → `need`, `copies` → `copy`, `reaches` → `reach`."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:  # noqa: PLR2004 - lies, ties
        return f"{word[:-3]}y"
    if word.endswith(("ches", "shes", "sses", "xes", "zes", "oes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def is_imperative(text: str) -> bool:
    """Whether a clause tells somebody to do something: it begins with a verb's base form."""
    first = re.match(r"(?:please |then |do not |never |always |just |simply )?([a-z]+)\b(?!')", text.strip().lower())
    return bool(first) and first.group(1) in VERBS  # type: ignore[union-attr] # found, says the line


def mine(text: str) -> str:
    """Say as the one who asks what was said to them: `your password` → `my password`."""
    for pattern, instead in _MINE:
        text = pattern.sub(instead, text)
    text = re.sub(r"\b(?:[Ww]e|us)\b", "you", text)
    return re.sub(r"\bI (is|are)\b", "I am", text)
