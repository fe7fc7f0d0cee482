"""How well a small reader reads: exact words from k unseen facts, right abstentions, and XQuAD."""

import json
import random
import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from fourways.core.reading import NOT_SAID
from fourways.training.decoder import Decoder
from fourways.training.reader.batches import SKIP, pack, read_document
from fourways.training.reader.chats import chat
from fourways.training.reader.facts import Asked, write_facts
from fourways.training.reader.inventing import Inventor
from fourways.training.tokenizer import ASSISTANT, END, PAD, SPECIAL

if TYPE_CHECKING:
    from tokenizers import Tokenizer

AT_A_TIME = 32
"""Exams that are read at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """One passage and one question, with the answer that is right."""

    passage: str
    question: Asked


def unseen_exams(facts: int, count: int, seed: int, *, said: bool) -> list[Exam]:
    """Write passages of so many facts whose invented words training never saw, with one question each."""
    chance = random.Random(f"exam/{seed}/{facts}/{said}")
    exams: list[Exam] = []
    while len(exams) < count:
        document = write_facts(Inventor(chance, examining=True), facts, questions=1, unsaid=0.0 if said else 1.0)
        exams += [Exam(passage=document.passage, question=asked) for asked in document.asked[:1]]
    return exams


def unseen_kinds(count: int, seed: int) -> dict[str, list[Exam]]:
    """Write exams of each kind: with 1, 2, 4 and 8 facts, and those whose answer is not said."""
    kinds = {f"exact_{facts}": unseen_exams(facts, count, seed, said=True) for facts in (1, 2, 4, 8)}
    unsaid = [exam for facts in (2, 4, 8) for exam in unseen_exams(facts, count // 2, seed, said=False)]
    return {**kinds, "unsaid": unsaid}


@torch.no_grad()
def exact(model: Decoder, tokenizer: "Tokenizer", exams: Sequence[Exam]) -> float:
    """Return the share of exams answered by the exact tokens, the end counted in.

    The answer is shown while it is scored: greedy decoding gives it exactly if and only if each token is the best after
    those before it, so one pass says it all.
    """
    documents = [read_document(chat(exam.passage, [exam.question]), tokenizer) for exam in exams]
    documents.sort(key=lambda document: len(document[0].tokens))
    right = 0
    for start in range(0, len(documents), AT_A_TIME):
        chosen = documents[start : start + AT_A_TIME]
        # As many rows as documents, each as long as the longest: none is left out.
        batch = pack(chosen, rows=len(chosen), length=len(chosen[-1][0].tokens))
        with torch.autocast("cpu", torch.bfloat16):
            states = model(batch.tokens, batch.documents)
            learned = batch.targets != SKIP
            hit = model.scores(states[learned]).argmax(-1) == batch.targets[learned]
        right += len(chosen) - len(set(batch.documents[learned][~hit].tolist()))
    return right / max(1, len(documents))


def watch_unseen(tokenizer: "Tokenizer", count: int = 64, seed: int = 7) -> Callable[[Decoder, int], dict[str, float]]:
    """Return what scores a model in passing: exact at 1, 2, 4 and 8 unseen facts, and abstention."""
    kinds = unseen_kinds(count, seed)

    def watch(model: Decoder, _step: int) -> dict[str, float]:
        return {kind: round(exact(model, tokenizer, exams), 3) for kind, exams in kinds.items()}

    return watch


def read_xquad(path: Path) -> list[Exam]:
    """Read XQuAD (Artetxe et al. 2020), in SQuAD's layout."""
    return [
        Exam(passage=part["context"], question=Asked(question=one["question"], answer=one["answers"][0]["text"]))
        for article in json.loads(path.read_text())["data"]
        for part in article["paragraphs"]
        for one in part["qas"]
    ]


def plain(text: str) -> str:
    """Normalise an answer as SQuAD's evaluation does: lower case, no articles, no punctuation, single spaces."""
    bare = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def f1(answer: str, right: str) -> float:
    """Return the harmonic mean of precision and recall over words (Rajpurkar et al. 2016)."""
    given, wanted = plain(answer).split(), plain(right).split()
    same = sum((Counter(given) & Counter(wanted)).values())
    return 2 * same / (len(given) + len(wanted)) if same else 0.0


@torch.no_grad()
def answer(model: Decoder, tokenizer: "Tokenizer", exams: Sequence[Exam], *, longest: int = 24) -> list[str]:
    """Answer greedily, in batches of like length, by reading all again for each token: slow, simple, right."""
    end = SPECIAL[END]
    prompts = [
        tokenizer.encode(f"{chat(exam.passage, [exam.question]).rpartition(ASSISTANT)[0]}{ASSISTANT}").ids
        for exam in exams
    ]
    lines = [list(prompt) for prompt in prompts]
    order = sorted(range(len(lines)), key=lambda number: len(lines[number]))
    for start in range(0, len(order), AT_A_TIME):
        going = order[start : start + AT_A_TIME]
        for _ in range(longest):
            for number, token in zip(going, _next(model, [lines[number] for number in going]), strict=True):
                lines[number].append(token)
            going = [number for number in going if lines[number][-1] != end]
            if not going:
                break
    return [tokenizer.decode(line[len(prompt) :]) for line, prompt in zip(lines, prompts, strict=True)]


def _next(model: Decoder, lines: Sequence[Sequence[int]]) -> list[int]:
    width = max(map(len, lines))
    tokens = torch.tensor([[*line, *[SPECIAL[PAD]] * (width - len(line))] for line in lines])
    owners = torch.tensor([[0] * len(line) + [-1] * (width - len(line)) for line in lines])
    with torch.autocast("cpu", torch.bfloat16):
        states = model(tokens, owners)[torch.arange(len(lines)), torch.tensor([len(line) - 1 for line in lines])]
        best: list[int] = model.scores(states).argmax(-1).tolist()
    return best


def score_xquad(model: Decoder, tokenizer: "Tokenizer", exams: Sequence[Exam]) -> dict[str, float]:
    """Answer questions of SQuAD's kind, and score the answers."""
    return squad_scores(exams, answer(model, tokenizer, exams))


def squad_scores(exams: Sequence[Exam], answers: Sequence[str]) -> dict[str, float]:
    """Return exact match and F1 in SQuAD's sense, how often the right words stood in the answer, or in its stead that
    the text does not say, and how often an answer was words of the passage.
    """
    pairs = [(given, exam.question.answer or "") for given, exam in zip(answers, exams, strict=True)]
    return {
        "questions": len(pairs),
        "em": round(sum(plain(given) == plain(right) for given, right in pairs) / len(pairs), 4),
        "f1": round(sum(f1(given, right) for given, right in pairs) / len(pairs), 4),
        "contains": round(sum(plain(right) in plain(given) for given, right in pairs) / len(pairs), 4),
        "copied": round(sum(given in exam.passage for given, exam in zip(answers, exams, strict=True)) / len(pairs), 4),
        "abstained": round(sum(given == NOT_SAID for given, _ in pairs) / len(pairs), 4),
    }


def examine(model: Decoder, tokenizer: "Tokenizer", xquad: Path | None, *, count: int = 256) -> dict[str, Any]:
    """Score a finished model: on examinations other than those it was watched with, and on XQuAD where there is any."""
    seen = watch_unseen(tokenizer, count, seed=11)(model, 0)
    return {**seen, "xquad": score_xquad(model, tokenizer, read_xquad(xquad)) if xquad else None}
