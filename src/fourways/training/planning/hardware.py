"""What a plan can run on: peaks, memory and power from data sheets; prices as ranges, for a user's own to replace."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fourways.core.errors import NotFound
from fourways.training.planning.figures import Figure

PRICED = "2026-05"
"""When the prices were looked up."""
PRICE_SOURCE = f"assumed: public on-demand prices of {PRICED}, cheapest to dearest"
CPU_MEASURED = "measured, 2 such cores, 23 M and 91 M parameters (docs/plan.md)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """One GPU, or a server of CPU cores, as its maker describes it.

    Attributes:
        tflops: dense peak in bfloat16, 10¹² FLOP/s; without the makers' factor of 2 for sparsity.
        memory: GB (10⁹ bytes).
        bandwidth: of its memory, GB/s.
        watts: rated power of the GPU alone.
        price: US dollars an hour.
        utilisation: share of the peak that training reaches, where the methods' own ranges do not hold.
        remark: what the table does not say.
    """

    name: str
    tflops: float
    memory: float
    bandwidth: float
    watts: float
    price: Figure
    utilisation: Figure | None = None
    remark: str = ""


def _price(low: float, likely: float, high: float) -> Figure:
    return Figure(low=low, likely=likely, high=high, source=PRICE_SOURCE)


_TABLE = (
    Hardware(name="t4", tflops=65, memory=16, bandwidth=320, watts=70, price=_price(0.35, 0.53, 0.80),
             remark="no bfloat16; the peak is that of float16"),
    Hardware(name="l4", tflops=121, memory=24, bandwidth=300, watts=72, price=_price(0.44, 0.71, 0.90)),
    Hardware(name="a10", tflops=125, memory=24, bandwidth=600, watts=150, price=_price(0.75, 1.00, 1.20)),
    Hardware(name="rtx-4090", tflops=165, memory=24, bandwidth=1008, watts=450, price=_price(0.34, 0.50, 0.75)),
    Hardware(name="l40s", tflops=362, memory=48, bandwidth=864, watts=350, price=_price(0.80, 1.20, 1.90)),
    Hardware(name="a100-40gb", tflops=312, memory=40, bandwidth=1555, watts=400, price=_price(0.80, 1.40, 4.10)),
    Hardware(name="a100-80gb", tflops=312, memory=80, bandwidth=2039, watts=400, price=_price(0.80, 1.80, 4.00)),
    Hardware(name="h100-80gb", tflops=989, memory=80, bandwidth=3350, watts=700, price=_price(2.00, 2.95, 7.00)),
    Hardware(name="h200-141gb", tflops=989, memory=141, bandwidth=4800, watts=700, price=_price(2.50, 3.50, 7.00)),
    Hardware(name="b200-180gb", tflops=2250, memory=180, bandwidth=8000, watts=1000, price=_price(5.00, 6.50, 14.00)),
    Hardware(name="mi300x-192gb", tflops=1307, memory=192, bandwidth=5300, watts=750, price=_price(2.00, 3.00, 6.00)),
    Hardware(name="cpu", tflops=41, memory=128, bandwidth=307, watts=350, price=_price(0.60, 1.60, 1.80),
             utilisation=Figure(low=0.03, likely=0.08, high=0.10, source=CPU_MEASURED),
             remark="a server of 16 cores with AMX at 2.5 GHz: 1,024 FLOP a cycle and core"),
)  # fmt: skip

HARDWARE: Mapping[str, Hardware] = MappingProxyType({each.name: each for each in _TABLE})
"""By name. Peaks, memory, bandwidth and power: the data sheets of NVIDIA, AMD and Intel (SXM where there is one)."""


def hardware_named(name: str) -> Hardware:
    """Return a row of the table.

    Raises:
        NotFound: there is none of that name; says what there is.
    """
    found = HARDWARE.get(name.lower())
    if found is None:
        raise NotFound.named("GPU", name, HARDWARE)
    return found
