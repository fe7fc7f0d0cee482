"""`fourways doctor`: what is missing, and how to mend it."""

import asyncio
import os
from pathlib import Path

import typer
from rich.markup import escape

from fourways.cli.terminal import FAILED, OUT, AsJson, folder_of, print_json
from fourways.control.checkup import Finding, examine, note, ok

MARKS = {"ok": "[green]✓[/]", "note": "[yellow]![/]", "bad": "[red]✗[/]"}


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor")(doctor)


def doctor(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Say what is missing and how to mend it; which model answers, and why. Ends with 1 where something will not work.

    Example:  fourways doctor
    """
    folder = folder_of(context)
    findings: list[Finding] = []
    for finding in examine(folder, os.environ):
        findings.append(finding)
        if not as_json:
            _show(finding)
    if (folder / "fourways.yaml").is_file() and not any(
        f.subject == "project file" and f.level == "bad" for f in findings
    ):
        chosen = asyncio.run(_model(folder))
        findings += chosen
        if not as_json:
            for finding in chosen:
                _show(finding)
    if as_json:
        print_json(findings)
    if any(finding.level == "bad" for finding in findings):
        raise typer.Exit(FAILED)


async def _model(folder: Path) -> list[Finding]:
    """Find which model answers where none is named, and what else was considered."""
    from fourways.bootstrap import open_house

    house = open_house(folder)
    await house.start(background=False)
    try:
        ambient = house.ambient
    finally:
        await house.close()
    said = ok("model", f"{ambient.model}: {ambient.why}")
    return [said, *(note(f"  not {other.model}", other.finding) for other in ambient.considered)]


def _show(finding: Finding) -> None:
    OUT.print(f"{MARKS[finding.level]} [bold]{escape(finding.subject)}[/]  {escape(finding.found)}")
    if finding.mend:
        OUT.print(f"    [dim]→[/] {escape(finding.mend)}")
