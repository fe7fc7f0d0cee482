"""The page of one evaluation: what was measured, what the gate says of it, what was missed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from fourways.core.report import CaseResult, Estimate, Measure, Report
from fourways.core.verdict import Verdict
from fourways.evals.comparing.wording import seconds
from fourways.evals.measuring import undecided
from fourways.evals.rendering import charts
from fourways.evals.rendering.against import Against, against
from fourways.evals.rendering.misses import missed_of, misses_of
from fourways.evals.rendering.page import fill
from fourways.evals.rendering.robust import fallen, lost, robustness
from fourways.evals.rendering.tables import Entry, Head, Table, line_of, percent, sayer, spanned, table
from fourways.evals.rendering.text import fair, flat
from fourways.evals.statistics import wilson

MISSES, OTHERS = 200, 1_200
"""Cases that the page holds in full, and in a line each, at most."""
ROOM, ROOM_FOR_SOURCES = 300_000, 150_000
"""Bytes that the texts of the misses may take, and those of their sources."""
LINE, SOURCE = 90, 280
"""Characters of a text in a table, and of a source."""
FEWEST_OF_A_KIND = 3
NOTHING = "none of {} cases could be decided"


def evaluation_html(
    report: Report, *, verdict: Verdict | None = None, baseline: Report | None = None, baseline_name: str = "live"
) -> str:
    """Return the page as one self-contained file.

    Args:
        report: what was measured.
        verdict: what the gate says of it.
        baseline: what it is compared with, measured on the same cases.
        baseline_name: what people call that.
    """
    missed = missed_of(report)
    full, rest = missed[:MISSES], missed[MISSES:]
    others = [*rest, *(one for one in report.results if undecided(one)), *(one for one in report.results if one.passed)]
    return fill(
        "evaluation.html.j2",
        title=f"{report.app or report.model}: {headline(report)}",
        version=version("fourways"),
        report=report,
        when=moment(report.started_at),
        headline=headline(report),
        lead=list(_lead(report, baseline, baseline_name)),
        tiles=list(_tiles(report)),
        verdict=verdict,
        measures=_measures(report, baseline, baseline_name),
        kinds=_kinds(report, baseline, baseline_name),
        misses=misses_of(full),
        more_misses=len(rest),
        longest=fair([text for one in full for text in _texts(one)], ROOM),
        source_longest=min(SOURCE, ROOM_FOR_SOURCES // max(1, sum(len(one.answer.sources) for one in full))),
        others=[_other(one) for one in others[:OTHERS]],
        others_said=_others_said(len(rest), others),
        robustness=robustness(report.robustness),
        disturbed_cases=report.robustness.get("cases", 0),
        left_out=report.robustness.get("left_out", {}),
        examples=fallen(report.robustness),
        latency=_latency(report, baseline, baseline_name),
        pins=list(_pins(report)),
        command=f"fourways eval {report.model}",
    )


# ---------------------------------------------------------------- in a sentence


def headline(report: Report) -> str:
    """Say in a sentence what came out: `41 of 80 cases passed (51 %, 40 to 62 %)`; undecided cases are not counted."""
    measure = report.measure("passed")
    if measure is None or not measure.estimate.n:
        return NOTHING.format(len(report.results))
    one = measure.estimate
    share = f"{percent(one.value)}, {spanned(percent(one.low), percent(one.high))}"
    open_still = f"; {measure.unscored} could not be decided" if measure.unscored else ""
    return f"{round(one.value * one.n)} of {one.n} cases passed ({share}){open_still}"


def moment(seconds: float) -> str:
    """Say a Unix time, in UTC: a report is read elsewhere too."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _lead(report: Report, baseline: Report | None, name: str) -> Iterator[str]:
    measure = report.measure("passed")
    if measure is not None and measure.estimate.n:
        low, high = (round(100 * end) for end in (measure.estimate.low, measure.estimate.high))
        yield f"Of a hundred more questions like these, {low} to {high} can be expected to pass."
    if measure is not None and baseline is not None:
        found = against(report, baseline, measure)
        if found is not None:
            yield f"Against {name}, over {found.difference.n:,} cases: {found.says}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure to be seen at a glance."""

    name: str
    figure: str
    note: str


TILES = {
    "latency_p50": "half answered within",
    "latency_p95": "95 % answered within",
    "abstained": "said they cannot answer",
    "errors": "broke off",
    "cost": "an answer costs",
}
"""Metrics that are shown at a glance, and how they are called there."""


def _tiles(report: Report) -> Iterator[Tile]:
    for metric, name in TILES.items():
        measure = report.measure(metric)
        if measure is not None and measure.estimate.n:
            one, say = measure.estimate, sayer(measure)
            note = spanned(say(one.low), say(one.high)) if one.low < one.high else ""
            yield Tile(name=name, figure=say(one.value), note=note)


# ---------------------------------------------------------------- tables


def _sides(baseline: Report | None, name: str) -> list[Head]:
    return [Head(name="this candidate")] if baseline is None else [Head(name="this"), Head(name=name, series=1)]


