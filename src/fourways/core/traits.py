"""What a candidate is like apart from its answers: its rung, who sees the data, how fresh it is, how data leaves it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Where = Literal["this machine", "inside", "outside"]
"""Where something runs: here, elsewhere in the company's own network, beyond it."""
Freshness = Literal["edit", "sync", "rebuild"]
"""How a changed document comes into the answers: somebody edits the candidate, the next sync, only by training anew."""
Erasure = Literal["text", "knowledge", "retraining"]
"""How a fact leaves the answers: it is cut from the prompt, deleted from a knowledge, trained away from the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One of the four ways on the ladder from easy and cheap to difficult and expensive.

    Attributes:
        way: its name in the project file.
        number: from 1, the easiest.
        title: as people call it.
        effort: what stands at that height of the ladder, in words.
    """

    way: str
    number: int
    title: str
    effort: str


LADDER: Mapping[str, Rung] = MappingProxyType(
    {
        rung.way: rung
        for rung in (
            Rung(way="prompt", number=1, title="Prompt with context", effort="the easiest and cheapest to begin with"),
            Rung(way="rag", number=2, title="Retrieval (RAG)", effort="more parts than a prompt, nothing trained"),
            Rung(way="finetune", number=3, title="Fine-tuned model", effort="a data set, GPUs, and training again"),
            Rung(way="pretrain", number=4, title="Trained from scratch", effort="the most difficult and expensive"),
        )
    }
)
"""Source: "Four Ways that Enterprises Deploy LLMs", from easy and cheap to difficult and expensive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A server that sees something of what is asked or known.

    Attributes:
        name: `provider/model`, or a built-in model's name.
        does: what it is asked for: answers, answers when the others fail, embeds, reranks.
        sees: what is sent to it: questions, examples, passages, documents.
        address: where it is, `https://api.example.com`; "" for a part of fourways itself.
    """

    name: str
    does: str
    sees: str
    place: Where
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trait:
    """One property in words.

    Attributes:
        says: one sentence for a person.
        because: the facts that it follows from, a sentence each.
    """

    says: str
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What a way says of a candidate that it built.

    Attributes:
        way: the way's name; `rung` is where it stands.
        receivers: every server that sees anything, those asked only on failure included.
        fresh, erased: in one word; `freshness`, `erasure` say it in words.
        people, hardware: what it needs.
        memory: whether what it was given can be drawn out of a model again.
    """

    way: str
    receivers: tuple[Receiver, ...]
    fresh: Freshness
    freshness: Trait
    erased: Erasure
    erasure: Trait
    people: Trait
    hardware: Trait
    memory: Trait

    @property
    def rung(self) -> Rung:
        """Its place on the ladder; a way that the ladder does not know stands above it."""
        unknown = Rung(way=self.way, number=len(LADDER) + 1, title=self.way, effort="a way of your own")
        return LADDER.get(self.way, unknown)

    @property
    def outside(self) -> tuple[Receiver, ...]:
        """Those that are beyond the company's network."""
        return tuple(receiver for receiver in self.receivers if receiver.place == "outside")

    @property
    def service(self) -> bool:
        """Whether a service answers, as against a model on machines of one's own."""
        return any(receiver.place == "outside" for receiver in self.receivers if receiver.does.startswith("answers"))

    @property
    def trained(self) -> bool:
        """Whether what the company knows stands in weights."""
        return self.erased == "retraining"

    @property
    def data(self) -> Trait:
        """Where what is asked and known goes, to whom."""
        facts = tuple(_told(receiver) for receiver in self.receivers)
        if self.outside:
            names = ", ".join(dict.fromkeys(receiver.name for receiver in self.outside))
            return Trait(says=f"Leaves the network: {names}.", because=facts)
        if any(receiver.place == "inside" for receiver in self.receivers):
            return Trait(says="Stays inside your own network.", because=facts)
        return Trait(says="Stays on this machine.", because=facts)


def _told(receiver: Receiver) -> str:
    where = {"this machine": "on this machine", "inside": "inside the network", "outside": "outside the network"}
    at = f" ({receiver.address})" if receiver.address else ""
    return f"{receiver.name}{at} {receiver.does} {where[receiver.place]} and sees {receiver.sees}"
