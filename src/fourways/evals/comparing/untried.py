"""Ways that no test measured: which of them are worth trying, what that would take, and where sources disagree."""

from collections.abc import Callable, Mapping, Sequence

from fourways.config.testing import Facts
from fourways.core.traits import LADDER
from fourways.evals.comparing.advice import Reason, Untried
from fourways.evals.comparing.matrix import Measured
from fourways.evals.comparing.pairs import Versus
from fourways.evals.comparing.rules import FACTS, HERE, S0, S1, S2, S3, S4, against_way, balance, for_way, ruled_out
from fourways.evals.comparing.wording import better_by

PLAN = "fourways plan"


def worth_trying(tried: Sequence[str], facts: Facts, *, reached: bool) -> tuple[Untried, ...]:
    """Return the ways that were not measured and that more speaks for than against, most first.

    Args:
        tried: ways that were measured.
        reached: whether any of those keeps within the constraints; where none does, something is named in any case,
            if only for want of anything against it.
    """
    points = balance(facts)
    open_ways = [way for way in LADDER if way not in tried and not ruled_out(facts, way)]
    named = [way for way in open_ways if points[way] > 0]
    if not (reached or named):
        named = [way for way in open_ways if points[way] == 0]
    named.sort(key=lambda way: (-points[way], LADDER[way].number))
    return tuple(Untried(way=way, reasons=_reasons(way, facts), takes=TAKES[way](facts)) for way in named)


def _reasons(way: str, facts: Facts) -> tuple[Reason, ...]:
    said = (*for_way(facts, way), *against_way(facts, way))
    nothing = "Nothing that was measured keeps within the constraints, and nothing speaks against this one."
    return said or (Reason(says=nothing, source=HERE),)


# ---------------------------------------------------------------- what each takes


def _of_prompt(facts: Facts) -> tuple[Reason, ...]:
    del facts
    return (
        Reason(says="A prompt, a few examples, and the patience to try several.", source=S0),
        Reason(says="Add `prompt:` to the app's `ways:` in fourways.yaml.", source=FACTS),
    )


def _of_rag(facts: Facts) -> tuple[Reason, ...]:
    text = f"{facts.corpus_tokens:,} tokens in hand" if facts.corpus_tokens else ""
    return (
        Reason(says="Documents that are complete and kept up to date.", figure=text, source=S2),
        Reason(says="Add a `knowledge:` and `rag:` to the app's `ways:` in fourways.yaml.", source=FACTS),
    )


def _of_finetune(facts: Facts) -> tuple[Reason, ...]:
    return (
        Reason(says="Tens of thousands of instructions in the right format.", figure=_have(facts), source=S0),
        Reason(says="People who know machine learning, and time.", figure=_skills(facts), source=S1),
        Reason(says="GPUs, or a service that tunes for you.", figure=_gpus(facts), source=S0),
        Reason(says="$100 thousand to $1 million, data and engineering included.", source=S4),
        Reason(says="The computing alone can be planned: `fourways plan --method lora`.", source=PLAN),
        Reason(says="Add `datasets:` and `finetune:` in fourways.yaml: `fourways tune --dry-run`.", source=FACTS),
        Reason(says="Claimed, to be verified: lower cost, shorter prompts, better latency and quality.", source=S0),
    )  # fmt: skip


def _of_pretrain(facts: Facts) -> tuple[Reason, ...]:
    text = f"{facts.corpus_tokens:,} in hand" if facts.corpus_tokens else ""
    return (
        Reason(says="A very large amount of text; BloombergGPT took 700 billion tokens.", figure=text, source=S0),
        Reason(says="AI expertise and people who run clusters.", figure=_skills(facts), source=S4),
        Reason(says="A cluster of GPUs with a fast network.", figure=_gpus(facts), source=S3),
        Reason(says="LLaMA 65B took 1,022,362 GPU-hours on 2,048 A100: about $4 million at $4.", source=S0),
        Reason(says="A few hundred thousand to a few million dollars of computing.", source=S0),
        Reason(says="Up to $100 million with data and engineering.", source=S4),
        Reason(says="It can be planned: `fourways plan --method pretrain`.", source=PLAN),
        Reason(says="Add `pretrain:` in fourways.yaml: `fourways train --dry-run`.", source=FACTS),
    )  # fmt: skip


def _have(facts: Facts) -> str:
    return "" if facts.instructions is None else f"{facts.instructions:,} in hand"


def _skills(facts: Facts) -> str:
    return f"expertise: {', '.join(facts.expertise)}" if facts.expertise else ""


def _gpus(facts: Facts) -> str:
    return "" if facts.gpus is None else f"{facts.gpus} at hand"


TAKES: Mapping[str, Callable[[Facts], tuple[Reason, ...]]] = {
    "prompt": _of_prompt,
    "rag": _of_rag,
    "finetune": _of_finetune,
    "pretrain": _of_pretrain,
}


# ---------------------------------------------------------------- where sources disagree


def disputed(
    arms: Sequence[Measured], untried: Sequence[str], gaps: Callable[[str, str], Versus | None]
) -> tuple[Reason, ...]:
    """Say where the sources disagree, and what was measured of it."""
    by_way = {arm.way: arm for arm in arms}
    rag, tuned = by_way.get("rag"), by_way.get("finetune")
    figure = "" if rag is None or tuned is None else better_by(rag, tuned, gaps("rag", "finetune"))
    decides = "what was measured here decides" if figure else "measure both on your own cases: that decides"
    best = Reason(
        says="One source holds fine-tuning a general model to be the most favourable route for companies, another "
        f"holds retrieval to be good value for many; {decides}.",
        figure=figure,
        source=f"{S4} (for fine-tuning); {S2} (for retrieval)",
    )
    if not {"finetune", "pretrain"} & {*by_way, *untried}:
        return (best,)
    costs = Reason(
        says="What training costs is published an order of magnitude apart, as the sources do not count the same: "
        "computing alone, or data and engineering too; `fourways plan` computes yours.",
        figure="a few hundred thousand to a few million dollars; up to $100 million",
        source=f"{S0}; {S4}",
    )
    return (best, costs)
