"""What others published about the cost of training: it conflicts, so each figure stands with its source."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from fourways.training.planning.figures import Figure

S0 = "Four Ways that Enterprises Deploy LLMs"
S4 = "Bridging Large Language Models and Business: LLMOps"

Stands = Literal["below", "within", "above"]
FEW = (2, 9)
"""The loosest reading of "a few", so that words are not made to conflict where they need not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One published cost.

    Attributes:
        says: what it says, in its own words or nearly.
        counts: what the money is for.
        low, high: US dollars, as read here.
        methods: the methods of a plan that it speaks of.
    """

    source: str
    says: str
    counts: str
    low: float
    high: float
    methods: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A published cost, and where a computed range stands to it."""

    published: Published
    computed: Stands


_PRETRAINED = frozenset({"pretrain"})
_TUNED = frozenset({"full", "lora", "qlora"})

PUBLISHED = (
    Published(
        source=S0,
        says="a trained model: a few hundred thousand to a few million dollars",
        counts="computing",
        low=FEW[0] * 1e5,
        high=FEW[1] * 1e6,
        methods=_PRETRAINED,
    ),
    Published(
        source=S0,
        says="LLaMA 65B: 1,022,362 hours of A100-80GB, 2,048 of them, at about $4: about $4 million",
        counts="computing; the hours are GPU-hours, not to be multiplied by 2,048 again",
        low=1_022_362 * 4.0,
        high=1_022_362 * 4.0,
        methods=_PRETRAINED,
    ),
    Published(
        source=S0,
        says="costs fall: Replit's code model and MosaicML's models at a few hundreds of thousands",
        counts="computing",
        low=FEW[0] * 1e5,
        high=FEW[1] * 1e5,
        methods=_PRETRAINED,
    ),
    Published(
        source=S4,
        says="a new foundation model: up to $100 million",
        counts="computing, data and its labelling, engineering and research",
        low=0.0,
        high=1e8,
        methods=_PRETRAINED,
    ),
    Published(
        source=S4,
        says="fine-tuning: $100 thousand to $1 million",
        counts="computing, data and its labelling, engineering and research",
        low=1e5,
        high=1e6,
        methods=_TUNED,
    ),
)

CONFLICT = (
    "Published costs do not agree, nor count the same things. What you measured yourself goes before them, and before "
    "what is computed here: give it with --utilisation, --price or --gpu-hours."
)

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "Kaplan": "Kaplan et al. 2020, Scaling Laws for Neural Language Models",
        "Hoffmann": "Hoffmann et al. 2022, Training Compute-Optimal Large Language Models",
        "Llama 3": "Grattafiori et al. 2024, The Llama 3 Herd of Models",
        "LLaMA": "Touvron et al. 2023, LLaMA: Open and Efficient Foundation Language Models",
        "BloombergGPT": "Wu et al. 2023, BloombergGPT: A Large Language Model for Finance",
        "PaLM": "Chowdhery et al. 2022, PaLM: Scaling Language Modeling with Pathways",
        "Korthikanti": "Korthikanti et al. 2022, Reducing Activation Recomputation in Large Transformer Models",
        "Rajbhandari": "Rajbhandari et al. 2020, ZeRO: Memory Optimizations Toward Training Trillion Parameter Models",
        "Hu": "Hu et al. 2022, LoRA: Low-Rank Adaptation of Large Language Models",
        "Dettmers": "Dettmers et al. 2023, QLoRA: Efficient Finetuning of Quantized LLMs",
        "Qwen": "QwenLM/Qwen 2023, README, Profiling of Memory and Speed",
        "Uptime": "Uptime Institute 2024, Global Data Center Survey",
    }
)
"""What is behind the short names that figures carry."""


def cited(figures: Iterable[Figure]) -> tuple[str, ...]:
    """Return the titles of what the figures name as their sources, in the table's order."""
    said = " ".join(figure.source for figure in figures)
    return tuple(title for name, title in SOURCES.items() if re.search(rf"\b{name}\b", said))


def compared(method: str, dollars: Figure) -> tuple[Compared, ...]:
    """Return what was published about a method's cost, and where a computed cost stands to each."""
    return tuple(
        Compared(published=each, computed=_stands(each, dollars)) for each in PUBLISHED if method in each.methods
    )


def _stands(published: Published, dollars: Figure) -> Stands:
    if dollars.high < published.low:
        return "below"
    return "above" if dollars.low > published.high else "within"
