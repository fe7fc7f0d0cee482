"""Rollouts simulated answer by answer, judged by the product's own `decide`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fourways.config.releasing import Analysis
from fourways.evals.canary import Segment, Tally, decide

POLL = 10
"""Canary answers from one time that the watch asks to the next, where it may promote at any."""
UNEVEN = 1.2
"""Exponent of the Pareto distribution of how much people ask: the busiest of 30 asks a fifth of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """A time with one share of the people.

    Attributes:
        answers: of the canary that it lasts; 0: to the end.
        slower: how much longer both arms take than in other hours.
    """

    share: float = 0.5
    answers: int = 0
    slower: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is true of both arms.

    Attributes:
        ratio: of the canary's seconds to control's; lognormal, with a spread of `spread` in logarithms.
        people: how many ask, unevenly, each always the same arm; 0: nobody asks twice.
    """

    canary_errors: float
    control_errors: float
    ratio: float = 1.0
    spread: float = 0.5
    people: int = 0
    hours: tuple[Hour, ...] = (Hour(),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one rollout ended: `abort`, `sound` or `continue` (it never was told), after how many canary answers."""

    action: str
    answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Requests in their order: an array each."""

    canary: Any
    failed: Any
    seconds: Any
    hour: Any


def rollout(world: World, analysis: Analysis, seed: int, *, timed: bool = False, at_any_time: bool = False) -> Ended:
    """Run one until it is aborted, or until its last look: sound or not.

    Nothing is asked of `decide` at answers that change nothing: the e-process moves at failures only, and bounds count
    at looks only.

    Args:
        at_any_time: whether it ends as soon as it is sound, asked after every few answers as the watch does.
    """
    asked = _asked(world, analysis, np.random.default_rng(seed))
    met = np.cumsum(asked.canary)
    looks = [-(-analysis.requests * look // analysis.looks) for look in range(1, analysis.looks + 1)]
    polls = range(POLL, analysis.requests, POLL) if at_any_time else ()
    last = int(np.searchsorted(met, analysis.requests))
    moments = {int(place) for place in (*np.searchsorted(met, [*looks, *polls]), *np.flatnonzero(asked.failed))}
    taken, action = 0, "continue"
    for moment in sorted(moment for moment in moments if moment <= min(last, len(met) - 1)):
        decision = decide(analysis, list(_segments(world, asked, moment, timed=timed)), looked=taken)
        taken, action = decision.looks, decision.action
        if action == "abort" or (at_any_time and action == "sound"):
            return Ended(action=action, answers=int(met[moment]))
    return Ended(action=action, answers=int(met[min(last, len(met) - 1)]))


def _asked(world: World, analysis: Analysis, random: np.random.Generator) -> Asked:
    """Draw who asks, whom, and what comes of it."""
    counts = [int(hour.answers / hour.share) for hour in world.hours[:-1]]
    counts.append(int(analysis.requests / world.hours[-1].share * 1.3) + 50)
    hour = np.repeat(np.arange(len(counts)), counts)
    lots = random.random(len(hour))
    if world.people:
        busy = random.pareto(UNEVEN, world.people) + 1
        lots = random.random(world.people)[random.choice(world.people, size=len(hour), p=busy / busy.sum())]
    canary = lots < np.array([one.share for one in world.hours])[hour]
    failed = random.random(len(hour)) < np.where(canary, world.canary_errors, world.control_errors)
    slower = np.array([one.slower for one in world.hours])[hour] * np.where(canary, world.ratio, 1.0)
    return Asked(
        canary=canary, failed=failed, seconds=random.lognormal(0.0, world.spread, len(hour)) * slower, hour=hour
    )


def _segments(world: World, asked: Asked, moment: int, *, timed: bool) -> Iterator[Segment]:
    until = slice(0, moment + 1)
    for number in range(int(asked.hour[moment]) + 1):
        here = asked.hour[until] == number
        canary, control = (_tally(asked, here & arm[until], timed=timed) for arm in (asked.canary, ~asked.canary))
        yield Segment(canary=canary, control=control, share=world.hours[number].share)


def _tally(asked: Asked, here: Any, *, timed: bool) -> Tally:
    return Tally(
        requests=int(here.sum()),
        failures=int((here & asked.failed[: len(here)]).sum()),
        latencies=asked.seconds[: len(here)][here].tolist() if timed else (),
    )


def many(
    world: World, analysis: Analysis, runs: int, *, timed: bool = False, at_any_time: bool = False
) -> Sequence[Ended]:
    """Run many, each with a seed of its own."""
    return [rollout(world, analysis, seed, timed=timed, at_any_time=at_any_time) for seed in range(runs)]


def share_of(ended: Sequence[Ended], action: str) -> float:
    """How often they ended so."""
    return sum(one.action == action for one in ended) / len(ended)
