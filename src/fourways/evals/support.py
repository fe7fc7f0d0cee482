"""Whether sources support a statement: its words, its names and figures, its negation, its meaning. Asks no model."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

from fourways.core.sentences import sentences
from fourways.models.words import content_words, named_words, plain_words

if TYPE_CHECKING:
    from fourways.models.embedders import Embedder

SUPPORTED = 0.5
"""From here on a statement counts as supported: chosen on XQuAD, and held on the sample helpdesk (docs/log.md)."""
EMBEDDED = 8
"""Sentences of the sources whose meaning is compared with a statement's, at most: those that share most words."""

_NEGATED = re.compile(
    r"n['’]t\b|\b(?:not|no|never|none|neither|nor|without|cannot|nobody|nothing|nowhere"
    r"|nicht|keine?[rmns]?|nie|niemals|ohne|nunca|jamás|ningun[oa]?|ningún|nadie)\b",
    re.IGNORECASE,
)
_NOT_FIGURE = re.compile(r"[^\d.,]+")
_GERMAN = re.compile(
    r"\b(?:der|die|das|dem|des|ein|eine|einen|einem|einer|und|ist|sind|wurde|wurden|nicht|mit|von|für|auf|zu|zur|zum|im"
    r"|bei|nach|wie|wer|wann|welche[rsnm]?|sich|auch|als|vom|aus|viele|lautet)\b",
    re.IGNORECASE,
)
_SAME_NAME = 4
_LONGER = 3
"""Two names are one where the shorter, of so many letters at least, begins the longer, by so many more at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """What the sources do for one statement.

    Attributes:
        value: from 0 to 1; from `SUPPORTED` on they support it.
        reason: why not, "" where they do.
    """

    value: float
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether the statement is supported."""
        return self.value >= SUPPORTED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """A sentence of a source: with its own words, and with those of its neighbour before or behind it."""

    text: str
    words: frozenset[str]
    wider: tuple[frozenset[str], ...]

    def has(self, words: frozenset[str]) -> float:
        return len(words & self.words) / len(words)

    def covers(self, words: frozenset[str]) -> float:
        return max(len(words & wide) for wide in (self.words, *self.wider)) / len(words)


class Sources:
    """Texts that statements may rest on, read once for many statements.

    Args:
        texts: passages, each on its own: two sentences of one may support a statement together.
        known: further text in which names and figures may stand: titles, the passage around a quotation.
    """

    def __init__(self, texts: Iterable[str], known: str = "") -> None:
        texts = list(texts)
        self._runs = [f" {' '.join(plain_words(text))} " for text in texts]
        self._windows = [window for text in texts for window in _windows(text)]
        self._words = frozenset(content_words(" ".join((known, *texts))))
        self._figures = figures_of(" ".join((known, *texts)))
        self._names: dict[str, list[str]] = {}
        for word in self._words:
            self._names.setdefault(word[:_SAME_NAME], []).append(word)

    def say(self, statement: str) -> bool:
        """Whether a source has the statement word for word, whatever its case and punctuation."""
        run = " ".join(plain_words(statement))
        return bool(run) and any(f" {run} " in source for source in self._runs)

    def lacking(self, statement: str) -> list[str]:
        """Return the statement's figures and names that stand nowhere, as stems; of a German one the figures only.

        German writes every noun like a name.
        """
        words = {word for word in content_words(statement) if _figure(word)}
        if not is_german(statement):
            words |= named_words(statement)
        return [word for word in sorted(words) if not (self._has_figure(word) or self._has_name(word))]

    def coverage(self, statement: str) -> float:
        """Return the highest share of the statement's content words that a sentence with a neighbour has."""
        words = frozenset(content_words(statement))
        return max((window.covers(words) for window in self._windows), default=0.0) if words else 0.0

    def nearest(self, statement: str) -> list[_Window]:
        """Return the sentences that share most words with the statement, best first."""
        words = frozenset(content_words(statement))
        return (
            sorted(self._windows, key=lambda window: (-window.covers(words), -window.has(words)))[:EMBEDDED]
            if words
            else []
        )

    def _has_figure(self, word: str) -> bool:
        return _figure(word) in self._figures

    def _has_name(self, word: str) -> bool:
        if _figure(word):
            return False
        return word in self._words or any(
            word.startswith(other) or other.startswith(word)
            for other in self._names.get(word[:_SAME_NAME], ())
            if min(len(word), len(other)) >= _SAME_NAME and abs(len(word) - len(other)) <= _LONGER
        )


