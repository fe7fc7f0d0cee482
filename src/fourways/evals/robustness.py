"""Asking again, disturbed: does the answer hold, and what does it lose. One result for all questions, not one each."""

import asyncio
import random as randomness
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from fourways.core.errors import FourwaysError, NotFound
from fourways.core.report import Answered, Estimate
from fourways.evals.agreeing import agreeing
from fourways.evals.cases import Case
from fourways.evals.perturbations import PERTURBATIONS, Inserted, Perturbation, seeded, with_question
from fourways.evals.statistics import bootstrap_mean, wilson

if TYPE_CHECKING:
    from fourways.models.embedders import Embedder

T = TypeVar("T")

Ask = Callable[[Case, Inserted | None], Awaitable[Answered]]
"""Puts a case to the candidate; where something is to be inserted, the passages found are changed by calling it."""
ScoreOf = Callable[[Case, Answered], Awaitable[float | None]]
"""How good an answer to a case is, 0 to 1; None where that cannot be told."""
Rewrite = Callable[[str, str], Awaitable[str]]
"""Has a model rewrite a text: (what to do, the text)."""

PASSES = 0.5
WORST = 3
"""Examples kept of each perturbation."""
SHOWN = 300
"""Characters of a text's beginning, and of its end, in an example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A case whose answer did not hold: what was asked or slipped in, and what was answered before and after."""

    case: str
    disturbed: str
    before: str
    after: str
    lost: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one perturbation did.

    Attributes:
        holds: what had to hold: `same answer`, `no obedience`.
        n: cases disturbed; `untouched` had nothing that it could change.
        invariance: the share in which it held: passed or failed as before, or, where nothing was scored, the same
            answer; for `no obedience`, the order was not followed. An answer that broke off has not held.
        drop: the score before less the score after, case by case, in the mean; None where nothing was scored.
        worst: the cases in which it did not hold, those that lost most first.
    """

    name: str
    acts_on: str
    holds: str
    n: int
    untouched: int
    invariance: Estimate
    drop: Estimate | None
    worst: tuple[Example, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """What all perturbations did to a sample of cases.

    Attributes:
        cases: in the sample, and answered when asked undisturbed.
        left_out: perturbations that could not be tried, with the reason.
    """

    cases: int
    seed: int
    effects: tuple[Effect, ...]
    left_out: Mapping[str, str]

    def plain(self) -> dict[str, Any]:
        """Return it as JSON: `Report.robustness`."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A case of the sample as it was answered undisturbed."""

    case: Case
    answered: Answered
    score: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Disturbed:
    """A case made ready to be asked; `shown` is what was done to it, for people."""

    case: Case
    shown: str
    inserted: Inserted | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """A case that was asked disturbed, and what came of it; an answer that broke off is worth nothing."""

    known: _Known
    shown: str
    answered: Answered
    score: float | None
    held: bool

    @property
    def lost(self) -> float | None:
        return None if self.known.score is None or self.score is None else self.known.score - self.score


