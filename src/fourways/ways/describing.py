"""What the ways say alike of their candidates: who receives what, and what that takes."""

from collections.abc import Mapping, Sequence
from typing import Any

from fourways.core.traits import Receiver, Trait
from fourways.models.reach import Reached
from fourways.ways.workshop import Workshop


def answering(workshop: Workshop, pin: Mapping[str, Any], sees: str) -> tuple[Receiver, ...]:
    """Return the servers that answers of a model, as it was pinned, may come from, for the worst case too."""
    return _receivers(workshop.models.reach(pin["name"], pin.get("stands_for")), "answers", sees)


def embedding(workshop: Workshop, model: str, sees: str) -> tuple[Receiver, ...]:
    """Return the servers that turn text into vectors."""
    return _receivers(workshop.models.reach(model), "embeds", sees)


def reranking(workshop: Workshop, model: str | None, sees: str) -> tuple[Receiver, ...]:
    """Return the servers that reorder what was found; none where nothing is reordered."""
    return _receivers(workshop.models.reach(model), "reranks", sees) if model else ()


def hardware_of(receivers: Sequence[Receiver]) -> Trait:
    """Say what a candidate runs on."""
    answering = [receiver for receiver in receivers if receiver.does.startswith("answers")]
    own = [receiver for receiver in answering if receiver.place != "outside"]
    servers = [f"{receiver.name} at {receiver.address}" for receiver in own if receiver.address]
    if servers:
        says = "A machine that holds the model, for most models one with a GPU."
        return Trait(says=says, because=tuple(f"{server} is a server of your own" for server in servers))
    if own:
        return Trait(says="A machine without a GPU.", because=tuple(f"{receiver.name} is built in" for receiver in own))
    return Trait(
        says="A machine without a GPU, for the gateway: the model is the service's.",
        because=tuple(f"{receiver.name} is a service" for receiver in answering),
    )


def memory_of(receivers: Sequence[Receiver]) -> Trait:
    """Say whether what a candidate is given may be drawn out of a model again, where nothing of it is trained."""
    outside = list(dict.fromkeys(receiver.name for receiver in receivers if receiver.place == "outside"))
    if not outside:
        return Trait(says="None: nothing is trained, and no service sees it.")
    says = "None here, as nothing is trained; a service may keep what it is sent and train on it: see your contract."
    return Trait(says=says, because=(f"{', '.join(outside)} sees what it is sent",))


def _receivers(reached: Sequence[Reached], does: str, sees: str) -> tuple[Receiver, ...]:
    return tuple(
        Receiver(
            name=one.name,
            does=f"{does} when others fail" if one.on_failure else does,
            sees=sees,
            place=one.where,
            address=one.address,
        )
        for one in reached
    )
