"""The part of the project file that says how an app can be answered: its ways, and what each takes."""

from typing import Any, Literal

from pydantic import Field

from fourways.config.node import Name, Node

Method = Literal["sft", "dpo", "kto", "distill"]
SMALL, READER = "fourways-small", "fourways-reader"
PACKAGED = (SMALL, READER)
"""The weights that travel in the package: a decoder, and a reader, which quotes from what it is shown."""

# ---------------------------------------------------------------- what the ways share


class Example(Node):
    """A question with its answer, shown to the model before the question (few-shot)."""

    input: str
    """The question."""
    output: str
    """Its answer."""


class Examples(Node):
    """Which examples stand before the question."""

    cases: list[Example] = []
    """Examples given here; those of the file come after them."""
    file: str | None = None
    """JSONL or YAML of {input, output}, relative to the project."""
    nearest: int | None = Field(default=None, ge=1, le=50)
    """Only the k nearest to the question, by meaning; all of them, in order, where not given."""


class Prompted(Node):
    """What any way may put before a question."""

    system: str | None = None
    """The system text, as a Jinja template."""
    template: str | None = None
    """A file of that template instead, relative to the project: prompts/helpdesk.j2."""
    examples: Examples = Examples()
    variables: dict[str, Any] = {}
    """Values for the template; a request's own go before them."""
    output_schema: dict[str, Any] | None = None
    """JSON Schema that answers must follow, sent as response_format."""
    options: dict[str, Any] = {}
    """Options of decoding: temperature, max_tokens, seed …; a request's own go before them."""


class Finding(Node):
    """How passages are found and handed on."""

    snapshot: int | Literal["latest"] = "latest"
    """A numbered snapshot, or whatever is newest."""
    limit: int | None = Field(default=None, ge=1, le=100)
    """Passages handed to the model; the knowledge's own limit where not given."""
    context_tokens: int = Field(default=3000, ge=100)
    """Budget for passages, in tokens."""
    min_score: float | None = Field(default=None, ge=-1, le=1)
    """Abstain below this strength of retrieval; the measured default where not given, -1 for never."""
    condense: bool = True
    """Whether earlier turns are condensed into the search query."""
    abstain_text: str = "I could not find this in the documents I was given."
    """Said when nothing found is strong enough."""


class Weighted(Finding, Prompted):
    """What a way that trains weights takes, whichever it is."""

    knowledge: str | None = None
    """Passages of it are found and put before each question, in training as in answering: a tuned reader."""
    seed: int = 1
    """Another seed, other weights; the same one, the same weights."""
    quantize: Literal["none", "int8", "int4"] = "none"
    """Whether the result is held in fewer bits; what that loses is measured and stands in the card."""
    report_to: list[Literal["tensorboard", "mlflow", "wandb", "comet"]] = []
    """Where curves go besides the terminal and `.fourways/runs`."""
    processes: int = Field(default=1, ge=1)
    """Processes that train together, each on its share of the rows."""
    launch: Literal["local", "ray"] = "local"
    """Where it runs: this machine, or the Ray cluster of RAY_API_SERVER_ADDRESS (else of this machine)."""


# ---------------------------------------------------------------- the four


class PromptWay(Prompted):
    """Way 1: a model prompted with instructions and examples."""

    model: str | None = None
    """A named model, `provider/model`, `fourways-reader`, `fourways-small`, `extractive`, `echo`; the ambient choice
    where not given."""


class RagWay(Finding, PromptWay):
    """Way 2: passages of a knowledge are found, and the model answers from them."""

    knowledge: str
    """Which knowledge."""


class FinetuneWay(Weighted):
    """Way 3: a model tuned on datasets; the names of its keys are axolotl's where it has them."""

    base_model: str | None = None
    """What is tuned: `fourways-reader` or `fourways-small` (in the package), a folder of safetensors, or a hub's name
    (`org/name`); where not given, the reader for a way that learns to answer (sft) from passages (knowledge), else the
    small one."""
    datasets: list[Name] = Field(min_length=1)
    """What it is tuned on: names under `datasets:`."""
    general: Name | None = None
    """A dataset of general cases, asked before and after: what was forgotten."""
    method: Method = "sft"
    """Answers to imitate (sft), preferences (dpo), thumbs (kto), or a larger model's answers (distill)."""
    teacher: str | None = None
    """For distill: a folder, or a hub's name."""
    adapter: Literal["lora", "qlora", "full"] | None = None
    """Low-rank matrices beside the weights, the same on a base in four bits, or all weights; lora where not given, and
    full for a base that reads."""
    lora_r: int | None = Field(default=None, ge=1, le=1024)
    """Rank of the low-rank matrices; by the method's table where not given."""
    lora_alpha: float = Field(default=32.0, gt=0)
    """Their scale: they count alpha / r."""
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of their inputs left out while training."""
    lora_target_modules: list[str] = []
    """Names of the matrices that get them; every linear one where not given."""
    learning_rate: float | None = Field(default=None, gt=0)
    """At its highest; by the method's table where not given."""
    num_epochs: float | None = Field(default=None, gt=0)
    """Passes over the rows; by the method's table where not given."""
    max_steps: int | None = Field(default=None, ge=1)
    """Steps at most, whatever the epochs."""
    micro_batch_size: int | None = Field(default=None, ge=1)
    """Rows a step; by the method's table where not given."""
    sequence_len: int | None = Field(default=None, ge=16)
    """Tokens of a row at most; longer ones are cut. What the base reads, where not given."""
    sample_packing: bool = True
    """Whether short rows share a sequence."""
    warmup_ratio: float = Field(default=0.05, ge=0, lt=1)
    """Share of the steps in which the rate rises."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Pull of the weights towards zero."""
    early_stopping_patience: int = Field(default=3, ge=0)
    """Validations without a better loss before it stops; 0 goes on to the end."""
    rl_beta: float = Field(default=0.1, gt=0)
    """For dpo and kto: how close it is held to the base."""
    licence: str | None = None
    """The base's licence, where its own card states none: weights without one are not tuned."""

    @property
    def base(self) -> str:
        """What is tuned, whether somebody says so or not."""
        reads = self.method == "sft" and self.knowledge is not None and self.adapter in {None, "full"}
        return self.base_model or (READER if reads else SMALL)


class PretrainWay(Weighted):
    """Way 4: a model trained from scratch. One dial (size, minutes or usd; else the corpus) sets all the rest."""

    corpus: list[Name] = Field(min_length=1)
    """What it learns language from: names under `knowledge:` and `datasets:`."""
    instructions: list[Name] = []
    """Datasets of questions with answers, for the stage that makes an assistant of it."""
    preferences: Name | None = None
    """A dataset of preferences, for a last stage."""
    size: str | None = None
    """The dial as parameters: 2M, 124M."""
    minutes: float | None = Field(default=None, gt=0)
    """The dial as time on this machine."""
    usd: float | None = Field(default=None, gt=0)
    """The dial as money, at `facts.machine_usd_per_hour`."""
    overrides: dict[str, Any] = {}
    """Values in place of derived ones (`fourways train --dry-run` lists them): layers, hidden, vocabulary, batch …"""


class Ways(Node):
    """The ways an app can be answered; each is built, measured and served alike."""

    prompt: PromptWay | None = None
    rag: RagWay | None = None
    finetune: FinetuneWay | None = None
    pretrain: PretrainWay | None = None


WayName = Literal["prompt", "rag", "finetune", "pretrain"]
