"""Rollouts simulated answer by answer, judged by the product's own `decide`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fourways.evals.canary import Plan, Segment, Tally, decide


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is true of both arms.

    Attributes:
        share: the canary's share of the people.
        ratio: of the canary's seconds to control's; lognormal, with a spread of `spread` in logarithms.
    """

    canary_errors: float
    control_errors: float
    share: float = 0.5
    ratio: float = 1.0
    spread: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one rollout ended: `abort`, `sound` or `continue` (it never was told), after how many canary answers."""

    action: str
    answers: int


def rollout(world: World, plan: Plan, seed: int, *, timed: bool = False) -> Ended:
    """Run one until it is aborted, or until its last look: sound or not.

    Nothing is asked of `decide` at answers that change nothing: the e-process moves at failures only, and bounds count
    at looks only.
    """
    random = np.random.default_rng(seed)
    count = int(plan.requests / world.share * 1.3) + 50
    on_canary = random.random(count) < world.share
    failed = random.random(count) < np.where(on_canary, world.canary_errors, world.control_errors)
    seconds = random.lognormal(0.0, world.spread, count) * np.where(on_canary, world.ratio, 1.0)
    met = np.cumsum(on_canary)
    looks = {int(np.searchsorted(met, -(-plan.requests * k // plan.looks))) for k in range(1, plan.looks + 1)}
    moments = sorted(looks | {int(place) for place in np.flatnonzero(failed)})
    taken, last = 0, max(looks)
    for moment in moments:
        if moment > last:
            break
        segment = Segment(
            canary=_tally(on_canary, failed, seconds, moment, timed=timed),
            control=_tally(~on_canary, failed, seconds, moment, timed=timed),
            share=world.share,
        )
        decision = decide(plan, [segment], looked=taken)
        taken = decision.looks
        if decision.action == "abort":
            return Ended(action="abort", answers=int(met[moment]))
        if moment == last:
            return Ended(action=decision.action, answers=int(met[moment]))
    return Ended(action="continue", answers=int(met[-1]))


def _tally(arm: Any, failed: Any, seconds: Any, moment: int, *, timed: bool) -> Tally:
    here = arm[: moment + 1]
    tally = Tally(requests=int(here.sum()), failures=int((here & failed[: moment + 1]).sum()))
    return replace(tally, latencies=seconds[: moment + 1][here].tolist()) if timed else tally


def many(
    world: World, plan: Plan, runs: int, *, timed: bool = False, seen: Callable[[], None] = lambda: None
) -> Sequence[Ended]:
    """Run many, each with a seed of its own."""
    ended = []
    for seed in range(runs):
        ended.append(rollout(world, plan, seed, timed=timed))
        seen()
    return ended


def share_of(ended: Sequence[Ended], action: str) -> float:
    """How often they ended so."""
    return sum(one.action == action for one in ended) / len(ended)
