"""`fourways plan`: what tuning or pretraining would take: computing, days, money, energy, memory."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from fourways.cli.terminal import OUT, AsJson, print_json, table
from fourways.core.errors import InvalidRequest
from fourways.training.figures import Figure, read_count, read_figure
from fourways.training.hardware import HARDWARE, hardware_named
from fourways.training.job import METHODS, Job
from fourways.training.plan import Bill, Plan, everywhere, from_gpu_hours, plan

GPU = "h100-80gb"
"""Planned for where none is named."""
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


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("plan")(planned)


def planned(
    method: Annotated[str | None, typer.Option("--method", "-m", help=f"One of {', '.join(METHODS)}.")] = None,
    parameters: Annotated[str | None, typer.Option(help="Of the model: 8B, 350M.")] = None,
    tokens: Annotated[
        str | None, typer.Option(help="Of the training set: 1.4T, 20M. Pretraining without it: 20 a parameter.")
    ] = None,
    epochs: Annotated[float, typer.Option(help="How often each token is seen.")] = 1.0,
    gpu: Annotated[str | None, typer.Option(help=f"One of {', '.join(HARDWARE)}. Otherwise {GPU}.")] = None,
    gpus: Annotated[int | None, typer.Option(min=1, help="How many; otherwise the fewest that hold it.")] = None,
    price: Annotated[str | None, typer.Option(help="US dollars a GPU-hour: 4, or a range: 2.50-3.50.")] = None,
    utilisation: Annotated[
        str | None,
        typer.Option("--utilisation", "--utilization", help="Share of the peak that is reached: 0.4, 30%-50%."),
    ] = None,
    gpu_hours: Annotated[
        str | None, typer.Option(help="GPU-hours known already, summed over all GPUs, in place of a model.")
    ] = None,
    length: Annotated[int, typer.Option("--context", min=1, help="Tokens a sequence.")] = 2048,
    micro_batch: Annotated[int, typer.Option(min=1, help="Sequences a GPU works on at a time.")] = 1,
    rank: Annotated[int, typer.Option(min=1, help="Of LoRA's adapters.")] = 16,
    checkpointing: Annotated[
        str | None, typer.Option(help="Activations computed twice: none, selective, full. Otherwise what is usual.")
    ] = None,
    layers: Annotated[int | None, typer.Option(min=1, help="Of the model; otherwise guessed from its size.")] = None,
    hidden: Annotated[int | None, typer.Option(min=1, help="Its width; otherwise guessed from its size.")] = None,
    vocabulary: Annotated[int, typer.Option(min=1, help="Entries of its vocabulary.")] = 128_000,
    *,
    attention: Annotated[bool, typer.Option(help="Count attention over the context, not the weights alone.")] = True,
    all_hardware: Annotated[bool, typer.Option("--everywhere", help="The same job on every kind of hardware.")] = False,
    as_json: AsJson = False,
) -> None:
    """Plan tuning or pretraining: FLOPs, GPU-hours, days, money, energy, memory, each as a range with its source.

    Examples:  fourways plan --method lora --parameters 8B --tokens 20M --gpu l4   ·
    fourways plan --method pretrain --parameters 65B --tokens 1.4T --gpu a100-80gb --gpus 2048 --price 4   ·
    fourways plan --gpu-hours 1022362 --price 4 --gpus 2048   ·
    fourways plan --method qlora --parameters 70B --tokens 5M --everywhere
    """
    cost = read_figure(price, "price") if price else None
    reached = read_figure(utilisation, "utilisation") if utilisation else None
    if gpu_hours is not None:
        if method or parameters or tokens or all_hardware:
            msg = "--gpu-hours are the work itself: leave out --method, --parameters, --tokens, --everywhere"
            raise InvalidRequest(msg, param="gpu_hours")
        _known(read_count(gpu_hours, "gpu_hours"), cost, gpus or 1, gpu, as_json=as_json)
        return
    if method is None or parameters is None:
        msg = "a plan needs --method and --parameters (lora, 8B), or --gpu-hours and --price"
        raise InvalidRequest(msg, param="parameters" if method else "method")
    job = Job(
        method=method,
        parameters=read_count(parameters, "parameters"),
        tokens=read_count(tokens, "tokens") if tokens else None,
        epochs=epochs,
        context=length,
        micro_batch=micro_batch,
        rank=rank,
        checkpointing=checkpointing,  # type: ignore[arg-type] # a job says what is wrong with it
        attention=attention,
        layers=layers,
        hidden=hidden,
        vocabulary=vocabulary,
    )
    if all_hardware:
        if gpu or cost:
            raise InvalidRequest(
                "--everywhere takes each GPU at its own price: leave out --gpu and --price", param="gpu"
            )
        _told(everywhere(job, gpus=gpus, utilisation=reached), _show_all, as_json=as_json)
        return
    made = plan(job, hardware_named(gpu or GPU), gpus=gpus, price=cost, utilisation=reached)
    _told(made, _show, as_json=as_json)


def _known(hours: float, price: Figure | None, gpus: int, gpu: str | None, *, as_json: bool) -> None:
    hardware = hardware_named(gpu) if gpu else None
    cost = price or (hardware.price if hardware else None)
    if cost is None:
        raise InvalidRequest("GPU-hours have no price yet: give --price 4, or --gpu a100-80gb", param="price")
    _told(from_gpu_hours(hours, cost, gpus, hardware), _show_bill, as_json=as_json)


def _told(made: Any, show: Callable[[Any], None], *, as_json: bool) -> None:  # noqa: ANN401 - a plan, plans, or a bill
    if as_json:
        print_json(made)
    else:
        show(made)


def _show(made: Plan) -> None:
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


def _show_bill(bill: Bill) -> None:
    OUT.print(_figures(f"{bill.gpu_hours.likely:,.0f} GPU-hours, shared by {bill.gpus:,}", _billed(bill)))


def _show_all(plans: Sequence[Plan]) -> None:
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
