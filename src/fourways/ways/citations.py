"""From an answer's text to the places in documents that it rests on: by its marks, or by its own words. Pure."""

import re
from collections.abc import Iterator, Sequence

from fourways.core.data import Citation, Hit, cite
from fourways.core.sentences import sentences

MARK = re.compile(r"\[(\d{1,3})\]")
WORD = re.compile(r"\w+")


def cited(answer: str, hits: Sequence[Hit]) -> tuple[Citation, ...]:
    """Return a citation for each source that the answer names, in order of first mention.

    The cited place is the sentence of the passage that shares most words with what the answer says just before the
    mark; the whole passage where no sentence shares any. Numbers without a source give nothing.
    """
    said: dict[int, set[str]] = {}
    for number, words in _marks(answer):
        if 1 <= number <= len(hits):
            said.setdefault(number, set()).update(words)
    return tuple(_citation(number, hits[number - 1], words) for number, words in said.items())


def quoted(answer: str, hits: Sequence[Hit]) -> tuple[Citation, ...]:
    """Return the first place where the answer's own words stand among the sources; nothing where they nowhere do.

    Case, and how words are spaced, make no difference.
    """
    words = answer.strip(" .\n").split()
    if not words:
        return ()
    said = re.compile(r"\s+".join(map(re.escape, words)), re.IGNORECASE)
    for number, hit in enumerate(hits, 1):
        found = said.search(hit.passage.text)
        if found:
            return (cite(number, hit.passage, found.start(), found.end()),)
    return ()


def _marks(answer: str) -> Iterator[tuple[int, set[str]]]:
    """Yield each mark with the words of the sentence before it; marks in a row share their sentence."""
    begin, words = 0, set[str]()
    for match in MARK.finditer(answer):
        between = answer[begin : match.start()]
        if between.strip(" .,;"):
            starts = [start for start, end in sentences(between) if between[start:end].strip(" .,;")]
            words = _words(between[starts[-1] if starts else 0 :])
        begin = match.end()
        yield int(match[1]), words


def _citation(number: int, hit: Hit, said: set[str]) -> Citation:
    passage = hit.passage
    spans = [(start, end) for start, end in sentences(passage.text) if passage.text[start:end].strip()]
    shared = [len(said & _words(passage.text[start:end])) for start, end in spans]
    best = max(range(len(spans)), key=shared.__getitem__, default=None)
    start, end = spans[best] if best is not None and shared[best] else (0, len(passage.text))
    return cite(number, passage, start, end)


def _words(text: str) -> set[str]:
    return {word.casefold() for word in WORD.findall(text)}
