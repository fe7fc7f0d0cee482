"""What the door needs of the house; `bootstrap.House` has it, and so does the small one of the tests."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fourways.config.tree import Project
from fourways.core.chat import Answerer
from fourways.core.data import Hit
from fourways.gateway.keys import Keys
from fourways.gateway.record import Recorder
from fourways.gateway.routes import Switch
from fourways.models.embedders import Embedder
from fourways.monitoring.metrics import Metrics
from fourways.store.database import Database


class Searched(Protocol):
    """What the door needs of one knowledge."""

    async def search(
        self,
        query: str,
        *,
        labels: frozenset[str],
        filters: Mapping[str, Any] | None = None,
        limit: int | None = None,
    ) -> Sequence[Hit]:
        """Find passages that a caller with these labels may read."""
        ...


class Shelf(Protocol):
    """What the door needs of the models."""

    def embedder(self, name: str) -> Embedder:
        """Return what embeds under a model's name; raises UnknownModel."""
        ...


class House(Protocol):
    """The running parts, wired together."""

    @property
    def project(self) -> Project: ...  # noqa: D102
    @property
    def gateway(self) -> Answerer: ...  # noqa: D102
    @property
    def routes(self) -> Switch: ...  # noqa: D102
    @property
    def keys(self) -> Keys: ...  # noqa: D102
    @property
    def recorder(self) -> Recorder: ...  # noqa: D102
    @property
    def metrics(self) -> Metrics: ...  # noqa: D102
    @property
    def models(self) -> Shelf: ...  # noqa: D102
    @property
    def libraries(self) -> Mapping[str, Searched]: ...  # noqa: D102
    @property
    def database(self) -> Database: ...  # noqa: D102

    def missing(self) -> Sequence[str]:
        """Say what is not there yet before requests may be sent; nothing when all is."""
        ...

    async def start(self) -> None:
        """Open what answers: routes, keys, recorder."""
        ...

    async def close(self) -> None:
        """End what `start` began, after the last answer."""
        ...