def _measures(report: Report, baseline: Report | None, name: str) -> Table:
    heads = _sides(baseline, name) if baseline is not None else [Head(name="")]
    entries = [_entry(report, measure, baseline) for measure in report.measures]
    return table(heads, entries, cases=len(report.results), last=f"against {name}" if baseline is not None else "")


def _entry(report: Report, measure: Measure, baseline: Report | None) -> Entry:
    other = baseline.measure(measure.metric) if baseline is not None else None
    apart: Against | None = against(report, baseline, measure) if baseline is not None and other is not None else None
    sides = [measure] if baseline is None else [measure, other]
    return Entry(
        name=measure.metric,
        line=line_of(measure.metric),
        estimates=tuple(one.estimate if one is not None else None for one in sides),
        unscored=tuple(one.unscored if one is not None else 0 for one in sides),
        say=sayer(measure),
        unit=measure.unit,
        lower=measure.direction == "lower" and measure.metric != "abstained",
        last=apart.says if apart is not None else "",
        tone={1: "pass", -1: "fail"}.get(apart.better, "") if apart is not None else "",
    )


def _kinds(report: Report, baseline: Report | None, name: str) -> Table | None:
    """Return the share of passed cases by kind, where the cases say one."""
    ours = _by_kind(report)
    theirs = _by_kind(baseline) if baseline is not None else {}
    entries = [
        Entry(
            name=kind,
            line=f"{round(one.value * one.n)} of {one.n}",
            estimates=(one,) if baseline is None else (one, theirs.get(kind)),
            say=percent,
            cases=one.n,
        )
        for kind, one in ours.items()
        if one.n >= FEWEST_OF_A_KIND
    ]
    return table(_sides(baseline, name), entries) if len(entries) > 1 else None


def _by_kind(report: Report) -> dict[str, Estimate]:
    kinds: dict[str, list[bool]] = {}
    for result in report.results:
        if "kind" in result.metadata and not undecided(result):
            kinds.setdefault(str(result.metadata["kind"]), []).append(result.passed)
    return {kind: wilson(sum(passed), len(passed)) for kind, passed in sorted(kinds.items())}


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbed:
    """One perturbation in words."""

    name: str
    n: int = 0
    invariance: str = ""
    drop: str = ""
    left_out: str = ""


def disturbed(found: Mapping[str, Any]) -> list[Disturbed]:
    """Say what perturbations did, a row each, those left out last."""
    rows = [
        Disturbed(
            name=effect["name"],
            n=effect["n"],
            invariance=_share(effect["invariance"]),
            drop=lost(effect["drop"]),
        )
        for effect in found.get("effects", ())
    ]
    return rows + [Disturbed(name=name, left_out=reason) for name, reason in found.get("left_out", {}).items()]


def _share(one: Mapping[str, Any]) -> str:
    return f"{percent(one['value'])} ({spanned(percent(one['low']), percent(one['high']))})"


# ---------------------------------------------------------------- cases, seconds, what it rests on


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A case that is shown in a line; `passed` is None where it cannot be told."""

    passed: bool | None
    id: str
    question: str
    answer: str


def _other(result: CaseResult) -> Other:
    said = result.answer.error or result.answer.text
    passed = None if undecided(result) else result.passed
    return Other(passed=passed, id=flat(result.id, LINE), question=flat(result.input, LINE), answer=flat(said, LINE))


def _others_said(missed: int, results: Sequence[CaseResult]) -> str:
    """Say what stands in the table of the others: `12 more missed, 978 passed: a line each`."""
    counts = {
        "more missed": missed,
        "undecided": sum(undecided(one) for one in results),
        "passed": sum(one.passed for one in results),
    }
    parts = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    return f"{parts}: a line each" + (f" of the first {OTHERS:,}" if len(results) > OTHERS else "")


def _texts(result: CaseResult) -> list[str]:
    return [result.input, result.expected, result.answer.text, result.answer.error, result.explanation]


def _latency(report: Report, baseline: Report | None, name: str) -> str:
    samples = [("this", _seconds(report))] + ([(name, _seconds(baseline))] if baseline is not None else [])
    known = [(label, sample) for label, sample in samples if sample]
    axes = charts.Axes(across="seconds to the whole answer", up="share of the answers", say_x=seconds, say_y=percent)
    return charts.steps("How long answers took", known, axes) if known else ""


def _seconds(report: Report) -> Sequence[float]:
    return [result.answer.seconds for result in report.results if not result.answer.error]


def _pins(report: Report) -> Iterator[tuple[str, str]]:
    yield "report", report.id
    yield "asked", report.model
    if report.candidate:
        yield "candidate", report.candidate
    yield "cases", f"{len(report.results):,} of {report.suite}, digest {report.suite_digest[:12]}"
    for name, value in report.pins.items():
        yield name, _plainly(value)
    reused = sum(result.reused for result in report.results)
    yield (
        "took",
        f"{seconds(report.seconds)}, ${report.cost_usd:.4f}" + (f"; {reused:,} known before" if reused else ""),
    )


def _plainly(value: Any) -> str:  # noqa: ANN401 - whatever was pinned
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_plainly(one)}" for name, one in value.items() if one is not None and one != "")
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
