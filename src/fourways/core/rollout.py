"""Where an app's releases stand: a fold over the release log, and the share of people each release gets. Pure."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from fourways.core.errors import IllegalTransition
from fourways.core.lifecycle import move

Stage = Literal["staging", "production"]
STAGES: tuple[Stage, ...] = ("staging", "production")

DRAFT = "draft"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of the release log.

    Attributes:
        number: its place in the log.
        at: Unix seconds.
        event: a move of the lifecycle `release`, or `create`.
        detail: JSON: the verdict of a gate or a look, the step and weight of a shift.
    """

    number: int
    at: float
    app: str
    stage: str
    release: int
    event: str
    actor: str
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one release stands.

    Attributes:
        since: Unix seconds at which it came into its state.
        endorsed: who approved so far.
        gate: the verdict that it passed the gate with, as JSON; None before.
        shifts: the canary's steps so far.
        looks: how often the canary was looked at; `verdict` is what the last look found, as JSON.
        judged: how it ended: the reason of the last move.
    """

    release: int
    state: str
    since: float
    endorsed: tuple[str, ...] = ()
    gate: Mapping[str, Any] | None = None
    shifts: tuple["Shift", ...] = ()
    looks: int = 0
    verdict: Mapping[str, Any] | None = None
    judged: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A canary's weight from one moment on.

    Attributes:
        step: the position of its `setWeight` in the canary's steps; -1 before the first of them.
        weight: share of people, in [0, 1].
        at: Unix seconds.
    """

    step: int
    weight: float
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One app in one stage: who is live, who is canary, and every release that ever stood there.

    Attributes:
        earlier: releases that were live before, newest last: what a rollback goes back to.
    """

    standings: Mapping[int, Standing] = field(default_factory=lambda: MappingProxyType({}))
    live: int | None = None
    canary: int | None = None
    earlier: tuple[int, ...] = ()

    @property
    def weight(self) -> float:
        """The canary's share of people; 0 where there is none."""
        if self.canary is None:
            return 0.0
        shifts = self.standings[self.canary].shifts
        return shifts[-1].weight if shifts else 0.0

    @property
    def shares(self) -> Mapping[int | None, float]:
        """The share of people each release gets, summing to one; None is what the project file says, unreleased."""
        if self.canary is None:
            return {self.live: 1.0}
        return {self.live: 1.0 - self.weight, self.canary: self.weight}

    def applied(self, event: Event) -> "Line":
        """Return the line after an event.

        Raises:
            IllegalTransition: the release cannot make this move from where it is, or another canary stands in its way.
        """
        if event.event == "create":
            return self._with(Standing(release=event.release, state=DRAFT, since=event.at))
        here = self.standings[event.release]
        state = move("release", here.state, event.event)
        since = here.since if state == here.state else event.at
        noted = replace(here, state=state, since=since, judged=event.reason, **_noted(here, event))
        return EFFECTS.get(event.event, Line._stay)(self._with(noted), event)

    def _with(self, standing: Standing) -> "Line":
        return replace(self, standings=MappingProxyType({**self.standings, standing.release: standing}))

    def _stay(self, event: Event) -> "Line":
        del event
        return self

    def _start(self, event: Event) -> "Line":
        if self.canary is not None and self.canary != event.release:
            msg = (
                f"r{self.canary} is canary in {event.stage}; promote it or roll it back before r{event.release} starts"
            )
            raise IllegalTransition(msg)
        return replace(self, canary=event.release)

    def _promote(self, event: Event) -> "Line":
        if self.live is None:
            return replace(self, canary=None, live=event.release)
        line = self._with(_moved(self.standings[self.live], "supersede", event.at))
        return replace(line, canary=None, live=event.release, earlier=(*self.earlier, self.live))

    def _roll_back(self, event: Event) -> "Line":
        if self.canary == event.release:
            return replace(self, canary=None)
        if not self.earlier:
            return replace(self, live=None)
        *earlier, former = self.earlier
        line = self._with(_moved(self.standings[former], "restore", event.at))
        return replace(line, live=former, earlier=tuple(earlier))


EFFECTS = MappingProxyType(
    {"start_canary": Line._start, "promote": Line._promote, "roll_back": Line._roll_back}  # noqa: SLF001 - its own file
)
"""What an event means for the line, besides the move of its own release."""


def _moved(standing: Standing, event: str, at: float) -> Standing:
    """Return a standing after a move that another release's event implies."""
    return replace(standing, state=move("release", standing.state, event), since=at)


def _noted(here: Standing, event: Event) -> dict[str, Any]:
    """Return what an event adds to its release's standing."""
    detail = event.detail
    if event.event in {"endorse", "approve"}:
        return {"endorsed": (*here.endorsed, event.actor)}
    if event.event in {"gate_passed", "gate_failed"}:
        return {"gate": detail.get("verdict")}
    if event.event in {"start_canary", "shift"}:
        shift = Shift(step=int(detail.get("step", -1)), weight=float(detail.get("weight", 0.0)), at=event.at)
        return {"shifts": (*here.shifts, shift)}
    if event.event == "look":
        return {"looks": int(detail.get("look", here.looks)), "verdict": detail.get("verdict")}
    if event.event in {"promote", "roll_back"} and "verdict" in detail:
        return {"verdict": detail["verdict"]}
    return {}


def fold(events: Iterable[Event]) -> Mapping[tuple[str, str], Line]:
    """Return where every app stands in every stage, by (app, stage), from its events in the log's order.

    Raises:
        IllegalTransition: the log holds a move that was never legal.
    """
    lines: dict[tuple[str, str], Line] = {}
    for event in events:
        place = (event.app, event.stage)
        lines[place] = lines.get(place, Line()).applied(event)
    return lines


def bucket(salt: str, sticky: str) -> float:
    """Return a number in [0, 1) that is always the same for the same pair, and even over many."""
    drawn = hashlib.blake2b(f"{salt}\0{sticky}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(drawn, "big") >> 11) / 2**53  # 53 bits: what a float holds, so that 1.0 is never reached
