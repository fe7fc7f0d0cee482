"""The part of the project file that says how a candidate comes to people: gate, approval, canary, flags."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from fourways.config.node import Duration, Node, Probability


class Rule(Node):
    """One rule of the gate: a bound on a metric, or a comparison with what is live."""

    metric: str
    """A metric of the report: passed, token_f1, groundedness, latency_p95, cost …"""
    at_least: float | None = None
    """Its floor."""
    at_most: float | None = None
    """Its ceiling."""
    not_worse_than_live: float | None = Field(default=None, ge=0)
    """By how much it may be worse than live: the 95 % bound of the paired difference must lie within."""
    confident: bool = False
    """Whether the interval's near end must be within the bound, not only the figure itself."""

    @model_validator(mode="after")
    def _says_something(self) -> "Rule":
        if self.at_least is self.at_most is self.not_worse_than_live is None:
            raise ValueError("a rule needs at_least, at_most or not_worse_than_live")
        return self


class Gate(Node):
    """What a candidate must show before anyone meets it."""

    rules: list[Rule] = [
        Rule(metric="passed", at_least=0.5),
        Rule(metric="passed", not_worse_than_live=0.05),
        Rule(metric="errors", at_most=0.01),
    ]
    """All of them must hold; what could not be measured does not hold."""
    pinned: list[str] = []
    """Ids of cases that must pass wherever live passes them; `*` means every one."""


def _as_gate(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
    """Read a bare list: its rules."""
    return {"rules": value} if isinstance(value, list) else value


GateNode = Annotated[Gate, BeforeValidator(_as_gate, json_schema_input_type=list[Rule] | Gate)]
"""A gate, or its rules alone."""


class Step(Node):
    """One step of a canary, in Argo Rollouts' words: `{setWeight: 25}`, `{pause: 10m}`, `{analysis: {}}`."""

    set_weight: float | None = Field(default=None, ge=0, le=100, alias="setWeight")
    """Per cent of the users that meet the canary from here on."""
    pause: Duration | None = None
    """How long to stay here at least."""
    analysis: dict[str, Any] | None = None
    """Stay until the evidence suffices; empty braces."""

    @model_validator(mode="after")
    def _is_one(self) -> "Step":
        if sum(part is not None for part in (self.set_weight, self.pause, self.analysis)) != 1:
            raise ValueError("a step is one of {setWeight: PER CENT}, {pause: DURATION}, {analysis: {}}")
        return self


class Analysis(Node):
    """What a canary is judged by, on live answers."""

    requests: int = Field(default=600, ge=10)
    """Canary answers at which the last of the looks is taken."""
    looks: int = Field(default=5, ge=1, le=20)
    """Looks at which it may be found worse; between them only the e-process may abort."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """The chance that a canary as good as live is aborted."""
    minimum: int = Field(default=100, ge=1)
    """Canary answers before which nothing is promoted."""
    max_error_increase: Probability = 0.02
    """The 95 % bound of the increase in errors must lie within."""
    max_latency_ratio: float = Field(default=1.5, gt=1)
    """Median seconds of an answer, canary to live."""
    max_thumbs_drop: Probability = 0.15
    """In the share of thumbs that point up."""
    max_intervention_increase: Probability = 0.05
    """In the share of answers in which a guard stepped in."""
    max_quality_drop: Probability = 0.10
    """In the judge's mean score, and in the paired replay's."""
    judge: str | None = None
    """A model that scores a sample of live answers; none where not given."""
    sample: Probability = 0.1
    """The share of answers judged."""
    shadow: int = Field(default=0, ge=0, le=1000)
    """Recent questions of live's users that are put to the canary too, off the request path, and compared in pairs."""


class Canary(Node):
    """How a release meets more and more people."""

    steps: list[Step] = [
        Step(setWeight=5),
        Step(pause=timedelta(minutes=10)),
        Step(setWeight=25),
        Step(pause=timedelta(minutes=10)),
        Step(setWeight=50),
        Step(analysis={}),
    ]
    """Taken in order. After the last, a canary that was found sound becomes live."""
    hold: Duration = timedelta(0)
    """How long it must have been found sound before it becomes live."""
    analysis: Analysis = Analysis()


class Flag(Node):
    """A release for some before all: these keys, tenants or users, or a share of everybody."""

    release: str
    """`r3`, `canary`, `staging`."""
    keys: list[str] = []
    """Ids of API keys: `fourways key list` shows them."""
    users: list[str] = []
    """Users, as clients name them."""
    tenants: list[str] = []
    """Tenants, by the name that their keys carry."""
    percent: float | None = Field(default=None, ge=0, le=100)
    """Per cent of the users, sticky."""


class Release(Node):
    """How this app's candidates are released."""

    gate: GateNode = Gate()
    approval: Literal["none", "one", "two"] = "one"
    """Who must approve: nobody, a person, or two different people."""
    canary: Canary = Canary()
    flags: list[Flag] = []
    """Tried in order; the first that fits decides."""
    stages: dict[Literal["staging", "production"], "StageNode"] = {}
    """What differs in a stage."""


class StageNode(Node):
    """What differs in one stage; what is not given is as for the app."""

    gate: GateNode | None = None
    approval: Literal["none", "one", "two"] | None = None
    """Who must approve there."""
    canary: Canary | None = None
