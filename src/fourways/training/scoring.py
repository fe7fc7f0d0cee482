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

from fourways.training.chats import chat
from fourways.training.decoder import Decoder
from fourways.training.facts import NOT_SAID, Asked, write_facts
from fourways.training.inventing import Inventor
from fourways.training.pretrain import SKIP, pack, read_document
from fourways.training.tokenizer import ASSISTANT, END, SPECIAL

if TYPE_CHECKING:
    from tokenizers import Tokenizer


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


@torch.no_grad()
def exact(model: Decoder, tokenizer: "Tokenizer", exams: Sequence[Exam], *, length: int = 512, rows: int = 16) -> float:
    """Return the share of exams answered by the exact tokens, the end counted in.

    The answer is shown while it is scored: greedy decoding gives it exactly if and only if each token is the best after
    those before it, so one pass says it all.
    """
    right = total = 0
    pending = [
        document
        for exam in exams
        if len((document := read_document(chat(exam.passage, [exam.question]), tokenizer))[0]) <= length
    ]
    while pending:
        chosen, room = [], rows * length * 3 // 4
        while pending and len(pending[0][0]) <= room:
            chosen.append(pending.pop(0))
            room -= len(chosen[-1][0])
        batch = pack(chosen, rows=rows, length=length)
        with torch.autocast("cpu", torch.bfloat16):
            states = model(batch.tokens, batch.documents)
            learned = batch.targets != SKIP
            hit = model.scores(states[learned]).argmax(-1) == batch.targets[learned]
        owners = batch.documents[learned]
        wrong = set(owners[~hit].tolist())
        right += len(set(owners.tolist()) - wrong)
        total += len(set(owners.tolist()))
    return right / max(1, total)


def watch_unseen(tokenizer: "Tokenizer", count: int = 64, seed: int = 7) -> Callable[[Decoder, int], dict[str, float]]:
    """Return what scores a model in passing: exact at 1, 2, 4 and 8 unseen facts, and abstention."""
    said = {facts: unseen_exams(facts, count, seed, said=True) for facts in (1, 2, 4, 8)}
    unsaid = [exam for facts in (2, 4, 8) for exam in unseen_exams(facts, count // 2, seed, said=False)]

    def watch(model: Decoder, _step: int) -> dict[str, float]:
        scores = {f"exact_{facts}": round(exact(model, tokenizer, exams), 3) for facts, exams in said.items()}
        return {**scores, "unsaid": round(exact(model, tokenizer, unsaid), 3)}

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
    prompts = [
        tokenizer.encode(
            chat(exam.passage, [Asked(question=exam.question.question, answer="")]), add_special_tokens=False
        ).ids
        for exam in exams
    ]
    end, assistant = SPECIAL[END], SPECIAL[ASSISTANT]
    prompts = [prompt[: len(prompt) - prompt[::-1].index(assistant)] for prompt in prompts]
    answers: dict[int, str] = {}
    order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
    for start in range(0, len(order), 32):
        group = order[start : start + 32]
        lines = [list(prompts[number]) for number in group]
        going = set(range(len(group)))
        for _ in range(longest):
            width = max(len(line) for line in lines)
            tokens = torch.tensor([line + [0] * (width - len(line)) for line in lines])
            owners = torch.tensor([[0] * len(line) + [-1] * (width - len(line)) for line in lines])
            with torch.autocast("cpu", torch.bfloat16):
                states = model(tokens, owners)
                best = model.scores(
                    states[torch.arange(len(lines)), torch.tensor([len(line) - 1 for line in lines])]
                ).argmax(-1)
            for number in list(going):
                token = int(best[number])
                if token == end:
                    going.discard(number)
                else:
                    lines[number].append(token)
            if not going:
                break
        for number, line in zip(group, lines, strict=True):
            answers[number] = tokenizer.decode(line[len(prompts[number]) :])
    return [answers[number] for number in range(len(exams))]


def score_xquad(model: Decoder, tokenizer: "Tokenizer", exams: Sequence[Exam]) -> dict[str, float]:
    """Return exact match and F1 in SQuAD's sense, and how often it wrongly said that the text does not say."""
    answers = answer(model, tokenizer, exams)
    pairs = [(given, exam.question.answer or "") for given, exam in zip(answers, exams, strict=True)]
    return {
        "questions": len(pairs),
        "em": round(sum(plain(given) == plain(right) for given, right in pairs) / len(pairs), 4),
        "f1": round(sum(f1(given, right) for given, right in pairs) / len(pairs), 4),
        "abstained": round(sum(given == NOT_SAID for given, _ in pairs) / len(pairs), 4),
    }


def examine(model: Decoder, tokenizer: "Tokenizer", xquad: Path | None, *, count: int = 256) -> dict[str, Any]:
    """Score a finished model: on examinations other than those it was watched with, and on XQuAD where there is any."""
    seen = watch_unseen(tokenizer, count, seed=11)(model, 0)
    return {**seen, "xquad": score_xquad(model, tokenizer, read_xquad(xquad)) if xquad else None}
