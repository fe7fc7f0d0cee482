"""How `fourways release` shows releases: where each stands, what judged it, what differs, what happened."""

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from fourways.cli.terminal import OUT, moment, table

if TYPE_CHECKING:
    from fourways.control.showing import Shown
    from fourways.core.difference import Difference
    from fourways.core.rollout import Event

COLOURS = {"live": "green", "canary": "yellow", "rejected": "red", "rolled_back": "red", "superseded": "dim"}
SIGNS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[yellow]?[/]"}
LONG = 60
"""Characters of a value in the list of differences; longer texts are shown line by line."""


def coloured(state: str) -> str:
    """Return a state in its colour."""
    said = state.replace("_", " ")
    return f"[{COLOURS[state]}]{said}[/]" if state in COLOURS else said


def tell(shown: "Shown") -> None:
    """Say in a line where a release stands, and in another what it waits for."""
    release, standing = shown.release, shown.standing
    share = f" · {shown.serving:.0%} of the people" if shown.serving else ""
    OUT.print(
        f"[bold]{release.app}@{release.name}[/] {coloured(standing.state)} in {release.stage}{share} "
        f"[dim]{release.way}@{release.candidate[:12]}[/]"
    )
    if standing.judged:
        OUT.print(f"  {escape(standing.judged)}", soft_wrap=True)
    if shown.waits_for:
        OUT.print(f"  waits for {shown.waits_for}{hint(shown)}")


def hint(shown: "Shown") -> str:
    """Return what one may type next, "" where nothing comes to mind."""
    name, state = shown.release.name, shown.standing.state
    typed = {
        "gated": f"fourways release approve {name}",
        "approved": "fourways up",
        "canary": f"fourways release status {name}",
    }
    return f": [bold]{typed[state]}[/]" if state in typed else ""


def tell_verdict(title: str, verdict: Mapping[str, Any] | None) -> None:
    """Show a verdict rule by rule: its figure, its bound, what it says."""
    if not verdict:
        return
    cells = [
        (
            SIGNS[rule["passed"]],
            escape(rule["rule"]),
            "" if rule["figure"] is None else f"{rule['figure']:.4g}",
            escape(rule["bound"]),
            escape(rule["reason"]),
        )
        for rule in verdict["rules"]
    ]
    OUT.print(table(f"{title}: {verdict['outcome']}", ["", "rule", "figure", "bound", ""], cells, right=["figure"]))


def tell_all(listed: Sequence["Shown"]) -> None:
    """Show releases as a table, newest first."""
    if not listed:
        OUT.print("There is no release yet. Make one: [bold]fourways release create[/]")
        return
    cells = [
        (
            f"{one.release.app}@{one.release.name}",
            one.release.stage,
            coloured(one.standing.state),
            f"{one.serving:.0%}" if one.serving else "",
            f"{one.release.way}@{one.release.candidate[:12]}",
            moment(one.standing.since),
            escape(one.waits_for or one.standing.judged or one.release.note),
        )
        for one in listed
    ]
    columns = ["release", "stage", "state", "serves", "candidate", "since", "waits for, or why"]
    OUT.print(table("Releases, newest first", columns, cells, right=["serves"]))


def tell_differences(found: Sequence["Difference"], before: str, after: str) -> None:
    """Show what differs; long texts line by line."""
    if not found:
        OUT.print(f"{before} and {after} pin the same candidate: nothing differs.")
    for one in found:
        texts = [str(value) for value in (one.before, one.after)]
        if max(map(len, texts)) <= LONG and not any("\n" in text for text in texts):
            OUT.print(f"[bold]{escape(one.place)}[/]  [red]{escape(texts[0])}[/] → [green]{escape(texts[1])}[/]")
            continue
        OUT.print(f"[bold]{escape(one.place)}[/]")
        first, second = (text.splitlines() for text in texts)
        lines = difflib.unified_diff(first, second, before, after, lineterm="", n=2)
        for line in lines:
            colour = {"+": "green", "-": "red", "@": "dim"}.get(line[:1], "")
            OUT.print(f"  [{colour}]{escape(line)}[/]" if colour else f"  {escape(line)}", soft_wrap=True)


def tell_log(rows: Sequence["Event"], broken: str) -> None:
    """Show the log's rows, oldest first, and whether the chain holds."""
    cells = [
        (
            row.number,
            moment(row.at),
            f"{row.app}@r{row.release}",
            row.event.replace("_", " ") + _weight(row),
            escape(row.actor),
            escape(row.reason),
        )
        for row in rows
    ]
    columns = ["", "when", "release", "move", "who", "why"]
    OUT.print(table("Release log", columns, cells, right=[""]))
    OUT.print("[green]The chain holds.[/]" if not broken else f"[red]The chain is broken: {escape(broken)}.[/]")


def _weight(row: "Event") -> str:
    return f" to {row.detail['weight']:.0%}" if row.event == "shift" else ""
