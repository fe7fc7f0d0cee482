"""Scorers of what rests on sources: groundedness, citations, abstention, and whether the answer was to be found."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from fourways.core.errors import Unavailable
from fourways.core.report import Answered
from fourways.core.sentences import sentences
from fourways.evals.abstaining import abstains, says_nothing
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers.asking import (
    as_data,
    ask_model,
    excerpt,
    read_object,
    show,
    unless_failed,
)
from fourways.evals.scorers.base import Mark, Scorer, Tools
from fourways.evals.scorers.wanted import NOT_KNOWN, one_of, references, settings, unanswered
from fourways.evals.support import Sources, Support, support
from fourways.models.words import content_words

MARK = re.compile(r"\[(\d{1,3})\]")
_MARKS = re.compile(r"(?:\s*\[\d{1,3}\])+\s*")

CHECK = """\
You check a text against its sources. Both are in the next message; the text's sentences are numbered.
A sentence is supported where the sources say it, or it follows from them. What is true but not in them is not.
{data}
Answer with JSON and nothing else: {{"supported": [numbers of the supported sentences], "reason": "one sentence"}}\
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A sentence of an answer, without its marks; `numbers` are those of the sources it names."""

    text: str
    numbers: tuple[int, ...] = ()


def statements(answer: str) -> list[Statement]:
    """Return what an answer states: its sentences, but for questions, those without a content word, and "I don't know".

    A mark belongs to the sentence that it stands in or right behind; one in a paragraph of its own to all sentences
    since the mark before it. Where the answer begins with a mark, marks stand before their sentences.
    """
    found: list[Statement] = []
    before, since = 0, 0
    leading = bool(_MARKS.match(answer))
    for start, end in sentences(answer):
        piece = answer[start:end]
        marks = _MARKS.match(piece)
        if found and marks and not leading:
            alone = marks.end() == len(piece) and "\n\n" in answer[before:start]
            first = since if alone else len(found) - 1
            found[first:] = [_numbered(one, piece[: marks.end()]) for one in found[first:]]
            since = len(found)
            piece = piece[marks.end() :]
        one = _numbered(Statement(text=_without_marks(piece)), piece)
        if content_words(one.text) and not one.text.endswith("?") and not says_nothing(one.text):
            found.append(one)
            since = len(found) if one.numbers else since
        before = end
    return found


def _numbered(one: Statement, marks: str) -> Statement:
    numbers = (*one.numbers, *(int(number) for number in MARK.findall(marks)))
    return Statement(text=one.text, numbers=tuple(dict.fromkeys(numbers)))


def _without_marks(piece: str) -> str:
    return re.sub(r"\s+(?=[.,;:!?])", "", " ".join(MARK.sub(" ", piece).split()))


async def groundedness(case: Case, answers: Sequence[Answered], asked: Assertion, tools: Tools) -> Mark:
    """Score the share of the answer's sentences that its sources support; the case's context where there are none.

    Without a model by `evals/support`: it tells what stands in the sources from what does not, and is blind to roles.
    On XQuAD, where its rules were chosen: a passage's own sentences against another passage of the same article, AUC
    1.000 (100 % count as supported, there .9 %); restated as question and answer .955 (92 and 2.7 %). Of spoilt
    sentences count as supported: a figure changed 0 %, a name from elsewhere 3.8 %, a "not" put in 12.7 %, but a name
    from the same passage 99 %. On the sample helpdesk, where nothing was chosen, its expected answers: 100 % in the
    right document, 6.1 % in others, AUC .994 (`python -m benchmarks.scoring`, docs/log.md).
    With `options.by: judge`, a model says which sentences are supported: it can read, and has to be calibrated.
    """
    answered = answers[0]
    if abstains(answered):
        return Mark(value=None, reason="it abstained: there is nothing to be grounded")
    texts = [str(source.get("text", "")) for source in answered.sources] or list(case.context)
    if not texts:
        return Mark(value=None, reason="there are no sources to hold it against")
    said = [statement.text for statement in statements(answered.text)]
    if not said:
        return Mark(value=None, reason="it states nothing")
    by = one_of(asked, "by", settings(asked, {"by": "words"})["by"], BY)
    found: Sequence[Support] = await by(said, _Shown(texts=texts, titles=_titles(answered.sources)), asked, tools)
    return _share(list(zip(said, found, strict=True)), "supported")


async def citation_correctness(case: Case, answers: Sequence[Answered], asked: Assertion, tools: Tools) -> Mark:  # noqa: ARG001 - an `Aided`
    """Score the share of the answer's citations whose cited place supports the sentence that they are attached to.

    The words and the meaning must be in the place cited; names and figures may stand in the passage around it. A mark
    that leads nowhere is a wrong citation.
    """
    answered = answers[0]
    pairs = [(one.text, number) for one in statements(answered.text) for number in one.numbers]
    if not pairs:
        return Mark(value=None, reason="it cites nothing")
    return _share([(text, await _cited(text, number, answered, tools)) for text, number in pairs], "right")


async def _cited(text: str, number: int, answered: Answered, tools: Tools) -> Support:
    quotes = [str(citation.get("quote", "")) for citation in answered.citations if citation.get("number") == number]
    if not quotes:
        return Support(value=0.0, reason=f"[{number}] leads nowhere")
    (one,) = await support([text], Sources(["\n\n".join(quotes)], _around(answered, number)), tools.embed)
    return one


def citation_coverage(case: Case, answered: Answered, asked: Assertion) -> Mark:  # noqa: ARG001 - a `Plain`
    """Score the share of the answer's sentences that carry a citation."""
    said = statements(answered.text)
    if abstains(answered) or not said:
        return Mark(value=None, reason="it states nothing that could be cited for")
    return _share([(one.text, Support(value=float(bool(one.numbers)), reason="no citation")) for one in said], "cited")


