"""`python -m benchmarks.canary`: 1,000 simulated rollouts a cell, through the product's own decision."""

import argparse
import time
from statistics import median

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.canary.simulate import World, many, share_of
from fourways.evals.canary import Plan

CELLS: tuple[tuple[str, World, bool], ...] = (
    ("1 % errors in both arms", World(canary_errors=0.01, control_errors=0.01), False),
    ("… at a share of 25 %", World(canary_errors=0.01, control_errors=0.01, share=0.25), False),
    ("… at a share of 5 %", World(canary_errors=0.01, control_errors=0.01, share=0.05), False),
    ("1 % against 3 %", World(canary_errors=0.03, control_errors=0.01), False),
    ("1 % against 5 %", World(canary_errors=0.05, control_errors=0.01), False),
    ("… at a share of 25 %", World(canary_errors=0.05, control_errors=0.01, share=0.25), False),
    ("… at a share of 5 %", World(canary_errors=0.05, control_errors=0.01, share=0.05), False),
    ("1 % against 10 %", World(canary_errors=0.10, control_errors=0.01), False),
    ("… at a share of 5 %", World(canary_errors=0.10, control_errors=0.01, share=0.05), False),
    ("no errors, as fast", World(canary_errors=0.0, control_errors=0.0), True),
    ("no errors, 1.5 times as slow", World(canary_errors=0.0, control_errors=0.0, ratio=1.5), True),
    ("no errors, twice as slow", World(canary_errors=0.0, control_errors=0.0, ratio=2.0), True),
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
    for name, world, timed in track(CELLS, console=console, transient=True):
        ended = many(world, Plan(), runs, timed=timed)
        aborted = [one.answers for one in ended if one.action == "abort"]
        shares = (f"{share_of(ended, action):.1%}" for action in ("abort", "sound", "continue"))
        table.add_row(name, *shares, f"{median(aborted):.0f}" if aborted else "")
    console.print(table)
    console.print(f"{time.process_time() - begun:.0f} s of CPU")


if __name__ == "__main__":
    main()
