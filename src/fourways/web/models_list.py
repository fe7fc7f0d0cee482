"""GET /v1/models: what this key may put into `model`."""

import msgspec

from fourways.core.errors import UnknownModel
from fourways.web.asgi import Exchange
from fourways.web.house import House


class ModelCard(msgspec.Struct, kw_only=True):
    """One name for `model`: an app, one of its ways, or a configured model."""

    id: str
    created: int = 0
    owned_by: str = "fourways"
    object: str = "model"


class ModelList(msgspec.Struct, kw_only=True):
    """All names, apps first."""

    data: list[ModelCard]
    object: str = "list"


async def models(house: House, exchange: Exchange) -> None:
    """List what may be asked for."""
    names = house.routes.current.visible(exchange.principal)
    await exchange.reply(200, msgspec.json.encode(ModelList(data=[ModelCard(id=name) for name in names])))


async def model(house: House, exchange: Exchange) -> None:
    """Show one of them."""
    name = exchange.params["model"]
    names = house.routes.current.visible(exchange.principal)
    if name not in names:
        raise UnknownModel.named("model", name, names)
    await exchange.reply(200, msgspec.json.encode(ModelCard(id=name)))
