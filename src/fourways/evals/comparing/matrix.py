"""Two questions at once: who runs the model, and how it gets at what the company knows. What is known of each cell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fourways.config.testing import Facts
from fourways.core.report import Estimate
from fourways.core.traits import LADDER, Traits
from fourways.evals.comparing.advice import Cell, Reason, Standing
from fourways.evals.comparing.rules import FACTS, HERE, S0, S1, S2, S4, ruled_out

SERVICE, OWN = "a service", "your own network"
HOSTINGS = (SERVICE, OWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What advice rests on of one way that was measured.

    Attributes:
        metric: the primary one; `quality` is its mean, better when higher unless `lower_is_better`.
        p95: seconds of a whole answer.
        monthly: US dollars at the expected traffic; None where no price is known.
        thousand: US dollars a thousand answers; None where no price is known.
        build_usd: what building it cost.
    """

    way: str
    metric: str
    quality: Estimate
    traits: Traits
    lower_is_better: bool = False
    p95: Estimate | None = None
    monthly: float | None = None
    thousand: float | None = None
    build_usd: float = 0.0

    @property
    def goodness(self) -> float:
        """The primary metric, better when higher."""
        return -self.quality.value if self.lower_is_better else self.quality.value

    @property
    def hosting(self) -> str:
        """Who runs the model."""
        return SERVICE if self.traits.service else OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What can be said of a cell before anything is measured."""

    says: str
    source: str
    hardly: bool = False


OFFERS: Mapping[tuple[str, str], Offer] = {
    (SERVICE, "prompt"): Offer(
        says="The quickest: least effort, good documentation and support; it knows nothing of the company.",
        source=S2,
    ),
    (SERVICE, "rag"): Offer(
        says="The service answers from passages found here; every question takes some of the documents out.",
        source=S2,
    ),
    (SERVICE, "finetune"): Offer(
        says="Some services tune a model for you (AWS Bedrock makes it easy), some offer no customization.",
        source=f"{S0}; {S2}",
    ),
    (SERVICE, "pretrain"): Offer(
        says="Hardly a service: a training company's project, of a few hundred thousand dollars at least.",
        source=S0,
        hardly=True,
    ),
    (OWN, "prompt"): Offer(
        says="An open model as it is: full control of system, data and updates; takes expertise and machines.",
        source=S2,
    ),
    (OWN, "rag"): Offer(
        says="An open model with passages found here: neither questions nor documents leave.",
        source=S2,
    ),
    (OWN, "finetune"): Offer(
        says="An open model (Llama, Falcon, Mistral) tuned with LoRA or QLoRA: GPUs, data, and training again.",
        source=S4,
    ),
    (OWN, "pretrain"): Offer(
        says="A model of your own: the highest quality in its domain, the most difficult and expensive.",
        source=f"{S0}; {S1}",
    ),
}

Worded = Callable[[Measured], str]
"""Says in a clause what was measured of a way."""


def matrix(arms: Sequence[Measured], facts: Facts, worded: Worded) -> tuple[Cell, ...]:
    """Return all cells, a service first, each row along the ladder; ways that stand on no rung come last."""
    ways = list(dict.fromkeys((*LADDER, *(arm.way for arm in arms))))
    return tuple(_cell(hosting, way, arms, facts, worded) for hosting in HOSTINGS for way in ways)


def _cell(hosting: str, way: str, arms: Sequence[Measured], facts: Facts, worded: Worded) -> Cell:
    here = next((arm for arm in arms if arm.way == way and arm.hosting == hosting), None)
    if here is not None:
        return Cell(hosting=hosting, way=way, standing="measured", says=worded(here), source=HERE)
    if hosting == SERVICE and facts.may_leave_network is False:
        says = "Data may not leave the network."
        return Cell(hosting=hosting, way=way, standing="ruled out", says=says, source=FACTS)
    against = ruled_out(facts, way)
    if against:
        return Cell(hosting=hosting, way=way, standing="ruled out", says=against[0].says, source=against[0].source)
    offer = OFFERS.get((hosting, way), Offer(says="Nothing is known of it.", source=HERE))
    standing: Standing = "hardly offered" if offer.hardly else "possible"
    return Cell(hosting=hosting, way=way, standing=standing, says=offer.says, source=offer.source)


def hosting(arms: Sequence[Measured], facts: Facts) -> tuple[Reason, ...]:
    """Say what is known of the other question: a service, or a model on machines of one's own."""
    return tuple(reason for reason in (*_facts_on_hosting(facts), *_seen(arms), *TRADE_OFFS) if reason is not None)


def _facts_on_hosting(facts: Facts) -> tuple[Reason | None, ...]:
    return (
        Reason(
            says="Data may not leave the network, so a service is no option; a model of your own is.",
            figure="may_leave_network: false",
            source=f"{FACTS}; {S2}",
        )
        if facts.may_leave_network is False
        else None,
        Reason(
            says="In finance and healthcare, privacy and regulation come before everything else in this choice.",
            figure="regulated",
            source=f"{FACTS}; {S4}",
        )
        if facts.regulated
        else None,
        Reason(
            says="Running a model of your own takes machines that are not there yet.",
            figure="gpus: 0",
            source=f"{FACTS}; {S2}",
        )
        if facts.gpus == 0
        else None,
    )


def _seen(arms: Sequence[Measured]) -> tuple[Reason, ...]:
    return tuple(
        Reason(says=f"{LADDER[arm.way].title if arm.way in LADDER else arm.way}: {arm.traits.data.says}",
               figure="; ".join(arm.traits.data.because), source=HERE)
        for arm in arms
    )  # fmt: skip


TRADE_OFFS = (
    Reason(
        says="A service has little overhead, documented interfaces and support, and takes control of the data away.",
        source=S2,
    ),
    Reason(
        says="A model of your own gives control of system, data and updates, and takes expertise and resources.",
        source=S2,
    ),
    Reason(
        says="A proprietary service is cheap to begin with and gets dear under heavy traffic: see the break-evens.",
        source=f"{S0}; {S4}",
    ),
)
