"""The recommendation: what breaks a hard constraint is out, then the best as measured; facts where nothing was."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fourways.config.testing import Facts
from fourways.core.traits import LADDER
from fourways.evals.comparing.advice import Advice, Basis, Choice, Reason
from fourways.evals.comparing.constraints import CONSTRAINTS, Ruling, Word
from fourways.evals.comparing.matrix import Measured, hosting, matrix
from fourways.evals.comparing.pairs import Versus
from fourways.evals.comparing.rules import HERE, QUICK, S0, against_way, balance, for_way, unsaid
from fourways.evals.comparing.untried import disputed, worth_trying
from fourways.evals.comparing.wording import better_by, dollars, figure_of, seconds

FEW = 20
"""Cases below which the facts choose among what was built, unless even so few tell the best from all others."""

Gaps = Callable[[str, str], Versus | None]
"""How two ways differ on the primary metric."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A way that was measured, and what the hard constraints say of it."""

    arm: Measured
    rulings: tuple[Ruling, ...]

    def with_word(self, word: Word) -> tuple[Reason, ...]:
        return tuple(ruling.reason for ruling in self.rulings if ruling.word == word)

    @property
    def rung(self) -> int:
        return self.arm.traits.rung.number


def advise(arms: Sequence[Measured], facts: Facts, gaps: Gaps) -> Advice:
    """Recommend a way.

    Args:
        arms: what was measured, from the lowest rung upwards.
        facts: what people say.
        gaps: how two ways differ on the primary metric.
    """
    judged = [_judged(arm, facts) for arm in arms]
    left = [one for one in judged if not one.with_word("broken")]
    enough = _enough(left, gaps)
    ranked = _by_measure(left, gaps) if enough else _by_facts(left, facts)
    basis: Basis = "measured" if enough else "facts" if balance(facts) else "nothing"
    out = tuple(Choice(way=one.arm.way, reasons=one.with_word("broken")) for one in judged if one not in left)
    untried = worth_trying([arm.way for arm in arms], facts, reached=bool(left))
    recommended = _recommended(ranked, facts, gaps, basis) if ranked else None
    runner_up = _runner_up(ranked, facts, gaps, basis) if len(ranked) > 1 else None
    return Advice(
        basis=basis,
        says=_summary(ranked, out, basis, [one.way for one in untried]),
        recommended=recommended,
        runner_up=runner_up,
        out=out,
        worth_trying=untried,
        disputed=disputed(arms, [one.way for one in untried], gaps),
        hosting=hosting(arms, facts),
        matrix=matrix(arms, facts, figure_of),
        missing=unsaid(facts),
    )


def _judged(arm: Measured, facts: Facts) -> _Judged:
    rulings = [ruling for constraint in CONSTRAINTS if (ruling := constraint(arm, facts)) is not None]
    return _Judged(arm=arm, rulings=tuple(rulings))


def _best(left: Sequence[_Judged]) -> _Judged:
    return max(left, key=lambda one: (one.arm.goodness, -one.rung))


def _enough(left: Sequence[_Judged], gaps: Gaps) -> bool:
    """Whether measurements can decide."""
    if not left or not min(one.arm.quality.n for one in left):
        return False
    best = _best(left)
    few = min(one.arm.quality.n for one in left) < FEW
    return not few or (len(left) > 1 and all(one is best or _told_apart(best, one, gaps) for one in left))


def _by_measure(left: Sequence[_Judged], gaps: Gaps) -> list[_Judged]:
    """Put the best first: of those that cannot be told from the highest, the least doubtful, cheapest, lowest one."""
    best = _best(left)
    tied = [one for one in left if one is best or not _told_apart(best, one, gaps)]
    behind = [one for one in left if one not in tied]
    return [*sorted(tied, key=_modest), *sorted(behind, key=lambda one: (-one.arm.goodness, one.rung))]


def _told_apart(best: _Judged, other: _Judged, gaps: Gaps) -> bool:
    gap = gaps(best.arm.way, other.arm.way)
    return gap is not None and gap.better == best.arm.way


def _modest(one: _Judged) -> tuple[int, float, int]:
    cost = one.arm.thousand if one.arm.monthly is None else one.arm.monthly
    return len(one.with_word("doubtful")), float("inf") if cost is None else round(cost, 2), one.rung


def _by_facts(left: Sequence[_Judged], facts: Facts) -> list[_Judged]:
    points = balance(facts)
    return sorted(left, key=lambda one: (len(one.with_word("doubtful")), -points[one.arm.way], one.rung))


# ---------------------------------------------------------------- in words


def _recommended(ranked: Sequence[_Judged], facts: Facts, gaps: Gaps, basis: Basis) -> Choice:
    first = ranked[0]
    measured = _quality(ranked, gaps) if basis == "measured" else _too_few(first, ranked, gaps)
    doubts = first.with_word("doubtful")
    said = for_way(facts, first.arm.way) or ((QUICK,) if basis == "nothing" and first.arm.way == "prompt" else ())
    reasons = (*measured, *first.with_word("kept"), *_dearer(first, ranked[1:2]), *said, *doubts)
    contrary = against_way(facts, first.arm.way)
    return Choice(way=first.arm.way, reasons=(*reasons, *contrary))


