"""What the house writes down: a trace outlives whatever goes wrong in pricing it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from fourways.bootstrap import open_house
from fourways.core.errors import NotFound
from fourways.core.ids import DEFAULT_TENANT
from fourways.core.trace import Trace, Usage
from fourways.store import traces


class NoPrices:
    def cost(self, target: str, usage: Usage) -> float | None:
        raise NotFound(f"there is no provider of {target}")


async def test_a_trace_whose_cost_cannot_be_told_is_kept(tmp_path: Path) -> None:
    (tmp_path / "fourways.yaml").write_text("project: p\napps: {a: {ways: {prompt: {model: echo}}}}\n")
    house = open_house(tmp_path, {})
    await house.start(background=False)
    models, no_prices = house.models, NoPrices()
    try:
        unpriced: Any = no_prices
        house.in_force.fittings = replace(house.fittings, models=unpriced)
        trace = Trace()
        trace.tenant, trace.usage = DEFAULT_TENANT, Usage(input_tokens=1)
        trace.end()
        house.ledger.write_traces([trace])
        with house.database.reading() as connection:
            assert traces.get_trace(connection, DEFAULT_TENANT, trace.id).cost_usd is None
    finally:
        house.in_force.fittings = replace(house.fittings, models=models)
        await house.close()
