"""How `fourways eval` shows a report: measures with intervals and bars, the first misses, the verdict rule by rule."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from fourways.cli.release_shown import tell_verdict
from fourways.cli.terminal import OUT
from fourways.core.report import CaseResult, Measure, Report
from fourways.core.verdict import Verdict

BAR, SHORT_BAR = 20, 8
"""Characters of a share's bar, on a wide terminal and on a narrow one."""
NARROW = 100
"""Columns below which a terminal is narrow."""
COLOURS = {1: "green", -1: "red", 0: "dim"}
"""Of what stands against what is live, by whether it is better."""
MISSES = 5
LONG = 300
"""Characters of a text."""


def tell(report: Report, verdict: Verdict | None, live: Report | None, live_name: str) -> None:
    """Show all of it."""
    from fourways.evals.rendering.evaluation import headline

    OUT.print(f"[bold]{escape(report.model)}[/]: {headline(report)} [dim]suite {escape(report.suite)}[/]")
    if report.stopped:
        OUT.print(f"[yellow]![/] not every case was asked: {escape(report.stopped)}", soft_wrap=True)
    OUT.print(_measures(report, live, live_name))
    _robustness(report)
    _misses(report)
    if verdict is not None:
        tell_verdict("The gate", verdict.plain())
    OUT.print(f"[dim]{report.seconds:.1f} s, ${report.cost_usd:.4f}, report {report.id}[/]")


def _measures(report: Report, live: Report | None, live_name: str) -> Table:
    from fourways.evals.gate import say

    made = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("metric", "figure", "95 % interval", "n"):
        made.add_column(column, justify="left" if column == "metric" else "right", overflow="fold")
    made.add_column("", no_wrap=True)
    wide = BAR if OUT.width >= NARROW else SHORT_BAR
    if live is not None:
        made.add_column(f"against {live_name}", overflow="fold")
    for measure in report.measures:
        one = measure.estimate
        told = (say(measure, one.value), f"{say(measure, one.low)} to {say(measure, one.high)}")
        row = [measure.metric, *(told if one.n else ("not scored", ""))]
        row += [f"{one.n}" + (f" (+{measure.unscored})" if measure.unscored else ""), _bar(measure, wide)]
        made.add_row(*row, *([_against(report, live, measure)] if live is not None else []))
    return made


def _bar(measure: Measure, wide: int) -> str:
    """Draw a share with its interval: a full line up to the low end, a thin one to the high end."""
    one = measure.estimate
    if measure.unit or not one.n or not 0 <= one.value <= 1 or not 0 <= one.low <= one.high <= 1:
        return ""
    cells = []
    for place in range(wide):
        middle = (place + 0.5) / wide
        cells.append("━" if middle <= one.low else "─" if middle <= one.high else " ")
    at = min(wide - 1, int(one.value * wide))
    cells[at] = "●"
    return f"[cyan]{''.join(cells)}[/]"


def _against(report: Report, live: Report, measure: Measure) -> str:
    from fourways.evals.rendering.against import against

    found = against(report, live, measure)
    return f"[{COLOURS[found.better]}]{found.says}[/]" if found is not None else ""


def _robustness(report: Report) -> None:
    from fourways.evals.rendering.evaluation import disturbed

    rows = disturbed(report.robustness)
    if not rows:
        return
    made = Table(
        title="Disturbed", title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim"
    )
    for column in ("what was done", "cases", "outcome stayed", "score fell by"):
        made.add_column(column, justify="left" if column == "what was done" else "right")
    for row in rows:
        left_out = f" [yellow]left out: {escape(row.left_out)}[/]" if row.left_out else ""
        made.add_row(row.name + left_out, str(row.n or ""), row.invariance, row.drop)
    OUT.print()
    OUT.print(made)


def _misses(report: Report) -> None:
    from fourways.evals.measuring import undecided
    from fourways.evals.rendering.misses import missed_of

    _cases("Missed", missed_of(report), "[red]✗[/]", "missed")
    _cases("Could not be decided", [one for one in report.results if undecided(one)], "[yellow]?[/]", "because")


def _cases(title: str, found: Sequence[CaseResult], sign: str, why: str) -> None:
    if not found:
        return
    OUT.print(f"\n[bold]{title}, {min(MISSES, len(found))} of {len(found)}[/]")
    for result in found[:MISSES]:
        OUT.print(_case(result, sign, why))
    OUT.print()


def _case(result: CaseResult, sign: str, why: str) -> Table:
    """Show a case: what was asked, expected and answered, why it did not pass, and what the model says of it."""
    from fourways.evals.rendering.text import flat

    made = Table.grid(padding=(0, 1))
    made.add_column(width=1)
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    failed = result.answer.error
    reasons = [f"{score.metric}: {score.reason}" for score in result.scores if score.passed is False and score.reason]
    rows = (
        ("asked", result.input),
        ("expected", result.expected),
        ("failed", failed) if failed else ("answered", result.answer.text or "nothing"),
        (why, "; ".join(reasons)),
        ("explains", result.explanation),
    )
    made.add_row(sign, "case", escape(result.id))
    for name, text in rows:
        if text:
            made.add_row("", name, escape(flat(text, LONG)))
    return made
