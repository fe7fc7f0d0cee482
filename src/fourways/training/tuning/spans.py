"""Tuning of a reader: it learns where in its texts what the assistant says stands, and when it stands in none."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from fourways.core.chat import text_of
from fourways.core.errors import InvalidRequest
from fourways.core.reading import NOT_SAID, asked
from fourways.training.rows import Chat, Turn
from fourways.training.tuning import adapters, bases
from fourways.training.tuning.bench import Made, Opened
from fourways.training.tuning.defaults import Facts, derive, length_for
from fourways.training.tuning.loop import Loss, Part
from fourways.training.tuning.masters import Masters
from fourways.training.tuning.quoting import Quoter, scores
from fourways.training.tuning.teach import Watched, learn
from fourways.training.tuning.windows import Cutter, Text, Window, alike, forgiven, texts_of

ANSWERED, SILENT = 2, 2
"""Windows of a question that are read in one pass at most: with the answer in them, and without; chance says which."""
DRAWN = 4
"""Texts of other rows that are drawn to find one that is like the question, and does not hold its answer."""
LEFT_MOST = 0.9
"""Share of the questions with an answer that may be left out, as it stands in no text, before the run is refused."""
RULE = 4
"""Words, at least, of an answer that stands in a system turn and in no text: it is what an app wants said for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question of a row, cut for reading.

    Attributes:
        number: its own among the file's.
        said: the answer, as it stands in a text; "" for none.
        answered: windows in which the answer stands.
        silent: windows in which it does not.
    """

    number: int
    asked: str
    tokens: tuple[int, ...]
    said: str
    answered: tuple[Window, ...]
    silent: tuple[Window, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What a file of rows came to.

    Attributes:
        left_out: questions whose answer stands in none of their texts.
    """

    questions: list[Question] = field(default_factory=list)
    rows: int = 0
    left_out: int = 0

    def counts(self) -> dict[str, int]:
        """Count what is read in one pass, caps left aside."""
        windows = [window for each in self.questions for window in (*each.answered, *each.silent)]
        return {
            "rows": self.rows,
            "questions": len(self.questions),
            "without_answer": sum(not each.said for each in self.questions),
            "left_out": self.left_out,
            "windows": len(windows),
            "tokens": sum(window.length for window in windows),
            "longest": max((window.length for window in windows), default=0),
        }


def tune(bench: Opened) -> dict[str, Any]:
    """Tune a reader on answers that stand in the texts of their questions.

    Raises:
        InvalidRequest: what is asked for is nothing for a reader, or nearly no answer stands in its texts.
    """
    _check(bench)
    run = bench.run
    cutter = Cutter(bench.tokenizer, length=min(512, length_for(run.hyper.length, bench.base.window)))
    lesson = read_questions(cutter, bench.rows(bench.data.train, Chat))
    _check_answers(lesson, bench.data.train)
    valid, general = (
        read_questions(cutter, bench.rows(name, Chat)).questions for name in (bench.data.valid, bench.data.general)
    )
    made = make_reader(bench, lesson)
    pool = texts_of(window for each in lesson.questions for window in (*each.answered, *each.silent))

    def lesson_of(model: Any) -> Quoting:  # noqa: ANN401 - transformers' class
        return Quoting(model, cutter, bench, pool)

    watched = Watched(
        valid=valid,
        general=general,
        scored=lesson_of(made.model),
        sample=partial(_sample, Quoter(made.model, cutter, bench.machine), (valid or lesson.questions)[0]),
    )
    return learn(bench, made, lesson_of, train=lesson.questions, watched=watched, more={"data": lesson.counts()})


def _check(bench: Opened) -> None:
    """Refuse what makes no sense for a reader."""
    run, name = bench.run, bench.base.name
    wrong = (
        (run.adapter.kind != "full", f"adapter: {run.adapter.kind}", "adapter: full, as a reader is small"),
        (bool(run.start), "start: an adapter", "a reader that was tuned before, as the base"),
        (run.merge, "merge: true", "false: all weights of a reader are tuned"),
        (run.quantize == "int4", "quantize: int4", "int8"),
        (not 0 <= run.spans.none <= 1, f"[spans] none = {run.spans.none:g}", "a share from 0 to 1"),
    )
    for given, what, right in wrong:
        if given:
            raise InvalidRequest(f"the base {name} is a reader, and the run says {what}; right would be {right}")


def _check_answers(lesson: Lesson, name: str) -> None:
    """Refuse rows of which nearly nothing can be quoted."""
    quotable = sum(bool(each.said) for each in lesson.questions)
    answers = quotable + lesson.left_out
    if not quotable or lesson.left_out > LEFT_MOST * answers:
        raise InvalidRequest(
            f"of {answers} answers in {name}, {lesson.left_out} stand in none of the texts that their questions come "
            "with, and a reader can only quote; right would be rows that put texts before `Question:` and answer in "
            "their words, or a base that writes"
        )


def make_reader(bench: Opened, lesson: Lesson) -> Made:
    """Load the reader's weights and make ready all but its words."""
    run = bench.run
    torch.manual_seed(run.seed)
    model = bases.load_model(bench.base, "full", torch.float32)
    if len(bench.tokenizer) > model.config.vocab_size:
        raise InvalidRequest(
            f"the tokenizer of {bench.base.name} has more tokens than it has embeddings; bring its own"
        )
    sizes = adapters.sizes_of(model)
    read = lesson.counts()
    numbers = derive(
        run,
        Facts(
            parameters=sizes.parameters,
            rows=len(lesson.questions),
            longest=read["longest"],
            learned=len(lesson.questions),
            window=bench.base.window,
            per_rank=0,
            reader=True,
        ),
    )
    model = model.to(bench.machine.device)
    return Made(
        model=model,
        masters=Masters(model, torch.float32),
        numbers=numbers,
        sizes=adapters.Sizes(
            parameters=sizes.parameters, trainable=sizes.trainable, looked_up=sizes.parameters - sizes.trainable
        ),
    )


