"""A canary's steps, walked: what is due now, from the steps, the last shift, the clock and the evidence. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from fourways.config.releasing import Step
from fourways.core.rollout import Shift


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What is to be done with a canary.

    Attributes:
        shift: the weight to set, with the step that says so; None for no shift.
        finished: whether every step is behind it.
        waits: for what it stays where it is, in words; "" where something is due.
    """

    shift: Shift | None = None
    finished: bool = False
    waits: str = ""


def due(steps: Sequence[Step], last: Shift, *, now: float, sound: bool) -> Due:
    """Return what is due.

    Steps from the last shift on are passed over while their time is up (`pause`) or the evidence suffices
    (`analysis`); pauses in a row add up. Only shifts are written down, so that a controller that was killed goes on.

    Args:
        steps: of the release's own policy.
        last: the newest shift; its step is -1 before the first.
        now: Unix seconds.
        sound: whether the canary was found no worse than live.
    """
    passed = last.at
    for position, step in enumerate(steps[last.step + 1 :], last.step + 1):
        if step.set_weight is not None:
            return Due(shift=Shift(step=position, weight=step.set_weight / 100, at=now))
        if step.pause is not None:
            passed += step.pause.total_seconds()
            if now < passed:
                return Due(waits=f"{passed - now:.0f} s more of step {position + 1} of {len(steps)} (pause)")
        elif not sound:
            return Due(waits=f"evidence, at step {position + 1} of {len(steps)} (analysis)")
    return Due(finished=True)
