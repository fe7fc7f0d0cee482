"""Whether a judge may gate: its agreement with people on answers that they judged, beyond chance."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fourways.core.report import Answered, Estimate
from fourways.evals.cases import Assertion, Case
from fourways.evals.scorers.base import Scorer, Tools
from fourways.evals.scorers.wanted import written
from fourways.evals.sheets import Place, Row
from fourways.evals.statistics import RESAMPLES, cohen_kappa, wilson

SUBSTANTIAL = 0.6
"""The kappa from which a judge may gate: where "substantial" begins (Landis and Koch 1977, Biometrics 33:159-174)."""
FEWEST = 30
"""Labelled answers it takes: with fewer, kappa's interval is wider than the steps of that scale."""
UNJUDGED = 0.1
"""The share of them that the judge may give no verdict on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """An answer that a person judged."""

    question: str
    answer: str
    good: bool
    expected: tuple[str, ...] = ()


Judge = Callable[[Labelled], Awaitable[bool | None]]
"""Says whether an answer is good, without the label; None where it gives no verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What a judge and people say of the same answers.

    Attributes:
        n: answers that both judged; `unjudged` are those on which the judge gave no verdict.
        agreement: the share on which they say the same.
        kappa: the same beyond what chance would give (Cohen 1960); None where one of them says the same of all.
        lenient, strict: answers that the judge alone found good, and bad.
    """

    n: int
    unjudged: int
    agreement: Estimate
    kappa: Estimate | None
    lenient: int
    strict: int

    @property
    def usable(self) -> bool:
        """Whether the judge may gate; if not, it is reported and decides nothing."""
        return not self.reason

    @property
    def reason(self) -> str:
        """Why it may not gate, "" where it may.

        Agreement alone would not do: where nine answers in ten are good, a judge that says good of all agrees on 90 %
        and knows nothing. Kappa gives it 0. A judge that gates unseen would ship its own taste.
        """
        if self.n < FEWEST:
            return f"{self.n} labelled answers were judged; it takes {FEWEST}"
        if self.unjudged > UNJUDGED * (self.n + self.unjudged):
            return f"it gave no verdict on {self.unjudged} of {self.n + self.unjudged} answers"
        if self.kappa is None:
            return "people, or the judge, say the same of every answer: label good ones and bad ones"
        kappa = self.kappa
        if kappa.value < SUBSTANTIAL:
            return f"kappa is {kappa.value:.2f} ({kappa.low:.2f} to {kappa.high:.2f}); {SUBSTANTIAL} is asked"
        return ""


async def calibrate(labelled: Sequence[Labelled], judge: Judge) -> Calibration:
    """Hold a judge against people.

    Args:
        labelled: answers with people's word; both good and bad ones, of the kind that will be judged.
        judge: asked of each in turn; `by_scorer` makes one of a scorer.
    """
    said = [await judge(one) for one in labelled]
    pairs = [(one.good, good) for one, good in zip(labelled, said, strict=True) if good is not None]
    people, judged = [good for good, _ in pairs], [good for _, good in pairs]
    both = len(set(people)) > 1 and len(set(judged)) > 1
    return Calibration(
        n=len(pairs),
        unjudged=len(labelled) - len(pairs),
        agreement=wilson(sum(one == other for one, other in pairs), len(pairs)),
        kappa=kappa_estimate(people, judged) if both else None,
        lenient=sum(good and not person for person, good in pairs),
        strict=sum(person and not good for person, good in pairs),
    )


def kappa_estimate(people: Sequence[bool], judged: Sequence[bool], *, seed: int = 0) -> Estimate:
    """Estimate kappa with its percentile bootstrap interval (Efron 1979).

    Resampling pairs is drawing their four kinds from a multinomial. Draws in which one side says the same of all have
    no kappa and are left out.
    """
    kinds = [(one, other) for one in (True, False) for other in (True, False)]
    pairs = list(zip(people, judged, strict=True))
    shares = [pairs.count(kind) / len(pairs) for kind in kinds]
    drawn = np.random.default_rng(seed).multinomial(len(pairs), shares, size=RESAMPLES) / len(pairs)
    good, judged_good = drawn[:, 0] + drawn[:, 1], drawn[:, 0] + drawn[:, 2]
    chance = good * judged_good + (1 - good) * (1 - judged_good)
    sound = (good > 0) & (good < 1) & (judged_good > 0) & (judged_good < 1)
    kappas = (drawn[sound, 0] + drawn[sound, 3] - chance[sound]) / (1 - chance[sound])
    value = cohen_kappa(people, judged)
    low, high = (float(edge) for edge in np.quantile(kappas, (0.025, 0.975))) if len(kappas) else (-1.0, 1.0)
    return Estimate(value=value, low=min(low, value), high=max(high, value), n=len(pairs), method="bootstrap")


def by_scorer(scorer: Scorer, asked: Assertion, tools: Tools) -> Judge:
    """Return a judge that finds an answer good where the scorer passes it."""

    async def judge(one: Labelled) -> bool | None:
        question = {"role": "user", "content": one.question}
        case = Case(id="labelled", messages=(question,), expected=one.expected)
        return (await scorer.score(case, [Answered(text=one.answer)], asked, tools)).passed

    return judge


def read_labelled(rows: Iterable[Row]) -> tuple[Labelled, ...]:
    """Read labelled answers: rows of `input`, `answer`, `good` and, where there is one, `expected_output`.

    Raises:
        InvalidSuite: a row lacks one of them, or `good` is neither yes nor no.
    """
    return tuple(_labelled(row.value, row.place) for row in rows)


def _labelled(row: Mapping[str, Any], place: Place) -> Labelled:
    missing = [name for name in ("input", "answer", "good") if row.get(name) in (None, "")]
    if missing:
        raise place.wrong(f"a labelled answer has no {', '.join(missing)}")
    good = GOOD.get(str(row["good"]).strip().lower())
    if good is None:
        raise place.wrong(f"good is {row['good']!r}; right would be true or false")
    expected = row.get("expected_output")
    several = expected if isinstance(expected, list | tuple) else (expected,)
    return Labelled(
        question=str(row["input"]),
        answer=str(row["answer"]),
        good=good,
        expected=tuple(written(one) for one in several if one not in (None, "")),
    )


GOOD: Mapping[str, bool] = {
    **dict.fromkeys(("true", "yes", "1", "1.0", "good", "y"), True),
    **dict.fromkeys(("false", "no", "0", "0.0", "bad", "n"), False),
}
