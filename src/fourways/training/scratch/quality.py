"""Rules by which a document is left out of a corpus: Gopher's (Rae et al. 2021, A.1.1) and C4's, and its language."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from fourways.training.scratch.asked import Cleaning

WORD = re.compile(r"\S+")
LETTER = re.compile(r"[^\W\d_]")
COMMON: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "en": frozenset("the of and to in is that for it with as on be this by are or not you from".split()),
        "de": frozenset(
            "der die und das ist nicht mit den von zu ein eine im auf für sich dem des werden auch".split()
        ),
        "es": frozenset("el la de que y en los las por con una para es del se un no su al como".split()),
        "fr": frozenset("le la les de des et en un une est que pour dans qui sur avec au du ne pas".split()),
        "it": frozenset("il di che la e un per non una sono con del della le si i da al nel come".split()),
        "nl": frozenset("de het een van en in is dat op te zijn met voor niet aan er om ook als bij".split()),
    }
)
"""Words of which running text is full, by language."""
SURE, WORDS_TO_TELL = 0.08, 20
"""Share of such words from which on a language is told, and how many words that takes."""
GOPHER_STOPS = frozenset("the be to of and that have with".split())
BULLETS = ("-", "*", "•", "–", "·")
BOILERPLATE = ("lorem ipsum", "please enable javascript", "javascript is disabled", "terms of use apply")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the rules look at, found once."""

    text: str
    words: Sequence[str]
    lines: Sequence[str]
    paragraphs: Sequence[str]
    language: str

    @classmethod
    def of(cls, text: str) -> "Facts":
        """Look at a document."""
        words = WORD.findall(text)
        return cls(
            text=text,
            words=words,
            lines=[line.strip() for line in text.splitlines() if line.strip()],
            paragraphs=[part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()],
            language=language_of(words),
        )


def language_of(words: Sequence[str]) -> str:
    """Return the language with the most common words, as ISO 639-1; "" where none is sure."""
    if len(words) < WORDS_TO_TELL:
        return ""
    plain = [word.lower().strip(".,;:!?\"'()") for word in words]
    shares = {name: sum(word in common for word in plain) / len(plain) for name, common in COMMON.items()}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= SURE else ""


def _repeated_lines(facts: Facts) -> float:
    return _repeated(facts.lines)


def _repeated(parts: Sequence[str]) -> float:
    """Return the share of parts that stood there before."""
    return 1 - len(set(parts)) / len(parts) if parts else 0.0


def _top_grams(size: int) -> Callable[[Facts], float]:
    def share(facts: Facts) -> float:
        grams = Counter(zip(*(facts.words[at:] for at in range(size)), strict=False))
        if not grams:
            return 0.0
        gram, times = grams.most_common(1)[0]
        return times * sum(map(len, gram)) / max(1, sum(map(len, facts.words))) if times > 1 else 0.0

    return share


def _repeated_grams(facts: Facts, size: int = 10) -> float:
    """Return the share of words within 10-grams that stood there before, as Gopher's duplicate n-grams."""
    seen: set[tuple[str, ...]] = set()
    covered = [False] * len(facts.words)
    for at in range(len(facts.words) - size + 1):
        gram = tuple(facts.words[at : at + size])
        if gram in seen:
            covered[at : at + size] = [True] * size
        seen.add(gram)
    return sum(covered) / len(covered) if covered else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A figure of a document, and between what bounds it is that of running text."""

    name: str
    figure: Callable[[Facts], float]
    low: float = 0.0
    high: float = float("inf")

    def breaks(self, facts: Facts) -> str:
        """Say how a document breaks it; "" where it does not."""
        value = self.figure(facts)
        if self.low <= value <= self.high:
            return ""
        return f"{value:.3g}, right would be {self.low:g} to {self.high:g}"


def _share(count: float, of: int) -> float:
    return count / of if of else 0.0


RULES: tuple[Rule, ...] = (
    Rule(name="words", figure=lambda facts: len(facts.words), low=20, high=100_000),
    Rule(
        name="mean word length",
        figure=lambda facts: _share(sum(map(len, facts.words)), len(facts.words)),
        low=3,
        high=10,
    ),
    Rule(
        name="symbols by words",
        figure=lambda facts: _share(
            facts.text.count("…")
            + facts.text.count("...")
            + sum(word.startswith("#") and len(word) > 1 and not set(word) <= {"#"} for word in facts.words),
            len(facts.words),
        ),
        high=0.1,
    ),
    Rule(
        name="lines that are bullets",
        figure=lambda facts: _share(sum(line.startswith(BULLETS) for line in facts.lines), len(facts.lines)),
        high=0.9,
    ),
    Rule(
        name="lines cut off by an ellipsis",
        figure=lambda facts: _share(sum(line.endswith(("…", "...")) for line in facts.lines), len(facts.lines)),
        high=0.3,
    ),
    Rule(
        name="words with a letter",
        figure=lambda facts: _share(sum(bool(LETTER.search(word)) for word in facts.words), len(facts.words)),
        low=0.6,
        high=1.0,
    ),
    Rule(
        name="English stop words",
        figure=lambda facts: (
            2.0 if facts.language != "en" else len(GOPHER_STOPS & {word.lower() for word in facts.words})
        ),
        low=2,
    ),
    Rule(name="repeated lines", figure=_repeated_lines, high=0.3),
    Rule(name="repeated paragraphs", figure=lambda facts: _repeated(facts.paragraphs), high=0.3),
    Rule(name="most frequent 2-gram", figure=_top_grams(2), high=0.20),
    Rule(name="most frequent 3-gram", figure=_top_grams(3), high=0.18),
    Rule(name="most frequent 4-gram", figure=_top_grams(4), high=0.16),
    Rule(name="repeated 10-grams", figure=_repeated_grams, high=0.3),
    Rule(
        name="boilerplate",
        figure=lambda facts: sum(phrase in facts.text.lower() for phrase in BOILERPLATE),
        high=0,
    ),
)
"""Gopher's bounds, but for: 20 words and not 50, and three words in five with a letter and not four, for pages of a
handbook are short and hold tables. C4's rule that lines end in punctuation is left out for the same reason."""


def broken(text: str, cleaning: Cleaning) -> tuple[str, str]:
    """Return the first rule that a document breaks, and how; empty where it is kept."""
    facts = Facts.of(text)
    if cleaning.languages and facts.language not in cleaning.languages:
        wanted = ", ".join(cleaning.languages)
        return "language", f"{facts.language or 'none told'}, right would be {wanted}"
    rules: Iterable[Rule] = RULES if cleaning.quality else ()
    for rule in rules:
        how = rule.breaks(facts)
        if how:
            return rule.name, how
    return "", ""
