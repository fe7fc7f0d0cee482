"""The ways side by side, as `fourways compare` shows them: measured, with their differences; and by their nature."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from fourways.core.report import Estimate, Measure
from fourways.core.traits import Trait
from fourways.evals.comparing.comparison import Arm, Comparison, Group, group_of
from fourways.evals.comparing.wording import dollars, seconds, share

BEST, LEVEL = "[green]▲[/]", "[yellow]≈[/]"
LEGEND = f"[dim]*[/] counts first · {BEST} best · {LEVEL} not distinguishable from it · [dim](95 % interval)[/]"
HEADS: dict[Group, str] = {"quality": "Quality", "tokens": "Tokens an answer", "cost": "Cost"}
PRIMARY = " *"
TWO = 2
"""With two ways there is room for their difference."""

Row = tuple[str, ...]


def side_by_side(comparison: Comparison) -> Table:
    """Return what was measured, a column a way; with two of them their difference too."""
    count = len(comparison.arms)
    ways = "1 way" if count == 1 else f"{count} ways"
    title = f"{comparison.app}: {ways} on {comparison.cases:,} cases of {comparison.suite}"
    made = _table(comparison, title)
    two = comparison.arms if len(comparison.arms) == TWO else ()
    if two:
        made.add_column(f"{two[1].way} − {two[0].way}\n[dim]case by case[/]", overflow="fold")
    for name, *cells in _rows(comparison):
        metric = name.removesuffix(PRIMARY) if two else ""
        made.add_row(name, *cells, _difference(comparison, ROW_METRICS.get(metric, metric), two) if cells else "")
    return made


def by_nature(comparison: Comparison) -> Table:
    """Return what each way is like, in words."""
    made = _table(comparison, "By their nature")
    for name, take in NATURE:
        made.add_row(name, *(escape(take(arm).says) for arm in comparison.arms))
    return made


def _table(comparison: Comparison, title: str) -> Table:
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    made.add_column("", style="dim", no_wrap=True)
    for arm in comparison.arms:
        made.add_column(f"{arm.title}\n[dim]{arm.way} · {escape(arm.model)}[/]", overflow="fold")
    return made


def _difference(comparison: Comparison, metric: str, two: Sequence[Arm]) -> str:
    found = comparison.against(metric, two[0].way, two[1].way) if two else None
    if found is None:
        return ""
    sign = 1 if found.first == two[1].way else -1
    low, high = sorted(sign * end for end in (found.difference.low, found.difference.high))
    if low == high == 0:
        return "[dim]none[/]"
    say = SAYS.get(metric, _signed)
    return f"{say(sign * found.difference.value)} [dim]({_bare(say(low), say(high))} to {say(high)})[/]"


def _bare(low: str, high: str) -> str:
    """Leave the unit out where it is said behind the other end anyway."""
    return low.removesuffix(f" {high.partition(' ')[2]}")


def _signed(value: float) -> str:
    return f"{value:+,.0f}" if abs(value) >= 10 else f"{value:+.2f}"  # noqa: PLR2004 - tokens, or shares


def _signed_seconds(value: float) -> str:
    return f"{'+' if value >= 0 else '-'}{seconds(abs(value))}"


def _rows(comparison: Comparison) -> Iterator[Row]:
    for group, head in HEADS.items():
        found = [row for metric in comparison.metrics if (row := _measured(comparison, metric, group))]
        if group == "cost":
            found = [*_speed(comparison), (f"[bold]{head}[/]",), *_costs(comparison.arms)]
        elif found:
            found = [(f"[bold]{head}[/]",), *found]
        if group == "tokens":
            found = [*_robustness(comparison), *found]
        yield from found


def _robustness(comparison: Comparison) -> Iterator[Row]:
    """Yield the share of disturbed questions whose answers held, by disturbance."""
    effects = [{one["name"]: one for one in arm.robustness.get("effects", ())} for arm in comparison.arms]
    names = list(dict.fromkeys(name for of in effects for name in of))
    if names:
        yield ("[bold]Holds when disturbed[/]",)
    for name in names:
        yield (name, *(_effect(of[name]["invariance"]) if name in of else "[dim]–[/]" for of in effects))


def _effect(invariance: Mapping[str, Any]) -> str:
    return f"{share(invariance['value'])} [dim]({share(invariance['low'])}–{share(invariance['high'])})[/]"


def _measured(comparison: Comparison, metric: str, group: Group) -> Row | None:
    known = [measure for arm in comparison.arms if (measure := arm.measure(metric))]
    if not known or group_of(known[0]) != group:
        return None
    cells = [_cell(comparison, arm, arm.measure(metric)) for arm in comparison.arms]
    return (f"{metric}{PRIMARY if metric == comparison.primary else ''}", *cells)


def _cell(comparison: Comparison, arm: Arm, measure: Measure | None) -> str:
    if measure is None:
        return "[dim]–[/]"
    say = share if not measure.unit else _count
    return f"{_interval(measure.estimate, say)} {_mark(comparison, measure.metric, arm.way)}"


def _mark(comparison: Comparison, metric: str, way: str) -> str:
    """Say whether a way is better in a metric than all others, or no other is; nothing where nothing differs at all."""
    mine = [one for one in comparison.versus if one.metric == metric and way in {one.first, one.second}]
    if not mine or all(one.difference.low == one.difference.high == 0 for one in mine):
        return ""
    if any(one.better not in {"", way} for one in mine):
        return ""
    return BEST if all(one.better == way for one in mine) else LEVEL


def _interval(estimate: Estimate, say: Callable[[float], str]) -> str:
    if estimate.low == estimate.high or not all(map(math.isfinite, (estimate.low, estimate.high))):
        return say(estimate.value)
    low, high = say(estimate.low), say(estimate.high)
    return f"{say(estimate.value)} [dim]({_bare(low, high)}–{high})[/]"


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"  # noqa: PLR2004 - from here on, tenths say nothing


def _speed(comparison: Comparison) -> Iterator[Row]:
    count = max((arm.timing.n for arm in comparison.arms if arm.timing), default=0)
    if not count:
        return
    yield (f"[bold]Speed[/], n = {count}",)
    for name, metric, field in SPEEDS:
        cells = []
        for arm in comparison.arms:
            estimate: Estimate | None = getattr(arm.timing, field) if arm.timing else None
            mark = _mark(comparison, metric, arm.way) if field.endswith("p50") else ""
            cells.append("[dim]–[/]" if estimate is None else f"{_interval(estimate, seconds)} {mark}")
        yield (name, *cells)


SPEEDS = (
    ("first token, p50", "first_token", "first_p50"),
    ("first token, p95", "first_token", "first_p95"),
    ("whole, p50", "latency", "whole_p50"),
    ("whole, p95", "latency", "whole_p95"),
)


ROW_METRICS = {name: metric for name, metric, field in SPEEDS if field.endswith("p50")}
"""Rows whose difference is of another metric's cases: seconds are compared answer by answer, not by quantile."""
SAYS = dict.fromkeys(("first_token", "latency"), _signed_seconds)


def _costs(arms: Sequence[Arm]) -> Iterator[Row]:
    yield ("a thousand answers", *(known(arm.economy.usd_per_thousand) for arm in arms))
    yield ("  provider", *(known(_thousand(arm.economy.usd_per_answer)) for arm in arms))
    yield ("  machine time", *(f"{seconds(arm.economy.machine_seconds)} an answer" for arm in arms))
    yield ("to build it", *(f"{seconds(arm.build.seconds)}, {dollars(arm.build.usd)}" for arm in arms))


def _thousand(usd: float | None) -> float | None:
    return None if usd is None else 1000 * usd


def known(usd: float | None) -> str:
    """Say an amount, or that nobody knows it."""
    return "[yellow]not known[/]" if usd is None else dollars(usd)


NATURE: tuple[tuple[str, Callable[[Arm], Trait]], ...] = (
    ("fresh", lambda arm: arm.traits.freshness),
    ("data", lambda arm: arm.traits.data),
    ("erasing", lambda arm: arm.traits.erasure),
    ("people", lambda arm: arm.traits.people),
    ("hardware", lambda arm: arm.traits.hardware),
    ("memorised", lambda arm: arm.traits.memory),
)
