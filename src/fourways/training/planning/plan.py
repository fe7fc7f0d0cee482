"""What training costs: FLOPs, GPU-hours, days, dollars, energy, memory; each a range that says where it comes from."""

from dataclasses import dataclass
from typing import Literal

from fourways.core.errors import InvalidRequest
from fourways.training.planning.figures import Figure
from fourways.training.planning.hardware import HARDWARE, Hardware
from fourways.training.planning.job import Job, flops_of, tokens_of
from fourways.training.planning.memory import Memory, least_gpus, memory
from fourways.training.planning.published import CONFLICT, Compared, cited, compared

Fit = Literal["yes", "tight", "no"]
"""Whether it fits in memory: `tight` means likely, but not if all goes badly."""

HOUR, DAY_HOURS = 3600.0, 24.0
LOST = 0.1
"""The most that failures and restarts take of the time: Llama 3 kept over 90 % of it (Grattafiori et al. 2024)."""
OVERHEAD = Figure(
    low=1.1,
    likely=1.3,
    high=1.56 * 1.8,
    source="rated watts × PUE 1.1 (LLaMA) to 1.56 (Uptime) × 1.8 for the host",
)
"""Energy at the meter by energy rated for the GPUs alone. 1.8: a DGX H100's 10.2 kW by its GPUs' 8 × 0.7 kW."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What so many GPU-hours mean. `gpu_hours` are summed over all GPUs; `hours` are by the clock on the wall.

    Attributes:
        dollars: for computing alone.
        energy: kWh at the meter; None where it is not known what runs.
    """

    gpus: int
    gpu_hours: Figure
    price: Figure
    hours: Figure
    days: Figure
    dollars: Figure
    energy: Figure | None

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All of them."""
        known = (self.gpu_hours, self.price, self.hours, self.days, self.dollars)
        return known if self.energy is None else (*known, self.energy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that follows from a job and what it runs on.

    Attributes:
        tokens: seen in all, repetitions counted.
        least: GPUs of this kind that it takes at least; None where no number is enough.
        sources: titles of what the figures are taken from.
        published: what others published about the like, to be read beside `bill.dollars`, and where that stands to it.
        remarks: what should be known of this plan, a sentence each.
    """

    job: Job
    gpu: Hardware
    tokens: Figure
    flops: Figure
    utilisation: Figure
    bill: Bill
    memory: Memory
    fits: Fit
    least: int | None
    sources: tuple[str, ...]
    published: tuple[Compared, ...]
    remarks: tuple[str, ...]


def plan(
    job: Job,
    gpu: Hardware,
    *,
    gpus: int | None = None,
    price: Figure | None = None,
    utilisation: Figure | None = None,
) -> Plan:
    """Plan a job.

    Args:
        gpus: how many; None for the fewest that hold it.
        price: US dollars a GPU-hour; None for the table's range.
        utilisation: share of the peak, in (0, 1]; None for what was published of the like.

    Raises:
        InvalidRequest: a figure is out of its bounds.
    """
    if gpus is not None and gpus < 1:
        raise InvalidRequest(f"gpus is {gpus}; right would be 1 or more", param="gpus")
    reached = utilisation or gpu.utilisation or job.how.utilisation
    if not 0 < reached.low <= reached.high <= 1:
        msg = f"utilisation is {reached.high:g}; right would be a share of the peak such as 0.4 or 40%"
        raise InvalidRequest(msg, param="utilisation")
    least = least_gpus(job.load, gpu.memory)
    gpus = gpus or least or 1
    used = memory(job.load, gpus)
    tokens = tokens_of(job)
    flops = flops_of(job, tokens)
    bill = _bill(_gpu_hours(flops, reached, gpu), price=price or gpu.price, gpus=gpus, gpu=gpu)
    return Plan(
        job=job,
        gpu=gpu,
        tokens=tokens,
        flops=flops,
        utilisation=reached,
        bill=bill,
        memory=used,
        fits="yes" if used.total.high <= gpu.memory else "tight" if used.total.likely <= gpu.memory else "no",
        least=least,
        sources=cited((tokens, flops, reached, *bill.figures, *used.figures)),
        published=compared(job.method, bill.dollars),
        remarks=tuple(_remarks(job, gpu)),
    )


def everywhere(job: Job, *, gpus: int | None = None, utilisation: Figure | None = None) -> tuple[Plan, ...]:
    """Plan a job on every hardware of the table that can hold it, the likely cheapest first.

    GPUs are scarce: who can use several kinds waits for none.

    Args:
        gpus: how many of each; more where they do not hold it. None for the fewest that do.
    """
    plans = []
    for gpu in HARDWARE.values():
        least = least_gpus(job.load, gpu.memory)
        if least is not None:
            plans.append(plan(job, gpu, gpus=max(least, gpus or 1), utilisation=utilisation))
    return tuple(sorted(plans, key=lambda each: each.bill.dollars.likely))


def from_gpu_hours(hours: float, price: float | Figure, gpus: int, gpu: Hardware | None = None) -> Bill:
    """Say what known GPU-hours cost and how long they last.

    Args:
        hours: summed over all GPUs, as papers state them; the money is hours times price, however many GPUs share them.
        price: US dollars a GPU-hour.
        gpus: how many work at a time; they divide the time, and do not multiply the cost.
        gpu: which, for the energy.

    Raises:
        InvalidRequest: a figure is out of its bounds.
    """
    known = price if isinstance(price, Figure) else Figure.exactly(price)
    for name, value in (("gpu_hours", hours), ("price", known.low), ("gpus", gpus)):
        if not value > 0:
            raise InvalidRequest(f"{name} is {value:g}; right would be above 0", param=name)
    return _bill(Figure.exactly(hours), price=known, gpus=gpus, gpu=gpu)


def _gpu_hours(flops: Figure, utilisation: Figure, gpu: Hardware) -> Figure:
    speed = utilisation.scaled(gpu.tflops * 1e12 * HOUR, "")
    hours = flops.over(speed, f"FLOPs ÷ ({gpu.tflops:,.0f} TFLOP/s × utilisation); high: a tenth of the time lost")
    return Figure(low=hours.low, likely=hours.likely, high=hours.high / (1 - LOST), source=hours.source)


def _bill(hours: Figure, *, price: Figure, gpus: int, gpu: Hardware | None) -> Bill:
    wall = hours.scaled(1 / gpus, f"GPU-hours ÷ {gpus:,}")
    return Bill(
        gpus=gpus,
        gpu_hours=hours,
        price=price,
        hours=wall,
        days=wall.scaled(1 / DAY_HOURS, f"GPU-hours ÷ {gpus:,} ÷ 24"),
        dollars=hours.times(price, "GPU-hours × price: computing alone"),
        energy=hours.times(OVERHEAD.scaled(gpu.watts / 1000, ""), OVERHEAD.source) if gpu else None,
    )


def _remarks(job: Job, gpu: Hardware) -> list[str]:
    said = [CONFLICT, "Data, its labelling, people, failed runs and the search for settings come on top."]
    rule = job.how.tokens
    if rule is not None and job.tokens is not None and job.tokens < rule.low * job.parameters:
        said.append(
            f"{job.tokens:,.0f} tokens are fewer than {rule.low:g} a parameter: a smaller model that sees more of them "
            "is better for the same computing (Hoffmann et al. 2022)."
        )
    if gpu.remark:
        said.append(f"{gpu.name}: {gpu.remark}.")
    return said
