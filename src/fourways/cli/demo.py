"""`fourways demo`: the sample project from nothing to a running server, with questions answered on the way."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from fourways.cli.chat import Conversation
from fourways.cli.init import make_project
from fourways.cli.knowledge import ingest_shown
from fourways.cli.serve import serve_house
from fourways.cli.terminal import ERR, OUT
from fourways.core.chat import Principal

if TYPE_CHECKING:
    from fourways.bootstrap import House

SAMPLE = "helpdesk"
QUESTIONS = (
    "How do I reset my password?",
    "How do I order a new laptop?",
    "Is the helpdesk open on Saturdays?",
    "Who won the football world cup in 1998?",
)
"""Three that the sample's documents answer, and one that they do not."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[Path, typer.Argument(help="Where the sample project is made, or was.")] = Path("helpdesk"),
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="The port; 0 for any free one.")] = None,
    *,
    serve: Annotated[bool, typer.Option(help="Leave the server running at the end.")] = True,
) -> None:
    """Make the bundled sample, ingest it, ask it a few questions, and serve it.

    Examples:  fourways demo   ·   fourways demo /tmp/helpdesk --port 9000   ·   fourways demo --no-serve
    """
    from fourways.bootstrap import open_house

    fresh = not (folder / "fourways.yaml").exists()
    if fresh:
        files = make_project(folder, SAMPLE)
        ERR.print(f"Made the sample project in [bold]{folder}[/] ({len(files)} files).")
        asyncio.run(_first_questions(folder))
    if serve:
        serve_house(open_house(folder), None, port)


async def _first_questions(folder: Path) -> None:
    from fourways.bootstrap import open_house

    house = open_house(folder)
    await house.start(background=False)
    try:
        await ingest_shown(house)
        ERR.print(f"Answering with [bold]{house.ambient.model}[/]: {escape(house.ambient.why)}.", soft_wrap=True)
        for question in QUESTIONS:
            await _ask(house, question)
    finally:
        await house.close()


async def _ask(house: "House", question: str) -> None:
    OUT.print(f"\n[bold cyan]{escape(question)}[/]")
    principal = Principal(admin=True, user="terminal")
    await Conversation(house, SAMPLE, principal, quiet=False).ask(question)
