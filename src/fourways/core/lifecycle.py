"""Everything that waits is a row with a lifecycle: the tables of its states and moves. Nobody else assigns a state."""

from collections.abc import Mapping
from types import MappingProxyType

from fourways.core.errors import IllegalTransition

Lifecycle = Mapping[str, Mapping[str, str]]
"""state → {move → next state}."""

JOB: Lifecycle = MappingProxyType(
    {
        "queued": {"claim": "running", "cancel": "cancelled"},
        "running": {"finish": "done", "fail": "failed", "cancel": "cancelled", "lose": "queued"},
        "done": {},
        "failed": {"retry": "queued"},
        "cancelled": {"retry": "queued"},
    }
)
"""Durable background work. `lose` is what happens to a job whose owner's lease ran out."""

SNAPSHOT: Lifecycle = MappingProxyType(
    {
        "building": {"publish": "published"},
        "published": {"drop": "dropped"},
        "dropped": {},
    }
)
"""A numbered state of a knowledge. Only a published one is ever read."""

RELEASE: Lifecycle = MappingProxyType(
    {
        "draft": {"gate_passed": "gated", "gate_failed": "rejected", "reject": "rejected"},
        "gated": {"endorse": "gated", "approve": "approved", "reject": "rejected"},
        "approved": {"start_canary": "canary", "reject": "rejected"},
        "canary": {"shift": "canary", "look": "canary", "promote": "live", "roll_back": "rolled_back"},
        "live": {"supersede": "superseded", "roll_back": "rolled_back"},
        "superseded": {"restore": "live"},
        "rejected": {},
        "rolled_back": {},
    }
)
"""A candidate on its way to people. `endorse` is the first of two approvals, `shift` a step of the canary, `look` a
judgement of it. Promoting one supersedes the one before; rolling a live one back restores it: one row does both."""

LIFECYCLES: Mapping[str, Lifecycle] = MappingProxyType({"job": JOB, "snapshot": SNAPSHOT, "release": RELEASE})


def move(kind: str, state: str, event: str) -> str:
    """Return the state after an event.

    Raises:
        IllegalTransition: the state does not know this move; the message lists those it knows.
    """
    moves = LIFECYCLES[kind][state]
    if event not in moves:
        legal = ", ".join(sorted(moves)) or "nothing: it is an end"
        msg = f"a {kind} that is {state} cannot {event}; legal from {state}: {legal}"
        raise IllegalTransition(msg)
    return moves[event]


def diagram(kind: str) -> str:
    """Return the lifecycle as a Mermaid state diagram, for the docs."""
    table = LIFECYCLES[kind]
    lines = [f"    {state} --> {target}: {event}" for state, moves in table.items() for event, target in moves.items()]
    first = next(iter(table))
    return "\n".join(["stateDiagram-v2", f"    [*] --> {first}", *lines])