# ---------------------------------------------------------------- rows


def read_questions(cutter: Cutter, rows: Sequence[Chat]) -> Lesson:
    """Read each answer of chats with the question and the texts before it, as they will be when it is served."""
    questions: list[Question] = []
    left_out = 0
    for row in rows:
        for at, turn in enumerate(row.messages):
            if turn.role != "assistant":
                continue
            question = _question(cutter, row.messages[:at], turn.content, len(questions))
            left_out += question is None
            questions += [question] if question else []
    return Lesson(questions=questions, rows=len(rows), left_out=left_out)


def _question(cutter: Cutter, before: Sequence[Turn], answer: str, number: int) -> Question | None:
    """Cut a question; None where its answer stands in no text."""
    plain = [{"role": turn.role, "content": turn.content} for turn in before]
    found = asked(plain)
    texts = [text for text in map(cutter.text, found.texts) if text.tokens]
    said = next((bare for bare in forgiven(answer) if any(text.places(bare) for text in texts)), "")
    if not texts or not (said or _abstains(answer, plain)):
        return None
    tokens = cutter.question(found.question)
    windows = [window for text in texts for window in cutter.windows(tokens, text, said)]
    answered = tuple(window for window in windows if window.answers)
    silent = tuple(window for window in windows if not window.answers)
    if said and not answered:
        return None
    return Question(number=number, asked=found.question, tokens=tokens, said=said, answered=answered, silent=silent)


def _abstains(answer: str, before: Iterable[Mapping[str, Any]]) -> bool:
    """Whether an answer says that there is none: in our words, or in those that a system turn gives for it."""
    bare = answer.strip()
    if bare.rstrip(".") == NOT_SAID.rstrip("."):
        return True
    return len(bare.split()) >= RULE and any(bare in text_of(turn) for turn in before if turn["role"] == "system")


# ---------------------------------------------------------------- the lesson


class Quoting:
    """The lesson: how likely a reader begins and ends its quote where the answer does, or says none."""

    def __init__(self, model: Any, cutter: Cutter, bench: Opened, pool: Sequence[Text]) -> None:  # noqa: ANN401
        """Take the model, who cuts for it, and all texts that are learned from."""
        self._model, self._cutter, self._machine = model, cutter, bench.machine
        self._none, self._most = bench.run.spans.none, bench.run.hyper.micro_tokens
        self._pool = pool

    def lay(self, items: Sequence[Question], seed: int) -> list[Part]:
        """Lay the windows of questions out, those of like length together.

        Of each question at most two windows with its answer are read in a pass, and two without; where none is
        without, it is asked of another row's text, too, in the run's share of the cases.
        """
        windows = [window for item in items for window in self._drawn(item, random.Random(f"{seed}/{item.number}"))]
        return [
            Part(
                laid=self._cutter.lay([windows[number] for number in part]),
                weight=len(part),
                tokens=sum(windows[number].length for number in part),
            )
            for part in alike(windows, most=self._most)
        ]

    def _drawn(self, item: Question, chance: random.Random) -> list[Window]:
        answered = chance.sample(item.answered, min(ANSWERED, len(item.answered)))
        silent = chance.sample(item.silent, min(SILENT, len(item.silent)))
        if not silent and chance.random() < self._none:
            silent = self._strange(item, chance)
        return [*answered, *silent]

    def _strange(self, item: Question, chance: random.Random) -> list[Window]:
        """Return a window of another row's text: of some drawn, the one that shares most of the question's tokens."""
        drawn = chance.sample(range(len(self._pool)), min(DRAWN, len(self._pool)))
        wanted = set(item.tokens)
        others = [text for text in (self._pool[at] for at in drawn) if not text.places(item.said)]
        if not others:
            return []
        text = max(others, key=lambda other: len(wanted.intersection(other.tokens)))
        return [chance.choice(self._cutter.windows(item.tokens, text))]

    def loss(self, part: Part) -> Loss:
        """Sum the windows' losses (nats): of the beginning and the end, any right place will do.

        `right` is the share of windows in which the likeliest beginning and the likeliest end are right ones.
        """
        both = scores(self._model, self._machine, part.laid)
        right = part.laid.right.to(both.device)
        chances = both.log_softmax(1)
        hit = right.gather(1, chances.argmax(1, keepdim=True)).all(2)
        return Loss(total=_any_of(chances, right).mean(1).sum(), more={"right": hit.sum()})


def _any_of(chances: Tensor, right: Tensor) -> Tensor:
    """Return -log of the chance that one of the right places is taken, (rows, 2)."""
    return -chances.masked_fill(~right, float("-inf")).logsumexp(1)


def _sample(quoter: Quoter, shown: Question) -> dict[str, str]:
    """Let the reader answer a question: what it says, and what the row says."""
    (quote,) = quoter.of_windows([[*shown.answered, *shown.silent]])
    return {"prompt": shown.asked, "answer": quote.answer, "row": shown.said or NOT_SAID}
