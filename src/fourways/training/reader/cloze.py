"""Questions cut from real prose by rule: a span is taken out of a sentence and asked for."""
# ruff: noqa: PLR2004 - a generator is made of shares

import random
import re
from collections.abc import Sequence
from pathlib import Path

from fourways.training.reader.facts import Asked, Document
from fourways.training.reader.inventing import Inventor

_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_NOISE = re.compile(r"\{[%{][\s\S]*?[%}]\}|<[^>]+>|^#+ .*$|^\s*\|.*$|https?://\S+", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"[*_`]+")
_STOP = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*|\d[\d.,:/]*\d|\d|[^\sA-Za-z\d]")
_COMMON = frozenset(
    (
        "a an the and or but of to in on at by for with from as is are was were be been being it its this that "
        "these those he she they them their his her we us our you your i not no if when then than so do does did "
        "has have had can could should would will may must might there here what who which how why where all any "
        "some each more most other into over about up out"
    ).split()
)
_AUXILIARIES = frozenset("is are was were can could should would will may must might has have had".split())


def read_pages(folder: Path) -> tuple[tuple[str, ...], ...]:
    """Read Markdown pages as plain sentences, page by page, in the order of their names."""
    pages: list[tuple[str, ...]] = []
    for path in sorted(folder.rglob("*.md")):
        text = _NOISE.sub(" ", _FRONT.sub("", path.read_text(errors="replace")))
        text = _MARKS.sub("", _LINK.sub(r"\1", text))
        found: list[str] = []
        for block in re.split(r"\n\s*\n|\n\s*[-+\d.]+\s", text):
            for sentence in _STOP.split(" ".join(block.split())):
                plain = sentence.strip(" -:|")
                if 25 <= len(plain) <= 260 and plain[:1].isupper() and plain[-1:] in ".!?":
                    found.append(plain)
        if len(found) >= 3:
            pages.append(tuple(found))
    return tuple(pages)


def sentences_of(pages: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return all sentences of a moderate length."""
    return tuple(sentence for page in pages for sentence in page if len(sentence) < 120)


def ask_about(pages: Sequence[Sequence[str]], chance: random.Random, *, sentences: int, questions: int = 4) -> Document:
    """Cut a passage out of the pages, disguise it, and ask for spans of it; at times for what stands elsewhere."""
    page = chance.choice(pages)
    start = chance.randrange(max(1, len(page) - sentences + 1))
    kept = list(page[start : start + sentences])
    inventor = Inventor(chance)
    disguise: dict[str, str] = {}
    share = chance.choice((0.0, 0.2, 0.4))
    kept = [_disguised(sentence, disguise, inventor, share) for sentence in kept]
    asked: list[Asked] = []
    for _ in range(questions):
        if chance.random() < 0.08:
            other = _disguised(chance.choice(chance.choice(pages)), {}, inventor, share)
            one = question_on(other, chance) if other not in kept else None
            if one is not None and one.answer is not None and one.answer not in " ".join(kept):
                asked.append(Asked(question=one.question, answer=None))
            continue
        one = question_on(chance.choice(kept), chance)
        if one is not None and one.question not in {past.question for past in asked}:
            asked.append(one)
    if not asked:
        asked = [Asked(question=f"What is {inventor.word()}?", answer=None)]
    return Document(passage=" ".join(kept), asked=tuple(asked))


def _disguised(sentence: str, disguise: dict[str, str], inventor: Inventor, share: float) -> str:
    """Replace a share of the longer words by invented ones, the same each time: what is not known cannot be recited."""

    def swap(match: re.Match[str]) -> str:
        word = match.group()
        if word.lower() in _COMMON or len(word) < 4:
            return word
        key = word.lower()
        if key not in disguise:
            disguise[key] = inventor.word() if inventor.chance.random() < share else ""
        new = disguise[key]
        return (new.capitalize() if word[:1].isupper() else new) or word

    swapped = re.sub(r"[A-Za-z]+", swap, sentence)
    return re.sub(r"\d", lambda _: inventor.pick("0123456789"), swapped)


def question_on(sentence: str, chance: random.Random) -> Asked | None:
    """Ask for a span of one to five words of a sentence, or return None where none is worth asking for."""
    pieces = list(_WORD.finditer(sentence))
    words = [piece.group() for piece in pieces]
    starts = [
        number
        for number, word in enumerate(words)
        if word.lower() not in _COMMON and (word[0].isalnum()) and (number == 0 or words[number - 1] not in "'’")
    ]
    if not starts or len(words) < 5:
        return None
    first = chance.choice(starts)
    last = first
    for _ in range(chance.choice((0, 0, 1, 1, 2, 3))):
        if last + 1 < len(words) and words[last + 1][0].isalnum():
            last += 1
    while last > first and words[last].lower() in _COMMON:
        last -= 1
    answer = sentence[pieces[first].start() : pieces[last].end()]
    if sentence.count(answer) > 1:
        return None
    clause_start = max((n + 1 for n in range(first) if words[n] in {",", ";", ":", "(", ")", "."}), default=0)
    clause_end = next(
        (n for n in range(last + 1, len(words)) if words[n] in {",", ";", ":", "(", ")", ".", "!", "?"}), len(words)
    )
    before, after = words[clause_start:first], words[last + 1 : clause_end]
    if len(before) + len(after) < 3:
        before, after = words[max(0, first - 8) : first], words[last + 1 : last + 9]
    before, after = before[-10:], after[:10]
    return Asked(question=_worded(before, after, words[first : last + 1], chance), answer=answer)


def _worded(before: list[str], after: list[str], span: list[str], chance: random.Random) -> str:
    asks = _asking_word(before, span, chance)
    auxiliary = next((n for n, word in enumerate(before) if word.lower() in _AUXILIARIES), None)
    shape = chance.random()
    if not before or (len(before) == 1 and before[0].lower() in {"the", "a", "an"}):
        parts = [asks, *after]
    elif auxiliary is not None and auxiliary > 0 and shape < 0.6:
        parts = [asks, before[auxiliary], *before[:auxiliary], *before[auxiliary + 1 :], *after]
    elif shape < 0.75:
        parts = [asks, chance.choice(("do", "does", "did", "")), *before, *after]
    else:
        parts = [*before, asks.lower(), *after]
    parts = [part for part in parts if part and (part.lower() in _COMMON or chance.random() > 0.12)]
    text = re.sub(r"\s+([,.;:!?'’)])", r"\1", " ".join(_lower(parts)))
    return text[:1].upper() + text[1:] + "?"


def _lower(parts: Sequence[str]) -> list[str]:
    return [part.lower() if part.lower() in _COMMON else part for part in parts]


def _asking_word(before: Sequence[str], span: Sequence[str], chance: random.Random) -> str:
    previous = before[-1].lower() if before else ""
    if span[0][0].isdigit():
        return chance.choice(("How many", "What number", "How much", "What", "When"))
    if span[0][0].isupper() and before:
        return chance.choice(("Who", "What", "Which", "Where")) if previous not in {"in", "at"} else "Where"
    if not before:
        return chance.choice(("Who", "What", "Which"))
    return (
        "Where"
        if previous in {"in", "at", "on"} and chance.random() < 0.4
        else chance.choice(("What", "What", "Which"))
    )
