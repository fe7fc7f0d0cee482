"""Markdown for a pull request: short, the verdict first, what was missed folded away."""

from collections.abc import Iterator, Sequence

from fourways.core.report import Measure, Report
from fourways.core.verdict import Verdict
from fourways.evals.comparing.comparison import Arm, Comparison
from fourways.evals.comparing.wording import dollars, seconds, told
from fourways.evals.rendering.against import NOTHING_IN_COMMON, against
from fourways.evals.rendering.evaluation import headline
from fourways.evals.rendering.misses import missed_of, why
from fourways.evals.rendering.tables import NOT_SCORED, sayer, spanned
from fourways.evals.rendering.text import flat, legal

SHOWN_MISSES, SHOWN_RULES, SHOWN_METRICS, SHOWN_REASONS = 8, 12, 20, 4
"""Lines of each kind at most: a comment that nobody scrolls through."""
LONGEST = 160
SIGNS = {True: "✅", False: "❌", None: "❔"}
SAID = {
    "pass": "✅ **The gate lets it pass.**",
    "fail": "❌ **The gate says no.**",
    "inconclusive": "❔ **The gate cannot say yes.**",
}
_READ_AS_MARKUP = frozenset("|`*_[]<>#\\~@&")


def evaluation_markdown(
    report: Report, *, verdict: Verdict | None = None, baseline: Report | None = None, baseline_name: str = "live"
) -> str:
    """Return an evaluation as Markdown."""
    return legal("\n".join(_evaluation(report, verdict, baseline, baseline_name)) + "\n")


def _evaluation(report: Report, verdict: Verdict | None, baseline: Report | None, name: str) -> Iterator[str]:
    yield f"### {cell(report.model)}: {headline(report)}"
    yield ""
    if report.stopped:
        yield f"Not every case was asked: {cell(report.stopped)}.\n"
    if verdict is not None:
        yield from _verdict(verdict)
    yield f"| metric | figure | interval |{f' against {cell(name)} |' if baseline else ''}"
    yield f"|---|--:|--:|{'---|' if baseline else ''}"
    for measure in report.measures[:SHOWN_METRICS]:
        yield f"| {cell(measure.metric)} | {_figure(measure)} | {_interval(measure)} |" + (
            f" {_apart(report, baseline, measure)} |" if baseline else ""
        )
    yield from _more(len(report.measures) - SHOWN_METRICS, "metrics")
    yield from _misses(report)


def _verdict(verdict: Verdict) -> Iterator[str]:
    yield SAID[verdict.outcome]
    yield ""
    yield "| | rule | what was found |"
    yield "|---|---|---|"
    worst = sorted(verdict.rules, key=lambda rule: {False: 0, None: 1, True: 2}[rule.passed])
    for rule in worst[:SHOWN_RULES]:
        yield f"| {SIGNS[rule.passed]} | {cell(rule.rule)} | {cell(rule.reason)} |"
    yield from _more(len(worst) - SHOWN_RULES, "rules")
    yield ""


def _misses(report: Report) -> Iterator[str]:
    missed = missed_of(report)
    if not missed:
        return
    yield ""
    yield f"<details><summary>{len(missed)} missed</summary>\n"
    yield "| case | question | expected | answer | why |"
    yield "|---|---|---|---|---|"
    for result in missed[:SHOWN_MISSES]:
        said = result.answer.error or result.answer.text
        words = (result.id, result.input, result.expected, said, why(result))
        yield f"| {' | '.join(map(cell, words))} |"
    yield from _more(len(missed) - SHOWN_MISSES, "misses")
    yield "\n</details>"


def _more(count: int, what: str) -> Iterator[str]:
    if count > 0:
        yield f"\n{count} more {what} are in the page and the JSON."


# ---------------------------------------------------------------- a comparison


def comparison_markdown(comparison: Comparison) -> str:
    """Return a comparison as Markdown: the advice, the ways side by side."""
    return legal("\n".join(_comparison(comparison)) + "\n")


def _comparison(comparison: Comparison) -> Iterator[str]:
    advice, arms = comparison.advice, comparison.arms
    yield f"### {cell(comparison.app)}: {cell(advice.says)}"
    for role, choice in (("Why", advice.recommended), ("Runner-up:", advice.runner_up)):
        if choice is not None:
            yield f"\n{role} **{cell(choice.way)}**\n"
            for reason in choice.reasons[:SHOWN_REASONS]:
                yield f"- {cell(reason.says)}{f' ({cell(reason.figure)})' if reason.figure else ''}"
    yield ""
    yield f"| | {' | '.join(cell(arm.way) for arm in arms)} |"
    yield f"|---|{'--:|' * len(arms)}"
    for metric in comparison.metrics[:SHOWN_METRICS]:
        yield _row(metric, [_both(arm.measure(metric)) for arm in arms])
    yield _row("whole answer, median", [told(arm.timing.whole_p50, seconds) if arm.timing else "" for arm in arms])
    yield _row("whole answer, 95 %", [told(arm.timing.whole_p95, seconds) if arm.timing else "" for arm in arms])
    yield _row("a thousand answers", [_thousand(arm) for arm in arms])
    yield _row("where data goes", [arm.traits.data.says for arm in arms])
    yield f"\n{comparison.cases:,} cases of {cell(comparison.suite)}, in {comparison.seconds:.0f} s."
    for note in comparison.notes[:SHOWN_REASONS]:
        yield f"\n> {cell(note)}"


def _row(name: str, cells: Sequence[str]) -> str:
    return f"| {cell(name)} | {' | '.join(map(cell, cells))} |"


def _thousand(arm: Arm) -> str:
    usd = arm.economy.usd_per_thousand
    return dollars(usd) if usd is not None else "no price is known"


# ---------------------------------------------------------------- figures and texts


def _figure(measure: Measure) -> str:
    return sayer(measure)(measure.estimate.value) if measure.estimate.n else NOT_SCORED


def _interval(measure: Measure) -> str:
    one, say = measure.estimate, sayer(measure)
    return spanned(say(one.low), say(one.high)) if one.n else ""


def _both(measure: Measure | None) -> str:
    return "" if measure is None else f"{_figure(measure)} ({_interval(measure)})" if measure.estimate.n else NOT_SCORED


def _apart(report: Report, baseline: Report, measure: Measure) -> str:
    found = against(report, baseline, measure)
    if found is None or found.says == NOTHING_IN_COMMON:
        return found.says if found is not None else ""
    return f"**{found.says}**" if found.better else found.says


def cell(text: object) -> str:
    """Return a text fit for a table's cell: one line, nothing that Markdown or HTML would read as its own."""
    return "".join(f"\\{letter}" if letter in _READ_AS_MARKUP else letter for letter in flat(text, LONGEST))
