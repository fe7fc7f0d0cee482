"""Ways of one app side by side on the same cases: what was measured of each, how they differ, what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from fourways.core.ids import digest
from fourways.core.report import Estimate, Measure
from fourways.core.traits import Traits
from fourways.evals.comparing.advice import Advice
from fourways.evals.comparing.economics import BreakEven, Curve, Economy, Place
from fourways.evals.comparing.pairs import Versus

Group = Literal["quality", "speed", "tokens", "cost"]
UNITS: Mapping[str, Group] = {"": "quality", "s": "speed", "tokens": "tokens", "USD": "cost"}
"""Which group a metric is shown in, by its unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of building, timed.

    Attributes:
        name: in words: `ingest handbook`, `build rag`.
        detail: what came of it: `240 documents, 480 passages`.
    """

    name: str
    seconds: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What building a candidate took, from nothing where the comparison built it.

    Attributes:
        usd: seconds at the machine's hourly price, and whatever was paid besides.
        earlier: whether a part was there already (a knowledge that was up to date), so that the seconds are too few.
    """

    steps: tuple[Step, ...]
    usd: float
    earlier: bool = False

    @property
    def seconds(self) -> float:
        """All steps."""
        return sum(step.seconds for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long answers take, asked one at a time, uncached, the ways taking turns.

    Attributes:
        first_p50, first_p95: seconds to the first token; None where none came by itself.
        whole_p50, whole_p95: seconds to the end.
        machine_seconds: of the whole machine that one answer kept busy, on the mean.
        how: how `machine_seconds` was found, in words.
        failed: answers that broke off; they are not among the seconds.
    """

    n: int
    first_p50: Estimate | None
    first_p95: Estimate | None
    whole_p50: Estimate
    whole_p95: Estimate
    machine_seconds: float
    how: str
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way of the app.

    Attributes:
        way: its name; unique in a comparison.
        candidate: its digest.
        model: the model that answers.
        report: the id of the evaluation's own report, with every case.
        measures: means over all cases, in the order in which they are to be shown; the primary first.
        robustness: what perturbations did: `Report.robustness`.
        cases, failed: how many were answered, how many of those broke off.
        stopped: why not all cases were asked; "" where all were.
        timing: None where nothing could be timed.
    """

    way: str
    candidate: str
    model: str
    traits: Traits
    build: Build
    report: str
    measures: tuple[Measure, ...]
    economy: Economy
    timing: Timing | None = None
    robustness: Mapping[str, Any] = field(default_factory=dict)
    cases: int = 0
    failed: int = 0
    stopped: str = ""

    @property
    def title(self) -> str:
        """As people call it."""
        return self.traits.rung.title

    def measure(self, metric: str) -> Measure | None:
        """Return one metric, None where it was not measured."""
        return next((measure for measure in self.measures if measure.metric == metric), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one way said to one case.

    Attributes:
        value: the primary metric's.
    """

    way: str
    text: str
    value: float | None
    passed: bool
    abstained: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A case that the ways answered unlike, for people to look at."""

    case: str
    input: str
    expected: str
    replies: tuple[Reply, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that the report of a comparison shows.

    Attributes:
        primary: the metric that counts first.
        arms: from the lowest rung upwards.
        versus: every two arms on every metric that both have, the one that is better on the primary first.
        contrasts: cases that were answered unlike.
        places: quality, cost a thousand answers, median seconds, and who is beaten all round.
        curves: monthly cost over traffic; ways whose price nobody knows are left out.
        break_evens: where two ways change places in the range of the curves, by traffic.
        traffic: answers a month that the facts expect; None where they do not say.
        facts: what the project file says, keys of `facts:`, JSON.
        assumptions: what the costs assume, in words, a sentence each.
        phases: what the comparison itself spent its time on.
        notes: what a reader should know: reused answers, a suite that was cut short.
        started_at: Unix seconds.
    """

    app: str
    description: str
    suite: str
    suite_digest: str
    cases: int
    primary: str
    arms: tuple[Arm, ...]
    versus: tuple[Versus, ...]
    contrasts: tuple[Contrast, ...]
    places: tuple[Place, ...]
    curves: tuple[Curve, ...]
    break_evens: tuple[BreakEven, ...]
    traffic: float | None
    facts: Mapping[str, Any]
    assumptions: tuple[str, ...]
    advice: Advice
    phases: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    started_at: float = 0.0

    @property
    def id(self) -> str:
        """A name of its own: candidates, suite and when."""
        name = [self.app, *(arm.candidate for arm in self.arms), self.suite_digest, self.started_at]
        return f"cmp_{digest(name)[:24]}"

    @property
    def seconds(self) -> float:
        """From beginning to end."""
        return sum(phase.seconds for phase in self.phases)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that any arm has, in the order in which they are to be shown."""
        return tuple(dict.fromkeys(measure.metric for arm in self.arms for measure in arm.measures))

    def arm(self, way: str) -> Arm:
        """Return one arm by its way."""
        return next(arm for arm in self.arms if arm.way == way)

    def against(self, metric: str, first: str, second: str) -> Versus | None:
        """Return how two ways differ on a metric, whichever stands first; None where it was not compared."""
        pair = {first, second}
        return next((one for one in self.versus if one.metric == metric and {one.first, one.second} == pair), None)


def group_of(measure: Measure) -> Group:
    """Return the group that a metric is shown in."""
    return UNITS.get(measure.unit, "quality")


def encode(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON."""
    plain: dict[str, Any] = msgspec.to_builtins(comparison, enc_hook=_plain)
    return plain


def decode(body: Mapping[str, Any]) -> Comparison:
    """Return the comparison that `encode` made JSON of; figures without a number may have become their names."""
    return msgspec.convert(dict(body), Comparison, strict=False)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value
    return dict(value) if isinstance(value, Mapping) else str(value)
