"""What an evaluation brings out: an answer with its scores for every case, and their means with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from fourways.core.ids import digest

Direction = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A measured figure with its interval.

    Attributes:
        low, high: of the 95 % interval, where nothing else is said.
        n: of how many cases.
        method: `wilson`, `bootstrap`, `order statistics`, ….
    """

    value: float
    low: float
    high: float
    n: int
    method: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One answer as it was given: all that scorers see of it, JSON throughout, so that it can be kept and reused.

    Attributes:
        text: the first choice's text; "" where it failed.
        citations: the places cited, with `quote`, `document`, `number`, `start`, `end`.
        sources: the passages it was given to rest on: `document`, `id`, `text`, `score`; empty without retrieval.
        abstained: whether it said that it could not answer.
        seconds, first_token: from the question to the end, to the first token; None for the second where none came.
        cost_usd: None where no price is known.
        error: what broke it off, "" where nothing did.
        finish: why it ended: stop, length ….
    """

    text: str = ""
    citations: tuple[Mapping[str, Any], ...] = ()
    sources: tuple[Mapping[str, Any], ...] = ()
    abstained: bool = False
    seconds: float = 0.0
    first_token: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    error: str = ""
    finish: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one scorer says of one answer.

    Attributes:
        metric: the scorer's name in the report.
        value: None where it could not be scored (no expectation to compare with, the judge failed).
        passed: against the threshold; None where there is none. False without a value: it had to hold and could not be
            scored.
        reason: for people.
    """

    metric: str
    value: float | None
    passed: bool | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """One case: asked once or several times, scored.

    Attributes:
        id: the case's, unique in its suite.
        answers: one for each repeat; the first is the one scored and shown.
        reused: whether the answers came from an earlier run of the same candidate on the same case.
        explanation: what the model said when asked why, on a miss.
    """

    id: str
    input: str
    expected: str = ""
    answers: tuple[Answered, ...]
    scores: tuple[Score, ...]
    reused: bool = False
    explanation: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def answer(self) -> Answered:
        """The answer that was scored."""
        return self.answers[0]

    @property
    def passed(self) -> bool:
        """Whether the answer came, and everything that had to hold held; where nothing had to, nothing is passed."""
        held = [score.passed for score in self.scores if score.passed is not None]
        return not self.answer.error and bool(held) and all(held)

    def score(self, metric: str) -> float | None:
        """Return a metric's value, None where it was not scored."""
        return next((score.value for score in self.scores if score.metric == metric), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One metric over a whole suite.

    Attributes:
        unit: "" for a share or a plain score in [0, 1], else `s`, `USD`, `tokens`.
        unscored: cases that the metric was asked of and could not score.
    """

    metric: str
    estimate: Estimate
    direction: Direction = "higher"
    unit: str = ""
    unscored: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came out of one candidate on one suite.

    Attributes:
        app, way, candidate: whose; `candidate` is a digest, "" for a model asked directly.
        model: the name that was asked.
        suite: the suite's name; `suite_digest` names its cases and how they are scored.
        pins: what else the answers depended on: snapshots of knowledge by name, the machine.
        results: a result a case, in the suite's order.
        measures: means over cases, by metric, in the order in which they are to be shown.
        robustness: what perturbations did, by name: JSON of `evals/robustness`.
        stopped: why not all cases were asked ("" where all were): the budget, the user.
        started_at: Unix seconds; `seconds` from beginning to end, `at_once` questions being under way together.
        cost_usd: spent on answers and judges in this run, reused answers not counted.
    """

    app: str
    way: str
    candidate: str
    model: str
    suite: str
    suite_digest: str
    results: tuple[CaseResult, ...]
    measures: tuple[Measure, ...]
    pins: Mapping[str, Any] = field(default_factory=dict)
    robustness: Mapping[str, Any] = field(default_factory=dict)
    stopped: str = ""
    started_at: float = 0.0
    seconds: float = 0.0
    at_once: int = 1
    cost_usd: float = 0.0

    @property
    def id(self) -> str:
        """A name of its own: candidate, suite and when."""
        name = [self.model, self.candidate, self.suite_digest, self.started_at]
        return f"rep_{digest(name)[:24]}"

    @property
    def passed(self) -> int:
        """How many cases passed."""
        return sum(result.passed for result in self.results)

    def measure(self, metric: str) -> Measure | None:
        """Return one metric, None where it was not measured."""
        return next((measure for measure in self.measures if measure.metric == metric), None)

    def values(self, metric: str) -> Mapping[str, float]:
        """Return one metric's values by case: what two candidates are compared on, pair by pair."""
        found = {result.id: result.score(metric) for result in self.results}
        return {case: value for case, value in found.items() if value is not None}


def by_metric(results: Sequence[CaseResult]) -> Mapping[str, list[Score]]:
    """Gather the scores of all cases by metric, in the order in which metrics first appear."""
    gathered: dict[str, list[Score]] = {}
    for result in results:
        for score in result.scores:
            gathered.setdefault(score.metric, []).append(score)
    return gathered
