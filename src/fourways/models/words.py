"""Words as questions and passages are compared: lower case, without function words, without endings. Pure.

English endings are cut by rule, in the spirit of Porter's stemmer (1980) but in one pass. Words of other languages may
lose some letters to it; both sides lose the same.
"""

import re

_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")

_NAMED = re.compile(r"(?<=[^\s.!?¿¡] )[\"'(“‘„]?[A-ZÀ-ÖØ-Þ][\w&-]*|[^\W\d_]*\d[\w.,-]*")

FUNCTION_WORDS = frozenset(
    """a about above according after all also am among an and any are as at be because been before being between both
    but by called can could did do does doing down during each either else ever every few for from further get give had
    has have having he hence her here hers herself him himself his how i if in into is it its itself just kind let many
    may me might mine more most much must my myself name named neither no nor not of off often on once one only or other
    our ours out over own please same shall she should since so some such tell than that the their theirs them
    themselves then there these they this those through thus to too type under until up upon us used very was we were
    what whatever when where whether which while who whom whose why will with within without would yes yet you your
    yours

    aber als am an auch auf aus bei bin bis bist da das dass dem den der des die diese dieser dieses du durch ein eine
    einem einen einer eines er es für gibt haben hat hatte ihr im in ist man mit nach nicht oder sein seine sich sie
    sind so über um und viel viele von vor wann war waren warum was wegen welche welchem welchen welcher welches wem
    wen wenn wer werden wie wieso wird wo wohin womit wurde wurden zu zum zur

    al algo como cómo con cual cuál cuales cuáles cuando cuándo cuanta cuánta cuantas cuántas cuanto cuánto cuantos
    cuántos de del desde donde dónde el ella ellos en era eran es esta está este esto fue fueron ha había hay la las lo
    los más muy o para pero por porque qué que quien quién quienes quiénes se ser si sin sobre son su sus también tiene
    un una uno unos y ya""".split()
)
"""Words that say how a question is asked, not what about: English, German, Spanish."""

_PLURALS = (("sses", "ss"), ("ies", "y"), ("ied", "y"))
_ENDINGS = (
    *("ational", "ization", "isation", "ation", "ement", "ments", "ment", "ness", "ances", "ance", "ences", "ence"),
    *("ings", "ing", "edly", "ions", "ion", "ive", "ize", "ise", "ors", "ers", "ed", "er", "or", "ly", "al"),
)
_SHORT_STEMS = frozenset({"ing", "ed"})
"""Endings cut even where only three letters remain: "asked", "owing"."""
_SHORTEST = 3
_USUAL = 4


def content_words(text: str) -> list[str]:
    """Return the stems of a text's words in order, function words left out."""
    return [stem(word) for word in plain_words(text) if word not in FUNCTION_WORDS]


def named_words(text: str) -> frozenset[str]:
    """Return the stems of a question's names and figures: capitalised words after its first, and words with a digit."""
    return frozenset(word for match in _NAMED.finditer(text) for word in content_words(match.group()))


def plain_words(text: str) -> list[str]:
    """Return a text's words and figures in order, in lower case: "1,190" and "2.5" are one each."""
    return [match.group() for match in _WORD.finditer(text.lower())]


def stem(word: str) -> str:
    """Cut a lower-case word's English endings: `policies`, `policy` → `polici`; `founded`, `founder` → `found`."""
    if len(word) <= _SHORTEST or not word.isalpha():
        return word
    return _final(_without_ending(_singular(word)))


def _singular(word: str) -> str:
    for ending, instead in _PLURALS:
        if word.endswith(ending) and len(word) > _USUAL:
            return word[: -len(ending)] + instead
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _without_ending(word: str) -> str:
    for ending in _ENDINGS:
        left = len(word) - len(ending)
        if word.endswith(ending) and left >= (_SHORTEST if ending in _SHORT_STEMS else _USUAL):
            return word[:left]
    return word


def _final(word: str) -> str:
    """Undouble a last consonant (`planned` → `plan`), drop a last e, write a last y as i."""
    if len(word) > _SHORTEST and word[-1] == word[-2] and word[-1] not in "lsaeiou":
        return word[:-1]
    if len(word) > _USUAL and word[-1] == "e":
        word = word[:-1]
    return word[:-1] + "i" if len(word) > _SHORTEST and word[-1] == "y" else word
