"""`fourways eval`: a candidate measured on test cases, with intervals; the gate's verdict is the exit code."""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fourways.cli.evaluate_shown import tell
from fourways.cli.terminal import ERR, SAID_NO, AsJson, bars, folder_of, print_json
from fourways.core.errors import InvalidRequest
from fourways.core.report import Report
from fourways.core.verdict import Verdict

if TYPE_CHECKING:
    from fourways.bootstrap import House
    from fourways.control.evaluations import Ask
    from fourways.evals.runner import Progress

SIDES = ("testing", "tuning")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("eval")(evaluate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What an evaluation brought: `verdict` is None where nothing was to be judged, `live` where nothing is live."""

    report: Report
    verdict: Verdict | None
    live: Report | None
    live_name: str


def evaluate(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Argument(help="What to measure: an app, app:way, app@release, provider/model; the only app otherwise."),
    ] = None,
    suite: Annotated[
        Path | None, typer.Option(help="Cases from this file instead of the app's.", dir_okay=False)
    ] = None,
    side: Annotated[str, typer.Option(help="testing, or tuning: the cases for trying things out.")] = "testing",
    first: Annotated[int | None, typer.Option(min=1, help="Only the first so many cases.")] = None,
    repeat: Annotated[int | None, typer.Option(min=1, max=100, help="Ask each case so often.")] = None,
    at_once: Annotated[int | None, typer.Option(min=1, max=256, help="Questions under way together.")] = None,
    budget: Annotated[float | None, typer.Option(min=0, help="Stop at so many US dollars.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page that works from disk.", dir_okay=False)] = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML, for CI servers.", dir_okay=False)] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write Markdown, for a pull request.", dir_okay=False)] = None,
    *,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask anew what was answered before.")] = False,
    explain: Annotated[bool | None, typer.Option(help="On a miss, ask the model why it answered so.")] = None,
    robustness: Annotated[bool | None, typer.Option(help="Ask some cases again, disturbed.")] = None,
    gate: Annotated[bool, typer.Option(help="Judge the report by the app's gate.")] = True,
    as_json: AsJson = False,
) -> None:
    """Measure a candidate on test cases; exit 0 where its gate lets it pass, 3 where it does not.

    Killed or stopped, it goes on at the next call from the answers that were kept.

    Examples:  fourways eval   ·   fourways eval helpdesk:rag --first 20   ·   fourways eval --junit report.xml
    """
    from fourways.control.evaluations import Ask

    if side not in SIDES:
        raise InvalidRequest(f"there is no side '{side}'; there is: {', '.join(SIDES)}", param="side")
    asking = Ask(
        suite=suite,
        side="tuning" if side == "tuning" else "testing",
        first=first,
        fresh=fresh,
        repeat=repeat,
        at_once=at_once,
        explain=explain,
        budget_usd=budget,
        robustness=robustness,
    )
    found = asyncio.run(_evaluate(folder_of(context), model, asking, gate=gate))
    _write(found, html, junit, markdown)
    if as_json:
        from fourways.store.reports import encode

        print_json({"report": encode(found.report), "verdict": found.verdict and found.verdict.plain()})
    else:
        tell(found.report, found.verdict, found.live, found.live_name)
    for path in (html, junit, markdown):
        if path is not None:
            ERR.print(f"[green]✓[/] {path}", soft_wrap=True)
    if found.verdict is not None and found.verdict.outcome != "pass":
        raise typer.Exit(SAID_NO)


async def _evaluate(folder: Path, model: str | None, asking: "Ask", *, gate: bool) -> Evaluated:
    from fourways.bootstrap import open_house
    from fourways.cli.place import only_app

    house = open_house(folder)
    await house.start(background=False)
    try:
        name = model or only_app(house.project.apps, None)
        stop = _stop_on_interrupt()
        with bars() as shown:
            report = await house.evaluator.evaluate(
                name, asking=asking, on_progress=_showing(shown.move, name), stop=stop
            )
            if not gate or asking.side == "tuning" or report.app not in house.project.apps:
                return Evaluated(report=report, verdict=None, live=None, live_name="")
            live_name, live = await _live(house, report, asking, shown.move, stop)
        judged = _verdict(house, report, live_name, live)
        return Evaluated(report=report, verdict=judged, live=live, live_name=live_name)
    finally:
        await house.close()


async def _live(
    house: "House", report: Report, asking: "Ask", move: Callable[[str, int, int, str], None], stop: asyncio.Event
) -> tuple[str, Report | None]:
    """Measure what is live on the same cases, and no more than that; answers that were kept are not asked again."""
    number = await asyncio.to_thread(house.rollouts.live, report.app)
    if number is None or stop.is_set():
        return "", None
    name = f"r{number}"
    plainly = replace(asking, fresh=False, explain=False, robustness=False)
    measured = await house.evaluator.evaluate(
        f"{report.app}@{name}", asking=plainly, on_progress=_showing(move, name), stop=stop
    )
    return name, measured


def _verdict(house: "House", report: Report, live_name: str, live: Report | None) -> Verdict:
    from fourways.evals.gate import Live

    baseline = Live(name=live_name, report=live) if live is not None else None
    return house.evaluator.verdict(report, house.project.apps[report.app].release.gate, baseline)


def _showing(move: Callable[[str, int, int, str], None], name: str) -> "Callable[[Progress], None]":
    def on_progress(progress: "Progress") -> None:
        cost = f", ${progress.cost_usd:.4f}" if progress.cost_usd else ""
        known = f", {progress.reused} known" if progress.reused else ""
        rate = f", {progress.rate:.1f}/s" if progress.rate else ""
        if progress.total:
            move(name, progress.done, progress.total, f"{progress.passed} passed{known}{rate}{cost}")
        else:
            move(f"{name}, {progress.phase}", progress.done, 0, cost.lstrip(", "))

    return on_progress


def _stop_on_interrupt() -> asyncio.Event:
    """Let Ctrl-C stop the asking and keep what there is; a second one ends at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def stopping() -> None:
        ERR.print("Stopping; what was answered is kept.")
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, stopping)
    return stop


def _write(found: Evaluated, html: Path | None, junit: Path | None, markdown: Path | None) -> None:
    from fourways.evals.rendering.evaluation import evaluation_html
    from fourways.evals.rendering.junit import junit_xml
    from fourways.evals.rendering.markdown import evaluation_markdown

    written: dict[Path | None, Callable[[], str]] = {
        html: lambda: evaluation_html(
            found.report, verdict=found.verdict, baseline=found.live, baseline_name=found.live_name
        ),
        junit: lambda: junit_xml(found.report, found.verdict),
        markdown: lambda: evaluation_markdown(
            found.report, verdict=found.verdict, baseline=found.live, baseline_name=found.live_name
        ),
    }
    for path, render in written.items():
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(render(), encoding="utf-8")
