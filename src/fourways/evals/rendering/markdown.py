"""Markdown for a pull request: short, the verdict first, what was missed folded away."""

from collections.abc import Iterator

from fourways.core.report import Report
from fourways.core.verdict import Verdict
from fourways.evals.comparison import Comparison
from fourways.evals.gate import say
from fourways.evals.rendering.evaluation import headline, listed, told

SHOWN_MISSES = 8
LONGEST = 160
SIGNS = {True: "✅", False: "❌", None: "❔"}
SAID = {
    "pass": "✅ **The gate lets it pass.**",
    "fail": "❌ **The gate says no.**",
    "inconclusive": "❔ **The gate cannot say yes.**",
}


def evaluation_markdown(report: Report, *, verdict: Verdict | None = None, baseline: Report | None = None) -> str:
    """Return an evaluation as Markdown."""
    return "\n".join(_evaluation(report, verdict, baseline)) + "\n"


def _evaluation(report: Report, verdict: Verdict | None, baseline: Report | None) -> Iterator[str]:
    yield f"### {cell(report.model)}: {headline(report)}"
    yield ""
    if report.stopped:
        yield f"Not every case was asked: {cell(report.stopped)}.\n"
    if verdict is not None:
        yield SAID[verdict.outcome]
        yield ""
        yield "| | rule | what was found |"
        yield "|---|---|---|"
        for rule in verdict.rules:
            yield f"| {SIGNS[rule.passed]} | {cell(rule.rule)} | {cell(rule.reason)} |"
        yield ""
    yield "| metric | figure | interval | against live |" if baseline else "| metric | figure | interval |"
    yield "|---|--:|--:|---|" if baseline else "|---|--:|--:|"
    for measure in report.measures:
        one = told(measure, report, baseline)
        yield f"| {cell(one.name)} | {one.value} | {one.interval} |" + (f" {one.difference} |" if baseline else "")
    yield from _misses(report)


def _misses(report: Report) -> Iterator[str]:
    count = len(report.results) - report.passed
    if not count:
        return
    yield ""
    yield f"<details><summary>{count} missed</summary>\n"
    yield "| case | question | expected | answer |"
    yield "|---|---|---|---|"
    for result in listed(report, SHOWN_MISSES):
        said = result.answer.error or result.answer.text
        yield f"| {cell(result.id)} | {cell(result.input)} | {cell(result.expected)} | {cell(said)} |"
    yield "\n</details>"


def comparison_markdown(comparison: Comparison) -> str:
    """Return a comparison as Markdown: the advice, the ways side by side."""
    return "\n".join(_comparison(comparison)) + "\n"


def _comparison(comparison: Comparison) -> Iterator[str]:
    advice = comparison.advice
    yield f"### {cell(comparison.app)}: {cell(advice.says)}"
    yield ""
    for choice in (advice.recommended, advice.runner_up):
        for reason in choice.reasons if choice is not None else ():
            figure = f" ({cell(reason.figure)})" if reason.figure else ""
            yield f"- **{cell(choice.way) if choice else ''}**: {cell(reason.says)}{figure}"
    yield ""
    ways = [arm.way for arm in comparison.arms]
    yield f"| | {' | '.join(cell(way) for way in ways)} |"
    yield f"|---|{'--:|' * len(ways)}"
    for metric in comparison.metrics:
        found = [arm.measure(metric) for arm in comparison.arms]
        yield f"| {cell(metric)} | {' | '.join(say(one, one.estimate.value) if one else '' for one in found)} |"
    yield f"\n{comparison.cases} cases of {cell(comparison.suite)}, in {comparison.seconds:.0f} s."


def cell(text: object) -> str:
    """Return a text fit for a table's cell: one line, nothing that Markdown or HTML would read as its own."""
    flat = " ".join(str(text).split())
    short = flat if len(flat) <= LONGEST else f"{flat[:LONGEST]} …"
    return "".join(f"\\{letter}" if letter in "|`*_[]<>#\\" else letter for letter in short)
