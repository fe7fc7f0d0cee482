"""`fourways plan`: what tuning or pretraining would take: computing, days, money, energy, memory."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from fourways.cli.plan_shown import tell, tell_all, tell_bill
from fourways.cli.terminal import AsJson, print_json
from fourways.core.errors import InvalidRequest
from fourways.training.planning.figures import Figure, read_count, read_figure
from fourways.training.planning.hardware import HARDWARE, hardware_named
from fourways.training.planning.job import METHODS, Job
from fourways.training.planning.plan import everywhere, from_gpu_hours, plan

GPU = "h100-80gb"
"""Planned for where none is named."""
WITH_HOURS = frozenset({"gpu_hours", "price", "gpus", "gpu", "as_json"})
"""Options that say something about GPU-hours known already."""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("plan")(planned)


def planned(
    context: typer.Context,
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
        _refuse_others(context)
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
        _told(everywhere(job, gpus=gpus, utilisation=reached), tell_all, as_json=as_json)
        return
    made = plan(job, hardware_named(gpu or GPU), gpus=gpus, price=cost, utilisation=reached)
    _told(made, tell, as_json=as_json)


def _refuse_others(context: typer.Context) -> None:
    """Refuse what says nothing about GPU-hours that are known already."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    options = {parameter.name: parameter.opts[0] for parameter in context.command.params}
    idle = [options[name] for name in given if name not in WITH_HOURS]
    if idle:
        msg = f"--gpu-hours are the work itself: leave out {', '.join(idle)}; --price, --gpus, --gpu go with them"
        raise InvalidRequest(msg, param="gpu_hours")


def _known(hours: float, price: Figure | None, gpus: int, gpu: str | None, *, as_json: bool) -> None:
    hardware = hardware_named(gpu) if gpu else None
    cost = price or (hardware.price if hardware else None)
    if cost is None:
        raise InvalidRequest("GPU-hours have no price yet: give --price 4, or --gpu a100-80gb", param="price")
    _told(from_gpu_hours(hours, cost, gpus, hardware), tell_bill, as_json=as_json)


def _told(made: Any, show: Callable[[Any], None], *, as_json: bool) -> None:  # noqa: ANN401 - a plan, plans, or a bill
    if as_json:
        print_json(made)
    else:
        show(made)
