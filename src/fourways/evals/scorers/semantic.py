"""Scorers by meaning: how near the answer is to a right one, and to its question. Both need an embedder."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fourways.core.errors import Unavailable
from fourways.core.report import Answered
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers.asking import excerpt, unless_failed
from fourways.evals.scorers.base import Mark, Scorer, Tools
from fourways.evals.scorers.wanted import NOT_KNOWN, references

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


async def similarity(case: Case, answers: Sequence[Answered], asked: Assertion, tools: Tools) -> Mark:
    """Score the cosine of the answer and the nearest of the right ones, 0 where it is negative.

    It tells an answer about this from one about something else, and hardly a right one from a wrong one: on
    TruthfulQA's 817 questions, MiniLM parts a correct answer from another question's with an AUC of .966, and from the
    incorrect answers to the same question with one of .555. At .7, 68 % of the correct, 59 % of the incorrect and 1 %
    of the foreign answers pass (`python -m benchmarks.scoring`). For right and wrong, compare words or ask a judge.
    """
    right = references(case, asked)
    if not right:
        return NOT_KNOWN
    text = answers[0].text.strip()
    if not text:
        return Mark(value=0.0, reason="the answer is empty")
    vectors = await embedded([text, *right], tools)
    cosines: list[float] = (vectors[1:] @ vectors[0]).tolist()
    best = max(range(len(right)), key=cosines.__getitem__)
    return Mark(value=_share(cosines[best]), reason=f"nearest to “{excerpt(right[best])}”")


async def answer_relevance(case: Case, answers: Sequence[Answered], asked: Assertion, tools: Tools) -> Mark:  # noqa: ARG001 - an `Aided`
    """Score the cosine of the answer and its question, 0 where it is negative: whether it speaks to the point at all.

    An answer of a word or two ("1937") is near to nothing: score whole sentences. MiniLM parts the sentence that has
    the answer from one of another article with an AUC of .998 on XQuAD's 1,190 questions, from the other sentences of
    its own passage with .819; on TruthfulQA correct answers from another question's with .971. At .25, 97 % (89 %) of
    the right ones pass and 1 % (4 %) of the foreign (`python -m benchmarks.scoring`).
    """
    text = answers[0].text.strip()
    if not text:
        return Mark(value=0.0, reason="the answer is empty")
    vectors = await embedded([text, case.input], tools)
    return Mark(value=_share(float(vectors[0] @ vectors[1])))


async def embedded(texts: Sequence[str], tools: Tools) -> "NDArray[np.float32]":
    """Embed texts.

    Raises:
        Unavailable: there is no embedder; also whatever it raises.
    """
    if tools.embed is None:
        raise Unavailable("there is no embedder to compare meanings with")
    return await tools.embed(texts)


def _share(cosine: float) -> float:
    return min(1.0, max(0.0, cosine))


ROWS = (
    Scorer(
        name="similarity",
        line="cosine of the answer and the nearest expected one, by the embedding model: same subject, not truth",
        aided=unless_failed(similarity),
        threshold=0.7,
    ),
    Scorer(
        name="answer_relevance",
        line="cosine of the answer and the question, by the embedding model: whether it speaks to the point",
        aided=unless_failed(answer_relevance),
        threshold=0.25,
    ),
)
