"""What is known of a running canary, and what follows: counted from traces, segment by segment; its policy judges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fourways.config.releasing import Analysis
from fourways.control.policies import read_policy
from fourways.core.ids import TenantId
from fourways.core.rollout import Standing
from fourways.core.verdict import RuleResult, Verdict
from fourways.evals.canary import Decision, Segment, Tally, decide
from fourways.evals.statistics import bootstrap_mean
from fourways.store import arms
from fourways.store.arms import ArmCounts
from fourways.store.database import Database, Transaction
from fourways.store.releases import ReleaseRow

FEWEST_PAIRS = 10
"""Replayed questions below which nothing is said of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """A judge's score in [0, 1] of an answer that was given at a time (Unix seconds)."""

    at: float
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinions:
    """What judges and replays say of the two arms; empty where the policy asks for neither.

    Attributes:
        judged: what a judge says of a sample of live answers, by arm.
        canary, control: the quality in [0, 1] of both arms on the same replayed questions, in the same order.
        wanted: how many questions the policy wants replayed.
    """

    judged: Mapping[str, Sequence[Opinion]]
    canary: Sequence[float] = ()
    control: Sequence[float] = ()
    wanted: int = 0


NO_OPINIONS = Opinions(judged={})


def judge(
    database: Database, tenant: TenantId, release: ReleaseRow, standing: Standing, opinions: Opinions = NO_OPINIONS
) -> Decision:
    """Judge a running canary by what is known now.

    Args:
        standing: where it stands: its shifts part its life into segments, and its looks were taken already.
    """
    analysis = read_policy(release).canary.analysis
    with database.reading() as connection:
        segments = _segments(connection, tenant, release, standing, opinions)
    decision = decide(analysis, segments, looked=standing.looks)
    return _with_pairs(decision, opinions, analysis)


def _segments(
    connection: Transaction, tenant: TenantId, release: ReleaseRow, standing: Standing, opinions: Opinions
) -> list[Segment]:
    """Count both arms from each shift of the weight to the next."""
    found: list[Segment] = []
    ends = [shift.at for shift in standing.shifts[1:]] + [None]
    for shift, end in zip(standing.shifts, ends, strict=True):
        if not 0 < shift.weight < 1:
            continue
        counted = arms.count_arms(connection, tenant, release.app, release=release.name, since=shift.at, until=end)
        judged = {
            arm: [one.score for one in opinions.judged.get(arm, ()) if shift.at <= one.at and (not end or one.at < end)]
            for arm in arms.ARMS
        }
        tallies = {arm: _tally(counted[arm], judged[arm]) for arm in arms.ARMS}
        found.append(Segment(canary=tallies["canary"], control=tallies["control"], share=shift.weight))
    return found


def _tally(counts: ArmCounts, judged: Sequence[float]) -> Tally:
    return Tally(
        requests=counts.requests,
        failures=counts.failures,
        interventions=counts.interventions,
        thumbs_up=counts.thumbs_up,
        thumbs_down=counts.thumbs_down,
        latencies=counts.durations,
        judged=judged,
    )


def _with_pairs(decision: Decision, opinions: Opinions, analysis: Analysis) -> Decision:
    """Let the paired replay have its say: worse aborts, not yet known holds back."""
    if not opinions.wanted:
        return decision
    rule = replayed(opinions, analysis.max_quality_drop)
    action = decision.action
    if rule.passed is False:
        action = "abort"
    elif rule.passed is None and action == "sound":
        action = "continue"
    return replace(decision, action=action, verdict=Verdict(rules=(*decision.verdict.rules, rule)))


def replayed(opinions: Opinions, most: float) -> RuleResult:
    """Compare both arms on the same questions, pair by pair.

    Args:
        most: by how much the canary's mean may be lower.
    """
    bound = f"at most {most:.2f} lower than control, with 95 % confidence"
    name, count = "paired replay", len(opinions.canary)
    if count < min(FEWEST_PAIRS, opinions.wanted):
        reason = f"{count} of {opinions.wanted} questions were put to both so far"
        return RuleResult(rule=name, passed=None, bound=bound, reason=reason)
    difference = bootstrap_mean([ours - theirs for ours, theirs in zip(opinions.canary, opinions.control, strict=True)])
    said = f"{difference.value:+.3f} ({difference.low:+.3f} to {difference.high:+.3f}) over {count} questions"
    worse = difference.high < 0 and difference.value < -most
    passed = False if worse else (True if difference.low >= -most else None)
    return RuleResult(rule=name, passed=passed, figure=difference.value, bound=bound, reason=said)