def abstention(case: Case, answered: Answered, asked: Assertion) -> Mark:  # noqa: ARG001 - a `Plain`
    """Score 1 where it answers what has an answer and abstains from what has none, else 0; the reason says which."""
    if (missing := unanswered(answered)) is not None:
        return missing
    cell = ABSTENTION[case.answerable, abstains(answered)]
    return Mark(value=float(case.answerable != abstains(answered)), reason=cell)


ABSTENTION: Mapping[tuple[bool, bool], str] = {
    (True, False): "answered what has an answer",
    (True, True): "abstained from what has an answer",
    (False, False): "answered what has no answer",
    (False, True): "abstained from what has no answer",
}
"""(answerable, abstained) → what happened."""


def context_recall(case: Case, answered: Answered, asked: Assertion) -> Mark:
    """Score how much of the right answer the sources had: 1 where one has it word for word, else its words' share.

    Of an answer of several sentences it is the mean of theirs; of several right answers, the best one counts.
    """
    if not case.answerable:
        return Mark(value=None, reason="it has no answer that could be found")
    texts = [str(source.get("text", "")) for source in answered.sources] or list(case.context)
    if not texts:
        return Mark(value=None, reason="there are no sources")
    right = references(case, asked)
    if not right:
        return NOT_KNOWN
    sources = Sources(texts, _titles(answered.sources))
    return Mark(value=max(_recalled(text, sources) for text in right))


def _recalled(text: str, sources: Sources) -> float:
    if sources.say(text):
        return 1.0
    pieces = [text[start:end] for start, end in sentences(text)] or [text]
    return sum(1.0 if sources.say(piece) else sources.coverage(piece) for piece in pieces) / len(pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What an answer was to rest on."""

    texts: Sequence[str]
    titles: str


async def _by_words(said: Sequence[str], shown: _Shown, asked: Assertion, tools: Tools) -> list[Support]:  # noqa: ARG001 - in BY
    return await support(said, Sources(shown.texts, shown.titles), tools.embed)


async def _by_judge(said: Sequence[str], shown: _Shown, asked: Assertion, tools: Tools) -> list[Support]:
    numbered = "\n".join(f"{number}. {text}" for number, text in enumerate(said, 1))
    parts = {"sources": "\n\n".join(shown.texts), "text": numbered}
    reply = await ask_model(asked, tools, CHECK.format(data=as_data(parts)), show(parts))
    verdict = read_object(reply, "supported") or {}
    numbers = verdict.get("supported")
    if not isinstance(numbers, list) or not all(isinstance(number, int) for number in numbers):
        raise Unavailable(f"the judge gave no verdict: “{excerpt(reply)}”")
    against = Support(value=0.0, reason=f"the judge: {excerpt(str(verdict.get('reason', '')))}")
    return [Support(value=1.0) if number in numbers else against for number in range(1, len(said) + 1)]


BY: Mapping[str, Callable[[Sequence[str], _Shown, Assertion, Tools], Awaitable[list[Support]]]] = {
    "words": _by_words,
    "judge": _by_judge,
}


def _share(found: Sequence[tuple[str, Support]], what: str) -> Mark:
    """Make a mark of what holds of each text; the reason names the first that does not."""
    count = sum(one.holds for _, one in found)
    wrong = next((f"; not “{excerpt(text)}” ({one.reason})" for text, one in found if not one.holds), "")
    return Mark(value=count / len(found), reason=f"{count} of {len(found)} {what}{wrong}")


def _titles(sources: Sequence[Mapping[str, object]]) -> str:
    return " ".join(str(source.get(key, "")) for source in sources for key in ("title", "document"))


def _around(answered: Answered, number: int) -> str:
    """Return the passages that a citation's document was shown with."""
    documents = {citation.get("document") for citation in answered.citations if citation.get("number") == number}
    around = [source for source in answered.sources if source.get("document") in documents]
    return " ".join((_titles(around), *(str(source.get("text", "")) for source in around)))


ROWS = (
    Scorer(
        name="groundedness",
        line="share of the answer's sentences that its sources support; by a judge where `options.by: judge`",
        aided=unless_failed(groundedness),
    ),
    Scorer(
        name="citation_correctness",
        line="share of the citations whose cited place supports the sentence they stand at",
        aided=unless_failed(citation_correctness),
    ),
    Scorer(
        name="citation_coverage", line="share of the answer's sentences that carry a citation", plain=citation_coverage
    ),
    Scorer(
        name="abstention",
        line="1 where it answers what has an answer and abstains from what has none",
        plain=abstention,
    ),
    Scorer(
        name="context_recall",
        line="how much of the expected answer stands in the sources that were found",
        plain=context_recall,
        threshold=0.8,
    ),
)
