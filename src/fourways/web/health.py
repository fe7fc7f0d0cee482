"""Whether the server lives (/health), may be sent requests (/ready), and what it has done (/metrics)."""

import msgspec

from fourways.monitoring.metrics import CONTENT_TYPE
from fourways.web.asgi import Exchange
from fourways.web.house import House


class Health(msgspec.Struct, kw_only=True):
    """The process answers."""

    status: str = "ok"


class Readiness(msgspec.Struct, kw_only=True):
    """Whether requests may be sent; `missing` says what is not there yet."""

    ready: bool
    missing: list[str]


ALIVE = msgspec.json.encode(Health())
METRICS_TYPE = (b"content-type", CONTENT_TYPE.encode())


async def health(house: House, exchange: Exchange) -> None:
    """Say that the process lives."""
    del house
    await exchange.reply(200, ALIVE)


async def ready(house: House, exchange: Exchange) -> None:
    """Say whether the house is open: 200, or 503 with what is missing."""
    missing = [] if house.routes.opened else ["routes"]
    body = msgspec.json.encode(Readiness(ready=not missing, missing=missing))
    await exchange.reply(503 if missing else 200, body)


async def metrics(house: House, exchange: Exchange) -> None:
    """Show the metrics in Prometheus's text form."""
    recorder = house.recorder
    gauges = {
        "fourways_answers_in_flight": recorder.in_flight,
        "fourways_traces_failing": int(recorder.failing),
        "fourways_traces_refused": recorder.refused,
    }
    await exchange.reply(200, house.metrics.render(gauges), METRICS_TYPE)