def _quality(ranked: Sequence[_Judged], gaps: Gaps) -> tuple[Reason, ...]:
    """Say how good the first one is against the others."""
    first, others = ranked[0].arm, [one.arm for one in ranked[1:]]
    if not others:
        only = "The only way that was measured and keeps within the constraints."
        return (Reason(says=only, figure=figure_of(first), source=HERE),)
    reasons = []
    for other in others:
        gap = gaps(first.way, other.way)
        if gap is not None and gap.better == first.way:
            says = f"Better than {other.way} on {first.metric}."
        elif gap is not None and gap.better == other.way:
            says = f"Worse than {other.way} on {first.metric}."
        else:
            says = f"Not distinguishable from {other.way} on {first.metric}{_more(gap)}; {_lighter(first, other)}."
        reasons.append(Reason(says=says, figure=better_by(first, other, gap), source=HERE))
    return tuple(reasons)


def _more(gap: Versus | None) -> str:
    return f" (about {gap.needed:,} cases would tell)" if gap is not None and gap.needed else ""


def _lighter(first: Measured, other: Measured) -> str:
    costs = (first.monthly, other.monthly) if None not in {first.monthly, other.monthly} else ()
    costs = costs or (first.thousand, other.thousand)
    if costs[0] is not None and costs[1] is not None and round(costs[0], 2) < round(costs[1], 2):
        return "it is the cheaper of the two"
    if first.traits.rung.number < other.traits.rung.number:
        return "it stands lower on the ladder from easy to difficult"
    return "it keeps more surely within the constraints"


def _dearer(first: _Judged, then: Sequence[_Judged]) -> tuple[Reason, ...]:
    """Say what the first costs against the next, where prices are known."""
    mine = first.arm.thousand
    theirs = then[0].arm.thousand if then else None
    if mine is None or theirs is None:
        return ()
    than = "no more" if mine <= theirs else "more"
    says = f"Costs {than} than {then[0].arm.way}."
    figure = f"{dollars(mine)} against {dollars(theirs)} a thousand answers"
    if first.arm.monthly is not None and then[0].arm.monthly is not None:
        figure += f"; {dollars(first.arm.monthly)} against {dollars(then[0].arm.monthly)} a month at what is expected"
    return (Reason(says=says, figure=figure, source=HERE),)


def _too_few(first: _Judged, ranked: Sequence[_Judged], gaps: Gaps) -> tuple[Reason, ...]:
    count = min(one.arm.quality.n for one in ranked)
    says = f"{count} cases are too few to choose by; from {FEW} on, measurements decide."
    other = ranked[1].arm if len(ranked) > 1 else None
    figure = better_by(first.arm, other, gaps(first.arm.way, other.way)) if other else figure_of(first.arm)
    return (Reason(says=says, figure=figure, source=HERE),)


def _runner_up(ranked: Sequence[_Judged], facts: Facts, gaps: Gaps, basis: Basis) -> Choice:
    first, second = ranked[0].arm, ranked[1].arm
    gap = gaps(second.way, first.way)
    says = f"Worse than {first.way} on {first.metric}." if gap is not None and gap.better == first.way else ""
    if not says:
        says = f"Not distinguishable from {first.way} on {first.metric}{_more(gap)}, but {_heavier(second, first)}."
    if basis != "measured":
        says = f"The facts say less for it than for {first.way}."
    second_place = Reason(says=says, figure=better_by(second, first, gap), source=HERE)
    return Choice(way=second.way, reasons=(second_place, *_speaks_for(second, first), *for_way(facts, second.way)))


def _heavier(second: Measured, first: Measured) -> str:
    return {
        "it is the cheaper of the two": "dearer",
        "it stands lower on the ladder from easy to difficult": "higher on the ladder from easy to difficult",
    }.get(_lighter(first, second), "less surely within the constraints")


def _speaks_for(second: Measured, first: Measured) -> tuple[Reason, ...]:
    """Say what the runner-up is better in."""
    reasons = []
    if second.thousand is not None and first.thousand is not None and second.thousand < first.thousand:
        figure = f"{dollars(second.thousand)} against {dollars(first.thousand)} a thousand answers"
        reasons.append(Reason(says=f"Cheaper than {first.way}.", figure=figure, source=HERE))
    if second.p95 is not None and first.p95 is not None and second.p95.value < first.p95.value:
        figure = f"p95 {seconds(second.p95.value)} against {seconds(first.p95.value)}"
        reasons.append(Reason(says=f"Faster than {first.way}.", figure=figure, source=HERE))
    if second.traits.rung.number < first.traits.rung.number:
        effort = second.traits.rung.effort
        reasons.append(Reason(says=f"Lower on the ladder: {effort}.", source=S0))
    return tuple(reasons)


def _summary(ranked: Sequence[_Judged], out: Sequence[Choice], basis: Basis, untried: Sequence[str]) -> str:
    if not ranked and not out:
        return "Nothing was measured yet."
    if not ranked:
        try_next = f" Worth trying: {', '.join(untried)}." if untried else ""
        return f"No way that was measured keeps within the constraints.{try_next}"
    way = ranked[0].arm.way
    title = LADDER[way].title if way in LADDER else way
    by = {"measured": "as measured", "facts": "by the facts; measure more cases", "nothing": "for a start; measure it"}
    return f"{title}, {by[basis]}."