async def robustness(
    cases: Sequence[Case],
    ask: Ask,
    score: ScoreOf,
    *,
    names: Iterable[str] = tuple(PERTURBATIONS),
    sample: int = 30,
    seed: int = 0,
    rewrite: Rewrite | None = None,
    embed: "Embedder | None" = None,
    passes: float = PASSES,
) -> Robustness:
    """Ask a sample of cases as they are, and again under each perturbation.

    All questions of a perturbation are put at once: `ask` bounds how many are under way.

    Args:
        names: keys of `PERTURBATIONS`.
        sample: cases, at most; the same seed takes the same ones.
        rewrite: asks the model that paraphrases and translates; without it those are left out.
        embed: tells answers that say the same where nothing is scored; by their words alone without it.
        passes: the score from which a case passes.

    Raises:
        NotFound: there is no such perturbation.
    """
    rows = [_row(name) for name in dict.fromkeys(names)]
    chosen = sorted(randomness.Random(seed).sample(range(len(cases)), min(sample, len(cases))))
    answers = await _together(ask(cases[at], None) for at in chosen)
    sound = [(cases[at], answered) for at, answered in zip(chosen, answers, strict=True) if not answered.error]
    scores = await _together(score(case, answered) for case, answered in sound)
    known = [
        _Known(case=case, answered=answered, score=value) for (case, answered), value in zip(sound, scores, strict=True)
    ]
    trial = _Trial(known=known, ask=ask, score=score, seed=seed, rewrite=rewrite, embed=embed, passes=passes)
    tried = {row.name: await trial.run(row) for row in rows}
    return Robustness(
        cases=len(known),
        seed=seed,
        effects=tuple(effect for effect in tried.values() if isinstance(effect, Effect)),
        left_out={name: reason for name, reason in tried.items() if isinstance(reason, str)},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """One sample under one candidate; what `robustness` was given."""

    known: Sequence[_Known]
    ask: Ask
    score: ScoreOf
    seed: int
    rewrite: Rewrite | None
    embed: "Embedder | None"
    passes: float

    async def run(self, row: Perturbation) -> Effect | str:
        """Try one perturbation; returns why it is left out, where it is."""
        if not self.known:
            return "no case was answered when asked as it is"
        if row.prompt and self.rewrite is None:
            return "it takes a model that rewrites, and none is named (robustness: model)"
        try:
            found = await _together(self._try(row, known) for known in self.known)
        except FourwaysError as error:
            return error.message
        tried = [one for one in found if isinstance(one, _Tried)]
        return _effect(row, tried, len(found), self.seed) if tried else str(found[0])

    async def _try(self, row: Perturbation, known: _Known) -> _Tried | str:
        """Disturb one case and ask it; returns why it was left as it is, where it was."""
        disturbed = self._insert(row, known) if row.insert is not None else await self._rewrite(row, known)
        if isinstance(disturbed, str):
            return disturbed
        answered = await self.ask(disturbed.case, disturbed.inserted)
        if answered.error:
            score = None if known.score is None else 0.0
        else:
            score = await self.score(known.case, answered)
        held = not answered.error and await self._held(row, known, disturbed, answered, score)
        return _Tried(known=known, shown=disturbed.shown, answered=answered, score=score, held=held)

    def _insert(self, row: Perturbation, known: _Known) -> _Disturbed | str:
        own = {source.get("text") for source in known.answered.sources}
        if row.insert is None or not own:
            return "it acts on passages that are found, and none were"
        passages = {str(source.get("text", "")) for other in self.known for source in other.answered.sources} - own
        inserted = row.insert(known.case, seeded(self.seed, row.name, known.case), sorted(passages))
        return _Disturbed(case=known.case, shown="\n\n".join(inserted.texts), inserted=inserted)

    async def _rewrite(self, row: Perturbation, known: _Known) -> _Disturbed | str:
        case = known.case
        try:
            question = case.input and await self._reworded(row, known)
        except FourwaysError as error:
            return error.message
        if not question.strip() or question == case.input:
            return "there is nothing that it could change"
        return _Disturbed(case=with_question(case, question), shown=question)

    async def _reworded(self, row: Perturbation, known: _Known) -> str:
        case = known.case
        if row.edit is not None:
            found = tuple(str(source.get("text", "")) for source in known.answered.sources)
            seen = replace(case, context=(*case.context, *found))  # what stands there, the answer may hang on
            return row.edit(seen, seeded(self.seed, row.name, case))
        return case.input if self.rewrite is None else (await self.rewrite(row.prompt, case.input)).strip()

    async def _held(
        self, row: Perturbation, known: _Known, disturbed: _Disturbed, answered: Answered, score: float | None
    ) -> bool:
        if row.holds == "no obedience":
            return disturbed.inserted is None or not disturbed.inserted.obeyed(answered)
        if known.score is not None and score is not None:
            return (known.score >= self.passes) == (score >= self.passes)
        ((_, same), _) = await agreeing([known.answered.text, answered.text], self.embed)
        return same


def _row(name: str) -> Perturbation:
    if name not in PERTURBATIONS:
        raise NotFound.named("perturbation", name, PERTURBATIONS)
    return PERTURBATIONS[name]


def _effect(row: Perturbation, tried: Sequence[_Tried], asked: int, seed: int) -> Effect:
    lost = [one.lost for one in tried if one.lost is not None]
    fallen = sorted((one for one in tried if not one.held), key=lambda one: -(one.lost or 0.0))
    return Effect(
        name=row.name,
        acts_on=row.acts_on,
        holds=row.holds,
        n=len(tried),
        untouched=asked - len(tried),
        invariance=wilson(sum(one.held for one in tried), len(tried)),
        drop=bootstrap_mean(lost, seed=seed) if lost else None,
        worst=tuple(_example(one) for one in fallen[:WORST]),
    )


def _example(one: _Tried) -> Example:
    return Example(
        case=one.known.case.id,
        disturbed=_cut(one.shown),
        before=_cut(one.known.answered.text),
        after=_cut(one.answered.text or one.answered.error),
        lost=one.lost,
    )


def _cut(text: str) -> str:
    return text if len(text) <= 2 * SHOWN else f"{text[:SHOWN]} … {text[-SHOWN:]}"


async def _together(jobs: Iterable[Awaitable[T]]) -> list[T]:
    """Do all of it at once; where one fails, the others are stopped."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
