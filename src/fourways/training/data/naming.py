"""Names and things: which words keep their capital, what is of several, what wants an article. English. Pure."""

import re
from dataclasses import dataclass

from fourways.training.data.amounts import NUMBER

DETERMINERS = frozenset("the a an this that these those each every your our my its their no any some".split())


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Which words of a document keep their capital.

    Attributes:
        names: words that have one within a sentence.
        small: words that are written without one somewhere.
    """

    names: frozenset[str]
    small: frozenset[str]

    def lower(self, text: str) -> str:
        """Write a text's first letter small, where its first word is no name as far as the document tells."""
        first = re.match(r"[^\W\d_][\w’'-]*", text)
        word = first.group() if first else ""
        if word == "I" or (len(word) == 1 and word != "A") or word[1:] != word[1:].lower():
            return text
        behind = text[len(word) :].split()
        common = bool(behind) and behind[0].isalpha() and behind[0].islower()
        common = common or (not behind and word.endswith("s") and not word.endswith(("ss", "'s", "’s")))
        named = word in self.names or re.sub(r"['’]s$", "", word) in self.names
        if word.lower() in self.small or (common and not named):
            return text[:1].lower() + text[1:]
        return text


def lexicon_of(text: str) -> Lexicon:
    """Read which words of a text are names."""
    within = re.findall(r"(?<=[a-z,] )[A-ZÀ-Þ][\w’'-]*", text)
    small = frozenset(re.findall(r"(?<![\w.@/-])[a-z][\w’'-]*(?![\w@/])(?!\.\w)", text))
    return Lexicon(frozenset(word for word in within if word.lower() not in small), small)


_PREPOSITION = re.compile(
    r"\s(?:of|for|in|on|at|with|from|to|by|inside|outside|between|without|not|that|who|which|per|beyond)\b"
)


def is_plural(text: str) -> bool:
    """Whether a noun phrase is of several: by its head's ending, or by an `and`."""
    head = _PREPOSITION.split(text, maxsplit=1)[0].split(",")[0].strip()
    last = head.split(" ")[-1] if head else ""
    several = (
        bool(re.match(r"(?:all|both|these|those|several|many|people|staff)\b", text, re.IGNORECASE)) or " and " in head
    )
    return several or (last.endswith("s") and last[:1].islower() and not last.endswith(("ss", "us", "is", "news")))


def with_article(text: str) -> str:
    """Put `the` before a thing that wants an article: one that is no name, no plural, and has none."""
    first = text.split(" ", 1)[0].lower()
    common = text[:1].islower() or re.match(r"(?:[A-ZÀ-Þ][\w’'-]+|[A-Z]{2,}) [a-z][a-z ]*$", text)
    if not common or is_plural(text) or first in DETERMINERS or re.match(NUMBER, text) or first.endswith("ing"):
        return text
    return text if first in {"everybody", "work", "anything", "something", "nothing"} else f"the {text}"
