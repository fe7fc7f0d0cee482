"""What is to be trained and how: the methods, what a job is made of, and the FLOPs it takes."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fourways.core.errors import InvalidRequest, NotFound
from fourways.training.planning.figures import GIVEN, Figure
from fourways.training.planning.memory import Checkpointing, Held, Load, Shape

CHINCHILLA = Figure(low=20, likely=20, high=41, source="20 a parameter (Hoffmann) to 41 (Llama 3)")
"""Tokens a parameter at which a budget of computing buys the best model; one that is to be served much may see more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """What distinguishes a way to train, for its cost.

    Attributes:
        what: for people.
        passes: how often each weight is multiplied with each token: forward, gradient of its input, and, where it is
            trained, gradient of the weight itself; 2 FLOPs each. Hence 6·N·D for all weights (Kaplan et al. 2020), and
            4·N·D where they are frozen: the gradient still has to pass through them to the adapters below.
        adapters: whether only low-rank adapters are trained.
        held: what stands in memory.
        utilisation: share of the hardware's peak that is reached, what is computed once more counted in.
        checkpointing: what is usual.
        tokens: a parameter, where no number of tokens is given; None where there is no such rule.
    """

    what: str
    passes: int
    adapters: bool
    held: Callable[[float, Shape, int], Held]
    utilisation: Figure
    checkpointing: Checkpointing
    tokens: Figure | None = None


_QWEN = "speeds published for an A100, 512 tokens and more (Qwen)"
METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "pretrain": Method(
            what="pretraining",
            passes=3,
            adapters=False,
            held=Held.all_trained,
            utilisation=Figure(
                low=0.30,
                likely=0.40,
                high=0.55,
                source="BloombergGPT 32 %, Llama 3 38 to 43 %, PaLM 46 %, LLaMA 43 to 51 %",
            ),
            checkpointing="selective",
            tokens=CHINCHILLA,
        ),
        "full": Method(
            what="full fine-tuning",
            passes=3,
            adapters=False,
            held=Held.all_trained,
            utilisation=Figure(low=0.10, likely=0.35, high=0.60, source=_QWEN),
            checkpointing="full",
        ),
        "lora": Method(
            what="LoRA",
            passes=2,
            adapters=True,
            held=Held.adapted,
            utilisation=Figure(low=0.15, likely=0.45, high=0.60, source=_QWEN),
            checkpointing="full",
        ),
        "qlora": Method(
            what="QLoRA",
            passes=2,
            adapters=True,
            held=Held.quantised,
            utilisation=Figure(low=0.10, likely=0.35, high=0.55, source=f"{_QWEN}; unpacking takes time"),
            checkpointing="full",
        ),
    }
)


COUNTED = ("parameters", "tokens", "epochs", "context", "micro_batch", "rank", "layers", "hidden", "vocabulary")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be trained.

    Attributes:
        parameters: of the model, all of them.
        tokens: of the training set; None for the method's rule.
        epochs: how often each is seen.
        context: tokens a sequence; attention's cost grows with it.
        micro_batch: sequences that a GPU works on at a time.
        rank: of the adapters.
        checkpointing: None for what is usual; the range then says what full recomputation would cost.
        attention: count the FLOPs of attention over the context, not only those of the weights.
        layers, hidden: guessed from the parameters where None.
        vocabulary: entries of the embedding.

    Raises:
        NotFound: there is no such method.
        InvalidRequest: a figure is out of its bounds.
    """

    method: str
    parameters: float
    tokens: float | None = None
    epochs: float = 1.0
    context: int = 2048
    micro_batch: int = 1
    rank: int = 16
    checkpointing: Checkpointing | None = None
    attention: bool = True
    layers: int | None = None
    hidden: int | None = None
    vocabulary: int = 128_000

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise NotFound.named("method", self.method, METHODS)
        if self.checkpointing not in {None, "none", "selective", "full"}:
            raise NotFound.named("checkpointing", str(self.checkpointing), ("none", "selective", "full"))
        for name in COUNTED:
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InvalidRequest(f"{name} is {value}; right would be above 0", param=name)
        if self.tokens is None and METHODS[self.method].tokens is None:
            msg = (
                f"{METHODS[self.method].what} takes the tokens of your data: there is no rule for how many; give tokens"
            )
            raise InvalidRequest(msg, param="tokens")

    @property
    def how(self) -> Method:
        """The method's row of the table."""
        return METHODS[self.method]

    @property
    def shape(self) -> Shape:
        """The shape that was given, or one guessed from the size."""
        guessed = Shape.guessed(self.parameters, self.vocabulary)
        return Shape(
            layers=self.layers or guessed.layers, hidden=self.hidden or guessed.hidden, vocabulary=self.vocabulary
        )

    @property
    def kept(self) -> Checkpointing:
        """The checkpointing that memory and the likely FLOPs are computed for."""
        return self.checkpointing or self.how.checkpointing

    @property
    def load(self) -> Load:
        """What it puts into memory."""
        return Load(
            held=self.how.held(self.parameters, self.shape, self.rank),
            shape=self.shape,
            context=self.context,
            micro_batch=self.micro_batch,
            checkpointing=self.kept,
        )


def tokens_of(job: Job) -> Figure:
    """Return the tokens that are seen in training: those given times the epochs, or the method's rule."""
    if job.tokens is None:
        rule = job.how.tokens or CHINCHILLA
        return rule.scaled(job.parameters * job.epochs, rule.source)
    source = GIVEN if job.epochs == 1 else f"{job.tokens:,.0f} × {job.epochs:g} epochs, given"
    return Figure.exactly(job.tokens * job.epochs, source)


def flops_of(job: Job, tokens: Figure) -> Figure:
    """Return the FLOPs of training.

    Low: the weights alone, 2·passes·N·D: 6·N·D (Kaplan et al. 2020, Hoffmann et al. 2022), 4·N·D with frozen weights,
    and 6 for each parameter of an adapter. Likely: besides, attention over the causal half of the context, forward and
    twice backward, 3·2·layers·context·hidden·D, and what checkpointing computes once more. High: attention without
    the causal saving, as PaLM counts it (Chowdhery et al. 2022), and all of the forward pass once more, unless the
    job says otherwise.
    """
    shape, passes = job.shape, job.how.passes
    once = 2.0 * job.parameters
    adapters = 6.0 * shape.adapter(job.rank) if job.how.adapters else 0.0
    attention = 2.0 * shape.layers * job.context * shape.hidden if job.attention else 0.0
    weights = passes * once + adapters
    worst = job.checkpointing or "full"
    per_token = Figure(
        low=weights,
        likely=weights + 3 * attention + _again(job.kept, once, attention),
        high=weights + 6 * attention + _again(worst, once, 2 * attention),
        source="",
    )
    formula = f"{2 * passes}·N·D"
    more, named = (" + adapters", "Kaplan, Hu") if adapters else ("", "Kaplan, Hoffmann")
    again = f", {2 * passes + 2}·N·D where the forward pass is computed again" if worst == "full" else ""
    return per_token.times(tokens, f"{formula}{more} ({named}) + attention{again}")


def _again(checkpointing: Checkpointing, once: float, attention: float) -> float:
    """Return the FLOPs a token that are computed a second time."""
    return {"none": 0.0, "selective": attention, "full": once + attention}[checkpointing]
