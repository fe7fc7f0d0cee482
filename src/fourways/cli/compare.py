"""`fourways compare`: every way of an app built, measured on the same cases, and put side by side, with advice."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from fourways.cli.compare_shown import tell
from fourways.cli.place import only_app
from fourways.cli.terminal import ERR, AsJson, bars, folder_of, print_json
from fourways.cli.tune import MINUTES, USD
from fourways.control.state import state_folder

if TYPE_CHECKING:
    from fourways.control.comparisons import Told
    from fourways.evals.comparing.comparison import Comparison


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("compare")(compare)


def compare(
    context: typer.Context,
    app: Annotated[str | None, typer.Argument(help="Which app; the project's only one otherwise.")] = None,
    first: Annotated[int | None, typer.Option(min=1, help="Only the first so many test cases.")] = None,
    html: Annotated[Path | None, typer.Option(help="The report; .fourways/reports/ otherwise.", dir_okay=False)] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write it as Markdown too.", dir_okay=False)] = None,
    *,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask all anew, whatever was answered before.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help=f"Train what takes over {MINUTES:g} minutes or ${USD:g}, too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare every way of an app on the same test cases: quality, speed, cost, data; and say which to take, and why.

    Killed, it goes on at the next call from the answers that were kept.

    Examples:  fourways compare   ·   fourways compare helpdesk --first 40   ·   fourways compare --markdown compare.md
    """
    folder = folder_of(context)
    with bars() as shown:
        found = asyncio.run(_compare(folder, app, first, shown.move, fresh=fresh, yes=yes))
    report = html or _usual(folder, found)
    _write(found, report, markdown)
    if as_json:
        from fourways.evals.comparing.comparison import encode

        print_json(encode(found))
    else:
        tell(found)
    ERR.print(f"[green]✓[/] the report: [bold]{escape(str(report))}[/]", soft_wrap=True)


async def _compare(
    folder: Path, app: str | None, first: int | None, told: "Told", *, fresh: bool, yes: bool
) -> "Comparison":
    from fourways.bootstrap import open_house

    house = open_house(folder)
    await house.start(background=False)
    try:
        comparer = replace(house.comparer, train=partial(house.build, most=None if yes else (MINUTES, USD)))
        return await comparer.compare(only_app(house.project.apps, app), told, first=first, fresh=fresh)
    finally:
        await house.close()


def _usual(folder: Path, found: "Comparison") -> Path:
    """Return where the report goes where nobody says."""
    at = datetime.fromtimestamp(found.started_at, UTC).astimezone()
    return state_folder(folder) / "reports" / f"compare-{found.app}-{at:%Y-%m-%d-%H%M%S}.html"


def _write(found: "Comparison", html: Path, markdown: Path | None) -> None:
    from fourways.evals.rendering.comparison import comparison_html
    from fourways.evals.rendering.markdown import comparison_markdown

    html.parent.mkdir(parents=True, exist_ok=True)
    html.write_text(comparison_html(found), encoding="utf-8")
    if markdown is not None:
        markdown.parent.mkdir(parents=True, exist_ok=True)
        markdown.write_text(comparison_markdown(found), encoding="utf-8")
