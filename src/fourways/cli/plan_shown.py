"""How `fourways plan` shows a plan in the terminal: each figure as a range with its source, hardware side by side."""

from collections.abc import Callable, Sequence

from rich.markup import escape
from rich.table import Table

from fourways.cli.terminal import OUT, table
from fourways.training.planning.figures import Figure
from fourways.training.planning.plan import Bill, Plan

FITS = {
    "yes": "[green]✓[/] {room} hold it.",
    "tight": "[yellow]![/] {room} likely hold it, but not if all goes badly.",
    "no": "[red]✗[/] {room} do not hold it.",
}
STANDS = {"below": "less", "within": "within it", "above": "more"}

SIZES = ((1e12, "T"), (1e9, "B"), (1e6, "M"))
WHOLE = 100
"""From here on, decimals say nothing."""

Row = tuple[str, Figure, Callable[[float], str]]
"""What it is, how much, and how to say it."""


def tell(made: Plan) -> None:
    """Say what a job takes on one kind of hardware, what was published of the like, and what should be known."""
    job, bill = made.job, made.bill
    title = f"{job.how.what} of {_count(job.parameters)} parameters on {bill.gpus:,} × {made.gpu.name}"
    memory = made.memory
    rows: list[Row] = [
        ("tokens", made.tokens, _count),
        ("FLOPs", made.flops, _power),
        ("utilisation", made.utilisation, _percent),
        *_billed(bill),
        ("memory a GPU", memory.total, _gigabytes),
        (" weights", memory.weights, _gigabytes),
        (" training", memory.trained, _gigabytes),
        (" activations", memory.activations, _gigabytes),
    ]
    OUT.print(_figures(title[0].upper() + title[1:], rows))
    OUT.print(f"\n{FITS[made.fits].format(room=f'{made.gpu.memory:g} GB')} {_least(made)}")
    if made.published:
        OUT.print()
        OUT.print(_published(made))
    OUT.print()
    for remark in made.remarks:
        OUT.print(f"[dim]·[/] {escape(remark)}")
    OUT.print(f"\nSources: {'; '.join(made.sources)}.", style="dim", markup=False)


def tell_bill(bill: Bill) -> None:
    """Say what known GPU-hours mean."""
    OUT.print(_figures(f"{bill.gpu_hours.likely:,.0f} GPU-hours, shared by {bill.gpus:,}", _billed(bill)))


def tell_all(plans: Sequence[Plan]) -> None:
    """Set the same job side by side on every hardware that holds it."""
    if not plans:
        OUT.print("No hardware of the table holds it: shorten --context, or give --checkpointing full.")
        return
    job = plans[0].job
    columns = ("hardware", "how many", "holds it", "GPU-hours", "days", "cost, low", "likely", "high")
    rows = [
        (
            made.gpu.name,
            f"{made.bill.gpus:,}",
            made.fits,
            _said(made.bill.gpu_hours, _amount)[1],
            _said(made.bill.days, _amount)[1],
            *_said(made.bill.dollars, _dollars),
        )
        for made in plans
    ]
    title = f"{job.how.what} of {_count(job.parameters)} parameters, on as many of each as hold it"
    OUT.print(table(title[0].upper() + title[1:], columns, rows, right=columns[1:]))
    OUT.print("\nHours and days are the likely ones. GPUs are scarce: plan for two kinds, so as not to wait for one.")


def _billed(bill: Bill) -> list[Row]:
    energy: list[Row] = [] if bill.energy is None else [("energy, kWh", bill.energy, _amount)]
    return [
        ("GPU-hours", bill.gpu_hours, _amount),
        ("days", bill.days, _amount),
        ("price an hour", bill.price, _dollars),
        ("cost", bill.dollars, _dollars),
        *energy,
    ]


def _figures(title: str, rows: Sequence[Row]) -> Table:
    columns = ("", "low", "likely", "high", "where it comes from")
    cells = [(what, *_said(figure, say), figure.source) for what, figure, say in rows]
    made = table(title, columns, cells, right=columns[1:4])
    for column in made.columns[:4]:
        column.no_wrap = True
    made.columns[4].style = "dim"
    return made


def _said(figure: Figure, say: Callable[[float], str]) -> tuple[str, str, str]:
    """Say low, likely and high; what is known is said once and whole, what is not to three digits."""
    if figure.exact:
        return "", say(figure.likely), ""
    low, likely, high = (say(float(f"{value:.3g}")) for value in (figure.low, figure.likely, figure.high))
    return low, likely, high


def _published(made: Plan) -> Table:
    rows = [
        (each.published.says, each.published.source, each.published.counts, STANDS[each.computed])
        for each in made.published
    ]
    return table("Published, for comparison", ("what is said", "by", "counts", "this plan"), rows)


def _least(made: Plan) -> str:
    if made.least is None:
        return "No number of them is enough: shorten --context, give --checkpointing full, or split the layers."
    return "One is enough." if made.least == 1 else f"It takes at least {made.least:,} of them."


def _count(value: float) -> str:
    for size, letter in SIZES:
        if value >= size:
            return f"{value / size:.4g} {letter}"
    return f"{value:,.0f}"


def _power(value: float) -> str:
    return f"{value:.2e}".replace("e+", "e")


def _percent(value: float) -> str:
    return f"{value * 100:.3g} %"


def _gigabytes(value: float) -> str:
    return f"{value:.1f} GB"


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value >= WHOLE else f"{value:.3g}"


def _dollars(value: float) -> str:
    return f"${value:,.0f}" if value >= 10 * WHOLE else f"${value:,.2f}"
