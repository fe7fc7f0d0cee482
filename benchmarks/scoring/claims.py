"""Statements made from XQuAD, and whether a passage supports them: taken as they stand, rephrased, spoilt."""

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.quality.corpora import DATA
from fourways.core.sentences import sentences

NAME = re.compile(r"(?<=[a-z,;] )[A-ZÄÖÜÁÉÍÓÚ][\w]+(?: [A-ZÄÖÜÁÉÍÓÚ][\w]+)*")
VERB = re.compile(r"\b(?:is|was|were|are|can|has|had|will|could|would|did)\b")
FEWEST_WORDS = 5


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A passage with its sentences and (question, answer) pairs."""

    article: int
    text: str
    sentences: tuple[str, ...]
    questions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement, the passage it is held against, and whether that supports it."""

    kind: str
    text: str
    passage: Passage
    supported: bool


def read_passages(language: str = "en") -> list[Passage]:
    articles = json.loads((DATA / "xquad" / f"xquad.{language}.json").read_text(encoding="utf-8"))["data"]
    return [
        Passage(
            article=number,
            text=paragraph["context"],
            sentences=tuple(split(paragraph["context"])),
            questions=tuple((qa["question"], qa["answers"][0]["text"]) for qa in paragraph["qas"]),
        )
        for number, article in enumerate(articles)
        for paragraph in article["paragraphs"]
    ]


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


def make_claims(passages: Sequence[Passage], seed: int = 7) -> Iterator[Claim]:
    """Yield the claims; a passage of another article or of the same one supports none of them."""
    rng = random.Random(seed)
    for passage in passages:
        same = [other for other in passages if other.article == passage.article and other is not passage]
        foreign = [other for other in passages if other.article != passage.article]
        for sentence in passage.sentences:
            if len(sentence.split()) < FEWEST_WORDS:
                continue
            yield Claim(kind="a sentence of it", text=sentence, passage=passage, supported=True)
            yield Claim(kind="of another article", text=sentence, passage=rng.choice(foreign), supported=False)
            yield Claim(kind="of the same article", text=sentence, passage=rng.choice(same), supported=False)
            yield from _spoilt(sentence, passage, same, rng)
        for question, answer in passage.questions:
            stated = _stated(question, answer)
            yield Claim(kind="question and answer", text=stated, passage=passage, supported=True)
            yield Claim(kind="… of another article", text=stated, passage=rng.choice(foreign), supported=False)
            yield Claim(kind="… of the same article", text=stated, passage=rng.choice(same), supported=False)
            wrong = [other for _, other in passage.questions if other not in answer and answer not in other]
            if wrong:
                stated = _stated(question, rng.choice(wrong))
                yield Claim(kind="… with another answer of it", text=stated, passage=passage, supported=False)


def _stated(question: str, answer: str) -> str:
    return f"{question.rstrip('? ')}: {answer}."


def _spoilt(sentence: str, passage: Passage, same: Sequence[Passage], rng: random.Random) -> Iterator[Claim]:
    def claim(kind: str, match: re.Match[str], instead: str) -> Claim:
        text = sentence[: match.start()] + instead + sentence[match.end() :]
        return Claim(kind=kind, text=text, passage=passage, supported=False)

    figures = list(re.finditer(r"\d+", sentence))
    if figures:
        chosen = rng.choice(figures)
        new = str(int(chosen.group()) + rng.choice([1, 2, 3, 10]))
        if new not in passage.text:
            yield claim("a figure changed", chosen, new)
    names = list(NAME.finditer(sentence))
    if names:
        foreign = [m.group() for other in same for m in NAME.finditer(other.text) if m.group() not in passage.text]
        own = [m.group() for m in NAME.finditer(passage.text) if m.group() not in sentence]
        if foreign:
            yield claim("a name from elsewhere", rng.choice(names), rng.choice(foreign))
        if own:
            yield claim("a name from the same passage", rng.choice(names), rng.choice(own))
    verbs = list(VERB.finditer(sentence))
    if verbs:
        chosen = rng.choice(verbs)
        yield claim("“not” put in", chosen, f"{chosen.group()} not")
