"""Quality with the embedded default on real data, through the real pipeline: one command, a table, a JSON file.

    python -m benchmarks.quality [--only xquad,cranfield,sec_10q,handbook,helpdesk,abstention,languages] [--model NAME]
        [--keep FOLDER]

A project is written around ../shared/data, ingested and asked as a client would ask it. `--keep` leaves the project
in a folder, so that a second run begins with the questions; `--only sweep` measures the abstention threshold.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.quality.corpora import DATA
from benchmarks.quality.house import Progress as Note
from benchmarks.quality.house import running_house, write_project
from benchmarks.quality.measures import DEFAULT, MEASURES, Figure
from fourways.bootstrap import House

RESULTS = Path(__file__).parent / "latest.json"


def main() -> int:
    """Run the measures; 1 where a figure is not what was asked for, 2 where the data is absent."""
    arguments = read_arguments()
    console = Console()
    if not DATA.exists():
        console.print(f"there is no data in {DATA}; see docs/log.md for what belongs there")
        return 2
    started = time.monotonic()
    with kept_folder(arguments.keep) as folder:
        figures = asyncio.run(measure(folder, arguments.only, arguments.model, console))
    console.print(table_of(figures))
    seconds = round(time.monotonic() - started, 1)
    arguments.json.write_text(json.dumps({"seconds": seconds, "figures": [asdict(one) for one in figures]}, indent=1))
    console.print(f"{seconds:.0f} s; written to {arguments.json}")
    return int(any(figure.holds is False for figure in figures))


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=named, default=DEFAULT, help=f"some of {','.join(MEASURES)}")
    parser.add_argument("--model", default="extractive", help="what answers from what is found")
    parser.add_argument("--keep", type=Path, help="folder of the project, kept and used again")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the figures are written")
    return parser.parse_args()


def named(text: str) -> tuple[str, ...]:
    """Read measures' names."""
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}; there is: {', '.join(MEASURES)}")
    return names


@contextlib.contextmanager
def kept_folder(keep: Path | None) -> Iterator[Path]:
    """Give the project's folder: the one to keep, or one that is gone afterwards."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="fourways-quality-") as folder:
        yield Path(folder)


async def measure(folder: Path, names: Sequence[str], model: str, console: Console) -> list[Figure]:
    """Write and ingest the corpora that the measures need, then take the measures."""
    corpora = tuple(dict.fromkeys(corpus for name in names for corpus in MEASURES[name][1]))
    write_project(folder, corpora, model)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    figures: list[Figure] = []
    with Progress(*columns, console=console) as bars:
        note = bar_of(bars)
        async with running_house(folder) as house:
            await ingest(house, corpora, note, console)
            for name in names:
                figures += await MEASURES[name][0](house, note)
    return figures


async def ingest(house: House, corpora: Sequence[str], note: Note, console: Console) -> None:
    """Sync each corpus, one after the other, and say what came of it."""

    def changed(name: str, at: Mapping[str, Any]) -> None:
        note(f"ingest {name}", at.get("done", 0), at.get("total", 0))

    for corpus in corpora:
        began = time.monotonic()
        results = await house.ingest([corpus], changed)
        console.print(f"{corpus}: {json.dumps(results[corpus], default=str)} in {time.monotonic() - began:.0f} s")


def bar_of(bars: Progress) -> Note:
    """Return what draws a bar for each thing under way."""
    tasks: dict[str, Any] = {}

    def note(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bars.add_task(what, total=total or None)
        bars.update(tasks[what], completed=done, total=total or None)

    return note


def table_of(figures: Sequence[Figure]) -> Table:
    """Draw the figures."""
    table = Table("corpus", "figure", "measured", "95 %", "asked for", "of", "")
    for one in figures:
        wanted = f"≥ {shown(one.least)}" if one.least is not None else f"≤ {shown(one.most)}" if one.most else ""
        between = f"{one.low:.3f} to {one.high:.3f}" if one.low is not None and one.high is not None else ""
        verdict = {True: "[green]holds", False: "[red]fails", None: ""}[one.holds]
        table.add_row(one.corpus, one.what, shown(one.value), between, wanted, str(one.of), verdict)
    return table


def shown(value: float | None) -> str:
    """Write a number with as many places as tell something."""
    return "" if value is None else f"{value:.0f}" if value >= 10 and value == int(value) else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
