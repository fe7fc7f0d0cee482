"""Teaches a model a method's lesson: the one way from rows to a result."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic

import torch

from fourways.training.reports import open_sinks
from fourways.training.tuning.bench import Bench, Made, Opened
from fourways.training.tuning.documents import Document
from fourways.training.tuning.loop import Course, Item, Lesson, Loop
from fourways.training.tuning.outcome import finish
from fourways.training.tuning.writing import Writer, last_answer

SHOWN = 48
"""Tokens of a sample at most."""
SCORED = 256
"""Rows of the training set that a saved model is scored by where there are none to validate with."""


def teach(
    bench: Bench,
    made: Made,
    lesson_of: Callable[[Any], Lesson[Item]],
    *,
    train: Sequence[Item],
    valid: Sequence[Item],
    more: Mapping[str, Any],
    shown: Document | None = None,
) -> dict[str, Any]:
    """Teach a model that chats a method's lesson, save what comes out, and return the run's result.

    Args:
        lesson_of: as for `learn`.
        train, valid, more: likewise.
        shown: a chat whose last answer the model writes before and after, to be looked at.
    """
    return learn(
        bench,
        made,
        lesson_of,
        watched=Watched(
            valid=valid,
            general=bench.general(),
            scored=bench.answers(made.model),
            sample=partial(_sample, bench, made.model, shown) if shown else None,
        ),
        train=train,
        more=more,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched(Generic[Item]):
    """What is looked at along the way, and not learned from.

    Attributes:
        valid: rows like those learned from; empty for nothing.
        general: cases of general ability, which `scored` scores.
        sample: shows what the model says.
    """

    valid: Sequence[Item]
    general: Sequence[Any]
    scored: Lesson[Any]
    sample: Callable[[], Mapping[str, str]] | None


def learn(
    bench: Opened,
    made: Made,
    lesson_of: Callable[[Any], Lesson[Item]],
    *,
    train: Sequence[Item],
    watched: Watched[Item],
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """Teach any model a lesson, save what comes out, and return the run's result.

    Args:
        lesson_of: makes the lesson for a model: the one that is trained, and the one that was saved.
        train: what is learned from.
        watched: what is only looked at.
        more: what the method has to tell besides.
    """
    run, valid = bench.run, watched.valid
    course = Course(
        stage=run.method,
        train=train,
        valid=valid,
        general=watched.general,
        numbers=made.numbers,
        hyper=run.hyper,
        seed=run.seed,
        flops_a_token=made.flops_a_token,
        first={**more, "watched": len(valid), "parameters": made.sizes.parameters},
    )
    loop = Loop(
        made.model,
        lesson_of(made.model),
        course,
        masters=made.masters,
        folder=bench.folder,
        machine=bench.machine,
        group=bench.group,
        general=watched.scored,
        sinks=(*bench.watch, *(open_sinks(run.report_to, bench.folder, run) if bench.group.writes else ())),
        began=bench.began,
        sample=watched.sample,
    )
    learned = loop.run()

    def score(model: Any) -> float:  # noqa: ANN401 - any causal model
        return mean_loss(lesson_of(model), valid or train[:SCORED])

    return finish(bench, made, course, learned, score=score, more=more)


def _sample(bench: Bench, model: Any, shown: Document) -> dict[str, str]:  # noqa: ANN401 - any causal model
    """Let a model write a chat's last answer: the end of the prompt, what it says, and what the row says."""
    writer = Writer(model, bench.tokenizer, bench.machine, most=SHOWN, length=bench.base.window)
    at = last_answer(shown)
    prompt = shown.tokens[max(0, at - bench.base.window + SHOWN) : at]
    said = {
        "prompt": prompt[-2 * SHOWN :],
        "answer": writer.write([prompt], temperature=0)[0],
        "row": shown.tokens[at:],
    }
    return {name: str(bench.tokenizer.decode(list(tokens))) for name, tokens in said.items()}


@torch.no_grad()
def mean_loss(lesson: Lesson[Item], items: Sequence[Item]) -> float:
    """Return the mean loss over rows, by this process alone."""
    parts = lesson.lay(items, 0)
    return sum(lesson.loss(part).total.item() for part in parts) / sum(part.weight for part in parts)
