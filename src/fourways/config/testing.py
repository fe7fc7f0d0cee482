"""The part of the project file that says how an app is measured: cases, what they assert, how they are asked."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from fourways.config.node import Duration, Node, Probability


class Assert(Node):
    """One expectation of an answer, in promptfoo's shape; the scorers are listed in docs/evaluate.md."""

    type: str
    """Which scorer: exact, contains, regex, choice, yes_no, json_schema, numeric, token_f1, rouge_l, judge …"""
    value: Any = None
    """What it compares with; the case's expected output where not given."""
    threshold: float | None = None
    """From which value on it passes (up to which, for what is better when lower); the scorer's own where not given."""
    metric: str | None = None
    """Its name in reports; the type where not given."""
    model: str | None = None
    """For judges and other scorers that ask a model: which."""
    options: dict[str, Any] = {}
    """Other settings of the scorer."""


class CaseNode(Node):
    """One test case."""

    id: str | None = None
    """Names it in reports; made from its place where not given."""
    input: str | list[dict[str, Any]] | None = None
    """The question, or a conversation as on OpenAI's wire; `vars.question` (or `prompt`, `input`) in its place."""
    expected_output: str | list[str] | None = None
    """The right answer, or several that are equally right."""
    context: str | list[str] | None = None
    """Text that the answer should rest on."""
    vars: dict[str, Any] = {}
    """Values for the prompt's template, as promptfoo has them."""
    assert_: list[Assert] = Field(default=[], alias="assert")
    """What must hold of the answer; the suite's own come on top."""
    metadata: dict[str, Any] = {}
    """Anything else: `document` (the right one), `answerable`, `labels` (to ask with), `kind`."""


class Split(Node):
    """Parting one set of cases into those for tuning and those for testing."""

    testing: Probability = 0.5
    """The share kept for testing."""
    seed: int = 0
    """Another seed, another parting; the same case always falls on the same side."""
    by: str | None = None
    """A key of the metadata (a document, a customer): its cases stay on one side."""


class Robustness(Node):
    """Asking again with the input disturbed."""

    perturbations: list[str] = []
    """Which: typos, casing, punctuation, paraphrase, synonyms, swap, distractors, injection, language, prefix …"""
    sample: int = Field(default=30, ge=1)
    """Cases disturbed, at most."""
    seed: int = 0
    """Another seed, other disturbances."""
    model: str | None = None
    """The model that paraphrases and translates; where none is given, the report says those were left out."""


def _as_node(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
    """Read a bare list: strings are files, mappings are cases."""
    if not isinstance(value, list):
        return value
    return {
        "files": [item for item in value if isinstance(item, str)],
        "cases": [item for item in value if not isinstance(item, str)],
    }


class TestsNode(Node):
    """An app's test suite."""

    __test__ = False

    files: list[str] = []
    """Files of cases (JSONL, YAML, CSV, promptfoo's), relative to the project; globs too."""
    cases: list[CaseNode] = []
    """Cases given here."""
    tuning: list[str] = []
    """Files of cases for trying things out. No test case may be among them, not even nearly."""
    assert_: list[Assert] = Field(default=[], alias="assert")
    """What must hold of every answer. Where neither this nor a case says anything, what fits the case is scored."""
    primary: str = "passed"
    """The metric that counts first in comparisons: `passed` is the share of cases in which everything held."""
    split: Split | None = None
    """Part the files' cases into tuning and testing ones; all are for testing where not given."""
    repeat: int = Field(default=1, ge=1, le=100)
    """How often each case is asked; repeats are scored for agreement."""
    temperature: float | None = 0.0
    """Sent with every question; null leaves the candidate's own."""
    at_once: int = Field(default=4, ge=1, le=256)
    """Questions under way together."""
    timeout: Duration = timedelta(minutes=2)
    """For one answer."""
    budget_usd: float | None = Field(default=None, ge=0)
    """What one run may spend; it stops there and says so."""
    explain: bool = False
    """Whether the model is asked to explain itself where it missed."""
    judge: str | None = None
    """The model that judges, where an assertion names none."""
    calibration: list[str] = []
    """Files of answers that people judged (`input`, `answer`, `good`): a judge gates only once it agrees with them."""
    robustness: Robustness | None = None
    """Ask some cases again, disturbed."""


Tests = Annotated[TestsNode, BeforeValidator(_as_node, json_schema_input_type=list[str | CaseNode] | TestsNode)]


class Facts(Node):
    """What nothing can measure yet, said by people: used where the measurements leave the choice of a way open."""

    instructions: int | None = Field(default=None, ge=0)
    """Question-and-answer pairs in hand that could be tuned on."""
    corpus_tokens: int | None = Field(default=None, ge=0)
    """Tokens of text of the domain in hand."""
    data_quality: Literal["poor", "fair", "good"] | None = None
    """How clean, balanced and to the point that data is."""
    changes_every: Duration | None = None
    """How often what the answers rest on changes."""
    personal_data: bool | None = None
    """Whether it holds data of persons, who may ask to be forgotten."""
    regulated: bool | None = None
    """Whether a regulator watches (finance, health)."""
    may_leave_network: bool | None = None
    """Whether questions and documents may be sent to a service outside the company."""
    accuracy_needed: Probability | None = None
    """The share of right answers below which it is of no use."""
    seconds_allowed: float | None = Field(default=None, gt=0)
    """How long a person waits for an answer, at the 95th percentile."""
    domain: Literal["general", "specific", "frontier"] | None = None
    """How far the subject is from what general models know."""
    expertise: list[Literal["prompting", "ml", "distributed"]] = []
    """What the team can do: write prompts, train models, run clusters."""
    budget_usd: float | None = Field(default=None, ge=0)
    """To build it."""
    monthly_budget_usd: float | None = Field(default=None, ge=0)
    """To run it."""
    requests_per_month: float | None = Field(default=None, ge=0)
    """Traffic that is expected."""
    gpus: int | None = Field(default=None, ge=0)
    """Accelerators at hand."""
    machine_usd_per_hour: float = Field(default=0.20, ge=0)
    """What an hour of this machine costs: local seconds become money by it."""
