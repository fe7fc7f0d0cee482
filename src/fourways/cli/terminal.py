"""How the command line speaks: text for people, JSON for programs, progress on anything that takes over a second."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

OUT = Console(highlight=False)
ERR = Console(stderr=True, highlight=False)

FAILED, WRONG_USE, SAID_NO = 1, 2, 3
"""Exit codes besides 0, done: it failed, it was used wrongly, the gate said no."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


def folder_of(context: typer.Context) -> Path:
    """Return the project's folder: `--project`, or the nearest folder upwards that has a fourways.yaml."""
    given: Path | None = context.obj
    if given is not None:
        return given
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "fourways.yaml").is_file()), here)


def print_json(value: Any) -> None:  # noqa: ANN401 - anything that JSON can say
    """Print a value as JSON; dataclasses as objects, sets as lists."""
    sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=False, indent=2) + "\n")


def _plain(value: object) -> Any:  # noqa: ANN401 - what json.dumps asks for
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, set | frozenset | tuple):
        return sorted(value)
    return str(value)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[str] = ()) -> Table:
    """Make a table for people; columns named in `right` hold figures."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*("" if cell is None else str(cell) for cell in row))
    return made


def heading_path(title: str, headings: Sequence[str]) -> str:
    """Say where something stands in a document; a first heading that only repeats the title is left out."""
    return " › ".join((title, *(heading for heading in headings if heading != title)))


def moment(seconds: float | None) -> str:
    """Say a Unix time as people do, in their own time zone."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def milliseconds(seconds: float | None) -> str:
    """Say a duration: `12 ms`, `3.4 s`."""
    if seconds is None:
        return ""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


class Bars:
    """Progress bars by name; each appears when it is first moved."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.tasks: dict[str, TaskID] = {}

    def move(self, name: str, done: int, total: int, what: str = "") -> None:
        """Set a bar to `done` of `total`; `what` says what is being worked on."""
        if name not in self.tasks:
            self.tasks[name] = self.progress.add_task(name, what="")
        self.progress.update(self.tasks[name], completed=done, total=total or None, what=what[-48:])


@contextmanager
def bars() -> Iterator[Bars]:
    """Show progress bars on standard error while the block runs."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[what]}"),
    )
    with Progress(*columns, console=ERR, transient=not ERR.is_terminal) as progress:
        yield Bars(progress)
