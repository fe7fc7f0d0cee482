"""Providers whose servers fourways starts: a line of the project file in, the way to the server out."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from fourways.config.tree import Provider
from fourways.core.errors import NotFound, UnknownModel
from fourways.models.adapters import Adapters, Caller, Loader, Wanted
from fourways.models.llamacpp import LlamaAdapters
from fourways.models.ollama import OllamaModels
from fourways.models.programs import PROGRAMS, Order
from fourways.models.started import Servers, StartedServer
from fourways.models.transport import Deadlines, Response

LOADERS: Mapping[str, Callable[[Caller, bool], Loader]] = MappingProxyType(
    {
        "engine": lambda caller, _: Adapters(caller),
        "vllm": lambda caller, _: Adapters(caller),
        "llamacpp": lambda caller, _: LlamaAdapters(caller),
        "ollama": lambda caller, offline: OllamaModels(caller, offline=offline),
    }
)
"""By dialect: how what a request wants is loaded; the second argument says whether nothing may be fetched."""


class _Asked(msgspec.Struct):
    model: str = ""


class Served:
    """The way to a started server for requests that name one of its models.

    Args:
        wants: each model that it answers to, and what must be loaded for it: None for nothing.
        keep: whether it stays up, however idle, until this is closed.
    """

    def __init__(
        self, server: StartedServer, provider: str, wants: Mapping[str, Wanted | None], *, keep: bool = False
    ) -> None:
        self.server = server
        self._provider, self._wants = provider, wants
        self._keeps = keep
        server.keepers += keep

    async def open(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", deadlines: Deadlines
    ) -> Response:
        """Send a request; raises UnknownModel, and as `StartedServer.open` says."""
        wanted: Wanted | None = None
        if body:
            model = msgspec.json.decode(body, type=_Asked).model
            if model not in self._wants:
                raise UnknownModel(NotFound.named(f"model of '{self._provider}'", model, self._wants).message)
            wanted = self._wants[model]
        return await self.server.open(method, url, headers=headers, body=body, deadlines=deadlines, wanted=wanted)

    async def close(self) -> None:
        """Let go of the server, which belongs to the project."""
        if self._keeps:
            self._keeps = False
            self.server.keepers = max(0, self.server.keepers - 1)


def open_served(name: str, provider: Provider, servers: Servers, *, offline: bool) -> Served:
    """Return the way to the server of a provider that says `serve`; nothing is started before it is asked.

    Args:
        offline: whether nothing may be fetched from elsewhere.

    Raises:
        InvalidProject: what is to be served is nothing that the program serves.
    """
    serve = provider.serve
    assert serve is not None, "this provider's server is not ours"  # noqa: S101 - the caller's mistake
    model = _placed(serve.model, servers.folder)
    adapters = {adapter: _placed(path, servers.folder) for adapter, path in serve.adapters.items()}
    order = Order(
        provider=name, serve=serve, model=model, adapters=adapters, offline=offline, engine=servers.engine
    )  # fmt: skip
    server = servers.server(
        PROGRAMS[provider.dialect](order),
        loader=lambda caller: LOADERS[provider.dialect](caller, offline),
        idle=serve.idle.total_seconds(),
    )
    itself = Wanted(name=serve.served, source=model) if provider.dialect in {"ollama", "llamacpp"} else None
    wants: dict[str, Wanted | None] = {serve.served: itself}
    for adapter, path in adapters.items():
        wants[adapter] = Wanted(name=adapter, source=path, base=serve.served)
    return Served(server, name, wants, keep=bool(serve.keep))


def _placed(named: str, folder: Path) -> str:
    """Return where a file or folder of the project lies; a hub's name as it is."""
    path = folder / Path(named).expanduser()
    return str(path.resolve()) if path.exists() else named
