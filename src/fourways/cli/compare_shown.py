"""How `fourways compare` shows a comparison in the terminal: the ways side by side, costs over traffic, the advice."""

import math
from collections.abc import Iterator, Sequence

from rich.markup import escape
from rich.table import Table

from fourways.cli.compare_sides import LEGEND, by_nature, known, side_by_side
from fourways.cli.terminal import OUT
from fourways.evals.comparing.advice import Advice, Cell, Choice, Reason
from fourways.evals.comparing.comparison import Comparison
from fourways.evals.comparing.crossings import LEVEL, Crossing, crossings
from fourways.evals.comparing.economics import BreakEven
from fourways.evals.comparing.wording import dollars

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 48
"""Characters of a cost curve."""
TOLD = 4
"""Changes of places between two ways that are said one by one."""
STANDS = {"measured": "[green]✓[/]", "possible": "[cyan]○[/]", "ruled out": "[red]✗[/]", "hardly offered": "[dim]–[/]"}


def tell(comparison: Comparison) -> None:
    """Show all of it."""
    OUT.print(side_by_side(comparison))
    OUT.print(f"{LEGEND}\n")
    OUT.print(by_nature(comparison))
    OUT.print()
    _tell_costs(comparison)
    _tell_front(comparison)
    _tell_advice(comparison.advice)
    _tell_matrix(comparison.advice.matrix)
    for note in comparison.notes:
        OUT.print(f"[yellow]![/] {escape(note)}")


# ---------------------------------------------------------------- costs over traffic


def _tell_costs(comparison: Comparison) -> None:
    if not comparison.curves:
        return
    low, high = (comparison.curves[0].points[end].traffic for end in (0, -1))
    OUT.print(f"[bold]Cost a month[/], from {low:,.0f} to {high:,.0f} answers a month [dim](both axes logarithmic)[/]")
    priced = [arm for arm in comparison.arms if arm.economy.priced]
    grid = [low * (high / low) ** (place / (WIDTH - 1)) for place in range(WIDTH)]
    costs = {arm.way: [arm.economy.monthly(traffic) or 0.0 for traffic in grid] for arm in priced}
    floor = min(min(line) for line in costs.values())
    ceiling = max(max(line) for line in costs.values())
    wide = max(len(way) for way in costs)
    for way, line in costs.items():
        OUT.print(
            f"  {way:<{wide}}  [cyan]{sparkline(line, floor, ceiling)}[/]  {dollars(line[0])} … {dollars(line[-1])}"
        )
    for said in break_evens_in_words(comparison):
        OUT.print(f"  {said}")
    if comparison.traffic:
        spent = ", ".join(f"{arm.way} {known(arm.economy.monthly(comparison.traffic))}" for arm in comparison.arms)
        OUT.print(f"  At the {comparison.traffic:,.0f} you expect: {spent}.")
    OUT.print()


def sparkline(values: Sequence[float], floor: float, ceiling: float) -> str:
    """Draw values between a floor and a ceiling as bars, evenly by their logarithm; low where they hardly differ."""
    if math.isclose(floor, ceiling, rel_tol=LEVEL):
        parts = [0.0 for _ in values]
    elif floor <= 0:
        parts = [(value - floor) / (ceiling - floor) for value in values]
    else:
        parts = [math.log(value / floor) / math.log(ceiling / floor) for value in values]
    return "".join(BARS[min(len(BARS) - 1, int(part * len(BARS)))] for part in parts)


def break_evens_in_words(comparison: Comparison) -> Iterator[str]:
    """Say where any two ways change places; the first few of many, and how many more."""
    for one in crossings(comparison):
        yield from map(_break_even, one.changes[:TOLD])
        if len(one.changes) > TOLD:
            more, last = len(one.changes) - TOLD, one.changes[-1]
            yield f"They change places {more} times more, last at {last.traffic:,.0f}: then {last.above}."
        if not one.changes:
            yield _never(one)


def _break_even(one: BreakEven) -> str:
    return f"From {one.traffic:,.0f} answers a month on, {one.above} costs less than {one.below}: {dollars(one.usd)}."


def _never(one: Crossing) -> str:
    if one.level:
        return f"{one.first} and {one.second} cost about the same at every traffic shown; there is no break-even."
    return f"{one.cheaper} costs no more than {one.dearer} at any traffic shown; there is no break-even."


def _tell_front(comparison: Comparison) -> None:
    if len(comparison.places) < 2:  # noqa: PLR2004 - one alone beats nobody
        return
    front = ", ".join(place.name for place in comparison.places if place.on_front)
    OUT.print(f"[bold]Quality, cost and latency at once[/]: {front} beaten by nobody.")
    for place in comparison.places:
        if not place.on_front:
            OUT.print(f"  {place.name} is beaten all round by {', '.join(place.beaten_by)}.")
    OUT.print()


# ---------------------------------------------------------------- advice


def _tell_advice(advice: Advice) -> None:
    OUT.print(f"[bold]Recommended[/]: [bold green]{escape(advice.says)}[/]")
    if advice.recommended:
        _tell_reasons(advice.recommended.reasons)
    if advice.runner_up:
        _tell_choice("Runner-up", advice.runner_up)
    for choice in advice.out:
        _tell_choice("Out", choice)
    for untried in advice.worth_trying:
        _tell_choice("Worth trying", Choice(way=untried.way, reasons=untried.reasons))
        OUT.print("  It takes:")
        _tell_reasons(untried.takes)
    OUT.print("\n[bold]Where sources disagree[/]")
    _tell_reasons(advice.disputed)
    if advice.missing:
        OUT.print(f"\n[dim]Sharper with more facts in fourways.yaml (facts:): {', '.join(advice.missing)}.[/]")
    OUT.print()


def _tell_choice(what: str, choice: Choice) -> None:
    OUT.print(f"\n[bold]{what}[/]: {escape(choice.way)}")
    _tell_reasons(choice.reasons)


def _tell_reasons(reasons: Sequence[Reason]) -> None:
    made = Table.grid(padding=(0, 1))
    made.add_column(width=2, justify="right")
    made.add_column(overflow="fold")
    for reason in reasons:
        figure = f" {escape(reason.figure)}." if reason.figure else ""
        made.add_row("·", f"{escape(reason.says)}{figure} [dim]({escape(reason.source)})[/]")
    OUT.print(made)


def _tell_matrix(cells: Sequence[Cell]) -> None:
    """Show who runs the model, and how it gets at what the company knows; words for each cell are in the report."""
    ways = list(dict.fromkeys(cell.way for cell in cells))
    made = Table(title="Who runs the model × how it knows", title_justify="left", title_style="bold", box=None,
                 header_style="dim", pad_edge=False)  # fmt: skip
    made.add_column("")
    for way in ways:
        made.add_column(way)
    for hosting in dict.fromkeys(cell.hosting for cell in cells):
        row = {cell.way: f"{STANDS[cell.standing]} {cell.standing}" for cell in cells if cell.hosting == hosting}
        made.add_row(hosting, *(row.get(way, "") for way in ways))
    OUT.print(made)
    OUT.print()
