"""`python -m benchmarks.canary`: 1,000 simulated rollouts a cell, through the product's own decision."""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.canary.simulate import Hour, World, many, share_of
from fourways.config.releasing import Analysis


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A row: what is true, and how it is run."""

    name: str
    world: World
    timed: bool = False
    at_any_time: bool = False


def _errors(canary: float, *, shares: tuple[float, ...] = (), at_any_time: bool = False) -> Iterator[Cell]:
    name = "1 % errors in both arms" if canary == 0.01 else f"1 % errors against {canary:.0%}"
    yield Cell(name=name, world=World(canary_errors=canary, control_errors=0.01))
    for share in shares:
        world = World(canary_errors=canary, control_errors=0.01, hours=(Hour(share=share),))
        yield Cell(name=f"… at a share of {share:.0%}", world=world)
    if at_any_time:
        world = World(canary_errors=canary, control_errors=0.01)
        yield Cell(name="… promoted as soon as sound", world=world, at_any_time=True)


def _people(count: int, share: float) -> Cell:
    world = World(canary_errors=0.01, control_errors=0.01, people=count, hours=(Hour(share=share),))
    return Cell(name=f"… {count} people, some busy, share {share:.0%}", world=world)


def _slow(name: str, ratio: float, slower: float = 1.0) -> Cell:
    hours = (Hour(share=0.05, answers=50), Hour(slower=slower)) if slower != 1 else (Hour(),)
    return Cell(name=name, world=World(canary_errors=0.0, control_errors=0.0, ratio=ratio, hours=hours), timed=True)


CELLS = (
    *_errors(0.01, shares=(0.25, 0.05), at_any_time=True),
    _people(10, 0.25),
    _people(30, 0.1),
    _people(2000, 0.05),
    *_errors(0.03, at_any_time=True),
    *_errors(0.05, shares=(0.25, 0.05)),
    *_errors(0.10, shares=(0.05,)),
    _slow("no errors, as fast", 1.0),
    _slow("… an hour slows both down 2 times", 1.0, slower=2.0),
    _slow("no errors, 1.5 times as slow", 1.5),
    _slow("no errors, twice as slow", 2.0),
)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=int, default=1000)
    runs = arguments.parse_args().runs
    console = Console()
    table = Table(title=f"{runs} rollouts a cell, 600 canary answers at the last look", box=None)
    for column in ("what is true", "aborted", "sound", "not told", "median answers at abort"):
        table.add_column(column, justify="left" if column == "what is true" else "right")
    begun = time.process_time()
    for cell in track(CELLS, console=console, transient=True):
        ended = many(cell.world, Analysis(), runs, timed=cell.timed, at_any_time=cell.at_any_time)
        aborted = [one.answers for one in ended if one.action == "abort"]
        shares = (f"{share_of(ended, action):.1%}" for action in ("abort", "sound", "continue"))
        table.add_row(cell.name, *shares, f"{median(aborted):.0f}" if aborted else "")
    console.print(table)
    console.print(f"{time.process_time() - begun:.0f} s of CPU")


if __name__ == "__main__":
    main()
