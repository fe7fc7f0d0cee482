"""What the door needs of the house; `bootstrap.House` has it, and so does the small one of the tests."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from fourways.config.tree import Project
from fourways.control.files import Files
from fourways.core.chat import Answerer
from fourways.core.data import Hit
from fourways.core.trace import Usage
from fourways.gateway.keys import Keys
from fourways.gateway.limits import LimitBook
from fourways.gateway.record import Recorder
from fourways.gateway.routes import Switch
from fourways.models.embedders import Embedder
from fourways.models.provider import ProviderClient
from fourways.monitoring.metrics import Metrics
from fourways.store.database import Database
from fourways.ways.workshop import Workshop


class Snapshot(Protocol):
    """What the door tells of one numbered state of a knowledge; times are Unix seconds."""

    @property
    def number(self) -> int:
        """Its number."""
        ...

    @property
    def state(self) -> str:
        """Its state, of the lifecycle `snapshot`."""
        ...

    @property
    def created_at(self) -> float:
        """When it was begun."""
        ...

    @property
    def published_at(self) -> float | None:
        """When readers saw it first."""
        ...

    @property
    def counts(self) -> Mapping[str, Any] | None:
        """Figures: documents, failed, passages."""
        ...


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

    def snapshots(self) -> Sequence[Snapshot]:
        """List the numbered states of it."""
        ...


class Shelf(Protocol):
    """What the door needs of the models."""

    def embedder(self, name: str) -> Embedder:
        """Return what embeds under a model's name; raises UnknownModel."""
        ...

    def providers(self) -> Sequence[str]:
        """List what may stand before the `/` of `provider/model`."""
        ...

    def cost(self, target: str, usage: Usage) -> float | None:
        """Return what a usage of `provider/model` costs in US dollars, None where nobody knows."""
        ...

    def client(self, provider: str) -> ProviderClient:
        """Return a provider's client; raises UnknownModel."""
        ...


class House(Protocol):
    """The running parts, wired together."""

    @property
    def project(self) -> Project:
        """The project file, as it is in force."""
        ...

    @property
    def gateway(self) -> Answerer:
        """Answers whatever is asked."""
        ...

    @property
    def routes(self) -> Switch:
        """What can be asked for."""
        ...

    @property
    def limits(self) -> LimitBook:
        """What keys may use."""
        ...

    @property
    def keys(self) -> Keys:
        """Whose key it is."""
        ...

    @property
    def recorder(self) -> Recorder:
        """Takes traces."""
        ...

    @property
    def metrics(self) -> Metrics:
        """Counts them."""
        ...

    @property
    def models(self) -> Shelf:
        """All models that can be named."""
        ...

    @property
    def libraries(self) -> Mapping[str, Searched]:
        """Every knowledge, by name."""
        ...

    @property
    def database(self) -> Database:
        """The store."""
        ...

    @property
    def workshop(self) -> Workshop:
        """What ways are built with."""
        ...

    @property
    def files(self) -> Files:
        """What was sent to be learned from."""
        ...

    @property
    def state(self) -> Path:
        """The folder of the project's state."""
        ...

    async def reroute(self) -> None:
        """Serve what the release log says now."""
        ...

    async def start(self) -> None:
        """Open what answers: routes, keys, recorder."""
        ...

    async def close(self) -> None:
        """End what `start` began, after the last answer."""
        ...