def figures_of(text: str) -> frozenset[str]:
    """Return a text's figures: `1980s` counts as `1980`."""
    return frozenset(figure for word in plain_words(text) if (figure := _figure(word)))


def is_german(text: str) -> bool:
    """Whether a text reads as German: two of its function words."""
    return len(_GERMAN.findall(text)) > 1


def is_negated(text: str) -> bool:
    """Whether a text has a word that denies, in English, German or Spanish."""
    return _NEGATED.search(text) is not None


async def support(statements: Sequence[str], sources: Sources, embed: "Embedder | None" = None) -> list[Support]:
    """Say of each statement how far the sources support it.

    What a source says word for word has 1. A figure or a name that stands in no source, or a negation that the nearest
    sentence does not have, gives 0. Else the mean of two: the highest share of the statement's content words that one
    sentence with a neighbour has, and the highest cosine of the statement and a sentence; the first alone without an
    embedder. It reads no roles: who did what to whom, with all the right names, is beyond it.

    Raises:
        FourwaysError: whatever the embedder raises.
    """
    drafts = [_draft(statement, sources) for statement in statements]
    texts = {window.text for draft in drafts for window in draft.open} | {d.statement for d in drafts if d.open}
    if embed is None or not texts:
        return [draft.settled() for draft in drafts]
    ordered = sorted(texts)
    vectors = dict(zip(ordered, await embed(ordered), strict=True))
    return [
        draft.settled([float(vectors[draft.statement] @ vectors[window.text]) for window in draft.open])
        for draft in drafts
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """What words alone say of a statement; `open` are the sentences still to be compared by meaning."""

    statement: str
    known: Support | None = None
    open: tuple[_Window, ...] = ()

    def settled(self, cosines: Sequence[float] = ()) -> Support:
        if self.known is not None:
            return self.known
        words = frozenset(content_words(self.statement))
        covered = [window.covers(words) for window in self.open]
        near = [window.has(words) + cosine for window, cosine in zip(self.open, cosines or repeat(0.0), strict=False)]
        nearest = self.open[max(range(len(near)), key=near.__getitem__)]
        if is_negated(self.statement) and not is_negated(nearest.text):
            return Support(value=0.0, reason="it is negated, the nearest sentence is not")
        value = max(covered) if not cosines else (max(covered) + max(0.0, *cosines)) / 2
        return Support(value=value, reason="" if value >= SUPPORTED else "no sentence says as much")


def _draft(statement: str, sources: Sources) -> _Draft:
    if sources.say(statement):
        return _Draft(statement=statement, known=Support(value=1.0))
    if lacking := sources.lacking(statement):
        missing = Support(value=0.0, reason=f"no source has {', '.join(lacking)}")
        return _Draft(statement=statement, known=missing)
    nearest = sources.nearest(statement)
    if not nearest:
        return _Draft(statement=statement, known=Support(value=0.0, reason="nothing in it can be compared"))
    return _Draft(statement=statement, open=tuple(nearest))


def _windows(text: str) -> list[_Window]:
    texts = [text[start:end] for start, end in sentences(text)]
    words = [frozenset(content_words(each)) for each in texts]
    return [
        _Window(text=each, words=words[at], wider=tuple(words[at] | other for other in _beside(words, at)))
        for at, each in enumerate(texts)
    ]


def _beside(words: Sequence[frozenset[str]], at: int) -> list[frozenset[str]]:
    return [words[other] for other in (at - 1, at + 1) if 0 <= other < len(words)]


def _figure(word: str) -> str:
    """Return the figure in a word: `1980s` → `1980`; "" where there is none."""
    return _NOT_FIGURE.sub("", word).strip(".,")
